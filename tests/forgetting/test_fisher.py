"""The Fisher information: squares of one example at a time, in closed form and against a loop."""

import numpy as np
import pytest

from npft.autograd import ops
from npft.autograd.kernels import take_rows
from npft.autograd.losses import softmax_cross_entropy
from npft.autograd.machine import threads
from npft.encoder.head import Head
from npft.encoder.model import Model
from npft.errors import ConfigError, DataError, DtypeError, NonFiniteError
from npft.finetune.features import cached
from npft.finetune.regimes import freeze_body
from npft.forgetting.fisher import diagonal_fisher, mean_of, squared_gradients
from npft.heads.classes import Classifier
from npft.heads.crf import ChainTagger
from npft.heads.grades import Regressor
from npft.heads.tags import TokenClassifier
from npft.heads.words import MaskedLM
from npft.nn.module import Module, Parameter
from npft.pretraining.masking import mask_tokens
from npft.text.batch import IGNORE, Batch


class Weight(Module):
    """A body of one weight: each token x is read as w x."""

    def __init__(self, w):
        self.w = Parameter([float(w)])

    def forward(self, batch, rng=None):
        return self.w * batch.ids[:, None].astype(float)


class Logit(Head):
    """p(1) = sigmoid(w x) of the first token."""

    def forward(self, hidden, batch, rng=None):
        return ops.matmul(take_rows(hidden, rows=batch.offsets[:-1]), np.array([[0.0, 1.0]]))

    def loss(self, scores, batch):
        return softmax_cross_entropy(scores, targets=batch.labels)


def logistic(w):
    return Model(Weight(w), {"logit": Logit()})


def texts(xs, labels=None):
    return Batch(xs, np.arange(len(xs) + 1), labels=labels)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


# ---- logistic regression with one weight ----


@pytest.mark.parametrize("w", [-1.3, 0.0, 0.4, 2.0])
def test_with_both_labels_weighed_by_p_it_is_the_mean_of_p_1_minus_p_x_squared(w):
    model, xs = logistic(w), np.array([1, 2, 3, 5])
    p = sigmoid(w * xs)
    found = 0.0
    for x, ones in zip(xs, p):
        for label, weight in ((1, ones), (0, 1 - ones)):
            found += weight * diagonal_fisher(model, texts([x], [label]))["w"][0] / len(xs)
    assert found == pytest.approx((p * (1 - p) * xs**2).mean(), rel=1e-12)


def at_the_optimum():
    """w = log 3 says 3/4 of the x = 1 and 9/10 of the x = 2, and just that is true of the data."""
    labels = np.array([1, 1, 1, 0] + [1] * 9 + [0])
    return logistic(np.log(3)), texts(np.array([1] * 4 + [2] * 10), labels)


def test_at_the_optimum_it_is_the_closed_form_and_the_square_of_the_mean_is_0():
    model, batch = at_the_optimum()
    (found,) = diagonal_fisher(model, batch)["w"]
    assert found == pytest.approx((4 * 3 / 16 * 1**2 + 10 * 9 / 100 * 2**2) / 14, rel=1e-12)
    model.loss(batch).total.backward()
    assert abs(model.body.w.grad[0]) < 1e-15


def test_it_is_the_square_of_the_mean_plus_the_variance_between_examples():
    model, batch = logistic(0.3), at_the_optimum()[1]
    each = (np.asarray(batch.labels) - sigmoid(0.3 * batch.ids)) * batch.ids
    (found,) = diagonal_fisher(model, batch)["w"]
    assert found == pytest.approx(each.mean() ** 2 + each.var(), rel=1e-12)
    assert each.mean() ** 2 < 0.5 * found


def test_labels_are_drawn_as_often_as_the_model_says():
    n = 400
    (found,) = diagonal_fisher(
        logistic(np.log(3)), texts(np.ones(n, int)), labels="drawn", rng=np.random.default_rng(0)
    )["w"]
    ones = (9 / 16 - found) * n / (8 / 16)  # a 1 adds 1/16, a 0 adds 9/16
    assert ones == pytest.approx(round(ones), abs=1e-9)
    assert abs(ones / n - 3 / 4) < 3 * np.sqrt(3 / 16 / n) and 0 < ones < n


