"""Masking: how many tokens, which, what stands in their place, and what must be restored."""

from itertools import pairwise

import numpy as np
import pytest
from asked import rows_of, targets_of
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from npft.errors import ConfigError, ShapeError
from npft.pretraining.masking import (
    hide,
    mask_tokens,
    ordinary_tokens,
    random_tokens,
    static_masks,
)
from npft.text.batch import Batch
from npft.text.bytes import ByteTokenizer
from npft.text.wordpiece import WordPiece

TOK = ByteTokenizer()
PAD, CLS, SEP, MASK = TOK.special_ids


def batch_of(rows, **parts):
    return Batch(np.concatenate(rows), np.append(0, np.cumsum([len(r) for r in rows])), **parts)


def text_rows(sequences=2000, length=50, seed=0):
    rng = np.random.default_rng(seed)
    return [np.r_[CLS, rng.integers(0, 256, length), SEP] for _ in range(sequences)]


@pytest.fixture(scope="module")
def many():
    """1e5 tokens of text, masked once with a given and once with the default replacement."""
    batch = batch_of(text_rows())
    unigram = np.random.default_rng(1).random(260) ** 4  # also on special ids, which must not count
    plain = mask_tokens(batch, TOK, rng=np.random.default_rng(2))
    given = mask_tokens(batch, TOK, unigram=unigram, rng=np.random.default_rng(3))
    return batch, plain, given, unigram


def test_fifteen_percent_of_the_text_is_chosen_everywhere_alike(many):
    batch, plain, _, _ = many
    assert abs(len(rows_of(plain)) / (len(batch.ids) - 2 * len(batch)) - 0.15) < 0.005
    # 7.5 of 50 tokens: 7 in one half of the sequences, 8 in the other
    counts = np.bincount(batch.sequence[rows_of(plain)], minlength=len(batch))
    assert set(counts) == {7, 8} and abs((counts == 7).mean() - 0.5) < 0.05
    places = np.bincount(batch.positions[rows_of(plain)], minlength=52)
    assert places[[0, 51]].sum() == 0
    assert chisquare(places[1:51]).pvalue > 1e-3


@pytest.mark.parametrize("rate", [0.02, 0.4, 1.0])
def test_another_rate_is_kept_on_average(rate):
    batch = batch_of(text_rows(length=100))
    masked = mask_tokens(batch, TOK, rate=rate, rng=np.random.default_rng(0))
    assert len(rows_of(masked)) / (100 * len(batch)) == pytest.approx(rate, abs=0.005)


def test_of_the_chosen_80_percent_are_masked_10_replaced_and_10_kept(many):
    for masked in many[1:3]:
        seen = masked.ids[rows_of(masked)]
        hidden, kept = (seen == MASK).mean(), (seen == targets_of(masked)).mean()
        assert abs(hidden - 0.80) < 0.01
        assert abs(kept - 0.10) < 0.011  # with the few that are replaced by themselves
        assert abs(1 - hidden - kept - 0.10) < 0.01


def replacements(masked):
    seen = masked.ids[rows_of(masked)]
    return seen[(seen != MASK) & (seen != targets_of(masked))]


def test_replacements_are_uniform_over_text_by_default(many):
    counts = np.bincount(replacements(many[1]), minlength=260)
    assert counts[256:].sum() == 0 and counts.sum() > 1300
    assert chisquare(counts[:256]).pvalue > 1e-3


def test_replacements_follow_a_given_unigram_distribution(many):
    _, _, masked, unigram = many
    counts = np.bincount(replacements(masked), minlength=260)
    assert counts[256:].sum() == 0
    common = np.argsort(-unigram[:256])[:60]
    p = unigram[:256] / unigram[:256].sum()
    observed = np.r_[counts[common], counts.sum() - counts[common].sum()]
    expected = np.r_[p[common], 1 - p[common].sum()] * counts.sum()
    assert expected.min() > 5
    assert chisquare(observed, expected).pvalue > 1e-3
    assert chisquare(observed).pvalue < 1e-9  # and they are far from uniform


sequences = st.lists(
    st.lists(st.sampled_from([0, 1, 65, 255, PAD, CLS, SEP, MASK]), min_size=1, max_size=9),
    min_size=1, max_size=6,
)


