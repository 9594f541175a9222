"""The retrieval experiment: every way is measured on the same questions, and as it should be."""

import numpy as np
import pytest

from npft.experiments import retrieval
from npft.experiments.retrieval import PASSAGE, QUERY, hard_negatives, neighbours, retrieval_cell
from npft.search.bm25 import BM25
from npft.search.top import Found
from npft.worlds import TinyWorld
from npft.worlds.search import search_task

WAYS = {"bm25", "raw", "simcse", "dpr", "dpr + bm25", "e5",
        "bm25 + rerank", "dpr + rerank"}


def test_one_cell_of_a_small_body_measures_each_way_and_twice_gives_the_same(
    body, same_process, monkeypatch
):
    def small(world, n, passages=60, seed=1, test=False):
        return search_task(world, min(n, 12), passages, seed, test)

    monkeypatch.setattr(retrieval, "search_task", small)
    cell = {"seed": 0, "world": 0, "body": body, "documents": 8, "steps": 2, "epochs": 1}
    with same_process(2):
        found, again = retrieval_cell(cell), retrieval_cell(cell)
    assert set(found["scores"]) == WAYS
    for name, row in found["scores"].items():
        assert 0 <= row["top1"] <= row["mrr"] <= row["top20"] <= 1 and 0 <= row["ndcg10"] <= 1
        other = again["scores"][name]
        assert {k: v for k, v in row.items() if k != "seconds"} == {
            k: v for k, v in other.items() if k != "seconds"}
    for name in ("bm25", "dpr"):  # the same twenty, in another order
        assert found["scores"][f"{name} + rerank"]["top20"] == found["scores"][name]["top20"]


def test_a_hard_negative_is_what_bm25_likes_best_of_what_is_not_relevant():
    task = search_task(TinyWorld(), 20, passages=100)
    bm25 = BM25(task.passages)
    for query, relevant, negative in zip(task.queries, task.relevant, hard_negatives(task)):
        row = bm25.search([query], 100).documents[0].tolist()
        assert negative == task.passages[[i for i in row if i not in relevant][0]]


def test_neighbours_are_sentences_that_follow_each_other_with_their_prefixes():
    world = TinyWorld(1)
    first, second = neighbours(world, 2)
    runs = [d.sentences for d in world.documents(2)]
    assert len(first) == sum(len(run) - 1 for run in runs)
    assert first[0] == QUERY + runs[0][0] and second[0] == PASSAGE + runs[0][1]
    assert second[-1] == PASSAGE + runs[1][-1]


def test_the_figures_are_those_of_the_answers():
    task = search_task(TinyWorld(), 10, passages=40)

    def oracle(queries, k):
        answers = np.array(task.answers)[:, None]
        return Found(np.hstack([(answers + 1) % 40, answers]), np.zeros((10, 2)))

    row = retrieval._measured(oracle, task)
    assert (row["top1"], row["top20"], row["mrr"]) == (0, 1, 0.5)
    assert row["ndcg10"] == pytest.approx(np.mean([
        (r.get((a + 1) % 40, 0) + 2 / np.log2(3))
        / (2 + sum(1 / np.log2(i + 2) for i in range(1, min(len(r), 10))))
        for r, a in zip(task.relevant, task.answers)]))
