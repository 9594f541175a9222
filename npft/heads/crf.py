"""A tag for every word, with a say in which tag follows which: a linear-chain CRF.

    p(y) = exp(score(y)) / Z    score(y) = Σ_t (W z_t)[y_t] + Σ_t transition[y_t-1, y_t] + ...
    loss = -Σ log p(gold) / the number of words

(Lafferty, McCallum & Pereira 2001; on a network: Huang, Xu & Yu 2015. ``autograd/chains.py`` has
the algorithms.) ``Tags`` decides each word by itself and may write I-LOC after O, which means
nothing. Here the words of a text decide together, and the tags they get are the best of those that
the scheme allows (``metrics/entities.py``): a move that it forbids scores -inf, in Z and in the
search.

The chain runs over the first token of each word; the other tokens have no part in it. With all
transitions 0 and nothing forbidden the loss is the cross-entropy of each word by itself, for it is
a mean over words, not over texts. Gold tags that break the scheme are no error: the chain ends
before them, and a new one begins.

A text that is too long is several chains, one for each window. What is decided keeps to the scheme
in each of them, and so where they meet; an entity over the border is cut in two or lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from npft.autograd.chains import best_paths, chain_log_partition
from npft.autograd.kernels import take_rows
from npft.autograd.ops import concatenate, getitem, where
from npft.autograd.tensor import Tensor
from npft.encoder.encoder import Encoder
from npft.encoder.model import Model
from npft.errors import ConfigError, DataError, listed
from npft.heads.tags import Tags, word_rows
from npft.metrics.entities import may_follow
from npft.nn.layers import INIT_STD, normal
from npft.nn.module import Parameter
from npft.text.batch import IGNORE, Batch


class ChainTags(Tags):
    """K scores for every word, and one for every move from tag to tag; ``Tags`` has the rest.

    ``scheme``: which tags may begin, follow and end, and how the score counts entities; "plain"
    allows every move.
    Raises as ``Tags`` does, and ``ConfigError`` for tags that leave a text of one word none.
    """

    kind = "crf"

    def __init__(
        self,
        encoder: Encoder,
        label_names: Sequence[str],
        scheme: str | None = None,
        layers: int = 1,
        combine: str = "mean",
        *,
        rng: np.random.Generator,
    ) -> None:
        super().__init__(encoder, label_names, scheme, "first", layers, combine, rng=rng)
        names, k = self.label_names, len(self.label_names)
        self.transitions = Parameter(normal((k, k), INIT_STD, rng))  # from the row to the column
        self.starts = Parameter(np.zeros(k, np.float32))
        self.ends = Parameter(np.zeros(k, np.float32))
        self.may_start = np.array([may_follow("O", name, self.scheme) for name in names])
        self.may_end = np.array([may_follow(name, "O", self.scheme) for name in names])
        self.may_move = np.array([[may_follow(a, b, self.scheme) for b in names] for a in names])
        if not np.logical_and(self.may_start, self.may_end).any():
            raise ConfigError(
                f"ChainTags: none of the tags {listed(names)} may stand alone in {self.scheme}; "
                "add O, or say scheme plain to allow every move"
            )

    def options(self) -> dict[str, Any]:
        return {"label_names": self.label_names, "scheme": self.scheme} | self.layer_options()

    @classmethod
    def completed(cls, options: dict[str, Any]) -> dict[str, Any]:
        return options

    def check(self, batch: Batch) -> None:
        """Raise ``DataError`` if no word has a label, or one has a label of no tag."""
        super().check(batch)
        if not self.count(batch):
            raise DataError("ChainTags: no word of this batch has a label at its first token")

    def count(self, batch: Batch) -> int:
        """How many words have a label."""
        rows = word_rows(batch)
        return 0 if batch.token_labels is None else int((batch.token_labels[rows] != IGNORE).sum())

    def loss(self, scores: Tensor, batch: Batch) -> Tensor:
        """The mean over the words of -log p(gold), p being that of the chain they stand in.

        A chain ends where a word has no label, and where the gold tags break the rules of the
        scheme, for no path goes on there. Whatever the gold begins and ends with is allowed: a
        window may begin within an entity.
        """
        rows, labels = word_rows(batch), np.asarray(batch.token_labels)
        places = np.flatnonzero(labels[rows] != IGNORE)  # of the words that have a label
        rows = rows[places]
        gold = labels[rows]
        joined = (np.diff(places) == 1) & (np.diff(batch.sequence[rows]) == 0)
        joined &= self.may_move[gold[:-1], gold[1:]]
        offsets = np.concatenate([[0], np.flatnonzero(~joined) + 1, [len(rows)]])
        first, last = offsets[:-1], offsets[1:] - 1
        allowed = self._allowed(len(rows), first, last)
        allowed[first, gold[first]] = allowed[last, gold[last]] = True
        words = where(take_rows(scores, rows=rows), -np.inf, condition=allowed)  # (M, K)
        moves = where(self.transitions, -np.inf, condition=self.may_move)
        log_z = chain_log_partition(words, moves, self.starts, self.ends, offsets=offsets)
        path = concatenate(
            getitem(words, index=(np.arange(len(rows)), gold)),
            getitem(moves, index=(gold[:-1][joined], gold[1:][joined])),
            getitem(self.starts, index=gold[first]),
            getitem(self.ends, index=gold[last]),
        )
        return (log_z.sum() - path.sum()) / len(rows)

    def decide(self, scores: np.ndarray, batch: Batch) -> np.ndarray:
        """The number of the tag of each token (N,): that of its word on the best path."""
        rows = word_rows(batch)
        if not len(rows):
            return np.zeros(len(scores), dtype=np.int64)
        first = np.flatnonzero(np.diff(batch.sequence[rows], prepend=-1))
        offsets = np.append(first, len(rows))
        allowed = self._allowed(len(rows), first, offsets[1:] - 1)
        words = np.where(allowed, scores[rows], -np.inf)
        moves = np.where(self.may_move, self.transitions.data, -np.inf)
        path = best_paths(words, moves, self.starts.data, self.ends.data, offsets=offsets)
        own = np.searchsorted(rows, np.arange(len(scores)), side="right") - 1
        return path[own]  # tokens of no word take that of some word; nobody asks for it

    def _allowed(self, n: int, first: np.ndarray, last: np.ndarray) -> np.ndarray:
        """The tags that each of n words may have, (n, K): the first and last of chains not all."""
        allowed = np.ones((n, len(self.label_names)), dtype=bool)
        allowed[first] &= self.may_start
        allowed[last] &= self.may_end
        return allowed


class ChainTagger(Model):
    """An encoder with a linear-chain CRF; ``predict`` takes texts as lists of words.

    ``scheme`` is that of ``ChainTags``: which tag may follow which.

    >>> from npft import load
    >>> names = ["B-PER", "I-PER", "O"]
    >>> tagger = ChainTagger(load("tinyworld").body, names, rng=np.random.default_rng(0))
    >>> ((first, second),) = tagger.predict([["ann", "sleeps"]])  # untrained
    >>> first in names and first != "I-PER"  # which may follow B-PER or I-PER alone
    True
    """

    kind = "chain_tagger"
    needs = {"tags": "crf"}

    def __init__(
        self,
        encoder: Encoder,
        label_names: Sequence[str],
        scheme: str | None = None,
        *,
        rng: np.random.Generator,
    ) -> None:
        super().__init__(encoder, {"tags": ChainTags(encoder, label_names, scheme, rng=rng)})

    @property
    def label_names(self) -> list[str]:
        """The names of the tags."""
        head: Any = self.heads["tags"]
        return head.label_names
