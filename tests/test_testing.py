"""The tools for users' own tests: what they draw, and that a wrong op does not pass."""

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from npft.autograd import kernels, losses, ops, primitive
from npft.errors import ConfigError, DtypeError, GradientError
from npft.testing import arrays_for, check_op, cotangents, generators, ragged_batches


def rng_of(seed=0):
    return np.random.default_rng(seed)


# ---- an op of a student's own: a right one, and wrong ones ----


@primitive
def swish(x, *, beta):
    s = 1 / (1 + np.exp(-beta * x))
    return x * s, lambda g: g * (s + beta * x * s * (1 - s))


@primitive
def scaled_swish(x, *, beta):
    out, vjp = swish.raw(x, beta=beta)
    return out, lambda g: 1.001 * vjp(g)


@primitive
def shortened_swish(x, *, beta):
    s = 1 / (1 + np.exp(-beta * x))
    return x * s, lambda g: g * s  # the term with the derivative of s is missing


@primitive
def bilinear(x, w, y):  # x w yᵀ
    return x @ w @ y.T, lambda g: (g @ y @ w.T, x.T @ g @ y, g.T @ x @ w)


@primitive
def transposed_bilinear(x, w, y):
    out, vjp = bilinear.raw(x, w, y)
    return out, lambda g: (vjp(g)[0], vjp(g)[1].T, vjp(g)[2])  # w is square: the shape fits


SQUARE = ((2, 3), (3, 3), (4, 3))


@given(arrays_for(swish), generators())
def test_three_lines_check_an_op_of_ones_own(arrays, rng):
    check_op(swish, *arrays, rng=rng, beta=1.5)


@given(arrays_for(bilinear, *SQUARE), generators())
def test_shapes_may_be_given(arrays, rng):
    check_op(bilinear, *arrays, rng=rng)


@pytest.mark.parametrize("op, shapes, constants, words", [
    (scaled_swish, (), {"beta": 1.5}, "input 0, element .*: gradient"),
    (shortened_swish, (), {"beta": 1.5}, "input 0, element .*: gradient"),
    (transposed_bilinear, SQUARE, {}, "input 1, element .*: gradient"),
])
def test_the_same_three_lines_catch_a_wrong_op(op, shapes, constants, words):
    @settings(database=None, phases=[Phase.generate])
    @given(arrays_for(op, *shapes), generators())
    def students_test(arrays, rng):
        check_op(op, *arrays, rng=rng, **constants)

    with pytest.raises(GradientError, match=words):
        students_test()


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("op, shapes, constants", [
    (scaled_swish, [(3,)], {"beta": 1.5}),
    (shortened_swish, [(3,)], {"beta": 1.5}),
    (transposed_bilinear, SQUARE, {}),
])
def test_each_single_example_catches_a_wrong_op(op, shapes, constants, seed):
    rng = rng_of(seed)
    arrays = [rng.standard_normal(shape) for shape in shapes]
    with pytest.raises(GradientError, match="gradient .*, derivative"):
        check_op(op, *arrays, rng=rng, **constants)


def test_a_function_of_tensors_can_be_checked_too():
    def network(x, w, b, *, targets):
        return losses.softmax_cross_entropy(kernels.linear(x, w, b).tanh(), targets=targets)

    arrays = [rng_of().standard_normal(s) for s in ((3, 2), (4, 2), (4,))]
    check_op(network, *arrays, rng=rng_of(), targets=np.array([0, 3, 1]))


def test_a_large_input_is_checked_along_directions():
    x = rng_of().standard_normal((20, 30))
    check_op(swish, x, rng=rng_of(), beta=1.0)
    with pytest.raises(GradientError, match="input 0, direction"):
        check_op(scaled_swish, x, rng=rng_of(), beta=1.0)


# ---- manners ----


def test_a_constant_that_is_changed_is_named():
    def spoils(x, *, factor):  # no primitive: the engine would give it a copy
        factor[0] = 9.0
        return x * np.array([1.0, 2.0])

    with pytest.raises(GradientError, match="constant factor: changed by the op or its gradient"):
        check_op(spoils, [1.0, 2.0], rng=rng_of(), factor=np.array([1.0, 2.0]))


def test_an_input_that_is_written_to_cannot_pass():
    @primitive
    def writes(x):
        x *= 2
        return x, lambda g: 2 * g

    with pytest.raises(ValueError, match="read-only"):
        check_op(writes, [1.0, 2.0], rng=rng_of())


def test_chance_inside_an_op_is_reported():
    own = rng_of()

    @primitive
    def noisy(x):
        noise = own.standard_normal(x.shape)
        return x * noise, lambda g: g * noise

    with pytest.raises(GradientError, match="second run gave other bits"):
        check_op(noisy, [1.0, 2.0], rng=rng_of())


