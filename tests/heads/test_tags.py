"""Tags: a loss over the tokens that have one, decisions by the word, entities by the sentence."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.autograd.tensor import Tensor, grad
from npft.encoder.checkpoint import save
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.encoder.head import Asked
from npft.errors import ConfigError, DataError, DtypeError
from npft.finetune.train import evaluate, fine_tune
from npft.heads.tags import Tags, TokenClassifier
from npft.metrics.tags import tag_metrics
from npft.loading import load
from npft.testing import generators, ragged_batches
from npft.text.batch import IGNORE, Batch
from npft.text.bytes import ByteTokenizer
from npft.text.tagged import TaggedTexts
from npft.text.wordpiece import WordPiece

TOK = ByteTokenizer()
BIO = ["O", "B-LOC", "I-LOC", "B-PER"]


def body(seed=0, dropout=0.0):
    config = EncoderConfig(vocab_size=260, hidden_size=8, num_layers=1, num_heads=2,
                           intermediate_size=8, max_positions=24, dropout=dropout, init_std=0.3)
    return Encoder(config, tokenizer=TOK, rng=np.random.default_rng(seed))


def head(names=("a", "b", "c")):
    return Tags(body(), list(names), rng=np.random.default_rng(0))


def tagger(names=("a", "b", "c"), seed=0, **options):
    rng = np.random.default_rng(seed)
    return TokenClassifier(body(seed, **options), list(names), rng=rng)


def tagged(token_labels, offsets=None, words=None):
    n = len(token_labels)
    ids = np.random.default_rng(0).integers(0, 260, n)
    return Batch(ids, [0, n] if offsets is None else offsets, words=words,
                 token_labels=token_labels)


# ---- the loss ----


def test_the_loss_worked_by_hand():
    # token 1 is of class 0 with the probability 1/8, token 3 of class 2 with 5/8; others are free
    scores = np.log([[9.0, 1, 1], [1, 2, 5], [1, 9, 1], [1, 2, 5]])
    batch = tagged([IGNORE, 0, IGNORE, 2])
    expected = -(np.log(1 / 8) + np.log(5 / 8)) / 2
    assert head().loss(Tensor(scores), batch).item() == pytest.approx(expected, abs=1e-12)
    scores[[0, 2]] = 1e6
    assert head().loss(Tensor(scores), batch).item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("k", [2, 3, 9])
def test_equal_scores_cost_log_k_and_perfect_ones_nothing(k):
    names = [str(i) for i in range(k)]
    batch = tagged([0, IGNORE, k - 1, 1, IGNORE], [0, 2, 5])
    for level in (0.0, 4.0):
        found = head(names).loss(Tensor(np.full((5, k), level)), batch).item()
        assert found == pytest.approx(np.log(k), abs=1e-12)
    perfect = 1e3 * np.eye(k)[[0, 0, k - 1, 1, 0]]
    assert head(names).loss(Tensor(perfect), batch).item() == 0


def test_the_mean_is_over_tokens_and_not_over_sequences():
    # one token of the first sequence costs log 2, each of the three of the second nothing
    scores = Tensor(np.array([[0.0, 0], [1e3, 0], [1e3, 0], [1e3, 0]]))
    found = head("ab").loss(scores, tagged([1, 0, 0, 0], [0, 1, 4])).item()
    assert found == pytest.approx(np.log(2) / 4, abs=1e-12)


def test_the_gradient_reaches_the_labelled_tokens_alone():
    scores = np.random.default_rng(0).standard_normal((4, 3))
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    leaf = Tensor(scores, requires_grad=True)
    (found,) = grad(head().loss(leaf, tagged([2, IGNORE, IGNORE, 0])), [leaf])
    expected = (p - np.eye(3)[[2, 0, 0, 0]]) / 2
    expected[1:3] = 0
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_the_scores_are_the_linear_map_of_each_token():
    model = tagger().eval()
    batch = tagged([0] * 6, [0, 2, 6])
    linear, hidden = model.heads["tags"].linear, model.encoder(batch).data
    np.testing.assert_allclose(
        model(batch).data, hidden @ linear.weight.data.T + linear.bias.data, rtol=0, atol=1e-6)


UNEVEN = tagged([0, IGNORE, 1, IGNORE, IGNORE, IGNORE, 2, 2, 1, 0, IGNORE, 1],
                [0, 3, 4, 6, 12], [-1, 0, 1, 0, -1, -1, 0, 1, 1, 2, -1, 3])


def test_pads_change_no_bit(check_pads):
    check_pads(tagger(), UNEVEN)


def test_a_batch_may_be_cut_anywhere_whatever_each_part_has_of_labels(check_cuts):
    # 2, 0, 0 and 5 of 7 labels: the second and the third sequence count for nothing
    check_cuts(tagger(), UNEVEN, [2 / 7, 5 / 7])


# ---- reading ----


def test_the_likeliest_tag_of_each_token_is_decided():
    scores = np.array([[0.0, 1, 2], [3, 1, 2], [1, 5, 5]])
    assert head().decide(scores, tagged([0, 0, 0])).tolist() == [2, 0, 1]


def test_words_are_scored_by_their_first_token():
    # words 0 (two tokens), 1 (three tokens) and 2 (one), between [CLS] and [SEP]
    words = [-1, 0, 0, 1, 1, 1, 2, -1]
    batch = tagged([IGNORE, 1, 1, 2, 2, 2, 0, IGNORE], words=words)
    right = np.array([0, 1, 0, 2, 0, 0, 0, 2])  # only the first tokens are right
    found = head().score(right, batch)
    assert (found.accuracy, found.f1) == (1.0, 1.0)
    wrong = np.array([0, 0, 1, 0, 2, 2, 0, 0])  # all but the first tokens are right
    assert head().score(wrong, batch).accuracy == 1 / 3


def test_words_without_a_label_are_not_scored():
    batch = tagged([1, IGNORE, 0], words=[0, 1, 2])
    assert head().score(np.array([1, 2, 0]), batch).accuracy == 1.0
    assert head().score(np.array([1, 2, 1]), batch).accuracy == 0.5


def test_entities_are_counted_in_the_sentence_they_stand_in():
    # gold: sentence 0 has LOC at words 0-1; sentence 1 PER at 0; sentence 2 LOC at 1
    gold = [1, 2, 0, 3, 0, 0, 1]
    batch = tagged(gold, [0, 3, 5, 7], [0, 1, 2, 0, 1, 0, 1])
    one = Tags(body(), BIO, rng=np.random.default_rng(0))

    def score(said):
        found = one.score(np.array(said), batch)
        return found.precision, found.recall, found.f1

    assert score(gold) == (1.0, 1.0, 1.0)
    # the first entity is cut short, the second missed, the third found, one too many in sentence 1
    said = [1, 0, 0, 0, 1, 0, 1]
    assert score(said) == (1 / 3, 1 / 3, 1 / 3)
    # only the first sentence is right: nobody may leave it out
    assert score([1, 2, 0, 0, 0, 0, 0]) == (1.0, 1 / 3, 0.5)
    # only the last one is
    assert score([0, 0, 0, 0, 0, 0, 1]) == (1.0, 1 / 3, 0.5)
    # the entities of the right kinds and places, each in another sentence than it belongs to
    assert score([3, 0, 0, 0, 1, 1, 2]) == (0.0, 0.0, 0.0)


def test_an_entity_ends_with_its_sentence():
    # B-LOC at the end of one sentence, I-LOC at the start of the next: two entities
    batch = tagged([0, 1, 2, 0], [0, 2, 4], [0, 1, 0, 1])
    one = Tags(body(), BIO, rng=np.random.default_rng(0))
    assert one.score(np.array([0, 1, 2, 0]), batch).f1 == 1.0
    found = one.score(np.array([0, 1, 0, 0]), batch)
    assert (found.precision, found.recall) == (1.0, 0.5)


def test_a_sentence_whose_words_have_no_label_changes_no_other():
    one = Tags(body(), BIO, rng=np.random.default_rng(0))
    gold = [1, 2, IGNORE, IGNORE, 0, 3]
    batch = tagged(gold, [0, 2, 4, 6], [0, 1] * 3)
    found = one.score(np.array([1, 2, 3, 3, 0, 3]), batch)
    assert (found.accuracy, found.f1) == (1.0, 1.0)


def test_evaluation_agrees_with_a_loop_over_single_sentences():
    model = tagger(BIO).eval()
    words = [["in", "Rome"], ["Ann", "ran", "off"], ["New", "York", "is", "far"]]
    tags = [["O", "B-LOC"], ["B-PER", "O", "O"], ["B-LOC", "I-LOC", "O", "O"]]
    batch = model.batch_of(TaggedTexts(words, tags, BIO))
    losses, right = [], 0
    for row, said in zip(range(3), model.predict(words)):
        single = batch[[row]]
        z = model(single).data.astype(float)
        for i, label in enumerate(single.token_labels):
            if label != IGNORE:
                losses.append(np.log(np.exp(z[i]).sum()) - z[i, label])
        right += sum(a == b for a, b in zip(said, tags[row]))
    found = evaluate(model, batch)
    assert len(losses) == sum(len(" ".join(row)) for row in words)  # a byte is a token
    assert found.loss == pytest.approx(np.mean(losses), abs=1e-6) and found.accuracy == right / 9


def test_every_token_of_a_word_learns_the_tag_of_the_word():
    model = tagger()
    batch = model.batch_of(TaggedTexts([["ab", "c"], ["d"]], [["b", "a"], ["c"]]))
    labels = [row.tolist() for row in np.split(np.array(batch.token_labels), [6])]
    # [CLS] a b, the space and c, [SEP]; [CLS] d [SEP]
    assert labels == [[IGNORE, 1, 1, 0, 0, IGNORE], [IGNORE, 2, IGNORE]]


def test_words_have_the_tags_of_their_first_tokens_also_in_windows():
    model = tagger(["B", "O", "A"])
    words = [["ab", "c"], ["d" * 20, "e", "f"], [], ["g"]]
    batch = model.tokenize(words)
    # "e" and the space before it fit, "f" begins a window: [CLS] f [SEP]
    assert batch.lengths.tolist() == [6, 24, 3, 2, 3] and batch.n_truncated == 0
    decisions = np.zeros(len(batch.ids), int)
    decisions[[1, 3]] = 2, 1  # a of "ab", and the space before "c", which is its first token
    decisions[2] = 1  # b of "ab": not asked
    decisions[[6 + 1, 6 + 21, 6 + 24 + 1]] = 2, 2, 1
    found = model.head().decode(decisions, Asked(words, None, batch, TOK))
    assert found == [["A", "O"], ["A", "A", "O"], [], ["B"]]


def test_a_perfect_tagger_scores_1_on_texts_longer_than_its_positions_and_any_other_less():
    """Who sees a part and is scored on that part alone may be perfect; here every word counts."""
    model = tagger(BIO)
    words = [["in"] + ["New", "York"] * 9 + ["ran"], ["Ann"]]  # 85 bytes for 22 of them
    tags = [["O"] + ["B-LOC", "I-LOC"] * 9 + ["O"], ["B-PER"]]
    batch = model.batch_of(TaggedTexts(words, tags, BIO))
    gold, one = np.asarray(batch.token_labels), model.head()
    assert len(batch) > 3 and batch.n_truncated == 0
    said = np.where(gold == IGNORE, 0, gold)
    found = one.score(said, batch)
    assert (found.accuracy, found.f1) == (1.0, 1.0)
    assert one.decode(said, Asked(words, None, batch, TOK)) == tags
    for row in np.flatnonzero(gold != IGNORE):  # one token says something else
        wrong = said.copy()
        wrong[row] = (wrong[row] + 1) % 4
        found = one.score(wrong, batch)
        decoded = one.decode(wrong, Asked(words, None, batch, TOK))
        expected = tag_metrics(tags, decoded, "bio")
        assert (found.accuracy, found.f1) == (expected.accuracy, expected.f1)
        assert (found.accuracy < 1) == (decoded != tags)
    # an entity may go on from one window to the next
    starts = [batch.words[a:b].max() for a, b in zip(batch.offsets[:-1], batch.offsets[1:])]
    assert any(tags[0][k + 1].startswith("I") for k in starts[:-2])


@pytest.mark.parametrize("size", [1, 2, 5])
def test_how_many_sequences_are_read_at_once_changes_no_score(size, monkeypatch):
    words = [["New", "York"] * k + ["is", "far"] for k in range(9)]  # most of them in windows
    tags = [["B-LOC", "I-LOC"] * k + ["O", "B-PER"] for k in range(9)]
    model = tagger(BIO)
    batch = model.batch_of(TaggedTexts(words, tags, BIO))
    whole, said = evaluate(model, batch), model.predict(words)
    monkeypatch.setattr("npft.encoder.model.SLICE", size)
    found = evaluate(model, batch)
    assert len(batch) > 15 and model.predict(words) == said
    assert found.figures() == pytest.approx(whole.figures(), abs=1e-6)


@pytest.mark.parametrize("positions", [8, 12, 24, 400])
def test_how_long_the_windows_are_changes_no_gold_tag_and_no_count_of_words(positions):
    rng = np.random.default_rng(positions)
    words = [["x" * int(k) for k in rng.integers(1, 6, rng.integers(0, 30))] for _ in range(9)]
    tags = [[BIO[k] for k in rng.integers(0, 4, len(row))] for row in words]
    config = EncoderConfig(vocab_size=260, hidden_size=4, num_layers=1, num_heads=1,
                           intermediate_size=4, max_positions=positions)
    encoder = Encoder(config, tokenizer=TOK, rng=rng)
    model = TokenClassifier(encoder, BIO, rng=rng)
    batch = model.batch_of(TaggedTexts(words, tags, BIO))
    found, said = evaluate(model, batch), model.predict(words)
    assert [len(row) for row in said] == [len(row) for row in words]
    expected = tag_metrics(tags, said, "bio")
    assert (found.accuracy, found.f1) == (expected.accuracy, expected.f1)
    gold = np.where(batch.token_labels == IGNORE, 0, batch.token_labels)
    assert model.head().decode(gold, Asked(words, None, batch, TOK)) == tags


def test_it_learns_tags_and_keeps_the_order_of_the_texts():
    rows = [["an", "ox"], ["ox", "an", "it"], ["it"], ["it", "ox"]] * 4
    kind = {"an": "DET", "ox": "NOUN", "it": "PRON"}
    texts = TaggedTexts(rows, [[kind[w] for w in row] for row in rows])
    model = tagger(texts.tag_names)
    fine_tune(model, model.batch_of(texts), epochs=40, lr=2e-2, batch_size=8,
              rng=np.random.default_rng(0))
    assert model.predict(rows[:4]) == texts.tags[:4]
    found = evaluate(model, model.batch_of(texts))
    assert found.f1 == found.accuracy == 1.0 and found.loss < 0.1
    long = [["an", "ox", "it"], ["it"]] * 50  # several slices of unlike lengths
    assert model.predict(long) == [[kind[w] for w in row] for row in long]


def test_janet_will_back_the_bill():
    # each of will, back and bill is a noun after "the", and else a verb, which only the order tells
    words = ["will", "back", "bill"]
    rows, tags = [], []
    for name, verb, noun in itertools.product(["Janet", "Ann", "Bo"], words, words):
        rows += [[name, "will", verb, "the", noun], ["the", noun, "will", verb, name]]
        tags += [["NNP", "MD", "VB", "DT", "NN"], ["DT", "NN", "MD", "VB", "NNP"]]
    janet = rows.index(["Janet", "will", "back", "the", "bill"])
    asked, expected = rows.pop(janet), tags.pop(janet)  # not trained on
    texts = TaggedTexts(rows, tags)
    tokenizer = WordPiece.train([" ".join(row) for row in rows], 60)
    config = EncoderConfig(vocab_size=tokenizer.vocab_size, hidden_size=16, num_layers=1,
                           num_heads=2, intermediate_size=16, max_positions=16, dropout=0.0)
    rng = np.random.default_rng(0)
    model = TokenClassifier(Encoder(config, tokenizer=tokenizer, rng=rng), texts.tag_names, rng=rng)
    fine_tune(model, model.batch_of(texts), epochs=15, lr=3e-2, batch_size=26, rng=rng)
    assert model.predict([asked]) == [expected] == [["NNP", "MD", "VB", "DT", "NN"]]


def test_tags_come_back_from_a_file(tmp_path):
    model = tagger(BIO)
    save(tmp_path, model)
    again = load(tmp_path)
    rows = [["in", "Rome"], ["Ann", "ran"]]
    assert type(again) is TokenClassifier and again.label_names == model.label_names == BIO
    assert again.predict(rows) == model.predict(rows) and again.predict([]) == []


# ---- the tokens of a word together ----

# Jurafsky & Martin, section 11.4.3: words, and what their first tokens are
SANITAS = ["Mt.", "Sanitas", "is", "in", "Sunshine", "Canyon", "."]
SANITAS_TAGS = ["B-LOC", "I-LOC", "O", "O", "B-LOC", "I-LOC", "O"]
PIECES = ["[CLS]", "Mt", ".", "San", "##itas", "is", "in", "Sunshine", "Canyon", ".", "[SEP]"]
PIECES_OF = [-1, 0, 0, 1, 1, 2, 3, 4, 5, 6, -1]
LOC = ["O", "B-LOC", "I-LOC"]


def sanitas(pieces):
    """The head of the book's sentence, its batch, and the probabilities of all tokens: each word's
    tag is likely at its first token, and ##itas is taken for the begin of a name."""
    one = Tags(body(), LOC, pieces=pieces, rng=np.random.default_rng(0))
    batch = Batch(np.arange(len(PIECES)), [0, len(PIECES)], words=PIECES_OF)
    labels = np.array([LOC.index(tag) for tag in ["O", *SANITAS_TAGS]])[np.array(PIECES_OF) + 1]
    p = np.full((len(PIECES), 3), 0.2)
    p[range(len(PIECES)), labels] = 0.6
    p[3:5] = [[0.1, 0.25, 0.65], [0.0, 0.9, 0.1]]  # San ##itas
    p[2] = [0.05, 0.5, 0.45]  # the . of Mt.
    return one, batch, p


