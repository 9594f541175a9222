"""What the engine promises: right sums over a graph, no silent wrong answer, no leak."""

import copy
import gc
import math
import pickle
import threading
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.autograd import Tensor, grad, kernels, losses, no_grad, ops, primitive
from npft.errors import ConfigError, DtypeError, GraphError, NpftError, ShapeError
from npft.nn.layers import Linear
from npft.nn.module import Parameter


def leaf(data, dtype=None):
    return Tensor(data, requires_grad=True, dtype=dtype)


# --- sums over the graph ------------------------------------------------------------------------


def test_a_value_used_many_times_gets_the_sum_of_its_gradients():
    x = leaf([2.0, 3.0])
    (x * x + x + x * 3).sum().backward()
    assert x.grad.tolist() == [2 * 2 + 1 + 3, 2 * 3 + 1 + 3]


def test_a_cube_of_a_number_without_axes():
    x = leaf(2.0)
    y = x * x
    (y * y * y).backward()  # x ** 6
    assert x.grad == 6 * 2.0**5
    assert type(x.grad) is np.ndarray and x.grad.shape == ()
    (x * x).backward()
    assert type(x.grad) is np.ndarray and x.grad == 6 * 2.0**5 + 4


def test_a_row_of_diamonds_doubles_each_time():
    x = leaf(1.0)
    y = x
    for _ in range(30):
        y = y + y
    y.backward()
    assert x.grad == 2**30


def test_branches_of_different_length_join_before_they_go_on():
    x = leaf([0.5])
    y = x.exp()
    z = (y * y.tanh().exp() + y).sum()  # y is reached over 1, 3 and 1 ops
    z.backward()
    e = math.exp(0.5)
    t = math.tanh(e)
    want = e * (math.exp(t) + e * math.exp(t) * (1 - t * t) + 1)
    assert abs(x.grad[0] - want) < 1e-12


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.booleans()), max_size=9))
def test_any_graph_of_sums_and_products_has_the_gradient_of_forward_counting(program):
    """Each line of the program combines two earlier values; forward mode gives the same number."""
    values, slopes = [leaf(1.1)], [1.0]
    x = values[0]
    for i, j, product in program:
        a, b = i % len(values), j % len(values)
        if product:
            slopes.append(slopes[a] * values[b].item() + slopes[b] * values[a].item())
            values.append(values[a] * values[b] * 0.5)
            slopes[-1] *= 0.5
        else:
            slopes.append(slopes[a] + slopes[b])
            values.append(values[a] + values[b])
    values[-1].backward()
    assert math.isclose(x.grad.item(), slopes[-1], rel_tol=1e-9)


def test_a_chain_of_20000_ops_works_and_is_freed_without_recursion():
    x = leaf(1.0)
    y = x
    for _ in range(20_000):
        y = y + 1e-3
    y.backward()
    assert x.grad == 1.0
    z = x
    for _ in range(20_000):
        z = z + 1e-3
    del z  # never walked: freeing must not overflow the stack either


def test_backward_on_a_leaf_gives_the_seed():
    x = leaf([1.0, 2.0])
    x.backward([3.0, 4.0])
    assert x.grad.tolist() == [3.0, 4.0]


def test_the_vjp_is_linear_in_the_seed():
    rng = np.random.default_rng(0)
    data, u, v = rng.standard_normal((3, 4, 3))

    def pull(seed):
        x = leaf(data)
        (kernels.softmax(x) * x.tanh()).backward(seed)
        return x.grad

    np.testing.assert_allclose(pull(2 * u - 3 * v), 2 * pull(u) - 3 * pull(v), atol=1e-14)


# --- .grad --------------------------------------------------------------------------------------


