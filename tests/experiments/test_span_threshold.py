"""One cell of the threshold of spans: its curve is what a tagger at each threshold says."""

import json
from pathlib import Path

import numpy as np
import pytest

from npft import SpanTagger, TinyWorld, evaluate, fine_tune, load
from npft.experiments import span_threshold
from npft.experiments.span_threshold import GRID, steps_at, threshold_cell
from npft.heads.thresholds import threshold_curve

RESULTS = Path(__file__).parents[2] / "figures" / "span_threshold.json"


def test_the_curve_at_a_threshold_is_what_the_tagger_with_this_threshold_scores():
    world, rng = TinyWorld(0), np.random.default_rng(0)
    train, test = world.task("entities", 40, seed=1), world.task("entities", 60, seed=2, test=True)
    kinds = sorted({kind for row in train.spans for _, _, kind in row})
    tagger = SpanTagger(load("tinyworld").body, kinds, rng=rng)
    fine_tune(tagger, tagger.batch_of(train), epochs=10, lr=3e-3, rng=rng)
    batch = tagger.batch_of(test)
    curve = threshold_curve(tagger, batch)
    for threshold in (-0.9, 0.0, 0.5):
        step = steps_at(curve, (threshold,))[0]
        tagger.head().threshold = float(curve.thresholds[step])
        exact = evaluate(tagger, batch)
        assert curve.precision[step] == pytest.approx(exact.precision, abs=1e-12)
        assert curve.recall[step] == pytest.approx(exact.recall, abs=1e-12)
        tagger.head().threshold = threshold  # at most the spans of one margin from that step
        assert evaluate(tagger, batch).recall == pytest.approx(exact.recall, abs=0.01)


def test_a_cell_has_the_curve_and_both_calibrated_thresholds_and_repeats(monkeypatch):
    monkeypatch.setattr(span_threshold, "TEST", 30)
    monkeypatch.setattr(span_threshold, "HELD_OUT", 15)
    cell = {"seed": 0, "n": 20, "epochs": 4}
    found = threshold_cell(cell)
    assert found == threshold_cell(cell)
    assert all(len(found[name]) == len(GRID) for name in ("precision", "recall", "f1"))
    assert found["recall"] == sorted(found["recall"], reverse=True)
    assert list(found["at"]) == ["0", "known names", "new names"]
    assert found["at"]["0"]["threshold"] == 0
    assert all(found["best"] >= at["f1"] - 1e-12 for at in found["at"].values())


def test_on_the_committed_seeds_precision_rises_and_calibration_comes_to_the_same_f1():
    for cell in json.loads(RESULTS.read_text(encoding="utf-8")):
        coarse = np.array(cell["precision"])[::6]  # thresholds 0.3 apart
        assert (np.diff(coarse) > 0).all()
        assert all(abs(cell["at"]["0"]["f1"] - at["f1"]) < 0.02 for at in cell["at"].values())