@pytest.mark.parametrize("pieces, second", [
    ("first", "I-LOC"),  # 0.65 of San
    ("mean", "B-LOC"),  # (0.25 + 0.9) / 2 of B-LOC, (0.65 + 0.1) / 2 of I-LOC
    ("max", "B-LOC"),  # 0.9 of ##itas
])
def test_the_example_of_the_book(pieces, second):
    one, batch, p = sanitas(pieces)
    with np.errstate(divide="ignore"):
        scores = np.log(p.clip(1e-9)) + np.arange(len(p))[:, None]  # a softmax takes the sum away
    asked = Asked([SANITAS], None, batch, TOK)
    assert one.decode(one.decide(scores, batch), asked) == [["B-LOC", second, *SANITAS_TAGS[2:]]]
    # training tags every token, and reading them back gives the tags of the words
    labelled = one.labelled(TOK, batch, TaggedTexts([SANITAS], [SANITAS_TAGS], LOC))
    gold = labelled.token_labels
    assert [LOC[k] for k in gold[1:5]] == ["B-LOC", "B-LOC", "I-LOC", "I-LOC"]
    assert one.decode(np.where(gold == IGNORE, 0, gold), asked) == [SANITAS_TAGS]


def words_of(n, rng):
    """Word numbers of n tokens: 1 to 3 tokens a word, and a token of none at both ends if n > 2."""
    ends = [-1] if n > 2 else []
    numbers = np.repeat(np.arange(n), rng.integers(1, 4, n))
    return [*ends, *numbers[: n - 2 * len(ends)], *ends]


