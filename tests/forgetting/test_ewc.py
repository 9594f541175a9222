"""EWC: its gradient, the anchor it becomes where all weights matter alike, and its limits."""

import numpy as np
import pytest

from npft.autograd.machine import threads
from npft.encoder.additions import add_lora
from npft.errors import ConfigError, DtypeError
from npft.finetune.regimes import freeze_body
from npft.forgetting.anchors import L2ToInit
from npft.forgetting.ewc import EWC
from npft.forgetting.fisher import diagonal_fisher, mean_of
from npft.nn import packs


def filled(model, value):
    return {n: np.full(p.shape, value, np.float32) for n, p in model.encoder.named_parameters()}


def random_fisher(model, seed=0):
    rng = np.random.default_rng(seed)
    return {n: rng.exponential(size=p.shape) for n, p in model.encoder.named_parameters()}


def moved(model, seed=0):
    """Change every weight of a model a little; return how far those of the body are, by name."""
    rng, changes = np.random.default_rng(seed), {}
    for name, p in model.named_parameters():
        before = p.numpy()
        p.assign(before + 0.1 * rng.standard_normal(p.shape).astype(np.float32))
        changes[name.removeprefix("encoder.")] = p.data - before
    return {n: changes[n] for n, _ in model.encoder.named_parameters()}


def gradients_of(term, model):
    model.zero_grad()
    term.backward()
    return {n: p.grad for n, p in model.named_parameters()}


def body_of(model):
    return {n: p.numpy() for n, p in model.encoder.named_parameters()}


# ---- the term ----


def test_the_term_and_its_gradient_are_those_of_the_formula(small):
    model = small.models()[0].astype(np.float64)
    fisher = random_fisher(model)
    ewc = EWC(model, fisher, 3.0)
    assert ewc.penalty(model).item() == 0.0
    far = moved(model)
    term = ewc.penalty(model)
    square = sum(float((fisher[n] * far[n] ** 2).sum()) for n in far)
    assert term.item() == pytest.approx(3.0 / 2 * square, rel=1e-12)
    found = gradients_of(term, model)
    for n in far:
        np.testing.assert_allclose(found[f"encoder.{n}"], 3.0 * fisher[n] * far[n], rtol=1e-12)
    assert all(g is None for n, g in found.items() if n.startswith("heads."))


def test_the_gradient_is_the_derivative(small):
    model = small.models()[0].astype(np.float64)
    ewc = EWC(model, random_fisher(model), 0.7)
    moved(model)
    weight = model.encoder.embeddings.word_embeddings.weight
    found = gradients_of(ewc.penalty(model), model)["encoder.embeddings.word_embeddings.weight"]
    here = weight.numpy()
    for at in [(0, 0), (3, 7), (20, 15)]:
        values = []
        for h in (1e-3, -1e-3):
            there = here.copy()
            there[at] += h
            weight.assign(there)
            values.append(ewc.penalty(model).item())
        # of a square the central difference is exact, but for rounding
        assert (values[0] - values[1]) / 2e-3 == pytest.approx(found[at], rel=1e-7)


def test_where_all_weights_matter_alike_it_is_the_anchor_of_half_lambda(small, bits):
    model = small.models()[0]
    ewc, anchor = EWC(model, filled(model, 1.0), 0.5), L2ToInit(model, 0.25)
    moved(model)
    a, b = ewc.penalty(model), anchor.penalty(model)
    assert a.item() == pytest.approx(b.item(), rel=1e-6)
    one, other = gradients_of(a, model), gradients_of(b, model)
    assert all(one[n].tobytes() == other[n].tobytes() for n in one if n.startswith("encoder."))
    ends = []
    for kind in (lambda m: EWC(m, filled(m, 1.0), 0.5), lambda m: L2ToInit(m, 0.25)):
        model = small.models()[0]
        small.train_only(model, [kind(model)])
        ends.append(bits(model))
    assert ends[0] == ends[1]


