"""Replay: how much of a batch it takes, what it draws, and that it keeps what was learnt."""

import numpy as np
import pytest

from npft.errors import ConfigError, DataError
from npft.finetune.regimes import freeze_body
from npft.finetune.train import fine_tune_steps
from npft.forgetting.replay import ReplayMixer
from npft.heads.words import MaskedLM
from npft.nn.history import History


def mixer(small, mlm, share=0.25, weight=1.0, seed=0, documents=None):
    documents = small.documents if documents is None else documents
    return ReplayMixer(documents, mlm, share, weight, rng=np.random.default_rng(seed))


def steps_of(small, model, repairs, **options):
    options = {"epochs": 1, "batch_size": 16, "lr": 1e-2, **options}
    return list(fine_tune_steps(model, small.train, History(), repairs=repairs, **options,
                                rng=np.random.default_rng(0)))


@pytest.mark.parametrize("share, batch_size, task, replayed", [
    (0.2, 32, 26, 6),  # int() of both products would make it 31
    (0.0, 32, 32, 0), (0.5, 32, 16, 16), (0.25, 16, 12, 4), (0.1, 10, 9, 1), (0.8, 5, 1, 4),
    (0.7, 10, 3, 7), (0.3, 10, 7, 3),
])
def test_the_two_parts_of_a_batch_add_up(small, share, batch_size, task, replayed):
    repair = mixer(small, small.models()[1], share)
    assert repair.task_size(batch_size) == task
    assert repair.replayed == replayed and task + replayed == batch_size


def test_each_step_draws_new_sequences_of_the_pool_with_new_masks(small, monkeypatch):
    model, mlm = small.models()
    drawn, loss = [], MaskedLM.loss
    monkeypatch.setattr(MaskedLM, "loss", lambda self, masked, rng: (
        drawn.append(masked), loss(self, masked, rng))[1])
    pool = [["cat dog cow cat", "dog dog cow cat"], ["cow cow cat dog"]]  # of one topic
    steps = steps_of(small, model, [mixer(small, mlm, documents=pool)])
    assert len(drawn) == len(steps) == 6  # 64 examples, 12 at a time
    words = {i for text in pool for s in text for i in small.tok.encode(s)}
    for masked in drawn:
        assert len(masked) == 4 and set(masked.token_targets()[1]) <= words
        assert (np.diff(masked.lengths) >= 0).all()
    assert len({m.ids.tobytes() for m in drawn}) == len(drawn)
    drawn.clear()
    steps_of(small, model, [mixer(small, mlm, documents=[["cat dog cow cat dog cow"]])])
    assert len({m.token_targets()[0].tobytes() for m in drawn}) > 1  # one sequence, other masks


def test_share_0_is_plain_training_bit_for_bit(small, bits):
    (plain, _), (mixed, mlm) = small.models(dropout=0.1), small.models(dropout=0.1)
    repair = mixer(small, mlm, share=0)
    state = repair.rng.bit_generator.state
    assert steps_of(small, mixed, [repair]) == steps_of(small, plain, [])
    assert bits(mixed) == bits(plain) and repair.rng.bit_generator.state == state


def test_the_loss_of_replay_is_one_of_the_parts_and_scales_with_its_weight(small):
    first = {}
    for weight in (0.0, 0.5, 1.0):
        model, mlm = small.models()
        plain = float(steps_of(small, model, [], lr=1e-9, batch_size=12)[0].loss)
        step = steps_of(small, model, [mixer(small, mlm, weight=weight)], lr=1e-9)[0]
        assert set(step.parts) == {"classes", "replay"}
        assert step.loss == pytest.approx(plain + step.parts["replay"], rel=1e-5)
        first[weight] = step.parts["replay"]
    assert first[0.0] == 0 < first[1.0] < small.unigram
    assert first[0.5] == pytest.approx(first[1.0] / 2, rel=1e-5)


