"""Figures of a real encoder: lines are the means of what was measured, and titles say no more."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from npft import plots
from npft.plots.scale import LINES, WAYS
from npft.plots.style import color_of


def texts(ax):
    return " | ".join(t.get_text() for t in ax.texts)


def real_cell(shift):
    """A made-up result of one draw: three layers."""
    states = {"trained": 0.0, "random": 0.3}
    top = [{"share": x + shift, "dropped": [0.5, 0.4, 0.3, 0.2 + shift]} for x in (0.2, 0.6, 0.1)]
    return {
        "layers": {s: {"mean_cosine": [0.3 + d, 0.5 + d, 0.1 + d + shift],
                       "iso_score": [0.1, 0.05, 0.2 + d]} for s, d in states.items()},
        "rogue": {"trained": top, "random": [{"share": 0.1} for _ in range(3)]},
        "contexts": {s: [{"self_similarity": x} for x in (0.9, 0.6, 0.5 - d)]
                     for s, d in states.items()},
        "senses": {s: [0.5, 0.8, 0.9 - d + shift] for s, d in states.items()},
        "mfs": 0.6,
    }


def tiny_layers(shift):
    states = ("mlm", "simcse 0.1")
    return {
        "layers": {s: {"mean_cosine": [0.9, 0.5 + shift], "iso_score": [0.2, 0.1]} for s in states},
        "rogue": {"mlm": {"raw": [0.2, 0.1, 0.1, 0.1]}},
        "contexts": {s: [{"self_similarity": x} for x in (0.4, 0.6)] for s in states},
    }


def tiny_senses():
    return {"accuracy": {"documents": {"4": {"mlm": [0.5, 0.7, 0.8, 0.9]}}},
            "mfs": {"documents": 0.65}}


FOUND = {
    "width": 384,
    "cells": [real_cell(0.0), real_cell(0.02)],
    "sts": {"ways": {way: [0.8 - k / 10, 0.7 - k / 10, 0.9 - k / 10]
                     for k, way in enumerate(WAYS)}},
}
TINY = {
    "layers": [tiny_layers(0.0), tiny_layers(0.02)],
    "polysemy": [tiny_senses(), tiny_senses()],
    "similarity": [{"ways": {w: {"similarity_words": x} for w in ("mean", "bag of words")}}
                   for x in (0.2, 0.3)],
}


def test_scale_figure_draws_each_encoder_over_its_depth_and_names_it():
    axes = Figure().subplots(2, 3)
    plots.draw_scale(axes, FOUND, TINY)
    assert [line.get_ydata()[-1] for line in axes[0, 0].lines] == pytest.approx(
        [0.11, 0.41, 0.51, 0.51])
    assert all(line.get_xdata()[[0, -1]].tolist() == [0, 1] for line in axes[0, 0].lines)
    for ax in axes.flat[:3]:
        assert LINES["trained"][0] in texts(ax)


def test_scale_figure_says_where_a_few_dimensions_carry_most():
    axes = Figure().subplots(2, 3)
    plots.draw_scale(axes, FOUND, TINY)
    title = axes[0, 2].get_title()  # at the middle layer: 0.61; tiny: 0.4 of 0.5
    assert "61%" in title and "80%" in title and "0.21 of 0.50" in title and "384" in title


def test_scale_figure_draws_a_line_for_each_way_and_the_tiny_ones_that_exist():
    axes = Figure().subplots(2, 3)
    plots.draw_scale(axes, FOUND, TINY)
    assert len(axes[1, 2].lines) == 2 * (len(WAYS) + 2)
    assert [t.get_text() for t in axes[1, 2].get_yticklabels()] == list(WAYS)


def test_kept_figure_reads_the_end_of_each_run_and_names_the_least_loss():
    def cell(method, seed, loss, sts):
        curve = {"f1": [0.1, 0.9], "mlm_loss": [3.0, 3.0 + loss],
                 "also": {"sts": [0.8, 0.8 - sts]}}
        return {"method": method, "strength": None, "seed": seed, "curve": curve}

    cells = [cell("plain", s, 1.0 + s, 0.2) for s in (0, 1)]
    cells += [cell("replay", s, 0.1, 0.3) for s in (0, 1)]
    cells += [cell("anchor", s, 0.5, 0.05) for s in (0, 1)]
    left, right = axes = Figure().subplots(1, 2)
    plots.draw_kept(axes, cells)
    assert "plain loses 1.50" in left.get_title() and "replay least: 0.10" in left.get_title()
    assert "plain loses 0.20" in right.get_title() and "anchor least: 0.05" in right.get_title()
    marks = [line for line in left.lines if line.get_marker() == "o"]
    assert [line.get_xdata()[0] for line in marks] == pytest.approx([1.5, 0.1, 0.5])
    assert np.allclose([line.get_ydata()[0] for line in marks], 0.9)
    assert all(name in texts(right) for name in ("plain", "replay", "anchor"))
    said = left.figure.get_suptitle()
    assert "costs a real encoder 0.20" in said and "'anchor' it costs 0.05" in said and "2 seeds" in said
    assert [line.get_color() for line in marks] == [
        color_of(name) for name in ("plain", "replay", "anchor")]
