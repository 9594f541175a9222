"""Optimisers against plain Python, groups, and clipping."""

import math

import numpy as np
import pytest

from npft.errors import CheckpointError, ConfigError, DtypeError, GraphError, NonFiniteError
from npft.nn.layers import LayerNorm, Linear
from npft.nn.module import Module, Parameter, freeze
from npft.nn.optim import CHUNK, SGD, AdamW, clip_grad_norm, decay_groups


def rng_of(seed=0):
    return np.random.default_rng(seed)


def adamw_by_hand(theta, gradients, lr, wd, b1=0.9, b2=0.999, eps=1e-8):
    """Algorithm 2 of Loshchilov & Hutter (2019), one Python number at a time."""
    m = v = 0.0
    for t, g in enumerate(gradients, start=1):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g * g
        m_hat, v_hat = m / (1 - b1**t), v / (1 - b2**t)
        theta = theta - lr * wd * theta - lr * m_hat / (math.sqrt(v_hat) + eps)
    return theta


def test_one_step_of_adamw_on_three_numbers():
    w = Parameter([1.0, -2.0, 3.0])
    w.grad = np.array([0.5, -0.01, 0.0])
    AdamW([w], lr=0.1, weight_decay=0.2).step()
    # after one step m_hat = g and sqrt(v_hat) = |g|: a step of lr against the sign, and the decay
    want = [
        1.0 - 0.1 * 0.2 * 1.0 - 0.1 * 0.5 / (0.5 + 1e-8),
        -2.0 + 0.1 * 0.2 * 2.0 + 0.1 * 0.01 / (0.01 + 1e-8),
        3.0 - 0.1 * 0.2 * 3.0,
    ]
    np.testing.assert_allclose(w.data, want, rtol=1e-14)
    assert w.version == 1


def test_without_options_adamw_has_the_rate_and_the_decay_of_pytorch():
    w = Parameter([2.0])
    w.grad = np.array([0.5])
    AdamW([w]).step()
    assert w.data[0] == pytest.approx(2.0 - 1e-3 * 0.01 * 2.0 - 1e-3, abs=1e-9)


@pytest.mark.parametrize("options", [{}, {"betas": (0.5, 0.8), "eps": 0.1}, {"betas": (0.0, 0.0)}])
def test_several_steps_equal_a_slow_loop(options):
    rng = rng_of()
    params = [Parameter(rng.standard_normal(s)) for s in ((2, 3), (4,), (1,))]
    start = [p.numpy() for p in params]
    gradients = [[rng.standard_normal(p.shape) for p in params] for _ in range(7)]
    optimizer = AdamW(params, lr=0.05, weight_decay=0.1, **options)
    for step in gradients:
        for p, g in zip(params, step):
            p.grad = g
        optimizer.step()
    b1, b2 = options.get("betas", (0.9, 0.999))
    for i, p in enumerate(params):
        for index in np.ndindex(p.shape):
            history = [step[i][index] for step in gradients]
            eps = options.get("eps", 1e-8)
            want = adamw_by_hand(start[i][index], history, 0.05, 0.1, b1, b2, eps)
            assert math.isclose(p.data[index], want, rel_tol=1e-12, abs_tol=1e-13)


def test_the_factor_of_the_schedule_multiplies_rate_and_decay():
    a, b = Parameter([1.0]), Parameter([1.0])
    a.grad = b.grad = np.array([2.0])
    AdamW([a], lr=0.1, weight_decay=0.5).step(0.25)
    AdamW([b], lr=0.025, weight_decay=0.5).step()
    np.testing.assert_allclose(a.data, b.data, rtol=1e-14)
    c = Parameter([1.0])
    c.grad = np.array([2.0])
    SGD([c], lr=0.1).step(0.5)
    np.testing.assert_allclose(c.data, [0.9])


