"""Readers: plain text comes back as it was written, and every broken file is refused by name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import DataError
from npft.text import (
    read_conll, read_conllu, read_jsonl, read_labelled, read_pairs, read_scored, read_text,
)

# Any character a cell may hold: all but tab, line feed, carriage return, NUL and surrogates.
cell_text = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\t\n\r\0"), min_size=1, max_size=12
).filter(str.strip)
READERS = pytest.mark.parametrize("read", [
    read_conll, read_conllu, read_jsonl, read_labelled, read_pairs, read_scored, read_text])


def read_csv(path):
    return read_labelled(path, separator=",")


@pytest.mark.parametrize("read", [
    read_conll, read_conllu, read_csv, read_jsonl, read_labelled, read_pairs, read_scored,
    read_text])
@pytest.mark.parametrize("content, where, words", [
    (b"", ": ", "the file is empty"),
    (b"\n \n", ": ", "only blank lines|no word"),
    (b"\xef\xbb\xbf", ": ", "only blank lines|no word"),
    (b"1\ta\tb\n1\tc\0\td\n", ":2: ", "NUL byte"),
    (b"\x89PNG\r\n\x1a\n\0\0", ":3: ", "binary"),
    ("1\ta\tb\n".encode("utf-16"), ":1: ", "UTF-16"),
    (b"1\ta\tb\n\n1\tcaf\xe9\td\n", ":3: ", r"not UTF-8 \(byte 0xe9\)"),
    (b"1\ta\tb\xc3", ":1: ", "not UTF-8"),
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


def test_only_a_line_feed_ends_a_line(write):
    text = "a\u2028b\x0cc\x0bd\x85e\rf"
    assert read_text(write(f"{text}\n")) == [[text]]
    assert read_labelled(write(f"ham\t{text}\n")).texts == [text]
    word = "a\u2028b\x85c"
    assert read_jsonl(write(f'{{"label": "ham", "text": "{word}"}}\n')).texts == [word]
    assert read_conll(write(f"{word}\tO\n")).words == [[word]]


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


def test_title_lines_in_brackets_are_left_out_on_request(write):
    content = "[ Emma ]\nOne [ 1 ]\n[ 2 ] two .\n\n[ Persuasion ]\n\nThree .\n"
    assert read_text(write(content), titles=False) == [["One [ 1 ]", "[ 2 ] two ."], ["Three ."]]
    with pytest.raises(DataError, match="only blank lines and titles"):
        read_text(write("[ Emma ]\n\n"), titles=False)


def test_lines_of_one_sentence_stay_whole_even_with_an_abbreviation(write):
    lines = ["Mr . Weston came .", "He sat down .", "She rose ."]
    assert read_text(write("\n".join(lines))) == [lines]


def test_paragraphs_are_cut_into_sentences(write):
    content = 'One. Two!  Three?" Four 3.5 end...\n\nTitle\nFive. (Six.) Seven\nA? b'
    assert read_text(write(content)) == [
        ["One.", "Two!", 'Three?"', "Four 3.5 end..."],
        ["Title", "Five.", "(Six.)", "Seven", "A?", "b"],
    ]


@given(st.lists(st.lists(st.lists(st.sampled_from(["a", "bc", "def"]), min_size=1, max_size=6)
                         .map(lambda words: " ".join(words) + "."), min_size=1, max_size=4),
                min_size=1, max_size=3), st.integers(5, 30))
def test_wrapped_prose_is_the_same_at_any_width(tmp_path_factory, documents, width):
    path = tmp_path_factory.getbasetemp() / "wrapped.txt"
    text = "\n\n".join(wrap(" ".join(document), width) for document in documents)
    path.write_text(text, encoding="utf-8")
    assert read_text(path, wrapped=True) == documents


def wrap(text, width):
    """Break lines at spaces, at the last one within the width or the first after it."""
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)
