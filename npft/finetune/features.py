"""Feature extraction: a frozen body reads each text once, and the head learns from what it said.

    without   each epoch:  texts -> body -> hidden states -> head
    with      once:        texts -> body -> hidden states         each epoch:  -> head

What is remembered are the hidden states of every token, (N, D) float32 numbers, so memory grows
with the text: ``cached_bytes`` says how much before anything is read. They are found again by the
tokens of a sequence, and used only as long as nothing in the body trains, has changed, or draws
dropout; else, and for texts that were not read, the body reads as always.

The same text in another batch has the same hidden states up to rounding, not to the bit: how the
matrix library adds up a product depends on how many rows it has. So a head trained on remembered
states ends some 1e-6 from one trained without, and every run with them ends at the same bits.
(A weight that changes nothing, such as a bias that is the same for all scores of a softmax, may
end further off: its gradient is nothing but rounding, which AdamW scales up.)
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Mapping

import numpy as np

from npft.autograd.tensor import Tensor
from npft.encoder.model import Model
from npft.errors import ConfigError, DataError, check_positive
from npft.finetune.regimes import check_model
from npft.finetune.train import Data
from npft.text.batch import Batch

LIMIT = 1e9  # bytes


class Features:
    """The remembered hidden states of a frozen body: of the last ``layers`` blocks.

    Called with a batch all of whose sequences it knows, it returns their states, else None.
    """

    def __init__(self, model: Model) -> None:
        check_model("cached", model)
        self.model, self.body = model, model.encoder
        self.layers = max(head.layers for head in model.heads.values())
        self.weights = model.encoder.parameters()
        if self._trains():
            raise ConfigError(
                "cached: the body trains, so what it says of a text will change; call "
                "freeze_body(model) first"
            )
        self.version, self.digest = self._version(), self._digest()
        self.known: dict[bytes, np.ndarray] = {}  # by the tokens of a sequence: (layers, T, D)

    def _trains(self) -> bool:
        return any(p.requires_grad for p in self.weights)

    def _version(self) -> int:
        return sum(p.version for p in self.weights)

    def _digest(self) -> bytes:
        found = hashlib.blake2b()
        for array in self.body.state_dict().values():  # also what of a quantized body is fixed
            found.update(array.tobytes())
        return found.digest()

    def stale(self) -> bool:
        """Whether the body trains, is another one, or has other weights than when it read."""
        if self._trains() or self.model.encoder is not self.body:
            return True
        if list(map(id, self.body.parameters())) != list(map(id, self.weights)):
            return True  # something was added to the body since, or switched off
        if self._version() != self.version:  # written to: perhaps by the same numbers
            if self._digest() != self.digest:
                return True
            self.version = self._version()
        return False

    @property
    def nbytes(self) -> int:
        """The memory of the hidden states, in bytes."""
        return sum(states.nbytes for states in self.known.values())

    def read(self, batch: Batch) -> None:
        """Let the body read the sequences of a batch that it has not read."""
        keys = keys_of(batch)
        new = {key: i for i, key in enumerate(keys) if key not in self.known}
        if new:
            self.model.read(batch[list(new.values())], self._read)

    def _read(self, part: Batch) -> None:
        states = self.model.encoder.states(part, None, self.layers)
        together = np.stack([state.data for state in states])  # (layers, N, D)
        for key, own in zip(keys_of(part), np.split(together, part.offsets[1:-1], axis=1)):
            self.known[key] = own.copy()

    def __call__(self, batch: Batch, last: int) -> list[Tensor] | None:
        """The states of the ``last`` blocks, (N, D) each; None where the body must read."""
        if self.stale() or last > self.layers or self.model.encoder.training:
            return None
        found = [self.known.get(key) for key in keys_of(batch)]
        if not found or any(states is None for states in found):
            return None
        together = np.concatenate([s for s in found if s is not None], axis=1)
        return [Tensor(state) for state in together[-last:]]


def keys_of(batch: Batch) -> list[bytes]:
    """What tells sequences apart for a body: the bytes of their ids, token types, and sight.

    >>> one, two, three = keys_of(Batch([5, 6, 5, 6, 5], [0, 2, 4, 5]))
    >>> one == two, two == three
    (True, False)
    """
    tokens = np.stack([batch.ids, batch.token_types], axis=1)  # (N, 2)
    if batch.sight is not None:
        tokens = np.concatenate([tokens, batch.sight], axis=1)  # (N, 6)
    places, raw = (batch.offsets * tokens.strides[0]).tolist(), tokens.tobytes()
    return [raw[start:end] for start, end in zip(places[:-1], places[1:])]


def cached_bytes(model: Model, *data: Data) -> int:
    """How much memory the hidden states of labelled data take: 4 bytes a number.

    Raises ``ConfigError`` for what is no model with heads, ``DataError`` for what are no batches.
    """
    check_model("cached_bytes", model)
    tokens = sum(len(batch.ids) for batch in _batches(data))
    layers = max(head.layers for head in model.heads.values())
    return 4 * layers * tokens * model.encoder.config.hidden_size


@contextlib.contextmanager
def cached(model: Model, *data: Data, limit: float = LIMIT) -> Iterator[Features]:
    """Let the frozen body of a model read the data once; within this block it then need not again.

    limit: how many bytes may be remembered. Raises ``ConfigError`` if the body trains, or for data
    that take more, ``DataError`` for data that are no batches.

    >>> from npft.encoder.config import EncoderConfig
    >>> from npft.encoder.encoder import Encoder
    >>> from npft.finetune.regimes import freeze_body
    >>> from npft.finetune.train import fine_tune
    >>> from npft.heads.classes import Classifier
    >>> rng = np.random.default_rng(0)
    >>> model = Classifier(Encoder(EncoderConfig.lesson(), rng=rng), 2, rng=rng)
    >>> batch = Batch([104, 105, 106], [0, 2, 3], labels=[0, 1])
    >>> freeze_body(model)
    >>> with cached(model, batch) as features:
    ...     history = fine_tune(model, batch, epochs=50, rng=rng)
    >>> features.nbytes  # 3 tokens of 64 float32 numbers
    768
    """
    features, needed = Features(model), cached_bytes(model, *data)
    if needed > check_positive("cached: limit", limit):
        raise ConfigError(
            f"cached: the hidden states of these texts take {needed:,} bytes, the limit "
            f"is {limit:,.0f}; train without, on fewer texts, or give a larger limit"
        )
    for batch in _batches(data):
        features.read(batch)
    before, model.features = model.features, features
    try:
        yield features
    finally:
        model.features = before


def _batches(data: tuple[Data, ...]) -> Iterator[Batch]:
    for given in data:
        for batch in given.values() if isinstance(given, Mapping) else [given]:
            if not isinstance(batch, Batch):
                raise DataError(
                    f"cached: the data are a {type(batch).__name__}, expected a Batch; make one of "
                    "examples with model.batch_of(examples)"
                )
            yield batch
