"""The figures of fine-tuning: lines are the means of the cells, and titles say what they hold."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from npft import plots
from npft.experiments import (
    ablation, decisions, depth, frozen_tags, labels, pads, rates,
)


def panels(n):
    return Figure(figsize=(5 * n, 5.5)).subplots(1, n)


def heading(axes):
    return axes[0].figure._suptitle.get_text()


def everywhere(axes):
    return " | ".join(t.get_text() for ax in axes for t in ax.texts)


def label_cells():
    """F1 rises by 0.1 from one number of labels to the next; scratch lies 0.3 lower."""
    numbers = labels.FEW + labels.MANY
    return [
        {"task": task, "regime": regime, "n": n, "seed": seed,
         "f1": 0.35 + 0.1 * k - 0.3 * (regime == "scratch") + 0.02 * seed}
        for task in labels.TASKS for regime in labels.REGIMES for k, n in enumerate(numbers)
        for seed in (0, 1) if n in labels.FEW or regime in ("scratch", "words")
    ]  # fmt: skip


def test_labels_figure_draws_means_and_reads_the_gap_off_them():
    axes = panels(2)
    plots.draw_labels(axes, label_cells())
    head, full, scratch, words = axes[0].lines
    assert scratch.get_ydata() == pytest.approx(0.06 + 0.1 * np.arange(6))
    assert head.get_xdata().tolist() == list(labels.FEW)
    # 0.46 with 32 labels; scratch is there after 320 and before it is at 640 labels
    assert labels.label_gap(label_cells(), "sms", 32)[1] == pytest.approx(640)
    assert "20 times" in axes[1].get_title()
    assert "2 seeds" in heading(axes) and "bag of words" in everywhere(axes)
    assert all("labels" in ax.get_xlabel() for ax in axes) and "F1" in axes[0].get_ylabel()


def test_labels_figure_says_when_scratch_never_gets_there():
    cells = [c | {"f1": 0.1} if c["regime"] == "scratch" else c for c in label_cells()]
    axes = panels(2)
    plots.draw_labels(axes, cells)
    assert f"over {labels.MANY[-1] // 32} times" in axes[0].get_title()


def ablation_cells():
    return [
        {"row": row, "task": task, "seed": seed, "precision": 0.5, "recall": 0.5,
         "f1": 0.2 + 0.02 * k * (1 if task == "sms" else -0.2) + 0.01 * seed, "trained": 130,
         "seconds": 1.0}
        for k, row in enumerate(ablation.ROWS) for task in ablation.TASKS for seed in (0, 1)
    ]  # fmt: skip


def test_ablation_figure_has_a_row_of_dots_for_each_choice_and_names_the_best():
    axes = panels(2)
    plots.draw_ablation(axes, ablation_cells())
    rows = list(ablation.ROWS)
    assert [t.get_text() for t in axes[0].get_yticklabels()] == rows
    dots = [line for line in axes[0].lines if line.get_marker() == "o"]
    assert len(dots) == len(rows) and dots[1].get_xdata() == pytest.approx([0.22, 0.23])
    assert rows[-1] in heading(axes) and rows[0] in heading(axes) and "2 seeds" in heading(axes)


def rate_cells():
    return [
        {"task": task, "lr": lr, "seed": seed,
         "curve": {"f1": [0.0, 0.9 - abs(k - 3) / 10], "mlm_loss": [2.0, 2.0 + k + seed]}}
        for task in rates.TASKS for k, lr in enumerate(rates.RATES) for seed in (0, 1)
    ]  # fmt: skip


def test_rates_figure_shows_where_it_learns_best_and_where_all_is_lost():
    axes = panels(2)
    plots.draw_rates(axes, rate_cells(), unigram=5.0)
    assert axes[0].lines[0].get_ydata().max() == pytest.approx(0.9)
    assert axes[1].lines[0].get_ydata() == pytest.approx(np.arange(7) + 0.5)
    assert "0.001" in axes[0].get_title() and f"{rates.RATES[5]:g}" in axes[1].get_title()
    assert all("rate" in ax.get_xlabel() for ax in axes) and "nats" in axes[1].get_ylabel()


def test_pads_figure_has_a_line_for_each_pool_and_says_what_the_mask_does():
    n = len(pads.PADS)
    cells = [
        {"pool": pool, "seed": seed, "ham": [0.1] * n, "masked": 0.0,
         "changed": np.linspace(0, 0.1 * k + 0.1 * seed, n).tolist()}
        for k, pool in enumerate(pads.POOLS) for seed in (0, 1)
    ]  # fmt: skip
    axes = panels(2)
    plots.draw_pads(axes, cells)
    assert axes[1].lines[3].get_ydata()[-1] == pytest.approx(0.35)
    assert "35%" in heading(axes) and "nothing" in heading(axes)
    assert all(pool in everywhere(axes) for pool in pads.POOLS)
    axes = panels(2)
    plots.draw_pads(axes, [c | {"masked": 2e-7} for c in cells])
    assert "2e-07" in heading(axes)


def test_decisions_figure_counts_the_messages_and_names_the_areas():
    labels_, p = [0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9]
    cells = [
        {"way": way, "seed": seed, "labels": labels_, "p_spam": p if way == "head" else [*p[:3], 0]}
        for way in decisions.WAYS for seed in (0, 1)
    ]  # fmt: skip
    cells = [c if c["way"] == "head" else c | {"p_spam": [0.1, 0.6, 0.7, 0.9]} for c in cells]
    axes = panels(2)
    plots.draw_decisions(axes, cells)
    assert [t.get_text().split()[0] for t in axes[0].texts] == ["1", "1", "1", "1"]
    assert "precision 0.50, recall 0.50" in axes[0].get_title()
    assert "full: average precision 1.00" in everywhere(axes)
    assert "head only: average precision 0.83" in everywhere(axes)  # (1 + 2 / 3) / 2


def test_depth_figure_compares_the_last_block_with_all():
    cells = [
        {"task": task, "depth": name, "seed": seed,
         "curve": {"f1": [0, 0.5 + 0.1 * k], "mlm_loss": [2.0, 2.0 + k]}}
        for task in depth.TASKS for k, name in enumerate(depth.DEPTHS) for seed in (0, 1)
    ]  # fmt: skip
    axes = panels(2)
    plots.draw_depth(axes, cells)
    assert "+0.20" in axes[0].get_title() and "1.0 nats" in axes[1].get_title()
    assert [t.get_text() for t in axes[0].get_xticklabels()] == list(depth.DEPTHS)


def test_schedules_figure_draws_the_closed_forms():
    axes = panels(3)
    plots.draw_schedules(axes, steps=100, ratio=2.0, epochs=4)
    peaks = [line.get_ydata().max() for line in axes[1].lines]
    assert peaks == pytest.approx([1, 0.5, 0.25, 0.125])
    assert [bar.get_width() for bar in axes[2].patches] == [4, 3, 2, 1]
    assert "2 times slower" in axes[1].get_title()


def test_frozen_tags_figure_says_how_far_below_full_the_frozen_body_stays():
    ax = Figure().subplots()
    cells = [
        {"way": way, "n": n, "seed": seed, "f1": 0.5 + 0.1 * k + 0.05 * (n > 200)}
        for k, way in enumerate(frozen_tags.WAYS) for n in (120, 1000) for seed in (0, 1)
    ]  # fmt: skip
    plots.draw_frozen_tags(ax, cells)
    assert "0.20 and 0.20 below full" in ax.get_title() and "2 seeds" in ax.get_title()
    assert [t.get_text() for t in ax.get_yticklabels()] == list(frozen_tags.WAYS)
    assert "1,000 sentences" in everywhere([ax])
