"""Every op of the engine, by one table: values, gradients, memory layout, dtypes, manners."""

import functools
import importlib
import inspect
import pkgutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from op_table import TABLE, broadcast_pair, cases, positive

import npft.autograd
from npft.autograd import Tensor, kernels, losses, ops, primitive, segments
from npft.errors import ConfigError, DtypeError, GraphError, NonFiniteError, ShapeError
from npft.testing import check_op, generators

ROW, SQUARE = np.array([2.0, 3.0]), np.eye(2)

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
def test_what_has_no_gradient_can_be_given_by_keyword_only(name):
    kinds = [p.kind for p in inspect.signature(TABLE[name].op.raw).parameters.values()]
    arrays = {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.VAR_POSITIONAL}
    for kind, p in zip(kinds, inspect.signature(TABLE[name].op.raw).parameters.values()):
        assert kind in arrays if p.default is p.empty and p.annotation is p.empty else (
            kind is inspect.Parameter.KEYWORD_ONLY
        ), p.name


@pytest.mark.parametrize(
    "ours, numpys",
    [
        (lambda a: ops.stack(a, a), lambda a: np.stack([a, a])),
        (lambda a: ops.concatenate(a, a), lambda a: np.concatenate([a, a])),
        (ops.transpose, np.transpose), (ops.sum, np.sum), (ops.mean, np.mean), (ops.max, np.max),
        (ops.norm, np.linalg.norm), (ops.clip, lambda a: a), (lambda a: Tensor(a).sum(0), lambda a: a.sum(0)),
    ],
)  # fmt: skip
def test_what_is_left_out_is_as_in_numpy(ours, numpys):
    a = np.array([[3.0, -1.0, 0.5], [2.0, 4.0, 1.0]])
    np.testing.assert_allclose(ours(a).data, numpys(a), rtol=1e-15)


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


@pytest.mark.parametrize(
    "name, case",
    [(name, case) for name in TABLE for case in TABLE[name].bad],
    ids=[f"{name}-{i}" for name in TABLE for i in range(len(TABLE[name].bad))],
)
def test_bad_input_is_refused_in_words_that_name_the_op(name, case):
    with pytest.raises(case.error, match=f"^{name}: .*{case.message}"):
        TABLE[name].op(*case.arrays, **case.constants)


def test_every_op_refuses_something():
    assert not [name for name in TABLE if not TABLE[name].bad]


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
        (x.abs(), a), (abs(-x), a),
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


@pytest.mark.parametrize(
    "fn, at, slopes",
    [
        (ops.abs, [-2.0, 0.0, -0.0, 3.0], [-1, 0, 0, 1]),
        (ops.relu, [-2.0, 0.0, 3.0], [0, 0, 1]),
        (ops.norm, [0.0, 0.0], [0, 0]),
        (lambda x: ops.maximum(x, 1.0), [0.0, 1.0, 2.0], [0, 0.5, 1]),
        (lambda x: ops.maximum(1.0, x), [0.0, 1.0, 2.0], [0, 0.5, 1]),
        (lambda x: ops.minimum(x, 1.0), [0.0, 1.0, 2.0], [1, 0.5, 0]),
        (lambda x: ops.minimum(1.0, x), [0.0, 1.0, 2.0], [1, 0.5, 0]),
        (lambda x: ops.maximum(x, x), [5.0], [1]),
        (lambda x: ops.clip(x, min=0, max=1), [-0.1, 0.0, 0.5, 1.0, 1.1], [0, 1, 1, 1, 0]),
        (lambda x: ops.clip(x, min=0), [-0.1, 0.0, 9.0], [0, 1, 1]),
        (lambda x: ops.clip(x, max=1), [-9.0, 1.0, 1.1], [1, 1, 0]),
    ],
)
def test_slopes_at_corners_are_the_stated_ones(fn, at, slopes):
    x = Tensor(at, requires_grad=True)
    fn(x).sum().backward()
    assert x.grad.tolist() == slopes


