"""The anchor: its gradient exactly, its two forms under Adam, and what it leaves alone."""

import numpy as np
import pytest

from npft.autograd import gradcheck, losses
from npft.autograd.machine import threads
from npft.encoder.model import Model
from npft.errors import ConfigError, NonFiniteError
from npft.finetune import train as training
from npft.finetune.regimes import freeze_body
from npft.finetune.train import fine_tune, fine_tune_steps
from npft.forgetting.anchors import L2ToInit
from npft.heads.classes import Classes
from npft.nn import packs
from npft.nn.history import History
from npft.nn.module import freeze
from npft.nn.optim import SGD, AdamW


def moved(model, seed=0, size=0.1):
    """Change every weight of a model a little; return the changes of the body by name."""
    rng, changes = np.random.default_rng(seed), {}
    for name, p in model.named_parameters():
        before = p.numpy()
        p.assign(before + size * rng.standard_normal(p.shape).astype(np.float32))
        if name.startswith("encoder."):
            changes[name] = p.data - before  # as rounded
    return changes


# ---- the penalty ----


def test_penalty_and_gradient_are_0_at_step_0(small):
    model, _ = small.models()
    loss = L2ToInit(model, 0.5).penalty(model)
    assert loss.item() == 0.0
    loss.backward()
    assert all((p.grad == 0).all() for p in model.encoder.parameters())
    assert all(p.grad is None for p in model.head().parameters())


@pytest.mark.parametrize("lambda_", [0.25, 0.01, 10.0])
def test_gradient_is_2_lambda_times_the_distance_and_the_head_is_free(small, lambda_):
    model, _ = small.models()
    anchor = L2ToInit(model, lambda_)
    changes = moved(model)
    loss = anchor.penalty(model)
    square = sum(float((c.astype(float) ** 2).sum()) for c in changes.values())
    assert loss.item() == pytest.approx(lambda_ * square, rel=1e-5)
    loss.backward()
    for name, p in model.named_parameters():
        if name not in changes:
            assert p.grad is None and name.startswith("heads.")
        elif lambda_ == 0.25:  # a power of two: nothing is rounded
            np.testing.assert_array_equal(p.grad, 2 * np.float32(lambda_) * changes[name])
        else:
            np.testing.assert_allclose(p.grad, 2 * lambda_ * changes[name], rtol=3e-7)


def test_the_penalty_agrees_with_a_numerical_derivative():
    rng = np.random.default_rng(0)
    a, b, start = (rng.standard_normal(s) for s in ((3, 2), (4,), (3, 2)))

    def penalty(x, y):
        return (losses.squared_distance(x, target=start)
                + losses.squared_distance(y, target=np.ones(4))) * 0.3

    gradcheck(penalty, a, b, rng=rng, method="complex")


def test_frozen_weights_are_not_pulled(small):
    model, _ = small.models()
    anchor = L2ToInit(model, 1.0)
    freeze_body(model, last=1)
    changes = moved(model)
    trained = {n for n, p in model.named_parameters() if p.requires_grad and n in changes}
    assert 0 < len(trained) < len(changes)
    loss = anchor.penalty(model)
    square = sum(float((changes[n].astype(float) ** 2).sum()) for n in trained)
    assert loss.item() == pytest.approx(square, rel=1e-5)
    loss.backward()
    assert {n for n, p in model.named_parameters() if p.grad is not None} == trained


def test_an_anchor_with_nothing_to_pull_adds_no_term(small):
    model, _ = small.models()
    assert L2ToInit(model, 0.0).penalty(model) is None
    assert L2ToInit(model, 1.0, decoupled=True).penalty(model) is None
    anchor = L2ToInit(model, 1.0)
    freeze_body(model)
    assert anchor.penalty(model) is None


def test_the_anchor_is_a_copy_that_later_training_does_not_move(small):
    model, _ = small.models()
    other = small.models(seed=1, pretrained=False)[0].encoder
    anchor = L2ToInit(model, 1.0, anchor=other)
    far = anchor.penalty(model).item()
    own = dict(model.encoder.named_parameters())
    assert far == pytest.approx(
        sum(float(((p.data - own[n].data) ** 2).sum()) for n, p in other.named_parameters()),
        rel=1e-5)
    for p in other.parameters():
        p.assign(p.data * 0)
    assert anchor.penalty(model).item() == far


