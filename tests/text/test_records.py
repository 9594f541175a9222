"""Records: rows come as the file is read, whatever its format, and options fit the format."""

import csv
import io
import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import ConfigError, DataError
from npft.text import FileFormat, read_records

# U+FEFF at the beginning of a line is no part of a cell
any_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"),
                   min_size=1, max_size=12).filter(str.strip)
tables = st.lists(st.tuples(any_text, any_text), min_size=1, max_size=8)
MESSAGE = "a message of a thousand characters, " * 28
LINES = {
    "tsv": f"ham\t{MESSAGE}\n",
    "csv": f'ham,"{MESSAGE}\n{MESSAGE}"\n',
    "jsonl": json.dumps({"label": "ham", "text": MESSAGE}) + "\n",
}


def records(content, layout=("label", "text"), fmt=FileFormat(), **options):
    source = io.BytesIO(content if isinstance(content, bytes) else content.encode())
    return list(read_records(source, layout, fmt, **options))


def cells(*args, **options):
    return [record.cells for record in records(*args, **options)]


class Growing(io.RawIOBase):
    """A stream of n rows that makes each piece when it is asked for, and counts the bytes."""

    def __init__(self, line, n):
        self.line, self.left, self.given = line.encode(), n, 0

    def read(self, size=-1):
        chunk = self.line * min(self.left, 50)
        self.left, self.given = max(0, self.left - 50), self.given + len(chunk)
        return chunk


@pytest.mark.parametrize("format", LINES)
def test_the_first_record_comes_before_the_file_ends_and_memory_stays_constant(format):
    stream = Growing(LINES[format], 2_000)
    tracemalloc.start()
    rows = read_records(stream, ("label", "text"), FileFormat(format))
    first = next(rows)
    assert first.line == 1 and first.cells[0] == "ham" and stream.left == 1_950
    n = 1 + sum(1 for _ in rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert n == 2_000 and stream.given > 2_000_000
    assert peak < 600_000


def test_a_pipe_gives_its_lines_as_they_come():
    class Pipe:  # read1 gives what is there; read would wait for more
        parts = [b"ham\ta\nspam", b"\tb\n", b""]

        def read1(self, size):
            return self.parts.pop(0)

        read = None

    rows = read_records(Pipe(), ("label", "text"))
    assert next(rows).cells == ["ham", "a"] and len(Pipe.parts) == 2
    assert next(rows).cells == ["spam", "b"]


def test_a_stream_stays_open_and_is_called_standard_input():
    stream = io.BytesIO(b"ham\ta\nspam\n")
    with pytest.raises(DataError, match="^standard input:2: has 0 tabs"):
        list(read_records(stream, ("label", "text")))
    assert not stream.closed
    with pytest.raises(ConfigError, match="does not give bytes"):
        list(read_records(io.StringIO("ham\ta\n"), ("label", "text")))
    stream.close()
    with pytest.raises(DataError, match="standard input: cannot be read"):
        list(read_records(stream, ("label", "text")))


@given(rows=tables, form=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
       separator=st.sampled_from(",;\t"), header=st.booleans())
def test_what_the_csv_module_writes_is_read_back_with_its_lines(rows, form, separator, header):
    out = io.StringIO()
    csv.writer(out, delimiter=separator).writerows([("text", "label")] * header)
    lines = []
    for row in rows:
        lines.append(out.getvalue().count("\n") + 1)
        csv.writer(out, delimiter=separator).writerow(row)
    columns = ("text", "label") if header else (1, 2)
    fmt = FileFormat("csv", columns, header, separator, form.removesuffix("-sig"))
    found = records(out.getvalue().encode(form), ("text", "label"), fmt)
    assert [tuple(r.cells) for r in found] == rows
    assert [r.line for r in found] == lines


@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r\0"),
                              max_size=8), min_size=1, max_size=8),
       end=st.sampled_from(["\n", "\r\n", "\r"]), last=st.booleans())
def test_each_line_of_a_txt_is_a_row_blank_ones_too(texts, end, last):
    texts = ["first", *texts, "last"]
    content = end.join(texts) + end * last
    found = [[text.lstrip("\ufeff")] for text in texts]  # byte order marks
    assert cells(content, ("text",), FileFormat("txt")) == found


def test_separator_and_ending_and_format_decide_together(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b'ham\t"a\nspam\t"b\n')
    tab = [["ham", '"a'], ["spam", '"b']]
    for fmt in (FileFormat(separator="\t"), FileFormat("tsv")):
        assert [r.cells for r in read_records(path, ("label", "text"), fmt)] == tab
    quoted = b'ham\t"a\tb"\n'
    assert cells(quoted, fmt=FileFormat("csv", separator="\t")) == [["ham", "a\tb"]]
    assert cells(b'ham;"a;b"\n', fmt=FileFormat(separator=";")) == [["ham", "a;b"]]
    assert cells(b'ham;"a\n', fmt=FileFormat("tsv", separator=";")) == [["ham", '"a']]


