"""The verb similarity: a table for scored pairs, a cosine for each of others."""

import json

import numpy as np
import pytest

from npft.__main__ import main
from npft.embed.sentences import SentenceEncoder
from npft.embed.similarity import paired_cosines
from npft.embed.token_table import token_table_encoder
from npft.errors import DtypeError
from npft.loading import load
from npft.metrics.ranking import spearman

ROWS = [(5, "win cash", "cash wins"), (0, "see you", "win cash"), (3, "the stew", "the soup"),
        (4, "the chef cooks", "the chef stews")]


@pytest.fixture
def scored(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(f"{s}\t{a}\t{b}\n" for s, a, b in ROWS) + "\ta\tb\n", encoding="utf-8")
    return str(path)


def test_each_way_has_the_correlations_of_its_cosines(scored, capsys):
    assert main(["similarity", scored, "--model", "tinyworld", "--json"]) == 0
    results = json.loads(capsys.readouterr().out)
    assert results["pairs"] == 4 and results["without_score"] == 1
    assert list(results["ways"]) == ["mean", "cls", "max", "last", "static", "bag of words"]
    grades, first, second = zip(*ROWS)
    body = load("tinyworld").body
    for name, encode in (("max", SentenceEncoder(body, "max").encode),
                         ("static", token_table_encoder(body))):
        cosines = paired_cosines(encode(list(first)), encode(list(second)))
        row = results["ways"][name]
        assert row["spearman"] == pytest.approx(spearman(cosines, grades), abs=1e-6)
        assert row["mean_cosine"] == pytest.approx(cosines.mean(), abs=1e-5)
    assert main(["similarity", scored, "--model", "tinyworld"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 8 and lines[-1] == "4 pairs, 1 rows without a score left out"


def test_pairs_without_scores_get_a_cosine_each_from_a_file_or_standard_input(
    tmp_path, capsys, monkeypatch
):
    path = tmp_path / "p.csv"
    path.write_text('text,pair\n"win, cash",x\nsee you,see you\n', encoding="utf-8")
    argv = ["similarity", str(path), "--header", "--unscored", "--model", "tinyworld"]
    assert main([*argv, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["pairs"]
    assert [row["text"] for row in rows] == ["win, cash", "see you"]
    assert rows[1]["cosine"] == pytest.approx(1, abs=1e-6) and rows[0]["cosine"] < 1
    assert main([*argv, "--pool", "cls"]) == 0
    assert capsys.readouterr().out.splitlines()[1] == "1.000\tsee you\tsee you"


def test_a_pool_without_a_use_is_refused(scored, capsys):
    assert main(["similarity", scored, "--model", "tinyworld", "--pool", "cls"]) == 2
    assert "--pool goes with --unscored; the table has every pool" in capsys.readouterr().err


def test_a_file_that_does_not_fit_is_refused_in_one_line(scored, tmp_path, capsys):
    for argv, said in ((["--unscored"], "columns"), (["--columns", "1,2"], "columns is")):
        assert main(["similarity", scored, "--model", "tinyworld", *argv]) == 2
        err = capsys.readouterr().err
        assert said in err and len(err.splitlines()) == 1
    same = tmp_path / "same.tsv"
    same.write_text("1\ta\tb\n1\tc\td\n", encoding="utf-8")
    assert main(["similarity", str(same), "--model", "tinyworld"]) == 2
    assert "constant, so it orders nothing" in capsys.readouterr().err


def test_static_vectors_are_means_of_the_table_without_special_tokens():
    body = load("tinyworld").body
    encode, table = token_table_encoder(body), body.embeddings.word_embeddings.weight.data
    ids = [body.tokenizer(["win cash"]).ids[1:-1], body.tokenizer(["win"]).ids[1:-1]]
    x = encode(["win cash", "win", ""])
    assert x[0] == pytest.approx(table[ids[0]].mean(axis=0), abs=1e-6)
    assert x[1] == pytest.approx(table[ids[1]].mean(axis=0), abs=1e-6)
    assert x[2] == pytest.approx(table.mean(axis=0, dtype=np.float64), abs=1e-6)
    assert np.array_equal(encode(["cash win"]), x[:1])  # in any order
    with pytest.raises(DtypeError):
        encode([1])
