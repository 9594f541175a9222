"""Methods against forgetting on files: each is what it says, and all start from the same."""

import csv
import json
import math

import pytest

from npft.__main__ import main
from npft.files.forgetting import DEFAULT
from npft.forgetting.methods import METHODS
from npft.files.tasks import TASKS

HAM = ["see you at noon", "lunch at noon then", "call me at home", "see you at home then"]
SPAM = ["win a free prize now", "free cash prize inside", "claim your free prize", "win cash now"]


@pytest.fixture(scope="module")
def body(tmp_path_factory):
    """A body that knows its text, and the text."""
    folder = tmp_path_factory.mktemp("forgetting")
    text = folder / "text.txt"
    lines = [f"{line} {word}" for word in ("now", "then", "here") for line in HAM + SPAM]
    text.write_text("\n".join(lines * 4), encoding="utf-8")
    argv = ["pretrain", text, "--out", folder / "body", "--steps", 60, "--vocab-size", 90]
    assert main(list(map(str, argv))) == 0
    return folder / "body", text


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "messages.tsv"
    lines = [f"{'ham' if t in HAM else 'spam'}\t{t} {i}" for i in range(5) for t in HAM + SPAM]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture
def compare(data, body, tmp_path, capsys):
    """Run the verb; returns its results, with the methods by name."""
    def run(*repairs, data=data, options=("--epochs", 2)):
        argv = ["forgetting", data, "--model", body[0], "--text", body[1]]
        argv += ["--out", tmp_path / "out", *(["--repairs", *repairs] if repairs else [])]
        assert main([*map(str, argv), *map(str, options), "--json", "--force"]) == 0
        results = json.loads(capsys.readouterr().out)
        return results | {"methods": {row.pop("method"): row for row in results["methods"]}}
    return run


