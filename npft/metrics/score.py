"""What all scores have in common: plain figures, one of which is the one to compare by."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np


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
