"""A small benchmark of sentence vectors: seven kinds of tasks, one table (after MTEB, 2023).

    classification       topics: softmax regression on the vectors of 64 labelled texts   accuracy
    clustering           topics: k-means into eight heaps, without labels                 V-measure
    pair classification  paraphrase or not, by the cosine                       average precision
    STS                  graded similarity, by the cosine: shared words, synonyms only    Spearman
    retrieval            800 passages                                                      nDCG@10
    reranking            a query, the passages that fit, and 20 drawn ones                     MAP
    bitext mining        100 sentences and their translations: nearest one right?         accuracy

(Muennighoff et al. 2023 have 58 datasets of 8 such kinds in 112 languages; the eighth,
summarisation, is left out.) Nothing is trained on a task but the softmax regression.
A vector that is good at one of them need not be good at another: that is what the table is for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from npft.autograd.machine import threads
from npft.embed.rows import unit_rows
from npft.embed.sentences import SentenceEncoder
from npft.embed.similarity import bag_of_words_encoder, paired_cosines, similarity_score
from npft.experiments.retrieval import Trainer
from npft.finetune.baselines import fit_softmax
from npft.metrics.clusters import purity, v_measure
from npft.metrics.curves import average_precision
from npft.metrics.retrieval import retrieval_metrics
from npft.search.clusters import k_means
from npft.search.top import best
from npft.worlds import TinyWorld
from npft.worlds.search import search_task

Encode = Callable[[Sequence[str]], np.ndarray]
LABELS, TESTS = 64, 400  # texts with a label; texts of a test
QUERIES, DRAWN = 200, 20  # of retrieval and reranking; passages that are drawn for a query
PARALLEL = 100
STARTS = 5  # of k-means; the one of the least inertia counts


class Benchmark:
    """The tasks of a world, made once; ``scores(encode)`` measures vectors on all of them."""

    def __init__(self, world: TinyWorld) -> None:
        self.labelled = world.task("topic", LABELS, seed=1)
        self.topics = world.task("topic", TESTS, seed=2)
        self.paraphrases = world.task("paraphrase", TESTS, seed=2, test=True)
        self.graded = {kind: world.task(f"similarity_{kind}", TESTS, seed=2)
                       for kind in ("words", "synonyms")}
        self.search = search_task(world, QUERIES, test=True)
        self.parallel = world.task("parallel", PARALLEL, seed=50)  # no document of pretraining

    def scores(self, encode: Encode) -> dict[str, float]:
        """Each score: the higher the better."""
        heaps = self._heaps(encode)
        return {
            "classification": self._classification(encode),
            "clustering": v_measure(self.topics.labels, heaps),
            "purity": purity(self.topics.labels, heaps),
            "pair classification": self._pairs(encode),
            "STS, shared words": similarity_score(encode, self.graded["words"]),
            "STS, synonyms": similarity_score(encode, self.graded["synonyms"]),
            **self._ranked(encode),
            "bitext mining": self._bitext(encode),
        }

    def _classification(self, encode: Encode) -> float:
        x, y = (unit_rows("mini_mteb", encode(e.texts)) for e in (self.labelled, self.topics))
        scale = np.sqrt(x.shape[1])  # columns of about unit size, for the pull to 0 of the fit
        w = fit_softmax(x * scale, self.labelled.labels, len(self.labelled.label_names))
        said = (y * scale @ w[:-1] + w[-1]).argmax(axis=1)
        return float((said == self.topics.labels).mean())

    def _heaps(self, encode: Encode) -> np.ndarray:
        x = unit_rows("mini_mteb", encode(self.topics.texts))
        k = len(self.topics.label_names)
        runs = [k_means(x, k, rng=np.random.default_rng(start)) for start in range(STARTS)]
        return min(runs, key=lambda run: run.inertia).labels

    def _pairs(self, encode: Encode) -> float:
        pairs = self.paraphrases
        return average_precision(pairs.labels, paired_cosines(encode(pairs.texts),
                                                              encode(pairs.pairs)))

    def _ranked(self, encode: Encode) -> dict[str, float]:
        cosines = _cosines(encode, self.search.queries, self.search.passages)
        found = retrieval_metrics(best(cosines, 10).tolist(), self.search.relevant, 10)
        rng, rankings = np.random.default_rng(0), []
        for row, relevant in zip(cosines, self.search.relevant):
            others = [i for i in range(len(row)) if i not in relevant]
            chosen = np.array([*relevant, *rng.choice(others, DRAWN, replace=False)])
            rankings.append(chosen[np.argsort(-row[chosen], kind="stable")].tolist())
        again = retrieval_metrics(rankings, self.search.relevant, k=len(self.search.passages))
        return {"retrieval": found.ndcg, "reranking": again.map}

    def _bitext(self, encode: Encode) -> float:
        cosines = _cosines(encode, self.parallel.texts, self.parallel.pairs)
        return float((best(cosines, 1)[:, 0] == np.arange(PARALLEL)).mean())


def _cosines(encode: Encode, queries: Sequence[str], texts: Sequence[str]) -> np.ndarray:
    q, u = (unit_rows("mini_mteb", encode(list(some))) for some in (queries, texts))
    return q @ u.T


def mini_mteb_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Measure one body as it is, after SimCSE, and after training on questions and passages.

    A cell holds "seed", "body" (the folder of a MaskedLM), "world" and "documents" (the seed of the
    TinyWorld it was pretrained on, and how many documents), "steps" (of each training); perhaps
    "training", how many questions. It is returned with "scores": {vectors: {task: score}}.
    """
    with threads(1):
        trainer = Trainer(cell)
        task = trainer.training
        texts = [s for d in trainer.world.documents(cell["documents"]) for s in d.sentences]
        encoders = {
            "raw body": trainer.body(),
            "SimCSE": trainer.simcse(),
            "supervised": trainer.on(task.queries, [task.passages[i] for i in task.answers]),
        }
        ways: dict[str, Encode] = {"bag of words": bag_of_words_encoder(texts)}
        for name, encoder in encoders.items():
            ways[name] = SentenceEncoder(encoder).encode
        benchmark = Benchmark(trainer.world)
        scores = {name: benchmark.scores(encode) for name, encode in ways.items()}
    return cell | {"scores": scores}
