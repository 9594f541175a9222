"""Sentence vectors: a body, a pool, and nothing that was trained on top.

    u = pool(hidden)         (B, D), of length 1 where cosines are wanted
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from npft.atomic import PathLike
from npft.autograd.tensor import Tensor
from npft.embed.rows import unit_rows
from npft.embed.steps import STEP_FILES, Steps, read_steps, write_steps
from npft.encoder.encoder import Encoder, check_encoder
from npft.encoder.hub import read_encoder
from npft.encoder.hub_write import write_encoder
from npft.encoder.head import Asked, Head, Rng
from npft.encoder.model import Model
from npft.encoder.pooling import check_pool, pool
from npft.errors import ConfigError, check_strings
from npft.nn.progress import ProgressFn
from npft.text.batch import Batch


class Vectors(Head):
    """A pool and no weights; ``normalize`` scales vectors to length 1.

    Raises ``ConfigError`` for an unknown pool, or a ``normalize`` that is not True or False.
    """

    kind = "vectors"

    def __init__(
        self,
        encoder: Encoder,
        pool: str = "mean",
        normalize: bool = True,
        *,
        rng: Rng = None,
    ) -> None:
        if not isinstance(normalize, bool):
            raise ConfigError(f"Vectors: normalize is {normalize!r}, expected True or False")
        self.pool = check_pool(pool)
        self.normalize = normalize

    def options(self) -> dict[str, Any]:
        return {"pool": self.pool, "normalize": self.normalize}

    def forward(self, hidden: Tensor, batch: Batch, rng: Rng = None) -> Tensor:
        return pool(hidden, batch, self.pool)  # (N, D) -> (B, D)

    def decide(self, scores: np.ndarray, batch: Batch) -> np.ndarray:
        """The vectors themselves (B, D)."""
        return scores

    def decode(self, decisions: np.ndarray, asked: Asked) -> np.ndarray:
        if len(decisions) == 0 or not self.normalize:
            return decisions
        return unit_rows("encode: vectors", decisions).astype(np.float32)


class SentenceEncoder(Model):
    """An encoder and a pool: from texts to one vector each.

    ``normalize`` scales the vectors to length 1, so that their dot product is their cosine. The
    settings travel with the model, so that texts are always encoded alike.

    Raises ``ConfigError`` for what is no encoder with a tokenizer, an unknown pool, or a
    ``normalize`` that is not True or False.

    >>> from npft import load
    >>> vectors = SentenceEncoder(load("tinyworld").body).encode(["win cash", "see you at noon"])
    >>> vectors.shape, np.linalg.norm(vectors, axis=1).round(5).tolist()
    ((2, 64), [1.0, 1.0])
    """

    kind = "sentence_encoder"
    needs = {"vectors": "vectors"}

    def __init__(self, encoder: Encoder, pool: str = "mean", normalize: bool = True) -> None:
        check_encoder("SentenceEncoder", encoder)
        super().__init__(encoder, {"vectors": Vectors(encoder, pool, normalize)})

    @classmethod
    def from_pretrained(cls, folder: PathLike) -> SentenceEncoder:
        """Read a folder of sentence-transformers, or one of Hugging Face, which is pooled by mean.

        The folder's own files say how its vectors are pooled, whether they are normalised, and how
        many tokens of a text are read; the positions behind those are left out.
        Raises ``CheckpointError`` that names the file and what is wrong with it.
        """
        steps = read_steps(folder)
        model = cls(read_encoder(folder, steps.longest), steps.pool, steps.normalize)
        model.eval()
        return model

    def save_pretrained(self, folder: PathLike) -> Path:
        """Write a folder that sentence-transformers reads; returns it.

        ``from_pretrained`` gives the same bits back (of a float64 model rounded to float32). Raises
        ``ConfigError`` for an encoder that is not shaped as BERT, RoBERTa or DistilBERT
        (``encoder/hub_write.py``), ``CheckpointError`` for a place that cannot be written, or that
        holds files of another model.
        """
        head: Any = self.heads["vectors"]
        written = write_encoder(folder, self.encoder, STEP_FILES)
        c = self.encoder.config
        write_steps(written, Steps(head.pool, head.normalize, c.max_positions), c.hidden_size)
        return written

    def encode(
        self, texts: Sequence[str], *, progress: ProgressFn | None = None
    ) -> np.ndarray:
        """The vectors of the texts, in their order: (B, D) float32, without dropout.

        Texts longer than the encoder's positions are cut. An empty list gives (0, D). progress:
        such as ``Progress("encode")``, told how many tokens of all have been read.
        Raises ``DtypeError`` for what is no list of strings, ``NonFiniteError`` for a vector of
        length 0 that should be normalised.
        """
        vectors = self.predict(check_strings("encode: texts", texts), progress=progress)
        return vectors if len(vectors) else np.zeros((0, self.encoder.config.hidden_size), "f4")
