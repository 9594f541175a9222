"""What the command line does, as functions: from files to models and figures of merit.

Each returns its results as one dict of plain numbers and lists, ready for JSON. Results depend on
the input and the seed alone; times are kept apart, in ``timings.json``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from npft.embed.geometry import mean_cosine
from npft.embed.similarity import SentenceEncoder
from npft.encoder.checkpoint import save
from npft.encoder.encoder import Encoder
from npft.errors import CheckpointError, ConfigError, DataError
from npft.finetune.heads import Classifier, num_trainable
from npft.finetune.regimes import DROPOUT, learning_rate, set_regime
from npft.finetune.train import check_options, evaluate, train_classifier
from npft.forgetting.anchors import L2ToInit
from npft.forgetting.replay import ReplayMixer
from npft.loading import load
from npft.material import (
    MAX_POSITIONS, VOCAB_SIZE, file_text, make_tokenizer, new_encoder, new_masked_lm,
    read_parts, world_text,
)
from npft.nn.history import History
from npft.nn.layers import set_dropout
from npft.nn.loop import Repair
from npft.nn.progress import ProgressFn
from npft.pretrain.catalogue import OBJECTIVES
from npft.pretrain.objectives import MaskedLM
from npft.pretrain.pairs import Corpus
from npft.pretrain.probe import evaluate_mlm, make_probe, unigram_loss
from npft.pretrain.train import pretrain
from npft.text import Examples, WordPiece, drop_duplicates, read_labelled, read_text, split

PRETRAIN_LR = 4e-3
QUICK_EPOCHS = 5  # of masked-word training on the training texts, when no model is given
TEST_SHARE = 0.2
REPLAY_WEIGHT = 0.2  # of the replay loss; weight 1 keeps the text better and starves the task

ProgressMaker = Callable[[str], ProgressFn | None]


@contextmanager
def timed(timings: dict[str, float], name: str) -> Iterator[None]:
    """Add the seconds spent in the block to ``timings``."""
    start = time.perf_counter()
    yield
    timings[name] = round(time.perf_counter() - start, 3)


def check_out(out: Path) -> None:
    """Refuse, before any work is done, a folder that cannot be written."""
    existing = out
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir():
        raise CheckpointError(f"{out}: {existing} is a file; give the name of a folder")


def write_json(path: Path, value: Any) -> None:
    """Write JSON: the same value gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_run(out: Path, results: dict, history: History, timings: dict[str, float]) -> None:
    """The three files beside a model: results.json, history.json and timings.json."""
    write_json(out / "results.json", results)
    history.to_json(out / "history.json")
    write_json(out / "timings.json", timings)


