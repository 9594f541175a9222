"""Figure F21: which sentences a body finds unlike, before and after fine-tuning."""

from __future__ import annotations

from typing import Any

import numpy as np

PANELS = {
    "mlm": "after MLM: topics show faintly", "topic": "tuned on topics: a block for each",
    "sms": "tuned on messages: other blocks",
}  # fmt: skip


def draw_rdm(axes: Any, cells: list[dict[str, Any]]) -> None:
    """Tables of dissimilarity of sentences in order of topic; blocks are topics that matter.

    ``cells`` are results of ``categories_cell``; the tables of the first seed are drawn, RSA is of
    all seeds.
    """
    names = cells[0]["names"]
    for ax, (state, name) in zip(axes, PANELS.items()):
        table = np.array(cells[0]["rdm"][state])
        image = ax.imshow(table, cmap="viridis", vmin=0, vmax=2)
        gold = np.array([c["gold"][state] for c in cells])
        spread = gold.std(ddof=min(1, len(gold) - 1))
        each = len(table) // len(names)
        middles = (np.arange(len(names)) + 0.5) * each - 0.5
        ax.set_yticks(middles, names if ax is axes[0] else [""] * len(names))
        ax.set_xticks([])
        ax.grid(False)
        for edge in np.arange(1, len(names)) * each - 0.5:
            ax.axhline(edge, color="white", lw=0.7)
            ax.axvline(edge, color="white", lw=0.7)
        ax.set_title(f"{name}\nRSA with topics {gold.mean():.2f} ± {spread:.2f}")
    axes[0].figure.supxlabel(
        f"sentences in order of topic (tables of one seed; RSA: {len(cells)} seeds, at most "
        f"{cells[0]['most']:.2f})", fontsize=15,
    )  # fmt: skip
    bar = axes[-1].figure.colorbar(image, ax=list(axes), shrink=0.8, pad=0.01)
    bar.set_label("1 - correlation (0: alike)")
