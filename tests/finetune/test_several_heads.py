"""Several heads on one body: their losses add up, they train together, and each is judged."""

import numpy as np
import pytest
from small import TOK, bits, classifier, run

from npft.autograd.tensor import Tensor
from npft.encoder.checkpoint import save
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.encoder.head import Head
from npft.encoder.model import Model
from npft.errors import ConfigError, DataError, NonFiniteError
from npft.finetune import train as training
from npft.finetune.regimes import freeze_body
from npft.finetune.train import (
    epochs_of,
    evaluate,
    fine_tune,
    steps_in_epoch,
)
from npft.heads.classes import Classes
from npft.heads.tags import Tags
from npft.loading import load
from npft.metrics.classes import Metrics
from npft.metrics.score import Hits
from npft.nn import packs
from npft.nn.module import freeze
from npft.nn.repair import Repair
from npft.text.batch import IGNORE
from npft.text.tagged import TaggedTexts




WORDS = ["anna", "went", "to", "rome", "with", "bob", "today"]
NAMES = ["O", "PER", "LOC"]
TAG = {"anna": 1, "bob": 1, "rome": 2}


def two_heads(dropout=0.0, seed=0, loss_weights=None, width=8):
    rng = np.random.default_rng(seed)
    config = EncoderConfig(
        vocab_size=260, hidden_size=width, num_layers=1, num_heads=2, intermediate_size=8,
        max_positions=40, dropout=dropout, init_std=0.2)
    encoder = Encoder(config, tokenizer=TOK, rng=rng)
    topic = Classes(encoder, ["home", "away"], rng=rng)
    return Model(encoder, {"topic": topic, "tags": Tags(encoder, NAMES, rng=rng)}, loss_weights)


def both_labels(n=24, seed=0):
    """Texts of words, each with the tag of every word and a class: whether it names a place."""
    rng = np.random.default_rng(seed)
    rows = [[WORDS[i] for i in rng.integers(0, len(WORDS), rng.integers(1, 5))] for _ in range(n)]
    tags = [[NAMES[TAG.get(word, 0)] for word in row] for row in rows]
    labels = np.array([int("rome" in row) for row in rows])
    labels[:2] = 0, 1
    return TaggedTexts(rows, tags), labels


def one_batch(model, n=24, seed=0):
    tagged, labels = both_labels(n, seed)
    return model.batch_of(tagged, "tags").replace(labels=labels)


def tasks(model, n=24):
    """Each head has examples of its own, of which there are not as many."""
    texts = ["we stay", "off we go", "a house", "the road is long", "rain"] * 3
    topic = model.tokenize(texts, labels=[0, 1, 0, 1, 0] * 3, head="topic")
    return {"topic": topic, "tags": model.batch_of(both_labels(n)[0], "tags")}


@pytest.mark.parametrize("weights", [None, {"tags": 0.25}, {"topic": 3.0, "tags": 0.5}])
def test_the_loss_of_two_heads_is_the_weighted_sum_of_both_single_losses(weights):
    model = two_heads(loss_weights=weights).astype(np.float64).eval()
    by = {"topic": 1.0, "tags": 1.0} | (weights or {})
    for batch in (one_batch(model), tasks(model)):
        loss = model.loss(batch)
        own = batch if isinstance(batch, dict) else dict.fromkeys(by, batch)
        singles = {name: Model(model.encoder, {name: model.heads[name]}).loss(own[name])
                   for name in by}
        assert loss.parts == pytest.approx({n: s.total.item() for n, s in singles.items()})
        total = sum(by[name] * single.total.item() for name, single in singles.items())
        assert loss.total.item() == pytest.approx(total, abs=1e-12)
        loss.total.backward()
        gradients = {n: p.grad for n, p in model.named_parameters()}
        model.zero_grad()
        for name, single in singles.items():
            (single.total * by[name]).backward()
        for n, p in model.named_parameters():
            np.testing.assert_allclose(gradients[n], p.grad, rtol=0, atol=1e-12, err_msg=n)
        model.zero_grad()


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("size", [1, 5])
def test_the_parts_of_a_batch_of_two_heads_add_up(mixed, size):
    model = two_heads(loss_weights={"tags": 0.25}).astype(np.float64).eval()
    batch = tasks(model) if mixed else one_batch(model)
    whole = model.loss(batch)
    whole.total.backward()
    gradients = {n: p.grad for n, p in model.named_parameters()}
    model.zero_grad()
    parts, total = model.packs(batch, size), {"topic": 0.0, "tags": 0.0}
    assert len(parts) > 4 and all(
        sum(part.shares.get(name, 0.0) for part in parts) == pytest.approx(1) for name in whole.parts)
    for part in parts:
        loss = model.loss(part)
        loss.total.backward()
        total = {n: x + loss.parts.get(n, 0.0) for n, x in total.items()}
    assert total == pytest.approx(whole.parts, abs=1e-9)
    for n, p in model.named_parameters():
        np.testing.assert_allclose(p.grad, gradients[n], rtol=0, atol=1e-9, err_msg=n)


