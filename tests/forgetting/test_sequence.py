"""Tasks one after another: the training is that of fine_tune, and each score is the model's own."""

import dataclasses

import numpy as np
import pytest

from npft.encoder.model import Model, copy_of
from npft.errors import ConfigError, DataError
from npft.finetune.regimes import freeze_body
from npft.finetune.train import evaluate, fine_tune
from npft.forgetting.anchors import L2ToInit
from npft.forgetting.sequence import joint_scores, train_sequence
from npft.heads.classes import Classes
from npft.nn.repair import Repair

WORDS = {"animal": ("cat", "dog"), "colour": ("red", "pink"), "food": ("tea", "soup")}
OPTIONS = {"epochs": 2, "batch_size": 8, "lr": 1e-2}


def task(tok, pair, n, seed):
    """Texts of the words of all topics but two, one of which stands in each: which?"""
    rng = np.random.default_rng(seed)
    others = ["cow", "blue", "rice"]
    labels = np.arange(n) % 2
    texts = [" ".join(rng.permutation([*rng.choice(others, 4), pair[k]])) for k in labels]
    return tok(texts, labels=labels)


def tasks_of(small, *names):
    return {name: (task(small.tok, WORDS[name], 24, 1), task(small.tok, WORDS[name], 20, 2))
            for name in names or WORDS}


def models(small, dropout=0.0, names=tuple(WORDS)):
    """A model with a head for each task, and the masked language model on the same body."""
    mlm = small.models(dropout=dropout)[1]
    rng = np.random.default_rng(3)
    heads = {name: Classes(mlm.encoder, ["no", "yes"], rng=rng) for name in names}
    return Model(mlm.encoder, heads), mlm


def run(small, model, seed=0, tasks=None, **options):
    rng = np.random.default_rng(seed)
    return train_sequence(model, tasks or tasks_of(small), rng=rng, **OPTIONS | options)


def f1(model, name, test):
    return evaluate(model, {name: test})[name].f1


# ---- the training ----


def test_it_is_fine_tune_on_one_task_after_another_bit_for_bit(small, bits):
    (model, _), (plain, _) = models(small, dropout=0.2), models(small, dropout=0.2)
    tasks, rng = tasks_of(small), np.random.default_rng(7)
    run(small, model, seed=7)
    for name in tasks:
        fine_tune(plain, {name: tasks[name][0]}, rng=rng, **OPTIONS)
    assert bits(model) == bits(plain) != bits(models(small)[0])


@pytest.mark.parametrize("options", [{"every": 1}, {"every": 100}, {"probe_epochs": 1}])
def test_measuring_and_probing_change_nothing_of_the_training(small, bits, options):
    (model, _), (other, mlm) = models(small, dropout=0.2), models(small, dropout=0.2)
    run(small, model)
    run(small, other, mlm=mlm, probe=small.probe, **options)
    assert bits(model) == bits(other)


def test_a_head_moves_only_while_its_own_task_is_trained(small):
    model, _ = models(small)
    seen = []

    class Watch(Repair):
        def before_step(self, model, batch):
            seen.append([h.linear.weight.numpy().tobytes() for h in model.heads.values()])

    run(small, model, repairs=lambda i: [Watch()])
    steps = len(seen) // 3
    for i in range(3):
        during = [{row[k] for row in seen[i * steps + 1 : (i + 1) * steps + 1]} for k in range(3)]
        assert [len(found) > 1 for found in during] == [k == i for k in range(3)]


def test_repairs_are_made_for_each_task_when_the_body_is_as_the_one_before_left_it(small, bits):
    model, _ = models(small)
    before, calls = bits(model.encoder), []

    def repairs(i):
        calls.append((i, bits(model.encoder)))
        return [L2ToInit(model, 1e6, decoupled=True)] if i == 2 else []

    result = run(small, model, repairs=repairs)
    assert [i for i, _ in calls] == [0, 1, 2] and calls[0][1] == before
    assert len({body for _, body in calls}) == 3
    assert result.matrix.r[2, :2] == pytest.approx(result.matrix.r[1, :2], abs=0.05)  # held fast


def test_a_frozen_body_forgets_nothing_for_each_task_has_its_own_head(small):
    model, mlm = models(small)
    freeze_body(model)
    found = run(small, model, mlm=mlm, probe=small.probe, every=1)
    assert found.matrix.backward_transfer == found.path.stability_gap == 0
    assert len(set(found.mlm_loss)) == 1


# ---- what is measured ----


def test_each_score_is_what_the_model_has_after_that_task(small):
    model, mlm = models(small)
    tasks, rows, losses = tasks_of(small), [], []

    def look(i):
        rows.append([f1(model, name, test) for name, (_, test) in tasks.items()])
        losses.append(mlm.measure(small.probe)["mlm_loss"])
        return ()

    found = run(small, model, mlm=mlm, probe=small.probe, repairs=look)
    look(3)
    r = np.array(rows[1:])
    lower = np.tril_indices(3)
    assert found.tasks == tuple(WORDS) and found.matrix.r[lower].tolist() == r[lower].tolist()
    assert np.isnan(found.matrix.r[np.triu_indices(3, 1)]).all()
    assert found.mlm_loss.tolist() == losses and losses[-1] > losses[0]


