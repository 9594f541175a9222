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


def plain(result):
    """A result without the time it took, which is never the same."""
    return {k: v for k, v in result.items() if k != "seconds"}


def test_an_unknown_task_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="task is 'mnist', expected 'sms', 'hard sms', 'topic' or 'clinic'"):
        make_task("mnist", 10, 0)


@pytest.mark.parametrize("name", ["sms", "hard sms", "topic"])
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
    assert plain(run_cell(cell)) == plain(found["full"])
    assert all(result["seconds"] > 0 for result in found.values())


def test_a_cell_that_is_not_watched_ends_at_the_same_figures(cell):
    watched, apart = run_cell(cell), run_cell(cell | {"watch": False})
    assert apart["curve"] == [watched["curve"][0], watched["curve"][-1]]
    assert all(apart[name] == watched[name] for name in regimes.FIGURES)


def test_a_sweep_gives_the_same_in_an_executor_and_keeps_the_order(cell):
    cells = [cell | {"regime": r, "seed": s} for r in ("head", "words") for s in (0, 1)]
    expected = [plain(run_cell(c)) for c in cells]
    assert [(r["regime"], r["seed"]) for r in expected] == [(c["regime"], c["seed"]) for c in cells]
    with ThreadPoolExecutor(2) as executor:
        found = sweep(run_cell, cells, executor)
    assert [plain(r) for r in found] == expected


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


def test_head_and_last_start_from_the_pretrained_body_and_random_ones_do_not(cell, monkeypatch):
    seen = []
    train = regimes.fine_tune_as

    def watched(model, data, regime, **options):
        table = model.encoder.embeddings.word_embeddings.weight.numpy()
        seen.append((regime, bool((table == own).all())))
        return train(model, data, regime, **options)

    own = MaskedLM.load(cell["body"]).encoder.embeddings.word_embeddings.weight.numpy()
    monkeypatch.setattr(regimes, "fine_tune_as", watched)
    for changes in ({"regime": "scratch"}, {"regime": "head"}, {"regime": "last"},
                    {"regime": "head", "random": True}):  # fmt: skip
        run_cell(cell | changes)
    assert seen == [("full", False), ("head", True), ("last", True), ("head", False)]


def test_a_cell_takes_options_of_the_head_and_of_training(cell, monkeypatch):
    seen = {}
    train = regimes.fine_tune_as

    def watched(model, data, regime, **options):
        seen.update(pool=model.head().pool.kind, lr=options["lr"], dropout=model.head().dropout.p)
        return train(model, data, regime, **options)

    monkeypatch.setattr(regimes, "fine_tune_as", watched)
    run_cell(cell | {"head": {"pool": "max"}, "train": {"lr": 1e-5}, "dropout": 0.25})
    assert seen == {"pool": "max", "lr": 1e-5, "dropout": 0.25}


def test_a_cell_with_frozen_first_blocks_trains_what_lies_above(cell):
    trained = [run_cell(cell | {"first": n})["trained"] for n in (0, 1)]
    assert run_cell(cell)["trained"] > trained[0] > trained[1] > 0
