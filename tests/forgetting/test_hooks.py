"""Where a repair takes hold of training: the size of the batch, the loss, the weights."""

import numpy as np
import pytest

from npft.autograd import Tensor
from npft.errors import NonFiniteError
from npft.finetune import train as training
from npft.finetune.train import head_steps, epoch_plan
from npft.forgetting.anchors import L2ToInit
from npft.nn.loop import Repair


class Recorder(Repair):
    """Takes ``fewer`` examples off a batch, adds ``term`` to the loss, and writes all down."""

    def __init__(self, name="recorder", fewer=0, term=None, log=None):
        self.name, self.fewer, self.term = name, fewer, term
        self.log = [] if log is None else log

    def task_size(self, batch_size):
        return batch_size - self.fewer

    def loss(self, model):
        weight = model.classifier.weight
        self.log.append((self.name, "loss", weight.version))
        return None if self.term is None else Tensor(np.float32(self.term))

    def after_step(self, optimizer, factor):
        self.log.append((self.name, "after", optimizer.params[-1].version, factor))


def steps_of(small, model, repairs, **options):
    options = {"epochs": 1, "batch_size": 16, "lr": 1e-3, **options}
    return list(head_steps(model, small.train, repairs=repairs, **options,
                                 rng=np.random.default_rng(0)))


def test_a_repair_that_does_nothing_changes_no_bit(small, bits):
    plain, idle = small.models(dropout=0.1)[0], small.models(dropout=0.1)[0]
    assert steps_of(small, plain, []) == steps_of(small, idle, [Repair(), Repair()])
    assert bits(plain) == bits(idle)


def test_loss_comes_before_the_step_and_after_step_after_it_in_order(small):
    model, log = small.models()[0], []
    steps = steps_of(small, model, [Recorder("a", log=log), Recorder("b", log=log)])
    start = log[0][2]
    assert len(log) == 4 * len(steps) == 16
    for i, step in enumerate(steps):
        assert log[4 * i : 4 * i + 4] == [
            ("a", "loss", start + i), ("b", "loss", start + i),
            ("a", "after", start + i + 1, step.factor), ("b", "after", start + i + 1, step.factor)]


def test_terms_add_up_and_are_named_among_the_parts(small):
    plain = steps_of(small, small.models()[0], [])
    both = steps_of(small, small.models()[0], [
        Recorder("a", term=2.0), Recorder("silent"), Recorder("b", term=0.5)])
    for p, b in zip(plain, both):  # constants have no gradient: the path is the same
        assert b.parts == {"a": 2.0, "b": 0.5}
        assert b.loss == pytest.approx(p.loss + 2.5, rel=1e-6) and b.grad_norm == p.grad_norm


@pytest.mark.parametrize("fewer, size, steps", [
    ([], 16, 4), ([0], 16, 4), ([3], 13, 5), ([3, 5], 8, 8), ([15], 1, 64)])
def test_each_repair_takes_its_part_of_the_batch(small, monkeypatch, fewer, size, steps):
    repairs = [Recorder(fewer=n) for n in fewer]
    assert epoch_plan(small.train, 16, repairs) == (size, steps)
    sizes = []
    batches_of = training.batches_of

    def watched(data, n, *, rng):
        for batch in batches_of(data, n, rng=rng):
            sizes.append(len(batch))
            yield batch

    monkeypatch.setattr(training, "batches_of", watched)
    found = steps_of(small, small.models()[0], repairs, epochs=2)
    assert len(found) == 2 * steps == len(sizes)
    assert sizes[: steps - 1] == [size] * (steps - 1) and sum(sizes) == 2 * len(small.train)


def test_history_and_progress_count_the_longer_epochs(small):
    model, seen = small.models()[0], []
    history = small.train_only(model, [Recorder(fewer=6)], epochs=2,
                               progress=lambda step, total, _: seen.append((step, total)))
    assert history.at("loss").tolist() == [7, 14]
    assert seen == [(i, 14) for i in range(1, 15)]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_term_that_is_not_finite_names_the_step_and_leaves_the_weights(small, bits, bad):
    class Late(Recorder):
        def loss(self, model):
            self.term = bad if len(self.log) == 4 else 1.0  # two entries a step: the third
            return super().loss(model)

    model, states = small.models()[0], []
    steps = head_steps(model, small.train, batch_size=16, repairs=[Late()],
                             rng=np.random.default_rng(0))
    with pytest.raises(NonFiniteError, match=f"step 3: the loss is {bad}"):
        for _ in steps:
            states.append(bits(model))
    assert len(states) == 2 and bits(model) == states[-1]


def test_an_anchor_whose_penalty_overflows_names_the_step(small):
    model, _ = small.models()
    with (
        pytest.raises(NonFiniteError, match="step 2: the loss is inf"),
        np.errstate(over="ignore"),
    ):
        small.train_only(model, [L2ToInit(model, 1e38)], lr=1.0)
