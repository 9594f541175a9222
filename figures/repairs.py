"""F8: what each repair saves, once the task is learnt as well as the weakest learner learns it.

The runs are those of forgetting.py.
"""

import json
from pathlib import Path

from npft.experiments.repairs import METHODS, PLAIN
from npft.forgetting.compare import compare_methods
from npft.plots import draw_repairs, save_figure

if __name__ == "__main__":
    here = Path(__file__)
    cells = json.loads(here.with_name("forgetting.json").read_text(encoding="utf-8"))
    points = compare_methods([c for c in cells if c["method"] in METHODS], PLAIN)
    save_figure(here.with_suffix(".png"), draw_repairs, points)
