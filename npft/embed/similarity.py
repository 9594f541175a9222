"""Sentence vectors, and how well their cosine agrees with graded similarity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from npft.embed.geometry import paired_unit_rows, unit_rows
from npft.encoder.checkpoint import load_as
from npft.encoder.encoder import Encoder
from npft.encoder.pooling import check_pool, pool
from npft.errors import ConfigError, DataError, DtypeError, NonFiniteError, ShapeError
from npft.finetune.baselines import word_table
from npft.nn.module import evaluating
from npft.nn.packs import each_pack
from npft.text.basic import basic_words
from npft.text.examples import Examples

ENCODE_BATCH = 64


class SentenceEncoder:
    """An encoder and a pool: from texts to one vector each.

    ``normalize`` scales the vectors to length 1, so that their dot product is their cosine. The
    settings travel with the model, so that texts are always encoded alike.

    Raises ``ConfigError`` for an encoder without a tokenizer, an unknown pool, or a ``normalize``
    that is not True or False.
    """

    kind = "sentence_encoder"
    load = classmethod(load_as)

    def __init__(self, encoder: Encoder, pool: str = "mean", normalize: bool = True) -> None:
        if encoder.tokenizer is None:
            raise ConfigError("SentenceEncoder: the encoder has no tokenizer; pass one to Encoder")
        if not isinstance(normalize, bool):
            raise ConfigError(f"SentenceEncoder: normalize is {normalize!r}, expected a bool")
        self.encoder = encoder
        self.pool = check_pool(pool)
        self.normalize = normalize

    @property
    def body(self) -> Encoder:
        """The encoder."""
        return self.encoder

    def options(self) -> dict[str, Any]:
        """What a file must hold beside configuration, tokenizer and weights."""
        return {"pool": self.pool, "normalize": self.normalize}

    @classmethod
    def from_options(
        cls, encoder: Encoder, options: dict[str, Any], *, rng: np.random.Generator
    ) -> SentenceEncoder:
        """The inverse of ``options``."""
        return cls(encoder, options["pool"], options["normalize"])

    def state_dict(self) -> dict[str, np.ndarray]:
        """The weights of the encoder."""
        return self.encoder.state_dict()

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Copy weights into the encoder."""
        self.encoder.load_state_dict(state)

    def eval(self) -> SentenceEncoder:
        """Evaluation mode; encoding always uses it."""
        self.encoder.eval()
        return self

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """The vectors of the texts, in their order: (B, D) float32, without dropout.

        Texts longer than the encoder's positions are cut. An empty list gives (0, D).
        Raises ``DtypeError`` for what is no list of strings, ``NonFiniteError`` for a vector of
        length 0 that should be normalised.
        """
        encoder = self.encoder
        batch = encoder.tokenizer(texts, max_length=encoder.config.max_positions)
        order = np.argsort(batch.lengths, kind="stable")  # like lengths together cost least
        out = np.empty((len(batch), encoder.config.hidden_size), np.float32)  # (B, D)
        packs = [order[i : i + ENCODE_BATCH] for i in range(0, len(batch), ENCODE_BATCH)]

        def vectors(rows: np.ndarray) -> np.ndarray:
            return pool(encoder(batch[rows]), batch[rows], self.pool).data

        with evaluating(encoder):
            for rows, found in zip(packs, each_pack(vectors, packs)):
                out[rows] = found
        if len(out) and self.normalize:
            out = unit_rows("encode: vectors", out).astype(np.float32)
        return out


def paired_cosines(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The cosine of each row of x (n, D) with the same row of y: (n,).

    Raises ``ShapeError`` for tables of different shapes, ``NonFiniteError`` for a row of length 0
    or one that is not finite.

    >>> paired_cosines(np.array([[3.0, 4.0]]), np.array([[2.0, 0.0]])).round(9).tolist()
    [0.6]
    """
    u, v = paired_unit_rows("paired_cosines", x, y)
    return (u * v).sum(axis=1)


def spearman(x: np.ndarray, y: np.ndarray) -> float:
    """The rank correlation of two lists of numbers; ties get their mean rank.

    x and y (n,). Raises ``ShapeError`` for lists of different lengths, ``NonFiniteError`` if a
    number is not finite or one of the lists is constant: it then orders nothing.

    >>> spearman(np.array([1.0, 2.0, 3.0]), np.array([10.0, 30.0, 20.0]))
    0.5
    """
    from scipy.stats import rankdata

    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        raise ShapeError(f"spearman: x has shape {x.shape}, y {y.shape}; expected two lists (n,)")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise NonFiniteError("spearman: a number is not finite, so it has no rank; leave it out")
    rx, ry = rankdata(x) - (len(x) + 1) / 2, rankdata(y) - (len(y) + 1) / 2
    scale = np.sqrt((rx * rx).sum() * (ry * ry).sum())
    if not scale > 0:
        raise NonFiniteError("spearman: one of the lists is constant, so it orders nothing")
    return float((rx * ry).sum() / scale)


def similarity_score(encode: Any, pairs: Examples) -> float:
    """Spearman correlation of the cosine of paired texts with their graded similarity.

    ``encode`` maps a list of texts to vectors (n, D). Raises ``DataError`` without pairs or grades.
    """
    if pairs.pairs is None or pairs.labels is None:
        raise DataError("similarity_score: the examples need pairs and grades")
    return spearman(paired_cosines(encode(pairs.texts), encode(pairs.pairs)), pairs.labels)


def bag_of_words_encoder(corpus: Sequence[str]) -> Any:
    """The baseline: texts as tf-idf vectors over the words of a corpus; returns an encode function.

    A column of a small constant stands beside the words, so that a text of unknown words alone
    still has a direction. Raises ``DtypeError`` for one string in place of a list, ``DataError``
    for a corpus without words.

    >>> encode = bag_of_words_encoder(["win cash", "win tea"])
    >>> encode(["cash cash now"]).round(3).tolist()  # columns cash, tea, win, and the constant
    [[1.386, 0.0, 0.0, 0.001]]
    """
    if isinstance(corpus, str):
        raise DtypeError("bag_of_words_encoder: corpus is one string, expected a list of strings")
    words = sorted({word for text in corpus for word in basic_words(text)})
    if not words:
        raise DataError(f"bag_of_words_encoder: a corpus of {len(corpus)} texts without words")
    columns = {word: i for i, word in enumerate(words)}
    documents = np.zeros(len(words))
    for text in corpus:
        for word in set(basic_words(text)):
            documents[columns[word]] += 1
    idf = np.log(len(corpus) / documents)

    def encode(texts: Sequence[str]) -> np.ndarray:
        table = word_table(list(texts), columns) * idf
        return np.hstack([table, np.full((len(table), 1), 1e-3)])

    return encode
