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

from npft.encoder.checkpoint import save
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.errors import CheckpointError, ConfigError, DataError
from npft.finetune.heads import Classifier, num_trainable
from npft.finetune.regimes import DROPOUT, learning_rate, set_regime
from npft.finetune.train import check_options, evaluate, train_classifier
from npft.loading import load
from npft.nn.history import History
from npft.nn.layers import set_dropout
from npft.nn.progress import ProgressFn
from npft.pretrain.objectives import MaskedLM
from npft.pretrain.pairs import Documents
from npft.pretrain.train import hold_out, pretrain
from npft.text import (
    ByteTokenizer, Examples, Tokenizer, WordPiece, drop_duplicates, read_labelled, read_text, split,
)

MAX_POSITIONS = 128
VOCAB_SIZE = 4000
INIT_STD = 0.1  # of new weights: 0.02 suits a width of 768; a width of 64 wants more
PRETRAIN_LR = 4e-3
QUICK_EPOCHS = 5  # of masked-word training on the training texts, when no model is given
TEST_SHARE = 0.2

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


def make_tokenizer(kind: str, texts: list[str], vocab_size: int) -> Tokenizer:
    """A byte tokenizer, or a WordPiece trained on the texts."""
    if kind == "byte":
        return ByteTokenizer()
    if kind == "wordpiece":
        return WordPiece.train(texts, vocab_size=vocab_size)
    raise ConfigError(f"tokenizer is {kind!r}, expected 'wordpiece' or 'byte'")


def new_masked_lm(
    tokenizer: Tokenizer, max_positions: int, nsp: bool, rng: np.random.Generator
) -> MaskedLM:
    """A new model of the lesson's width and depth, without dropout: pretraining text is plenty."""
    config = EncoderConfig(
        vocab_size=tokenizer.vocab_size,
        max_positions=max_positions,
        dropout=0.0,
        init_std=INIT_STD,
    )
    return MaskedLM(Encoder(config, tokenizer=tokenizer, rng=rng), nsp=nsp, rng=rng)


def read_documents(paths: list[Path]) -> Documents:
    """All documents of all files, in the order given."""
    return [document for path in paths for document in read_text(path)]


def pretrain_files(
    paths: list[Path],
    out: Path,
    *,
    objective: str = "mlm,nsp",
    tokenizer: str = "wordpiece",
    vocab_size: int = VOCAB_SIZE,
    steps: int = 1500,
    batch_size: int = 32,
    lr: float = PRETRAIN_LR,
    seed: int = 0,
    progress: ProgressMaker,
) -> dict[str, Any]:
    """Pretrain an encoder on text files and save it in the folder ``out``.

    The last 5 % of the documents (of fewer than 20 documents: of each one's sentences) are held
    out and measured with frozen masks. The vocabulary is learnt from the training part alone.
    """
    check_out(out)
    if objective not in ("mlm", "mlm,nsp"):
        raise ConfigError(f"objective is {objective!r}, expected 'mlm' or 'mlm,nsp'")
    timings: dict[str, float] = {}
    rng = np.random.default_rng(seed)
    train, held_out = hold_out(read_documents(paths))
    with timed(timings, "tokenizer"):
        tok = make_tokenizer(tokenizer, [s for d in train for s in d], vocab_size)
    mlm = new_masked_lm(tok, MAX_POSITIONS, objective == "mlm,nsp", rng)
    with timed(timings, "pretrain"):
        history = pretrain(
            mlm,
            train,
            steps=steps,
            batch_size=batch_size,
            lr=lr,
            every=max(1, steps // 20),
            held_out=held_out,
            progress=progress("pretrain"),
            rng=rng,
        )
    last = history.rows[-1]
    results = {
        "documents": len(train),
        "sentences": sum(map(len, train)),
        "vocab_size": tok.vocab_size,
        "parameters": mlm.num_parameters(),
        "steps": steps,
        "unigram_loss": history["unigram"][0],
        **{k: v for k, v in last.items() if k not in ("step", "train_mlm")},
        "below_unigram": history["unigram"][0] - last["mlm_loss"],
        "seed": seed,
    }
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


def finetune_file(
    data: Path,
    out: Path,
    *,
    model: Path | None = None,
    regime: str = "full",
    epochs: int = 10,
    batch_size: int = 32,
    lr: float | None = None,
    seed: int = 0,
    progress: ProgressMaker,
) -> dict[str, Any]:
    """Fine-tune a classifier on a file of ``label<TAB>text`` lines and save it in ``out``.

    Texts are stripped and exact repeats dropped; 20 % of each class are the test set. Without a
    model, a new body is first pretrained for a few epochs on the training texts.
    """
    check_out(out)
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
    if model is not None:
        body = load(model).body
        if body.tokenizer is None:
            raise CheckpointError(f"{model}: the model was saved without a tokenizer")
    else:
        with timed(timings, "pretrain"):
            body = quick_body(train, MAX_POSITIONS, progress("pretrain"), rng)
    clf = Classifier(body, len(train.label_names), label_names=train.label_names, rng=rng)
    set_dropout(clf, DROPOUT)
    set_regime(clf, regime)
    train_batch = clf.tokenize(train.texts, labels=train.labels)
    test_batch = clf.tokenize(test.texts, labels=test.labels)
    with timed(timings, "finetune"):
        history = train_classifier(
            clf,
            train_batch,
            epochs=epochs,
            batch_size=batch_size,
            lr=lr,
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


def report(verb: str, results: dict[str, Any]) -> str:
    """The results of a verb as lines to read."""
    if verb == "predict":
        rows = results["predictions"]
        return "\n".join(f"{r['label']}\t{r['probability']:.3f}\t{r['text']}" for r in rows)
    if verb == "tour":
        return results["table"]
    if verb == "pretrain":
        lines = [
            f"held-out masked-word loss  {results['mlm_loss']:.3f} nats, "
            f"accuracy {results['mlm_acc']:.3f}",
            f"unigram loss               {results['unigram_loss']:.3f} nats: the model is "
            f"{abs(results['below_unigram']):.3f} "
            + ("below" if results["below_unigram"] > 0 else "above"),
        ]
        if "nsp_acc" in results:
            lines.append(f"next-sentence accuracy     {results['nsp_acc']:.3f}")
        return "\n".join(lines)
    lines = []
    if results["truncated"]:
        lines.append(f"cut to {results['max_length']} tokens: {results['truncated']} texts")
    if verb == "finetune":
        lines.append(
            f"{results['train_examples']} training and {results['test_examples']} test texts, "
            f"{results['repeats_dropped']} repeats dropped; "
            f"{results['trained_weights']:,} of {results['weights']:,} weights trained"
        )
    names = results["label_names"]
    which = f"of {names[1]!r}" if len(names) == 2 else "mean over the classes"
    lines.append(
        f"precision {results['precision']:.3f}  recall {results['recall']:.3f}  "
        f"F1 {results['f1']:.3f}  ({which});  accuracy {results['accuracy']:.3f}"
    )
    width = max(map(len, names))
    lines.append("confusion matrix (rows: true class, columns: predicted class)")
    lines.append(" " * (width + 2) + "  ".join(f"{n:>{max(6, len(n))}}" for n in names))
    for name, row in zip(names, results["confusion"]):
        cells = "  ".join(f"{c:>{max(6, len(n))}}" for c, n in zip(row, names))
        lines.append(f"{name:>{width}}  {cells}")
    return "\n".join(lines)
