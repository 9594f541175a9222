"""Span masking: lengths, starts, whole words, one decision a span; and the borders of spans.

Most texts here are numbers below 20 of a vocabulary in which 12 to 19 carry on a word, as pieces
with ## do, and 0 to 3 are special.
"""

import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from asked import rows_of, targets_of
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from npft.errors import ConfigError, ShapeError
from npft.heads.boundary import borders
from npft.pretraining.spans import TextWords, draw_spans, mask_spans, span_lengths
from npft.testing import generators, ragged_batches
from npft.text.batch import Batch
from npft.text.bytes import ByteTokenizer
from npft.text.tokenizer import Tokenizer
from npft.text.wordpiece import WordPiece

PAD, CLS, SEP, MASK = range(4)
LETTER, MORE = 4, 12  # begins a word, carries one on


class Pieces(Tokenizer):
    kind, vocab_size = "pieces", 20
    pad_id, cls_id, sep_id, mask_id = PAD, CLS, SEP, MASK
    continues = np.arange(20) >= MORE


TOK, BYTES = Pieces(), ByteTokenizer()


def rng(seed=0):
    return np.random.default_rng(seed)


def words_of(ids):
    """The words of a text as lists of places, and the stretch of text each is in, by a loop."""
    words, stretch, in_text = [], 0, False
    for place, token in enumerate(ids):
        if token < LETTER:
            in_text = False
            continue
        stretch += not in_text
        if in_text and token >= MORE:
            words[-1][0].append(place)
        else:
            words.append(([place], stretch))
        in_text = True
    return words


def runs(rows):
    """Rows cut where a row is left out: [[3, 4], [9]]."""
    found = []
    for row in rows.tolist():
        if found and row == found[-1][-1] + 1:
            found[-1].append(row)
        else:
            found.append([row])
    return found


def text_of(n, sequences=1, seed=0):
    """Sequences of n random bytes between [CLS] and [SEP]: each byte is a word."""
    text = rng(seed).integers(0, 256, (sequences, n))
    ids = np.hstack([np.full((sequences, 1), 257), text, np.full((sequences, 1), 258)])
    return Batch(ids.ravel(), np.arange(sequences + 1) * (n + 2))


# ---- lengths ----


@given(st.floats(0.01, 0.99), st.integers(1, 30))
def test_lengths_are_geometric_cut_off_and_renormalised(p, longest):
    q = span_lengths(p, longest)
    weights = [p * (1 - p) ** (length - 1) for length in range(1, longest + 1)]
    whole = 1 - (1 - p) ** longest
    np.testing.assert_allclose(q, np.array(weights) / whole, rtol=1e-9)
    assert len(q) == longest and q.sum() == pytest.approx(1)


def test_the_lengths_of_spanbert_have_the_mean_3_797_and_not_4_463():
    q = span_lengths()
    assert q @ np.arange(1, 11) == pytest.approx(3.797, abs=5e-4)
    assert [round(q[0], 3), round(q[9], 3)] == [0.224, 0.030]
    clipped = np.minimum(rng().geometric(0.2, 10**6), 10).mean()
    assert clipped == pytest.approx(4.463, abs=0.01)  # the other distribution, told apart


@pytest.mark.parametrize("p, longest", [
    (0, 10), (1, 10), (-0.1, 10), (np.nan, 10), (0.2, 0), (0.2, 1.5)])
def test_lengths_that_are_no_distribution_are_refused(p, longest):
    words = "span_lengths: (p|longest) is .*, expected a (share|whole number)"
    with pytest.raises(ConfigError, match=words):
        span_lengths(p, longest)


def test_drawn_lengths_follow_the_distribution():
    """Of 35 words and a budget of 20, no length of the first two spans is turned down or cut."""
    words, random, lengths = TextWords(text_of(35).ids, BYTES), rng(1), []
    while len(lengths) < 10_000:
        lengths += [length for _, length in draw_spans(words, 20, span_lengths(), rng=random)[:2]]
    counts = np.bincount(lengths, minlength=11)[1:]
    assert chisquare(counts, span_lengths() * len(lengths)).pvalue > 1e-3
    assert np.mean(lengths) == pytest.approx(3.797, abs=0.1)


