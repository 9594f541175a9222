"""``npft evaluate``: how good a saved model is on labelled rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from npft.files.report import score_lines
from npft.files.tasks import load_for
from npft.finetune.train import evaluate
from npft.text import FileFormat


def evaluate_file(
    data: Path, folder: Path, task: str | None = None, fmt: FileFormat = FileFormat()
) -> dict[str, Any]:
    """Measure the model in a folder on a file of labelled rows."""
    chosen, model = load_for(folder, task)
    examples = chosen.read(data, fmt, model)
    batch = model.batch_of(examples)
    return {
        "task": chosen.name,
        **chosen.names(model),
        "examples": len(examples),
        "skipped": chosen.skipped(data, fmt),
        "truncated": batch.n_truncated,
        "max_length": model.encoder.config.max_positions,
        **evaluate(model, batch).as_dict(),
    }


def report_evaluate(results: dict[str, Any]) -> str:
    """How good the model is."""
    return "\n".join(score_lines(results))
