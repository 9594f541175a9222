"""Probes and checkpoints: what is kept and judged, and what ranks what, by hand."""

import json

import numpy as np
import pytest

from npft import Encoder, EncoderConfig, Examples, WordPiece
from npft.errors import ConfigError
from npft.experiments import bodies, probe_ranks, regimes, when_to_tune
from npft.experiments.probe_ranks import (
    SETTINGS, copies_table, judged, over_seeds, over_steps, probe, ranks_cell, ranks_table,
    seconds_of, tuned,
)

SMS = ("sms", 16)
CELL = {"seed": 0, "steps": 4, "documents": 12, "looks": [0, 2, 4]}


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(bodies, "VOCAB_SIZE", 300)
    monkeypatch.setattr(regimes, "TEST_SIZE", 40)
    monkeypatch.setattr(probe_ranks, "TEST_SIZE", 40)
    settings = dict.fromkeys([("topic", 8), ("senses", 32), SMS], "")
    monkeypatch.setattr(probe_ranks, "SETTINGS", settings)
    monkeypatch.setattr(probe_ranks, "AGAIN", (4,))
    monkeypatch.setattr(when_to_tune, "STEPS", 2)
    monkeypatch.setattr(when_to_tune, "EPOCHS", 1)


def body(seed=0, std=0.2):
    """A small body that knows the words of two classes."""
    tok = WordPiece.train(["red blue round flat"] * 5, vocab_size=100)
    config = EncoderConfig(vocab_size=tok.vocab_size, hidden_size=16, num_layers=1, num_heads=2,
                           intermediate_size=16, max_positions=8, init_std=std, dropout=0.0)
    return Encoder(config, tokenizer=tok, rng=np.random.default_rng(seed)).eval()


TRAIN = Examples(["red red", "red", "blue", "blue blue"], [0, 0, 1, 1], ["red", "blue"])
TEST = Examples(["red red red", "blue blue blue", "red", "blue"], [0, 1, 0, 1], ["red", "blue"])


def test_a_cell_judges_each_copy_on_each_task_with_each_number_of_labels(small):
    found = ranks_cell(CELL)
    assert {k: found[k] for k in CELL} == CELL
    assert json.loads(json.dumps(found)) == found
    settings = [(step, *of) for step in (0, 2, 4) for of in (("topic", 8), ("senses", 32), SMS)]
    assert [(r["step"], r["task"], r["n"]) for r in found["rows"]] == settings
    for row in found["rows"]:
        assert 0 <= row["probe"] <= 1 and 0 <= row["full"] <= 1
        assert ("again" in row) == (row["step"] == 4)
    losses = {r["step"]: r["loss"] for r in found["rows"]}
    _, history = bodies.pretrain_tinyworld(0, 4, 12)
    assert losses == {k: history["mlm_loss"][k] for k in (0, 2, 4)}


def test_a_copy_is_of_its_own_step_and_what_was_judged_before_leaves_no_trace(small):
    rows, kept = ranks_cell(CELL)["rows"], []
    mlm, _ = bodies.pretrain_tinyworld(
        0, 4, 12, look=lambda model, step: kept.append(model.body.state_dict())
    )
    mlm.body.load_state_dict(kept[2])
    (row,) = [r for r in rows if (r["step"], r["task"], r["n"]) == (2, "sms", 16)]
    alone = judged(mlm.body, "sms", 16, 0, False)
    assert (row["probe"], row["full"]) == (alone["probe"], alone["full"])


def test_a_look_at_a_step_without_a_loss_is_refused(small):
    with pytest.raises(ConfigError, match=r"looks are at \[9\], expected some of \[0, 1, 2"):
        ranks_cell(CELL | {"looks": [0, 9]})


def test_a_probe_reads_what_vectors_tell_and_leaves_the_body_as_it_was():
    encoder = body()
    before = encoder.state_dict()
    f1, seconds = probe(encoder, TRAIN, TEST)
    assert f1 == 1.0 and seconds > 0
    assert all((before[k] == v).all() for k, v in encoder.state_dict().items())
    mixed = Examples(TRAIN.texts, [0, 1, 0, 1], ["red", "blue"])  # half of either is of each
    assert probe(encoder, mixed, TEST)[0] < 0.6


