"""Domain-adaptive pretraining to the end: what each way reads, and what is made of the cells."""

import numpy as np
import pytest

from npft.errors import ConfigError
from npft.experiments import dapt
from npft.loading import folder_of
from npft.worlds import TinyWorld


def test_every_way_has_the_same_steps_and_the_same_tasks():
    cells = dapt.dapt_cells()
    assert [c["way"] for c in cells] == list(dapt.WAYS) and len(cells) == 5
    assert len({(c["steps"], c["train_steps"]) for c in cells}) == 1
    assert "documents" not in cells[0] and all("documents" in c for c in cells[1:])


def test_a_way_trains_on_text_that_no_probe_holds(monkeypatch):
    seen = {}

    def recorded(model, documents, *, held_out, general, pool, **options):
        seen.update(documents=documents, held_out=held_out, general=general, pool=pool)
        raise InterruptedError  # before the work begins

    monkeypatch.setattr(dapt, "adapt", recorded)
    monkeypatch.setattr(dapt, "DOCUMENTS", 40)
    monkeypatch.setattr(dapt, "HELD_OUT", 10)
    monkeypatch.setattr(dapt, "UNREAD", 50)
    for way in dapt.dapt_cells()[1:]:
        with pytest.raises(InterruptedError):
            dapt.gone_on(None, way | {"seed": 3, "documents": 12})
        texts = {k: {s for d in docs for s in d} for k, docs in seen.items() if docs is not None}
        assert not texts["documents"] & (texts["held_out"] | texts["general"])
        assert (seen["pool"] is not None) == (way["replay"] > 0)
        if seen["pool"] is not None:
            assert not texts["pool"] & texts["general"]
        world = TinyWorld(3, domain=way["domain"])
        assert seen["documents"] == [d.sentences for d in world.documents(12, 50)]
        assert seen["held_out"] == [
            d.sentences for d in TinyWorld(3, domain="clinic").documents(10, 40)
        ]


@pytest.mark.slow
def test_a_cell_has_the_losses_of_its_steps_and_the_scores_of_its_tasks():
    short = {"steps": 2, "train_steps": 2, "tasks": {"clinic_topic": (8,)}, "seed": 0,
             "body": str(folder_of("tinyworld"))}  # fmt: skip
    plain, *_ = dapt.dapt_cells()
    assert dapt.dapt_cell(plain | short | {"documents": 4000})["losses"] == []  # of pretraining
    found = dapt.dapt_cell(dapt.dapt_cells()[2] | short | {"documents": 10})
    assert [row["step"] for row in found["losses"]] == [0, 2]
    first, last = found["losses"]
    assert first["domain"] > first["general"] + 2  # the clinic is strange to a general body ...
    assert last["domain"] < first["domain"]  # ... and less so after two steps
    assert 0 <= found["f1"]["clinic_topic"]["8"] <= 1


def test_the_table_holds_every_way_by_seed_and_misses_none():
    cells = [
        {"way": way, "seed": seed, "f1": {"clinic_topic": {"32": 0.1 * i + seed}}}
        for i, way in enumerate(dapt.WAYS)
        for seed in (1, 0)
    ]
    table = dapt.dapt_table(cells, "clinic_topic", 32)
    assert list(table) == list(dapt.WAYS)
    assert table["25 documents"] == pytest.approx(np.array([0.2, 1.2]))
    with pytest.raises(ConfigError, match="no cell of the way '2,000 documents'"):
        dapt.dapt_table([c for c in cells if c["way"] != "2,000 documents"], "clinic_topic", 32)
