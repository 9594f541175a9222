"""One cell of the comparison of tasks in company: what it reads and returns; it repeats."""

import numpy as np
import pytest

from npft.errors import ConfigError
from npft.experiments import multi_task
from npft.experiments.multi_task import SIZE, make_task, multi_task_cell, read_over
from npft.heads.tags import Tags
from npft.text.batch import Batch


@pytest.fixture
def cell(monkeypatch):
    """A cell of two steps and few tests, on the bundled body."""
    monkeypatch.setattr(multi_task, "TEST_SIZE", 20)
    labels = {"topic": 8, "entities": 6}
    return {"labels": labels, "weights": {}, "steps": 2, "seed": 1, "body": "tinyworld"}


def test_random_labels_are_those_of_sentiment_with_half_of_them_turned():
    right, _ = make_task("sentiment", 40, seed=3)
    wrong, _ = make_task("random", 40, seed=3)
    assert wrong.texts == right.texts and (wrong.labels != right.labels).sum() == 20


def test_a_task_of_the_clinic_has_the_tags_of_the_general_one_and_other_words():
    general, _ = make_task("entities", 40, seed=0)
    clinic, _ = make_task("clinic_entities", 40, seed=0)
    assert clinic.tag_names == general.tag_names
    words = [{w for row in tagged.words for w in row} for tagged in (general, clinic)]
    assert len(words[1] - words[0]) > 40


def test_the_test_side_has_no_text_of_training():
    for name in ("topic", "sentiment", "nli"):
        train, test = make_task(name, 60, seed=0)
        assert not set(train.texts) & set(test.texts)


def test_few_labels_are_read_over_and_over_as_often_as_each_other():
    batch = Batch([4, 5, 5, 6], [0, 1, 3, 4], labels=[0, 1, 2])
    many = read_over(batch, 7)
    assert many.labels.tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert np.bincount(many.ids).tolist() == [0, 0, 0, 0, 3, 4, 2]


def test_every_step_reads_as_many_examples_of_each_task_however_many_labels_it_has(
    cell, monkeypatch
):
    seen = []
    fine_tune = multi_task.fine_tune

    def watched(model, train, **options):
        loss = model.packs

        def packs(batch, size=None):
            seen.append({name: len(part) for name, part in batch.items()})
            return loss(batch, size)

        model.packs = packs
        return fine_tune(model, train, **options)

    monkeypatch.setattr(multi_task, "fine_tune", watched)
    multi_task_cell(cell)
    multi_task_cell(cell | {"labels": {"topic": 8}})
    both, alone = {"topic": SIZE, "entities": SIZE}, {"topic": SIZE}
    assert seen == [both, both, alone, alone]


def test_a_cell_returns_the_score_of_each_task_and_repeats_it(cell):
    found = multi_task_cell(cell)
    assert {k: v for k, v in found.items() if k != "scores"} == cell
    assert found["scores"].keys() == cell["labels"].keys()
    assert all(0 <= score <= 1 for score in found["scores"].values())
    assert multi_task_cell(cell) == found
    assert multi_task_cell(cell | {"weights": {"topic": 30.0}})["scores"] != found["scores"]


def test_a_helper_without_weight_leaves_the_body_to_the_others(cell, monkeypatch):
    """With weight 0 the helper's labels change nothing that the target sees."""
    bodies = []
    fine_tune = multi_task.fine_tune

    def watched(model, train, **options):
        assert isinstance(model.heads["entities"], Tags)
        fine_tune(model, train, **options)
        bodies.append(model.encoder.state_dict())

    monkeypatch.setattr(multi_task, "fine_tune", watched)
    make = multi_task.make_task
    for wrong in (False, True):
        def made(name, n, seed, wrong=wrong):
            train, test = make(name, n, seed)
            return (train[::-1] if wrong and name == "entities" else train), test

        monkeypatch.setattr(multi_task, "make_task", made)
        multi_task_cell(cell | {"weights": {"entities": 0.0}})
    one, two = bodies
    for name, weights in one.items():
        np.testing.assert_allclose(weights, two[name], atol=1e-6, err_msg=name)


def test_a_cell_without_tasks_is_refused(cell):
    with pytest.raises(ConfigError, match="no tasks"):
        multi_task_cell(cell | {"labels": {}})


def test_a_cell_leaves_the_callers_threads_and_memory_as_they_were(cell, same_process):
    with same_process(3):
        multi_task_cell(cell)
