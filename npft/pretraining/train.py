"""Pretraining: from documents to a model, with honest held-out figures, and able to go on.

A run that writes to a folder can be killed at any moment: the folder holds the last checkpoint,
whole, and ``resume=True`` goes on from there to the same bits as a run that was never stopped.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from npft.atomic import check_path
from npft.encoder.model import Model, check_model
from npft.errors import (
    ConfigError, check_count, check_positive, check_rng, check_strings, listed, quoted,
)
from npft.nn.fit import WEIGHT_DECAY, fit, reported
from npft.nn.history import History
from npft.nn.loop import Step, Streams, streams
from npft.nn.optim import AdamW, decay_groups
from npft.nn.progress import ProgressFn
from npft.nn.schedules import schedule_of
from npft.pretraining.masking import mask_tokens
from npft.pretraining.mixture import check_shares, source_of
from npft.pretraining.pairs import Corpus, Documents
from npft.pretraining.probe import has_words, make_probe, unigram_loss
from npft.pretraining.run import (
    Run, checksum, identity, identity_of_corruption, identity_of_probes, identity_of_text,
)
from npft.pretraining.source import Corrupt, Feed, Sequences, check_corrupt, checked_layout
from npft.text.batch import Batch

WARMUP = 0.08  # share of the steps

Watched = dict[str, tuple[Batch, Corpus | None]]  # a probe, and the text it stands beside, by name


@dataclass(frozen=True)
class Plan:
    """How long, how fast, and how often to look: the numbers of a pretraining run.

    steps: updates of the weights. batch_size: sequences in each. lr: the highest learning rate.
    every: steps between two measurements.
    micro_batch: cut each batch into packs of so many sequences whose gradients are added, by
        default of 1,024 tokens or more (see ``nn/packs.py``); the memory is less, and packs are
        what several threads can share. The result is the same within rounding, unless the model
        draws: each pack draws its own dropout, and the generator of ``ReplacedTokens`` its tokens.
    patience: stop after so many measurements without a lower held-out loss: that of the model's
        first head, and of several probes the mean.

    Raises ``ConfigError`` for a number that is no count of at least 1, or a rate that is none.
    """

    steps: int
    batch_size: int = 32
    lr: float = 1e-3
    every: int = 50
    micro_batch: int | None = None
    patience: int | None = None

    def __post_init__(self) -> None:
        _check_numbers("Plan", vars(self))

    @classmethod
    def of(cls, caller: str, given: Mapping[str, Any]) -> Plan:
        """The plan of options by name.

        Raises ``ConfigError`` that names the caller for options it has not, that lack, or that
        have a value that cannot work.

        >>> Plan.of("pretrain", {"lrr": 10})  # doctest: +NORMALIZE_WHITESPACE
        Traceback (most recent call last):
            ...
        npft.errors.ConfigError: pretrain: there is no option lrr, expected one of steps,
            batch_size, lr, every, micro_batch, patience; it lacks steps
        """
        known = {field.name: field.default for field in fields(cls)}
        unknown = [name for name in given if name not in known]
        lacks = [n for n, default in known.items() if default is MISSING and n not in given]
        there = f"there is no option {listed(unknown)}, expected one of {', '.join(known)}"
        faults = [there] if unknown else []
        faults += [f"it lacks {listed(lacks)}"] if lacks else []
        if faults:
            raise ConfigError(f"{caller}: {'; '.join(faults)}")
        _check_numbers(caller, known | dict(given))
        return cls(**given)


def _check_numbers(caller: str, numbers: Mapping[str, Any]) -> None:
    """Raise ``ConfigError`` that names the caller for numbers of a plan that cannot work."""
    for name in ("steps", "batch_size", "every", "micro_batch", "patience"):
        n = numbers[name]
        if n is not None or name in ("steps", "batch_size", "every"):
            check_count(f"{caller}: {name}", n)
    check_positive(f"{caller}: lr", numbers["lr"])


def check_folder(caller: str, folder: str | Path | None, resume: bool) -> Path | None:
    """The folder of a run; raises ``ConfigError`` for no path, or none to resume from.

    >>> check_folder("pretrain", None, resume=True)
    Traceback (most recent call last):
        ...
    npft.errors.ConfigError: pretrain: resume needs the folder of the run that was stopped
    """
    if resume and folder is None:
        raise ConfigError(f"{caller}: resume needs the folder of the run that was stopped")
    return None if folder is None else check_path(f"{caller}: folder", folder)


def pretrain(
    model: Model,
    documents: Documents | Mapping[str, Documents],
    *,
    held_out: Documents | None = None,
    shares: Mapping[str, float] | None = None,
    probes: Mapping[str, Batch] | None = None,
    layout: str | None = None,
    corrupt: Corrupt = mask_tokens,
    folder: str | Path | None = None,
    resume: bool = False,
    origin: str | None = None,
    progress: ProgressFn | None = None,
    rng: np.random.Generator,
    **plan: Any,
) -> History:
    """Train on sequences of the documents, corrupted anew at every step; ``plan``: see ``Plan``.

    AdamW with warm-up and linear decay; matrices decay by 0.01, vectors do not. With ``held_out``
    documents the history holds, at step 0, every ``every`` steps and at the end, what
    ``model.measure`` finds on a probe with frozen masks; once the loss of the unigram
    distribution ("unigram") and, if there are any, the share of the tokens that stand in no
    sequence ("unread", see ``Source``); also the training losses, as means since the last row
    ("loss", "train_mlm", ...), and the "tokens" seen so far.

    ``documents`` may be several texts by name, such as languages: then ``shares`` says what part
    of the sequences each supplies (default: by size; see ``mixture.py``). ``probes`` are further
    frozen probes (``make_probe``) by name, measured in the same rows under "NAME_mlm_loss" and so
    on, with "NAME_unigram" for the name of a text.

    ``layout`` and ``corrupt`` make the objective (``source.py``): by default masked tokens, in
    pairs for a model with next-sentence prediction.
    ``folder``: write a checkpoint at each row of the history; ``resume``: go on from it. All but
    the weights of ``model``, which are replaced, must be as it was; ``origin`` is a name for what
    else the run depends on, such as the weights it began with.

    Raises ``DataError`` for documents without text, ``ConfigError`` for numbers out of range or
    an encoder without a tokenizer, ``CheckpointError`` for a folder that cannot be resumed,
    ``NonFiniteError`` with the step if training fails.

    >>> from npft import Encoder, EncoderConfig, MaskedLM
    >>> from npft.text.bytes import ByteTokenizer
    >>> rng, tok = np.random.default_rng(0), ByteTokenizer()
    >>> encoder = Encoder(EncoderConfig(vocab_size=260, hidden_size=8), tokenizer=tok, rng=rng)
    >>> mlm, text = MaskedLM(encoder, nsp=False, rng=rng), [["the cat sat", "the dog ran"] * 3]
    >>> history = pretrain(mlm, text, held_out=text, steps=2, batch_size=2, every=1, rng=rng)
    >>> history.at("mlm_loss").tolist(), f"{history['mlm_loss'][0] / np.log(tok.vocab_size):.1f}"
    ([0, 1, 2], '1.0')
    """
    check_model("pretrain", model)
    check_rng("pretrain: rng", rng)
    check_corrupt("pretrain", corrupt)
    numbers = Plan.of("pretrain", plan)
    tok = model.encoder.need_tokenizer("pretrain")
    if origin is not None and not isinstance(origin, str):
        raise ConfigError(f"pretrain: origin is {quoted(origin)}, expected a string, or None")
    if numbers.patience is not None and held_out is None and not probes:
        raise ConfigError("pretrain: patience needs held_out documents to measure on")
    place = check_folder("pretrain", folder, resume)
    if held_out is not None and isinstance(documents, Mapping):
        raise ConfigError("pretrain: held_out is for one text; measure several texts with probes")
    layout = checked_layout("pretrain", layout, model)
    texts, probes = _texts(documents), _checked_probes(probes)
    check_shares(shares, texts)
    corpora = {name: Corpus(text, tok) for name, text in texts.items()}  # the first costly work
    max_length = model.encoder.config.max_positions
    source = source_of(corpora, layout, max_length, shares)
    rngs = streams(rng)
    watched: Watched = {f"{name}_": (p, corpora.get(name)) for name, p in probes.items()}
    if held_out is not None:
        probe = make_probe(
            held_out, tok, layout=layout, corrupt=corrupt, max_length=max_length, rng=rngs.probe
        )
        watched = {"": (probe, corpora["text"]), **watched}
    settings = {
        "text": identity_of_text(corpora), "layout": layout, **vars(numbers),
        "corrupt": identity_of_corruption(corrupt, source),
        "shares": None if shares is None else dict(shares), "origin": origin, **identity(model),
    }  # fmt: skip
    if watched:  # covers the held-out text, the seed, and what is done to the text
        settings["probe"] = checksum(probe.ids for probe, _ in watched.values())
        settings["probes"] = identity_of_probes({name: p for name, (p, _) in watched.items()})
    run = _new_run(model, source, corrupt, numbers, settings, rngs)
    if resume and place is not None:
        run.load(place)
    else:
        run.history.add(0, **_floors(watched, source), tokens=0, **_measured(model, watched))
    _train(model, run, numbers, watched, place, progress)
    return run.history


def _texts(documents: Documents | Mapping[str, Documents]) -> Mapping[str, Documents]:
    """The texts by name; one text alone is called "text"."""
    texts = documents if isinstance(documents, Mapping) else {"text": documents}
    if not texts:
        raise ConfigError("pretrain: documents are an empty dict, expected at least one text")
    check_strings("pretrain: the names of the texts", texts)
    return texts


def _checked_probes(probes: Mapping[str, Batch] | None) -> Mapping[str, Batch]:
    """The probes by name; without any, none."""
    given = {} if probes is None else probes
    if not isinstance(given, Mapping) or not all(isinstance(p, Batch) for p in given.values()):
        raise ConfigError(
            f"pretrain: probes are {quoted(given)}, expected a dict of batches: "
            '{"name": make_probe(...)}'
        )
    check_strings("pretrain: the names of the probes", given)
    return given


def _new_run(
    model: Model,
    source: Sequences,
    corrupt: Corrupt,
    plan: Plan,
    settings: dict[str, Any],
    rngs: Streams,
) -> Run:
    """A run at step 0: its feed, its optimiser, and what another run must share with it."""
    feed = Feed(source, corrupt, plan.batch_size, order=rngs.order, masks=rngs.masks)
    optimizer = AdamW(decay_groups(model, lr=plan.lr, weight_decay=WEIGHT_DECAY), lr=plan.lr)
    return Run(model, optimizer, feed, rngs.dropout, settings)


def _train(
    model: Model,
    run: Run,
    plan: Plan,
    watched: Watched,
    folder: Path | None,
    progress: ProgressFn | None,
) -> None:
    """Train from where the run stands to its end, with a checkpoint at each row of the history."""

    main = next(iter(model.heads))  # what a model is pretrained for comes first among its heads
    losses = [f"{probe}{main}_loss" for probe in watched]

    def stop() -> bool:
        return plan.patience is not None and waited(run.history, losses) >= plan.patience

    if run.step >= plan.steps or (run.step and stop()):
        model.eval()
        return
    walk = fit(
        model,
        _counted(run),
        run.optimizer,
        run.history,
        steps=plan.steps,
        schedule=schedule_of("linear", plan.steps, WARMUP),
        every=plan.every,
        measure=lambda: {"tokens": run.tokens, **_measured(model, watched)},
        stop=stop,
        cut=lambda batch: model.packs(batch, plan.micro_batch),
        rng=run.dropout,
    )
    kept = _with_checkpoints(walk, run, folder)
    for _ in reported(kept, plan.steps, run.history, _with_speed(progress, run)):
        pass


def _with_checkpoints(steps: Iterator[Step], run: Run, folder: Path | None) -> Iterator[Step]:
    """The steps, each written down in the run; a checkpoint at each row of the history."""
    for step in steps:
        run.step = step.step
        if folder is not None and run.history.rows[-1]["step"] == step.step:
            run.save(folder)
        yield step


def _floors(watched: Watched, source: Sequences) -> dict[str, float]:
    """What knowing nothing costs on each probe, and how much of the text is never read."""
    floors = {
        f"{name}unigram": unigram_loss(corpus, probe)
        for name, (probe, corpus) in watched.items()
        if corpus is not None and has_words(corpus, probe)
    }
    return floors | ({"unread": source.unread} if source.unread else {})


def _measured(model: Model, watched: Watched) -> dict[str, float]:
    """What each probe measures, with its name before the names of the figures."""
    return {
        name + figure: value
        for name, (probe, _) in watched.items()
        for figure, value in model.measure(probe).items()
    }


def _counted(run: Run) -> Iterator[Batch]:
    """The batches of a run's feed; the run counts their tokens."""
    for batch in run.feed:
        run.tokens += len(batch.ids)
        yield batch


def _with_speed(progress: ProgressFn | None, run: Run) -> ProgressFn | None:
    """A progress function that also says how many tokens a second are read."""
    if progress is None:
        return None
    begun, before = time.perf_counter(), run.tokens

    def say(step: int, total: int, message: str) -> None:
        speed = (run.tokens - before) / (time.perf_counter() - begun)
        progress(step, total, f"{message} {speed:,.0f} tokens/s")

    return say


def waited(history: History, losses: list[str]) -> int:
    """How many measurements have passed since the held-out loss, the mean of these, was lowest."""
    mean = np.mean([history[name] for name in losses], axis=0)
    return len(mean) - 1 - int(mean.argmin())
