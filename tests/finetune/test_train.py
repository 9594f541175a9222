"""Fine-tuning: repeatable runs, the best weights, and honest figures."""

import numpy as np
import pytest
from small import TOK, bits, classifier, run, separable

from npft.autograd.tensor import Tensor
from npft.errors import ConfigError, DataError, NonFiniteError
from npft.finetune import train as training
from npft.finetune.regimes import freeze_body
from npft.finetune.train import (
    evaluate,
    fine_tune,
    train_classifier,
    with_something_asked,
)
from npft.heads.answers import SpanFinder
from npft.heads.tags import TokenClassifier
from npft.metrics.classes import Metrics
from npft.nn.module import freeze
from npft.nn.repair import Repair
from npft.text.batch import Batch
from npft.text.examples import Examples
from npft.text.tagged import TaggedTexts

# ---- training ----


@pytest.mark.parametrize("classes", [2, 3])
def test_a_separable_task_is_learnt_exactly(classes):
    model = classifier(classes)
    test = separable(30, seed=1, classes=classes)
    assert evaluate(model, test).f1 < 0.9
    history = run(model, separable(90, classes=classes), epochs=25, lr=2e-2)
    found = evaluate(model, test)
    assert found.f1 == found.accuracy == 1.0 and found.loss < 0.1
    assert history["loss"][-1] < 0.1 < 0.5 < history["loss"][0]
    assert history.at("loss").tolist() == [6 * e for e in range(1, 26)]
    assert not any(m.training for m in model.modules())


def test_the_same_seed_gives_the_same_bits_whether_validated_or_not():
    # of a run whose last weights are the best ones
    def result(seed=0, **options):
        model = classifier(dropout=0.2)
        history = run(model, seed=seed, epochs=2, **options)
        return bits(model), history["loss"].tolist()

    assert result() == result() != result(seed=1)
    assert result(progress=lambda *_: None) == result()
    assert result(validation=separable(20, seed=2))[1] == result()[1]


def test_the_lessons_name_for_it_is_the_same_function():
    assert train_classifier is fine_tune


def test_training_leaves_the_data_alone_and_a_second_run_draws_anew():
    data = separable()
    before = data.ids.tobytes(), data.offsets.tobytes(), data.labels.tobytes()
    rng = np.random.default_rng(0)
    first, second = classifier(), classifier()
    for model in (first, second):  # one generator, two runs: they differ
        fine_tune(model, data, epochs=1, rng=rng)
    assert bits(first) != bits(second)
    assert (data.ids.tobytes(), data.offsets.tobytes(), data.labels.tobytes()) == before


def test_a_rate_of_its_own_moves_the_body_less():
    def moved(**options):
        model = classifier()
        before = model.state_dict()
        run(model, epochs=1, lr=1e-2, **options)
        after = model.state_dict()
        name = "encoder.encoder.layer.0.output.dense.weight"
        head = "heads.classes.linear.weight"
        return np.abs(after[name] - before[name]).max(), np.abs(
            after[head] - before[head]).max()

    (body, head), (slow_body, slow_head) = moved(), moved(body_lr=1e-4)
    assert slow_body < 0.05 * body and slow_head > 0.3 * head
    assert moved(body_lr=1e-2) == (body, head)


# ---- the best weights ----


def scripted(monkeypatch, scores, losses=None):
    """Validation F1 (and loss) as told by lists; returns the bits of the model at each look."""
    seen, left = [], iter(zip(scores, losses or [1.0] * len(scores)))

    def fake(model, data):
        seen.append(bits(model))
        f1, loss = next(left)
        return Metrics(0.5, 0.5, 0.5, f1, np.zeros((2, 2), int), loss)

    monkeypatch.setattr(training, "evaluate", fake)
    return seen


