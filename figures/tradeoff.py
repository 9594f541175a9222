"""F8: what is learnt against what is forgotten, each method at three strengths, two tasks.

The runs are those of forgetting.py.
"""

import json
from pathlib import Path

from common import picture

from npft.experiments.methods import STRENGTHS
from npft.experiments.repairs import TASKS
from npft.plots import draw_tradeoff

if __name__ == "__main__":
    here = Path(__file__)
    cells = json.loads(here.with_name("forgetting.json").read_text(encoding="utf-8"))
    picture("tradeoff", draw_tradeoff, cells, STRENGTHS, TASKS, columns=4, rows=3
    )
