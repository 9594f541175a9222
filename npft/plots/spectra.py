"""Representation degeneration: the spectrum of a body's vectors while it is pretrained."""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.plots.style import BLUE, GREEN, GREY, ORANGE, PINK, label_end, spread_out

SHOWN = 5  # spectra, from the first look to the last


def draw_spectra(axes: Any, cells: list[dict[str, Any]]) -> None:
    """Spectra of the words at some steps (left), cosine and rank along training (right).

    ``cells`` are results of ``spectra_cell``: means over the seeds, bands one sd.
    """
    left, right = axes
    steps = [look["step"] for look in cells[0]["words"]]
    ranks = np.array([[look["effective_rank"] for look in c["words"]] for c in cells]).mean(axis=0)
    chosen = np.unique(np.linspace(0, len(steps) - 1, SHOWN).round().astype(int))
    for i, color in zip(chosen, (GREY, ORANGE, PINK, GREEN, BLUE)):
        looks = [c["words"][i] for c in cells]
        spectrum = np.array([look["spectrum"] for look in looks]).mean(axis=0)
        left.plot(np.arange(1, len(spectrum) + 1), spectrum, color=color,
                  label=f"step {steps[i]:,}: effective rank {ranks[i]:.0f}")
    least = chosen[ranks[chosen].argmin()]
    left.set_title(
        f"Words fill {ranks[0]:.0f} directions at the start,\n{ranks[least]:.0f} at step "
        f"{steps[least]:,}, {ranks[-1]:.0f} at the end"
    )
    left.set_yscale("log")
    left.set_ylim(bottom=1e-4)  # a layer norm leaves one direction empty
    left.set_xlabel("direction, by size")
    left.set_ylabel("singular value, share of their sum")
    left.legend(frameon=False, loc="lower left")
    names = (("words", "words in sentences", BLUE), ("table", "token table", ORANGE))
    ends, peaks = [], []
    for key, _, color in names:
        values = np.array([[look["mean_cosine"] for look in c[key]] for c in cells])
        mean, spread = values.mean(axis=0), values.std(axis=0, ddof=min(1, len(values) - 1))
        right.fill_between(steps, mean - spread, mean + spread, color=color, alpha=0.2, lw=0)
        right.plot(steps, mean, color=color, marker="o")
        ends.append(float(mean[-1]))
        peaks.append((float(mean.max()), steps[int(mean.argmax())]))
    for y, (_, name, color) in zip(spread_out(ends, 0.07), names):
        label_end(right, steps[-1], y, name, color)
    right.set_title(
        f"Pretraining first closes the cone of words\n({peaks[0][0]:.2f} at step {peaks[0][1]}), "
        f"then opens it ({ends[0]:.2f})"
    )
    right.set_xscale("symlog", linthresh=10)
    marked = [steps[i] for i in chosen]
    right.set_xticks(marked, [f"{step:,}" for step in marked])
    right.minorticks_off()
    right.set_ylim(-0.05, 1.05)
    right.set_xlabel(f"step of pretraining ({len(cells)} seeds)")
    right.set_ylabel("mean cosine of two vectors")
