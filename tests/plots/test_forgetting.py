"""The figures of forgetting and repair: what is drawn and said is what was measured."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from npft import plots
from npft.experiments.methods import ARMS
from npft.experiments.replay_share import SEQUENCES, STORES, share_cells
from npft.forgetting.compare import least_forgetting
from npft.forgetting.measure import ForgettingCurve
from npft.plots.repairs import best_strengths
from npft.plots.style import GREY, METHODS, color_of


def texts(ax):
    return " | ".join(t.get_text() for t in ax.texts)


def curve(rise, f1, start=2.0, unigram=5.0):
    rise = np.array(rise)
    zeros = np.zeros(len(rise))
    return ForgettingCurve(np.arange(len(rise)) * 10, start + rise, zeros, np.array(f1), unigram)


def cell(method, seed, rises, f1, task="sms", **options):
    return {"method": method, "seed": seed, "task": task, **options,
            "curve": curve(rises, f1).as_dict()}


# ---- F6 ----


def test_forgetting_figure_draws_rise_and_f1_with_the_way_back_to_the_unigram():
    left, right = Figure().subplots(1, 2)
    plots.draw_forgetting((left, right), {
        "plain": [curve([0, 1, 2], [0.1, 0.5, 0.8]), curve([0, 2, 3], [0.1, 0.6, 0.9])],
        "frozen": [curve([0, 0, 0], [0.1, 0.2, 0.2])] * 2,
    }, 0.667)
    plain, frozen, floor = left.lines
    assert plain.get_ydata().tolist() == [0, 1.5, 2.5] and frozen.get_ydata().tolist() == [0, 0, 0]
    assert floor.get_ydata()[0] == 3.0 and plain.get_xdata().tolist() == [0, 10, 20]
    assert right.lines[0].get_ydata().round(9).tolist() == [0.1, 0.55, 0.85]
    assert right.lines[2].get_ydata()[0] == 0.667 and "all called spam" in texts(right)
    assert "2.5 nats, perplexity x 12.2" in left.get_title()
    assert "F1 0.85" in right.get_title() and "2 seeds" in right.get_title()
    assert "plain" in texts(left) and "frozen" in texts(right) and "nats" in left.get_ylabel()


def test_the_title_names_what_keeps_most_among_those_that_learn():
    left, right = Figure().subplots(1, 2)
    plots.draw_forgetting((left, right), {
        "plain": [curve([0, 3], [0.1, 0.8])],
        "replay": [curve([0, 0.2], [0.1, 0.79])],
        "frozen body": [curve([0, 0], [0.1, 0.3])],
    })
    assert "replay: 0.2 nats" in left.get_title() and "replay: 0.79" in right.get_title()


def test_runs_of_more_steps_are_read_where_the_shortest_ends():
    left, right = Figure().subplots(1, 2)
    plots.draw_forgetting((left, right), {
        "plain": [curve([0, 1, 2], [0, 0.5, 0.8])],
        "replay": [curve([0, 0.1, 0.2, 9.0], [0, 0.5, 0.8, 0.9])],
    })
    assert left.get_xlim() == (0, 20) and "replay: 0.2 nats" in left.get_title()


def test_a_method_has_one_colour_and_controls_are_grey():
    assert color_of("replay 0.2") == color_of("replay") == color_of("own-text 0.1")
    assert color_of("anchor 0.01") == color_of("ewc 0.1") != color_of("lr 0.3")
    assert color_of("plain") == color_of("full") == color_of("finetuned") != color_of("head")
    assert color_of("frozen body") == color_of("head") and color_of("random body") == GREY
    assert color_of("last") == color_of("freeze 0.5")
    assert color_of("last") not in (color_of("replay"), color_of("lr"))
    starts = [start for group in METHODS.values() for start in group]
    assert len(set(starts)) == len(starts)


# ---- who forgets least ----


def ranked(f1=0.8):
    cells = [cell("plain", s, [0, 1.0 + s, 3.0], [0, 0.8, 0.9]) for s in (0, 1)]
    cells += [cell("anchor", s, [0, 0.4, 0.5], [0, 0.8, 0.8], strength=0.1) for s in (0, 1)]
    cells += [cell("anchor", s, [0, 0.2, 0.3], [0, 0.7, 0.7], strength=1) for s in (0, 1)]
    cells += [cell("lwf", s, [0, 0.1, 0.1], [0, 0.2, 0.3], strength=5) for s in (0, 1)]
    names = {"plain": "plain", "anchor 0.1": "anchor", "anchor 1": "anchor", "lwf 5": "lwf"}
    return least_forgetting(cells, f1), names


def test_of_each_method_the_strength_counts_that_forgets_least_and_learns():
    ranking, names = ranked()
    assert best_strengths(ranking, names) == {"anchor": "anchor 0.1", "plain": "plain"}


def test_repairs_figure_has_a_row_for_each_method_and_names_those_that_never_learn():
    ranking, names = ranked()
    ax, other = Figure().subplots(1, 2)
    plots.draw_repairs((ax, other), {"messages": (0.8, ranking)}, names)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["anchor 0.1", "plain"]
    means = [line for line in ax.lines if line.get_marker() == "o"]
    assert [float(line.get_xdata()[0]) for line in means] == pytest.approx([0.4, 1.5])
    assert "never at 0.80 with every seed:\nlwf" in texts(ax)
    assert "messages:\nanchor 0.1 forgets least, 0.40 nats to 1.50" == ax.get_title()
    assert "95 %" in ax.get_xlabel()


# ---- F8 ----


def test_tradeoff_figure_has_a_panel_for_each_method_with_its_three_strengths():
    cells = []
    for task in ("a", "b"):
        for s in (0, 1):
            for control, rise, f1 in (
                ("plain", 3.0, 0.9), ("frozen body", 0.0, 0.3), ("joint", 0.1, 0.8),
            ):
                cells.append(cell(control, s, [0, rise + s], [0, f1], task))
            for strength in (1, 2, 3):
                cells.append(cell("anchor", s, [0, 3 - strength], [0, 0.95 - strength / 20], task,
                                  strength=strength))
                cells.append(cell("replay", s, [0, 0.2], [0, 0.5], task, strength=strength))
    figure = Figure()
    axes = figure.subplots(1, 4, squeeze=False)
    plots.draw_tradeoff(axes, cells, {"anchor": (1, 2, 3), "replay": (3, 2, 1)},
                        {"a": "first", "b": "second"})
    line = axes[0, 0].lines[1]
    assert line.get_xdata() == pytest.approx([2, 1, 0])
    assert line.get_ydata() == pytest.approx([0.9, 0.85, 0.8])
    assert [ax.get_title() for ax in axes[0, :2]] == ["anchor", "replay"]
    assert "first" in texts(axes[0, 2]) and "plain" in texts(axes[0, 2])
    assert "anchor 1, 2.00 nats (first)" in figure._suptitle.get_text()


# ---- F12, F9, F11, F10, the classic ----


def test_drift_figure_names_the_layer_that_moves_most():
    left, right = Figure().subplots(1, 2)
    found = {"weights": {"embeddings": 0.1, "block 0": 0.3},
             "states": {"embeddings": 0.0, "block 0": 0.5}}
    plots.draw_drift((left, right), {"plain": [found, found], "replay": [found, found]})
    assert left.lines[0].get_ydata().tolist() == [0.1, 0.3]
    assert "block 0 moves most\n(30% of its length)" in left.get_title()
    assert "block 0" in right.get_title() and "CKA" in right.get_ylabel()


def test_replay_share_figure_says_what_one_sequence_and_a_small_store_keep():
    def measured(options, s):
        n = options.get("strength", 0)
        rise = 2.0 / (1 + n) + (0.2 if options.get("store") else 0) + 0.01 * s
        read = {"f1": [0, 0.5 + n / 100], "mlm_loss": [2.0, 2.0 + rise]}
        return options | {"seed": s, "curve": read}

    axes = Figure().subplots(1, 3)
    plots.draw_replay_share(axes, [measured(o, s) for o in share_cells() for s in (0, 1)], 4000)
    assert len(axes[0].lines) == len(ARMS)
    assert len(axes[0].lines[0].get_xdata()) == 1 + len(SEQUENCES)
    assert "one replayed sequence a step\nkeeps 50%" == axes[0].get_title()
    assert axes[1].get_title() == "F1 0.50 without, 0.51 with one,\n0.66 with 16 on top"
    assert f"rise: {STORES[0]} documents\nkeep 70%" in axes[2].get_title()
    assert "all 4,000" in texts(axes[2])


def test_repair_path_figure_says_what_comes_back_for_little():
    path = {"before": 2.0,
            "interpolate": {"alpha": [0, 0.5, 1], "mlm_loss": [2, 2.5, 4], "f1": [0.3, 0.79, 0.8]},
            "replay": {"step": [0, 10], "mlm_loss": [4, 2.2], "f1": [0.8, 0.7]}}
    axes = Figure().subplots(2, 2)
    plots.draw_repair_path(axes, {"spam": [path, path]})
    assert axes[0, 0].lines[0].get_ydata().tolist() == [0, 0.5, 2.0]
    assert axes[1, 1].lines[0].get_ydata().tolist() == [0.8, 0.7]
    assert "takes back 75%\n" in axes[0, 0].get_title()
    assert "takes back 0%\n" in axes[0, 1].get_title()


def test_task_matrix_figure_prints_every_score_and_the_backward_transfer():
    r = np.array([[[0.9, np.nan], [0.5, 0.8]], [[0.7, np.nan], [0.5, 0.6]]])
    axes = Figure().subplots(1, 2)
    plots.draw_task_matrix(axes, {"plain": r, "replay": r}, ["a", "b"])
    assert [t.get_text() for t in axes[0].texts] == ["0.80\n± 0.14", "0.50\n± 0.00", "0.70\n± 0.14"]
    assert axes[0].get_title() == "plain: accuracy 0.60,\nbackward transfer -0.30"
    assert [t.get_text() for t in axes[0].get_yticklabels()] == ["after a", "after b"]


def test_interference_figure_shows_both_lists_and_what_is_left_of_the_first():
    runs = [{"ab": [1, 0.5, 0.0], "ac": [0, 0.5, 1.0], "known": 2},
            {"ab": [1, 1, 1], "ac": [0, 0.5, 1.0], "known": 2, "interleaved": True}]
    axes = Figure().subplots(1, 2)
    plots.draw_interference(axes, runs)
    assert axes[0].lines[0].get_ydata().tolist() == [1, 0.5, 0]
    assert "of the first 0% is left" in axes[0].get_title()
    assert "of the first 100% is left" in axes[1].get_title()
