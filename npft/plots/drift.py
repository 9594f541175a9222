"""Figure F12: which layers move."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from npft.plots.style import color_of, label_end, spread_out

Drifts = Mapping[str, list[dict[str, Any]]]  # method: what ``drift`` found for each seed


def draw_drift(axes: Any, drifts: Drifts) -> None:
    """How far the weights of each layer have moved (left), and what it then says (right).

    Left: |θ - θ₀| / |θ₀|. Right: 1 - CKA of its output before and after. Lines are means over the
    seeds, bands the range.
    """
    for ax, name in zip(axes, ("weights", "states")):
        ends, last = [], 0
        for method, found in drifts.items():
            layers = list(found[0][name])
            values = np.array([[row[name][layer] for layer in layers] for row in found])
            places, color = np.arange(len(layers)), color_of(method)
            ax.fill_between(places, values.min(0), values.max(0), color=color, alpha=0.18, lw=0)
            ax.plot(places, values.mean(0), color=color, marker="o")
            ends.append(float(values[:, -1].mean()))
            last = len(layers) - 1
        ax.set_xticks(np.arange(last + 1), [layer.replace(" ", "\n") for layer in layers])
        ax.set_ylim(bottom=0)
        _, high = ax.get_ylim()
        for y, method in zip(spread_out(ends, 0.06 * high), drifts):
            label_end(ax, last, y, method, color_of(method))
        ax.set_xlabel("layer, from the input up")
    left, right = axes
    left.set_ylabel("|θ - θ₀| / |θ₀|")
    right.set_ylabel("1 - CKA of the output")
    first, found = next(iter(drifts.items()))
    moved, changed = (
        {layer: float(np.mean([row[name][layer] for row in found])) for layer in found[0][name]}
        for name in ("weights", "states")
    )
    most, top = max(moved, key=moved.__getitem__), max(changed, key=changed.__getitem__)
    left.set_title(f"{first}: {most} moves most\n({moved[most]:.0%} of its length)")
    right.set_title(f"what changes most is said by {top}\n({len(found)} seeds, bands: range)")
