"""When to tune: what each way learns from, and where training all is the best of them."""

import json

import numpy as np
import pytest

from npft.errors import ConfigError
from npft.experiments import when_to_tune
from npft.experiments.when_to_tune import (
    NUMBERS,
    TASKS,
    TIERS,
    WAYS,
    best_ways,
    curve_of,
    question,
    task_of,
    tune_from,
    when_cell,
    when_cells,
    when_table,
)


@pytest.fixture
def few_tests(monkeypatch):
    monkeypatch.setattr(when_to_tune, "TEST_SIZE", 60)
    monkeypatch.setattr(when_to_tune, "STEPS", 2)
    monkeypatch.setattr(when_to_tune, "EPOCHS", 1)


@pytest.mark.parametrize("way", WAYS)
def test_a_cell_returns_itself_with_f1_and_repeats_it(few_tests, way):
    cell = {"task": "topic", "way": way, "n": 8, "seed": 1}
    found = when_cell(cell)
    assert {k: v for k, v in found.items() if k != "f1"} == cell and 0 <= found["f1"] <= 1
    assert json.loads(json.dumps(found)) == found == when_cell(cell)


def test_what_pretraining_knew_needs_no_label_and_other_vectors_come_close(few_tests):
    none = when_cell({"task": "topic", "way": "prompt", "n": 0, "seed": 0})["f1"]
    assert none > 0.9
    for way in ("centroid", "logistic"):
        assert when_cell({"task": "topic", "way": way, "n": 32, "seed": 0})["f1"] > 0.8
    assert when_cell({"task": "sentiment", "way": "prompt", "n": 0, "seed": 0})["f1"] < 0.7


@pytest.mark.parametrize("task", TASKS)
def test_the_labelled_texts_are_as_many_as_asked_of_all_classes_and_none_is_a_test_text(task):
    for n in (0, 2, 32):
        train, test = task_of(task, n, 3)
        assert len(test) == 500
        if n == 0:
            assert train is None
            continue
        assert len(train) == n and train.label_names == test.label_names
        counts = np.bincount(train.labels, minlength=len(train.label_names))
        assert counts.max() - counts.min() <= 1
        assert not set(train.texts) & set(test.texts)
    other = task_of(task, 32, 4)[0]
    assert other.texts != train.texts
    pattern, words = question(task)
    assert set(words) == set(test.label_names) and "[MASK]" in pattern


def test_a_way_that_needs_labels_is_refused_without():
    with pytest.raises(ConfigError, match="way is 'head' with 0 labels"):
        when_cell({"task": "topic", "way": "head", "n": 0, "seed": 0})
    with pytest.raises(ConfigError, match="way is 'magic'"):
        when_cell({"task": "topic", "way": "magic", "n": 2, "seed": 0})
    with pytest.raises(ConfigError, match="task is 'news', expected one of topic"):
        when_cell({"task": "news", "way": "head", "n": 2, "seed": 0})


def made(f1):
    return [c | {"seed": s, "f1": f1(c["way"], NUMBERS.index(c["n"])) + 0.01 * s}
            for c in when_cells() for s in range(3)]


def test_training_all_is_advised_where_it_is_clearly_best_from_there_on():
    cells = made(lambda way, k: 0.1 * k if way == "full" else 0.35)
    assert tune_from(cells, "topic") == NUMBERS[4] == 320
    assert best_ways(cells, "topic")[2] == ["prompt", "centroid", "logistic", "head", "words"]
    assert curve_of(cells, "topic", "full")[32] == pytest.approx([0.2, 0.21, 0.22])
    assert tune_from(made(lambda way, k: 0.5), "topic") is None
    late = made(lambda way, k: 0.9 if way == "head" and k == 5 or way == "full" else 0.1)
    assert tune_from(late, "topic") == NUMBERS[6]  # at 1,000 labels the head is as good
    assert "| topic | full |  | 0.11 | 0.21 |" in when_table(cells)


def test_every_number_of_labels_but_none_stands_in_one_tier():
    for n in NUMBERS:
        assert sum(low <= n <= high for low, high in TIERS.values()) == 1