def test_backward_of_two_losses_adds_up_and_none_starts_anew():
    x = leaf([1.0, 2.0])
    (x * 3).sum().backward()
    (x * x).sum().backward()
    assert x.grad.tolist() == [5.0, 7.0]
    x.grad = None
    (x * 3).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_gradients_of_a_sum_share_no_memory():
    x, y = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    seed = np.array([5.0, 6.0])
    (x + y).backward(seed)
    assert not np.shares_memory(x.grad, y.grad) and not np.shares_memory(x.grad, seed)
    x.grad[:] = 0  # a repair may write to a gradient
    assert y.grad.tolist() == [5.0, 6.0]


def test_adding_to_grad_makes_a_new_array():
    x = leaf([1.0])
    (x * 2).sum().backward()
    first = x.grad
    (x * 2).sum().backward()
    assert first.tolist() == [2.0] and x.grad.tolist() == [4.0]


def test_only_leaves_that_want_it_keep_a_gradient():
    x, constant = leaf([1.0]), Tensor([2.0])
    y = x * constant
    y.sum().backward()
    assert y.grad is None and constant.grad is None and x.grad.tolist() == [2.0]


def test_broadcasting_is_undone():
    row, column, number = leaf([1.0, 2.0, 3.0]), leaf([[1.0], [2.0]]), leaf(5.0)
    ((row + column) * number).sum().backward()
    assert row.grad.tolist() == [10.0] * 3
    assert column.grad.tolist() == [[15.0]] * 2
    assert number.grad == 21.0


# --- grad ---------------------------------------------------------------------------------------


def test_grad_leaves_dot_grad_alone_and_works_for_values_on_the_way():
    x = leaf(3.0)
    y = x * x
    loss = y * x
    gx, gy, gloss = grad(loss, [x, y, loss])
    assert (gx, gy, gloss) == (27.0, 3.0, 1.0)
    assert x.grad is None and y.grad is None


def test_grad_gives_arrays_of_its_own():
    x, y = leaf([1.0]), leaf([2.0])
    a, b = grad((x + y).sum(), [x, y])
    assert not np.shares_memory(a, b)
    a[:] = 9.0
    assert b.tolist() == [1.0]


def test_grad_refuses_a_tensor_the_loss_does_not_depend_on():
    x, other, frozen = leaf([1.0]), leaf([1.0]), Tensor([1.0])
    for stranger in (other, frozen, other * 2):
        with pytest.raises(GraphError, match=r"does not depend on wrt\[1\]"):
            grad((x * frozen).sum(), [x, stranger])


# --- no silent wrong answers --------------------------------------------------------------------


def test_a_second_backward_raises():
    x = leaf([1.0, 2.0])
    y = x * x
    y.sum().backward()
    with pytest.raises(GraphError, match="multiply: this graph was walked before"):
        (y * 3).sum().backward()  # a part of it was walked
    assert x.grad.tolist() == [2.0, 4.0]


def test_backward_after_a_parameter_changed_raises():
    for change in (lambda w: w.assign(np.array([9.0])), lambda w: setattr(w, "version", 7)):
        for w in (Parameter([2.0]), Parameter([2.0])):
            x = leaf([3.0])
            loss = (w * x).sum()
            change(w)
            with pytest.raises(GraphError, match=r"a parameter of shape \(1,\) was changed after"):
                loss.backward()
            assert w.grad is None and x.grad is None


def test_a_frozen_parameter_that_changed_is_noticed_too():
    w, x = Parameter([2.0]), leaf([3.0])
    w.requires_grad = False
    loss = (w * x).sum()
    w.assign(np.array([9.0]))
    with pytest.raises(GraphError, match="changed after"):
        loss.backward()


@pytest.mark.parametrize(
    "look",
    [Tensor.detach, lambda w: w.reshape(-1), lambda w: w[:], lambda w: w.T, lambda w: w.detach().T],
)
def test_values_taken_from_a_parameter_do_not_change_with_it(look):
    w, x = Parameter([2.0, 5.0]), leaf([1.0, 1.0])
    w.requires_grad = False
    taken = look(w)
    loss = (taken * x).sum()
    w.assign(np.array([9.0, 9.0]))
    loss.backward()
    assert x.grad.tolist() == [2.0, 5.0] == taken.data.tolist()


