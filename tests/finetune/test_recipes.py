"""The regimes by name: each trains what it says at the rates it says, and is one call."""

import numpy as np
import pytest
from small import bits, classifier, layer_bits, separable

from npft.errors import ConfigError, DataError, DtypeError
from npft.finetune.features import cached
from npft.finetune.gradual import GradualUnfreezing
from npft.finetune.recipes import fine_tune_as
from npft.finetune.regimes import LEARNING_RATES, freeze_body, num_trainable, set_regime
from npft.finetune.train import evaluate, fine_tune
from npft.nn.repair import Repair


def tune(regime, model, data=None, seed=0, **options):
    data = separable() if data is None else data
    options = {"epochs": 4, "batch_size": 16, **options}
    return fine_tune_as(model, data, regime, **options, rng=np.random.default_rng(seed))


class Watch(Repair):
    """Writes down the layers that differ from the start, and the rates, after each step."""

    def __init__(self, model):
        self.start, self.model, self.moved, self.rates = layer_bits(model), model, [], []

    def after_step(self, optimizer, factor):
        now = layer_bits(self.model)
        self.moved.append([a != b for a, b in zip(self.start, now)])
        self.rates.append(sorted({group.lr * factor for group in optimizer.groups}))


@pytest.mark.parametrize("regime, layers", [  # of heads, block 1, block 0, embeddings: at the end
    ("head", [True, False, False, False]), ("last", [True, True, False, False]),
    ("full", [True] * 4), ("gradual", [True] * 4), ("ulmfit", [True] * 4), ("lp-ft", [True] * 4),
    ("lora", [True, True, True, False]), ("adapter", [True, True, True, False]),
])
def test_each_regime_changes_its_layers_and_learns(regime, layers):
    assert regime in LEARNING_RATES
    model, data = classifier(layers=2), separable(90)
    before = layer_bits(model)
    tune(regime, model, data, epochs=12, batch_size=10, lr=2e-2 if regime in ("last", "lora") else 4e-2)
    assert [a != b for a, b in zip(before, layer_bits(model))] == layers
    assert evaluate(model, separable(30, seed=1)).accuracy >= 0.8
    assert model.features is None and not any(m.training for m in model.modules())


@pytest.mark.parametrize("regime", ["last", "full"])
def test_a_plain_regime_is_freezing_and_fine_tuning_to_the_bit(regime):
    one, two = classifier(layers=2, dropout=0.1), classifier(layers=2, dropout=0.1)
    history = tune(regime, one, validation=separable(20, seed=2))
    set_regime(two, regime)
    expected = fine_tune(two, separable(), epochs=4, batch_size=16, lr=LEARNING_RATES[regime],
                         validation=separable(20, seed=2), rng=np.random.default_rng(0))
    assert bits(one) == bits(two) and history.rows == expected.rows


def test_the_head_regime_is_training_the_head_on_what_the_body_said_once():
    one, two = classifier(layers=2, dropout=0.1), classifier(layers=2, dropout=0.1)
    history = tune("head", one)
    freeze_body(two)
    with cached(two, separable()):
        expected = fine_tune(two, separable(), epochs=4, batch_size=16, lr=LEARNING_RATES["head"],
                             rng=np.random.default_rng(0))
    assert bits(one) == bits(two) and history.rows == expected.rows


