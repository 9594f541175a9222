"""The forgetting curve: step 0 comes first, measuring disturbs nothing, a frozen body keeps all."""

import json
from dataclasses import replace

import numpy as np
import pytest

from npft.errors import ConfigError, DataError
from npft.finetune.regimes import freeze_body
from npft.finetune.train import evaluate
from npft.forgetting.measure import ForgettingCurve, forgetting_curve, measure_forgetting
from npft.heads.grades import Regressor
from npft.heads.words import MaskedLM
from npft.pretraining.probe import make_probe


def by_hand(**fields):
    fields = {"mlm_loss": [2.0, 2.5, 5.0, 1.0], "unigram": 5.0, **fields}
    n = len(fields["mlm_loss"])
    return ForgettingCurve(np.arange(n), np.array(fields["mlm_loss"]), np.zeros(n), np.zeros(n),
                           fields["unigram"])


# ---- the figures ----


def test_rise_and_share_by_hand():
    curve = by_hand()
    assert curve.rise.tolist() == [0.0, 0.5, 3.0, -1.0]
    np.testing.assert_allclose(curve.share, [0, 1 / 6, 1, -1 / 3])


def test_share_is_1_at_the_unigram_loss_and_0_at_the_start(small):
    curve = small.curve(*small.models())
    assert curve.share[0] == 0.0 and curve.unigram == small.unigram
    at_floor = ForgettingCurve(
        curve.step[:2], np.array([curve.mlm_loss[0], small.unigram]), curve.mlm_acc[:2],
        curve.f1[:2], small.unigram)
    assert at_floor.share.tolist() == [0.0, 1.0]


@pytest.mark.parametrize("unigram", [2.0, 1.0, float("nan")])
def test_a_body_that_has_learnt_nothing_has_no_share(unigram):
    curve = by_hand(unigram=unigram)
    assert curve.rise[1] == 0.5
    with pytest.raises(ConfigError, match="loss at step 0 is 2 .* nothing to forget"):
        curve.share  # noqa: B018


def test_a_curve_survives_a_json_file(small):
    curve = small.curve(*small.models())
    again = ForgettingCurve.from_dict(json.loads(json.dumps(curve.as_dict())))
    for name in ("step", "mlm_loss", "mlm_acc", "f1"):
        np.testing.assert_array_equal(getattr(again, name), getattr(curve, name), strict=True)
    assert again.unigram == curve.unigram


def test_further_figures_survive_a_json_file_and_an_older_file_has_none(small):
    plain = by_hand()
    assert list(plain.as_dict()) == ["step", "mlm_loss", "mlm_acc", "f1", "unigram"]
    assert ForgettingCurve.from_dict(plain.as_dict()).also == {}
    curve = ForgettingCurve(plain.step, plain.mlm_loss, plain.mlm_acc, plain.f1, 5.0,
                            also={"nsp_acc": np.array([0.9, 0.8, 0.5, 0.6])})
    again = ForgettingCurve.from_dict(json.loads(json.dumps(curve.as_dict())))
    assert again.also["nsp_acc"].tolist() == [0.9, 0.8, 0.5, 0.6] and len(again.also) == 1


# ---- measuring ----


def test_step_0_is_measured_before_anything_moves(small):
    model, mlm = small.models(dropout=0.1)
    before = mlm.measure(small.probe)
    f1 = evaluate(model, small.test).f1
    curve = small.curve(model, mlm)
    assert curve.step[0] == 0 and curve.rise[0] == 0
    assert curve.mlm_loss[0] == before["mlm_loss"] and curve.mlm_acc[0] == before["mlm_acc"]
    assert curve.f1[0] == f1


@pytest.mark.parametrize("every, steps", [
    (1, [0, 1, 2, 3, 4]), (2, [0, 2, 4]), (3, [0, 3, 4]), (4, [0, 4]), (9, [0, 4]),
])
def test_it_measures_every_few_steps_and_at_the_end(small, every, steps):
    curve = small.curve(*small.models(), every=every)  # 64 examples in batches of 16
    assert curve.step.tolist() == steps
    assert curve.mlm_loss.shape == curve.mlm_acc.shape == curve.f1.shape == curve.step.shape