@pytest.mark.parametrize("look", [
    lambda w: w.reshape(-1), lambda w: w[:], lambda w: w.T, lambda w: w.reshape(1, 2).T[:, 0],
    lambda w: ops.broadcast_to(w, shape=(1, 2)), lambda w: same(w),
])  # fmt: skip
def test_a_recorded_view_of_a_parameter_keeps_its_values_too(look):
    w = Parameter([2.0, 5.0])
    taken = look(w)
    assert taken.requires_grad
    w.assign(np.array([9.0, 9.0]))
    assert taken.data.ravel().tolist() == [2.0, 5.0]
    with pytest.raises(GraphError, match="changed after"):
        taken.sum().backward()


@primitive
def same(x):
    return x, lambda g: g


def test_tensor_copies_its_input_and_is_read_only():
    source = np.array([1.0, 2.0])
    x = leaf(source)
    y = x * 2
    source[:] = 0
    assert x.data.tolist() == [1.0, 2.0]
    for tensor in (x, y, x.detach(), Tensor(x.detach()), x[:1], x.T, x.reshape(2, 1)):
        with pytest.raises(ValueError, match="read-only"):
            tensor.data[...] = 5
        with pytest.raises(GraphError, match="cannot be written to"):
            tensor[0] = 5
    copy = x.numpy()
    copy[:] = 7
    assert x.data.tolist() == [1.0, 2.0]
    other = np.asarray(x.detach())
    other[:] = 7
    assert x.data.tolist() == [1.0, 2.0]


def test_a_constant_array_that_changes_before_backward_changes_no_gradient():
    x, c, d = leaf([1.0, 2.0]), np.array([3.0, 4.0]), np.array([[1.0], [1.0]])
    y = (x * c).sum() + (x @ d).sum() + (x * c.astype(np.float32)).sum()
    c[:], d[:] = 0, 0
    y.backward()
    assert x.grad.tolist() == [3.0 + 1 + 3, 4.0 + 1 + 4]


def test_an_op_on_a_plain_array_keeps_its_own_values():
    a = np.array([1.0, 2.0])
    views = [ops.reshape(a, shape=(2, 1)), ops.transpose(a), ops.getitem(a, index=slice(None))]
    a[:] = 9
    assert all(v.data.ravel().tolist() == [1.0, 2.0] for v in views)


def test_ids_that_change_before_backward_change_no_gradient():
    table, ids = leaf(np.ones((3, 1))), np.array([0, 0, 2])
    logits, targets = leaf(np.zeros((1, 2))), np.array([1])
    loss = kernels.embedding(table, ids=ids).sum()
    loss = loss + losses.softmax_cross_entropy(logits, targets=targets)
    ids[:], targets[:] = 1, 0
    loss.backward()
    assert table.grad.ravel().tolist() == [2.0, 0.0, 1.0]
    assert logits.grad.tolist() == [[0.5, -0.5]]


# --- memory -------------------------------------------------------------------------------------


def watched():
    """An op whose output array can be watched: it lives as long as the graph needs it."""
    seen = []

    @primitive
    def double(x):
        out = np.array(2 * x)
        seen.append(weakref.ref(out))
        return out, lambda g: 2 * g + 0 * out

    return double, seen


def without_collector(body):
    gc.collect()
    gc.disable()
    try:
        body()
    finally:
        gc.enable()


def test_a_dropped_graph_dies_by_reference_count():
    def body():
        double, seen = watched()
        x = leaf(np.ones(3))
        y = double(double(x) * double(x)).sum()
        assert sum(ref() is not None for ref in seen) == 3
        del y
        assert all(ref() is None for ref in seen)

    without_collector(body)


def test_backward_frees_the_arrays_of_the_graph_while_the_loss_lives():
    def body():
        double, seen = watched()
        x = leaf(np.ones(3))
        loss = (double(double(x)) * 1.0).sum()
        loss.backward()
        assert all(ref() is None for ref in seen)
        assert loss.item() == 12.0

    without_collector(body)


