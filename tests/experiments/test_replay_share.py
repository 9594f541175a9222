"""How much to replay: the cells, and what is read from them."""

import pytest

from npft.experiments.methods import ARMS
from npft.experiments.replay_share import SEQUENCES, STORES, share_cells, share_table, store_table


def measured(cells):
    """Each cell with F1 = its number of sequences / 100 and a rise of 1 / (1 + sequences)."""
    return [
        cell | {"curve": {"f1": [0.0, cell.get("strength", 0) / 100],
                          "mlm_loss": [2.0, 2.0 + 1 / (1 + cell.get("strength", 0))]}}
        for cell in cells
    ]


def test_every_arm_has_every_number_and_the_stores_stand_apart():
    cells = measured(share_cells())
    for arm in ARMS:
        table = share_table(cells, arm)
        assert list(table) == [0, *SEQUENCES]
        for n, row in table.items():
            assert row["rise"].tolist() == pytest.approx([1 / (1 + n)])
            assert row["f1"].tolist() == [n / 100]
    assert list(store_table(cells)) == list(STORES)
    assert all(len(row["f1"]) == 1 for row in store_table(cells).values())
