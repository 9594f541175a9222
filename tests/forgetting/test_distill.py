"""Distillation: nothing to learn from an equal teacher, the term by hand, its parts, its limits."""

import numpy as np
import pytest

from npft.autograd.gradcheck import gradcheck
from npft.autograd.tensor import Tensor
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.encoder.model import Model, Part, copy_of
from npft.errors import ConfigError
from npft.finetune.regimes import freeze_body
from npft.finetune.train import fine_tune, fine_tune_steps
from npft.forgetting.distill import Distill
from npft.heads.answers import SpanFinder
from npft.heads.classes import Classes, Classifier
from npft.heads.crf import ChainTagger
from npft.heads.grades import Regressor
from npft.heads.tags import Tags, TokenClassifier
from npft.heads.words import MaskedLM
from npft.nn import packs
from npft.nn.history import History
from npft.pretraining.masking import mask_tokens
from npft.text.batch import IGNORE, Batch
from npft.text.bytes import ByteTokenizer

TOK = ByteTokenizer()
TEXTS = ["to be", "or", "not to be that", "is", "the question", "nobler"]


def body(seed=0, dropout=0.0):
    config = EncoderConfig(vocab_size=260, hidden_size=8, num_layers=1, num_heads=2,
                           intermediate_size=8, max_positions=20, dropout=dropout, init_std=0.3)
    return Encoder(config, tokenizer=TOK, rng=np.random.default_rng(seed))


def sure(model):
    """The same with larger weights in its heads, so that two such models say different things."""
    for head in model.heads.values():
        head.linear.weight.assign(20 * head.linear.weight.data)
    return model


def classifier(seed=0, k=3, **options):
    return sure(Classifier(body(seed, **options), k, rng=np.random.default_rng(seed)))


def tagger(seed=0):
    rng = np.random.default_rng(seed)
    return sure(TokenClassifier(body(seed), ["a", "b", "c"], rng=rng))


def two_heads(seed=0):
    encoder, rng = body(seed), np.random.default_rng(seed)
    return Model(encoder, {"topic": Classes(encoder, ["x", "y"], rng=rng),
                           "tags": Tags(encoder, ["a", "b", "c"], rng=rng)})


def batch_for(model, n=6):
    batch = TOK(TEXTS[:n], labels=np.arange(n) % 2)
    labels = np.arange(len(batch.ids)) % 3
    labels[batch.sequence % 3 == 1] = IGNORE  # some sequences have no label for a tagger
    labels[::4] = IGNORE
    return batch.replace(token_labels=labels)


def term(repair, model, batch):
    """The repair's term on a whole batch, as a step of training asks for it."""
    repair.before_step(model, batch)
    total = None
    for part in model.packs(batch, 1 << 30):
        total = repair.loss(model, part, model.loss(part).scores)
    return total


def steps_of(model, repairs, data, **options):
    options = {"epochs": 1, "batch_size": 6, "lr": 1e-3, **options}
    return list(fine_tune_steps(model, data, History(), repairs=repairs, **options,
                                rng=np.random.default_rng(0)))


# ---- the term ----


@pytest.mark.parametrize("make", [classifier, tagger])
def test_an_equal_teacher_teaches_nothing(make):
    model = make().astype(np.float64)
    repair = Distill(copy_of(make()).astype(np.float64))
    found = term(repair, model, batch_for(model))
    assert found.item() == pytest.approx(0, abs=1e-15)
    found.backward()
    assert all(p.grad is None or np.abs(p.grad).max() < 1e-15 for p in model.parameters())


class Said(Classifier):
    """A model that says what it is told to."""

    def scores(self, batch, rng=None, heads=()):
        return {"classes": Tensor(np.asarray(self.told, float))}


def told(scores):
    model = Said(body(), len(scores[0]), rng=np.random.default_rng(0))
    model.told = scores
    return model


def whole(batch, head="classes"):
    return Part(batch, {head: 1.0})


