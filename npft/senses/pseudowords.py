"""Pseudo-words: labelled "senses" from any text, by making one word of two.

    a door opens, a banana falls   ->   a banana-door opens, a banana-door falls
    senses                              door                  banana

Which of the two was it? The answer is known without anybody's labels (Gale, Church & Yarowsky
1992, "Work on statistical methods for word sense disambiguation"). It is an easier question than
true senses: two words drawn at random mean less alike than two senses of one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from npft.errors import DataError, check_items, check_strings, listed, quoted
from npft.senses.uses import WordUses
from npft.text.basic import basic_words


def pseudo_words(texts: Sequence[str], pairs: Sequence[tuple[str, str]]) -> WordUses:
    """Every use of the words of the pairs, each pair as one word, "banana-door".

    texts: strings, cut by ``basic_words``. pairs: two different words each, in lower case, no word
    in two pairs. The senses are the words that stood there, the documents the numbers of the texts.
    Raises ``DataError`` for pairs that cannot be, or whose words do not occur.

    >>> uses = pseudo_words(["A door opens.", "The banana falls."], [("banana", "door")])
    >>> uses.texts[0], uses.senses
    (['a', 'banana-door', 'opens', '.'], ['door', 'banana'])
    """
    joint: dict[str, str] = {}
    for i, pair in enumerate(check_items("pseudo_words: pairs", pairs, "pairs of words")):
        words = check_strings(f"pseudo_words: pairs[{i}]", pair)
        if len(words) != 2 or any(basic_words(word) != [word] for word in words):
            raise DataError(
                f"pseudo_words: pairs[{i}] is {quoted(pair)}, expected two words in lower case"
            )
        if words[0] == words[1] or {*words} & joint.keys():
            raise DataError(f"pseudo_words: pairs[{i}] has a word that is already in a pair")
        joint |= dict.fromkeys(words, "-".join(words))
    rows = [basic_words(text) for text in check_strings("pseudo_words: texts", texts)]
    found = [(r, p) for r, row in enumerate(rows) for p, word in enumerate(row) if word in joint]
    missing = joint.keys() - {rows[r][p] for r, p in found}
    if missing or not joint:
        raise DataError(
            f"pseudo_words: {listed(sorted(missing))} stand in no text; name other words"
            if missing else "pseudo_words: there are no pairs"
        )
    merged = [[joint.get(word, word) for word in row] for row in rows]
    return WordUses(
        [merged[r] for r, _ in found],
        np.array([p for _, p in found]),
        [rows[r][p] for r, p in found],
        np.array([r for r, _ in found]),
    )
