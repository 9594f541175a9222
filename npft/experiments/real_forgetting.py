"""What a real encoder forgets while it learns to tell spam, and what keeps it.

Two things that it knew are measured on the way: the rank correlation of its cosines with the
grades of the STS benchmark, which is what it was trained for, and masked tokens. A published
sentence encoder comes without a head for these, so one is fitted first, the encoder frozen: a
reader. What it reads well below the loss of guessing by frequency is in the vectors.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.autograd.machine import threads
from npft.embed.sentences import SentenceEncoder
from npft.embed.similarity import similarity_score
from npft.encoder.hub import read_encoder
from npft.experiments.real_data import sms, sts, sts_sentences
from npft.finetune.features import cached
from npft.finetune.regimes import DROPOUT, freeze_body, unfreeze_body
from npft.finetune.train import fine_tune
from npft.forgetting.measure import forgetting_curve
from npft.forgetting.methods import METHODS, PLAIN, Run
from npft.heads.classes import Classifier
from npft.heads.words import MaskedLM
from npft.nn.layers import set_dropout
from npft.pretraining.masking import mask_tokens
from npft.pretraining.pairs import Corpus
from npft.pretraining.probe import make_probe, unigram_loss
from npft.text.batch import Batch

LONGEST = 64  # tokens of a text that are read
SENTENCES, COPIES = 4000, 2  # that the reader learns from, and how often each is masked anew
READER_EPOCHS, READER_LR = 6, 3e-3
LABELS, TESTS = 320, 200  # messages
EPOCHS, EVERY, BATCH_SIZE = 1, 10, 16
LR, HEAD_LR = 1e-4, 1e-3
PROBE, PAIRS = 200, 300  # held-out sentences with masks, and graded pairs
ARMS: tuple[tuple[str, float | None], ...] = (
    (PLAIN, None), ("lr", 0.3), ("anchor", 0.1), ("freeze", 0.5), ("replay", 0.2),
)  # fmt: skip


def fit_reader(cell: dict[str, Any]) -> tuple[MaskedLM, dict[str, float]]:
    """A real encoder with a head for masked tokens, fitted while the encoder stands still.

    A cell holds "body" (a folder of Hugging Face) and "data"; perhaps "sentences" and "epochs", how
    much the head learns. Returns the model, all of it trainable again, and what is found on
    held-out sentences: "mlm_loss", "mlm_acc" and "unigram", the loss of guessing by frequency.
    """
    with threads(1):
        rng = np.random.default_rng(0)
        encoder = read_encoder(cell["body"], longest=LONGEST)
        mlm = MaskedLM(encoder, nsp=False, rng=rng)
        texts = sts_sentences(cell["data"], "train", cell.get("sentences", SENTENCES), rng)
        batch = mlm.tokenizer(texts, max_length=LONGEST)
        copies = [mask_tokens(batch, mlm.tokenizer, rng=rng) for _ in range(COPIES)]
        masked = Batch.concat(copies)
        corpus = Corpus(documents_of(texts), mlm.tokenizer)
        head: Any = mlm.head("mlm")
        counts = np.bincount(corpus.tokens, minlength=len(head.bias.data)) + 1.0
        head.bias.assign(np.log(counts / counts.sum()))  # it need not learn what is frequent
        freeze_body(mlm)
        with cached(mlm, masked):
            fine_tune(mlm, masked, epochs=cell.get("epochs", READER_EPOCHS), batch_size=64,
                      lr=READER_LR, rng=rng)
        unfreeze_body(mlm)
        mlm.eval()
        probe = probe_of(cell["data"], mlm, seed=0)
        floor = unigram_loss(corpus, probe)
        return mlm, mlm.measure(probe) | {"unigram": floor}


def documents_of(texts: list[str]) -> list[list[str]]:
    """Sentences that have nothing to do with each other: a document each."""
    return [[text] for text in texts]


def probe_of(data: str, mlm: MaskedLM, seed: int) -> Batch:
    """Sentences of the development part of the benchmark, their masks drawn once."""
    rng = np.random.default_rng(seed)
    held_out = documents_of(sts_sentences(data, "dev", PROBE, rng))
    return make_probe(held_out, mlm.tokenizer, max_length=LONGEST, size=PROBE, rng=rng)


def real_forgetting_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Learn spam from a few messages, and measure what is lost on the way.

    A cell holds "seed", "reader" (the folder in which the model of ``fit_reader`` is saved),
    "data", "method" (of ``METHODS``) and "strength" (None where it has none); perhaps "epochs",
    "every", "labels" and "tests". It is returned with "curve", that of ``forgetting_curve``, with
    "sts", the rank correlation on graded pairs of the test part.
    """
    with threads(1):
        seed, data = cell["seed"], cell["data"]
        mlm = MaskedLM.load(cell["reader"])
        rng = np.random.default_rng(seed)
        texts = sts_sentences(data, "train", SENTENCES, rng)
        documents = documents_of(texts)
        probe = probe_of(data, mlm, seed)
        floor = unigram_loss(Corpus(documents, mlm.tokenizer), probe)
        pairs = sts(data, "test")
        pairs = pairs[rng.permutation(len(pairs))[:PAIRS]]
        train, test = sms(data, cell.get("labels", LABELS), cell.get("tests", TESTS), seed)
        names = train.label_names
        model = Classifier(mlm.encoder, len(names), label_names=names, rng=rng)
        set_dropout(model, DROPOUT)
        batch = model.batch_of(train)
        run = Run(
            model=model, mlm=mlm, start=mlm.encoder.state_dict(), documents=documents, train=batch,
            epochs=cell.get("epochs", EPOCHS), batch_size=BATCH_SIZE, lr=HEAD_LR, seed=seed,
            body_lr=LR,
        )  # fmt: skip
        repair = METHODS[cell["method"]].before(run, cell["strength"])
        encoder = SentenceEncoder(mlm.encoder)
        curve = forgetting_curve(
            model, mlm, batch, probe, test=model.batch_of(test), unigram=floor,
            every=cell.get("every", EVERY), rng=rng, epochs=run.epochs, batch_size=run.batch_size,
            lr=run.lr, body_lr=run.body_lr, repairs=[] if repair is None else [repair],
            also={"sts": lambda: similarity_score(encoder.encode, pairs)},
        )  # fmt: skip
        return cell | {"curve": curve.as_dict()}
