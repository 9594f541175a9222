"""Text of the model's own: drawn as the model says, in its order, and ready to be replayed."""

import itertools

import numpy as np
import pytest
from scipy.stats import chisquare

from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.errors import ConfigError
from npft.forgetting import generate as module
from npft.forgetting.generate import generate, sample_rows
from npft.forgetting.replay import ReplayMixer
from npft.heads.classes import Classifier
from npft.heads.words import MaskedLM
from npft.text.batch import IGNORE, Batch
from npft.text.wordpiece import WordPiece

TOK = WordPiece(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "c"])
WORDS = range(5, 8)


def model(seed=0, nsp=False, tok=TOK, std=1.0, vocab_size=None):
    rng = np.random.default_rng(seed)
    config = EncoderConfig(
        vocab_size=vocab_size or tok.vocab_size, hidden_size=8, num_layers=1, num_heads=2,
        intermediate_size=8, max_positions=9, dropout=0.5, init_std=std)
    return MaskedLM(Encoder(config, tokenizer=tok, rng=rng), nsp, rng=rng)


def written(mlm, count, seed=0, **options):
    return generate(mlm, count, **{"lengths": 4} | options, rng=np.random.default_rng(seed))


def conditional(mlm, pair, place):
    """What the model says of one of two tokens, given the other: over a, b, c."""
    ids = [TOK.cls_id, *pair, TOK.sep_id]
    ids[1 + place] = TOK.mask_id
    asked = [TOK.mask_id if i == 1 + place else IGNORE for i in range(4)]
    scores = mlm.eval().scores(Batch(ids, [0, 4], token_labels=asked))["mlm"].data[0, 5:8]
    p = np.exp(scores.astype(float) - scores.max())
    return p / p.sum()


def swept(mlm, before):
    """The probabilities of pairs after each token was drawn once, in either order alike."""
    after = dict.fromkeys(itertools.product(WORDS, WORDS), 0.0)
    for (x, y), p in before.items():
        first, second = conditional(mlm, (x, y), 0), conditional(mlm, (x, y), 1)
        for i, word in enumerate(WORDS):
            then_second, then_first = (
                conditional(mlm, (word, y), 1), conditional(mlm, (x, word), 0))
            for j, other in enumerate(WORDS):
                after[word, other] += p / 2 * first[i] * then_second[j]
                after[other, word] += p / 2 * second[i] * then_first[j]
    return after


@pytest.mark.parametrize("sweeps", [0, 1])
def test_pairs_of_tokens_come_as_often_as_the_model_says(sweeps):
    mlm, n = model(9, std=0.4), 2000
    exact = {(TOK.mask_id, TOK.mask_id): 1.0}
    for _ in range(1 + sweeps):
        exact = swept(mlm, exact)
    assert sum(exact.values()) == pytest.approx(1)
    expected = np.array([exact[pair] for pair in itertools.product(WORDS, WORDS)])
    independent = np.outer(*(expected.reshape(3, 3).sum(axis=k) for k in (1, 0))).ravel()
    texts = written(mlm, n, lengths=2, sweeps=sweeps)
    pairs = ["{} {}".format(*pair) for pair in itertools.product("abc", "abc")]
    seen = [texts.count([pair]) for pair in pairs]
    assert sum(seen) == n and expected.min() * n > 5
    assert chisquare(seen, expected * n).pvalue > 0.01
    assert chisquare(seen, independent * n).pvalue < 1e-6  # the test would see the difference


def test_a_text_gets_the_draws_of_its_own_scores_where_lengths_are_mixed():
    mlm, n = model(0, std=1.0), 1000
    asked = [IGNORE, TOK.mask_id, IGNORE]
    batch = Batch([TOK.cls_id, TOK.mask_id, TOK.sep_id], [0, 3], token_labels=asked)
    p = np.exp(mlm.eval().scores(batch)["mlm"].data[0, 5:8].astype(float))
    texts = written(mlm, 2 * n, lengths=[4, 1] * n, sweeps=0)
    seen = [texts[1::2].count([word]) for word in "abc"]
    assert chisquare(seen, n * p / p.sum()).pvalue > 0.01
    others = [sum(s.split().count(word) for [s] in texts[::2]) for word in "abc"]
    assert sum(others) == 4 * n
    assert chisquare(others, 4 * n * p / p.sum()).pvalue < 1e-6  # the others are not drawn so


def test_draws_are_those_of_the_softmax_and_what_may_not_be_drawn_never_is():
    p = np.array([0.0, 0.2, 0.0, 0.5, 0.3, 0.0])
    with np.errstate(divide="ignore"):
        scores = np.log(np.tile(p, (1001, 1)))
    drawn = sample_rows(scores, np.linspace(0, 1, 1001, endpoint=False))
    np.testing.assert_allclose(np.bincount(drawn, minlength=6) / 1001, p, atol=1e-3)
    assert sample_rows(scores[:2], np.array([0.0, np.nextafter(1, 0)])).tolist() == [1, 4]


def test_no_special_and_no_unknown_token_is_drawn_however_likely(monkeypatch):
    mlm, drawn = model(vocab_size=12), []
    bias = mlm.head("mlm").bias
    bias.assign(np.where(np.isin(np.arange(12), WORDS), -5, 5).astype(np.float32))
    monkeypatch.setattr(module, "sample_rows", lambda scores, u: (
        drawn.append(sample_rows(scores, u)), drawn[-1])[1])
    written(mlm, 50, lengths=4)
    assert set(np.concatenate(drawn)) == set(WORDS)


# ---- shape, order, cost ----


