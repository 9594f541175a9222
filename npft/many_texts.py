"""Pretraining on more than one kind of text, from files: a second domain, or several languages.

    npft pretrain NOTES.txt --from BODY --general BOOKS.txt --replay 0.2      a domain after another
    npft pretrain EN.txt SW.txt --alpha 0.3                                   languages at once
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from npft.encoder.checkpoint import read_training, save
from npft.errors import CheckpointError, ConfigError
from npft.loading import load
from npft.material import MAX_POSITIONS, VOCAB_SIZE, make_tokenizer, new_encoder, read_parts
from npft.pretrain.adapt import ADAPT_LR, adapt
from npft.pretrain.catalogue import OBJECTIVES, Objective
from npft.pretrain.mixture import shares_by_alpha
from npft.pretrain.probe import hold_out, make_probe
from npft.pretrain.source import Pretrainable
from npft.pretrain.train import pretrain
from npft.recipes import PRETRAIN_LR, ProgressMaker, check_out, pretrain_files, timed, write_run
from npft.text import draw_documents, read_text

STEPS = 1500
ADAPT_STEPS = 500
VOCABULARY_ALPHA = 0.3  # of the shared vocabulary, whatever the alpha of training: so the tokens,
# and with them the losses, of runs with different alpha are comparable


def pretrain_texts(
    paths: list[Path],
    out: Path,
    *,
    start: str | None = None,
    general: list[Path] | None = None,
    replay: float = 0.0,
    alpha: float | None = None,
    tokenizer: str | None = None,
    vocab_size: int | None = None,
    lr: float | None = None,
    **options: Any,
) -> dict[str, Any]:
    """``npft pretrain``: choose by the options given between one text, a new domain, languages."""
    if not options.get("resume"):
        check_not_stopped(out)
    if start is None:
        if general or replay:
            raise ConfigError("--general and --replay need --from, the model that goes on learning")
        made: dict[str, Any] = {"tokenizer": tokenizer or "wordpiece", "vocab_size": vocab_size}
        rate = PRETRAIN_LR if lr is None else lr
        if alpha is None:
            return pretrain_files(paths, out, lr=rate, **made, **options)
        return pretrain_languages(paths, out, alpha=alpha, lr=rate, **made, **options)
    if alpha is not None:
        raise ConfigError("--alpha mixes languages for a new model; leave out --from")
    if tokenizer is not None or vocab_size is not None:
        raise ConfigError("--from goes on with the tokenizer of that model; leave out --tokenizer "
                          "and --vocab-size")
    rate = ADAPT_LR if lr is None else lr
    return adapt_files(
        paths, out, start=start, general=general, replay=replay, lr=rate, **options
    )


def check_not_stopped(out: Path) -> None:
    """Refuse to write over a run that was stopped in ``out`` and could go on."""
    try:
        _, (state, _) = read_training(out)
    except CheckpointError:  # nothing there, or a finished model
        return
    raise CheckpointError(
        f"{out}: holds a run that was stopped at step {state.get('step')}; go on with --resume, "
        "or name another folder"
    )


def adapt_files(
    paths: list[Path],
    out: Path,
    *,
    start: str,
    general: list[Path] | None = None,
    replay: float = 0.0,
    objective: str = "mlm,nsp",
    steps: int | None = None,
    batch_size: int = 32,
    lr: float = ADAPT_LR,
    resume: bool = False,
    seed: int = 0,
    progress: ProgressMaker,
) -> dict[str, Any]:
    """Go on pretraining the model in ``start`` on the text of a new domain (see ``adapt``).

    The last 5 % of each file are held out. ``general`` are files the model was pretrained on, all
    or some: their held-out part, which it never saw, is measured, and the rest is there for
    ``replay``.
    ``objective`` must train a model of this kind. Which of several such it was pretrained with
    (``span`` or ``roberta``, pairs or their order) no file says: give the same.
    """
    check_out(out)
    if not paths:
        raise ConfigError("--from needs the text of the new domain; name its files")
    if replay and not general:
        raise ConfigError("--replay needs the general text; name its files with --general")
    chosen = OBJECTIVES[objective]
    model: Any = load(start)
    if not _trains(chosen, model):
        raise CheckpointError(
            f"{start}: holds a {model.kind} {model.options() or ''}, which the objective "
            f"{objective} does not train; name its own with --objective"
        )
    train, held_out = read_parts(paths)
    pool, probe_text = read_parts(general) if general else (None, None)
    steps = ADAPT_STEPS if steps is None else steps
    timings: dict[str, float] = {}
    with timed(timings, "pretrain"):
        adapted, history = adapt(
            model,
            train,
            held_out=held_out,
            general=probe_text,
            pool=pool,
            replay=replay,
            steps=steps,
            batch_size=batch_size,
            lr=lr,
            every=max(1, steps // 20),
            layout=chosen.layout,
            corrupt=chosen.corrupt,
            folder=out,
            resume=resume,
            progress=progress("pretrain"),
            rng=np.random.default_rng(seed),
        )
    first, last = history.rows[0], history.rows[-1]
    figures = [k for k in first if k in last and k not in ("step", "unread")]
    results = {
        "objective": objective,
        "documents": len(train),
        "sentences": sum(map(len, train)),
        "replay": replay,
        "steps": steps,
        "unigram_loss": first.get("domain_unigram"),
        "before": {name: first[name] for name in figures},
        "after": {name: last[name] for name in figures},
        "seed": seed,
    }
    save(out, adapted)
    write_run(out, results, history, timings)
    return results


def _trains(objective: Objective, model: Any) -> bool:
    """Whether a model is of the kind, and has the options, of those an objective makes."""
    if not isinstance(model, Pretrainable) or model.body.config.causal != objective.causal:
        return False
    other = objective.model(model.body, rng=np.random.default_rng(0))  # only to compare with
    return (other.kind, other.options()) == (model.kind, model.options())


def pretrain_languages(
    paths: list[Path],
    out: Path,
    *,
    alpha: float,
    objective: str = "mlm,nsp",
    tokenizer: str = "wordpiece",
    vocab_size: int | None = None,
    steps: int | None = None,
    batch_size: int = 32,
    lr: float = PRETRAIN_LR,
    resume: bool = False,
    seed: int = 0,
    progress: ProgressMaker,
) -> dict[str, Any]:
    """Pretrain one new model on several languages, one file each, with q ~ n^alpha.

    The last 5 % of each language are held out and measured apart. There is one vocabulary, learnt
    from sentences drawn with alpha 0.3 (Conneau et al. 2020, section 3.1).
    """
    check_out(out)
    names = [path.stem for path in paths]
    if len(names) < 2 or len(set(names)) < len(names):
        raise ConfigError("--alpha needs two or more text files with different names, one for each "
                          f"language; got {', '.join(names) or 'none'}")
    chosen = OBJECTIVES[objective]
    steps = STEPS if steps is None else steps
    timings: dict[str, float] = {}
    rng = np.random.default_rng(seed)
    parts = {name: hold_out(read_text(path)) for name, path in zip(names, paths)}
    texts = {name: train for name, (train, _) in parts.items()}
    shares = shares_by_alpha(texts, alpha)
    with timed(timings, "tokenizer"):
        # sentences are drawn, not documents: a file may hold one document only
        lines = [[s for document in text for s in document] for text in texts.values()]
        sentences, _ = draw_documents(
            lines, sum(map(len, lines)), alpha=VOCABULARY_ALPHA, rng=np.random.default_rng(seed)
        )
        tok = make_tokenizer(tokenizer, sentences, vocab_size, VOCAB_SIZE)
    model = chosen.model(new_encoder(tok, MAX_POSITIONS, rng, chosen.causal), rng=rng)
    probes = {
        name: make_probe(
            held_out, tok, max_length=MAX_POSITIONS, layout=chosen.layout, corrupt=chosen.corrupt,
            rng=np.random.default_rng(seed),
        )
        for name, (_, held_out) in parts.items()
    }  # fmt: skip
    with timed(timings, "pretrain"):
        history = pretrain(
            model,
            texts,
            steps=steps,
            batch_size=batch_size,
            lr=lr,
            every=max(1, steps // 20),
            shares=shares,
            probes=probes,
            layout=chosen.layout,
            corrupt=chosen.corrupt,
            folder=out,
            resume=resume,
            progress=progress("pretrain"),
            rng=rng,
        )
    row = history.rows[0] | history.rows[-1]  # the unigram losses stand in the first
    figures: dict[str, dict[str, float]] = {name: {} for name in names}
    for key in history.rows[0]:  # all of the form LANGUAGE_FIGURE; "en_us" is not a figure of "en"
        owner = max((n for n in names if key.startswith(f"{n}_")), key=len, default=None)
        if owner is not None:
            figures[owner][key.removeprefix(f"{owner}_")] = row[key]
    results = {
        "objective": objective,
        "alpha": alpha,
        "vocab_size": tok.vocab_size,
        "parameters": model.num_parameters(),
        "steps": steps,
        "tokens": row["tokens"],
        "languages": {
            name: {
                "documents": len(texts[name]),
                "sentences": sum(map(len, texts[name])),
                "share": shares[name],
                **figures[name],
            }
            for name in names
        },
        "seed": seed,
    }  # fmt: skip
    save(out, model)
    write_run(out, results, history, timings)
    return results
