"""A real encoder tuned on graded pairs and on a few messages: tables of the gallery. Three seeds.

    python figures/real_tuning.py --recompute --model FOLDER --data FOLDER
"""

from common import results, run_grid

from npft.experiments.real_tuning import LABELS, PAIRED, REGIMES, real_tuning_cell, tuning_table

SEEDS = range(3)


def compute(model: str, data: str) -> list:
    ways = [{"how": how} for how in PAIRED if how != "published"]
    ways += [{"how": how, "labels": n} for n in LABELS for how in ("words", *REGIMES)]
    cells = [{"seed": seed, **way} for seed in SEEDS for way in ways]
    cells.append({"seed": 0, "how": "published"})
    cells = [{"body": model, "data": data, **cell} for cell in cells]
    return run_grid(__file__, real_tuning_cell, cells)


if __name__ == "__main__":
    print(tuning_table(results(__file__, compute, ["model", "data"])))
