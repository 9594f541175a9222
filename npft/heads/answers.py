"""Finding an answer: the first and the last token of a span inside a passage.

    P_start(i) = softmax over the tokens of the sequence of S · z_i,     P_end(j) of E · z_j
    loss       = the mean of -(log P_start(first) + log P_end(last)) / 2

The answer is the span i <= j of the passage with the largest S · z_i + E · z_j (Devlin et al. 2019,
section 4.2; Jurafsky & Martin, section 11.5.2).
"""

from __future__ import annotations

import numpy as np

from npft.autograd import ops, segments
from npft.autograd.kernels import take_rows
from npft.autograd.tensor import Tensor
from npft.encoder.encoder import Encoder
from npft.encoder.model import Asked, Head, Model, Rng, Texts
from npft.errors import DataError
from npft.metrics.answers import AnswerMetrics, answer_metrics
from npft.nn.layers import Dropout, Linear
from npft.text.batch import CUT_SPAN, NO_SPAN, Batch
from npft.text.examples import Examples
from npft.text.labels_and_tokens import answer_characters, answer_tokens
from npft.text.tokenizer import Tokenizer

LONGEST = 12  # tokens of an answer


class Answers(Head):
    """Two scores for every token: how well an answer begins and ends there."""

    kind = "answers"

    def __init__(self, encoder: Encoder, *, rng: np.random.Generator) -> None:
        self.dropout = Dropout(encoder.config.dropout)
        self.linear = Linear(encoder.config.hidden_size, 2, rng=rng)

    def forward(self, hidden: Tensor, batch: Batch, rng: Rng = None) -> Tensor:
        return self.linear(self.dropout(hidden, rng))  # (N, 2): as the first and as the last

    def count(self, batch: Batch) -> int:
        """How many sequences have an answer, which was not cut off."""
        return 0 if batch.spans is None else int((batch.spans[:, 0] >= 0).sum())

    def check(self, batch: Batch) -> None:
        """Raise ``DataError`` if no sequence has an answer that was not cut off."""
        if self.count(batch) == 0:
            raise DataError(
                "Answers: no sequence of the batch has an answer; give spans, or shorter passages "
                "if all answers were cut off"
            )

    def loss(self, scores: Tensor, batch: Batch) -> Tensor:
        """The mean of both cross-entropies over the sequences whose answer was not cut off."""
        has = np.asarray(batch.spans)[:, 0] >= 0  # (B,)
        if not has.all():
            scores = take_rows(scores, rows=np.flatnonzero(has[batch.sequence]))
            batch = batch[has]
        spans, starts = np.asarray(batch.spans), batch.offsets[:-1]  # (B, 2), (B,)
        largest = np.maximum.reduceat(scores.data, starts, axis=0)  # (B, 2)
        shifted = scores - np.repeat(largest, batch.lengths, axis=0)
        total = segments.segment_sum(ops.exp(shifted), offsets=batch.offsets)  # (B, 2)
        first = take_rows(shifted, rows=starts + spans[:, 0])[:, 0]  # (B,)
        last = take_rows(shifted, rows=starts + spans[:, 1])[:, 1]
        return total.log().mean() - (first + last).mean() * 0.5

    def decide(self, scores: np.ndarray, batch: Batch) -> np.ndarray:
        """The first and the last token of the best answer of each sequence (B, 2)."""
        found = []
        for first, end in zip(batch.offsets[:-1], batch.offsets[1:]):
            passage = batch.token_types[first:end] == 1
            passage[-1] = False  # the last [SEP]
            found.append(best_span(scores[first:end], passage))
        return np.array(found, dtype=np.int64).reshape(-1, 2)

    def score(self, decisions: np.ndarray, batch: Batch) -> AnswerMetrics:
        """By the token, over the sequences with an answer; one that was cut off is missed."""
        spans = np.asarray(batch.spans)
        has = spans[:, 0] >= 0
        gold, said = ([_places(span) for span in s[has]] for s in (spans, decisions))
        return answer_metrics(gold, said, cut=int((spans[:, 0] == CUT_SPAN).sum()))

    def tokenize(
        self, tokenizer: Tokenizer, texts: Texts, pairs: Texts | None, max_length: int
    ) -> Batch:
        """[CLS] question [SEP] passage [SEP], with the passage cut where it is too long."""
        if pairs is None:
            raise DataError("Answers: expected questions and, as their pairs, passages")
        return tokenizer(texts, pairs, max_length=max_length, truncation="only_second")

    def labelled(self, tokenizer: Tokenizer, batch: Batch, examples: Examples) -> Batch:
        """The first and last token of each answer; spans of examples are characters."""
        offsets = [tokenizer.offsets(passage) for passage in examples.pairs or ()]
        return batch.replace(spans=answer_tokens(batch, offsets, examples.spans))

    def decode(self, decisions: np.ndarray, asked: Asked) -> list[str]:
        """The answer to each question, cut out of its passage; "" where none is found."""
        if not len(asked.batch):
            return []
        passages = asked.pairs or ()
        offsets = [asked.tokenizer.offsets(passage) for passage in passages]
        answers = answer_characters(asked.batch, offsets, decisions, passages)
        return [p[a:b] if a >= 0 else "" for p, (a, b) in zip(passages, answers.tolist())]


def _places(span: np.ndarray) -> list[int]:
    return [] if span[0] == NO_SPAN else list(range(span[0], span[1] + 1))


class SpanFinder(Model):
    """An encoder and a head for answers; ``predict`` takes questions and passages."""

    kind = "span_finder"
    needs = {"answers": "answers"}

    def __init__(self, encoder: Encoder, *, rng: np.random.Generator) -> None:
        super().__init__(encoder, {"answers": Answers(encoder, rng=rng)})


def best_span(scores: np.ndarray, passage: np.ndarray) -> tuple[int, int]:
    """The first and last token of the best span of up to 12 tokens, both in the passage.

    scores (T, 2), passage (T,) bool.

    >>> best_span(np.array([[9.0, 9.0], [1.0, 5.0], [3.0, 2.0]]), np.array([False, True, True]))
    (1, 1)
    """
    places = np.flatnonzero(passage)
    if len(places) == 0:
        return NO_SPAN, NO_SPAN
    first, last = scores[places, 0][:, None], scores[places, 1]  # all pairs: (t, t)
    apart = places - places[:, None]
    total = np.where((apart >= 0) & (apart < LONGEST), first + last, -np.inf)
    i, j = np.unravel_index(int(total.argmax()), total.shape)
    return int(places[i]), int(places[j])
