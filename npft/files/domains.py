"""``npft pretrain --from``: a pretrained model goes on with the text of a new domain.

    npft pretrain NOTES.txt --from BODY --general BOOKS.txt --replay 0.2 --out ADAPTED
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from npft.encoder.model import Model
from npft.errors import CheckpointError, ConfigError
from npft.files.output import ProgressMaker, claimed, dropping_results, end_resumable, timed
from npft.files.pretrain import objective_of, read_parts, size_of
from npft.loading import load
from npft.pretraining.adapt import ADAPT_LR, adapt

STEPS = 500


class DomainFiles(NamedTuple):
    """The files of the new domain and, all or some, those the model was pretrained on."""

    paths: list[Path]
    general: list[Path] | None = None
    encoding: str | None = None  # of all these files; UTF-8 by default


def adapt_files(
    files: DomainFiles,
    out: Path,
    *,
    start: str,
    replay: float = 0.0,
    objective: str = "mlm,nsp",
    steps: int | None = None,
    lr: float | None = None,
    seed: int = 0,
    resume: bool = False,
    force: bool = False,
    progress: ProgressMaker,
    **options: Any,
) -> dict[str, Any]:
    """Go on pretraining the model in ``start`` on the text of a new domain (see ``adapt``).

    The last 5 % of each file are held out. Of general files this part, which the model never saw,
    is measured, and the rest is there for ``replay``. An option is batch_size. ``resume`` and
    ``force``: see ``check_out``. ``objective`` must train a model of this kind. Which of several
    such it was pretrained with (``span`` or ``roberta``, pairs or their order) no file says: give
    the same.
    """
    chosen = objective_of(objective)
    if not files.paths:
        raise ConfigError("--from needs the text of the new domain; name its files")
    if replay and not files.general:
        raise ConfigError("--replay needs the general text; name its files with --general")
    with claimed(out, start=start, resume=resume, force=force):
        model = load(start)
        if not isinstance(model, Model) or not chosen.trains(model):
            raise CheckpointError(
                f"{start}: holds a {model.kind} with {', '.join(model.options()) or 'no head'}, "
                f"which the objective {objective} does not train; name its own with --objective"
            )
        train, held_out = read_parts(files.paths, files.encoding)
        pool, probe_text = None, None
        if files.general:
            pool, probe_text = read_parts(files.general, files.encoding)
        steps, timings = STEPS if steps is None else steps, dict[str, float]()
        with timed(timings, "pretrain"):
            adapted, history = adapt(
                model, train, held_out=held_out, general=probe_text, pool=pool, replay=replay,
                layout=chosen.layout, corrupt=chosen.corrupt, folder=out, resume=resume,
                lr=ADAPT_LR if lr is None else lr, steps=steps, every=max(1, steps // 20),
                progress=dropping_results(out, progress("pretrain")),
                rng=np.random.default_rng(seed), **options,
            )  # fmt: skip
        first, last = history.rows[0], history.rows[-1]
        figures = [k for k in first if k in last and k not in ("step", "unread", "tokens")]
        results = {
            "objective": objective,
            **size_of(train),
            "replay": replay,
            "steps": steps,
            "unigram_loss": first.get("domain_unigram"),
            "before": {name: first[name] for name in figures},
            "after": {name: last[name] for name in figures},
            "seed": seed,
        }
        end_resumable(out, adapted, results, history, timings)
        return results


def report_domain(results: dict[str, Any]) -> str:
    """The losses before and after, a line each."""
    before, after = results["before"], results["after"]
    return "\n".join(
        f"{name:22} {before[name]:.3f} before, {after[name]:.3f} after"
        for name in before
        if name.endswith(("_loss", "gap"))
    )
