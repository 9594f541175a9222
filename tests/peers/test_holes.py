"""Wrong answers in silence: programs that PyTorch or HIPS autograd get wrong, beside npft.

Each test runs one program in a peer and in npft. The peer gives a wrong number, a NaN or a gradient
of the wrong shape, and says nothing (warnings are errors here, so silence is tested, too; where
the peer warns, the test says so). npft raises, or gives the right number. A test fails when a peer
mends its hole: then delete it. Seen with PyTorch 2.13 and HIPS autograd 1.9.1.
"""

import autograd.numpy as anp
import numpy as np
import pytest
import torch
from autograd import grad as hips_grad
from autograd import make_vjp
from torch.nn import functional as F

from npft import SGD, Batch, Parameter, Tensor, grad
from npft.autograd import kernels, losses, ops
from npft.errors import (
    ConfigError, DataError, GraphError, IdError, NonFiniteError, ShapeError,
)  # fmt: skip
from npft.nn.layers import Linear
from npft.nn.optim import clip_grad_norm


def t(data, requires_grad=True):
    return torch.tensor(data, dtype=torch.float64, requires_grad=requires_grad)


def leaf(data):
    return Tensor(np.array(data, dtype=float), requires_grad=True)


# --- PyTorch: arrays that change before backward --------------------------------------------------


def test_a_value_written_through_data_spoils_the_gradient():
    x = t([1.0, 2.0])
    y = x.exp()
    y.data.zero_()
    y.sum().backward()
    assert x.grad.tolist() == [0, 0]  # it is exp(x) = [2.7, 7.4]
    y = leaf([1.0, 2.0]).exp()
    with pytest.raises(ValueError, match="read-only"):
        y.data[:] = 0


def test_a_value_written_through_numpy_spoils_the_gradient():
    x = t([1.0, 2.0])
    y = x.exp()
    y.detach().numpy()[:] = 0
    y.sum().backward()
    assert x.grad.tolist() == [0, 0]
    x = leaf([1.0, 2.0])
    y = x.exp()
    y.numpy()[:] = 0  # a copy
    y.sum().backward()
    np.testing.assert_allclose(x.grad, np.exp([1.0, 2.0]), rtol=1e-15)


def test_a_weight_moved_by_hand_before_backward_spoils_the_gradient():
    x, w = t([1.0, 2.0]), t([3.0, 4.0])
    loss = (x * w).sum()
    w.data -= 1
    loss.backward()
    assert x.grad.tolist() == [2, 3]  # it is w as it was, [3, 4]
    x, w = leaf([1.0, 2.0]), Parameter([3.0, 4.0])
    loss = (x * w).sum()
    with pytest.raises(ValueError, match="read-only"):
        w.data -= 1
    w.assign([2.0, 3.0])
    with pytest.raises(GraphError, match="changed after this graph was recorded"):
        loss.backward()


def test_an_array_reused_after_from_numpy_spoils_the_gradient():
    array, x = np.array([3.0, 4.0]), t([1.0, 2.0])
    loss = (x * torch.from_numpy(array)).sum()
    array[:] = 0
    loss.backward()
    assert x.grad.tolist() == [0, 0]  # it is [3, 4]
    array, x = np.array([3.0, 4.0]), leaf([1.0, 2.0])
    loss = (x * array).sum()
    array[:] = 0
    loss.backward()
    assert x.grad.tolist() == [3, 4]


def test_an_index_reused_after_from_numpy_sends_the_gradient_elsewhere():
    index, x = np.array([0, 1]), t([1.0, 2.0, 3.0])
    y = x[torch.from_numpy(index)]
    index[:] = 2
    y.sum().backward()
    assert x.grad.tolist() == [0, 0, 2]  # it is [1, 1, 0]
    index, x = np.array([0, 1]), leaf([1.0, 2.0, 3.0])
    y = x[index]
    index[:] = 2
    y.sum().backward()
    assert x.grad.tolist() == [1, 1, 0]


def test_targets_reused_after_from_numpy_pull_to_another_class():
    targets, x = np.array([0]), t([[1.0, 1.0]])
    loss = F.cross_entropy(x, torch.from_numpy(targets))
    targets[:] = 1
    loss.backward()
    assert x.grad.tolist() == [[0.5, -0.5]]  # it is [-0.5, 0.5]
    targets, x = np.array([0]), leaf([[1.0, 1.0]])
    loss = losses.softmax_cross_entropy(x, targets=targets)
    targets[:] = 1
    loss.backward()
    assert x.grad.tolist() == [[-0.5, 0.5]]


