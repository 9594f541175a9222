"""A real encoder tuned: on graded pairs, and on a few messages in three regimes.

    published   as it is, for comparison
    graded      regression of the cosine on the grades of the STS benchmark
    alike       pairs of a high grade belong together, all others of a batch do not
    head        spam from a new head on the frozen encoder
    last        the last block learns as well
    full        all of it learns
    words       spam from a bag of words, no encoder at all

The first three end in the rank correlation on the test part of the benchmark, the others in F1 on
messages nobody has read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from npft.autograd.machine import threads
from npft.contrast.bi_encoder import BiEncoder, train_bi_encoder
from npft.contrast.objectives import CosineRegression, InBatch
from npft.embed.sentences import SentenceEncoder
from npft.embed.similarity import similarity_score
from npft.encoder.hub import read_encoder
from npft.errors import ConfigError
from npft.experiments.real_data import sms, sts
from npft.experiments.real_forgetting import LONGEST
from npft.finetune.baselines import bag_of_words
from npft.finetune.features import cached
from npft.finetune.regimes import DROPOUT, set_regime
from npft.finetune.train import evaluate, fine_tune
from npft.heads.classes import Classifier
from npft.nn.layers import set_dropout

PAIRED = ("published", "graded", "alike")
REGIMES = ("head", "last", "full")
HOWS = (*PAIRED, "words", *REGIMES)
LABELS = (16, 64)  # messages
STEPS, PAIR_BATCH, PAIR_LR = 45, 16, 5e-5
PAIRS = STEPS * PAIR_BATCH
ALIKE = 4.0  # the grade from which a pair counts as one of meaning
UPDATES, BATCH_SIZE, TESTS = 30, 16, 300  # of fine-tuning on messages
RATES = {"head": (1e-2, None), "last": (1e-3, 1e-4), "full": (1e-3, 5e-5)}  # head, body


def real_tuning_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Tune a real encoder in one way and measure it.

    A cell holds "seed", "body" (a folder of Hugging Face), "data", "how" (of ``HOWS``), and for
    messages "labels", how many; perhaps "steps", "tests" and "pairs". It is returned with "sts",
    a rank correlation, or with "f1". Raises ``ConfigError`` for an unknown way.
    """
    if cell["how"] not in HOWS:
        raise ConfigError(f"how is {cell['how']!r}, expected one of {', '.join(HOWS)}")
    with threads(1):
        return cell | (tuned_on_pairs(cell) if cell["how"] in PAIRED else tuned_on_messages(cell))


def tuned_on_pairs(cell: dict[str, Any]) -> dict[str, float]:
    """The rank correlation on the test part after some steps on the training part."""
    rng = np.random.default_rng(cell["seed"])
    encoder = read_encoder(cell["body"], longest=LONGEST)
    test = sts(cell["data"], "test")[: cell.get("pairs")]
    train, steps = sts(cell["data"], "train"), cell.get("steps", STEPS)
    options: dict[str, Any] = {
        "steps": steps, "batch_size": PAIR_BATCH, "lr": PAIR_LR, "every": steps, "rng": rng,
    }  # fmt: skip
    set_dropout(encoder, DROPOUT)
    if cell["how"] == "graded":
        train = train[rng.permutation(len(train))[:PAIRS]]
        model = BiEncoder(encoder, CosineRegression())
        train_bi_encoder(model, [train.texts, train.pairs or []], train.labels, **options)
    elif cell["how"] == "alike":
        train = train[np.asarray(train.labels) >= ALIKE]
        train = train[rng.permutation(len(train))[:PAIRS]]
        train_bi_encoder(BiEncoder(encoder, InBatch()), [train.texts, train.pairs or []], **options)
    return {"sts": similarity_score(SentenceEncoder(encoder).encode, test)}


def tuned_on_messages(cell: dict[str, Any]) -> dict[str, float]:
    """F1 of spam after learning from a few labelled messages."""
    train, test = sms(cell["data"], cell["labels"], cell.get("tests", TESTS), cell["seed"])
    if cell["how"] == "words":
        return {"f1": bag_of_words(train, test, positive="spam").f1}
    rng = np.random.default_rng(cell["seed"])
    encoder = read_encoder(cell["body"], longest=LONGEST)
    model = Classifier(encoder, 2, label_names=train.label_names, rng=rng)
    batch, tests = model.batch_of(train), model.batch_of(test)
    set_regime(model, cell["how"])
    lr, body_lr = RATES[cell["how"]]
    steps_of_epoch = -(-len(batch) // BATCH_SIZE)
    options: dict[str, Any] = {
        "epochs": -(-cell.get("steps", UPDATES) // steps_of_epoch), "batch_size": BATCH_SIZE,
        "lr": lr, "body_lr": body_lr, "rng": rng,
    }  # fmt: skip
    if cell["how"] == "head":
        with cached(model, batch):
            fine_tune(model, batch, **options)
    else:
        set_dropout(model, DROPOUT)
        fine_tune(model, batch, **options)
    return {"f1": evaluate(model, tests).f1}


def tuning_table(cells: Sequence[dict[str, Any]]) -> str:
    """The rows of the gallery: mean and standard deviation over the seeds."""
    lines = ["| STS benchmark, test | Spearman |", "|---|---|"]
    for how in PAIRED:
        lines.append(f"| {how} | {_shown([c['sts'] for c in cells if c['how'] == how], 3)} |")
    sizes = sorted({c["labels"] for c in cells if "labels" in c})
    lines += ["", f"| spam, F1 | {' | '.join(f'{n} labels' for n in sizes)} |",
              "|---" * (1 + len(sizes)) + "|"]
    for how in ("words", *REGIMES):
        own = [[c["f1"] for c in cells if c["how"] == how and c.get("labels") == n] for n in sizes]
        lines.append(f"| {how} | {' | '.join(_shown(x, 2) for x in own)} |")
    return "\n".join(lines)


def _shown(values: list[float], digits: int) -> str:
    if len(values) == 1:  # nothing that a seed could change
        return f"{values[0]:.{digits}f}"
    return f"{np.mean(values):.{digits}f} ± {np.std(values, ddof=1):.{digits}f}"
