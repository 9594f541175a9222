"""Taggers on a frozen body: each way trains, and reads what it says it reads."""

import pytest

from npft.experiments import frozen_tags
from npft.experiments.frozen_tags import WAYS, tag_cell


def test_every_way_runs_and_repeats_itself(body, monkeypatch):
    monkeypatch.setattr(frozen_tags, "TEST", 10)
    cell = {"n": 12, "seed": 1, "body": body, "epochs": 1}
    for way in WAYS:
        found = tag_cell(cell | {"way": way})
        assert 0 <= found["f1"] <= 1 and found["way"] == way
    assert tag_cell(cell | {"way": way}) == found


@pytest.mark.parametrize("way, width", [("frozen, last layer", 1), ("full", 1),
                                        ("frozen, last 2 layers, joined", 2)])  # fmt: skip
def test_a_way_reads_its_layers(way, width, body, monkeypatch):
    seen = {}

    def watched(model, data, regime, **options):
        head = model.head()
        seen.update(width=head.linear.weight.shape[1] // model.encoder.config.hidden_size)
        seen.update(regime=regime)

    monkeypatch.setattr(frozen_tags, "fine_tune_as", watched)
    monkeypatch.setattr(frozen_tags, "TEST", 4)
    tag_cell({"way": way, "n": 4, "seed": 0, "body": body, "epochs": 1})
    assert seen == {"width": width, "regime": WAYS[way]["regime"]}
