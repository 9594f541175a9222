"""Repair after the fact by training: what moves, what keeps its bits, and what it is good for."""

import numpy as np
import pytest

from npft.encoder.model import Part
from npft.errors import ConfigError, DataError
from npft.finetune.regimes import freeze_body, freeze_first
from npft.finetune.train import evaluate
from npft.forgetting.afterwards import refit_head, replay_afterwards
from npft.forgetting.interpolate import interpolate
from npft.heads.words import MaskedLM
from npft.nn import packs
from npft.nn.optim import AdamW
from npft.pretraining.probe import make_probe


@pytest.fixture
def tuned(small):
    """A model that has forgotten."""
    model, mlm = small.models()
    start = model.encoder.state_dict()
    small.train_only(model, epochs=8, lr=2e-2)
    return model, mlm, start


def replayed(small, model, mlm, steps, seed=0, documents=None, **options):
    documents = small.documents if documents is None else documents
    return replay_afterwards(model, mlm, documents, small.probe, small.test, steps=steps,
                             **options, rng=np.random.default_rng(seed))


def bytes_of(module, trained):
    return [p.data.tobytes() for p in module.parameters() if p.requires_grad == trained]


# ---- replay ----


def test_no_steps_change_nothing(small, tuned, bits):
    model, mlm, _ = tuned
    before = bits(model), bits(mlm)
    assert replayed(small, model, mlm, 0) == {
        "step": [0], "mlm_loss": [mlm.measure(small.probe)["mlm_loss"]],
        "f1": [evaluate(model, small.test).f1]}
    assert (bits(model), bits(mlm)) == before


def test_some_steps_bring_back_what_was_forgotten_and_the_heads_keep_every_bit(small, tuned, bits):
    model, mlm, start = tuned
    fresh = small.models()[1].measure(small.probe)["mlm_loss"]
    head = bits(model.head())
    path = replayed(small, model, mlm, 30, lr=3e-3, every=10)
    assert path["step"] == [0, 10, 20, 30]
    assert bits(model.head()) == head
    forgotten = path["mlm_loss"][0] - fresh
    assert forgotten > 0.2 and path["mlm_loss"][-1] - fresh < 0.5 * forgotten
    # the body stays where the last step has brought it
    assert path["mlm_loss"][-1] == mlm.measure(small.probe)["mlm_loss"]
    assert path["f1"][-1] == evaluate(model, small.test).f1


@pytest.mark.parametrize("every, steps", [(1, [0, 1, 2, 3]), (2, [0, 2, 3]), (9, [0, 3])])
def test_it_measures_every_few_steps_and_at_the_end(small, tuned, every, steps):
    path = replayed(small, *tuned[:2], 3, every=every)
    assert path["step"] == steps and len(path["mlm_loss"]) == len(path["f1"]) == len(steps)


def test_how_often_it_measures_changes_no_bit_and_seeds_do(small, bits):
    found = []
    for every, seed in ((1, 0), (5, 0), (5, 1)):
        model, mlm = small.models(dropout=0.1)
        replayed(small, model, mlm, 5, every=every, seed=seed)
        found.append(bits(model))
    assert found[0] == found[1] != found[2]


def test_batches_are_read_in_packs_and_the_rate_falls_in_a_line(small, monkeypatch):
    model, mlm = small.models()
    parts, factors, loss, step = [], [], MaskedLM.loss, AdamW.step
    monkeypatch.setattr(packs, "PACK", 100)
    monkeypatch.setattr(MaskedLM, "loss", lambda self, part, rng=None: (
        parts.append(part), loss(self, part, rng))[1])
    monkeypatch.setattr(AdamW, "step", lambda self, factor=1.0: (
        factors.append(factor), step(self, factor))[1])
    replayed(small, model, mlm, 4, batch_size=20)
    assert len(parts) > 4 and all(isinstance(p, Part) for p in parts)
    assert sum(len(p.batch) for p in parts) == 4 * 20
    np.testing.assert_allclose(factors, [1, 0.6833, 0.3667, 0.05], atol=1e-4)


def test_prediction_head_and_frozen_layers_keep_every_bit(small, bits):
    model, _ = small.models()
    mlm = MaskedLM(model.encoder, nsp=True, tied=False, rng=np.random.default_rng(1))
    probe = make_probe(small.documents, small.tok, max_length=20, layout="pairs",
                       rng=np.random.default_rng(2))
    freeze_first(model, 1)
    heads, kept = [bits(h) for h in mlm.heads.values()], bytes_of(model.encoder, trained=False)
    moving = bytes_of(model.encoder, trained=True)
    replayed(small._replace(probe=probe), model, mlm, 3)
    assert [bits(h) for h in mlm.heads.values()] == heads
    assert bytes_of(model.encoder, trained=False) == kept
    assert bytes_of(model.encoder, trained=True) != moving
    assert not any(m.training for m in mlm.modules())


@pytest.mark.parametrize("options, error, words", [
    ({"steps": -1}, ConfigError, "steps is -1"), ({"batch_size": 0}, ConfigError, "batch_size is"),
    ({"every": 0}, ConfigError, "every is 0"), ({"lr": 0.0}, ConfigError, "lr is 0.0"),
    ({"documents": [[""]]}, DataError, "the documents hold no token"),
])
def test_what_cannot_work_is_refused_and_changes_nothing(small, bits, options, error, words):
    model, mlm = small.models()
    before = bits(model)
    with pytest.raises(error, match=words):
        replayed(small, model, mlm, **{"steps": 1} | options)
    assert bits(model) == before and all(p.requires_grad for p in mlm.parameters())


def test_a_frozen_body_and_another_encoder_are_refused(small):
    (model, mlm), (_, other) = small.models(), small.models()
    with pytest.raises(ConfigError, match="replay_afterwards: model and mlm have different enc"):
        replayed(small, model, other, 1)
    with pytest.raises(ConfigError, match="the heads of the model are classes; give the one with the masked-token"):
        replayed(small, model, model, 1)
    freeze_body(model)
    with pytest.raises(ConfigError, match="no parameter to train; are all of them frozen"):
        replayed(small, model, mlm, 1)


# ---- the head again ----


def test_a_refitted_head_leaves_every_bit_of_the_body_and_what_trained_trains_again(small, bits):
    model, _ = small.models(dropout=0.1)
    freeze_first(model, 1)
    flags = [p.requires_grad for p in model.parameters()]
    body, head = bits(model.encoder), bits(model.head())
    history = refit_head(model, small.train, epochs=2, rng=np.random.default_rng(0))
    assert bits(model.encoder) == body and bits(model.head()) != head
    assert [p.requires_grad for p in model.parameters()] == flags
    assert history.at("loss").tolist() == [2, 4]
    with pytest.raises(ConfigError, match="epochs is 0"):
        refit_head(model, small.train, epochs=0, rng=np.random.default_rng(0))
    assert [p.requires_grad for p in model.parameters()] == flags


def test_after_a_walk_back_a_refitted_head_wins_back_some_of_the_task(small, tuned):
    model, mlm, start = tuned
    model.encoder.load_state_dict(interpolate(start, model.encoder.state_dict(), 0.6))
    before, known = evaluate(model, small.test), mlm.measure(small.probe)
    refit_head(model, small.train, epochs=10, rng=np.random.default_rng(0))
    assert evaluate(model, small.test).loss < before.loss
    assert mlm.measure(small.probe) == known