def test_arrays_are_freed_during_the_walk_and_not_only_at_its_end():
    alive = []
    double, seen = watched()

    @primitive
    def spy(x):
        def vjp(g):
            alive.append(sum(ref() is not None for ref in seen))
            return g

        return x + 0, vjp

    def body():
        x = leaf(np.ones(3))
        double(double(spy(double(x)))).sum().backward()
        # of two ops behind the spy only the output that the spy's child still holds may be left
        assert alive == [1]

    without_collector(body)


# --- what is recorded ---------------------------------------------------------------------------


def test_no_grad_records_nothing_and_ends_also_after_an_error():
    x = leaf([1.0])
    with no_grad():
        with no_grad():
            pass
        y = x * x
    assert not y.requires_grad
    with pytest.raises(GraphError, match="nothing was recorded"):
        y.backward()
    with pytest.raises(KeyError), no_grad():
        raise KeyError
    assert (x * x).requires_grad


def test_threads_have_their_own_graphs_and_their_own_no_grad():
    results, barrier = {}, threading.Barrier(2, timeout=10)

    def work(name, quiet):
        x = leaf(np.full(50, 2.0))
        barrier.wait()
        for _ in range(40):
            y = x
            for _ in range(10):
                y = y * 1.0 + x * 0.0
            if quiet:
                with no_grad():
                    barrier.wait()
                    results[name, "quiet"] = (x * x).requires_grad
                    barrier.wait()
            else:
                barrier.wait()
                results[name, "loud"] = (x * x).requires_grad
                barrier.wait()
            y.sum().backward()
        results[name] = x.grad

    threads = [threading.Thread(target=work, args=a) for a in (("a", True), ("b", False))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert results["a"].tolist() == results["b"].tolist() == [40.0] * 50
    assert results["a", "quiet"] is False and results["b", "loud"] is True


def test_a_frozen_parent_costs_no_product(monkeypatch):
    asked = []

    @primitive
    def product(a, b, *, need=(True, True)):
        def vjp(g):
            asked.append(need)
            return g * b if need[0] else None, g * a if need[1] else None

        return a * b, vjp

    x, w = leaf([2.0]), Tensor([3.0])
    product(x, w).sum().backward()
    product(w, x * 1.0).sum().backward()
    product(x, x).sum().backward()
    assert asked == [(True, False), (False, True), (True, True)]
    with no_grad():
        assert not product(x, w).requires_grad
    weight, bias = leaf(np.ones((4, 2))), leaf(np.zeros(4))
    calls = []
    column_sums = kernels.column_sums
    monkeypatch.setattr(kernels, "column_sums", lambda g: calls.append(1) or column_sums(g))
    bias.requires_grad = False
    y = kernels.linear(leaf(np.ones((3, 2))), weight, bias)
    y.sum().backward()
    assert not calls and bias.grad is None and weight.grad is not None


def test_need_of_linear_gives_none_for_what_is_frozen():
    arrays = np.ones((3, 2)), np.ones((4, 2)), np.ones(4)
    for frozen in range(3):
        need = tuple(i != frozen for i in range(3))
        parts = kernels.linear.raw(*arrays, need=need)[1](np.ones((3, 4)))
        assert [p is None for p in parts] == [not n for n in need]


def test_a_graph_of_constants_is_not_recorded():
    y = Tensor([1.0]) * Tensor([2.0])
    assert not y.requires_grad and "op=" not in repr(y)


def test_requires_grad_can_be_set_on_leaves_only():
    x = leaf([1.0])
    with pytest.raises(GraphError, match="leaves only"):
        (x * x).requires_grad = False
    x.requires_grad = False
    assert not (x * x).requires_grad


# --- dtypes -------------------------------------------------------------------------------------


def test_float32_beside_float64_is_refused():
    narrow, wide = leaf([1.0], np.float32), leaf([1.0], np.float64)
    for mix in (lambda: narrow + wide, lambda: wide @ narrow, lambda: narrow * np.array([1.0])):
        with pytest.raises(DtypeError, match="float32"):
            mix()
    assert (wide * np.array([1.0], np.float32)).dtype == np.float64  # nothing is lost


def test_numbers_and_integer_arrays_take_the_dtype_of_the_tensor():
    for dtype in (np.float32, np.float64):
        x = leaf([3.0], dtype)
        for number in (2, 2.0, True, np.float64(2), np.float32(2), np.int8(2), np.array([2])):
            for y in (x * number, number * x, x / number, x - number, number - x):
                assert y.dtype == dtype, number
        for y in (x ** np.float64(2), x**2, x ** np.int64(-1), x + [1], x + np.array([True])):
            assert y.dtype == dtype
        (x * np.float64(2)).sum().backward()
        assert x.grad.dtype == dtype


def test_ints_are_not_made_floats_in_silence():
    for bad in ([1, 2], np.array([True]), np.array([1], np.uint8), 3):
        with pytest.raises(DtypeError, match="write Tensor.data, dtype=np.float64"):
            Tensor(bad, requires_grad=True)
    assert Tensor([1, 2], dtype=np.float32).data.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    "bad",
    [None, "3", object(), [None, 1.0], [[1.0], [1.0, 2.0]], ["a"], np.array([1.0], object),
     np.ones(2, np.float16), np.ones(2, np.longdouble), np.ones(2, np.complex64),
     np.array(["2020-01-01"], "M8[D]")],
)  # fmt: skip
def test_data_that_are_no_floats_are_refused(bad):
    with pytest.raises(DtypeError):
        Tensor(bad)
    if np.asarray(bad, object).dtype.kind != "f" and not isinstance(bad, np.ndarray):
        with pytest.raises(DtypeError):
            Tensor(bad, dtype=np.float64)


