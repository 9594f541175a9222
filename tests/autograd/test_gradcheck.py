"""The gradient checker itself: every planted fault is caught, for every op of the table."""

from functools import partial

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from op_table import TABLE, cases

from npft.autograd import Tensor, gradcheck, kernels, losses, ops, primitive
from npft.errors import ConfigError, DtypeError, GradientError
from npft.testing import generators


def rng_of(seed=0):
    return np.random.default_rng(seed)


# --- planted faults -----------------------------------------------------------------------------


def spoiled(op, fault, which):
    """``op`` with ``fault`` applied to the gradient of input ``which``."""

    @primitive
    def broken(*arrays, **constants):
        out, vjp = op.raw(*arrays, **constants)

        def bad_vjp(g):
            parts = vjp(g)
            parts = list(parts) if isinstance(parts, tuple) else [parts]
            # of the size of the input, so that a fault is not hidden by undoing a broadcast
            parts[which] = fault(np.array(parts[which], dtype=np.float64))
            return tuple(parts)

        return out, bad_vjp

    return broken


def flipped(g):
    """The gradient with its longest axis reversed."""
    return np.flip(g, axis=int(np.argmax(g.shape))) if g.ndim else -g


def dropped(g):
    """One element of the gradient forgotten: the largest."""
    if g.size:
        g.flat[np.argmax(np.abs(g))] = 0
    return g


FAULTS = {
    "scaled": lambda g: 1.001 * g,
    "shifted": lambda g: g + 0.01,
    "sign": lambda g: -g,
    "zeros": np.zeros_like,
    "dropped": dropped,
    "flipped": flipped,
}


def examples(name, count=12):
    """Some cases of an op, the same at each run."""
    found = []

    @settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(cases(name), generators())
    def collect(case, rng):
        found.append((case, rng))

    collect()
    return found


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", TABLE)
def test_a_planted_fault_is_caught_in_every_input_of_every_op(name, fault):
    op, planted, inputs = TABLE[name].op, set(), set()
    for case, rng in examples(name):
        fn = partial(op, **case.constants)
        for which in range(len(case.arrays)):
            inputs.add(which)
            right = gradient(fn, case.arrays, which, rng)
            broken = partial(spoiled(op, FAULTS[fault], which), **case.constants)
            wrong = gradient(broken, case.arrays, which, rng)
            if np.abs(wrong - right).max(initial=0) < 1e-4 * max(1, np.abs(right).max(initial=0)):
                continue  # the fault leaves this gradient as it is, such as a sign at a zero
            planted.add(which)
            with pytest.raises(GradientError, match=f"input {which}, (element|direction)"):
                gradcheck(broken, *case.arrays, rng=rng)
    assert planted == inputs


def gradient(fn, arrays, which, rng):
    state = rng.bit_generator.state
    leaves = [Tensor(a, requires_grad=True) for a in arrays]
    out = fn(*leaves)
    out.backward(rng.standard_normal(out.shape))
    rng.bit_generator.state = state
    return leaves[which].grad


def test_a_term_that_is_missing_is_caught():
    @primitive
    def product(a, b):
        return a * b * b, lambda g: (g * b * b, g * a * b)  # the factor 2 is missing

    with pytest.raises(GradientError, match="input 1, element"):
        gradcheck(product, [1.0, 2.0], [3.0, 4.0], rng=rng_of())


def test_a_softmax_fault_that_ones_cannot_see_is_caught():
    @primitive
    def lazy(x):  # the gradient of a softmax is 0 for a cotangent of ones
        return kernels.softmax.raw(x)[0], lambda g: 0 * g

    x = Tensor([[1.0, 2.0, 3.0]], requires_grad=True)
    lazy(x).sum().backward()
    y = Tensor([[1.0, 2.0, 3.0]], requires_grad=True)
    kernels.softmax(y).sum().backward()
    np.testing.assert_allclose(x.grad, y.grad, atol=1e-16)  # summed, the fault is invisible
    with pytest.raises(GradientError, match="input 0"):
        gradcheck(lazy, x.data, rng=rng_of())


@pytest.mark.parametrize("method", ["auto", "complex", "central"])
def test_a_large_input_is_checked_along_directions(method):
    x = rng_of().standard_normal((20, 30))
    gradcheck(kernels.softmax, x, rng=rng_of(), method=method)
    with pytest.raises(GradientError, match="input 0, direction"):
        gradcheck(spoiled(kernels.softmax, lambda g: 1.01 * g, 0), x, rng=rng_of(), method=method)