def test_the_last_measurement_is_that_of_the_model_left_behind(small):
    model, mlm = small.models(dropout=0.1)
    curve = small.curve(model, mlm)
    found = mlm.measure(small.probe)
    assert (curve.mlm_loss[-1], curve.mlm_acc[-1]) == (found["mlm_loss"], found["mlm_acc"])
    assert curve.f1[-1] == evaluate(model, small.test).f1
    assert not any(m.training for m in model.modules())


def test_the_body_has_learnt_and_training_on_the_task_makes_it_forget(small):
    curve = small.curve(*small.models(), epochs=8, every=8)
    assert curve.mlm_loss[0] < small.unigram - 0.5
    assert curve.rise[-1] > 0.1 and curve.f1[-1] > curve.f1[0] + 0.1


def test_a_frozen_body_forgets_nothing_to_the_last_bit(small):
    model, mlm = small.models(dropout=0.1)
    freeze_body(model)
    curve = small.curve(model, mlm, epochs=3, every=1)
    assert len(curve.step) == 13
    assert set(curve.rise) == {0.0} and set(curve.mlm_acc) == {curve.mlm_acc[0]}
    assert len(set(curve.f1)) > 1  # the head did learn


@pytest.mark.parametrize("every", [1, 3])
def test_the_training_is_that_of_fine_tune_bit_for_bit(small, bits, every):
    (plain, _), (watched, mlm) = small.models(dropout=0.2), small.models(dropout=0.2)
    options = {"epochs": 2, "lr": 1e-2, "body_lr": 3e-3}
    small.train_only(plain, seed=7, **options)
    small.curve(watched, mlm, seed=7, every=every, **options)
    assert bits(watched) == bits(plain) != bits(small.models(dropout=0.2)[0])


def test_measuring_draws_nothing(small):
    states = []
    for every in (1, 100):
        model, mlm = small.models(dropout=0.1)
        rng = np.random.default_rng(0)
        forgetting_curve(
            model, mlm, small.train, small.probe, test=small.test, unigram=small.unigram,
            epochs=1, every=every, rng=rng)
        states.append((rng.bit_generator.state, rng.bit_generator.seed_seq.n_children_spawned))
    assert states[0] == states[1] and states[0][0] == np.random.default_rng(0).bit_generator.state


def test_the_same_seed_gives_the_same_curve_and_another_seed_another(small):
    first, again, other = (
        small.curve(*small.models(dropout=0.1), seed=s).as_dict() for s in (0, 0, 1))
    assert first == again != other


def head_of(mlm):
    """What a masked language model has beside its encoder."""
    state = mlm.state_dict()
    return {n: a.tobytes() for n, a in state.items() if not n.startswith("encoder.")}


def test_data_probe_and_prediction_head_stay_as_they_are(small):
    model, mlm = small.models()
    head = head_of(mlm)
    arrays = [small.train.ids, small.train.labels, small.probe.ids, small.probe.token_labels,
              small.test.ids]
    before = [a.tobytes() for a in arrays]
    small.curve(model, mlm)
    assert [a.tobytes() for a in arrays] == before and head_of(mlm) == head != {}


def test_progress_tells_the_loss_and_what_was_measured_last(small):
    seen = []
    curve = small.curve(*small.models(), progress=lambda *what: seen.append(what))
    assert [(step, total) for step, total, _ in seen] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    for (*_, message), i in zip(seen, (0, 1, 1, 2)):  # measured at 0, 2 and 4
        assert message.startswith("loss 0.")
        assert message.endswith(f" mlm_loss {curve.mlm_loss[i]:.3f} "
                                f"mlm_acc {curve.mlm_acc[i]:.3f} f1 {curve.f1[i]:.3f}")


