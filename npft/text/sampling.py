"""How often to read each language when some have far more text than others.

    q_i = p_i^alpha / Σ_j p_j^alpha     with p_i = n_i / Σ_k n_k
                                        (Jurafsky & Martin, eq. 11.7; Lample & Conneau 2019)

alpha = 1 keeps the shares as they are, alpha = 0 makes all languages equal. The same q serves to
choose the texts a vocabulary is learned from and the batches of pretraining; 0.3 is the choice of
Conneau et al. 2020 ("XLM-R").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

from npft.errors import (
    DataError, DtypeError, ShapeError, as_array, check_count, check_items, check_rng, check_share,
)

Document = TypeVar("Document")


def language_shares(counts: Any, alpha: float = 0.3) -> np.ndarray:
    """The probability q (n,) of each of n languages, from how much text it has.

    counts: (n,) sentences, documents or tokens of each language, above 0. alpha: from 0 to 1.

    Raises ``ShapeError``, ``DtypeError`` or ``DataError`` for counts that are none, and
    ``ConfigError`` for an alpha outside.

    >>> language_shares([10**6, 10**5, 10**3], alpha=0.3).round(3)
    array([0.615, 0.308, 0.077])
    """
    alpha = check_share("language_shares: alpha", alpha, zero=True, one=True)
    n = as_array("language_shares: counts", counts, "one number for each language")
    if n.ndim != 1 or len(n) == 0:
        raise ShapeError(f"language_shares: counts have shape {n.shape}, expected one number for "
                         f"each language")
    if n.dtype.kind not in "iuf":
        raise DtypeError(f"language_shares: counts are {n.dtype}, expected numbers")
    wrong = ~((n > 0) & np.isfinite(n))
    if wrong.any():
        raise DataError(f"language_shares: counts[{int(np.argmax(wrong))}] is {n[wrong][0]}, "
                        f"expected a number above 0; leave out a language without text")
    total = n.sum(dtype=np.float64)
    if not np.isfinite(total):
        raise DataError(f"language_shares: counts add up to {total}; give smaller numbers")
    weights = (n / total) ** alpha
    return weights / weights.sum()


def draw_languages(
    counts: Any, size: int, *, alpha: float = 0.3, rng: np.random.Generator
) -> np.ndarray:
    """Draw ``size`` languages with the probabilities q: (size,) numbers from 0 to n - 1.

    Raises what ``language_shares`` raises, ``ConfigError`` for a size below 0 or an rng that is no
    generator.

    >>> draw_languages([5, 5], 6, rng=np.random.default_rng(0))
    array([1, 0, 0, 0, 1, 1])
    """
    check_count("draw_languages: size", size, least=0)
    check_rng("draw_languages: rng", rng)
    steps = np.cumsum(language_shares(counts, alpha))
    drawn = np.searchsorted(steps, rng.random(size), side="right")
    return np.minimum(drawn, len(steps) - 1)  # the last step may round to just below 1


def draw_documents(
    languages: Sequence[Sequence[Document]],
    size: int,
    *,
    alpha: float = 0.3,
    rng: np.random.Generator,
) -> tuple[list[Document], np.ndarray]:
    """Draw ``size`` documents and say which language each is in, (size,).

    A language is drawn with probability q, by its number of documents; then one of its documents,
    all equally likely. Documents of a small language return often: that is the point.

    Raises what ``draw_languages`` raises; a language without documents is refused.

    >>> documents, language = draw_documents([["a", "b"], ["x"]], 4, rng=np.random.default_rng(0))
    >>> documents, language
    (['x', 'b', 'b', 'b'], array([1, 0, 0, 0]))
    """
    given = check_items("draw_documents: languages", languages, "lists of documents")
    languages = [list(check_items("draw_documents: a language", of, "documents")) for of in given]
    counts = [len(documents) for documents in languages]
    language = draw_languages(counts, size, alpha=alpha, rng=rng)
    places = (rng.random(size) * np.array(counts)[language]).astype(np.int64)
    return [languages[k][i] for k, i in zip(language, places)], language