def test_the_term_worked_by_hand():
    # at T = 1 the teacher says 3/4 and 1/4, the student 1/2 and 1/2: 3/4 log 3/2 + 1/4 log 1/2
    teacher, batch = told([[np.log(3), 0.0]]), TOK(["a"])
    scores = {"classes": Tensor([[5.0, 5.0]], requires_grad=True)}
    found = Distill(teacher, temperature=1.0).loss(classifier(k=2), whole(batch), scores)
    assert found.item() == pytest.approx(0.75 * np.log(1.5) + 0.25 * np.log(0.5), abs=1e-12)
    # the gradient is what the student says less what the teacher says
    found.backward()
    np.testing.assert_allclose(scores["classes"].grad, [[-0.25, 0.25]], rtol=0, atol=1e-12)


def test_temperature_softens_both_and_its_square_keeps_the_size():
    # at T = 2 the teacher's 2 log 3 and 0 are again 3/4 and 1/4, and the term counts 4 times
    teacher, batch = told([[2 * np.log(3), 0.0]]), TOK(["a"])
    scores = {"classes": Tensor([[1.0, 1.0]])}
    kl = 0.75 * np.log(1.5) + 0.25 * np.log(0.5)
    for weight in (1.0, 0.5, 0.0):
        repair = Distill(teacher, weight=weight, temperature=2.0)
        found = repair.loss(classifier(k=2), whole(batch), scores)
        assert found.item() == pytest.approx(weight * 4 * kl, abs=1e-12)


def test_the_term_is_a_mean_over_the_sequences():
    teacher, batch = told([[np.log(3), 0.0], [1.0, 1.0]]), TOK(["a", "b"])
    scores = {"classes": Tensor([[0.0, 0.0], [0.0, 0.0]])}
    found = Distill(teacher, temperature=1.0).loss(classifier(k=2), whole(batch), scores)
    kl = 0.75 * np.log(1.5) + 0.25 * np.log(0.5)
    assert found.item() == pytest.approx(kl / 2, abs=1e-12)


def test_of_tags_it_is_a_mean_over_the_tokens_with_a_label():
    model, teacher = tagger().astype(np.float64), tagger(1).astype(np.float64)
    batch = batch_for(model)
    found = term(Distill(teacher, temperature=1.0), model, batch).item()
    p, q = (np.exp(m.eval().scores(batch)["tags"].data) for m in (teacher, model))
    p, q = (x / x.sum(axis=1, keepdims=True) for x in (p, q))
    rows = batch.token_targets()[0]
    assert 0 < len(rows) < len(batch.ids) / 2
    assert found == pytest.approx((p * np.log(p / q)).sum(axis=1)[rows].mean(), abs=1e-12)


def test_the_gradient_is_the_derivative():
    teacher = told(np.random.default_rng(0).standard_normal((3, 4)))
    repair, batch = Distill(teacher, temperature=3.0, weight=0.7), TOK(["a", "b", "c"])
    gradcheck(lambda x: repair.loss(classifier(k=4), whole(batch), {"classes": x}),
              np.random.default_rng(1).standard_normal((3, 4)), rng=np.random.default_rng(2))


@pytest.mark.parametrize("make", [classifier, tagger])
@pytest.mark.parametrize("size", [1, 2, 4])
def test_the_parts_of_a_batch_add_up(make, size):
    model, teacher = make().astype(np.float64), make(1).astype(np.float64)
    repair, batch = Distill(teacher), batch_for(model)
    expected = term(repair, model, batch)
    expected.backward()
    gradients = {n: p.grad for n, p in model.named_parameters()}
    model.zero_grad()
    value = 0.0
    for part in model.packs(batch, size):
        found = repair.loss(model, part, model.loss(part).scores)
        found.backward()
        value += found.item()
    assert value == pytest.approx(expected.item(), abs=1e-12) and value > 0.05
    for n, p in model.named_parameters():
        np.testing.assert_allclose(p.grad, gradients[n], rtol=0, atol=1e-12, err_msg=n)


def test_one_of_several_heads_is_held_and_parts_of_the_other_have_no_term():
    model, teacher = two_heads(), two_heads(1)
    repair = Distill(teacher, head="tags")
    data = {"topic": TOK(TEXTS, labels=[0, 1] * 3), "tags": batch_for(model)}
    repair.before_step(model, data)
    terms = [repair.loss(model, p, model.loss(p).scores) for p in model.packs(data)]
    assert terms[0] is None and terms[1].item() > 0
    (step,) = steps_of(model, [repair], data, batch_size=12)
    assert step.parts["distill"] == pytest.approx(terms[1].item(), rel=1e-5)
    assert step.loss == pytest.approx(sum(step.parts.values()), rel=1e-6)


