"""``npft forgetting``: what fine-tuning on your file makes a model forget, and what keeps it.

    npft forgetting MESSAGES.tsv --model BODY --text BOOK.txt --repairs anchor replay --out kept

The model is fine-tuned plainly, and once more with each repair: on the same rows, from the same
head, in the same order. What it knows of its text is measured on the part that it never saw, with
masks drawn once, before the first step and all along.
"""

from __future__ import annotations

import copy
import csv
import io
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from npft.atomic import shown, write_bytes
from npft.encoder.checkpoint import FILE
from npft.encoder.model import Model, copy_of
from npft.errors import CheckpointError, ConfigError, NonFiniteError, quoted
from npft.files.finetune import (
    Material, Parts, Start, Training, check_options, chosen_task, divided, load_with_tokenizer,
    memory_of, options_of, rate_of,
)
from npft.files.memory import Memory
from npft.files.output import ProgressMaker, claimed, drop_results, write_json
from npft.files.report import cut_lines, lost_lines
from npft.files.tasks import SAID, TASKS
from npft.finetune.regimes import DROPOUT
from npft.finetune.train import evaluate, fine_tune_steps, steps_in_epoch
from npft.forgetting.measure import ForgettingCurve
from npft.forgetting.methods import METHODS, PLAIN, Method, Run
from npft.metrics.score import Score
from npft.nn.history import History
from npft.nn.layers import set_dropout
from npft.nn.progress import ProgressFn
from npft.nn.repair import Repair
from npft.plots import draw_methods, save_figure
from npft.text import FileFormat, unknown_share
from npft.text.batch import Batch

DEFAULT = ("lr", "anchor", "replay", "interpolate")
FILES = ("forgetting.json", "forgetting.csv", "forgetting.png")
MEASUREMENTS = 10  # along a run


class Chosen(NamedTuple):
    """A method, the strength it is used at, and what it is called in this comparison."""

    label: str
    method: Method
    strength: float | None

    @property
    def words(self) -> str:
        """What it is, with its strength."""
        return self.method.words.replace("STRENGTH", f"{self.strength or 0:g}")


def chosen(asked: Sequence[str]) -> list[Chosen]:
    """The methods of such words as "anchor" or "anchor=0.1", behind plain fine-tuning.

    Raises ``ConfigError`` for a name that is none, one that stands twice, or a strength that is no
    number.

    >>> [(c.label, c.strength) for c in chosen(["lr", "anchor=0.1"])]
    [('plain', None), ('lr', 0.2), ('anchor=0.1', 0.1)]
    """
    found = [Chosen(PLAIN, METHODS[PLAIN], None)]
    for label in asked:
        name, given, number = label.partition("=")
        if name not in METHODS or name == PLAIN:
            names = ", ".join(n for n in METHODS if n != PLAIN)
            raise ConfigError(f"--repairs: there is no {quoted(name)}, expected some of {names}")
        if label in [c.label for c in found]:
            raise ConfigError(f"--repairs: {label} stands there twice")
        method = METHODS[name]
        strength = strength_of(label, number) if given else method.strength
        found.append(Chosen(label, method, strength))
    return found


def strength_of(label: str, number: str) -> float:
    """The number behind the ``=``; raises ``ConfigError`` for what is none."""
    try:
        strength = float(number)
    except ValueError:
        strength = math.nan
    if not math.isfinite(strength):
        raise ConfigError(f"--repairs: {label} has no number behind the =, as in anchor=0.1")
    return strength


