"""``npft finetune``: a classifier from a file of ``label<TAB>text`` lines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from npft.encoder.encoder import Encoder
from npft.errors import CheckpointError, ConfigError, DataError
from npft.files.output import ProgressMaker, check_out, timed, write_model
from npft.files.pretrain import MAX_POSITIONS, VOCAB_SIZE, read_parts
from npft.finetune.regimes import DROPOUT, learning_rate, num_trainable, set_regime
from npft.finetune.train import check_numbers, evaluate, fine_tune
from npft.forgetting.anchors import L2ToInit
from npft.forgetting.replay import ReplayMixer
from npft.heads.classes import Classifier
from npft.heads.words import MaskedLM
from npft.loading import load
from npft.nn.layers import set_dropout
from npft.nn.progress import ProgressFn
from npft.nn.repair import Repair
from npft.pretrain.pairs import Corpus
from npft.pretrain.probe import make_probe, unigram_loss
from npft.pretrain.source import layout_for
from npft.pretrain.start import PRETRAIN_LR, new_masked_lm
from npft.pretrain.train import pretrain
from npft.text import Examples, WordPiece, drop_duplicates, read_labelled, split

QUICK_EPOCHS = 5  # of masked-word training on the training texts, when no model is given
TEST_SHARE = 0.2
REPLAY_WEIGHT = 0.2  # of the replay loss; weight 1 keeps the text better and starves the task


def quick_body(
    train: Examples, progress: ProgressFn | None, rng: np.random.Generator
) -> Encoder:
    """A body pretrained for a few epochs on the training texts alone (never on test texts)."""
    tok = WordPiece.train(train.texts, vocab_size=VOCAB_SIZE)
    mlm = new_masked_lm(tok, MAX_POSITIONS, False, rng)
    steps = QUICK_EPOCHS * -(-len(train) // 32)
    documents = [[text] for text in train.texts]
    pretrain(mlm, documents, steps=steps, lr=PRETRAIN_LR, progress=progress, rng=rng)
    return mlm.body


class Memory:
    """What a pretrained model knows of its text: held-out loss with frozen masks, then and now."""

    def __init__(self, mlm: MaskedLM, text: list[Path], seed: int) -> None:
        self.mlm = mlm
        self.train, held_out = read_parts(text)
        tok, positions = mlm.tokenizer, mlm.encoder.config.max_positions
        rng = np.random.default_rng(seed)
        layout = layout_for(mlm)
        self.probe = make_probe(held_out, tok, layout=layout, max_length=positions, rng=rng)
        self.unigram = unigram_loss(Corpus(self.train, tok), self.probe)
        self.before = mlm.measure(self.probe)["mlm_loss"]

    def rise(self) -> dict[str, float]:
        """The loss before and now, its rise, and the loss of guessing by frequency."""
        after = self.mlm.measure(self.probe)["mlm_loss"]
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
    check_numbers(epochs, batch_size, lr)
    timings: dict[str, float] = {}
    rng = np.random.default_rng(seed)
    train, test, repeats = read_task(data, rng)
    loaded = None if model is None else _load_with_tokenizer(model)
    with timed(timings, "pretrain"):
        body = loaded.body if loaded else quick_body(train, progress("pretrain"), rng)
    clf = Classifier(body, len(train.label_names), label_names=train.label_names, rng=rng)
    set_dropout(clf, DROPOUT)
    set_regime(clf, regime)
    repairs: list[Repair] = [] if anchor is None else [L2ToInit(clf, anchor)]
    memory = _memory(loaded, model, text, seed) if text else None
    if memory and replay:
        rng_2 = np.random.default_rng(seed + 1)
        repairs.append(ReplayMixer(memory.train, memory.mlm, replay, REPLAY_WEIGHT, rng=rng_2))
    batch, test_batch = clf.batch_of(train), clf.batch_of(test)
    with timed(timings, "finetune"):
        history = fine_tune(
            clf, batch, epochs=epochs, batch_size=batch_size, lr=lr, repairs=repairs,
            progress=progress("finetune"), rng=rng,
        )  # fmt: skip
    results = {
        "regime": regime,
        "label_names": clf.label_names,
        "repeats_dropped": repeats,
        "train_examples": len(train),
        "test_examples": len(test),
        "truncated": batch.n_truncated + test_batch.n_truncated,
        "max_length": body.config.max_positions,
        "trained_weights": num_trainable(clf),
        "weights": clf.num_parameters(),
        **evaluate(clf, test_batch).as_dict(),
        **({} if memory is None else memory.rise()),
        "seed": seed,
    }
    write_model(out, clf, results, history, timings)
    return results


def read_task(data: Path, rng: np.random.Generator) -> tuple[Examples, Examples, int]:
    """Training and test examples of a labelled file, and how many repeats were dropped.

    Raises ``DataError`` that names the file for labels that cannot be learnt from.
    """
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
    return train, test, len(everything) - len(examples)


def _load_with_tokenizer(folder: Path) -> Any:
    """The model in a folder; raises ``CheckpointError`` if it cannot read text."""
    found = load(folder)
    if found.body.tokenizer is None:
        raise CheckpointError(f"{folder}: the model was saved without a tokenizer")
    return found


def _memory(loaded: Any, model: Path | None, text: list[Path], seed: int) -> Memory:
    """The memory of the model that was loaded; raises ``ConfigError`` if it predicts no words."""
    if not isinstance(loaded, MaskedLM):
        raise ConfigError(f"{model} holds no pretraining head; --text needs a pretrained model")
    return Memory(loaded, text, seed)


def evaluate_file(data: Path, model: Path) -> dict[str, Any]:
    """Measure a saved classifier on a file of ``label<TAB>text`` lines."""
    clf = Classifier.load(model)
    examples = read_labelled(data, clf.label_names)
    batch = clf.batch_of(examples)
    return {
        "label_names": clf.label_names,
        "examples": len(examples),
        "truncated": batch.n_truncated,
        "max_length": clf.body.config.max_positions,
        **evaluate(clf, batch).as_dict(),
    }


def report_finetune(results: dict[str, Any]) -> str:
    """What was trained on what, what was forgotten, and how good it is."""
    lines = [
        f"{results['train_examples']} training and {results['test_examples']} test texts, "
        f"{results['repeats_dropped']} repeats dropped; "
        f"{results['trained_weights']:,} of {results['weights']:,} weights trained"
    ]
    if "rise" in results:
        lines.append(
            f"held-out masked-token loss {results['mlm_loss_before']:.3f} before, "
            f"{results['mlm_loss_after']:.3f} after: a rise of {results['rise']:.3f} nats "
            f"(unigram {results['unigram_loss']:.3f})"
        )
    return "\n".join([*_cut(results), *lines, *_scores(results)])


def report_evaluate(results: dict[str, Any]) -> str:
    """How good a classifier is."""
    return "\n".join([*_cut(results), *_scores(results)])


def _cut(results: dict[str, Any]) -> list[str]:
    if not results["truncated"]:
        return []
    return [f"cut to {results['max_length']} tokens: {results['truncated']} texts"]


def _scores(results: dict[str, Any]) -> Sequence[str]:
    """Precision, recall, F1 and accuracy, and the confusion matrix."""
    names = results["label_names"]
    which = f"of {names[1]!r}" if len(names) == 2 else "mean over the classes"
    width = max(map(len, names))
    lines = [
        f"precision {results['precision']:.3f}  recall {results['recall']:.3f}  "
        f"F1 {results['f1']:.3f}  ({which});  accuracy {results['accuracy']:.3f}",
        "confusion matrix (rows: true class, columns: predicted class)",
        " " * (width + 2) + "  ".join(f"{n:>{max(6, len(n))}}" for n in names),
    ]
    for name, row in zip(names, results["confusion"]):
        cells = "  ".join(f"{c:>{max(6, len(n))}}" for c, n in zip(row, names))
        lines.append(f"{name:>{width}}  {cells}")
    return lines
