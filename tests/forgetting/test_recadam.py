"""RecAdam: its equation against a loop written by hand, the sigmoid, and its two limits."""

from types import SimpleNamespace

import numpy as np
import pytest

from npft.autograd.losses import squared_distance
from npft.autograd.machine import threads
from npft.errors import ConfigError
from npft.finetune.gradual import GradualUnfreezing
from npft.finetune.regimes import freeze_body
from npft.finetune.train import fine_tune_steps
from npft.forgetting.recadam import RecAdam
from npft.nn import packs
from npft.nn.history import History
from npft.nn.loop import train_steps
from npft.nn.module import Module, Parameter
from npft.nn.optim import AdamW


def body_of(model):
    return {n: p.numpy() for n, p in model.encoder.named_parameters()}


def steps_of(small, model, repairs, **options):
    options = {"epochs": 1, "batch_size": 16, "lr": 1e-3, **options}
    return fine_tune_steps(model, small.train, History(), repairs=repairs,
                           rng=np.random.default_rng(0), **options)


# ---- the equation ----


class Bowl(Module):
    """A body of three weights, and a head of one."""

    def __init__(self, start):
        self.body = Module()
        self.body.w = Parameter(start)
        self.head = Parameter([0.5])


def test_several_steps_are_those_of_the_equation_by_hand():
    start, goal = np.array([1.0, -2.0, 0.5]), np.array([0.0, 0.0, 3.0])
    old, lr, k, t0, gamma = np.array([2.0, -2.0, 0.0]), 0.1, 0.7, 3, 2.0
    curvature = np.array([1.0, 10.0, 0.1])

    def schedule(step):
        return 1 - 0.1 * (step - 1)

    model = Bowl(old)
    recall = RecAdam(model, t0=t0, k=k, gamma=gamma)
    model.body.w.assign(start)

    def loss_fn(model, batch, rng):
        roots = np.sqrt(curvature / 2)
        near = squared_distance(model.body.w * roots, target=goal * roots)
        return near + squared_distance(model.head, target=np.zeros(1)), {}

    optimizer = AdamW(model.parameters(), lr=lr, weight_decay=0.0)
    found = []
    for _ in train_steps(model, range(6), loss_fn, optimizer, schedule=schedule, clip=None,
                         repairs=[recall], rng=np.random.default_rng(0)):
        found.append((model.body.w.numpy(), model.head.item()))

    theta, head = start.copy(), 0.5
    m, v, m_head, v_head = np.zeros(3), np.zeros(3), 0.0, 0.0
    for t in range(1, 7):
        g = curvature * (theta - goal)  # of the task alone
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        adam = m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        share = 1 / (1 + np.exp(-k * (t - t0)))
        rate = lr * schedule(t)
        theta = theta - rate * (share * adam + (1 - share) * gamma * (theta - old))
        g = 2 * head
        m_head, v_head = 0.9 * m_head + 0.1 * g, 0.999 * v_head + 0.001 * g**2
        head -= rate * m_head / (1 - 0.9**t) / (np.sqrt(v_head / (1 - 0.999**t)) + 1e-8)
        np.testing.assert_allclose(found[t - 1][0], theta, rtol=1e-12)
        assert found[t - 1][1] == pytest.approx(head, rel=1e-12)  # the head is Adam's alone
    assert recall.steps == 6


def test_the_share_of_the_task_is_a_half_at_t0_and_rises_from_0_to_1():
    recall = RecAdam(SimpleNamespace(body=Module()), t0=20, k=0.5)
    shares = [recall.share(t) for t in range(1, 40)]
    assert recall.share(20) == 0.5 and shares == sorted(shares)
    assert recall.share(20 + np.log(9) / 0.5) == pytest.approx(0.9)
    for step in range(1, 40):
        assert recall.share(step) + recall.share(40 - step) == pytest.approx(1)
    for t0, share in ((-np.inf, 1.0), (np.inf, 0.0), (-1e300, 1.0), (1e300, 0.0)):
        assert RecAdam(SimpleNamespace(body=Module()), t0=t0).share(1) == share


# ---- its limits ----


@pytest.mark.parametrize("pack", [1 << 30, 32])
def test_t0_before_all_steps_is_plain_training_bit_for_bit(small, bits, monkeypatch, pack):
    monkeypatch.setattr(packs, "PACK", pack)
    ends = []
    for n in (1, 2):
        for held in (False, True):
            model = small.models(dropout=0.1)[0]
            with threads(n):
                small.train_only(model, [RecAdam(model, t0=-np.inf)] if held else [])
            ends.append(bits(model))
    assert len(set(ends)) == 1
    assert not RecAdam(model, t0=-np.inf).replaces_decay and RecAdam(model, t0=1).replaces_decay


