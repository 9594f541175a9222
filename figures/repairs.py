"""Which method forgets least, once a task is learnt as well by all of them: figure and table.

The runs are those of forgetting.py.
"""

import json
from pathlib import Path

from common import picture

from npft.experiments.methods import STRENGTHS
from npft.experiments.repairs import MATCHED_F1, TASKS, rankings, repair_table
from npft.forgetting.methods import PLAIN
from npft.plots import draw_repairs

if __name__ == "__main__":
    here = Path(__file__)
    cells = json.loads(here.with_name("forgetting.json").read_text(encoding="utf-8"))
    print(repair_table(cells))
    methods = {
        f"{c['method']} {c['strength']}" if "strength" in c else c["method"]: c["method"]
        for c in cells if c["method"] in (PLAIN, *STRENGTHS)
    }
    found = {TASKS[task]: (MATCHED_F1[task], r) for task, r in rankings(cells).items()}
    picture("repairs", draw_repairs, found, methods, columns=2, width=7)
