"""The causal language model: nothing comes back from the future, and what it learns and writes.

The texts of most tests are numbers: 5 to 9 are words, and 4 is a word that does not occur.
"""

import math
from itertools import pairwise

import numpy as np
import pytest
from asked import labelled, rows_of, targets_of
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from npft.autograd.tensor import Tensor, grad
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.errors import ConfigError, DataError
from npft.pretraining.causal import CausalLM, predict_next
from npft.pretraining.pairs import Corpus
from npft.pretraining.probe import unigram_loss
from npft.pretraining.source import Source
from npft.pretraining.start import new_encoder
from npft.pretraining.train import pretrain
from npft.testing import ragged_batches
from npft.text.batch import Batch
from npft.text.tokenizer import Tokenizer
from npft.text.wordpiece import WordPiece
from npft.worlds import TinyWorld

PAD, CLS, SEP, MASK, UNK = range(5)


class Numbers(Tokenizer):
    """A text of numbers is those numbers."""

    kind, vocab_size = "numbers", 10
    pad_id, cls_id, sep_id, mask_id, unk_id = PAD, CLS, SEP, MASK, UNK

    def _ids(self, text):
        return [int(word) for word in text.split()]

    def _text(self, ids):
        return " ".join(map(str, ids))


TOK = Numbers()


def rng(seed=0):
    return np.random.default_rng(seed)


def model(causal=True, positions=16, width=8, vocab=10, init_std=0.5, dropout=0.0, tokenizer=TOK):
    config = EncoderConfig(
        vocab_size=vocab, hidden_size=width, num_layers=1, num_heads=2, intermediate_size=2 * width,
        max_positions=positions, type_vocab_size=0, dropout=dropout, causal=causal,
        init_std=init_std)
    return CausalLM(Encoder(config, tokenizer=tokenizer, rng=rng()), rng=rng())


def with_bias(lm, **biases):
    bias = lm.heads["clm"].bias.numpy().copy()
    for name, value in biases.items():
        bias[int(name[1:])] = value
    lm.heads["clm"].bias.assign(bias)
    return lm


def logits(lm, task):
    """Scores of what stands behind each row that is asked."""
    return lm.scores(task)["clm"]


# ---- what must be given ----


@given(ragged_batches(vocab_size=10))
def test_every_token_but_the_last_must_give_the_one_behind_it(batch):
    task = predict_next(batch, TOK)
    expected = [(i, batch.ids[i + 1]) for a, b in zip(batch.offsets, batch.offsets[1:])
                for i in range(a, b - 1)]
    assert list(zip(rows_of(task), targets_of(task))) == expected
    assert task.ids.tolist() == batch.ids.tolist()  # nothing is hidden


def test_words_and_what_was_cut_off_stay_with_the_tokens():
    batch = Batch([CLS, 5, 6, SEP, CLS, 7], [0, 4, 6], token_types=[0, 0, 1, 1, 0, 0],
                  words=[-1, 0, 1, -1, -1, 0], tokens_cut=[0, 3])
    task = predict_next(batch, TOK)
    for name in ("words", "tokens_cut", "token_types", "offsets"):
        assert getattr(task, name).tolist() == getattr(batch, name).tolist()


# ---- looking back alone ----


@pytest.mark.parametrize("seed", range(3))
def test_a_later_token_changes_nothing_before_it_not_even_in_the_last_bit(seed):
    lm = model().eval()
    random = rng(seed)
    batch = Batch(random.integers(0, 10, 27), [0, 9, 13, 22, 27])
    task = predict_next(batch, TOK)
    before = logits(lm, task).data
    for token in range(27):
        ids = batch.ids.copy()
        ids[token] = (ids[token] + 1) % 10
        after = logits(lm, task.replace(ids=ids)).data
        of_its_own = batch.sequence[rows_of(task)] == batch.sequence[token]
        reached = of_its_own & (rows_of(task) >= token)
        assert (after[~reached] == before[~reached]).all()
        assert (after[reached] != before[reached]).any(axis=1).all()


def test_an_encoder_that_looks_ahead_is_refused():
    with pytest.raises(ConfigError, match="causal=True"):
        model(causal=False)