def test_spans_of_long_texts_have_the_mean_length_and_fifteen_percent():
    batch = text_of(600, 50)
    masked = mask_spans(batch, BYTES, rng=rng(2))
    assert (np.diff(rows_of(masked)) > 0).all()
    assert np.mean([len(run) for run in runs(rows_of(masked))]) == pytest.approx(3.797, abs=0.25)
    assert len(rows_of(masked)) / (50 * 600) == pytest.approx(0.15, abs=1e-3)


# ---- places ----


def slow_draws(sizes, budget, lengths):
    """The probability of every list of spans, for words of one stretch with these sizes."""
    n, found = len(sizes), Counter()

    def go_on(spans, free, budget, p):
        if budget == 0:
            found[spans] += p
            return
        for length, q in enumerate(lengths, start=1):
            legal = [w for w in range(n - length + 1) if set(range(w, w + length)) <= free]
            if not legal:
                end(spans, p * q)
            for first in legal:
                fits = [k for k in range(1, length + 1) if sum(sizes[first : first + k]) <= budget]
                if not fits:
                    end(spans, p * q / len(legal))
                    continue
                cut = fits[-1]
                apart = free - set(range(first - 1, first + cut + 1))
                left = budget - sum(sizes[first : first + cut])
                go_on((*spans, (first, cut)), apart, left, p * q / len(legal))

    def end(spans, p):
        for first in range(n) if not spans else ():
            found[((first, 1),)] += p / n
        if spans:
            found[spans] += p

    go_on((), frozenset(range(n)), budget, 1.0)
    return found


@pytest.mark.parametrize("sizes, budget, lengths", [
    ([1] * 9, 3, [0, 0, 1]),  # one span: evenly among seven starts
    ([1] * 8, 4, [0.3, 0.5, 0.2]),
    ([1] * 4, 4, [0.3, 0.5, 0.2]),  # often full before the budget is used up
    ([2, 1, 3, 1, 1], 3, [0.4, 0.6]),  # long words are cut from a span, or fit not at all
    ([4, 3, 5], 2, [0.5, 0.5]),  # no word fits: one of three is taken
    ([1, 1], 2, [0, 0, 1]),  # no length fits
])
def test_spans_have_the_probabilities_of_a_slow_enumeration(sizes, budget, lengths):
    text = [token for size in sizes for token in [LETTER] + [MORE] * (size - 1)]
    words, random = TextWords(np.array([CLS, *text, SEP]), TOK), rng(3)
    drawn = Counter(tuple(draw_spans(words, budget, np.array(lengths), rng=random))
                    for _ in range(4000))
    expected = slow_draws(sizes, budget, lengths)
    assert sum(expected.values()) == pytest.approx(1) and set(drawn) <= set(expected)
    common = [spans for spans, p in expected.items() if p * 4000 >= 5]
    observed = np.array([drawn[s] for s in common] + [4000 - sum(drawn[s] for s in common)])
    share = np.array([expected[s] for s in common])
    share = np.append(share, max(0.0, 1 - share.sum()))
    if share[-1] * 4000 < 1:
        assert observed[-1] <= 5
        observed, share = observed[:-1], share[:-1] / share[:-1].sum() * observed[:-1].sum() / 4000
    assert len(observed) == 1 or chisquare(observed, share * 4000).pvalue > 1e-3


def test_a_span_does_not_cross_a_special_token():
    words = TextWords(np.array([CLS, 4, 5, 6, 7, SEP, 8, 9, 10, SEP]), TOK)
    firsts = Counter(draw_spans(words, 3, np.array([0, 0, 1.0]), rng=random)[0][0]
                     for random in map(rng, range(1500)))
    assert set(firsts) == {0, 1, 4}  # never 2 or 3, whose third word lies behind the [SEP]
    assert chisquare(list(firsts.values())).pvalue > 1e-3