def test_complex_numbers_are_not_cut_to_real_ones():
    with pytest.raises(DtypeError):
        Tensor(np.array([1j]), dtype=np.float64)


# --- what a vjp returns is checked --------------------------------------------------------------


def bad_op(vjp, shape=(2, 3)):
    @primitive
    def bad(x):
        return np.ones(shape) * x.sum(), vjp

    return bad


@pytest.mark.parametrize(
    "vjp, message",
    [
        (lambda g: g.T, r"shape \(3, 2\) and dtype float64 for an input of shape \(2, 3\)"),
        (lambda g: g[0], r"shape \(3,\)"),
        (lambda g: g.sum(), r"shape \(\)"),
        (lambda g: np.ones((4, 3, 2)), r"shape \(4, 3, 2\)"),
        (lambda g: np.ones((4, 3)), r"shape \(4, 3\)"),
        (lambda g: g.astype(np.float32), "dtype float32"),
        (lambda g: g.astype(np.complex128), "dtype complex128"),
        (lambda g: (g, g), "2 gradients for 1 inputs"),
        (lambda g: (), "0 gradients for 1 inputs"),
    ],
)
def test_a_wrong_gradient_names_the_op(vjp, message):
    with pytest.raises(GraphError, match=f"bad: its vjp returned .*{message}"):
        bad_op(vjp)(leaf(np.ones((2, 3)))).sum().backward()


@pytest.mark.parametrize("shape", [(1,), (1, 3), (1, 1), (3, 1)])
def test_a_gradient_without_an_axis_of_length_one_is_refused(shape):
    for result in (lambda g: g.sum(), lambda g: np.ones(3)):
        if result(np.ones(3)).shape != shape and np.ndim(result(np.ones(3))) < len(shape):
            with pytest.raises(GraphError, match="bad: its vjp returned"):
                bad_op(result)(leaf(np.ones(shape))).sum().backward()


def test_a_vjp_may_not_write_to_the_gradient_it_is_given():
    @primitive
    def greedy(x):
        def vjp(g):
            g *= 2
            return g

        return x * 2, vjp

    x = leaf([1.0])
    with pytest.raises(ValueError, match="read-only"):
        greedy(x).backward([1.0])


