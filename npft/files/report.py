"""The results of fine-tuning and evaluation as lines to read.

What was lost on the way comes first: rows dropped, texts cut, words unknown. Then the figures, and
of what they are the mean; beside them what is reached without an encoder.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.errors import listed
from npft.files.tasks import TASKS
from npft.metrics.classes import worst_confusions

WIDEST = 10  # classes of a confusion matrix that is printed whole


def report_finetune(results: dict[str, Any]) -> str:
    """What was trained on what, what was forgotten, and how good it is."""
    r = results
    lines = [f"task {r['task']}" + (f", for {r['guessed']}" if r["guessed"] else "")]
    lines.append(
        f"{r['train_examples']} training and {r['test_examples']} test rows, "
        f"{r['repeats_dropped']} repeats dropped; "
        f"{r['trained_weights']:,} of {r['weights']:,} weights trained"
    )
    lines += lost_lines(r)
    if "rise" in r:
        lines.append(
            f"held-out masked-token loss {r['mlm_loss_before']:.3f} before, "
            f"{r['mlm_loss_after']:.3f} after: a rise of {r['rise']:.3f} nats "
            f"(unigram {r['unigram_loss']:.3f})"
        )
    return "\n".join([*lines, *score_lines(r)])


def lost_lines(results: dict[str, Any]) -> list[str]:
    """What became of rows and words on the way to the model."""
    r, lines = results, list[str]()
    if r["conflicts"]:
        lines.append(f"conflicts: {r['conflicts']} texts stand there with different labels; the "
                     "first label was kept")  # fmt: skip
    if r["held_out_dropped"]:
        lines.append(f"{r['held_out_dropped']} rows left out, for they are in the test or "
                     "validation file too")  # fmt: skip
    if r["validation_dropped"]:
        lines.append(f"{r['validation_dropped']} rows of the validation file left out, for they "
                     "are in the test file too")  # fmt: skip
    if r["unknown"] > 0:
        lines.append(f"unknown to the {r['tokenizer']} tokenizer: {r['unknown']:.1%} of the words")
    return lines


def cut_lines(results: dict[str, Any]) -> list[str]:
    """What of the rows could not be used, or not whole."""
    lines = []
    if results["skipped"]:
        lines.append(f"skipped: {results['skipped']} rows without a score")
    if results["truncated"]:
        cut = results["truncated"]
        lines.append(f"cut to {results['max_length']} tokens: {cut} texts")
    return lines


def score_lines(results: dict[str, Any]) -> list[str]:
    """The figures, those of the baselines, and what was confused with what."""
    task, lines = TASKS[results["task"]], []
    lines += cut_lines(results)
    if results.get("absent"):
        lines.append(f"absent from the test rows and from what was said: "
                     f"{listed(map(str, results['absent']))}")  # fmt: skip
    lines.append(task.told(results))
    for name, score in results.get("baselines", {}).items():
        lines.append(f"{name}: {task.told(score)}")
    if "confusion" in results:
        lines += confusion_lines(results["label_names"], results["confusion"])
    return lines


def confusion_lines(names: list[str], confusion: list[list[int]]) -> list[str]:
    """The confusion matrix, or, of many classes, its largest cells off the diagonal."""
    if len(names) > WIDEST:
        worst = worst_confusions(np.array(confusion), names)
        said = [f"  {true} called {called}: {n} ({share:.0%})" for true, called, n, share in worst]
        head = f"most frequent confusions of {len(names)} classes (share of the true class)"
        return [head, *said]
    width = max(map(len, names))
    lines = [
        "confusion matrix (rows: true class, columns: predicted class)",
        " " * (width + 2) + "  ".join(f"{n:>{max(6, len(n))}}" for n in names),
    ]
    for name, row in zip(names, confusion):
        cells = "  ".join(f"{c:>{max(6, len(n))}}" for c, n in zip(row, names))
        lines.append(f"{name:>{width}}  {cells}")
    return lines