def test_the_best_weights_kept_in_a_state_dict_train_on():
    layer = torch.nn.Linear(1, 1)
    optimizer = torch.optim.SGD(layer.parameters(), lr=1.0)
    best, before = layer.state_dict(), layer.weight.item()
    layer(torch.ones(1, 1)).sum().backward()
    optimizer.step()
    assert best["weight"].item() == layer.weight.item() == pytest.approx(before - 1, abs=1e-6)
    layer = Linear(1, 1, rng=np.random.default_rng(0))
    optimizer = SGD(layer.parameters(), lr=1.0)
    best, before = layer.state_dict(), layer.weight.item()
    layer(np.ones((1, 1), np.float32)).sum().backward()
    optimizer.step()
    assert best["weight"].item() == before == pytest.approx(layer.weight.item() + 1, abs=1e-6)


# --- PyTorch: nothing to choose from, nothing to average ------------------------------------------


def test_softmax_of_a_row_without_a_choice_is_nan():
    nothing = np.full((1, 2), -np.inf)
    assert torch.softmax(torch.tensor(nothing), 1).isnan().all()
    assert torch.log_softmax(torch.tensor(nothing), 1).isnan().all()
    x = t(nothing)
    torch.logsumexp(x, 1).sum().backward()
    assert x.grad.isnan().all()
    for op in (kernels.softmax, kernels.log_softmax, ops.logsumexp):
        with pytest.raises(NonFiniteError, match="largest value is -inf"):
            op(nothing)


def test_attention_to_a_sequence_of_pads_only_is_nan():
    attention, x = torch.nn.MultiheadAttention(2, 1, batch_first=True), torch.ones(1, 2, 2)
    pads = torch.ones(1, 2, dtype=torch.bool)
    assert attention(x, x, x, key_padding_mask=pads)[0].isnan().all()
    with pytest.raises(DataError, match="sequence|row"):
        Batch.from_padded([[1, 2]], [[0, 0]])


def test_cross_entropy_without_a_target_is_nan():
    assert F.cross_entropy(t([[1.0, 2.0]]), torch.tensor([-100])).isnan()
    assert F.cross_entropy(torch.zeros(0, 2), torch.zeros(0, dtype=torch.int64)).isnan()
    with pytest.raises(IdError, match="-100 at position 0"):
        losses.softmax_cross_entropy(leaf([[1.0, 2.0]]), targets=np.array([-100]))
    with pytest.raises(ShapeError, match="at least one row"):
        losses.softmax_cross_entropy(np.zeros((0, 2)), targets=np.zeros(0, int))


def test_the_mean_of_nothing_is_nan():
    assert torch.zeros(0).mean().isnan()
    with pytest.raises(ShapeError, match="no elements"):
        ops.mean(np.zeros(0))


# --- PyTorch: arguments that cannot be meant ------------------------------------------------------


def test_binary_cross_entropy_takes_a_class_number_for_a_probability():
    loss = F.binary_cross_entropy_with_logits(t([5.0]), t([2.0], False))
    assert loss.item() < -4  # a cross-entropy is never below 0
    with pytest.raises(DataError, match="numbers from 0 to 1"):
        losses.bce_with_logits(leaf([5.0]), targets=np.array([2.0]))


def test_kl_divergence_takes_any_numbers_for_probabilities():
    p = t([[0.9, 0.1]], False)
    assert F.kl_div(t([[0.5, 0.5]]), p, reduction="batchmean").item() < 0  # probabilities, not logs
    counts = t([[2.0, 3.0]], False)
    assert F.kl_div(F.log_softmax(t([[0.0, 0.0]]), 1), counts, reduction="batchmean").item() > 8
    assert F.cross_entropy(t([[0.0, 0.0]]), counts).item() == pytest.approx(5 * np.log(2))
    with pytest.raises(DataError, match="rows of probabilities"):
        losses.kl_divergence(leaf([[0.0, 0.0]]), targets=np.array([[2.0, 3.0]]))


