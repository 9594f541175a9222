"""Joint early stopping: what is within the allowance, what is put back, and its two ends."""

import numpy as np
import pytest

from npft.errors import ConfigError
from npft.finetune.train import evaluate, fine_tune, rank_of
from npft.forgetting.early_stop import WithinAllowance, fine_tune_within
from npft.nn.fit import fit
from npft.nn.history import History
from npft.nn.layers import Linear
from npft.nn.optim import SGD


class Line(Linear):
    """One weight that each step of SGD at rate 1 makes larger by 1."""

    def __init__(self):
        super().__init__(1, 1, std=0.0, rng=np.random.default_rng(0))

    def loss(self, batch, rng):
        return (self(np.ones((1, 1), np.float32)) * -1.0).sum(), {}


def run_of(costs, ranks, allowed, patience=None):
    """The steps of a run that measures after each, and the weight that is put back."""
    model, costs, ranks = Line(), iter(costs), iter(ranks)
    model.bias.requires_grad = False
    kept = WithinAllowance(model, lambda: (next(ranks),), lambda: next(costs), allowed, patience)
    steps = fit(model, [0] * 9, SGD([model.weight], lr=1.0), History(), steps=4, every=1,
                schedule=lambda step: 1.0, stop=kept.stop, rng=np.random.default_rng(0))
    done = [step.step for step in steps]
    kept.restore()
    return done, float(model.weight.data[0, 0])


@pytest.mark.parametrize("costs, ranks, allowed, steps, weight", [
    ([0.1, 0.2, 0.3, 0.4], [1, 3, 2, 2], np.inf, 4, 2),  # the best of all
    ([0.1, 0.2, 0.3, 0.4], [1, 2, 3, 4], 0.3, 4, 3),  # as much as is allowed is allowed
    ([0.1, 0.4, 0.1, 0.1], [1, 2, 9, 9], 0.3, 2, 1),  # what comes back later comes too late
    ([0.4, 0.1, 0.1, 0.1], [9, 9, 9, 9], 0.3, 1, 0),  # the weights of the start
    ([-0.1, 0.0, 0.1, 0.1], [1, 2, 9, 9], 0.0, 3, 2),
    ([0.0, 0.0, 0.0, 0.0], [5, 5, 5, 5], 0.0, 4, 1),  # the first of equals
])
def test_the_best_within_the_allowance_by_hand(costs, ranks, allowed, steps, weight):
    done, found = run_of(costs, ranks, allowed)
    assert done == list(range(1, steps + 1)) and found == weight


def test_patience_may_end_it_earlier():
    assert run_of([0.1] * 4, [2, 1, 1, 1], 1.0, patience=2) == ([1, 2, 3], 1.0)


# ---- fine-tuning ----


def within(small, model, mlm, allowed, seed=0, train=None, **options):
    options = {"epochs": 6, "batch_size": 16, "lr": 1e-2, **options}
    return fine_tune_within(
        model, mlm, small.train if train is None else train, small.probe, validation=small.test,
        allowed=allowed, **options, rng=np.random.default_rng(seed))


def test_no_limit_is_fine_tuning_with_a_validation_set_bit_for_bit(small, bits):
    (plain, _), (free, mlm) = small.models(dropout=0.1), small.models(dropout=0.1)
    expected = fine_tune(plain, small.train, validation=small.test, epochs=3, batch_size=16,
                         lr=1e-2, rng=np.random.default_rng(0))
    history = within(small, free, mlm, np.inf, epochs=3)
    assert bits(free) == bits(plain)
    for name in expected.metrics:
        np.testing.assert_array_equal(history[name], expected[name])
    assert history["mlm_loss"][-1] > history["mlm_loss"][0]


def test_nothing_allowed_forgets_nothing(small, bits):
    model, mlm = small.models()
    before = bits(model)
    history = within(small, model, mlm, 0.0, every=1)
    rises = history["mlm_loss"] - history["mlm_loss"][0]
    assert rises[-1] > 0 and (rises[:-1] <= 0).all()  # it ends at the first rise
    assert mlm.measure(small.probe)["mlm_loss"] <= history["mlm_loss"][0]
    assert (bits(model) == before) == (len(rises) == 2)


def test_it_ends_beyond_the_allowance_and_leaves_the_best_within_it(small):
    model, mlm = small.models()
    history = within(small, model, mlm, 0.1, every=1)
    rises = history["mlm_loss"] - history["mlm_loss"][0]
    assert rises[-1] > 0.1 and (rises[:-1] <= 0.1).all() and 3 < len(rises) < 24
    rank = rank_of(evaluate(model, small.test))
    assert mlm.measure(small.probe)["mlm_loss"] - history["mlm_loss"][0] <= 0.1
    ranks = list(zip(history["f1"], -history["val_loss"]))
    assert rank == max(ranks[1:-1])


def test_forgetting_is_counted_from_step_0_and_patience_may_end_it_earlier(small, monkeypatch):
    model, mlm = small.models()
    losses = [2.0, 1.0, 1.5, 2.4, 2.6, 1.0]
    for patience, rows in ((None, 5), (1, 3)):
        known = iter(losses)
        monkeypatch.setattr(type(mlm), "measure", lambda *_: {"mlm_loss": next(known)})
        # at so low a rate no weight moves, and no row is better than the first
        history = within(small, model, mlm, 0.5, every=1, lr=1e-12, patience=patience)
        assert history["mlm_loss"].tolist() == losses[:rows]


def test_a_run_broken_off_keeps_the_allowance(small, bits):
    def stop(step, total, message):
        if step == 3:
            raise KeyboardInterrupt

    model, mlm = small.models()
    before = bits(model)
    with pytest.raises(KeyboardInterrupt):
        within(small, model, mlm, 1.0, progress=stop)
    assert bits(model) == before and not model.training  # nothing was measured but step 0


# ---- what is refused ----


@pytest.mark.parametrize("allowed", [-0.1, np.nan, -np.inf, "much", np.ones(2)])
def test_an_allowance_that_is_none_is_refused(small, bits, allowed):
    model, mlm = small.models()
    before = bits(model)
    with pytest.raises(ConfigError, match="fine_tune_within: allowed is "):
        within(small, model, mlm, allowed)
    assert bits(model) == before


def test_models_that_do_not_share_their_encoder_are_refused(small):
    (model, _), (_, other) = small.models(), small.models()
    with pytest.raises(ConfigError, match="fine_tune_within: model and mlm have different enc"):
        within(small, model, other, 1.0)
    with pytest.raises(ConfigError, match="the heads of the model are classes; give the one with the masked-token"):
        within(small, model, model, 1.0)
