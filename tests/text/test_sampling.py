"""Languages are drawn with q proportional to p to the power alpha."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import ConfigError, DataError, DtypeError, ShapeError
from npft.text import draw_documents, draw_languages, language_shares

counts = st.lists(st.integers(1, 10**9), min_size=1, max_size=6)
alphas = st.floats(0, 1)


def test_the_book_s_triple():
    q = language_shares([10**6, 10**5, 10**3], 0.3)
    assert np.allclose(q, [0.615, 0.308, 0.077], atol=5e-4)


@given(counts)
def test_alpha_1_keeps_the_shares_and_alpha_0_makes_all_equal(n):
    assert np.allclose(language_shares(n, 1), np.array(n) / sum(n), rtol=1e-12)
    assert np.allclose(language_shares(n, 0), 1 / len(n), rtol=1e-12)


@given(counts, alphas)
def test_ratios_of_shares_are_ratios_of_counts_to_the_power_alpha(n, alpha):
    q = language_shares(n, alpha)
    assert np.isclose(q.sum(), 1)
    assert np.allclose(q / q[0], (np.array(n) / n[0]) ** alpha, rtol=1e-9)


@given(counts, alphas, st.integers(2, 1000))
def test_the_unit_of_the_counts_does_not_matter(n, alpha, factor):
    scaled = [factor * count for count in n]
    assert np.allclose(language_shares(scaled, alpha), language_shares(n, alpha), rtol=1e-9)


@given(counts, alphas, alphas)
def test_a_smaller_alpha_lifts_the_smallest_language(n, a, b):
    low, high = min(a, b), max(a, b)
    smallest = int(np.argmin(n))
    assert language_shares(n, low)[smallest] >= language_shares(n, high)[smallest] * (1 - 1e-12)


def test_languages_are_drawn_with_these_probabilities():
    q = language_shares([900, 90, 10], 0.5)
    drawn = draw_languages([900, 90, 10], 20_000, alpha=0.5, rng=np.random.default_rng(0))
    assert np.abs(np.bincount(drawn) / 20_000 - q).max() < 0.015  # four standard deviations
    again = draw_languages([900, 90, 10], 20_000, alpha=0.5, rng=np.random.default_rng(0))
    assert (drawn == again).all()


def test_documents_come_from_their_language_all_equally_likely():
    languages = [[f"en{i}" for i in range(8)], ["fy0", "fy1"]]
    documents, language = draw_documents(languages, 8000, alpha=0.0, rng=np.random.default_rng(1))
    assert all(document in languages[k] for document, k in zip(documents, language))
    shares = {d: documents.count(d) / 8000 for d in languages[0] + languages[1]}
    for name, share in shares.items():
        assert abs(share - (1 / 16 if name.startswith("en") else 1 / 4)) < 0.02
    assert languages == [[f"en{i}" for i in range(8)], ["fy0", "fy1"]]


@pytest.mark.parametrize("n, alpha, error, words", [
    ([1, 2], -0.1, ConfigError, "alpha is -0.1"),
    ([1, 2], 1.1, ConfigError, "alpha is 1.1"),
    ([1, 2], float("nan"), ConfigError, "alpha is nan"),
    ([], 0.3, ShapeError, "one number for each language"),
    ([[1, 2]], 0.3, ShapeError, "shape"),
    (["a"], 0.3, DtypeError, "expected numbers"),
    ([5, 0], 0.3, DataError, r"counts\[1\] is 0, expected a number above 0"),
    ([5, float("inf")], 0.3, DataError, r"counts\[1\] is inf"),
])
def test_counts_and_alphas_that_mean_nothing_are_refused(n, alpha, error, words):
    with pytest.raises(error, match=words):
        language_shares(n, alpha)


def test_a_language_without_documents_is_refused():
    with pytest.raises(DataError, match=r"counts\[1\] is 0.*leave out"):
        draw_documents([["a"], []], 3, rng=np.random.default_rng(0))


@pytest.mark.parametrize("counts, alpha, error, words", [
    ([1, 2], "0.3", ConfigError, "alpha is '0.3'"),
    ([1e308, 1e308], 0.3, DataError, "add up to inf"),
])
def test_shares_of_what_is_no_number_are_refused(counts, alpha, error, words):
    with pytest.raises(error, match=words), np.errstate(over="ignore"):
        language_shares(counts, alpha)


@pytest.mark.parametrize("options", [{"size": -1}, {"size": 2.5}, {"size": 2, "rng": 3}])
def test_sizes_and_chances_that_are_none_are_refused(options):
    options = {"rng": np.random.default_rng(0)} | options
    with pytest.raises(ConfigError, match="draw_languages: (size|rng) is"):
        draw_languages([1, 2], **options)
    with pytest.raises(ConfigError, match="draw_languages: (size|rng) is"):
        draw_documents([["a"], ["b"]], **options)


def test_ragged_counts_and_languages_that_are_no_lists_are_refused():
    with pytest.raises(ShapeError, match="language_shares: counts holds lists of different"):
        language_shares([[1], [1, 2]])
    for languages in ("ab", ["ab", "c"], 3):
        with pytest.raises(DtypeError, match="draw_documents: "):
            draw_documents(languages, 2, rng=np.random.default_rng(0))