# ---- the loss ----


def slow_surprises(lm, texts):
    """-log P of every token given those before it, one prefix after the other."""
    found = []
    for text in texts:
        ids = [CLS, *TOK.encode(text), SEP]
        for n in range(1, len(ids)):
            prefix = Batch(ids[:n], [0, n])
            z = logits(lm, labelled(prefix, np.array([n - 1]), np.array([0]))).data[0].astype(float)
            found.append(np.log(np.exp(z).sum()) - z[ids[n]])
    return found


TEXTS = ["5 6 7 8 9 5 6 7", "9", "7 7 7 5"]


def test_the_perplexity_is_exp_of_the_mean_surprise_of_a_token():
    lm = model(dropout=0.5).train()
    lm.encoder.embeddings.eval()
    modes = [m.training for m in lm.modules()]
    got = lm.perplexity(TEXTS)
    assert [m.training for m in lm.modules()] == modes
    surprises = slow_surprises(lm.eval(), TEXTS)
    assert len(surprises) == 9 + 2 + 5
    assert got == pytest.approx(math.exp(np.mean(surprises)), rel=1e-5)
    per_text = [slow_surprises(lm, [t]) for t in TEXTS]  # a mean over texts is another number
    assert abs(math.exp(np.mean([np.mean(s) for s in per_text])) / got - 1) > 0.01


def test_the_loss_is_the_mean_surprise_and_its_held_out_figures_are_of_the_words():
    lm = model().eval()
    task = predict_next(TOK(TEXTS), TOK)
    surprises = slow_surprises(lm, TEXTS)
    loss, parts, _ = lm.loss(task)
    assert loss.item() == pytest.approx(np.mean(surprises), rel=1e-5)
    assert parts == {"clm": loss.item()}
    found = lm.measure(task)  # of the words, as the unigram loss is; not of [SEP]
    word = targets_of(task) != TOK.sep_id
    of_words = sum(np.array(surprises)[word])
    assert 0 < word.sum() < len(word)
    assert found["clm_loss"] == pytest.approx(of_words / word.sum(), rel=1e-5)
    hits = (logits(lm, task).data.argmax(axis=1) == targets_of(task))[word].sum()
    assert found["clm_acc"] == hits / word.sum()


def test_a_text_longer_than_the_encoder_reads_has_no_perplexity():
    lm = model(positions=8).eval()
    assert lm.perplexity(["5 6 7 5 6 7"]) > 1
    with pytest.raises(DataError, match="1 texts are longer than the 8 positions"):
        lm.perplexity(["5 6", "5 6 7 5 6 7 5"])


def test_without_knowledge_the_perplexity_is_the_number_of_words():
    lm = model(init_std=1e-6).eval()
    assert lm.perplexity(TEXTS) == pytest.approx(10, rel=1e-4)


@given(st.lists(st.integers(2, 16), min_size=1, max_size=6), st.integers(1, 7))
def test_the_shares_of_the_slices_add_up_to_the_whole(sizes, batch_size):
    lm = model().astype(np.float64).eval()
    batch = Batch(rng(1).integers(0, 10, sum(sizes)), np.append(0, np.cumsum(sizes)))
    task = predict_next(batch, TOK)
    lm.loss(task).total.backward()
    want = [p.grad for p in lm.parameters()]
    lm.zero_grad()
    shares = []
    for part in lm.packs(task, batch_size):
        loss, parts, _ = lm.loss(part)
        loss.backward()
        shares.append(parts["clm"])
    assert sum(shares) == pytest.approx(lm.loss(task).parts["clm"], rel=1e-12)
    for p, g in zip(lm.parameters(), want):
        np.testing.assert_allclose(p.grad, g, rtol=1e-9, atol=1e-12)


