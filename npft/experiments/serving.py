"""What a smaller model costs in quality, and what it saves: bytes and time, beside the whole one.

    full                the model as it was trained
    float16, int8       the same weights in fewer bytes          (nn/quantized.py)
    dropped             every second block                       (serving/blocks.py)
    trained on          those blocks, pretrained further without a teacher: the control
    distilled           those blocks, the same batches beside the teacher  (serving/students.py)
    distilled, int8     both

Time is that of the processor on one thread, as a share of the whole model's in the same round; the
rounds go from model to model, so that what else the machine does meets all of them alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from npft.autograd.machine import threads
from npft.embed.sentences import SentenceEncoder
from npft.embed.similarity import similarity_score
from npft.encoder.model import Model, copy_of
from npft.experiments.bodies import HELD_OUT
from npft.experiments.real_data import sts, sts_sentences
from npft.experiments.regimes import make_task
from npft.finetune.recipes import fine_tune_as
from npft.finetune.regimes import DROPOUT
from npft.finetune.train import evaluate
from npft.heads.classes import Classifier
from npft.heads.words import MaskedLM
from npft.nn.layers import set_dropout
from npft.nn.quantized import quantize
from npft.pretraining.probe import make_probe
from npft.pretraining.source import layout_for
from npft.serving.blocks import keep_blocks
from npft.serving.students import Terms, train_student
from npft.serving.vectors import train_student_encoder
from npft.worlds import TinyWorld

KINDS = ("float16", "int8")
ALONE = Terms(kl=0, cosine=0)
ROUNDS = 7


def shares_of_time(reads: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """The processor time of each function in each round, divided by that of the first one.

    >>> shares_of_time({"one": lambda: sum(range(9000)), "two": lambda: None}, 3)["one"]
    [1.0, 1.0, 1.0]
    """
    seconds: dict[str, list[float]] = {name: [] for name in reads}
    for _ in range(rounds):
        for name, read in reads.items():
            begin = time.process_time()
            read()
            seconds[name].append(time.process_time() - begin)
    whole = next(iter(seconds.values()))
    return {name: [t / w for t, w in zip(times, whole)] for name, times in seconds.items()}


def every_second(model: Model) -> list[int]:
    """The numbers of every second block, from the lowest on."""
    return list(range(0, model.encoder.config.num_layers, 2))


def serving_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Measure every way on one body of TinyWorld.

    A cell holds "seed", "body" (the folder of a MaskedLM), "world" and "documents" (the seed of the
    TinyWorld it was pretrained on, and how many documents), "steps" (of the student), "task", "n"
    and "epochs" (of fine-tuning). It is returned with "ways": for each "words" (the accuracy on
    masked words of held-out text), "f1" (on the test of the task), "bytes" and "time" (of the
    classifier: a share of the whole model's, the median of the rounds).
    """
    with threads(1):
        seed, world = cell["seed"], TinyWorld(cell["world"])
        read, apart = (
            [d.sentences for d in world.documents(n, start)]
            for n, start in ((cell["documents"], 0), (HELD_OUT, cell["documents"]))
        )
        mlm = MaskedLM.load(cell["body"])
        bodies = {"full": mlm, "dropped": keep_blocks(mlm, every_second(mlm))}
        for name, terms in (("trained on", ALONE), ("distilled", Terms())):
            bodies[name] = copy_of(bodies["dropped"])
            train_student(bodies[name], mlm, read, steps=cell["steps"], every=cell["steps"],
                          terms=terms, rng=np.random.default_rng(seed))
        probe = make_probe(
            apart, mlm.tokenizer, layout=layout_for(mlm),
            max_length=mlm.encoder.config.max_positions, rng=np.random.default_rng(seed),
        )
        train, test = make_task(cell["task"], cell["n"], seed)
        models = {n: _tuned(copy_of(m), train, cell["epochs"], seed) for n, m in bodies.items()}
        for kind in KINDS:
            bodies[kind], models[kind] = quantize(mlm, kind), quantize(models["full"], kind)
        both = "distilled, int8"
        bodies[both] = quantize(bodies["distilled"])
        models[both] = quantize(models["distilled"])
        batch = models["full"].batch_of(test)
        reads = {name: partial(model.decide, batch) for name, model in models.items()}
        times = shares_of_time(reads, cell.get("rounds", ROUNDS))
        return cell | {"ways": {
            name: {
                "words": bodies[name].measure(probe)["mlm_acc"],
                "f1": float(evaluate(model, batch).figures()["f1"]),
                "bytes": model.num_bytes(), "time": float(np.median(times[name])),
            }
            for name, model in models.items()
        }}  # fmt: skip


def _tuned(mlm: Model, train: Any, epochs: int, seed: int) -> Classifier:
    """A classifier on the body of ``mlm``, fine-tuned in full."""
    rng, names = np.random.default_rng(seed), train.label_names
    model = Classifier(mlm.encoder, len(names), label_names=names, rng=rng)
    set_dropout(model, DROPOUT)
    fine_tune_as(model, model.batch_of(train), "full", epochs=epochs, rng=rng)
    return model


def real_ways(cell: dict[str, Any]) -> dict[str, Any]:
    """Measure a real sentence encoder in fewer bytes, and with half its blocks untrained.

    A cell holds "body" (a folder of sentence-transformers), "data" (one that holds
    stsb/sts-train.csv and sts-test.csv), "part" of the benchmark to measure on, and "timed" texts.
    It is returned with "ways": for each "spearman", "bytes" and "time" as in ``serving_cell``.
    """
    with threads(1):
        teacher = SentenceEncoder.from_pretrained(cell["body"])
        models = {"full": teacher, **{kind: quantize(teacher, kind) for kind in KINDS}}
        models["dropped"] = keep_blocks(teacher, every_second(teacher))
        return cell | {"ways": _measured(models, cell)}


def real_student_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Measure students of a real sentence encoder: half its blocks, taught by plain texts.

    A cell is one of ``real_ways`` and holds also "seed", "texts" (how many sentences of the
    training part, drawn by the seed), "steps" and "lr".
    """
    with threads(1):
        teacher = SentenceEncoder.from_pretrained(cell["body"])
        rng = np.random.default_rng(cell["seed"])
        texts = sts_sentences(cell["data"], "train", cell["texts"], rng)
        student = keep_blocks(teacher, every_second(teacher))
        set_dropout(student, 0.0)  # the texts are many and read but a few times
        train_student_encoder(student, teacher, texts, steps=cell["steps"], lr=cell["lr"],
                              every=cell["steps"], rng=rng)
        models = {"full": teacher, "distilled": student, "distilled, int8": quantize(student)}
        return cell | {"ways": _measured(models, cell, known=("full",))}


def _measured(
    models: Mapping[str, SentenceEncoder], cell: dict[str, Any], known: Sequence[str] = ()
) -> dict[str, Any]:
    """The figures of each model but those that are known from elsewhere."""
    test = sts(cell["data"], cell["part"])
    timed = test.texts[: cell["timed"]]
    reads = {name: partial(model.encode, timed) for name, model in models.items()}
    times = shares_of_time(reads, cell.get("rounds", ROUNDS))
    return {
        name: {
            "spearman": similarity_score(model.encode, test),
            "bytes": model.num_bytes(), "time": float(np.median(times[name])),
        }
        for name, model in models.items() if name not in known
    }  # fmt: skip
