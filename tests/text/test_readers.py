"""Readers: what is written is read back, and every broken file is refused by name and line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import DataError
from npft.text import read_labelled, read_pairs, read_text

# Any character a cell may hold: all but tab, line feed, carriage return, NUL and surrogates.
cell_text = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\t\n\r\0"), min_size=1, max_size=12
).filter(str.strip)
READERS = pytest.mark.parametrize("read", [read_labelled, read_pairs, read_text])


@pytest.fixture
def write(tmp_path):
    def to_file(content):
        path = tmp_path / "data.txt"
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return path

    return to_file


@given(rows=st.lists(st.tuples(st.sampled_from(["spam", "ham", "é"]), cell_text, cell_text),
                     min_size=1, max_size=8),
       newline=st.sampled_from(["\n", "\r\n", "\n\n"]), mark=st.sampled_from(["", "\ufeff"]))
def test_tables_come_back_as_they_were_written(tmp_path_factory, rows, newline, mark):
    path = tmp_path_factory.getbasetemp() / "table.tsv"
    path.write_bytes((mark + newline.join("\t".join(row) for row in rows)).encode())
    e = read_pairs(path)
    assert e.texts == [text for _, text, _ in rows] and e.pairs == [pair for _, _, pair in rows]
    assert [e.label_names[k] for k in e.labels] == [label for label, _, _ in rows]
    assert e.label_names == sorted({label for label, _, _ in rows})
    path.write_bytes((mark + newline.join("\t".join(row[:2]) for row in rows)).encode())
    labelled = read_labelled(path)
    assert labelled.texts == e.texts and labelled.labels.tolist() == e.labels.tolist()
    assert labelled.pairs is None


def test_ham_is_0_and_spam_is_1_whatever_comes_first(write):
    e = read_labelled(write("spam\tWIN\nham\thi\n"))
    assert e.labels.tolist() == [1, 0] and e.label_names == ["ham", "spam"]


def test_quotes_are_ordinary_characters(write):
    assert read_labelled(write('ham\t"Hi" he said, "bye\nham\tx"\n')).texts == [
        '"Hi" he said, "bye', 'x"']


def test_only_a_line_feed_ends_a_line(write):
    text = "a\u2028b\x0cc\x0bd\x85e\rf"
    assert read_labelled(write(f"ham\t{text}\n")).texts == [text]
    assert read_text(write(f"{text}\n")) == [[text]]


def test_blank_lines_of_a_table_are_skipped_and_still_counted(write):
    assert read_labelled(write("\n  \nham\ta\n\r\nspam\tb\n\n")).texts == ["a", "b"]
    with pytest.raises(DataError, match=r"data\.txt:4: "):
        read_labelled(write("\nham\ta\n\nspam b\n"))


@pytest.mark.parametrize("read, content, line, words", [
    (read_labelled, "ham\ta\nspam b\n", 2, "0 tabs, expected label<TAB>text; put one tab"),
    (read_labelled, "ham\ta\nspam\tb\tc\n", 2, "2 tabs, expected label<TAB>text; write a tab"),
    (read_labelled, "\ta\n", 1, "the label is empty"),
    (read_labelled, " \ta\n", 1, "the label is empty"),
    (read_labelled, "ham\ta\nham\t \n", 2, "the text is empty"),
    (read_labelled, "\t\n", 1, "the label is empty"),
    (read_pairs, "ham\ta\n", 1, "1 tabs, expected label<TAB>text<TAB>text"),
    (read_pairs, "ham\ta\t\n", 1, "the text is empty"),
    (read_pairs, "ham\ta\tb\tc\n", 1, "3 tabs"),
])
def test_a_line_that_breaks_the_layout_is_named(read, content, line, words, write):
    path = write(content)
    with pytest.raises(DataError, match=words) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")


@READERS
@pytest.mark.parametrize("content, where, words", [
    (b"", ": ", "the file is empty"),
    (b"\n \n", ": ", "only blank lines"),
    (b"\xef\xbb\xbf", ": ", "only blank lines"),
    (b"ham\ta\tb\nham\tc\0\td\n", ":2: ", "NUL byte"),
    (b"\x89PNG\r\n\x1a\n\0\0", ":3: ", "binary"),
    ("ham\ta\tb\n".encode("utf-16"), ":1: ", "UTF-16"),
    (b"ham\ta\tb\n\nham\tcaf\xe9\td\n", ":3: ", r"not UTF-8 \(byte 0xe9\)"),
    (b"ham\ta\tb\xc3", ":1: ", "not UTF-8"),
])
def test_files_that_are_no_text_are_refused(read, content, where, words, write):
    path = write(content)
    with pytest.raises(DataError, match=words) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}{where}")


@READERS
def test_missing_files_and_directories_are_refused(read, tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read(tmp_path / "none.txt")
    with pytest.raises(DataError, match="is a directory"):
        read(str(tmp_path))
    with pytest.raises(DataError, match="cannot be read"):
        read("\0")


@given(documents=st.lists(st.lists(cell_text.map(str.strip), min_size=1, max_size=4),
                          min_size=1, max_size=4), blanks=st.integers(1, 3))
def test_lines_are_sentences_and_blank_lines_divide_documents(
    tmp_path_factory, documents, blanks
):
    documents = [[s.replace(".", "-").replace("!", "-").replace("?", "-") for s in document]
                 for document in documents]
    path = tmp_path_factory.getbasetemp() / "plain.txt"
    text = ("\n" * (blanks + 1)).join("\n".join(document) for document in documents)
    path.write_bytes(("\n\r\n" + text + "\n\n").encode())
    assert read_text(path) == documents


def test_a_file_without_blank_lines_is_one_document(write):
    assert read_text(write("[ Emma ]\nOne .\nTwo .\r\n")) == [["[ Emma ]", "One .", "Two ."]]


def test_lines_of_one_sentence_stay_whole_even_with_an_abbreviation(write):
    lines = ["Mr . Weston came .", "He sat down .", "She rose ."]
    assert read_text(write("\n".join(lines))) == [lines]


def test_paragraphs_are_cut_into_sentences(write):
    content = 'One. Two!  Three?" Four 3.5 end...\n\nTitle\nFive. (Six.) Seven\nA? b'
    assert read_text(write(content)) == [
        ["One.", "Two!", 'Three?"', "Four 3.5 end..."],
        ["Title", "Five.", "(Six.)", "Seven", "A?", "b"],
    ]