def test_the_loss_worked_by_hand_from_the_states():
    """Scores are products with the word table and a bias; the last token is not asked."""
    head = model().astype(np.float64).heads["clm"]
    table = np.zeros((10, 8))
    table[5, 0], table[6, 1] = np.log(3), np.log(5)
    head.table.assign(table)
    head.bias.assign(np.log(2) * (np.arange(10) == 7))
    hidden = np.eye(8)[[0, 1, 2]]
    task = predict_next(Batch([CLS, 5, 7], [0, 3]), TOK)
    scores = head(Tensor(hidden), task)
    # e^scores: word 5 has 3, word 7 has 2, eight have 1; then word 6 has 5, word 7 has 2
    assert np.exp(scores.data).sum(axis=1) == pytest.approx([13, 15], abs=1e-12)
    expected = (np.log(13 / 3) + np.log(15 / 2)) / 2  # 5 behind [CLS], 7 behind 5
    assert head.loss(scores, task).item() == pytest.approx(expected, abs=1e-12)


def test_the_last_token_of_a_sequence_gets_exactly_no_gradient():
    head = model().astype(np.float64).heads["clm"]
    task = predict_next(Batch(rng().integers(0, 10, 7), [0, 3, 4, 7]), TOK)
    hidden = Tensor(rng(1).standard_normal((7, 8)), requires_grad=True)
    (found,) = grad(head.loss(head(hidden, task), task), [hidden])
    assert np.flatnonzero((found != 0).any(axis=1)).tolist() == [0, 1, 4, 5]


def test_pads_change_no_bit():
    lm = model().eval()
    task = predict_next(Batch(rng().integers(0, 10, 12), [0, 5, 6, 12]), TOK)
    ids, mask = task.to_padded(9)
    for left, right in ((0, 3), (2, 0), (1, 5)):
        wide = [np.pad(part, ((0, 0), (left, right)), constant_values=fill)
                for part, fill in ((ids, 9), (mask, 0), (task.pad(task.token_labels, 1), 1))]
        other = Batch.from_padded(*wide[:2], token_labels=wide[2])
        assert logits(lm, other).data.tobytes() == logits(lm, task).data.tobytes()
        assert lm.loss(other).total.item() == lm.loss(task).total.item()


def test_sequences_of_one_token_give_no_loss():
    with pytest.raises(DataError, match="NextWords: no token of the batch has a label"):
        model().loss(predict_next(Batch([CLS, CLS], [0, 1, 2]), TOK))


# ---- learning a Markov chain ----

STEP = np.array([[0.8, 0.1, 0.1], [0.05, 0.05, 0.9], [0.3, 0.6, 0.1]])  # of the words 5, 6, 7
FIRST = np.array([0.5, 0.25, 0.25])
LENGTH = 10


def chain(n, seed):
    """n texts of the chain, each a document of one sentence."""
    random, texts = rng(seed), []
    for _ in range(n):
        states = [random.choice(3, p=FIRST)]
        while len(states) < LENGTH:
            states.append(random.choice(3, p=STEP[states[-1]]))
        texts.append(" ".join(str(5 + s) for s in states))
    return texts


def best_loss(texts):
    """Of one who knows the chain, and that a text ends after ten words."""
    total = 0.0
    for text in texts:
        s = [word - 5 for word in TOK.encode(text)]
        total -= math.log(FIRST[s[0]]) + sum(math.log(STEP[a, b]) for a, b in pairwise(s))
    return total / (len(texts) * (LENGTH + 1))


def test_a_trained_model_reaches_the_entropy_of_a_markov_chain():
    """Within 0.02 nats of what nobody can beat; the frequencies alone leave it 0.3 above."""
    held_out = chain(200, seed=1)
    lm = model(positions=12, width=16, init_std=0.1)
    history = pretrain(
        lm, [[t] for t in chain(1500, seed=0)], steps=350, batch_size=32, lr=1e-2, every=350,
        held_out=[[t] for t in held_out], corrupt=predict_next, rng=rng())
    best = best_loss(held_out)
    assert history["clm_loss"][0] > math.log(10) - 0.15
    assert -0.005 < history["clm_loss"][-1] - best * (LENGTH + 1) / LENGTH < 0.02  # of the words
    assert -0.005 < math.log(lm.perplexity(held_out)) - best < 0.02  # of words and ends
    assert history["clm_loss"][-1] < history["unigram"][0] - 0.3
    # what it writes is a text of the chain: ten words, and the long run of each word
    written = [lm.generate(rng=rng(s)) for s in range(60)]
    states = [TOK.encode(text) for text in written]
    assert sum(len(s) == LENGTH for s in states) >= 58
    after_6 = [b for s in states for a, b in pairwise(s) if a == 6]
    assert len(after_6) > 60 and np.mean([b == 7 for b in after_6]) == pytest.approx(0.9, abs=0.1)