@pytest.mark.parametrize("scores, losses, best", [
    ([0.0, 0.3, 0.9, 0.4], None, 2),
    ([0.0, 0.3, 0.4, 0.9], None, 3),
    ([0.95, 0.3, 0.9, 0.4], None, 2),  # step 0 is before learning: it is never the best
    ([0.95, 0.0, 0.0, 0.0], None, 1),
    ([0.0, 0.5, 0.5, 0.5], None, 1),  # of equal ones the first
    ([0.0, 0.5, 0.5, 0.5], [9, 3.0, 2.0, 2.5], 2),  # of equal F1 the lower loss
    ([0.9, 0.9, 0.9, 0.9], [0.1, 3.0, 2.0, 1.0], 3),
    ([0.0, 0.5, 0.6, 0.5], [9, 1.0, 7.0, 0.1], 2),  # F1 comes first
])
def test_the_weights_of_the_best_f1_are_put_back(monkeypatch, scores, losses, best):
    seen, model = scripted(monkeypatch, scores, losses), classifier()
    history = run(model, validation=separable(8))
    assert len(set(seen)) == 4 and bits(model) == seen[best] != seen[0]
    assert history["f1"].tolist() == scores and history.at("f1").tolist() == [0, 4, 8, 12]
    assert set(history.metrics) == {
        "loss", "train_classes", "accuracy", "precision", "recall", "f1", "val_loss"}
    assert history.at("loss").tolist() == [4, 8, 12]


@pytest.mark.parametrize("scores, losses, patience, evaluations, best", [
    ([0.1, 0.5, 0.4, 0.3, 0.2, 0.9], None, 2, 4, 1),
    ([0.1, 0.5, 0.4, 0.6, 0.2, 0.9], None, 2, 6, 5),
    ([0.9, 0.5, 0.4, 0.6, 0.2, 0.9], None, 1, 3, 1),
    ([0.1, 0.1, 0.1, 0.1, 0.1, 0.9], None, 4, 6, 5),
    ([0.1, 0.1, 0.1, 0.1, 0.1, 0.9], None, 3, 5, 1),
    ([0.9, 0.9, 0.9, 0.9, 0.9, 0.9], [1, 5, 4, 3, 2, 1], 1, 6, 5),  # a falling loss is learning
    ([0.9, 0.9, 0.9, 0.9, 0.9, 0.9], [1, 5, 4, 4, 4, 1], 2, 5, 2),
])
def test_patience_stops_after_so_many_epochs_without_a_better_one(
        monkeypatch, scores, losses, patience, evaluations, best):
    seen, model = scripted(monkeypatch, scores, losses), classifier()
    run(model, epochs=5, patience=patience, validation=separable(8))
    assert len(seen) == evaluations and bits(model) == seen[best] != seen[0]


def test_a_model_that_calls_all_alike_at_first_is_not_given_back_untrained():
    """With 85 % of one class the untrained model may have the best F1 by luck (and often has)."""
    data = separable(40)
    many = TOK(["bx"] * 17 + ["ax"] * 3, labels=[1] * 17 + [0] * 3)
    for seed in range(4):
        model = classifier(seed=seed)
        model.head().linear.bias.assign(np.array([0.0, 5.0]))  # "1" for everything: F1 .92
        untrained = bits(model)
        history = run(model, data, epochs=1, lr=1e-3, patience=1, validation=many)
        assert history["f1"].tolist() == pytest.approx([34 / 37] * 2)
        assert bits(model) != untrained
        assert evaluate(model, many).loss == history["val_loss"][1]


@pytest.mark.parametrize("seed", range(4))
def test_patience_with_a_rare_class_never_gives_back_the_untrained_model(seed):
    """85 % are of class 1: for some epochs all are called so, and only the loss falls."""
    rng = np.random.default_rng(seed)
    labels = np.arange(60) % 20 >= 3
    texts = ["".join(rng.permutation(list("xyz" + "ab"[int(k)]))) for k in labels]
    data = TOK(texts, labels=labels.astype(int))
    model = classifier(seed=seed)
    untrained = bits(model)
    history = run(model, data[:40], seed, epochs=12, lr=5e-3, patience=2, validation=data[40:])
    assert history["f1"][0] in (0, pytest.approx(34 / 37))  # all are called alike
    found = evaluate(model, data[40:])
    assert bits(model) != untrained and found.f1 >= 34 / 37 - 1e-9
    assert found.loss < 0.8 * history["val_loss"][0]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
