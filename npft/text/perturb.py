"""Damaged and difficult texts: what does a model lose that was tested on clean ones?

    typos          slips of the fingers in single letters
    rare_terms     common words replaced by rarer words of the same meaning
    lengthened     neutral sentences around the text, up to a number of words
    rarest, longest   no change: the rows of a test set that are hard already

The first three change each text, or each place in it, with probability ``rate``: 0 gives the
texts back, and a sweep over rates is a curve. The same generator state gives the same texts, and
the input is never changed. Labels stay true: neither a slip nor a synonym changes what a text says,
and the sentences to put around it must be chosen so that they say nothing of the label.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from npft.errors import (
    ConfigError, DataError, check_count, check_rng, check_share, check_strings,
)

SLIPS = ("swap", "drop", "double", "neighbour")
ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")  # each row of keys stands half a key to the right
WORD = re.compile(r"\w+")


def _neighbour_keys() -> dict[str, str]:
    """The letters that lie around each letter on the keyboard."""
    at = {key: (x + y / 2, y) for y, row in enumerate(ROWS) for x, key in enumerate(row)}
    return {
        key: "".join(k for k, (u, v) in at.items() if k != key and abs(u - x) <= 1 >= abs(v - y))
        for key, (x, y) in at.items()
    }


NEIGHBOURS = _neighbour_keys()


def typos(
    texts: Sequence[str],
    rate: float,
    *,
    slips: Sequence[str] = SLIPS,
    rng: np.random.Generator,
) -> list[str]:
    """Let the fingers slip at a share ``rate`` of all letters.

    Each letter is hit with probability ``rate``, whatever happens to the others, and suffers one
    of the ``slips`` that can happen to it, all equally likely:

        swap        it changes places with the next letter     form -> from
        drop        it is left out                             form -> frm
        double      it is typed twice                          form -> foorm
        neighbour   a key beside it is hit (QWERTY)            form -> forn

    A word's first letter is never dropped, so that no word vanishes, and letters swap only inside
    a word, with another letter that is not hit itself. A letter to which none of the slips can
    happen stays. With the same generator state, the letters hit at a lower rate are among those
    hit at a higher one.

    Raises ``ConfigError`` for a rate outside 0 to 1, an unknown slip or an rng that is no
    generator, ``DtypeError`` for texts that are no strings.

    >>> typos(["the form of water"], 0.15, rng=np.random.default_rng(10))
    ['thhe foem of awter']
    """
    texts = check_strings("typos: texts", texts)
    rate = check_share("typos: rate", rate, zero=True, one=True)
    check_rng("typos: rng", rng)
    if not slips or not set(slips) <= set(SLIPS):
        raise ConfigError(f"typos: slips is {slips!r}, expected some of {', '.join(SLIPS)}")
    out = []
    for text in texts:
        u = rng.random((len(text), 3))  # for each letter: whether, which slip, which key
        hit = u[:, 0] < rate
        new, place = "", 0
        while place < len(text):
            old, length = text[place], 1
            if old.isalpha() and hit[place]:
                able = [slip for slip in slips if _can_happen(slip, text, place, hit)]
                slip = able[int(u[place, 1] * len(able))] if able else ""
                length = 2 if slip == "swap" else 1
                old = _slipped(slip, text[place : place + length], u[place, 2])
            new += old
            place += length
        out.append(new)
    return out


def _can_happen(slip: str, text: str, place: int, hit: np.ndarray) -> bool:
    if slip == "swap":
        after = text[place + 1 : place + 2]
        return after.isalpha() and after != text[place] and not hit[place + 1]
    if slip == "drop":
        return place > 0 and text[place - 1].isalpha()
    return slip == "double" or text[place].lower() in NEIGHBOURS


def _slipped(slip: str, letters: str, u: float) -> str:
    """What is typed instead of one letter, or of two that swap."""
    if slip == "neighbour":
        keys = NEIGHBOURS[letters.lower()]
        key = keys[int(u * len(keys))]
        return key.upper() if letters.isupper() else key
    return {"swap": letters[::-1], "drop": "", "double": letters * 2}.get(slip, letters)


def rare_terms(
    texts: Sequence[str],
    synonyms: Mapping[str, Sequence[str]],
    counts: Mapping[str, int],
    rate: float,
    *,
    rng: np.random.Generator,
) -> list[str]:
    """Replace words by their rarest synonyms.

    Each word that has a rarer synonym is replaced with probability ``rate``.

    synonyms: for a word in lower case the words that mean the same. counts: how often a word, in
    lower case, occurs in the training texts; a word without a count has 0. A word is a run of
    letters and digits; a capital at its beginning stays one.

    Raises ``ConfigError`` for a rate outside 0 to 1 or an rng that is no generator, ``DtypeError``
    for texts that are no strings or synonyms that are one string.

    >>> counts = {"doctor": 90, "physician": 2, "medic": 30}
    >>> same = {"doctor": ["physician", "medic"]}
    >>> rare_terms(["Doctor Lee came."], same, counts, 1.0, rng=np.random.default_rng(0))
    ['Physician Lee came.']
    """
    texts = check_strings("rare_terms: texts", texts)
    rate = check_share("rare_terms: rate", rate, zero=True, one=True)
    check_rng("rare_terms: rng", rng)
    for word, others in synonyms.items():
        check_strings(f"rare_terms: synonyms[{word!r}]", others)
    out = []
    for text in texts:
        words = list(WORD.finditer(text))
        hit = rng.random(len(words)) < rate
        new, done = "", 0
        for match, chosen in zip(words, hit):
            word = match.group().lower()
            # Of equally rare ones the first in the alphabet, whatever order they are given in.
            rarest = min(synonyms.get(word, ()), key=lambda w: (counts.get(w, 0), w), default=word)
            if chosen and counts.get(rarest, 0) < counts.get(word, 0):
                capital = match.group()[0].isupper()
                new += text[done : match.start()] + (
                    rarest[:1].upper() + rarest[1:] if capital else rarest)
                done = match.end()
        out.append(new + text[done:])
    return out


def lengthened(
    texts: Sequence[str],
    fillers: Sequence[str],
    words: int,
    rate: float = 1.0,
    *,
    rng: np.random.Generator,
) -> list[str]:
    """Put sentences that say nothing of the label around texts, until they have ``words`` words.

    Each text is chosen with probability ``rate``. Sentences are drawn from ``fillers`` and set
    before or after it, by the toss of a coin, as long as it has fewer than ``words`` words,
    counted between white space. So what matters may stand anywhere, even beyond the maximum length.

    Raises ``ConfigError`` for a rate outside 0 to 1 or an rng that is no generator, ``DataError``
    for no fillers or one without a word, ``DtypeError`` for texts that are no strings.

    >>> lengthened(["Win cash"], ["It rained."], 6, rng=np.random.default_rng(0))
    ['It rained. Win cash It rained.']
    """
    texts = check_strings("lengthened: texts", texts)
    rate = check_share("lengthened: rate", rate, zero=True, one=True)
    fillers = check_strings("lengthened: fillers", fillers)
    check_count("lengthened: words", words, least=0)
    check_rng("lengthened: rng", rng)
    if not fillers or not all(filler.split() for filler in fillers):
        raise DataError("lengthened: fillers are none, or one has no word; give some sentences")
    out = []
    for text, u in zip(texts, rng.random(len(texts))):
        before: list[str] = []
        after = [text] if text else []
        count = len(text.split()) if u < rate else words
        while count < words:
            filler = fillers[int(rng.random() * len(fillers))]
            (before if rng.random() < 0.5 else after).append(filler)
            count += len(filler.split())
        out.append(" ".join(before[::-1] + after))
    return out


def rarest(
    texts: Sequence[str], counts: Mapping[str, int], share: float, max_count: int = 0
) -> np.ndarray:
    """Find the texts with the largest part of rare words: their rows, in ascending order.

    share: how many of the texts, 0.1 being a tenth of them. A word, a run of letters and digits in
    lower case, is rare if it occurs at most ``max_count`` times in the training texts; 0 means
    never. Texts are ranked by the part of their words that is rare, equal ones as they stand.

    Raises ``ConfigError`` for a share outside 0 to 1, ``DtypeError`` for texts that are no strings.

    >>> rarest(["the cat", "the lynx", "a cat"], {"the": 9, "a": 9, "cat": 3}, 1 / 3)
    array([1])
    """
    texts = check_strings("rarest: texts", texts)
    share = check_share("rarest: share", share, zero=True, one=True)
    found = [WORD.findall(text.lower()) for text in texts]
    rare = [np.mean([counts.get(w, 0) <= max_count for w in ws]) if ws else 0.0 for ws in found]
    return _top(np.array(rare), share)


def longest(texts: Sequence[str], share: float) -> np.ndarray:
    """Find the texts that have the most words: their rows, in ascending order.

    share: how many of the texts, 0.1 being a tenth of them. Of equally long texts the earlier ones
    are taken.

    Raises ``ConfigError`` for a share outside 0 to 1, ``DtypeError`` for texts that are no strings.

    >>> longest(["a b c", "a", "a b", "a b c d"], 0.5)
    array([0, 3])
    """
    texts = check_strings("longest: texts", texts)
    share = check_share("longest: share", share, zero=True, one=True)
    return _top(np.array([len(text.split()) for text in texts]), share)


def _top(values: np.ndarray, share: float) -> np.ndarray:
    """The rows of the largest values, a share of them all."""
    number = int(share * len(values) + 0.5)
    return np.sort(np.argsort(-values, kind="stable")[:number])
