"""Replaced-token detection: what is drawn, what counts as false, and where the gradient goes."""

import math

import numpy as np
import pytest
from asked import labelled, rows_of, targets_of
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from npft.autograd.losses import bce_with_logits
from npft.autograd.tensor import Tensor
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.errors import ConfigError, DataError
from npft.pretraining.electra import WEIGHT, ReplacedTokens
from npft.pretraining.masking import mask_tokens
from npft.pretraining.train import pretrain
from npft.testing import generators
from npft.text.batch import IGNORE, Batch
from npft.text.bytes import ByteTokenizer
from npft.text.wordpiece import WordPiece

TOK = ByteTokenizer()
TEXTS = ["to be or not to be", "that is the question", "whether", "tis nobler in the mind"]


def rng(seed=0):
    return np.random.default_rng(seed)


def model(width=8, heads=2, layers=2, vocab=260, tokenizer=TOK, **options):
    """In float64; its generator often draws a space, which often is the original."""
    config = EncoderConfig(
        vocab_size=vocab, hidden_size=width, num_layers=layers, num_heads=heads,
        intermediate_size=12, max_positions=24, dropout=0.0, init_std=0.5, **options)
    electra = ReplacedTokens(Encoder(config, tokenizer=tokenizer, rng=rng()), rng=rng(1))
    electra.generator.heads["mlm"].bias.assign(5.0 * (np.arange(vocab) == 32))
    return electra.astype(np.float64).eval()


def masked_texts(seed=0, rate=0.3, texts=TEXTS):
    return mask_tokens(TOK(texts), TOK, rate=rate, rng=rng(seed))


def original(masked):
    ids = masked.ids.copy()
    ids[rows_of(masked)] = targets_of(masked)
    return ids


def with_hidden(module, hidden):
    module.forward = lambda batch, rng=None: hidden
    return hidden


def generated(electra, masked):
    """What the generator says of the masks: (M, V)."""
    return electra.generator.scores(masked)["mlm"].data


def detected(electra, batch):
    """A score for each text token (n, 1), and whether it is false (n,)."""
    return electra.scores(batch)["rtd"], targets_of(batch)


# ---- what is drawn ----


def test_draws_follow_the_softmax_of_the_generator_row_by_row():
    electra, n = model(), 6000
    ids = np.full(n + 2, TOK.mask_id)
    masked = labelled(Batch(ids, [0, n + 2]), np.arange(1, n + 1), np.zeros(n, int))
    scores = np.full((n, 260), -1e4)
    may = [65, 66, 67, 200]
    scores[::2, may], scores[1::2, may] = [1000, 999, 998.5, 997], [-1, -2, -1, -3]
    scores[:, 256:] = 2000  # special tokens, never drawn
    before = scores.copy()
    drawn = electra.replaced(masked, scores, rng(2)).ids[1:-1]
    for offset, z in ((0, [3, 2, 1.5, 0]), (1, [2, 1, 2, 0])):
        p = np.exp(z) / np.exp(z).sum()
        counts = np.bincount(drawn[offset::2], minlength=260)[may]
        assert counts.sum() == n / 2 and chisquare(counts, p * n / 2).pvalue > 1e-3
    assert (scores == before).all()


def test_what_is_drawn_stands_in_the_place_of_the_masks_and_nothing_else_changes():
    electra, masked = model(), masked_texts()
    batch = electra.replaced(masked, generated(electra, masked), rng())
    changed = batch.ids != masked.ids
    assert changed.any() and set(np.flatnonzero(changed)) <= set(rows_of(masked))
    assert (batch.ids[rows_of(masked)] < 256).all()
    assert batch.offsets.tolist() == masked.offsets.tolist()
    words, cut = np.arange(len(masked.ids)) % 3 - 1, [4, 0, 1, 0]
    same = electra.replaced(masked.replace(words=words, tokens_cut=cut),
                            generated(electra, masked), rng())
    assert same.ids.tolist() == batch.ids.tolist()
    assert same.words.tolist() == words.tolist() and same.tokens_cut.tolist() == cut


def test_unknown_and_wordless_tokens_are_never_drawn():
    tok = WordPiece.train(TEXTS, vocab_size=40)
    electra = model(vocab=50, tokenizer=tok)
    masked = mask_tokens(tok(TEXTS), tok, rate=1.0, rng=rng())
    scores = rng().standard_normal((len(rows_of(masked)), 50))
    scores[:, [0, 1, 2, 3, 4, *range(tok.vocab_size, 50)]] = 50
    drawn = electra.replaced(masked, scores, rng()).ids[rows_of(masked)]
    assert ((drawn > 4) & (drawn < tok.vocab_size)).all()