@given(sequences, st.sampled_from([0.01, 0.15, 0.5, 1.0]), st.integers(0, 99))
def test_masks_fit_their_batch(rows, rate, seed):
    n = sum(map(len, rows))
    batch = batch_of(rows, token_types=np.arange(n) % 2, labels=np.arange(len(rows)),
                     words=np.arange(n) % 5 - 1, tokens_cut=np.arange(len(rows)) % 3)
    before = batch.ids.copy()
    masked = mask_tokens(batch, TOK, rate=rate, rng=np.random.default_rng(seed))
    rows_chosen = rows_of(masked)
    assert (np.diff(rows_chosen) > 0).all()
    assert not np.isin(before[rows_chosen], TOK.special_ids).any()
    assert targets_of(masked).tolist() == before[rows_chosen].tolist()
    others = np.setdiff1d(np.arange(n), rows_chosen)
    assert (masked.ids[others] == before[others]).all()
    assert np.isin(masked.ids[rows_chosen], np.r_[0:256, MASK]).all()
    text = [sum(i < 256 for i in row) for row in rows]
    chosen = np.bincount(batch.sequence[rows_chosen], minlength=len(rows))
    for have, got in zip(text, chosen):
        assert got >= min(1, have)
        assert got in (max(1, int(rate * have)), int(rate * have) + 1, have)
        assert got <= have and (rate < 1 or got == have)
    for name in ("offsets", "token_types", "labels", "words", "tokens_cut"):
        assert getattr(masked, name).tolist() == getattr(batch, name).tolist()
    assert batch.ids.tolist() == before.tolist()


def test_the_same_seed_gives_the_same_bits_and_another_does_not():
    batch = batch_of(text_rows(20))
    a, b, c = (mask_tokens(batch, TOK, rng=np.random.default_rng(s)) for s in (0, 0, 1))
    assert a.ids.tobytes() == b.ids.tobytes() != c.ids.tobytes()
    assert a.token_labels.tobytes() == b.token_labels.tobytes()


def test_a_batch_without_text_gives_no_rows():
    masked = mask_tokens(batch_of([[CLS, SEP], [PAD]]), TOK, rng=np.random.default_rng(0))
    assert rows_of(masked).shape == targets_of(masked).shape == (0,)
    assert masked.ids.tolist() == [CLS, SEP, PAD]


def test_ordinary_tokens_are_all_but_the_special_and_unknown_ones():
    tok = WordPiece.train(["a bug hugs"], vocab_size=20)
    assert np.flatnonzero(~ordinary_tokens(tok)).tolist() == [0, 1, 2, 3, 4]
    assert np.flatnonzero(~ordinary_tokens(TOK)).tolist() == [256, 257, 258, 259]


@pytest.mark.parametrize("rate", [0, -0.1, 1.01, float("nan")])
def test_a_rate_that_is_no_share_is_refused(rate):
    with pytest.raises(ConfigError, match="rate is"):
        mask_tokens(batch_of([[CLS, 65]]), TOK, rate=rate, rng=np.random.default_rng(0))


@pytest.mark.parametrize("unigram, error, words", [
    (np.ones(3), ShapeError, r"unigram has shape \(3,\)"),
    (np.ones((260, 2)), ShapeError, "unigram has shape"),
    (np.zeros(260), ConfigError, "0 for every ordinary token"),
    (np.r_[np.zeros(256), np.ones(4)], ConfigError, "0 for every ordinary token"),
    (np.r_[-1.0, np.ones(259)], ConfigError, "no probabilities"),
    (np.r_[np.nan, np.ones(259)], ConfigError, "no probabilities"),
    (["a"] * 260, ConfigError, "no probabilities"),
    ([True] * 260, ConfigError, "no probabilities"),
    ([[0.5], 0.5], ShapeError, "unigram holds lists of different lengths"),
    ("a", ShapeError, "unigram has shape"),
])
def test_a_unigram_distribution_that_is_none_is_refused(unigram, error, words):
    with pytest.raises(error, match=words):
        mask_tokens(batch_of([[CLS, 65]]), TOK, unigram=unigram, rng=np.random.default_rng(0))


# ---- the parts ----


def test_hide_shows_mask_another_token_or_the_token_itself_by_its_kind():
    batch = Batch([CLS, 65, 66, 67, 68, SEP], [0, 6], token_types=[0, 0, 1, 1, 1, 1], labels=[3])
    rows, other = np.array([1, 2, 4]), np.array([70, 71, 72])
    for kind, shown in (([0.0, 0.85, 0.95], [MASK, 71, 68]), ([0.799, 0.8, 0.899], [MASK, 71, 72]),
                        ([0.9, 0.999, 0.79], [65, 66, MASK])):
        masked = hide(batch, rows, np.array(kind), other, TOK)
        assert masked.ids[rows].tolist() == shown
        assert masked.ids[[0, 3, 5]].tolist() == [CLS, 67, SEP]
        assert rows_of(masked).tolist() == [1, 2, 4] and targets_of(masked).tolist() == [65, 66, 68]
        assert masked.labels.tolist() == [3]
        assert masked.token_types.tolist() == [0, 0, 1, 1, 1, 1]
    assert batch.ids.tolist() == [CLS, 65, 66, 67, 68, SEP]


