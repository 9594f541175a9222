"""CoNLL and CoNLL-U: sentences come back, IOB1 and IOB2 mean the same, broken lines are named."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import ConfigError, DataError, DtypeError
from npft.text import (
    FileFormat, drop_duplicates, iob2, read_conll, read_conllu, read_tagged, split,
)
from npft.text.conll import _conll

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


@pytest.mark.parametrize("content, line, words", [
    ("a\tO\nb\tS-PER\n", 2, "the tag 'S-PER' is neither O nor B-type nor I-type; say iob=False"),
    ("a\tB-\n", 1, "the tag 'B-'"),
    ("a\tNN\n", 1, "the tag 'NN'"),
])
def test_tags_of_another_kind_are_named_where_iob_tags_are_asked_for(content, line, words, write):
    path = write(content)
    with pytest.raises(DataError, match=words) as caught:
        read_conll(path, iob=True)
    assert str(caught.value).startswith(f"{path}:{line}: ")


@pytest.mark.parametrize("columns, words", [
    ((1,), r"read_conll: columns is \(1,\)"), ((1, 2, 3), "read_conll: columns is"),
    ((0, 1), "columns has 0, expected numbers from 1"), ((1, 1), "asks for one column twice"),
    (("a", "b"), "columns has 'a', expected numbers from 1; for names of a header say header"),
])
def test_columns_that_are_no_two_numbers_are_refused(columns, words, write):
    with pytest.raises(ConfigError, match=words):
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


SPACES = ["a\u00a0b", "\u3000", "10\u2009000", "c\u0085d", "\u2028", "\u00a0e\u00a0"]


@pytest.mark.parametrize("separator", ["\t", None, " "])
def test_only_tabs_and_spaces_divide_columns_and_words_keep_other_white_space(separator, write):
    between = "\t" if separator == "\t" else "  \t "
    path = write("".join(f"{w}{between}O\n" for w in SPACES))
    assert read_conll(path, separator=separator).words == [SPACES]
    conllu = write("\n".join(row(i, w) for i, w in enumerate(SPACES, start=1)))
    assert read_conllu(conllu).words == [SPACES]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\n\r\t "),
                        min_size=1, max_size=4), min_size=1, max_size=6))
def test_a_word_may_hold_any_character_but_tabs_spaces_and_line_ends(tmp_path_factory, words):
    path = tmp_path_factory.getbasetemp() / "words.conll"
    path.write_bytes("".join(f"{w} O\n" for w in ["first", *words]).encode())
    words = [word.lstrip("\ufeff") for word in words]  # a byte order mark
    if "" in words:
        with pytest.raises(DataError):
            read_tagged(path)
    else:
        assert read_tagged(path).words == [["first", *words]]


def test_a_tag_that_is_unknown_to_the_model_is_refused_with_its_line(write):
    path = write("a\tI-A\nb\tO\n\n\nc\tI-B\n")  # in IOB2, which models know, B-A and B-B
    assert read_tagged(path, tag_names=["O", "B-A", "B-B"]).tag_names == ["B-A", "B-B", "O"]
    words = (":5: the tag 'B-B' is unknown to the model or the training file, expected one of B-A, "
             "I-A, O")
    with pytest.raises(DataError, match=words):
        read_tagged(path, tag_names=["B-A", "I-A", "O"])
    conllu = write("# newdoc\n" + row(1, "go") + "\n" + row(2, "now") + "\n")
    tags = read_tagged(conllu, FileFormat("conllu")).tag_names
    assert len(read_tagged(conllu, FileFormat("conllu"), tag_names=tags)) == 1
    with pytest.raises(DataError, match=":2: the tag .* expected one of Y"):
        read_tagged(conllu, FileFormat("conllu"), tag_names=["Y"])


def test_lines_are_kept_only_of_tags_that_may_be_unknown(write):
    path = write("a\tI-A\nb\tI-A\nc\tO\n\nd\tI-B\n")
    for names, kept in ((None, []), (["O", "B-A", "I-A", "B-B", "I-B"], []),
                        (["O", "B-A", "I-A", "B-B"], [(1, 0, 5)])):
        found = _conll(path, None, None, "auto", False, "utf-8", names)
        assert found.doubtful == kept
        assert found.tagged(path, "auto").tags == [["B-A", "I-A", "O"], ["B-B"]]
    with pytest.raises(DataError, match=":2: the tag 'I-A' is unknown"):
        read_tagged(path, tag_names=["O", "B-A", "B-B"])
    with pytest.raises(DataError, match=":1: the tag 'I-A' is unknown"):  # as it stands
        read_tagged(path, tag_names=["O", "B-A", "B-B"], iob=False)


@pytest.mark.parametrize("mark", ["-DOCSTART- (227508)", "-DOCSTART-\tO", "-DOCSTART-",
                                  "-DOCSTART- -X- -X- O", "-DOCSTART-\t-X-\t-X-\tO"])
@pytest.mark.parametrize("separator", ["\t", None])
def test_a_document_mark_of_any_form_begins_a_document(mark, separator, write):
    path = write(f"{mark}\n\na\tO\n\n{mark}\n\nb\tO\n\nc\tO\n")
    t = read_conll(path, separator=separator)
    assert t.words == [["a"], ["b"], ["c"]] and t.groups.tolist() == [0, 1, 1]
    assert read_conll(write("-DOCSTART-X\tO\n")).words == [["-DOCSTART-X"]]
    last = write("O\ta\nO\t-DOCSTART-\nO\tb\n")
    assert read_conll(last, columns=(2, 1)).groups.tolist() == [0, 1]


@pytest.mark.parametrize("tags, expected", [
    (["I-A", "O", "I-A", "I-B"], ["B-A", "O", "B-A", "B-B"]),  # IOB1
    (["B-A", "I-A", "O", "O"], None),  # IOB2
    (["S-A", "B-A", "I-A", "E-A"], None),  # IOBES
    (["U-A", "B-A", "I-A", "L-A"], None),  # BILOU
    (["I-A", "DET", "O", "O"], None), (["B-", "I-A", "O", "O"], None),
])
def test_iob1_becomes_iob2_by_itself_and_other_schemes_stay_as_they_are(tags, expected, write):
    path = write("".join(f"w\t{t}\n" for t in tags))
    assert read_conll(path).tags == read_tagged(path).tags == [expected or tags]
    assert read_conll(path, iob=False).tags == [tags]
    with pytest.raises(ConfigError, match="iob is 'iob1', expected 'auto', True or False"):
        read_conll(path, iob="iob1")


@pytest.mark.parametrize("name, content, options", [
    ("a.conll", "Oslo B-LOC\nis O\n", {}), ("a.txt", "Oslo B-LOC\nis O\n", {}),
    ("eng.testa", "Oslo B-LOC\nis O\n", {}), ("a.tsv", "Oslo\tB-LOC\nis\tO\n", {}),
    ("a.iob2", "Oslo  \t B-LOC\nis O\n", {}), ("a.bio", "Oslo B-LOC\ris O\r", {}),
    ("a.tsv", "Oslo B-LOC\nis O\n", {"name": "conll"}),
    ("a.csv", "Oslo;B-LOC\nis;O\n", {"name": "conll", "separator": ";"}),
    ("a.conll", "B-LOC NNP Oslo\nO VBZ is\n", {"columns": (3, 1)}),
    ("a.conll", "\nword pos tag\nOslo NNP B-LOC\nis VBZ O\n",
     {"columns": ("word", "tag"), "header": True}),
    ("a.conllu", "\n".join([row(1, "Oslo", "B-LOC"), row(2, "is", "O")]), {}),
    ("a.x", "\n".join([row(1, "Oslo", "X", "B-LOC"), row(2, "is", "X", "O")]),
     {"name": "conllu", "columns": ("form", "xpos")}),
    ("a.conllu", "\n".join([row(1, "Oslo", "X", "B-LOC"), row(2, "is", "X", "O")]),
     {"columns": (2, 5)}),
    ("a.conll", "Oslo B-LOC\nis O\n".encode("utf-16"), {"encoding": "utf-16"}),
])
def test_read_tagged_reads_words_and_tags_as_the_format_says(name, content, options, write):
    t = read_tagged(write(content, name), FileFormat(**options))
    assert t.words == [["Oslo", "is"]] and t.tags == [["B-LOC", "O"]]


@pytest.mark.parametrize("name, options, words", [
    ("a.csv", {}, "format csv has no tags for words, .* say format conll"),
    ("a.jsonl", {}, "format jsonl has no tags"),
    ("a.conllu", {"header": True}, "header is True, but a file in the format conllu"),
    ("a.conllu", {"separator": ";"}, "separator is ';', but a file in the format conllu"),
    ("a.conllu", {"columns": ("lemma", "upos")}, "expected form, or 2, and one of id, form, lemma"),
    ("a.conllu", {"columns": (2, 11)}, "expected form, or 2"),
    ("a.conll", {"columns": (1, 2, 3)}, "columns is .1, 2, 3., expected two"),
])
def test_options_that_do_not_fit_words_and_tags_are_refused(name, options, words, write):
    with pytest.raises(ConfigError, match=words):
        read_tagged(write("a O\n", name), FileFormat(**options))


def test_a_word_of_a_tsv_may_hold_a_space_and_one_of_a_conll_may_not(write):
    content = "New York\tB-LOC\n"
    assert read_tagged(write(content, "a.tsv")).words == [["New York"]]
    with pytest.raises(DataError, match="has 3 columns"):
        read_tagged(write(content, "a.conll"))


def test_a_line_of_conll_2003_without_columns_says_which_to_name(write):
    path = write("EU NNP B-NP B-ORG\n", "train.txt")
    with pytest.raises(DataError, match=":1: has 4 columns, .* name the columns, .* as 1 and 4"):
        read_tagged(path)
    assert read_tagged(path, FileFormat(columns=(1, 4))).tags == [["B-ORG"]]
    with pytest.raises(DataError, match="has 1 columns, .* say separator ' ' if spaces"):
        read_conll(path)
    assert read_conll(path, columns=(1, 4), separator=" ").tags == [["B-ORG"]]


def test_formats_columns_and_tags_that_are_none_are_refused(tmp_path):
    path = tmp_path / "x.conll"
    path.write_text("a\tO\n")
    with pytest.raises(ConfigError, match="fmt is 'conll', expected a FileFormat"):
        read_tagged(path, "conll")
    with pytest.raises(ConfigError, match="columns is 3, expected a list"):
        read_conll(path, columns=3)
    with pytest.raises(DtypeError, match=r"iob2: tags\[0\] is int"):
        iob2([1])
