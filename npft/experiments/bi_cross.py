"""The most alike pair of n sentences: n passes of a bi-encoder, n (n - 1) / 2 of a cross-encoder.

    n = 10,000:     10,000 passes and a table of cosines, or 49,995,000 passes of two sentences each

(Reimers & Gurevych 2019: with BERT about 65 hours on a GPU, with sentence vectors 5 seconds.) Both
ways run on the same body and one thread. Seconds are those of the processor, so that other work on
the machine does not count.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations, islice
from typing import Any

import numpy as np

from npft.autograd.machine import threads
from npft.embed.rows import pair_cosines, unit_rows
from npft.embed.sentences import SentenceEncoder
from npft.heads.classes import Classifier
from npft.heads.words import MaskedLM
from npft.search.rerank import cross_scores
from npft.worlds import TinyWorld

PAIRS = 4096  # read at once by the cross-encoder: memory is not to grow as n²
AT = 10_000  # sentences: what both lines are drawn out to


def bi_best(encoder: SentenceEncoder, texts: Sequence[str]) -> float:
    """The largest cosine of two of the texts, in n passes."""
    return float(max(block.max() for block in pair_cosines(
        unit_rows("bi_best", encoder.encode(texts)))))


def cross_best(model: Classifier, texts: Sequence[str]) -> float:
    """The largest score of two of the texts, in n (n - 1) / 2 passes."""
    pairs, top = combinations(texts, 2), -np.inf
    while part := list(islice(pairs, PAIRS)):
        first, second = zip(*part)
        top = max(top, float(cross_scores(model, first, second).max()))
    return top


def bi_cross_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Time both ways once, after a warm start.

    A cell holds "round", "body" (the folder of a MaskedLM), "world", "bi" and "cross", the numbers
    of sentences for each. It is returned with "seconds": {"bi": [...], "cross": [...]}.
    """
    with threads(1):
        body = MaskedLM.load(cell["body"]).body
        encoder = SentenceEncoder(body)
        model = Classifier(body, 2, rng=np.random.default_rng(0))
        model.eval()
        most = max(*cell["bi"], *cell["cross"])
        documents = TinyWorld(cell["world"]).documents(most // 4 + 1)
        texts = [s for d in documents for s in d.sentences][:most]
        bi_best(encoder, texts[:8]), cross_best(model, texts[:8])
        seconds = {
            "bi": [_timed(partial(bi_best, encoder, texts[:n])) for n in cell["bi"]],
            "cross": [_timed(partial(cross_best, model, texts[:n])) for n in cell["cross"]],
        }
    return cell | {"seconds": seconds}


def _timed(work: Callable[[], Any]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def slope(n: Sequence[int], seconds: Sequence[float]) -> float:
    """The power of n with which time grows: the slope of the line through log n and log seconds.

    >>> round(slope([10, 100], [2.0, 200.0]), 6)
    2.0
    """
    return float(np.polyfit(np.log(n), np.log(seconds), 1)[0])


def drawn_out(n: int, seconds: float, passes: Callable[[int], int], to: int = AT) -> float:
    """Seconds for ``to`` sentences, from those for n and the number of passes of each.

    >>> drawn_out(500, 1.0, lambda n: n * (n - 1) // 2) == 49_995_000 / 124_750
    True
    """
    return seconds * passes(to) / passes(n)
