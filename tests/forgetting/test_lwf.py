"""LwF: the term by hand, its gradient, what it reads and what it leaves alone."""

import numpy as np
import pytest

from npft.autograd.gradcheck import gradcheck
from npft.autograd.machine import set_threads
from npft.autograd.tensor import Tensor
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.encoder.model import Model
from npft.errors import ConfigError
from npft.finetune.regimes import freeze_body
from npft.finetune.train import fine_tune_steps
from npft.forgetting.distill import softened_kl
from npft.forgetting.lwf import LwF, texts_of
from npft.heads.classes import Classes, Classifier
from npft.heads.words import MaskedLM
from npft.nn import packs
from npft.nn.history import History
from npft.nn.layers import set_dropout
from npft.nn.repair import Repair
from npft.text.batch import Batch
from npft.text.bytes import ByteTokenizer

TOK = ByteTokenizer()
TEXTS = ["to be", "or", "not to be that", "is", "the question", "nobler"]
DATA = TOK(TEXTS, labels=np.arange(6) % 2)


def models(seed=0, dropout=0.0, nsp=False, tied=True):
    """A classifier and the masked language model on whose encoder it stands."""
    rng = np.random.default_rng(seed)
    config = EncoderConfig(vocab_size=260, hidden_size=8, num_layers=1, num_heads=2,
                           intermediate_size=8, max_positions=20, dropout=dropout, init_std=0.3)
    mlm = MaskedLM(Encoder(config, tokenizer=TOK, rng=rng), nsp, tied, rng=rng)
    return Classifier(mlm.encoder, 2, rng=rng), mlm


def held(mlm, weight=1.0, seed=0, **options):
    return LwF(mlm, weight, rng=np.random.default_rng(seed), **options)


def steps_of(model, repairs=(), data=DATA, **options):
    options = {"epochs": 2, "batch_size": 3, "lr": 1e-2, **options}
    return list(fine_tune_steps(model, data, History(), repairs=repairs, **options,
                                rng=np.random.default_rng(0)))


def moved(module, size=0.1):
    rng = np.random.default_rng(1)
    for p in module.parameters():
        p.assign(p.data + size * rng.standard_normal(p.shape).astype(p.dtype))


