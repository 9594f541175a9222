"""How deep to fine-tune: what each depth may change, and what is read from its cells."""

from npft.experiments.depth import DEPTHS, TASKS, depth_cells, depth_table
from npft.experiments.repairs import forgetting_cell


def test_the_head_alone_forgets_nothing_and_every_depth_below_it_something(body):
    cells = [c | {"epochs": 1, "every": 20} for c in depth_cells(body, 0, 60, [0])]
    found = [forgetting_cell(c) for c in cells if c["task"] == "sms" and c["depth"] != "both blocks"]
    table = depth_table(found + [c | {"depth": "both blocks"} for c in found[:1]], "sms")
    assert table["head"]["rise"].tolist() == [0.0]
    assert abs(table["last block"]["rise"][0]) > 0 and abs(table["all"]["rise"][0]) > 0


def test_the_cells_go_from_the_head_to_all_weights():
    cells = depth_cells("folder", 3, 50, [0, 1])
    assert len(cells) == len(DEPTHS) * len(TASKS) * 2
    assert [c.get("last") for c in cells if c["seed"] == 0 and c["task"] == "sms"] == [0, 1, 2, None]
    assert {c["world"] for c in cells} == {3}