def test_elements_behind_the_first_chunk_are_stepped_like_the_rest():
    n = 2 * CHUNK + 17
    rng = rng_of()
    whole = Parameter(rng.standard_normal((n,)))
    pieces = [Parameter(whole.data[a:b]) for a, b in ((0, 5), (5, CHUNK + 3), (CHUNK + 3, n))]
    one, many = AdamW([whole], lr=0.01), [AdamW([p], lr=0.01) for p in pieces]
    for _ in range(3):
        g = rng.standard_normal(n)
        whole.grad = g
        one.step()
        start = 0
        for p, optimizer in zip(pieces, many):
            p.grad = g[start : start + p.size]
            optimizer.step()
            start += p.size
    np.testing.assert_allclose(whole.data, np.concatenate([p.data for p in pieces]), rtol=1e-13)
    for at in (0, CHUNK - 1, CHUNK, 2 * CHUNK, n - 1):
        assert whole.data[at] != 0


def test_float32_stays_float32():
    w = Parameter(np.ones(3, np.float32))
    w.grad = np.ones(3, np.float32)
    optimizer = AdamW([w], lr=np.float64(0.1))
    optimizer.step(np.float64(0.5))
    assert w.dtype == np.float32 and optimizer.groups[0].memory["m"].dtype == np.float32
    np.testing.assert_allclose(w.data, 1 - 0.05 * 0.01 - 0.05, rtol=1e-6)


def test_the_parameters_live_in_one_flat_array_and_keep_their_values():
    a, b = Parameter([[1.0, 2.0], [3.0, 4.0]]), Parameter([5.0])
    optimizer = SGD([a, b])
    flat = optimizer.groups[0].flat
    assert flat.tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert np.shares_memory(a.data, flat) and np.shares_memory(b.data, flat)
    a.assign(np.zeros((2, 2)))
    assert flat.tolist() == [0.0] * 4 + [5.0]


def test_frozen_parameters_get_neither_step_nor_decay():
    a, b = Parameter([1.0]), Parameter([1.0])
    b.requires_grad = False
    optimizer = AdamW([a, b], lr=0.1, weight_decay=0.5)
    assert optimizer.params == [a]
    a.grad = np.array([1.0])
    optimizer.step()
    assert a.data[0] != 1.0 and b.data[0] == 1.0 and b.version == 0


def test_groups_have_their_own_rates():
    a, b, c = (Parameter([1.0]) for _ in range(3))
    optimizer = AdamW(
        [{"params": [a]}, {"params": [b], "lr": 0.0625, "weight_decay": 0.0}, {"params": [c]}],
        lr=0.5, weight_decay=0.25,
    )  # fmt: skip
    a.grad, b.grad = np.array([1.0]), np.array([1.0])
    optimizer.step()
    np.testing.assert_allclose(a.data, 1 - 0.5 * 0.25 - 0.5, rtol=1e-7)
    np.testing.assert_allclose(b.data, 1 - 0.0625, rtol=1e-7)
    assert c.data.tolist() == [1.0]  # a group without gradients stays, and does not decay
    assert [group.steps for group in optimizer.groups] == [1, 1, 0]


def test_a_group_of_which_only_some_have_gradients_is_refused():
    a, b = Parameter([1.0]), Parameter(np.ones((2, 3)))
    optimizer = SGD([a, b])
    a.grad = np.array([1.0])
    with pytest.raises(GraphError, match=r"1 of 2 parameters .* no gradient .*shape \(2, 3\)"):
        optimizer.step()
    assert a.data.tolist() == [1.0]


def test_a_parameter_that_moved_to_a_second_optimiser_is_refused_by_the_first():
    w = Parameter([1.0])
    first = SGD([w])
    second = SGD([w])
    w.grad = np.array([1.0])
    with pytest.raises(GraphError, match="left this optimiser: one built later holds it, or astype"):
        first.step()
    second.step()
    np.testing.assert_allclose(w.data, [0.9])
    w.move_to(w.storage.copy())
    w.grad = np.array([1.0])
    with pytest.raises(GraphError, match="left this optimiser"):
        second.step()


