"""Fused kernels: the ops an encoder spends its time in, each with its vjp worked out by hand.

A kernel gives what a composition of small ops would give, with fewer passes over memory; the tests
hold each against that composition. Three ideas recur:
    - a sum over rows or columns is written as a product with a vector of ones, because matrix
      products are the fastest code a CPU has;
    - a temporary array that belongs to the kernel is reused in place;
    - a chain of elementwise steps is done stretch by stretch, each small enough for the cache
      (``gelu``).

All kernels are one code path for float32, float64 and complex (for the complex-step check), but
for the normal distribution function inside ``gelu``, where float32 has a faster form.

Symbols: N rows (tokens), M other rows, D width, F output width, V rows of a table.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from numbers import Real

import numpy as np

from npft.autograd.inputs import numbers, one_dtype
from npft.autograd.tensor import Tensor, primitive
from npft.errors import (
    ConfigError, DtypeError, IdError, NonFiniteError, ShapeError, check_finite, check_rng,
    check_shape,
)

STRETCH = 65536  # elements: 256 KiB of float32, a few of which fit into a core's own cache


# --- products -----------------------------------------------------------------------------------


@functools.cache
def stretch_of_ones(dtype: np.dtype) -> np.ndarray:
    """STRETCH ones, made once for each dtype: ``ones`` cuts shorter vectors from them."""
    vector = np.ones(STRETCH, dtype)
    vector.setflags(write=False)
    return vector


def ones(n: int, dtype: np.dtype) -> np.ndarray:
    """A vector of n ones; not to be written to."""
    return stretch_of_ones(dtype)[:n] if n <= STRETCH else np.ones(n, dtype)


def column_sums(x: np.ndarray) -> np.ndarray:
    """The sum of each column of x (N, D), as a product: (D,)."""
    return ones(x.shape[0], x.dtype) @ x


@primitive
def linear(x, weight, bias, *, need=(True, True, True)):
    """The affine map y = x Wᵀ + b of each row.

    A row y_nf = Σ_d x_nd W_fd + b_f moves by dy_nf = Σ_d (dx_nd W_fd + x_nd dW_fd) + db_f. So x_nd
    receives Σ_f g_nf W_fd, W_fd receives Σ_n g_nf x_nd, and b_f receives Σ_n g_nf: the gradients
    are g W for x, gᵀ x for W, the column sums of g for b. A product whose result nobody needs (a
    frozen weight, a constant input) is not computed.

    x (N, D), weight (F, D), bias (F,); returns (N, F).
    Raises ``ShapeError`` if the widths differ.

    >>> linear(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]]), np.array([0.5])).item()
    11.5
    """
    sizes = check_shape("linear: x", x, "N D")
    check_shape("linear: bias", bias, "F")
    if np.shape(weight) != (len(bias), sizes["D"]):
        raise ShapeError(
            f"linear: weight has shape {np.shape(weight)}, expected (F, D) = "
            f"({len(bias)}, {sizes['D']}) to fit x {x.shape} and bias {bias.shape}"
        )
    y = x @ weight.T  # (N, F)
    y += bias

    def vjp(g):
        return (
            g @ weight if need[0] else None,  # (N, D)
            g.T @ x if need[1] else None,  # (F, D)
            column_sums(g) if need[2] else None,  # (F,)
        )

    return y, vjp


# --- rows of mean 0 and variance 1 --------------------------------------------------------------


def row_sums(x: np.ndarray) -> np.ndarray:
    """The sum of each row of x (N, D), as a product: (N,)."""
    return x @ ones(x.shape[1], x.dtype)


def row_dots(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The dot product of each row of x (N, D) with the same row of y: (N,)."""
    return np.einsum("nd,nd->n", x, y)