@dataclass(frozen=True)
class Trial:
    """A run that is ready to begin, and what it is measured on."""

    chosen: Chosen
    run: Run
    repairs: list[Repair]
    rng: np.random.Generator
    memory: Memory
    test: Batch
    prepared: float  # seconds that the method has needed beforehand

    def measure(self) -> tuple[dict[str, float], Score]:
        """What the body knows of its text and how good it is at the task, and the whole score."""
        known = self.run.mlm.measure(self.memory.probe)
        score = evaluate(self.run.model, self.test)
        figures = {"mlm_loss": known["mlm_loss"], "mlm_acc": known["mlm_acc"]}
        return figures | {"f1": score.best_by}, score

    def train(self, progress: ProgressFn | None) -> tuple[ForgettingCurve, float]:
        """Fine-tune; returns the curve, and the seconds without those of measuring."""
        run, history, looked = self.run, History(), 0.0

        def measure() -> dict[str, float]:
            nonlocal looked
            begin = time.perf_counter()
            figures, _ = self.measure()
            looked += time.perf_counter() - begin
            return figures

        steps = run.epochs * steps_in_epoch(run.train, run.batch_size)
        begin = time.perf_counter()
        try:
            for _ in fine_tune_steps(
                run.model, run.train, history, epochs=run.epochs, batch_size=run.batch_size,
                lr=run.lr, body_lr=run.body_lr, repairs=self.repairs, progress=progress,
                every=max(1, steps // MEASUREMENTS), measure=measure, rng=self.rng,
            ):  # fmt: skip
                pass
        except NonFiniteError as error:
            raise NonFiniteError(f"{self.chosen.label}: {error}") from None
        seconds = time.perf_counter() - begin - looked
        loss, accuracy, f1 = (history[name] for name in ("mlm_loss", "mlm_acc", "f1"))
        curve = ForgettingCurve(history.at("f1"), loss, accuracy, f1, self.memory.unigram)
        return curve, seconds


def forgetting_file(
    material: Material,
    model: Path,
    text: list[Path],
    out: Path,
    *,
    fmt: FileFormat = FileFormat(),
    text_encoding: str | None = None,
    training: Training = Training(),
    repairs: Sequence[str] = DEFAULT,
    force: bool = False,
    progress: ProgressMaker,
) -> dict[str, Any]:
    """Fine-tune plainly and with each of the ``repairs`` (see ``chosen``), and compare.

    model: a masked language model; text: the files that it was pretrained on, all or some, in
    UTF-8 or in ``text_encoding``.
    Writes a table (JSON and CSV) and a figure into ``out``, and no model. "seconds" are those of
    training, and of what a method needs beforehand; they go to timings.json and the CSV.
    """
    methods = chosen(repairs)
    start = Start(model, text=text, text_encoding=text_encoding)
    check_options(material, start, training)
    if (out / FILE).exists():
        raise CheckpointError(f"{shown(out)}: holds a model ({FILE}), and none is written here; "
                              "name another folder")  # fmt: skip
    with claimed(out, start=model, force=force, also=FILES):
        rng = np.random.default_rng(training.seed)
        name, reason = chosen_task(material, fmt)
        task = TASKS[name]
        options = options_of(task, material)
        parts = divided(task, material, fmt, rng)
        memory = memory_of(load_with_tokenizer(model), start, training.seed)
        lr = rate_of(memory.mlm.encoder.config.hidden_size, training)
        trials = [
            prepared(method, task.model, parts, memory, training, lr, rng, options)
            for method in methods
        ]
        train, test = trials[0].run.train, trials[0].test
        drop_results(out, FILES)
        rows, seconds = compared(trials, progress)
        results = {
            "task": name,
            "guessed": reason,
            **parts.counts,
            "truncated": train.n_truncated + test.n_truncated,
            "max_length": memory.mlm.encoder.config.max_positions,
            "tokenizer": memory.mlm.tokenizer.kind,
            "unknown": unknown_share(memory.mlm.tokenizer, task.texts(parts.train)),
            "main": trials[0].measure()[1].main,
            "unigram_loss": memory.unigram,
            "epochs": training.epochs,
            "lr": lr,
            "seed": training.seed,
            "methods": rows,
        }
        write_json(out / FILES[0], results)
        write_bytes(out / FILES[1], table(results | {"seconds": seconds}).encode())
        save_figure(out / FILES[2], draw_methods, results, columns=2)
        write_json(out / "timings.json", seconds)
    return results | {"seconds": seconds}


def prepared(
    method: Chosen,
    make: Callable[..., Model],
    parts: Parts,
    memory: Memory,
    training: Training,
    lr: float,
    rng: np.random.Generator,
    options: dict[str, Any],
) -> Trial:
    """A run of its own: a copy of the body, the same new head, and the same chance as all others.

    Raises ``ConfigError`` for a strength that is out of range, before anything is trained.
    """
    rng = copy.deepcopy(rng)
    mlm: Any = copy_of(memory.mlm)
    model = make(mlm.encoder, parts.train, rng, **options)
    set_dropout(model, DROPOUT)
    run = Run(
        model=model, mlm=mlm, start=mlm.encoder.state_dict(), documents=memory.train,
        train=model.batch_of(parts.train), epochs=training.epochs,
        batch_size=training.batch_size, lr=lr, seed=training.seed,
    )  # fmt: skip
    begin = time.perf_counter()
    repair = method.method.before(run, method.strength)
    seconds = time.perf_counter() - begin
    repairs = [] if repair is None else [repair]
    return Trial(method, run, repairs, rng, memory, model.batch_of(parts.test), seconds)


def compared(
    trials: list[Trial], progress: ProgressMaker
) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """Train or repair each; returns a row for each, and the seconds by their names."""
    rows: list[dict[str, Any]] = []
    seconds: dict[str, float] = {}
    plain = trials[0]
    for trial in trials:
        label, after = trial.chosen.label, trial.chosen.method.after
        if after is None:
            curve, spent = trial.train(progress(label))
        else:
            begin = time.perf_counter()
            trial.run.model.load_state_dict(plain.run.model.state_dict())
            after(trial.run, trial.chosen.strength)
            curve, spent = None, time.perf_counter() - begin + seconds[PLAIN]
        seconds[label] = round(spent + trial.prepared, 3)
        rows.append(row_of(trial, curve))
    return rows, seconds


def row_of(trial: Trial, curve: ForgettingCurve | None) -> dict[str, Any]:
    """What is told of a method; "share" is None where there was nothing to forget."""
    figures, score = trial.measure()
    before, unigram = trial.memory.before, trial.memory.unigram
    rise = figures["mlm_loss"] - before
    return {
        "method": trial.chosen.label,
        "words": trial.chosen.words,
        "score": score.best_by,
        "mlm_loss_before": before,
        "mlm_loss_after": figures["mlm_loss"],
        "rise": rise,
        "perplexity_factor": math.exp(min(rise, 700.0)),
        "share": rise / (unigram - before) if unigram > before else None,
        "figures": score.as_dict(),
        "curve": None if curve is None else curve.as_dict(),
    }


COLUMNS = ("method", "score", "mlm_loss_before", "mlm_loss_after", "rise", "perplexity_factor",
           "share")  # fmt: skip


def table(results: dict[str, Any]) -> str:
    """The rows as CSV, with the seconds."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*COLUMNS, "seconds"])
    for row in results["methods"]:
        writer.writerow([*(row[k] for k in COLUMNS), results["seconds"][row["method"]]])
    return text.getvalue()


def report_forgetting(results: dict[str, Any]) -> str:
    """The table before and after, and what each method is and needs."""
    r, rows = results, results["methods"]
    width = max(len(row["method"]) for row in rows)
    name = SAID.get(r["main"], r["main"])
    lines = [
        f"task {r['task']}" + (f", for {r['guessed']}" if r["guessed"] else ""),
        f"{r['train_examples']} training and {r['test_examples']} test rows, "
        f"{r['repeats_dropped']} repeats dropped",
        *lost_lines(r), *cut_lines(r),
        f"guessing the held-out words of the text by frequency costs {r['unigram_loss']:.3f} nats",
        f"{'':{width}}  {name:>11}  loss before  after    rise  perplexity  forgotten  seconds",
    ]  # fmt: skip
    for row in rows:
        share = "" if row["share"] is None else f"{row['share']:.0%}"
        lines.append(
            f"{row['method']:{width}}  {row['score']:11.3f}  {row['mlm_loss_before']:11.3f}  "
            f"{row['mlm_loss_after']:5.3f}  {row['rise']:6.3f}  "
            f"{'x ' + format(row['perplexity_factor'], '.3g'):>10}  {share:>9}  "
            f"{r['seconds'][row['method']]:7.1f}"
        )
    if rows[0]["share"] is None:
        lines.append("the model knew no more of the text than the frequency of its words, so there "
                     "was nothing to forget; pretrain it longer")  # fmt: skip
    lines.append(f"epochs {r['epochs']}, seed {r['seed']}: what forgets less may only have learnt "
                 f"less, so look at {name} beside it")  # fmt: skip
    return "\n".join([*lines, "", *(f"{row['method']:{width}}  {row['words']}" for row in rows)])
