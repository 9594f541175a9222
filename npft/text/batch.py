"""Sequences of different lengths, end to end in one array: the ragged batch.

A textbook pads short sequences to a rectangle (B, T) and carries a mask, so that the model can
ignore the pads it has just been given. Here pads do not exist: the N real tokens of B sequences
stand one after another, and ``offsets`` says where each sequence begins.

    ids      5 8 9 | 5 9 | 5 7 7 9        N = 9 tokens
    offsets  0       3     5        9     B = 3 sequences

A whole data set is one such ``Batch``, and ``batch[rows]`` is a mini-batch of it.
``from_padded``, ``to_padded`` and ``pad`` are the doors to the textbook's form and back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from npft.errors import (
    DataError, DtypeError, IdError, ShapeError, as_array, check_count, check_items, check_rng,
    check_shape, check_whole,
)
from npft.text.examples import checked_labels, row_numbers, slice_of, span_array
from npft.text.typed_spans import CUT, checked_typed_spans

IGNORE = -100  # the label of a token that a loss leaves out; the number PyTorch uses, too
NO_SPAN = -1  # first and last token where there is no answer
CUT_SPAN = CUT  # -2: first and last token where there was an answer, which was cut off
TOKEN_PARTS = ("ids", "token_types", "words", "token_labels", "sight")  # (N,) or (N, 4)
SEQUENCE_PARTS = ("labels", "spans", "typed_spans", "tokens_cut")  # (B,) or (B, 2)


def _whole_numbers(name: str, values: Any, length: int | None, low: int) -> np.ndarray:
    """Copy values into a read-only int64 array, or say why they are not such an array."""
    array = as_array(f"Batch: {name}", values, "one list, the sequences end to end, and offsets "
                     "that divide it")
    if array.ndim != 1 or length not in (None, len(array)):
        raise ShapeError(f"Batch: {name} has shape {array.shape}, expected one axis"
                         + ("" if length is None else f" of length {length}"))
    array = check_whole(f"Batch: {name}", array)
    if (array < low).any():
        raise IdError(f"Batch: {name}[{int(np.argmax(array < low))}] is "
                      f"{array[array < low][0]}, expected {low} or more")
    return _frozen(array)


def _frozen(array: np.ndarray) -> np.ndarray:
    array = array.view()
    array.flags.writeable = False
    return array


def _checked_classes(labels: Any, n: int) -> np.ndarray:
    """Labels of tokens: classes from 0, or IGNORE."""
    array = _whole_numbers("token_labels", labels, n, low=IGNORE)
    wrong = (array < 0) & (array != IGNORE)
    if wrong.any():
        raise IdError(f"Batch: token_labels[{int(np.argmax(wrong))}] is {array[wrong][0]}, "
                      f"expected a class from 0, or {IGNORE} for a token without a label")
    return array


def _checked_sight(sight: Any, n: int) -> np.ndarray:
    """(N, 4) whole numbers of at least 0."""
    array = as_array("Batch: sight", sight, f"({n}, 4)")
    if array.shape != (n, 4):
        raise ShapeError(f"Batch: sight has shape {array.shape}, expected ({n}, 4)")
    return _frozen(_whole_numbers("sight", array.ravel(), 4 * n, low=0).reshape(n, 4))


def _checked_spans(spans: Any, lengths: np.ndarray) -> np.ndarray:
    spans = span_array("Batch", spans, len(lengths))
    first, last = spans.T
    inside = (0 <= first) & (first <= last) & (last < lengths)
    wrong = ~inside & ~((first == last) & np.isin(first, (NO_SPAN, CUT_SPAN)))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(f"Batch: spans[{row}] is {spans[row].tolist()} in a sequence of "
                        f"{lengths[row]} tokens, expected first <= last inside it, "
                        f"({NO_SPAN}, {NO_SPAN}) for no answer, or ({CUT_SPAN}, {CUT_SPAN}) for "
                        f"one that was cut off")
    return _frozen(spans)


class Batch:
    """B token sequences of any lengths, N tokens in all, held end to end without pads.

    ids: (N,) token numbers. offsets: (B + 1,) where each sequence begins, and N at the end.
    token_types: (N,) 0 for the first text of a pair and 1 for the second; zeros by default.
    labels: None, or (B,) class numbers (int64) or grades (float64), one for each sequence.
    words: None, or (N,) the number of the word, within its text, that a token belongs to; -1 for
        tokens of no word such as [CLS]. A text is one sequence, or several windows.
    token_labels: None, or (N,) class numbers, one for each token, ``IGNORE`` (-100) at a token
        that has none: a loss leaves it out (see ``token_targets``).
    spans: None, or (B, 2) the first and the last token of an answer, counted from 0 within the
        sequence, both belonging to it; (-1, -1) where there is no answer, (-2, -2) where it was
        cut off.
    typed_spans: None, or (B,) arrays (S, 3), the S spans of each sequence: first word, last word
        (by their numbers in ``words``) and class; (-2, -2, class) for a span that was cut off.
    tokens_cut: None, or (B,) how many tokens of each sequence a tokenizer cut off.
    sight: None, or (N, 4) where tokens do not all see one another: of each its place in the text,
        what it ``knows``, and from and until when it is seen: token i sees token j of its sequence
        if from_j <= knows_i < until_j (``pretraining/permuted.py``).

    Every array is a read-only copy. ``len(b)`` is B; ``b[rows]`` takes a slice, a mask or row
    numbers. Raises ``ShapeError``, ``DtypeError``, ``IdError`` (a negative number) or
    ``DataError`` (a sequence without tokens, a span outside its sequence) when the parts do not
    fit together.

    >>> b = Batch([5, 8, 9, 5, 9], offsets=[0, 3, 5])
    >>> len(b), b.lengths, b.positions, b.sequence
    (2, array([3, 2]), array([0, 1, 2, 0, 1]), array([0, 0, 0, 1, 1]))
    >>> b[[1, 0, 1]].ids
    array([5, 9, 5, 8, 9, 5, 9])
    """

    ids: np.ndarray
    offsets: np.ndarray
    token_types: np.ndarray
    labels: np.ndarray | None
    words: np.ndarray | None
    token_labels: np.ndarray | None
    spans: np.ndarray | None
    typed_spans: np.ndarray | None
    tokens_cut: np.ndarray
    sight: np.ndarray | None

    def __init__(
        self,
        ids: Any,
        offsets: Any,
        token_types: Any = None,
        labels: Any = None,
        words: Any = None,
        *,
        token_labels: Any = None,
        spans: Any = None,
        typed_spans: Any = None,
        tokens_cut: Any = None,
        sight: Any = None,
    ) -> None:
        self.ids = _whole_numbers("ids", ids, None, low=0)
        n = len(self.ids)
        self.offsets = _checked_offsets(offsets, n)
        if token_types is None:
            token_types = np.zeros(n, dtype=np.int64)
        self.token_types = _whole_numbers("token_types", token_types, n, low=0)
        self.labels = None if labels is None else checked_labels("Batch", labels, len(self))
        self.words = None if words is None else _whole_numbers("words", words, n, low=-1)
        self.token_labels = None if token_labels is None else _checked_classes(token_labels, n)
        self.spans = None if spans is None else _checked_spans(spans, self.lengths)
        self.typed_spans = None
        if typed_spans is not None:
            self.typed_spans = checked_typed_spans(typed_spans, self.words, self.offsets)
        if tokens_cut is None:
            tokens_cut = np.zeros(len(self), dtype=np.int64)
        self.tokens_cut = _whole_numbers("tokens_cut", tokens_cut, len(self), low=0)
        self.sight = None if sight is None else _checked_sight(sight, n)

    @classmethod
    def _of_parts(cls, offsets: np.ndarray, parts: dict[str, np.ndarray | None]) -> Batch:
        """A batch of arrays that come from a checked batch: no second check and no copy."""
        batch = cls.__new__(cls)
        batch.offsets = _frozen(offsets)
        for name in TOKEN_PARTS + SEQUENCE_PARTS:
            part = parts[name]
            setattr(batch, name, None if part is None else _frozen(part))
        return batch

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __repr__(self) -> str:
        longest = max(self.lengths, default=0)
        return f"Batch({len(self)} sequences, {len(self.ids)} tokens, longest {longest})"

    @cached_property
    def lengths(self) -> np.ndarray:
        """(B,) the number of tokens of each sequence."""
        return _frozen(np.diff(self.offsets))

    @cached_property
    def sequence(self) -> np.ndarray:
        """(N,) which sequence each token is in."""
        return _frozen(np.repeat(np.arange(len(self)), self.lengths))

    @cached_property
    def positions(self) -> np.ndarray:
        """(N,) the place of each token in its sequence, from 0."""
        return _frozen(np.arange(len(self.ids)) - np.repeat(self.offsets[:-1], self.lengths))

    @property
    def places(self) -> np.ndarray:
        """(N,) the place of each token in its text: its position, unless ``sight`` says another."""
        return self.positions if self.sight is None else self.sight[:, 0]

    @property
    def truncated(self) -> np.ndarray:
        """(B,) bool, the sequences that were cut to the maximum length."""
        return _frozen(self.tokens_cut > 0)

    @property
    def n_truncated(self) -> int:
        """How many sequences were cut to the maximum length; ``tokens_cut`` says by how much."""
        return int(self.truncated.sum())

    def replace(self, **parts: Any) -> Batch:
        """The same batch with other parts, checked as at the start; None takes a part away.

        >>> Batch([5, 8], [0, 2], labels=[1]).replace(token_labels=[0, 1]).labels
        array([1])
        """
        kept = {name: getattr(self, name) for name in ("offsets", *TOKEN_PARTS, *SEQUENCE_PARTS)}
        return Batch(**kept | parts)

    @property
    def target_rows(self) -> np.ndarray:
        """(M,) the tokens that have a label, as rows of ids; there may be none."""
        if self.token_labels is None:
            return np.zeros(0, dtype=np.int64)
        return np.flatnonzero(self.token_labels != IGNORE)

    @property
    def n_targets(self) -> int:
        """M, how many tokens have a label."""
        return len(self.target_rows)

    def token_targets(self) -> tuple[np.ndarray, np.ndarray]:
        """The tokens that have a label: their rows (M,) in ids, and their classes (M,).

        A loss over tokens takes ``logits[rows]`` and ``targets``, and so never sees an ``IGNORE``.

        Raises ``DataError`` if no token has a label, for a mean over nothing is no number.

        >>> Batch([2, 7, 8, 3], [0, 4], token_labels=[-100, 1, 1, -100]).token_targets()
        (array([1, 2]), array([1, 1]))
        """
        rows = self.target_rows
        if self.token_labels is None or len(rows) == 0:
            raise DataError("token_targets: no token of this batch has a label; give token_labels")
        return rows, self.token_labels[rows]

    def __getitem__(self, rows: Any) -> Batch:
        if isinstance(rows, slice) and (found := slice_of("Batch", rows, len(self))).step == 1:
            # Neighbouring rows need no copy: every array is a view, but for the offsets.
            start, stop = found.start, max(found.start, found.stop)
            neighbours = slice(self.offsets[start], self.offsets[stop])
            offsets = self.offsets[start : stop + 1] - self.offsets[start]
            return self._gathered(offsets, neighbours, slice(start, stop))
        rows = row_numbers("Batch", rows, len(self))
        lengths = self.lengths[rows]
        offsets = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum(lengths, out=offsets[1:])
        # Token j of the result comes from j, moved by as much as its sequence moves.
        moves = self.offsets[rows] - offsets[:-1]
        tokens = np.arange(offsets[-1]) + np.repeat(moves, lengths)
        return self._gathered(offsets, tokens, rows)

    def _gathered(
        self, offsets: np.ndarray, tokens: slice | np.ndarray, rows: slice | np.ndarray
    ) -> Batch:
        """The parts of these tokens and of these sequences."""
        chosen = dict.fromkeys(TOKEN_PARTS, tokens) | dict.fromkeys(SEQUENCE_PARTS, rows)
        parts = {name: getattr(self, name) for name in chosen}
        return Batch._of_parts(
            offsets, {k: None if v is None else v[chosen[k]] for k, v in parts.items()}
        )

    @classmethod
    def from_padded(
        cls,
        ids: Any,
        attention_mask: Any,
        *,
        token_types: Any = None,
        labels: Any = None,
        words: Any = None,
        token_labels: Any = None,
        spans: Any = None,
        typed_spans: Any = None,
    ) -> Batch:
        """Drop the pads of a rectangle: ids (B, T) and attention_mask (B, T), 1 at real tokens.

        Pads may stand left or right of a sequence, not inside it, for then positions would change.
        token_types, words and token_labels (B, T), labels (B,), spans (B, 2) and typed_spans are
        optional; spans are columns of the rectangle and become places in the sequence.

        >>> Batch.from_padded([[5, 8, 9], [5, 9, 0]], [[1, 1, 1], [1, 1, 0]]).ids
        array([5, 8, 9, 5, 9])
        """
        ids, mask = (
            as_array(f"from_padded: {name}", part, "a rectangle (B, T)")
            for name, part in (("ids", ids), ("attention_mask", attention_mask))
        )
        check_shape("from_padded: ids", ids, "B T")
        if mask.shape != ids.shape:
            raise ShapeError(f"from_padded: attention_mask has shape {mask.shape}, "
                             f"expected that of ids, {ids.shape}")
        if not np.isin(mask, (0, 1)).all():
            raise DataError("from_padded: attention_mask holds other values than 0 and 1")
        mask = mask.astype(bool)
        lengths = mask.sum(1)
        runs = mask[:, :1].sum(1) + (mask[:, 1:] & ~mask[:, :-1]).sum(1)  # (B,): runs of ones
        if (runs != 1).any():
            row = int(np.argmax(runs != 1))
            what = "no real token" if runs[row] == 0 else "pads between real tokens"
            raise DataError(f"from_padded: row {row} has {what}, expected one run of ones")
        parts = {"token_types": token_types, "words": words, "token_labels": token_labels}
        for name, part in parts.items():
            if part is not None:
                part = as_array(f"from_padded: {name}", part, "a rectangle (B, T)")
                if part.shape != ids.shape:
                    raise ShapeError(f"from_padded: {name} has shape {part.shape}, "
                                     f"expected that of ids, {ids.shape}")
                parts[name] = part[mask]  # (B, T) -> (N,)
        if spans is not None:
            spans = span_array("from_padded", spans, len(ids))
            left = mask.argmax(1) if mask.size else 0  # (B,): pads before the sequence
            moved = (spans.T - left).T
            if ((spans >= 0) & (moved < 0)).any():
                raise DataError("from_padded: a span begins in the pads left of its sequence")
            spans = np.where(spans < 0, spans, moved)
        offsets = np.append(0, np.cumsum(lengths))
        return cls(ids[mask], offsets, labels=labels, spans=spans, typed_spans=typed_spans,
                   **parts)

    @cached_property
    def _cells(self) -> np.ndarray:
        """(N,) the place of each token in a padded rectangle (B, T) read row by row."""
        return self.sequence * max(self.lengths, default=0) + self.positions

    def to_padded(self, pad_id: int) -> tuple[np.ndarray, np.ndarray]:
        """Return ids (B, T) with pad_id at the pads and attention_mask (B, T), T the longest.

        >>> Batch([5, 8, 9, 5, 9], [0, 3, 5]).to_padded(0)[0]
        array([[5, 8, 9],
               [5, 9, 0]])
        """
        return self.pad(self.ids, pad_id), self.pad(np.ones_like(self.ids))

    def pad(self, values: np.ndarray, fill: float = 0) -> np.ndarray:
        """Spread one value (N,) or one row (N, D) for each token over (B, T) or (B, T, D).

        ``fill`` stands at the pads: ``b.pad(b.token_labels, IGNORE)``, ``b.pad(b.words, -1)``.
        Raises ``ShapeError`` for other shapes, ``DtypeError`` for a fill that is none of the kind
        of the values, such as .5 or NaN among whole numbers.

        >>> Batch([5, 8, 9, 5, 9], [0, 3, 5]).pad(np.arange(5.0))
        array([[0., 1., 2.],
               [3., 4., 0.]])
        """
        values = as_array("pad: values", values, "a value or a row for each token")
        axes = f"{len(self.ids)}" if values.ndim == 1 else f"{len(self.ids)} D"
        check_shape("pad: values", values, axes)
        shape = len(self), max(self.lengths, default=0), *values.shape[1:]
        try:
            if values.dtype.kind in "iu" and not isinstance(fill, (int, np.integer)):
                raise TypeError  # NumPy would make a number of .5 or NaN
            out = np.full(shape, fill, dtype=values.dtype)
        except (OverflowError, TypeError, ValueError):
            raise DtypeError(f"pad: fill is {fill!r}, which is no {values.dtype} as the values "
                             "are; give another, or convert the values") from None
        out.reshape(-1, *values.shape[1:])[self._cells] = values  # (N, ...) -> (B, T, ...)
        return out

    @staticmethod
    def concat(batches: Sequence[Batch]) -> Batch:
        """One batch of all sequences, in order. What may be None: all batches have it, or none.

        >>> Batch.concat([Batch([1, 2], [0, 2]), Batch([3], [0, 1])]).offsets
        array([0, 2, 3])
        """
        batches = list(check_items("Batch.concat: batches", batches, "batches"))
        if not batches:
            raise DataError("Batch.concat: got no batch, expected at least one")
        for i, batch in enumerate(batches):
            if not isinstance(batch, Batch):
                raise DtypeError(f"Batch.concat: batches[{i}] is {type(batch).__name__}, expected "
                                 "a Batch")
        together: dict[str, np.ndarray | None] = {}
        for name in TOKEN_PARTS + SEQUENCE_PARTS:
            parts = [getattr(b, name) for b in batches]
            kinds = {"none" if part is None else part.dtype.name for part in parts}
            if len(kinds) > 1:
                raise DataError(f"Batch.concat: {name} are {' and '.join(sorted(kinds))}, "
                                f"expected the same kind in all batches")
            together[name] = None if parts[0] is None else np.concatenate(parts)
        starts = np.cumsum([0] + [len(b.ids) for b in batches])
        ends = [b.offsets[1:] + start for b, start in zip(batches, starts)]
        return Batch._of_parts(np.append(0, np.concatenate(ends)), together)


def _checked_offsets(offsets: Any, n: int) -> np.ndarray:
    offsets = _whole_numbers("offsets", offsets, None, low=0)
    if len(offsets) == 0 or offsets[0] != 0 or offsets[-1] != n:
        raise ShapeError(f"Batch: offsets are {offsets}, expected to begin with 0 and to end with "
                         f"the number of ids, {n}")
    lengths = np.diff(offsets)
    if (lengths <= 0).any():
        raise DataError(f"Batch: sequence {int(np.argmax(lengths <= 0))} has no token, "
                        f"expected offsets that rise at every step")
    return offsets


def batches_of(
    batch: Batch, batch_size: int, *, rng: np.random.Generator | None = None
) -> Iterator[Batch]:
    """Cut one epoch of mini-batches out of a data set; the last one may be shorter.

    With rng the sequences are shuffled, without they come in order. Inside a mini-batch they are
    sorted by length, which attention likes, and equal lengths keep their order: read labels from
    the mini-batch, not from the data set.

    Raises ``ConfigError`` unless batch_size is a whole number of at least 1 and rng a generator.

    >>> data = Batch([1, 1, 1, 2, 3, 3], offsets=[0, 3, 4, 6])
    >>> [b.ids.tolist() for b in batches_of(data, 2)]
    [[2, 1, 1, 1], [3, 3]]
    """
    batch_size = check_count("batches_of: batch_size", batch_size)
    if rng is not None:
        check_rng("batches_of: rng", rng)
    order = np.arange(len(batch)) if rng is None else rng.permutation(len(batch))
    chunks = (order[start : start + batch_size] for start in range(0, len(order), batch_size))
    return (batch[rows[np.argsort(batch.lengths[rows], kind="stable")]] for rows in chunks)


def rows_of_epochs(
    lengths: np.ndarray, batch_size: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """The rows of mini-batches, without end: epoch after epoch in a new order.

    lengths (B,): inside a mini-batch the rows are sorted by these. The last one of an epoch may be
    shorter.

    >>> lengths, rng = np.array([3, 1, 2]), np.random.default_rng(0)
    >>> [rows.tolist() for rows, _ in zip(rows_of_epochs(lengths, 2, rng), range(4))]
    [[2, 0], [1], [1, 2], [0]]
    """
    while True:
        order = rng.permutation(len(lengths))
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            yield rows[np.argsort(lengths[rows], kind="stable")]


def batches_by_length(
    batch: Batch, batch_size: int, *, pool: int = 20, rng: np.random.Generator
) -> Iterator[Batch]:
    """One epoch like ``batches_of``, but each mini-batch holds sequences of like length.

    Shuffle; cut into pools of ``pool`` mini-batches; sort each pool by length and cut it into
    mini-batches; shuffle these. Chance still mixes them, since a sequence meets others of its
    length, and a larger pool makes them more alike. One mini-batch of the epoch may be shorter.

    A loop over padded rectangles would compute fewer pads, and ragged attention fewer blocks. With
    5,160 text messages of 3 to 64 tokens (UCI SMS Spam), batch_size 32 and pool 20, pads fall from
    56 % to 5 % of the cells, and attention blocks from 7.3 to 1.4 for each mini-batch.

    Raises ``ConfigError`` unless batch_size and pool are whole numbers of at least 1 and rng a
    generator.

    >>> data = Batch(np.zeros(12, int), offsets=[0, 1, 5, 6, 10, 11, 12])  # lengths 1 4 1 4 1 1
    >>> rng = np.random.default_rng(0)
    >>> sorted(b.lengths.tolist() for b in batches_by_length(data, 2, pool=3, rng=rng))
    [[1, 1], [1, 1], [4, 4]]
    """
    batch_size = check_count("batches_by_length: batch_size", batch_size)
    size = batch_size * check_count("batches_by_length: pool", pool)
    check_rng("batches_by_length: rng", rng)
    order = rng.permutation(len(batch))
    chunks: list[np.ndarray] = []
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        rows = rows[np.argsort(batch.lengths[rows], kind="stable")]
        chunks += [rows[i : i + batch_size] for i in range(0, len(rows), batch_size)]
    return (batch[chunks[k]] for k in rng.permutation(len(chunks)))
