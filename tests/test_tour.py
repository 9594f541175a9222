"""The tour, shrunk: it writes what it promises, twice the same."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from npft import load
from npft.files.output import check_out
from npft.heads.words import MaskedLM
from npft.tour import Sizes, tour

SMALL = Sizes(
    documents=60, held_out=20, steps=10, seeds=2, epochs=2, contrast=6,
    tasks=(("topic", 32), ("sms", 160)), methods=("plain", "frozen body"),
    measured={"sentences": 60, "pairs": 40},
)  # fmt: skip


def silent(label):
    return None


def test_the_same_seed_gives_the_same_results_and_all_files(tmp_path):
    found = []
    for name in ("a", "b"):
        out = tmp_path / name
        with ThreadPoolExecutor(1) as executor:
            results = tour(out=out, progress=silent, sizes=SMALL, executor=executor)
        found.append((out / "results.json").read_bytes())
        assert json.loads(found[-1]) == json.loads(json.dumps(results))
        figures = {p.name for p in out.glob("*.png")}
        assert figures == {"mlm.png", "regimes.png", "forgetting.png", "cone.png"}
        assert isinstance(load(out / "body"), MaskedLM)
        assert (out / "timings.json").exists() and (out / "history.json").exists()
    assert found[0] == found[1]
    table = results["table"]
    for words in ("head only", "bag of words", "plain", "simcse 0.1", "below the unigram"):
        assert words in table
    frozen = [c for c in results["cells"] if c.get("method") == "frozen body"]
    assert all(len(set(c["curve"]["mlm_loss"])) == 1 for c in frozen)


def test_a_folder_that_is_a_file_is_refused_before_any_work(tmp_path):
    path = tmp_path / "file"
    path.write_text("x", encoding="utf-8")
    with pytest.raises(Exception, match="is a file"):
        check_out(path / "inside")