def pretrain_files(
    paths: list[Path],
    out: Path,
    *,
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
    """Pretrain an encoder on text files (without any: on TinyWorld) and save it in ``out``.

    Held-out documents are measured with frozen masks. ``objective`` is one of ``OBJECTIVES``.
    While it runs, ``out`` holds a checkpoint of the last measurement; with ``resume`` and the same
    arguments a run that was stopped goes on from it.
    """
    check_out(out)
    if objective not in OBJECTIVES:
        raise ConfigError(f"objective is {objective!r}, expected one of {sorted(OBJECTIVES)}")
    chosen = OBJECTIVES[objective]
    timings: dict[str, float] = {}
    rng = np.random.default_rng(seed)
    text = file_text(paths) if paths else world_text(seed)
    steps = text.steps if steps is None else steps
    with timed(timings, "tokenizer"):
        tok = make_tokenizer(tokenizer, text.vocabulary, vocab_size, text.vocab_size)
    mlm = chosen.model(new_encoder(tok, text.max_positions, rng, chosen.causal), rng=rng)
    with timed(timings, "pretrain"):
        history = pretrain(
            mlm,
            text.train,
            steps=steps,
            batch_size=batch_size,
            lr=lr,
            every=max(1, steps // 20),
            held_out=text.held_out,
            layout=chosen.layout,
            corrupt=chosen.corrupt,
            folder=out,
            resume=resume,
            progress=progress("pretrain"),
            rng=rng,
        )
    last = history.rows[-1]
    results = {
        "objective": objective,
        "documents": len(text.train),
        "sentences": sum(map(len, text.train)),
        "vocab_size": tok.vocab_size,
        "parameters": mlm.num_parameters(),
        "steps": steps,
        "unigram_loss": history["unigram"][0],
        "unread": history.rows[0].get("unread", 0.0),
        **{k: v for k, v in last.items() if k != "step" and not k.startswith("train_")},
        "seed": seed,
    }
    guesses = [name for name in ("mlm_loss", "clm_loss") if name in last]
    if guesses:
        results["below_unigram"] = history["unigram"][0] - last[guesses[0]]
    save(out, mlm)
    write_run(out, results, history, timings)
    return results


def quick_body(train: Examples, max_positions: int, progress: ProgressFn | None, rng) -> Encoder:
    """A body pretrained for a few epochs on the training texts alone (never on test texts)."""
    tok = WordPiece.train(train.texts, vocab_size=VOCAB_SIZE)
    mlm = new_masked_lm(tok, max_positions, False, rng)
    steps = QUICK_EPOCHS * -(-len(train) // 32)
    documents = [[text] for text in train.texts]
    pretrain(mlm, documents, steps=steps, lr=PRETRAIN_LR, progress=progress, rng=rng)
    return mlm.body


class Memory:
    """What a pretrained model knows of its text: held-out loss with frozen masks, then and now."""

    def __init__(self, mlm: MaskedLM, text: list[Path], seed: int) -> None:
        self.mlm = mlm
        self.train, held_out = read_parts(text)
        tok, positions = mlm.encoder.tokenizer, mlm.encoder.config.max_positions
        rng = np.random.default_rng(seed)
        self.probe = make_probe(held_out, tok, nsp=mlm.nsp, max_length=positions, rng=rng)
        self.unigram = unigram_loss(Corpus(self.train, tok), self.probe)
        self.before = evaluate_mlm(mlm, self.probe)["mlm_loss"]

    def rise(self) -> dict[str, float]:
        """The loss before and now, its rise, and the loss of guessing by frequency."""
        after = evaluate_mlm(self.mlm, self.probe)["mlm_loss"]
        return {
            "mlm_loss_before": self.before,
            "mlm_loss_after": after,
            "rise": after - self.before,
            "unigram_loss": self.unigram,
        }


def finetune_file(
    data: Path,
    out: Path,
    *,
    model: Path | None = None,
    regime: str = "full",
    epochs: int = 10,
    batch_size: int = 32,
    lr: float | None = None,
    anchor: float | None = None,
    replay: float = 0.0,
    text: list[Path] | None = None,
    seed: int = 0,
    progress: ProgressMaker,
) -> dict[str, Any]:
    """Fine-tune a classifier on a file of ``label<TAB>text`` lines and save it in ``out``.

    Texts are stripped and exact repeats dropped; 20 % of each class are the test set. Without a
    model, a new body is first pretrained for a few epochs on the training texts.

    Against forgetting: ``anchor`` pulls the body to its first weights with that strength, and
    ``replay`` is the share of each batch taken from the pretraining ``text`` files. With ``text``
    the held-out masked-token loss is measured before and after.
    """
    check_out(out)
    if text and model is None:
        raise ConfigError("--text needs --model, the model that was pretrained on it")
    if replay and not text:
        raise ConfigError("--replay needs the pretraining text; name its files with --text")
    lr = learning_rate(regime) if lr is None else lr
    check_options(epochs, batch_size, lr)
    timings: dict[str, float] = {}
    rng = np.random.default_rng(seed)
    everything = read_labelled(data)
    examples = drop_duplicates(everything)
    if len(examples.label_names) < 2:
        raise DataError(
            f"every line has the label {examples.label_names[0]!r}; give examples of at least two",
            path=data,
        )
    try:
        train, test = split(examples, TEST_SHARE, rng=rng)
    except DataError as error:
        raise DataError(str(error), path=data) from None
    mlm = None
    if model is not None:
        mlm = load(model)
        body = mlm.body
        if body.tokenizer is None:
            raise CheckpointError(f"{model}: the model was saved without a tokenizer")
    else:
        with timed(timings, "pretrain"):
            body = quick_body(train, MAX_POSITIONS, progress("pretrain"), rng)
    clf = Classifier(body, len(train.label_names), label_names=train.label_names, rng=rng)
    set_dropout(clf, DROPOUT)
    set_regime(clf, regime)
    repairs: list[Repair] = []
    if anchor is not None:
        repairs.append(L2ToInit(clf, anchor))
    memory = None
    if text:
        if not isinstance(mlm, MaskedLM):
            raise ConfigError(f"{model} holds no pretraining head; --text needs a pretrained model")
        memory = Memory(mlm, text, seed)
        if replay:
            replay_rng = np.random.default_rng(seed + 1)
            repairs.append(ReplayMixer(memory.train, mlm, replay, REPLAY_WEIGHT, rng=replay_rng))
    train_batch = clf.tokenize(train.texts, labels=train.labels)
    test_batch = clf.tokenize(test.texts, labels=test.labels)
    with timed(timings, "finetune"):
        history = train_classifier(
            clf,
            train_batch,
            epochs=epochs,
            batch_size=batch_size,
            lr=lr,
            repairs=repairs,
            progress=progress("finetune"),
            rng=rng,
        )
    found = evaluate(clf, test_batch)
    results = {
        "regime": regime,
        "label_names": clf.label_names,
        "repeats_dropped": len(everything) - len(examples),
        "train_examples": len(train),
        "test_examples": len(test),
        "truncated": train_batch.n_truncated + test_batch.n_truncated,
        "max_length": body.config.max_positions,
        "trained_weights": num_trainable(clf),
        "weights": clf.num_parameters(),
        **found.as_dict(),
        **({} if memory is None else memory.rise()),
        "seed": seed,
    }
    save(out, clf)
    write_run(out, results, history, timings)
    return results


def evaluate_file(data: Path, model: Path) -> dict[str, Any]:
    """Measure a saved classifier on a file of ``label<TAB>text`` lines."""
    clf = Classifier.load(model)
    examples = read_labelled(data, clf.label_names)
    batch = clf.tokenize(examples.texts, labels=examples.labels)
    return {
        "label_names": clf.label_names,
        "examples": len(examples),
        "truncated": batch.n_truncated,
        "max_length": clf.body.config.max_positions,
        **evaluate(clf, batch).as_dict(),
    }


def predict_lines(lines: list[str], model: Path) -> dict[str, Any]:
    """The label and its probability for each line of text."""
    clf = Classifier.load(model)
    p = clf.predict_proba(lines)
    return {
        "predictions": [
            {"label": clf.label_names[k], "probability": round(float(row[k]), 6), "text": text}
            for text, row, k in zip(lines, p, p.argmax(axis=1))
        ]
    }


def embed_file(text: Path, model: Path, out: Path, pool: str = "mean") -> dict[str, Any]:
    """Write the unit vectors of the lines of a file to ``out``, an .npy file (lines, D)."""
    check_out(out.parent)
    if out.suffix != ".npy":
        raise ConfigError(f"{out}: give the name of an .npy file")
    lines = [s for document in read_text(text) for s in document]
    vectors = SentenceEncoder(load(model).body, pool).encode(lines)
    out.parent.mkdir(parents=True, exist_ok=True)
    np.save(out, vectors)
    return {
        "texts": len(lines),
        "width": vectors.shape[1],
        "pool": pool,
        "mean_cosine": mean_cosine(vectors) if len(lines) > 1 else None,
        "out": str(out),
    }


def input_lines(data: bytes) -> list[str]:
    """The lines of standard input; raises ``DataError`` that names the line that is no text."""
    if not data:
        raise DataError("standard input is empty; give one text a line")
    lines = data.removesuffix(b"\n").split(b"\n")
    texts = []
    for number, line in enumerate(lines, start=1):
        try:
            texts.append(line.decode("utf-8").removesuffix("\r"))
        except UnicodeDecodeError:
            raise DataError("is not UTF-8", path="standard input", line=number) from None
        if "\0" in texts[-1]:
            raise DataError("holds a NUL byte", path="standard input", line=number)
    return texts