@primitive
def layer_norm(x, gamma, beta, *, eps: float = 1e-5):
    """Rows shifted to mean 0, scaled to variance 1, then stretched by gamma and moved by beta.

        x̂ = (x - mean) / √(variance + eps),   y = gamma x̂ + beta     (Ba, Kiros & Hinton 2016)

    In one row, with c = x - mean(x), s = √(mean(c²) + eps) and x̂ = c / s:

        ds = mean(c dc) / s = mean(x̂ dc)
        dx̂ = dc / s - x̂ ds / s = (dc - x̂ mean(x̂ dc)) / s

    What arrives at x̂ is a = gamma g. As x̂_i reacts to c_j as x̂_j does to c_i, the same map takes
    a back to c. Going from c to x takes the mean out once more, and mean(x̂) = 0:

        (a - mean(a) - x̂ mean(a x̂)) / s   is the gradient of x

    What would shift or stretch a whole row is taken out, because the normalisation undoes it. The
    gradient of gamma is the column sums of g x̂, that of beta those of g.

    x (N, D), gamma and beta (D,), eps 0 or more; returns (N, D). With eps = 0 a row of equal
    numbers has no scale: it becomes NaN, or 1 or -1 throughout where its mean is rounded. In
    float32 large equal numbers show that rounding at any small eps. Raises ``ShapeError`` for other
    shapes, ``ConfigError`` for another eps.

    >>> layer_norm(np.array([[1.0, 3.0]]), np.ones(2), np.zeros(2), eps=0.0).data.tolist()
    [[-1.0, 1.0]]
    """
    if not 0 <= eps < np.inf:
        raise ConfigError(f"layer_norm: eps is {eps}, expected a finite number, 0 or more")
    eps = float(eps)  # a NumPy scalar would make float32 float64
    width = check_shape("layer_norm: x", x, "N D")["D"]
    check_shape("layer_norm: gamma", gamma, str(width))
    check_shape("layer_norm: beta", beta, str(width))
    xhat = x - (row_sums(x) / width)[:, None]  # (N, D)
    rstd = 1 / np.sqrt(row_dots(xhat, xhat) / width + eps)[:, None]  # (N, 1)
    xhat *= rstd
    y = xhat * gamma
    y += beta

    def vjp(g):
        work = g * xhat  # of which gamma takes the columns
        g_gamma = column_sums(work)
        a_xhat = (work @ gamma) / width  # (N,): the mean of a x̂, a = gamma g
        np.multiply(xhat, a_xhat[:, None], out=work)  # now x̂ mean(a x̂)
        gx = g * gamma  # a
        gx -= work
        gx -= (g @ gamma / width)[:, None]
        gx *= rstd
        return gx, g_gamma, column_sums(g)

    return y, vjp


# --- gelu ---------------------------------------------------------------------------------------


def stretches(*arrays: np.ndarray) -> Iterator[list[np.ndarray]]:
    """The same stretch of several arrays of one shape, flattened, one stretch after another.

    What is written to a stretch of a contiguous array is written to the array.
    """
    flat = [a.reshape(-1) for a in arrays]
    for start in range(0, flat[0].size, STRETCH):
        yield [a[start : start + STRETCH] for a in flat]


# Coefficients c_0, c_1, ... of u = x Σ_k c_k x^(2k), for which tanh u is nearly erf(x / √2), found
# by weighted least squares on atanh(erf(x / √2)) / x; tests/autograd/fit_normal_cdf.py repeats the
# fit. The error of Φ(x), and of x Φ(x), is then below 7e-8 everywhere. Rounding in float32 makes
# that of Φ(x) up to 1.6e-7, and that of x Φ(x) up to 6e-7, near x = 5. These errors are absolute: a
# small Φ(x) keeps few digits. At x = -5, where x Φ(x) is -1.4e-6, 4 % are wrong; at -6 nearly all.
ERF_AS_TANH = (
    7.97884530e-01,
    3.63338003e-02,
    -3.28637197e-05,
    -5.53082388e-05,
    3.97772948e-06,
    -1.33964406e-07,
    1.81727133e-09,
)
MINUS_2U = tuple(np.float32(-2 * c) for c in ERF_AS_TANH)  # those of -2 u, the exponent below