@pytest.mark.parametrize("method", ["auto", "complex", "central"])
def test_the_fault_is_named_by_input_and_element(method):
    def fault(g):
        g[1, 2] += 1
        return g

    arrays = np.ones((2, 3)), 2 * np.ones((2, 3))
    with pytest.raises(GradientError, match=r"input 1, element \(1, 2\): gradient .*, derivative"):
        gradcheck(spoiled(ops.multiply, fault, 1), *arrays, rng=rng_of(), method=method)


def test_the_worst_of_several_wrong_elements_is_named():
    def fault(g):
        return g + np.array([0.0, 0.1, -7.0, 2.0])

    broken = spoiled(ops.exp, fault, 0)
    with pytest.raises(GradientError, match=r"element \(2,\): .* the worst of 3 that differ"):
        gradcheck(broken, np.zeros(4), rng=rng_of())


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_gradient_that_is_no_finite_number_is_named(bad):
    def fault(g):
        return g + np.array([0.0, 5.0, bad, 9.0])

    with pytest.raises(GradientError, match=rf"element \(2,\): gradient {bad}"):
        gradcheck(spoiled(ops.exp, fault, 0), np.zeros(4), rng=rng_of())


def test_a_value_that_is_no_number_is_not_taken_for_chance():
    with np.errstate(invalid="ignore"):
        with pytest.raises(GradientError, match=r"element \(0,\): gradient nan"):
            gradcheck(ops.sqrt, [-1.0, 1.0], rng=rng_of())


def test_a_derivative_that_is_not_a_number_is_the_worst():
    @primitive
    def broken(x):  # the value is not finite beside x[1], the gradient seems to be
        with np.errstate(invalid="ignore"):
            return np.where(x.real > 0.5, np.sqrt(-x.real), x), lambda g: g + 1

    with pytest.raises(GradientError, match=r"element \(1,\): .* derivative nan .*worst of 3"):
        gradcheck(broken, np.array([0.0, 0.5, -1.0]), rng=rng_of(), method="central")


# --- what is right passes -----------------------------------------------------------------------


@primitive
def modulus(x):
    return np.abs(x), lambda g: g * np.sign(x)  # of x + ih it is no analytic function


@primitive
def real_only(x):
    if np.iscomplexobj(x):
        raise TypeError("real numbers only")
    return x**3, lambda g: 3 * g * x * x


def test_functions_that_are_not_analytic_pass_by_central_differences():
    x = np.array([-2.0, -0.5, 1.0, 3.0])
    for fn in (
        modulus,
        real_only,
        lambda t: t.max(),
        lambda t: ops.max(t * t) + modulus(t).sum(),
    ):
        gradcheck(fn, x, rng=rng_of())
    with pytest.raises(GradientError):
        gradcheck(spoiled(modulus, lambda g: 1.001 * g, 0), x, rng=rng_of())
    with pytest.raises(GradientError, match="complex"):
        gradcheck(modulus, x, rng=rng_of(), method="complex")
    with pytest.raises(TypeError, match="real numbers only"):
        gradcheck(real_only, x, rng=rng_of(), method="complex")
    gradcheck(real_only, x, rng=rng_of(), method="central")


def test_whole_expressions_pass():
    arrays = [
        rng_of(i).standard_normal(s) for i, s in enumerate([(3, 4), (5, 4), (5,), (5,), (5,)])
    ]

    def network(x, w, b, gamma, beta):
        h = kernels.layer_norm(kernels.gelu(kernels.linear(x, w, b)), gamma, beta)
        return losses.softmax_cross_entropy(h, targets=np.array([0, 4, 2])) + (h * h).mean()

    gradcheck(network, *arrays, rng=rng_of(), method="complex")
    gradcheck(network, *arrays, rng=rng_of(), method="central")


def test_numbers_without_axes_and_empty_arrays_pass():
    gradcheck(lambda x, y: x * y, 2.0, np.zeros((0, 3)), rng=rng_of())


# --- manners ------------------------------------------------------------------------------------


def test_only_float64_is_checked():
    for bad in (np.ones(2, np.float32), np.ones(2, int), np.ones(2, complex)):
        with pytest.raises(DtypeError, match="input 1 has dtype .*, expected float64"):
            gradcheck(lambda a, b: a + b, np.ones(2), bad, rng=rng_of())


