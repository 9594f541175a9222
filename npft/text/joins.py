"""Joining the most frequent pair of neighbouring pieces, again and again: BPE and WordPiece.

    words      h u g   2 times,  h u g s  1 time
    pairs      h u 3,  u g 3,    g s 1
    join u g   h ug,             h ug s:          h ug 3,  ug s 1

To count all pairs anew for each join would take hours. A join changes only the pairs to its left
and to its right, and takes one piece away; so, with the places of every pair at hand, all joins
together take time in proportion to the text, however long the words are.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

Piece = TypeVar("Piece", bound=int | str)


class Pairs(Generic[Piece]):
    """The pairs of neighbouring pieces in words, with their counts and places.

    words: each as its smallest pieces. counts: how often each word occurs. min_count: a pair that
    occurs less often is not looked at.

    >>> pairs = Pairs([["h", "u", "g"], ["h", "u", "g", "s"]], [2, 1], min_count=2)
    >>> pairs.most_frequent(), pairs.join(("h", "u"), "hu"), pairs.most_frequent()
    (('h', 'u'), 3, ('hu', 'g'))
    """

    def __init__(
        self, words: Iterable[Sequence[Piece]], counts: Iterable[int], min_count: int
    ) -> None:
        self.min_count = min_count
        self.pieces: list[Piece | None] = [None]  # of all words; None stands between two words
        self.times = [0]  # how often the word at each place occurs
        for word, count in zip(words, counts):
            self.pieces += [*word, None]
            self.times += [count] * (len(word) + 1)
        places = list(range(len(self.pieces)))
        self.before, self.after = [-1, *places], [*places[1:], -1]  # the neighbours of each place
        self.counts: Counter[tuple[Piece, Piece]] = Counter()
        self.places: defaultdict[tuple[Piece, Piece], list[int]] = defaultdict(list)
        for left in places:
            self._change(self.counts, left, self.times[left])
        # The heap gives the highest count, and of equal counts the smallest pair. A pair is pushed
        # again whenever its count changes; entries with an old count are passed over.
        self.heap = [(-n, pair) for pair, n in self.counts.items() if n >= min_count]
        heapq.heapify(self.heap)

    def _change(self, counts: Counter[tuple[Piece, Piece]], left: int, times: int) -> None:
        """Count the pair at a place, if there is one; a pair that is new there (> 0) is noted."""
        a, b = self.pieces[left], self.pieces[self.after[left]]
        if a is not None and b is not None:
            counts[a, b] += times
            if times > 0:
                self.places[a, b].append(left)

    def most_frequent(self) -> tuple[Piece, Piece] | None:
        """The pair to join next, or None if no pair occurs min_count times. Ask once, then join."""
        while self.heap:
            negative, pair = heapq.heappop(self.heap)
            if -negative == self.counts[pair]:
                return pair
        return None

    def join(self, pair: tuple[Piece, Piece], piece: Piece) -> int:
        """Join each occurrence of the pair, in each word from the left; return their number."""
        changes: Counter[tuple[Piece, Piece]] = Counter()
        joins = 0
        for left in sorted(self.places.pop(pair)):
            right = self.after[left]
            if (self.pieces[left], self.pieces[right]) != pair:
                continue  # another join took one of the two
            times, before, after = self.times[left], self.before[left], self.after[right]
            for place in (before, left, right):
                self._change(changes, place, -times)
            self.pieces[left], self.pieces[right] = piece, None
            self.after[left], self.before[after] = after, left
            for place in (before, left):
                self._change(changes, place, times)
            joins += times
        for changed, change in changes.items():
            self.counts[changed] += change
            if change and self.counts[changed] >= self.min_count:
                heapq.heappush(self.heap, (-self.counts[changed], changed))
        return joins
