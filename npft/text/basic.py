"""Basic words: the first cut of a text, made before any vocabulary is asked.

    "Don't stop, José!"  ->  don ' t stop , jose !

It is done character by character: each has a basic form, a short string that may hold spaces, and
the words are what the spaces leave.

    white space                            a space
    control, format and private use        nothing (so do NUL and the sign U+FFFD of bad bytes)
    Chinese character                      itself between two spaces: such text has no others
    letter, digit                          in lower case, taken apart by NFD, its accents dropped
    sign of punctuation                    itself between two spaces

A cased vocabulary (``lowercase=False``) keeps case, accents and composed letters. Lower case is
that of the single letter, so a final sigma is like any other: ``ΣΑΣ`` becomes ``σασ``.

Source: the basic tokenization published with Devlin et al. 2019, "BERT", as the ``tokenizers``
package does it (BertNormalizer and BertPreTokenizer). Both make the same words of every text, but
for two rarities: a capital letter so new that this Python's Unicode tables do not have it keeps
its case here, and several marks on one letter of the kind that is not dropped (such as the Korean
tone marks) stay in the order in which they are written, where NFD of a whole text sorts them.
"""

from __future__ import annotations

import unicodedata

from npft.text.tokenizer import checked_text

CJK_BLOCKS = (  # the seventh begins at 2B820 in Unicode and in Devlin's code
    (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F), (0x2B920, 0x2CEAF), (0x2F800, 0x2FA1F),
)

# The package's table of categories ends at about Unicode 8: marks, signs and format characters
# that came later are letters to it, and four characters have another category today. To follow it
# also makes the words the same whatever the Unicode version of the Python that runs.
_CHANGED = {0x1734: "Mn", 0x1171E: "Mn", 0x166D: "Po", 0x111C9: "Po"}
_LATER = """
    5C8-5C9 61D 7FD 890-891 897-89F 8CA-8E2 9FD-9FE A76 AFA-AFF B53-B55 C04 C3C C77 C84 D00
    D3B-D3C D81 EBA ECE 180F 1885-1886 1ABF-1AF0 1B4E-1B4F 1B7D-1B7F 1DF6-1DFB 2E43-2E4F 2E52-2E5D
    2E60-2E63 A82C A8C5 A8FF A9BD 105C9 105E4 10D24-10D27 10D69-10D6E 10EAB-10EAD 10ECB-10ED0
    10EF0-10EFF 10F46-10F50 10F55-10F59 10F82-10F89 11070 11073-11074 110C2 110CD 111CF 1123E 11241
    1133B 11383 11385 1138E 11391 113BB-113C0 113C5 113C7-113C8 113CE 113D0 113D2 113D4-113D5
    113D7-113D8 113E1-113E2 11438-1143F 11442-11444 11446 1144B-1144F 1145A-1145B 1145D-1145E
    11660-1166C 116B9 1182F-11837 11839-1183B 11938 1193B-1193C 1193E 11943-11946 119D4-119D7
    119DA-119DB 119E0 119E2 11A01-11A0A 11A33-11A38 11A3B-11A47 11A51-11A56 11A59-11A5B 11A8A-11A96
    11A98-11A9C 11A9E-11AA2 11B00-11B09 11B60 11B62-11B64 11B66 11BE1 11C30-11C36 11C38-11C3D 11C3F
    11C41-11C45 11C70-11C71 11C92-11CA7 11CAA-11CB0 11CB2-11CB3 11CB5-11CB6 11D31-11D36 11D3A
    11D3C-11D3D 11D3F-11D45 11D47 11D90-11D91 11D95 11D97 11DF0 11EF3-11EF4 11EF7-11EF8 11F00-11F01
    11F36-11F3A 11F40 11F42-11F4F 11F5A 11FFF 12FF1-12FF2 13430-13440 13447-13455 1611E-16129
    1612D-1612F 16D68-16D6A 16D6D-16D6F 16E97-16E9A 16F4F 16FE2 16FE4 1CF00-1CF2D 1CF30-1CF46
    1D127-1D128 1D25B-1D25C 1E000-1E006 1E008-1E018 1E01B-1E021 1E023-1E024 1E026-1E02A 1E08F
    1E130-1E136 1E2AE 1E2EC-1E2EF 1E4EC-1E4EF 1E5EE-1E5EF 1E5FF 1E6E3 1E6E6 1E6EE-1E6EF 1E6F5
    1E944-1E94A 1E95E-1E95F
"""
_LATER_LETTERS = {
    code
    for low, _, high in (block.partition("-") for block in _LATER.split())
    for code in range(int(low, 16), int(high or low, 16) + 1)
}


def _category(char: str) -> str:
    """The Unicode category: Lu is a capital letter, Mn an accent, Po a sign, and so on."""
    if ord(char) in _LATER_LETTERS:
        return "Lo"
    return _CHANGED.get(ord(char)) or unicodedata.category(char)


def _spaced_if_punctuation(char: str) -> str:
    """Unicode punctuation, and all of ASCII that is no letter, digit, space or control."""
    ascii_sign = "!" <= char <= "~" and not char.isalnum()
    return f" {char} " if ascii_sign or _category(char).startswith("P") else char


def _basic_form(char: str, lowercase: bool) -> str:
    """What basic_words makes of one character."""
    category = _category(char)
    if char in " \t\n\r" or category.startswith("Z"):
        return " "
    if char in "\0\ufffd" or category in ("Cc", "Cf", "Co"):
        return ""
    letters = char
    if lowercase and ord(char) not in _LATER_LETTERS:
        # NFD writes an accented letter as the letter and a mark of category Mn.
        parts = unicodedata.normalize("NFD", char)
        letters = "".join(part.lower() for part in parts if _category(part) != "Mn")
    if any(low <= ord(char) <= high for low, high in CJK_BLOCKS):
        return f" {letters} "
    return "".join(map(_spaced_if_punctuation, letters))


class BasicForms(dict):
    """The table ``str.translate`` asks: character number -> basic form, worked out at first use."""

    def __init__(self, *, lowercase: bool) -> None:
        self.lowercase = lowercase

    def __missing__(self, code: int) -> str:
        self[code] = _basic_form(chr(code), self.lowercase)
        return self[code]


UNCASED, CASED = BasicForms(lowercase=True), BasicForms(lowercase=False)


def basic_words(text: str, *, lowercase: bool = True) -> list[str]:
    """Cut a text into words and signs, in lower case and without accents unless told otherwise.

    Raises ``DtypeError`` for anything but str, ``DataError`` for a lone surrogate.

    >>> basic_words("Don't stop, José!")
    ['don', "'", 't', 'stop', ',', 'jose', '!']
    >>> basic_words("Don't stop, José!", lowercase=False)
    ['Don', "'", 't', 'stop', ',', 'José', '!']
    """
    forms = UNCASED if lowercase else CASED
    return checked_text("basic_words: text", text).translate(forms).split()