def test_an_unknown_method_is_refused():
    with pytest.raises(ConfigError, match="method is 'forward'"):
        gradcheck(ops.exp, [1.0], rng=rng_of(), method="forward")


def test_a_function_that_returns_no_tensor_is_refused():
    with pytest.raises(DtypeError, match="fn returned ndarray"):
        gradcheck(lambda x: x.data, [1.0], rng=rng_of())


def test_a_change_of_an_input_is_reported():
    a = np.array([1.0, 2.0])

    def meddles(x):
        a[0] += 1
        return x * 2

    with pytest.raises(GradientError, match="input 0: changed"):
        gradcheck(meddles, a, rng=rng_of())


def test_a_gradient_that_shares_memory_is_reported():
    kept = []

    def shares(x, y):
        out = x + y
        kept.extend([x, y])
        if len(kept) == 2:
            backward = out.backward

            class Sharing(Tensor):
                __slots__ = ()

                def backward(self, seed):
                    backward(seed)
                    kept[1].grad = kept[0].grad

            result = Sharing(out.data)
            return result
        return out

    with pytest.raises(GradientError, match="input 0: its gradient shares memory"):
        gradcheck(shares, [1.0], [2.0], rng=rng_of())


def test_a_function_with_chance_of_its_own_is_reported():
    rng = rng_of()
    with pytest.raises(GradientError, match="second run gave other bits"):
        gradcheck(lambda x: kernels.dropout(x, 0.5, rng=rng), np.ones(40), rng=rng_of())
    gradcheck(lambda x: kernels.dropout(x, 0.5, rng=rng_of(1)), np.ones(40), rng=rng_of())


def test_a_gradient_with_chance_of_its_own_is_reported():
    rng = rng_of()

    @primitive
    def noisy(x):
        return x * 1.0, lambda g: g + 1e-12 * rng.standard_normal(g.shape)

    with pytest.raises(GradientError, match="second run gave other bits"):
        gradcheck(noisy, np.ones(4), rng=rng_of())


def test_an_input_the_function_ignores_is_reported():
    with pytest.raises(GradientError, match="input 1: no gradient reached it"):
        gradcheck(lambda x, y: x * 2, [1.0], [1.0], rng=rng_of())


@pytest.mark.parametrize("size, label", [(64, "element"), (65, "direction")])
def test_up_to_64_elements_are_checked_one_by_one(size, label):
    broken = spoiled(ops.exp, lambda g: 1.01 * g, 0)
    with pytest.raises(GradientError, match=rf"input 0, {label} .*the worst of \d+ that differ"):
        gradcheck(broken, np.zeros(size), rng=rng_of())


# --- gradients of all sizes ----------------------------------------------------------------------

SIZES = (1e-8, 1e-4, 1.0, 1e4, 1e8)
WRONG = {
    "scaled": lambda x, g, c: 1.001 * (c * g * (2 * x + np.cos(x))),
    "missing term": lambda x, g, c: c * g * 2 * x,
    "zeros": lambda x, g, c: np.zeros_like(g),
    "too large": lambda x, g, c: 1e6 * (c * g * (2 * x + np.cos(x))),
    "one element": lambda x, g, c: dropped(c * g * (2 * x + np.cos(x))),
}


def sized(c, wrong=None):
    """c (x² + sin x), whose derivative is c (2 x + cos x), perhaps with a wrong vjp."""

    @primitive
    def op(x):
        right = (lambda g: c * g * (2 * x + np.cos(x))) if wrong is None else None
        return c * (x * x + np.sin(x)), right or (lambda g: wrong(x, g, c))

    return op


@pytest.mark.parametrize("method", ["auto", "complex", "central"])
@pytest.mark.parametrize("size", SIZES)
def test_a_right_gradient_passes_whatever_its_size(size, method):
    for seed in range(3):
        rng = rng_of(seed)
        x = rng.uniform(0.2, 1.0, (2, 3))
        gradcheck(sized(size), x, rng=rng, method=method)
        gradcheck(sized(size), x * 1e3, rng=rng, method=method)


