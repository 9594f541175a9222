"""What it costs to find the most alike pair: passes counted, time measured, slopes fitted."""

from itertools import combinations

import numpy as np
import pytest

from npft.embed.sentences import SentenceEncoder
from npft.experiments import bi_cross
from npft.experiments.bi_cross import bi_best, bi_cross_cell, cross_best, drawn_out, slope
from npft.heads.classes import Classifier
from npft.heads.words import MaskedLM

TEXTS = ["see you", "win cash", "the stew", "see you soon", "win"]


def test_both_ways_find_the_best_of_all_pairs_in_n_and_in_n_n_1_over_2_passes(body, monkeypatch):
    encoder = MaskedLM.load(body).body
    model = Classifier(encoder, 2, rng=np.random.default_rng(0)).eval()
    u = SentenceEncoder(encoder).encode(TEXTS)
    assert bi_best(SentenceEncoder(encoder), TEXTS) == pytest.approx(
        max(float(u[i] @ u[j]) for i, j in combinations(range(5), 2)), abs=1e-6)
    passes = []

    def counted(model, first, second):
        passes.append(len(first))
        return scores(model, first, second)

    scores = bi_cross.cross_scores
    monkeypatch.setattr(bi_cross, "cross_scores", counted)
    monkeypatch.setattr(bi_cross, "PAIRS", 4)
    found = cross_best(model, TEXTS)
    first, second = zip(*combinations(TEXTS, 2))
    assert found == pytest.approx(scores(model, first, second).max(), abs=1e-6)
    assert passes == [4, 4, 2]  # 5 · 4 / 2


def test_a_slope_is_the_power_and_time_is_drawn_out_by_passes():
    n = np.array([32, 64, 128])
    assert slope(n, 3e-4 * n**2.0) == pytest.approx(2) and slope(n, 5.0 * n) == pytest.approx(1)
    assert drawn_out(500, 2.0, lambda n: n) == 40
    pairs = drawn_out(500, 1.0, lambda n: n * (n - 1) // 2)
    assert pairs == 49_995_000 / 124_750


def test_a_cell_times_each_number_of_sentences(body, same_process):
    cell = {"round": 0, "body": body, "world": 0, "bi": [2, 4, 8], "cross": [2, 4]}
    with same_process(2):
        found = bi_cross_cell(cell)
    assert [len(found["seconds"][way]) for way in ("bi", "cross")] == [3, 2]
    assert all(s > 0 for way in found["seconds"].values() for s in way)
