"""The span boundary objective: what it reads, what its gradients reach, and its value by hand."""

import math

import numpy as np
import pytest
from asked import labelled, rows_of, targets_of
from hypothesis import given
from hypothesis import strategies as st

from npft.autograd.gradcheck import gradcheck
from npft.autograd.losses import softmax_cross_entropy
from npft.autograd.tensor import Tensor
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.encoder.model import Model
from npft.errors import DataError
from npft.heads.boundary import SpanLM
from npft.pretraining.spans import mask_spans
from npft.text.batch import Batch
from npft.text.bytes import ByteTokenizer

TOK = ByteTokenizer()
D = 8


def model(tied=True, seed=0):
    """In float64, with weights large enough that every term counts."""
    rng = np.random.default_rng(seed)
    config = EncoderConfig(
        vocab_size=260, hidden_size=D, num_layers=1, num_heads=2, intermediate_size=8,
        max_positions=24, dropout=0.0, init_std=0.4)
    lm = SpanLM(Encoder(config, tokenizer=TOK, rng=rng), tied, rng=rng)
    for p in lm.parameters():  # also the biases and norms, which start at 0 and 1
        p.assign(p.data + 0.2 * rng.standard_normal(p.shape).astype(np.float32))
    return lm.astype(np.float64).eval()


def example():
    """Two sequences; the second border of the span 3-5 is the first of the span 7-7."""
    rng = np.random.default_rng(1)
    ids = rng.integers(0, 256, 16)
    ids[[0, 9]], ids[[8, 15]] = TOK.cls_id, TOK.sep_id
    rows = np.array([3, 4, 5, 7, 10, 11, 12, 13, 14])
    targets = ids[rows]
    ids[[3, 4, 5, 10, 11, 12, 13, 14]] = TOK.mask_id
    return labelled(Batch(ids, [0, 9, 16]), rows, targets)


LEFT = [2, 2, 2, 6, 9, 9, 9, 9, 9]
RIGHT = [6, 6, 6, 8, 15, 15, 15, 15, 15]
PLACE = [1, 2, 3, 1, 1, 2, 3, 4, 5]


def hidden_of(lm, masked, seed=2):
    return np.random.default_rng(seed).standard_normal((len(masked.ids), D))


def with_hidden(lm, hidden):
    """The model with an encoder that returns ``hidden``."""
    lm.encoder.forward = lambda batch, rng=None: hidden
    return lm


def gelu(x):
    return np.array([v * 0.5 * (1 + math.erf(v / math.sqrt(2))) for v in x])


def layer(x, linear, norm, eps):
    y = gelu([sum(w * v for w, v in zip(row, x)) + b
              for row, b in zip(linear.weight.data, linear.bias.data)])
    mean = sum(y) / len(y)
    variance = sum((v - mean) ** 2 for v in y) / len(y)
    return (y - mean) / math.sqrt(variance + eps) * norm.weight.data + norm.bias.data


def slow_scores(lm, hidden):
    """s_i = FFN2([z_(s-1) ; z_(e+1) ; p_(i-s+1)]) and E s_i + b, row after row."""
    head, eps = lm.heads["sbo"], lm.encoder.config.layer_norm_eps
    words = lm.encoder.embeddings.word_embeddings.weight.data
    scores = []
    for left, right, place in zip(LEFT, RIGHT, PLACE):
        x = np.concatenate([hidden[left], hidden[right], head.places.weight.data[place - 1]])
        s = layer(layer(x, head.first, head.first_norm, eps), head.second, head.second_norm, eps)
        scores.append([e @ s + b for e, b in zip(words, head.bias.data)])
    return np.array(scores)


def surprise(scores, targets):
    return np.mean([np.log(np.exp(z - z.max()).sum()) + z.max() - z[t]
                    for z, t in zip(scores, targets)])


def test_scores_are_two_layers_on_the_borders_and_the_place():
    lm, masked = model(), example()
    hidden = hidden_of(lm, masked)
    scores = lm.heads["sbo"](Tensor(hidden), masked).data
    np.testing.assert_allclose(scores, slow_scores(lm, hidden), rtol=1e-10, atol=1e-12)


def test_the_total_is_the_mlm_loss_plus_the_sbo_loss():
    lm, masked = model(), example()
    hidden = hidden_of(lm, masked)
    mlm = surprise(lm.heads["mlm"](Tensor(hidden), masked).data, targets_of(masked))
    sbo = surprise(slow_scores(lm, hidden), targets_of(masked))
    loss, parts, _ = with_hidden(lm, Tensor(hidden)).loss(masked)
    assert list(parts) == ["mlm", "sbo"] and abs(mlm - sbo) > 0.1
    assert parts == pytest.approx({"mlm": mlm, "sbo": sbo}, rel=1e-10)
    assert loss.item() == pytest.approx(mlm + sbo, rel=1e-10)


