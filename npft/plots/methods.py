"""Methods against forgetting side by side, on a user's own files."""

from __future__ import annotations

from typing import Any

from npft.plots.forgetting import dashes_of
from npft.plots.style import GREY, color_of, label_end, spread_out


def draw_methods(axes: Any, results: dict[str, Any]) -> None:
    """The rise of the held-out loss (left axes) and the score of the task (right axes).

    ``axes`` are two axes side by side, ``results`` those of ``npft forgetting``. Along: the share
    of the training, for methods differ in their steps. A method that only repairs afterwards is a
    mark at the end.
    """
    left, right = axes
    rows = results["methods"]
    before = rows[0]["mlm_loss_before"]
    dashes = dashes_of(row["method"] for row in rows)
    for ax, name in ((left, "rise"), (right, "score")):
        for row in rows:
            color, dash, curve = color_of(row["method"]), dashes[row["method"]], row["curve"]
            if curve is None:
                ax.plot([100], [row[name]], color=color, marker="D", clip_on=False)
                continue
            share = [100 * step / curve["step"][-1] for step in curve["step"]]
            y = [loss - before for loss in curve["mlm_loss"]] if name == "rise" else curve["f1"]
            ax.plot(share, y, color=color, ls=dash)
        if ax is left:
            _frequency(ax, results["unigram_loss"] - before)  # first: it may stretch the axis
        low, high = ax.get_ylim()
        ends = spread_out([row[name] for row in rows], 0.055 * (high - low))
        for row, y in zip(rows, ends):
            label_end(ax, 100, y, row["method"], color_of(row["method"]))
        ax.set_xlabel("share of fine-tuning (%)")
        ax.set_xlim(0, 100)
    main = results["main"].replace("f1", "F1")
    left.set_ylabel("rise of held-out loss (nats)")
    right.set_ylabel(f"{main} of the task")
    left.set_title(f"Forgotten: {rows[0]['rise']:.2f} nats ({rows[0]['method']})")
    right.set_title(f"Learnt: {main} {rows[0]['score']:.2f} (seed {results['seed']})")


def _frequency(ax: Any, floor: float) -> None:
    """The rise at which a model knows no more than frequencies, if it is near the curves."""
    if 0 < floor < 3 * ax.get_ylim()[1]:  # else it would press the curves flat
        ax.axhline(floor, color=GREY, ls="--", lw=1.5)
        ax.text(1, floor, "guessing by frequency", color=GREY, va="bottom", fontsize="small")