def test_a_part_without_a_label_for_a_head_counts_for_the_other_alone():
    model = two_heads().eval()
    batch = one_batch(model, 4)
    labels = np.array(batch.token_labels)
    labels[batch.sequence == 2] = IGNORE
    parts = model.packs(batch.replace(token_labels=labels), 1)
    assert [sorted(part.shares) for part in parts] == [
        ["tags", "topic"], ["tags", "topic"], ["topic"], ["tags", "topic"]]


@pytest.mark.parametrize("mixed", [False, True])
def test_two_heads_learn_together(mixed):
    model = two_heads(width=16)
    data = tasks(model) if mixed else one_batch(model, 40)
    history = fine_tune(model, data, epochs=40, batch_size=10, lr=1e-2,
                        rng=np.random.default_rng(0))
    assert {"loss", "train_topic", "train_tags"} == set(history.metrics)
    for name in history.metrics:
        assert history[name][-1] < 0.2 * history[name][0]
    tagged, _ = both_labels(24)
    said = model.predict(tagged.words, head="tags")
    assert np.mean([a == b for x, y in zip(said, tagged.tags) for a, b in zip(x, y)]) > 0.9


def test_an_epoch_of_several_tasks_reads_every_example_once():
    model = two_heads()
    data = tasks(model)  # 15 and 24 examples
    assert steps_in_epoch(data, 10) == 4
    batches = epochs_of(data, 10, rng=np.random.default_rng(0))
    for _ in range(2):
        epoch = [next(batches) for _ in range(4)]
        assert [len(b["topic"]) for b in epoch] == [4, 4, 4, 3]
        assert [len(b["tags"]) for b in epoch] == [6, 6, 6, 6]
        for name in data:
            read = [row.tobytes() for b in epoch for row in np.split(
                b[name].ids, b[name].offsets[1:-1])]
            held = [row.tobytes() for row in np.split(data[name].ids, data[name].offsets[1:-1])]
            assert sorted(read) == sorted(held)


def test_a_task_of_fewer_examples_than_steps_is_read_over_and_over():
    model = two_heads()
    data = tasks(model)
    data["topic"] = data["topic"][[0, 3]]
    batches = epochs_of(data, 4, rng=np.random.default_rng(0))  # 26 examples: 7 steps an epoch
    epoch = [next(batches) for _ in range(7)]
    read = np.concatenate([b["topic"].labels for b in epoch])
    assert sorted(np.bincount(read)) == [3, 4] and sum(len(b["tags"]) for b in epoch) == 24
    history = fine_tune(model, data, epochs=2, batch_size=4, rng=np.random.default_rng(0))
    assert history.at("train_topic").tolist() == history.at("train_tags").tolist() == [7, 14]


def test_a_term_that_comes_at_some_steps_only_is_a_mean_over_those():
    class Late(Repair):
        name, steps = "late", 0

        def penalty(self, model):
            self.steps += 1
            return Tensor(np.float32(self.steps)) if self.steps in (6, 8) else None

    history = run(classifier(), repairs=[Late()], epochs=3)  # of 4 steps
    assert history.at("train_late").tolist() == [8] and history["train_late"].tolist() == [7.0]
    assert history.at("train_classes").tolist() == [4, 8, 12]


def test_two_heads_are_trained_alike_whatever_the_number_of_packs(monkeypatch):
    def trained(pack, mixed):
        monkeypatch.setattr(packs, "PACK", pack)
        model = two_heads().astype(np.float64)
        data = tasks(model) if mixed else one_batch(model)
        history = fine_tune(model, data, epochs=1, batch_size=12, rng=np.random.default_rng(0))
        return history["loss"], model.state_dict()

    for mixed in (False, True):
        (loss_a, a), (loss_b, b) = trained(10**9, mixed), trained(32, mixed)
        np.testing.assert_allclose(loss_a, loss_b, rtol=1e-9)
        for name in a:
            np.testing.assert_allclose(a[name], b[name], rtol=1e-5, atol=1e-7, err_msg=name)


def test_a_frozen_head_on_a_frozen_body_is_left_out_of_the_training_of_the_other():
    model = two_heads()
    freeze_body(model)
    freeze(model, "heads.topic.")
    before = model.state_dict()
    fine_tune(model, tasks(model), epochs=1, batch_size=10, rng=np.random.default_rng(0))
    after = model.state_dict()
    assert {n for n in before if before[n].tobytes() != after[n].tobytes()} == {
        "heads.tags.linear.weight", "heads.tags.linear.bias"}


