"""The small benchmark: vectors that know all have every score, and chance has little of any."""

import numpy as np
import pytest

from npft.experiments import mini_mteb
from npft.experiments.mini_mteb import Benchmark, mini_mteb_cell
from npft.worlds import TinyWorld
from npft.worlds.search import search_task

KINDS = {"classification", "clustering", "purity", "pair classification", "STS, shared words",
         "STS, synonyms", "retrieval", "reranking", "bitext mining"}


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(mini_mteb, "TESTS", 48)
    monkeypatch.setattr(mini_mteb, "QUERIES", 12)
    monkeypatch.setattr(mini_mteb, "PARALLEL", 10)
    monkeypatch.setattr(mini_mteb, "search_task", lambda world, n, test: search_task(
        world, n, 60, test=test))


def oracle(benchmark):
    """Vectors that hold what each task asks for."""
    rng, known = np.random.default_rng(0), {}

    def near(x, noise=1e-3):
        return x + noise * rng.standard_normal(64)

    def new():
        return rng.standard_normal(64)

    centres = rng.standard_normal((8, 64))
    for e in (benchmark.labelled, benchmark.topics):
        known |= {text: near(centres[c]) for text, c in zip(e.texts, e.labels)}
    same = [label == 1 for label in benchmark.paraphrases.labels]
    for a, b, alike in zip(benchmark.paraphrases.texts, benchmark.paraphrases.pairs, same):
        known[a] = new()
        known[b] = near(known[a]) if alike else new()
    for e in benchmark.graded.values():
        for a, b, grade in zip(e.texts, e.pairs, e.labels):
            x, y = np.linalg.qr(rng.standard_normal((64, 2)))[0].T
            known[a], known[b] = x, grade / 5 * x + np.sqrt(1 - (grade / 5) ** 2) * y
    search = benchmark.search
    known |= {text: new() for text in search.passages}
    for query, relevant in zip(search.queries, search.relevant):
        known[query] = sum(g * known[search.passages[i]] for i, g in relevant.items())
    for a, b in zip(benchmark.parallel.texts, benchmark.parallel.pairs):
        known[a] = new()
        known[b] = near(known[a])
    return lambda texts: np.stack([known[text] for text in texts])


def test_vectors_that_know_the_answers_score_one_and_drawn_ones_near_chance(small):
    benchmark = Benchmark(TinyWorld(0))
    scores = benchmark.scores(oracle(benchmark))
    assert set(scores) == KINDS
    assert all(value > 0.97 for value in scores.values()), scores
    rng = np.random.default_rng(1)
    drawn = {}
    low = benchmark.scores(lambda texts: np.stack(
        [drawn.setdefault(t, rng.standard_normal(8)) for t in texts]))
    assert all(value < 0.75 for value in low.values()), low


def test_one_cell_measures_four_kinds_of_vectors(small, body, same_process):
    cell = {"seed": 0, "world": 0, "body": body, "documents": 6, "steps": 1, "training": 8}
    with same_process(2):
        found = mini_mteb_cell(cell)
    assert list(found["scores"]) == ["bag of words", "raw body", "SimCSE", "supervised"]
    for row in found["scores"].values():
        assert set(row) == KINDS and all(-1 <= value <= 1 for value in row.values())