def test_a_masked_language_model_is_held_at_its_masks():
    rng = np.random.default_rng(0)
    model, teacher = (MaskedLM(body(s), nsp=False, rng=rng).astype(np.float64) for s in (0, 1))
    masked = mask_tokens(TOK(TEXTS), TOK, rng=rng)
    found = term(Distill(teacher, "mlm", temperature=1.0), model, masked).item()
    p, q = (np.exp(m.eval().scores(masked)["mlm"].data) for m in (teacher, model))
    p, q = (x / x.sum(axis=1, keepdims=True) for x in (p, q))
    assert len(p) == masked.n_targets
    assert found == pytest.approx((p * np.log(p / q)).sum(axis=1).mean(), abs=1e-12)


# ---- in training ----


def test_the_term_is_one_of_the_parts_of_a_step_however_it_is_cut(monkeypatch):
    found = []
    for pack in (10**9, 8):
        monkeypatch.setattr(packs, "PACK", pack)
        model = classifier().astype(np.float64)
        repair = Distill(classifier(1).astype(np.float64))
        (step,) = steps_of(model, [repair], TOK(TEXTS, labels=np.arange(6) % 3))
        assert set(step.parts) == {"classes", "distill"}
        assert step.loss == pytest.approx(sum(step.parts.values()), abs=1e-12)
        found.append(step)
    assert found[0].parts == pytest.approx(found[1].parts, abs=1e-9)
    assert found[0].grad_norm == pytest.approx(found[1].grad_norm, abs=1e-9)


def test_the_teacher_keeps_every_bit_and_draws_no_dropout():
    model, teacher = classifier(dropout=0.1), classifier(1, dropout=0.5)
    before = [p.data.tobytes() for p in teacher.parameters()]
    teacher.train()
    data = TOK(TEXTS * 4, labels=np.arange(24) % 3)
    steps_of(model, [Distill(teacher)], data, epochs=2)
    assert [p.data.tobytes() for p in teacher.parameters()] == before
    assert not any(m.training for m in teacher.modules())
    assert all(p.grad is None for p in teacher.parameters())


def test_a_teacher_may_train_again_after_it_has_taught():
    teacher, student = classifier(1), classifier()
    free = [p.requires_grad for p in teacher.parameters()]
    data = TOK(TEXTS, labels=[0, 1, 2, 0, 1, 2])
    fine_tune(student, data, epochs=1, repairs=[Distill(teacher)], rng=np.random.default_rng(0))
    assert [p.requires_grad for p in teacher.parameters()] == free and all(free)
    assert all(p.grad is None for p in teacher.parameters())


def test_what_the_teacher_says_is_kept_on_new_texts_of_the_old_kind():
    """The student learns other labels for the same texts; held, it stays nearer to the teacher."""
    data = TOK(TEXTS * 4, labels=np.arange(24) % 3)
    teacher = classifier(1)
    fine_tune(teacher, TOK(TEXTS * 4, labels=(np.arange(24) + 1) % 3), epochs=30, lr=1e-2,
              rng=np.random.default_rng(0))
    old, far = teacher.logits(data), []
    for weight in (0.0, 1.0, 10.0):
        model = copy_of(teacher)
        fine_tune(model, data, epochs=20, lr=1e-2, rng=np.random.default_rng(0),
                  repairs=[Distill(copy_of(teacher), weight=weight)])
        far.append(np.abs(model.logits(data) - old).mean())
    assert far[0] > 1.3 * far[1] > 1.3**2 * far[2]


def test_weight_0_is_plain_training():
    plain, held = classifier(), classifier()
    data = TOK(TEXTS, labels=np.arange(6) % 3)
    steps_of(plain, [], data, epochs=3)
    steps_of(held, [Distill(classifier(1), weight=0.0)], data, epochs=3)
    for a, b in zip(plain.parameters(), held.parameters()):
        np.testing.assert_allclose(a.data, b.data, rtol=0, atol=1e-6)


