"""What the figure scripts share: five seeds, their pretrained bodies, and a cache of results.

A script is run as ``python figures/NAME.py``: it draws NAME.png and NAME.svg from NAME.json. With
``--recompute`` it runs the experiment first and writes NAME.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from npft import Progress, plots, save
from npft.autograd.machine import threads
from npft.experiments.bodies import DOCUMENTS, pretrain_tinyworld
from npft.experiments.grid import grid
from npft.experiments.sweep import sweep

FOLDER = Path(__file__).parent
SEEDS = range(5)
PATHS = ("body", "data", "reader", "uses")  # what a cell says of this machine


LONGEST_SVG = 200_000  # bytes; a picture of more marks than that is a PNG alone


def picture(name: str, draw: Callable[..., None], *data: Any, **size: Any) -> None:
    """Draw NAME.png, at 220 dots an inch, and NAME.svg, if that is not too long for a page.

    The arguments are those of ``save_figure``.
    """
    for kind in ("png", "svg"):
        plots.save_figure(FOLDER / f"{name}.{kind}", draw, *data, **size)
    svg = FOLDER / f"{name}.svg"
    if svg.exists() and svg.stat().st_size > LONGEST_SVG:
        svg.unlink()


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


def on_bodies(options: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each of the options as a cell of each seed, on the body of that seed; seed after seed."""
    chosen = list(options)
    sweep(pretrain_seed, list(SEEDS))
    return [
        {"seed": seed, "world": seed, "body": str(body_folder(seed)), "documents": DOCUMENTS, **o}
        for seed in SEEDS
        for o in chosen
    ]


def run_grid(
    script: str, function: Callable[[Any], dict[str, Any]], cells: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The results of all cells, without the paths of this machine, in five digits.

    What is done is kept in figures/.cache until all is, so that a stopped run goes on.
    """
    path = FOLDER / ".cache" / f"{Path(script).stem}.jsonl"
    found = grid(function, cells, path, progress=Progress(Path(script).stem))
    return [rounded({k: v for k, v in cell.items() if k not in PATHS}) for cell in found]


def rounded(found: Any) -> Any:
    """Numbers of five digits, which no figure shows more of."""
    if isinstance(found, dict):
        return {k: rounded(v) for k, v in found.items()}
    if isinstance(found, list):
        return [rounded(v) for v in found]
    return float(f"{found:.5g}") if isinstance(found, float) else found


def results(script: str, compute: Callable[..., Any], folders: Sequence[str] = ()) -> Any:
    """The cached results of a script, computed first if ``--recompute`` was given.

    ``folders`` are what npft does not bring and ``compute`` takes, such as "model": each is an
    option of the script. Where they are not given, what is kept is drawn, and that is said.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--recompute", action="store_true", help="run the experiment again")
    for name in folders:
        parser.add_argument(f"--{name}", metavar="FOLDER", help=f"the folder of the {name}")
    args = parser.parse_args()
    cache = Path(script).with_suffix(".json")
    given = [getattr(args, name) for name in folders]
    if args.recompute and not all(given):
        asked = " ".join(f"--{name} FOLDER" for name in folders)
        print(f"{cache.stem}: drawn from {cache.name}; to compute it give {asked}", file=sys.stderr)
    elif args.recompute:
        found = json.dumps(compute(*given), indent=1) + "\n"
        cache.write_text(found, encoding="utf-8")
        (FOLDER / ".cache" / f"{cache.stem}.jsonl").unlink(missing_ok=True)
    if not cache.exists():
        raise SystemExit(f"{cache.name} has not been computed yet: run this with --recompute")
    return json.loads(cache.read_text(encoding="utf-8"))