@given(ragged_batches(max_sequences=4, max_length=7), generators(),
       st.sampled_from(["mean", "max"]))
def test_all_tokens_of_a_word_get_the_tag_their_probabilities_give_together(batch, rng, pieces):
    words = np.concatenate([words_of(int(n), rng) for n in batch.lengths])
    batch = batch.replace(words=words)
    scores = rng.standard_normal((len(words), 3))
    one = Tags(body(), ["a", "b", "c"], pieces=pieces, rng=rng)
    found = one.decide(scores, batch)
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    for b, (start, end) in enumerate(zip(batch.offsets[:-1], batch.offsets[1:])):
        for word in range(words[start:end].max() + 1):
            rows = start + np.flatnonzero(words[start:end] == word)
            joined = p[rows].mean(axis=0) if pieces == "mean" else p[rows].max(axis=0)
            assert (found[rows] == joined.argmax()).all(), b
    outside = words < 0
    assert (found[outside] == scores[outside].argmax(axis=1)).all()


@pytest.mark.parametrize("pieces", ["mean", "max"])
def test_words_of_one_token_and_batches_without_words_are_as_by_the_first(pieces):
    one = Tags(body(), BIO, pieces=pieces, rng=np.random.default_rng(0))
    scores = np.random.default_rng(0).standard_normal((6, 4))
    for words in (None, [-1, 0, 1, 2, 3, -1], [-1] * 6):
        batch = tagged([IGNORE, 0, 1, 2, 3, IGNORE], words=words)
        assert one.decide(scores, batch).tolist() == scores.argmax(axis=1).tolist()


