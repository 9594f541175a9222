"""Bi-encoders: texts are encoded each by itself, and only their vectors meet.

    siamese      one encoder for all columns              (Reimers & Gurevych 2019, SBERT)
    two towers   one for queries, one for passages        (Karpukhin et al. 2020, DPR)

What is trained on is columns of texts: row i of each belongs together.

    (text, text)                     two views of one text by dropout        unsupervised SimCSE
    (a, b)                           pairs: question and answer, title and body
    (a, b, hard negative)            triples; of NLI: premise, entailed, contradicted
    (a, b) with grades or classes    graded pairs, NLI

and how, is said by an objective (``objectives.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from npft.autograd.ops import concatenate
from npft.autograd.tensor import Tensor
from npft.contrast.gradient_cache import cached_loss
from npft.contrast.objectives import Objective
from npft.encoder import pooling
from npft.encoder.encoder import Encoder, check_encoder
from npft.errors import (
    ConfigError, DataError, ShapeError, check_count, check_items, check_strings,
)
from npft.nn.fit import WEIGHT_DECAY, fit, measure_of, reported
from npft.nn.history import History
from npft.nn.loop import Loss, streams
from npft.nn.module import Module
from npft.nn.optim import AdamW, decay_groups
from npft.nn.progress import ProgressFn
from npft.nn.schedules import schedule_of
from npft.text.batch import Batch, rows_of_epochs
from npft.text.examples import checked_labels

WARMUP = 0.05  # share of the steps


class Rows(NamedTuple):
    """Rows to train on: a batch for each column, perhaps labels (B,), and ``texts`` (K, B).

    ``texts`` numbers the texts: equal texts have equal numbers, in whatever column.
    """

    columns: tuple[Batch, ...]
    labels: np.ndarray | None
    texts: np.ndarray

    def __len__(self) -> int:
        return len(self.columns[0])

    def take(self, rows: np.ndarray) -> Rows:
        labels = None if self.labels is None else self.labels[rows]
        return Rows(tuple([c[rows] for c in self.columns]), labels, self.texts[:, rows])


class _Piece(NamedTuple):
    """Neighbouring sequences of one column, and the seed of their dropout: None draws nothing."""

    column: int
    batch: Batch
    seed: int | None


class BiEncoder(Module):
    """An encoder, or two, and the objective by which its vectors are trained: what ``fit`` trains.

    encoder: of the first column, and without ``second`` of all. second: of the other columns.
    objective: see ``objectives.py``; its weights, if any, train too.
    pool: from tokens to one vector for a text.
    slice_size: None encodes a batch at once. A number encodes as many texts at a time, by gradient
        caching: the same loss with the memory of a slice, and with ``set_threads`` several slices
        at once. Each slice draws dropout of its own.

    The loss of a batch is no sum over its rows, for each is a negative of the others; so a batch
    is never cut as elsewhere. Vectors are not normalised: use ``SentenceEncoder(encoder, pool)``
    afterwards.

    Raises ``ConfigError`` for what is no encoder with a tokenizer, two of different widths, an
    unknown pool, an objective that is none.

    >>> from npft import InBatch, load
    >>> model = BiEncoder(load("tinyworld").body, InBatch())
    >>> rows = model.rows([["it rains", "win cash"], ["rain falls", "it rains"]])
    >>> len(rows), rows.texts.tolist()  # equal texts have equal numbers
    (2, [[0, 1], [2, 0]])
    """

    def __init__(
        self,
        encoder: Encoder,
        objective: Objective,
        *,
        pool: str = "mean",
        second: Encoder | None = None,
        slice_size: int | None = None,
    ) -> None:
        if not isinstance(objective, Objective):
            raise ConfigError(
                f"BiEncoder: objective is {objective!r:.60}, expected one such as InBatch()"
            )
        for tower in (encoder,) if second is None else (encoder, second):
            check_encoder("BiEncoder", tower)
        self.encoder = encoder
        if second is not None:
            if second.config.hidden_size != encoder.config.hidden_size:
                raise ConfigError(
                    f"BiEncoder: the encoders have widths {encoder.config.hidden_size} and "
                    f"{second.config.hidden_size}; vectors to compare must be of one width"
                )
            self.second = second
        self.objective = objective
        self.pool = pooling.check_pool(pool)
        if slice_size is not None:
            check_count("BiEncoder: slice_size", slice_size)
        self.slice_size = slice_size

    def tower(self, column: int) -> Encoder:
        """The encoder of a column."""
        return self.encoder if column == 0 else getattr(self, "second", self.encoder)

    def rows(self, columns: Sequence[Sequence[str]], labels: Any = None) -> Rows:
        """Columns of texts, tokenized; too long a text is cut.

        Raises ``ShapeError`` for columns of different lengths, ``DataError`` for columns or labels
        that the objective does not learn from, ``DtypeError`` for what is no list of strings.
        """
        given = check_items("BiEncoder: columns", columns, "columns of texts")
        texts = [check_strings(f"BiEncoder: columns[{k}]", texts) for k, texts in enumerate(given)]
        if len({len(column) for column in texts}) > 1:
            raise ShapeError(
                f"BiEncoder: the columns have {', '.join(str(len(c)) for c in texts)} texts; "
                "expected as many in each, a row for what belongs together"
            )
        if labels is not None:
            labels = checked_labels("BiEncoder", labels, len(texts[0]) if texts else 0)
        self.objective.check(len(texts), labels)
        batches: list[Batch] = []
        for k, column in enumerate(texts):
            tower = self.tower(k)
            if k and column == texts[0] and tower is self.encoder:
                batches.append(batches[0])  # two views of the same texts
                continue
            tokenizer = tower.need_tokenizer("BiEncoder")
            batches.append(tokenizer(column, max_length=tower.config.max_positions))
        number: dict[str, int] = {}
        found = [[number.setdefault(text, len(number)) for text in column] for column in texts]
        return Rows(tuple(batches), labels, np.array(found))

    def vectors(self, column: int, batch: Batch, rng: np.random.Generator | None) -> Tensor:
        """The vectors (B, D) of texts of a column."""
        return pooling.pool(self.tower(column)(batch, rng), batch, self.pool)

    def loss(self, rows: Rows, rng: np.random.Generator | None = None) -> Loss:
        """The loss of a batch; with ``slice_size`` by gradient caching."""
        if self.slice_size is None:
            views = [self.vectors(k, batch, rng) for k, batch in enumerate(rows.columns)]
            return Loss(self.objective(views, rows.labels, rows.texts), {})
        pieces = self._pieces(rows, rng)

        def encode(piece: _Piece) -> Tensor:
            own = None if piece.seed is None else np.random.default_rng(piece.seed)
            return self.vectors(piece.column, piece.batch, own)

        def judge(vectors: list[Tensor]) -> Tensor:
            views = [
                concatenate(*[v for v, piece in zip(vectors, pieces) if piece.column == k], axis=0)
                for k in range(len(rows.columns))
            ]
            return self.objective(views, rows.labels, rows.texts)

        return Loss(cached_loss(self, encode, pieces, judge), {})

    def _pieces(self, rows: Rows, rng: np.random.Generator | None) -> list[_Piece]:
        size = self.slice_size or len(rows)
        cut = [
            (k, batch[i : i + size])
            for k, batch in enumerate(rows.columns)
            for i in range(0, len(batch), size)
        ]
        seeds: list[int | None] = [None] * len(cut)
        if rng is not None:
            seeds = rng.integers(1 << 62, size=len(cut)).tolist()
        return [_Piece(k, batch, seed) for (k, batch), seed in zip(cut, seeds)]


def train_bi_encoder(
    model: BiEncoder,
    columns: Sequence[Sequence[str]],
    labels: Any = None,
    *,
    steps: int = 300,
    batch_size: int = 64,
    lr: float = 3e-4,
    every: int = 10,
    measure: Callable[[BiEncoder], dict[str, float]] | None = None,
    progress: ProgressFn | None = None,
    rng: np.random.Generator,
) -> History:
    """Train a bi-encoder on columns of texts that belong together row by row.

    AdamW with warm-up and linear decay. The history holds the mean "loss" since the last row, and
    at step 0, every ``every`` steps and at the end what ``measure(model)`` returns.

    Raises ``DataError`` for fewer than 2 rows, ``ConfigError`` for numbers out of range, as
    ``BiEncoder.rows`` for the texts, ``NonFiniteError`` with the step if training fails.

    >>> from npft.contrast.objectives import InBatch
    >>> from npft.encoder.config import EncoderConfig
    >>> from npft.text.bytes import ByteTokenizer
    >>> rng = np.random.default_rng(0)
    >>> encoder = Encoder(EncoderConfig.lesson(), tokenizer=ByteTokenizer(), rng=rng)
    >>> model = BiEncoder(encoder, InBatch(tau=0.1))
    >>> questions, answers = ["what is hot?", "what is cold?"], ["the sun", "the snow"]
    >>> history = train_bi_encoder(model, [questions, answers], steps=20, every=10, rng=rng)
    >>> bool(history["loss"][0] > history["loss"][1])
    True
    """
    check_count("train_bi_encoder: batch_size", batch_size, least=2)
    rows = model.rows(columns, labels)
    if len(rows) < 2:
        raise DataError(f"train_bi_encoder: {len(rows)} rows; a contrast needs at least two")

    asked = measure_of("train_bi_encoder", model, measure)
    rngs, history = streams(rng), History()
    walk = fit(
        model,
        (  # a last batch of one row is left out: there is nothing to contrast it with
            rows.take(chosen)
            for chosen in rows_of_epochs(rows.columns[0].lengths, batch_size, rngs.order)
            if len(chosen) > 1
        ),
        AdamW(decay_groups(model, lr=lr, weight_decay=WEIGHT_DECAY)),
        history,
        steps=steps,
        schedule=schedule_of("linear", steps, WARMUP),
        every=every,
        measure=asked,
        rng=rngs.dropout,
    )
    for _ in reported(walk, steps, history, progress):
        pass
    return history
