"""Does a linear probe rank checkpoints as fine-tuning does? Copies of five bodies on their way."""

from common import SEEDS, picture, results, run_grid

from npft.experiments.probe_ranks import (
    AGAIN, SETTINGS, copies_table, over_seeds, ranks_cell, ranks_table, seconds_of,
)
from npft.plots import draw_probe_ranks


def compute() -> list:
    found = run_grid(__file__, ranks_cell, [{"seed": seed} for seed in SEEDS])
    return [{"seed": cell["seed"], **row} for cell in found for row in cell["rows"]]


if __name__ == "__main__":
    rows = results(__file__, compute)
    print(copies_table(rows))
    print(ranks_table(rows))
    for step in AGAIN:
        for forecast in ("probe", "loss", "again"):
            found = over_seeds(rows, forecast, step)
            shown = ", ".join(f"{SETTINGS[k]} {v:.2f}" for k, v in found.items())
            print(f"five bodies after {step:,} steps, {forecast:6}: {shown}")
    for n in sorted({row["n"] for row in rows}):
        probe, full = seconds_of(rows, n)
        print(f"{n} labels: probe {probe:.2f} s, full {full:.2f} s, {full / probe:.0f} times")
    picture("probe_ranks", draw_probe_ranks, rows, columns=2, width=6.5)
