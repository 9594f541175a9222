"""The head swap: what the new head shares with the body, what freezing keeps, and predictions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.autograd.tensor import Tensor, grad
from npft.encoder.checkpoint import save
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.encoder.head import Asked, Head
from npft.encoder.model import Model
from npft.encoder.pooling import HEAD_POOLS, POOLS, pool
from npft.errors import ConfigError, DataError, DtypeError, IdError
from npft.finetune.regimes import freeze_body
from npft.finetune.train import evaluate, fine_tune
from npft.heads.classes import Classes, Classifier, balanced_weights
from npft.heads.words import MaskedLM
from npft.loading import load
from npft.metrics.curves import roc_auc
from npft.nn.module import train_mode
from npft.text.batch import Batch
from npft.text.bytes import ByteTokenizer
from npft.text.examples import Examples

TOK = ByteTokenizer()
TEXTS = ["to be", "or", "not to be that", "is", "the question here", "nobler", "in"]


def body(layers=2, dropout=0.0, tokenizer=TOK, seed=0, norm="pre"):
    rng = np.random.default_rng(seed)
    config = EncoderConfig(
        vocab_size=260, hidden_size=8, num_layers=layers, num_heads=2, intermediate_size=8,
        max_positions=20, dropout=dropout, norm=norm, init_std=0.3)
    return Encoder(config, tokenizer=tokenizer, rng=rng)


def classifier(num_labels=2, pool="mean", label_names=None, seed=0, **options):
    rng = np.random.default_rng(seed + 100)
    return Classifier(body(seed=seed, **options), num_labels, pool, label_names, rng=rng)


def bits(module):
    return {name: array.tobytes() for name, array in module.state_dict().items()}


def changed(before, after):
    return {name for name in before if before[name] != after[name]}


def train(model, **options):
    batch = model.tokenize(TEXTS, labels=np.arange(len(TEXTS)) % model.num_labels)
    fine_tune(model, batch, epochs=2, batch_size=4, **options, rng=np.random.default_rng(1))


# ---- the swap ----


def test_a_head_swap_keeps_the_very_body():
    encoder = body()
    mlm = MaskedLM(encoder, rng=np.random.default_rng(0))
    before = bits(encoder)
    a, b = (Classifier(mlm.body, 2, rng=np.random.default_rng(s)) for s in (1, 2))
    assert a.body is b.encoder is mlm.encoder is encoder and bits(encoder) == before
    # training one model's body is training the other's
    train(a)
    assert bits(b.body) == bits(mlm.body) == bits(a.body) != before


def test_the_logits_are_the_linear_map_of_the_pooled_states():
    for kind in POOLS:
        model = classifier(3, kind).eval()
        batch = TOK(TEXTS[:4])
        pooled = pool(model.encoder(batch), batch, kind).data
        linear = model.head().linear
        expected = pooled @ linear.weight.data.T + linear.bias.data
        assert np.allclose(model(batch).data, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("options, words", [
    ({"num_labels": 1}, "num_labels is 1 with 1 names; expected at least 2"),
    ({"num_labels": 0}, "num_labels is 0"),
    ({"num_labels": 2.0}, "num_labels is 2.0, expected a whole number"),
    ({"num_labels": "2"}, "num_labels is '2', expected a whole number"),
    ({"num_labels": 2, "label_names": ["a"]}, "num_labels is 2 with 1 names"),
    ({"num_labels": 2, "label_names": ["a", "b", "c"]}, "num_labels is 2 with 3 names"),
    ({"num_labels": 2, "label_names": ["a", "a"]}, "expected at least two, all different"),
    ({"num_labels": 2, "pool": "sum"}, "kind is 'sum', expected one of mean"),
])
def test_a_head_that_cannot_work_is_refused(options, words):
    with pytest.raises(ConfigError, match=words):
        classifier(**options)


def test_names_that_are_no_strings_are_refused():
    with pytest.raises(DtypeError, match=r"label_names\[0\] is int, expected str"):
        classifier(2, label_names=[0, 1])
    with pytest.raises(DtypeError, match="label_names is one string, expected a list of strings"):
        classifier(2, label_names="ab")


def test_a_seed_is_no_generator_for_the_weights_of_a_head():
    with pytest.raises(ConfigError, match="rng is 3, expected a generator"):
        Classifier(classifier().encoder, 2, rng=3)


# ---- labels ----


def test_labels_go_by_their_names_and_not_all_names_need_occur():
    model = classifier(3, label_names=["ham", "spam", "jam"])
    examples = Examples(["a", "b"], [0, 0], ["jam", "ham"])
    assert model.batch_of(examples).labels.tolist() == [2, 2]
    assert model.batch_of(Examples(["a"], [1], ["jam", "spam"])).labels.tolist() == [1]


def test_names_of_grades_are_refused():
    model = classifier(label_names=["ham", "spam"])
    with pytest.raises(DataError, match="the labels have names, ham, spam, but are float64, grades"):
        model.batch_of(Examples(["a", "b"], [0.0, 1.0], ["ham", "spam"]))


def test_examples_without_labels_make_a_batch_without_labels():
    model = classifier(label_names=["ham", "spam"])
    assert model.batch_of(Examples(["a", "b"], None, ["ham", "spam"])).labels is None


@pytest.mark.parametrize("label", [2, 3, 9])
def test_a_label_of_no_class_is_refused(label):
    with pytest.raises(DataError, match=f"label {label} is not one of the model's 2 classes"):
        classifier().check(TOK(["a", "b"]).replace(labels=[0, label]))


# ---- predictions ----


def test_predictions_have_the_names_and_the_order_of_the_texts():
    names = ["ham", "spam", "jam"]
    model = classifier(3, label_names=names, seed=2).eval()
    texts = [TEXTS[i % 7] + " " * (i % 3) for i in np.random.default_rng(0).permutation(150)]
    p = model.predict_proba(texts)
    assert p.shape == (150, 3) and np.allclose(p.sum(axis=1), 1, rtol=0, atol=1e-6)
    for text, row in zip(texts, p):
        z = model(TOK([text], max_length=20)).data[0].astype(float)
        assert np.allclose(row, np.exp(z) / np.exp(z).sum(), rtol=0, atol=1e-5)
    assert model.predict(texts) == [names[k] for k in p.argmax(axis=1)]
    assert len(set(model.predict(texts))) > 1


def test_pairs_are_predicted_as_pairs():
    model = classifier().eval()
    p = model.predict_proba(["to be"], ["or not"])
    expected = model(TOK(["to be"], ["or not"])).data
    assert np.argmax(p) == np.argmax(expected)
    assert not np.allclose(p, model.predict_proba(["to be"]))


def test_no_texts_have_no_predictions():
    model = classifier(3)
    assert model.predict([]) == [] and model.predict_proba([]).shape == (0, 3)


def test_names_are_numbers_by_default():
    assert classifier(3).label_names == ["0", "1", "2"]
    assert set(classifier(2).predict(TEXTS)) <= {"0", "1"}


def test_a_long_text_is_cut_and_counted():
    batch = classifier().tokenize(["a" * 99, "b"])
    assert batch.lengths.tolist() == [20, 3] and batch.n_truncated == 1


def test_a_body_without_a_tokenizer_cannot_take_texts():
    with pytest.raises(ConfigError, match="no tokenizer; pass one to Encoder"):
        classifier(tokenizer=None).predict(["a"])


lengths = st.lists(st.integers(1, 20), min_size=1, max_size=9)


@given(lengths, st.integers(0, 99))
def test_logits_keep_the_order_of_the_batch(lengths, seed):
    model = classifier().eval()
    ids = np.random.default_rng(seed).integers(0, 260, sum(lengths))
    batch = Batch(ids, np.append(0, np.cumsum(lengths)))
    got = model.logits(batch)
    for row in range(len(batch)):
        assert np.allclose(got[row], model(batch[[row]]).data[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("last", [None, 0, 1])
def test_logits_leave_each_part_in_its_mode(last):
    model = classifier(dropout=0.5)
    if last is not None:
        freeze_body(model, last)
    for mode in (train_mode, lambda m: m.eval()):
        mode(model)
        modes = [m.training for m in model.modules()]
        first = model.logits(TOK(TEXTS))
        assert first.tobytes() == model.logits(TOK(TEXTS)).tobytes()
        assert [m.training for m in model.modules()] == modes


# ---- values ----


def head(names=("a", "b"), pool="mean", seed=0):
    return Classes(body(seed=seed), list(names), pool, rng=np.random.default_rng(seed))


def labelled(labels, lengths=None):
    """A batch of sequences of some lengths with these labels."""
    lengths = [1] * len(labels) if lengths is None else lengths
    ids = np.random.default_rng(0).integers(0, 260, sum(lengths))
    return Batch(ids, np.append(0, np.cumsum(lengths)), labels=labels)


def test_the_loss_worked_by_hand():
    # -log softmax([2, 0])[0] = log(1 + e^-2), -log softmax([0, 1])[0] = log(1 + e)
    scores, batch = Tensor([[2.0, 0.0], [0.0, 1.0]]), labelled([0, 0])
    expected = (np.log(1 + np.exp(-2)) + np.log(1 + np.e)) / 2
    assert head().loss(scores, batch).item() == pytest.approx(expected, abs=1e-12)
    # of 3 classes: scores log 1, log 2, log 5 are the probabilities 1/8, 2/8, 5/8
    scores = Tensor(np.log([[1.0, 2, 5]] * 3))
    found = head("abc").loss(scores, labelled([0, 1, 2])).item()
    assert found == pytest.approx(-np.log(1 / 8 * 2 / 8 * 5 / 8) / 3, abs=1e-12)


@pytest.mark.parametrize("k", [2, 3, 11])
def test_equal_scores_cost_log_k_and_perfect_ones_nothing(k):
    names, labels = [str(i) for i in range(k)], [0, k - 1, k // 2, 0]
    for level in (0.0, -7.0):
        found = head(names).loss(Tensor(np.full((4, k), level)), labelled(labels))
        assert found.item() == pytest.approx(np.log(k), abs=1e-12)
    perfect = 1e3 * np.eye(k)[labels]
    assert head(names).loss(Tensor(perfect), labelled(labels)).item() == 0
    assert head(names).loss(Tensor(-perfect), labelled(labels)).item() >= 1e3


def test_the_gradient_of_the_scores_is_the_softmax_less_the_label():
    scores = np.random.default_rng(0).standard_normal((3, 4))
    batch = labelled([3, 0, 1])
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    leaf = Tensor(scores, requires_grad=True)
    (found,) = grad(head("abcd").loss(leaf, batch), [leaf])
    np.testing.assert_allclose(found, (p - np.eye(4)[[3, 0, 1]]) / 3, rtol=0, atol=1e-12)


def test_the_likeliest_class_is_decided_and_of_equal_ones_the_first():
    scores = np.array([[0.0, 1, 2], [3, 1, 2], [1, 5, 5], [0, 0, 0]])
    assert head("abc").decide(scores, labelled([0] * 4)).tolist() == [2, 0, 1, 0]
    asked = Asked(["w", "x", "y", "z"], None, labelled([0] * 4), TOK)
    assert head("abc").decode(np.array([2, 0, 1, 0]), asked) == ["c", "a", "b", "a"]


def test_the_score_worked_by_hand():
    found = head().score(np.array([1, 1, 0, 0, 1, 0]), labelled([1, 0, 0, 1, 1, 1]))
    # TP 2, FP 1, FN 2, TN 1
    assert (found.accuracy, found.confusion.tolist()) == (0.5, [[1, 1], [2, 2]])
    assert (found.precision, found.recall, found.f1) == (2 / 3, 1 / 2, 4 / 7)


def test_pads_change_no_bit(check_pads):
    for kind in HEAD_POOLS:
        check_pads(classifier(3, kind), labelled([0, 2, 1, 1], [5, 1, 9, 3]))


def test_a_batch_may_be_cut_anywhere(check_cuts):
    check_cuts(classifier(3), labelled([0, 2, 1, 1, 0], [5, 1, 9, 3, 3]), [0.2] * 5)


def test_dropout_of_the_head_works_on_the_pooled_vector_in_training_alone():
    model = classifier(dropout=0.5)
    batch, hidden = labelled([0, 1], [3, 4]), Tensor(np.ones((7, 8), np.float32))
    quiet = model.eval().head()(hidden, batch).data
    assert (model.head()(hidden, batch, np.random.default_rng(0)).data == quiet).all()
    model.train()
    loud = model.head()(hidden, batch, np.random.default_rng(0)).data
    kept = np.random.default_rng(0)
    pooled = model.head().dropout(Tensor(np.ones((2, 8), np.float32)), kept).data
    assert set(np.unique(pooled)) == {0.0, 2.0} and not np.allclose(loud, quiet)
    np.testing.assert_allclose(loud, model.head().linear(Tensor(pooled)).data, rtol=0, atol=1e-6)


@pytest.mark.parametrize("batch, words", [
    (labelled([0, 1]).replace(labels=None), "the batch has no labelled example; give labels"),
    (labelled([0, 2]), r"label 2 is not one of the model's 2 classes \['a', 'b'\]"),
    (labelled([0.0, 1.0]), "label 1.0 is not one"),
    (Batch([], [0], labels=[]), "the batch has no labelled example"),
])
def test_labels_it_cannot_learn_from_are_refused(batch, words):
    with pytest.raises(DataError, match="Classes: " + words):
        head().check(batch)
    head().check(labelled([1, 0]))


def test_a_head_made_from_its_options_is_of_the_same_kind():
    first = head("abc", "max")
    again = Classes(body(), **first.options(), rng=np.random.default_rng(1))
    assert again.options() == first.options() == {
        "label_names": ["a", "b", "c"], "pool": "max", "positive": None, "class_weights": None,
        "smoothing": 0.0}
    assert Head.kinds[Classes.kind] is Classes


# ---- what curves are drawn from ----


@pytest.mark.parametrize("positive, column", [(None, 1), ("spam", 1), ("ham", 0)])
def test_margins_are_the_log_odds_of_the_positive_class(positive, column):
    model = Classifier(body(), 2, label_names=["ham", "spam"], positive=positive,
                       rng=np.random.default_rng(0))
    p = model.predict_proba(TEXTS)
    found = model.margins(model.tokenize(TEXTS))
    np.testing.assert_allclose(found, np.log(p[:, column] / p[:, 1 - column]), atol=1e-5)


def test_margins_keep_an_order_that_probabilities_lose():
    model = classifier()
    linear = model.head().linear
    linear.load_state_dict({k: v * 1e4 for k, v in linear.state_dict().items()})
    batch = model.tokenize(TEXTS)
    sure = model.predict_proba(TEXTS)[:, 1]
    assert len(set(sure.tolist())) < len(TEXTS) == len(set(model.margins(batch).tolist()))
    labels = model.margins(batch) > np.median(model.margins(batch))
    assert roc_auc(labels, model.margins(batch)) == 1 > roc_auc(labels, sure)


def test_margins_are_of_two_classes():
    with pytest.raises(ConfigError, match="margins: there are 3 classes, expected two"):
        classifier(3).margins(TOK(TEXTS))


# ---- weights of classes, and smoothed targets ----


def weighing(weights=(0.5, 2.0, 3.0), smoothing=0.0, names="abc"):
    return Classes(body(), list(names), class_weights=weights, smoothing=smoothing,
                   rng=np.random.default_rng(0))


def test_a_class_of_weight_2_costs_what_two_examples_of_it_would():
    scores = np.random.default_rng(0).standard_normal((4, 3))
    twice = head("abc").loss(Tensor(scores[[0, 1, 1, 2, 2, 2, 3]]), labelled([0, 1, 1, 2, 2, 2, 0]))
    once = weighing([1, 2, 3]).loss(Tensor(scores), labelled([0, 1, 2, 0]))
    assert once.item() == pytest.approx(twice.item(), abs=1e-12)


def test_equal_weights_are_as_none_and_none_takes_the_way_without_weights():
    scores, batch = Tensor(np.random.default_rng(0).standard_normal((4, 3))), labelled([0, 1, 2, 0])
    plain = head("abc").loss(scores, batch).item()
    for equal in (1.0, 7.0):
        found = weighing([equal] * 3).loss(scores, batch).item()
        assert found == pytest.approx(plain, abs=1e-12)
    assert weighing(None).loss(scores, batch).item() == plain  # bit for bit


def test_a_smoothed_target_worked_by_hand():
    # p = (3/4, 1/4), ε = 0.2: targets (0.9, 0.1)
    scores = Tensor(np.log([[3.0, 1.0]]))
    found = weighing(None, 0.2, "ab").loss(scores, labelled([0])).item()
    assert found == pytest.approx(-0.9 * np.log(3 / 4) - 0.1 * np.log(1 / 4), abs=1e-12)


def test_a_smoothed_loss_is_least_at_the_smoothed_targets_and_not_at_certainty():
    def loss_at(p):
        return weighing(None, 0.2, "ab").loss(Tensor(np.log([[p, 1 - p]])), labelled([0])).item()

    assert loss_at(0.9) < min(loss_at(0.85), loss_at(0.95), loss_at(1 - 1e-9))


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_a_weighted_batch_may_be_cut_anywhere(check_cuts, smoothing):
    model = Model(body(), {"classes": weighing(smoothing=smoothing)})
    weights = np.array([0.5, 3, 2, 2, 0.5])
    check_cuts(model, labelled([0, 2, 1, 1, 0], [5, 1, 9, 3, 3]), weights / weights.sum())


def test_a_weighted_head_beside_another_may_be_cut_anywhere():
    encoder = body()
    rng = np.random.default_rng(0)
    model = Model(encoder, {
        "weighted": weighing(), "plain": Classes(encoder, list("abc"), rng=rng)}).eval()
    batch = labelled([0, 2, 1, 1, 0], [5, 1, 9, 3, 3])
    whole = model.loss(batch)
    for size in (1, 2, 3):
        losses = [model.loss(part).parts for part in model.packs(batch, size)]
        for name in model.heads:
            total = sum(found[name] for found in losses)
            assert total == pytest.approx(whole.parts[name], abs=1e-6)


def test_balanced_weights_make_every_class_weigh_the_same_and_a_label_1_on_average():
    labels = np.array([0] * 7 + [1] + [2] * 4)
    weights = np.array(balanced_weights(labels, 3))
    assert weights.tolist() == pytest.approx([12 / 21, 12 / 3, 12 / 12])
    assert weights[labels].mean() == pytest.approx(1)
    assert np.bincount(labels, weights[labels]) == pytest.approx([4, 4, 4])


def test_balanced_weights_need_an_example_of_each_class():
    with pytest.raises(DataError, match="balanced_weights: 2 labels, none of them of class 1"):
        balanced_weights([0, 2], 3)
    with pytest.raises(IdError, match="outside 0..1"):
        balanced_weights([0, 2], 2)
    with pytest.raises(ConfigError, match="balanced_weights: classes is '2', expected a whole"):
        balanced_weights([0, 1], "2")


def test_weights_make_a_rare_class_likelier():
    """A head of a bias alone learns p / (1 - p) = w n_1 / n_0."""
    labels = [0] * 6 + [1] * 2
    for weights, p in (((1.0, 1.0), 2 / 8), ((1.0, 3.0), 6 / 12)):
        one = Classes(body(), ["a", "b"], class_weights=weights, rng=np.random.default_rng(0))
        bias = Tensor(np.log([[1 - p, p]] * 8), requires_grad=True)
        (found,) = grad(one.loss(bias, labelled(labels)), [bias])
        np.testing.assert_allclose(found.sum(axis=0), 0, atol=1e-12)  # there the loss is least


def test_as_many_weights_as_classes_may_be_hundreds():
    names = [f"c{k}" for k in range(300)]
    one = Classes(body(), names, class_weights=[2.0] * 300, rng=np.random.default_rng(0))
    assert one.options()["class_weights"] == [2.0] * 300


def test_weights_and_smoothing_travel_with_the_model(tmp_path):
    model = Classifier(body(), 2, class_weights=[0.5, 4], smoothing=0.1,
                       rng=np.random.default_rng(0))
    save(tmp_path, model)
    again = load(tmp_path)
    batch = labelled([0, 1])
    assert again.head().options() == model.head().options()
    assert again.head().options()["class_weights"] == [0.5, 4.0]
    assert evaluate(again, batch).loss == evaluate(model.eval(), batch).loss


@pytest.mark.parametrize("options, error, words", [
    ({"class_weights": [1.0]}, ConfigError, "1 class_weights for 2 classes"),
    ({"class_weights": [1.0, 0.0]}, ConfigError, r"class_weights\[1\] is 0.0, expected a finite"),
    ({"class_weights": [1.0, np.nan]}, ConfigError, r"class_weights\[1\] is nan"),
    ({"class_weights": ["a", 1]}, ConfigError, r"class_weights\[0\] is 'a'"),
    ({"class_weights": "balanced"}, DtypeError, "class_weights is one string, expected a list of"),
    ({"class_weights": 2}, DtypeError, "class_weights is int, expected a list of numbers"),
    ({"smoothing": 1.0}, ConfigError, "smoothing is 1.0, expected a share"),
    ({"smoothing": None}, ConfigError, "smoothing is None"),
])
def test_weights_and_smoothing_out_of_range_are_refused(options, error, words):
    with pytest.raises(error, match="Classes: " + words):
        Classifier(body(), 2, **options, rng=np.random.default_rng(0))


# ---- the positive class ----


def test_the_positive_class_goes_by_name_and_travels_with_the_model(tmp_path):
    texts = TOK(TEXTS[:6], labels=[0, 1, 1, 0, 1, 1])
    said = np.array([0, 0, 1, 1, 1, 0])
    for positive, f1 in ((None, 4 / 7), ("spam", 4 / 7), ("ham", 2 / 5)):
        rng = np.random.default_rng(0)
        model = Classifier(body(), 2, label_names=["ham", "spam"], positive=positive, rng=rng)
        save(tmp_path, model)
        for one in (model, load(tmp_path)):
            found = one.head().score(said, texts)
            assert found.f1 == pytest.approx(f1) and found.best_by == found.f1
            assert found.averaged == f"binary, positive class {positive or 'spam'!r}"
        assert evaluate(load(tmp_path), texts).as_dict() == evaluate(model, texts).as_dict()


@pytest.mark.parametrize("names, positive, words", [
    (["ham", "spam"], "jam", "positive is 'jam', expected 'ham' or 'spam'"),
    (["ham", "spam"], 1, "positive is 1, expected 'ham' or 'spam'"),
    (["a", "b", "c"], "a", "positive is 'a' of 3 classes"),
])
def test_a_positive_class_that_cannot_be_is_refused(names, positive, words):
    with pytest.raises(ConfigError, match=words):
        Classifier(body(), len(names), label_names=names, positive=positive,
                   rng=np.random.default_rng(0))


def test_classes_that_the_test_texts_lack_are_named_in_the_score():
    model = classifier(4, label_names=["a", "b", "c", "d"])
    found = model.head().score(np.array([1, 3]), TOK(TEXTS[:2], labels=[1, 1]))
    assert found.absent == ("a", "c") and found.averaged == "macro over 2 of 4 classes"
    assert found.f1 == pytest.approx((2 / 3 + 0) / 2)
