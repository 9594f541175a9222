"""All figures, or those named: ``python figures`` redraws, ``--recompute`` runs all anew.

    python figures
    python figures --recompute forgetting repair_path

The five bodies are pretrained once and kept in figures/.cache; remove it to pretrain them again.
"""

import argparse
import runpy
import sys
from pathlib import Path

SCRIPTS = (
    "graph", "step_size", "pieces", "vocabulary", "masking_audit", "mlm_training", "objectives", "electra_curve",
    "adaptation", "dapt", "languages", "curse", "attention", "sizes", "schedules",
    "regimes", "ablation", "labels", "rates",
    "depth", "pads", "decisions", "few_shot", "when_to_tune", "probe_ranks", "frozen_tags",
    "taggers", "span_threshold", "word_pieces", "pair_tasks", "pools",
    "multi_task", "robustness", "forgetting", "tradeoff", "repairs", "lora", "drift",
    "replay_share",
    "repair_path", "task_matrix", "lost", "interference", "embeddings", "polysemy", "tasks",
    "speed", "layers", "rdm", "spectrum", "contrast", "bi_cross", "retrieval", "mini_mteb",
    "cone", "similarity", "simcse", "serving", "serving_real", "real_model", "real_forgetting",
    "real_tuning",
)

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(SCRIPTS)}")
    parser.add_argument("--recompute", action="store_true", help="run the experiments again")
    args = parser.parse_args()
    if unknown := set(args.names) - set(SCRIPTS):
        parser.error(f"no figure is called {', '.join(sorted(unknown))}")
    for name in args.names or SCRIPTS:
        print(name, file=sys.stderr)
        sys.argv = [name, *(["--recompute"] if args.recompute else [])]
        runpy.run_path(str(Path(__file__).with_name(f"{name}.py")), run_name="__main__")
