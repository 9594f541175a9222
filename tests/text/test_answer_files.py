"""Answers: each span cuts the answer out of its passage, or the row is refused."""

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from npft.errors import ConfigError, DataError
from npft.text import FileFormat, read_answers

PASSAGE = "Ann saw Ann in Oslo."


def cut(e):
    return [None if tuple(span) == (-1, -1) else passage[slice(*span)]
            for passage, span in zip(e.pairs, e.spans.tolist())]


@pytest.mark.parametrize("answer, start, span", [
    ("Ann", "0", (0, 3)), ("Ann", "8", (8, 11)), ("Ann", "", (0, 3)), ("Oslo.", "15", (15, 20)),
    ("", "", (-1, -1)), ("", "-1", (-1, -1)), ("", "0", (-1, -1)), (" Ann ", "7", (8, 11)),
    ("in Oslo", "", (12, 19)),
])
@pytest.mark.parametrize("form", ["tsv", "csv", "jsonl", "numbers", "json"])
def test_an_answer_is_where_it_starts_or_first_stands(answer, start, span, form, write):
    record = {"question": "Who?", "passage": PASSAGE, "answer": answer, "start": start}
    contents = {
        "tsv": f"Who?\t{PASSAGE}\t{answer}\t{start}\n",
        "csv": f'Who?,"{PASSAGE}","{answer}",{start}\n',
        "jsonl": json.dumps(record),
        "numbers": json.dumps(record | {"start": int(start) if start else None}),
        "json": json.dumps([record]),
    }
    name = "a.jsonl" if form == "numbers" else f"a.{form}"
    e = read_answers(write(contents[form], name))
    assert e.texts == ["Who?"] and e.pairs == [PASSAGE] and e.labels is None
    assert e.spans.tolist() == [list(span)]


@given(st.text("ab c", min_size=1, max_size=12), st.data())
def test_any_run_of_characters_is_found_again(tmp_path_factory, passage, data):
    passage = f"x{passage}x"
    start = data.draw(st.integers(0, len(passage) - 1))
    answer = passage[start : data.draw(st.integers(start + 1, len(passage)))]
    assume(answer.strip())
    path = tmp_path_factory.getbasetemp() / "answers.jsonl"
    rows = [{"question": "q", "passage": passage, "answer": answer, "start": start},
            {"question": "q", "passage": passage, "answer": answer}]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    e = read_answers(path)
    assert cut(e) == [answer.strip()] * 2
    assert e.spans[0, 0] == start + len(answer) - len(answer.lstrip())
    assert e.spans[1, 0] == passage.find(answer.strip())


@pytest.mark.parametrize("row, words", [
    ("Bob\t", "answer is 'Bob', which does not stand in the passage .* copied from its passage"),
    ("ann\t", "answer is 'ann', which does not stand"),
    ("Ann\t1", "does not stand in the passage .* at character 1; it stands at 0"),
    ("Ann\t500", "at character 500; it stands at 0"),
    ("Ann\t-1", "start is '-1', expected the number of characters"),
    ("Ann\t8.0", "start is '8.0', expected"),
    ("Ann\t" + "9" * 30, "start is '9+', expected"),
    ("\t3", "answer is '', which does not stand"),
])
def test_an_answer_that_does_not_stand_in_its_passage_is_refused_with_the_line(row, words, write):
    path = write(f"Who?\t{PASSAGE}\tAnn\t0\nWho?\t{PASSAGE}\t{row}\n", "a.tsv")
    with pytest.raises(DataError, match=words) as caught:
        read_answers(path)
    assert str(caught.value).startswith(f"{path}:2: ")


def squad(*questions, context=PASSAGE):
    return {"data": [{"title": "A", "paragraphs": [{"context": context, "qas": list(questions)}]}]}


def asked(text=None, start=0, **more):
    answers = [] if text is None else [{"text": text, "answer_start": start}]
    return {"id": "1", "question": "Who?", "answers": answers, **more}


def test_the_json_of_squad_gives_its_first_answers_and_none_where_there_is_none(write):
    two = asked("Ann", 8)
    two["answers"].append({"text": "Oslo", "answer_start": 15})
    content = squad(two, asked(is_impossible=True), asked("Oslo", 15))
    content["data"].append(squad(asked("b", 1), context="ab")["data"][0])
    for indent in (None, 1):
        e = read_answers(write(json.dumps(content, indent=indent), "dev-v2.0.json"))
        assert cut(e) == ["Ann", None, "Oslo", "b"] and e.spans[0].tolist() == [8, 11]
        assert e.pairs == [PASSAGE] * 3 + ["ab"] and e.texts == ["Who?"] * 4


def test_an_impossible_question_has_no_answer_and_its_plausible_ones_are_none(write):
    plausible = {"plausible_answers": [{"text": "Ann", "answer_start": 0}]}
    two = {"question": "When?", "is_impossible": True, **plausible}  # and no list of answers
    content = squad(asked(is_impossible=True, **plausible), two, asked("Ann", 8, is_impossible=False))
    assert cut(read_answers(write(json.dumps(content), "a.json"))) == [None, None, "Ann"]


@pytest.mark.parametrize("content, words", [
    (squad(asked("Ann", 8, is_impossible=True)),
     r"qas\[0\].is_impossible is True, and there are answers; take away"),
    (squad(asked("Ann", 8, is_impossible="no")), "is_impossible is 'no', expected bool"),
    (squad(asked("Ann", 8), asked("Ann", 3)),
     r"json: data\[0\].paragraphs\[0\].qas\[1\].answer is 'Ann'"),
    (squad(asked("Ann", "8")), r"qas\[0\].answers\[0\].answer_start is '8', expected int"),
    (squad({"question": "Who?"}), r"qas\[0\].answers is None, expected list"),
    (squad(asked(3)), r"answers\[0\].text is 3, expected str"),
    (squad(asked("Ann") | {"question": " "}), "question or its context is empty"),
    (squad(asked("Ann") | {"question": "\ud800"}), "half of a surrogate pair"),
    (squad(), "the file has no question"),
    ({"data": 3}, "data is 3, expected list"),
    ({"question": "q", "passage": "p"},
     "data is None, expected list, as in SQuAD's .* format jsonl"),
    ({"data": ["x" * 900]}, r"data\[0\].paragraphs is None"),
])
def test_json_that_is_not_squads_is_refused_with_the_place(content, words, write):
    path = write(json.dumps(content), "a.json")
    with pytest.raises(DataError, match=words) as caught:
        read_answers(path)
    assert str(caught.value).startswith(f"{path}: ") and len(str(caught.value)) < 450


def test_json_that_is_broken_is_refused_with_the_line(write):
    with pytest.raises(DataError, match=r"a\.json:2: is no JSON"):
        read_answers(write('{"data":\n x}', "a.json"))
    with pytest.raises(DataError, match=r"a\.json: is no JSON"):
        read_answers(write('{"data":' + "[" * 100_000, "a.json"))


def test_columns_and_headers_are_those_of_other_readers(write):
    path = write('{"context": "ab", "q": "x", "a": "b"}', "a.jsonl")
    assert cut(read_answers(path, columns=("q", "context", "a"))) == ["b"]
    path = write("passage,question,answer\nab,x,b\n", "a.csv")
    assert cut(read_answers(path, FileFormat(header=True))) == ["b"]
    with pytest.raises(ConfigError, match="SQuAD's JSON are fixed"):
        read_answers(write(json.dumps(squad(asked("Ann"))), "a.json"), columns=("a", "b"))
