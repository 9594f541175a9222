"""Files of tokenizers, of each kind: what was loaded says what the JSON says, and cuts words by it.

The ids of a few texts are found a second time from the fields of the file alone, by the definition
of the kind: greedy longest match, merges in their order, the likeliest of all cuts.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import plain
from damaged_bytes import BYTES
from damaged_json import JSON
from damaged_text import LONG_TEXT
from inputs import Target

from npft.text import BPE, ByteTokenizer, Tokenizer, Unigram, WordPiece

TEXTS = ["hug hugs", "the cats unlock the hut", "caf\u00e9", "x"]
CORPUS = ["hug hug hugs the cat", "the cats unlock the hut", "unlock hugs"]
SPECIALS = 4  # ids between the bytes and the learnt pieces


def same(a: Any, b: Any) -> bool:
    """Equal as JSON: 1 is 1.0 but not true, and NaN is nothing.

    >>> same({"a": [1]}, {"a": [1.0]}), same(1, True), same([0], [0, 1])
    (True, False, False)
    """
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return isinstance(a, bool) == isinstance(b, bool) and a == b


def words_with_spaces(text: str) -> list[bytes]:
    """The words of a text of letters and single spaces, each with the space before it."""
    first, *others = text.split(" ")
    return [first.encode(), *(f" {word}".encode() for word in others)]


def greedy(fields: dict[str, Any], text: str) -> list[int]:
    """The ids of a WordPiece: the longest piece that fits, from the left, or [UNK].

    >>> greedy({"vocab": ["[UNK]", "un", "##lock"]}, "unlock unx")
    [1, 2, 0]
    """
    vocab, ids = fields["vocab"], []
    for word in text.split():
        found, rest = [], word
        while rest:
            mark = "##" if found else ""
            fits = [rest[:n] for n in range(len(rest), 0, -1) if mark + rest[:n] in vocab]
            if not fits:
                found = [vocab.index("[UNK]")]
                break
            found.append(vocab.index(mark + fits[0]))
            rest = rest[len(fits[0]) :]
        ids += found
    return ids


def merged(fields: dict[str, Any], text: str) -> list[int]:
    """The ids of a BPE: while any pair of neighbours is in the list, the earliest is joined.

    >>> merged({"merges": [[104, 117], [260, 103]]}, "hug hu")
    [261, 32, 260]
    """
    pieces = [bytes([i]) for i in range(256)] + [b""] * SPECIALS
    rank, joined = {}, {}
    for a, b in fields["merges"]:
        piece = pieces[a] + pieces[b]
        if piece not in pieces:
            pieces.append(piece)
        rank[a, b], joined[a, b] = len(rank), pieces.index(piece)
    ids = []
    for word in words_with_spaces(text):
        cut = list(word)
        while known := [pair for pair in pairwise(cut) if pair in rank]:
            best = min(known, key=rank.__getitem__)
            i = list(pairwise(cut)).index(best)
            cut[i : i + 2] = [joined[best]]
        ids += cut
    return ids


def likeliest(fields: dict[str, Any], text: str) -> float:
    """The log-probability of the likeliest cut of each word, summed, by trying every cut.

    >>> fields = {"learnt": ["ab"], "log_p": [-9.0] * 256 + [-2.0]}
    >>> likeliest(fields, "ab a")
    -20.0
    """
    log_p = _log_p(fields)
    total = 0.0
    for word in words_with_spaces(text):
        best = [0.0] + [-math.inf] * len(word)
        for end in range(1, len(word) + 1):
            for start in range(end):
                piece = word[start:end]
                best[end] = max(best[end], best[start] + log_p.get(piece, -math.inf))
        total += best[-1]
    return total


def _log_p(fields: dict[str, Any]) -> dict[bytes, float]:
    pieces = [bytes([i]) for i in range(256)] + [piece.encode() for piece in fields["learnt"]]
    return dict(zip(pieces, fields["log_p"]))


def wrong_ids(tok: Tokenizer, fields: dict[str, Any], text: str) -> bool:
    """Whether the tokenizer cuts a text in another way than its fields say."""
    ids = tok.encode(text)
    if fields["kind"] == "wordpiece":
        return text.isascii() and ids != greedy(fields, text)
    if fields["kind"] == "bpe":
        return ids != merged(fields, text)
    if fields["kind"] == "unigram":
        pieces = [tok.piece_bytes[i] for i in ids]
        log_p = _log_p(fields)
        score = sum(log_p[piece] for piece in pieces)
        return b"".join(pieces) != text.encode() or score < likeliest(fields, text) - 1e-6
    return ids != list(text.encode())


def as_today(fields: Any) -> Any:
    """The fields of a tokenizer; a WordPiece of the first version did not say ``lowercase``."""
    old = isinstance(fields, dict) and fields.get("kind") == "wordpiece"
    return {"lowercase": True, **fields} if old else fields


def confirm_tokenizer(data: bytes, tok: Tokenizer) -> str | None:
    try:
        fields = plain.strict_json(data)
    except plain.Refused as error:
        return f"loads what a strict reading refuses, {error}"
    if not same(tok.to_dict(), as_today(fields)):
        return "is another tokenizer than the file says"
    return wrong_cuts(tok, fields)


def wrong_cuts(tok: Tokenizer, fields: dict[str, Any]) -> str | None:
    wrong = [text for text in TEXTS if wrong_ids(tok, fields, text)]
    return f"cuts words otherwise than the file says: {wrong}" if wrong else None


def confirm_vocabulary(data: bytes, tok: WordPiece) -> str | None:
    """Of a vocab.txt: a piece a line; white space at its end does not count."""
    try:
        lines = plain.text_of(data).removesuffix("\n").split("\n")
    except plain.Refused as error:
        if b"\0" not in data:
            return f"loads what a plain reading refuses, {error}"
        # here a NUL is a sign like others
        lines = data.decode("utf-8-sig").removesuffix("\n").split("\n")
    vocab = [line.rstrip() or line for line in lines]
    if list(tok.vocab) != vocab:
        return "is another vocabulary than the lines of the file"
    return wrong_cuts(tok, {"kind": "wordpiece", "vocab": vocab})


def tokenizers() -> list[Tokenizer]:
    """One of each kind."""
    return [
        ByteTokenizer(), WordPiece.train(CORPUS, vocab_size=50), BPE.train(CORPUS, vocab_size=280),
        Unigram.train(CORPUS, vocab_size=275),
    ]  # fmt: skip


def saved_as_json(tok: Tokenizer) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tok.json")
        tok.save(path)
        return path.read_bytes()


def targets() -> list[Target]:
    damages = (BYTES, LONG_TEXT, *[JSON] * 4)
    made = tokenizers()
    found = []
    for tok in made:
        load: Callable[[Path], Any] = type(tok).load
        good = saved_as_json(tok)
        found.append(Target(tok.kind, "tok.json", good, load, confirm_tokenizer, damages))
    old = made[1].to_dict()
    del old["lowercase"]  # as the first version wrote it
    found.append(Target("wordpiece, first version", "tok.json", json.dumps(old).encode(),
                        WordPiece.load, confirm_tokenizer, damages))  # fmt: skip
    cased = WordPiece(made[1].to_dict()["vocab"], lowercase=False)
    found.append(Target("wordpiece, cased", "tok.json", saved_as_json(cased),
                        WordPiece.load, confirm_tokenizer, damages))  # fmt: skip
    vocabulary = "\n".join([*made[1].to_dict()["vocab"], ""]).encode()
    found.append(Target("vocab.txt", "vocab.txt", vocabulary, partial(WordPiece.from_vocab),
                        confirm_vocabulary, (BYTES, LONG_TEXT)))  # fmt: skip
    return found
