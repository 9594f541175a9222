"""The verbs on a folder of Hugging Face, as it stands: embed, search, similarity, finetune, ..."""

import json
from pathlib import Path

import numpy as np
import pytest

from npft import (
    Classifier, Encoder, EncoderConfig, MaskedLM, Regressor, SentenceEncoder, TokenClassifier,
    WordPiece, load, set_threads, write_pretrained,
)
from npft.__main__ import main

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "see", "you", "win", "cash", "noon", "at",
          "##s", *"0123456789"]  # fmt: skip
LINES = ["see you at noon", "win cash", "", "cash wins", "you win 7 cash at noon"]


def encoder(width=8):
    config = EncoderConfig(vocab_size=len(PIECES), hidden_size=width, num_heads=2,
                           intermediate_size=12, max_positions=16, norm="post", init_std=0.3)
    return Encoder(config, tokenizer=WordPiece(PIECES), rng=np.random.default_rng(0)).eval()


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A folder of each kind, written by npft as transformers reads it."""
    root = tmp_path_factory.mktemp("hub")
    rng = np.random.default_rng(0)
    models = {
        "vectors": SentenceEncoder(encoder(), "cls", normalize=False),
        "words": MaskedLM(encoder(), nsp=False, rng=rng), "body": encoder(),
        "classes": Classifier(encoder(), 2, "pooler", ["ham", "spam"], rng=rng),
        "tags": TokenClassifier(encoder(), ["O", "B-X", "I-X"], rng=rng),
        "grades": Regressor(encoder(), None, None, "pooler", rng=rng),
        "untied": MaskedLM(encoder(), nsp=False, tied=False, rng=rng),
        "pretrained": MaskedLM(encoder(), nsp_pool="pooler", rng=rng),
    }  # fmt: skip
    return {name: write_pretrained(model, root / name) for name, model in models.items()}


@pytest.fixture
def lines(tmp_path):
    (tmp_path / "lines.txt").write_text("\n".join(LINES) + "\n")
    return tmp_path / "lines.txt"


@pytest.fixture
def rows(tmp_path):
    texts = [f"ham\tsee you at noon {i}\nspam\twin cash {i}\n" for i in range(20)]
    (tmp_path / "rows.tsv").write_text("".join(texts))
    return tmp_path / "rows.tsv"


def run(*argv):
    return main([str(a) for a in argv])


def test_vectors_are_pooled_and_scaled_as_the_folder_says_unless_told(folders, lines, tmp_path):
    out = tmp_path / "v.npy"
    assert run("embed", lines, "--model", folders["vectors"], "--out", out) == 0
    expected = load(folders["vectors"]).encode(LINES)
    np.testing.assert_allclose(np.load(out), expected, atol=1e-6)  # read in other slices
    assert not np.allclose(np.linalg.norm(np.load(out), axis=1), 1, atol=0.1)
    assert run("embed", lines, "--model", folders["vectors"], "--out", out, "--pool", "max") == 0
    expected = SentenceEncoder(load(folders["vectors"]).body, "max").encode(LINES)
    np.testing.assert_allclose(np.load(out), expected, atol=1e-6)
    assert run("embed", lines, "--model", folders["body"], "--out", out) == 0
    np.testing.assert_allclose(np.linalg.norm(np.load(out), axis=1), 1, atol=1e-6)


def test_the_mean_cosine_is_one_of_directions(folders, lines, tmp_path, capsys):
    out = tmp_path / "v.npy"
    assert run("embed", lines, "--model", folders["vectors"], "--out", out, "--json") == 0
    said = json.loads(capsys.readouterr().out)
    u = np.load(out) / np.linalg.norm(np.load(out), axis=1, keepdims=True)
    cosines = (u @ u.T)[np.triu_indices(len(u), 1)]
    assert said["mean_cosine"] == pytest.approx(cosines.mean(), abs=1e-5)
    assert said["pool"] == "cls"


def test_a_search_finds_a_text_by_itself(folders, lines, capsys):
    for name in ("vectors", "words", "body"):
        query = ("--query", "win cash", "-k", 1, "--json")
        assert run("search", lines, "--model", folders[name], *query) == 0
        (answer,) = json.loads(capsys.readouterr().out)["queries"]
        assert answer["found"][0]["text"] == "win cash"
        assert answer["found"][0]["score"] == pytest.approx(1, abs=1e-5)


def test_pairs_have_the_cosine_of_the_pool_of_the_folder(folders, tmp_path, capsys):
    (tmp_path / "pairs.tsv").write_text("win cash\tcash wins\n")
    pairs = ("similarity", tmp_path / "pairs.tsv", "--unscored", "--json", "--model")
    assert run(*pairs, folders["vectors"]) == 0
    said = json.loads(capsys.readouterr().out)["pairs"][0]["cosine"]
    u, v = load(folders["vectors"]).encode(["win cash", "cash wins"])
    assert said == pytest.approx(u @ v / np.linalg.norm(u) / np.linalg.norm(v), abs=1e-5)


def test_each_regime_tunes_a_folder_and_the_new_model_predicts(folders, rows, tmp_path, capsys):
    for regime in ("head", "last", "full"):
        out = tmp_path / regime
        argv = ("finetune", rows, "--model", folders["vectors"], "--out", out, "--regime", regime)
        assert run(*argv, "--epochs", 2, "--json") == 0
        said = json.loads(capsys.readouterr().out)
        assert said["max_length"] == 16 and load(out).heads["classes"].pool.kind == "cls"
    assert run("predict", rows, "--columns", "2", "--model", out) == 0
    assert len(capsys.readouterr().out.splitlines()) == 40


def test_a_published_classifier_is_measured_and_predicts_as_it_stands(folders, rows, capsys):
    assert run("evaluate", rows, "--model", folders["classes"], "--json") == 0
    assert json.loads(capsys.readouterr().out)["label_names"] == ["ham", "spam"]
    assert run("predict", rows, "--columns", "2", "--model", folders["classes"]) == 0
    assert {line.split("\t")[0] for line in capsys.readouterr().out.splitlines()} <= {"ham", "spam"}


def test_what_a_masked_lm_forgets_of_its_text_can_be_measured(folders, rows, tmp_path, capsys):
    text = tmp_path / "text.txt"
    text.write_text("see you at noon 1\nwin cash at noon\n" * 30)
    argv = ("finetune", rows, "--model", folders["words"], "--out", tmp_path / "out")
    assert run(*argv, "--text", text, "--epochs", 1, "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["rise"] == pytest.approx(said["mlm_loss_after"] - said["mlm_loss_before"])
    assert np.isfinite(said["rise"])


@pytest.mark.parametrize("name, objective", [("untied", "mlm"), ("pretrained", "mlm,nsp")])
def test_a_masked_lm_of_theirs_goes_on_with_the_objective_that_has_its_heads(
    name, objective, folders, tmp_path
):
    text, out = tmp_path / "text.txt", tmp_path / "out"
    text.write_text("see you at noon 1\nwin cash at noon\n\n" * 30)
    argv = ("pretrain", text, "--from", folders[name], "--steps", 2, "--out", out)
    assert run(*argv, "--objective", objective) == 0
    assert load(out).options() == load(folders[name]).options()


def test_taggers_and_regressors_of_theirs_predict_and_are_evaluated(folders, tmp_path, capsys):
    tags, scores = tmp_path / "a.conll", tmp_path / "a.tsv"
    tags.write_text("see\tO\nyou\tB-X\n\nwin\tO\ncash\tB-X\nnoon\tI-X\n")
    scores.write_text("1\tsee you\twin cash\n2.5\tsee you\tsee you\n7\tcash\twin\n")
    for path, name, figure in ((tags, "tags", "f1"), (scores, "grades", "rmse")):
        assert run("evaluate", path, "--model", folders[name], "--json") == 0
        assert np.isfinite(json.loads(capsys.readouterr().out)[figure])
    assert run("predict", tags, "--model", folders["tags"], "--json") == 0
    said = json.loads(capsys.readouterr().out)["predictions"]
    words = [["see", "you"], ["win", "cash", "noon"]]
    assert [row["tags"] for row in said] == load(folders["tags"]).predict(words)


@pytest.mark.parametrize("verb", ["embed", "predict"])
def test_the_bits_are_the_same_for_any_number_of_threads(verb, folders, lines, tmp_path, capsys):
    lines.write_text("".join(f"see you at noon {i % 7} win cash {i % 3}\n" for i in range(700)))
    found = []
    try:
        for threads in (1, 2, 3):
            out = tmp_path / f"{threads}.npy"
            argv = {"embed": ["--model", folders["vectors"], "--out", out],
                    "predict": ["--model", folders["classes"]]}[verb]  # fmt: skip
            assert run(verb, lines, *argv, "--threads", threads) == 0
            said = capsys.readouterr().out
            found.append(out.read_bytes() if verb == "embed" else said)
    finally:
        set_threads(1)
    assert found[0] and found[0] == found[1] == found[2]


def test_a_folder_of_theirs_is_never_written_over(folders, rows, capsys):
    before = {p.name: p.read_bytes() for p in Path(folders["body"]).iterdir()}
    for start in ([], ["--model", folders["body"]]):
        argv = ("finetune", rows, "--out", folders["body"], "--force", "--epochs", 1, *start)
        assert run(*argv) == 2
        assert len(capsys.readouterr().err.strip().splitlines()) == 1
    after = {p.name: p.read_bytes() for p in Path(folders["body"]).iterdir()}
    assert after == before


@pytest.mark.parametrize("spoil, message", [
    (lambda f: (f / "model.safetensors").unlink(), "has a config.json and no model.safetensors"),
    (lambda f: (f / "model.safetensors").write_bytes(b"x" * 99), "is no safetensors file"),
    (lambda f: (f / "config.json").write_text('{"model_type": "mpnet"}'), "mpnet adds a bias"),
    (lambda f: (f / "vocab.txt").unlink(), "the encoder has no tokenizer"),
    (lambda f: (f / "modules.json").write_text("{"), "is no list of modules"),
])
def test_a_folder_that_cannot_be_read_is_told_in_one_line(spoil, message, lines, tmp_path, capsys):
    folder = write_pretrained(SentenceEncoder(encoder()), tmp_path / "bad")
    spoil(folder)
    assert run("embed", lines, "--model", folder, "--out", tmp_path / "v.npy") == 2
    said = capsys.readouterr().err.strip()
    assert message in said and len(said.splitlines()) == 1 and "Traceback" not in said