@pytest.mark.parametrize("fault", WRONG)
@pytest.mark.parametrize("method", ["auto", "complex", "central"])
@pytest.mark.parametrize("size", SIZES)
def test_a_wrong_gradient_is_caught_whatever_its_size(size, method, fault):
    for seed in range(3):
        rng = rng_of(seed)
        x = rng.uniform(0.2, 1.0, (2, 3))
        with pytest.raises(GradientError, match="input 0, element"):
            gradcheck(sized(size, WRONG[fault]), x, rng=rng, method=method)


def test_the_smallest_case_of_the_kind_a_square_of_a_ten_millionth_without_gradient():
    @primitive
    def square(x):
        return 1e-7 * x * x, lambda g: np.zeros_like(g)

    with pytest.raises(GradientError, match="gradient 0"):
        gradcheck(square, [1.0], rng=rng_of())


@pytest.mark.parametrize("method", ["complex", "central"])
def test_a_gradient_that_is_zero_passes_beside_the_rounding_of_a_large_value(method):
    for size in SIZES:
        gradcheck(lambda x, c=size: x * 0.0 + c, np.ones(3), rng=rng_of(), method=method)
        # a softmax does not change when all its inputs do: the derivative along ones is 0
        gradcheck(lambda t, c=size: kernels.softmax(t * np.ones((1, 4)) + c / 1e8) * c,
                  np.ones((1, 1)), rng=rng_of(), method=method)  # fmt: skip


@primitive
def curved(x):
    return x * x * x + x * x, lambda g: g * (3 * x * x + 2 * x)


@primitive
def curved_wrongly(x, *, fault):
    out, vjp = curved.raw(x)
    return out, lambda g: fault * vjp(g)


@pytest.mark.parametrize("method", ["auto", "complex", "central"])
@pytest.mark.parametrize("size", SIZES)
@given(rng=generators())
def test_inputs_of_any_size_are_checked(size, method, rng):
    x = size * rng.uniform(0.5, 2.0, 3)
    for fn in (curved, ops.log, ops.sqrt, lambda t: 1 / t, ops.norm):
        gradcheck(fn, x, rng=rng, method=method)
    for fault in (1.001, 0.0):
        with pytest.raises(GradientError, match="input 0, element"):
            gradcheck(partial(curved_wrongly, fault=fault), x, rng=rng, method=method)


@given(rng=generators())
def test_one_cotangent_near_0_beside_others_leaves_the_right_step_chosen(rng):
    weights = np.array([1.0, 1e-5, 1e-7])  # of one over x near 0, a step beside 1 says nothing
    x = 1e-8 * rng.uniform(0.5, 2.0, 3)
    gradcheck(lambda t: weights / t, x, rng=rng, method="central")
    with pytest.raises(GradientError, match="input 0, element"):
        gradcheck(lambda t: weights * curved_wrongly(t, fault=0.0), x, rng=rng, method="central")


@pytest.mark.parametrize("method", ["auto", "complex", "central"])
@pytest.mark.parametrize("size", SIZES)
@given(rng=generators())
def test_a_gradient_of_zero_does_not_fail_by_rounding(size, method, rng):
    x = rng.uniform(0.5, 2.0, 3)
    for one in (lambda t: (t * t).sqrt() / t, lambda t: (t.log() - (2 * t).log()), lambda t: t / t):
        gradcheck(lambda t, one=one: size * one(t), x, rng=rng, method=method)


@pytest.mark.parametrize("method", ["complex", "auto"])
@given(rng=generators())
def test_a_gradient_of_zero_where_the_value_is_zero_too_does_not_fail_by_rounding(method, rng):
    z = rng.standard_normal((2, 3))
    at_best = partial(losses.kl_divergence, targets=np.array(kernels.softmax(z).data))
    gradcheck(at_best, z, rng=rng, method=method)


@pytest.mark.parametrize("at", [[1.0, 2.0], [-1.0, 2.0], [-3.0, -2.0]])
def test_a_jump_is_not_taken_for_rounding(at):
    @primitive
    def stairs(x):
        return np.floor(x.real) * 1.0, lambda g: 0 * g

    with pytest.raises(GradientError, match="input 0, element"):
        gradcheck(stairs, at, rng=rng_of(), method="central")


def test_a_derivative_that_is_infinite_is_no_match_for_a_finite_gradient():
    @primitive
    def steep(x):
        return np.where(x.real > 1, np.inf, x.real), lambda g: 1.0 * g

    with pytest.raises(GradientError, match="derivative (inf|-inf|nan)"), np.errstate(all="ignore"):
        gradcheck(steep, [1.0], rng=rng_of(), method="central")
