"""Figures F26 and F27: two languages in one model, and a word that both have."""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.plots.style import BLUE, GREEN, GREY, ORANGE, PINK, label_end, spread_out

LANGUAGES = {"first": ("large language", BLUE), "second": ("small language", ORANGE)}


def draw_languages(ax: Any, cells: list[dict[str, Any]]) -> None:
    """The held-out loss of each language for each setting: every seed, and the mean as a line.

    A cell is one run: {"setting", "seed", "shares", "history"}; a setting is an alpha, and the
    last one the name of the runs on the second language alone, which are drawn apart.
    """
    settings = list(dict.fromkeys(c["setting"] for c in cells))
    alphas = [s for s in settings if not isinstance(s, str)]
    ends: dict[str, list[float]] = {}
    for name, (label, color) in LANGUAGES.items():
        shown = settings if name == "second" else alphas
        values = [
            [c["history"][-1][f"{name}_mlm_loss"] for c in cells if c["setting"] == s]
            for s in shown
        ]
        means = [float(np.mean(v)) for v in values]
        for x, v in enumerate(values):
            ax.plot([x] * len(v), v, ls="none", marker="o", ms=7, color=color, alpha=0.45, mew=0)
            ax.plot([x - 0.1, x + 0.1], [means[x]] * 2, color=color, lw=3)
        ax.plot(range(len(alphas)), means[: len(alphas)], color=color, lw=1.5)
        for x, mean in enumerate(means):
            ax.annotate(f"{mean:.2f}", (x, mean), xytext=(14, 9), textcoords="offset points",
                        color=color, va="center")
        ax.annotate(label, (0, means[0]), xytext=(-14, 0), textcoords="offset points",
                    color=color, ha="right", va="center")
        ends[name] = means
    share = {s: next(c["shares"]["second"] for c in cells if c["setting"] == s) for s in settings}
    ax.set_xticks(
        range(len(settings)),
        [(f"α = {s:g}" if s in alphas else "alone") + f"\n{share[s]:.0%}" for s in settings],
    )
    ax.set_xlim(-1.1, len(settings) - 0.55)
    ax.set_ylabel("held-out loss (nats per masked token)")
    ax.set_xlabel("share of the small language in what is read")
    first, second = ends["first"], ends["second"]
    a = len(alphas) - 1
    cost = first[a] - first[0]
    ax.set_title(
        f"α = {alphas[a]:g}: the small language gains {second[0] - second[a]:.2f} nats, "
        f"the large one {'loses' if cost > 0 else 'gains'} {abs(cost):.2f};\n"
        f"alone, with all steps to itself, the small one gains {second[0] - second[-1]:.2f} "
        f"({sum(c['setting'] == alphas[0] for c in cells)} seeds)",
        fontsize=15,
    )


def draw_false_friend(axes: Any, cells: list[dict[str, Any]]) -> None:
    """A word of two languages: its vectors in context, and cosines of two uses by layer.

    A cell is one seed: {"cosines": {pair: one value for the word table and each layer}}, the first
    also with {"points": for each layer the points (n, 2) in each language}.
    """
    points = next(c["points"] for c in cells if "points" in c)
    uses, ax = axes
    for xy, (_, color), marker in zip(points[-1], LANGUAGES.values(), "o^"):
        uses.scatter(*np.array(xy).T, color=color, s=60, marker=marker, alpha=0.6, lw=0)
    uses.set_title("uses after the last block (one seed)")
    uses.set_xticks([])
    uses.set_yticks([])
    uses.set_xlabel("first principal component")
    uses.set_ylabel("second principal component")
    uses.set_aspect("equal", "datalim")
    for x, text, color in (
        (0.03, "large language:\ntree or hand", BLUE), (0.97, "small language:\nbread", ORANGE),
    ):  # fmt: skip
        uses.text(x, 0.98, text, color=color, transform=uses.transAxes, va="top",
                  ha="left" if x < 0.5 else "right")
    shown = {
        "first": ("palm, palm:\nlarge language", BLUE),
        "second": ("palm, palm:\nsmall language", ORANGE),
        "names": ("a name in one,\nin the other", GREEN),
        "between": ("palm in one,\nin the other", PINK),
        "translation": ("bread in one,\npalm in the other", GREY),
    }
    ends = {}
    for name, (_, color) in shown.items():
        values = np.array([c["cosines"][name] for c in cells])  # (seeds, 2 + blocks)
        layers = np.arange(values.shape[1])
        low, high = values.min(axis=0), values.max(axis=0)
        ax.fill_between(layers, low, high, color=color, alpha=0.15, lw=0)
        ax.plot(layers, values.mean(axis=0), color=color, marker="o")
        ends[name] = float(values[:, -1].mean())
    places = spread_out(list(ends.values()), 0.24)
    for y, (text, color) in zip(places, shown.values()):
        label_end(ax, layers[-1], y, text, color)
    ax.set_ylim(bottom=min(*places, *ends.values()) - 0.14)  # the last label stays above the axis
    ax.set_xticks(layers, ["word\ntable", "with\nposition", *(f"block\n{i}" for i in layers[1:-1])])
    ax.set_ylabel("mean cosine")
    ax.set_title("cosine of two uses")
    axes[0].figure.suptitle(
        f"\"palm\" is one vector in the word table; in context it is two words:\n"
        f"cosine between the languages {ends['between']:.2f}, of names {ends['names']:.2f} "
        f"({len(cells)} seeds)",
        x=0.01, ha="left", fontsize=16,
    )