@pytest.mark.parametrize("pieces", ["first", "mean", "max"])
def test_how_the_tokens_of_a_word_decide_is_kept_in_a_file(pieces, tmp_path):
    rng = np.random.default_rng(0)
    model = TokenClassifier(body(), BIO, pieces=pieces, rng=rng)
    save(tmp_path, model)
    again, rows = load(tmp_path), [["in", "Rome"], ["Ann", "ran"], ["x" * 30, "y"]]
    assert again.head().pieces == pieces and again.predict(rows) == model.predict(rows)
    found = evaluate(again, again.batch_of(TaggedTexts(rows, [["O", "B-LOC"]] * 3, BIO)))
    right = [a == b for row in again.predict(rows) for a, b in zip(row, ["O", "B-LOC"])]
    assert found.accuracy == pytest.approx(np.mean(right))


@pytest.mark.parametrize("pieces", ["last", "", None, ["mean"]])
def test_another_way_to_decide_is_refused(pieces):
    with pytest.raises(ConfigError, match="Tags: pieces is .*, expected first, mean, max"):
        Tags(body(), BIO, pieces=pieces, rng=np.random.default_rng(0))


# ---- what is refused ----


@pytest.mark.parametrize("batch, words", [
    (tagged([IGNORE, IGNORE]), "no token of this batch has a label"),
    (tagged([0, 1]).replace(token_labels=None), "no token of this batch has a label"),
    (tagged([0, 3]), "Tags: label 3 is not one of the 3 tags"),
    (tagged([0, 7]), "Tags: label 7 is not one of the 3 tags"),
])
def test_a_batch_it_cannot_learn_from_is_refused(batch, words):
    model, rng = tagger(), np.random.default_rng(0)
    for call in (model.loss, model.judge, lambda b: fine_tune(model, b, rng=rng)):
        with pytest.raises(DataError, match=words):
            call(batch)