def softmax(x):
    p = np.exp(x - x.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


# ---- the term ----


def test_at_step_0_the_term_and_its_gradient_are_0():
    model, mlm = models()
    repair = held(mlm, weight=5.0)
    repair.before_step(model, DATA)
    term = repair.penalty(model)
    assert term.item() == pytest.approx(0, abs=5.0 * 2**2 * 1e-7)  # weight, T², a float32 rounding
    term.backward()
    assert all(np.abs(p.grad).max() < 1e-6 for p in mlm.encoder.parameters())
    set_dropout(model, 0.5)  # the student's own, as in the loss of the task; the teacher has none
    model.train()
    assert repair.penalty(model).item() > 0.01
    assert repair.teacher.encoder.embeddings.dropout.p == 0 and not repair.teacher.training


@pytest.mark.parametrize("weight, temperature", [(1.0, 1.0), (0.5, 1.0), (1.0, 3.0)])
def test_the_term_is_the_mean_kl_at_the_masked_tokens_and_nowhere_else(weight, temperature):
    model, mlm = models()
    repair = held(mlm, weight, temperature=temperature)
    moved(mlm.encoder)
    repair.before_step(model, DATA)
    found = repair.penalty(model).item()
    masked = repair.masked
    assert len(masked) == 6 and 6 <= masked.n_targets < len(TEXTS) + 0.15 * len(masked.ids)
    assert not np.isin(masked.token_targets()[1], TOK.special_ids).any()
    old, new = (m.scores(masked, heads=("mlm",))["mlm"].data.astype(float) / temperature
                for m in (repair.teacher, mlm))
    p, q = softmax(old), softmax(new)
    kl = (p * np.log(p / q)).sum(axis=1)
    assert len(kl) == masked.n_targets
    assert found == pytest.approx(weight * temperature**2 * kl.mean(), rel=1e-4)
    assert found > 0.01


def test_the_gradient_is_the_derivative_and_reaches_the_encoder_alone():
    model, mlm = models(tied=False)
    repair = held(mlm, 0.7)
    for module in (mlm, repair.teacher):
        module.astype(np.float64)
    moved(mlm.encoder)
    repair.before_step(model, DATA)
    weight = mlm.encoder.embeddings.position_embeddings.weight
    start = weight.numpy()

    def term(x):
        weight.assign(start + x)
        return repair.penalty(model).item()

    repair.penalty(model).backward()
    direction = np.random.default_rng(2).standard_normal(start.shape)
    slope = (term(1e-5 * direction) - term(-1e-5 * direction)) / 2e-5
    assert (weight.grad * direction).sum() == pytest.approx(slope, rel=1e-6)
    for name, p in mlm.named_parameters():
        assert (p.grad is not None) == name.startswith("encoder."), name
    assert all(p.grad is None for p in repair.teacher.parameters())


def test_the_gradient_of_the_softened_kl_is_the_derivative():
    rng = np.random.default_rng(0)
    old = Tensor(rng.standard_normal((3, 4)))
    gradcheck(lambda x: softened_kl(x, old, 2.0), rng.standard_normal((3, 4)), rng=rng)


# ---- what it reads ----


def test_labels_are_not_read():
    model, mlm = models()
    moved_labels = DATA.replace(labels=1 - DATA.labels)
    bare = Batch(DATA.ids, DATA.offsets)
    found = []
    for data in (DATA, moved_labels, bare):
        repair = held(mlm)
        repair.before_step(model, data)
        assert repair.masked.labels is None
        found.append(repair.masked.ids.tobytes() + repair.masked.token_labels.tobytes())
    assert found[0] == found[1] == found[2]


def test_the_texts_are_masked_anew_at_each_step_and_the_batch_stays_as_it_was():
    model, mlm = models()
    repair, seen, before = held(mlm), set(), DATA.ids.tobytes()
    for _ in range(4):
        repair.before_step(model, DATA)
        seen.add(repair.masked.token_labels.tobytes())
    assert len(seen) == 4 and DATA.ids.tobytes() == before


def test_the_texts_of_several_heads_are_read_together():
    _, mlm = models()
    rng = np.random.default_rng(0)
    model = Model(mlm.encoder, {k: Classes(mlm.encoder, ["x", "y"], rng=rng) for k in "ab"})
    data = {"a": DATA[:2], "b": TOK(["ab"], ["cd"], labels=[1])}
    texts = texts_of(data)
    assert texts.ids.tolist() == [*data["a"].ids, *data["b"].ids]
    assert texts.token_types.tolist() == [*data["a"].token_types, *data["b"].token_types]
    steps = steps_of(model, [held(mlm)], data)
    assert set(steps[0].parts) == {"a", "b", "lwf"}


def test_texts_of_which_nothing_can_be_masked_add_no_term():
    model, mlm = models()
    repair = held(mlm)
    repair.before_step(model, TOK(["", ""], labels=[0, 1]))
    assert repair.penalty(model) is None


# ---- in training ----


def test_weight_0_is_plain_training_bit_for_bit_and_draws_nothing(bits):
    (plain, _), (idle, mlm) = models(dropout=0.2), models(dropout=0.2)
    repair = held(mlm, weight=0.0)
    state = repair.rng.bit_generator.state
    assert steps_of(idle, [repair]) == steps_of(plain)
    assert bits(idle) == bits(plain) and repair.rng.bit_generator.state == state


@pytest.mark.parametrize("nsp, tied", [(False, True), (True, False)])
def test_teacher_and_prediction_head_keep_every_bit(bits, nsp, tied):
    model, mlm = models(dropout=0.1, nsp=nsp, tied=tied)
    repair = held(mlm)
    heads = [bits(head) for head in mlm.heads.values()]
    teacher, body = bits(repair.teacher), bits(mlm.encoder)
    steps_of(model, [repair])
    assert bits(repair.teacher) == teacher and bits(mlm.encoder) != body
    if not tied:  # a tied head goes with the table of the encoder
        assert [bits(head) for head in mlm.heads.values()] == heads
    assert all(p.grad is None and not p.requires_grad for p in repair.teacher.parameters())


def test_a_stronger_hold_leaves_the_old_words_more_alike():
    far = []
    for weight in (0.0, 0.1, 10.0):
        model, mlm = models()
        repair = held(mlm, weight)
        steps_of(model, [repair], epochs=15, batch_size=6)
        probe = held(mlm, 1.0, seed=9)  # masks of its own, the same for each weight
        probe.teacher = repair.teacher
        probe.before_step(model, DATA)
        far.append(probe.penalty(model).item())
    assert far[0] > 1.5 * far[1] > 1.5**2 * far[2]


class Gradients(Repair):
    """Writes down the gradients of the weights that begin with ``encoder.`` in one step."""

    name = "gradients of the body"

    def before_step(self, model, batch):
        self.body = {id(p) for p in model.encoder.parameters()}

    def gradients(self, params):
        self.found = np.concatenate([p.grad.ravel() for p in params if id(p) in self.body])


def test_with_a_weight_without_end_the_task_teaches_the_body_nothing():
    change = {}
    for weight in (0.0, 1e9):
        found = []
        for labels in (DATA.labels, 1 - DATA.labels):
            model, mlm = models()
            repairs = [held(mlm, weight), Gradients()]
            moved(mlm.encoder)
            steps_of(model, repairs, DATA.replace(labels=labels), epochs=1, batch_size=6)
            found.append(repairs[1].found)
        change[weight] = np.linalg.norm(found[0] - found[1]) / np.linalg.norm(found[0])
    assert change[0.0] > 0.5 and change[1e9] < 1e-6


def test_packs_and_threads_change_no_bit(bits, monkeypatch):
    monkeypatch.setattr(packs, "PACK", 8)
    found = []
    try:
        for threads in (1, 2):
            set_threads(threads)
            model, mlm = models(dropout=0.1)
            steps = steps_of(model, [held(mlm)], batch_size=6)
            found.append((steps, bits(model)))
    finally:
        set_threads(1)
    assert found[0] == found[1]


def test_a_frozen_body_keeps_every_bit_and_the_head_learns(bits):
    model, mlm = models()
    freeze_body(model)
    body, head = bits(mlm.encoder), bits(model.head())
    steps_of(model, [held(mlm)])
    assert bits(mlm.encoder) == body and bits(model.head()) != head


def test_it_keeps_what_plain_training_forgets_without_any_text_of_before(small):
    options = {"epochs": 8, "every": 1000}
    plain = small.curve(*small.models(), **options)
    model, mlm = small.models()
    kept = small.curve(model, mlm, [held(mlm, 0.3)], **options)
    assert plain.rise[-1] > 0.1 and kept.rise[-1] < 0.5 * plain.rise[-1]


# ---- what is refused ----


@pytest.mark.parametrize("options, words", [
    ({"weight": -1.0}, "LwF: weight is -1.0"), ({"weight": np.inf}, "LwF: weight is inf"),
    ({"temperature": 0.0}, "LwF: temperature is 0.0"),
])
def test_options_that_cannot_work_are_refused(options, words):
    with pytest.raises(ConfigError, match=words):
        held(models()[1], **options)


def test_another_encoder_and_one_without_a_tokenizer_are_refused(bits):
    (model, _), (_, other) = models(), models()
    before = bits(model)
    with pytest.raises(ConfigError, match="LwF: the model that trains has another encoder"):
        steps_of(model, [held(other)])
    assert bits(model) == before
    with pytest.raises(ConfigError, match="the heads of the model are classes; give the one with the masked-token"):
        held(model)
    other.encoder.tokenizer = None
    with pytest.raises(ConfigError, match="LwF: the encoder has no tokenizer"):
        held(other)