@pytest.mark.parametrize("result", [lambda x: x, lambda x: (x, None), lambda x: (x, x, x)])
def test_an_op_without_a_derivative_is_refused_at_once(result):
    @primitive
    def half_done(x):
        return result(x)

    with pytest.raises(GraphError, match="half_done: a primitive returns"):
        half_done(leaf([1.0, 2.0]))


# --- other bad input ----------------------------------------------------------------------------


def test_backward_of_several_elements_needs_a_seed():
    x = leaf([[1.0, 2.0]])
    with pytest.raises(GraphError, match=r"shape \(1, 2\), not one element; call .sum\(\)"):
        (x * 2).backward()
    with pytest.raises(ShapeError, match=r"grad has shape \(2,\), the tensor \(1, 2\)"):
        (x * 2).backward([1.0, 1.0])
    with pytest.raises(DtypeError, match="backward: grad"):
        (x * 2).backward("one")
    with pytest.raises(GraphError, match=r"shape \(0,\), not one element"):
        (leaf([]) * 2).backward()
    (x * 2).sum(keepdims=True).backward()  # one element will do, whatever its axes
    assert x.grad.tolist() == [[2.0, 2.0]]


def test_backward_without_a_leaf_that_wants_it_says_so():
    with pytest.raises(GraphError, match="requires_grad=True"):
        (Tensor([1.0]) * 2).sum().backward()


@pytest.mark.parametrize("bad", [np.ones(3), np.ones((2, 1)), np.ones(2, np.float32), 1.0, "a"])
def test_grad_of_another_shape_or_dtype_cannot_be_assigned(bad):
    with pytest.raises(ShapeError, match=r"expected \(2,\) and float64"):
        leaf([1.0, 2.0]).grad = bad


def test_item_len_and_bool_of_what_has_none():
    assert Tensor([[2.5]]).item() == 2.5 and len(Tensor([1.0, 2.0])) == 2 and bool(Tensor([1.0]))
    for bad in (lambda: Tensor([1.0, 2.0]).item(), lambda: bool(Tensor([1.0, 2.0]))):
        with pytest.raises(ShapeError, match=r"one element, this tensor has shape \(2,\)"):
            bad()
    with pytest.raises(ShapeError, match="without axes"):
        len(Tensor(1.0))


def test_errors_are_of_the_standard_class_too():
    for bad, standard in [
        (lambda: Tensor("a"), TypeError),
        (lambda: Tensor([1.0, 2.0]) + np.ones(3), ValueError),
        (lambda: Tensor([1.0]).backward(), RuntimeError),
    ]:
        with pytest.raises(standard) as caught:
            bad()
        assert isinstance(caught.value, NpftError)


def test_repr_names_what_matters():
    x = leaf([1.0])
    assert repr(x) == "Tensor([1.], shape=(1,), dtype=float64, requires_grad=True)"
    assert repr(x * 2) == "Tensor([2.], shape=(1,), dtype=float64, op=multiply)"
    for axes in range(7):
        assert len(repr(Tensor(np.full([7] * axes, 1 / 3)))) < 2000


# --- doors through which a gradient could get lost ----------------------------------------------


@pytest.mark.parametrize(
    "door",
    [
        lambda x: np.where([True, False], x, 0.0),
        lambda x: np.concatenate([x, x]),
        lambda x: np.asarray(x),
        lambda x: Tensor([x, x]),
        lambda x: Tensor(x),
        lambda x: x.detach() * [x, x],
        lambda x: ops.stack([x, x]),
        lambda x: np.zeros(2).__setitem__(slice(None), x),
    ],
)
def test_numpy_and_lists_do_not_take_a_tensor_out_of_its_graph(door):
    x = leaf([1.0, 2.0])
    with pytest.raises(GraphError, match="NumPy would lose the gradient .* npft.autograd.ops"):
        door(x)
    with no_grad():
        if door(x) is not None:
            assert np.shape(np.asarray(door(x)))[-1] in (2, 4)


