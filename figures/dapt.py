"""Domain-adaptive pretraining to the end: general text, text of the clinic, a task there."""

from common import on_bodies, picture, results, run_grid

from npft.experiments.dapt import TASKS, WAYS, dapt_cell, dapt_cells, dapt_table
from npft.plots import draw_dapt


def compute() -> list:
    return run_grid(__file__, dapt_cell, on_bodies(dapt_cells()))


def table(cells: list) -> str:
    """F1 of each way: mean over the seeds, range, and in how many seeds it beats the plain body."""
    lines = []
    for task, numbers in TASKS.items():
        for labels in numbers:
            found = dapt_table(cells, task, labels)
            plain = next(iter(found.values()))
            for way in WAYS:
                f1 = found[way]
                lines.append(
                    f"{task:16}{labels:5} {way:30}{f1.mean():.3f} ({f1.min():.3f}-{f1.max():.3f})"
                    f"  better in {(f1 > plain).sum()} of {len(f1)}"
                )
    return "\n".join(lines)


if __name__ == "__main__":
    cells = results(__file__, compute)
    print(table(cells))
    picture("dapt", draw_dapt, cells, columns=3)