@pytest.mark.parametrize("nsp", [False, True])
def test_the_prediction_head_stays_as_it_is_and_the_body_learns_from_replay(small, bits, nsp):
    model, _ = small.models()
    mlm = MaskedLM(model.encoder, nsp, tied=False, rng=np.random.default_rng(9))
    repair = mixer(small, mlm)
    assert all(p.requires_grad == n.startswith("encoder.") for n, p in mlm.named_parameters())
    head = {n: a.tobytes() for n, a in mlm.state_dict().items() if not n.startswith("encoder.")}
    assert any(n.startswith("heads.nsp") for n in head) == nsp
    repair.task_size(16)
    repair.before_step(model, None)
    repair.penalty(model).backward()
    assert all(p.grad is not None and p.grad.any() for p in mlm.encoder.encoder.parameters()
               if p.ndim > 1)
    body = bits(model.encoder)
    steps_of(small, model, [repair])
    after = mlm.state_dict()
    assert {n: after[n].tobytes() for n in head} == head and bits(model.encoder) != body


def test_replay_that_was_not_asked_how_much_of_a_batch_it_takes_is_refused(small):
    model, mlm = small.models()
    with pytest.raises(ConfigError, match="call task_size"):
        mixer(small, mlm).before_step(model, None)


def test_the_same_seeds_give_the_same_bits_and_another_seed_of_replay_others(small, bits):
    def run(seed):
        model, mlm = small.models(dropout=0.1)
        return steps_of(small, model, [mixer(small, mlm, seed=seed)]), bits(model)

    assert run(0) == run(0) != run(1)


def test_replay_keeps_what_plain_training_forgets_and_the_task_is_learnt(small):
    plain, kept = [], []
    for seed in range(3):
        options = {"seed": seed, "epochs": 20, "every": 1000}
        plain.append(small.curve(*small.models(seed=seed), **options))
        model, mlm = small.models(seed=seed)
        repair = mixer(small, mlm, weight=0.1, seed=seed)
        kept.append(small.curve(model, mlm, [repair], **options))
    forgotten, left = (np.mean([c.rise[-1] for c in curves]) for curves in (plain, kept))
    assert forgotten > 1 and left < 0.2 * forgotten  # nats
    assert np.mean([c.f1[-1] for c in kept]) > 0.85


def test_a_frozen_body_does_not_move_under_replay(small, bits):
    model, mlm = small.models()
    freeze_body(model)
    body = bits(model.encoder)
    steps_of(small, model, [mixer(small, mlm)])
    assert bits(model.encoder) == body


# ---- what is refused ----


@pytest.mark.parametrize("share", [-0.1, 1.0, 1.5, float("nan")])
def test_a_share_that_is_none_is_refused(small, share):
    words = f"share is {share}, expected a share, at least 0 and less than 1"
    with pytest.raises(ConfigError, match=words):
        mixer(small, small.models()[1], share)


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_a_weight_that_is_none_is_refused(small, weight):
    words = f"weight is {weight}, expected a finite number, 0 or more"
    with pytest.raises(ConfigError, match=words):
        mixer(small, small.models()[1], weight=weight)


def test_a_batch_too_small_for_the_share_is_refused(small):
    _, mlm = small.models()
    with pytest.raises(ConfigError, match="share 0.9 of a batch of 4 leaves no task example"):
        mixer(small, mlm, 0.9).task_size(4)
    with pytest.raises(ConfigError, match="share 0.01 of a batch of 32 is less than one sequence"):
        mixer(small, mlm, 0.01).task_size(32)


@pytest.mark.parametrize("documents", [[], [[]], [[""], []]])
def test_an_empty_pool_is_refused(small, documents):
    with pytest.raises(DataError, match="the documents hold no token"):
        mixer(small, small.models()[1], documents=documents)


def test_a_pool_without_pairs_is_refused_for_a_model_that_needs_them(small):
    encoder = small.models()[0].encoder
    paired = MaskedLM(encoder, nsp=True, rng=np.random.default_rng(0))
    with pytest.raises(DataError, match="no document has two sentences"):
        mixer(small, paired, documents=[["cat dog"], ["cow"]])


def test_replay_into_another_encoder_is_refused(small, bits):
    (model, _), (_, other) = small.models(), small.models()
    before = bits(model)
    with pytest.raises(ConfigError, match=": the model that trains has another encoder"):
        steps_of(small, model, [mixer(small, other)])
    assert bits(model) == before


def test_an_encoder_without_a_tokenizer_is_refused(small):
    _, mlm = small.models()
    mlm.encoder.tokenizer = None
    with pytest.raises(ConfigError, match="ReplayMixer: the encoder has no tokenizer"):
        mixer(small, mlm)