def normal_cdf(x: np.ndarray, out: np.ndarray) -> None:
    """Write Φ(x) = (1 + erf(x / √2)) / 2, the standard normal distribution function, to ``out``.

    float64 and complex use SciPy's erf. float32 uses (1 + tanh u) / 2 = 1 / (1 + exp(-2 u)) with u
    the polynomial above, several times as fast.
    """
    if x.dtype != np.float32:
        from scipy.special import erf  # slow to import, and most runs are all float32

        out[...] = 0.5 * (1 + erf(x * np.sqrt(0.5)))
        return
    with np.errstate(over="ignore"):  # far below 0 exp is infinite, and Φ is 0, as it should be
        square = x * x
        np.multiply(square, MINUS_2U[-1], out=out)
        for c in MINUS_2U[-2:0:-1]:  # Horner's rule
            out += c
            out *= square
        out += MINUS_2U[0]
        out *= x
        np.exp(out, out=out)
    out += np.float32(1)
    np.divide(np.float32(1), out, out=out)


@primitive
def gelu(x):
    """The Gaussian error linear unit x Φ(x) (Hendrycks & Gimpel 2016), the exact form of BERT.

    The derivative is Φ(x) + x φ(x) with the normal density φ(x) = exp(-x² / 2) / √(2π).
    x of any shape; returns the same shape.

    >>> np.round(gelu(np.array([-1.0, 0.0, 1.0])).data, 4).tolist()
    [-0.1587, 0.0, 0.8413]
    """
    y, cdf = np.empty(x.shape, x.dtype), np.empty(x.shape, x.dtype)
    for x_, y_, cdf_ in stretches(x, y, cdf):
        normal_cdf(x_, out=cdf_)
        np.multiply(x_, cdf_, out=y_)

    def vjp(g):
        gx = np.empty(x.shape, x.dtype)
        for x_, cdf_, g_, gx_ in stretches(x, cdf, g, gx):
            with np.errstate(over="ignore"):  # exp of minus infinity is 0, as it should be
                np.multiply(x_, x_, out=gx_)
            gx_ *= -0.5
            np.exp(gx_, out=gx_)
            gx_ *= 1 / np.sqrt(2 * np.pi).item()
            gx_ *= x_
            gx_ += cdf_
            gx_ *= g_
        return gx

    return y, vjp


# --- softmax (the logarithm of its sum, a smooth maximum, is ops.logsumexp) ---------------------


def _largest(name: str, x: np.ndarray) -> np.ndarray:
    """The largest value along the last axis, kept as an axis of length 1."""
    if x.ndim == 0:
        raise ShapeError(f"{name}: the input is a single number, expected at least one axis")
    largest = x.real.max(axis=-1, keepdims=True)
    check_finite(f"{name}: the largest value", largest)
    return largest


@primitive
def softmax(x):
    """Probabilities along the last axis: exp(x) over its sum, shifted so that nothing overflows.

    From p_i = exp(x_i) / Σ_k exp(x_k) follows dp_i / dx_j = p_i ([i = j] - p_j), so x_j receives

        Σ_i g_i p_i ([i = j] - p_j) = p_j (g_j - Σ_i g_i p_i)

    These sum to 0 over j: raising all scores alike changes nothing. Written plainly, as it takes
    little time: attention, where softmax does, works in place (``attention.softmax_of_seen``).

    x of one axis or more; returns the same shape. Raises ``ShapeError`` for a single number,
    ``NonFiniteError`` for a row of -inf only (nothing to choose from) and for NaN or inf.

    >>> softmax(np.array([1000.0, 1000.0])).data.tolist()
    [0.5, 0.5]
    """
    p = np.exp(x - _largest("softmax", x))
    p /= p.sum(axis=-1, keepdims=True)

    def vjp(g):
        return p * (g - (g * p).sum(axis=-1, keepdims=True))

    return p, vjp


@primitive
def log_softmax(x):
    """The logarithm of ``softmax``: x - log Σ exp(x) along the last axis.

    Exact also where a probability is too small for a float, or next to 1. The derivative of
    log Σ exp(x) by x_j is p_j, so x_j receives g_j - p_j Σ_i g_i.

    x of one axis or more; returns the same shape. Raises as ``softmax``.

    >>> log_softmax(np.array([0.0, -1000.0])).data.tolist()
    [0.0, -1000.0]
    """
    _largest("log_softmax", x)  # only to refuse NaN, inf and rows of -inf
    out = log_probabilities(x)
    return out, lambda g: g - np.exp(out) * g.sum(axis=-1, keepdims=True)


