"""The tour, shrunk: it writes what it promises, twice the same."""

import json

import pytest

from npft import load, material, tour
from npft.embed import compare as embeddings
from npft.pretrain.objectives import MaskedLM
from npft.recipes import check_out


@pytest.fixture
def small(monkeypatch):
    """A tour of seconds: little text, few steps, one task, all in this process."""
    for name, value in (
        ("DOCUMENTS", 60), ("STEPS", 10), ("EPOCHS", 2), ("SEEDS", 2),
        ("TASKS", (("topic", 32), ("sms", 160))), ("FORGETTING", ("rate 1e-3", "frozen body")),
    ):
        monkeypatch.setattr(tour, name, value)
    monkeypatch.setattr(material, "DOCUMENTS", 60)
    monkeypatch.setattr(material, "HELD_OUT", 20)
    monkeypatch.setattr(tour, "sweep", lambda function, cells: [function(c) for c in cells])
    monkeypatch.setattr(embeddings, "HELD_OUT", 60)
    monkeypatch.setattr(embeddings, "PAIRS", 40)


def silent(label):
    return None


def test_the_same_seed_gives_the_same_results_and_all_files(small, tmp_path):
    found = []
    for name in ("a", "b"):
        out = tmp_path / name
        results = tour.tour(out=out, fast=True, progress=silent)
        found.append((out / "results.json").read_bytes())
        assert json.loads(found[-1]) == json.loads(json.dumps(results))
        figures = {p.name for p in out.glob("*.png")}
        assert figures == {"mlm.png", "regimes.png", "forgetting.png", "cone.png"}
        assert isinstance(load(out / "body"), MaskedLM)
        assert (out / "timings.json").exists() and (out / "history.json").exists()
    assert found[0] == found[1]
    table = results["table"]
    for words in ("head only", "bag of words", "rate 1e-3", "simcse 0.1", "below the unigram"):
        assert words in table
    frozen = [c for c in results["cells"] if c.get("method") == "frozen body"]
    assert all(len(set(c["curve"]["mlm_loss"])) == 1 for c in frozen)


def test_a_folder_that_is_a_file_is_refused_before_any_work(tmp_path):
    path = tmp_path / "file"
    path.write_text("x", encoding="utf-8")
    with pytest.raises(Exception, match="is a file"):
        check_out(path / "inside")
