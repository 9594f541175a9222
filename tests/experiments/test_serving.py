"""The experiment of serving: its ways, its control, and how time is shared out."""

import csv
from pathlib import Path

import numpy as np
import pytest

from npft import Encoder, EncoderConfig, WordPiece
from npft.encoder.hub_write import write_encoder
from npft.experiments.serving import (
    every_second, real_student_cell, real_ways, serving_cell, shares_of_time,
)
from npft.loading import load

WAYS = {"full", "dropped", "trained on", "distilled", "float16", "int8", "distilled, int8"}


def test_time_is_a_share_of_the_first_in_the_same_round():
    def work(n):
        return lambda: sum(range(n))

    shares = shares_of_time({"one": work(200_000), "three": work(600_000)}, 9)
    assert shares["one"] == [1.0] * 9
    assert 1.5 < np.median(shares["three"]) < 6


def test_every_second_block_begins_with_the_lowest(body):
    assert every_second(load(body)) == [0]


def test_a_cell_measures_every_way(body, same_process):
    cell = {"seed": 0, "world": 0, "body": body, "documents": 4, "steps": 2, "task": "sms",
            "n": 16, "epochs": 1, "rounds": 1}
    with same_process(2):
        ways = serving_cell(cell)["ways"]
    assert set(ways) == WAYS
    full = ways["full"]
    assert full["time"] == 1.0 and all(way["time"] > 0 for way in ways.values())
    assert ways["int8"]["bytes"] < full["bytes"] > ways["float16"]["bytes"]
    assert ways["dropped"]["bytes"] == ways["distilled"]["bytes"] < full["bytes"]
    assert all(0 <= way["words"] <= 1 and 0 <= way["f1"] <= 1 for way in ways.values())


@pytest.fixture
def folders(tmp_path):
    """A folder of a small random BERT, and one of a tiny benchmark."""
    texts = [f"{who} {what}" for who in ("a cat", "a dog", "a man") for what in ("runs", "eats")]
    tok = WordPiece.train(texts, vocab_size=60)
    config = EncoderConfig(vocab_size=tok.vocab_size, hidden_size=8, num_layers=3, num_heads=2,
                           intermediate_size=8, max_positions=16, norm="post", init_std=0.3)
    write_encoder(tmp_path / "m", Encoder(config, tokenizer=tok, rng=np.random.default_rng(0)))
    (tmp_path / "stsb").mkdir()
    for part in ("train", "test"):
        with open(tmp_path / "stsb" / f"sts-{part}.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, delimiter="\t")
            for i, text in enumerate(texts):
                writer.writerow(["x", "y", "z", i, i % 6, text, texts[(i * i) % 6]])
    return str(Path(tmp_path) / "m"), str(tmp_path)


def test_a_real_encoder_is_measured_in_every_way(folders):
    model, data = folders
    cell = {"body": model, "data": data, "part": "test", "timed": 4, "rounds": 1}
    fixed = real_ways(cell)["ways"]
    taught = real_student_cell(cell | {"seed": 0, "texts": 5, "steps": 2, "lr": 1e-3})["ways"]
    ways = fixed | taught
    assert set(ways) == WAYS - {"trained on"} and not fixed.keys() & taught.keys()
    assert fixed["full"]["time"] == 1.0
    assert all(-1 <= way["spearman"] <= 1 for way in ways.values())
    assert ways["distilled, int8"]["bytes"] < ways["int8"]["bytes"] < ways["full"]["bytes"]
