"""Pretraining on files: which part of a text is trained on, and which is held out."""

import pytest

from npft.__main__ import main
from npft.errors import DataError
from npft.files.pretrain import parts_of, read_parts
from npft.loading import load


@pytest.fixture
def files(tmp_path):
    """A file of many documents, one of a single sentence, one of a single document."""
    texts = {
        "many": "\n\n".join(f"Rain falls {i}.\nThen it stops {i}." for i in range(40)),
        "tiny": "One sentence only.",
        "single": "\n".join(f"This is line {i}." for i in range(30)),
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.txt").write_text(text + "\n", encoding="utf-8")
    return {name: tmp_path / f"{name}.txt" for name in texts}


def sentences(documents):
    return {sentence for document in documents for sentence in document}


def test_a_file_holds_out_the_same_text_in_any_company_and_order(files):
    alone = [read_parts([files[name]]) for name in ("many", "single")]
    held_out = sentences(alone[0][1]) | sentences(alone[1][1])
    assert held_out == {
        "Rain falls 38.", "Then it stops 38.", "Rain falls 39.", "Then it stops 39.",
        "This is line 28.", "This is line 29.",
    }  # fmt: skip
    for order in (["many", "tiny", "single"], ["single", "many"], ["tiny", "single", "many"]):
        train, apart = read_parts([files[name] for name in order])
        assert sentences(apart) == held_out and not sentences(train) & held_out
        assert ("One sentence only." in sentences(train)) == ("tiny" in order)


def test_a_text_too_short_to_hold_any_out_is_refused_by_its_name(files, tmp_path, capsys):
    with pytest.raises(DataError, match=r"tiny\.txt, .*tiny\.txt: too little text to hold any out"):
        read_parts([files["tiny"], files["tiny"]])
    argv = ["pretrain", str(files["many"]), str(files["tiny"]), "--alpha", "0.3", "--steps", "1"]
    assert main([*argv, "--out", str(tmp_path / "out")]) == 2
    line = capsys.readouterr().err
    assert line.startswith(f"npft pretrain: {files['tiny']}: too little text to hold any out; give")


def test_a_file_too_short_to_be_divided_is_all_for_training(files):
    assert parts_of(files["tiny"]) == ([["One sentence only."]], [])
    train, held_out = parts_of(files["single"], "utf-8")
    assert (train, held_out) == read_parts([files["single"]]) and len(held_out[0]) == 2


@pytest.fixture
def latin(tmp_path):
    """Two texts that are no UTF-8."""
    for name in ("un", "deux"):
        lines = "\n".join(f"le café {name} {i}\nil était là" for i in range(24))
        (tmp_path / f"{name}.txt").write_bytes(lines.encode("latin-1"))
    return [str(tmp_path / f"{name}.txt") for name in ("un", "deux")]


def test_text_in_another_encoding_is_read_by_every_way_of_pretraining(latin, tmp_path, capsys):
    said = ["--encoding", "latin-1", "--steps", "1", "--cased"]
    for more, text in (([], latin[:1]), (["--alpha", "0.5"], latin)):
        out = str(tmp_path / f"out{len(text)}")
        assert main(["pretrain", *text, *more, "--steps", "1", "--out", out]) == 2
        assert "say encoding latin-1" in capsys.readouterr().err
        assert main(["pretrain", *text, *more, *said, "--out", out]) == 0
        assert "'café'" in str(load(out).body.tokenizer.to_dict())
    argv = ["pretrain", latin[1], "--from", str(tmp_path / "out1"), "--general", latin[0]]
    argv += ["--steps", "1", "--out", str(tmp_path / "next")]
    assert main(argv) == 2
    assert main([*argv, "--encoding", "latin-1"]) == 0
    capsys.readouterr()
    assert main(["pretrain", "--encoding", "latin-1", "--out", str(tmp_path / "x")]) == 2
    assert "--encoding is that of text files" in capsys.readouterr().err
    for name in ("utf-9", ""):
        argv = ["pretrain", *latin, "--encoding", name, "--out", str(tmp_path / "x")]
        assert main(argv) == 2
        assert f"encoding is '{name}', expected one such as utf-8" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["finetune", "forgetting"])
def test_the_text_of_a_model_may_have_another_encoding_than_the_rows(
    verb, latin, tmp_path, capsys
):
    rows = [f"{'ham' if i % 2 else 'spam'}\tthé {i}" for i in range(20)]
    (tmp_path / "rows.tsv").write_text("\n".join(rows), encoding="utf-8")
    argv = [verb, str(tmp_path / "rows.tsv"), "--model", "tinyworld", "--epochs", "1"]
    argv += ["--repairs", "lr"] if verb == "forgetting" else []
    argv += ["--out", str(tmp_path / "out"), "--text", latin[0]]
    assert main(argv) == 2
    assert "un.txt:1: is not UTF-8" in capsys.readouterr().err
    assert main([*argv, "--text-encoding", "latin-1"]) == 0
    if verb == "finetune":  # forgetting needs a text
        assert main([*argv[:-2], "--text-encoding", "latin-1"]) == 2
        assert "--text-encoding is that of --text; name its files" in capsys.readouterr().err