def test_what_else_is_measured_stands_beside_the_loss_and_changes_nothing(small, bits):
    (plain, bare), (model, mlm) = small.models(dropout=0.1), small.models(dropout=0.1)
    length = mlm.encoder.layernorm.weight
    curve = small.curve(model, mlm, every=1, also={
        "loss_again": lambda: mlm.measure(small.probe)["mlm_loss"],
        "norm": lambda: float(np.abs(length.numpy()).sum())})
    without = small.curve(plain, bare, every=1)
    assert curve.also["loss_again"].tolist() == curve.mlm_loss.tolist()
    assert curve.also["norm"].shape == (5,) and len(set(curve.also["norm"].tolist())) > 1
    assert bits(model) == bits(plain)
    assert {k: v for k, v in curve.as_dict().items() if k != "also"} == without.as_dict()


def test_the_accuracy_of_next_sentences_stands_beside_the_loss(small):
    model, _ = small.models()
    mlm = MaskedLM(model.encoder, nsp=True, rng=np.random.default_rng(1))
    held_out = small.documents[:12]
    probe = make_probe(held_out, small.tok, layout="pairs", max_length=20,
                       rng=np.random.default_rng(2))
    curve = small._replace(probe=probe).curve(
        model, mlm, also={"nsp_acc": lambda: mlm.measure(probe)["nsp_acc"]})
    assert curve.also["nsp_acc"][-1] == mlm.measure(probe)["nsp_acc"]
    assert ((0 < curve.also["nsp_acc"]) & (curve.also["nsp_acc"] < 1)).all()


@pytest.mark.parametrize("name", ["mlm_loss", "mlm_acc", "f1", "step", "loss"])
def test_a_further_figure_with_the_name_of_another_is_refused(small, name):
    with pytest.raises(ConfigError, match=f"forgetting_curve: {name} is measured anyway"):
        small.curve(*small.models(), also={name: lambda: 0.0})


# ---- as a loop sees it that measures after each epoch ----


def test_a_first_reading_after_epoch_1_hides_what_epoch_1_forgot():
    curve = by_hand(mlm_loss=[2.0, 3.0, 4.0, 4.5, 4.25])
    assert measure_forgetting(curve, epoch=1).tolist() == [3.0, 4.0, 4.5, 4.25]
    seen = measure_forgetting(curve, epoch=2)
    assert seen.tolist() == [4.0, 4.25]
    assert seen[-1] - seen[0] == 0.25 and curve.rise[-1] == 2.25
    assert measure_forgetting(curve, epoch=4).tolist() == [4.25]  # one epoch: no rise at all


def test_a_body_that_forgets_all_at_once_seems_to_forget_nothing_or_even_to_learn():
    at_once = by_hand(mlm_loss=[2.0, 5.0, 5.0, 5.0])
    assert np.ptp(measure_forgetting(at_once, epoch=1)) == 0 and at_once.share[-1] == 1
    seen = measure_forgetting(by_hand(mlm_loss=[2.0, 5.0, 4.5, 4.0]), epoch=1)
    assert seen[-1] < seen[0]


def test_it_reads_a_real_curve_at_the_ends_of_epochs(small):
    curve = small.curve(*small.models(), epochs=3, every=2)  # 4 steps in an epoch
    seen = measure_forgetting(curve, epoch=4)
    assert seen.tolist() == [curve.mlm_loss[curve.step == s][0] for s in (4, 8, 12)]


def test_a_curve_without_a_measurement_after_each_epoch_is_refused():
    with pytest.raises(ConfigError, match="no measurement after an epoch; epoch is 4 steps"):
        measure_forgetting(by_hand(), epoch=4)  # steps 0 to 3
    holes = ForgettingCurve(np.array([0, 10, 25]), *[np.zeros(3)] * 3, unigram=5.0)
    with pytest.raises(ConfigError, match=r"at step 20; epoch is 10 .* \[0, 10, 25\]"):
        measure_forgetting(holes, epoch=10)
    with pytest.raises(ConfigError, match="epoch is 0, expected a whole number"):
        measure_forgetting(by_hand(), epoch=0)