def test_an_anchor_in_float64_fits_a_body_in_float32(small):
    model, _ = small.models()
    start = small.models()[0].encoder.astype(np.float64)
    loss = L2ToInit(model, 1.0, anchor=start).penalty(model)
    assert loss.item() == 0 and loss.dtype == np.float32


# ---- the two forms under Adam ----


def steps_of(small, model, repairs, lr=1e-3, **options):
    return fine_tune_steps(
        model, small.train, History(), epochs=2, batch_size=16, lr=lr, repairs=repairs,
        rng=np.random.default_rng(0), **options)


def body_of(model):
    return {n: p.numpy() for n, p in model.encoder.named_parameters()}


def distance(a, b):
    return max(float(np.abs(a[n] - b[n]).max()) for n in a)


def test_a_huge_lambda_in_the_loss_still_moves_the_weights_by_lr(small):
    model, _ = small.models()
    start, lr = body_of(model), 1e-3
    steps = steps_of(small, model, [L2ToInit(model, 1e6)], lr)
    first = next(steps)
    once = body_of(model)
    # at the anchor the penalty has no gradient, and Adam takes the task's for all it is worth
    assert first.parts == {"classes": first.loss, "anchor": 0.0}
    assert distance(once, start) == pytest.approx(lr * first.factor, rel=0.01)
    far = np.concatenate([np.abs(once[n] - start[n]).ravel() for n in start])
    assert np.mean(far > 0.9 * lr * first.factor) > 0.5
    second = next(steps)  # and the way back is no longer than the step either
    assert second.parts["anchor"] > 1
    assert 0.5 * lr < distance(body_of(model), once) < 1.01 * lr


def test_the_proximal_form_with_a_huge_lambda_keeps_the_body_where_it_was(small):
    model, _ = small.models()
    start, head = body_of(model), model.head().linear.weight.numpy()
    for step in steps_of(small, model, [L2ToInit(model, 1e12, decoupled=True)]):
        assert step.parts == {"classes": step.loss}
        assert distance(body_of(model), start) < 1e-9
    assert np.abs(model.head().linear.weight.data - head).max() > 1e-3


def test_the_proximal_step_by_hand(small):
    model, _ = small.models()
    anchor = L2ToInit(model, 2.0, decoupled=True)
    start = body_of(model)
    word = model.encoder.embeddings.word_embeddings.weight
    freeze(model, "encoder.encoder.layer.0.")
    rest = [p for p in model.parameters() if p is not word]
    optimizer = SGD([{"params": [word], "lr": 0.5}, {"params": rest, "lr": 0.1}])
    changes = moved(model)
    far = {n: p.numpy() for n, p in model.named_parameters()}
    versions = [p.version for p in model.parameters()]
    anchor.after_step(optimizer, factor=0.5)
    for (name, p), version in zip(model.named_parameters(), versions):
        if not name.startswith("encoder.") or ".layer.0." in name:  # free, and frozen
            np.testing.assert_array_equal(p.data, far[name])
            assert p.version == version
        else:
            rate = 0.25 if p is word else 0.05  # lr times factor
            near = start[name.removeprefix("encoder.")] + changes[name] / (1 + 2 * rate * 2.0)
            np.testing.assert_allclose(p.data, near, rtol=0, atol=5e-7)
            assert p.version > version


def test_the_form_in_the_loss_changes_no_weight_by_itself(small, bits):
    model, _ = small.models()
    anchor = L2ToInit(model, 2.0)
    moved(model)
    before = bits(model)
    anchor.after_step(AdamW(model.parameters()), 1.0)
    assert bits(model) == before


@pytest.mark.parametrize("decoupled, strengths", [(False, (0, 0.3, 30)), (True, (0, 10, 1000))])
def test_a_stronger_anchor_keeps_the_body_closer(small, decoupled, strengths):
    far = []
    for lambda_ in strengths:
        model, _ = small.models()
        start = body_of(model)
        small.train_only(model, [L2ToInit(model, lambda_, decoupled)], epochs=4, lr=3e-3)
        end = body_of(model)
        far.append(sum(float(((end[n] - start[n]) ** 2).sum()) for n in start))
    assert far[0] > 1.2 * far[1] > 1.2**2 * far[2]