@pytest.mark.parametrize("a", [0.01, 0.3])
def test_2_a_over_the_mean_fisher_pulls_as_the_anchor_does_on_the_mean(small, a):
    model = small.models()[0]
    ewc = EWC(model, random_fisher(model), 1.0)
    assert ewc.mean_fisher == pytest.approx(mean_of(ewc.fisher)) and 0.9 < ewc.mean_fisher < 1.1
    lambda_ = 2 * a / ewc.mean_fisher
    pulls = [lambda_ / 2 * f for f in ewc.fisher.values()]
    assert np.concatenate([p.ravel() for p in pulls]).mean() == pytest.approx(a, rel=1e-5)


def test_frozen_weights_are_not_pulled(small):
    model = small.models()[0]
    ewc = EWC(model, random_fisher(model), 1.0)
    freeze_body(model, last=1)
    moved(model)
    found = gradients_of(ewc.penalty(model), model)
    trained = {n for n, p in model.encoder.named_parameters() if p.requires_grad}
    assert {n for n, g in found.items() if g is not None} == {f"encoder.{n}" for n in trained}
    freeze_body(model)
    assert ewc.penalty(model) is None


# ---- in training ----


@pytest.mark.parametrize("pack", [1 << 30, 32])
def test_lambda_0_is_plain_training_bit_for_bit(small, bits, monkeypatch, pack):
    monkeypatch.setattr(packs, "PACK", pack)
    ends = []
    for n in (1, 2):
        for held in (False, True):
            model = small.models(dropout=0.1)[0]
            repairs = [EWC(model, random_fisher(model), 0.0)] if held else []
            with threads(n):
                small.train_only(model, repairs)
            ends.append(bits(model))
    assert len(set(ends)) == 1
    nothing = EWC(model, random_fisher(model), 0.0)
    assert nothing.penalty(model) is None and not nothing.replaces_decay
    assert EWC(model, random_fisher(model), 0.1).replaces_decay


def test_with_a_huge_lambda_the_weights_that_matter_stay_within_steps_and_the_others_go(small):
    lr, model = 1e-3, small.models()[0]
    rng = np.random.default_rng(0)
    fisher = {n: rng.integers(0, 2, p.shape) for n, p in model.encoder.named_parameters()}
    start = body_of(model)
    small.train_only(model, [EWC(model, fisher, 1e8)], lr=lr, epochs=5, schedule="constant")
    end = body_of(model)
    plain = small.models()[0]
    small.train_only(plain, lr=lr, epochs=5, schedule="constant")

    def far(end, which):
        each = [np.abs(end[n] - start[n])[fisher[n] == which] for n in start]
        return np.concatenate(each)

    assert far(end, 1).mean() < 0.2 * far(body_of(plain), 1).mean()
    assert far(end, 1).max() < 5 * lr
    assert far(end, 0).mean() > 5 * far(end, 1).mean()


def test_the_fisher_of_the_old_head_keeps_more_of_what_was_learnt_than_plain_training(small):
    rise = []
    for lambda_ in (0.0, 10.0):
        model, mlm = small.models()
        ewc = EWC(model, diagonal_fisher(mlm, small.probe[:24]), lambda_)
        rise.append(small.curve(model, mlm, [ewc], epochs=12, lr=5e-3, every=1000).rise[-1])
    assert rise[1] < 0.4 * rise[0] and rise[0] > 0.1  # nats


# ---- several tasks ----


