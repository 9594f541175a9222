"""Search and seven kinds of tasks: ``bi_cross``, ``retrieval``, ``mini_mteb``."""

import numpy as np
from saying import Said, between, read, spread, table

from npft.experiments.bi_cross import AT, slope
from npft.plots.bi_cross import FITTED, at_ten_thousand

WAYS = {
    "simcse": "SimCSE on single sentences, no labels", "raw": "raw mean-pooled vectors",
    "e5": "neighbouring sentences as pairs, no labels (E5)",
    "dpr + rerank": "DPR, its first 20 read again",
    "dpr + bm25": "DPR, and a hard negative of BM25 for each",
    "dpr": "2,000 questions and passages (DPR)",
    "bm25 + rerank": "BM25, its first 20 read again", "bm25": "BM25, words",
}  # fmt: skip
TASKS = {
    "classification": "classification: topics, 64 labels, accuracy",
    "clustering": "clustering: topics, V-measure", "purity": "the same clusters, purity",
    "pair classification": "pair classification: paraphrases, average precision",
    "STS, shared words": "STS, shared words, Spearman",
    "STS, synonyms": "STS, synonyms only, Spearman", "retrieval": "retrieval, nDCG@10",
    "reranking": "reranking, MAP", "bitext mining": "bitext mining, accuracy",
}  # fmt: skip


def claims():
    yield from bi_cross(read("bi_cross"))
    yield from retrieval(read("retrieval"))
    yield from mini_mteb(read("mini_mteb"))


def bi_cross(cells):
    def powers(way):
        long = [i for i, n in enumerate(cells[0][way]) if n >= FITTED]
        found = [slope([c[way][i] for i in long], [c["seconds"][way][i] for i in long])
                 for c in cells]
        return np.mean(found), min(found), max(found)

    yield Said("in the gallery: {:.2f} and {:.2f}, and", powers("bi")[0], powers("cross")[0])
    vectors, pairs = (at_ten_thousand(cells, way) for way in ("bi", "cross"))
    yield Said("with the power {:.2f} of n for the bi-encoder ({:.2f} to {:.2f}) and {:.2f} "
               "({:.2f} to {:.2f})", *powers("bi"), *powers("cross"))
    yield Said("{:,} sentences, which make {:,} pairs, the vectors take {:.1f} s (measured), and "
               "the pairs, drawn out from 500 sentences, {:.1f} hours: {:,} times as long",
               AT, AT * (AT - 1) // 2, vectors, pairs / 3600, round(pairs / vectors / 100) * 100)
    yield Said("The most alike of {:,} sentences: {:.0f} s by vectors, {:.0f} h by pairs", AT,
               vectors, pairs / 3600)
    yield Said("The ratio of passes alone is {:,}", round((AT - 1) / 2))


def retrieval(cells):
    def score(way, name="mrr"):
        return np.array([c["scores"][way][name] for c in cells])

    def beside(way, other, name="mrr"):
        found = score(way, name) - score(other, name)
        return found.mean(), between(found)

    yield table(["search", "first", "among the first 20", "MRR@20", "nDCG@10"],
                *([said, *(spread(score(way, k)) for k in ("top1", "top20", "mrr", "ndcg10"))]
                  for way, said in WAYS.items()))
    yield Said("MRR {:+.2f} over the raw vectors (95 % interval {}), and {:.2f} beside BM25 ({})",
               *beside("dpr", "raw"), *beside("dpr", "bm25"))
    yield Said("help a little (MRR {:+.2f}, {})", *beside("e5", "raw"))
    yield Said("unsupervised SimCSE helps not at all ({})", beside("simcse", "raw")[1])
    yield Said("lower, not higher ({:.2f}, {})", *beside("dpr + bm25", "dpr", "top20"))
    yield Said("order it is given by DPR (MRR {:.2f}, {})", *beside("dpr + rerank", "dpr"))
    again = score("bm25 + rerank", "seconds").mean()
    yield Said("for {} times the time of the search by vectors and {} times that by words",
               *(round(again / score(way, "seconds").mean() / 10) * 10 for way in ("dpr", "bm25")))


def mini_mteb(cells):
    ways = {"bag of words": "bag of words", "raw body": "raw body", "SimCSE": "SimCSE",
            "supervised": "supervised"}

    def score(way, task):
        return np.array([c["scores"][way][task] for c in cells])

    yield table(["task", *ways], *([said, *(spread(score(way, task)) for way in ways)]
                                   for task, said in TASKS.items()))
    gap = score("supervised", "retrieval") - score("bag of words", "retrieval")
    yield Said("as the supervised vectors ({:.2f}, interval {})", gap.mean(), between(gap))