def test_a_probe_does_not_see_the_length_of_the_vectors():
    wide, narrow = body(), body()
    state = wide.state_dict()
    last = [name for name in state if "norm" in name and state[name].shape == (16,)][-2:]
    narrow.load_state_dict(state | {name: state[name] * 1e-3 for name in last})
    assert not np.allclose(narrow.state_dict()[last[0]], state[last[0]])
    assert probe(wide, TRAIN, TEST)[0] == probe(narrow, TRAIN, TEST)[0] == 1.0


def test_full_fine_tuning_learns_and_depends_on_its_seed_alone(monkeypatch):
    monkeypatch.setattr(when_to_tune, "STEPS", 60)
    scores = [tuned(body(), TRAIN, TEST, seed)[0] for seed in (0, 0)]
    assert scores == [1.0, 1.0]
    trained = body()
    tuned(trained, TRAIN, TEST, 0)
    assert any((v != body().state_dict()[k]).any() for k, v in trained.state_dict().items())


def rows(full, probes, seeds=2):
    """Four copies a seed at steps 0 to 3; the second seed has the probes the other way round."""
    return [
        {"seed": s, "step": k, "task": task, "n": n, "loss": 5.0 - k, "full": full[k] + 0.01 * s,
         "probe": probes[k] if s == 0 else probes[-1 - k], "again": full[k],
         "probe_seconds": 0.1, "full_seconds": n * 1.0}
        for s in range(seeds) for task, n in SETTINGS
        for k in range(4)
    ]  # fmt: skip


def test_ranks_over_steps_are_those_of_each_seed_alone():
    found = rows(full=[0.1, 0.3, 0.2, 0.4], probes=[1, 2, 3, 4])
    assert over_steps(found, "probe", "topic", 32) == pytest.approx([0.8, -0.8])
    assert over_steps(found, "steps", "topic", 32) == pytest.approx([0.8, 0.8])
    assert over_steps(found, "loss", "sms", 320) == pytest.approx([0.8, 0.8])  # less is better
    assert over_steps(found, "again", "sms", 320) == pytest.approx([1, 1])
    table = ranks_table(found)
    assert "| topic, 32 labels | 0.00 (-0.80 to 0.80) | 0.80 (0.80 to 0.80) |" in table
    assert len(table.splitlines()) == 2 + 4


def test_ranks_over_seeds_are_of_one_step_and_leave_out_where_all_are_equal():
    found = rows(full=[0.1, 0.3, 0.2, 0.4], probes=[1, 2, 3, 4])
    assert over_seeds(found, "probe", 0) == {
        setting: pytest.approx(1) for setting in SETTINGS
    }
    assert over_seeds(found, "probe", 3)["senses", 320] == pytest.approx(-1)
    equal = [r | {"full": 1.0} if (r["task"], r["n"]) == ("topic", 320) else r for r in found]
    assert ("topic", 320) not in over_seeds(equal, "probe", 0)
    assert len(over_seeds(equal, "probe", 0)) == 3


def test_the_table_of_copies_has_the_means_of_the_seeds(monkeypatch):
    monkeypatch.setattr(probe_ranks, "LOOKS", (0, 1, 2, 3))
    found = rows(full=[0.102, 0.312, 0.202, 0.402], probes=[0.1, 0.2, 0.3, 0.4])
    lines = copies_table(found).splitlines()
    assert lines[0] == "| F1 after steps | 0 | 1 | 2 | 3 |" and len(lines) == 2 + 2 * len(SETTINGS)
    assert lines[3] == "| topic, 32 labels, full | 0.11 | 0.32 | 0.21 | 0.41 |"
    assert lines[2] == "| topic, 32 labels, probe | 0.25 | 0.25 | 0.25 | 0.25 |"


def test_the_seconds_are_medians_of_one_number_of_labels():
    found = rows(full=[0, 1, 2, 3], probes=[0, 1, 2, 3])
    assert seconds_of(found, 32) == (0.1, 32.0) and seconds_of(found, 320) == (0.1, 320.0)
