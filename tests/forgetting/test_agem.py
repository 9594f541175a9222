"""A-GEM: the projection, when it is done and when not, and whose gradient it is."""

import numpy as np
import pytest

from npft.autograd.machine import threads
from npft.autograd.tensor import pull_back
from npft.encoder.model import Model
from npft.errors import ConfigError, DataError, NonFiniteError
from npft.finetune.regimes import freeze_body
from npft.finetune.train import fine_tune_steps
from npft.forgetting.agem import AGEM
from npft.heads.classes import Classes
from npft.heads.words import MaskedLM
from npft.nn import packs
from npft.nn.history import History
from npft.nn.module import Parameter


def agem(small, mlm, size=8, seed=0, documents=None):
    documents = small.documents if documents is None else documents
    return AGEM(documents, mlm, size, rng=np.random.default_rng(seed))


def steps_of(small, model, repairs, **options):
    options = {"epochs": 1, "batch_size": 16, "lr": 1e-3, **options}
    return list(fine_tune_steps(model, small.train, History(), repairs=repairs,
                                rng=np.random.default_rng(0), **options))


def before_the_hook(small, sign, dtype=np.float64):
    """A model whose gradient is that of old text times ``sign`` plus noise, and the parts of it."""
    model, mlm = small.models()
    model.astype(dtype), mlm.astype(dtype)
    repair = agem(small, mlm)
    repair.before_step(model, None)
    old = pull_back(mlm.loss(repair.masked).total)
    rng, body = np.random.default_rng(1), model.encoder.parameters()
    for p in model.parameters():
        noise = rng.standard_normal(p.shape).astype(dtype)
        p.grad = sign * old[p] + 0.01 * noise if p in old else noise
    return model, repair, {p: old[p] for p in body}


def product(gradients, old):
    return sum(float(np.vdot(gradients[p], r)) for p, r in old.items())


# ---- the projection ----


@pytest.mark.parametrize("dtype, rounding", [(np.float64, 1e-12), (np.float32, 1e-5)])
def test_a_gradient_against_the_old_one_loses_just_that_part(small, dtype, rounding):
    model, repair, old = before_the_hook(small, -1.0, dtype)
    g = {p: p.grad for p in model.parameters()}
    kept = {p: a.copy() for p, a in g.items()}
    repair.gradients(model.parameters())
    size = product(old, old)
    share = product(g, old) / size
    assert share < 0 and repair.projected == repair.steps == 1
    for p, r in old.items():
        np.testing.assert_allclose(p.grad, g[p] - share * r, rtol=0, atol=10 * rounding)
        assert p.grad is not g[p] and p.grad.dtype == dtype
    found = {p: p.grad for p in old}
    lengths = [product(x, x) ** 0.5 for x in ({p: g[p] for p in old}, found)]
    assert abs(product(found, old)) < rounding * size**0.5 * lengths[0]
    assert lengths[1] < lengths[0]  # Pythagoras: a projection is never longer
    for p in model.head().parameters():
        assert p.grad is g[p]
    assert all((g[p] == kept[p]).all() for p in g)  # the arrays before were not written to


def test_a_gradient_that_helps_the_old_text_stays_bit_for_bit(small):
    model, repair, old = before_the_hook(small, 1.0)
    g = {p: p.grad for p in model.parameters()}
    kept = {p: a.copy() for p, a in g.items()}
    assert product(g, old) > 0
    repair.gradients(model.parameters())
    assert all(p.grad is g[p] and (p.grad == kept[p]).all() for p in model.parameters())
    assert (repair.steps, repair.projected) == (1, 0)


def test_the_inner_product_is_one_over_the_whole_body(small):
    """Some weights go against the old gradient, but the body as a whole does not."""
    model, repair, old = before_the_hook(small, 1.0)
    smallest = min(old, key=lambda p: float(np.vdot(old[p], old[p])) or np.inf)
    smallest.grad = -old[smallest]
    repair.gradients(model.parameters())
    np.testing.assert_array_equal(smallest.grad, -old[smallest])


