"""All figures: ``python figures`` redraws them, ``python figures --recompute`` runs all anew.

The five bodies are pretrained once and kept in figures/.cache; remove it to pretrain them again.
"""

import runpy
import sys
from pathlib import Path

SCRIPTS = (
    "graph", "step_size", "pieces", "vocabulary", "masking_audit", "mlm_training", "objectives",
    "adaptation", "languages", "attention", "schedules", "regimes", "ablation", "labels", "rates",
    "depth", "pads", "decisions", "few_shot", "frozen_tags", "taggers",
    "multi_task", "robustness", "forgetting", "repairs", "embeddings", "tasks", "speed",
)

if __name__ == "__main__":
    for name in SCRIPTS:
        print(name, file=sys.stderr)
        runpy.run_path(str(Path(__file__).with_name(f"{name}.py")), run_name="__main__")