def test_what_is_drawn_does_not_depend_on_the_labels_that_are_there():
    model, batch = at_the_optimum()
    draws = [diagonal_fisher(model, b, labels="drawn", rng=np.random.default_rng(seed))["w"][0]
             for b, seed in ((batch, 0), (batch.replace(labels=None), 0), (batch, 1))]
    assert draws[0] == draws[1] != draws[2]


# ---- real models ----


def masked_model(small, n=5):
    mlm = small.models()[1].astype(np.float64)
    texts = [" ".join(d) for d in small.documents[:n]]
    batch = small.tok([t[: 20 + 4 * i] for i, t in enumerate(texts)])
    return mlm, mask_tokens(batch, small.tok, rate=0.3, rng=np.random.default_rng(0))


def test_of_a_masked_language_model_an_example_is_a_sequence_with_all_its_masks(small):
    mlm, masked = masked_model(small)
    found = diagonal_fisher(mlm, masked, "mlm")
    assert list(found) == [n for n, _ in mlm.encoder.named_parameters()]
    assert len({masked[i : i + 1].n_targets for i in range(5)}) > 1
    expected = {n: 0.0 for n in found}
    mlm.eval()
    for i in range(5):
        one = masked[i : i + 1]
        mlm.zero_grad()
        (mlm.loss(one).total * one.n_targets).backward()  # minus the sum of log p
        for n, p in mlm.encoder.named_parameters():
            expected[n] = expected[n] + p.grad**2 / 5
    mlm.zero_grad()
    mlm.loss(masked).total.backward()
    for n, p in mlm.encoder.named_parameters():
        np.testing.assert_allclose(found[n], expected[n], rtol=1e-9, atol=1e-18, err_msg=n)
        assert (found[n] >= 0).all()
    squared_mean = sum(float((p.grad**2).sum()) for p in mlm.encoder.parameters())
    assert mean_of(found) * mlm.encoder.num_parameters() > 5 * squared_mean


def test_the_model_is_left_as_it_was_and_dropout_is_off(small, bits):
    model = small.models(dropout=0.5)[0]
    freeze_body(model, last=1)
    model.train()
    model.encoder.embeddings.eval()
    for p in model.parameters():
        p.grad = np.ones_like(p.data)
    before, modes = bits(model), [m.training for m in model.modules()]
    flags = [p.requires_grad for p in model.parameters()]
    found = diagonal_fisher(model, small.train[:4])
    assert bits(model) == before and [m.training for m in model.modules()] == modes
    assert [p.requires_grad for p in model.parameters()] == flags
    assert all((p.grad == 1).all() for p in model.parameters())
    plain = diagonal_fisher(small.models()[0], small.train[:4])  # no dropout, nothing frozen
    for n, f in found.items():
        np.testing.assert_array_equal(f, plain[n])
        assert f.dtype == np.float32
    assert all(f.any() for n, f in found.items() if f.ndim > 1)  # frozen ones, too


def test_a_failure_leaves_the_model_as_it_was(small):
    model = small.models()[0]
    freeze_body(model)
    model.head().linear.weight.assign(np.full((2, 16), np.nan))
    with pytest.raises(FloatingPointError, match="the output of the head 'classes' is not finite"):
        diagonal_fisher(model.train(), small.train[:2])
    assert not any(p.requires_grad for p in model.encoder.parameters()) and model.training


def test_any_number_of_threads_gives_the_same_bits(small):
    mlm, masked = masked_model(small)
    found = []
    for n in (1, 2):
        with threads(n):
            rng = np.random.default_rng(0)
            found.append(diagonal_fisher(mlm, masked, "mlm", "drawn", rng=rng))
    assert all(found[0][n].tobytes() == found[1][n].tobytes() for n in found[0])


def test_remembered_hidden_states_are_not_used_for_the_weights_behind_them(small):
    model, batch = small.models()[0], small.train[:3]
    expected = mean_of(diagonal_fisher(model, batch))
    freeze_body(model)
    with cached(model, batch):
        assert mean_of(diagonal_fisher(model, batch)) == expected > 0


