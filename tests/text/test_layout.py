"""How a file is to be read: what an ending means, and options that cannot work."""

import io

import pytest

from npft.errors import ConfigError
from npft.text import FileFormat, read_labelled
from npft.text.layout import FORMATS, format_of


@pytest.mark.parametrize("name, format", [
    ("a.tsv", "tsv"), ("a.CSV", "csv"), ("a.jsonl", "jsonl"), ("a.ndjson", "jsonl"),
    ("a.json", "json"), ("a.conll", "conll"), ("a.iob", "conll"), ("a.bio", "conll"),
    ("a.iob2", "conll"), ("a.conllu", "conllu"), ("a.txt", "txt"),
    ("a.data", "tsv"), ("csv", "tsv"),
])
def test_the_ending_of_a_name_says_the_format(name, format):
    assert FileFormat().named(name) == format
    assert all(FileFormat(known).named(name) == known for known in FORMATS)


def test_a_name_without_a_known_ending_and_a_stream_have_the_callers_format():
    assert FileFormat().named("SMSSpamCollection", "conll") == "conll"
    assert FileFormat().named(io.BytesIO()) == "tsv"
    assert FileFormat().named(io.BytesIO(), "txt") == "txt"


@pytest.mark.parametrize("options, words", [
    ({"name": "xlsx"}, "format is 'xlsx', expected one of tsv, csv, jsonl"),
    ({"columns": "label,text"}, "columns is 'label,text', expected a list"),
    ({"columns": ()}, r"columns is \(\), expected a list"),
    ({"columns": 3}, "columns is 3, expected a list"),
    ({"columns": (True, 2)}, "columns has True, expected numbers from 1"),
    ({"columns": (1.0, 2)}, "columns has 1.0, expected numbers from 1"),
    ({"columns": ("", "a")}, "columns has '', expected"),
    ({"header": "yes"}, "header is 'yes', expected True or False"),
    ({"separator": "\0"}, "separator is"),
    ({"separator": "ab"}, "separator is 'ab', expected one character"),
    ({"encoding": "utf-9"}, "encoding is 'utf-9', expected one such as utf-8, latin-1 or utf-16"),
    ({"encoding": "base64"}, "encoding is 'base64'"),  # a codec of Python, but none of text
    ({"encoding": None}, "encoding is None"),
    ({"encoding": "a\0b"}, r"encoding is 'a\\x00b'"),
])
def test_options_that_cannot_work_are_refused(options, words):
    with pytest.raises(ConfigError, match=words):
        FileFormat(**options)


def test_columns_become_a_tuple_so_that_equal_formats_are_equal():
    assert FileFormat(columns=[1, "a"]) == FileFormat(columns=(1, "a"))
    assert hash(FileFormat(columns=[1, "a"])) == hash(FileFormat(columns=(1, "a")))


def test_a_reader_takes_a_format_or_its_options_and_not_both(write):
    path, fmt = write("a;b\n"), FileFormat(separator=";")
    assert read_labelled(path, fmt=fmt).texts == read_labelled(path, separator=";").texts == ["b"]
    with pytest.raises(ConfigError, match="not both"):
        read_labelled(path, fmt=fmt, header=True)
    with pytest.raises(ConfigError, match="fmt is 'csv', expected a FileFormat"):
        format_of("csv", None, False, None, "utf-8", None)
