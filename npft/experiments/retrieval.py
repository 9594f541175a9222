"""Retrieval on TinyWorld: by words, by vectors as they are, and by vectors trained in several ways.

    bm25           words
    raw            mean-pooled vectors of the pretrained body
    simcse         trained on single sentences: two draws of dropout are a pair (no label)
    e5             trained on neighbours: two sentences of one document are a pair (no label), with
                   "query: " and "passage: " before them                      (Wang et al. 2022)
    dpr            trained on questions and their passages, other passages of the batch as negatives
    dpr + bm25     and for each the best passage of BM25 that is not the answer
                                                                    (Karpukhin et al. 2020)
    ... + rerank   the first 20 read again by a cross-encoder, trained on the same questions, which
                   starts from the encoder of dpr

Every bi-encoder starts from the same body and takes the same number of steps. The questions of the
test ask for deeds to things that were never asked for in training, in a collection of 800 passages.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from npft.autograd.machine import threads
from npft.contrast.bi_encoder import BiEncoder, train_bi_encoder
from npft.contrast.objectives import InBatch
from npft.contrast.simcse import train_contrastive
from npft.embed.sentences import SentenceEncoder
from npft.encoder.encoder import Encoder
from npft.finetune.train import fine_tune
from npft.heads.classes import Classifier
from npft.heads.words import MaskedLM
from npft.metrics.retrieval import retrieval_metrics
from npft.nn.layers import set_dropout
from npft.search.bm25 import BM25
from npft.search.index import Index
from npft.search.rerank import rerank
from npft.search.top import Found
from npft.text.examples import Examples
from npft.worlds import TinyWorld
from npft.worlds.search import SearchTask, search_task

QUERIES, TRAINING = 200, 2000  # of the test, of training
DEPTH = 20  # passages that are read again; success at this depth is DPR's top-20 accuracy
DROPOUT = 0.1
LR = 2e-3  # of pairs; SimCSE keeps the rate it has elsewhere
QUERY, PASSAGE = "query: ", "passage: "
Ways = dict[str, Callable[[Sequence[str], int], Found]]


def hard_negatives(task: SearchTask) -> list[str]:
    """For each query the passage that BM25 puts first among those that are not relevant."""
    found = BM25(task.passages).search(task.queries, 2 * DEPTH).documents
    return [
        task.passages[next(i for i in row.tolist() if i not in relevant)]
        for row, relevant in zip(found, task.relevant)
    ]


def neighbours(world: TinyWorld, documents: int) -> tuple[list[str], list[str]]:
    """Sentences of the documents, each with the one that follows it."""
    runs = [d.sentences for d in world.documents(documents)]
    pairs = [pair for run in runs for pair in zip(run, run[1:])]
    return [QUERY + first for first, _ in pairs], [PASSAGE + second for _, second in pairs]


class Trainer:
    """What is trained from one pretrained body, with one seed, for the same number of steps."""

    def __init__(self, cell: dict[str, Any]) -> None:
        self.cell = cell
        self.world = TinyWorld(cell["world"])
        self.training = search_task(self.world, cell.get("training", TRAINING))
        self.negatives = hard_negatives(self.training)

    def body(self) -> Encoder:
        """The pretrained body, anew."""
        return MaskedLM.load(self.cell["body"]).body

    def rng(self) -> np.random.Generator:
        return np.random.default_rng(self.cell["seed"])

    def simcse(self) -> Encoder:
        """Trained on the sentences of the world's documents, without a label."""
        encoder = self.body()
        set_dropout(encoder, DROPOUT)
        texts = [s for d in self.world.documents(self.cell["documents"]) for s in d.sentences]
        train_contrastive(encoder, texts, steps=self.cell["steps"], every=self.cell["steps"],
                          rng=self.rng())
        encoder.eval()
        return encoder

    def on(self, *columns: list[str]) -> Encoder:
        """Trained on texts that belong together, row by row; a third column is hard negatives."""
        encoder = self.body()
        set_dropout(encoder, DROPOUT)
        train_bi_encoder(
            BiEncoder(encoder, InBatch(tau=0.05)), columns, steps=self.cell["steps"],
            every=self.cell["steps"], lr=LR, rng=self.rng(),
        )  # fmt: skip
        encoder.eval()
        return encoder

    def cross(self, encoder: Encoder) -> Classifier:
        """A cross-encoder that tells the passage that answers from two others of each question.

        One of the others is drawn from the first 20 of BM25, the other from all. It starts from an
        encoder, which it changes.
        """
        task, rng = self.training, self.rng()
        found = BM25(task.passages).search(task.queries, DEPTH + 1).documents
        near = [int(rng.choice(row[row != i])) for row, i in zip(found, task.answers)]
        drawn = rng.integers(len(task.passages), size=len(task.queries)).tolist()
        read = [task.passages[i] for i in (*task.answers, *near, *drawn)]
        labels = np.repeat([1, 0, 0], len(task.queries))
        pairs = Examples(task.queries * 3, labels, ["other", "answer"], read)
        model = Classifier(encoder, 2, label_names=pairs.label_names, rng=rng)
        set_dropout(model, DROPOUT)
        fine_tune(model, model.batch_of(pairs), epochs=self.cell["epochs"], lr=1e-3, rng=rng)
        model.eval()
        return model


