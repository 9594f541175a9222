"""The linear-chain CRF over words: its loss and its decisions against every path that is legal."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp

from npft.autograd.losses import softmax_cross_entropy
from npft.autograd.machine import threads
from npft.autograd.tensor import Tensor, grad
from npft.encoder.checkpoint import save
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.encoder.head import Asked
from npft.encoder.model import Model
from npft.errors import CheckpointError, ConfigError, DataError, DtypeError, NonFiniteError
from npft.finetune.regimes import set_regime
from npft.finetune.train import evaluate, fine_tune
from npft.heads.classes import Classes
from npft.heads.crf import ChainTagger, ChainTags
from npft.heads.tags import Tags
from npft.loading import load
from npft.metrics.entities import entities, may_follow
from npft.testing import generators
from npft.text.batch import IGNORE, Batch
from npft.text.bytes import ByteTokenizer
from npft.text.tagged import TaggedTexts

TOK = ByteTokenizer()
BIO = ["O", "B-LOC", "I-LOC", "B-PER"]
IOBES = ["O", "B-X", "I-X", "E-X", "S-X"]
NAMES = {"plain": ["a", "b", "c"], "bio": BIO, "iob1": ["O", "B-X", "I-X", "I-Y"],
         "iobes": IOBES, "bilou": ["O", "B-X", "L-X", "U-X"]}


def body(seed=0, dropout=0.0, positions=24):
    config = EncoderConfig(vocab_size=260, hidden_size=8, num_layers=1, num_heads=2,
                           intermediate_size=8, max_positions=positions, dropout=dropout,
                           init_std=0.3)
    return Encoder(config, tokenizer=TOK, rng=np.random.default_rng(seed))


def head(names=("a", "b", "c"), scheme=None, size=1.0, seed=0):
    """A head in float64 whose transitions, starts and ends are as large as ``size``."""
    rng = np.random.default_rng(seed)
    one = ChainTags(body(), list(names), scheme, rng=rng)
    for weights in (one.transitions, one.starts, one.ends):
        weights.assign(size * rng.uniform(-1, 1, weights.shape))
    return one.astype(np.float64)


def tagger(names=BIO, scheme=None, seed=0, size=1.0, **options):
    one = head(names, scheme, size, seed)
    model = ChainTagger(body(seed, **options), names, scheme, rng=np.random.default_rng(seed))
    model.head().load_state_dict(one.state_dict())
    return model


def tagged(token_labels, offsets=None, words=None):
    n = len(token_labels)
    ids = np.random.default_rng(0).integers(0, 260, n)
    return Batch(ids, [0, n] if offsets is None else offsets, words=words,
                 token_labels=token_labels)


def legal_paths(one, words):
    """Every path of ``words`` tags that the scheme allows, from begin to end."""
    names = one.label_names
    for path in itertools.product(range(len(names)), repeat=words):
        tags = ["O", *(names[k] for k in path), "O"]
        if all(may_follow(a, b, one.scheme) for a, b in zip(tags, tags[1:])):
            yield path


def path_score(one, scores, path):
    moves = sum(one.transitions.data[i, j] for i, j in zip(path, path[1:]))
    return (scores[range(len(path)), path].sum() + moves + one.starts.data[path[0]]
            + one.ends.data[path[-1]])


def cost(one, scores, gold):
    """-log p(gold) of one chain."""
    total = logsumexp([path_score(one, scores, path) for path in legal_paths(one, len(gold))])
    return total - path_score(one, scores, gold)


def loss_of(one, scores, batch):
    return one.loss(Tensor(scores), batch).item()


# ---- the loss ----


def test_the_loss_worked_by_hand():
    # e^score of the four paths: aa 2 * 3 = 6, ab 2 * 5 = 10 (a move from a to b counts 5 times),
    # ba 3, bb 1; with a start by b counting twice: ba 6, bb 2, so p(ab) = 10 / 24
    one = head("ab", size=0.0)
    one.transitions.assign(np.log([[1.0, 5], [1, 1]]))
    one.starts.assign(np.log([1.0, 2]))
    scores = np.log([[2.0, 1], [3, 1]])
    assert loss_of(one, scores, tagged([0, 1])) == pytest.approx(-np.log(10 / 24) / 2, abs=1e-6)
    assert loss_of(one, scores, tagged([1, 1])) == pytest.approx(-np.log(2 / 24) / 2, abs=1e-6)


@given(generators(), st.integers(2, 4))
def test_without_moves_it_is_the_cross_entropy_of_each_word(rng, k):
    one = head([str(i) for i in range(k)], size=0.0)
    labels = rng.integers(0, k, 9)
    labels[[0, 4]] = IGNORE
    scores = 3 * rng.standard_normal((9, k))
    rows = np.flatnonzero(labels != IGNORE)
    expected = softmax_cross_entropy(scores[rows], targets=labels[rows]).item()
    batch = tagged(labels, [0, 3, 4, 9])
    assert one.count(batch) == 7
    assert loss_of(one, scores, tagged(labels, [0, 3, 4, 9])) == pytest.approx(expected, abs=1e-9)


@settings(max_examples=40)
@given(st.sampled_from(sorted(NAMES)), generators(),
       st.lists(st.integers(1, 4), min_size=1, max_size=3))
def test_the_loss_and_the_decision_are_those_over_all_legal_paths(scheme, rng, lengths):
    one = head(NAMES[scheme], scheme, size=2.0, seed=int(rng.integers(99)))
    offsets = np.append(0, np.cumsum(lengths))
    scores = 2 * rng.standard_normal((offsets[-1], len(one.label_names)))
    gold, best, total = [], [], 0.0
    for a, b in zip(offsets[:-1], offsets[1:]):
        paths = list(legal_paths(one, b - a))
        gold += paths[rng.integers(len(paths))]
        best += max(paths, key=lambda path: path_score(one, scores[a:b], path))
        total += cost(one, scores[a:b], gold[a:])
    batch = tagged(gold, offsets)
    assert loss_of(one, scores, batch) == pytest.approx(total / len(gold), rel=1e-6, abs=1e-6)
    assert one.decide(scores, batch).tolist() == best


def test_the_chain_goes_over_the_first_tokens_of_words():
    # words 0 (two tokens), 1 (three tokens) and 2 (one), between [CLS] and [SEP]
    words = [-1, 0, 0, 1, 1, 1, 2, -1]
    batch = tagged([IGNORE, 1, 1, 2, 2, 2, 0, IGNORE], words=words)
    one, scores = head(BIO), np.random.default_rng(0).standard_normal((8, 4))
    first = [1, 3, 6]
    assert one.count(batch) == 3
    expected = cost(one, scores[first], (1, 2, 0)) / 3
    assert loss_of(one, scores, batch) == pytest.approx(expected, abs=1e-6)
    leaf = Tensor(scores, requires_grad=True)
    (found,) = grad(one.loss(leaf, batch), [leaf])
    assert np.abs(found[first]).min(axis=0).max() > 0 and not np.delete(found, first, axis=0).any()
    best = max(legal_paths(one, 3), key=lambda path: path_score(one, scores[first], path))
    said = one.decide(scores, batch)
    assert said[[1, 2, 3, 4, 5, 6]].tolist() == [best[k] for k in (0, 0, 1, 1, 1, 2)]


def test_a_chain_ends_at_a_word_without_a_label():
    one, scores = head(BIO), np.random.default_rng(0).standard_normal((5, 4))
    batch = tagged([1, 2, IGNORE, 0, 3])
    expected = (cost(one, scores[:2], (1, 2)) + cost(one, scores[3:], (0, 3))) / 4
    assert loss_of(one, scores, batch) == pytest.approx(expected, abs=1e-6)


def test_a_chain_ends_where_the_gold_tags_break_the_rules_and_the_loss_is_finite():
    one, scores = head(BIO), np.random.default_rng(0).standard_normal((4, 4))
    # B-LOC O | I-LOC O: the second part begins with what may not begin, but for this once
    starts = [*legal_paths(one, 2), *((2, k) for k in (0, 1, 2, 3))]
    total = logsumexp([path_score(one, scores[2:], path) for path in starts])
    second = total - path_score(one, scores[2:], (2, 0))
    expected = (cost(one, scores[:2], (1, 0)) + second) / 4
    assert loss_of(one, scores, tagged([1, 0, 2, 0])) == pytest.approx(expected, abs=1e-6)


@given(generators(), st.sampled_from(sorted(NAMES)))
def test_any_gold_tags_have_a_finite_loss_and_gradient(rng, scheme):
    one = head(NAMES[scheme], scheme, size=3.0)
    k = len(one.label_names)
    leaf = Tensor(9 * rng.standard_normal((8, k)), requires_grad=True)
    loss = one.loss(leaf, tagged(rng.integers(0, k, 8), [0, 1, 5, 8]))
    assert 0 <= loss.item() < np.inf
    loss.backward()
    for weights in (leaf, one.transitions, one.starts, one.ends):
        assert np.isfinite(weights.grad).all()
    assert not one.transitions.grad[~one.may_move].any()


UNEVEN = tagged([0, IGNORE, 1, IGNORE, IGNORE, IGNORE, 2, 2, 1, 0, IGNORE, 1],
                [0, 3, 4, 6, 12], [-1, 0, 1, 0, -1, -1, 0, 1, 1, 2, -1, 3])


@pytest.mark.parametrize("names", [BIO, ["a", "b", "c"]])
def test_pads_change_no_bit(names, check_pads):
    check_pads(tagger(names), UNEVEN)


def test_a_batch_may_be_cut_anywhere_whatever_each_part_has_of_labels(check_cuts):
    # words with a label at their first token: 1, 0, 0 and 4 of 5
    check_cuts(tagger(), UNEVEN, [1 / 5, 4 / 5])


# ---- decisions ----


def keeps_the_rules(tags, scheme):
    return entities(tags, scheme) == entities(tags, scheme, strict=True)


@settings(max_examples=30, deadline=None)
@given(generators(), st.sampled_from(sorted(set(NAMES) - {"plain"})),
       st.sampled_from([0.1, 3.0, 1000.0]))
def test_no_tags_that_break_the_scheme_are_ever_said_also_in_windows(rng, scheme, size):
    model = tagger(NAMES[scheme], scheme, size=size, seed=int(rng.integers(99)))
    words = [["x" * int(k) for k in rng.integers(1, 9, rng.integers(0, 20))] for _ in range(4)]
    said = model.predict(words)
    assert [len(row) for row in said] == [len(row) for row in words]
    assert all(keeps_the_rules(row, scheme) for row in said)


def test_a_tagger_of_single_words_may_break_the_scheme():
    # what the chain is for: the same scores, each word by itself
    scores = np.array([[2.0, 1.5, 0, 0], [0, 0, 1, 0]])
    plain = Tags(body(), BIO, rng=np.random.default_rng(0))
    batch = tagged([0, 0])
    assert plain.decide(scores, batch).tolist() == [0, 2]  # O I-LOC
    assert head(BIO, size=0.0).decide(scores, batch).tolist() == [1, 2]  # B-LOC I-LOC: 1.5 + 1 > 2


@pytest.mark.parametrize("scheme", sorted(NAMES))
def test_an_entity_over_the_border_of_windows_can_be_learnt_from_and_is_scored(scheme):
    names = NAMES[scheme]
    model = tagger(names, scheme)
    inside = names[0] if scheme == "plain" else names[2]
    words, tags = [["abcd"] * 12], [[names[1], *[inside] * 10, names[0]]]
    batch = model.batch_of(TaggedTexts(words, tags, names))
    assert len(batch) > 2
    found = evaluate(model, batch)
    assert 0 < found.loss < np.inf
    gold = np.where(batch.token_labels == IGNORE, 0, batch.token_labels)
    assert model.head().decode(gold, Asked(words, None, batch, TOK)) == tags


def test_texts_without_words_and_no_texts_have_no_tags():
    model = tagger()
    assert model.predict([]) == [] and model.predict([[], ["a"], []])[::2] == [[], []]
    assert model.predict([[]]) == [[]]


@pytest.mark.parametrize("name", ["transitions", "starts", "ends"])
def test_damaged_moves_decide_nothing(name):
    model = tagger()
    weights = getattr(model.head(), name)
    weights.assign(np.full(weights.shape, np.nan))
    with pytest.raises(NonFiniteError, match="the score of the best path is nan"):
        model.predict([["in", "Rome"]])


# ---- training ----


def alternating(n=8):
    """The same word again and again: only its neighbours tell the tag."""
    rows = [["x"] * 4 for _ in range(n)]
    return TaggedTexts(rows, [["B-A", "I-A", "O", "B-A"]] * n, ["O", "B-A", "I-A"])


def test_it_learns_from_what_stands_beside():
    config = EncoderConfig(vocab_size=260, hidden_size=4, num_layers=1, num_heads=1,
                           intermediate_size=4, max_positions=24, dropout=0.0)
    found = {}
    for made in (ChainTags, Tags):
        rng = np.random.default_rng(0)
        encoder = Encoder(config, tokenizer=TOK, rng=rng)
        places = encoder.embeddings.position_embeddings.weight
        places.assign(np.zeros(places.shape))
        model = Model(encoder, {"tags": made(encoder, alternating().tag_names, rng=rng)})
        set_regime(model, "head")
        batch = model.batch_of(alternating())
        fine_tune(model, batch, epochs=25, lr=0.2, rng=rng)
        found[made] = evaluate(model, batch).f1
    assert found[ChainTags] == 1.0 > found[Tags]


def test_training_is_the_same_to_the_bit_with_two_threads_and_with_dropout():
    texts = alternating(40)
    weights = []
    for n in (1, 2):
        model = tagger(texts.tag_names, dropout=0.2)
        with threads(n):
            fine_tune(model, model.batch_of(texts), epochs=1, lr=1e-2, batch_size=40,
                      rng=np.random.default_rng(0))
        weights.append(model.state_dict())
    assert all(weights[0][name].tobytes() == weights[1][name].tobytes() for name in weights[0])
    assert np.abs(weights[0]["heads.tags.transitions"]).max() > 0


def test_a_frozen_body_stays_and_the_moves_are_learnt():
    texts = alternating()
    model = tagger(texts.tag_names, size=0.0)
    set_regime(model, "head")
    before = {name: p.data.tobytes() for name, p in model.named_parameters()}
    fine_tune(model, model.batch_of(texts), epochs=1, lr=1e-2, rng=np.random.default_rng(0))
    changed = {name for name, p in model.named_parameters() if p.data.tobytes() != before[name]}
    assert changed == {f"heads.tags.{name}" for name in (
        "linear.weight", "linear.bias", "transitions", "starts", "ends")}


def test_it_learns_beside_another_head():
    encoder, rng = body(), np.random.default_rng(0)
    model = Model(encoder, {"topic": Classes(encoder, ["a", "b"], rng=rng),
                            "tags": ChainTags(encoder, BIO, rng=rng)})
    batch = UNEVEN.replace(labels=[0, 1, 0, 1])
    loss = model.loss(batch)
    assert set(loss.parts) == {"topic", "tags"}
    assert loss.total.item() == pytest.approx(sum(loss.parts.values()), rel=1e-6)
    loss.total.backward()
    assert np.abs(model.head("tags").starts.grad).max() > 0


# ---- files ----


@pytest.mark.parametrize("names, scheme, kept", [(BIO, None, "bio"), (BIO, "plain", "plain"),
                                                 (IOBES, None, "iobes")])
def test_chains_come_back_from_a_file(names, scheme, kept, tmp_path):
    model = tagger(names, scheme)
    save(tmp_path, model)
    again, rows = load(tmp_path), [["in", "Rome"], ["Ann", "ran"], ["x"] * 9]
    assert type(again) is ChainTagger and again.label_names == names
    assert again.head().scheme == kept and again.options() == model.options()
    assert again.predict(rows) == model.predict(rows)


def test_a_file_of_another_tagger_or_with_other_options_is_refused(tmp_path, monkeypatch):
    model = tagger()
    kept = model.options()
    for change, words in (
        ({"kind": "tags"}, "needs"),
        ({"options": {"label_names": BIO}}, "expected"),
        ({"options": {"label_names": ["I-A", "I-B"], "scheme": "bio"}}, "may stand alone"),
        ({"options": {"label_names": BIO, "scheme": "bio", "pieces": "max"}}, "pieces"),
    ):
        changed = {"tags": kept["tags"] | change}
        monkeypatch.setattr(model, "options", lambda changed=changed: changed)
        save(tmp_path, model)
        with pytest.raises(CheckpointError, match=words):
            load(tmp_path)


# ---- what is refused ----


@pytest.mark.parametrize("batch, words", [
    (tagged([IGNORE, IGNORE]), "no token of this batch has a label"),
    (tagged([0, 1]).replace(token_labels=None), "no token of this batch has a label"),
    (tagged([0, 4]), "ChainTags: label 4 is not one of the 4 tags"),
    (tagged([IGNORE, 1], words=[0, 0]), "ChainTags: no word of this batch has a label at its fir"),
])
def test_a_batch_it_cannot_learn_from_is_refused(batch, words):
    model, rng = tagger(), np.random.default_rng(0)
    for call in (model.loss, model.judge, lambda b: fine_tune(model, b, rng=rng)):
        with pytest.raises(DataError, match=words):
            call(batch)


@pytest.mark.parametrize("names, scheme, error, words", [
    (["I-A", "I-B"], "bio", ConfigError, "none of the tags I-A, I-B may stand alone in bio; add O"),
    (["B-A", "I-A", "E-A"], "iobes", ConfigError, "may stand alone in iobes"),
    (["O", "B-X"], None, ConfigError, "say which it is: scheme bio"),
    (["O", "E-X"], "bio", DataError, "ChainTags: the tag 'E-X' is none of bio"),
    (["a"], None, ConfigError, "ChainTags: label_names"),
    ("ab", None, DtypeError, "ChainTags: label_names"),
])
def test_tags_that_make_no_chain_are_refused(names, scheme, error, words):
    with pytest.raises(error, match=words):
        ChainTags(body(), names, scheme, rng=np.random.default_rng(0))


def test_texts_and_tags_it_cannot_read_are_refused_in_its_own_name():
    with pytest.raises(DtypeError, match="ChainTags: a text is a string"):
        tagger().predict(["in Rome"])
    with pytest.raises(DataError, match="ChainTags: got pairs"):
        tagger().predict([["a"]], [["b"]])
    with pytest.raises(DataError, match="ChainTags: the tag 'x' is unknown"):
        tagger().batch_of(TaggedTexts([["w", "v"]], [["O", "x"]]))
