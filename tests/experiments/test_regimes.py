"""One cell of the comparison of regimes: its figures, that it repeats them, and its threads."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from npft.errors import ConfigError, NpftError
from npft.experiments import regimes
from npft.experiments.regimes import make_task, run_cell
from npft.experiments.sweep import sweep
from npft.finetune.baselines import bag_of_words
from npft.heads.words import MaskedLM


@pytest.fixture
def cell(body, monkeypatch):
    """A cell of a few messages and a tiny body."""
    monkeypatch.setattr(regimes, "TEST_SIZE", 40)
    return {"task": "sms", "n": 40, "regime": "full", "seed": 3, "body": body, "epochs": 2}


def test_an_unknown_task_is_refused_with_the_known_ones():
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


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("regime", ["words", "head", "full"])
def test_a_cell_leaves_the_callers_threads_and_memory_as_they_were(
        cell, same_process, threads, regime):
    with same_process(threads):
        run_cell(cell | {"regime": regime})


def test_a_cell_that_fails_leaves_them_as_well(cell, same_process):
    with same_process(3), pytest.raises(ConfigError, match="regime is 'half'"):
        run_cell(cell | {"regime": "half"})
    with same_process(3), pytest.raises(NpftError):
        run_cell(cell | {"body": cell["body"] + "/missing"})


def test_a_cell_of_words_is_the_bag_of_words(cell):
    found = run_cell(cell | {"regime": "words"})
    expected = bag_of_words(*make_task("sms", 40, 3))
    assert (found["f1"], found["accuracy"]) == (expected.f1, expected.accuracy)
    assert (found["trained"], found["curve"]) == (0, [])


def test_head_and_last_start_from_the_pretrained_body_and_scratch_does_not(cell, monkeypatch):
    seen = {}
    steps = regimes.fine_tune_steps

    def watched(model, *args, **options):
        seen[now] = model.encoder.embeddings.word_embeddings.weight.numpy().copy(), options["lr"]
        return steps(model, *args, **options)

    monkeypatch.setattr(regimes, "fine_tune_steps", watched)
    for now in ("scratch", "head", "last", "full"):
        run_cell(cell | {"regime": now})
    own = MaskedLM.load(cell["body"]).encoder.embeddings.word_embeddings.weight.data
    assert [bool((table == own).all()) for table, _ in seen.values()] == [False, True, True, True]
    assert [lr for _, lr in seen.values()] == [2e-3, 1e-2, 3e-3, 2e-3]