@pytest.mark.parametrize("v", [2, 260])
def test_equal_scores_cost_log_v_and_perfect_ones_nothing(v):
    head, masked = model().heads["sbo"], example()
    masked = labelled(masked, rows_of(masked), targets_of(masked) % v)
    found = head.loss(Tensor(np.full((9, v), 3.0)), masked).item()
    assert found == pytest.approx(np.log(v), abs=1e-12)
    assert head.loss(Tensor(1e3 * np.eye(v)[targets_of(masked)]), masked).item() == 0


def test_a_head_that_knows_nothing_costs_log_v_whatever_the_states():
    lm, masked = model(), example()
    head = lm.heads["sbo"]
    for weight in (head.second_norm.weight, head.second_norm.bias, head.bias):
        weight.assign(np.zeros(weight.shape))
    scores = head(Tensor(hidden_of(lm, masked)), masked)
    assert head.loss(scores, masked).item() == pytest.approx(np.log(260), abs=1e-12)


def spans_of_three():
    """Of three sequences the second has no span, the others two and one: 3 and 2 tokens."""
    ids = np.random.default_rng(5).integers(0, 256, 18)
    ids[[0, 8, 12]], ids[[7, 11, 17]] = TOK.cls_id, TOK.sep_id
    rows = np.array([1, 2, 5, 14, 15])
    return labelled(Batch(ids, [0, 8, 12, 18]), rows, ids[rows])


def boundary_alone():
    lm = model()
    return Model(lm.encoder, {"sbo": lm.heads["sbo"]})


def test_pads_change_no_bit(check_pads):
    check_pads(boundary_alone(), spans_of_three())


def test_a_batch_may_be_cut_anywhere_whatever_each_part_has_of_spans(check_cuts):
    check_cuts(boundary_alone(), spans_of_three(), [3 / 5, 2 / 5])


def test_states_inside_a_span_do_not_change_its_scores_and_each_border_does():
    lm, masked = model(), example()
    hidden = hidden_of(lm, masked)
    before = lm.heads["sbo"](Tensor(hidden), masked).data
    for row in range(16):
        changed = hidden.copy()
        changed[row] = 0
        after = lm.heads["sbo"](Tensor(changed), masked).data
        moved = (after != before).any(axis=1)
        assert moved.tolist() == [row in border for border in zip(LEFT, RIGHT)]


def test_the_worked_case_reads_the_tokens_2_and_6_and_place_2_and_nothing_else():
    lm, masked = model(), example()
    hidden = Tensor(hidden_of(lm, masked), requires_grad=True)
    scores = lm.heads["sbo"](hidden, masked)
    loss = softmax_cross_entropy(scores[[1]], targets=targets_of(masked)[[1]])  # of token 4 alone
    loss.backward()
    assert np.flatnonzero(np.abs(hidden.grad).max(axis=1)).tolist() == [2, 6]
    places = np.abs(lm.heads["sbo"].places.weight.grad).max(axis=1)
    assert (np.flatnonzero(places) + 1).tolist() == [2]


def test_each_loss_reaches_only_the_states_it_reads():
    lm, masked = model(), example()
    borders = sorted({*LEFT, *RIGHT})
    for scores, expected in ((lm.heads["sbo"], borders), (lm.heads["mlm"], rows_of(masked))):
        hidden = Tensor(hidden_of(lm, masked), requires_grad=True)
        softmax_cross_entropy(scores(hidden, masked), targets=targets_of(masked)).backward()
        assert np.flatnonzero((hidden.grad != 0).any(axis=1)).tolist() == list(expected)
    hidden = Tensor(hidden_of(lm, masked), requires_grad=True)
    with_hidden(lm, hidden).loss(masked).total.backward()
    outside = np.setdiff1d(np.arange(16), [*borders, *rows_of(masked)])
    assert outside.tolist() == [0, 1] and (hidden.grad[outside] == 0).all()


def test_the_gradient_with_respect_to_the_states_is_the_derivative():
    lm, masked = model(), example()
    gradcheck(lambda hidden: with_hidden(lm, hidden).loss(masked).total, hidden_of(lm, masked),
              rng=np.random.default_rng(0))


