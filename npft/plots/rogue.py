"""Figure F14 and word frequency: which dimensions make the cone, which words stay alike."""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.plots.cone import STATES
from npft.plots.style import BLUE, GREY, ORANGE, label_end


def draw_rogue(axes: Any, cells: list[dict[str, Any]]) -> None:
    """What each dimension adds to the mean cosine (left), and what is left of it without the top.

    ``cells`` are results of ``layers_cell``. Lines are means over the seeds, bands one sd.
    """
    left, right = axes
    kept = {}
    for state in ("random", "mlm"):
        name, color = STATES[state]
        found = [c["rogue"][state] for c in cells]
        raw = np.array([f["raw"] for f in found])
        rank = np.arange(1, raw.shape[1] + 1)
        _band(left, rank, raw, color, "o", f"{name}: they add up to {raw.sum(axis=1).mean():.2f}")
        for key, marker, line in (("dropped", "o", "-"), ("removed", "s", "--")):
            values = np.array([f[key] for f in found])
            kept[state, key] = values.mean(axis=0)
            k = np.arange(values.shape[1])
            label = f"{name}, without k dimensions" if key == "dropped" else None
            if key == "removed" and state == "mlm":
                label = "both, without the mean and k directions"
            _band(right, k, values, color, marker, label, line)
    flat = np.array([c["rogue"]["mlm"]["standardized"] for c in cells])
    _band(left, rank, flat, ORANGE, "", f"after MLM, standardised: {flat.sum(axis=1).mean():.2f}")
    top = np.array([
        np.sum(c["rogue"]["mlm"]["raw"][:3]) / np.sum(c["rogue"]["mlm"]["raw"]) for c in cells
    ])
    left.set_xscale("log")
    left.set_xticks([1, 2, 3, 5, 10, 20, raw.shape[1]], ["1", "2", "3", "5", "10", "20", "64"])
    left.minorticks_off()
    left.set_xlabel(f"dimension, by what it adds ({len(cells)} seeds)")
    left.set_ylabel("what it adds to the mean cosine")
    left.set_title(
        f"After MLM three of {raw.shape[1]} dimensions make\n{top.mean():.0%} of the mean cosine "
        f"({top.min():.0%} to {top.max():.0%})"
    )
    left.legend(frameon=False)
    right.set_xticks(k)
    right.set_xlabel("k, how many of the top are taken out")
    right.set_ylabel("mean cosine that is left")
    right.set_ylim(-0.05, 1.02)
    right.set_title(
        f"and without them {kept['mlm', 'dropped'][-1]:.2f} of {kept['mlm', 'dropped'][0]:.2f} is "
        f"left:\nwhat makes the cone is the mean ({kept['mlm', 'removed'][0]:.2f} without it)"
    )
    right.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 0.07))


def _band(
    ax: Any, x: Any, values: np.ndarray, color: str, marker: str, label: str | None,
    line: str = "-",
) -> None:
    mean, spread = values.mean(axis=0), values.std(axis=0, ddof=min(1, len(values) - 1))
    ax.fill_between(x, mean - spread, mean + spread, color=color, alpha=0.2, lw=0)
    ax.plot(x, mean, color=color, marker=marker, ms=5, ls=line, label=label)


def draw_frequency(axes: Any, cells: list[dict[str, Any]]) -> None:
    """How alike a word's vectors are in its contexts, against how often pretraining read it.

    Left the words of the first seed; right the rank correlation of each seed, by state.
    """
    left, right = axes
    rows = np.array(cells[0]["frequency"]["mlm"]["words"])
    kinds = (("content words", 1, BLUE, "o"), ("other words", 0, ORANGE, "^"))
    for name, content, color, marker in kinds:
        some = rows[rows[:, 2] == content]
        left.scatter(some[:, 0], some[:, 1], s=22, color=color, marker=marker, alpha=0.6, lw=0,
                     label=name)
    left.set_xscale("log")
    left.set_xlabel("times in the pretraining text (one seed)")
    left.set_ylabel("self-similarity (mean cosine)")
    left.set_title(
        "How alike a word is to itself in other\ncontexts, after MLM: a mark for each word"
    )
    left.legend(frameon=False, loc="lower right")
    states = list(cells[0]["frequency"])
    places = np.arange(len(states))
    said = {}
    for name, key, color, marker, shift in (
        ("content words", "content", BLUE, "o", -0.12), ("all words", "all", GREY, "s", 0.12),
    ):
        values = np.array([[c["frequency"][s][key] for s in states] for c in cells])
        for row in values:
            right.plot(places + shift, row, marker, color=color, ms=5, alpha=0.5)
        mean = values.mean(axis=0)
        said[key] = float(mean[states.index("mlm")])
        right.plot(places + shift, mean, "_", color=color, ms=24, mew=3)
        label_end(right, places[-1] + 0.35, mean[-1], name, color)
    right.axhline(0, color="black", lw=1)
    right.set_xticks(places, [STATES[s][0].replace(" ", "\n") for s in states])
    right.set_xlabel(f"state of the encoder ({len(cells)} seeds; bar: their mean)")
    right.set_ylabel("Spearman, frequency and self-similarity")
    right.set_title(
        "After MLM content words read oftener are more\n"
        f"alike (Spearman {said['content']:.2f}), all words less ({said['all']:.2f})"
    )
