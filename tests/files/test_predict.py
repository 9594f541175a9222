"""What is said of new rows: row by row, in order, as they come, for every task."""

import gc
import io
import json
import tracemalloc

import numpy as np
import pytest

from npft.__main__ import main
from npft.errors import CheckpointError, ConfigError, DataError
from npft.files.predict import SLICE, Predictions, predict_file, print_predictions, slices
from npft.files.tasks import TASKS, Task, cell, load_for
from npft.loading import load
from npft.text import FileFormat

ASKED = {
    "classify": ["win a prize", "", "see you\x85there", "é" * 300],
    "pair": ["a man\ta dog", "two men\tone man"],
    "score": ["a man\ta dog", "two men\tone man"],
    "tag": ["Ann is in Oslo", "", "in"],
    "answer": ["who walks\tthe tall man walks home", "who\tnobody"],
}


def said_of(folder, lines, task=None):
    """What a model says of lines on standard input: the rows."""
    found = predict_file(io.BytesIO("".join(f"{line}\n" for line in lines).encode()), folder, task)
    return [row for part in found for row in part], found


@pytest.mark.parametrize("task", TASKS)
def test_each_task_says_one_row_for_each_row_in_order(task, trained):
    rows, found = said_of(trained[task][1], ASKED[task])
    assert len(rows) == len(ASKED[task]) == found.counts()["rows"]
    for row, line in zip(rows, ASKED[task]):
        texts = [row[name] for name in TASKS[task].asked]
        assert texts == ([line.split()] if task == "tag" else line.split("\t"))
        assert len(row) > len(texts)


@pytest.mark.parametrize("task", TASKS)
def test_what_is_said_is_what_the_model_predicts(task, trained):
    folder = trained[task][1]
    rows, _ = said_of(folder, ASKED[task])
    texts, pairs = TASKS[task].columns([dict(zip(TASKS[task].asked, line.split("\t"))) if task != "tag"
                                        else {"words": line.split()} for line in ASKED[task]])
    expected = load(folder).predict(texts, pairs)
    said = [row[TASKS[task].says] for row in rows]
    if task == "score":
        assert np.allclose(said, expected, rtol=0, atol=1e-5)
    else:
        assert said == list(expected)


def test_a_million_rows_would_need_the_memory_of_a_slice(trained):
    task, model = load_for(trained["classify"][1])

    def peak(n):
        rows = ({"text": f"win prize {i % 100}"} for i in range(n))  # few words: these are kept
        gc.collect()
        tracemalloc.start()
        for _ in Predictions(model, task, rows):
            pass
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    peak(200)  # whatever is made once
    assert peak(12 * SLICE) < 1.2 * peak(4 * SLICE)


def test_the_first_answer_comes_before_the_second_row_is_read(trained):
    task, model = load_for(trained["classify"][1])

    def rows():
        yield {"text": "win"}
        raise AssertionError("a second row was read")

    assert len(next(iter(Predictions(model, task, rows())))) == 1


def test_slices_hold_every_item_once_and_double():
    parts = list(slices(range(3000)))
    assert [x for part in parts for x in part] == list(range(3000))
    assert [len(part) for part in parts][:11] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]
    assert list(slices([])) == []


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("lines", [None, 0])
def test_json_is_one_object_with_the_rows_and_the_counts(task, lines, trained):
    rows, _ = said_of(trained[task][1], ASKED[task])
    chosen, model = load_for(trained[task][1])
    said = []
    found = Predictions(model, chosen, [{k: row[k] for k in chosen.asked} for row in rows[:lines]])
    print_predictions(found, True, said.append)
    printed = json.loads("\n".join(said))
    assert printed == {"predictions": rows[:lines], **found.counts()}
    assert printed["rows"] == len(rows[:lines])


def test_text_is_a_line_a_row_whatever_the_row_holds(trained):
    chosen, model = load_for(trained["classify"][1])
    said = []
    texts = ["a\nb", "c\r\nd", "e\u2028f", ""]
    print_predictions(Predictions(model, chosen, [{"text": t} for t in texts]), False, said.append)
    lines = "\n".join(said).split("\n")
    assert len(lines) == len(texts)
    assert [line.split("\t")[2] for line in lines] == ["a b", "c d", "e f", ""]