@pytest.mark.parametrize("decoupled", [False, True])
def test_an_anchor_takes_the_place_of_the_decay_of_the_body_alone(small, monkeypatch, decoupled):
    built = []

    class Spy(AdamW):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            built.append(self)

    monkeypatch.setattr(training, "AdamW", Spy)

    def decays(repairs):
        model, _ = small.models()
        small.train_only(model, repairs(model))
        names = {id(p): n for n, p in model.named_parameters()}
        return {names[id(p)]: g.weight_decay for g in built.pop().groups for p in g.params}

    plain = decays(lambda model: [])
    anchored = decays(lambda model: [L2ToInit(model, 0.1, decoupled)])
    assert plain["encoder.embeddings.word_embeddings.weight"] == 0.01
    assert {d for n, d in anchored.items() if n.startswith("encoder.")} == {0.0}
    assert anchored["heads.classes.linear.weight"] == plain["heads.classes.linear.weight"] == 0.01


def test_an_anchor_whose_penalty_overflows_names_the_step(small):
    model, _ = small.models()
    with (
        pytest.raises(NonFiniteError, match="step 2: the loss is inf"),
        np.errstate(over="ignore"),
    ):
        small.train_only(model, [L2ToInit(model, 1e38)], lr=1.0)


# ---- the term on the heads ----


def two_heads(small):
    model, _ = small.models()
    rng, encoder = np.random.default_rng(3), model.encoder
    return Model(encoder, {n: Classes(encoder, ["x", "y"], rng=rng) for n in ("a", "b")})


def test_with_a_term_on_the_heads_their_gradient_gains_2_mu_w_and_the_bodys_is_as_before(small):
    model = two_heads(small)
    both, alone = L2ToInit(model, 0.25, head=0.5), L2ToInit(model, 0.25)
    changes = moved(model)
    alone.penalty(model).backward()
    body = {n: p.grad for n, p in model.named_parameters()}
    model.zero_grad()
    term = both.penalty(model)
    heads = {n: p for n, p in model.named_parameters() if n not in changes}
    square = sum(float((p.data.astype(float) ** 2).sum()) for p in heads.values())
    assert len(heads) == 4
    assert term.item() == pytest.approx(alone.penalty(model).item() + 0.5 * square, rel=1e-5)
    term.backward()
    for name, p in model.named_parameters():
        expected = 2 * np.float32(0.5) * p.data if name in heads else body[name]
        np.testing.assert_array_equal(p.grad, expected)


def test_a_term_on_the_heads_alone_leaves_the_body_free_and_its_decay_on(small):
    model = two_heads(small)
    anchor = L2ToInit(model, 0.0, head=0.5)
    freeze(model, "heads.a.")
    moved(model)
    anchor.penalty(model).backward()
    found = {n for n, p in model.named_parameters() if p.grad is not None}
    assert found == {"heads.b.linear.weight", "heads.b.linear.bias"}
    assert not anchor.replaces_decay
    freeze(model)
    assert anchor.penalty(model) is None


@pytest.mark.parametrize("decoupled", [False, True])
def test_no_strength_at_all_is_plain_training_bit_for_bit(small, bits, monkeypatch, decoupled):
    monkeypatch.setattr(packs, "PACK", 32)
    ends = []
    for n in (1, 2):
        for held in (False, True):
            model, _ = small.models(dropout=0.1)
            with threads(n):
                small.train_only(model, [L2ToInit(model, 0.0, decoupled)] if held else [])
            ends.append(bits(model))
    assert len(set(ends)) == 1


def test_the_proximal_step_on_the_heads_by_hand(small):
    model = two_heads(small)
    anchor = L2ToInit(model, 0.0, decoupled=True, head=2.0)
    weight, bias = (getattr(model.heads["b"].linear, n) for n in ("weight", "bias"))
    optimizer = SGD([{"params": [weight], "lr": 0.5}, {"params": [bias], "lr": 0.1}])
    moved(model)
    far = {n: p.numpy() for n, p in model.named_parameters()}
    anchor.before_step(model, None)
    anchor.after_step(optimizer, factor=0.5)
    for name, p in model.named_parameters():
        rate = {id(weight): 0.25, id(bias): 0.05}.get(id(p), 0.0)  # lr times factor
        np.testing.assert_allclose(p.data, far[name] / (1 + 2 * rate * 2.0), rtol=1e-6)


@pytest.mark.parametrize("decoupled, strengths", [(False, (0, 0.1, 3)), (True, (0, 10, 1000))])
def test_a_stronger_term_keeps_the_heads_smaller(small, decoupled, strengths):
    sizes = []
    for head in strengths:
        model, _ = small.models()
        small.train_only(model, [L2ToInit(model, 0.01, decoupled, head=head)], epochs=4)
        sizes.append(float((model.head().linear.weight.data**2).sum()))
    assert sizes[0] > 1.2 * sizes[1] > 1.2**2 * sizes[2]


