"""CoNLL and CoNLL-U: sentences come back, IOB1 and IOB2 mean the same, broken lines are named."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import ConfigError, DataError
from npft.text import drop_duplicates, iob2, read_conll, read_conllu, split

word = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=6)
tag = st.sampled_from(["O", "B-PER", "I-PER", "B-LOC", "I-LOC"])
# Entities as (length, type or None), and so the tags of one text in any scheme.
entities = st.lists(st.tuples(st.integers(1, 3), st.sampled_from([None, "PER", "LOC"])),
                    min_size=1, max_size=6)


def tags_in(scheme, parts):
    tags = []
    before = None
    for length, kind in parts:
        begins = "B" if scheme == "IOB2" or before == kind else "I"
        tags += ["O"] * length if kind is None else [
            f"{begins if i == 0 else 'I'}-{kind}" for i in range(length)]
        before = kind
    return tags


@given(entities)
def test_iob1_becomes_iob2_and_iob2_stays(parts):
    expected = tags_in("IOB2", parts)
    assert iob2(tags_in("IOB1", parts)) == expected
    assert iob2(expected) == expected


@given(st.lists(tag, max_size=8))
def test_whatever_the_tags_every_entity_begins_with_b(tags):
    before = "O"
    for old, new in zip(tags, iob2(tags)):
        assert new in (old, "B" + old[1:])
        assert not new.startswith("I") or before[1:] == new[1:]
        before = new


@given(rows=st.lists(st.lists(st.tuples(word, tag), min_size=1, max_size=5), min_size=1,
                     max_size=4),
       pause=st.sampled_from(["\n", "\t\n", " \n\n", "\r\n", "\n\t\t\n"]), last=st.booleans())
def test_sentences_come_back_whatever_ends_them(tmp_path_factory, rows, pause, last):
    path = tmp_path_factory.getbasetemp() / "x.conll"
    text = pause.join("".join(f"{w}\t{t}\n" for w, t in row) for row in rows)
    path.write_bytes((pause + text + pause * last).encode())
    rows = [row for row in rows if row != [("-DOCSTART-", "O")]]
    t = read_conll(path)
    assert t.words == [[w for w, _ in row] for row in rows]
    assert t.tags == [iob2([k for _, k in row]) for row in rows]
    assert read_conll(path, iob=False).tags == [[k for _, k in row] for row in rows]
    assert t.groups is None


def test_columns_and_white_space_of_conll_2003(write):
    content = ("-DOCSTART- -X- -X- O\n\nEU NNP I-NP I-ORG\nrejects VBZ I-VP O\n\nPeter NNP I-NP "
               "I-PER\n\n-DOCSTART- -X- -X- O\n\nNo DT I-NP O\n")
    t = read_conll(write(content), columns=(1, 4), separator=None)
    assert t.words == [["EU", "rejects"], ["Peter"], ["No"]]
    assert t.tags == [["B-ORG", "O"], ["B-PER"], ["O"]]
    assert t.groups.tolist() == [0, 0, 1]
    t = read_conll(write(content), columns=(1, 2), separator=None, iob=False)
    assert t.tags == [["NNP", "VBZ"], ["NNP"], ["DT"]] and t.tag_names == ["DT", "NNP", "VBZ"]


def test_sentences_before_the_first_document_mark_are_a_document(write):
    content = "a\tO\n\n-DOCSTART-\tO\n\nb\tO\n\n-DOCSTART-\tO\n-DOCSTART-\tO\nc\tO\n"
    groups = read_conll(write(content)).groups
    assert len(set(groups)) == 3 and groups[0] == 0


def row(i, form, upos="X", xpos="_"):
    return "\t".join([str(i), form, "_", upos, xpos] + ["_"] * 5)


def test_conllu_words_leave_out_ranges_empty_nodes_and_comments(write):
    lines = ["# newdoc id = a", "# sent_id = 1", row("1-2", "Don't"), row(1, "Do", "AUX", "VB"),
             row(2, "n't", "PART", "RB"), row("2.1", "ghost"), row(3, "#", "SYM", "NN"), "",
             "# text = x", row(1, "a b", "X", "FW"), "", "", "# newdoc", row(1, "c"), "# end"]
    path = write("\n".join(lines))
    t = read_conllu(path)
    assert t.words == [["Do", "n't", "#"], ["a b"], ["c"]]
    assert t.tags == [["AUX", "PART", "SYM"], ["X"], ["X"]]
    assert t.groups.tolist() == [0, 0, 1]
    assert read_conllu(path, "xpos").tags == [["VB", "RB", "NN"], ["FW"], ["_"]]
    assert read_conllu(path, "form").tags == t.words
    assert read_conllu(write(row(1, "c"))).groups is None


@pytest.mark.parametrize("content, line, words", [
    ("a\tO\nb O\n", 2, "has 1 columns, expected 2, word<TAB>tag; name the columns, or say sep"),
    ("a\tX\tO\n", 1, "has 3 columns"),
    ("a\tO\n\tO\n", 2, "the word is empty"),
    ("a\tO\n\nb\t\n", 3, "the tag is empty"),
    ("a\tO\nb\tS-PER\n", 2, "the tag 'S-PER' is neither O nor B-type nor I-type; say iob=False"),
    ("a\tB-\n", 1, "the tag 'B-'"),
    ("a\tNN\n", 1, "the tag 'NN'"),
])
def test_lines_that_are_no_word_and_tag_are_named(content, line, words, write):
    path = write(content)
    with pytest.raises(DataError, match=words) as caught:
        read_conll(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")


@pytest.mark.parametrize("content, line, words", [
    (row(1, "a") + "\n1\tb\n", 2, "has 2 columns, expected 10"),
    (row(1, "a").replace("\t", " "), 1, "has 1 columns"),
    (row(2, "a"), 1, "the id is '2', expected 1"),
    (row(1, "a") + "\n" + row(3, "b"), 2, "the id is '3', expected 2"),
    (row(1, "a") + "\n" + row(1, "b"), 2, "the id is '1', expected 2"),
    (row("x", "a"), 1, "the id is 'x'"),
    (row(1, ""), 1, "the form is empty"),
    (row(1, "a", ""), 1, "the upos is empty; write _"),
])
def test_lines_that_break_conllu_are_named(content, line, words, write):
    path = write(content)
    with pytest.raises(DataError, match=words) as caught:
        read_conllu(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")


def test_too_few_columns_for_those_chosen_are_named(write):
    with pytest.raises(DataError, match=r":1: has 2 columns, expected 4 or more"):
        read_conll(write("a\tO\n"), columns=(1, 4))


@pytest.mark.parametrize("columns", [(1,), (0, 1), ("a", "b"), (1, 2, 3)])
def test_columns_that_are_no_two_numbers_are_refused(columns, write):
    with pytest.raises(ConfigError, match="read_conll: columns is"):
        read_conll(write("a\tO\n"), columns=columns)


def test_a_column_that_conllu_does_not_have_is_refused(write):
    with pytest.raises(ConfigError, match="column is 'pos', expected one of id, form, lemma"):
        read_conllu(write(row(1, "a")), "pos")


def test_files_without_a_word_are_refused(write):
    with pytest.raises(DataError, match="the file has no word"):
        read_conllu(write("# only\n# comments\n"))
    with pytest.raises(DataError, match="the file has no word"):
        read_conll(write("-DOCSTART-\tO\n\n"))


def test_tagged_texts_are_split_by_document_and_lose_their_repeats(write):
    lines = []
    for document in range(10):
        lines += ["# newdoc", *(f"{row(1, f'w{document}')}\n{row(2, f's{s}')}\n" for s in range(3))]
    t = read_conllu(write("\n".join(lines)))
    train, test = split(t, stratify=False, rng=np.random.default_rng(0))
    assert (len(train), len(test)) == (24, 6) and not set(train.groups) & set(test.groups)
    assert sorted(train.words + test.words) == sorted(t.words)
    with pytest.raises(DataError, match="no labels; use stratify=False"):
        split(t, rng=np.random.default_rng(0))
    twice = read_conllu(write("\n".join(lines * 2)))
    assert len(twice) == 60 and drop_duplicates(twice).words == t.words
