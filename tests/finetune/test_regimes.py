"""The regimes side by side: what each trains, and a sweep that repeats its figures."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from npft.encoder.checkpoint import save
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.errors import ConfigError
from npft.finetune import regimes
from npft.finetune.heads import Classifier, num_trainable
from npft.finetune.regimes import learning_rate, make_task, run_cell, set_regime
from npft.pretrain.objectives import MaskedLM
from npft.sweep import sweep
from npft.text.bytes import ByteTokenizer


def small_body():
    rng = np.random.default_rng(0)
    config = EncoderConfig(vocab_size=260, hidden_size=4, num_layers=2, num_heads=2,
                           intermediate_size=4, max_positions=40, init_std=0.2)
    return MaskedLM(Encoder(config, tokenizer=ByteTokenizer(), rng=rng), rng=rng)


@pytest.fixture
def cell(tmp_path, monkeypatch):
    """A cell of a few messages and a tiny body."""
    monkeypatch.setattr(regimes, "TEST_SIZE", 40)
    save(tmp_path, small_body())
    return {"task": "sms", "n": 40, "regime": "full", "seed": 3, "body": str(tmp_path), "epochs": 2}


def test_each_regime_trains_its_part():
    model = Classifier(small_body().body, 2, rng=np.random.default_rng(0))
    everything, head = model.num_parameters(), model.classifier.num_parameters()
    block = model.encoder.encoder.layer[1].num_parameters() + 2 * 4
    expected = {"head": head, "last": head + block, "full": everything, "scratch": everything}
    for regime in ["full", "head", "last", "scratch", "head", "full"]:  # in any order
        set_regime(model, regime)
        assert num_trainable(model) == expected[regime]
        assert learning_rate(regime) > 0


def test_an_unknown_regime_or_task_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="regime is 'half', expected one of head, last, full"):
        learning_rate("half")
    with pytest.raises(ConfigError, match="task is 'mnist', expected 'sms' or 'topic'"):
        make_task("mnist", 10, 0)


@pytest.mark.parametrize("name", ["sms", "topic"])
def test_a_task_has_its_own_test_texts_with_the_same_classes(name, monkeypatch):
    monkeypatch.setattr(regimes, "TEST_SIZE", 60)
    train, test = make_task(name, 80, seed=0)
    assert len(train) == 80 and len(test) == 60
    assert train.label_names == test.label_names and len(train.label_names) >= 2
    assert set(train.labels) == set(test.labels) == set(range(len(train.label_names)))
    assert not set(train.texts) & set(test.texts)
    again, other = make_task(name, 80, seed=0)[0], make_task(name, 80, seed=1)[0]
    assert train.texts == again.texts != other.texts


def test_a_cell_returns_its_figures_and_repeats_them(cell):
    found = {regime: run_cell(cell | {"regime": regime}) for regime in regimes.REGIMES}
    for regime, result in found.items():
        assert all(result[key] == value for key, value in cell.items() if key != "regime")
        assert 0 <= result["f1"] <= 1 and 0 <= result["accuracy"] <= 1
        if regime != "words":
            assert len(result["curve"]) == cell["epochs"] + 1
            assert result["curve"][-1] == result["f1"]
    trained = [found[r]["trained"] for r in ("words", "head", "last", "full")]
    assert trained == sorted(set(trained)) and trained[0] == 0
    assert found["scratch"]["trained"] == found["full"]["trained"]
    assert run_cell(cell) == found["full"]


def test_a_sweep_gives_the_same_in_an_executor_and_keeps_the_order(cell):
    cells = [cell | {"regime": r, "seed": s} for r in ("head", "words") for s in (0, 1)]
    plain = [run_cell(c) for c in cells]
    assert [(r["regime"], r["seed"]) for r in plain] == [(c["regime"], c["seed"]) for c in cells]
    with ThreadPoolExecutor(2) as executor:
        assert sweep(run_cell, cells, executor) == plain
