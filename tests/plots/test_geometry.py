"""The figures of geometry: lines are the means of what was measured, and titles say no more."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from npft import plots
from npft.plots.cone import STATES as ALL_STATES


STATES = {name: ALL_STATES[name] for name in ("random", "mlm", "finetuned", "simcse 0.1")}


def texts(ax):
    return " | ".join(t.get_text() for t in ax.texts)


def layers_cell(shift):
    """A made-up result of one seed; figures of the second are a little higher."""
    cosines = dict(zip(STATES, (0.9, 0.5, 0.4, 0.0)))
    isos = dict(zip(STATES, (0.2, 0.05, 0.04, 0.1)))
    raw = np.array([0.3, 0.1, 0.05, 0.05]) + shift / 4
    words = [[100, 0.9, 1], [1000, 0.8, 0], [50, 0.7, 1]]
    return {
        "layers": {
            state: {"mean_cosine": [0.9, cosines[state] + shift],
                    "iso_score": [0.3, isos[state] + shift]}
            for state in STATES
        },
        "rogue": {
            state: {"raw": raw.tolist(), "standardized": [0.0, 0.01, -0.01, 0.0],
                    "dropped": [0.5, 0.4, 0.3, 0.2], "removed": [0.01, 0.0, 0.0, 0.0]}
            for state in STATES
        },
        "frequency": {
            state: {"words": words, "all": -0.2 + shift, "content": 0.1 + shift}
            for state in STATES
        },
    }


CELLS = [layers_cell(0.0), layers_cell(0.02)]


def test_isotropy_figure_sets_iso_score_beside_the_mean_cosine():
    left, right = axes = Figure().subplots(1, 2)
    plots.draw_isotropy(axes, CELLS)
    assert [line.get_ydata()[-1] for line in left.lines] == pytest.approx([0.91, 0.51, 0.41, 0.01])
    assert [line.get_ydata()[-1] for line in right.lines] == pytest.approx([0.21, 0.06, 0.05, 0.11])
    assert "0.91 to 0.51" in left.get_title() and "0.21 to 0.06" in right.get_title()
    assert "mean cosine" in left.get_ylabel() and "IsoScore" in right.get_ylabel()
    assert "2 seeds" in left.get_xlabel()
    for ax in axes:
        assert all(name in texts(ax) for name, _ in STATES.values())


def test_rogue_figure_draws_what_dimensions_add_and_what_is_left_without_them():
    left, right = axes = Figure().subplots(1, 2)
    plots.draw_rogue(axes, CELLS)
    random, mlm, standard = left.lines
    assert mlm.get_ydata() == pytest.approx([0.3025, 0.1025, 0.0525, 0.0525])
    assert standard.get_ydata() == pytest.approx([0.0, 0.01, -0.01, 0.0])
    share = [0.45 / 0.5, 0.465 / 0.52]  # of the first three of four
    assert f"{np.mean(share):.0%} of the mean cosine" in left.get_title()
    assert f"({min(share):.0%} to {max(share):.0%})" in left.get_title()
    dropped = [line for line in right.lines if line.get_linestyle() == "-"]
    assert [line.get_ydata().tolist() for line in dropped] == [[0.5, 0.4, 0.3, 0.2]] * 2
    assert len(right.lines) == 4 and "mean cosine" in right.get_ylabel()


def test_frequency_figure_draws_the_words_of_one_seed_and_the_correlations_of_all():
    left, right = axes = Figure().subplots(1, 2)
    plots.draw_frequency(axes, CELLS)
    content, others = (points.get_offsets().tolist() for points in left.collections)
    assert content == [[100, 0.9], [50, 0.7]] and others == [[1000, 0.8]]
    assert left.get_xscale() == "log" and "one seed" in left.get_xlabel()
    means = [line.get_ydata() for line in right.lines if line.get_marker() == "_"]
    assert [mean.tolist() for mean in means] == [
        pytest.approx([0.11] * 4), pytest.approx([-0.19] * 4)
    ]
    assert "content words" in texts(right) and "all words" in texts(right)
    assert "2 seeds" in right.get_xlabel()


def test_rdm_figure_draws_the_tables_of_one_seed_and_tells_the_rsa_of_all():
    states = ("mlm", "topic", "sms")
    tables = {state: np.full((4, 4), k / 3).tolist() for k, state in enumerate(states)}
    cells = [
        {"names": ["money", "river"], "most": 0.54, "gold": {"mlm": 0.2, "topic": 0.6, "sms": 0.1},
         "before": {"topic": 0.5, "sms": 0.4}, "rdm": tables},
        {"names": ["money", "river"], "gold": {"mlm": 0.4, "topic": 0.8, "sms": 0.3},
         "before": {"topic": 0.3, "sms": 0.2}},
    ]
    axes = Figure().subplots(1, 3)
    plots.draw_rdm(axes, cells)
    for ax, state in zip(axes, tables):
        np.testing.assert_array_equal(ax.images[0].get_array(), tables[state])
    assert "0.30 ± 0.14" in axes[0].get_title() and "0.70 ± 0.14" in axes[1].get_title()
    assert [t.get_text() for t in axes[0].get_yticklabels()] == ["money", "river"]
    assert axes[0].get_yticks().tolist() == [0.5, 2.5]
    assert "2 seeds, at most 0.54" in axes[0].figure.get_supxlabel()


def test_spectra_figure_draws_spectra_of_some_looks_and_the_cosine_of_all():
    looks = (0, 10, 20, 40, 80, 160, 320)
    cells = [
        {key: [{"step": step, "spectrum": [0.7, 0.3], "effective_rank": 1.5 + k + seed,
                "iso_score": 0.1, "mean_cosine": base + 0.1 * k + 0.2 * seed}
               for k, step in enumerate(looks)]
         for key, base in (("words", 0.1), ("table", 0.0))}
        for seed in range(2)
    ]
    left, right = axes = Figure().subplots(1, 2)
    plots.draw_spectra(axes, cells)
    assert len(left.lines) == 5 and left.get_yscale() == "log"
    names = [t.get_text() for t in left.get_legend().get_texts()]
    assert names[0] == "step 0: effective rank 2" and names[-1] == "step 320: effective rank 8"
    assert left.get_title() == "Words fill 2 directions at the start,\n2 at step 0, 8 at the end"
    words, table = right.lines
    assert words.get_xdata().tolist() == list(looks)
    assert words.get_ydata() == pytest.approx(0.2 + 0.1 * np.arange(7))
    assert table.get_ydata() == pytest.approx(0.1 + 0.1 * np.arange(7))
    assert "closes the cone of words\n(0.80 at step 320)" in right.get_title()
    assert "words in sentences" in texts(right) and "token table" in texts(right)
    assert "2 seeds" in right.get_xlabel()
