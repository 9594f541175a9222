"""What of a model trains, and how much: a table to read before a run.

    part          weights  trained   share    rate
    embeddings     18,688        0    0.0%
    block 0        49,984        0    0.0%
    ...
    head classes      130      130  100.0%    0.01
    all           118,914   50,242   42.3%
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from npft.autograd.tables import html_rows
from npft.encoder.model import Model
from npft.finetune.regimes import layers_of

COLUMNS = ("part", "weights", "trained", "share", "rate")


class TrainedPart(NamedTuple):
    """A part of a model: its weights, how many of them train, and at which rates (peaks)."""

    name: str
    weights: int
    trained: int
    rates: tuple[float, ...] = ()


class Trainable:
    """The parts of a model, from the embeddings to the heads; prints as a table."""

    def __init__(self, parts: list[TrainedPart]) -> None:
        self.parts = parts

    @property
    def total(self) -> TrainedPart:
        """All parts together."""
        return TrainedPart(
            "all", sum(p.weights for p in self.parts), sum(p.trained for p in self.parts)
        )

    def _cells(self) -> list[tuple[str, ...]]:
        return [
            (
                part.name, f"{part.weights:,}", f"{part.trained:,}",
                f"{part.trained / part.weights:.1%}",
                " to ".join(f"{rate:.2g}" for rate in sorted({*part.rates[:1], *part.rates[-1:]})),
            )
            for part in [*self.parts, self.total]
        ]  # fmt: skip

    def __repr__(self) -> str:
        cells = [COLUMNS, *self._cells()]
        widths = [max(len(row[k]) for row in cells) for k in range(len(COLUMNS))]
        rows = [[row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])] for row in cells]
        return "\n".join("  ".join(row).rstrip() for row in rows)

    def _repr_html_(self) -> str:
        return f"<table>{html_rows([COLUMNS], 'th')}{html_rows(self._cells(), 'td')}</table>"


def trainable(model: Model, groups: Sequence[dict[str, Any]] = ()) -> Trainable:
    """What of a model trains now; with ``groups`` (see ``rate_groups``) also how fast.

    A weight that head and body share, such as a tied table of words, counts as the body's.

    >>> import numpy as np
    >>> from npft.encoder.config import EncoderConfig
    >>> from npft.encoder.encoder import Encoder
    >>> from npft.finetune.rates import rate_groups
    >>> from npft.finetune.regimes import freeze_body
    >>> from npft.heads.classes import Classifier
    >>> rng = np.random.default_rng(0)
    >>> model = Classifier(Encoder(EncoderConfig.lesson(), rng=rng), 2, rng=rng)
    >>> freeze_body(model, last=1)
    >>> trainable(model, rate_groups(model, 0.01, ratio=2.5))
    part          weights  trained   share   rate
    embeddings     18,688        0    0.0%
    block 0        49,984        0    0.0%
    block 1        49,984   49,984  100.0%  0.004
    final norm        128      128  100.0%  0.004
    head classes      130      130  100.0%   0.01
    all           118,914   50,242   42.3%
    """
    begins = {}
    for name, prefixes in reversed(layers_of(model).items()):
        begins[name] = prefixes[:1]
    del begins["heads"]
    begins["final norm"] = ("encoder.layernorm.",)
    begins |= {f"head {name}": (f"heads.{name}.",) for name in model.heads}
    rates = {id(p): g["lr"] for g in groups for p in g["params"]}
    parts = []
    for name, prefixes in begins.items():
        own = [p for full, p in model.named_parameters() if full.startswith(prefixes)]
        moved = [p for p in own if p.requires_grad]
        found = sorted({rates[id(p)] for p in moved if id(p) in rates})
        if own:
            sizes = sum(p.size for p in own), sum(p.size for p in moved)
            parts.append(TrainedPart(name, *sizes, tuple(found)))
    return Trainable(parts)
