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

from npft.errors import ConfigError, DataError, DtypeError, IdError, ShapeError, check_shape
from npft.text.examples import checked_labels, row_numbers


def _whole_numbers(name: str, values: Any, length: int | None, low: int) -> np.ndarray:
    """Copy values into a read-only int64 array, or say why they are not such an array."""
    try:
        array = np.array(values)
    except ValueError:
        raise ShapeError(f"Batch: {name} are lists of different lengths, expected one list, the "
                         f"sequences end to end, and offsets that divide it") from None
    if array.size == 0:
        array = array.astype(np.int64)
    if array.ndim != 1 or length not in (None, len(array)):
        raise ShapeError(f"Batch: {name} has shape {array.shape}, expected one axis"
                         + ("" if length is None else f" of length {length}"))
    if array.dtype.kind not in "iu":
        raise DtypeError(f"Batch: {name} is {array.dtype}, expected whole numbers (int64)")
    array = array.astype(np.int64)
    if (array < low).any():
        raise IdError(f"Batch: {name}[{int(np.argmax(array < low))}] is {array.min()}, "
                      f"expected {low} or more")
    return _frozen(array)


def _frozen(array: np.ndarray) -> np.ndarray:
    array = array.view()
    array.flags.writeable = False
    return array


class Batch:
    """B token sequences of any lengths, N tokens in all, held end to end without pads.

    ids: (N,) token numbers. offsets: (B + 1,) where each sequence begins, and N at the end.
    token_types: (N,) 0 for the first text of a pair and 1 for the second; zeros by default.
    labels: None, or (B,) class numbers (int64) or grades (float64).
    words: None, or (N,) the number of the word, within its sequence, that a token belongs to;
        -1 for tokens of no word such as [CLS].
    truncated: None, or (B,) bool, the sequences a tokenizer had to cut.

    Every array is a read-only copy. ``len(b)`` is B; ``b[rows]`` takes a slice, a mask or row
    numbers. Raises ``ShapeError``, ``DtypeError``, ``IdError`` (a negative number) or
    ``DataError`` (a sequence without tokens) when the parts do not fit together.

    >>> b = Batch([5, 8, 9, 5, 9], offsets=[0, 3, 5])
    >>> len(b), b.lengths, b.positions, b.sequence
    (2, array([3, 2]), array([0, 1, 2, 0, 1]), array([0, 0, 0, 1, 1]))
    >>> b[[1, 0, 1]].ids
    array([5, 9, 5, 8, 9, 5, 9])
    """

    def __init__(
        self,
        ids: Any,
        offsets: Any,
        token_types: Any = None,
        labels: Any = None,
        words: Any = None,
        *,
        truncated: Any = None,
    ) -> None:
        self.ids = _whole_numbers("ids", ids, None, low=0)
        n = len(self.ids)
        self.offsets = _checked_offsets(offsets, n)
        if token_types is None:
            token_types = np.zeros(n, dtype=np.int64)
        self.token_types = _whole_numbers("token_types", token_types, n, low=0)
        self.labels = None if labels is None else checked_labels("Batch", labels, len(self))
        self.words = None if words is None else _whole_numbers("words", words, n, low=-1)
        mask = np.array(np.zeros(len(self), dtype=bool) if truncated is None else truncated)
        if mask.shape != (len(self),) or mask.dtype != bool:
            raise ShapeError(f"Batch: truncated is {mask.dtype} of shape {mask.shape}, "
                             f"expected bool of shape ({len(self)},)")
        self.truncated = _frozen(mask)

    @classmethod
    def _of_parts(
        cls,
        ids: np.ndarray,
        offsets: np.ndarray,
        token_types: np.ndarray,
        labels: np.ndarray | None,
        words: np.ndarray | None,
        truncated: np.ndarray,
    ) -> Batch:
        """A batch of arrays that come from a checked batch: no second check and no copy."""
        batch = cls.__new__(cls)
        batch.ids, batch.offsets, batch.token_types = map(_frozen, (ids, offsets, token_types))
        batch.labels = None if labels is None else _frozen(labels)
        batch.words = None if words is None else _frozen(words)
        batch.truncated = _frozen(truncated)
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
    def n_truncated(self) -> int:
        """How many sequences were cut to the maximum length."""
        return int(self.truncated.sum())

    def __getitem__(self, rows: Any) -> Batch:
        if isinstance(rows, slice) and rows.indices(len(self))[2] == 1:
            return self._run_of_rows(*rows.indices(len(self))[:2])
        rows = row_numbers("Batch", rows, len(self))
        lengths = self.lengths[rows]
        offsets = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum(lengths, out=offsets[1:])
        # Token j of the result comes from j, moved by as much as its sequence moves.
        moves = self.offsets[rows] - offsets[:-1]
        tokens = np.arange(offsets[-1]) + np.repeat(moves, lengths)
        return Batch._of_parts(
            self.ids[tokens],
            offsets,
            self.token_types[tokens],
            None if self.labels is None else self.labels[rows],
            None if self.words is None else self.words[tokens],
            self.truncated[rows],
        )

    def _run_of_rows(self, start: int, stop: int) -> Batch:
        """Neighbouring rows need no copy: every array is a view, but for the offsets."""
        stop = max(start, stop)
        tokens = slice(self.offsets[start], self.offsets[stop])
        return Batch._of_parts(
            self.ids[tokens],
            self.offsets[start : stop + 1] - self.offsets[start],
            self.token_types[tokens],
            None if self.labels is None else self.labels[start:stop],
            None if self.words is None else self.words[tokens],
            self.truncated[start:stop],
        )

    @classmethod
    def from_padded(
        cls, ids: Any, attention_mask: Any, *, token_types: Any = None, labels: Any = None
    ) -> Batch:
        """Drop the pads of a rectangle: ids (B, T) and attention_mask (B, T), 1 at real tokens.

        Pads may stand left or right of a sequence, not inside it, for then positions would change.
        token_types (B, T) and labels (B,) are optional.

        >>> Batch.from_padded([[5, 8, 9], [5, 9, 0]], [[1, 1, 1], [1, 1, 0]]).ids
        array([5, 8, 9, 5, 9])
        """
        ids, mask = np.asarray(ids), np.asarray(attention_mask)
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
        if token_types is not None:
            token_types = np.asarray(token_types)
            if token_types.shape != ids.shape:
                raise ShapeError(f"from_padded: token_types has shape {token_types.shape}, "
                                 f"expected that of ids, {ids.shape}")
            token_types = token_types[mask]  # (B, T) -> (N,)
        return cls(ids[mask], np.append(0, np.cumsum(lengths)), token_types, labels)

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
        shape = len(self), max(self.lengths, default=0)
        ids = np.full(shape, pad_id, dtype=np.int64)
        attention_mask = np.zeros(shape, dtype=np.int64)
        ids.reshape(-1)[self._cells] = self.ids
        attention_mask.reshape(-1)[self._cells] = 1
        return ids, attention_mask

    def pad(self, hidden: np.ndarray) -> np.ndarray:
        """Spread one row for each token, hidden (N, D), over a rectangle (B, T, D), 0 at pads.

        >>> Batch([5, 8, 9, 5, 9], [0, 3, 5]).pad(np.arange(5.0)[:, None])[..., 0]
        array([[0., 1., 2.],
               [3., 4., 0.]])
        """
        hidden = np.asarray(hidden)
        width = check_shape("pad: hidden", hidden, f"{len(self.ids)} D")["D"]
        shape = len(self), max(self.lengths, default=0), width
        out = np.zeros(shape, dtype=hidden.dtype)
        out.reshape(-1, width)[self._cells] = hidden  # (N, D) -> (B, T, D)
        return out

    @staticmethod
    def concat(batches: Sequence[Batch]) -> Batch:
        """One batch of all sequences, in order. Labels and words: all batches have them, or none.

        >>> Batch.concat([Batch([1, 2], [0, 2]), Batch([3], [0, 1])]).offsets
        array([0, 2, 3])
        """
        batches = list(batches)
        if not batches:
            raise DataError("Batch.concat: got no batch, expected at least one")
        for name in ("labels", "words"):
            kinds = {getattr(b, name).dtype.name if getattr(b, name) is not None else "none"
                     for b in batches}
            if len(kinds) > 1:
                raise DataError(f"Batch.concat: {name} are {' and '.join(sorted(kinds))}, "
                                f"expected the same kind in all batches")
        starts = np.cumsum([0] + [len(b.ids) for b in batches])
        has_labels, has_words = batches[0].labels is not None, batches[0].words is not None
        return Batch._of_parts(
            np.concatenate([b.ids for b in batches]),
            np.append(0, np.concatenate([b.offsets[1:] + s for b, s in zip(batches, starts)])),
            np.concatenate([b.token_types for b in batches]),
            np.concatenate([b.labels for b in batches]) if has_labels else None,
            np.concatenate([b.words for b in batches]) if has_words else None,
            np.concatenate([b.truncated for b in batches]),
        )


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

    Raises ``ConfigError`` unless batch_size is a whole number of at least 1.

    >>> data = Batch([1, 1, 1, 2, 3, 3], offsets=[0, 3, 4, 6])
    >>> [b.ids.tolist() for b in batches_of(data, 2)]
    [[2, 1, 1, 1], [3, 3]]
    """
    if not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
        raise ConfigError(f"batches_of: batch_size is {batch_size!r}, expected 1, 2, ...")
    order = np.arange(len(batch)) if rng is None else rng.permutation(len(batch))
    chunks = (order[start : start + batch_size] for start in range(0, len(order), batch_size))
    return (batch[rows[np.argsort(batch.lengths[rows], kind="stable")]] for rows in chunks)
