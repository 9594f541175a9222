"""Distillation: a student learns to say what a teacher says, and not only what is right.

    L = a · T² KL(p_teacher ‖ p_student) + b · L_words + c · mean(1 - cos(h_teacher, h_student))

    p = softmax(scores / T) over the vocabulary at each masked token, L_words the loss of the true
    words there, h the last hidden state of every token

Which words the teacher finds likely besides the true one is more than a label says. A temperature
T above 1 shows these small probabilities; T² keeps the gradient as large as it was, for it falls
with 1 / T². For large T the first term is half the mean squared difference of the scores, each
taken from its mean: T² KL → Σ (z_teacher - z_student)² / (2 V).

The student starts as the teacher with some of its blocks (``keep_blocks``), so both have one
vocabulary and one width.

Source: Hinton, Vinyals & Dean 2015, "Distilling the Knowledge in a Neural Network", sections 2 and
2.1; Sanh et al. 2019, "DistilBERT", sections 2 and 3. The weights 5, 2 and 1 and T = 2 are those of
DistilBERT's published training script.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from npft.autograd.tensor import no_grad
from npft.contrast.pair_losses import cosine_distance
from npft.encoder.model import Model
from npft.errors import ConfigError, check_count, check_positive, quoted
from npft.forgetting.distill import softened_kl
from npft.forgetting.measure import check_words
from npft.nn.fit import WEIGHT_DECAY, fit, measure_of, reported
from npft.nn.history import History
from npft.nn.loop import Loss, streams
from npft.nn.module import Module
from npft.nn.optim import AdamW, decay_groups
from npft.nn.progress import ProgressFn
from npft.nn.schedules import schedule_of
from npft.pretraining.masking import mask_tokens
from npft.pretraining.pairs import Corpus, Documents
from npft.pretraining.source import Feed, Source, layout_for
from npft.pretraining.train import WARMUP
from npft.text.batch import Batch


MOST = 1e6  # of a term: float32 numbers times it, squared, are still finite


class Terms(NamedTuple):
    """How much each part of the loss counts, and the temperature: a, b, c and T of the formula.

    With kl and cosine 0 the student goes on pretraining without a teacher.
    """

    kl: float = 5.0
    words: float = 2.0
    cosine: float = 1.0
    temperature: float = 2.0


class StudentLoss(Module):
    """A student beside its teacher, as ``fit`` trains it: the loss of a batch with masks.

    student, teacher: models with a head "mlm", of one tokenizer and one width. Nothing is recorded
    for the teacher, so it cannot change. Raises ``ConfigError`` for two that do not fit, one that
    shares its encoder with the other, or terms that are no numbers from 0 to 10⁶ (the temperature:
    above 0), or all 0.

    >>> from npft.encoder.config import EncoderConfig
    >>> from npft.encoder.encoder import Encoder
    >>> from npft.encoder.model import copy_of
    >>> from npft.heads.words import MaskedLM
    >>> rng = np.random.default_rng(0)
    >>> teacher = MaskedLM(Encoder(EncoderConfig.lesson(), rng=rng), nsp=False, rng=rng).eval()
    >>> pair = StudentLoss(copy_of(teacher), teacher)
    >>> batch = Batch([104, 105, 3], [0, 3], token_labels=[104, -100, 106])
    >>> parts = pair.eval().loss(batch, rng).parts  # nothing to learn from one's equal
    >>> abs(parts["kl"]) < 1e-6, abs(parts["cosine"]) < 1e-6, parts["words"] > 1
    (True, True, True)
    """

    def __init__(self, student: Model, teacher: Model, terms: Terms = Terms()) -> None:
        check_words("StudentLoss", student, teacher)
        if student.encoder is teacher.encoder:
            raise ConfigError(
                "StudentLoss: teacher and student share their encoder; make the student with "
                "keep_blocks(teacher, ...)"
            )
        for name in ("vocab_size", "hidden_size"):
            theirs, ours = (getattr(m.encoder.config, name) for m in (teacher, student))
            if theirs != ours:
                raise ConfigError(
                    f"StudentLoss: {name} is {theirs} of the teacher and {ours} of the student, "
                    "expected one; make the student with keep_blocks(teacher, ...)"
                )
        one, other = (m.encoder.tokenizer for m in (student, teacher))
        if one and other and one.to_dict() != other.to_dict():
            raise ConfigError(
                "StudentLoss: student and teacher have different tokenizers, so that one number "
                "means two words; make the student with keep_blocks(teacher, ...)"
            )
        _check_terms(terms)
        self.student, self.teacher, self.terms = student, teacher, terms

    def loss(self, batch: Batch, rng: np.random.Generator | None) -> Loss:
        """The three terms on one batch, and their weighted sum; the teacher has no dropout."""
        self.teacher.eval()
        t, head = self.terms.temperature, self.student.heads["mlm"]
        with no_grad():
            taught = self.teacher.encoder(batch)
            said = self.teacher.heads["mlm"](taught, batch)
        hidden = self.student.encoder(batch, rng)
        scores = head(hidden, batch, rng)
        parts = {
            "kl": softened_kl(scores, said, t) * (t * t),
            "words": head.loss(scores, batch),
            "cosine": cosine_distance(hidden, taught.data),
        }
        weighted = [parts[name] * getattr(self.terms, name) for name in parts]
        total = weighted[0] + weighted[1] + weighted[2]
        return Loss(total, {name: part.item() for name, part in parts.items()}, scores)


def _check_terms(terms: Terms) -> None:
    """Raise ``ConfigError`` for what is no ``Terms``, or for terms that teach nothing."""
    if not isinstance(terms, Terms):
        raise ConfigError(
            f"StudentLoss: terms is {quoted(terms)}, expected Terms(kl=..., words=..., "
            "cosine=..., temperature=...)"
        )
    for name, value in terms._asdict().items():
        if check_positive(f"StudentLoss: {name}", value, zero=name != "temperature") > MOST:
            raise ConfigError(f"StudentLoss: {name} is {value}, expected at most {MOST:g}")
    if not (terms.kl or terms.words or terms.cosine):
        raise ConfigError("StudentLoss: kl, words and cosine are all 0, so nothing is learnt")


def train_student(
    student: Model,
    teacher: Model,
    documents: Documents,
    *,
    steps: int,
    batch_size: int = 32,
    lr: float = 1e-3,
    terms: Terms = Terms(),
    every: int = 50,
    measure: Callable[[Model], dict[str, float]] | None = None,
    progress: ProgressFn | None = None,
    rng: np.random.Generator,
) -> History:
    """Train a student on masked text beside its teacher (``StudentLoss``).

    documents: lists of sentences, laid out and masked as in pretraining. AdamW with warm-up and
    linear decay. Heads of the student other than "mlm" stay as they are. The history holds the
    "loss" and its parts "train_kl", "train_words" and "train_cosine" as means since the last row,
    and at step 0, every ``every`` steps and at the end what ``measure(student)`` returns.

    Raises ``ConfigError`` for models that do not fit (``StudentLoss``) or numbers out of range,
    ``DataError`` for documents without text, ``NonFiniteError`` if training fails.

    >>> from npft.loading import load
    >>> from npft.serving.blocks import keep_blocks
    >>> teacher = load("tinyworld")
    >>> student = keep_blocks(teacher, [0])
    >>> text = [["The bank is closed today.", "We went to the river bank."]]
    >>> history = train_student(student, teacher, text, steps=20, every=10,
    ...                         terms=Terms(words=0), rng=np.random.default_rng(0))
    >>> history.step.tolist(), bool(history["train_kl"][0] > history["train_kl"][1])
    ([10, 20], True)
    """
    pair = StudentLoss(student, teacher, terms)
    check_count("train_student: batch_size", batch_size)
    tokenizer = student.encoder.need_tokenizer("train_student")
    length = min(m.encoder.config.max_positions for m in (student, teacher))
    source = Source(Corpus(documents, tokenizer), layout_for(teacher), length)
    asked = measure_of("train_student", student, measure)
    rngs, history = streams(rng), History()

    with _other_heads_frozen(student):
        walk = fit(
            pair,
            Feed(source, mask_tokens, batch_size, order=rngs.order, masks=rngs.masks),
            AdamW(decay_groups(student, lr=lr, weight_decay=WEIGHT_DECAY), lr=lr),
            history,
            steps=steps,
            schedule=schedule_of("linear", steps, WARMUP),
            every=every,
            measure=asked,
            rng=rngs.dropout,
        )
        for _ in reported(walk, steps, history, progress):
            pass
    return history


@contextmanager
def _other_heads_frozen(model: Model) -> Iterator[None]:
    """In this block the heads other than "mlm" do not train, as no loss is theirs."""
    heads = [head for name, head in model.heads.items() if name != "mlm"]
    own = {id(p) for part in (model.encoder, model.heads["mlm"]) for p in part.parameters()}
    still = [p for h in heads for p in h.parameters() if p.requires_grad and id(p) not in own]
    for p in still:
        p.requires_grad = False
    try:
        yield
    finally:
        for p in still:
            p.requires_grad = True
