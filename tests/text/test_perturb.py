"""Perturbations: at the rate that was asked for, from the generator alone, and nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import ConfigError, DataError, DtypeError
from npft.text import lengthened, longest, rare_terms, rarest, typos
from npft.text.perturb import NEIGHBOURS, SLIPS

texts_of_anything = st.lists(st.text(max_size=20), max_size=4)
letters = st.lists(st.text("abcdefgh -", max_size=20), max_size=4)
seeds = st.integers(0, 99)
SYNONYMS = {"big": ["large", "huge"], "old": ["aged"]}
COUNTS = {"big": 9, "large": 3, "huge": 1, "aged": 50, "old": 5}


def rng(seed=0):
    return np.random.default_rng(seed)


def all_ways(texts, rate, seed):
    return [
        typos(texts, rate, rng=rng(seed)),
        rare_terms(texts, SYNONYMS, COUNTS, rate, rng=rng(seed)),
        lengthened(texts, ["It rained.", "So."], 9, rate, rng=rng(seed)),
    ]


@given(texts_of_anything, st.floats(0, 1), seeds)
def test_rate_0_changes_nothing_and_the_generator_decides_all(texts, rate, seed):
    before = list(texts)
    assert all_ways(texts, 0, seed) == [before] * 3
    assert all_ways(texts, rate, seed) == all_ways(texts, rate, seed)
    assert texts == before
    assert all(len(way) == len(texts) for way in all_ways(texts, rate, seed))


@given(texts_of_anything, st.floats(0, 1), seeds)
def test_typos_keep_the_number_of_words_and_all_that_is_no_letter(texts, rate, seed):
    for text, new in zip(texts, typos(texts, rate, rng=rng(seed))):
        assert len(new.split()) == len(text.split())
        assert [c for c in new if not c.isalpha()] == [c for c in text if not c.isalpha()]


@given(letters, st.floats(0, 1), seeds)
def test_each_slip_does_what_it_says(texts, rate, seed):
    def pairs(slip):
        return zip(texts, typos(texts, rate, slips=[slip], rng=rng(seed)))

    for text, new in pairs("swap"):
        assert sorted(new) == sorted(text)
        changed = [i for i in range(len(text)) if text[i] != new[i]]
        firsts = changed[::2]
        assert changed == [i for k in firsts for i in (k, k + 1)]  # in neighbouring pairs
        assert all(text[i : i + 2] == new[i : i + 2][::-1] and " " not in text[i : i + 2]
                   for i in firsts)
    for text, new in pairs("neighbour"):
        assert len(new) == len(text)
        assert all(b == a or b in NEIGHBOURS[a] for a, b in zip(text, new))
    for text, new in pairs("drop"):
        rest = iter(text)
        assert all(c in rest for c in new)  # a subsequence
        assert all(a[0] == b[0] for a, b in zip(text.split(), new.split()))
    for text, new in pairs("double"):
        rest = iter(new)
        assert all(c in rest for c in text)
        assert set(new) == set(text)


@pytest.mark.parametrize("slip", SLIPS)
@pytest.mark.parametrize("rate", [0.02, 0.1, 0.3])
def test_the_share_of_letters_hit_is_the_rate(slip, rate):
    words = 4000
    (new,) = typos(["abcdefgh " * words], rate, slips=[slip], rng=rng(1))
    old = "abcdefgh " * words
    if slip == "swap":  # not the last letter of a word, and no letter before one that is hit
        hits, chances = sum(a != b for a, b in zip(old, new)) / 2, 7 * words * (1 - rate)
    elif slip == "neighbour":
        hits, chances = sum(a != b for a, b in zip(old, new)), 8 * words
    else:  # a first letter is never dropped
        hits, chances = abs(len(new) - len(old)), (7 if slip == "drop" else 8) * words
    expected = rate * chances
    assert abs(hits - expected) < 4 * np.sqrt(expected * (1 - rate))


def test_with_all_slips_the_rate_is_the_share_of_slips_and_each_is_as_frequent():
    # Two letters of one kind only, so that what happened can be read off each word alone.
    (new,) = typos(["qpq " * 20_000], 0.05, rng=rng(2))
    seen = {}
    for word in new.split():
        seen[word] = seen.get(word, 0) + 1
    assert abs(seen["qpq"] / 20_000 - 0.95**3) < 0.01
    once = 0.05 * 0.95**2  # one letter hit, the others not
    # The middle p: swap, drop, double, and neighbour (o or l), each with probability 1/4.
    assert abs(seen["qppq"] / 20_000 - once / 4) < 0.003
    assert abs(seen["qq"] / 20_000 - once / 4) < 0.003
    assert abs((seen["qoq"] + seen["qlq"]) / 20_000 - once / 4) < 0.003
    # qqp: the middle p swaps with the last q. pqq: the first q swaps; it is never dropped, so 1/3.
    assert abs(seen["qqp"] / 20_000 - once / 4) < 0.003
    assert abs(seen["pqq"] / 20_000 - once / 3) < 0.003
    # Two equal letters do not swap, which nobody would see: a word is spared if neither is hit.
    (new,) = typos(["ee " * 20_000], 0.05, rng=rng(3))
    assert abs(new.split().count("ee") / 20_000 - 0.95**2) < 0.006


@given(letters, st.floats(0, 0.5), st.floats(0, 0.5), seeds)
def test_what_is_hit_at_a_lower_rate_is_hit_at_a_higher_one(texts, low, step, seed):
    mild, strong = (typos(texts, rate, slips=["neighbour"], rng=rng(seed))
                    for rate in (low, low + step))
    for text, a, b in zip(texts, mild, strong):
        assert all(y == x for t, x, y in zip(text, a, b) if x != t)


def test_neighbours_on_the_keyboard_are_symmetric_and_known():
    assert sorted(NEIGHBOURS["g"]) == list("bfhtvy")
    assert sorted(NEIGHBOURS["q"]) == list("aw") and sorted(NEIGHBOURS["m"]) == list("jkn")
    assert all(a in NEIGHBOURS[b] for a in NEIGHBOURS for b in NEIGHBOURS[a])


def test_capitals_stay_capitals_and_foreign_letters_have_no_neighbours():
    assert typos(["Q É"], 1, slips=["neighbour"], rng=rng())[0] in ("W É", "A É")


def test_rare_terms_takes_the_rarest_synonym_only_where_it_is_rarer():
    texts = ["Big, bigger: OLD and big-old."]
    assert rare_terms(texts, SYNONYMS, COUNTS, 1, rng=rng()) == ["Huge, bigger: OLD and huge-old."]
    assert rare_terms(["big"], {"big": ["b", "a"]}, {"big": 1}, 1, rng=rng()) == ["a"]
    assert rare_terms(["big"], {"big": ["a"]}, {}, 1, rng=rng()) == ["big"]


@pytest.mark.parametrize("rate", [0.1, 0.6])
def test_rare_terms_replaces_at_the_rate(rate):
    (new,) = rare_terms(["big small " * 10_000], SYNONYMS, COUNTS, rate, rng=rng())
    assert abs(new.count("huge") / 10_000 - rate) < 4 * np.sqrt(rate * (1 - rate) / 10_000)
    assert new.count("small") == 10_000


@given(st.lists(st.lists(st.sampled_from(["a", "b"]), max_size=6).map(" ".join), max_size=5),
       st.integers(0, 12), seeds)
def test_lengthened_texts_hold_the_text_and_have_just_enough_words(texts, words, seed):
    fillers = ["x y.", "z z z."]
    for text, new in zip(texts, lengthened(texts, fillers, words, rng=rng(seed))):
        assert text in new
        if len(text.split()) >= words:
            assert new == text
        else:
            assert words <= len(new.split()) < words + 3
            left, right = new.split(text, 1) if text else (new, "")
            for side in (left, right):
                assert side.replace("x y.", "").replace("z z z.", "").strip() == ""


def test_lengthened_chooses_texts_at_the_rate_and_sides_evenly():
    new = lengthened(["t"] * 8000, ["x."], 2, 0.25, rng=rng())
    assert abs(sum(text != "t" for text in new) / 8000 - 0.25) < 0.02
    assert abs(new.count("x. t") - new.count("t x.")) < 4 * np.sqrt(2000)


def test_the_hardest_rows_are_those_with_most_rare_words_or_most_words():
    texts = ["the cat", "The LYNX!", "a", "lynx lynx the", "", "rare thing lynx"]
    counts = {"the": 9, "a": 9, "cat": 3}
    assert rarest(texts, counts, 0.5).tolist() == [1, 3, 5]
    assert rarest(texts, counts, 1 / 6).tolist() == [5]
    assert rarest(texts, counts, 1 / 3, max_count=3).tolist() == [3, 5]
    assert longest(texts, 1 / 3).tolist() == [3, 5]
    assert longest(texts, 0).tolist() == [] and len(longest(texts, 1)) == 6


@given(texts_of_anything, st.floats(0, 1))
def test_a_slice_has_its_share_of_rows_none_easier_than_one_left_out(texts, share):
    rows = longest(texts, share)
    assert len(rows) == int(share * len(texts) + 0.5) and (np.diff(rows) > 0).all()
    length = np.array([len(text.split()) for text in texts])
    left = np.delete(length, rows)
    assert len(rows) == 0 or len(left) == 0 or length[rows].min() >= left.max()


@pytest.mark.parametrize("call, error, words", [
    (lambda: typos(["a"], -0.1, rng=rng()), ConfigError, "typos: rate is -0.1"),
    (lambda: typos(["a"], float("nan"), rng=rng()), ConfigError, "rate is nan"),
    (lambda: typos("a", 0.1, rng=rng()), DtypeError, "one string"),
    (lambda: typos([b"a"], 0.1, rng=rng()), DtypeError, r"texts\[0\] is bytes"),
    (lambda: typos(["a"], 0.1, slips=["add"], rng=rng()), ConfigError, "expected some of swap"),
    (lambda: typos(["a"], 0.1, slips=[], rng=rng()), ConfigError, "slips"),
    (lambda: rare_terms(["a"], {}, {}, 2, rng=rng()), ConfigError, "rare_terms: rate is 2"),
    (lambda: lengthened(["a"], [], 3, rng=rng()), DataError, "fillers are none"),
    (lambda: lengthened(["a"], [" "], 3, rng=rng()), DataError, "one has no word"),
    (lambda: longest(["a"], 1.5), ConfigError, "longest: share is 1.5"),
    (lambda: rarest("a", {}, 0.5), DtypeError, "rarest: texts is one string"),
])
def test_what_makes_no_sense_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_one_string_is_no_list():
    with pytest.raises(DtypeError, match=r"synonyms\['doctor'\] is one string"):
        rare_terms(["doctor lee"], {"doctor": "medic"}, {"doctor": 3}, 1.0, rng=rng())
    with pytest.raises(DtypeError, match="lengthened: fillers is one string"):
        lengthened(["a"], "It rained.", 6, rng=rng())
    with pytest.raises(ConfigError, match="rate is 'x'"):
        typos(["a"], "x", rng=rng())


def test_a_seed_is_no_generator():
    for damage in (lambda rng: typos(["a"], 0.1, rng=rng),
                   lambda rng: rare_terms(["a"], SYNONYMS, COUNTS, 0.1, rng=rng),
                   lambda rng: lengthened(["a"], ["b"], 3, rng=rng)):
        with pytest.raises(ConfigError, match="rng is 3, expected a generator"):
            damage(3)


def test_a_lengthened_text_has_the_words_whatever_it_had():
    rng = np.random.default_rng(0)
    (empty,) = lengthened([""], ["It rained."], 3, rng=rng)
    assert empty == "It rained. It rained."
    (long,) = lengthened(["Win cash"], ["It rained.", "The sun is out."], 8000, rng=rng)
    assert 8000 <= len(long.split()) < 8004 and "Win cash" in long
