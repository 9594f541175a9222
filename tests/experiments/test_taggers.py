"""One cell of the comparison of taggers: what is compared, its figures, and that it repeats."""

import pytest

from npft.errors import ConfigError
from npft.experiments import taggers
from npft.experiments.taggers import TAGGERS, run_cell, spans_said


@pytest.fixture
def cell(monkeypatch):
    """A cell of a few texts."""
    monkeypatch.setattr(taggers, "TEST", 20)
    monkeypatch.setattr(taggers, "HELD_OUT", 10)
    return {"tagger": "mean", "seed": 0, "n": 16, "epochs": 1}


@pytest.mark.parametrize("tagger", TAGGERS)
def test_a_cell_has_figures_of_outer_and_of_inner_entities(cell, tagger):
    found = run_cell(cell | {"tagger": tagger})
    assert all(found[key] == value for key, value in cell.items() if key != "tagger")
    for name in ("precision", "recall", "f1", "outer_f1", "inner_f1"):
        assert 0 <= found[name] <= 1
    assert ("threshold" in found) == ("uncalibrated" in found) == (tagger not in ("token", "chain"))


def test_a_cell_repeats_its_figures(cell):
    assert run_cell(cell) == run_cell(cell)


def test_tags_are_read_as_the_entities_they_mark_and_spans_as_they_are():
    class Said:
        def predict(self, texts):
            return [["B-LOC", "I-LOC", "O"], [(0, 2, "ORG"), (0, 1, "LOC")], []]

    assert spans_said(Said(), [[]] * 3) == [{(0, 2, "LOC")}, [(0, 2, "ORG"), (0, 1, "LOC")], []]


def test_an_unknown_tagger_is_refused_with_the_known_ones(cell):
    with pytest.raises(ConfigError, match="tagger is 'crf', expected one of token, chain, mean"):
        run_cell(cell | {"tagger": "crf"})
