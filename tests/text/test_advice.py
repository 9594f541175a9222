"""What a file seems to be: each sign leads to the option that then reads the file."""

import pytest

from npft.errors import DataError
from npft.text import read_labelled
from npft.text.advice import is_column_name, looks_like_header, mend_width

ROWS = [("ham", "see you"), ("spam", "win, now"), ("ham", "a b c")]


@pytest.mark.parametrize("cell, named", [
    ("label", True), ("Text", True), ("v1", True), ("sentence2", True), ("condition_label", True),
    ("Review Text", True), ("ham", False), ("", False), ("labelled", False), ("v3", False),
    ("what a long text this is", False), ("text " * 9, False), ("a_b_c_d_label", False),
])
def test_a_name_of_a_column_is_known_by_its_words(cell, named):
    assert is_column_name(cell) is named


@pytest.mark.parametrize("cells, header", [
    (["v1", "v2", "", "", ""], True), (["label", "text"], True), (["text", "category"], True),
    (["id", "utterance"], True), (["ham", "see"], False), (["label", "see you at noon"], False),
    (["label", "x" * 31], False), ([], False), (["", ""], False),
])
def test_a_header_has_only_short_cells_and_one_known_name(cells, header):
    assert looks_like_header(cells) is header


def table(separator, header=""):
    return header + "".join(f"{label}{separator}{text}\n" for label, text in ROWS)


@pytest.mark.parametrize("name, content, words, options", [
    ("a.tsv", table("\t", "label\ttext\n"),
     ":1: row 1 looks like a header .* label, text: say header", {"header": True}),
    ("a.tsv", table("\t", "v1\tv2\n"), "say header", {"header": True}),
    ("a.csv", '"v1","v2",,,\nham,see you,,,\nspam,"win, now",,,\nham,a b c,,,\n',
     "the columns v1, v2: say header, and name the columns",
     {"header": True, "columns": ("v1", "v2")}),
    ("a.tsv", "id\tlabel\ttext\n" + "".join(f"1\t{a}\t{b}\n" for a, b in ROWS), "say header",
     {"header": True}),
    ("a.csv", table(";"),
     ":1: .* if ';' divides the columns, say separator ';'", {"separator": ";"}),
    ("a.tsv", table("|"), r"if '\|' divides the columns, say separator '\|'", {"separator": "|"}),
    ("a.csv", table("\t"), "if tabs divide the columns, say format tsv", {"format": "tsv"}),
    ("a.txt", 'ham,see you\nspam,"win, now"\nham,a b c\n',
     "if ',' divides the columns, say format csv", {"format": "csv"}),
    ("a.txt", "".join(f'{{"label": "{a}", "text": "{b}"}}\n' for a, b in ROWS), "say format jsonl",
     {"format": "jsonl"}),
    ("a.txt", "[" + ", ".join(f'{{"label": "{a}", "text": "{b}"}}' for a, b in ROWS) + "]",
     "looks like JSON: say format json$", {"format": "json"}),
    ("a.json", "".join(f'{{"label": "{a}", "text": "{b}"}}\n' for a, b in ROWS), "say format jsonl",
     {"format": "jsonl"}),
    ("a.jsonl", "[\n" + ",\n".join(f'{{"label": "{a}", "text": "{b}"}}' for a, b in ROWS) + "]",
     "say format json$", {"format": "json"}),
    ("a.csv", "ham,see you,,\nspam,\"win, now\",,\nham,a b c,,\n",
     "last cells are empty: name the columns", {"columns": (1, 2)}),
    ("a.tsv", table("\t").encode("utf-16"), "UTF-16.* say encoding utf-16", {"encoding": "utf-16"}),
])
def test_the_mend_that_a_message_names_reads_the_file(name, content, words, options, write):
    path = write(content, name)
    with pytest.raises(DataError, match=words):
        read_labelled(path)
    e = read_labelled(path, **options)
    assert [(e.label_names[k], text) for k, text in zip(e.labels, e.texts)] == ROWS


def test_a_label_and_a_text_with_a_space_between_are_shown_where_the_tab_belongs(write):
    with pytest.raises(DataError, match=":1: has 0 tabs, .* put one tab .* after 'ham' if that"):
        read_labelled(write("ham see you\nspam win\n"))


def test_other_separators_are_proposed_for_the_first_row_only():
    assert "format csv" in mend_width(["a, b"], True, 2, "\t", first=True)
    assert "format csv" not in mend_width(["a, b"], True, 2, "\t", first=False)


def test_a_first_label_that_is_common_or_known_is_no_header(write):
    content = "text\tshort\nimage\tlong\ntext\tlong\n"
    assert read_labelled(write(content)).label_names == ["image", "text"]
    once = "text\tshort\nimage\tlong\n"
    with pytest.raises(DataError, match="row 1 looks like a header"):
        read_labelled(write(once))
    assert len(read_labelled(write(once), ["image", "text"])) == 2
    assert len(read_labelled(write("text\ta longer text\nimage\tlong\n"))) == 2
    with pytest.raises(DataError, match=":1: row 1 looks like a header"):  # not "unknown label"
        read_labelled(write("label\ttext\nham\ta\n"), ["ham", "spam"])