def test_tags_come_back_as_a_file_that_can_be_evaluated(trained, tmp_path, capsys):
    data, folder = trained["tag"]
    assert main(["predict", str(data), "--model", str(folder)]) == 0
    out = tmp_path / "said.conll"
    out.write_text(capsys.readouterr().out, encoding="utf-8")
    words = [line.split("\t")[0] for line in data.read_text(encoding="utf-8").splitlines()]
    assert [line.split("\t")[0] for line in out.read_text(encoding="utf-8").splitlines()] == words
    assert main(["evaluate", str(out), "--model", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["accuracy"] == 1.0


def test_what_was_cut_and_unknown_is_counted_and_said_on_standard_error(trained, capsys, tmp_path):
    path = tmp_path / "asked.txt"
    path.write_text("win a prize\n" + "win " * 300 + "\nжж\n", encoding="utf-8")
    assert main(["predict", str(path), "--model", str(trained["classify"][1])]) == 0
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 3
    assert printed.err.splitlines()[-1].startswith(
        "npft predict: 3 rows; cut to 128 tokens: 1 rows; unknown: 0."
    )


def test_rows_of_a_table_are_read_where_their_columns_are_named(trained, tmp_path):
    path = tmp_path / "asked.csv"
    path.write_text('id,body\n1,"win, a\nprize"\n2,see you\n', encoding="latin-1")
    fmt = FileFormat(columns=("body",), header=True, encoding="latin-1")
    found = predict_file(path, trained["classify"][1], None, fmt)
    assert [row["text"] for part in found for row in part] == ["win, a\nprize", "see you"]


def test_a_tab_in_the_first_row_of_text_is_refused_unless_the_format_is_named(
    trained, tmp_path, capsys
):
    path, folder = tmp_path / "asked.txt", trained["classify"][1]
    for first in ("ham\tsee you", "\tsee you"):
        path.write_text(f"\n \t\n{first}\nham\tcall me\n", encoding="utf-8")
        with pytest.raises(DataError, match=r"asked\.txt:3: holds a tab: for a table say --format "
                                            r"tsv and --columns, for text --format txt"):
            list(predict_file(path, folder))
    with pytest.raises(DataError, match="standard input:1: holds a tab"):
        said_of(folder, ["ham\tsee you"])
    with pytest.raises(DataError, match="standard input:1: holds a tab"):
        said_of(trained["tag"][1], ["Ann\tB-PER"])
    found = predict_file(path, folder, fmt=FileFormat("txt"))
    assert [row["text"] for part in found for row in part][2:] == ["\tsee you", "ham\tcall me"]
    path.write_text("ham\tsee you\n", encoding="utf-8")
    found = predict_file(path, folder, fmt=FileFormat("tsv", columns=(2,)))
    assert [row["text"] for part in found for row in part] == ["see you"]
    assert main(["search", str(path), "--bm25", "--query", "see"]) == 0  # nothing was learnt from it
    assert "ham see you" in capsys.readouterr().out


def test_a_tab_in_a_later_row_of_text_ends_no_stream(trained, tmp_path):
    rows = ["win cash", "", "see you", "ham\tsee you", "call me"]
    for task in ("classify", "tag"):
        assert len(said_of(trained[task][1], rows)[0]) == len(rows)
    path = tmp_path / "asked.txt"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    found = predict_file(path, trained["classify"][1])
    assert [row["text"] for part in found for row in part] == rows


def test_a_file_of_tags_is_not_read_as_a_sentence_a_line(trained, tmp_path):
    path, folder = tmp_path / "asked.txt", trained["tag"][1]
    for separator in "\t ":
        path.write_text("Ann|B-PER\nis|O\n\nOslo|B-LOC\n".replace("|", separator), "utf-8")
        with pytest.raises(DataError, match=r"asked\.txt: seems to hold a word and its tag .* say "
                                            r"--format conll, for a sentence a line --format txt"):
            list(predict_file(path, folder))
    found = predict_file(path, folder, fmt=FileFormat("conll"))
    assert [row["words"] for part in found for row in part] == [["Ann", "is"], ["Oslo"]]
    found = predict_file(path, folder, fmt=FileFormat("txt"))
    assert [len(row["words"]) for part in found for row in part] == [2, 2, 0, 2]
    path.write_text("Ann is in Oslo\n\nin Oslo\n", encoding="utf-8")
    rows = [row["words"] for part in predict_file(path, folder) for row in part]
    assert rows == [["Ann", "is", "in", "Oslo"], [], ["in", "Oslo"]]


def test_sentences_of_as_many_words_are_no_tags_unless_a_column_is_of_the_models(trained, tmp_path):
    path, folder = tmp_path / "asked.txt", trained["tag"][1]
    path.write_text("Ann sleeps\n\nBob runs\n", encoding="utf-8")
    rows = [row["words"] for part in predict_file(path, folder) for row in part]
    assert rows == [["Ann", "sleeps"], [], ["Bob", "runs"]]
    for content in ("B-PER Ann\nO sleeps\n\nO in\n", "Ann B-PER\nsleeps O\n\nAcme B-ORG\n"):
        path.write_text(content, encoding="utf-8")  # the tag first; a tag that the model lacks
        with pytest.raises(DataError, match="seems to hold a word and its tag on each line"):
            list(predict_file(path, folder))


def test_questions_of_squads_json_are_answered_with_and_without_answers(trained, tmp_path):
    path, folder = tmp_path / "asked.json", trained["answer"][1]
    answers = [{"text": "man", "answer_start": 2}]
    asked = [{"question": "who", "answers": answers}, {"question": "where"}]
    parts = [{"context": "a man walks", "qas": asked}, {"context": "nobody", "qas": asked[:1]}]
    path.write_text(json.dumps({"data": [{"paragraphs": parts}]}), encoding="utf-8")
    rows = [row for part in predict_file(path, folder) for row in part]
    assert [(row["question"], row["passage"]) for row in rows] == [
        ("who", "a man walks"), ("where", "a man walks"), ("who", "nobody")]
    assert all(isinstance(row["answer"], str) for row in rows)
    path.write_text(json.dumps([{"question": "who", "passage": "a man"}]), encoding="utf-8")
    assert len([row for part in predict_file(path, folder) for row in part]) == 1
    path.write_text('{"data": []}', encoding="utf-8")
    with pytest.raises(DataError, match="asked.json: the file has no question"):
        list(predict_file(path, folder))
    with pytest.raises(ConfigError, match="the keys of SQuAD's JSON are fixed"):
        list(predict_file(path, folder, fmt=FileFormat(columns=("a", "b"))))


def test_a_model_of_pairs_is_known_from_its_folder_and_may_be_named(trained, tmp_path):
    folder = trained["pair"][1]
    assert load_for(folder)[0].name == load_for(folder, "pair")[0].name == "pair"
    (tmp_path / "model.npz").write_bytes((folder / "model.npz").read_bytes())
    assert load_for(tmp_path)[0].name == "classify"  # nothing says more
    assert load_for(tmp_path, "pair")[0].name == "pair"
    (tmp_path / "results.json").write_text("[1]", encoding="utf-8")
    assert load_for(tmp_path)[0].name == "classify"


def test_results_that_are_no_results_say_nothing(trained, tmp_path):
    (tmp_path / "model.npz").write_bytes((trained["pair"][1] / "model.npz").read_bytes())
    for text in ("[1]", "{", "[" * 100_000, '{"task": ["pair"]}', '{"task": "tag"}'):
        (tmp_path / "results.json").write_text(text, encoding="utf-8")
        assert load_for(tmp_path)[0].name == "classify"
        assert load_for(tmp_path, "pair")[0].name == "pair"


def test_a_model_whose_results_name_a_task_is_used_for_no_other(trained, tmp_path, capsys):
    for task, other in (("classify", "pair"), ("pair", "classify")):
        with pytest.raises(ConfigError, match=f"not trained to {other}; expected --task {task}$"):
            load_for(trained[task][1], other)
    argv = ["evaluate", str(trained["pair"][0]), "--model", str(trained["classify"][1])]
    assert main([*argv, "--task", "pair"]) == 2
    assert "was not trained to pair; expected --task classify" in capsys.readouterr().err


def test_a_model_of_another_task_is_refused(trained):
    with pytest.raises(ConfigError, match="holds a regressor, which .* expected --task score"):
        load_for(trained["score"][1], "tag")
    with pytest.raises(CheckpointError, match="holds a masked_lm, expected a fine-tuned model: cl"):
        load_for("tinyworld")


def test_no_tab_or_control_character_of_the_data_reaches_a_row(trained):
    text = "a\tb\x1b[31mc\x07\x00\x9b\x7f é\u2028d"
    assert cell(text) == r"a b\x1b[31mc\x07\x00\x9b\x7f é d"
    assert cell(["B-\x1bX", "O"]) == r"B-\x1bX O"
    for task in TASKS.values():
        row = {"words": ["a\x1bb", "c"], "tags": ["O", "O"]} if task.name == "tag" else {
            "label": "ham", **dict.fromkeys(task.asked, text)}
        line = task.line(row)
        assert "\x1b" not in line and r"\x1b" in line
        assert line.count("\t") == (2 if task.name == "tag" else len(task.asked))


def test_cells_are_short_and_of_one_line():
    assert cell(0.12345) == "0.123" and cell(["B-PER", "O"]) == "B-PER O"
    assert cell("a\n\nb\tc") == "a  b c" and cell(3) == "3"
    assert Task.line(TASKS["classify"], {"label": "ham", "text": "x"}) == "ham\tx"
