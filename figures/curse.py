"""The curse of multilinguality and the accent: toy languages that share one body."""

from common import SEEDS, picture, results, run_grid

from npft.experiments.curse import (
    WIDTH, accent_cell, accent_cells, accents, by_languages, curse_cell, curse_cells,
    with_fewer_steps,
)
from npft.plots import draw_curse


def cell(arguments: dict) -> dict:
    """A cell of either kind."""
    return accent_cell(arguments) if "company" in arguments else curse_cell(arguments)


def compute() -> list:
    kinds = [*curse_cells(), *accent_cells()]
    return run_grid(__file__, cell, [{"seed": seed} | kind for seed in SEEDS for kind in kinds])


def table(cells: list) -> str:
    """Mean and range over the seeds of what the figure shows."""
    rows = []
    for measure in ("loss", "accuracy"):
        for n, values in by_languages(cells, measure).items():
            rows.append((f"{measure}, {n} languages", values))
        for n, values in with_fewer_steps(cells, measure).items():
            rows.append((f"{measure}, alone, 1/{n} of the steps", values))
        for n, values in by_languages(cells, measure, 2 * WIDTH).items():
            rows.append((f"{measure}, {n} languages, twice the width", values))
    for measure in ("accent", "loss"):
        for company, shares in accents(cells, measure).items():
            for share, values in shares.items():
                rows.append((f"{measure} beside {company}, share {share:g}", values))
    return "\n".join(
        f"{name:42}{values.mean():.3f} ({values.min():.3f}-{values.max():.3f})"
        for name, values in rows
    )


if __name__ == "__main__":
    cells = results(__file__, compute)
    print(table(cells))
    picture("curse", draw_curse, cells, columns=2)
