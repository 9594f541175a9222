"""Pretraining: from documents to a model, with honest held-out figures, and able to go on.

A run that writes to a folder can be killed at any moment: the folder holds the last checkpoint,
whole, and ``resume=True`` goes on from there to the same bits as a run that was never stopped.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from npft.errors import ConfigError, check_count
from npft.nn.history import History
from npft.nn.loop import streams, train_steps
from npft.nn.module import train_mode
from npft.nn.optim import AdamW, decay_groups
from npft.nn.packs import pack_size
from npft.nn.progress import ProgressFn
from npft.nn.schedules import warmup_linear
from npft.pretrain.masking import Masked, mask_tokens
from npft.pretrain.mixture import source_of
from npft.pretrain.pairs import Corpus, Documents
from npft.pretrain.probe import evaluate_mlm, has_words, make_probe, slices, unigram_loss
from npft.pretrain.run import Run, checksum, identity, identity_of_corruption, identity_of_text
from npft.pretrain.source import Corrupt, Feed, Pretrainable

WARMUP = 0.08  # share of the steps
WEIGHT_DECAY = 0.01


def pretrain(
    model: Pretrainable,
    documents: Documents | Mapping[str, Documents],
    *,
    steps: int,
    batch_size: int = 32,
    lr: float = 1e-3,
    every: int = 50,
    held_out: Documents | None = None,
    shares: Mapping[str, float] | None = None,
    probes: Mapping[str, Masked] | None = None,
    layout: str | None = None,
    corrupt: Corrupt = mask_tokens,
    micro_batch: int | None = None,
    patience: int | None = None,
    folder: str | Path | None = None,
    resume: bool = False,
    origin: str | None = None,
    progress: ProgressFn | None = None,
    rng: np.random.Generator,
) -> History:
    """Train on sequences of the documents, corrupted anew at every step.

    AdamW with warm-up and linear decay; matrices decay by 0.01, vectors do not. With ``held_out``
    documents the history holds, at step 0, every ``every`` steps and at the end, what
    ``evaluate_mlm`` measures on a probe with frozen masks; once the loss of the unigram
    distribution ("unigram") and, if there are any, the share of the tokens that no sequence has
    room for ("unread", see ``Source``); also the training loss, as the mean since the last row
    ("train_mlm" or another first part of the loss), and the "tokens" seen so far.

    ``documents`` may be several texts by name, such as languages: then ``shares`` says what part
    of the sequences each supplies (default: by size; see ``mixture.py``). ``probes`` are further
    frozen probes (``make_probe``) by name, measured in the same rows under "NAME_mlm_loss" and so
    on, with "NAME_unigram" for the name of a text.

    ``layout`` and ``corrupt`` make the objective (``source.py``): by default masked tokens, in
    pairs for a model with next-sentence prediction. ``micro_batch``: cut each batch into packs
    of so many sequences whose gradients are added, by default of 1,024 tokens or more (see
    ``nn/packs.py``); the memory is less, and packs are what several threads can share. The result
    is the same within rounding, unless the model draws: each pack draws its own dropout, and the
    generator of ``ReplacedTokens`` its own tokens.
    ``patience``: stop after so many measurements without a lower held-out loss.
    ``folder``: write a checkpoint at each row of the history; ``resume``: go on from it. All but
    the weights of ``model``, which are replaced, must be as it was; ``origin`` is a name for what
    else the run depends on, such as the weights it began with.

    Raises ``DataError`` for documents without text, ``ConfigError`` for numbers out of range or
    an encoder without a tokenizer, ``CheckpointError`` for a folder that cannot be resumed,
    ``NonFiniteError`` with the step if training fails.
    """
    tok = model.encoder.tokenizer
    if tok is None:
        raise ConfigError("pretrain: the encoder has no tokenizer; pass one to Encoder")
    numbers = {"steps": steps, "batch_size": batch_size, "every": every}
    optional = {"micro_batch": micro_batch, "patience": patience}
    for name, n in (numbers | {k: n for k, n in optional.items() if n is not None}).items():
        check_count(f"pretrain: {name}", n)
    if patience is not None and held_out is None and not probes:
        raise ConfigError("pretrain: patience needs held_out documents to measure on")
    if resume and folder is None:
        raise ConfigError("pretrain: resume needs the folder of the run that was stopped")
    max_length = model.encoder.config.max_positions
    order, masks, dropout, probing = streams(rng)
    texts = documents if isinstance(documents, Mapping) else {"text": documents}
    if held_out is not None and texts is documents:
        raise ConfigError("pretrain: held_out is for one text; measure several texts with probes")
    corpora = {name: Corpus(text, tok) for name, text in texts.items()}
    layout = layout or ("pairs" if getattr(model, "nsp", False) else "segments")
    source = source_of(corpora, layout, max_length, shares)
    feed = Feed(source, corrupt, batch_size, order=order, masks=masks)
    optimizer = AdamW(decay_groups(model, lr=lr, weight_decay=WEIGHT_DECAY), lr=lr)
    settings = {
        "text": identity_of_text(corpora), "layout": layout, "steps": steps,
        "batch_size": batch_size, "micro_batch": micro_batch, "lr": lr, "every": every,
        "patience": patience, "corrupt": identity_of_corruption(corrupt, source),
        "shares": None if shares is None else dict(shares), "origin": origin, **identity(model),
    }  # fmt: skip
    watched = {f"{name}_": (probe, corpora.get(name)) for name, probe in (probes or {}).items()}
    if held_out is not None:
        probe = make_probe(
            held_out, tok, layout=layout, corrupt=corrupt, max_length=max_length, rng=probing
        )
        watched = {"": (probe, corpora["text"]), **watched}
    if watched:  # covers the held-out text, the seed, and what is done to the text
        settings["probe"] = checksum(probe.batch.ids for probe, _ in watched.values())
    run = Run(model, optimizer, feed, dropout, settings)
    if resume:
        run.load(Path(str(folder)))
        if run.step >= steps or (patience is not None and _waited(run.history) >= patience):
            model.eval()
            return run.history
    elif watched:
        floors = {
            f"{name}unigram": unigram_loss(corpus, probe)
            for name, (probe, corpus) in watched.items()
            if corpus is not None and has_words(corpus, probe)
        }
        if source.unread:
            floors["unread"] = source.unread
        run.history.add(0, **floors, **_measured(model, watched))

    warmup = max(1, round(WARMUP * steps))
    train_mode(model)
    losses: list[float] = []
    begun, tokens_before = time.perf_counter(), run.tokens
    try:
        for step in train_steps(
            model,
            _counted(feed, run),
            lambda model, piece, rng: model.loss(piece[0], whole=piece[1], rng=rng),
            optimizer,
            schedule=lambda s: warmup_linear(s, warmup, steps),
            cut=lambda masked: _pieces(masked, micro_batch),
            first=run.step + 1,
            rng=dropout,
        ):
            run.step, done = step.step, step.step == steps
            name, loss = next(iter(step.parts.items()))
            losses.append(loss)
            if run.step % every == 0 or done:
                row = {f"train_{name}": float(np.mean(losses)), "tokens": run.tokens}
                losses.clear()
                row |= _measured(model, watched)
                run.history.add(run.step, **row)
                done |= patience is not None and _waited(run.history) >= patience
                if folder is not None:
                    run.save(Path(folder))
            if progress is not None:
                speed = (run.tokens - tokens_before) / (time.perf_counter() - begun)
                last = run.history.rows[-1] if run.history.rows else {}
                figures = [f"{k} {v:.3f}" for k, v in last.items() if k not in ("step", "tokens")]
                progress(run.step, steps, f"{' '.join(figures)} {speed:,.0f} tokens/s")
            if done:
                break
    finally:
        model.eval()
    return run.history


def _measured(
    model: Pretrainable, watched: Mapping[str, tuple[Masked, Corpus | None]]
) -> dict[str, float]:
    """What each probe measures, with its name before the names of the figures."""
    return {
        name + figure: value
        for name, (probe, _) in watched.items()
        for figure, value in evaluate_mlm(model, probe).items()
    }


def _counted(feed: Feed, run: Run) -> Iterator[Masked]:
    for masked in feed:
        run.tokens += len(masked.batch.ids)
        yield masked


def _pieces(masked: Masked, micro_batch: int | None) -> list[tuple[Masked, Masked | None]]:
    """The slices of a batch, each with the whole; a batch that is not cut has no whole.

    One is not cut if a slice of it would have no masked row: the labels of its pairs would be lost.
    """
    size = micro_batch or pack_size(len(masked.batch), len(masked.batch.ids))
    parts = list(slices(masked, size))
    if len(parts) < max(2, -(-len(masked.batch) // size)):
        return [(masked, None)]
    return [(part, masked) for part in parts]


def _waited(history: History) -> int:
    """How many measurements have passed since the lowest held-out loss."""
    measured = [name for name in history.metrics if name.endswith("_loss")]
    if not measured:
        return 0
    losses = history[measured[0]]
    return len(losses) - 1 - int(losses.argmin())
