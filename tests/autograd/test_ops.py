"""Every op of the engine, by one table: values, gradients, memory layout, dtypes, manners."""

import importlib
import pkgutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from op_table import TABLE, cases

import npft.autograd
from npft.autograd import Tensor, ops
from npft.errors import DtypeError, GraphError, ShapeError
from npft.testing import check_op, generators

every_op = pytest.mark.parametrize("name", TABLE)


def test_the_table_holds_every_primitive():
    found = set()
    for info in pkgutil.iter_modules(npft.autograd.__path__):
        module = importlib.import_module(f"npft.autograd.{info.name}")
        found |= {
            name
            for name, value in vars(module).items()
            if hasattr(value, "raw") and value.__module__ == module.__name__
        }
    assert found == set(TABLE)


@every_op
@given(st.data())
def test_value_is_that_of_plain_numpy(name, data):
    case = data.draw(cases(name))
    out = TABLE[name].op(*case.arrays, **case.constants)
    want = TABLE[name].reference(*case.arrays, **case.constants)
    assert out.shape == np.shape(want) and out.dtype == np.float64
    np.testing.assert_allclose(out.data, want, rtol=1e-12, atol=1e-13)


@every_op
@given(st.data(), generators())
def test_gradient_is_the_numerical_derivative(name, data, rng):
    case = data.draw(cases(name))
    check_op(TABLE[name].op, *case.arrays, rng=rng, **case.constants)


def layouts(draw, array):
    """The same shape in another memory layout: transposed, backwards, or stride 0 along an axis."""
    kind = draw(st.sampled_from(["plain", "transposed", "backwards", "repeated"]))
    if kind == "transposed":
        array = array.T.copy().T
    elif kind == "backwards" and array.ndim:
        array = array[::-1].copy()[::-1]
    elif kind == "repeated" and array.ndim:
        array = np.broadcast_to(array[..., :1], array.shape)
    array = array.view()
    array.flags.writeable = False
    return array


@every_op
@given(st.data(), generators())
def test_memory_layout_changes_nothing_and_no_array_is_written_to(name, data, rng):
    op = TABLE[name].op
    case = data.draw(cases(name))
    frozen = [layouts(data.draw, a) for a in case.arrays]  # read-only: writing would raise
    if name in ("max", "segment_max"):
        frozen = case.arrays  # repeats would be ties
    out, vjp = op.raw(*frozen, **case.constants)
    g = layouts(data.draw, np.array(rng.standard_normal(np.shape(out))))
    parts = vjp(g)
    plain = [np.array(a, order="C") for a in frozen]
    want, want_vjp = op.raw(*plain, **case.constants)
    np.testing.assert_allclose(out, want, rtol=1e-12, atol=1e-13)
    again = vjp(g)  # a vjp spoils nothing it saved
    for part, second, other in zip(*map(as_tuple, (parts, again, want_vjp(np.array(g))))):
        np.testing.assert_array_equal(part, second)
        np.testing.assert_allclose(part, other, rtol=1e-11, atol=1e-12)
    for array, old in zip(frozen, plain):
        np.testing.assert_array_equal(array, old)


def as_tuple(parts):
    return parts if isinstance(parts, tuple) else (parts,)


@every_op
@given(st.data(), generators())
def test_float32_stays_float32_and_close_to_float64(name, data, rng):
    op = TABLE[name].op
    case = data.draw(cases(name))
    narrow = [a.astype(np.float32) for a in case.arrays]
    constants = {
        key: value.astype(np.float32) if getattr(value, "dtype", None) == np.float64 else value
        for key, value in case.constants.items()
    }
    results = {}
    for dtype in (np.float32, np.float64):
        leaves = [Tensor(a, requires_grad=True, dtype=dtype) for a in narrow]
        out = op(*leaves, **constants)
        assert out.dtype == dtype
        state = rng.bit_generator.state
        out.backward(rng.standard_normal(out.shape).astype(np.float32))
        rng.bit_generator.state = state
        results[dtype] = [out.data, *(leaf.grad for leaf in leaves)]
        assert all(r.dtype == dtype for r in results[dtype])
    for got, want in zip(results[np.float32], results[np.float64]):
        bound = 1e-5 * np.maximum(1, np.abs(want).max(initial=0))
        assert np.abs(got - want).max(initial=0) <= bound


@pytest.mark.parametrize("shape", [(0,), (2, 0), (0, 3)])
def test_ops_on_nothing_give_nothing(shape):
    x = Tensor(np.zeros(shape), requires_grad=True)
    y = ((x * 2 + 1).tanh().exp() / 3).sum()
    y.backward()
    assert y.item() == 0 and x.grad.shape == shape
    with pytest.raises(ShapeError, match="mean"):
        x.mean()
    with pytest.raises(ShapeError, match="max"):
        x.max()