@given(ragged_batches(max_length=30), st.floats(0.01, 1), generators())
def test_spans_are_whole_words_that_never_touch_within_the_budget(batch, rate, random):
    labels, types = np.arange(len(batch)), np.arange(len(batch.ids)) % 2
    batch = batch.replace(labels=labels, token_types=types)
    before = batch.ids.copy()
    masked = mask_spans(batch, TOK, rate=rate, rng=random)
    assert (np.diff(rows_of(masked)) > 0).all()
    assert targets_of(masked).tolist() == before[rows_of(masked)].tolist()
    rest = np.setdiff1d(np.arange(len(before)), rows_of(masked))
    assert (masked.ids[rest] == before[rest]).all() and (batch.ids == before).all()
    for name in ("offsets", "token_types", "labels"):
        assert (getattr(masked, name) == getattr(batch, name)).all()
    shown = masked.ids[rows_of(masked)]
    assert ((shown == MASK) | (shown >= LETTER)).all()
    for start, stop in pairwise(batch.offsets):
        words = words_of(before[start:stop])
        chosen = set(rows_of(masked)[(rows_of(masked) >= start) & (rows_of(masked) < stop)] - start)
        hidden = [places for places, _ in words if chosen & set(places)]
        assert chosen == {place for places in hidden for place in places}  # whole words of text
        assert bool(hidden) == bool(words)
        budget = max(1, math.ceil(rate * sum(len(w) for w, _ in words) - 1e-9))
        assert len(chosen) <= budget or len(hidden) == 1


@given(ragged_batches(max_sequences=1, max_length=30), st.integers(1, 30), generators())
def test_between_two_spans_stands_a_token_that_is_seen(batch, budget, random):
    words = words_of(batch.ids)
    spans = sorted(draw_spans(TextWords(batch.ids, TOK), budget, span_lengths(0.3, 5), rng=random))
    assert len(spans) >= 1 or not words
    for first, length in spans:
        assert 1 <= length <= 5
        assert len({stretch for _, stretch in words[first : first + length]}) == 1
    ends = [(words[f][0][0], words[f + n - 1][0][-1]) for f, n in spans]  # first and last token
    assert all(last + 1 < first for (_, last), (first, _) in pairwise(ends))


@given(ragged_batches(max_sequences=1, max_length=30))
def test_words_are_those_of_a_loop(batch):
    words, slow = TextWords(batch.ids, TOK), words_of(batch.ids)
    assert words.start.tolist() == [places[0] for places, _ in slow]
    assert words.size.tolist() == [len(places) for places, _ in slow]
    same = [[a == b for _, a in slow] for _, b in slow]
    assert (words.run[:, None] == words.run).tolist() == same


@given(ragged_batches(max_sequences=1, max_length=20), st.data())
def test_the_room_ahead_is_that_of_a_loop(batch, data):
    slow = words_of(batch.ids)
    free = data.draw(st.lists(st.booleans(), min_size=len(slow), max_size=len(slow)))
    expected = []
    for w, (_, stretch) in enumerate(slow):
        n = 0
        while w + n < len(slow) and free[w + n] and slow[w + n][1] == stretch:
            n += 1
        expected.append(n)
    assert TextWords(batch.ids, TOK).room_ahead(np.array(free, bool)).tolist() == expected


def test_words_of_a_wordpiece_are_hidden_whole():
    texts = ["unlockable locks unlock the unlocked lockers", "the able locker locks"] * 120
    tok = WordPiece.train(texts, vocab_size=26)
    batch = tok(texts)
    assert tok.continues[batch.ids].mean() > 0.3
    masked = mask_spans(batch, tok, rng=rng(4))
    is_text = ~np.isin(batch.ids, tok.special_ids)
    word = np.cumsum(~tok.continues[batch.ids])  # [CLS] and [SEP] count as words, too
    chosen = np.isin(np.arange(len(word)), rows_of(masked))
    assert all(chosen[word == w].all() for w in np.unique(word[chosen]))
    per_text = np.bincount(batch.sequence[rows_of(masked)], minlength=len(batch))
    words_hidden = [len(set(word[rows_of(masked)[batch.sequence[rows_of(masked)] == s]]))
                    for s in range(len(batch))]
    size = np.bincount(batch.sequence[is_text])
    assert ((per_text <= np.ceil(0.15 * size)) | (np.array(words_hidden) == 1)).all()


