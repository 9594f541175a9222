"""What a repair may do at each step, and in which order."""

import numpy as np
import pytest

from npft.errors import ConfigError
from npft.nn.layers import Linear
from npft.nn.loop import Loss, train_steps
from npft.nn.module import freeze, unfreeze
from npft.nn.optim import SGD
from npft.nn.repair import Repair


def rng_of(seed=0):
    return np.random.default_rng(seed)


def square(model, x, rng):
    scores = model(x)
    return Loss((scores * scores).sum(), {"square": 0.0}, scores)


def two_rows(seed=1):
    return rng_of(seed).standard_normal((4, 2)).astype(np.float32)


def halves(batch):
    return [batch[:2], batch[2:]]


class Diary(Repair):
    """Does nothing but write down what it is called with."""

    name = "diary"

    def __init__(self):
        self.calls = []

    def before_step(self, model, batch):
        self.calls.append(("before_step", batch.shape))

    def loss(self, model, part, scores):
        self.calls.append(("loss", part.shape, scores.shape))

    def penalty(self, model):
        self.calls.append(("penalty",))

    def gradients(self, params):
        self.calls.append(("gradients", all(p.grad is not None for p in params)))

    def after_step(self, optimizer, factor):
        self.calls.append(("after_step", factor))


def run(model, repairs, batches=1, **options):
    data = [two_rows(i) for i in range(batches)]
    optimizer = SGD(model.parameters(), lr=0.1)
    return list(
        train_steps(model, data, square, optimizer, repairs=repairs, clip=None, rng=rng_of(),
                    **options)
    )  # fmt: skip


def test_a_repair_is_called_in_the_order_its_contract_says():
    diary = Diary()
    run(Linear(2, 1, rng=rng_of()), [diary], cut=halves, schedule=lambda step: 0.5)
    assert diary.calls == [
        ("before_step", (4, 2)), ("loss", (2, 2), (2, 1)), ("loss", (2, 2), (2, 1)), ("penalty",),
        ("gradients", True), ("after_step", 0.5),
    ]  # fmt: skip


def test_a_repair_that_does_nothing_changes_no_bit():
    plain, watched = Linear(2, 1, rng=rng_of()), Linear(2, 1, rng=rng_of())
    first = run(plain, [], batches=5, cut=halves)
    second = run(watched, [Diary()], batches=5, cut=halves)
    assert first == second
    assert plain.weight.data.tobytes() == watched.weight.data.tobytes()


class OnScores(Repair):
    """The sum of the scores: its gradient is the sum of the rows."""

    name = "sum"

    def loss(self, model, part, scores):
        return scores.sum()


class OnWeights(Repair):
    """The sum of the weights: its gradient is 1."""

    name = "weights"

    def penalty(self, model):
        return model.weight.sum()


@pytest.mark.parametrize("cut", [None, halves])
def test_terms_on_scores_add_up_over_the_parts_and_a_penalty_counts_once(cut):
    model = Linear(2, 1, rng=rng_of())
    x, before = two_rows(0), model.weight.numpy()
    value = float(before.sum())
    scores = x @ before.T
    (step,) = run(model, [OnScores(), OnWeights()], cut=cut)
    assert step.parts["sum"] == pytest.approx(scores.sum(), rel=1e-5)
    assert step.parts["weights"] == pytest.approx(value, rel=1e-5)
    assert step.loss == pytest.approx((scores**2).sum() + scores.sum() + value, rel=1e-5)
    gradient = 2 * scores.T @ x + x.sum(axis=0) + 1
    np.testing.assert_allclose(model.weight.data, before - 0.1 * gradient, rtol=1e-5)


def test_gradients_may_be_replaced_before_they_are_clipped():
    class Fixed(Repair):
        def gradients(self, params):
            for p in params:
                p.grad = np.full(p.shape, 2.0, p.dtype)

    model = Linear(2, 1, rng=rng_of())
    before = model.weight.numpy()
    (step,) = run(model, [Fixed()])
    np.testing.assert_allclose(model.weight.data, before - 0.2, rtol=1e-6)
    assert step.grad_norm == pytest.approx(np.sqrt(3 * 4.0))  # two weights and a bias


def test_two_repairs_of_one_name_are_refused_and_another_name_mends_it():
    with pytest.raises(ConfigError, match="two repairs are called 'sum'; give a repair another"):
        run(Linear(2, 1, rng=rng_of()), [OnScores(), OnScores()])
    second = OnScores()
    second.name = "sum 2"
    (step,) = run(Linear(2, 1, rng=rng_of()), [OnScores(), second])
    assert step.parts["sum"] == step.parts["sum 2"]


def test_a_repair_with_the_name_of_a_head_is_refused():
    model, named = Linear(2, 1, rng=rng_of()), OnScores()
    model.heads, named.name = {"topic": Linear(1, 1, rng=rng_of())}, "topic"
    with pytest.raises(ConfigError, match="a repair and a head are called 'topic'"):
        run(model, [named])


def test_a_repair_with_the_name_of_a_part_of_the_loss_is_refused():
    named = OnScores()
    named.name = "square"
    with pytest.raises(ConfigError, match="a repair and a part of the loss are called 'squa"):
        run(Linear(2, 1, rng=rng_of()), [named])


def test_what_trains_is_asked_at_each_step():
    class Thaw(Repair):
        steps = 0

        def before_step(self, model, batch):
            self.steps += 1
            if self.steps == 3:
                unfreeze(model, "weight")

    model = Linear(2, 1, rng=rng_of())
    freeze(model, "weight")
    weights = [model.weight.numpy()]
    optimizer = SGD(model.parameters(), lr=0.1)
    data = [two_rows(i) for i in range(4)]
    for _ in train_steps(model, data, square, optimizer, repairs=[Thaw()], rng=rng_of()):
        weights.append(model.weight.numpy())
    moved = [not np.array_equal(a, b) for a, b in zip(weights, weights[1:])]
    assert moved == [False, False, True, True]