@pytest.mark.parametrize(
    "use",
    [
        lambda x, y: losses.mse(x, target=y),
        lambda x, y: kernels.scale(x, factor=y),
        lambda x, y: ops.clip(x, min=y),
        lambda x, y: losses.mse(x, target=y.detach()),
    ],
)
def test_a_tensor_is_no_constant(use):
    with pytest.raises(GraphError, match="has no gradient; give an array: .*=x.data"):
        use(leaf([1.0, 2.0]), leaf([1.0, 2.0]))


def test_an_array_given_by_keyword_to_an_op_of_ones_own_is_kept_as_it_was():
    @primitive
    def weighted(x, *, w):
        return x * w, lambda g: g * w

    x, w = leaf([1.0, 2.0]), np.array([2.0, 3.0])
    y = weighted(x, w=w).sum()
    w[:] = 100
    y.backward()
    assert x.grad.tolist() == [2.0, 3.0]


def test_a_matrix_and_a_masked_array_bring_no_arithmetic_of_their_own():
    x = leaf([[1.0, 1.0], [1.0, 1.0]])
    with pytest.warns(PendingDeprecationWarning):
        m = np.matrix([[1.0, 2.0], [3.0, 4.0]])
    (x * m).sum().backward()
    assert x.grad.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    with pytest.raises(DtypeError, match="argument 1 is masked; fill it first"):
        ops.add(x, np.ma.masked_array(np.ones((2, 2)), [[0, 1], [0, 0]]))


def test_a_copied_leaf_is_a_leaf_of_its_own_and_as_safe():
    for make in (copy.deepcopy, copy.copy, lambda t: pickle.loads(pickle.dumps(t))):
        for original in (leaf([1.0, 2.0]), Parameter([1.0, 2.0], parts=("a", "b"))):
            twin = make(original)
            assert type(twin) is type(original) and twin.requires_grad
            with pytest.raises(ValueError, match="read-only"):
                twin.data[0] = 100.0
            (twin * twin).sum().backward()
            assert twin.grad.tolist() == [2.0, 4.0] and original.grad is None
        with pytest.raises(GraphError, match="cannot be copied or pickled; use .detach"):
            make(leaf([1.0]) * 2)
    frozen = Parameter([1.0])
    frozen.requires_grad = False
    assert not copy.deepcopy(frozen).requires_grad


def test_a_copied_module_stays_whole():
    twin = copy.deepcopy(Linear(2, 1, rng=np.random.default_rng(0)))
    twin.load_state_dict({"weight": np.full((1, 2), 10.0), "bias": np.zeros(1)})
    assert twin(np.ones((1, 2), np.float32)).item() == 20.0


def test_values_are_not_compared_in_silence():
    x = leaf([1.0])
    for compare in (lambda: x == 1.0, lambda: x != x, lambda: x > 0, lambda: 1.0 in x):
        with pytest.raises(DtypeError, match="compare their values"):
            compare()
    assert {x: 1}[x] == 1 and x in [x]


def test_one_element_is_a_number_and_can_be_written():
    assert float(Tensor([2.5])) == 2.5 == leaf([2.5]).item() and f"{leaf(2.5):.3f}" == "2.500"
    assert int(Tensor(2.0)) == 2 and complex(Tensor(2.0)) == 2 and math.log(Tensor(1.0)) == 0
    assert f"{leaf(2.5)}" == repr(leaf(2.5))
    assert bool(Tensor(1.0)) and round(Tensor(2.5)) == 2 and round(Tensor(2.54), 1) == 2.5
    assert math.trunc(Tensor(-2.5)) == -2
    with pytest.raises(ShapeError, match="one element"):
        float(Tensor([1.0, 2.0]))


@pytest.mark.parametrize(
    "way",
    [float, int, bool, complex, round, math.log, math.floor, math.trunc, np.asarray, np.float64],
)
def test_python_and_numpy_may_not_take_a_number_out_of_the_graph(way):
    """Its gradient would be lost without a word: (w.sum() + math.log((w * w).sum()))."""
    for x in (leaf([2.0]), (leaf([2.0]) * 3).sum()):
        with pytest.raises(GraphError, match="would lose the gradient.*x.item"):
            way(x)
        with no_grad():
            way(x)
    way(leaf([2.0]).detach())