def test_with_t0_after_all_steps_the_body_does_not_leave_its_place_and_the_head_learns(small, bits):
    model = small.models(dropout=0.1)[0]
    body, head = bits(model.encoder), bits(model.head())
    small.train_only(model, [RecAdam(model, t0=np.inf, gamma=10.0)])
    assert bits(model.encoder) == body and bits(model.head()) != head


def test_with_t0_after_all_steps_a_body_that_is_elsewhere_is_pulled_back_at_the_rate(small):
    model = small.models()[0]
    recall, old = RecAdam(model, t0=np.inf, gamma=100.0), body_of(model)
    for p in model.encoder.parameters():
        p.assign(p.data + 1)
    for step in steps_of(small, model, [recall], schedule="constant"):  # each takes away a tenth
        left = np.concatenate([(p - old[n]).ravel() for n, p in body_of(model).items()])
        np.testing.assert_allclose(left, (1 - 1e-3 * 100) ** step.step, rtol=1e-4)


def test_gamma_0_is_a_rate_of_the_body_that_rises_with_the_sigmoid(small):
    ends = []
    for t0 in (1, -np.inf):
        model = small.models()[0]
        start = body_of(model)
        step = next(steps_of(small, model, [RecAdam(model, t0=t0, gamma=0.0)]))
        assert set(step.parts) == {"classes"}
        ends.append(np.concatenate([(p - start[n]).ravel() for n, p in body_of(model).items()]))
    np.testing.assert_allclose(ends[0], ends[1] / 2, rtol=0, atol=5e-6)  # plain has decay


def test_a_later_t0_keeps_the_body_closer(small):
    far = []
    for t0 in (-np.inf, 8, 30):
        model = small.models()[0]
        start = body_of(model)
        small.train_only(model, [RecAdam(model, t0=t0, k=0.5, gamma=30.0)], epochs=4)
        far.append(sum(float(((p - start[n]) ** 2).sum()) for n, p in body_of(model).items()))
    assert far[0] > 1.3 * far[1] > 1.3**2 * far[2]


def test_what_is_frozen_stays_and_what_begins_to_train_is_held_too(small):
    model = small.models()[0]
    freeze_body(model, last=1)
    start = body_of(model)
    small.train_only(model, [RecAdam(model, t0=2, gamma=10.0)])
    trained = {n for n, p in model.encoder.named_parameters() if p.requires_grad}
    moved = {n for n, p in body_of(model).items() if (p != start[n]).any()}
    assert moved == trained
    model = small.models()[0]
    start = body_of(model)
    small.train_only(model, [GradualUnfreezing(1), RecAdam(model, t0=np.inf, gamma=10.0)])
    assert all(p.requires_grad for p in model.parameters())
    assert all((p == start[n]).all() for n, p in body_of(model).items())


def test_a_group_with_a_rate_of_its_own_is_pulled_at_that(small):
    model = small.models()[0]
    recall, old = RecAdam(model, t0=np.inf, gamma=100.0), body_of(model)
    for p in model.encoder.parameters():
        p.assign(p.data + 1)
    next(steps_of(small, model, [recall], lr=1e-3, body_lr=5e-4, schedule="constant"))
    for n, p in body_of(model).items():
        np.testing.assert_allclose(p - old[n], 1 - 5e-4 * 100, rtol=1e-4)


# ---- what is refused ----


@pytest.mark.parametrize("options, words", [
    ({"t0": float("nan")}, "RecAdam: t0 is nan, expected a finite number"),
    ({"t0": "late"}, "RecAdam: t0 is 'late'"),
    ({"t0": 1, "k": 0}, "RecAdam: k is 0, expected a finite number, more than 0"),
    ({"t0": 1, "k": np.inf}, "RecAdam: k is inf"),
    ({"t0": 1, "gamma": -1.0}, "RecAdam: gamma is -1.0, expected a finite number, 0 or more"),
])
def test_options_that_cannot_work_are_refused(small, options, words):
    with pytest.raises(ConfigError, match=words):
        RecAdam(small.models()[0], **options)


def test_a_pull_past_the_old_weights_is_refused(small):
    model = small.models()[0]
    words = r"step 1 would go past the old weights, for gamma 1.1e\+03 times the rate 0.001 is"
    with pytest.raises(ConfigError, match=words):
        next(steps_of(small, model, [RecAdam(model, t0=100, gamma=1100.0)], schedule="constant"))
    next(steps_of(small, model, [RecAdam(model, t0=100, gamma=1000.0)], schedule="constant"))


def test_one_made_for_another_model_is_refused_in_training(small, bits):
    model, other = small.models()[0], small.models()[0]
    before = bits(model)
    with pytest.raises(ConfigError, match="RecAdam: the model that trains has another encoder"):
        small.train_only(model, [RecAdam(other, t0=1)])
    assert bits(model) == before
    with pytest.raises(ConfigError, match="RecAdam: a Classes has no body to hold"):
        RecAdam(model.head(), t0=1)