def test_mse_compares_every_prediction_with_every_target_and_only_warns():
    prediction, target = np.array([[0.0], [1.0], [2.0]]), np.array([0.0, 1.0, 2.0])
    with pytest.warns(UserWarning, match="target size"):
        loss = F.mse_loss(torch.tensor(prediction), torch.tensor(target))
    assert loss.item() == pytest.approx(4 / 3)  # all are right: it is 0
    with pytest.raises(ShapeError, match=r"shape \(3, 1\) and the target \(3,\)"):
        losses.mse(prediction, target=target)


def test_the_cosine_with_a_vector_of_length_0_is_a_number():
    zero, one = np.zeros((1, 2)), np.ones((1, 2))
    assert F.cosine_similarity(torch.tensor(zero), torch.tensor(one)).item() == 0
    with pytest.raises(NonFiniteError, match="row 0 of a has length 0"):
        kernels.cosine_logits(zero, one)


def test_a_parameter_given_twice_steps_twice_and_only_warns():
    w = t([1.0])
    with pytest.warns(UserWarning, match="duplicate parameters"):
        optimizer = torch.optim.SGD([w, w], lr=0.1)
    w.sum().backward()
    optimizer.step()
    assert w.item() == pytest.approx(0.8)
    w = Parameter([1.0])
    with pytest.raises(ConfigError, match="given twice"):
        SGD([w, w], lr=0.1)


def test_a_rate_that_is_nan_is_taken():
    w = t([1.0])
    optimizer = torch.optim.SGD([w], lr=float("nan"))
    w.sum().backward()
    optimizer.step()
    assert w.isnan().all()
    with pytest.raises(ConfigError, match="lr is nan"):
        SGD([Parameter([1.0])], lr=float("nan"))


def test_clipping_spreads_one_nan_over_all_gradients():
    a, b = t([1.0]), t([1.0])
    a.grad, b.grad = t([np.nan], False), t([3.0], False)
    torch.nn.utils.clip_grad_norm_([a, b], 1.0)
    assert b.grad.isnan().all()
    p, q = Parameter([1.0]), Parameter([1.0])
    p.grad, q.grad = np.array([np.nan]), np.array([3.0])
    with pytest.raises(NonFiniteError, match="parameter 0"):
        clip_grad_norm([p, q], 1.0)
    assert q.grad.item() == 3


# --- HIPS autograd: arrays that change before backward --------------------------------------------


def test_a_buffer_reused_in_a_loop_spoils_the_gradient():
    def program(x):
        weight, total = np.zeros(2), 0.0
        for i in range(3):
            weight[:] = i
            total = total + (x * weight).sum()
        return total

    x = leaf([1.0, 1.0])
    assert hips_grad(program)(x.numpy()).tolist() == [6, 6]  # it is 0 + 1 + 2
    program(x).backward()
    assert x.grad.tolist() == [3, 3]


def test_an_index_reused_in_a_loop_sends_the_gradient_elsewhere():
    def program(x):
        row, total = np.array([0]), 0.0
        for i in range(3):
            row[0] = i
            total = total + x[row].sum()
        return total

    x = leaf([1.0, 1.0, 1.0])
    assert hips_grad(program)(x.numpy()).tolist() == [0, 0, 3]  # each row is taken once
    program(x).backward()
    assert x.grad.tolist() == [1, 1, 1]


def test_an_input_or_a_value_written_to_before_the_pullback_spoils_it():
    array = np.array([1.0, 2.0])
    vjp, _ = make_vjp(lambda x: x * x)(array)
    array[:] = 0
    assert vjp(np.ones(2)).tolist() == [0, 0]  # it is [2, 4]
    vjp, out = make_vjp(anp.exp)(np.array([1.0, 2.0]))
    out[:] = 0
    assert vjp(np.ones(2)).tolist() == [0, 0]
    array = np.array([1.0, 2.0])
    x = Tensor(array, requires_grad=True)
    y = (x * x).sum()
    array[:] = 0
    y.backward()
    assert x.grad.tolist() == [2, 4]
    with pytest.raises(ValueError, match="read-only"):
        x.exp().data[:] = 0


# --- HIPS autograd: gradients that are wrong ------------------------------------------------------


