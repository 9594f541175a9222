"""Pairs of neighbouring pieces: counts and places against a recount after every join."""

from collections import Counter
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from npft.text.joins import Pairs


def joined(word, pair, piece):
    out = []
    for part in word:
        out.append(part)
        if tuple(out[-2:]) == pair:
            out[-2:] = [piece, None]  # None: what was joined is not joined again
    return [part for part in out if part is not None]


@given(st.lists(st.text("ab", min_size=1, max_size=9), min_size=1, max_size=5),
       st.lists(st.integers(1, 3), min_size=5, max_size=5), st.integers(1, 3))
@example(["aaaaa", "aaaa"], [1, 2, 1, 1, 1], 1)
def test_every_join_leaves_the_counts_of_a_recount(texts, counts, least):
    words = [list(text) for text in texts]
    pairs = Pairs(words, counts, least)
    while True:
        recount = Counter()
        for word, count in zip(words, counts):
            for pair in pairwise(word):
                recount[pair] += count
        assert +pairs.counts == recount
        frequent = [pair for pair in recount if recount[pair] >= least]
        best = min(frequent, key=lambda pair: (-recount[pair], pair), default=None)
        assert pairs.most_frequent() == best
        if best is None:
            return
        before = words
        words = [joined(word, best, "".join(best)) for word in words]
        saved = sum(c * (len(a) - len(b)) for a, b, c in zip(before, words, counts))
        assert pairs.join(best, "".join(best)) == saved