# ---- what counts as false ----


@given(generators(), st.floats(0.05, 1))
def test_false_are_the_text_tokens_that_differ_from_the_original(random, rate):
    electra = model()
    texts = ["".join(random.choice([*"abc"], random.integers(1, 20))) for _ in range(3)]
    masked = mask_tokens(TOK(texts), TOK, rate=rate, rng=random)
    scores = np.full((len(rows_of(masked)), 260), -99.0)
    scores[:, 97:100] = 0  # one draw in three is the original
    batch = electra.replaced(masked, scores, random)
    truth = original(masked)
    text = [i for i, token in enumerate(truth) if token < 256]
    assert rows_of(batch).tolist() == text
    found, false = detected(electra, batch)
    assert false.tolist() == [int(batch.ids[i] != truth[i]) for i in text]
    assert found.shape == (len(text), 1)


def test_a_generator_that_draws_the_original_leaves_nothing_false():
    electra, masked = model(), masked_texts()
    scores = np.zeros((len(rows_of(masked)), 260))
    scores[np.arange(len(rows_of(masked))), targets_of(masked)] = 1e3
    batch = electra.replaced(masked, scores, rng())
    assert (batch.ids == original(masked)).all()
    assert not targets_of(batch).any()


# ---- the loss ----


def test_the_detector_s_loss_worked_by_hand_from_the_states():
    """With dense weights of 0 its bias alone speaks, by way of GELU; unasked rows say nothing."""
    head = model().astype(np.float64).heads["rtd"]
    head.dense.weight.assign(np.zeros((8, 8)))
    head.dense.bias.assign(np.ones(8))
    head.detector.weight.assign(np.zeros((1, 8)))
    head.detector.bias.assign([np.log(3)])
    batch = labelled(Batch([257, 97, 98, 99, 258], [0, 5]), np.array([1, 2, 3]), [1, 0, 0])
    scores = head(Tensor(np.ones((5, 8))), batch)
    assert scores.data == pytest.approx(np.log(3) * np.ones((3, 1)))  # called false with 3/4
    expected = (np.log(4 / 3) + 2 * np.log(4)) / 3
    assert head.loss(scores, batch).item() == pytest.approx(expected, abs=1e-6)
    head.detector.bias.assign([0])
    head.detector.weight.assign(np.ones((1, 8)))
    assert head(Tensor(np.ones((5, 8))), batch).data == pytest.approx(8 * gelu(1) * np.ones((3, 1)))


@pytest.mark.parametrize("false", [[0, 0, 0], [1, 0, 1], [1, 1, 1]])
def test_a_detector_in_doubt_costs_log_2_and_one_that_is_right_nothing(false):
    head = model().heads["rtd"]
    batch = labelled(Batch([257, 97, 98, 99, 258], [0, 5]), np.array([1, 2, 3]), false)
    assert head.loss(Tensor(np.zeros((3, 1))), batch).item() == pytest.approx(math.log(2))
    right = 1e3 * (2 * np.array(false, float) - 1)[:, None]
    assert head.loss(Tensor(right), batch).item() == 0
    assert head.score(head.decide(right, batch), batch).accuracy == 1
    assert head.decide(np.array([[0.1], [0.0], [-0.1]]), batch).tolist() == [
        IGNORE, 1, 0, 0, IGNORE]  # in doubt a token is called true


def test_pads_change_no_bit():
    electra, masked = model(), masked_texts()
    want = electra.loss(masked, rng(4))
    ids, mask = masked.to_padded(97)
    for left, right in ((0, 3), (2, 0), (1, 5)):
        wide = [np.pad(part, ((0, 0), (left, right)), constant_values=fill)
                for part, fill in ((ids, 97), (mask, 0), (masked.pad(masked.token_labels, 1), 1))]
        other = Batch.from_padded(*wide[:2], token_labels=wide[2])
        found = electra.loss(other, rng(4))
        assert found.total.item() == want.total.item() and found.parts == want.parts
        for name, scores in want.scores.items():
            assert found.scores[name].data.tobytes() == scores.data.tobytes()


def gelu(x):
    return x * 0.5 * (1 + math.erf(x / math.sqrt(2)))


def slow_rtd(electra, masked, hidden, ids):
    """The mean of -log of the probability given to the right answer, over all text tokens."""
    truth, losses = original(masked), []
    dense, detector = electra.heads["rtd"].dense, electra.heads["rtd"].detector
    for i, token in enumerate(truth):
        if token in TOK.special_ids:
            continue
        h = [gelu(z) for z in dense.weight.data @ hidden[i] + dense.bias.data]
        score = (detector.weight.data @ h + detector.bias.data)[0]
        p = 1 / (1 + math.exp(-score))
        losses.append(-math.log(p if ids[i] != token else 1 - p))
    return losses


