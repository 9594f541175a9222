"""Clouds of vectors that several tests measure."""

import numpy as np


def cloud(seed, n=None, d=None):
    """Vectors with a mean and columns of different scale."""
    rng = np.random.default_rng(seed)
    n, d = n or rng.integers(2, 12), d or rng.integers(2, 9)
    scale, shift = rng.uniform(0.1, 3, d), rng.standard_normal(d)
    return rng.standard_normal((n, d)) * scale + shift


def rotation(d, seed=0):
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((d, d)))[0]


def cross(*lengths):
    """Two opposite rows along each axis: centred, with the given lengths."""
    axes = np.diag(np.array(lengths, dtype=float))
    return np.vstack([axes, -axes])