@pytest.mark.parametrize("name", [
    "heads.sbo.places.weight", "heads.sbo.first.weight", "heads.sbo.first_norm.weight",
    "heads.sbo.second.bias", "heads.sbo.bias", "heads.mlm.dense.weight",
    "encoder.embeddings.word_embeddings.weight", "encoder.embeddings.position_embeddings.weight",
])
def test_the_gradient_with_respect_to_the_weights_is_the_derivative(name):
    """Along random directions, by central differences of the whole loss, encoder included."""
    lm, masked = model(), example()
    parameter = dict(lm.named_parameters())[name]
    lm.loss(masked).total.backward()
    at, gradient, rng = parameter.numpy().copy(), parameter.grad, np.random.default_rng(3)

    def value(weights):
        parameter.assign(weights)
        return lm.loss(masked).total.item()

    for _ in range(3):
        step = rng.standard_normal(at.shape)
        step *= 1e-5 / np.linalg.norm(step)
        slope = (value(at + step) - value(at - step)) / 2
        assert (gradient * step).sum() == pytest.approx(slope, rel=1e-5, abs=1e-14)
    assert np.abs(gradient).max() > 1e-4


@given(st.integers(1, 6), st.integers(0, 99))
def test_the_shares_of_the_slices_add_up_to_the_whole(batch_size, seed):
    lm, rng = model(), np.random.default_rng(seed)
    texts = ["x" * int(n) for n in rng.integers(1, 22, 5)]
    masked = mask_spans(TOK(texts), TOK, rate=0.4, rng=rng)
    loss, parts, _ = lm.loss(masked)
    shares = [lm.loss(part) for part in lm.packs(masked, batch_size)]
    total = sum(share.total.item() for share in shares)
    assert total == pytest.approx(loss.item(), rel=1e-12)
    for name in parts:
        assert sum(s.parts[name] for s in shares) == pytest.approx(parts[name], rel=1e-12)


def test_the_gradients_of_the_slices_add_up_to_those_of_the_whole():
    lm = model()
    masked = mask_spans(TOK(["to be or not", "that", "is the question"]), TOK,
                        rng=np.random.default_rng(4))
    lm.loss(masked).total.backward()
    want = [p.grad for p in lm.parameters()]
    lm.zero_grad()
    for part in lm.packs(masked, 1):
        lm.loss(part).total.backward()
    for p, g in zip(lm.parameters(), want):
        np.testing.assert_allclose(p.grad, g, rtol=1e-9, atol=1e-12)


def test_held_out_figures_are_means_over_the_masked_tokens():
    lm, masked = model(), example()
    hidden = lm.encoder(masked).data
    found = lm.measure(masked)
    scores = {"mlm": lm.heads["mlm"](Tensor(hidden), masked).data, "sbo": slow_scores(lm, hidden)}
    assert set(found) == {"mlm_loss", "mlm_acc", "sbo_loss", "sbo_acc"}
    for name, z in scores.items():
        hits = (z.argmax(axis=1) == targets_of(masked)).sum()
        assert found[f"{name}_loss"] == pytest.approx(surprise(z, targets_of(masked)))
        assert found[f"{name}_acc"] == hits / 9


def test_the_word_table_is_shared_by_all_uses_or_the_predictions_have_their_own():
    names = [dict(model(tied).named_parameters()) for tied in (True, False)]
    assert not any("decoder" in name for name in names[0])
    assert names[1]["heads.mlm.decoder.weight"].shape == (260, D)
    assert model(False).options()["mlm"]["options"] == {"tied": False}
    assert not model().nsp and "heads.nsp.linear.weight" not in names[0]


def test_a_batch_without_masks_is_refused():
    none = labelled(Batch([TOK.cls_id, TOK.sep_id], [0, 2]), np.zeros(0, int), np.zeros(0, int))
    with pytest.raises(DataError, match="Words: no token of the batch has a label"):
        model().loss(none)


@pytest.mark.parametrize("rows", [[0], [2, 3], [2], [3], [5]])
def test_a_span_without_a_token_before_and_behind_it_in_its_sequence_is_refused(rows):
    """Else its border would be a token of another sequence, or of none."""
    rows = np.array(rows)
    masked = labelled(Batch([97, 98, 99, 100, 101, 102], [0, 3, 6]), rows, 97 + rows)
    with pytest.raises(DataError, match="needs a token before and behind it"):
        model().loss(masked)
    inside = labelled(masked, np.array([1, 4]), np.array([98, 101]))
    assert model().loss(inside).parts["sbo"] > 0
