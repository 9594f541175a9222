"""The size table: counts are those of real encoders, and near to what was published."""

from dataclasses import replace

import numpy as np
import pytest

from npft import load
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.experiments.sizes import (
    KNOWN, Known, distances_shared, short, size_rows, size_table,
)

ROWS = {row["name"]: row for row in size_rows()}


def test_the_counts_are_within_two_percent_of_every_published_one():
    assert len(ROWS) == 8
    for known in KNOWN:
        row = ROWS[known.name]
        if known.weights is not None:
            assert abs(row["counted"] / known.weights - 1) == abs(row["off"]) < 0.02


def test_counts_of_public_checkpoints_are_met_to_the_weight():
    """As ``transformers`` counts bert-base-uncased, all-MiniLM-L6-v2, mpnet-base (with a pooler),
    distilbert-base-uncased, roberta-base and deberta-base (without)."""
    assert ROWS["BERT-base"]["counted"] == 109_482_240
    assert ROWS["MiniLM 6 x 384"]["counted"] == 22_713_216
    assert ROWS["DistilBERT"]["counted"] == 66_362_880
    assert ROWS["RoBERTa-base"]["counted"] == 124_055_040
    assert ROWS["MPNet-base"]["counted"] == 109_486_464
    assert ROWS["DeBERTa-base"]["counted"] == 138_601_728


def test_the_distances_of_deberta_are_counted_as_its_code_has_them():
    """Matrix by matrix, as ``DebertaModel`` has them, for a small shape."""
    v, d, f, layers, k = 11, 8, 12, 3, 5
    config = EncoderConfig(
        vocab_size=v, hidden_size=d, num_layers=layers, num_heads=2, intermediate_size=f,
        type_vocab_size=0, norm="post", positions="relative", max_distance=k,
    )  # fmt: skip
    content = 3 * d * d + 2 * d + d * d + d  # q, k and v in one matrix, biases of q and v; output
    position = d * d + (d * d + d)  # pos_proj has no bias, pos_q_proj has one
    rest = 2 * 2 * d + 2 * d * f + f + d  # two layer norms, feed-forward
    whole = v * d + 2 * d + 2 * k * d + layers * (content + position + rest)
    assert config.num_parameters() + distances_shared(config) == whole


def test_operations_leave_out_distances_that_no_token_of_the_sequence_has():
    config = EncoderConfig(vocab_size=9, hidden_size=4, num_layers=1, num_heads=2,
                           intermediate_size=3, positions="relative", max_distance=512)
    (far,) = size_rows([Known("far", config, None, False, None, None, "")])
    (near,) = size_rows(
        [Known("near", replace(config, max_distance=64), None, False, None, None, "")]
    )
    assert far["operations"] == near["operations"]  # a sequence has at most 64 positions
    assert far["tables"] - near["tables"] == 2 * (512 - 64) * 4


def test_the_row_of_the_bundled_body_is_that_of_its_file():
    body = load("tinyworld").body
    row = ROWS["npft tinyworld"]
    assert row["weights"] == body.num_parameters() == 232_320
    tables = [p for name, p in body.named_parameters() if "_embeddings." in name]
    assert row["tables"] == sum(p.size for p in tables)
    assert row["bytes"] == sum(p.data.nbytes for p in body.parameters())
    assert row["training_bytes"] == 4 * row["bytes"]


def test_a_small_encoder_is_counted_as_it_is_built():
    config = EncoderConfig(vocab_size=9, hidden_size=4, num_layers=2, num_heads=2,
                           intermediate_size=3, max_positions=5, norm="post")
    (row,) = size_rows([Known("small", config, None, False, None, 70, "")])
    assert row["weights"] == Encoder(config, rng=np.random.default_rng(0)).num_parameters()
    t, d, f, layers = 5, 4, 3, 2  # a sequence is no longer than the positions
    assert row["operations"] == layers * (8 * d * d + 4 * d * f + 4 * t * d)
    assert row["training_operations"] == 3 * row["operations"] * 70
    assert row["off"] is None


def test_the_table_says_what_was_not_told():
    table = size_table(size_rows()).splitlines()
    assert len(table) == 10 and all(line.count("|") == 10 for line in table)
    assert "| DistilBERT | 66,362,880 | 36% | 66 M (+0.5%) |" in table[4] and "not told" in table[4]


@pytest.mark.parametrize("number, said", [(0, "0"), (999, "999"), (1e9, "1 B"), (999_499, "999 K")])
def test_short_numbers(number, said):
    assert short(number) == said
