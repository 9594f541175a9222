"""Thresholds: the curve against a loop, the best one, precision that rises with it, files."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.errors import ConfigError, DataError
from npft.finetune.train import evaluate
from npft.heads.answers import Answers, SpanFinder
from npft.heads.classes import Classifier
from npft.heads.span_tags import SpanTagger, SpanTags
from npft.heads.thresholds import calibrate, steps_of, threshold_curve
from npft.text.batch import Batch


def body(seed=0):
    config = EncoderConfig(vocab_size=50, hidden_size=8, num_layers=1, num_heads=2,
                           intermediate_size=8, max_positions=32, dropout=0.0, init_std=0.3)
    return Encoder(config, rng=np.random.default_rng(seed))


def tagger(seed=0):
    return SpanTagger(body(seed), ["A", "B"], rng=np.random.default_rng(seed))


def tagged(seed=0, n=6):
    """Sequences of 2 to 6 words, a token each, with random spans of which some are cut off."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(2, 7, n)
    words = np.concatenate([np.arange(length) for length in lengths])
    spans = []
    for length in lengths:
        own = {(0, int(rng.integers(0, length))), (1, 1)}
        spans.append([(i, j, int(rng.integers(2))) for i, j in own])
    spans[0] += [(-2, -2, 0), (-2, -2, 0)]  # two of one type, of which the curve counts both
    ids = rng.integers(0, 50, lengths.sum())
    return Batch(ids, np.append(0, np.cumsum(lengths)), words=words, typed_spans=spans)


