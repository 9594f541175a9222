"""The figures of what text a body has read: what is drawn is what was measured."""

import numpy as np
from matplotlib.figure import Figure

from npft import plots
from npft.experiments import curse, dapt


def words(ax):
    return " | ".join(t.get_text() for t in ax.texts)


def lines(ax):
    """What each line that joins means ends with."""
    return [round(float(line.get_ydata()[-1]), 9) for line in ax.lines if len(line.get_xdata()) > 1]


def dapt_cells():
    cells = []
    for seed in (0, 1):
        for i, way in enumerate(dapt.dapt_cells()):
            end = {"domain": 3 - 0.5 * i + seed, "seen": 1.0, "general": 2.0 + i}
            start = {"domain": 8.0, "seen": 8.0, "general": 2.0}
            losses = [{"step": 0} | start, {"step": 9} | end] if "documents" in way else []
            f1 = {t: {str(n): 0.5 + 0.1 * i for n in ns} for t, ns in dapt.TASKS.items()}
            cells.append(way | {"seed": seed, "losses": losses, "f1": f1})
    return cells


def test_dapt_draws_both_domains_the_gap_and_what_each_way_adds():
    axes = Figure().subplots(1, 3)
    plots.draw_dapt(axes, dapt_cells())
    assert lines(axes[0]) == [3.0, 2.5, 2.0, 1.0, 1.0]  # held out of three ways, seen of two
    assert "a gap of 1.5 with 25" in axes[0].get_title() and "1.0 with 2,000" in axes[0].get_title()
    assert lines(axes[1]) == [3.0, 4.0, 5.0, 6.0]
    assert "+3.0 nats" in axes[1].get_title() and "replay +4.0" in axes[1].get_title()
    means = [line for line in axes[2].lines if line.get_marker() == "o"]
    assert len(means) == 16
    gains = {round(float(line.get_xdata()[0]), 9) for line in means}
    assert gains == {0.1, 0.2, 0.3, 0.4}
    assert "+0.30 to +0.30" in axes[2].get_title()
    assert "topic, 32 labels (F1 0.50)" in words(axes[2])
    title = axes[0].figure.get_suptitle()
    assert "raise F1 in 4 of 4" in title and "2 seeds" in title


def test_curse_draws_every_count_its_controls_and_the_accent_of_every_share():
    cells = []
    for seed in (0, 1):
        for c in curse.curse_cells():
            loss = [2.0 + 0.1 * c["languages"] + 100 / c["steps"] - c["width"] / 64 + seed]
            cells.append(c | {"seed": seed, "loss": loss * c["languages"]})
        for c in curse.accent_cells():
            cells.append(c | {"seed": seed, "accent": 0.5 - c["share"] + seed})
    axes = Figure().subplots(1, 2)
    plots.draw_curse(axes, cells)
    spent = 100 / curse.STEPS
    together, alone, wide, *_ = [
        np.round(line.get_ydata(), 6) for line in axes[0].lines if line.get_marker() == "o"
    ]
    assert together.tolist() == np.round([2.0 + 0.1 * n + spent for n in (1, 2, 4, 8)], 6).tolist()
    few = [2.1 + 100 / (curse.STEPS // n) for n in (1, 2, 4, 8)]
    assert alone.tolist() == np.round(few, 6).tolist()
    assert wide.tolist() == np.round([1.6 + spent, 2.3 + spent], 6).tolist()
    assert "8 languages: +0.70 nats" in axes[0].get_title()
    ends = [line.get_ydata()[-1] for line in axes[1].lines if line.get_marker() == "o"]
    assert np.round(ends, 6).tolist() == [0.7, 0.7]
    assert axes[1].get_title() == "Accent: 0.90, not 0.90, at 10%;\n0.70, not 0.70, at 30%"
    assert "2 seeds" in axes[0].figure.get_suptitle() and "other order" in words(axes[1])