# ---- what is refused ----


def test_models_that_do_not_share_their_encoder_are_refused(small, bits):
    (model, _), (_, other) = small.models(), small.models()
    before = bits(model)
    with pytest.raises(ConfigError, match="forgetting_curve: model and mlm have different enc"):
        small.curve(model, other)
    assert bits(model) == before


@pytest.mark.parametrize("options, words", [
    ({"every": 0}, "every is 0, expected a whole number, 1 or more"),
    ({"epochs": 0}, "epochs is 0"),
    ({"batch_size": 0}, "batch_size is 0"),
    ({"lr": float("nan")}, "lr is nan"),
])
def test_numbers_out_of_range_are_refused_before_anything_is_measured(
        small, monkeypatch, options, words):
    model, mlm = small.models()
    monkeypatch.setattr(type(mlm), "measure", lambda *_: pytest.fail("measured"))
    with pytest.raises(ConfigError, match=words):
        small.curve(model, mlm, **options)


def test_data_without_labels_is_refused(small):
    bare = small._replace(train=small.tok(["cat dog"]))
    with pytest.raises(DataError, match="Classes: the batch has no labelled example"):
        bare.curve(*small.models())


def test_a_run_broken_off_leaves_the_model_in_evaluation_mode(small):
    def stop(step, total, message):
        raise KeyboardInterrupt

    model, mlm = small.models(dropout=0.1)
    with pytest.raises(KeyboardInterrupt):
        small.curve(model, mlm, progress=stop)
    assert not any(m.training for m in model.modules())


def test_a_task_of_another_kind_is_judged_by_its_own_main_figure(small):
    _, mlm = small.models()
    model = Regressor(mlm.encoder, 0, 1, rng=np.random.default_rng(0))
    train, test = (b.replace(labels=np.asarray(b.labels, float)) for b in (small.train, small.test))
    curve = forgetting_curve(model, mlm, train, small.probe, test=test, unigram=small.unigram,
                             epochs=2, lr=1e-2, every=4, rng=np.random.default_rng(0))
    assert curve.f1[-1] == evaluate(model, test).spearman != 0
    assert curve.mlm_loss[-1] == mlm.measure(small.probe)["mlm_loss"]


def test_equal_curves_compare_and_others_differ():
    assert by_hand() == by_hand() != by_hand(unigram=9.0) and by_hand() != 3
    assert by_hand(mlm_loss=np.ones(4)) != by_hand(mlm_loss=np.ones(3))
    assert len({by_hand(), by_hand()}) == 1
    one, other = (replace(by_hand(), also={"a": np.ones(4)}) for _ in "ab")
    assert one == other != by_hand()


@pytest.mark.parametrize("fields", [
    {"f1": [0.1, 0.2]}, {"f1": [0.1, 0.2, 0.3, float("nan")]}, {"mlm_loss": [float("inf")] * 4},
    {"f1": ["a"] * 4}, {"f1": [[0.1]] * 4}, {"f1": [[0.1], 0.2, 0.3, 0.4]}, {"f1": [True] * 4},
    {"f1": None}, {"unigram": float("nan")}, {"unigram": "5"}, {"also": {"a": [1.0]}}, {"also": 3},
    {"step": [], "mlm_loss": [], "mlm_acc": [], "f1": []}, {"step": ["0", "1", "2", "3"]},
])
def test_columns_that_make_no_curve_are_refused(fields):
    good = by_hand().as_dict()
    assert ForgettingCurve.from_dict(good) == by_hand()
    with pytest.raises(ConfigError, match="ForgettingCurve.from_dict: "):
        ForgettingCurve.from_dict(good | fields)


def test_a_model_without_a_head_for_masked_tokens_has_no_curve(small):
    model, _ = small.models()
    with pytest.raises(ConfigError, match="forgetting_curve: the heads of the model are classes"):
        small.curve(model, model)
