"""Fine-tuning on files: what becomes of the rows, which options go together, and what is said."""

import json

import numpy as np
import pytest

from npft.__main__ import main
from npft.errors import ConfigError, DataError
from npft.files.finetune import (
    Material, Start, Training, check_options, chosen_task, divided, rate_of, share_or_file,
)
from npft.files.tasks import TASKS
from npft.heads.crf import ChainTagger
from npft.loading import load
from npft.text import FileFormat

FMT = FileFormat()


@pytest.fixture
def write(tmp_path):
    """Write lines to a file and return its path."""
    def written(name, lines):
        path = tmp_path / name
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return path
    return written


def rows(n, start=0):
    return [f"{'ham' if i % 2 else 'spam'}\ttext {i}" for i in range(start, start + n)]


def parts_of(material, task="classify", seed=0):
    return divided(TASKS[task], material, FMT, np.random.default_rng(seed))


def results(capsys, *argv):
    assert main([*map(str, argv), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


# ---- rows ----


def test_repeats_are_dropped_and_conflicts_counted(write):
    path = write("a.tsv", [*rows(20), "ham\ttext 1 ", "ham\ttext 0"])
    parts = parts_of(Material(path))
    assert len(parts.train) + len(parts.test) == 20
    assert parts.counts | {} == {
        "rows": 22, "skipped": 0, "repeats_dropped": 2, "conflicts": 1, "held_out_dropped": 0,
        "validation_dropped": 0, "train_examples": 16, "test_examples": 4,
    }  # fmt: skip


def test_no_row_of_a_given_test_or_validation_file_is_trained_on(write):
    data, test = write("a.tsv", rows(20)), write("test.tsv", [*rows(3), " ham\ttext 99 "])
    held_out = write("held_out.tsv", rows(2, start=4))
    parts = parts_of(Material(data, test=test, validation=str(held_out)))
    assert parts.test.texts == ["text 0", "text 1", "text 2", "text 99 "]
    assert parts.validation.texts == ["text 4", "text 5"]
    apart = {text.strip() for text in parts.test.texts + parts.validation.texts}
    assert not apart & set(parts.train.texts) and len(parts.train) == 15
    assert parts.counts["held_out_dropped"] == 5


def test_no_row_of_the_test_file_is_validated_on(write, tmp_path, capsys):
    data, test = write("a.tsv", rows(20)), write("test.tsv", rows(6))
    held_out = write("held_out.tsv", [" spam\ttext 4 ", *rows(3, start=5)])
    parts = parts_of(Material(data, test=test, validation=str(held_out)))
    assert parts.test.texts == [f"text {i}" for i in range(6)]
    assert parts.validation.texts == ["text 6", "text 7"]
    assert (parts.counts["validation_dropped"], parts.counts["held_out_dropped"]) == (2, 8)
    with pytest.raises(DataError, match=r"test\.tsv: all its rows stand in the test file "
                                        r"too; give other rows, or leave out --validation"):
        parts_of(Material(data, test=test, validation=str(test)))
    argv = ["finetune", data, "--test", test, "--validation", held_out, "--epochs", 1, "--out"]
    assert main([*map(str, argv), str(tmp_path / "out")]) == 0
    assert "2 rows of the validation file left out, for they are in the test" in (
        capsys.readouterr().out)


def test_rows_without_a_score_are_counted_in_every_file(write):
    def scored(n, blank):
        return [f"{'' if i in blank else i}\ta man {n} {i}\ta dog" for i in range(6)]

    data, test = write("a.tsv", scored(0, [1])), write("t.tsv", scored(1, [0, 1]))
    held_out = write("v.tsv", scored(2, [3, 4, 5]))
    parts = parts_of(Material(data, test=test, validation=str(held_out)), "score")
    assert parts.counts["skipped"] == 6
    assert parts_of(Material(data, test=test), "score").counts["skipped"] == 3
    assert parts_of(Material(data), "score").counts["skipped"] == 1


def test_labels_of_all_files_are_numbered_as_in_the_training_file(write):
    data = write("a.tsv", [f"{'abc'[i % 3]}\ttext {i}" for i in range(12)])
    parts = parts_of(Material(data, test=write("test.tsv", ["c\tx", "a\ty"])))
    assert parts.test.label_names == ["a", "b", "c"] and parts.test.labels.tolist() == [2, 0]
    with pytest.raises(DataError, match=r"test\.tsv:1: the label 'd' is unknown"):
        parts_of(Material(data, test=write("test.tsv", ["d\tx"])))


def test_a_share_for_validation_is_taken_from_the_training_rows(write):
    parts = parts_of(Material(write("a.tsv", rows(50)), validation="0.25"))
    assert [len(part) for part in parts[:3]] == [30, 10, 10]
    texts = [set(part.texts) for part in parts[:3]]
    assert len(set().union(*texts)) == 50
    assert share_or_file("held_out.tsv")[1].name == "held_out.tsv"


def test_one_document_is_divided_by_its_sentences_and_several_are_not(write):
    def tagged(documents):
        return write("a.conll", ["-DOCSTART-\tO\n" + "\n".join(
            f"word{d}{s}\tO\nx\tB-A\n" for s in range(4)) for d in range(documents)])

    parts = parts_of(Material(tagged(1)), "tag")
    assert (len(parts.train), len(parts.test)) == (3, 1)
    parts = parts_of(Material(tagged(5)), "tag")
    assert (len(parts.train), len(parts.test)) == (16, 4)
    assert not set(parts.train.groups) & set(parts.test.groups)


def test_rows_that_all_stand_in_the_test_file_leave_nothing_to_train_on(write):
    path = write("a.tsv", rows(6))
    with pytest.raises(DataError, match="all its rows stand in the test or validation file"):
        parts_of(Material(path, test=path))


# ---- options ----


@pytest.mark.parametrize(("material", "start", "training", "words"), [
    ({}, {"text": ["t"]}, {}, "--text needs --model"),
    ({}, {}, {"replay": 0.2}, "--replay needs the pretraining text"),
    ({}, {"model": "m", "tokenizer": "bpe"}, {}, "--model brings its own tokenizer"),
    ({}, {"model": "m", "lowercase": False}, {}, "--model brings its own tokenizer"),
    ({}, {}, {"patience": 2}, "--patience needs rows to watch"),
    ({}, {}, {"epochs": 0}, "epochs"),
    ({}, {}, {"lr": -1.0}, "lr"),
])
def test_options_that_do_not_go_together_are_refused(material, start, training, words):
    with pytest.raises(ConfigError, match=words):
        check_options(Material("a.tsv", **material), Start(**start), Training(**training))


def test_the_rate_is_that_of_the_regime_unless_it_is_given():
    assert rate_of(64, Training(regime="head")) == 1e-2
    assert rate_of(64, Training()) == 2e-3 and rate_of(384, Training()) == 5e-5
    assert rate_of(64, Training(lr=0.5)) == rate_of(384, Training(lr=0.5)) == 0.5


def test_a_task_is_guessed_and_its_sign_told_or_asked_for(write):
    two = write("two.tsv", rows(4))
    assert chosen_task(Material(two), FMT) == ("classify", "two columns, a label and a text")
    assert chosen_task(Material(two, task="classify"), FMT) == ("classify", None)
    with pytest.raises(DataError, match=r"whole numbers.*; say which with --task classify/pair"):
        chosen_task(Material(write("three.tsv", ["1\ta\tb", "0\tc\td"])), FMT)
    with pytest.raises(DataError, match="tags seem to stand before the words; .* say which with"):
        chosen_task(Material(write("tags.tsv", ["O\tin", "O\tis", "B-A\tOslo", "", "O\tin"])), FMT)


# ---- the whole ----


def test_every_task_is_learnt_saved_and_measured_again(trained, capsys):
    for task, (data, out) in trained.items():
        model = load(out)
        assert isinstance(model, TASKS[task].made) and not model.training
        found = json.loads((out / "results.json").read_text(encoding="utf-8"))
        assert found["task"] == task and found["guessed"] is None
        again = results(capsys, "evaluate", data, "--model", out)
        for figure in TASKS[task].figures:
            assert np.isfinite(found[figure]) and np.isfinite(again[figure])
        assert again["task"] == task
        assert main(["evaluate", str(data), "--model", str(out)]) == 0
        printed = capsys.readouterr().out
        assert all(f"{again[figure]:.3f}" in printed for figure in TASKS[task].figures)


def test_evaluation_on_the_test_file_gives_the_results_of_the_run(write, tmp_path, capsys):
    data, test = write("a.tsv", rows(24)), write("test.tsv", rows(8, start=24))
    out = tmp_path / "out"
    found = results(capsys, "finetune", data, "--test", test, "--out", out, "--epochs", 2)
    again = results(capsys, "evaluate", test, "--model", out)
    for figure in (*TASKS["classify"].figures, "loss", "confusion"):
        assert found[figure] == again[figure]


def test_validation_keeps_the_best_epoch_and_patience_ends_the_run(write, tmp_path, capsys):
    def lines(n, right, wrong):
        return [f"{right if i % 2 else wrong}\t{'one' if i % 2 else 'two'} {i}" for i in range(n)]

    data, out = write("a.tsv", lines(40, "ham", "spam")), tmp_path / "out"
    turned = write("turned.tsv", [line + " more" for line in lines(16, "spam", "ham")])
    argv = ["finetune", data, "--out", out, "--validation", turned, "--patience", 2]
    results(capsys, *argv, "--epochs", 40)
    history = json.loads((out / "history.json").read_text(encoding="utf-8"))
    losses = [row["val_loss"] for row in history]
    assert len(history) < 41 and losses[-1] > min(losses)  # the more is learnt, the worse
    measured = results(capsys, "evaluate", turned, "--model", out)
    assert measured["f1"] == max(row["f1"] for row in history[1:])


@pytest.mark.parametrize(("options", "kind", "capitals"), [
    ([], "wordpiece", False), (["--cased"], "wordpiece", True),
    (["--lowercase"], "wordpiece", False), (["--tokenizer", "bpe"], "bpe", True),
    (["--tokenizer", "byte"], "byte", True), (["--tokenizer", "unigram", "--cased"], "unigram", True),
])
def test_a_new_body_gets_the_tokenizer_that_is_asked_for(
    options, kind, capitals, write, tmp_path, capsys
):
    out = tmp_path / "out"
    lines = [f"{'ham' if i % 2 else 'spam'}\tSEE you {i}" for i in range(12)]
    found = results(capsys, "finetune", write("a.tsv", lines), "--out", out, "--epochs", 1, *options)
    tokenizer = load(out).tokenizer
    assert found["tokenizer"] == tokenizer.kind == kind
    assert (tokenizer.encode("SEE") != tokenizer.encode("see")) == capitals


def test_lowercase_is_refused_for_a_tokenizer_that_keeps_capitals(write, tmp_path, capsys):
    data = write("a.tsv", rows(12))
    argv = ["finetune", data, "--out", tmp_path / "o", "--tokenizer", "bpe", "--lowercase"]
    assert main([str(a) for a in argv]) == 2
    assert "--lowercase is for wordpiece; bpe keeps capitals" in capsys.readouterr().err


def test_rows_without_a_score_are_counted_and_equal_scores_can_be_measured(
    trained, write, capsys
):
    path = write("some.tsv", ["1.5\ta man\ta dog", "\ta man\ta cat", "1.5\ttwo\tthree"])
    found = results(capsys, "evaluate", path, "--model", trained["score"][1])
    assert (found["examples"], found["skipped"], found["spearman"]) == (2, 1, 0.0)
    assert main(["evaluate", str(path), "--model", str(trained["score"][1])]) == 0
    assert "skipped: 1 rows without a score" in capsys.readouterr().out


def test_the_positive_label_and_the_scheme_travel_with_the_model(write, tmp_path, capsys):
    data, out = write("a.tsv", rows(24)), tmp_path / "out"
    argv = ["finetune", data, "--out", out, "--epochs", 1, "--positive", "ham"]
    found = results(capsys, *argv)
    assert found["averaged"] == "binary, positive class 'ham'"
    assert found["baselines"]["majority"]["averaged"] == found["averaged"]
    again = results(capsys, "evaluate", data, "--model", out)
    assert again["averaged"] == found["averaged"]
    tags = write("t.conll", [f"a{i}\tB-X\nb\tO\n" for i in range(10)])
    argv = ["finetune", str(tags), "--out", str(tmp_path / "t"), "--epochs", "1"]
    assert main(argv) == 2 and "say which it is" in capsys.readouterr().err
    found = results(capsys, *argv, "--scheme", "bio")
    assert found["averaged"] == "entities, BIO"
    assert main([*argv, "--positive", "X", "--force"]) == 2
    assert "--positive is not for the task tag" in capsys.readouterr().err


def test_a_chain_learns_tags_too_and_predicts_and_is_measured(write, tmp_path, capsys):
    data = write("t.conll", [f"in\tO\nNew\tB-X\nYork{i}\tI-X\n" for i in range(20)])
    out = tmp_path / "out"
    argv = ["finetune", data, "--out", out, "--epochs", 8, "--tagger", "chain"]
    found = results(capsys, *argv)
    assert type(load(out)) is ChainTagger and found["label_names"] == ["B-X", "I-X", "O"]
    assert (found["task"], found["averaged"]) == ("tag", "entities, BIO")
    assert "most frequent tag" in found["baselines"]
    again = results(capsys, "evaluate", data, "--model", out)
    assert again["averaged"] == found["averaged"] and again["f1"] > 0.9
    asked = write("a.txt", ["in New York3", "York1"])
    said = results(capsys, "predict", asked, "--model", out)["predictions"]
    assert said[0]["tags"] == ["O", "B-X", "I-X"] and said[1]["tags"][0] != "I-X"
    messages = write("m.tsv", rows(12))
    argv = ["finetune", messages, "--out", tmp_path / "m", "--tagger", "chain"]
    assert main([str(a) for a in argv]) == 2
    assert "--tagger is not for the task classify; leave it out" in capsys.readouterr().err


def test_an_unknown_tag_is_told_with_its_file_and_line(trained, write, tmp_path, capsys):
    data, model = trained["tag"]
    other = write("other.conll", ["Ann\tB-PER", "", "Acme\tB-ORG"])
    for argv in (["evaluate", other, "--model", model],
                 ["finetune", data, "--test", other, "--out", tmp_path / "out"]):
        assert main([str(a) for a in argv]) == 2
        words = (f"{other}:3: the tag 'B-ORG' is unknown to the model or the training file, "
                 "expected one of B-LOC, B-PER")
        assert words in capsys.readouterr().err


@pytest.mark.parametrize("impossible", [False, True])
def test_a_model_may_give_no_answer_if_its_training_file_has_such_questions(
    impossible, tmp_path, capsys
):
    has = {"answers": [{"text": "man", "answer_start": 7}]}
    none = {"answers": [], "is_impossible": True} if impossible else has
    asked = [{"question": f"who {i}", **(none if i % 2 else has)} for i in range(20)]
    data = tmp_path / "squad.json"
    passage = {"context": "a tall man sleeps", "qas": asked}
    data.write_text(json.dumps({"data": [{"paragraphs": [passage]}]}), encoding="utf-8")
    found = results(capsys, "finetune", data, "--task", "answer", "--epochs", "1", "--out",
                    tmp_path / "out")  # fmt: skip
    assert load(tmp_path / "out").head().no_answer == impossible
    assert ("unanswered" in found) == impossible