@pytest.mark.parametrize("step, best", [(6, 1), (9, 2), (12, 2)])
def test_the_best_weights_come_back_also_when_the_run_is_broken_off(monkeypatch, error, step, best):
    seen, model = scripted(monkeypatch, [0.95, 0.5, 0.9, 0.6]), classifier(dropout=0.1)

    def stop(now, total, message):
        assert total == 12 and message.startswith("loss ")
        if now == step:
            raise error

    with pytest.raises(error):
        run(model, validation=separable(8), progress=stop)
    assert bits(model) == seen[best]
    assert not any(m.training for m in model.modules())


def test_the_best_weights_come_back_when_measuring_itself_is_broken_off(monkeypatch):
    seen, model = scripted(monkeypatch, [0.1, 0.5]), classifier()
    with pytest.raises((StopIteration, RuntimeError)):  # the script ends at the third look
        run(model, validation=separable(8))
    assert len(seen) == 3 and bits(model) == seen[1] != seen[2]
    assert not any(m.training for m in model.modules())


def test_a_run_broken_off_in_its_first_epoch_has_nothing_to_put_back_but_is_no_longer_training():
    def stop(now, total, message):
        raise KeyboardInterrupt

    model = classifier()
    before = bits(model)
    with pytest.raises(KeyboardInterrupt):
        run(model, progress=stop, validation=separable(8))
    assert bits(model) != before and not any(m.training for m in model.modules())


def test_a_run_broken_off_without_validation_keeps_what_it_learnt_in_evaluation_mode():
    def stop(now, total, message):
        raise KeyboardInterrupt

    model = classifier()
    before = bits(model)
    with pytest.raises(KeyboardInterrupt):
        run(model, progress=stop)
    assert bits(model) != before and not any(m.training for m in model.modules())


def test_a_failure_names_the_step_and_gives_the_best_weights_back(monkeypatch):
    seen, model = scripted(monkeypatch, [0.1, 0.9, 0.5, 0.6]), classifier()

    class Bad(Repair):
        """An infinite term at the seventh step, in the second epoch."""

        steps = 0

        def penalty(self, model):
            self.steps += 1
            return Tensor(np.float32(np.inf)) if self.steps == 7 else None

    with pytest.raises(NonFiniteError, match="step 7: the loss is inf"):
        run(model, validation=separable(8), repairs=[Bad()])
    assert len(seen) == 2 and bits(model) == seen[1]


def test_a_rate_that_is_far_too_high_names_the_step():
    with pytest.raises(NonFiniteError, match="step [1-9]"), np.errstate(all="ignore"):
        run(classifier(), lr=1e30, epochs=9, validation=separable(8))


# ---- evaluation ----


@pytest.mark.parametrize("classes", [2, 3])
def test_the_figures_agree_with_a_loop(classes):
    model, data = classifier(classes).eval(), separable(50, classes=classes)
    confusion, losses = np.zeros((classes, classes), int), []
    for row in range(len(data)):
        z, label = model(data[[row]]).data[0].astype(float), data.labels[row]
        confusion[label, z.argmax()] += 1
        losses.append(np.log(np.exp(z).sum()) - z[label])
    scores = []
    for k in range(classes):
        tp, called, actual = confusion[k, k], confusion[:, k].sum(), confusion[k].sum()
        scores.append((tp / called if called else 0, tp / actual, 2 * tp / (called + actual)))
    precision, recall, f1 = scores[1] if classes == 2 else np.mean(scores, axis=0)
    found = evaluate(model, data)
    assert found.confusion.tolist() == confusion.tolist()
    assert found.accuracy == np.trace(confusion) / 50
    assert (found.precision, found.recall, found.f1) == pytest.approx((precision, recall, f1))
    assert found.loss == pytest.approx(np.mean(losses), abs=1e-5)


def test_evaluation_is_without_dropout_and_changes_nothing():
    model, data = classifier(dropout=0.5).train(), separable(20)
    before = bits(model)
    assert evaluate(model, data).as_dict() == evaluate(model, data).as_dict()
    assert bits(model) == before and all(m.training for m in model.modules())


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["head", "encoder"])
def test_scores_that_are_not_finite_are_no_accuracy_and_name_the_head(bad, name):
    model, data = classifier(), separable(8)
    weight = model.head().linear.bias if name == "head" else model.encoder.layernorm.bias
    weight.assign(np.where(np.arange(len(weight.data)) == 0, bad, weight.data))
    texts = ["ab", "c"]
    for ask in (
        lambda: evaluate(model, data), lambda: model.decide(data), lambda: model.predict(texts),
        lambda: model.predict_proba(texts), lambda: model.logits(data), lambda: model.measure(data),
        lambda: model.eval().loss(data),
    ):
        with pytest.raises(NonFiniteError, match="the output of the head 'classes' is not finite"):
            with np.errstate(all="ignore"):
                ask()


