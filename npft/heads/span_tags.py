"""Spans with types, found one by one: each span of a text is classified, or is nothing (NULL).

    (i, j)       all spans of at most L words
    g_ij         a summary of the words i to j, of three kinds
    y_ij       = softmax(W_2 gelu(W_1 g_ij))      over K types and NULL

    mean         [z_i; z_j; the mean of z_i .. z_j]
    startend     [FFN_start(z_i); FFN_end(z_j)]
    attention    Σ_t α_t V z_t,   α = softmax of q · z_t over the words t = i .. j

(Jurafsky & Martin, eqs. 11.21 to 11.27. Attention is asked by one learned query q, for one vector
is wanted for a span.) A word's z is the mean over its tokens. Where a tagger gives each word one
tag, so that one wrong first tag loses an entity and no entity can lie inside another, here each
span stands for itself. Nearly all spans are NULL; the loss is the plain mean over all of them, and
the threshold is calibrated afterwards (``thresholds.py``).

Roles of a verb's arguments, mentions for coreference, and relations between spans are scored on
the same summaries (section 11.5); npft has no such heads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from npft.autograd import kernels, ops
from npft.autograd.losses import softmax_cross_entropy
from npft.autograd.segments import segment_mean, segment_softmax, segment_sum
from npft.autograd.tensor import Tensor
from npft.encoder.encoder import Encoder
from npft.encoder.head import Asked, Rng, Texts, check_examples
from npft.encoder.model import Model
from npft.errors import (
    ConfigError, DataError, check_count, check_number, check_strings, quoted,
)
from npft.heads.tags import read_words
from npft.heads.thresholds import Curve, Thresholded, steps_of
from npft.metrics.entities import Entity, entities, schemes_of
from npft.metrics.spans import SpanMetrics, span_metrics
from npft.nn.layers import Dropout, Linear
from npft.nn.module import Module
from npft.text.batch import CUT_SPAN, Batch
from npft.text.labels_and_tokens import first_tokens
from npft.text.tagged import TaggedTexts
from npft.text.tokenizer import Tokenizer
from npft.text.typed_spans import all_spans, members
from npft.text.windows import spans_in_windows, texts_of

LONGEST = 10  # words of a span


def layer(inputs: int, outputs: int, rng: np.random.Generator) -> Linear:
    """A layer whose outputs are at first as large as its inputs.

    BERT's 0.02 is for one new layer on a body. Through two or three of them so little would come
    that a tagger learns for hundreds of steps that everything is NULL.
    """
    return Linear(inputs, outputs, std=inputs**-0.5, rng=rng)


class MeanSummary(Module):
    """[z_i; z_j; the mean of z_i .. z_j]: nothing to learn, 3 D columns."""

    def __init__(self, width: int, *, rng: np.random.Generator) -> None:
        self.columns = 3 * width

    def forward(self, words: Tensor, first: np.ndarray, last: np.ndarray) -> Tensor:
        mean = span_means(words, first, last)  # (S, D)
        ends = kernels.embedding(words, ids=first), kernels.embedding(words, ids=last)
        return ops.concatenate(*ends, mean, axis=1)  # (S, 3 D)


def span_means(words: Tensor, first: np.ndarray, last: np.ndarray) -> Tensor:
    """The mean over the words of each of all spans: (W, D) to (S, D).

    The sum of k words is that of k - 1 and one more, so a span costs one addition.

    >>> first, last = all_spans([3], 2)
    >>> span_means(Tensor([[1.0], [3.0], [8.0]]), first, last).data.ravel().tolist()
    [1.0, 2.0, 3.0, 5.5, 8.0]
    """
    sizes = last - first + 1
    begins = first[sizes == 1]  # where spans of one word begin: everywhere
    sums, means = words, [words]
    for size in range(2, max(sizes, default=1) + 1):
        shorter, begins = begins, first[sizes == size]
        more = kernels.take_rows(words, rows=begins + size - 1)
        sums = kernels.take_rows(sums, rows=np.searchsorted(shorter, begins)) + more
        means.append(sums * (1 / size))
    by_size = np.argsort(sizes, kind="stable")
    return kernels.take_rows(ops.concatenate(*means, axis=0), rows=np.argsort(by_size))


class StartEndSummary(Module):
    """[FFN_start(z_i); FFN_end(z_j)]: a word that begins a span is not read as one that ends it."""

    def __init__(self, width: int, *, rng: np.random.Generator) -> None:
        self.columns = 2 * width
        self.start = layer(width, width, rng)
        self.end = layer(width, width, rng)

    def forward(self, words: Tensor, first: np.ndarray, last: np.ndarray) -> Tensor:
        start, end = kernels.gelu(self.start(words)), kernels.gelu(self.end(words))  # (W, D)
        ends = kernels.embedding(start, ids=first), kernels.embedding(end, ids=last)
        return ops.concatenate(*ends, axis=1)  # (S, 2 D)


class AttentionSummary(Module):
    """Values of the words of a span, weighted by attention; of one word it is its value."""

    def __init__(self, width: int, *, rng: np.random.Generator) -> None:
        self.columns = width
        self.query = layer(width, 1, rng)
        self.value = layer(width, width, rng)

    def forward(self, words: Tensor, first: np.ndarray, last: np.ndarray) -> Tensor:
        inside, offsets = members(first, last)  # (M,): the words of all spans
        scores = kernels.embedding(self.query(words), ids=inside)  # (M, 1)
        values = kernels.embedding(self.value(words), ids=inside)  # (M, D)
        return segment_sum(segment_softmax(scores, offsets=offsets) * values, offsets=offsets)


SUMMARIES: dict[str, Any] = {
    "mean": MeanSummary,
    "startend": StartEndSummary,
    "attention": AttentionSummary,
}


class SpanTags(Thresholded):
    """K + 1 scores for every span of at most ``longest`` words: K types, and NULL at the end.

    ``summary`` is "mean", "startend" or "attention". A span is said if P(type) - P(NULL) is above
    ``threshold``. Spans may lie one inside another; of two that cross, the surer one is said.
    Raises ``ConfigError`` for no types, an unknown summary, or numbers out of range.
    """

    kind = "span_tags"

    def __init__(
        self,
        encoder: Encoder,
        type_names: Sequence[str],
        summary: str = "mean",
        longest: int = LONGEST,
        threshold: float = 0.0,
        *,
        rng: np.random.Generator,
    ) -> None:
        self.type_names = names = check_strings("SpanTags: type_names", type_names)
        if not names or len(set(names)) < len(names):
            raise ConfigError(f"SpanTags: type_names are {names}, expected some, all different")
        if not isinstance(summary, str) or summary not in SUMMARIES:
            raise ConfigError(
                f"SpanTags: summary is {summary!r}, expected one of {', '.join(SUMMARIES)}"
            )
        self.longest = check_count("SpanTags: longest", longest)
        self.threshold = check_number("SpanTags: threshold", threshold)
        self.summary_name, width = summary, encoder.config.hidden_size
        self.dropout = Dropout(encoder.config.dropout)
        self.summary = SUMMARIES[summary](width, rng=rng)
        self.dense = layer(self.summary.columns, width, rng)
        self.linear = layer(width, len(names) + 1, rng)

    def options(self) -> dict[str, Any]:
        return {
            "type_names": self.type_names,
            "summary": self.summary_name,
            "longest": self.longest,
            "threshold": self.threshold,
        }

    def forward(self, hidden: Tensor, batch: Batch, rng: Rng = None) -> Tensor:
        first, last = all_spans(words_in(batch), self.longest)  # (S,) each
        if not len(first):  # texts without words
            return Tensor(np.zeros((0, len(self.type_names) + 1), hidden.dtype))
        words = word_vectors(self.dropout(hidden, rng), batch)  # (W, D)
        summaries = self.summary(words, first, last)
        return self.linear(kernels.gelu(self.dense(summaries)))  # (S, K + 1)

    def count(self, batch: Batch) -> int:
        """How many spans there are, of a labelled batch."""
        return 0 if batch.typed_spans is None else len(all_spans(words_in(batch), self.longest)[0])

    def check(self, batch: Batch) -> None:
        """Raise ``DataError`` if there are no spans, or one is of a class of no type."""
        if batch.typed_spans is None or not self.count(batch):
            raise DataError("SpanTags: the batch has no typed_spans, or no words; give labelled "
                            "texts of words")
        top = max((spans[:, 2].max() for spans in batch.typed_spans if len(spans)), default=0)
        if top >= len(self.type_names):
            raise DataError(
                f"SpanTags: class {top} is not one of the {len(self.type_names)} types"
            )

    def targets(self, batch: Batch) -> np.ndarray:
        """The class of every span (S,), K for NULL; a longer one than ``longest`` has no place."""
        first, _ = all_spans(words_in(batch), self.longest)
        classes = np.full(len(first), len(self.type_names))
        rows = first_tokens(batch)
        begins = np.searchsorted(first, np.arange(len(rows)))  # (W,): the first span of each word
        words = zip(batch.sequence[rows].tolist(), np.asarray(batch.words)[rows].tolist())
        place = {word: k for k, word in enumerate(words)}
        for row, spans in enumerate(np.asarray(batch.typed_spans)):
            for i, j, kind in spans[spans[:, 0] != CUT_SPAN].tolist():
                start, more = place[row, i], place[row, j] - place[row, i]
                if more < self.longest:
                    classes[begins[start] + more] = kind
        return classes

    def loss(self, scores: Tensor, batch: Batch) -> Tensor:
        """The mean cross-entropy over all spans, NULL ones as well."""
        return softmax_cross_entropy(scores, targets=self.targets(batch))

    def rate(
        self, scores: np.ndarray, batch: Batch, above: float = -np.inf
    ) -> np.ndarray:
        """For each sequence (B,) the spans it could say, surest first: (S, 4) of float64.

        A row is first word, last word, class and P(class) - P(NULL), where this is larger than
        ``above``. Spans that cross a surer one are left out, as they are at any threshold.
        """
        shifted = np.exp(scores - scores.max(axis=1, keepdims=True))  # (S, K + 1)
        p = shifted / shifted.sum(axis=1, keepdims=True)
        best = p[:, :-1].argmax(axis=1)
        margins = p[np.arange(len(p)), best] - p[:, -1]
        n_words = words_in(batch)
        first, last = all_spans(n_words, self.longest)
        numbers = np.asarray(batch.words)[first_tokens(batch)]
        rows = np.stack([numbers[first], numbers[last], best, margins.astype(np.float64)], axis=1)
        ends = np.searchsorted(first, np.cumsum(n_words))
        rated = np.empty(len(batch), dtype=object)
        for row, own in enumerate(np.split(rows, ends[:-1])):
            own = own[own[:, 3] > above]
            rated[row] = without_crossings(own[np.argsort(-own[:, 3], kind="stable")])
        return rated

    def decide(self, scores: np.ndarray, batch: Batch) -> np.ndarray:
        """For each sequence (B,) the spans it has: (S, 3), first word, last word and class."""
        decisions = self.rate(scores, batch, above=self.threshold)
        for row, rated in enumerate(decisions):
            said = rated[:, :3].astype(np.int64)
            decisions[row] = said[np.lexsort((said[:, 1], said[:, 0]))]
        return decisions

    def score(self, decisions: np.ndarray, batch: Batch) -> SpanMetrics:
        """By the whole span; one that was cut off, or is too long to be said, is missed.

        One that is too long has its place among the others: what lies inside it is an inner span.
        """
        gold, said, cut = [], [], 0
        for own, found in zip(np.asarray(batch.typed_spans), decisions):
            lost = own[:, 0] == CUT_SPAN
            cut += int(lost.sum())
            gold.append(self._named(own[~lost]))
            said.append(self._named(found))
        return span_metrics(gold, said, cut)

    def curve(self, rated: np.ndarray, batch: Batch) -> Curve:
        gold = [list(map(tuple, own.tolist())) for own in np.asarray(batch.typed_spans)]
        rows = [(*row, tuple(row[:3]) in own) for r, own in zip(rated, gold) for row in r.tolist()]
        margins, right = np.array([row[3:] for row in rows], dtype=float).reshape(-1, 2).T
        thresholds, called = steps_of(margins)
        hits = np.append(0, np.cumsum(right[np.argsort(-margins, kind="stable")]))[called]
        actual = sum(map(len, gold))
        precision, recall = hits / np.maximum(called, 1), hits / max(actual, 1)
        return Curve(thresholds, precision, recall, 2 * hits / np.maximum(called + actual, 1))

    def _named(self, spans: np.ndarray) -> list[Entity]:
        """(S, 3) as the data have them: first word, word after the last, name of the type."""
        return [(i, j + 1, self.type_names[kind]) for i, j, kind in spans.tolist()]

    def inputs(self, examples: TaggedTexts) -> tuple[Texts, Texts | None]:
        make = "TaggedTexts(words, tags)"
        check_examples(type(self).__name__, examples, ("words", "tags"), make)
        return examples.words, None

    def tokenize(
        self, tokenizer: Tokenizer, texts: Texts, pairs: Texts | None, max_length: int
    ) -> Batch:
        """Texts as lists of words: see ``read_words``."""
        return read_words("SpanTags", tokenizer, texts, pairs, max_length)

    def labelled(self, tokenizer: Tokenizer, batch: Batch, examples: TaggedTexts) -> Batch:
        """The spans of the examples or, where they have none, the entities that their tags mark.

        Raises ``DataError`` for a type the head does not know, or a span with two types.
        """
        found: Any = examples.spans
        if found is None:
            scheme = [*schemes_of(examples.tag_names), "plain"][0]  # all read them alike
            found = [sorted(entities(tags, scheme)) for tags in examples.tags]
        number = {name: k for k, name in enumerate(self.type_names)}
        unknown = {kind for row in found for _, _, kind in row} - set(number)
        if unknown:
            raise DataError(f"SpanTags: the type {quoted(min(unknown))} is unknown to the model")
        spans = [[(a, b, number[kind]) for a, b, kind in dict.fromkeys(row)] for row in found]
        return batch.replace(typed_spans=spans_in_windows(batch, spans))

    def decode(self, decisions: np.ndarray, asked: Asked) -> list[list[Entity]]:
        """The spans of each text, whole or in windows: (first word, word after the last, type)."""
        spans: list[list[Entity]] = [[] for _ in asked.texts]
        for text, found in zip(texts_of(asked.batch), decisions):
            spans[text] += self._named(found)
        return spans


class SpanTagger(Model):
    """An encoder and a head for typed spans; ``predict`` takes texts as lists of words.

    ``type_names``, ``summary`` and ``longest`` are those of ``SpanTags``.

    >>> from npft import load
    >>> tagger = SpanTagger(load("tinyworld").body, ["PER"], rng=np.random.default_rng(0))
    >>> tagger.predict([["ann", "lee", "sleeps"]])  # untrained, it is sure of nothing
    [[]]
    """

    kind = "span_tagger"
    needs = {"span_tags": "span_tags"}

    def __init__(
        self,
        encoder: Encoder,
        type_names: Sequence[str],
        summary: str = "mean",
        longest: int = LONGEST,
        *,
        rng: np.random.Generator,
    ) -> None:
        head = SpanTags(encoder, type_names, summary, longest, rng=rng)
        super().__init__(encoder, {"span_tags": head})


def words_in(batch: Batch) -> np.ndarray:
    """(B,) how many words each sequence has.

    >>> words_in(Batch([2, 7, 8, 9, 3, 2, 3], [0, 5, 7], words=[-1, 0, 0, 1, -1, -1, -1]))
    array([2, 0])
    """
    return np.bincount(batch.sequence[first_tokens(batch)], minlength=len(batch))


def word_vectors(hidden: Tensor, batch: Batch) -> Tensor:
    """The mean over the tokens of each word: (N, D) to (W, D).

    >>> batch = Batch([2, 7, 8, 9, 3], [0, 5], words=[-1, 0, 0, 1, -1])
    >>> word_vectors(Tensor([[9.0], [1.0], [3.0], [5.0], [9.0]]), batch).data.tolist()
    [[2.0], [5.0]]
    """
    rows = np.flatnonzero(np.asarray(batch.words) >= 0)  # the tokens of words
    starts = np.searchsorted(rows, first_tokens(batch))
    return segment_mean(
        kernels.take_rows(hidden, rows=rows), offsets=np.append(starts, len(rows))
    )


def without_crossings(rated: np.ndarray) -> np.ndarray:
    """Rows (S, 4) without those whose span crosses that of a row above them.

    >>> a, b, c = (0, 2, 0, 0.9), (1, 3, 0, 0.8), (1, 2, 0, 0.7)
    >>> without_crossings(np.array([a, b, c])).tolist()
    [[0.0, 2.0, 0.0, 0.9], [1.0, 2.0, 0.0, 0.7]]
    """
    kept = np.ones(len(rated), dtype=bool)
    first, last = rated[:, 0], rated[:, 1]
    for row in range(len(rated)):
        if kept[row]:
            i, j = first[row], last[row]
            cross = (first < i) & (i <= last) & (last < j) | (i < first) & (first <= j) & (j < last)
            kept[row + 1 :] &= ~cross[row + 1 :]
    return rated[kept]