@pytest.mark.parametrize("optimiser", [SGD, AdamW])
def test_parameters_that_cannot_be_trained_are_refused(optimiser):
    w = Parameter([1.0])
    frozen = Parameter([1.0])
    frozen.requires_grad = False
    for bad, message in [
        ([], "no parameter to train"),
        ([frozen], "are all of them frozen"),
        ([{"params": []}], "no parameter to train"),
        ([w, w], "given twice"),
        ([{"params": [w]}, {"params": [w]}], "given twice"),
        ([np.ones(2)], "must be a Parameter"),
        ([w * 2], "must be a Parameter"),
        (w, "must be a Parameter"),
        ([{"params": [w], "learning_rate": 1.0}], "keys .*'learning_rate'"),
        ([{"lr": 1.0}], "expected 'params'"),
    ]:
        with pytest.raises(ConfigError, match=message):
            optimiser(bad)
    with pytest.raises(DtypeError, match="one dtype"):
        optimiser([w, Parameter(np.ones(2, np.float32))])
    assert w.dtype == np.float64


@pytest.mark.parametrize("bad", [-1e-3, 0.0, float("nan"), float("inf")])
def test_rates_out_of_range_are_refused(bad):
    w = Parameter([1.0])
    for make in (
        lambda: SGD([w], lr=bad),
        lambda: AdamW([w], lr=bad),
        lambda: AdamW([w], eps=bad),
        lambda: AdamW([{"params": [w], "lr": bad}]),
    ):
        with pytest.raises(ConfigError, match="expected a finite number, more than 0"):
            make()
    if bad != 0:
        with pytest.raises(ConfigError, match="weight_decay is .*, 0 or more"):
            AdamW([w], weight_decay=bad)


@pytest.mark.parametrize("betas", [(1.0, 0.9), (0.9, 1.0), (-0.1, 0.9), (0.9, float("nan"))])
def test_betas_out_of_range_are_refused(betas):
    with pytest.raises(ConfigError, match="betas"):
        AdamW([Parameter([1.0])], betas=betas)


# --- groups by decay ----------------------------------------------------------------------------


class Model(Module):
    def __init__(self):
        self.body = Linear(3, 3, rng=rng_of())
        self.body_norm = LayerNorm(3)
        self.head = Linear(3, 2, rng=rng_of())


def test_decay_groups_are_disjoint_and_exhaustive():
    model = Model()
    matrices, vectors = decay_groups(model, lr=0.1, weight_decay=0.01)
    assert (matrices["weight_decay"], vectors["weight_decay"]) == (0.01, 0.0)
    assert matrices["lr"] == vectors["lr"] == 0.1
    chosen = [id(p) for g in (matrices, vectors) for p in g["params"]]
    assert sorted(chosen) == sorted(id(p) for p in model.parameters())
    assert all(p.ndim == 2 for p in matrices["params"])
    assert all(p.ndim == 1 for p in vectors["params"])


def test_a_prefix_and_its_exclusion_share_out_a_model():
    model = Model()
    head = decay_groups(model, lr=1.0, weight_decay=0.1, prefix="head.")
    body = decay_groups(model, lr=0.1, weight_decay=0.1, exclude="head.")
    ids = [[id(p) for g in groups for p in g["params"]] for groups in (head, body)]
    assert len(ids[0]) == 2 and len(ids[1]) == 4
    assert sorted(ids[0] + ids[1]) == sorted(id(p) for p in model.parameters())
    freeze(model, "body")
    assert len(AdamW(head + body).params) == 2


def test_a_weight_of_no_axis_stands_with_the_vectors_and_does_not_decay():
    model = Model()
    model.temperature = Parameter(0.5)
    matrices, vectors = decay_groups(model, lr=0.1, weight_decay=0.01)
    assert [p.shape for p in vectors["params"]].count(()) == 1
    assert all(p.ndim == 2 for p in matrices["params"])


# --- clipping -----------------------------------------------------------------------------------


def with_grads(*grads, dtype=np.float64):
    params = []
    for g in grads:
        params.append(Parameter(np.zeros(np.shape(g)), dtype=dtype))
        params[-1].grad = None if g is None else np.array(g, dtype)
    return params


