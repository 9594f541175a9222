"""Good words, bad words, and what turns them round: the sentiment of any sentence, by rule.

    the hotel is luxurious                     good
    the hotel is not luxurious                 bad: "not" turns the word that follows
    the hotel was crowded but now it is tidy   good: what was is no more, what is counts
"""

from __future__ import annotations

from collections.abc import Iterable

GOOD = """
    famous gentle valuable healthy juicy lively tidy sweet sturdy scenic crisp mellow ripe steady
    luxurious unbeaten""".split()
BAD = """
    broken faulty rusty soggy stale greasy muddy costly overdue risky bruised tangled delayed
    crowded slippery sticky""".split()
VALUE = dict.fromkeys(GOOD, 1) | dict.fromkeys(BAD, -1)
TURNS = ("not", "no", "never", "once", "was")  # turn the next good or bad word ...
STOPS = ("but", "and", "now", ",")  # ... up to one of these


def polarity(words: Iterable[str]) -> int:
    """1 for good news, -1 for bad news, 0 for neither: the sign of the sum over its words.

    A good word counts 1, a bad one -1, and a turned word the opposite.

    >>> polarity("the plum is ripe and not sticky".split()), polarity("it was sturdy".split())
    (1, -1)
    """
    total, sign = 0, 1
    for word in words:
        if word in TURNS:
            sign = -sign
        elif word in VALUE:
            total += sign * VALUE[word]
            sign = 1
        elif word in STOPS:
            sign = 1
    return (total > 0) - (total < 0)
