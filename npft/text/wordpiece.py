"""WordPiece: common words are one token, rare words are pieces of words.

    basic_words   "Unlockable!" -> unlockable !
    pieces        unlockable    -> un ##lock ##able      (## carries on a word)

The words are those of ``basic.py``. Training starts from single characters and keeps joining two
neighbouring pieces; encoding takes, from the left, the longest piece that fits.

Sources: Schuster and Nakajima 2012, "Japanese and Korean voice search" (the pieces); Devlin et
al. 2019, "BERT" (basic words, ##, greedy encoding). Schuster and Nakajima join the pair that
raises the likelihood of the text most. Here, as in the common public implementations, it is the
pair with the highest count, which is byte-pair encoding with the ## marks.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

from npft.atomic import check_path
from npft.errors import CheckpointError, ConfigError, DataError, DtypeError, check_count
from npft.text.basic import CASED, UNCASED, basic_words
from npft.text.joins import Pairs
from npft.text.tokenizer import Tokenizer, checked_texts, fields_of_kind

__all__ = ["WordPiece", "basic_words"]

SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
LONGEST_WORD = 100  # characters; what is longer is no word but noise, and becomes [UNK]
CACHED_WORDS = 100_000


def _characters(word: str) -> list[str]:
    """A word as its smallest pieces: go -> g ##o."""
    return [word[0]] + ["##" + char for char in word[1:]]


def _learn_pieces(counts: dict[str, int], room: int, min_count: int) -> list[str]:
    """The pieces made by joining pairs, most frequent pair first, at most ``room`` of them.

    counts: how often each word occurs. Of pairs with equal counts the one that sorts first as text
    is joined first.
    A piece that later joins have swallowed wherever it stood (``unlo`` on the way to ``unlock``)
    is given up, and its place goes to a piece that is used.
    """
    pairs = Pairs([_characters(word) for word in counts], counts.values(), min_count)
    learnt: dict[str, None] = {}  # a dict keeps the order, and two pairs can make one piece
    uses: Counter[str] = Counter()  # how often each learnt piece stands in the text now
    used = 0  # how many of them stand there at all
    while used < room and (pair := pairs.most_frequent()) is not None:
        piece = pair[0] + pair[1].removeprefix("##")
        learnt[piece] = None
        used -= sum(uses[p] > 0 for p in {*pair, piece})
        joins = pairs.join(pair, piece)
        uses[piece] += joins
        for part in pair:
            if part in learnt:
                uses[part] -= joins
        used += sum(uses[p] > 0 for p in {*pair, piece})
    return [piece for piece in learnt if uses[piece] > 0]