def test_a_transpose_by_axes_from_the_end_has_the_wrong_gradient():
    x, g = leaf([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 2.0], [3.0, 4.0]])
    vjp, out = make_vjp(lambda x: anp.transpose(x, (-1, 0)))(x.numpy())
    assert out.tolist() == x.numpy().T.tolist()
    assert vjp(g).tolist() == g.tolist()  # it is the transpose of g
    y = ops.transpose(x, axes=(-1, 0))
    assert y.data.tolist() == out.tolist()
    y.backward(g)
    assert x.grad.tolist() == g.T.tolist()


def test_a_repeat_along_the_last_axis_by_minus_1_has_the_wrong_gradient():
    x, g = leaf([[1.0, 2.0], [3.0, 4.0]]), np.arange(8.0).reshape(2, 4)
    vjp, out = make_vjp(lambda x: anp.repeat(x, 2, axis=-1))(x.numpy())
    true = [[0 + 1, 2 + 3], [4 + 5, 6 + 7]]
    assert vjp(g).tolist() != true
    assert make_vjp(lambda x: anp.repeat(x, 2, axis=1))(x.numpy())[0](g).tolist() == true
    y = x[:, np.repeat(np.arange(2), 2)]
    assert y.data.tolist() == out.tolist()
    y.backward(g)
    assert x.grad.tolist() == true


def test_where_with_a_number_has_a_gradient_of_the_wrong_shape():
    condition, b = np.array([True, True, False]), np.zeros(3)
    vjp, _ = make_vjp(lambda a: anp.where(condition, a, b))(np.array(5.0))
    assert vjp(np.ones(3)).tolist() == [1, 1, 0]  # it is the number 2
    a = leaf(5.0)
    ops.where(a, b, condition=condition).sum().backward()
    assert a.grad.tolist() == 2


def test_a_float32_array_has_a_float64_gradient():
    x, weight = np.ones(2, np.float32), np.ones(2)
    assert hips_grad(lambda x: anp.sum(x * weight))(x).dtype == np.float64
    x = Tensor(x, requires_grad=True)
    (x * weight.astype(np.float32)).sum().backward()
    assert x.grad.dtype == np.float32


def test_the_id_minus_1_is_the_last_row():
    table, ids = np.ones((3, 1)), np.array([-1])
    assert hips_grad(lambda x: anp.sum(x[ids]))(table).ravel().tolist() == [0, 0, 1]
    with pytest.raises(IdError, match="-1 at position 0 is outside 0..2"):
        kernels.embedding(table, ids=ids)


# --- HIPS autograd: only a warning ----------------------------------------------------------------


def test_the_length_of_0_has_the_gradient_nan_with_a_warning():
    with pytest.warns(RuntimeWarning):
        assert np.isnan(hips_grad(anp.linalg.norm)(np.zeros(2))).all()
    x = leaf([0.0, 0.0])
    ops.norm(x).backward()
    assert x.grad.tolist() == [0, 0]


def test_a_loss_that_does_not_depend_on_its_input_has_the_gradient_0_with_a_warning():
    with pytest.warns(UserWarning, match="independent"):
        assert hips_grad(lambda x: 3.0)(1.0) == 0
    with pytest.raises(GraphError, match=r"does not depend on wrt\[0\]"):
        grad((leaf([1.0]) * 3).sum(), [leaf([1.0])])


# --- what is the same in all three ----------------------------------------------------------------


def test_where_does_not_keep_the_slope_of_a_root_at_0_out_of_the_gradient():
    zero = np.array([0.0])
    x = t(zero)
    torch.where(x > 0, torch.sqrt(x), 0.0).sum().backward()
    assert x.grad.isnan().all()
    with pytest.warns(RuntimeWarning):
        slope = hips_grad(lambda x: anp.sum(anp.where(x > 0, anp.sqrt(x), 0.0)))(zero)
    assert np.isnan(slope).all()
    x = leaf(zero)
    with pytest.warns(RuntimeWarning):
        ops.where(ops.sqrt(x), 0.0, condition=x.data > 0).sum().backward()
    assert np.isnan(x.grad).all()


def test_operators_compare_every_prediction_with_every_target():
    prediction, target = np.array([[0.0], [1.0], [2.0]]), np.array([0.0, 1.0, 2.0])
    mistakes = [
        ((torch.tensor(prediction) - torch.tensor(target)) ** 2).mean().item(),
        anp.mean((prediction - target) ** 2),
        ((Tensor(prediction) - target) ** 2).mean().item(),
    ]
    assert mistakes == pytest.approx([4 / 3] * 3)  # losses.mse refuses these shapes