def asked(seed=0, n=12):
    """Questions of one token and passages of 2 to 5, some without an answer, one cut off."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(4, 8, n)
    ends = [sorted(rng.integers(1, length - 1, 2).tolist()) for length in lengths]
    spans = [(-1, -1) if rng.random() < 0.4 else tuple(e) for e in ends]
    spans[:3] = [(-1, -1), (1, 1), (-2, -2)]
    types = np.concatenate([np.arange(length) >= 1 for length in lengths]).astype(int)
    ids = rng.integers(0, 50, lengths.sum())
    return Batch(ids, np.append(0, np.cumsum(lengths)), token_types=types, spans=spans)


CASES = {
    "span_tags": (tagger, tagged),
    "answers": (lambda seed: SpanFinder(body(seed), True, rng=np.random.default_rng(seed)), asked),
}


@given(st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.25, 0.25, 1.0]), max_size=8))
def test_every_way_to_cut_the_margins_has_one_threshold_in_falling_order(margins):
    thresholds, called = steps_of(np.array(margins))
    assert (np.diff(thresholds) < 0).all() and (np.diff(called) > 0).all()
    assert called.tolist() == [sum(m > t for m in margins) for t in thresholds]
    assert called[0] == 0 and called[-1] == len(margins)
    assert len(called) == len(set(margins)) + 1


def test_margins_that_differ_in_their_last_bit_are_still_told_apart():
    low = np.float64(0.5)
    for _ in range(2):  # the middle of neighbours is rounded down, or up
        high = np.nextafter(low, 1)
        thresholds, called = steps_of(np.array([low, high]))
        assert called.tolist() == [sum(m > t for m in (low, high)) for t in thresholds] == [0, 1, 2]
        low = high


def test_neighbours_are_told_apart_also_where_they_are_not_the_largest():
    low = 1.0
    for _ in range(2):
        high = np.nextafter(low, 2)
        thresholds, called = steps_of(np.array([low, high, 3.0]))
        assert thresholds[2] == low and called.tolist() == [0, 1, 2, 3]  # high is above, low is not
        low = high


@pytest.mark.parametrize("kind", CASES)
@pytest.mark.parametrize("seed", range(4))
def test_the_curve_is_what_evaluate_gives_at_each_of_its_thresholds(kind, seed):
    make, data = CASES[kind]
    model, batch = make(seed), data(seed)
    curve = threshold_curve(model, batch)
    assert len(curve.thresholds) > 3
    for threshold, f1 in zip(curve.thresholds, curve.f1):
        model.head().threshold = float(threshold)
        assert evaluate(model, batch).f1 == pytest.approx(f1, abs=1e-12)
    if kind == "span_tags":
        for k in range(len(curve.thresholds)):
            model.head().threshold = float(curve.thresholds[k])
            found = evaluate(model, batch)
            assert (found.precision, found.recall) == (curve.precision[k], curve.recall[k])


@pytest.mark.parametrize("kind", CASES)
def test_calibration_sets_the_threshold_of_the_best_f1(kind):
    make, data = CASES[kind]
    model, batch = make(1), data(1)
    before = evaluate(model, batch).f1
    best = calibrate(model, batch)
    assert model.head().threshold == best and model.head().options()["threshold"] == best
    curve = threshold_curve(model, batch)
    assert evaluate(model, batch).f1 == pytest.approx(curve.f1.max(), abs=1e-12)
    assert curve.f1.max() >= before


def test_recall_never_falls_as_the_threshold_does_and_from_none_to_all_precision_goes_down():
    # spans whose margin tells: the surer, the likelier right
    model, batch = tagger(), tagged()
    head, rng = model.head(), np.random.default_rng(0)
    rated = np.empty(len(batch), dtype=object)
    for row, own in enumerate(batch.typed_spans):
        gold = [(*span, rng.uniform(0.2, 0.9)) for span in own.tolist() if span[0] >= 0]
        wrong = [(3, 3, k % 2, rng.uniform(-0.9, 0.5)) for k in range(4)]
        rated[row] = np.array(sorted([*gold, *wrong], key=lambda r: -r[3]))
    curve = head.curve(rated, batch)
    assert (np.diff(curve.recall) >= 0).all()
    said = curve.recall > 0
    high, low = curve.precision[said][:4].mean(), curve.precision[said][-4:].mean()
    assert high > 0.9 and low < high - 0.2
    assert 0 < curve.best < 0.6


def test_a_threshold_lies_in_the_middle_between_neighbours():
    assert steps_of(np.array([2.0, 4.0, 0.0, 2.0]))[0].tolist() == [4.0, 3.0, 1.0, -0.25]


def test_where_nothing_is_to_be_found_recall_and_f1_are_0():
    model, batch = tagger(), tagged().replace(typed_spans=[[]] * 6)
    curve = threshold_curve(model, batch)
    assert set(curve.recall) == set(curve.f1) == {0.0}


def test_gold_that_is_cut_off_counts_in_recall():
    model, batch = tagger(), tagged()
    n = sum(len(own) for own in batch.typed_spans)
    rated = np.empty(len(batch), dtype=object)
    rated[:] = [np.array([(*s, 0.5) for s in own.tolist() if s[0] >= 0]).reshape(-1, 4)
                for own in batch.typed_spans]
    assert model.head().curve(rated, batch).recall[-1] == (n - 2) / n


def test_where_nothing_can_be_said_the_curve_has_one_step():
    model, batch = tagger(), tagged()
    rated = np.empty(len(batch), dtype=object)
    rated[:] = [np.zeros((0, 4))] * len(batch)
    curve = model.head().curve(rated, batch)
    assert [part.tolist() for part in curve] == [[0.0], [0.0], [0.0], [0.0]] and curve.best == 0


def test_a_head_without_a_threshold_and_data_without_labels_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ConfigError, match="Classes has no threshold to calibrate"):
        calibrate(Classifier(body(), 2, rng=rng), asked().replace(labels=np.zeros(12, int)))
    with pytest.raises(ConfigError, match="always answers, and has no threshold"):
        calibrate(SpanFinder(body(), rng=rng), asked())
    with pytest.raises(DataError, match="no typed_spans"):
        calibrate(tagger(), tagged().replace(typed_spans=None))
    with pytest.raises(DataError, match="the data are a list, expected a Batch"):
        calibrate(tagger(), [["in", "Oslo"]])
    for find in (calibrate, threshold_curve):
        for model in (None, 3, body()):
            with pytest.raises(ConfigError, match="threshold: model is .*, expected an encoder with"):
                find(model, tagged())


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, "0", None, True, 10**400])
def test_what_is_no_finite_number_is_no_threshold(value):
    with pytest.raises(ConfigError, match="threshold is .*expected a finite number"):
        SpanTags(body(), ["A"], threshold=value, rng=np.random.default_rng(0))
    with pytest.raises(ConfigError, match="Answers: threshold is .*expected a finite number"):
        Answers(body(), True, value, rng=np.random.default_rng(0))
