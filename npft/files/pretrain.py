"""``npft pretrain``: a new model on a text, or on several languages at once.

    npft pretrain BOOK.txt --out body                    one text
    npft pretrain EN.txt SW.txt --alpha 0.3 --out both   languages, a file each
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from npft.encoder.model import Model
from npft.errors import ConfigError, DataError
from npft.files.output import ProgressMaker, claimed, dropping_results, end_resumable, timed
from npft.pretraining.catalogue import OBJECTIVES, Objective
from npft.pretraining.mixture import shares_by_alpha
from npft.pretraining.pairs import Documents
from npft.pretraining.probe import hold_out, make_probe
from npft.pretraining.start import PRETRAIN_LR, Text, Vocabulary, make_tokenizer, new_encoder
from npft.pretraining.train import pretrain
from npft.text import draw_documents, read_text
from npft.text.tokenizer import Tokenizer

MAX_POSITIONS, VOCAB_SIZE, STEPS = 128, 4000, 1500  # for text from files
VOCABULARY_ALPHA = 0.3  # of the shared vocabulary, whatever the alpha of training: so the tokens,
# and with them the losses, of runs with different alpha are comparable

TOO_LITTLE = "too little text to hold any out; give at least a few sentences"

FIGURES = {  # held-out figures of a pretraining run, and what they are called
    "mlm_loss": "masked-token loss (nats)",
    "mlm_acc": "masked-token accuracy",
    "nsp_acc": "pair accuracy",
    "sbo_loss": "boundary loss (nats)",
    "clm_loss": "next-token loss (nats)",
    "clm_acc": "next-token accuracy",
    "rtd_loss": "detection loss (nats)",
    "rtd_acc": "detection accuracy",
    "rtd_true": "share of true tokens",
}


def parts_of(path: Path, encoding: str | None = None) -> tuple[Documents, Documents]:
    """The documents of a text file in two parts: to train on, and the last 5 %.

    One too short to be divided is all for training. Without an ``encoding`` it is UTF-8.
    """
    documents = read_text(path, encoding="utf-8" if encoding is None else encoding)
    try:
        return hold_out(documents)
    except DataError:
        return documents, []


def read_parts(paths: list[Path], encoding: str | None = None) -> tuple[Documents, Documents]:
    """The documents of text files in two parts: to train on, and the last 5 % of each file.

    A file is divided by itself (see ``hold_out``), so its held-out part is the same in any company
    and order of files, and what one run held out no later run trains on (see ``parts_of``). Raises
    ``DataError`` if nothing is held out.
    """
    train, held_out = [], []
    for path in paths:
        first, last = parts_of(path, encoding)
        train += first
        held_out += last
    if not held_out:
        raise DataError(TOO_LITTLE, path=", ".join(map(str, paths)))
    return train, held_out


def file_text(paths: list[Path], encoding: str | None = None) -> Text:
    """The documents of text files; the last 5 % of each file are held out.

    The vocabulary is learnt from the training part alone.
    """
    train, held_out = read_parts(paths, encoding)
    sentences = [s for d in train for s in d]
    return Text(train, held_out, sentences, VOCAB_SIZE, MAX_POSITIONS, STEPS)


def pretrain_text(
    text: Text,
    out: Path,
    *,
    objective: str = "mlm,nsp",
    vocabulary: Vocabulary = Vocabulary(),
    steps: int | None = None,
    lr: float | None = None,
    seed: int = 0,
    resume: bool = False,
    force: bool = False,
    progress: ProgressMaker,
    **options: Any,
) -> dict[str, Any]:
    """Pretrain an encoder on a text and save it in ``out``.

    Held-out documents are measured with frozen masks. ``objective`` is one of ``OBJECTIVES``; an
    option is batch_size. While it runs, ``out`` holds a checkpoint of the last measurement; with
    ``resume`` and the same arguments a run that was stopped goes on from it, until its results
    are written. ``force``: see ``check_out``.
    """
    chosen = objective_of(objective)
    with claimed(out, resume=resume, force=force):
        timings: dict[str, float] = {}
        rng = np.random.default_rng(seed)
        steps = text.steps if steps is None else steps
        with timed(timings, "tokenizer"):
            tok = make_tokenizer(vocabulary, text.vocabulary, text.vocab_size)
        model = chosen.model(new_encoder(tok, text.max_positions, rng, chosen.causal), rng=rng)
        with timed(timings, "pretrain"):
            history = pretrain(
                model, text.train, held_out=text.held_out, layout=chosen.layout,
                corrupt=chosen.corrupt, folder=out, resume=resume, rng=rng,
                progress=dropping_results(out, progress("pretrain")),
                **_numbers(steps, lr), **options,
            )  # fmt: skip
        last = history.rows[-1]
        measured = {k: v for k, v in last.items() if k not in ("step", "loss")}
        results = {
            "objective": objective,
            **size_of(text.train),
            **_model_and_steps(model, steps),
            "unigram_loss": history["unigram"][0],
            "unread": history.rows[0].get("unread", 0.0),
            **{k: v for k, v in measured.items() if not k.startswith("train_")},
            "seed": seed,
        }
        guesses = [name for name in ("mlm_loss", "clm_loss") if name in last]
        if guesses:
            results["below_unigram"] = history["unigram"][0] - last[guesses[0]]
        end_resumable(out, model, results, history, timings)
        return results


def objective_of(objective: str) -> Objective:
    """The objective of this name; raises ``ConfigError`` for none."""
    if objective not in OBJECTIVES:
        raise ConfigError(f"objective is {objective!r}, expected one of {sorted(OBJECTIVES)}")
    return OBJECTIVES[objective]


def _numbers(steps: int, lr: float | None) -> dict[str, Any]:
    return {
        "steps": steps, "lr": PRETRAIN_LR if lr is None else lr, "every": max(1, steps // 20)
    }  # fmt: skip


def size_of(documents: Documents) -> dict[str, int]:
    """The numbers of documents and of sentences."""
    return {"documents": len(documents), "sentences": sum(map(len, documents))}


def _model_and_steps(model: Model, steps: int) -> dict[str, int]:
    return {
        "vocab_size": model.tokenizer.vocab_size,
        "parameters": model.num_parameters(),
        "steps": steps,
    }


def report_text(results: dict[str, Any]) -> str:
    """The figures of a run on one text, and whether it beats guessing by frequency."""
    lines = [f"{said:26} {results[key]:.3f}" for key, said in FIGURES.items() if key in results]
    if "below_unigram" in results:
        below = results["below_unigram"]
        lines.append(
            f"{'unigram loss':26} {results['unigram_loss']:.3f} nats: the model is "
            f"{abs(below):.3f} {'below' if below > 0 else 'above'}"
        )
    if results["unread"]:
        lines.append(
            f"never read: {results['unread']:.1%} of the tokens, the ends of sentences longer "
            "than a segment, with mlm,sop also documents of one; --objective roberta reads all"
        )
    return "\n".join(lines)


def pretrain_languages(
    paths: list[Path],
    out: Path,
    *,
    alpha: float,
    encoding: str | None = None,
    objective: str = "mlm,nsp",
    vocabulary: Vocabulary = Vocabulary(),
    steps: int | None = None,
    lr: float | None = None,
    seed: int = 0,
    resume: bool = False,
    force: bool = False,
    progress: ProgressMaker,
    **options: Any,
) -> dict[str, Any]:
    """Pretrain one new model on several languages, one file each, with q ~ n^alpha.

    The last 5 % of each language are held out and measured apart. There is one vocabulary, learnt
    from sentences drawn with alpha 0.3 (Conneau et al. 2020, section 3.1).
    """
    chosen = objective_of(objective)
    with claimed(out, resume=resume, force=force):
        texts, held_out = _languages(paths, encoding)
        shares = shares_by_alpha(texts, alpha)
        steps = STEPS if steps is None else steps
        timings: dict[str, float] = {}
        rng = np.random.default_rng(seed)
        with timed(timings, "tokenizer"):
            tok = _shared_tokenizer(vocabulary, texts, seed)
        model = chosen.model(new_encoder(tok, MAX_POSITIONS, rng, chosen.causal), rng=rng)
        probes = {
            name: make_probe(
                text, tok, max_length=MAX_POSITIONS, layout=chosen.layout, corrupt=chosen.corrupt,
                rng=np.random.default_rng(seed),
            )
            for name, text in held_out.items()
        }  # fmt: skip
        with timed(timings, "pretrain"):
            history = pretrain(
                model, texts, shares=shares, probes=probes, layout=chosen.layout,
                corrupt=chosen.corrupt, folder=out, resume=resume, rng=rng,
                progress=dropping_results(out, progress("pretrain")),
                **_numbers(steps, lr), **options,
            )  # fmt: skip
        figures = ["unigram", *model.measure(next(iter(probes.values())))]
        last = history.rows[0] | history.rows[-1]  # the unigram losses stand in the first row
        languages: dict[str, dict[str, float]] = {}
        for name, text in texts.items():
            found = {k: last[f"{name}_{k}"] for k in figures if f"{name}_{k}" in last}
            languages[name] = {**size_of(text), "share": shares[name], **found}
        results = {
            "objective": objective,
            "alpha": alpha,
            **_model_and_steps(model, steps),
            "tokens": last["tokens"],
            "languages": languages,
            "seed": seed,
        }
        end_resumable(out, model, results, history, timings)
        return results


def _languages(
    paths: list[Path], encoding: str | None
) -> tuple[dict[str, Documents], dict[str, Documents]]:
    """The training part and the held-out part of each language, by the name of its file.

    Raises ``DataError`` that names the file for one that is too short to be divided.
    """
    names = [path.stem for path in paths]
    if len(names) < 2 or len(set(names)) < len(names):
        raise ConfigError(
            "--alpha needs two or more text files with different names, one for each language; "
            f"got {', '.join(names) or 'none'}"
        )
    train: dict[str, Documents] = {}
    held_out: dict[str, Documents] = {}
    for name, path in zip(names, paths):
        train[name], held_out[name] = parts_of(path, encoding)
        if not held_out[name]:
            raise DataError(TOO_LITTLE, path=path)
    return train, held_out


def _shared_tokenizer(
    chosen: Vocabulary, texts: dict[str, Documents], seed: int
) -> Tokenizer:
    """One vocabulary for all languages; sentences are drawn, for a file may be one document."""
    lines = [[s for document in text for s in document] for text in texts.values()]
    sentences, _ = draw_documents(
        lines, sum(map(len, lines)), alpha=VOCABULARY_ALPHA, rng=np.random.default_rng(seed)
    )
    return make_tokenizer(chosen, sentences, VOCAB_SIZE)


def report_languages(results: dict[str, Any]) -> str:
    """The share and the held-out losses of each language, a line each."""
    width = max(map(len, results["languages"]))
    lines = []
    for name, row in results["languages"].items():
        losses = [k for k in row if k.endswith("_loss") or k == "unigram"]
        said = ", ".join(f"{k.replace('_', ' ')} {row[k]:.3f}" for k in losses)
        lines.append(f"{name:{width}}  share {row['share']:.3f}  {said}")
    return "\n".join(lines)
