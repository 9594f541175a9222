"""Entities in tags: four schemes by hand, written and read back, tags that break the rules."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import ConfigError, DataError, DtypeError
from npft.metrics.entities import (
    SCHEMES, check_scheme, entities, letter_of, may_follow, scheme_of, schemes_of,
)

# ---- reading ----


@pytest.mark.parametrize("tags, found", [
    ([], []),
    (["O", "O"], []),
    (["B-LOC"], [(0, 1, "LOC")]),
    (["B-LOC", "I-LOC", "O"], [(0, 2, "LOC")]),
    (["O", "B-LOC", "I-LOC", "I-LOC"], [(1, 4, "LOC")]),  # to the last word
    (["B-LOC", "B-LOC"], [(0, 1, "LOC"), (1, 2, "LOC")]),  # two that touch
    (["B-LOC", "I-PER"], [(0, 1, "LOC"), (1, 2, "PER")]),  # I- of another type begins one
    (["O", "I-LOC", "I-LOC"], [(1, 3, "LOC")]),  # and so does one that continues nothing
    (["I-PER", "B-PER", "I-PER"], [(0, 1, "PER"), (1, 3, "PER")]),
    (["B-A-B", "I-A-B", "I-A"], [(0, 2, "A-B"), (2, 3, "A")]),
    (["B", "I", "O", "I"], [(0, 2, ""), (3, 4, "")]),  # letters alone: one type without a name
])
def test_entities_by_hand(tags, found):
    for scheme in ("bio", "iob1"):  # which differ in what they write, not in how they are read
        assert sorted(entities(tags, scheme)) == found
    assert entities(tags) == entities(tags, "bio")


@pytest.mark.parametrize("iobes, found", [
    (["S-X", "O", "B-X", "E-X"], [(0, 1, "X"), (2, 4, "X")]),
    (["B-X", "I-X", "E-X", "S-X", "S-Y"], [(0, 3, "X"), (3, 4, "X"), (4, 5, "Y")]),
    # what breaks the rules, as the CoNLL evaluation reads it
    (["B-X", "I-X", "O"], [(0, 2, "X")]),  # never ended
    (["I-X", "E-X"], [(0, 2, "X")]),  # never begun
    (["E-X", "E-X"], [(0, 1, "X"), (1, 2, "X")]),
    (["B-X", "E-Y"], [(0, 1, "X"), (1, 2, "Y")]),
    (["S-X", "I-X", "I-X"], [(0, 1, "X"), (1, 3, "X")]),
    (["I-X", "S-X", "B-X"], [(0, 1, "X"), (1, 2, "X"), (2, 3, "X")]),
])
def test_entities_with_ends_by_hand_in_either_alphabet(iobes, found):
    bilou = [tag.replace("E-", "L-").replace("S-", "U-") for tag in iobes]
    assert sorted(entities(iobes, "iobes")) == sorted(entities(bilou, "bilou")) == found


@pytest.mark.parametrize("scheme, tags, found", [
    ("bio", ["I-X", "B-X", "I-X", "I-Y"], [(1, 3, "X")]),
    ("iob1", ["I-X", "I-X", "B-X", "I-X"], [(0, 2, "X"), (2, 4, "X")]),
    ("iob1", ["B-X", "I-X", "O", "B-X"], []),  # B- only where two of a type touch
    ("iob1", ["I-Y", "B-X"], [(0, 1, "Y")]),
    ("iobes", ["B-X", "I-X", "O", "S-X", "B-X"], [(3, 4, "X")]),
    ("iobes", ["I-X", "E-X", "B-Y", "E-Y", "B-X", "S-X"], [(2, 4, "Y"), (5, 6, "X")]),
    ("iobes", ["B-X", "B-X", "I-X", "E-X", "E-X"], [(1, 4, "X")]),
    ("bilou", ["B-X", "L-X", "U-X", "L-Y", "B-Y", "I-Y"], [(0, 2, "X"), (2, 3, "X")]),
])
def test_a_strict_reading_takes_only_what_is_written_by_the_rules(scheme, tags, found):
    assert sorted(entities(tags, scheme, strict=True)) == found
    assert set(found) <= entities(tags, scheme)


def tags_of(scheme, size=8):
    some = [f"{letter}-{kind}" for letter in SCHEMES[scheme] for kind in "XY"]
    return st.lists(st.sampled_from(["O", *some]), max_size=size)


@given(st.sampled_from(sorted(SCHEMES)).flatmap(
    lambda scheme: st.tuples(st.just(scheme), tags_of(scheme))))
def test_entities_are_runs_that_do_not_overlap_and_hold_every_tagged_word(case):
    scheme, tags = case
    found = sorted(entities(tags, scheme))
    kinds = ["O"] * len(tags)
    for start, end, kind in found:
        assert 0 <= start < end <= len(tags) and kinds[start:end] == ["O"] * (end - start)
        kinds[start:end] = [kind] * (end - start)
    assert kinds == [tag[2:] or "O" for tag in tags]
    assert entities(tags, scheme, strict=True) <= set(found)


ROWS = st.lists(st.tuples(st.integers(0, 1), st.integers(1, 3), st.sampled_from("XY")), max_size=5)


@given(ROWS)
def test_entities_written_in_any_scheme_are_read_back_in_both_readings(rows):
    wanted, at, touched = set(), 0, ""
    written = {scheme: [] for scheme in SCHEMES}
    for gap, size, kind in rows:
        first = "B" if not gap and touched == kind else "I"  # of IOB1
        letters = {"bio": "BII"[:size], "iob1": (first + "II")[:size],
                   "iobes": ["S", "BE", "BIE"][size - 1], "bilou": ["U", "BL", "BIL"][size - 1]}
        for scheme, own in written.items():
            own += ["O"] * gap + [f"{letter}-{kind}" for letter in letters[scheme]]
        wanted.add((at + gap, at + gap + size, kind))
        at, touched = at + gap + size, kind
    for scheme, tags in written.items():
        assert entities(tags, scheme) == entities(tags, scheme, strict=True) == wanted


# ---- which tag may follow which ----


@pytest.mark.parametrize("scheme, rows", [
    # which of the columns may follow each row; O in the last column: it may end; from O: begin
    ("bio", {"O": "B-X B-Y O", "B-X": "B-X I-X B-Y O", "I-X": "B-X I-X B-Y O"}),
    ("iob1", {"O": "I-X I-Y O", "B-X": "B-X I-X I-Y O", "I-X": "B-X I-X I-Y O"}),
    ("iobes", {"O": "B-X S-X B-Y S-Y O", "B-X": "I-X E-X", "I-X": "I-X E-X",
               "E-X": "B-X S-X B-Y S-Y O", "S-X": "B-X S-X B-Y S-Y O"}),
    ("bilou", {"O": "B-X U-X B-Y U-Y O", "B-X": "I-X L-X", "I-X": "I-X L-X",
               "L-X": "B-X U-X B-Y U-Y O", "U-X": "B-X U-X B-Y U-Y O"}),
])
def test_moves_by_hand(scheme, rows):
    every = [f"{letter}-{kind}" for kind in "XY" for letter in SCHEMES[scheme]] + ["O"]
    for before, after in rows.items():
        assert {tag for tag in every if may_follow(before, tag, scheme)} == set(after.split())
    assert may_follow("DET", "O", "plain") and may_follow("I-X", "B-Y", "plain")


@pytest.mark.parametrize("scheme", sorted(SCHEMES))
@pytest.mark.parametrize("kinds", [["-X", "-Y"], [""]])
def test_tags_keep_to_the_rules_just_if_a_strict_reading_leaves_no_entity_out(scheme, kinds):
    names = ["O"] + [letter + kind for letter in SCHEMES[scheme] for kind in kinds]
    for n in range(4):
        for tags in itertools.product(names, repeat=n):
            padded = ["O", *tags, "O"]
            kept = all(may_follow(a, b, scheme) for a, b in zip(padded, padded[1:]))
            assert kept == (entities(tags, scheme) == entities(tags, scheme, strict=True)), tags


# ---- which scheme it is ----


@pytest.mark.parametrize("tags, scheme", [
    (["O", "B-X", "I-X"], "bio"),
    (["B-X", "I-Y"], "bio"),
    (["O", "I-X"], "iob1"),
    (["O", "B-X", "I-X", "E-X", "S-X"], "iobes"),
    (["O", "S-X"], "iobes"),
    (["O", "B-X", "L-X"], "bilou"),
    (["O", "U-X"], "bilou"),
    (["DET", "NOUN", "O"], "plain"),
    (["O", "B-X", "DET"], "plain"),
    (["O", "E-X", "L-X"], "plain"),  # the letters of two schemes
    (["O", "X", "Y"], "plain"),
    (["O", "B-", "I-X"], "plain"),  # a type is missing
    (["O-X", "I-X"], "plain"),
    (["b-X", "i-X"], "plain"),
    (["", "I-X"], "plain"),
])
def test_the_scheme_of_tags_by_hand(tags, scheme):
    assert scheme_of(tags) == scheme_of(iter(tags)) == scheme
    assert scheme == "plain" or scheme in schemes_of(tags)


@pytest.mark.parametrize("tags, could", [
    (["O", "B-X"], "B-X, O may be those of bio, iob1, iobes, bilou; .* scheme bio"),
    (["O"], "the tags O may be those of bio"),
    ([], "may be those of bio"),
    (["O", "B", "I"], "B, I, O may be those of bio"),
    (["E", "S"], "E, S may be those of iobes; say which it is: scheme iobes, or scheme plain"),
    (["B-X", "I"], "may be those of bio"),
])
def test_where_it_is_in_doubt_the_scheme_is_not_guessed(tags, could):
    with pytest.raises(ConfigError, match=could):
        scheme_of(tags)


@pytest.mark.parametrize("tag, letter", [
    ("O", "O"), ("B-X", "B"), ("I-A-B", "I"), ("B", "B"), ("B-", ""), ("", ""), ("-X", ""),
    ("BX", ""), ("O-X", ""), ("B_X", ""), ("Z-X", "Z"),
])
def test_the_letter_of_a_tag(tag, letter):
    assert letter_of(tag) == letter


def test_tags_may_come_from_a_generator():
    assert entities(iter(["B-LOC", "I-LOC"])) == {(0, 2, "LOC")}
    with pytest.raises(DtypeError, match="entities: tags"):
        entities("BIO")


def test_unknown_schemes_and_tags_of_another_scheme_are_refused():
    for scheme in ("BIO", "iob2", "", 3, ["bio"]):
        with pytest.raises(ConfigError, match="entities: scheme is .*, expected bio, iob1, iobes"):
            entities(["O"], scheme)
    with pytest.raises(ConfigError, match="plain tags mark no entities"):
        entities(["O"], "plain")
    for scheme, tag in (("bio", "E-X"), ("iob1", "NOUN"), ("iobes", "U-X"), ("bilou", "S-X"),
                        ("bio", "")):
        with pytest.raises(DataError, match=f"entities: the tag '{tag}' is none of {scheme}, wh"):
            entities(["O", tag], scheme)
    assert check_scheme("x", "plain", ["anything"]) == "plain"