@pytest.mark.parametrize("nsp", [False, True])
def test_each_document_has_its_length_shared_out_between_its_sentences(nsp):
    lengths = [2, 6, 3, 5]
    texts = written(model(nsp=nsp), 4, lengths=lengths)
    sizes = [[len(TOK.encode(s)) for s in d] for d in texts]
    assert sizes == ([[1, 1], [3, 3], [2, 1], [3, 2]] if nsp else [[n] for n in lengths])


@pytest.mark.parametrize("sweeps", [0, 1, 2])
def test_a_sweep_over_n_tokens_costs_n_passes(sweeps, monkeypatch):
    mlm, passes, read = model(), [], MaskedLM.read
    monkeypatch.setattr(MaskedLM, "read", lambda self, batch, judge: (
        passes.append(batch), read(self, batch, judge))[1])
    written(mlm, 3, lengths=[1, 4, 2], sweeps=sweeps)
    assert [len(b) for b in passes] == [3, 2, 1, 1] * (1 + sweeps)
    for batch in passes:  # each sequence has one token that is asked for, and it is hidden
        rows = batch.target_rows
        assert (batch.sequence[rows] == np.arange(len(batch))).all()
        assert (batch.ids[rows] == TOK.mask_id).all()
    hidden = [int((b.ids == TOK.mask_id).sum()) for b in passes]
    assert hidden == [7, 4, 2, 1] + [3, 2, 1, 1] * sweeps  # all masks at first, later just one


def test_the_order_of_the_tokens_is_drawn_for_each_sequence(monkeypatch):
    mlm, places, read = model(), [], MaskedLM.read
    monkeypatch.setattr(MaskedLM, "read", lambda self, batch, judge: (
        places.append(batch.positions[batch.target_rows]), read(self, batch, judge))[1])
    written(mlm, 200, lengths=3, sweeps=0)
    orders = np.stack(places, axis=1)
    assert (np.sort(orders, axis=1) == [1, 2, 3]).all()
    counts = np.unique(orders, axis=0, return_counts=True)[1]
    assert len(counts) == 6 and counts.min() > 15


def test_seeds_and_a_model_that_stays_as_it_is(bits):
    mlm = model()
    mlm.train()
    before = bits(mlm)
    assert written(mlm, 20) == written(mlm, 20) != written(mlm, 20, seed=1)
    assert bits(mlm) == before and mlm.encoder.training
    assert all(p.grad is None for p in mlm.parameters())


# ---- what it is for ----


def test_whole_words_read_again_are_the_same_tokens():
    """Of words that are one token each; pieces of words may join to others when read again."""
    texts = written(model(), 30, lengths=7)
    assert all(len(TOK.encode(s)) == 7 and TOK.unk_id not in TOK.encode(s) for [s] in texts)


def test_it_writes_of_one_topic_as_it_was_taught_and_goes_into_replay(small):
    _, mlm = small.models()
    texts = written(mlm, 60, lengths=8)
    topics = {"cat": 0, "dog": 0, "cow": 0, "red": 1, "blue": 1, "pink": 1, "rice": 2, "tea": 2,
              "soup": 2}
    pure = [len({topics.get(w, -1) for w in s.split()}) == 1 for [s] in texts]
    assert np.mean(pure) > 0.7  # by chance 3 in 3**8
    model, mlm = small.models()
    plain = small.curve(model, mlm, epochs=8, every=1000)
    model, mlm = small.models()
    repair = ReplayMixer(texts, mlm, 0.25, rng=np.random.default_rng(0))
    kept = small.curve(model, mlm, [repair], epochs=8, every=1000)
    assert kept.rise[-1] < 0.5 * plain.rise[-1]


def test_documents_of_a_model_with_next_sentences_can_be_paired():
    mlm = model(nsp=True)
    repair = ReplayMixer(written(mlm, 5), mlm, 0.5, rng=np.random.default_rng(0))
    assert len(repair.source.starts) == 5


# ---- what is refused ----


@pytest.mark.parametrize("options, words", [
    ({"lengths": 0}, "lengths are 0 to 0, expected 1 to 7"),
    ({"lengths": [1, 8, 2]}, "lengths are 1 to 8, expected 1 to 7"),
    ({"lengths": [1, 2]}, r"lengths are \[1, 2\], expected a whole number, or 3 of them"),
    ({"lengths": 2.5}, "lengths are 2.5"), ({"lengths": "many"}, "lengths are 'many'"),
    ({"sweeps": -1}, "sweeps is -1"), ({"rng": 3}, "rng"),
])
def test_options_that_cannot_work_are_refused(options, words):
    with pytest.raises(ConfigError, match=words):
        generate(model(), 3, **{"lengths": 2, "rng": np.random.default_rng(0)} | options)


def test_a_count_that_is_none_and_an_encoder_without_a_tokenizer_are_refused():
    with pytest.raises(ConfigError, match="count is 0"):
        written(model(), 0)
    mlm = model()
    with pytest.raises(ConfigError, match="lengths are 24 to 24, expected 1 to 7"):
        generate(mlm, 1, lengths=24, rng=np.random.default_rng(0))
    (document,) = generate(mlm, 1, rng=np.random.default_rng(0))  # as long as there is room for
    assert len("".join(document)) > 0
    with pytest.raises(ConfigError, match="the heads of the model are classes; give the one with the masked-token"):
        written(Classifier(mlm.encoder, 2, rng=np.random.default_rng(0)), 1)
    mlm.encoder.tokenizer = None
    with pytest.raises(ConfigError, match="generate: the encoder has no tokenizer"):
        written(mlm, 1)
