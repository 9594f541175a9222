"""Where the numbers in kernels.ERF_AS_TANH come from: python tests/autograd/fit_normal_cdf.py

We want Φ(x) = (1 + tanh(x p(x²))) / 2 with a polynomial p, so x p(x²) = atanh(erf(x / √2)). Since
atanh(y) = log((1 + y) / (1 - y)) / 2 and 1 + erf(x / √2) = 2 Φ(x), that is
(log Φ(x) - log Φ(-x)) / 2, which SciPy gives to full accuracy also where erf is 1 to rounding.

p is fitted by least squares. An error dp of p changes Φ(x) by x / 2 times 1 - tanh² times dp. That,
times x where x is above 1, is the weight of a point: both Φ(x) and x Φ(x) shall be right. Points
with a large error then get more weight, again and again, which brings the largest error down, as
in the best uniform approximation (Lawson 1961).
"""

import numpy as np
from scipy.special import log_ndtr

DEGREE = 6  # of p in x²
ROUNDS = 200


def fit() -> np.ndarray:
    """The coefficients of p, from the constant up."""
    x = np.linspace(1e-3, 5.2, 4001)
    target = (log_ndtr(x) - log_ndtr(-x)) / 2
    powers = np.vander(x * x, DEGREE + 1, increasing=True)
    size = np.maximum(x, 1)
    weight = np.maximum(size * x / 2 * (1 - np.tanh(target) ** 2), 1e-12)
    for _ in range(ROUNDS):
        p, *_ = np.linalg.lstsq(powers * weight[:, None], target / x * weight, rcond=None)
        error = np.abs(size / 2 * (np.tanh(x * (powers @ p)) - np.tanh(target)))
        weight *= (0.2 + error / error.max()) ** 0.2
    return p


def cdf(x: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Φ(x) by the coefficients p, as kernels.normal_cdf has it, but in float64."""
    return (1 + np.tanh(x * np.polyval(p[::-1], np.minimum(x * x, 64)))) / 2


if __name__ == "__main__":
    for c in fit():
        print(f"{c:.8e},")
