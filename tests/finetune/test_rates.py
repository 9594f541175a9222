"""Rates by layer and schedules by part, in closed form and as the weights feel them."""

import numpy as np
import pytest
from small import bits, classifier, run, separable

from npft.encoder.model import Model
from npft.errors import ConfigError
from npft.finetune.rates import RATIO, WARMUP, rate_groups
from npft.finetune.regimes import freeze_body, layers_of
from npft.heads.classes import Classes
from npft.heads.words import MaskedLM
from npft.nn.repair import Repair
from npft.nn.schedules import SCHEDULES, schedule_of, warmup_cosine


class Rates(Repair):
    """Writes down the rate of each group after each step."""

    def __init__(self):
        self.rates = []

    def after_step(self, optimizer, factor):
        self.rates.append([group.lr * factor for group in optimizer.groups])


def rates_of(model, groups):
    """The rate of each layer, which must be the same for all its weights."""
    rates = {id(p): g["lr"] for g in groups for p in g["params"]}
    found = {}
    for layer, begins in layers_of(model).items():
        own = {rates[id(p)] for name, p in model.named_parameters() if name.startswith(begins)}
        (found[layer],) = own
    return found


# ---- rates of layers ----


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_each_layer_learns_2_6_times_more_slowly_than_the_one_above(norm):
    model = classifier(layers=3, norm=norm)
    found = rates_of(model, rate_groups(model, 0.01, ratio=RATIO))
    assert list(found) == ["heads", "block 2", "block 1", "block 0", "embeddings"]
    for below, rate in enumerate(found.values()):
        assert rate == pytest.approx(0.01 * 2.6**-below, rel=1e-12)
    found = rates_of(model, rate_groups(model, 0.01, body_lr=0.5, ratio=2.0))
    assert list(found.values()) == [0.01, 0.5, 0.25, 0.125, 0.0625]


def test_with_ratio_1_the_body_has_one_rate_and_the_groups_are_those_of_always():
    model = classifier()
    groups = rate_groups(model, 0.01)
    assert len(groups) == 4 and set(rates_of(model, groups).values()) == {0.01}
    assert rates_of(model, rate_groups(model, 0.01, 0.002)) == {
        "heads": 0.01, "block 0": 0.002, "embeddings": 0.002}


@pytest.mark.parametrize("ratio", [1.0, 2.6])
def test_every_weight_is_in_just_one_group_and_matrices_alone_decay(ratio):
    encoder, rng = classifier(layers=2).encoder, np.random.default_rng(0)
    heads = {"a": Classes(encoder, ["x", "y"], rng=rng), "b": Classes(encoder, ["x", "y"], rng=rng)}
    for model in (Model(encoder, heads), MaskedLM(encoder, rng=rng)):  # of tied weights as well
        groups = rate_groups(model, 0.01, ratio=ratio, body_decay=0.5)
        held = [id(p) for g in groups for p in g["params"]]
        assert sorted(held) == sorted(id(p) for p in model.parameters())
        own = {id(p) for p in encoder.parameters()}
        for group in groups:
            for p in group["params"]:
                expected = (0.5 if id(p) in own else 0.01) if p.ndim > 1 else 0.0
                assert group["weight_decay"] == expected


def test_the_first_step_moves_each_layer_by_its_rate():
    """The first step of Adam moves a weight by the rate, however long its gradient is."""
    model = classifier(layers=2)
    before = model.state_dict()
    run(model, model.tokenize(["ab", "cd", "ba"], labels=[0, 1, 0]), epochs=1, lr=1e-2, ratio=2.6,
        schedule="constant")
    after = model.state_dict()
    for below, begins in enumerate(layers_of(model).values()):
        most = max(np.abs(after[n] - before[n]).max() for n in before if n.startswith(begins))
        assert most == pytest.approx(1e-2 * 2.6**-below, rel=0.02), begins  # and a little decay


def test_a_ratio_of_1_trains_to_the_bits_of_training_without():
    found = []
    for options in ({}, {"ratio": 1.0}, {"schedule": "linear"}, {"body_lr": 1e-3}):
        model = classifier(dropout=0.2)
        history = run(model, **options)
        found.append((bits(model), history["loss"].tolist()))
    assert found[0] == found[1] == found[2] == found[3]