def refused(capsys, *argv):
    capsys.readouterr()
    assert main(["forgetting", *map(str, argv)]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    return err


# ---- what is compared ----


def test_a_method_is_that_of_finetune_bit_for_bit(data, body, compare, tmp_path, capsys):
    rows = compare("anchor=0.1", "replay")["methods"]
    for label, options in {
        "plain": [], "anchor=0.1": ["--anchor", "0.1"], "replay": ["--replay", "0.2"]
    }.items():
        argv = ["finetune", data, "--model", body[0], "--text", body[1], "--epochs", 2, "--force",
                "--out", tmp_path / "tuned", *options, "--json"]
        assert main(list(map(str, argv))) == 0
        tuned = json.loads(capsys.readouterr().out)
        row = rows[label]
        assert [row["score"], row["rise"], row["mlm_loss_before"], row["mlm_loss_after"]] == [
            tuned[k] for k in ("f1", "rise", "mlm_loss_before", "mlm_loss_after")
        ]
        assert row["figures"]["loss"] == tuned["loss"]


def same(row, other):
    """Whether two methods have ended in the same weights, as far as can be measured."""
    return (row["mlm_loss_after"], row["figures"]) == (other["mlm_loss_after"], other["figures"])


def test_no_strength_at_all_is_plain_fine_tuning(compare):
    rows = compare("lr=1", "anchor=0", "proximal=0", "replay=0", "interpolate=1")["methods"]
    plain = rows.pop("plain")
    assert plain["rise"] != 0
    assert [label for label, row in rows.items() if not same(row, plain)] == []


def test_full_strength_keeps_everything(compare):
    rows = compare("freeze=1", "interpolate=0", "proximal=1e12", "lr=1e-12")["methods"]
    for label in ("freeze=1", "interpolate=0"):
        assert rows[label]["rise"] == 0.0 and rows[label]["perplexity_factor"] == 1.0
    for label in ("proximal=1e12", "lr=1e-12"):
        assert rows[label]["rise"] == pytest.approx(0, abs=1e-5)
    assert not same(rows["freeze=1"], rows["plain"])


def test_half_strength_differs_from_both_and_gradual_leaves_layers_out_at_first(compare):
    rows = compare("freeze", "gradual", "interpolate")["methods"]
    assert len({row["mlm_loss_after"] for row in rows.values()}) == 4
    once = compare("gradual", options=("--epochs", 1))["methods"]
    assert once["gradual"]["rise"] == 0.0 != once["plain"]["rise"]  # an epoch trains the head alone


def test_what_is_added_to_a_body_is_compared_as_it_stands_in_place(compare):
    rows = compare("lora=2", "adapter")["methods"]
    assert "rank 2" in rows["lora=2"]["words"] and "width 4" in rows["adapter"]["words"]
    assert len({row["rise"] for row in rows.values()} | {0.0}) == 4


def test_the_figures_of_a_row_belong_together(compare):
    found = compare()
    assert list(found["methods"]) == ["plain", *DEFAULT]
    known = found["unigram_loss"] - found["methods"]["plain"]["mlm_loss_before"]
    assert known > 0
    for row in found["methods"].values():
        assert row["rise"] == row["mlm_loss_after"] - row["mlm_loss_before"]
        assert row["perplexity_factor"] == pytest.approx(math.exp(row["rise"]))
        assert row["share"] == row["rise"] / known
        assert row["score"] == row["figures"][found["main"]]
        if row["curve"] is not None:
            assert row["curve"]["mlm_loss"][0] == row["mlm_loss_before"]
            assert row["curve"]["mlm_loss"][-1] == row["mlm_loss_after"]
    assert {k for k, row in found["methods"].items() if row["curve"] is None} == {"interpolate"}
    assert set(found["seconds"]) == set(found["methods"])
    assert found["seconds"]["interpolate"] >= found["seconds"]["plain"] > 0


@pytest.mark.parametrize("task", TASKS)
def test_every_task_of_finetune_can_be_compared(task, trained, compare):
    found = compare("anchor", data=trained[task][0], options=("--task", task, "--epochs", 1))
    assert found["task"] == task and len(found["methods"]) == 2
    assert all(math.isfinite(row["score"]) for row in found["methods"].values())


# ---- what is written and said ----


def test_the_files_hold_what_is_printed_and_the_same_run_gives_the_same_results(compare, tmp_path):
    first, out = compare("anchor"), tmp_path / "out"
    assert {p.name for p in out.iterdir()} == {
        "forgetting.json", "forgetting.csv", "forgetting.png", "timings.json"
    }
    written = (out / "forgetting.json").read_bytes()
    rows = list(csv.DictReader((out / "forgetting.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["method"] for row in rows] == ["plain", "anchor"]
    for row in rows:
        for name in ("score", "mlm_loss_before", "mlm_loss_after", "rise", "share"):
            assert float(row[name]) == first["methods"][row["method"]][name]
        assert float(row["seconds"]) == first["seconds"][row["method"]]
    assert json.loads((out / "timings.json").read_text()) == first["seconds"]
    assert (out / "forgetting.png").stat().st_size > 10_000
    compare("anchor")
    assert (out / "forgetting.json").read_bytes() == written


def test_the_table_has_a_line_for_each_method_and_says_what_it_is(data, body, tmp_path, capsys):
    argv = ["forgetting", data, "--model", body[0], "--text", body[1], "--out", tmp_path / "o",
            "--epochs", 1, "--repairs", "lr=0.5", "gradual"]
    assert main(list(map(str, argv))) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "task classify, for two columns, a label and a text"
    for name in ("plain", "lr=0.5", "gradual"):
        assert sum(line.startswith(name) for line in lines) == 2
    assert lines[1] == "32 training and 8 test rows, 0 repeats dropped"
    assert any(line.startswith("unknown to the wordpiece tokenizer: ") for line in lines)
    head = next(line for line in lines if "loss before" in line)
    assert head.split() == "F1 loss before after rise perplexity forgotten seconds".split()
    assert any("learns at 0.5 times the rate of the head; needs nothing" in line for line in lines)
    assert any(line.startswith("epochs 1, seed 0: what forgets less may only") for line in lines)


def test_where_there_was_nothing_to_forget_no_share_is_told(data, body, tmp_path, capsys):
    argv = ["pretrain", body[1], "--out", tmp_path / "raw", "--steps", 1, "--vocab-size", 90]
    assert main(list(map(str, argv))) == 0
    argv = ["forgetting", data, "--model", tmp_path / "raw", "--text", body[1], "--out",
            tmp_path / "o", "--epochs", 1, "--repairs", "anchor"]
    capsys.readouterr()
    assert main(list(map(str, argv))) == 0
    said = capsys.readouterr().out
    assert "so there was nothing to forget; pretrain it longer" in said
    rows = [line for line in said.splitlines() if line.startswith(("plain", "anchor"))]
    assert len(rows) == 4 and not any("%" in row for row in rows)


def test_every_method_says_in_one_line_what_it_is_and_what_it_needs():
    for name, method in METHODS.items():
        assert name == "plain" or "needs" in method.words
        assert ("STRENGTH" in method.words) == (method.strength is not None)
        assert len(method.words) < 100 and "\n" not in method.words


# ---- what is refused ----


@pytest.mark.parametrize(("repairs", "words"), [
    (["ancor"], "--repairs: there is no 'ancor', expected some of lr, anchor, "),
    (["plain"], "there is no 'plain'"),
    (["lr", "lr"], "lr stands there twice"),
    (["anchor=much"], "anchor=much has no number behind the =, as in anchor=0.1"),
    (["anchor="], "anchor= has no number"), (["anchor=nan"], "anchor=nan has no number"),
    (["anchor=-1"], "lambda_ is -1"), (["lr=0"], "lr is 0"), (["replay=1"], "share is 1"),
    (["interpolate=2"], "interpolate is 2"), (["freeze=-0.5"], "freeze is -0.5"),
    (["adapter=0"], "adapter is 0, expected a whole number from 1 to 63"),
    (["lora=64"], "lora is 64, expected a whole number from 1 to 63: it must be less than the 64 "
     "columns of the body"),
    (["lora=0"], "lora is 0, expected a whole number from 1 to 63"),
    (["lora=-1"], "lora is -1, expected a whole number from 1 to 63"),
    (["lora=1.5"], "lora is 1.5, expected a whole number from 1 to 63"),
    (["adapter=64"], "adapter is 64, expected a whole number from 1 to 63"),
])
def test_repairs_that_cannot_be_are_refused_before_training(
    repairs, words, data, body, tmp_path, capsys
):
    err = refused(capsys, data, "--model", body[0], "--text", body[1], "--out", tmp_path / "o",
                  "--repairs", *repairs)  # fmt: skip
    assert words in err and not (tmp_path / "o").exists()


def test_a_model_without_a_pretraining_head_is_refused(data, body, trained, tmp_path, capsys):
    err = refused(capsys, data, "--model", trained["classify"][1], "--text", body[1],
                  "--out", tmp_path / "o")  # fmt: skip
    assert "holds no pretraining head; --text needs a pretrained model" in err


def test_the_text_must_be_given(data, body, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["forgetting", str(data), "--model", str(body[0]), "--out", str(tmp_path / "o")])
    assert "--text" in capsys.readouterr().err


def test_a_folder_with_a_model_is_left_alone_and_one_with_results_needs_force(
    data, body, trained, compare, tmp_path, capsys
):
    argv = [data, "--model", body[0], "--text", body[1], "--epochs", 1, "--out"]
    for folder in (body[0], trained["classify"][1]):
        before = {p.name: p.read_bytes() for p in folder.iterdir()}
        err = refused(capsys, *argv, folder, "--force")
        assert "holds a model (model.npz), and none is written here" in err
        assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
    compare("anchor")
    err = refused(capsys, *argv, tmp_path / "out")
    assert "holds the results of a run" in err and "--force writes over it" in err


def test_a_run_that_fails_says_which_and_leaves_no_results(data, body, compare, tmp_path, capsys):
    compare("anchor")
    out = tmp_path / "out"
    argv = [data, "--model", body[0], "--text", body[1], "--epochs", 2, "--out", out, "--force"]
    err = refused(capsys, *argv, "--lr", 1e30)
    assert "plain: " in err and "not finite" in err and "lower" in err
    assert list(out.iterdir()) == []
