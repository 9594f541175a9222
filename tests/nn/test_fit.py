"""The driver: what it measures and when, how it stops, and what it leaves behind."""

import numpy as np
import pytest

from npft.errors import ConfigError, DataError, NonFiniteError
from npft.nn.fit import Best, check_patience, fit, reported
from npft.nn.history import History
from npft.nn.layers import Linear
from npft.nn.optim import SGD


class Line(Linear):
    """Learns y = x; its loss has one named part."""

    def loss(self, x, rng):
        error = self(x) - x
        loss = (error * error).mean()
        return loss, {"square": loss.item()}


def started(steps, every, history=None, **options):
    model = Line(1, 1, std=0.0, rng=np.random.default_rng(0))
    history = History() if history is None else history
    x = np.array([[1.0], [-1.0]], np.float32)
    run = fit(model, iter([x] * 100), SGD(model.parameters(), lr=0.1), history, steps=steps,
              schedule=lambda step: 1.0, every=every, rng=np.random.default_rng(0), **options)
    return model, history, run


def test_it_measures_at_step_0_every_so_many_steps_and_at_the_end():
    model, history, run = started(7, 3, measure=lambda: {"seen": 1.0})
    assert [step.step for step in run] == list(range(1, 8))
    assert history.step.tolist() == [0, 3, 6, 7] == history.at("seen").tolist()
    assert history.metrics == ["seen", "loss", "train_square"]
    assert not model.training


def test_the_losses_of_a_row_are_means_since_the_row_before():
    _, history, run = started(5, 2)
    losses = [step.loss for step in run]
    want = [np.mean(losses[:2]), np.mean(losses[2:4]), losses[4]]
    np.testing.assert_allclose(history["loss"], want, rtol=1e-12)
    np.testing.assert_array_equal(history["loss"], history["train_square"])


def test_a_row_is_there_when_its_step_is_handed_out():
    _, history, run = started(4, 2)
    rows = [len(history.rows) for _ in run]
    assert rows == [0, 1, 1, 2]


def test_stop_is_asked_after_each_row_but_that_of_step_0():
    asked = []
    model, history, run = started(
        10, 2, measure=lambda: {"x": 0.0}, stop=lambda: asked.append(1) or len(asked) == 2
    )
    assert [step.step for step in run][-1] == 4 and len(asked) == 2 and not model.training


def test_a_run_goes_on_behind_the_last_row_of_its_history():
    history = History([{"step": 3, "loss": 1.0}])
    _, history, run = started(5, 1, history=history, measure=lambda: {})
    assert [step.step for step in run] == [4, 5] and history.step.tolist() == [3, 4, 5]


@pytest.mark.parametrize("numbers", [(0, 1), (1, 0), (2.5, 1), (True, 1)])
def test_numbers_that_are_no_counts_are_refused(numbers):
    with pytest.raises(ConfigError, match="training: (steps|every) is"):
        next(started(*numbers)[2])


def test_however_it_ends_the_model_is_in_evaluation_mode():
    model, _, run = started(5, 1)
    next(run)
    assert model.training
    run.close()
    assert not model.training
    model, _, run = started(5, 1)
    model.weight.assign(np.full((1, 1), np.nan, np.float32))
    with pytest.raises(NonFiniteError):
        next(run)
    assert not model.training


def test_progress_hears_of_each_step_with_what_was_measured_last():
    _, history, run = started(3, 2, measure=lambda: {"f1": 0.5})
    said = []
    for _ in reported(run, 3, history, lambda *line: said.append(line)):
        pass
    assert [line[:2] for line in said] == [(1, 3), (2, 3), (3, 3)]
    assert said[-1][2].startswith("loss ") and said[-1][2].endswith("f1 0.500")
    assert "train_square" not in said[-1][2]


def test_the_best_weights_come_back_and_equal_ones_keep_the_earlier():
    model = Line(1, 1, std=0.0, rng=np.random.default_rng(0))
    ranks = iter([(0.1, -3.0), (0.5, -2.0), (0.5, -1.0), (0.5, -1.0), (0.4, 0.0)])
    best = Best(model, lambda: next(ranks))
    for value in range(5):
        model.weight.assign(np.full((1, 1), float(value), np.float32))
        assert best.stop() is False
    best.restore()
    assert model.weight.data.item() == 2.0  # a tie in the first figure is broken by the second


def test_nothing_comes_back_where_nothing_was_measured():
    model = Line(1, 1, std=0.0, rng=np.random.default_rng(0))
    model.weight.assign(np.full((1, 1), 3.0, np.float32))
    Best(model, lambda: (0.0,)).restore()
    assert model.weight.data.item() == 3.0


@pytest.mark.parametrize("patience", [0, -1, 1.5, True])
def test_a_patience_that_is_no_count_is_refused(patience):
    with pytest.raises(ConfigError, match="patience is"):
        Best(Line(1, 1, rng=np.random.default_rng(0)), lambda: (0.0,), patience)


def test_a_patience_needs_something_to_watch():
    check_patience(None, False)
    check_patience(3, True)
    with pytest.raises(ConfigError, match="patience needs held-out data"):
        check_patience(3, False)


def test_a_run_that_is_already_at_its_end_takes_no_step():
    history = History([{"step": 5, "loss": 1.0}])
    model, history, run = started(5, 1, history=history, measure=lambda: {})
    assert list(run) == [] and history.step.tolist() == [5] and not model.training


def test_batches_that_end_too_early_say_so():
    _, history, run = started(101, 50)  # there are 100
    with pytest.raises(DataError, match="the batches ended before step 101"):
        list(run)
    assert history.step.tolist() == [50, 100]


def test_what_is_measured_goes_before_a_mean_of_the_same_name():
    _, history, run = started(2, 1, measure=lambda: {"loss": 7.0})
    list(run)
    assert history["loss"].tolist() == [7.0, 7.0, 7.0]