class WordPiece(Tokenizer):
    """A vocabulary of pieces, used by greedy longest match.

    vocab: V strings, all different, the number of a piece being its place. It must hold [PAD],
    [UNK], [CLS], [SEP] and [MASK]; trained vocabularies hold them as 0 to 4. A word becomes [UNK]
    as a whole if it has a character that no piece covers or more than 100 characters. Text cannot
    produce the other special tokens: ``[MASK]`` typed by a user is cut into ``[``, ``mask``, ``]``.
    lowercase: False for a cased vocabulary, whose pieces keep capital letters and accents.

    ``decode(encode(s)) == normalize(s) == " ".join(basic_words(s))`` for every text s without
    unknown words; in the place of each of those stands ``[UNK]``.

    Raises ``DtypeError`` or ``DataError`` for a vocabulary that cannot be used.

    >>> tok = WordPiece(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "un", "##lock", "##s"])
    >>> tok.pieces("unlocks"), tok.encode("Unlocks unx"), tok.decode([2, 5, 6, 7, 3])
    (['un', '##lock', '##s'], [5, 6, 7, 1], 'unlocks')
    >>> tok.offsets("Unlocks!")
    [(0, 2), (2, 6), (6, 7), (7, 8)]
    >>> tok.encode_words(["Unlocks", "un"])
    ([5, 6, 7, 5], [0, 0, 0, 1])
    """

    kind = "wordpiece"
    unk_id: int
    continues: np.ndarray

    def __init__(self, vocab: Iterable[str], *, lowercase: bool = True) -> None:
        self.vocab = tuple(checked_texts("WordPiece: vocab", vocab))
        if not isinstance(lowercase, bool):
            raise ConfigError(f"WordPiece: lowercase is {lowercase!r}, expected True or False")
        self.lowercase = lowercase
        self._forms = UNCASED if lowercase else CASED
        self._id_of = {piece: i for i, piece in enumerate(self.vocab)}
        if len(self._id_of) < len(self.vocab):
            twice, _ = Counter(self.vocab).most_common(1)[0]
            raise DataError(f"WordPiece: {twice!r} stands in the vocabulary more than once")
        missing = [name for name in SPECIALS if name not in self._id_of]
        if missing:
            raise DataError(f"WordPiece: the vocabulary has no {', '.join(missing)}")
        self.vocab_size = len(self.vocab)
        self.pad_id, self.unk_id, self.cls_id, self.sep_id, self.mask_id = (
            self._id_of[name] for name in SPECIALS
        )
        self.continues = np.array([p.startswith("##") and len(p) > 2 for p in self.vocab])
        self._longest = max(len(piece) for piece in self.vocab)
        self._cache: dict[str, list[int]] = {}

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        vocab_size: int = 2000,
        *,
        min_count: int = 2,
        lowercase: bool = True,
    ) -> WordPiece:
        """Learn a vocabulary of at most vocab_size pieces from texts.

        The five special tokens and every character (at the beginning of a word, and with ##
        inside one) come first. Then, until the vocabulary is full or no pair occurs min_count
        times, the most frequent pair of neighbouring pieces is joined. Of pairs with equal counts
        the one that sorts first as text is taken, so that the same texts, in any order, give the
        same vocabulary. lowercase: False learns a cased vocabulary.

        Raises ``DataError`` for a corpus without words, ``ConfigError`` for a vocab_size that does
        not hold the special tokens and the characters.

        >>> tok = WordPiece.train(["hug hug hug hugs bugs"], vocab_size=20)
        >>> tok.vocab[5:]
        ('##g', '##s', '##u', 'b', 'h', '##ug', 'hug')
        """
        check_count("WordPiece.train: vocab_size", vocab_size)
        check_count("WordPiece.train: min_count", min_count)
        counts: Counter[str] = Counter()
        for text in checked_texts("WordPiece.train: texts", texts):
            counts.update(text.translate(UNCASED if lowercase else CASED).split())
        counts = Counter({w: n for w, n in counts.items() if len(w) <= LONGEST_WORD})
        if not counts:
            raise DataError("WordPiece.train: the texts hold no words, expected at least one")
        alphabet = sorted({char for word in counts for char in _characters(word)})
        least = len(SPECIALS) + len(alphabet)
        if vocab_size < least:
            raise ConfigError(f"WordPiece.train: vocab_size is {vocab_size}, these texts need at "
                              f"least {least}: {len(SPECIALS)} special tokens and "
                              f"{len(alphabet)} characters")
        learnt = _learn_pieces(counts, vocab_size - least, min_count)
        return cls([*SPECIALS, *alphabet, *learnt], lowercase=lowercase)

    @classmethod
    def from_vocab(cls, path: str | os.PathLike[str], *, lowercase: bool = True) -> WordPiece:
        """Read a vocabulary with one piece a line, such as the vocab.txt of a published BERT.

        The number of a piece is that of its line, from 0; white space at the end of a line does
        not count. lowercase: False for a cased BERT, whose vocabulary does not say so itself.

        Raises ``DataError`` for a file that cannot be read or used.
        """
        path = check_path("from_vocab: path", path)
        try:
            text = path.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise DataError(f"is no vocabulary: {error}", path=path) from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise DataError(f"cannot be read: {reason}", path=path) from None
        # a line of white space is a piece that matches nothing, but it has a number
        lines = [line.rstrip() or line for line in text.removesuffix("\n").split("\n")]
        for i, line in enumerate(lines):
            if line in ("", "\r"):
                raise DataError("is blank, expected a piece on every line; if a line too many was "
                                "added, remove it", path=path, line=i + 1)
        try:
            return cls(lines, lowercase=lowercase)
        except DataError as error:
            raise DataError(f"is no vocabulary: {error}", path=path) from None

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = []
        for word in text.translate(self._forms).split():
            known = self._cache.get(word)
            if known is None:
                known = self._word_ids(word)
                if len(self._cache) < CACHED_WORDS:
                    self._cache[word] = known
            ids += known
        return ids

    def _word_ids(self, word: str) -> list[int]:
        """Greedy longest match first, from the left; [UNK] if it comes to a stop."""
        if len(word) > LONGEST_WORD:
            return [self.unk_id]
        ids: list[int] = []
        start = 0
        while start < len(word):
            mark = "##" if start else ""
            for end in range(min(len(word), start + self._longest), start, -1):
                found = self._id_of.get(mark + word[start:end])
                if found is not None:
                    break
            else:
                return [self.unk_id]
            ids.append(found)
            start = end
        return ids

    def pieces(self, text: str) -> list[str]:
        """The tokens of a text as strings: what ``encode`` gives, made readable."""
        return [self.vocab[i] for i in self.encode(text)]

    def _offsets(self, text: str) -> list[tuple[int, int]]:
        # A character can become several letters, or none: note for each letter where it is from.
        forms = [self._forms[ord(char)] for char in text]
        origin = [i for i, form in enumerate(forms) for _ in form]
        spans: list[tuple[int, int]] = []
        for word in re.finditer(r"\S+", "".join(forms)):
            start = word.start()
            for i in self._word_ids(word.group()):
                end = word.end() if i == self.unk_id else start + self._letters(i)
                spans.append((origin[start], origin[end - 1] + 1))
                start = end
        return spans

    def _letters(self, i: int) -> int:
        """How many letters of a word the piece i covers."""
        return len(self.vocab[i]) - 2 * bool(self.continues[i])

    def _normalized(self, text: str) -> str:
        return " ".join(text.translate(self._forms).split())

    def _text(self, ids: list[int]) -> str:
        words: list[str] = []
        for i in ids:
            if self.continues[i]:
                before = words.pop() if words else ""
                words.append(before + self.vocab[i][2:])
            else:
                words.append(self.vocab[i])
        return " ".join(words)

    def to_dict(self) -> dict[str, Any]:
        """``{"kind": "wordpiece", "lowercase": True, "vocab": [...]}``."""
        return {"kind": self.kind, "lowercase": self.lowercase, "vocab": list(self.vocab)}

    @classmethod
    def from_dict(cls, fields: Any) -> WordPiece:
        """The inverse of ``to_dict``. Raises ``CheckpointError`` for anything else."""
        if isinstance(fields, dict):
            fields = {"lowercase": True, **fields}  # files of the first version do not say
        fields = fields_of_kind(fields, cls.kind, "lowercase", "vocab")
        vocab = fields["vocab"]
        if not isinstance(vocab, list):
            raise CheckpointError(f"vocab is {type(vocab).__name__}, expected a list of pieces")
        try:
            return cls(vocab, lowercase=fields["lowercase"])
        except (ConfigError, DataError, DtypeError) as error:
            raise CheckpointError(str(error)) from None