def test_an_infinite_term_on_the_heads_in_the_proximal_form_leaves_nothing_of_them(small):
    model, _ = small.models()
    small.train_only(model, [L2ToInit(model, 0.01, True, head=1e12)])
    assert max(np.abs(p.data).max() for p in model.head().parameters()) < 1e-9


def test_the_heads_are_those_of_the_model_that_trains(small):
    model, mlm = small.models()
    own = [p for n, p in mlm.named_parameters() if n.startswith("heads.")]  # without the table
    before = [p.numpy() for p in own]
    small.train_only(model, [L2ToInit(mlm, 0.01, True, head=1e12)])  # on the same body
    assert max(np.abs(p.data).max() for p in model.head().parameters()) < 1e-9
    assert all((p.data == b).all() for p, b in zip(own, before))


def test_a_head_that_shares_a_weight_of_the_body_is_not_pulled_to_0_there(small):
    _, mlm = small.models()
    anchor = L2ToInit(mlm, 1.0, head=1.0)
    names = {id(p): n for n, p in mlm.named_parameters()}
    assert mlm.heads["mlm"].table is mlm.encoder.embeddings.word_embeddings.weight
    assert {names[id(p)].split(".")[0] for p in anchor.of_heads} == {"heads"}
    anchor.penalty(mlm).backward()
    assert not mlm.encoder.embeddings.word_embeddings.weight.grad.any()


# ---- what is refused ----


@pytest.mark.parametrize("lambda_", [-0.1, float("nan"), float("inf"), -float("inf")])
def test_a_strength_that_is_none_is_refused(small, lambda_):
    words = f"lambda_ is {lambda_}, expected a finite number, 0 or more"
    with pytest.raises(ConfigError, match=words):
        L2ToInit(small.models()[0], lambda_)


def test_an_anchor_of_another_architecture_is_refused(small):
    model, _ = small.models()
    wider = small.models(pretrained=False, width=32)[0].encoder
    with pytest.raises(ConfigError, match=r"another architecture.*embeddings\.word_embeddings"):
        L2ToInit(model, anchor=wider)
    with pytest.raises(ConfigError, match=r"another architecture.*encoder\."):
        L2ToInit(model, anchor=model)  # the whole model, not its encoder


def test_an_anchor_made_for_another_model_is_refused_in_training(small):
    model, other = small.models()[0], small.models()[0]
    with pytest.raises(ConfigError, match="L2ToInit: the model that trains has another encoder"):
        next(steps_of(small, model, [L2ToInit(other)]))


def test_a_strength_of_the_heads_that_is_none_is_refused(small):
    for head in (-1.0, float("nan"), "much"):
        with pytest.raises(ConfigError, match="L2ToInit: head is .*a finite number, 0 or more"):
            L2ToInit(small.models()[0], head=head)


def test_anchors_and_forms_that_are_none_are_refused(small):
    for anchor in (3, "x", {}):
        with pytest.raises(ConfigError, match="L2ToInit: anchor is"):
            L2ToInit(small.models()[0], anchor=anchor)
    for decoupled in ("no", None, 1):
        with pytest.raises(ConfigError, match="L2ToInit: decoupled is"):
            L2ToInit(small.models()[0], decoupled=decoupled)


@pytest.mark.parametrize("decoupled", [False, True])
def test_a_head_that_does_not_learn_in_a_step_is_not_pulled(small, decoupled):
    encoder = small.models()[0].encoder
    rng = np.random.default_rng(0)
    model = Model(encoder, {k: Classes(encoder, ["a", "b"], rng=rng) for k in ("one", "two")})
    old, new = (model.heads[k].linear.weight.data.copy() for k in ("one", "two"))
    fine_tune(model, {"two": small.train}, epochs=1, rng=rng,
              repairs=[L2ToInit(model, 0.0, decoupled=decoupled, head=10.0)])
    assert (model.heads["one"].linear.weight.data == old).all()
    assert np.abs(model.heads["two"].linear.weight.data).mean() < np.abs(new).mean()


def test_what_has_no_body_is_refused(small):
    with pytest.raises(ConfigError, match="L2ToInit: a Classes has no body to hold"):
        L2ToInit(small.models()[0].head())
    model, _ = small.models()
    with pytest.raises(ConfigError, match="has another encoder"):
        L2ToInit(model).before_step(model.head(), None)