def test_a_vjp_that_forgets_its_return_is_noticed():
    @primitive
    def square(x):
        def vjp(g):
            2 * g * x

        return x * x, vjp

    @primitive
    def half_a_product(a, b):
        return a * b, lambda g: (g * b, None)

    x = leaf([3.0])
    with pytest.raises(GraphError, match="half_a_product: its vjp returned None for input 1, which"):
        half_a_product(x, x).sum().backward()
    with pytest.raises(GraphError, match="returned None for input 0, .* is a return missing"):
        square(leaf([1.0])).backward()


def test_an_op_must_keep_the_dtype():
    @primitive
    def widened(x):
        return x.astype(np.float64), lambda g: g.astype(np.float32)

    with pytest.raises(DtypeError, match="widened: made float64 of float32"):
        widened(leaf([1.0], np.float32))
    with pytest.raises(DtypeError, match="multiply: made complex128 of float64"):
        leaf([1.0]) * 1j


@pytest.mark.parametrize("bad", [lambda x: grad(x, x), lambda x: grad(3.0, [x]),
                                 lambda x: grad(x, [1.0])])  # fmt: skip
def test_grad_wants_a_tensor_and_a_list_of_tensors(bad):
    with pytest.raises(DtypeError, match=r"a list of tensors: grad\(loss, \[x, y\]\)"):
        bad(leaf([1.0]))


@pytest.mark.parametrize("call", [lambda x: ops.sum(x, 0), lambda x: ops.sum(x, dim=0),
                                  lambda x: ops.einsum(x, subscripts="i,i->")])  # fmt: skip
def test_a_wrong_call_is_told_the_rule(call):
    with pytest.raises(ConfigError, match="arrays go by position, all else by keyword"):
        call(leaf([1.0]))


def test_an_error_inside_an_op_of_ones_own_keeps_its_place():
    @primitive
    def broken(x):
        return x + int("abc"), lambda g: g

    with pytest.raises(ShapeError) as caught:
        broken(leaf([1.0]))
    assert isinstance(caught.value.__cause__, ValueError)

    @primitive
    def typo(x):
        return x + None, lambda g: g

    with pytest.raises(TypeError, match="unsupported operand"):
        typo(leaf([1.0]))


def test_no_grad_blocks_may_end_in_any_order():
    def generator():
        with no_grad():
            yield

    one, two = generator(), generator()
    next(one), next(two)
    one.close()
    assert not (leaf([1.0]) * 2).requires_grad
    two.close()
    assert (leaf([1.0]) * 2).requires_grad


def test_values_cannot_be_changed_through_the_base_of_their_view():
    x = leaf([1.0, 2.0])
    for t in (x, x * 2, x.detach()):
        assert not t.data.base.flags.writeable


def test_a_gradient_with_more_axes_than_output_and_input_is_refused():
    @primitive
    def stacked(x):
        return x * 1.0, lambda g: np.broadcast_to(g, (7, *g.shape))

    with pytest.raises(GraphError, match=r"gradient of shape \(7, 2\)"):
        stacked(leaf([1.0, 2.0])).sum().backward()


def test_up_to_twenty_values_are_shown_and_of_more_the_ends_of_each_axis():
    def first_row(*shape):
        text = repr(Tensor(np.arange(np.prod(shape)).reshape(shape) / 3))
        return text.removeprefix("Tensor(").split("]")[0].strip("[ ").split()

    assert "..." not in first_row(20) and "..." not in repr(Tensor(np.ones((4, 5))))
    assert first_row(21) == ["0.", "0.3333", "0.6667", "...", "6.", "6.3333", "6.6667"]
    assert first_row(5, 5) == ["0.", "0.3333", "...", "1.", "1.3333"]
    assert first_row(3, 3, 3) == first_row(3, 3, 3, 3) == ["0.", "...", "0.6667"]