def test_clipping_scales_all_gradients_alike_to_the_length():
    params = with_grads([3.0, 0.0], [[4.0], [12.0]])
    assert clip_grad_norm(params, 6.5) == 13.0
    assert params[0].grad.tolist() == [1.5, 0.0] and params[1].grad.tolist() == [[2.0], [6.0]]


def test_short_gradients_and_none_are_left_alone():
    params = with_grads([3.0, 4.0])
    kept = params[0].grad
    assert clip_grad_norm(params, 5.0) == 5.0 and params[0].grad is kept
    assert clip_grad_norm(params, None) == 5.0 and params[0].grad is kept
    params[0].grad = None
    assert clip_grad_norm(params, 1.0) == 0.0


def test_clipping_keeps_float32_and_takes_gradients_whose_square_overflows():
    params = with_grads([3e25, 4e25], dtype=np.float32)
    assert math.isclose(clip_grad_norm(params, np.float64(1.0)), 5e25, rel_tol=1e-6)
    assert params[0].grad.dtype == np.float32
    np.testing.assert_allclose(params[0].grad, [0.6, 0.8], rtol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_gradient_that_is_not_finite_is_named(bad):
    with pytest.raises(NonFiniteError, match=r"parameter 1 of shape \(2,\) is not finite"):
        clip_grad_norm(with_grads([1e300], [1.0, bad]), 1.0)


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan])
def test_a_maximum_that_is_not_positive_is_refused(bad):
    with pytest.raises(ConfigError, match="max_norm"):
        clip_grad_norm(with_grads([1.0]), bad)


# --- freezing and unfreezing during a run --------------------------------------------------------


def test_refresh_takes_up_what_begins_to_train_with_a_first_step_of_its_own():
    a, b = Parameter([1.0]), Parameter([1.0, 2.0])
    b.requires_grad = False
    optimizer = AdamW([a, b], lr=0.1, weight_decay=0.0)
    assert not optimizer.refresh() and optimizer.params == [a]
    for _ in range(3):
        a.grad = np.array([1.0])
        optimizer.step()
    b.requires_grad = True
    assert optimizer.refresh() and not optimizer.refresh()
    a.grad, b.grad = np.array([1.0]), np.array([0.001, -5.0])
    optimizer.step()
    # a first step of Adam is lr against the sign of the gradient, whatever the size
    np.testing.assert_allclose(b.data, [0.9, 2.1], rtol=1e-4)
    np.testing.assert_allclose(a.data, adamw_by_hand(1.0, [1.0] * 4, 0.1, 0.0), rtol=1e-12)
    assert [group.steps for group in optimizer.groups] == [4, 1]


def test_refresh_lets_go_of_what_is_frozen_and_keeps_the_memory_of_the_rest():
    rng = rng_of(3)
    a, b, c = (Parameter(rng.standard_normal(n)) for n in (2, 3, 1))
    alone = [Parameter(p.numpy()) for p in (a, c)]
    optimizer, other = AdamW([a, b, c], lr=0.05), AdamW(alone, lr=0.05)
    for step in range(6):
        if step == 3:
            b.requires_grad = False
            before = b.numpy()
            assert optimizer.refresh() and optimizer.params == [a, c]
        gradients = [rng.standard_normal(n) for n in (2, 3, 1)]
        for p, g in zip((a, b, c), gradients):
            p.grad = g if p.requires_grad else None
        for p, g in zip(alone, (gradients[0], gradients[2])):
            p.grad = g
        optimizer.step()
        other.step()
    np.testing.assert_array_equal(b.data, before)
    for p, q in zip((a, c), alone):
        np.testing.assert_allclose(p.data, q.data, rtol=1e-14)
    for p in (a, b, c):
        p.requires_grad = False
    with pytest.raises(ConfigError, match="no parameter is left to train"):
        optimizer.refresh()


# --- going on from a state -----------------------------------------------------------------------


