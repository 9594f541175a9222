"""What all scores have in common: plain figures, one of which is the one to compare by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar

import numpy as np

from npft.autograd.inputs import numbers
from npft.errors import DataError


@dataclass(frozen=True)
class Score:
    """Figures of merit of one task. ``main`` names the one that a run is judged by: the higher
    the better. ``loss`` is the mean loss, if it is known.

    >>> Hits(accuracy=0.5).as_dict(), Hits(accuracy=0.5).best_by
    ({'accuracy': 0.5, 'loss': None}, 0.5)
    """

    main: ClassVar[str]

    @property
    def best_by(self) -> float:
        """The value of the main figure."""
        return float(getattr(self, self.main))

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers, texts and lists, for JSON."""
        return {k: _plain(v) for k, v in asdict(self).items()}

    def figures(self) -> dict[str, float]:
        """The numbers alone, without the loss where it is not known."""
        return {k: v for k, v in self.as_dict().items() if isinstance(v, (int, float))}


class ByValue:
    """For dataclasses that hold arrays (``eq=False``): equal are those with equal fields.

    The comparison that ``dataclass`` writes asks whether an array of truth values is true, which
    NumPy refuses. NaN equals NaN here: in a table it says that nothing was measured.
    """

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        names = [field.name for field in fields(self)]  # type: ignore[arg-type]
        return all(_same(getattr(self, name), getattr(other, name)) for name in names)

    def __hash__(self) -> int:
        """By what is no array: equal ones have equal hashes, some others have as well."""
        values = (getattr(self, field.name) for field in fields(self))  # type: ignore[arg-type]
        return hash((type(self), *(v for v in values if isinstance(v, (str, tuple)))))


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return np.array_equal(a, b, equal_nan=a.dtype.kind == b.dtype.kind == "f")
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return False
    return bool(a == b or (a != a and b != b))


def _plain(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    return list(value) if isinstance(value, tuple) else value


@dataclass(frozen=True)
class Hits(Score):
    """The share of decisions that are right."""

    main: ClassVar[str] = "accuracy"
    accuracy: float
    loss: float | None = None


def perplexity(losses: float | Sequence[float] | np.ndarray) -> float:
    """exp(mean of -log P): among how many equally likely words a model seems to choose.

    losses: -log P of each word, in nats, or their mean, such as the loss of a ``MaskedLM``.
    Raises ``DataError`` for none, for one that is below 0 or not finite (an infinite one is a word
    that the model held to be impossible), or for a mean above 700.

    Half of 4 words and half of 16 are as hard as 8:

    >>> round(perplexity([math.log(4), math.log(16)]), 9)
    8.0
    """
    values = numbers("perplexity: losses", losses, np.float64)
    if values.size == 0 or not np.isfinite(values).all() or (values < 0).any():
        raise DataError(
            "perplexity: expected one or more losses, each -log P: finite, and 0 or more; got "
            + (f"{values.size} from {values.min()} to {values.max()}" if values.size else "none")
        )
    mean = float(values.mean())
    if mean > 700:
        raise DataError(f"perplexity: exp of the mean loss {mean:.4g} fits into no float")
    return math.exp(mean)
