"""The k best: as a full sort would give them, equal scores in their order, whatever the blocks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import ConfigError, DtypeError
from npft.search.top import best, best_of_blocks, check_search


@given(st.integers(0, 10**6))
def test_the_k_best_are_those_of_a_stable_sort_for_any_blocks(seed):
    rng = np.random.default_rng(seed)
    q, n = (int(x) for x in rng.integers(1, 12, 2))
    k = int(rng.integers(1, n + 1))
    scores = rng.integers(0, 4, (q, n)) / 2  # many ties
    before = scores.copy()
    expected = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    assert np.array_equal(best(scores, k), expected)
    cuts = np.sort(rng.integers(1, n + 1, 2))
    blocks = [b for b in np.split(scores, cuts, axis=1) if b.shape[1]]
    found = best_of_blocks(blocks, k)
    assert np.array_equal(found.documents, expected)
    assert np.array_equal(found.scores, np.take_along_axis(scores, expected, axis=1))
    assert np.array_equal(scores, before)


def test_queries_and_k_are_checked():
    assert check_search("s", ["a"], 5, 3) == (["a"], 3)
    with pytest.raises(ConfigError, match="s: k is 0"):
        check_search("s", ["a"], 0, 3)
    with pytest.raises(ConfigError, match="there are no queries"):
        check_search("s", [], 1, 3)
    with pytest.raises(DtypeError, match="queries is one string"):
        check_search("s", "a", 1, 3)
