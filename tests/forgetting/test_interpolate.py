"""Interpolation between two states: exact ends, the same bits in the middle, no trace left."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import CheckpointError, ConfigError, DtypeError
from npft.finetune.train import evaluate
from npft.forgetting import interpolate as module
from npft.forgetting.interpolate import interpolate, interpolation_path
from npft.nn.quantized import quantize


def states(seed=0):
    rng = np.random.default_rng(seed)
    return [
        {"w": rng.standard_normal((3, 2)).astype(np.float32), "b": rng.standard_normal(4)}
        for _ in range(2)
    ]


def test_the_ends_are_exact_and_the_dtypes_stay():
    a, b = states()
    for alpha, end in ((0, a), (0.0, a), (1, b), (1.0, b), (np.float64(1), b)):
        found = interpolate(a, b, alpha)
        assert list(found) == list(a)
        for name in a:
            np.testing.assert_array_equal(found[name], end[name], strict=True)
            assert not np.shares_memory(found[name], end[name])


@given(st.floats(0, 1))
def test_each_weight_lies_on_the_line(alpha):
    a, b = states()
    found, back = interpolate(a, b, alpha), interpolate(b, a, 1 - alpha)
    for name in a:
        line = a[name] + alpha * (b[name].astype(float) - a[name])
        np.testing.assert_allclose(found[name], line, atol=1e-6)
        np.testing.assert_allclose(found[name], back[name], atol=1e-6)


def test_the_states_are_not_changed():
    a, b = states()
    interpolate(a, b, 0.3)
    for state, fresh in zip((a, b), states()):
        assert all((state[n] == fresh[n]).all() for n in state)


@pytest.mark.parametrize("alpha", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_place_off_the_line_is_refused(alpha):
    words = f"alpha is {alpha}, expected a share, at least 0 and at most 1"
    with pytest.raises(ConfigError, match=words):
        interpolate(*states(), alpha)


def test_states_that_do_not_match_are_refused():
    a, b = states()
    with pytest.raises(CheckpointError, match="the states differ in c"):
        interpolate(a, b | {"c": np.zeros(1)}, 0.5)
    with pytest.raises(CheckpointError, match="the states differ in b"):
        interpolate(a, {"w": b["w"]}, 0.5)
    with pytest.raises(CheckpointError, match="the states differ in w"):
        interpolate(a, b | {"w": b["w"].T}, 0.5)  # would broadcast for (1, n) and (n, 1)


def test_states_of_quantized_models_are_refused(small):
    quantized = quantize(small.models()[1]).encoder.state_dict()
    with pytest.raises(CheckpointError, match="hold no floating-point numbers.*quantized"):
        interpolate(quantized, quantized, 0.5)


# ---- along the path ----


@pytest.fixture
def tuned(small):
    """A model that has forgotten, and its body before."""
    model, mlm = small.models()
    start = model.encoder.state_dict()
    small.train_only(model, epochs=8, lr=2e-2)
    return model, mlm, start


def test_the_path_leads_from_the_pretrained_to_the_tuned_body(small, tuned, bits):
    model, mlm, start = tuned
    before, fresh = bits(model), small.models()[1]
    path = interpolation_path(model, mlm, start, small.probe, small.test, alphas=(0, 0.5, 1))
    assert path["alpha"] == [0.0, 0.5, 1.0]
    assert path["mlm_loss"][0] == fresh.measure(small.probe)["mlm_loss"]
    assert path["mlm_loss"][2] == mlm.measure(small.probe)["mlm_loss"]
    assert path["f1"][2] == evaluate(model, small.test).f1
    assert path["mlm_loss"][0] < path["mlm_loss"][1] < path["mlm_loss"][2]
    assert bits(model) == before


def test_the_head_is_the_tuned_one_all_along(small, tuned):
    model, mlm, start = tuned
    other, _ = small.models()
    other.head().load_state_dict(model.head().state_dict())
    path = interpolation_path(model, mlm, start, small.probe, small.test, alphas=[0])
    assert path["f1"] == [evaluate(other, small.test).f1]


@pytest.mark.parametrize("error", [ConfigError, KeyboardInterrupt])
def test_the_tuned_body_is_put_back_whatever_happens(small, tuned, bits, monkeypatch, error):
    model, mlm, start = tuned
    before, seen = bits(model), []

    def fake(model, test):
        seen.append(bits(model))
        raise error

    monkeypatch.setattr(module, "evaluate", fake)
    with pytest.raises(error):
        interpolation_path(model, mlm, start, small.probe, small.test, (0.5, 0.7))
    assert len(seen) == 1 and seen[0] != before and bits(model) == before


def test_the_path_may_come_from_a_generator_and_is_checked_before_anything_moves(small, tuned):
    model, mlm, start = tuned
    found = interpolation_path(model, mlm, start, small.probe, small.test, iter((0.0, 1.0)))
    assert [len(column) for column in found.values()] == [2, 2, 2]
    for alphas, error in (((0.5, 2), ConfigError), ((0, "1"), ConfigError), (3, DtypeError)):
        with pytest.raises(error, match="interpolation_path: a"):
            interpolation_path(model, mlm, start, small.probe, small.test, alphas)
    with pytest.raises(ConfigError, match="interpolation_path: the heads of the model are classes"):
        interpolation_path(model, model, start, small.test, small.test)


def test_a_start_of_another_model_is_refused_and_changes_nothing(small, tuned, bits):
    model, mlm, _ = tuned
    before = bits(model)
    with pytest.raises(CheckpointError, match="the states differ in"):
        interpolation_path(model, mlm, model.state_dict(), small.probe, small.test)
    assert bits(model) == before


def test_models_that_do_not_share_their_encoder_are_refused(small, tuned):
    model, _, start = tuned
    with pytest.raises(ConfigError, match="interpolation_path: model and mlm have different enc"):
        interpolation_path(model, small.models()[1], start, small.probe, small.test)
