"""What a few labels are worth to a cloze, to a new head and to a bag of words. Five seeds."""


from common import SEEDS, picture, results

from npft.experiments.few_shot import HOWS, LABELS, PATTERNS, run_cell
from npft.experiments.sweep import sweep
from npft.plots import draw_few_shot


def compute() -> list:
    return sweep(run_cell, [
        {"task": task, "how": how, "n": n, "seed": seed}
        for task in PATTERNS
        for how in HOWS
        for n in LABELS
        for seed in SEEDS
        if n > 0 or (how in ("prompt", "calibrated") and seed == 0)  # else nothing differs
    ])


if __name__ == "__main__":
    cells = results(__file__, compute)
    picture("few_shot", draw_few_shot, cells, columns=2)
