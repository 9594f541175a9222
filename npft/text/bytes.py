"""The smallest tokenizer: a text is its UTF-8 bytes, and nothing is ever unknown.

Ids 0 to 255 are the bytes; PAD 256, CLS 257, SEP 258 and MASK 259 make a vocabulary of 260. The
price is length: an English word costs five or six tokens.
"""

from __future__ import annotations

from typing import Any

from npft.text.tokenizer import Tokenizer, fields_of_kind


class ByteTokenizer(Tokenizer):
    r"""UTF-8 bytes as tokens. ``decode(encode(s)) == s`` for every text s.

    ``decode`` of ids that are no valid UTF-8, such as half a character left by truncation, puts
    the sign U+FFFD in place of each faulty stretch (``errors="replace"``).

    >>> tok = ByteTokenizer()
    >>> tok.encode("né"), tok.decode([110, 195, 169]), tok.decode([110, 195])
    ([110, 195, 169], 'né', 'n\ufffd')
    >>> tok(["hi"]).ids
    array([257, 104, 105, 258])
    """

    kind = "byte"
    vocab_size = 260
    pad_id, cls_id, sep_id, mask_id = 256, 257, 258, 259

    def _ids(self, text: str) -> list[int]:
        return list(text.encode("utf-8"))

    def pieces(self, text: str) -> list[bytes]:
        r"""The tokens of a text as bytes, one each.

        >>> ByteTokenizer().pieces("né")
        [b'n', b'\xc3', b'\xa9']
        """
        return [bytes([i]) for i in self.encode(text)]

    def _text(self, ids: list[int]) -> str:
        return bytes(ids).decode("utf-8", errors="replace")

    def _offsets(self, text: str) -> list[tuple[int, int]]:
        # All bytes of a character lead back to that character.
        return [(i, i + 1) for i, char in enumerate(text) for _ in char.encode("utf-8")]

    def to_dict(self) -> dict[str, Any]:
        """``{"kind": "byte"}``: there is nothing else to know."""
        return {"kind": self.kind}

    @classmethod
    def from_dict(cls, fields: Any) -> ByteTokenizer:
        """The inverse of ``to_dict``. Raises ``CheckpointError`` for anything else."""
        fields_of_kind(fields, cls.kind)
        return cls()
