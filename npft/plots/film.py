"""The cone as a film: one globe, and beside it how far the cone has opened."""

from __future__ import annotations

from typing import Any

from npft.plots.cone import DARK, DIMS, draw_state
from npft.plots.globe import chance_band

PHASES = {"random": "random weights", "mlm": "MLM", "simcse": "SimCSE"}


def draw_film(axes: Any, frames: list[dict[str, Any]], now: int, dims: int = DIMS) -> None:
    """Frame ``now`` of a film: the cone on the left; on the right its angle up to this frame.

    ``frames``: cones (``EmbeddingTest.cone``) with "phase" (random, mlm, simcse) and "step".
    """
    globe, curve = axes
    frame = frames[now]
    globe.figure.set_layout_engine("none")
    globe.set_position((0.0, 0.02, 0.54, 0.88))
    curve.set_position((0.64, 0.3, 0.33, 0.48))
    draw_state(globe, frame, dims, 0.62)
    globe.text(0, -0.5, "random directions", fontsize=9, ha="center", va="center", color="#333333")
    write = globe.figure.text
    write(0.02, 0.92, "The cone of sentence vectors opens", fontsize=19, weight="bold")
    step = f", step {frame['step']:,}" if frame["step"] else ""
    write(0.64, 0.81, PHASES[frame["phase"]] + step, fontsize=16)
    for k, (name, said) in enumerate(zip("AB", frame["said"])):
        write(0.555, 0.1 - 0.05 * k, f"{name}  {said}", fontsize=10)
    low, high = chance_band(dims)
    curve.axhspan(low, high, color="#E4E4E4", lw=0)
    curve.text(0.5, 90, "random directions", fontsize=10, va="center", color="#333333")
    halves = [f["half_within"] for f in frames]
    curve.plot(range(now + 1), halves[: now + 1], color=DARK, lw=2)
    curve.plot(now, halves[now], "o", color=DARK, ms=8)
    curve.set_xlim(-1, len(frames))
    phases = [f["phase"] for f in frames]
    trained = [p for p in ("mlm", "simcse") if p in phases]
    curve.set_xticks([phases.index(p) for p in trained], [PHASES[p] for p in trained], fontsize=11)
    for label in curve.get_xticklabels():
        label.set_horizontalalignment("left")
    curve.set_xlabel("training (the steps between frames grow)", fontsize=11)
    curve.set_ylim(0, high + 4)
    curve.set_yticks([0, 30, 60, 90], [f"{a}\N{DEGREE SIGN}" for a in (0, 30, 60, 90)], fontsize=11)
    curve.set_ylabel("half of the sentences within", fontsize=11)
