"""F23: confusion matrix, and precision against recall. The bundled body, five seeds."""


from common import SEEDS, picture, results

from npft.experiments.decisions import WAYS, decision_cell
from npft.experiments.regimes import EPOCHS
from npft.experiments.sweep import sweep
from npft.loading import folder_of
from npft.plots import draw_decisions


def compute() -> list:
    body = str(folder_of("tinyworld"))
    cells = [
        {"way": way, "seed": seed, "body": body, "epochs": EPOCHS}
        for way in WAYS
        for seed in SEEDS
    ]
    return [{k: v for k, v in c.items() if k != "body"} for c in sweep(decision_cell, cells)]


if __name__ == "__main__":
    picture("decisions", draw_decisions, results(__file__, compute), columns=2
    )