def log_probabilities(x: np.ndarray) -> np.ndarray:
    """x - log Σ exp(x) along the last axis, without checks.

    With x_m the largest, this is (x - x_m) - log(1 + Σ_{j≠m} exp(x_j - x_m)). log1p of that sum
    without its 1 keeps all digits of the logarithm of a probability that is next to 1; to leave the
    1 out, argmax finds its place, and exp is set to 0 there.
    """
    top = x.real.argmax(axis=-1)[..., None]
    out = x - np.take_along_axis(x, top, axis=-1)
    e = np.exp(out)
    np.put_along_axis(e, top, 0, axis=-1)
    out -= np.log1p(e @ ones(x.shape[-1], x.dtype))[..., None]
    return out


# --- chance -------------------------------------------------------------------------------------


def dropout(x, p: float, *, rng: np.random.Generator | None):
    """Each element is set to 0 with probability p and divided by 1 - p otherwise.

        y = f x,   f = 0 with probability p, else 1 / (1 - p)       (Srivastava et al. 2014)

    The mean of f is p 0 + (1 - p) / (1 - p) = 1, so the expected value of y is x. The gradient is
    f g: what was dropped moves nothing. Two random bytes decide an element, a quarter of what a
    random float64 takes; so the chance, here and in 1 / (1 - p), is p rounded to a multiple of
    2⁻¹⁶.

    x of any shape, returns a tensor of the same; p = 0 returns x itself and needs no rng.
    Raises ``ConfigError`` if p is outside [0, 1), or for an rng that is no generator.

    >>> dropout(np.ones(5), 0.5, rng=np.random.default_rng(1)).data.tolist()
    [2.0, 0.0, 2.0, 2.0, 2.0]
    """
    if not isinstance(p, Real) or not 0 <= p < 1:
        raise ConfigError(f"dropout: p is {p!r}, expected 0 <= p < 1")
    if not isinstance(x, Tensor):
        x = Tensor(one_dtype("dropout", [x], [False])[0][0])
    if p == 0:
        return x
    if rng is None:
        raise ConfigError("dropout: training with dropout needs rng=np.random.default_rng(seed)")
    check_rng("dropout: rng", rng)
    threshold = min(round(p * 65536), 65535)  # something is kept, however large p is
    # little-endian on every machine, so that the same seed drops the same elements
    bits = np.frombuffer(rng.bytes(2 * x.size), "<u2").reshape(x.shape)
    factor = (bits >= threshold).astype(x.dtype)
    factor *= 65536 / (65536 - threshold)
    return scale(x, factor=factor)


@primitive
def scale(x, *, factor: np.ndarray):
    """x times a constant array of the same shape; the gradient is g times it.

    x and factor of any one shape; returns that shape. Raises ``ShapeError`` for two shapes.

    >>> scale(np.array([2.0, 3.0]), factor=np.array([10.0, 0.0])).data.tolist()
    [20.0, 0.0]
    """
    if np.shape(factor) != np.shape(x):
        raise ShapeError(f"scale: x has shape {np.shape(x)}, the factor {np.shape(factor)}")
    factor = numbers("scale: factor", factor, x.dtype, new=False)
    return x * factor, lambda g: g * factor


# --- tables and rows ----------------------------------------------------------------------------


def check_ids(name: str, ids: np.ndarray, size: int) -> np.ndarray:
    """Check that ids are integers in 0..size-1: a negative id would count from the end in silence.

    Returns them as an array, which is ``ids`` itself where that is one and not empty.

    >>> check_ids("ids", np.array([0, 7]), 5)
    Traceback (most recent call last):
        ...
    npft.errors.IdError: ids: 7 at position 1 is outside 0..4 (a table of 5)
    """
    # of an empty list NumPy would make an array of floats
    ids = np.asarray(ids) if np.size(ids) else np.zeros(np.shape(ids), np.int64)
    if ids.dtype.kind not in "iu":
        raise DtypeError(f"{name}: dtype {ids.dtype}, expected integers")
    if ids.size and not 0 <= ids.min() <= ids.max() < size:
        where = int(np.flatnonzero((ids < 0) | (ids >= size))[0])
        raise IdError(
            f"{name}: {ids.ravel()[where]} at position {where} is outside 0..{size - 1} "
            f"(a table of {size})"
        )
    return ids