def test_weights_without_a_gradient_and_frozen_ones_are_no_part_of_it(small):
    model, repair, old = before_the_hook(small, -1.0)
    g = {p: p.grad for p in old}
    freeze_body(model, last=1)  # takes all gradients away
    left = [p for p in old if p.requires_grad]
    g = {p: g[p] for p in left[1:]}
    for p in g:
        p.grad = g[p]
    repair.gradients([p for p in model.parameters() if p.requires_grad])
    share = product(g, {p: old[p] for p in g}) / product(old, {p: old[p] for p in g})
    assert share < 0 < len(left) < len(old)
    for p in old:
        if p in g:
            np.testing.assert_allclose(p.grad, g[p] - share * old[p], rtol=0, atol=1e-12)
        else:
            assert p.grad is None


def test_a_gradient_that_is_not_finite_is_left_for_the_loop_to_name(small):
    model, repair, old = before_the_hook(small, -1.0)
    g = {p: p.grad for p in old}
    weight = model.encoder.embeddings.word_embeddings.weight
    weight.grad = np.full(weight.shape, np.nan)
    repair.gradients(model.parameters())
    assert repair.projected == 0
    assert all(p.grad is g[p] for p in old if p is not weight)


def test_the_old_gradient_leaves_no_gradient_and_no_weight_behind(small, bits):
    model, repair, old = before_the_hook(small, -1.0)
    before = bits(repair.mlm)
    outside = [p for n, p in repair.mlm.named_parameters() if not n.startswith("encoder.")]
    repair.gradients(model.parameters())
    assert bits(repair.mlm) == before and all(p.grad is None for p in outside)
    assert all(p.requires_grad for p in repair.mlm.parameters())  # it froze nothing


def test_a_small_step_of_gradient_descent_then_leaves_the_old_loss_as_it_is(small):
    """What is left of the change is of second order: half the step, a quarter of the change."""
    changes = []
    for size in (1e-4, 5e-5):
        model, repair, old = before_the_hook(small, -1.0)
        for p in old:  # far from the old gradient turned round, but still against it
            p.grad = p.grad + np.sign(p.data)
        assert product({p: p.grad for p in old}, old) < 0
        for projected in (False, True):
            if projected:
                repair.gradients(list(old))
            here, before = {p: p.numpy() for p in old}, repair.mlm.loss(repair.masked).total.item()
            for p in old:
                p.assign(p.data - size * p.grad)
            changes.append(repair.mlm.loss(repair.masked).total.item() - before)
            for p in old:
                p.assign(here[p])
    plain, kept, plain_half, kept_half = changes
    assert plain == pytest.approx(2 * plain_half, rel=0.1) and plain > 0
    assert kept == pytest.approx(4 * kept_half, rel=0.1) and abs(kept) < 0.2 * plain


# ---- in training ----


@pytest.mark.parametrize("pack", [1 << 30, 32])
def test_size_0_is_plain_training_bit_for_bit(small, bits, monkeypatch, pack):
    monkeypatch.setattr(packs, "PACK", pack)
    ends = []
    for n in (1, 2):
        for held in (False, True):
            model, mlm = small.models(dropout=0.1)
            repair = agem(small, mlm, size=0)
            state = repair.rng.bit_generator.state
            with threads(n):
                steps = steps_of(small, model, [repair] if held else [])
            ends.append((bits(model), tuple(s.loss for s in steps)))
            assert repair.rng.bit_generator.state == state and repair.projected == 0
    assert len(set(ends)) == 1


@pytest.mark.parametrize("pack", [1 << 30, 32])
def test_any_number_of_threads_gives_the_same_bits(small, bits, monkeypatch, pack):
    monkeypatch.setattr(packs, "PACK", pack)
    ends = []
    for n in (1, 2):
        model, mlm = small.models(dropout=0.1)
        repair = agem(small, mlm)
        with threads(n):
            steps_of(small, model, [repair])
        ends.append((bits(model), repair.projected))
    assert ends[0] == ends[1]