def test_a_not_a_number_is_never_hidden():
    x = Tensor([np.nan, 1.0], requires_grad=True)
    for fn in (ops.abs, ops.relu, ops.norm, ops.sigmoid, lambda x: ops.maximum(x, 0.0),
               lambda x: ops.minimum(0.0, x), lambda x: ops.clip(x, min=0, max=1)):  # fmt: skip
        assert np.isnan(fn(x).data.ravel()[0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_numbers_overflow_nowhere(dtype):
    x = np.array([-1000.0, 0.0, 1000.0], dtype)
    assert ops.sigmoid(x).data.tolist() == [0.0, 0.5, 1.0]
    assert ops.logsumexp(x).item() == 1000.0
    assert kernels.log_softmax(x).data.tolist() == [-2000.0, -1000.0, 0.0]
    assert kernels.softmax(x).data.tolist() == [0.0, 0.0, 1.0]
    assert losses.bce_with_logits(x, targets=np.array([0, 1, 1])).dtype == dtype
    np.testing.assert_allclose(
        losses.bce_with_logits(x, targets=np.array([1.0, 0, 0])).item(), (2000 + np.log(2)) / 3
    )
    np.testing.assert_allclose(
        losses.kl_divergence(x[None], targets=np.array([[1.0, 0, 0]])).item(), 2000
    )
    for op in (ops.sigmoid, ops.logsumexp, kernels.log_softmax):
        t = Tensor(x, requires_grad=True)
        op(t).sum().backward()
        assert np.isfinite(t.grad).all() and t.grad.dtype == dtype


def test_sigmoid_keeps_the_digits_of_small_results():
    x = np.array([-700.0, -100.0, -40.0, 40.0])
    out, vjp = ops.sigmoid.raw(x)
    np.testing.assert_allclose(out[:3], np.exp(x[:3]), rtol=1e-15)
    np.testing.assert_allclose(vjp(np.ones(4)), np.exp(-np.abs(x)), rtol=1e-14)


def test_where_takes_gradients_apart_and_has_the_stated_trap():
    x = Tensor([0.0, 4.0], requires_grad=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        ops.where(x.sqrt(), 0.0, condition=x.data > 0).sum().backward()
    assert np.isnan(x.grad[0]) and x.grad[1] == 0.25  # 0 * inf
    x.grad = None
    safe = ops.where(x, 1.0, condition=x.data > 0)
    ops.where(safe.sqrt(), 0.0, condition=x.data > 0).sum().backward()
    assert x.grad.tolist() == [0.0, 0.25]


@pytest.mark.parametrize("name", ["condition", "factor", "targets", "offsets"])
def test_a_constant_that_changes_before_backward_changes_no_gradient(name):
    x = Tensor([[0.5, -1.0], [2.0, 0.25]], requires_grad=True)
    build = {
        "condition": (lambda c: ops.where(x, 0.0, condition=c), np.array([[True, False]] * 2)),
        "factor": (lambda c: kernels.scale(x, factor=c), np.array([[2.0, 3.0]] * 2)),
        "targets": (lambda c: losses.kl_divergence(x, targets=c), np.full((2, 2), 0.5)),
        "offsets": (lambda c: segments.segment_softmax(x, offsets=c)[:, 0], np.array([0, 1, 2])),
    }[name]
    fn, constant = build
    gradients = []
    for spoil in (False, True):
        given = constant.copy()
        loss = (fn(given) * 1.5).sum()
        if spoil:
            given[...] = ~given if given.dtype == bool else 0
        loss.backward()
        gradients.append(x.grad)
        x.grad = None
    np.testing.assert_array_equal(*gradients)


class Column:
    """What has an array, as a column of pandas does, and is none."""

    def __init__(self, values):
        self.values = np.array(values)

    def __array__(self, dtype=None, copy=None):
        return self.values if dtype is None else self.values.astype(dtype)


@pytest.mark.parametrize("kind", [np.array, Column])
@pytest.mark.parametrize("op, arrays, name, constant", [
    (ops.where, [ROW, ROW], "condition", [True, False]),
    (ops.getitem, [ROW], "index", [0, 1]),
    (losses.mse, [ROW], "target", [1.0, 2.0]),
    (losses.softmax_cross_entropy, [SQUARE], "targets", [0, 1]),
    (kernels.scale, [ROW], "factor", [1.0, 2.0]),
    (kernels.embedding, [SQUARE], "ids", [0, 1]),
    (segments.segment_sum, [SQUARE], "offsets", [0, 1, 2]),
])  # fmt: skip
def test_what_an_op_is_given_as_a_constant_is_its_own(op, arrays, name, constant, kind):
    given, seen = kind(constant), []

    @functools.wraps(op.raw)
    def watched(*arrays, **constants):
        seen.append(np.asarray(constants[name]))
        return op.raw(*arrays, **constants)

    primitive(watched)(*arrays, **{name: given})
    assert seen[0].tolist() == constant
    assert not np.shares_memory(seen[0], np.asarray(given))


def test_targets_of_losses_take_the_dtype_of_the_input():
    x = Tensor(np.full((2, 2), 0.5), requires_grad=True, dtype=np.float32)
    half = np.full((2, 2), 0.5)
    for loss in (
        losses.mse(x, target=half),
        losses.squared_distance(x, target=half),
        losses.bce_with_logits(x, targets=half),
        losses.kl_divergence(x, targets=half),
        kernels.scale(x, factor=half).sum(),
    ):
        assert loss.dtype == np.float32
        loss.backward()
        assert x.grad.dtype == np.float32


def test_losses_are_zero_where_nothing_is_left_to_learn():
    z = np.array([[1.0, 2.0, 0.5]])
    assert abs(losses.kl_divergence(z, targets=kernels.softmax(z).data).item()) < 1e-15
    assert losses.mse(z, target=z).item() == 0
    assert losses.bce_with_logits(np.array([800.0]), targets=np.array([1])).item() == 0


@pytest.mark.parametrize("keepdims", [True, False])
@pytest.mark.parametrize("fn", [ops.sum, ops.mean, ops.max, ops.norm, ops.logsumexp])
def test_a_number_without_axes_may_be_reduced_over_axis_0_as_in_numpy(fn, keepdims):
    for axis in (0, -1, None):
        x = Tensor(2.0, requires_grad=True)
        fn(x, axis=axis, keepdims=keepdims).backward()
        assert x.grad.shape == () and x.grad == 1.0


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
    "wrong, message",
    [
        (lambda: X + np.ones(2), r"add: inputs of shape \(2, 3\) and \(2,\)"),
        (lambda: X @ X, r"matmul: inputs of shape \(2, 3\) and \(2, 3\)"),
        (lambda: X.mean(axis=-3), "mean: .* axis -3 is out of bounds"),
        (lambda: X.reshape(4), r"reshape: .* cannot reshape array of size 6 into shape \(4,\)"),
        (lambda: X.transpose(0, 0), "transpose: .* repeated axis"),
        (lambda: X.sum(2), "sum: .* axis 2 is out of bounds"),
    ],
)
def test_operators_and_methods_name_shapes_that_do_not_fit(wrong, message):
    with pytest.raises(ShapeError, match=message) as caught:
        wrong()
    assert isinstance(caught.value, ValueError)


def test_what_is_not_a_number_is_refused():
    for bad in (None, "3", object(), [None, 1.0], np.array(["a"]), np.array([None])):
        for use in (lambda b: X + b, lambda b: X.__rmul__(b), ops.exp):
            with pytest.raises(DtypeError):
                use(bad)
    with pytest.raises(GraphError, match="cannot be written to"):
        X[0] = 1.0


def test_arrays_are_joined_along_the_first_axis_unless_another_is_named():
    a, b = np.ones((2, 3)), np.zeros((2, 3))
    assert ops.stack(a, b).data.tolist() == [a.tolist(), b.tolist()]
    assert ops.concatenate(a, b).data.tolist() == [*a.tolist(), *b.tolist()]


def test_limits_may_be_equal():
    assert ops.clip(np.array([0.0, 2.0]), min=1, max=1).data.tolist() == [1.0, 1.0]


# --- powers, and calls of NumPy's functions -----------------------------------------------------


@given(st.data(), generators())
def test_a_power_of_two_tensors_has_the_value_and_both_gradients_of_calculus(data, rng):
    shape, other = broadcast_pair(data.draw)
    a, b = np.array(positive(rng, shape)), np.array(rng.uniform(-2, 2, other))
    np.testing.assert_allclose((Tensor(a) ** Tensor(b)).data, a**b, rtol=1e-14)
    check_op(lambda x, y: x**y, a, b, rng=rng)
    check_op(lambda x: x**b, a, rng=rng)
    check_op(lambda y: a**y, b, rng=rng)
    check_op(lambda y: 2**y, b, rng=rng)
    check_op(lambda x: x**x, a, rng=rng)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_power_keeps_the_dtype_of_the_tensor(dtype):
    x = Tensor([1.0, 3.0], requires_grad=True, dtype=dtype)
    two = Tensor([2.0, 2.0], dtype=dtype)
    for base in (2, 2.0, np.float64(2), np.int64(2), np.array([2, 3]), [2, 2], two):
        y = base**x
        assert y.dtype == dtype
        np.testing.assert_allclose(y.data[0], 2, rtol=1e-6)
    for exponent in (np.array([2, 2]), [2, 2], two):
        assert (x**exponent).dtype == dtype
        np.testing.assert_allclose((x**exponent).data, [1, 9], rtol=1e-6)


def test_a_power_with_one_number_as_exponent_is_the_op_it_was():
    x = Tensor([-2.0, 3.0], requires_grad=True)
    for exponent in (2, 2.0, np.float64(2), np.int64(2)):
        assert (x**exponent).data.tolist() == [4.0, 9.0] and "op=power" in repr(x**exponent)


@pytest.mark.parametrize("base", [Tensor([1.0, 0.0]), Tensor([1.0, -2.0]), Tensor([1.0, np.nan])])
def test_a_base_that_is_not_above_zero_is_refused_where_the_exponent_varies(base):
    with pytest.raises(NonFiniteError, match=r"a is .* at \(1,\), expected numbers above 0.* a \*\*"):
        base ** Tensor([1.0, 1.0], requires_grad=True)
    with pytest.raises(NonFiniteError, match=r"a is -2 at \(\)"):
        (-2) ** Tensor([1.0], requires_grad=True)


def test_a_power_of_what_is_no_number_is_refused():
    for wrong in (lambda: "2" ** X, lambda: None**X, lambda: X ** "2", lambda: X**None):
        with pytest.raises(DtypeError, match="cannot be made an array of floats"):
            wrong()


@pytest.mark.parametrize(
    "call, error, message",
    [
        (np.exp, DtypeError, r"np.exp takes no tensor.* write ops.exp\(x\) .*np.exp\(x.data\)"),
        (np.abs, DtypeError, r"write ops.abs\(x\)"),
        (lambda x: np.maximum(x, 0), DtypeError, r"write ops.maximum\(x\)"),
        (np.sin, DtypeError, "build it of those in ops"),
        (np.prod, DtypeError, "np.multiply.reduce takes no tensor"),
        (lambda x: np.ones(3).__iadd__(x), DtypeError, r"write a = a \+ x for a \+= x"),
        (np.sum, ConfigError, r"sum: out= .* for np.sum\(x\) write x.sum\(\)"),
        (np.mean, ConfigError, r"for np.mean\(x\) write x.mean\(\)"),
        (np.max, ConfigError, r"for np.max\(x\) write x.max\(\)"),
        (lambda x: x.sum(dim=0), ConfigError, "sum: dim= is unknown here; write axis="),
        (lambda x: x.mean(0, keepdim=True), ConfigError, "mean: keepdim= .*; write keepdims="),
        (lambda x: np.zeros((2, 3)) == x, DtypeError, "compare their values"),
        (lambda x: np.zeros((2, 3)) < x, DtypeError, "compare their values"),
    ],
)
def test_a_call_from_another_library_is_told_what_to_write(call, error, message):
    for x in (X, Tensor(np.ones((2, 3)), requires_grad=True)):
        with pytest.raises(error, match=message):
            call(x)
