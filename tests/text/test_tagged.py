"""TaggedTexts: words, tags, spans and groups stay together; what does not fit is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import DataError, DtypeError, ShapeError
from npft.text import TaggedTexts, conflicts, drop_duplicates


@given(st.lists(st.lists(st.sampled_from("XYZ"), max_size=4), max_size=6), st.data())
def test_rows_select_the_same_places_of_every_part(tags, data):
    n = len(tags)
    words = [[f"w{i}.{j}" for j in range(len(row))] for i, row in enumerate(tags)]
    spans = [[(0, len(row), f"all {i}")] if row else [] for i, row in enumerate(tags)]
    t = TaggedTexts(words, tags, ["Z", "Y", "X"], spans, np.arange(n) * 10)
    rows = data.draw(st.one_of(
        st.slices(n),
        st.lists(st.booleans(), min_size=n, max_size=n).map(lambda m: np.array(m, dtype=bool)),
        st.lists(st.integers(-n, n - 1), max_size=8) if n else st.just([]),
    ))
    chosen = np.arange(n)[np.array(rows, dtype=int) if isinstance(rows, list) else rows]
    got = t[rows]
    assert len(got) == len(chosen) and got.tag_names == ["Z", "Y", "X"]
    assert got.words == [words[i] for i in chosen] and got.tags == [tags[i] for i in chosen]
    assert got.spans == [spans[i] for i in chosen] and got.groups.tolist() == (chosen * 10).tolist()
    assert [["ZYX"[k] for k in row] for row in got.tag_numbers()] == got.tags


def test_tag_names_are_those_that_occur_sorted_unless_given():
    t = TaggedTexts([["a", "b"]], [["O", "B-X"]])
    assert t.tag_names == ["B-X", "O"] and t.tag_numbers()[0].tolist() == [1, 0]
    assert t.tag_numbers()[0].dtype == np.int64
    assert t.texts == ["a b"]


def test_the_lists_given_may_change_later():
    words, tags = [["a"]], [["O"]]
    t = TaggedTexts(words, tags)
    words[0].append("b")
    tags[0][0] = "X"
    assert t.words == [["a"]] and t.tags == [["O"]]


@pytest.mark.parametrize("fields, error, words", [
    ({"words": [["a"]], "tags": []}, ShapeError, "a tag for each word"),
    ({"words": [["a", "b"]], "tags": [["O"]]}, ShapeError, "a tag for each word"),
    ({"words": ["ab"], "tags": [["O", "O"]]}, DtypeError, r"words\[0\] is one string, expected"),
    ({"words": [["a", 1]], "tags": [["O", "O"]]}, DtypeError, r"words\[0\]"),
    ({"words": [["a"]], "tags": [[0]]}, DtypeError, r"tags\[0\]"),
    ({"tag_names": ["B-X"]}, DataError, "the tag 'O' is not in tag_names, B-X"),
    ({"spans": []}, ShapeError, "spans of 0 texts for 1"),
    ({"spans": [[(0, 2, "X")]]}, DataError, r"spans\[0\] has X from 0 to 2 in a text of 1 words"),
    ({"spans": [[(0, 0, "X")]]}, DataError, "from 0 to 0"),
    ({"spans": [[(0.0, 1, "X")]]}, DtypeError, "expected two whole numbers and a string"),
    ({"spans": [[("0", 1, "X")]]}, DtypeError, "expected two whole numbers and a string"),
    ({"spans": [[(0, 1, 7)]]}, DtypeError, "expected two whole numbers and a string"),
    ({"spans": [[(0, 1)]]}, ShapeError, r"spans\[0\] has \(0, 1\), expected \(first word"),
    ({"spans": [5]}, DtypeError, r"spans\[0\] is int, expected a list of spans"),
    ({"spans": 5}, DtypeError, "spans is int, expected a list of lists of spans"),
    ({"groups": [1, 2]}, ShapeError, "groups"),
])
def test_parts_that_do_not_fit_are_refused(fields, error, words):
    with pytest.raises(error, match=words):
        TaggedTexts(**{"words": [["a"]], "tags": [["O"]], **fields})


def test_repeats_are_texts_of_the_same_words_and_the_first_tags_stay():
    t = TaggedTexts([["a", "b"], ["a b"], ["a ", "b"]], [["X", "Y"], ["X"], ["Y", "Y"]])
    assert conflicts(t) == [(0, 2)]
    once = drop_duplicates(t)
    assert once.words == [["a", "b"], ["a b"]] and once.tags == [["X", "Y"], ["X"]]
    assert t.words[2] == ["a ", "b"]


def test_repeats_with_other_tags_or_other_spans_are_conflicts():
    words, tags = [["a"]] * 3, [["X"], ["X"], ["Y"]]
    assert conflicts(TaggedTexts(words, tags)) == [(0, 2)]
    spans = [[(0, 1, "X")], [], [(0, 1, "X")]]
    assert conflicts(TaggedTexts(words, tags, spans=spans)) == [(0, 1), (0, 2)]


def test_two_tags_of_one_name_are_refused():
    with pytest.raises(DataError, match="TaggedTexts: tag_names has 'O' twice"):
        TaggedTexts([["a"]], [["O"]], tag_names=["O", "O"])