def test_each_step_draws_its_sequences_and_the_task_keeps_its_batch(small, monkeypatch):
    model, mlm = small.models()
    drawn, loss = [], MaskedLM.loss
    monkeypatch.setattr(MaskedLM, "loss", lambda self, masked, rng: (
        drawn.append(masked), loss(self, masked, rng))[1])
    repair = agem(small, mlm, size=5)
    assert repair.task_size(16) == 16 and not repair.replaces_decay
    steps = steps_of(small, model, [repair])
    assert len(drawn) == len(steps) == repair.steps == 4  # 64 examples, 16 at a time
    assert all(len(m) == 5 and m.n_targets > 0 for m in drawn)
    assert len({m.ids.tobytes() for m in drawn}) == 4
    assert all(set(s.parts) == {"classes"} for s in steps)


def test_it_counts_the_steps_and_those_it_had_to_change(small):
    model, mlm = small.models()
    repair = agem(small, mlm, 16)
    steps_of(small, model, [repair], epochs=5)
    assert 3 < repair.projected < 17 < repair.steps == 20


def test_a_frozen_body_costs_no_pass(small, bits, monkeypatch):
    model, mlm = small.models()
    freeze_body(model)
    body, repair = bits(model.encoder), agem(small, mlm)
    monkeypatch.setattr(MaskedLM, "loss", None)
    steps_of(small, model, [repair])
    assert bits(model.encoder) == body and repair.projected == 0


def test_several_heads_and_weights_outside_the_model_are_left_alone(small):
    _, mlm = small.models()
    encoder, rng = mlm.encoder, np.random.default_rng(0)
    model = Model(encoder, {"a": Classes(encoder, ["x", "y"], rng=rng),
                            "b": Classes(encoder, ["x", "y"], rng=rng)})
    repair = agem(small, mlm)
    steps_of(small, model, [repair], epochs=2)
    assert repair.steps == 8
    outside = Parameter([1.0])
    outside.grad = gradient = np.array([2.0])
    repair.gradients([outside])
    assert outside.grad is gradient


def test_a_body_pretrained_on_pairs_is_held_on_pairs(small):
    model, _ = small.models()
    mlm = MaskedLM(model.encoder, nsp=True, rng=np.random.default_rng(9))
    repair = agem(small, mlm)
    steps_of(small, model, [repair])
    assert set(repair.masked.labels) <= {0, 1} and set(repair.masked.token_types) == {0, 1}


# ---- what is refused ----


@pytest.mark.parametrize("size", [-1, 1.5, True, None])
def test_a_size_that_is_none_is_refused(small, size):
    with pytest.raises(ConfigError, match="AGEM: size is .*expected a whole number, 0 or more"):
        agem(small, small.models()[1], size)


def test_a_seed_instead_of_a_generator_is_refused(small):
    with pytest.raises(ConfigError, match="AGEM: rng is 3, expected a generator"):
        AGEM(small.documents, small.models()[1], rng=3)


def test_an_empty_pool_is_refused(small):
    with pytest.raises(DataError, match="the documents hold no token"):
        agem(small, small.models()[1], documents=[[]])


def test_an_encoder_without_a_tokenizer_is_refused(small):
    _, mlm = small.models()
    mlm.encoder.tokenizer = None
    with pytest.raises(ConfigError, match="AGEM: the encoder has no tokenizer"):
        agem(small, mlm)


def test_another_encoder_is_refused(small, bits):
    (model, _), (_, other) = small.models(), small.models()
    before = bits(model)
    with pytest.raises(ConfigError, match=": the model that trains has another encoder"):
        steps_of(small, model, [agem(small, other)])
    assert bits(model) == before


def test_an_mlm_that_says_nothing_finite_is_refused(small):
    model, mlm = small.models()
    mlm.heads["mlm"].bias.assign(np.full(mlm.heads["mlm"].bias.shape, np.nan))
    with pytest.raises(NonFiniteError, match="AGEM: step 1: the loss on old sequences is nan"):
        steps_of(small, model, [agem(small, mlm)])
