"""Finding an answer: the first and the last token of a span inside a passage.

    P_start(i) = softmax over the tokens of the sequence of S · z_i,     P_end(j) of E · z_j
    loss       = the mean of -(log P_start(first) + log P_end(last)) / 2

The answer is the span i <= j of the passage with the largest S · z_i + E · z_j (Devlin et al. 2019,
section 4.2; Jurafsky & Martin, section 11.5.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from npft.autograd import ops, segments
from npft.autograd.kernels import take_rows
from npft.autograd.tensor import Tensor
from npft.encoder.encoder import Encoder
from npft.errors import DataError
from npft.finetune.heads import Head
from npft.nn.layers import Linear
from npft.text.alignment import answer_characters, answer_tokens
from npft.text.batch import NO_SPAN, Batch

LONGEST = 12  # tokens of an answer


class SpanFinder(Head):
    """An encoder and two scores for every token: how well an answer begins and ends there."""

    kind = "span_finder"

    def __init__(self, encoder: Encoder, *, rng: np.random.Generator) -> None:
        super().__init__(encoder)
        self.qa_outputs = Linear(encoder.config.hidden_size, 2, rng=rng)

    def options(self) -> dict[str, Any]:
        """What a file must hold beside configuration, tokenizer and weights: nothing."""
        return {}

    @classmethod
    def from_options(
        cls, encoder: Encoder, options: dict[str, Any], *, rng: np.random.Generator
    ) -> SpanFinder:
        """The inverse of ``options``."""
        return cls(encoder, rng=rng)

    def forward(self, batch: Batch, rng: np.random.Generator | None = None) -> Tensor:
        """Scores (N, 2) of all tokens as the first and as the last of an answer."""
        return self.qa_outputs(self.dropout(self.encoder(batch, rng), rng))

    def check(self, name: str, data: Batch) -> None:
        """Raise ``DataError`` if no sequence has an answer."""
        if data.spans is None or not (data.spans != NO_SPAN).any():
            raise DataError(f"{name}: no sequence has an answer; give spans")

    def loss(self, batch: Batch, rng: np.random.Generator | None = None) -> Tensor:
        """The mean of both cross-entropies over the sequences whose answer was not cut off."""
        self.check("SpanFinder", batch)
        batch = batch[np.asarray(batch.spans)[:, 0] != NO_SPAN]
        spans = np.asarray(batch.spans)  # (B, 2)
        scores = self(batch, rng)  # (N, 2)
        largest = np.maximum.reduceat(scores.data, batch.offsets[:-1], axis=0)  # (B, 2)
        shifted = scores - np.repeat(largest, batch.lengths, axis=0)
        total = segments.segment_sum(ops.exp(shifted), offsets=batch.offsets)  # (B, 2)
        starts = batch.offsets[:-1]
        first = take_rows(shifted, rows=starts + spans[:, 0])[:, 0]  # (B,)
        last = take_rows(shifted, rows=starts + spans[:, 1])[:, 1]
        return total.log().mean() - (first + last).mean() * 0.5

    def terms(self, batch: Batch) -> int:
        """How many sequences of a batch have an answer: the loss is a mean over them."""
        return int((np.asarray(batch.spans)[:, 0] != NO_SPAN).sum())

    def labelled(
        self, questions: Sequence[str], passages: Sequence[str], spans: np.ndarray
    ) -> Batch:
        """A batch for training; spans (B, 2) are characters of the passages, end not included."""
        batch = self.tokenize(questions, passages)
        offsets = [self.tokenizer.offsets(passage) for passage in passages]
        return batch.replace(spans=answer_tokens(batch, offsets, spans))

    def tokenize(self, questions: Sequence[str], passages: Sequence[str]) -> Batch:
        """[CLS] question [SEP] passage [SEP], with the passage cut where it is too long."""
        length = self.encoder.config.max_positions
        return self.tokenizer(questions, passages, max_length=length, truncation="only_second")

    def predict(self, questions: Sequence[str], passages: Sequence[str]) -> list[str]:
        """The answer to each question, cut out of its passage; "" where none is found."""
        if len(questions) == 0:
            return []
        batch = self.tokenize(questions, passages)
        found = []
        for part, scores in self.outputs(batch):
            for first, end in zip(part.offsets[:-1], part.offsets[1:]):
                passage = part.token_types[first:end] == 1
                passage[-1] = False  # the last [SEP]
                found.append(best_span(scores[first:end], passage))
        offsets = [self.tokenizer.offsets(passage) for passage in passages]
        answers = answer_characters(batch, offsets, np.array(found), passages)
        return [p[a:b] if a >= 0 else "" for p, (a, b) in zip(passages, answers.tolist())]


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


def answer_f1(true: str, predicted: str) -> float:
    """The F1 of the words two answers share (Rajpurkar et al. 2016, section 6.1).

    >>> round(answer_f1("the green house", "green house"), 3)
    0.8
    """
    a, b = true.split(), predicted.split()
    common = sum(min(a.count(word), b.count(word)) for word in set(a))
    return 2 * common / (len(a) + len(b)) if common else float(a == b)
