"""Repairs in a run of fine-tuning, and what is frozen or unfrozen along the way."""

import numpy as np
import pytest
from small import TOK, bits, classifier, run, separable

from npft.autograd.machine import set_threads
from npft.autograd.tensor import Tensor
from npft.errors import ConfigError, NonFiniteError
from npft.finetune.regimes import freeze_body, set_regime
from npft.finetune.train import (
    fine_tune_steps,
    steps_in_epoch,
    task_size,
)
from npft.nn import packs
from npft.nn.history import History
from npft.nn.module import unfreeze
from npft.nn.repair import Repair

# ---- repairs: where they take hold of a run ----


class Recorder(Repair):
    """Takes ``fewer`` examples off a batch, adds ``term`` to the loss, and writes all down."""

    def __init__(self, name="recorder", fewer=0, term=None, log=None):
        self.name, self.fewer, self.term = name, fewer, term
        self.log = [] if log is None else log

    def note(self, what, version):
        self.log.append((self.name, what, version))

    def task_size(self, batch_size):
        return batch_size - self.fewer

    def before_step(self, model, batch):
        self.note("before", model.head().linear.weight.version)

    def loss(self, model, part, scores):
        self.note("loss", model.head().linear.weight.version)

    def penalty(self, model):
        self.note("penalty", model.head().linear.weight.version)
        return None if self.term is None else Tensor(np.float32(self.term))

    def gradients(self, params):
        self.note("gradients", params[-1].version)
        assert all(p.grad is not None for p in params)

    def after_step(self, optimizer, factor):
        self.note("after", optimizer.params[-1].version)
        self.factor = factor


def steps_of(model, repairs=(), data=None, history=None, **options):
    options = {"epochs": 1, "batch_size": 16, "lr": 1e-3, **options}
    return list(fine_tune_steps(
        model, separable() if data is None else data, History() if history is None else history,
        repairs=repairs, **options, rng=np.random.default_rng(0)))


def named(name):
    repair = Repair()
    repair.name = name
    return repair


def test_a_repair_that_does_nothing_changes_no_bit():
    plain, idle = classifier(dropout=0.1), classifier(dropout=0.1)
    assert steps_of(plain) == steps_of(idle, [named("a"), named("b")])
    assert bits(plain) == bits(idle)


def test_two_repairs_of_one_name_are_refused():
    model = classifier()
    before = bits(model)
    with pytest.raises(ConfigError, match="two repairs are called 'repair'"):
        steps_of(model, [Repair(), Repair()])
    assert bits(model) == before


@pytest.mark.parametrize("parts", [1, 3])
def test_a_repair_is_called_in_the_order_of_a_step(monkeypatch, parts):
    monkeypatch.setattr(packs, "PACK", 10**9 if parts == 1 else 32)
    set_threads(1)  # on several, parts of a batch take turns
    model, log = classifier(), []
    data = TOK(["abcdef"] * 60, labels=np.arange(60) % 2)  # 8 tokens each
    repairs = [Recorder("a", log=log), Recorder("b", log=log)]
    steps = fine_tune_steps(model, data, History(), epochs=1, batch_size=12, repairs=repairs,
                            rng=np.random.default_rng(0))
    for step in steps:
        version = log[0][2]
        losses = [("a", "loss", version), ("b", "loss", version)] * parts
        expected = [("a", "before", version), ("b", "before", version), *losses]
        expected += [(r, what, version) for what in ("penalty", "gradients") for r in "ab"]
        assert log == expected + [("a", "after", version + 1), ("b", "after", version + 1)]
        assert repairs[0].factor == repairs[1].factor == step.factor
        log.clear()


def test_terms_add_up_and_are_named_among_the_parts():
    plain = steps_of(classifier())
    both = steps_of(classifier(), [
        Recorder("a", term=2.0), Recorder("silent"), Recorder("b", term=0.5)])
    for p, b in zip(plain, both, strict=True):  # constants have no gradient: the path is the same
        assert b.parts == p.parts | {"a": 2.0, "b": 0.5}
        assert b.loss == pytest.approx(p.loss + 2.5, rel=1e-6) and b.grad_norm == p.grad_norm


def test_a_term_on_the_scores_adds_up_over_the_parts_and_trains(monkeypatch):
    class Centre(Repair):
        """The mean of the scores, each part by its share."""

        name = "centre"

        def loss(self, model, part, scores):
            return scores["classes"].mean() * part.shares["classes"]

    data = TOK(["abcdef", "xyz", "a", "bbbbb"] * 3, labels=[0, 1, 1] * 4)
    found = {}
    for pack in (10**9, 8):
        monkeypatch.setattr(packs, "PACK", pack)
        model = classifier().astype(np.float64)
        (step,) = steps_of(model, [Centre()], data, batch_size=12)
        found[pack] = step, model.state_dict()
    (whole, a), (parts, b) = found.values()
    mean = float(classifier().astype(np.float64).logits(data).mean())
    assert whole.parts["centre"] == pytest.approx(mean, abs=1e-12)
    assert whole.loss == pytest.approx(sum(whole.parts.values()), abs=1e-12)
    assert parts.parts == pytest.approx(whole.parts, abs=1e-9)
    assert parts.grad_norm == pytest.approx(whole.grad_norm, abs=1e-9)
    (plain,) = steps_of(classifier().astype(np.float64), [], data, batch_size=12)
    assert abs(plain.grad_norm - whole.grad_norm) > 1e-3
    assert all(np.allclose(a[n], b[n], rtol=0, atol=1e-9) for n in a)