def test_a_tag_the_model_does_not_know_is_refused():
    with pytest.raises(DataError, match="Tags: the tag 'x' is unknown to the model"):
        tagger().batch_of(TaggedTexts([["w", "v"]], [["a", "x"]]))


@pytest.mark.parametrize("names, error", [
    (["a"], ConfigError), ([], ConfigError), (["a", "a"], ConfigError), ("ab", DtypeError),
    (["a", 1], DtypeError),
])
def test_names_that_cannot_work_are_refused(names, error):
    with pytest.raises(error, match="Tags: label_names"):
        Tags(body(), names, rng=np.random.default_rng(0))


def test_texts_that_are_no_lists_of_words_are_refused():
    model = tagger()
    for texts, error, words in (
        (["in Rome"], DtypeError, "Tags: a text is a string, expected its words"),
        ("in Rome", DtypeError, "Tags: texts is one string, expected a list of lists of words"),
        ([["a"], "b"], DtypeError, "Tags: a text is a string"),
        (None, DtypeError, "Tags: texts is NoneType"),
    ):
        with pytest.raises(error, match=words):
            model.predict(texts)
    with pytest.raises(DataError, match="Tags: got pairs of texts"):
        model.predict([["a"]], [["b"]])


# ---- schemes ----


@pytest.mark.parametrize("names, scheme, kept", [
    (BIO, None, "bio"), (["O", "I-X"], None, "iob1"), (["a", "b"], None, "plain"),
    (["O", "B-X", "E-X", "S-X"], None, "iobes"), (["O", "B-X", "L-X"], None, "bilou"),
    (["O", "B-X"], "bio", "bio"), (BIO, "plain", "plain"), (BIO, "iob1", "iob1"),
    (["O", "B", "I"], "bio", "bio"),
])
def test_a_head_knows_how_its_tags_mark_entities_also_from_a_file(names, scheme, kept, tmp_path):
    model = TokenClassifier(body(), names, scheme, rng=np.random.default_rng(0))
    assert model.head().scheme == kept
    save(tmp_path, model)
    again = load(tmp_path)
    assert again.options() == model.options() and again.head().scheme == kept
    batch = tagged([0, 1], words=[0, 1])
    said = again.head().score(np.array([0, 1]), batch).averaged
    assert said == ("macro over 2 tags" if kept == "plain" else f"entities, {kept.upper()}")