def test_gradual_and_ulmfit_let_one_layer_more_move_each_epoch():
    for regime in ("gradual", "ulmfit"):
        model = classifier(layers=2)
        watch = Watch(model)
        tune(regime, model, repairs=[watch])
        assert watch.moved == [[layer <= step // 4 for layer in range(4)] for step in range(16)]
        assert [len(rates) for rates in watch.rates[::4]] == (
            [1, 2, 3, 4] if regime == "ulmfit" else [1] * 4)


def test_an_epoch_is_longer_where_a_repair_takes_a_part_of_each_batch():
    class Half(Watch):
        name = "half"

        def task_size(self, batch_size):
            return batch_size // 2

    model = classifier(layers=2)
    watch = Half(model)
    tune("gradual", model, repairs=[watch])
    assert watch.moved == [[layer <= step // 8 for layer in range(4)] for step in range(32)]


def test_ulmfit_has_a_rate_for_each_layer_on_a_slanted_triangle():
    from npft.nn.schedules import slanted_triangular

    model = classifier(layers=2)
    watch = Watch(model)
    tune("ulmfit", model, repairs=[watch], lr=0.01)
    for step, rates in enumerate(watch.rates, start=1):
        layers = 1 + (step - 1) // 4
        expected = [0.01 * 2.6**-k * slanted_triangular(step, 16) for k in reversed(range(layers))]
        assert rates == pytest.approx(expected, rel=1e-12)


def test_a_probe_comes_first_and_then_everything_in_one_history():
    model = classifier(layers=2)
    watch = Watch(model)
    history = tune("lp-ft", model, epochs=5, repairs=[watch], validation=separable(20, seed=2))
    assert watch.moved == [[True, False, False, False]] * 8 + [[True] * 4] * 12
    assert history.at("loss").tolist() == [4, 8, 12, 16, 20]
    assert history.at("f1").tolist() == [0, 4, 8, 12, 16, 20]
    assert num_trainable(model) == model.num_parameters()
    assert max(rates[-1] for rates in watch.rates[:8]) == LEARNING_RATES["head"]
    assert max(rates[-1] for rates in watch.rates[8:]) == LEARNING_RATES["lp-ft"]


def test_the_second_half_starts_from_the_best_probe_and_is_fine_tuning_of_it():
    one, two, data = classifier(layers=2), classifier(layers=2), separable(20, seed=2)
    tune("lp-ft", one, validation=data)
    rng = np.random.default_rng(0)
    fine_tune_as(two, separable(), "head", epochs=2, batch_size=16, validation=data, rng=rng)
    set_regime(two, "full")
    fine_tune(two, separable(), epochs=2, batch_size=16, lr=LEARNING_RATES["lp-ft"],
              validation=data, rng=rng)
    assert bits(one) == bits(two)


@pytest.mark.parametrize("regime", LEARNING_RATES)
def test_the_best_weights_come_back_from_every_regime_also_when_it_is_broken_off(regime):
    data = separable(30, seed=2)
    for stop_at in (14, None):
        model, seen = classifier(layers=1, dropout=0.1), {}

        def note(step, total, message):
            seen.setdefault(len(seen), bits(model))
            if len(seen) == stop_at:
                raise KeyboardInterrupt

        try:
            history = tune(regime, model, validation=data, progress=note, lr=1e-2)
            best, last = evaluate(model, data), history.rows[3 if regime == "lp-ft" else 1 :]
            expected = max((row["f1"], -row["val_loss"]) for row in last)
            assert (best.f1, -best.loss) == pytest.approx(expected)
        except KeyboardInterrupt:
            assert bits(model) in list(seen.values())[:-1]  # of the end of an epoch before
        assert model.features is None and not any(m.training for m in model.modules())


def test_a_regime_may_have_repairs_validation_patience_and_other_options():
    model = classifier(layers=1)
    history = tune("gradual", model, schedule="cosine", validation=separable(20, seed=2),
                   patience=1, epochs=9, lr=1e-6, repairs=[Repair()])
    assert len(history["f1"]) <= 10
    with pytest.raises(ConfigError, match="two repairs are called 'gradual unfreezing'"):
        tune("gradual", model, repairs=[GradualUnfreezing(2)])


@pytest.mark.parametrize("regime, options, error, words", [
    ("half", {}, ConfigError, "regime is 'half', expected one of head, last, full, gradual, ulmf"),
    (["head"], {}, ConfigError, "regime is"),
    ("lp-ft", {"epochs": 1}, ConfigError, "lp-ft: epochs is 1, expected 2 or more"),
    ("head", {"epochs": 0}, ConfigError, "epochs is 0"),
    ("head", {"lr": 0.0}, ConfigError, "lr is 0.0"),
    ("gradual", {"batch_size": 0}, ConfigError, "batch_size is 0"),
    ("head", {"data": separable().replace(labels=None)}, DataError, "no labelled example"),
    ("head", {"validation": ["ab"]}, DataError, "the data are a list, expected a Batch"),
    ("full", {"repairs": Repair()}, DtypeError, "repairs is Repair, expected a list of repairs"),
    ("gradual", {"repairs": ["replay"]}, ConfigError, "'replay' among the repairs is none"),
    ("head", {"patience": 1}, ConfigError, "patience needs held-out data"),
])
def test_what_cannot_be_trained_is_refused_before_anything_changes(regime, options, error, words):
    model = classifier(layers=1)
    before = bits(model)
    with pytest.raises(error, match=words):
        tune(regime, model, **options)
    assert bits(model) == before


@pytest.mark.parametrize("regime", ["full", "gradual", "lp-ft"])
def test_repairs_from_a_generator_act_in_every_regime(regime):
    model = classifier(layers=2)
    watch = Watch(model)
    tune(regime, model, repairs=iter([watch]))
    assert len(watch.moved) == 16