def test_only_float64_is_checked():
    with pytest.raises(DtypeError, match="input 0 has dtype float32, expected float64"):
        check_op(swish, np.ones(2, np.float32), rng=rng_of(), beta=1.0)


# ---- what the strategies draw ----


@given(st.data(), *[st.integers(1, 6)] * 3)
def test_a_batch_keeps_within_its_limits(data, sequences, length, vocabulary):
    batch = data.draw(ragged_batches(sequences, length, vocabulary))
    assert 1 <= len(batch) <= sequences
    assert 1 <= batch.lengths.min() and batch.lengths.max() <= length
    assert 0 <= batch.ids.min() and batch.ids.max() < vocabulary
    ids, mask = batch.to_padded(0)
    assert type(batch).from_padded(ids, mask).ids.tolist() == batch.ids.tolist()


@pytest.mark.parametrize("wanted", [
    lambda b: len(b) == 5, lambda b: b.lengths.max() == 8, lambda b: b.ids.max() == 19,
    lambda b: len(set(b.lengths)) > 2, lambda b: len(b.ids) == 1,
])
def test_batches_of_every_kind_are_drawn(wanted):
    assert wanted(find(ragged_batches(), wanted, settings=settings(max_examples=2000)))


@pytest.mark.parametrize("limits", [(0, 1, 1), (1, 0, 1), (1, 1, 0)])
def test_limits_below_1_are_refused(limits):
    with pytest.raises(ConfigError, match="ragged_batches: .*expected at least 1"):
        find(ragged_batches(*limits), lambda batch: True)


@given(st.data(), st.lists(st.integers(0, 4), max_size=3).map(tuple))
def test_a_cotangent_has_its_shape_and_is_never_constant(data, shape):
    g = data.draw(cotangents(shape))
    assert isinstance(g, np.ndarray) and g.shape == shape and g.dtype == np.float64
    assert len(np.unique(g)) == g.size and (g != 0).all()


@given(cotangents((2, 3)), arrays_for(kernels.softmax, (2, 3)))
def test_a_cotangent_sees_what_ones_cannot(g, arrays):
    out, vjp = kernels.softmax.raw(*arrays)
    np.testing.assert_allclose(vjp(np.ones((2, 3))), 0, atol=1e-15)
    assert np.abs(vjp(g)).max() > 1e-6


@given(st.data(), st.sampled_from([(-2.0, 2.0), (0.5, 2.0), (-1.0, 0.0)]))
def test_the_numbers_of_an_array_lie_apart_inside_their_limits(data, limits):
    low, high = limits
    for array in data.draw(arrays_for(ops.multiply, (3, 4), (4,), low=low, high=high)):
        assert array.dtype == np.float64 and array.flags.writeable
        assert low < array.min() and array.max() < high
        assert np.diff(np.sort(array.ravel())).min() >= 0.499 * (high - low) / array.size


@given(arrays_for(ops.add))
def test_drawn_shapes_broadcast_together(arrays):
    a, b = arrays
    assert ops.add(a, b).shape == np.broadcast_shapes(a.shape, b.shape)


@given(arrays_for(ops.concatenate, (2, 3), (1, 3), (4, 3)), arrays_for(ops.max), generators())
def test_ops_with_any_number_of_arrays_and_with_ties_can_be_checked(parts, one, rng):
    check_op(ops.concatenate, *parts, rng=rng, axis=0)
    check_op(ops.max, *one, rng=rng)


@pytest.mark.parametrize("op, shapes", [
    (ops.add, [(2,)]), (ops.exp, [(2,), (2,)]), (ops.concatenate, []), (lambda *, axis: None, []),
])
def test_as_many_shapes_as_arguments_are_expected(op, shapes):
    with pytest.raises(ConfigError, match=f"arrays_for: {len(shapes)} shapes for an op with"):
        find(arrays_for(op, *shapes), lambda arrays: True)


@pytest.mark.parametrize("low, high", [(1.0, 1.0), (2.0, 1.0), (float("nan"), 1.0),
                                       (0.0, float("inf"))])
def test_limits_that_hold_no_number_are_refused(low, high):
    with pytest.raises(ConfigError, match="arrays_for: low"):
        find(arrays_for(ops.exp, low=low, high=high), lambda arrays: True)


@given(arrays_for(ops.multiply), generators())
def test_a_check_leaves_its_arrays_alone(arrays, rng):
    copies = [a.copy() for a in arrays]
    check_op(ops.multiply, *arrays, rng=rng)
    assert all(np.array_equal(a, c) for a, c in zip(arrays, copies))
