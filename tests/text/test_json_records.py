"""JSON: what json.dumps writes is read back, with its line; all else is refused with its line."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import DataError
from npft.text import FileFormat, read_labelled, read_records, read_scored
from npft.text.json_records import json_array, json_lines

any_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1,
                   max_size=12).filter(str.strip)
objects = st.lists(st.fixed_dictionaries({"label": st.one_of(any_text, st.integers()),
                                          "text": any_text, "more": st.none()}),
                   min_size=1, max_size=6)


def records(content, format, layout=("label", "text"), **options):
    source = io.BytesIO(content if isinstance(content, bytes) else content.encode())
    return list(read_records(source, layout, FileFormat(format, **options)))


@given(rows=objects, ascii=st.booleans(), indent=st.sampled_from([None, 0, 2]),
       form=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_an_array_and_lines_of_the_same_objects_are_the_same_rows(rows, ascii, indent, form):
    expected = [[str(row["label"]), row["text"]] for row in rows]
    array = json.dumps(rows, ensure_ascii=ascii, indent=indent).encode(form)
    lines = "\n\n".join(json.dumps(row, ensure_ascii=ascii) for row in rows).encode(form)
    encoding = "utf-16" if form == "utf-16" else "utf-8"
    assert [r.cells for r in records(array, "json", encoding=encoding)] == expected
    found = records(lines, "jsonl", encoding=encoding)
    assert [r.cells for r in found] == expected
    assert [r.line for r in found] == list(range(1, 2 * len(rows), 2))


def test_each_object_of_an_array_has_the_line_on_which_it_begins():
    content = b'\n[\n {"a":\n 1}, {"b": 2},\n\n{"c": 3}\n]\n'
    assert [line for line, _ in json_array(io.BytesIO(content))] == [3, 4, 6]
    assert [line for line, _ in json_lines(io.BytesIO(b'\n{"a": 1}\n\n2'))] == [2, 4]
    assert list(json_array(io.BytesIO(b" [ ] "))) == []


@pytest.mark.parametrize("content, line, words", [
    ('{"label": "a"}', 1, r"begins with '\{', expected an array .* say format jsonl"),
    ('\n"a"', 2, "begins with '\"', expected an array"),
    ('[\n{"label": "a", "text": "b"}\n{"label"', 3, r"no JSON: '\{\"label\"' after|no JSON: '\{'"),
    ('[\n{"label": "a", "text": "b"},\n', 2, "no JSON"),
    ('[{"label": "a", "text": "b"},\n]', 2, "no JSON"),
    ('[{"label": "a", "text": "b"}]\n\n[]', 3, "something stands after the end"),
    ('[\n{"label": "a", "text": \nb}]', 3, "no JSON"),
    ('[\n{"label": "a", "label": "b"}]', 2, "a key occurs twice in label, label"),
    ('[{"label": "a", "text": "b"},\n ["c"]]', 2, "is list, expected an object with label, text"),
    ('[{"label": "a", "text": "b"},\n {"text": "c"}]', 2, "the keys text, expected .* label, text"),
    ('[{"label": "a", "text": "b"},\n {"label": 0.5, "text": "c"}]', 2, "label is 0.5"),
    ("[" * 100000, 1, "no JSON"),
])
def test_an_array_that_is_broken_is_refused_with_the_line(content, line, words, write):
    path = write(content, "a.json")
    with pytest.raises(DataError, match=words) as caught:
        read_labelled(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")


def test_an_empty_array_has_no_row(write):
    with pytest.raises(DataError, match="only blank lines|no row"):
        read_labelled(write("[]", "a.json"))


def test_a_score_may_be_a_number_or_a_string_and_a_text_only_a_string(write):
    lines = ['{"score": 3, "text": "a", "pair": "b"}', '{"score": 0.5, "text": "a", "pair": "b"}',
             '{"score": "1.25", "text": "a", "pair": "b"}']
    assert read_scored(write("\n".join(lines), "a.jsonl")).labels.tolist() == [3.0, 0.5, 1.25]
    for value in ("true", "[1]", "NaN", "1e999", '"x"'):
        path = write(f'{lines[0]}\n{{"score": {value}, "text": "a", "pair": "b"}}', "a.jsonl")
        with pytest.raises(DataError, match=r"a\.jsonl:2: (score|the score '?\w+'?) is"):
            read_scored(path)
    with pytest.raises(DataError, match=":1: text is 1, expected a string that is not empty"):
        read_scored(write('{"score": 3, "text": 1, "pair": "b"}', "a.jsonl"))


def test_columns_name_the_keys():
    content = '{"class": "x", "body": "b", "label": 1}'
    assert records(content, "jsonl", columns=("class", "body"))[0].cells == ["x", "b"]
    with pytest.raises(DataError, match="the keys class, body, label, expected .* name the keys"):
        records(content, "jsonl")


def test_cells_that_are_optional_may_be_null_empty_or_missing():
    for more in ("", ', "answer": null', ', "answer": ""'):
        source = io.BytesIO(f'{{"question": "q"{more}}}'.encode())
        layout, fmt = ("question", "answer"), FileFormat("jsonl")
        found = read_records(source, layout, fmt, optional=("answer",))
        assert [r.cells for r in found] == [["q", ""]]