def test_the_total_is_the_mlm_loss_plus_fifty_times_the_detector_s():
    electra, masked = model(), masked_texts()
    scores = generated(electra, masked)
    batch = electra.replaced(masked, scores, rng(3))
    hidden = electra.encoder(batch).data
    rtd = np.mean(slow_rtd(electra, masked, hidden, batch.ids))
    mlm = np.mean([np.log(np.exp(z).sum()) - z[t] for z, t in zip(scores, targets_of(masked))])
    loss, parts, _ = electra.loss(masked, rng=rng(3))
    assert list(parts) == ["rtd", "mlm"] and WEIGHT == 50
    assert parts == pytest.approx({"rtd": rtd, "mlm": mlm}, rel=1e-10)
    assert loss.item() == pytest.approx(mlm + 50 * rtd, rel=1e-10)


def test_held_out_figures_are_means_and_the_same_at_each_measurement():
    electra, masked = model(), masked_texts(texts=sorted(TEXTS, key=len))
    found = electra.measure(masked)
    assert found == electra.measure(masked)
    scores = generated(electra, masked)
    batch = electra.replaced(masked, scores, rng(0))
    losses = slow_rtd(electra, masked, electra.encoder(batch).data, batch.ids)
    n, false = len(losses), (batch.ids != original(masked)).sum()
    assert n == sum(map(len, TEXTS)) and 0 < false <= len(rows_of(masked))
    assert found["rtd_loss"] == pytest.approx(sum(losses) / n, rel=1e-10)
    assert found["rtd_true"] == (n - false) / n
    right = sum(loss < math.log(2) for loss in losses)  # p above a half
    assert found["rtd_acc"] == right / n
    mlm = electra.generator.measure(masked)
    assert {name: found[name] for name in mlm} == mlm
    assert set(found) == {"rtd_loss", "rtd_acc", "rtd_true", "mlm_loss", "mlm_acc"}


# ---- where the gradient goes ----


def test_the_detector_learns_from_all_text_tokens_the_masked_model_from_its_masks_alone():
    electra = model()
    masked = masked_texts(rate=0.15, texts=TEXTS * 10)
    n = len(masked.ids)
    hidden = with_hidden(electra.encoder, Tensor(rng().standard_normal((n, 8)), requires_grad=True))
    small = with_hidden(
        electra.generator.encoder, Tensor(rng().standard_normal((n, 4)), requires_grad=True))
    electra.loss(masked, rng=rng()).total.backward()
    text = ~np.isin(original(masked), TOK.special_ids)
    assert ((hidden.grad != 0).any(axis=1) == text).all()
    reached = (small.grad != 0).any(axis=1)
    assert np.flatnonzero(reached).tolist() == rows_of(masked).tolist()
    assert reached.sum() / text.sum() == pytest.approx(0.15, abs=0.01)


def gradients(loss, module):
    module.zero_grad()
    loss.backward()
    return {name: p.grad for name, p in module.named_parameters()}


def test_the_generator_gets_the_gradient_of_its_own_loss_to_the_last_bit():
    electra, masked = model(), masked_texts()
    both = gradients(electra.loss(masked, rng=rng()).total, electra)
    alone = gradients(electra.generator.loss(masked).total, electra.generator)
    assert len(alone) > 20
    for name, gradient in alone.items():
        assert both[f"generator.{name}"].tobytes() == gradient.tobytes()


def test_the_encoder_gets_fifty_times_the_gradient_of_detection_and_none_of_the_generator():
    electra, masked = model(), masked_texts()
    both = gradients(electra.loss(masked, rng=rng(4)).total, electra)
    batch = electra.replaced(masked, generated(electra, masked), rng(4))
    found, false = detected(electra, batch)
    alone = gradients(bce_with_logits(found, targets=false[:, None].astype(float)), electra)
    for name, gradient in alone.items():
        if name.startswith("generator."):
            assert gradient is None
        else:
            np.testing.assert_allclose(both[name], 50 * gradient, rtol=1e-9, atol=1e-12)
            assert np.abs(gradient).max() > 0


