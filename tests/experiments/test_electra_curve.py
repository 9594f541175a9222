"""Replaced tokens beside masked ones along the way: what is judged, when, and what it has cost."""

import json

import numpy as np
import pytest

from npft import OBJECTIVES, Encoder, EncoderConfig, WordPiece
from npft.errors import ConfigError
from npft.experiments import bodies, electra_curve, probe_ranks, regimes
from npft.experiments.electra_curve import (
    LOOKS, RATES, WAYS, best_rate, curve, electra_cell, electra_table,
)
from npft.pretraining.budget import step_flops
from npft.pretraining.pairs import Corpus
from npft.pretraining.source import Feed, Source

BUDGET = 1.5e10


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(bodies, "VOCAB_SIZE", 300)
    monkeypatch.setattr(regimes, "TEST_SIZE", 40)
    monkeypatch.setattr(probe_ranks, "TEST_SIZE", 40)
    monkeypatch.setattr(electra_curve, "TASKS", {"topic": 16, "senses": 32})
    text = bodies.world_text(0, 40, 2)
    monkeypatch.setattr(electra_curve, "world_text", lambda seed: text)
    return text


def cost_of_a_step(way, text):
    """The mean operations of twenty batches."""
    chosen, rng = OBJECTIVES[way], np.random.default_rng(0)
    tok = WordPiece.train(text.vocabulary, vocab_size=text.vocab_size)
    config = EncoderConfig(vocab_size=tok.vocab_size, num_layers=1, max_positions=64)
    model = chosen.model(Encoder(config, tokenizer=tok, rng=rng), rng=rng)
    source = Source(Corpus(text.train, tok), chosen.layout, 64)
    feed = Feed(source, chosen.corrupt, electra_curve.BATCH_SIZE, order=rng, masks=rng)
    return np.mean([step_flops(model, next(feed)) for _ in range(20)])


@pytest.mark.parametrize("way", WAYS)
def test_a_cell_spends_the_budget_and_judges_a_copy_at_each_look(way, small):
    cell = {"way": way, "lr": 1e-3, "budget": BUDGET, "seed": 0}
    found = electra_cell(cell)
    assert {k: found[k] for k in cell} == cell and json.loads(json.dumps(found)) == found
    steps, looks = found["steps"], found["looks"]
    stops = [round(part * steps) for part in LOOKS]
    assert len(set(stops)) == len(looks) == len(LOOKS)
    assert steps * cost_of_a_step(way, small) == pytest.approx(BUDGET, rel=0.05)
    assert [row["operations"] for row in looks] == pytest.approx(
        [BUDGET * stop / steps for stop in stops]
    )
    assert all(0 <= row[task] <= 1 for row in looks for task in ("topic", "senses"))
    assert len({row["topic"] for row in looks}) > 1  # the copies are not one and the same


def test_a_step_of_replaced_words_costs_more_by_its_generator(small):
    assert cost_of_a_step("electra", small) > cost_of_a_step("roberta", small)


def test_an_unknown_way_is_refused():
    with pytest.raises(ConfigError, match="way is 'bert', expected one of roberta, electra"):
        electra_cell({"way": "bert", "lr": 1e-3, "budget": 1e9, "seed": 0})


def cells():
    """The second rate ends 0.2 higher, replaced words 0.1 lower; a seed adds 0.02."""
    return [
        {"way": way, "lr": lr, "seed": seed, "looks": [
            {"operations": float(k), "senses": 0.5 - 0.1 * j * k,
             "topic": 0.3 + 0.05 * k - 0.1 * i + (0.2 * j + 0.02 * seed) * k / 7}
            for k in range(len(LOOKS))
        ]}
        for i, way in enumerate(WAYS) for j, lr in enumerate(RATES) for seed in (0, 1)
    ]  # fmt: skip


def test_a_curve_has_a_row_for_each_look_and_the_better_rate_ends_higher():
    found = curve(cells(), "electra", RATES[1], "topic")
    assert found.shape == (len(LOOKS), 2)
    assert found[-1] == pytest.approx([0.75, 0.77])
    assert best_rate(cells(), "electra", "topic") == RATES[1]
    assert best_rate(cells(), "electra", "senses") == RATES[0]


def test_the_table_has_means_and_the_range_at_the_end():
    lines = electra_table(cells()).splitlines()
    assert lines[0].startswith("| F1 of a probe after a part of the budget | 0% | 5% |")
    assert len(lines) == 2 + 2 * len(WAYS) * len(RATES)
    (row,) = [x for x in lines if x.startswith(f"| topic, replaced words, rate {RATES[1]:g} |")]
    assert row.endswith("| 0.76 (0.75 to 0.77) |")
