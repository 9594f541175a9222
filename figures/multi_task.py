"""Does a task with few labels learn better in company? One target, one helper, five seeds.

Three targets with few labels, alone, beside each of eight helpers with many, and all together; then
the weight of the helper's loss, for the pair that helps most and the one that hurts most. Every run
takes 100 steps and reads 16 examples of each of its tasks in a step. All start from the bundled
body; a seed is other data and other new weights.
"""


from common import SEEDS, picture, results

from npft.experiments.multi_task import multi_task_cell
from npft.experiments.sweep import sweep
from npft.plots import draw_multi_task

STEPS = 100
MANY = 500
TARGETS = {"topic": 8, "pos": 20, "entities": 20}
HELPERS = ("topic", "pos", "entities", "senses", "sentiment", "random", "clinic_pos",
           "clinic_entities")  # fmt: skip
WEIGHTS = (0.1, 0.3, 3.0)  # beside 1
WEIGHED = (("entities", "clinic_entities"), ("topic", "pos"))


def cell(target: str, helper: str, labels: dict, weights: dict) -> list[dict]:
    """One setting for every seed; "helper" is "alone", a task, or "all"."""
    return [
        {
            "target": target, "helper": helper, "labels": labels, "weights": weights, "seed": seed,
            "steps": STEPS, "body": "tinyworld",
        }
        for seed in SEEDS
    ]  # fmt: skip


def compute() -> list:
    cells = []
    for target, few in TARGETS.items():
        cells += cell(target, "alone", {target: few}, {})
        for helper in HELPERS:
            if helper != target:
                cells += cell(target, helper, {target: few, helper: MANY}, {})
    everything = TARGETS | {h: MANY for h in HELPERS if h not in (*TARGETS, "random")}
    cells += cell("all", "all", TARGETS, {}) + cell("all", "everything", everything, {})
    for target, helper in WEIGHED:
        for weight in WEIGHTS:
            labels = {target: TARGETS[target], helper: MANY}
            cells += cell(target, helper, labels, {helper: weight})
    return sweep(multi_task_cell, cells)


if __name__ == "__main__":
    cells = results(__file__, compute)
    picture("multi_task", draw_multi_task, cells, columns=2)