def test_a_header_with_the_names_of_the_layout_says_where_the_cells_stand():
    fmt = FileFormat(header=True)
    assert cells("id\tText\tlabel\n1\ta\tham\n", fmt=fmt) == [["ham", "a"]]
    assert cells("text\tlabel\na\tham\n", fmt=fmt) == [["ham", "a"]]
    assert cells("spam?\tmessage\nham\ta\n", fmt=fmt) == [["ham", "a"]]
    for header in ("text\tcategory", "sentence\tgold_label", "a\tlabel"):
        with pytest.raises(DataError, match=":1: the header has the columns .*; name the col"):
            records(f"{header}\na\tham\n", fmt=fmt)


def test_optional_cells_at_the_end_may_be_missing_or_empty():
    layout, more = ("question", "answer", "start"), {"optional": ("answer", "start")}
    content = "q\ta\t3\nq\ta\nq\nq\t\t\n"
    assert cells(content, layout, **more) == [
        ["q", "a", "3"], ["q", "a", ""], ["q", "", ""], ["q", "", ""]]
    assert cells("a\tq\n", layout, FileFormat(columns=(2, 1)), **more) == [["q", "a", ""]]
    named = FileFormat(header=True)
    assert cells("answer\tquestion\na\tq\n", layout, named, **more) == [["q", "a", ""]]
    with pytest.raises(DataError, match=":1: has 3 tabs"):
        records("q\ta\t3\t4\n", layout, **more)


@pytest.mark.parametrize("columns, header, words", [
    ((1, 1), False, "columns is .1, 1., which asks for one column twice"),
    (("a", 1), True, "asks for one column twice"),
    ((1, 2, 3), False, "columns is .1, 2, 3., expected 2: label, text"),
    (("a", "b"), False, "columns has 'a', expected numbers from 1; for names .* say header"),
])
def test_columns_that_make_no_sense_are_refused(columns, header, words):
    with pytest.raises(ConfigError, match=words):
        records("a\tb\nx\ty\n", fmt=FileFormat(None, columns, header))


def test_double_names_of_a_header_matter_only_where_they_are_asked_for():
    content = "a\tb\t\t\nham\tx\t\t\n"
    assert cells(content, fmt=FileFormat(columns=("a", "b"), header=True)) == [["ham", "x"]]
    with pytest.raises(DataError, match="the header has 2 columns 'a', expected one; it has a, a"):
        records("a\ta\nx\ty\n", fmt=FileFormat(columns=("a", "a"), header=True))


@pytest.mark.parametrize("fmt, layout, words", [
    (FileFormat("conll"), ("label", "text"), "the format conll holds words and tags"),
    (FileFormat("txt"), ("label", "text"), "format txt has one text a line, expected label, text"),
    (FileFormat("txt", columns=(1,)), ("text",), "columns is .1,., but a file in the format txt"),
    (FileFormat("jsonl", header=True), ("text",), "header is True, but a file in the format jsonl"),
    (FileFormat("json", separator=";"), ("text",), "separator is ';', but a file in the format"),
    (FileFormat("jsonl", columns=(1, 2)), ("label", "text"), "expected keys of JSON objects"),
])
def test_options_that_do_not_go_together_are_refused_before_reading(fmt, layout, words):
    with pytest.raises(ConfigError, match=words):
        read_records("no such file", layout, fmt)


def test_a_quote_that_stays_open_is_named_with_the_line_of_its_row(write):
    path = write('ham,a\nham,"b\n' + "ham,c\n" * 30_000, "a.csv")
    with pytest.raises(DataError, match=r"a\.csv:2: a cell has more than .* close its quotes"):
        list(read_records(path, ("label", "text")))


@pytest.mark.parametrize("content, fmt", [
    ("x" * 5000 + "\n", FileFormat()),
    ("\x07\x1b[31m" * 500 + "\n", FileFormat()),
    ("a\n" + "x" * 5000 + "\n", FileFormat(None, ("a" * 5000, 2), True)),
    ("\t".join("b" * 500 for _ in range(500)) + "\nc\n", FileFormat(header=True)),
    (json.dumps({"k" * 900 + str(i): "\x07" for i in range(900)}), FileFormat("jsonl")),
    (json.dumps({"label": ["\x07" * 900] * 900, "text": "a"}), FileFormat("jsonl")),
    (json.dumps({"label": "a", "text": "a", "k" * 9000: 1})[:-1] + ', "label": 1}',
     FileFormat("jsonl")),
    ("," * 200_000 + "\nc\n", FileFormat("csv", ("a", 2), True)),
    ('"' + "x" * 5000 + '"y,b\n', FileFormat("csv")),
    ("q" * 5000 + "\tx\ty\n", FileFormat()),
])
def test_no_message_is_long_or_has_control_characters_whatever_the_file_holds(content, fmt):
    with pytest.raises(DataError) as caught:
        records(content, fmt=fmt)
    assert len(str(caught.value)) < 450 and str(caught.value).isprintable()
