"""Readers: plain text comes back as it was written, and every broken file is refused by name."""

import codecs
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import ConfigError, DataError
from npft.text import (
    read_conll, read_conllu, read_jsonl, read_labelled, read_pairs, read_scored, read_text,
)
from npft.text import readers
from npft.text.readers import numbered_lines

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
    documents = [[s.replace(".", "-").replace("!", "-").replace("?", "-").replace("\ufeff", "-")
                  for s in document]
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


@pytest.mark.parametrize("read", [read_text, read_labelled, read_conll, read_jsonl])
def test_an_old_mac_file_without_any_line_feed_has_carriage_returns_between_lines(read, write):
    rows = {
        read_text: ["a b.", "c d."], read_labelled: ["ham\ta", "spam\tb"],
        read_conll: ["Oslo\tB-LOC", "is\tO"],
        read_jsonl: ['{"label": "x", "text": "a"}', '{"label": "y", "text": "b"}'],
    }[read]
    content = [shown(read(write(end.join(rows) + last)))
               for end in ("\n", "\r\n", "\r") for last in ("", end)]
    assert content == [content[0]] * 6


def test_the_lines_of_an_old_mac_file_are_counted(write):
    with pytest.raises(DataError, match=r"data\.txt:3: has 0 tabs"):
        read_labelled(write("ham\ta\r\rspam b\r"))
    with pytest.raises(DataError, match=r"data\.txt:2: is not UTF-8"):
        read_labelled(write(b"ham\ta\rham\tcaf\xe9\r"))


def shown(read):
    return read if isinstance(read, list) else (read.texts, getattr(read, "tags", None))


TEXT = "naïve café\nÅngström\n\nüber\n"


@pytest.mark.parametrize("encoding", [
    "utf-8", "utf-8-sig", "latin-1", "cp1252", "utf-16", "utf-16-le", "utf-32", "UTF8", "cp437"])
def test_each_encoding_is_read_by_its_name_and_without_its_mark(encoding, write):
    path = write(TEXT.encode(encoding))
    assert read_text(path, encoding=encoding) == [["naïve café", "Ångström"], ["über"]]
    assert list(numbered_lines(path, encoding))[-1] == (4, "über")


def test_a_byte_order_mark_is_dropped_from_files_and_streams_of_any_encoding():
    for encoding, mark in (("utf-8", codecs.BOM_UTF8), ("utf-16-le", codecs.BOM_UTF16_LE)):
        stream = io.BytesIO(mark + "a\ufeff\n".encode(encoding))
        assert list(numbered_lines(stream, encoding)) == [(1, "a\ufeff")]  # only at the beginning


def test_files_that_were_joined_have_no_byte_order_mark_inside(write):
    one, two = (f"{label}\ta\ufeffb\n".encode("utf-8-sig") for label in ("ham", "spam"))
    for content in (one + two, one + codecs.BOM_UTF8 + two, one + two.removesuffix(b"\n")):
        examples = read_labelled(write(content))
        assert examples.label_names == ["ham", "spam"] and examples.texts == ["a\ufeffb"] * 2
    assert read_text(write("\ufeffOne\r\ufeffTwo\r")) == [["One", "Two"]]
    quoted = write("\ufeffham,'a'\n\ufeffspam,'b'\n".replace("'", '"'))
    assert read_labelled(quoted, separator=",").label_names == ["ham", "spam"]
    assert read_conll(write("\ufeffa\tO\n\n\ufeffb\tO\n")).words == [["a"], ["b"]]


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1),
       st.sampled_from(["utf-8", "utf-16", "utf-32-be"]), st.integers(1, 5))
def test_lines_do_not_depend_on_the_size_of_the_pieces_that_are_read(text, encoding, size):
    class Slowly(io.BytesIO):
        def read1(self, _):
            return self.read(size)

    data = ("\n" + text).encode(encoding)
    expected = [line.removesuffix("\r").lstrip("\ufeff")
                for line in ("\n" + text).removesuffix("\n").split("\n")]
    assert [line for _, line in numbered_lines(Slowly(data), encoding)] == expected


@pytest.mark.parametrize("data, encoding, words", [
    ("a\nb £\n".encode("latin-1"), "utf-8", ":2: is not UTF-8 .byte 0xa3.; .* encoding latin-1,"),
    ("a\nb “c”\n".encode("cp1252"), "utf-8", ":2: is not UTF-8 .* encoding cp1252 or latin-1,"),
    (b"a\nb \x81\n", "utf-8", ":2: is not UTF-8 .* say encoding latin-1,"),
    ("a\nb".encode("utf-16"), "utf-8", ":1: is UTF-16, by its first .* say encoding utf-16"),
    ("a\nb".encode("utf-16-le"), "utf-8", ":1: holds a NUL byte.* say encoding utf-16"),
    ("a\nb".encode("utf-16-le"), "utf-16", ":1: is no text in utf-16.* such as utf-16-le"),
    ("a\nb\n\xe9".encode("utf-8"), "ascii", ":3: is not ascii .byte 0xc3.; .* such as utf-8 or"),
    (b"a\n\x81", "cp1252", ":2: is not cp1252 .byte 0x81."),
    ("a\nb".encode("utf-16")[:-1], "utf-16", ": is not utf-16"),
    (b"a\n+2AA-\n", "utf-7", ": (holds half of a surrogate|is not utf-7)"),
])
def test_a_file_in_another_encoding_is_refused_with_one_that_would_do(data, encoding, words, write):
    path = write(data)
    with pytest.raises(DataError, match=words):
        read_text(path, encoding=encoding)


def test_an_encoding_that_the_message_names_reads_the_file(write):
    for text, encoding in (("5 £", "latin-1"), ("“c” – £", "cp1252")):
        path = write(text.encode(encoding))
        with pytest.raises(DataError, match=f"say encoding {encoding}"):
            read_text(path)
        assert read_text(path, encoding=encoding) == [[text]]


def test_unknown_encodings_and_things_that_are_no_file_are_refused(write):
    for read in (read_text, read_labelled, read_conll, read_conllu):
        with pytest.raises(ConfigError, match="encoding is 'utf-9'"):
            read(write("a\tO\n"), encoding="utf-9")
    with pytest.raises(ConfigError, match="the file is 3, expected its name"):
        read_text(3)


def test_an_error_far_into_a_file_has_its_line(write, monkeypatch):
    monkeypatch.setattr(readers, "CHUNK", 7)
    lines = b"ham\ta\n" * 1_000
    for bad, words in ((b"ham\t\xe9\n", "not UTF-8"), (b"ham\t\0\n", "NUL"), (b"ham\n", "0 tabs")):
        with pytest.raises(DataError, match=rf"data\.txt:1001: .*{words}"):
            read_labelled(write(lines + bad + lines))
