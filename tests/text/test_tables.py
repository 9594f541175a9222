"""Tables: what is written is read back, columns are never guessed, broken rows are named."""

import csv
import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import ConfigError, DataError, DtypeError
from npft.text import (
    FileFormat, count_unscored, drop_duplicates, read_jsonl, read_labelled, read_pairs, read_scored,
    split,
)

# Any character a cell may hold: all but tab, line feed, carriage return, NUL and surrogates.
cell_text = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\t\n\r\0"), min_size=1, max_size=12
).filter(str.strip)
# U+FEFF at the beginning of a line is no part of a cell
any_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"),
                   min_size=1, max_size=12).filter(str.strip)
labels = st.sampled_from(["spam", "ham", "é"])


@given(rows=st.lists(st.tuples(labels, cell_text, cell_text), min_size=1, max_size=8),
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


@given(rows=st.lists(st.tuples(labels, any_text, any_text), min_size=1, max_size=8),
       separator=st.sampled_from(",;|"), header=st.booleans(),
       form=st.sampled_from([("\r\n", csv.QUOTE_MINIMAL), ("\n", csv.QUOTE_ALL)]))
def test_csv_comes_back_as_the_standard_library_writes_it(
    tmp_path_factory, rows, separator, header, form
):
    out = io.StringIO()
    newline, quoting = form
    writer = csv.writer(out, delimiter=separator, lineterminator=newline, quoting=quoting)
    writer.writerows([["first", "label", "second"]] * header)
    writer.writerows([text, label, pair] for label, text, pair in rows)
    path = tmp_path_factory.getbasetemp() / "table.csv"
    path.write_bytes(out.getvalue().encode())
    columns = ("label", "first", "second") if header else (2, 1, 3)
    e = read_pairs(path, columns=columns, header=header, separator=separator)
    assert e.texts == [text for _, text, _ in rows] and e.pairs == [pair for _, _, pair in rows]
    assert [e.label_names[k] for k in e.labels] == [label for label, _, _ in rows]


def test_a_file_called_csv_has_commas_and_quotes_and_others_have_tabs(write):
    content = 'ham,"a, ""b""\nc"\nspam,d\n'
    assert read_labelled(write(content, "data.CSV")).texts == ['a, "b"\nc', "d"]
    assert read_labelled(write('ham\t"a\nham\tb,c\n')).texts == ['"a', "b,c"]
    assert read_labelled(write('ham\t"a\n', "data.csv"), separator="\t").texts == ['"a']


def test_ham_is_0_and_spam_is_1_whatever_comes_first(write):
    e = read_labelled(write("spam\tWIN\nham\thi\n"))
    assert e.labels.tolist() == [1, 0] and e.label_names == ["ham", "spam"]


def test_white_space_round_a_label_is_dropped_and_round_a_text_kept(write):
    e = read_labelled(write(" ham\t a \nham \tb\n"))
    assert e.label_names == ["ham"] and e.texts == [" a ", "b"]


def test_quotes_of_a_table_with_tabs_are_ordinary_characters(write):
    assert read_labelled(write('ham\t"Hi" he said, "bye\nham\tx"\n')).texts == [
        '"Hi" he said, "bye', 'x"']


def test_blank_lines_of_a_table_are_skipped_and_still_counted(write):
    assert read_labelled(write("\n  \nham\ta\n\r\nspam\tb\n\n")).texts == ["a", "b"]
    with pytest.raises(DataError, match=r"data\.txt:4: "):
        read_labelled(write("\nham\ta\n\nspam b\n"))
    assert read_labelled(write("\nham,a\n \nspam,b\n\n", "x.csv")).texts == ["a", "b"]
    with pytest.raises(DataError, match=r"x\.csv:6: has 1 cells"):
        read_labelled(write('\nham,"a\nb\n"\n\nspam b\n', "x.csv"))


def test_columns_are_chosen_by_number_and_the_rest_is_ignored(write):
    rows = "x\t1\ta\t3.5\tb\nx\t2\tc\t0\td\tmore\tand more\n"
    e = read_scored(write(rows), columns=(4, 3, 5))
    assert e.labels.dtype == np.float64 and e.labels.tolist() == [3.5, 0.0]
    assert e.texts == ["a", "c"] and e.pairs == ["b", "d"] and e.label_names == []
    with pytest.raises(DataError, match=r":1: has 4 tabs, expected score<TAB>text<TAB>pair; write"):
        read_scored(write(rows))
    with pytest.raises(DataError, match=r":1: has 4 tabs, expected .* in 6 columns; put one tab"):
        read_scored(write(rows), columns=(4, 3, 6))


def test_columns_are_chosen_by_name_and_a_header_fixes_their_number(write):
    content = "id\ttext \tgold\n1\ta\tx\n2\tb\ty\n"
    e = read_labelled(write(content), columns=("gold", "text"), header=True)
    assert e.texts == ["a", "b"] and e.label_names == ["x", "y"]
    assert read_labelled(write(content), columns=(3, "text"), header=True).texts == ["a", "b"]
    assert len(read_labelled(write(content), columns=(3, 2))) == 3  # the header is not guessed
    with pytest.raises(DataError, match=r":3: has 3 tabs, expected .* in 3 columns"):
        read_labelled(write(content.replace("b", "b\tb")), columns=("gold", "text"), header=True)
    assert read_labelled(write("gold\ttext\nx\ta\n"), header=True).texts == ["a"]


@pytest.mark.parametrize("content, columns, words", [
    ("a\tb\nx\ty\n", ("label", "b"), r": the header has 0 columns 'label', .* it has a, b"),
    ("a\ta\nx\ty\n", ("a", "a"), r": the header has 2 columns 'a'"),
    ("a\tb\nx\ty\n", (1, 3), r": the header has 2 columns, there is no column 3"),
    ("a\tb\n", ("a", "b"), "the file has only a header"),
    ("\n", ("a", "b"), "the file has only blank lines"),
    ("\n\na\tb\tc\nx\ty\tz\n", None, r":3: the header has 3 columns, a, b, c, expected label<TAB>"),
    ("a\nx\n", None, r":1: the header has 1 columns"),
])
def test_headers_without_the_columns_or_without_rows_are_refused(content, columns, words, write):
    with pytest.raises(DataError, match=words):
        read_labelled(write(content), columns=columns, header=True)


@pytest.mark.parametrize("options, words", [
    ({"columns": (1,)}, "columns is .1,., expected 2: label, text"),
    ({"columns": "ab"}, "columns is 'ab'"),
    ({"columns": (0, 1)}, "columns has 0, expected numbers from 1"),
    ({"columns": ("a", "b")}, "columns has 'a', expected .* say header"),
    ({"separator": ""}, "separator is ''"),
    ({"separator": "ab"}, "separator is 'ab'"),
    ({"separator": '"'}, "separator is"),
    ({"separator": 1}, "separator is 1"),
])
def test_options_that_make_no_sense_are_refused(options, words, write):
    with pytest.raises(ConfigError, match=words):
        read_labelled(write("a\tb\n"), **options)


@pytest.mark.parametrize("read, content, line, words", [
    (read_labelled, "ham\ta\nspam b\n", 2, "0 tabs, expected label<TAB>text; put one tab"),
    (read_labelled, "ham\ta\nspam\tb\tc\n", 2, "2 tabs, expected label<TAB>text; write a tab"),
    (read_labelled, "\ta\n", 1, "the label is empty"),
    (read_labelled, " \ta\n", 1, "the label is empty"),
    (read_labelled, "ham\ta\nham\t \n", 2, "the text is empty"),
    (read_labelled, "\t\n", 1, "the label is empty"),
    (read_pairs, "ham\ta\n", 1, "1 tabs, expected label<TAB>text<TAB>pair"),
    (read_pairs, "ham\ta\t\n", 1, "the pair is empty"),
    (read_pairs, "ham\ta\tb\tc\n", 1, "3 tabs"),
    (read_scored, "1\ta\tb\nx\ta\tb\n", 2, "the score 'x' is no finite number; .* say header"),
    (read_scored, "nan\ta\tb\n", 1, "the score 'nan'"),
    (read_scored, "1e999\ta\tb\n", 1, "the score '1e999'"),
    (read_scored, "1,5\ta\tb\n", 1, "the score '1,5'"),
    (read_scored, "1_0\ta\tb\n", 1, "the score '1_0'"),
])
def test_a_line_that_breaks_the_layout_is_named(read, content, line, words, write):
    path = write(content)
    with pytest.raises(DataError, match=words) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")


@pytest.mark.parametrize("content, line, words", [
    ('ham,"a"b"\n', 1, "a quoted cell is broken"),
    ('ham,x\nham,"a\nb\n', 2, "a quoted cell is broken: unexpected end"),
    ("ham,a\rb\n", 1, "broken"),
    ("ham,x\nham,a,b\n", 2, "3 cells, expected label,text; put a cell with ',' in it in quotes"),
    ("ham\ta\n", 1, "1 cells, expected label,text; if tabs divide the columns, say format tsv"),
    ("ham,x\nham\n", 2, "1 cells, expected label,text; name the separator if it is not ','"),
    ('ham,"' + "a" * 140000 + '"\n', 1, "a cell has more than 131,072 characters"),
])
def test_a_row_that_breaks_csv_is_named(content, line, words, write):
    path = write(content, "table.csv")
    with pytest.raises(DataError, match=words) as caught:
        read_labelled(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")


def test_a_column_in_which_nearly_every_cell_differs_is_no_label(write):
    content = "".join(f"sentence {i}\ttext\n" for i in range(20))
    with pytest.raises(DataError, match="20 different labels in 20 rows, the first 'sentence 0'"):
        read_labelled(write(content))
    few = "".join(f"class {i % 10}\ttext\n" for i in range(20))
    assert len(read_labelled(write(few)).label_names) == 10


def test_a_label_unknown_to_the_model_is_refused_and_known_names_keep_their_numbers(write):
    known = ["spam", "ham"]
    assert read_labelled(write("ham\ta\n"), known).labels.tolist() == [1]
    with pytest.raises(DataError, match=r":2: the label 'egg' is unknown .* spam, ham"):
        read_labelled(write("ham\ta\negg\tb\n"), known)


@given(rows=st.lists(st.tuples(st.one_of(labels, st.just("10")), any_text, any_text), min_size=1,
                     max_size=8), ascii=st.booleans())
def test_json_lines_come_back_as_they_were_written(tmp_path_factory, rows, ascii):
    path = tmp_path_factory.getbasetemp() / "rows.jsonl"
    lines = [json.dumps({"b": pair, "gold": label, "more": [1], "a": text}, ensure_ascii=ascii)
             for label, text, pair in rows]
    path.write_bytes("\n".join(lines).encode())
    e = read_jsonl(path, keys=("gold", "a", "b"))
    assert e.texts == [text for _, text, _ in rows] and e.pairs == [pair for _, _, pair in rows]
    assert [e.label_names[k] for k in e.labels] == [label for label, _, _ in rows]


def test_whole_numbers_in_json_are_labels_like_strings(write):
    e = read_jsonl(write('{"label": 4, "text": "a"}\n\n{"label": -1, "text": "b"}\n'
                         '{"label": "4", "text": "c"}\n'))
    assert e.labels.tolist() == [1, 0, 1] and e.label_names == ["-1", "4"]
    assert e.labels.dtype == np.int64
    long = read_jsonl(write('{"label": %s, "text": "a"}\n' % ("9" * 400)))
    assert long.label_names == ["9" * 400]
    with pytest.raises(DataError, match=":1: the label '1' is unknown to the model, .* ham, spam"):
        read_jsonl(write('{"label": 1, "text": "a"}\n'), ["ham", "spam"])


@pytest.mark.parametrize("line, words", [
    ("{", "is no JSON"),
    ("[" * 5000, "is no JSON"),
    ("[1]", "is list, expected an object with label, text"),
    ('{"text": "a"}', "the keys text, expected .* label, text; name the keys"),
    ('{"label": "x", "label": "y", "text": "a"}', "a key occurs twice"),
    ('{"label": true, "text": "a"}', "label is True, expected a string or a whole number"),
    ('{"label": null, "text": "a"}', "label is None"),
    ('{"label": "x", "text": 1}', "text is 1, expected a string"),
    ('{"label": "x", "text": " "}', "not empty"),
    ('{"label": "x", "text": "\\ud800"}', "surrogate"),
    ('{"label": "\\ud800", "text": "a"}', "label has half of a surrogate"),
    ('{"label": " ", "text": "a"}', "label is ' ', expected a string .* that is not empty"),
    ('{"label": 1e20, "text": "a"}', r"label is 1e\+20, expected a string or a whole number"),
    ('{"label": 0.5, "text": "a"}', "label is 0.5, expected .*; if it is a score, read scores"),
    ('{"label": 1.0, "text": "a"}', "label is 1.0, expected a string or a whole number"),
    ('{"label": 1e999, "text": "a"}', "label is inf, expected a string or a whole number"),
    ('{"label": NaN, "text": "a"}', "label is nan, expected a string or a whole number"),
    ('{"label": [1], "text": "a"}', r"label is \[1\], expected a string or a whole number"),
    ('{"label": "x", "text": "a\\u0000"}', "text has a NUL"),
])
def test_a_line_that_is_no_record_is_named(line, words, write):
    path = write(f'{{"label": "x", "text": "a"}}\n{line}\n')
    with pytest.raises(DataError, match=words) as caught:
        read_jsonl(path)
    assert str(caught.value).startswith(f"{path}:2: ")


@pytest.mark.parametrize("keys", ["label", ("label",), ("a", "b", "c", "d")])
def test_json_keys_that_make_no_sense_are_refused(keys, write):
    with pytest.raises(ConfigError, match="keys is"):
        read_jsonl(write("{}"), keys=keys)


def test_pairs_can_be_split_by_premise_and_scores_without_classes(write):
    rows = [f"{i % 2}\tpremise {i // 4}\thypothesis {i}\n" for i in range(40)]
    pairs = read_pairs(write("".join(rows)))
    train, test = split(pairs, groups=np.array(pairs.texts), rng=np.random.default_rng(0))
    assert not set(train.texts) & set(test.texts)
    assert len(test) == 8 and np.bincount(test.labels).tolist() == [4, 4]
    scored = read_scored(write("".join(rows)))
    train, test = split(scored, stratify=False, rng=np.random.default_rng(0))
    assert len(train) == 32 and train.labels.dtype == test.labels.dtype == np.float64
    assert sorted(train.pairs + test.pairs) == sorted(scored.pairs)
    assert len(drop_duplicates(read_scored(write("".join(rows * 2))))) == 40


def test_the_spreadsheet_of_data_science_sites_is_read_after_following_its_messages(write):
    rows = [("ham", 'see you, "later"'), ("spam", "win £500"), ("ham", "two\nlines")]
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerows([("v1", "v2", "", "", ""), *((*row, "", "", "") for row in rows)])
    path, options = write(out.getvalue().encode("latin-1"), "spam.csv"), {}
    for words, option in [
        (":3: is not UTF-8 .* say encoding latin-1", {"encoding": "latin-1"}),
        (":1: has 5 cells, .* a header with the columns v1, v2: say header", {"header": True}),
        (":1: the header has 5 columns, v1, v2, .*; name the columns", {"columns": ("v1", "v2")}),
    ]:
        with pytest.raises(DataError, match=words):
            read_labelled(path, **options)
        options |= option
    e = read_labelled(path, **options)
    assert [(e.label_names[k], text) for k, text in zip(e.labels, e.texts)] == rows


@given(rows=st.lists(st.tuples(labels, any_text), min_size=1, max_size=6))
def test_the_same_rows_are_the_same_examples_in_every_format(tmp_path_factory, rows):
    folder, out = tmp_path_factory.getbasetemp(), io.StringIO()
    csv.writer(out).writerows(rows)
    objects = [{"label": label, "text": text} for label, text in rows]
    files = {"a.csv": out.getvalue(), "a.json": json.dumps(objects),
             "a.jsonl": "\n".join(map(json.dumps, objects))}
    for name, content in files.items():
        (folder / name).write_bytes(content.encode())
        e = read_labelled(folder / name)
        assert [(e.label_names[k], text) for k, text in zip(e.labels, e.texts)] == rows


def test_pairs_and_scores_are_read_from_every_format(write):
    content = json.dumps([{"score": 2.5, "label": 1, "text": "a", "pair": "b"}])
    scored, paired = read_scored(write(content, "a.json")), read_pairs(write(content, "a.json"))
    assert scored.labels.tolist() == [2.5] and scored.pairs == paired.pairs == ["b"]
    assert paired.label_names == ["1"] and scored.texts == paired.texts == ["a"]
    table = write("pair;score;text\nb;2.5;a\n", "a.csv")
    scored = read_scored(table, header=True, separator=";")
    assert (scored.labels.tolist(), scored.texts, scored.pairs) == ([2.5], ["a"], ["b"])
    assert read_scored(table, fmt=FileFormat(header=True, separator=";")).pairs == ["b"]


@pytest.mark.parametrize("name, content", [
    ("a.tsv", "2.5\ta\tb\n\tc\td\n \te\tf\n0\tg\th\n"),
    ("a.jsonl", '{"score": 2.5, "text": "a", "pair": "b"}\n{"text": "c", "pair": "d"}\n'
                '{"score": null, "text": "e", "pair": "f"}\n'
                '{"score": 0, "text": "g", "pair": "h"}\n'),
])
def test_rows_without_a_score_are_refused_or_skipped_and_counted(name, content, write):
    path = write(content, name)
    with pytest.raises(DataError, match=rf"{name}:2: the score is empty; .* skip such rows"):
        read_scored(path)
    e = read_scored(path, unscored="skip")
    assert (e.labels.tolist(), e.texts, e.pairs) == ([2.5, 0.0], ["a", "g"], ["b", "h"])
    assert count_unscored(path) == 2
    with pytest.raises(ConfigError, match="unscored is 'drop', expected one of refuse, skip"):
        read_scored(path, unscored="drop")


def test_a_file_without_any_score_and_a_score_that_is_no_number_are_never_skipped(write):
    with pytest.raises(DataError, match="no row has a score"):
        read_scored(write("\ta\tb\n"), unscored="skip")
    with pytest.raises(DataError, match=":1: the score 'n/a' is no finite number"):
        read_scored(write("n/a\ta\tb\n"), unscored="skip")
    with pytest.raises(DataError, match=":1: the score '3,5' .* write decimals with a point"):
        read_scored(write("3,5\ta\tb\n"))


def test_a_label_column_of_a_swapped_header_points_to_the_header(write):
    rows = "".join(f"message {i},{'ham' if i % 2 else 'spam'}\n" for i in range(20))
    with pytest.raises(DataError, match="21 different labels .* name the columns; row 1 looks"):
        read_labelled(write("text,category\n" + rows, "a.csv"))


def test_names_and_keys_that_are_none_are_refused(tmp_path):
    path = tmp_path / "x.tsv"
    path.write_text("ham\ta\nspam\tb\n")
    with pytest.raises(DtypeError, match=r"label_names\[0\] is int"):
        read_labelled(path, label_names=[0, 1])
    with pytest.raises(DataError, match="label_names has 'ham' twice"):
        read_labelled(path, label_names=["ham", "ham", "spam"])
    with pytest.raises(ConfigError, match="keys is 3"):
        read_jsonl(path, keys=3)
