"""What a training run measured, step by step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from npft.atomic import check_path, write_bytes
from npft.errors import ConfigError, DataError


class History:
    """A table of measurements: one row for each step at which something was measured.

    ``history["loss"]`` is the array of all values of a metric and ``history.at("loss")`` the steps
    they belong to. Not every metric is measured at every step.

    >>> h = History()
    >>> h.add(0, loss=2.0)
    >>> h.add(5, loss=1.5, f1=0.7)
    >>> h["loss"], h.at("f1"), h.metrics
    (array([2. , 1.5]), array([5]), ['loss', 'f1'])
    """

    def __init__(self, rows: list[dict[str, Any]] | None = None) -> None:
        self.rows: list[dict[str, Any]] = rows or []

    def add(self, step: int, **values: float) -> None:
        """Add measurements made after ``step`` steps."""
        self.rows.append({"step": int(step), **{k: float(v) for k, v in values.items()}})

    @property
    def step(self) -> np.ndarray:
        """The step of every row."""
        return np.array([row["step"] for row in self.rows], dtype=np.int64)

    @property
    def metrics(self) -> list[str]:
        """The names of everything measured, in the order of first appearance."""
        return [k for k in dict.fromkeys(k for row in self.rows for k in row) if k != "step"]

    def at(self, name: str) -> np.ndarray:
        """The steps at which ``name`` was measured."""
        return self._column(name, "step").astype(np.int64)

    def __getitem__(self, name: str) -> np.ndarray:
        return self._column(name, name)

    def _column(self, name: str, key: str) -> np.ndarray:
        if name not in self.metrics:
            raise ConfigError(f"history: no metric {name!r}; measured are {self.metrics}")
        return np.array([row[key] for row in self.rows if name in row])

    def to_json(self, path: str | Path) -> None:
        """Write the rows to a file: the same run writes the same bytes.

        Raises ``CheckpointError`` for a file that cannot be written; an older one is then kept.
        """
        path = check_path("to_json: path", path)
        write_bytes(path, (json.dumps(self.rows, indent=1) + "\n").encode("utf-8"))

    @classmethod
    def from_json(cls, path: str | Path) -> History:
        """Read what ``to_json`` wrote. Raises ``DataError`` for another file, or none."""
        path = check_path("from_json: path", path)
        try:
            rows = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise DataError(f"cannot be read: {error.strerror or error}", path) from None
        except ValueError:
            raise DataError("is no JSON; give a history.json npft has written", path) from None
        if not isinstance(rows, list) or not all(isinstance(r, dict) and "step" in r for r in rows):
            raise DataError("is no list of measurements, each with its step", path)
        return cls(rows)

    def __repr__(self) -> str:
        return f"History({len(self.rows)} rows: {', '.join(self.metrics)})"
