"""Floor 3: texts into numbers. Read examples, batch, labels_and_tokens, tokenizer, windows, bytes,
basic, joins, wordpiece, pieces, bpe, byte_level, unigram, readers, layout, advice, json_records,
records, tables, answer_files, tagged, conll, guess, scripts, sampling, perturb.
"""

from __future__ import annotations

from typing import Any

from npft.errors import CheckpointError, quoted
from npft.text.answer_files import read_answers
from npft.text.basic import basic_words
from npft.text.batch import IGNORE, Batch, batches_by_length, batches_of
from npft.text.bpe import BPE
from npft.text.byte_level import ByteLevelBPE
from npft.text.bytes import ByteTokenizer
from npft.text.conll import iob2, read_conll, read_conllu, read_tagged
from npft.text.examples import Examples, conflicts, drop_duplicates, split
from npft.text.guess import guess_task, looks_like_tags
from npft.text.labels_and_tokens import (
    answer_characters, answer_tokens, first_tokens, token_labels, word_labels,
)
from npft.text.layout import FileFormat
from npft.text.perturb import lengthened, longest, rare_terms, rarest, typos
from npft.text.readers import read_text
from npft.text.records import Record, read_records
from npft.text.sampling import draw_documents, draw_languages, language_shares
from npft.text.scripts import suitable_tokenizer, unknown_share
from npft.text.tables import (
    count_unscored, read_jsonl, read_labelled, read_pairs, read_scored,
)
from npft.text.tagged import TaggedTexts
from npft.text.tokenizer import Tokenizer
from npft.text.unigram import Unigram
from npft.text.wordpiece import WordPiece

__all__ = [
    "BPE", "Batch", "ByteLevelBPE", "ByteTokenizer", "Examples", "FileFormat", "IGNORE", "Record",
    "TaggedTexts", "Tokenizer", "Unigram", "WordPiece", "answer_characters", "answer_tokens",
    "basic_words", "batches_by_length", "batches_of", "conflicts", "count_unscored",
    "draw_documents", "draw_languages", "drop_duplicates", "first_tokens", "guess_task", "iob2",
    "language_shares", "lengthened", "longest", "looks_like_tags", "rare_terms", "rarest",
    "read_answers", "read_conll", "read_conllu", "read_jsonl", "read_labelled", "read_pairs",
    "read_records", "read_scored", "read_tagged", "read_text", "split", "token_labels",
    "suitable_tokenizer", "tokenizer_from_dict", "typos", "unknown_share", "word_labels",
]


def tokenizer_from_dict(fields: Any) -> Tokenizer:
    """Make the tokenizer that ``to_dict`` described, whatever its kind.

    Raises ``CheckpointError`` for an unknown kind or damaged fields.

    >>> tokenizer_from_dict({"kind": "byte"}).vocab_size
    260
    """
    kinds = {cls.kind: cls for cls in (ByteTokenizer, WordPiece, BPE, ByteLevelBPE, Unigram)}
    kind = fields.get("kind") if isinstance(fields, dict) else None
    if not isinstance(kind, str) or kind not in kinds:
        known = ", ".join(map(repr, kinds))
        raise CheckpointError(f"the kind of tokenizer is {quoted(kind)}, expected {known}")
    return kinds[kind].from_dict(fields)
