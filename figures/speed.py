"""npft beside PyTorch, JAX and HIPS autograd; measured by ``python tests/benchmarks --save``."""

import json
from pathlib import Path

from common import picture

from npft.plots import draw_speed

if __name__ == "__main__":
    here = Path(__file__)
    found = json.loads(here.with_suffix(".json").read_text(encoding="utf-8"))["rows"]
    no_step = ("forward", "backward", "memory", "fine-tuning")
    rows = [r for r in found if "ratio" in r and not any(part in r["work"] for part in no_step)]
    picture("speed", draw_speed, rows)