def test_operators_and_methods_are_the_ops():
    a, b = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[5.0, 6.0], [7.0, 8.0]])
    x, y = Tensor(a), Tensor(b)
    pairs = [
        (x + y, a + b), (x + 1, a + 1), (1 + x, 1 + a), (b + x, b + a),
        (x - y, a - b), (x - 1, a - 1), (1 - x, 1 - a), (b - x, b - a),
        (x * y, a * b), (2 * x, 2 * a), (b * x, b * a),
        (x / y, a / b), (1 / x, 1 / a), (b / x, b / a),
        (x @ y, a @ b), (b @ x, b @ a), (x @ b, a @ b),
        (-x, -a), (x**2, a**2), (x[0], a[0]), (x[:, 1], a[:, 1]), (x[0, 1], a[0, 1]),
        (x.exp(), np.exp(a)), (x.log(), np.log(a)), (x.tanh(), np.tanh(a)), (x.sqrt(), np.sqrt(a)),
        (x.sum(), a.sum()), (x.sum(axis=0), a.sum(0)), (x.mean(axis=1), a.mean(1)),
        (x.max(axis=1, keepdims=True), a.max(1, keepdims=True)),
        (x.reshape(4), a.ravel()), (x.reshape(-1), a.ravel()), (x.reshape(4, 1), a.reshape(4, 1)),
        (x.reshape((1, 4)), a.reshape(1, 4)), (x.T, a.T), (x.transpose(), a.T),
        (x.transpose(1, 0), a.T), (x.transpose(0, 1), a),
    ]  # fmt: skip
    for i, (tensor, want) in enumerate(pairs):
        assert isinstance(tensor, Tensor), i
        np.testing.assert_array_equal(tensor.data, want, err_msg=str(i))


def test_iterating_gives_the_rows_and_their_gradients():
    x = Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    first, second = x
    (first * second).sum().backward()
    assert x.grad.tolist() == [[3.0, 4.0], [1.0, 2.0]]
    with pytest.raises(ShapeError, match="without axes"):
        list(Tensor(1.0))


def test_ties_of_a_maximum_share_evenly():
    x = Tensor([[2.0, 2.0, 1.0], [0.0, 0.0, 0.0]], requires_grad=True)
    x.max(axis=1).backward([6.0, 9.0])
    assert x.grad.tolist() == [[3.0, 3.0, 0.0], [3.0, 3.0, 3.0]]


def test_power_at_zero_has_the_derivatives_of_calculus():
    for exponent, want in [(0, 0.0), (1, 1.0), (2, 0.0), (3, 0.0)]:
        x = Tensor([0.0], requires_grad=True)
        (x**exponent).backward()
        assert x.grad.tolist() == [want], exponent


def test_index_is_kept_as_it_was_when_used():
    x, index = Tensor([1.0, 2.0, 3.0], requires_grad=True), np.array([0, 0, 2])
    y = x[index].sum()
    index[:] = 1
    y.backward()
    assert x.grad.tolist() == [2.0, 0.0, 1.0]


X = Tensor(np.ones((2, 3)))


@pytest.mark.parametrize(
    "bad, message",
    [
        (lambda: X + np.ones(2), r"add: inputs of shape \(2, 3\) and \(2,\)"),
        (lambda: X * Tensor(np.ones((3, 2))), r"multiply: inputs of shape \(2, 3\) and \(3, 2\)"),
        (lambda: X @ X, r"matmul: inputs of shape \(2, 3\) and \(2, 3\)"),
        (lambda: X @ 2.0, "matmul: an input is a single number"),
        (lambda: Tensor(2.0) @ X, "matmul: an input is a single number"),
        (lambda: X.sum(axis=2), "sum: .* axis 2 is out of bounds"),
        (lambda: X.mean(axis=-3), "mean: .* axis -3 is out of bounds"),
        (lambda: X.max(axis=(0, 0)), "max: .* duplicate value in 'axis'"),
        (lambda: X.reshape(4), r"reshape: .* cannot reshape array of size 6 into shape \(4,\)"),
        (lambda: X.reshape(-1, -1), "reshape: .* one unknown dimension"),
        (lambda: X.transpose(0, 0), "transpose: .* repeated axis"),
        (lambda: X.transpose(0, 1, 2), "transpose: "),
        (lambda: X[2], "getitem: .* index 2 is out of bounds"),
        (lambda: X[0.5], "getitem: "),
        (lambda: X[:, :, 0], "getitem: .* too many indices"),
        (lambda: ops.concatenate(X, np.ones((2, 2))), "concatenate: "),
        (lambda: ops.concatenate(X, Tensor(1.0)), "concatenate: "),
        (lambda: ops.concatenate(), "concatenate: "),
    ],
)
def test_shapes_that_do_not_fit_are_named(bad, message):
    with pytest.raises(ShapeError, match=message) as caught:
        bad()
    assert isinstance(caught.value, ValueError)


def test_what_is_not_a_number_is_refused():
    for bad in (None, "3", object(), [None, 1.0], np.array(["a"]), np.array([None])):
        for use in (lambda b: X + b, lambda b: X.__rmul__(b), ops.exp):
            with pytest.raises(DtypeError):
                use(bad)
    with pytest.raises(GraphError, match="cannot be written to"):
        X[0] = 1.0