@pytest.mark.parametrize("options, words", [
    ({"ratio": 0.5}, "ratio is 0.5, expected 1 or more"),
    ({"ratio": 0.0}, "ratio is 0.0"),
    ({"ratio": float("nan")}, "ratio is nan"),
    ({"ratio": "2.6"}, "ratio is '2.6'"),
    ({"ratio": 2.6, "body_lr": "slow"}, "body_lr is 'slow', expected a finite number, more than 0"),
    ({"body_lr": 0}, "body_lr is 0"),
    ({"schedule": "step"}, "schedule is 'step', expected one of linear, cosine, slanted, constant"),
    ({"schedule": {"head": "cosine"}}, "expected a name, or a name for each part"),
    ({"schedule": {"heads": "step"}}, "schedule is 'step'"),
    ({"schedule": None}, "schedule is None, expected a name"),
    ({"schedule": ["linear"]}, r"schedule is \['linear'\], expected a name"),
])
def test_rates_and_schedules_that_are_none_are_refused(options, words):
    model = classifier()
    before = bits(model)
    with pytest.raises(ConfigError, match=words):
        run(model, **options)
    assert bits(model) == before


# ---- schedules ----


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_step_has_the_rate_of_its_schedule(name):
    rates, model = Rates(), classifier()
    run(model, schedule=name, lr=0.02, repairs=[rates])
    expected = schedule_of(name, 12, WARMUP)
    assert rates.rates == [[0.02 * expected(step)] * 4 for step in range(1, 13)]


def test_the_head_goes_along_a_cosine_while_the_body_stays_constant():
    rates, model = Rates(), classifier()
    run(model, schedule={"heads": "cosine", "body": "constant"}, lr=0.02, body_lr=0.005,
        repairs=[rates])
    found = np.array(rates.rates)  # (steps, groups): two of the body, two of the head
    assert (found[:, :2] == 0.005).all()
    t = np.arange(12)
    closed = 0.02 * 0.5 * (1 + np.cos(np.pi * t / 11))  # after one step of warm-up
    np.testing.assert_allclose(found[:, 2], closed, rtol=0, atol=1e-15)
    assert found[:, 2].tolist() == [0.02 * warmup_cosine(s, 1, 12) for s in range(1, 13)]


def test_a_part_without_a_schedule_of_its_own_has_the_usual_one():
    both = []
    for schedule in ("linear", {}, {"heads": "linear"}, {"body": "linear", "heads": "linear"}):
        rates = Rates()
        run(classifier(), schedule=schedule, repairs=[rates])
        both.append(rates.rates)
    assert both[0] == both[1] == both[2] == both[3]


def test_a_part_at_rate_0_stands_still_to_the_bit():
    model, seen = classifier(), []  # the cosine of the head ends at 0
    run(model, schedule={"heads": "cosine", "body": "constant"},
        progress=lambda *_: seen.append((bits(model.encoder), bits(model.head()))))
    body, head = zip(*seen)
    assert len(set(body)) == 12 and len(set(head)) == 11 and head[-1] == head[-2]


def test_a_frozen_body_and_a_schedule_for_it_do_not_mind_each_other():
    rates, model = Rates(), classifier()
    freeze_body(model)
    run(model, schedule={"heads": "cosine", "body": "constant"}, repairs=[rates], lr=0.02)
    assert np.shape(rates.rates) == (12, 2) and rates.rates[-1] == [0.0, 0.0]


# ---- the training loss ----


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("regime", ["full", "head"])
def test_on_a_full_batch_at_a_small_rate_the_training_loss_only_falls(regime, seed):
    """What is minimised, Σ L(f(x), y), is minimised: no step makes it worse."""
    model, data = classifier(seed=seed), separable(40, seed)
    if regime == "head":
        freeze_body(model)
    losses = run(model, data, batch_size=40, epochs=60, lr=1e-3, schedule="constant")["loss"]
    assert len(losses) == 60 and (np.diff(losses) < 0).all() and losses[-1] < losses[0]