def trained(steps, seed=0):
    """An AdamW of two groups after some steps, and its parameters."""
    rng = rng_of(seed)
    a, b = Parameter(rng.standard_normal(3)), Parameter(rng.standard_normal((2, 2)))
    optimizer = AdamW([{"params": [a]}, {"params": [b], "lr": 0.05}], lr=0.1)
    for _ in range(steps):
        for p in (a, b):
            p.grad = rng.standard_normal(p.shape)
        optimizer.step()
    return optimizer, (a, b), rng


def test_an_optimiser_goes_on_from_its_state_to_the_same_bits():
    first, weights, rng = trained(3)
    state = first.state_dict()
    other, copies, _ = trained(1, seed=1)
    for p, q in zip(weights, copies):
        q.assign(p.data)
    other.load_state_dict(state)
    assert [group.steps for group in other.groups] == [3, 3]
    for p, q in zip(weights, copies):
        p.grad = rng.standard_normal(p.shape)
        q.grad = p.grad
    first.step()
    other.step()
    assert all(p.data.tobytes() == q.data.tobytes() for p, q in zip(weights, copies))
    assert (state["m.0"] != first.groups[0].memory["m"]).any()  # the state is a copy


@pytest.mark.parametrize("name, value", [
    ("m.0", np.nan), ("m.1", np.inf), ("v.0", -1e-9), ("v.1", np.nan), ("steps", -1)])
def test_a_state_of_numbers_that_cannot_be_is_refused_and_changes_nothing(name, value):
    optimizer, _, _ = trained(2)
    state = {key: a.copy() for key, a in optimizer.state_dict().items()}
    state[name].flat[0] = value if name != "steps" else int(value)
    before = {key: a.tobytes() for key, a in optimizer.state_dict().items()}
    with pytest.raises(CheckpointError, match=f"{name} of the state holds numbers that cannot be"):
        optimizer.load_state_dict(state)
    assert {key: a.tobytes() for key, a in optimizer.state_dict().items()} == before


def test_a_state_of_other_parameters_is_refused():
    optimizer, _, _ = trained(1)
    state = optimizer.state_dict()
    for wrong in ({}, {**state, "m.2": np.zeros(1)}, {**state, "m.0": np.zeros(4)}):
        with pytest.raises(CheckpointError, match="the state has .*, expected"):
            optimizer.load_state_dict(wrong)
    assert SGD([Parameter([1.0])]).state_dict() == {}


# ---- schedules of a group's own ----


def test_a_group_with_a_schedule_of_its_own_moves_by_it_and_others_do_not():
    w, v = Parameter([0.0]), Parameter([0.0])
    optimizer = SGD([{"params": [w], "schedule": lambda step: 1 / step}, {"params": [v]}], lr=0.5)
    moved = []
    for step in (1, 2, 4):
        w.grad, v.grad = np.array([-1.0]), np.array([-1.0])
        before = w.data[0], v.data[0]
        optimizer.set_rates(step)
        optimizer.step(factor=0.5)
        moved.append((w.data[0] - before[0], v.data[0] - before[1]))
    assert moved == [(0.25, 0.25), (0.125, 0.25), (0.0625, 0.25)]


def test_a_group_that_is_frozen_in_part_while_its_rate_is_0_has_its_own_peak_afterwards():
    w, v = Parameter([0.0]), Parameter([0.0])
    schedule = [None, 0.0, 1.0].__getitem__
    optimizer = AdamW([{"params": [w, v], "schedule": schedule}], lr=0.5)
    optimizer.set_rates(1)
    v.requires_grad = False
    assert optimizer.refresh()
    optimizer.set_rates(2)
    assert [group.lr for group in optimizer.groups] == [0.5]


def test_a_layer_group_may_begin_with_several_names():
    model = Module()
    model.a, model.b, model.c = (Linear(2, 2, rng=rng_of()) for _ in range(3))
    groups = decay_groups(model, lr=1.0, weight_decay=0.1, prefix=("a.", "c."))
    assert [len(g["params"]) for g in groups] == [2, 2]
    assert all(p is not model.b.weight for g in groups for p in g["params"])
