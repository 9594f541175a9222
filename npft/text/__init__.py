"""Floor 3: texts into numbers. Read examples, batch, tokenizer, bytes, wordpiece, readers."""

from __future__ import annotations

from typing import Any

from npft.errors import CheckpointError
from npft.text.batch import Batch, batches_of
from npft.text.bytes import ByteTokenizer
from npft.text.examples import Examples, drop_duplicates, split
from npft.text.readers import read_labelled, read_pairs, read_text
from npft.text.tokenizer import Tokenizer
from npft.text.wordpiece import WordPiece, basic_words

__all__ = [
    "Batch", "ByteTokenizer", "Examples", "Tokenizer", "WordPiece", "basic_words", "batches_of",
    "drop_duplicates", "read_labelled", "read_pairs", "read_text", "split", "tokenizer_from_dict",
]


def tokenizer_from_dict(fields: Any) -> Tokenizer:
    """Make the tokenizer that ``to_dict`` described, whatever its kind.

    Raises ``CheckpointError`` for an unknown kind or damaged fields.

    >>> tokenizer_from_dict({"kind": "byte"}).vocab_size
    260
    """
    kind = fields.get("kind") if isinstance(fields, dict) else None
    if kind == ByteTokenizer.kind:
        return ByteTokenizer.from_dict(fields)
    if kind == WordPiece.kind:
        return WordPiece.from_dict(fields)
    raise CheckpointError(f"the kind of tokenizer is {kind!r}, expected 'byte' or 'wordpiece'")