def test_a_repair_may_change_gradients_before_they_are_clipped():
    class Halve(Repair):
        def gradients(self, params):
            for p in params:
                p.grad = p.grad * 0.5

    plain, halved = steps_of(classifier())[0], steps_of(classifier(), [Halve()])[0]
    assert halved.loss == plain.loss
    assert halved.grad_norm == pytest.approx(plain.grad_norm / 2, rel=1e-6)


@pytest.mark.parametrize("fewer, size, steps", [
    ([], 16, 4), ([0], 16, 4), ([3], 13, 5), ([3, 5], 8, 8), ([15], 1, 60)])
def test_each_repair_takes_its_part_of_the_batch(fewer, size, steps):
    data, sizes = separable(60), []

    class Watch(Repair):
        name = "watch"

        def before_step(self, model, batch):
            sizes.append(len(batch))

    repairs = [Recorder(f"{i}", fewer=n) for i, n in enumerate(fewer)] + [Watch()]
    assert task_size(16, repairs) == size and steps_in_epoch(data, size) == steps
    found = steps_of(classifier(), repairs, data, epochs=2)
    assert len(found) == 2 * steps == len(sizes)
    assert sizes[: steps - 1] == [size] * (steps - 1) and sum(sizes) == 2 * len(data)


def test_history_and_progress_count_the_longer_epochs():
    seen = []
    history = run(classifier(), repairs=[Recorder(fewer=6)], epochs=2,
                  progress=lambda step, total, _: seen.append((step, total)))
    assert history.at("loss").tolist() == [6, 12]  # 60 examples, 10 at a time
    assert seen == [(i, 12) for i in range(1, 13)]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_term_that_is_not_finite_names_the_step_and_leaves_the_weights(bad):
    class Late(Recorder):
        def penalty(self, model):
            self.term = bad if self.log.count(("recorder", "done", 0)) == 2 else 1.0
            self.note("done", 0)
            return super().penalty(model)

    model, states = classifier(), []
    steps = fine_tune_steps(model, separable(), History(), batch_size=16, repairs=[Late()],
                            rng=np.random.default_rng(0))
    with pytest.raises(NonFiniteError, match=f"step 3: the loss is {bad}"):
        for _ in steps:
            states.append(bits(model))
    assert len(states) == 2 and bits(model) == states[-1]


def test_a_term_that_trains_nothing_is_counted_and_moves_nothing():
    """As replay does on a frozen body with a frozen head."""
    class Fixed(Repair):
        name = "fixed"

        def penalty(self, model):
            return (model.encoder.embeddings.word_embeddings.weight * 2.0).sum()

    model = classifier()
    freeze_body(model)
    body = bits(model.encoder)
    steps = steps_of(model, [Fixed()])
    expected = 2 * float(model.encoder.embeddings.word_embeddings.weight.data.sum())
    assert all(s.parts["fixed"] == pytest.approx(expected, rel=1e-5) for s in steps)
    assert bits(model.encoder) == body
    assert [s.grad_norm for s in steps] == [s.grad_norm for s in steps_of(_frozen(classifier()))]


def _frozen(model):
    freeze_body(model)
    return model


# ---- freezing and unfreezing during a run ----


def test_what_is_unfrozen_between_two_steps_trains_from_the_next_one_on():
    model = classifier()
    freeze_body(model)
    table = model.encoder.embeddings.word_embeddings.weight
    steps = fine_tune_steps(model, separable(), History(), epochs=3, batch_size=16, lr=1e-2,
                            rng=np.random.default_rng(0))
    states = [bits(model.encoder)]
    for step in steps:
        states.append(bits(model.encoder))
        if step.step == 5:
            unfreeze(model, "encoder.")
    assert len(states) == 13 and len(set(states[:6])) == 1  # the first five steps
    assert len(set(states[5:])) == 8  # each of the others moves it
    assert table.requires_grad and not any(m.training for m in model.modules())


def test_a_body_unfrozen_during_a_run_has_its_dropout_again():
    model, modes = classifier(dropout=0.5), []
    freeze_body(model)
    for step in fine_tune_steps(model, separable(), History(), epochs=1, batch_size=16,
                                rng=np.random.default_rng(0)):
        modes.append(model.encoder.training)
        if step.step == 2:
            unfreeze(model, "encoder.")
    assert modes == [False, False, True, True]


def test_what_is_frozen_between_two_steps_stops_to_the_last_bit():
    model = classifier()
    states = []
    for step in fine_tune_steps(model, separable(), History(), epochs=2, batch_size=16, lr=1e-2,
                                rng=np.random.default_rng(0)):
        states.append(bits(model.encoder))
        if step.step == 3:
            set_regime(model, "head")
    assert len(set(states[:3])) == 3 and len(set(states[2:])) == 1


def test_a_repair_may_unfreeze_before_a_step():
    class Gradual(Repair):
        """The head alone for two steps, then everything."""

        def before_step(self, model, batch):
            self.steps = getattr(self, "steps", 0) + 1
            set_regime(model, "head" if self.steps <= 2 else "full")

    model, states = classifier(), []
    for _ in fine_tune_steps(model, separable(), History(), epochs=1, batch_size=16, lr=1e-2,
                             repairs=[Gradual()], rng=np.random.default_rng(0)):
        states.append(bits(model.encoder))
    assert states[0] == states[1] == bits(classifier().encoder) and len(set(states)) == 3


def test_repairs_from_a_generator_act_at_each_step():
    first, again = Recorder(), Recorder()
    steps_of(classifier(), iter([first]))
    steps_of(classifier(), [again])
    assert first.log == again.log and len(first.log) >= 4 * 5