@pytest.mark.parametrize("data, words", [
    (TOK(["a", "b"]), "the batch has no labelled example"),
    (Batch([], [0], labels=[]), "the batch has no labelled example"),
    (TOK(["a", "b"], labels=[0, 2]), r"label 2 is not one of the model's 2 classes \['0', '1'\]"),
    (TOK(["a", "b"], labels=[0.0, 0.5]), "label 0.5 is not one of the model"),
])
def test_data_that_cannot_be_judged_is_refused(data, words):
    model = classifier()
    before = bits(model)
    with pytest.raises(DataError, match="Classes: " + words):
        evaluate(model, data)
    with pytest.raises(DataError, match="Classes: " + words):
        run(model, data)
    with pytest.raises(DataError, match="Classes: " + words):
        run(model, validation=data)
    assert bits(model) == before


@pytest.mark.parametrize("options, words", [
    ({"epochs": 0}, "epochs is 0, expected a whole number, 1 or more"),
    ({"batch_size": 0}, "batch_size is 0"),
    ({"patience": 0, "validation": separable(4)}, "patience is 0, expected a whole number"),
    ({"patience": 2}, "patience needs held-out data to watch"),
    ({"lr": 0.0}, "lr is 0.0"),
    ({"lr": float("nan")}, "lr is nan"),
    ({"lr": float("inf")}, "lr is inf"),
    ({"body_lr": -1.0}, "lr is -1.0"),
])
def test_numbers_out_of_range_are_refused(options, words):
    model = classifier()
    before = bits(model)
    with pytest.raises(ConfigError, match=words):
        run(model, **options)
    assert bits(model) == before


def test_a_model_without_anything_to_train_is_refused():
    model = classifier()
    freeze(model)
    with pytest.raises(ConfigError, match="no parameter to train"):
        run(model)


def test_a_head_on_a_frozen_body_learns_the_task():
    model = classifier()
    freeze_body(model)
    body = bits(model.encoder)
    run(model, separable(90), epochs=40, lr=5e-2)
    assert bits(model.encoder) == body and evaluate(model, separable(30, seed=1)).f1 > 0.8


def test_a_frozen_body_trains_without_dropout_and_its_head_with():
    model, modes = classifier(dropout=0.5), []
    body = model.encoder
    freeze_body(model)
    run(model, epochs=2, validation=separable(8), progress=lambda *_: modes.append(
        [m.training for m in (model, model.head().dropout, body, body.embeddings)]))
    assert modes == [[True, True, False, False]] * 8


# ---- examples of which nothing is asked ----


def answered(rows):
    """Questions on one passage, of which those of these numbers have an answer."""
    spans = [(0, 2) if k in rows else (-1, -1) for k in range(12)]
    return Examples(["x"] * 12, pairs=["abc"] * 12, spans=spans)


def test_a_batch_without_an_answer_is_no_step_and_the_next_one_takes_its_place():
    finder = SpanFinder(classifier().encoder, rng=np.random.default_rng(0))
    finder.tokenizer.second_type = 1
    data = finder.batch_of(answered({3}))
    history = run(finder, data, epochs=2, batch_size=4)
    assert history.at("loss").tolist() == [3, 6] and np.isfinite(history["loss"]).all()
    for batch in (data[:3], data[2:5]):
        assert list(with_something_asked(finder, [batch])) == [batch][: finder.head().count(batch)]


def test_an_empty_text_may_be_a_batch_of_its_own():
    tagger = TokenClassifier(classifier().encoder, ["N", "V"], rng=np.random.default_rng(0))
    data = tagger.batch_of(TaggedTexts([["a", "b"], [], ["b"]], [["N", "V"], [], ["V"]]))
    assert np.isfinite(run(tagger, data, epochs=2, batch_size=1)["loss"]).all()
