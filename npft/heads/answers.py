"""Finding an answer: the first and the last token of a span inside a passage.

    P_start(i) = softmax over the tokens of the sequence of S · z_i,     P_end(j) of E · z_j
    loss       = the mean of -(log P_start(first) + log P_end(last)) / 2

The answer is the span i <= j of the passage with the largest S · z_i + E · z_j (Devlin et al. 2019,
section 4.2; Jurafsky & Martin, section 11.5.2).

Where a passage may not answer the question, [CLS] stands for "no answer": such an example points
at it with both ends, and

    s_null = S · z_[CLS] + E · z_[CLS]

An answer is said if it is better than s_null by more than a threshold, which is calibrated on
held-out data (section 4.3 there; ``thresholds.py``).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.autograd import ops, segments
from npft.autograd.kernels import take_rows
from npft.autograd.tensor import Tensor
from npft.encoder.encoder import Encoder
from npft.encoder.head import Asked, Rng, Texts
from npft.encoder.model import Model
from npft.errors import ConfigError, DataError, check_number
from npft.heads.thresholds import Curve, Thresholded, steps_of
from npft.metrics.answers import AnswerMetrics, answer_metrics, shared_f1
from npft.nn.layers import Dropout, Linear
from npft.text.batch import CUT_SPAN, NO_SPAN, Batch
from npft.text.examples import Examples
from npft.text.labels_and_tokens import answer_characters, answer_tokens
from npft.text.tokenizer import Tokenizer

LONGEST = 12  # tokens of an answer


class Answers(Thresholded):
    """Two scores for every token: how well an answer begins and ends there.

    ``no_answer``: learn from unanswerable questions as well, and say nothing where no answer is
    better than none by more than ``threshold``. Without it there is always an answer, and an
    unanswerable question is left out of the loss and of the score.
    """

    kind = "answers"

    def __init__(
        self,
        encoder: Encoder,
        no_answer: bool = False,
        threshold: float = 0.0,
        *,
        rng: np.random.Generator,
    ) -> None:
        if not isinstance(no_answer, bool):
            raise ConfigError(f"Answers: no_answer is {no_answer!r:.60}, expected True or False")
        self.no_answer = no_answer
        self.threshold = check_number("Answers: threshold", threshold)
        self.dropout = Dropout(encoder.config.dropout)
        self.linear = Linear(encoder.config.hidden_size, 2, rng=rng)

    def options(self) -> dict[str, Any]:
        return {"no_answer": self.no_answer, "threshold": self.threshold}

    @classmethod
    def completed(cls, options: dict[str, Any]) -> dict[str, Any]:
        """Before there were unanswerable questions, every question was answered."""
        return {"no_answer": False, "threshold": 0.0} | options

    def forward(self, hidden: Tensor, batch: Batch, rng: Rng = None) -> Tensor:
        return self.linear(self.dropout(hidden, rng))  # (N, 2): as the first and as the last

    def asked(self, batch: Batch) -> np.ndarray:
        """(B,) bool, the sequences that are learnt from: an answer that was not cut off, or none.

        Those without an answer only if the head has ``no_answer``.
        """
        if batch.spans is None:
            return np.zeros(len(batch), dtype=bool)
        first = batch.spans[:, 0]
        return (first >= 0) | (self.no_answer & (first == NO_SPAN))

    def count(self, batch: Batch) -> int:
        """How many sequences are learnt from."""
        return int(self.asked(batch).sum())

    def check(self, batch: Batch) -> None:
        """Raise ``DataError`` if no sequence has an answer that was not cut off."""
        if not self.count(batch):
            raise DataError(
                "Answers: no sequence of the batch has an answer; give spans, or shorter passages "
                "if all answers were cut off"
            )

    def loss(self, scores: Tensor, batch: Batch) -> Tensor:
        """The mean of both cross-entropies over the sequences that are learnt from."""
        asked = self.asked(batch)  # (B,)
        if not asked.all():
            scores = take_rows(scores, rows=np.flatnonzero(asked[batch.sequence]))
            batch = batch[asked]
        # Where there is no answer (-1), the first token, [CLS], stands for it.
        spans, starts = np.maximum(np.asarray(batch.spans), 0), batch.offsets[:-1]  # (B, 2), (B,)
        largest = np.maximum.reduceat(scores.data, starts, axis=0)  # (B, 2)
        shifted = scores - np.repeat(largest, batch.lengths, axis=0)
        total = segments.segment_sum(ops.exp(shifted), offsets=batch.offsets)  # (B, 2)
        first = take_rows(shifted, rows=starts + spans[:, 0])[:, 0]  # (B,)
        last = take_rows(shifted, rows=starts + spans[:, 1])[:, 1]
        return total.log().mean() - (first + last).mean() * 0.5

    def rate(self, scores: np.ndarray, batch: Batch) -> np.ndarray:
        """The best answer of each sequence, and by how much it is better than none: (B, 3).

        A row is the first token, the last token, and the margin, of float64.
        """
        found = []
        for first, end in zip(batch.offsets[:-1], batch.offsets[1:]):
            passage = batch.token_types[first:end] == 1
            passage[-1] = False  # the last [SEP]
            own = scores[first:end]
            i, j = best_span(own, passage)
            margin = -np.inf if i == NO_SPAN else own[i, 0] + own[j, 1] - own[0].sum()
            found.append((i, j, margin))
        return np.array(found, dtype=np.float64).reshape(-1, 3)

    def decide(self, scores: np.ndarray, batch: Batch) -> np.ndarray:
        """The first and the last token of the best answer of each sequence (B, 2), if any."""
        rated = self.rate(scores, batch)
        spans = rated[:, :2].astype(np.int64)
        if self.no_answer:
            spans[rated[:, 2] <= self.threshold] = NO_SPAN
        return spans

    def score(self, decisions: np.ndarray, batch: Batch) -> AnswerMetrics:
        """By the token; an answer that was cut off is missed.

        An unanswerable question is right if nothing is said, and left out without ``no_answer``.
        """
        spans, asked = np.asarray(batch.spans), self.asked(batch)
        gold, said = ([_places(span) for span in s[asked]] for s in (spans, decisions))
        cut = int((spans[:, 0] == CUT_SPAN).sum())
        return answer_metrics(gold, said, cut=cut, no_answer=self.no_answer)

    def curve(self, rated: np.ndarray, batch: Batch) -> Curve:
        """What each threshold comes to by the mean F1 over all questions, as in ``score``.

        Precision is the mean F1 of what is said, recall that over the questions with an answer.
        """
        if not self.no_answer:
            raise ConfigError("Answers: a head without no_answer=True always answers, and has no "
                              "threshold to calibrate")
        spans = np.asarray(batch.spans)
        has, margins = spans[:, 0] != NO_SPAN, rated[:, 2]
        shared = np.array([
            shared_f1(_places(gold), _places(said)) if gold[0] >= 0 else 0.0
            for gold, said in zip(spans, rated[:, :2].astype(np.int64))
        ])  # fmt: skip
        could = np.isfinite(margins)
        order = np.flatnonzero(could)[np.argsort(-margins[could], kind="stable")]
        thresholds, called = steps_of(margins[could])
        found = np.append(0, np.cumsum(shared[order]))[called]
        silent = (~has).sum() - np.append(0, np.cumsum(~has[order]))[called]
        precision, recall = found / np.maximum(called, 1), found / max(has.sum(), 1)
        return Curve(thresholds, precision, recall, (found + silent) / len(spans))

    def tokenize(
        self, tokenizer: Tokenizer, texts: Texts, pairs: Texts | None, max_length: int
    ) -> Batch:
        """[CLS] question [SEP] passage [SEP], with the passage cut where it is too long."""
        if pairs is None:
            raise DataError("Answers: expected questions and, as their pairs, passages")
        if tokenizer.second_type != 1:  # by which the passage is found again
            raise ConfigError(
                f"Answers: {type(tokenizer).__name__} gives both texts of a pair one token type, "
                "so the passage cannot be told from the question; take a model with another "
                "tokenizer, such as WordPiece"
            )
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
    """An encoder and a head for answers; ``predict`` takes questions and passages.

    ``no_answer``: some passages do not answer their question, and ``predict`` may say "".

    >>> from npft import load
    >>> finder = SpanFinder(load("tinyworld").body, rng=np.random.default_rng(0))
    >>> passage = "the bank lends the money"
    >>> [answer in passage for answer in finder.predict(["who lends"], [passage])]  # untrained
    [True]
    """

    kind = "span_finder"
    needs = {"answers": "answers"}

    def __init__(
        self, encoder: Encoder, no_answer: bool = False, *, rng: np.random.Generator
    ) -> None:
        super().__init__(encoder, {"answers": Answers(encoder, no_answer, rng=rng)})


def best_span(scores: np.ndarray, passage: np.ndarray) -> tuple[int, int]:
    """The first and last token of the best span of up to 12 tokens, both in the passage.

    scores (T, 2), passage (T,) bool.

    >>> best_span(np.array([[9.0, 9.0], [1.0, 5.0], [3.0, 2.0]]), np.array([False, True, True]))
    (1, 1)
    """
    places = np.flatnonzero(passage)
    if not len(places):
        return NO_SPAN, NO_SPAN
    first, last = scores[places, 0][:, None], scores[places, 1]  # all pairs: (t, t)
    apart = places - places[:, None]
    total = np.where((apart >= 0) & (apart < LONGEST), first + last, -np.inf)
    i, j = np.unravel_index(int(total.argmax()), total.shape)
    return int(places[i]), int(places[j])
