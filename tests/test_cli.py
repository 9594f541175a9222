"""The command line: results on small real files, and one clear line for every bad input."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from npft import pretrain, switched_off
from npft.__main__ import main
from npft.files import domains
from npft.files import pretrain as files_pretrain
from npft.loading import load

SPAM = ["win a free prize now", "free cash prize inside", "claim your free prize", "win cash now"]
HAM = ["see you at noon", "lunch at noon then", "call me at home", "see you at home then"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Forty labelled lines that a child could tell apart, and one exact repeat."""
    path = tmp_path_factory.mktemp("data") / "messages.tsv"
    lines = [f"spam\t{text} {i}" for i in range(5) for text in SPAM]
    lines += [f"ham\t{text} {i}" for i in range(5) for text in HAM]
    path.write_text("\n".join([*lines, lines[0]]) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def classifier(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("model")
    assert main(["finetune", str(data), "--out", str(out), "--epochs", "8"]) == 0
    return out


@pytest.fixture(scope="module")
def body(tmp_path_factory):
    folder = tmp_path_factory.mktemp("body")
    text = folder / "text.txt"
    text.write_text("\n".join(SPAM * 10 + HAM * 10), encoding="utf-8")
    code = main(["pretrain", str(text), "--out", str(folder), "--steps", "3", "--vocab-size", "90"])
    assert code == 0
    return folder


def refused(capsys, *argv):
    """Run a verb that must be refused; returns the one line it prints."""
    capsys.readouterr()
    assert main([str(a) for a in argv]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    lines = [x for x in printed.err.splitlines() if x]
    assert len(lines) == 1 and lines[0].startswith(f"npft {argv[0]}: ")
    return lines[0]


def test_finetune_writes_a_model_and_deterministic_results(data, tmp_path, capsys):
    found = []
    for name in ("a", "b"):
        out = tmp_path / name
        code = main(["finetune", str(data), "--out", str(out), "--epochs", "8", "--json"])
        assert code == 0
        printed = json.loads(capsys.readouterr().out)
        assert printed == json.loads((out / "results.json").read_text(encoding="utf-8"))
        found.append([(out / f).read_bytes() for f in ("results.json", "history.json", "model.npz")])
        assert "finetune" in json.loads((out / "timings.json").read_text(encoding="utf-8"))
    assert found[0] == found[1]
    assert printed["repeats_dropped"] == 1
    assert (printed["train_examples"], printed["test_examples"]) == (32, 8)
    assert sum(map(sum, printed["confusion"])) == 8
    assert printed["f1"] == 1.0


def test_head_regime_trains_the_head_alone(data, body, tmp_path, capsys):
    argv = ["finetune", str(data), "--model", str(body), "--out", str(tmp_path / "m")]
    assert main([*argv, "--regime", "head", "--epochs", "1", "--json"]) == 0
    results = json.loads(capsys.readouterr().out)
    assert results["trained_weights"] == 130 < results["weights"]


@pytest.mark.parametrize("regime", ["gradual", "ulmfit", "lp-ft"])
def test_regimes_that_change_on_the_way_train_more_than_the_head(
    data, body, tmp_path, capsys, regime
):
    argv = ["finetune", str(data), "--model", str(body), "--out", str(tmp_path / "m"), "--json"]
    assert main([*argv, "--regime", regime, "--epochs", "2", "--pool", "attention"]) == 0
    results = json.loads(capsys.readouterr().out)
    assert results["regime"] == regime and results["trained_weights"] > 194
    query = load(tmp_path / "m").head().pool.query  # 64 weights beside the 130
    assert (query.data != 0).any()


@pytest.mark.parametrize("regime, weights", [("lora", 2 * 4 * 64 * 4), ("adapter", 4 * 580)])
def test_regimes_that_add_to_the_body_save_what_was_added(
    data, body, tmp_path, capsys, regime, weights
):
    argv = ["finetune", str(data), "--model", str(body), "--out", str(tmp_path / "m"), "--json"]
    assert main([*argv, "--regime", regime, "--epochs", "1"]) == 0
    results = json.loads(capsys.readouterr().out)
    assert results["trained_weights"] == 130 + weights
    saved, start = load(tmp_path / "m"), load(body)
    with switched_off(saved):
        own, before = saved.body.state_dict(), start.body.state_dict()
    assert own.keys() == before.keys() and all((own[k] == before[k]).all() for k in own)


def test_a_regime_in_two_parts_needs_two_epochs_and_a_tag_has_no_pool(data, tmp_path, capsys):
    argv = ["finetune", data, "--out", tmp_path / "m"]
    line = refused(capsys, *argv, "--regime", "lp-ft", "--epochs", "1")
    assert "lp-ft: epochs is 1, expected 2 or more" in line
    assert "--pool is not for the task tag" in refused(
        capsys, *argv, "--task", "tag", "--pool", "max")


def test_pretrain_reports_held_out_loss_beside_the_unigram_loss(body):
    results = json.loads((body / "results.json").read_text(encoding="utf-8"))
    assert results["below_unigram"] == results["unigram_loss"] - results["mlm_loss"]
    assert 0 <= results["nsp_acc"] <= 1 and results["vocab_size"] <= 90


@pytest.fixture(scope="module")
def notes(tmp_path_factory):
    """A new domain, some of whose words are in no message."""
    path = tmp_path_factory.mktemp("notes") / "notes.txt"
    path.write_text("\n".join(["valve stent at noon", "graft the valve", "stent you"] * 12))
    return path


def test_pretraining_goes_on_with_a_new_domain_and_reports_both_losses(
    body, notes, tmp_path, capsys
):
    general, model = body / "text.txt", (body / "model.npz").read_bytes()
    argv = ["pretrain", str(notes), "--from", str(body), "--general", str(general)]
    found = []
    for name, more in (("a", []), ("b", []), ("c", ["--replay", "0.5"])):
        out = tmp_path / name
        assert main([*argv, *more, "--out", str(out), "--steps", "12", "--json"]) == 0
        results = json.loads(capsys.readouterr().out)
        assert results == json.loads((out / "results.json").read_text(encoding="utf-8"))
        files = ("results.json", "history.json", "model.npz")
        found.append([(out / f).read_bytes() for f in files])
        before, after = results["before"], results["after"]
        assert after["domain_mlm_loss"] < before["domain_mlm_loss"]
        for row in (before, after):
            assert row["gap"] == row["domain_mlm_loss"] - row["seen_mlm_loss"]
            assert row["general_mlm_loss"] > 0
    assert found[0] == found[1] != found[2]
    assert (body / "model.npz").read_bytes() == model
    old, new = load(body), load(tmp_path / "a")
    assert new.body.tokenizer.to_dict() == old.body.tokenizer.to_dict()
    assert main([*argv, "--out", str(tmp_path / "d"), "--steps", "2"]) == 0
    printed = capsys.readouterr().out
    assert "domain_mlm_loss" in printed and "general_mlm_loss" in printed and "gap" in printed


def test_the_bundled_model_goes_on_without_general_text(notes, tmp_path, capsys):
    argv = ["pretrain", str(notes), "--from", "tinyworld", "--out", str(tmp_path), "--steps", "2"]
    assert main([*argv, "--json"]) == 0
    results = json.loads(capsys.readouterr().out)
    assert "general_mlm_loss" not in results["after"] and results["steps"] == 2


def test_languages_are_read_with_alpha_and_measured_apart(body, notes, tmp_path, capsys):
    argv = ["pretrain", str(body / "text.txt"), str(notes), "--vocab-size", "50", "--steps", "4"]
    shares, losses = {}, {}
    for alpha in ("1", "0.3"):
        out = tmp_path / alpha
        assert main([*argv, "--alpha", alpha, "--out", str(out), "--json"]) == 0
        results = json.loads(capsys.readouterr().out)
        assert list(results["languages"]) == ["text", "notes"] and results["vocab_size"] <= 50
        rows = results["languages"]
        assert all(row["mlm_loss"] > 0 and row["unigram"] > 0 for row in rows.values())
        n = {name: row["sentences"] for name, row in rows.items()}
        shares[alpha] = rows["notes"]["share"]
        ratio = (n["notes"] / n["text"]) ** float(alpha)
        assert shares[alpha] == pytest.approx(ratio / (1 + ratio), abs=1e-12)
        losses[alpha] = [row["mlm_loss"] for row in rows.values()]
        assert load(out).body.tokenizer.vocab_size == results["vocab_size"]
    assert shares["0.3"] > shares["1"]
    tokenizers = [load(tmp_path / alpha).body.tokenizer.to_dict() for alpha in ("1", "0.3")]
    assert losses["0.3"] != losses["1"]
    assert tokenizers[0] == tokenizers[1]  # so that their losses are comparable
    assert main([*argv, "--alpha", "0.3", "--out", str(tmp_path / "x")]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed] == ["text", "notes"] and "share" in printed[0]


def test_a_language_whose_name_begins_another_keeps_its_own_figures(notes, tmp_path, capsys):
    for name in ("train", "train_us"):
        (tmp_path / f"{name}.txt").write_bytes(notes.read_bytes())
    argv = ["pretrain", str(tmp_path / "train.txt"), str(tmp_path / "train_us.txt"), "--json"]
    assert main([*argv, "--alpha", "1", "--steps", "2", "--out", str(tmp_path / "out")]) == 0
    rows = json.loads(capsys.readouterr().out)["languages"]
    figures = {"mlm_loss", "mlm_acc", "nsp_loss", "nsp_acc", "unigram"}
    assert [set(row) - {"documents", "sentences", "share"} for row in rows.values()] == [figures] * 2


def test_no_general_text_that_is_measured_was_trained_on(tmp_path, monkeypatch):
    """Whatever the number and order of the files at first and later."""
    files, seen = [str(tmp_path / name) for name in ("many.txt", "few.txt")], {}
    for file, n in zip(files, (40, 24)):
        lines = [f"a{n} b{i}\nc{n} d{i}" for i in range(n)]  # no sentence twice
        Path(file).write_text("\n\n".join(lines), encoding="utf-8")

    def spy(module, name):
        function = getattr(module, name)

        def wrapped(*args, **options):
            seen[name] = args, options
            return function(*args, **options)

        monkeypatch.setattr(module, name, wrapped)

    spy(files_pretrain, "pretrain")
    spy(domains, "adapt")
    base = ["pretrain", *files, "--alpha", "1", "--steps", "1", "--out", str(tmp_path / "base")]
    assert main(base) == 0
    trained = {s for text in seen["pretrain"][0][1].values() for d in text for s in d}
    argv = ["pretrain", files[1], "--from", str(tmp_path / "base"), "--steps", "1", "--general"]
    assert main([*argv, *files[::-1], "--out", str(tmp_path / "x")]) == 0
    measured = {s for d in seen["adapt"][1]["general"] for s in d}
    assert trained and measured and not measured & trained


def test_sentences_too_long_for_a_segment_are_reported(tmp_path, capsys):
    text = tmp_path / "long.txt"
    text.write_text("\n".join(f"{i} " + "word " * 300 for i in range(30)), encoding="utf-8")
    argv = ["pretrain", str(text), "--vocab-size", "40", "--steps", "1", "--out"]
    assert main([*argv, str(tmp_path / "a")]) == 0
    assert re.search(r"never read: 7\d\.\d% of the tokens", capsys.readouterr().out)
    assert main([*argv, str(tmp_path / "b"), "--objective", "roberta"]) == 0
    assert "never read" not in capsys.readouterr().out


def test_a_stopped_run_is_not_written_over(notes, tmp_path, capsys):
    argv = ["pretrain", str(notes), "--steps", "2", "--out", str(tmp_path)]
    assert main(argv) == 0
    assert "holds a model (model.npz)" in refused(capsys, *argv)
    assert main([*argv, "--force"]) == 0
    documents, rng = [["a b", "c d"], ["e f", "g h"]], np.random.default_rng(0)
    pretrain(load("tinyworld"), documents, steps=2, every=1, folder=tmp_path, rng=rng)
    before = (tmp_path / "model.npz").read_bytes()
    assert "stopped at step 2; go on with --resume" in refused(capsys, *argv)
    assert (tmp_path / "model.npz").read_bytes() == before


def test_a_rate_beyond_reason_gives_one_line_and_no_warnings(notes, tmp_path, capsys):
    line = refused(capsys, "pretrain", notes, "--lr", "1e30", "--steps", "5", "--out", tmp_path)
    assert "is not finite" in line or "the loss is" in line or "NaN or infinite" in line


def test_bytes_have_no_vocabulary_size(notes, tmp_path, capsys):
    for more in ([], ["--alpha", "1"]):
        text = [notes, tmp_path / "other.txt"] if more else [notes]
        (tmp_path / "other.txt").write_bytes(notes.read_bytes())
        argv = ["pretrain", *text, *more, "--tokenizer", "byte", "--vocab-size", "0"]
        assert "bytes have no --vocab-size" in refused(capsys, *argv, "--out", tmp_path / "out")


def test_texts_and_options_that_do_not_fit_together_are_refused(body, notes, tmp_path, capsys):
    out = ["--out", tmp_path / "out"]
    start, text = ["--from", body], body / "text.txt"
    for argv, words in (
        (["--replay", "0.2"], "need --from"),
        (["--general", text], "need --from"),
        ([*start, "--replay", "0.2"], "--replay needs the general text"),
        ([*start, "--replay", "1", "--general", text], "replay is 1.0"),
        ([*start, "--alpha", "0.3"], "leave out --from"),
        ([*start, "--tokenizer", "bpe"], "leave out --tokenizer"),
        ([*start, "--vocab-size", "50"], "leave out --tokenizer"),
        ([*start, "--objective", "mlm"], "name its own with --objective"),
        ([*start, "--objective", "clm"], "name its own with --objective"),
        (["--from", tmp_path / "none"], "no model.npz"),
        (["--alpha", "0.3"], "two or more text files"),
    ):
        assert words in refused(capsys, "pretrain", notes, *argv, *out), argv
    assert "name its files" in refused(capsys, "pretrain", *start, *out)
    assert "two or more" in refused(capsys, "pretrain", notes, notes, "--alpha", "0.3", *out)
    assert "alpha is 2.0" in refused(capsys, "pretrain", notes, text, "--alpha", "2", *out)
    assert not (tmp_path / "out").exists()


def test_a_classifier_cannot_go_on_pretraining(classifier, notes, tmp_path, capsys):
    line = refused(capsys, "pretrain", notes, "--from", classifier, "--out", tmp_path / "out")
    assert "classifier" in line and str(classifier) in line


def test_evaluate_and_predict_agree(data, classifier, capsys, monkeypatch):
    assert main(["evaluate", str(data), "--model", str(classifier), "--json"]) == 0
    measured = json.loads(capsys.readouterr().out)
    rows = [line.split("\t") for line in data.read_text(encoding="utf-8").splitlines()]
    done = subprocess.run(
        [sys.executable, "-m", "npft", "predict", "--model", str(classifier), "--json"],
        input="\n".join(text for _, text in rows).encode(), capture_output=True, check=True,
    )
    predictions = json.loads(done.stdout)["predictions"]
    assert [p["text"] for p in predictions] == [text for _, text in rows]
    right = sum(p["label"] == label for p, (label, _) in zip(predictions, rows))
    assert measured["accuracy"] == right / len(rows)


def test_too_long_texts_are_cut_counted_and_said(data, classifier, tmp_path, capsys):
    path = tmp_path / "long.tsv"
    path.write_text("ham\tsee you\nspam\t" + "free prize " * 200 + "\n", encoding="utf-8")
    assert main(["evaluate", str(path), "--model", str(classifier)]) == 0
    assert "cut to 128 tokens: 1 texts" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file"),
        (b"", "empty"),
        (b"ham\thi\nspam\t\x00\x01\n", "NUL"),
        (b"ham\thi\nspam\t\xff\xfe\n", ":2: is not UTF-8"),
        (b"ham\thi\nspam no tab here\n", ":2: has 0 tabs"),
        (b"ham\thi\nham\tyou\n", "every line has the label 'ham'"),
        (b"ham\thi\nham\tyou\nspam\twin\n", "'spam' has one example"),
    ],
)
def test_finetune_refuses_bad_data_in_one_line_and_writes_nothing(
    content, message, tmp_path, capsys
):
    path, out = tmp_path / "data.tsv", tmp_path / "out"
    if content is not None:
        path.write_bytes(content)
    line = refused(capsys, "finetune", path, "--out", out)
    assert str(path) in line and message in line
    assert not out.exists()


def test_evaluate_names_the_line_of_an_unknown_label(data, classifier, tmp_path, capsys):
    path = tmp_path / "other.tsv"
    path.write_text("ham\thi\neggs\thello\n", encoding="utf-8")
    line = refused(capsys, "evaluate", path, "--model", classifier)
    assert f"{path}:2: the label 'eggs' is unknown" in line and "ham, spam" in line


def test_pretrain_refuses_text_it_cannot_use(tmp_path, capsys):
    path, out = tmp_path / "t.txt", tmp_path / "out"
    path.write_bytes(b"one two\n\xff\n")
    assert f"{path}:2: " in refused(capsys, "pretrain", path, "--out", out)
    path.write_text("just one sentence\n", encoding="utf-8")
    assert "too little text" in refused(capsys, "pretrain", path, "--out", out)
    path.write_text("a b c\n" * 50, encoding="utf-8")
    line = refused(capsys, "pretrain", path, "--out", out, "--vocab-size", "6")
    assert "vocab_size is 6" in line
    assert "steps" in refused(capsys, "pretrain", path, "--out", out, "--steps", "0")
    assert not out.exists()


@pytest.mark.parametrize("verb", ["finetune", "evaluate", "predict"])
def test_damaged_and_foreign_checkpoints_are_refused(verb, data, classifier, tmp_path, capsys):
    argv = {"finetune": [data, "--out", tmp_path / "out"], "evaluate": [data], "predict": []}[verb]
    folder = tmp_path / "broken"
    assert "no model.npz" in refused_with_input(capsys, verb, *argv, "--model", folder)
    folder.mkdir()
    good = (classifier / "model.npz").read_bytes()
    for content in (good[: len(good) // 2], b"", b"not a checkpoint"):
        (folder / "model.npz").write_bytes(content)
        line = refused_with_input(capsys, verb, *argv, "--model", folder)
        assert str(folder) in line
    assert not (tmp_path / "out").exists()


def refused_with_input(capsys, *argv):
    """As ``refused``, with a line on standard input."""

    class Input:
        class buffer:
            @staticmethod
            def read():
                return b"a text\n"

    before, sys.stdin = sys.stdin, Input
    try:
        return refused(capsys, *argv)
    finally:
        sys.stdin = before


def test_a_pretrained_body_is_not_a_classifier(body, data, capsys):
    line = refused(capsys, "evaluate", data, "--model", body)
    assert "masked_lm" in line and "classifier" in line


def test_options_out_of_range_are_refused(data, tmp_path, capsys):
    out = tmp_path / "out"
    for option, value in (("--epochs", 0), ("--batch-size", 0), ("--lr", -1), ("--seed", -1)):
        refused(capsys, "finetune", data, "--out", out, option, value)
    refused(capsys, "finetune", data, "--out", out, "--threads", 0)
    assert not out.exists()
    out.write_text("a file", encoding="utf-8")
    assert "is a file" in refused(capsys, "finetune", data, "--out", out)


def test_predict_refuses_empty_and_undecodable_input(classifier):
    for content, message in ((b"", "is empty"), (b"ok\n\xff\n", "standard input:2: ")):
        done = subprocess.run(
            [sys.executable, "-m", "npft", "predict", "--model", str(classifier)],
            input=content, capture_output=True,
        )
        assert done.returncode == 2 and done.stdout == b""
        assert message in done.stderr.decode()