def test_a_frozen_body_can_be_held_as_well():
    model = classifier()
    freeze_body(model)
    before = [p.data.tobytes() for p in model.encoder.parameters()]
    steps_of(model, [Distill(classifier(1))], TOK(TEXTS, labels=np.arange(6) % 3))
    assert [p.data.tobytes() for p in model.encoder.parameters()] == before


# ---- what is refused ----


def test_a_teacher_that_shares_its_encoder_is_refused_and_nothing_is_frozen():
    model = classifier()
    before = [p.data.tobytes() for p in model.parameters()]
    teacher = Classifier(model.encoder, 3, rng=np.random.default_rng(1))
    for shared in (model, teacher):
        with pytest.raises(ConfigError, match="teacher and student share their encoder"):
            steps_of(model, [Distill(shared)], TOK(TEXTS, labels=np.arange(6) % 3))
    assert all(p.requires_grad for p in model.parameters())
    assert [p.data.tobytes() for p in model.parameters()] == before
    steps_of(model, [Distill(copy_of(model))], TOK(TEXTS, labels=np.arange(6) % 3))


@pytest.mark.parametrize("kind, batch", [
    (Regressor, TOK(TEXTS, labels=np.linspace(0, 5, 6))),
    (SpanFinder, Batch(np.arange(9), [0, 4, 9], token_types=[0, 0, 1, 1, 0, 0, 1, 1, 1],
                       spans=[(2, 2), (2, 3)])),
])
def test_a_head_that_does_not_choose_among_classes_is_refused(kind, batch):
    model, teacher = (kind(body(s), rng=np.random.default_rng(s)) for s in (0, 1))
    with pytest.raises(ConfigError, match="does not choose among classes"):
        term(Distill(teacher), model, batch)


def test_a_chain_and_a_head_that_weighs_its_classes_are_refused_whatever_they_count():
    """Weights may add up to the number of sequences, and words may be tokens, by chance."""
    names, rng = ["O", "B-x", "I-x"], np.random.default_rng(0)
    chain = ChainTagger(body(), names, rng=rng)
    weighing = Classifier(body(), 2, class_weights=[0.5, 1.5], rng=rng)
    for model in (chain, weighing):
        with pytest.raises(ConfigError, match="does not choose among classes, each by itself"):
            term(Distill(copy_of(model)), model, batch_for(model))


@pytest.mark.parametrize("options, words", [
    ({"weight": -1.0}, "weight is -1.0"), ({"weight": np.nan}, "weight is nan"),
    ({"temperature": 0.0}, "temperature is 0.0"), ({"temperature": np.inf}, "temperature is inf"),
    ({"head": "spam"}, "head is 'spam', expected one of classes"),
])
def test_options_that_cannot_work_are_refused(options, words):
    with pytest.raises(ConfigError, match=words):
        Distill(classifier(), **options)


def test_a_student_without_the_head_of_the_teacher_is_refused():
    model = Model(body(), {"topic": Classes(body(), list("abc"), rng=np.random.default_rng(0))})
    with pytest.raises(ConfigError, match="the model has no head 'classes'; it has topic"):
        steps_of(model, [Distill(classifier(seed=1))], TOK(TEXTS, labels=np.arange(6) % 3))


def test_which_of_several_heads_must_be_said():
    with pytest.raises(ConfigError, match="head is None, expected one of topic, tags"):
        Distill(two_heads())


def test_a_teacher_with_other_classes_or_in_another_order_is_refused():
    def named(seed, *names):
        return Classifier(body(seed), len(names), label_names=names, rng=np.random.default_rng(seed))

    student = named(1, "spam", "ham")
    data = student.tokenize(TEXTS, labels=[0, 1] * 3)
    steps_of(student, [Distill(named(0, "spam", "ham"))], data)
    for names in (("ham", "spam"), ("spam", "ham", "news")):
        with pytest.raises(ConfigError, match="Distill: the head 'classes' had the label_names"):
            steps_of(student, [Distill(named(0, *names))], data)


@pytest.mark.parametrize("teacher", [None, 3, body()])
def test_a_teacher_that_is_no_model_is_refused(teacher):
    with pytest.raises(ConfigError, match="Distill: the teacher: model is"):
        Distill(teacher)