def test_sequences_of_which_nothing_is_asked_are_no_examples(small):
    model = TokenClassifier(small.models()[0].encoder, ["a", "b"], rng=np.random.default_rng(0))
    batch = small.train[:4]
    labels = np.where((batch.sequence % 2 == 0) & (batch.words >= 0), batch.ids % 2, IGNORE)
    batch = batch.replace(token_labels=labels)
    rng = np.random.default_rng(0)
    found, alone = diagonal_fisher(model, batch), diagonal_fisher(model, batch[[0, 2]])
    drawn = diagonal_fisher(model, batch, labels="drawn", rng=rng)
    assert all((found[n] == alone[n]).all() for n in found) and mean_of(found) > 0
    assert mean_of(drawn) > 0 and not all((drawn[n] == found[n]).all() for n in found)


def test_any_head_has_a_fisher_of_its_own_labels(small):
    encoder, rng = small.models()[0].encoder, np.random.default_rng(0)
    batch = small.train[:3]
    smooth = Classifier(encoder, 2, smoothing=0.1, rng=rng)
    grades = batch.replace(labels=np.array([0.0, 2.5, 5.0]))
    tags = batch.replace(token_labels=np.where(batch.words >= 0, 0, IGNORE))
    for model, data in ((Regressor(encoder, rng=rng), grades), (smooth, batch),
                        (ChainTagger(encoder, ["O", "B-x", "I-x"], rng=rng), tags)):
        assert mean_of(diagonal_fisher(model, data)) > 0
        with pytest.raises(ConfigError, match="does not choose among classes, each by itself"):
            diagonal_fisher(model, data, labels="drawn", rng=rng)


def test_a_weight_that_a_term_does_not_depend_on_does_not_matter():
    used, other = Parameter([2.0]), Parameter([[1.0]])
    found = squared_gradients((used * 3.0).sum(), [used, other])
    assert [f.tolist() for f in found] == [[9.0], [[0.0]]]


# ---- what is refused ----


@pytest.mark.parametrize("options, words", [
    ({"labels": "true"}, "labels is 'true', expected one of given, drawn"),
    ({"labels": "drawn"}, "rng is None, expected a generator"),
    ({"head": "spam"}, "head is 'spam', expected one of classes"),
])
def test_options_that_cannot_work_are_refused(small, options, words):
    with pytest.raises(ConfigError, match=words):
        diagonal_fisher(small.models()[0], small.train[:2], **options)


def test_data_without_examples_are_refused(small):
    model, rng = small.models()[0], np.random.default_rng(0)
    mlm = MaskedLM(model.encoder, nsp=False, rng=rng)
    with pytest.raises(DataError, match="no labelled example"):
        diagonal_fisher(model, small.train[:2].replace(labels=None))
    with pytest.raises(DataError, match="no token of the batch has a label"):
        diagonal_fisher(mlm, small.train[:2], labels="drawn", rng=rng)
    for nothing in (small.train[:0], ["cat"]):
        with pytest.raises(DataError):
            diagonal_fisher(model, nothing)
        with pytest.raises(DataError, match="expected a Batch of at least one sequence"):
            diagonal_fisher(model, nothing, labels="drawn", rng=rng)
    with pytest.raises(ConfigError, match="a Words has no body to hold"):
        diagonal_fisher(mlm.heads["mlm"], small.train[:2])


@pytest.mark.parametrize("labels", ["given", "drawn"])
def test_the_weights_of_classes_are_no_matter_of_the_posterior(small, labels):
    model, _ = small.models()

    def found(weights):
        model.head().class_weights = weights
        return diagonal_fisher(model, small.test[:8], labels=labels, rng=np.random.default_rng(0))

    plain = found(None)
    for weights in ([3.0, 3.0], [0.5, 7.0]):
        for name, f in found(weights).items():
            np.testing.assert_allclose(f, plain[name], rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("fisher, error", [
    ({"a": []}, ConfigError), ({}, ConfigError), (None, ConfigError),
    ({"a": [1.0, np.nan]}, NonFiniteError), ({"a": [np.inf]}, NonFiniteError),
    ({"a": ["x"]}, DtypeError),
])
def test_what_has_no_mean_is_refused(fisher, error):
    with pytest.raises(error, match="mean_of"):
        mean_of(fisher)
