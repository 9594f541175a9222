"""The figures of search: what is drawn is what was measured."""

import json
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from npft import plots
from npft.plots.bi_cross import spoken

FIGURES = Path(__file__).parents[2] / "figures"


def texts(ax):
    return " | ".join(t.get_text() for t in ax.texts)


def test_the_cost_figure_draws_means_ranges_and_what_is_drawn_out():
    n = [32, 64, 500]
    cells = [{"bi": [*n, 10_000], "cross": n, "seconds": {
        "bi": [f * 1e-3 * x for x in [*n, 10_000]],
        "cross": [f * 1e-3 * x * (x - 1) / 2 for x in n],
    }} for f in (0.5, 1.0, 1.5)]
    ax = Figure().subplots()
    plots.draw_bi_cross(ax, cells)
    assert "10 s by vectors, 5,000 times that by pairs" in ax.get_title()
    assert "bi-encoder, slope 1.00" in texts(ax) and "3 rounds: 1.00 to 1.00" in texts(ax)
    assert "cross-encoder, slope 2.0" in texts(ax)
    assert "here 10 s" in texts(ax) and "here 14 h" in texts(ax)  # 49,995 s
    assert "BERT, GPU 65 h" in texts(ax) and "BERT, GPU 5 s" in texts(ax)
    assert ax.get_xscale() == ax.get_yscale() == "log"
    assert "sentences" in ax.get_xlabel() and "seconds" in ax.get_ylabel()
    assert spoken(59_994) == "17 h"


def test_the_retrieval_figure_has_a_row_for_each_way_sorted_and_marks_each_seed():
    cells = [{"seed": s, "scores": {
        "bm25": {"mrr": 0.4 + 0.01 * s, "top20": 0.8}, "dpr": {"mrr": 0.5 + 0.02 * s, "top20": 0.9},
        "dpr + rerank": {"mrr": 0.3, "top20": 0.9},
    }} for s in range(5)]
    ax = Figure().subplots()
    plots.draw_retrieval(ax, cells)
    assert [t.get_text() for t in ax.get_yticklabels()] == [
        "questions (DPR), reranked", "BM25, words", "questions (DPR)"]
    marks = [line for line in ax.lines if line.get_marker() == "o"]
    assert marks[1].get_xdata().tolist() == pytest.approx([0.4, 0.41, 0.42, 0.43, 0.44])
    said = ax.figure._suptitle.get_text()
    assert "search better than words" in said and "MRR +0.12" in said and "5 seeds" in said
    assert "MRR" in texts(ax) and "first 20" in texts(ax)


@pytest.mark.parametrize("name, key, count", [
    ("retrieval", "seed", 5), ("mini_mteb", "seed", 5), ("bi_cross", "round", 3),
])
def test_committed_results_are_of_all_seeds_and_rounds(name, key, count):
    results = json.loads((FIGURES / f"{name}.json").read_text(encoding="utf-8"))
    assert sorted(cell[key] for cell in results) == list(range(count))
    assert not any("body" in cell for cell in results)