def test_two_heads_are_evaluated_apart_and_predict_by_name(tmp_path):
    model = two_heads(loss_weights={"tags": 0.5}, dropout=0.1)
    data = one_batch(model, 40)
    fine_tune(model, data, epochs=3, rng=np.random.default_rng(0))
    tagged, labels = both_labels(10, seed=3)
    test = model.batch_of(tagged, "tags").replace(labels=labels)
    found = evaluate(model, test)
    assert list(found) == ["topic", "tags"]
    for name in found:
        single = evaluate(Model(model.encoder, {name: model.heads[name]}), test)
        assert found[name].as_dict() == single.as_dict() and found[name].loss > 0
    texts = [" ".join(row) for row in tagged.words]
    topics, tags = model.predict(texts, head="topic"), model.predict(tagged.words, head="tags")
    assert set(topics) <= {"home", "away"} and [len(row) for row in tags] == [
        len(row) for row in tagged.words]
    for wrong in (None, "spam"):
        with pytest.raises(ConfigError, match=f"head is {wrong!r}, expected one of topic, tags"):
            model.predict(texts, head=wrong)
    save(tmp_path, model)
    again = load(tmp_path)
    assert type(again) is Model and again.loss_weights == {"topic": 1.0, "tags": 0.5}
    assert again.predict(texts, head="topic") == topics
    assert again.predict(tagged.words, head="tags") == tags
    assert again.loss(test).parts == model.loss(test).parts and bits(again) == bits(model)


def test_the_head_whose_scores_are_not_finite_is_named_and_the_other_still_reads():
    model, (tagged, _) = two_heads().eval(), both_labels(4)
    data = one_batch(model, 4)
    model.heads["tags"].linear.bias.assign(np.array([0.0, np.nan, 0.0]))
    for ask in (lambda: evaluate(model, data), lambda: model.measure(data), lambda: model(data),
                lambda: model.predict(tagged.words, head="tags")):
        with pytest.raises(NonFiniteError, match="the output of the head 'tags' is not finite"):
            ask()
    assert len(model.predict(tagged.texts, head="topic")) == 4
    assert evaluate(model, {"topic": data})["topic"].accuracy <= 1


def test_validation_of_two_heads_keeps_the_best_mean_of_their_main_figures(monkeypatch):
    seen, script = [], iter([(0.9, 0.9), (0.2, 0.7), (0.5, 0.6), (0.8, 0.1)])

    def fake(model, data):
        seen.append(bits(model))
        f1s = next(script)
        return {name: Metrics(0.5, 0.5, 0.5, f1, np.zeros((2, 2), int), 1.0)
                for name, f1 in zip(("topic", "tags"), f1s)}

    monkeypatch.setattr(training, "evaluate", fake)
    model = two_heads()
    history = fine_tune(model, one_batch(model), epochs=3, validation=one_batch(model, 6, seed=1),
                        rng=np.random.default_rng(0))
    assert bits(model) == seen[2]  # the mean .55; the others have .45
    assert history["topic_f1"].tolist() == [0.9, 0.2, 0.5, 0.8]
    assert {"topic_val_loss", "tags_val_loss", "train_topic", "loss"} <= set(history.metrics)


@pytest.mark.parametrize("mixed", [False, True])
def test_patience_watches_two_heads(mixed):
    model = two_heads()
    data = tasks(model) if mixed else one_batch(model)
    history = fine_tune(model, data, epochs=30, lr=1e-9, patience=2,
                        validation=one_batch(model, 6, seed=1), rng=np.random.default_rng(0))
    assert 3 <= len(history.rows) < 31
    found = evaluate(model, one_batch(model, 6, seed=1))
    best = max(history["topic_f1"][1:] + history["tags_f1"][1:]) / 2
    assert np.mean([score.best_by for score in found.values()]) == pytest.approx(best)


def test_labels_that_one_of_two_heads_lacks_are_refused_before_anything_changes():
    model = two_heads()
    before, data = bits(model), one_batch(model)
    for batch, words in (
        (data.replace(labels=None), "Classes: the batch has no labelled example"),
        (data.replace(token_labels=None), "no token of this batch has a label"),
        (tasks(model) | {"tags": data.replace(token_labels=None)}, "no token of this batch"),
        (tasks(model) | {"topic": data.replace(labels=np.full(24, 2))}, "label 2 is not one"),
    ):
        with pytest.raises(DataError, match=words):
            fine_tune(model, batch, rng=np.random.default_rng(0))
    with pytest.raises(ConfigError, match="head is 'spam', expected one of topic, tags"):
        fine_tune(model, {"spam": data}, rng=np.random.default_rng(0))
    assert bits(model) == before