def test_the_path_counts_steps_through_all_tasks(small):
    model, _ = models(small)
    tasks = tasks_of(small)
    start = f1(model, "animal", tasks["animal"][1])
    found = run(small, model, every=4)  # 24 examples in batches of 8, 2 epochs: 6 steps a task
    assert found.path.step.tolist() == [0, 4, 6, 10, 12, 16, 18]
    assert found.path.ends.tolist() == [6, 12, 18]
    begun = ~np.isnan(found.path.scores)
    assert begun.sum(axis=0).tolist() == [7, 4, 2]
    assert found.path.scores[0, 0] == start
    np.testing.assert_array_equal(found.path.at_ends, found.matrix.r)


def test_measured_every_step_the_worst_of_the_path_is_no_better(small):
    often, seldom = (run(small, models(small)[0], every=n) for n in (1, 100))
    assert np.array_equal(often.matrix.r, seldom.matrix.r, equal_nan=True)
    assert often.path.min_accuracy <= seldom.path.min_accuracy
    assert often.path.stability_gap >= seldom.path.stability_gap == 0


def test_without_a_pretrained_model_there_is_no_masked_token_loss(small):
    found = run(small, models(small)[0], tasks=tasks_of(small, "food"))
    assert found.mlm_loss is None and found.tasks == ("food",)
    assert found.matrix.r.shape == (1, 1)


def test_forward_transfer_is_read_by_probes_that_differ_by_the_body_alone(small):
    model, _ = models(small)
    freeze_body(model)  # the body stays, so a task is as easy before its training as at the start
    found = run(small, model, probe_epochs=2)
    assert found.matrix.before.shape == (3,) and found.matrix.ahead.shape == (2,)
    assert found.matrix.ahead.tolist() == found.matrix.before[1:].tolist()
    assert found.matrix.forward_transfer == 0
    trained = run(small, models(small)[0], probe_epochs=2)
    assert trained.matrix.before.tolist() == found.matrix.before.tolist()
    assert np.isfinite(trained.matrix.forward_transfer)
    with pytest.raises(ConfigError, match="probe_epochs"):
        run(small, models(small)[0]).matrix.forward_transfer  # noqa: B018


def test_joint_scores_are_those_of_training_on_all_tasks_so_far(small, bits):
    model, _ = models(small)
    tasks = tasks_of(small, "animal", "food")
    before = bits(model)
    joint = joint_scores(model, tasks, rng=np.random.default_rng(0), **OPTIONS)
    assert bits(model) == before and joint.shape == (2,)
    rng, learner = np.random.default_rng(0), copy_of(model)
    fine_tune(learner, {"animal": tasks["animal"][0]}, rng=rng, **OPTIONS)
    assert joint[0] == f1(learner, "animal", tasks["animal"][1])
    learner = copy_of(model)
    fine_tune(learner, {name: data[0] for name, data in tasks.items()}, rng=rng, **OPTIONS)
    assert joint[1] == f1(learner, "food", tasks["food"][1])
    found = run(small, model, tasks=tasks)
    matrix = dataclasses.replace(found.matrix, joint=joint)
    assert matrix.intransigence[0] == joint[0] - found.matrix.r[0, 0]


# ---- what is refused ----


def test_tasks_that_cannot_be_trained_are_refused_before_anything_moves(small, bits):
    model, mlm = models(small)
    before, tasks = bits(model), tasks_of(small)
    train, test = tasks["food"]
    for given, error, words in [
        ({}, ConfigError, "tasks are no dict with a task in it"),
        ([train], ConfigError, "tasks are no dict"),
        ({"food": train}, ConfigError, r"'food' is no pair \(train, test\)"),
        ({"sport": (train, test)}, ConfigError, "head is 'sport', expected one of animal"),
        ({"food": (train, test.replace(labels=None))}, DataError, "no labelled example"),
        ({"food": (train, ["tea"])}, DataError, "the data are a list, expected a Batch"),
    ]:
        for measure in (train_sequence, joint_scores):
            with pytest.raises(error, match=words):
                measure(model, given, rng=np.random.default_rng(0))
    for options, words in [
        ({"mlm": mlm}, "mlm and probe belong together"),
        ({"probe": small.probe}, "mlm and probe belong together"),
        ({"mlm": small.models()[1], "probe": small.probe}, "have different encoders"),
        ({"mlm": model, "probe": small.probe}, "heads of the model are animal, colour, food; give"),
        ({"probe_epochs": -1}, "probe_epochs is -1, expected a whole number, 0 or more"),
        ({"every": 0}, "every is 0"), ({"epochs": 0}, "epochs is 0"),
    ]:
        with pytest.raises(ConfigError, match=words):
            run(small, model, **options)
    assert bits(model) == before
