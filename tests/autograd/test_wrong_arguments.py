"""Arguments of the wrong kind: every op refuses them in words, and no way leads out of the graph."""

import math
import operator
import statistics

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from op_table import TABLE, cases

from npft.autograd import Tensor, grad, kernels, losses, ops
from npft.autograd.attention import attention, blocks_by_length
from npft.errors import ConfigError, DtypeError, GraphError, IdError, NpftError, ShapeError

WRONG = [
    None, "x", b"x", 3.5, True, -1, 2**70, 10**400, -(10**400), math.nan, math.inf, 1j, object(), [],
    [[1.0], [1.0, 2.0]], [1, "a"], {}, {1}, (None,), ("a",), (2**70,), range(3), iter([1]),
    np.array("x"), np.array([None]), np.ones((2, 2, 2)), lambda x: x, slice("a"),
    np.datetime64("2020"), np.float32, Tensor,
]  # fmt: skip


def outcome(call):
    """None if the call is refused in words; else what it gives."""
    try:
        return call()
    except NpftError:
        return None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", TABLE)
def test_no_wrong_argument_of_an_op_raises_from_inside(name):
    @settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
    @given(cases(name))
    def replace_each(case):
        for wrong in WRONG:
            for place in range(len(case.arrays)):
                arrays = [wrong if i == place else a for i, a in enumerate(case.arrays)]
                outcome(lambda: TABLE[name].op(*arrays, **case.constants))
            for key in case.constants:
                constants = case.constants | {key: wrong}
                found = outcome(lambda: TABLE[name].op(*case.arrays, **constants))
                if found is not None and not isinstance(wrong, float):
                    assert not np.isnan(found.data).any(), (key, wrong)

    replace_each()


X = np.ones((2, 3))


@pytest.mark.parametrize("call, error, message", [
    (lambda: losses.mse(np.float64(1), target=None), DtypeError, "the target: a NoneType that"),
    (lambda: kernels.scale(np.float64(1), factor=None), DtypeError, "factor: a NoneType that"),
    (lambda: attention(X, blocks=blocks_by_length(np.array([0, 2])), num_heads=1, causal="no"),
     ConfigError, "causal is 'no', expected True or False"),
    (lambda: ops.logsumexp(X, keepdims="no"), ConfigError, "keepdims is 'no', expected True or Fa"),
    (lambda: ops.broadcast_to(X, shape={2}), DtypeError, r"shape is \{2\}, expected whole numbers"),
    (lambda: ops.sum(X, axis="rows"), DtypeError, "sum: axis='rows': .*expected sum.x, .*axis"),
    (lambda: ops.sum(X, axis=2**70), ShapeError, r"sum: inputs of shape \(2, 3\): .*too large"),
    (lambda: ops.power(X, exponent=math.nan), ConfigError, "exponent is nan, expected a finite"),
    (lambda: ops.power(X, exponent=10**400), ShapeError, "too large"),
    (lambda: ops.einsum(X, X, subscripts=None), DtypeError, "einsum: subscripts=None"),
    (lambda: kernels.cosine_logits(X, X, tau=None), DtypeError, "cosine_logits: tau=None"),
    (lambda: kernels.cosine_logits(X, X, tau=math.nan), ConfigError, "tau is nan"),
    (lambda: kernels.dropout(X, 0.5, rng=3), ConfigError, "rng is 3, expected a generator"),
    (lambda: kernels.dropout(X, "half", rng=None), ConfigError, "p is 'half', expected 0 <= p < 1"),
    (lambda: kernels.dropout(None, 0.5, rng=np.random.default_rng(0)), DtypeError, "0: a NoneType"),
    (lambda: Tensor(X).reshape("a"), DtypeError, "shape is .'a',., expected whole numbers"),
    (lambda: Tensor(X).transpose(0.5, 1), DtypeError, "axes is .0.5, 1., expected whole numbers"),
    (lambda: Tensor(X).sum(axis=10**400), ShapeError, "too large"),
    (lambda: Tensor(X) + 10**400, ShapeError, "too large"),
    (lambda: Tensor(X)[2**70], IdError, r"getitem: inputs of shape \(2, 3\)"),
    (lambda: Tensor(X) ** "2", NpftError, "str"),
    (lambda: Tensor(X, requires_grad=True).sum().backward("1"), DtypeError, "grad: a str"),
    (lambda: Tensor(X, requires_grad="no"), ConfigError, "requires_grad is 'no', expected True or"),
    (lambda: grad(None, None), DtypeError, "expected a tensor and a list of tensors"),
])  # fmt: skip
def test_what_is_wrong_is_named_and_what_is_expected(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_dropout_takes_a_plain_list():
    kept = kernels.dropout([1.0] * 20, 0.5, rng=np.random.default_rng(0))
    assert set(kept.data.tolist()) == {0.0, 2.0}


WAYS_OUT = [
    float, int, complex, bool, round, math.floor, math.ceil, math.trunc, math.log, math.isnan,
    operator.index, range, lambda s: math.fsum([s, s]), lambda s: "%f" % s,
    lambda s: statistics.fmean([s, s]), lambda s: [1, 2, 3][s], lambda s: s == 4, lambda s: s in [4.0],
    lambda s: max(s, s), lambda s: sorted([s, s]), lambda s: divmod(s, 2), lambda s: s // 2,
    lambda s: f"{s:d}", np.asarray, np.float64, np.int64, np.exp, np.sum, np.mean, np.prod, np.std,
    np.ravel, np.isfinite, np.argmax, np.cumsum, np.arange, np.copy, np.sort, np.ma.array,
    lambda s: np.array([s, s]), lambda s: np.full(3, s), lambda s: np.linspace(0, s),
    lambda s: np.zeros(3).__setitem__(0, s), lambda s: np.zeros(3)[s], lambda s: np.clip(s, 0, 1),
    lambda s: np.allclose(s, s), lambda s: np.array_equal(4.0, s), lambda s: np.array_equiv(s, s),
    lambda s: np.add.reduce(s), lambda s: np.einsum(",->", s, s), lambda s: np.linalg.norm(s),
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS_OUT)
def test_no_way_out_of_the_graph_gives_a_value(way):
    x = Tensor([2.0], requires_grad=True)
    for s in ((x * x).sum(), x):
        with pytest.raises((NpftError, TypeError, ValueError)):
            way(s)


def test_numpy_may_compare_arrays_that_want_no_gradient():
    x = Tensor([2.0])
    assert np.array_equal(x, [2.0]) and np.array_equiv([2.0], x) and np.shape(x) == (1,)
    with pytest.raises(GraphError, match="np.array_equal would lose the gradient"):
        np.array_equal([2.0], Tensor([2.0], requires_grad=True))