def test_a_further_task_adds_to_what_matters_and_moves_the_one_anchor(small):
    model = small.models()[0]
    ewc = EWC(model, filled(model, 2.0), 1.0)
    moved(model)
    new = filled(model, 3.0)
    ewc.consolidate(new, gamma=0.5)
    assert ewc.penalty(model).item() == 0.0 and ewc.mean_fisher == 4.0
    assert all((f == 0.5 * 2 + 3).all() for f in ewc.fisher.values())
    far = moved(model, seed=1)
    square = sum(float((c.astype(float) ** 2).sum()) for c in far.values())
    assert ewc.penalty(model).item() == pytest.approx(1 / 2 * 4 * square, rel=1e-5)
    ewc.consolidate(filled(model, 1.0))  # gamma 1: what was before counts in full
    assert ewc.mean_fisher == 5.0
    ewc.consolidate(filled(model, 1.0), gamma=0)
    assert ewc.mean_fisher == 1.0 and (new["embeddings.word_embeddings.weight"] == 3).all()


def test_what_it_was_given_is_a_copy_that_stays_as_it_was(small):
    model = small.models()[0]
    fisher = random_fisher(model)
    before = {n: f.copy() for n, f in fisher.items()}
    ewc = EWC(model, fisher, 1.0)
    for f in fisher.values():
        f[...] = 7.0
    np.testing.assert_allclose(ewc.mean_fisher, mean_of(before), rtol=1e-5)
    assert all(np.allclose(ewc.fisher[n], before[n]) for n in before)


# ---- what is refused ----


@pytest.mark.parametrize("lambda_", [-1.0, float("nan"), float("inf"), "much"])
def test_a_strength_that_is_none_is_refused(small, lambda_):
    model = small.models()[0]
    with pytest.raises(ConfigError, match="EWC: lambda_ is .*expected a finite number, 0 or more"):
        EWC(model, filled(model, 1.0), lambda_)


@pytest.mark.parametrize("gamma", [-0.1, 1.1, float("nan")])
def test_a_gamma_that_is_no_share_is_refused_and_nothing_changes(small, gamma):
    model = small.models()[0]
    ewc = EWC(model, filled(model, 1.0), 1.0)
    with pytest.raises(ConfigError, match="EWC: gamma is .*expected a share"):
        ewc.consolidate(filled(model, 1.0), gamma)
    assert ewc.mean_fisher == 1.0


@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf])
def test_numbers_that_are_no_squares_are_refused(small, value):
    model = small.models()[0]
    fisher = filled(model, 1.0)
    fisher["embeddings.word_embeddings.weight"][2, 1] = value
    words = r"the Fisher of embeddings\.word_embeddings\.weight holds numbers that are no means"
    with pytest.raises(ConfigError, match=words):
        EWC(model, fisher, 1.0)


def test_a_fisher_of_something_else_is_refused(small):
    model, wider = small.models()[0], small.models(pretrained=False, width=32)[0]
    with pytest.raises(ConfigError, match=r"another architecture.*embeddings\.word_embeddings"):
        EWC(model, filled(wider, 1.0), 1.0)
    with pytest.raises(ConfigError, match="the Fisher is no dict"):
        EWC(model, 1.0, 1.0)
    with pytest.raises(DtypeError, match="cannot be made an array of floats"):
        EWC(model, filled(model, 1.0) | {n: np.full(p.shape, "x") for n, p in
                                         model.encoder.named_parameters()}, 1.0)
    with pytest.raises(ConfigError, match="has no body to hold"):
        EWC(model.head(), filled(model, 1.0), 1.0)


def test_one_made_for_another_model_is_refused_in_training(small, bits):
    model, other = small.models()[0], small.models()[0]
    before = bits(model)
    with pytest.raises(ConfigError, match="EWC: the model that trains has another encoder"):
        small.train_only(model, [EWC(other, filled(other, 1.0), 1.0)])
    assert bits(model) == before


def test_what_is_added_to_the_body_later_is_not_held(small):
    model, mlm = small.models()
    ewc = EWC(model, random_fisher(model), 3.0)
    add_lora(model, rank=2, rng=np.random.default_rng(0))
    small.train_only(model, [ewc])
    ewc.consolidate(diagonal_fisher(mlm, small.probe[:4], "mlm"))
    assert ewc.penalty(model).item() == 0.0
    small.train_only(model, [ewc])