def test_five_epochs_on_text_bring_the_held_out_loss_below_that_of_frequencies():
    """By 0.63 nats of 5.95 here: 100 documents of TinyWorld, and 20 that it has not read."""
    documents = [d.sentences for d in TinyWorld(0).documents(120)]
    train, held_out = documents[:100], documents[100:]
    tok = WordPiece.train([s for d in train for s in d], vocab_size=1500)
    body = new_encoder(tok, 64, rng(), causal=True)
    lm = CausalLM(body, rng=rng())
    steps = -(-5 * len(Source(Corpus(train, tok), "segments", 64).starts) // 32)
    history = pretrain(
        lm, train, steps=steps, batch_size=32, lr=4e-3, every=steps, held_out=held_out,
        corrupt=predict_next, rng=rng())
    assert 80 < steps < 100
    assert history["clm_loss"][-1] < history["unigram"][0] - 0.4


def test_the_loss_of_frequencies_leaves_out_the_end_of_texts():
    texts = chain(50, seed=2)
    corpus = Corpus([[t] for t in texts], TOK)
    counts = np.bincount(corpus.tokens, minlength=10)[4:] + 1  # also the unknown word
    p = dict(zip(range(4, 10), counts / counts.sum()))
    expected = -np.mean([math.log(p[w]) for t in texts for w in TOK.encode(t)])
    assert unigram_loss(corpus, predict_next(TOK(texts), TOK)) == pytest.approx(expected)


# ---- writing ----


def test_at_temperature_0_the_text_is_the_same_with_any_generator_and_each_word_the_likeliest():
    lm = with_bias(model(dropout=0.5), _2=-99.0).train()
    texts = {lm.generate("5 6", 8, temperature=0, rng=rng(s)) for s in range(5)}
    assert len(texts) == 1
    ids, lm = TOK.encode(texts.pop()), lm.eval()
    assert ids[:2] == [5, 6] and len(ids) == 10
    for n in range(2, 10):
        prefix = Batch([CLS, *ids[:n]], [0, n + 1])
        z = logits(lm, labelled(prefix, np.array([n]), np.array([0]))).data[0]
        assert ids[n] == 5 + z[5:].argmax()


def test_the_same_seed_gives_the_same_text_and_others_give_others():
    lm = with_bias(model(), _2=-99.0)
    texts = [lm.generate("5", 10, rng=rng(s)) for s in range(8)]
    assert texts == [lm.generate("5", 10, rng=rng(s)) for s in range(8)]
    assert len(set(texts)) > 4 and all(t.startswith("5 ") for t in texts)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_words_are_drawn_by_their_probabilities_and_the_temperature_sharpens_them(temperature):
    lm, random = model(init_std=0.3), rng(3)
    z = logits(lm.eval(), labelled(Batch([CLS, 6], [0, 2]), np.array([1]), np.array([0]))).data[0]
    may = [SEP, 5, 6, 7, 8, 9]  # also the end of the text
    p = np.exp(z[may].astype(float) / temperature)
    p /= p.sum()
    texts = [lm.generate("6", 1, temperature=temperature, rng=random) for _ in range(1500)]
    drawn = [(TOK.encode(t) + [SEP])[1] for t in texts]
    counts = np.array([drawn.count(word) for word in may])
    assert counts.sum() == 1500 and (p * 1500).min() > 5
    assert chisquare(counts, p * 1500).pvalue > 1e-3


@pytest.mark.parametrize("temperature", [0, 1.0])
@pytest.mark.parametrize("vocab", [10, 14])  # 14: some words of the encoder have no text
def test_special_unknown_and_wordless_tokens_are_never_written(temperature, vocab):
    lm = model(vocab=vocab)
    never = {f"_{i}": 99.0 for i in (PAD, CLS, MASK, UNK, *range(10, vocab))}
    with_bias(lm, **never, _2=-99.0)
    ids = TOK.encode(lm.generate("5", 12, temperature=temperature, rng=rng()))
    assert len(ids) == 13 and set(ids) <= {5, 6, 7, 8, 9}


def test_writing_ends_at_sep():
    lm = with_bias(model(), _2=99.0)
    for temperature in (0, 1.0):
        assert lm.generate("5 6", 10, temperature=temperature, rng=rng()) == "5 6"
    lm, random = with_bias(model(init_std=0.3), _2=2.0).eval(), rng(1)
    z = logits(lm, labelled(Batch([CLS, 5], [0, 2]), np.array([1]), np.array([0]))).data[0]
    p = np.exp(z[2]) / np.exp(z[[2, 5, 6, 7, 8, 9]]).sum()
    ended = [lm.generate("5", 5, rng=random) == "5" for _ in range(300)]  # at once, for good
    assert 0.3 < p < 0.8 and np.mean(ended) == pytest.approx(p, abs=0.1)


def test_writing_stops_when_the_tokens_or_the_positions_are_used_up():
    lm = with_bias(model(positions=7), _2=-99.0)
    for tokens, expected in ((0, 2), (3, 5), (4, 6), (5, 6), (99, 6)):  # [CLS] takes a position
        assert len(TOK.encode(lm.generate("5 6", tokens, rng=rng()))) == expected
    assert lm.generate("5 6 7 8 9 5", rng=rng()) == "5 6 7 8 9 5"
    with pytest.raises(DataError, match="the text has 7 tokens, the encoder has room for 6"):
        lm.generate("5 6 7 8 9 5 6", rng=rng())
    assert len(TOK.encode(lm.generate(rng=rng()))) == 6


def test_writing_leaves_each_part_in_its_mode():
    lm = model(dropout=0.5).train()
    lm.encoder.embeddings.eval()
    modes = [m.training for m in lm.modules()]
    lm.generate("5", 3, rng=rng())
    assert [m.training for m in lm.modules()] == modes


@pytest.mark.parametrize("temperature", [-0.1, math.inf, math.nan, "hot", None, True])
def test_a_temperature_that_is_none_is_refused(temperature):
    with pytest.raises(ConfigError, match="temperature is"):
        model().generate("5", temperature=temperature, rng=rng())


def test_an_empty_batch_asks_for_nothing_and_no_texts_have_no_perplexity():
    assert predict_next(Batch([], [0]), TOK).n_targets == 0
    with pytest.raises(DataError, match="perplexity: there are no texts"):
        model().perplexity([])


def test_a_negative_number_of_tokens_is_refused():
    with pytest.raises(ConfigError, match="tokens is -1, expected a whole number, 0 or more"):
        model().generate("5", -1, rng=rng())


def test_the_smallest_temperatures_are_as_good_as_0_and_the_largest_make_all_words_alike():
    lm = with_bias(model(), _2=-99.0)
    coldest = lm.generate("5 6", 9, temperature=0, rng=rng())
    for temperature in (1e-30, 1e-50, 5e-324):
        assert lm.generate("5 6", 9, temperature=temperature, rng=rng()) == coldest
    words = [lm.generate("6", 1, temperature=1e300, rng=rng(s)) for s in range(200)]
    assert len(set(words)) == 6  # with the end of the text, though its score is -99


class Edge(np.random.Generator):
    """A generator at the edges of [0, 1)."""

    def __init__(self, u):
        super().__init__(np.random.PCG64(0))
        self.u = u

    def random(self):
        return self.u


@pytest.mark.parametrize("u", [0.0, 1 - 2**-53])
def test_also_the_edges_of_chance_give_a_word(u):
    lm = with_bias(model(), _0=99.0, _2=-999.0, _9=-999.0)  # exp(-999) is 0
    ids = TOK.encode(lm.generate("5", 3, rng=Edge(u)))
    assert len(ids) == 4 and set(ids) <= {5, 6, 7, 8}


def test_without_a_tokenizer_there_is_no_text():
    lm = model(tokenizer=None)
    for ask in (lambda: lm.generate("5", rng=rng()), lambda: lm.perplexity(["5"])):
        with pytest.raises(ConfigError, match="no tokenizer; pass one to Encoder"):
            ask()
