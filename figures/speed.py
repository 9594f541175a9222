"""npft beside PyTorch, JAX and HIPS autograd; measured by ``python tests/benchmarks --save``."""

import json
from pathlib import Path

from npft.plots import draw_speed, save_figure

if __name__ == "__main__":
    here = Path(__file__)
    found = json.loads(here.with_suffix(".json").read_text(encoding="utf-8"))["rows"]
    rows = [row for row in found if "ratio" in row and "forward" not in row["work"]]
    rows = [row for row in rows if "backward" not in row["work"]]
    save_figure(here.with_suffix(".png"), draw_speed, rows)
