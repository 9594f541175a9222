"""An index of texts: a vector for each, once; a search is then one matrix product.

    u_i = encoder(text_i)      (n, D), of length 1
    s   = u · encoder(query)   (n,), the cosines, for |u| = |q| = 1

As |u - q|² = 2 - 2 u · q, the nearest vectors are those of the largest product: one ranking. Each
text and each query costs one pass of the encoder, and no text is read again for a new query. That
is what a bi-encoder is for; ``rerank.py`` does what it cannot.

Vectors of another encoder, pool or tokenizer are as many numbers of the same kind, and a search
among them would give nonsense without a word. So an index knows the encoder that made it by a
``fingerprint``, and refuses any other.

    DIR/vectors.npy    (n, D) float32: row i is text i
    DIR/index.json     {"format", "version", "encoder", "texts", "vectors", "rows", "width"}

"encoder", "texts" and "vectors" are SHA-256 sums. index.json is written last and read first: where
it is missing there is no index, and what was damaged does not fit its sum.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from npft.atomic import check_path, made_folder, shown, unwritable, write_bytes, write_rows
from npft.embed.sentences import SentenceEncoder
from npft.encoder.additions import additions_of
from npft.encoder.checkpoint import parse_header
from npft.errors import CheckpointError, ConfigError, DataError, check_strings
from npft.nn.progress import ProgressFn, within
from npft.search.top import BLOCK, Found, best_of_blocks, check_search
from npft.strict_json import parse

FORMAT, VERSION = "npft index", 1
INDEX, VECTORS = "index.json", "vectors.npy"
SUMS = ("encoder", "texts", "vectors")
SLICE = 1024  # texts encoded at once
DIGITS = 6  # of a cosine in float32; the rest is rounding, and would part texts that are the same
OFF = 1e-3  # a squared length that differs from 1 by more is none of a unit vector in float32


def fingerprint(encoder: SentenceEncoder) -> str:
    """The SHA-256 of all that decides what vector a text gets: 64 hexadecimal digits.

    Configuration, tokenizer, pool, normalisation, and every weight. Two encoders with equal
    fingerprints give equal vectors, and to change one weight changes it. Raises ``ConfigError``
    for what is no ``SentenceEncoder``.
    """
    if not isinstance(encoder, SentenceEncoder):
        raise ConfigError(f"Index: the encoder is {type(encoder).__name__}, expected a "
                          "SentenceEncoder: SentenceEncoder(model.body)")
    body = encoder.encoder
    settings: dict[str, Any] = {
        "config": body.config.as_dict(),
        "tokenizer": encoder.tokenizer.to_dict(),
        "options": encoder.options(),
    }
    if additions := additions_of(body):  # of LoRA the scale is no weight
        settings["additions"] = additions
    found = hashlib.sha256(json.dumps(settings, sort_keys=True).encode("ascii"))
    for name, weight in sorted(encoder.state_dict().items()):
        found.update(f"{name} {weight.dtype} {weight.shape}\n".encode())
        found.update(np.ascontiguousarray(weight).data)
    return found.hexdigest()


def texts_sum(texts: Iterable[str]) -> str:
    """The SHA-256 of texts in their order.

    >>> texts_sum(["ab", "c"]) == texts_sum(["a", "bc"])
    False
    """
    found = hashlib.sha256()
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        found.update(len(data).to_bytes(8, "little") + data)
    return found.hexdigest()


class Index:
    """The vectors of texts, and the search among them; row i is text i.

    ``Index(encoder, texts)`` encodes the texts, a slice at a time. The encoder must scale its
    vectors to length 1, as it does by default. ``vectors`` (n, D) float32. progress: such as
    ``Progress("index")``, told how many texts of all have been read.
    Raises ``DtypeError`` for what is no list of strings, ``DataError`` for no texts,
    ``ConfigError`` for an encoder that does not normalise, ``NonFiniteError`` for vectors that are
    not finite.

    >>> from npft.loading import load
    >>> encoder = SentenceEncoder(load("tinyworld").body)
    >>> index = Index(encoder, ["the chef cooks the stew", "the teller counts the money"])
    >>> index.search(["the caterer simmers the soup"], k=1).documents
    array([[0]])
    """

    def __init__(
        self,
        encoder: SentenceEncoder,
        texts: Sequence[str],
        *,
        progress: ProgressFn | None = None,
    ) -> None:
        texts = check_strings("Index: texts", texts)
        if not texts:
            raise DataError("Index: there are no texts; give at least one")
        made_by = fingerprint(encoder)
        head: Any = encoder.head()
        if not head.normalize:
            raise ConfigError("Index: the encoder does not scale its vectors to length 1, so that "
                              "long ones would always be found; make it with normalize=True")
        vectors = np.empty((len(texts), encoder.encoder.config.hidden_size), np.float32)
        for i in range(0, len(texts), SLICE):
            part = texts[i : i + SLICE]
            inside = within(progress, i, len(part), len(texts), "texts")
            vectors[i : i + SLICE] = encoder.encode(part, progress=inside)
        self._set(encoder, vectors, made_by, texts_sum(texts))

    def _set(
        self, encoder: SentenceEncoder, vectors: np.ndarray, made_by: str, of_texts: str
    ) -> None:
        self.encoder, self.vectors = encoder, vectors
        self.made_by, self.of_texts = made_by, of_texts

    def __len__(self) -> int:
        return len(self.vectors)

    def search(self, queries: Sequence[str], k: int = 10) -> Found:
        """The k texts of the largest cosine for each query, or all if there are fewer: (Q, k).

        Exact: every text is compared. Cosines that are equal in 6 digits: the earlier text first.
        Raises ``DtypeError``
        for queries that are no list of strings, ``ConfigError`` for no query, a k below 1, or an
        encoder that was trained on or changed since the index was made.
        """
        queries, k = check_search("Index.search", queries, k, len(self))
        if fingerprint(self.encoder) != self.made_by:
            raise ConfigError("Index.search: the encoder has changed since the index was made, and "
                              "its vectors no longer compare; make the index again")
        asked = self.encoder.encode(queries)  # (Q, D)
        some = max(1, BLOCK // len(self))  # queries at once
        parts = [
            best_of_blocks(self._cosines(asked[i : i + some]), k)
            for i in range(0, len(asked), some)
        ]
        return Found(*(np.concatenate(part) for part in zip(*parts)))

    def _cosines(self, asked: np.ndarray) -> Iterator[np.ndarray]:
        for i in range(0, len(self), BLOCK):
            cosines = asked @ self.vectors[i : i + BLOCK].T
            yield cosines.round(DIGITS, out=cosines)

    def save(self, folder: str | Path) -> None:
        """Write the index to a folder; an older one there is gone first.

        Raises ``CheckpointError`` with the path and the reason if it cannot be written.
        """
        folder = check_path("Index.save: folder", folder)
        blocks = [self.vectors[i : i + SLICE] for i in range(0, len(self), SLICE)]
        manifest = {
            "format": FORMAT, "version": VERSION, "encoder": self.made_by, "texts": self.of_texts,
            "vectors": _vectors_sum(blocks), "rows": len(self), "width": self.vectors.shape[1],
        }  # fmt: skip
        with made_folder(folder):
            try:
                (folder / INDEX).unlink(missing_ok=True)  # it must never stand beside others
            except OSError as error:
                raise unwritable(folder / INDEX, error) from None
            write_rows(folder / VECTORS, blocks)
            write_bytes(folder / INDEX, (json.dumps(manifest, indent=1) + "\n").encode("ascii"))

    @classmethod
    def load(
        cls, folder: str | Path, encoder: SentenceEncoder, texts: Sequence[str] | None = None
    ) -> Index:
        """Read an index; its vectors stay in the file and are read as a search needs them.

        texts: those it should be of; None to take its word that row i is text i. Raises
        ``ConfigError`` if another encoder made it or it is of other texts, ``CheckpointError`` for
        a file that is missing, damaged, or none of npft's.
        """
        folder = check_path("Index.load: folder", folder)
        manifest = _manifest(folder / INDEX)
        if manifest["encoder"] != fingerprint(encoder):
            raise ConfigError(f"{shown(folder)}: another encoder made this index, or the same one "
                              "with another pool or before it was trained on; load the encoder "
                              "that made it, or make the index again")
        if texts is not None and manifest["texts"] != texts_sum(check_strings("texts", texts)):
            raise ConfigError(f"{shown(folder)}: this index is of other texts; give those it was "
                              "made of, or make the index again")
        vectors = _mapped(folder / VECTORS, manifest)
        index = cls.__new__(cls)
        index._set(encoder, vectors, manifest["encoder"], manifest["texts"])
        return index


def _vectors_sum(blocks: Iterable[np.ndarray]) -> str:
    found = hashlib.sha256()
    for block in blocks:
        found.update(np.ascontiguousarray(block, np.float32).data)
    return found.hexdigest()


def _manifest(path: Path) -> dict[str, Any]:
    """What index.json says, checked; raises ``CheckpointError``."""
    try:
        with open(path, "rb") as file:
            text = file.read(10_000).decode("ascii")
        found = parse(text)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise CheckpointError(f"{shown(path)}: cannot be read as an index: {reason}") from None
    except (ValueError, RecursionError):
        raise CheckpointError(f"{shown(path)}: is not JSON; make the index again") from None
    keys = {"format", "version", "rows", "width", *SUMS}
    if not isinstance(found, dict) or set(found) != keys or found["format"] != FORMAT:
        raise CheckpointError(f"{shown(path)}: is no index of npft; make the index again")
    if type(found["version"]) is not int or found["version"] != VERSION:
        raise CheckpointError(f"{shown(path)}: has version {found['version']!r:.40}, this npft "
                              f"reads {VERSION}")
    sums = all(isinstance(found[name], str) and len(found[name]) == 64 for name in SUMS)
    if not sums or any(type(found[k]) is not int or found[k] < 1 for k in ("rows", "width")):
        raise CheckpointError(f"{shown(path)}: is damaged; make the index again")
    return found


def _mapped(path: Path, manifest: dict[str, Any]) -> np.ndarray:
    """The vectors of a file, not yet in memory, after a check of every byte of it."""
    try:
        with open(path, "rb") as file:
            start = file.read(10)
            if start[:8] != b"\x93NUMPY\x01\x00":
                raise CheckpointError(f"{shown(path)}: is not an array of .npy version 1.0")
            offset = 10 + int.from_bytes(start[8:10], "little")
            dtype, shape = parse_header(path, VECTORS, file.read(offset - 10))
        if dtype != np.float32 or shape != (manifest["rows"], manifest["width"]):
            raise CheckpointError(f"{shown(path)}: holds {dtype} of shape {shape}, its index says "
                                  f"float32 ({manifest['rows']}, {manifest['width']})")
        if path.stat().st_size != offset + 4 * shape[0] * shape[1]:
            raise CheckpointError(f"{shown(path)}: its header does not fit its size; make the "
                                  "index again")
        vectors = np.memmap(path, dtype, mode="r", offset=offset, shape=shape)
    except OSError as error:
        raise CheckpointError(f"{shown(path)}: cannot be read: {error.strerror}") from None
    blocks = [vectors[i : i + SLICE] for i in range(0, len(vectors), SLICE)]
    lengths = [abs(np.einsum("nd,nd->n", block, block) - 1).max() for block in blocks]
    if _vectors_sum(blocks) != manifest["vectors"] or not max(lengths) < OFF:
        raise CheckpointError(f"{shown(path)}: is damaged; make the index again")
    return vectors
