"""Figure: entities inside entities, for taggers of words and of spans."""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.plots.style import BLUE, GREEN, ORANGE

FIGURES = (
    ("outer_f1", "outer entities", ORANGE, "s"),
    ("inner_f1", "entities inside others", GREEN, "D"),
    ("f1", "all entities", BLUE, "o"),
)
NAMES = {
    "token": "a tag for\neach word",
    "chain": "tags in\na chain",
    "mean": "spans:\nmean",
    "startend": "spans:\nstart, end",
    "attention": "spans:\nattention",
}


def draw_taggers(ax: Any, cells: list[dict[str, Any]]) -> None:
    """F1 of outer, inner and all entities for each tagger: mean and range over the seeds.

    ``cells`` are results of ``run_cell`` of ``experiments/taggers.py``.
    """
    taggers = list(dict.fromkeys(c["tagger"] for c in cells))
    for place, tagger in enumerate(taggers):
        for k, (key, label, color, marker) in enumerate(FIGURES):
            values = [c[key] for c in cells if c["tagger"] == tagger]
            x = place + 0.16 * (k - 1)
            ax.plot([x, x], [min(values), max(values)], color=color, lw=2)
            ax.plot(x, np.mean(values), marker=marker, color=color, ms=9, ls="none",
                    label=None if place else label)
    ax.set_xticks(range(len(taggers)), [NAMES.get(t, t) for t in taggers])
    ax.set_ylabel("F1 of whole entities")
    ax.set_ylim(-0.03, 1)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3, frameon=False,
              fontsize="small", columnspacing=1, handletextpad=0.2)
    means = {t: np.mean([c["inner_f1"] for c in cells if c["tagger"] == t]) for t in taggers}
    best = max(means, key=lambda t: means[t])
    seeds = len({c["seed"] for c in cells})
    ax.set_title(f"Inner entities: words {means[taggers[0]]:.2f}, spans {means[best]:.2f} "
                 f"({cells[0]['n']} texts, {seeds} seed{'s' if seeds > 1 else ''})",
                 fontsize="medium")
