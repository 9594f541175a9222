"""What the figure scripts share: five seeds, their pretrained bodies, and a cache of results.

A script is run as ``python figures/NAME.py``: it draws NAME.png from NAME.json. With
``--recompute`` it runs the experiment first and writes NAME.json.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from npft import save
from npft.autograd.machine import threads
from npft.experiments.bodies import pretrain_tinyworld

FOLDER = Path(__file__).parent
SEEDS = range(5)


def body_folder(seed: int) -> Path:
    """Where the body of a seed is kept between scripts (not part of the repository)."""
    return FOLDER / ".cache" / f"body{seed}"


def pretrain_seed(seed: int) -> list[dict[str, Any]]:
    """The rows of the pretraining history of a seed; the model goes to ``body_folder``."""
    history = body_folder(seed) / "history.json"
    if not history.exists():
        with threads(1):
            mlm, measured = pretrain_tinyworld(seed)
        save(body_folder(seed), mlm)
        measured.to_json(history)
    return json.loads(history.read_text(encoding="utf-8"))


def results(script: str, compute: Callable[[], Any]) -> Any:
    """The cached results of a script, computed first if ``--recompute`` was given."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--recompute", action="store_true", help="run the experiment again")
    cache = Path(script).with_suffix(".json")
    if parser.parse_args().recompute:
        cache.write_text(json.dumps(compute(), indent=1) + "\n", encoding="utf-8")
    if not cache.exists():
        raise SystemExit(f"{cache.name} has not been computed yet: run this with --recompute")
    return json.loads(cache.read_text(encoding="utf-8"))