def retrieval_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Train and measure all ways on one body.

    A cell holds "seed", "body" (the folder of a MaskedLM), "world" and "documents" (the seed of the
    TinyWorld it was pretrained on, and how many documents), "steps" (of each bi-encoder), "epochs"
    (of the cross-encoder); perhaps "training", how many questions. It is returned with "scores":
    for each way the share of questions whose answer is first ("top1") or among the first 20
    ("top20"), MRR@20, nDCG@10 with graded passages, and "seconds" for all questions of the test,
    texts being indexed already (of reranking, for the second reading alone).
    """
    with threads(1):
        trainer = Trainer(cell)
        test = search_task(trainer.world, QUERIES, test=True)
        encoders = _encoders(trainer)
        ways = _ways(encoders, test)
        scores = {name: _measured(way, test) for name, way in ways.items()}
        first = {name: ways[name](test.queries, DEPTH) for name in ("bm25", "dpr")}
        cross = trainer.cross(encoders["dpr"])  # after the last search by its vectors
        for name, found in first.items():

            def again(queries: Sequence[str], k: int, found: Found = found) -> Found:
                return rerank(cross, queries, test.passages, found, k)

            scores[f"{name} + rerank"] = _measured(again, test)
    return cell | {"scores": scores}


def _encoders(trainer: Trainer) -> dict[str, Encoder]:
    task = trainer.training
    right = [task.passages[i] for i in task.answers]
    return {
        "raw": trainer.body(),
        "simcse": trainer.simcse(),
        "e5": trainer.on(*neighbours(trainer.world, trainer.cell["documents"])),
        "dpr": trainer.on(task.queries, right),
        "dpr + bm25": trainer.on(task.queries, right, trainer.negatives),
    }


def _ways(encoders: dict[str, Encoder], test: SearchTask) -> Ways:
    ways: Ways = {"bm25": BM25(test.passages).search}
    for name, encoder in encoders.items():
        before = PASSAGE if name == "e5" else ""
        index = Index(SentenceEncoder(encoder), [before + text for text in test.passages])
        ways[name] = index.search
    by_e5 = ways["e5"]
    ways["e5"] = lambda queries, k: by_e5([QUERY + text for text in queries], k)
    return ways


def _measured(way: Callable[[Sequence[str], int], Found], test: SearchTask) -> dict[str, float]:
    start = time.perf_counter()
    ranked = way(test.queries, DEPTH).documents.tolist()
    seconds = time.perf_counter() - start
    answer = retrieval_metrics(ranked, [{i} for i in test.answers], DEPTH)
    first = retrieval_metrics(ranked, [{i} for i in test.answers], 1)
    graded = retrieval_metrics(ranked, test.relevant, 10)
    return {
        "top1": first.success, "top20": answer.success, "mrr": answer.mrr, "ndcg10": graded.ndcg,
        "seconds": seconds,
    }  # fmt: skip
