"""F8: what each repair saves, once the task is learnt as well as the weakest method learns it.

The runs are those of forgetting.py.
"""

import json
from pathlib import Path

from npft.forgetting.compare import METHODS, compare_methods
from npft.plots import draw_repairs, save_figure

# Methods that never learn the task drag "as well as the weakest" down to nothing; they are listed
# in the README and left out here.
TOO_WEAK = ("rate 1e-4", "anchor 0.1", "anchor 1", "last block")


def group(method: str) -> str:
    return method.split()[0].rstrip(",")


if __name__ == "__main__":
    here = Path(__file__)
    cells = json.loads(here.with_name("forgetting.json").read_text(encoding="utf-8"))
    chosen = [c for c in cells if c["method"] in METHODS and c["method"] not in TOO_WEAK]
    points = {
        name: row | {"group": group(name)}
        for name, row in compare_methods(chosen).items()
        if all(rise is not None for rise in row["rise"])
    }
    save_figure(here.with_suffix(".png"), draw_repairs, points)