def test_the_mean_share_is_the_rate_where_each_token_is_a_word():
    for rate in (0.15, 0.3):
        masked = mask_spans(text_of(50, 1500), BYTES, rate=rate, rng=rng(5))
        counts = np.bincount(rows_of(masked) // 52, minlength=1500)
        assert counts.max() <= math.ceil(rate * 50) and counts.min() >= 1
        assert counts.mean() / 50 == pytest.approx(rate, abs=1e-3)


def test_the_budget_counts_tokens_and_what_is_left_of_it_hides_no_part_of_a_word():
    """Of 25 words of two tokens, 7 or 8 tokens may be hidden, and 6 or 8 are."""
    ids = np.tile([CLS, *[LETTER, MORE] * 25, SEP], 400)
    masked = mask_spans(Batch(ids, np.arange(401) * 52), TOK, rng=rng(8))
    counts = np.bincount(rows_of(masked) // 52, minlength=400)
    assert set(counts) == {6, 8} and counts.mean() == pytest.approx(7, abs=0.25)


# ---- decisions ----


@pytest.fixture(scope="module")
def audit():
    """About 4,000 spans and what is seen of each."""
    batch = text_of(200, 500)
    masked = mask_spans(batch, BYTES, rng=rng(6))
    spans = runs(rows_of(masked))
    return [(masked.ids[s], batch.ids[s]) for s in spans]


def test_of_the_spans_80_percent_are_masked_10_replaced_and_10_kept_each_as_a_whole(audit):
    found = Counter()
    for seen, true in audit:
        kind = "masked" if (seen == 259).all() else "kept" if (seen == true).all() else "replaced"
        assert kind == "masked" or not (seen == 259).any()  # one decision for the whole span
        if kind == "replaced" and len(seen) >= 3:
            assert (seen != true).sum() >= len(seen) - 2  # a byte is drawn by chance 1 in 256
        found[kind] += 1
    assert len(audit) > 3500
    for kind, share in (("masked", 0.8), ("replaced", 0.1), ("kept", 0.1)):
        assert found[kind] / len(audit) == pytest.approx(share, abs=0.02)


def test_replaced_tokens_are_drawn_each_on_its_own(audit):
    replaced = [seen for seen, true in audit if (seen != true).all() and seen.max() < 256]
    assert sum(len(set(s)) == 1 for s in replaced if len(s) > 1) < 0.05 * len(replaced)
    counts = np.bincount(np.concatenate(replaced) // 16, minlength=16)
    assert chisquare(counts).pvalue > 1e-3


def test_replaced_tokens_follow_a_given_unigram_distribution():
    only = np.zeros(260)
    only[[65, 66]], only[257] = [3, 1], 9  # [CLS] must not count
    batch = text_of(100, 200)
    masked = mask_spans(batch, BYTES, unigram=only, rng=rng(7))
    seen = masked.ids[rows_of(masked)]
    new = seen[(seen != 259) & (seen != targets_of(masked))]
    assert set(new) == {65, 66} and (new == 65).mean() == pytest.approx(0.75, abs=0.1)
    with pytest.raises(ShapeError, match="unigram has shape"):
        mask_spans(batch, BYTES, unigram=np.ones(3), rng=rng())


def test_the_same_seed_gives_the_same_bits_and_another_does_not():
    batch = text_of(60, 20)
    a, b, c = (mask_spans(batch, BYTES, rng=rng(s)) for s in (0, 0, 1))
    assert a.ids.tobytes() == b.ids.tobytes() != c.ids.tobytes()
    assert rows_of(a).tobytes() == rows_of(b).tobytes() != rows_of(c).tobytes()


def test_words_and_what_was_cut_off_stay_with_the_tokens():
    batch = text_of(9, 3)
    batch = batch.replace(token_types=np.arange(33) % 2, words=np.arange(33) % 4 - 1,
                          labels=[2, 0, 1], tokens_cut=[0, 7, 1])
    masked = mask_spans(batch, BYTES, rate=0.4, rng=rng(3))
    for name in ("words", "tokens_cut", "token_types", "labels", "offsets"):
        assert getattr(masked, name).tolist() == getattr(batch, name).tolist()


def test_a_batch_without_text_gives_no_spans():
    for batch in (Batch([CLS, SEP, PAD], [0, 2, 3]), Batch([], [0])):
        masked = mask_spans(batch, TOK, rng=rng())
        assert rows_of(masked).shape == targets_of(masked).shape == (0,)
    assert [a.tolist() for a in borders(rows_of(masked))] == [[], [], []]


@pytest.mark.parametrize("rate", [0, -0.1, 1.01, float("nan")])
def test_a_rate_that_is_no_share_is_refused(rate):
    with pytest.raises(ConfigError, match="mask_spans: rate is"):
        mask_spans(text_of(5), BYTES, rate=rate, rng=rng())


@pytest.mark.parametrize("lengths", [
    [], [2.0, 2.0], [0.5, 0.4], [-0.5, 1.5], [np.nan, 1], np.full((2, 2), 0.25),
])
def test_lengths_that_are_no_probabilities_are_refused(lengths):
    with pytest.raises(ConfigError, match="mask_spans: lengths are"):
        mask_spans(text_of(5), BYTES, lengths=np.array(lengths), rng=rng())


@pytest.mark.parametrize("lengths", ["geometric", ["a"], [[0.5], 0.5], [True, False], 3])
def test_lengths_that_are_no_numbers_are_refused(lengths):
    with pytest.raises((ConfigError, ShapeError), match="mask_spans: lengths"):
        mask_spans(text_of(5), BYTES, lengths=lengths, rng=rng())


def test_of_a_short_text_a_word_is_hidden_and_of_no_text_all():
    """Every token is a word here: the share is the rate, but for what spans leave between them."""
    shares = {}
    for words, rate in ((3, 0.15), (10, 0.15), (50, 0.15), (3, 1.0), (50, 1.0)):
        masked = mask_spans(text_of(words, 1500), BYTES, rate=rate, rng=rng(5))
        shares[words, rate] = masked.n_targets / (1500 * words)
    assert shares[3, 0.15] == 1 / 3
    assert shares[10, 0.15] == pytest.approx(0.15, abs=0.01)
    assert shares[50, 0.15] == pytest.approx(0.15, abs=0.001)
    assert all(0.45 < shares[words, 1.0] < 0.6 for words in (3, 50))


def test_other_lengths_can_be_given():
    masked = mask_spans(text_of(400, 20), BYTES, lengths=np.array([0, 0, 1.0]), rng=rng())
    lengths = [len(run) for run in runs(rows_of(masked))]
    assert lengths.count(3) >= len(lengths) - 20  # the last of each text may be cut


# ---- borders ----


def test_the_worked_case_of_the_chapter():
    """Figure 11.12: of the span (3, 5), token 4 is predicted from tokens 2 and 6 and place 2."""
    left, right, place = borders(np.array([3, 4, 5]))
    assert (left[1], right[1], place[1]) == (2, 6, 2)


@given(st.sets(st.integers(1, 40)))
def test_borders_are_those_of_a_loop(chosen):
    rows = np.array(sorted(chosen), dtype=np.int64)
    left, right, place = borders(rows)
    for k, row in enumerate(rows):
        first, last = row, row
        while first - 1 in chosen:
            first -= 1
        while last + 1 in chosen:
            last += 1
        assert (left[k], right[k], place[k]) == (first - 1, last + 1, row - first + 1)
    assert len(left) == len(right) == len(place) == len(rows)