def test_each_head_may_be_judged_on_examples_of_its_own():
    model = two_heads()
    data = tasks(model)
    found = evaluate(model, data)
    assert list(found) == ["topic", "tags"]
    for name, own in data.items():
        single = evaluate(Model(model.encoder, {name: model.heads[name]}), own)
        assert found[name].as_dict() == single.as_dict()
    assert list(evaluate(model, {"tags": data["tags"]})) == ["tags"]
    history = fine_tune(model, data, epochs=2, validation=data, patience=1,
                        rng=np.random.default_rng(0))
    assert history.at("topic_f1").tolist() == history.at("tags_f1").tolist()
    with pytest.raises(ConfigError, match="head is 'spam', expected one of topic, tags"):
        evaluate(model, {"spam": data["tags"]})


def test_a_step_without_examples_for_a_head_leaves_it_alone():
    model = two_heads()
    before, data = model.state_dict(), tasks(model)
    fine_tune(model, {"tags": data["tags"]}, epochs=1, rng=np.random.default_rng(0))
    after = model.state_dict()
    moved = {n for n in before if before[n].tobytes() != after[n].tobytes()}
    assert not any(n.startswith("heads.topic.") for n in moved)
    assert {n for n in before if n.startswith(("heads.tags.", "encoder.encoder."))} <= moved


@pytest.mark.parametrize("heads, weights, words", [
    ({}, None, "there are no heads"),
    ([1], None, "no dict of heads"),
    ({"topic": 3}, None, "no dict of heads"),
    ("one", None, "two names for one head"),
    ({"a b": ...}, None, "a name of letters, digits and _"),
    ({"": ...}, None, "a name of letters, digits and _"),
    ({"a.b": ...}, None, "a name of letters, digits and _"),
    ({3: ...}, None, "a name of letters, digits and _"),
    ({"topic": ...}, {"tags": 1.0}, "head is 'tags', expected one of topic"),
    ({"topic": ...}, {"topic": -1.0}, "the loss weight of topic is -1.0"),
    ({"topic": ...}, {"topic": np.nan}, "the loss weight of topic is nan"),
])
def test_heads_that_make_no_model_are_refused(heads, weights, words):
    model = two_heads()
    topic = model.heads["topic"]
    if heads == "one":
        heads = {"a": topic, "b": topic}
    if isinstance(heads, dict):
        heads = {name: topic if head is ... else head for name, head in heads.items()}
    with pytest.raises(ConfigError, match=words):
        Model(model.encoder, heads, weights)


@pytest.mark.parametrize("data, words", [
    ({}, "there are no data"), ({"topic": ["a text"]}, "topic: the data are a list"),
    ("a text", "topic: the data are a str"),
])
def test_data_that_are_no_batch_are_refused(data, words):
    model = two_heads()
    for use in (model.check, model.packs, model.loss, lambda d: evaluate(model, d),
                lambda d: fine_tune(model, d, rng=np.random.default_rng(0))):
        with pytest.raises(DataError, match=words):
            use(data)


def test_a_part_holds_at_least_one_sequence():
    model = two_heads()
    for size in (0, -1, 2.5):
        with pytest.raises(ConfigError, match="packs: size"):
            model.packs(one_batch(model), size)


def test_two_heads_of_one_kind_and_a_head_without_one_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="the kind 'classes' is that of npft.heads.classes.Class"):
        class Other(Head):
            kind = "classes"

    assert Head.kinds["classes"] is Classes

    class Unnamed(Classes):
        """Without a kind of its own it would come back as its parent."""

    model = two_heads()
    named = Model(model.encoder, {"u": Unnamed(model.encoder, ["a", "b"],
                                               rng=np.random.default_rng(0))})
    with pytest.raises(ConfigError, match="Unnamed has no kind of its own and cannot be saved"):
        save(tmp_path, named)


def test_a_figure_that_is_not_defined_is_worse_than_any_other():
    nothing, poor = Hits(np.nan), Hits(-1.0)
    assert training.rank_of(poor) > training.rank_of(nothing) == training.rank_of(
        {"a": nothing, "b": poor})


def test_a_batch_that_asks_nothing_of_one_head_teaches_the_other():
    model = two_heads()
    texts, labels = both_labels()
    data = model.batch_of(texts, "tags").replace(labels=labels)
    quiet = np.where(data.sequence < 20, IGNORE, data.token_labels)
    data = data.replace(token_labels=quiet)
    assert np.isfinite(run(model, data, epochs=2, batch_size=2)["loss"]).all()
    both = {"topic": data, "tags": data}
    assert np.isfinite(run(model, both, epochs=1, batch_size=4)["loss"]).all()