@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_the_shares_and_gradients_of_the_slices_add_up_to_the_whole(batch_size):
    """Slices draw from one generator in order, and so what the whole draws."""
    electra, masked = model(), masked_texts()
    loss, parts, _ = electra.loss(masked, rng=rng(5))
    want = gradients(loss, electra)
    electra.zero_grad()
    random, found = rng(5), []
    for part in electra.packs(masked, batch_size):
        share, names, _ = electra.loss(part, rng=random)
        share.backward()
        found.append((share.item(), names))
    assert len(found) == -(-4 // batch_size)
    assert sum(value for value, _ in found) == pytest.approx(loss.item(), rel=1e-10)
    for name in parts:
        assert sum(p[name] for _, p in found) == pytest.approx(parts[name], rel=1e-10)
    for name, p in electra.named_parameters():
        np.testing.assert_allclose(p.grad, want[name], rtol=1e-8, atol=1e-12, err_msg=name)


# ---- the two encoders ----


@pytest.mark.parametrize("width, heads, small", [(8, 2, 4), (64, 4, 32), (12, 4, 4), (4, 4, 4)])
def test_the_generator_is_half_as_wide_in_whole_heads_with_one_block(width, heads, small):
    electra = model(width, heads, layers=3)
    config = electra.generator.encoder.config
    assert (config.hidden_size, config.num_heads, config.num_layers) == (small, heads, 1)
    assert config.intermediate_size == 6 and electra.encoder.config.num_layers == 3
    assert electra.body is electra.encoder and not electra.generator.nsp
    own = {id(p) for p in electra.generator.parameters()}
    assert not own & {id(p) for p in electra.encoder.parameters()}  # nothing is shared


TOPICS = [("cat", "dog", "cow"), ("red", "blue", "pink"), ("rice", "tea", "soup")]


def topics(n, seed):
    """Documents whose words all come from one of three topics."""
    random = rng(seed)
    return [[" ".join(random.choice(TOPICS[d % 3], 6)) for _ in range(4)] for d in range(n)]


def test_a_trained_detector_finds_words_of_another_topic():
    tok = WordPiece.train([s for d in topics(24, 0) for s in d], vocab_size=80)
    config = EncoderConfig(
        vocab_size=tok.vocab_size, hidden_size=16, num_layers=1, num_heads=2, intermediate_size=32,
        max_positions=20, dropout=0.0, init_std=0.1)
    electra = ReplacedTokens(Encoder(config, tokenizer=tok, rng=rng()), rng=rng())
    history = pretrain(electra, topics(150, 1), steps=150, batch_size=16, lr=5e-3, every=150,
                       held_out=topics(24, 2), layout="segments", rng=rng())
    last = history.rows[-1]
    assert history["rtd_loss"][0] == pytest.approx(math.log(2), abs=0.1)
    assert last["rtd_acc"] > last["rtd_true"] + 0.04 and last["rtd_true"] < 0.9
    assert last["mlm_loss"] < history["unigram"][0] - 0.2  # the generator learns, too


def test_the_same_seed_gives_the_same_loss_and_another_draws_others():
    electra, masked = model(), masked_texts()
    a, b, c = (electra.loss(masked, rng=rng(s)).parts for s in (0, 0, 1))
    assert a == b and a["mlm"] == c["mlm"] and a["rtd"] != c["rtd"]


def test_a_sequence_without_a_mask_is_not_read_however_the_batch_is_cut():
    electra, masked = model(), masked_texts()
    rows, targets = masked.token_targets()
    kept = masked.sequence[rows] != 1  # the second sequence loses its masks
    ids = original(masked)
    ids[rows[kept]] = TOK.mask_id
    some = labelled(Batch(ids, masked.offsets), rows[kept], targets[kept])
    for size in (1, 2, 4):
        parts = electra.packs(some, size)
        for name in ("mlm", "rtd"):
            assert sum(part.shares[name] for part in parts) == pytest.approx(1, abs=1e-12)
        for part in parts:
            read = electra.replaced(part.batch, generated(electra, part.batch), rng())
            second = part.batch.ids[rows_of(read)].tolist()
            assert len(second) == sum(
                len(s) - 2 for s in np.split(part.batch.ids, part.batch.offsets[1:-1])
                if TOK.mask_id in s)


def test_a_batch_without_masks_is_refused():
    none = labelled(Batch([TOK.cls_id, TOK.sep_id], [0, 2]), np.zeros(0, int), np.zeros(0, int))
    with pytest.raises(DataError, match="Words: no token of the batch has a label"):
        model().loss(none, rng=rng())


def test_what_replaces_the_masks_is_drawn_from_a_generator_that_is_given():
    """It used to be drawn from seed 0 where none was given, alike at every step."""
    electra, masked = model(), masked_texts()
    for wrong in ({}, {"rng": None}, {"rng": 0}):
        with pytest.raises(ConfigError, match="ReplacedTokens: rng.*expected a generator"):
            electra.loss(masked, **wrong)


def test_an_encoder_without_a_tokenizer_is_refused():
    with pytest.raises(ConfigError, match="ReplacedTokens: the encoder has no tokenizer"):
        model(tokenizer=None)