class Fixed:
    """A generator that draws the numbers it is given."""

    def __init__(self, *u):
        self.u = np.array(u)

    def random(self, n):
        assert n == len(self.u)
        return self.u


def test_random_tokens_are_the_inverse_of_the_cumulative_distribution():
    tok = WordPiece.train(["a bug hugs"], vocab_size=20)
    n = tok.vocab_size - 5  # 0 to 4 are special or unknown
    draws = [0.0, 0.4 / n, 1.01 / n, 0.999999999, 1 - 2**-53]
    assert random_tokens(5, tok, None, Fixed(*draws)).tolist() == [5, 5, 6, n + 4, n + 4]
    p = np.zeros(tok.vocab_size)
    p[[0, 1, 7, 9]] = [5, 5, 1, 3]  # what is special or unknown does not count
    assert random_tokens(4, tok, p, Fixed(0.0, 0.24, 0.26, 0.99)).tolist() == [7, 7, 9, 9]
    assert random_tokens(0, tok, p, np.random.default_rng(0)).shape == (0,)


# ---- static masks ----


def each(masked):
    """Of every sequence: what is seen, where it is masked, and what must be restored."""
    for a, b in pairwise(masked.offsets):
        inside = (rows_of(masked) >= a) & (rows_of(masked) < b)
        yield (masked.ids[a:b].tolist(), (rows_of(masked)[inside] - a).tolist(),
               targets_of(masked)[inside].tolist())


def test_static_masks_are_the_same_for_a_sequence_in_any_batch_and_for_any_generator():
    rows = [r[: 5 + 3 * k] for k, r in enumerate(text_rows(12))]
    whole = list(each(static_masks(batch_of(rows), TOK)))
    order = np.random.default_rng(1).permutation(12)
    mixed = batch_of([rows[k] for k in order])
    for rng in (None, np.random.default_rng(0), np.random.default_rng(1)):
        assert list(each(static_masks(mixed, TOK, rng=rng))) == [whole[k] for k in order]
    for k, row in enumerate(rows):
        assert list(each(static_masks(batch_of([row]), TOK))) == [whole[k]]


def test_other_sequences_have_other_static_masks():
    rows = text_rows(200, length=40)
    for row in rows[1:100]:  # also if they differ in one token alone
        row[:] = rows[0]
    for k, row in enumerate(rows[1:100]):
        row[1 + k % 40] = (row[1 + k % 40] + 1 + k // 40) % 256
    places = [tuple(where) for _, where, _ in each(static_masks(batch_of(rows), TOK))]
    assert len(set(places)) == 200


def test_static_masks_keep_to_fifteen_eighty_ten_ten():
    batch = batch_of(text_rows(1500), token_types=np.arange(1500 * 52) % 2,
                     labels=np.arange(1500) % 2, words=np.arange(1500 * 52) % 7 - 1,
                     tokens_cut=np.arange(1500) % 3)
    before = batch.ids.copy()
    masked = static_masks(batch, TOK)
    assert abs(len(rows_of(masked)) / (50 * 1500) - 0.15) < 0.003
    seen = masked.ids[rows_of(masked)]
    hidden, kept = (seen == MASK).mean(), (seen == targets_of(masked)).mean()
    assert abs(hidden - 0.8) < 0.015 and abs(kept - 0.1) < 0.015
    places = np.bincount(batch.positions[rows_of(masked)], minlength=52)
    assert places[[0, 51]].sum() == 0 and chisquare(places[1:51]).pvalue > 1e-3
    assert targets_of(masked).tolist() == before[rows_of(masked)].tolist()
    others = np.setdiff1d(np.arange(len(before)), rows_of(masked))
    assert (masked.ids[others] == before[others]).all() and (batch.ids == before).all()
    for name in ("offsets", "token_types", "labels", "words", "tokens_cut"):
        assert (getattr(masked, name) == getattr(batch, name)).all()


def test_nothing_has_no_static_masks():
    masked = static_masks(Batch([], [0]), TOK)
    assert rows_of(masked).shape == targets_of(masked).shape == (0,) and len(masked) == 0