@primitive
def embedding(table, *, ids: np.ndarray):
    """The rows of a table that the ids name; a row named often adds up all its gradients.

    ``table[ids]`` is ``S @ table`` with S (N, V) the one-hot rows of the ids, so the vjp is
    ``S.T @ g``; S.T is kept sparse, one 1 in each column, and no one-hot matrix is ever filled.

    table (V, D), ids (N,) integers in 0..V-1; returns (N, D).
    Raises ``IdError`` for an id outside the table.

    >>> embedding(np.array([[1.0], [2.0]]), ids=np.array([1, 1, 0])).data.tolist()
    [[2.0], [2.0], [1.0]]
    """
    size = check_shape("embedding: table", table, "V D")["V"]
    ids = check_ids("embedding: ids", ids, size)
    check_shape("embedding: ids", ids, "N")

    def vjp(g):
        from scipy.sparse import csc_matrix  # here: without backward it is not loaded

        entries, columns = np.ones(len(ids), g.dtype), np.arange(len(ids) + 1)
        return csc_matrix((entries, ids, columns), shape=(size, len(ids))) @ g

    return table[ids], vjp


@primitive
def take_rows(x, *, rows: np.ndarray):
    """Some rows of x, none twice: the masked tokens of a batch, or the first of each sequence.

    As no row is taken twice, the gradient is written and not added.
    x (N, D), rows (M,) integers in 0..N-1; returns (M, D).
    Raises ``ShapeError`` for a row taken twice, ``IdError`` for one outside x.

    >>> take_rows(np.array([[1.0], [2.0], [3.0]]), rows=np.array([2, 0])).data.tolist()
    [[3.0], [1.0]]
    """
    rows = check_ids("take_rows: rows", rows, check_shape("take_rows: x", x, "N D")["N"])
    check_shape("take_rows: rows", rows, "M")
    if len(np.unique(rows)) != len(rows):
        raise ShapeError("take_rows: a row is taken twice; use embedding, which adds gradients")

    def vjp(g):
        gx = np.zeros(x.shape, g.dtype)
        gx[rows] = g
        return gx

    return x[rows], vjp


# --- cosines ------------------------------------------------------------------------------------


@primitive
def cosine_logits(a, b, *, tau: float = 1.0):
    """The cosine of every row of a with every row of b, divided by the temperature tau.

        s_ij = (a_i / |a_i|) · (b_j / |b_j|) / tau

    For u = x / |x|, d|x| = u · dx, so du = (dx - u (u · dx)) / |x|. As in ``layer_norm`` this map
    is symmetric: g at u becomes (g - u (u · g)) / |x| at x. Only turning x matters.

    a (N, D), b (M, D); returns (N, M).
    Raises ``ConfigError`` if tau is not positive and finite, ``NonFiniteError`` for a vector of
    length 0, or of one whose square is no normal float.

    >>> cosine_logits(np.array([[3.0, 4.0]]), np.array([[1.0, 0.0], [3.0, 4.0]])).data.round(9)
    array([[0.6, 1. ]])
    """
    if not 0 < tau < np.inf:
        raise ConfigError(f"cosine_logits: tau is {tau}, expected a finite number above 0")
    tau = float(tau)  # a NumPy scalar would make float32 float64
    width = check_shape("cosine_logits: a", a, "N D")["D"]
    check_shape("cosine_logits: b", b, f"M {width}")
    norm_a, norm_b = (np.sqrt(row_dots(x, x))[:, None] for x in (a, b))
    for name, norm in (("a", norm_a), ("b", norm_b)):
        good = (norm.real > np.sqrt(np.finfo(norm.real.dtype).tiny)) & (norm.real < np.inf)
        if not good.all():
            row = int(np.argmin(good))
            raise NonFiniteError(
                f"cosine_logits: row {row} of {name} has length 0, one too small or too large to "
                "be squared, or is not finite"
            )
    u, v = a / norm_a, b / norm_b
    out = u @ v.T  # (N, M)
    out /= tau

    def vjp(g):
        gu, gv = g @ v / tau, g.T @ u / tau
        gu -= u * row_dots(u, gu)[:, None]
        gv -= v * row_dots(v, gv)[:, None]
        return gu / norm_a, gv / norm_b

    return out, vjp