def test_tags_of_iobes_are_scored_by_the_entity_and_saying_o_scores_0():
    names = ["O", "B-X", "I-X", "E-X", "S-X"]
    one = head(names)
    batch = tagged([1, 2, 3, 0, 4, 0], words=list(range(6)))
    assert one.score(np.array([1, 2, 3, 0, 4, 0]), batch).f1 == 1.0
    assert one.score(np.array([1, 2, 3, 0, 0, 0]), batch).f1 == pytest.approx(2 / 3)
    nothing = one.score(np.zeros(6, int), batch)
    assert nothing.f1 == 0 and nothing.accuracy == 2 / 6


def test_a_plain_tag_that_is_nowhere_is_named():
    found = head(["DET", "NOUN", "VERB"]).score(np.array([0, 1]), tagged([0, 0], words=[0, 1]))
    assert found.absent == ("VERB",) and found.averaged == "macro over 2 tags"


@pytest.mark.parametrize("names, scheme, error, words", [
    (["O", "B-X"], None, ConfigError, "say which it is: scheme bio"),
    (["O", "B", "I"], None, ConfigError, "say which it is"),
    (["O", "B-X"], "IOB2", ConfigError, "Tags: scheme is 'IOB2', expected bio, iob1"),
    (["O", "E-X"], "bio", DataError, "Tags: the tag 'E-X' is none of bio"),
])
def test_a_scheme_that_is_open_or_does_not_fit_is_refused(names, scheme, error, words):
    with pytest.raises(error, match=words):
        Tags(body(), names, scheme, rng=np.random.default_rng(0))
