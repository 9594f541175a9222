"""Latent forgetting: what is lost from the body, and what only the old head no longer finds there.

The old prediction head was made for θ_0. When the body moves, the loss under this head may rise
although the body still holds all that is needed. So new heads of the same kinds are trained, in the
same way, on both bodies, which are frozen, and the loss is measured again:

    rise          L(θ_t, old head) - L(θ_0, old head)
    latent rise   L(θ_t, refitted) - L(θ_0, refitted)        lost from the representation
    head drift    rise - latent rise                         still there, but read wrongly

A head that is tied to the word embeddings shares their table with the body, so the table stays as
it is now: what is trained anew is what stands between the body and the table, and the bias.

The second question is how long it takes to learn again what was forgotten (Ebbinghaus 1885):

    savings = (steps of a new body - steps of this body) / steps of a new body

1 if nothing need be learnt again, 0 if it takes as long as for the first time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from npft.encoder.encoder import Encoder
from npft.encoder.model import Model, copy_of
from npft.errors import ConfigError, check_positive, check_rng, quoted
from npft.finetune.recipes import fine_tune_as
from npft.finetune.regimes import LEARNING_RATES, check_model
from npft.finetune.train import evaluate, rank_of
from npft.forgetting.drift import check_start
from npft.forgetting.measure import check_words
from npft.nn.module import freeze
from npft.pretraining.pairs import Documents
from npft.pretraining.train import pretrain
from npft.text.batch import Batch


def refit(
    model: Model,
    documents: Documents,
    *,
    steps: int = 200,
    lr: float = LEARNING_RATES["head"],
    rng: np.random.Generator,
    **plan: Any,
) -> Model:
    """A copy of ``model`` whose heads are new, trained on the documents with the body frozen.

    ``plan``: further options of ``pretrain``, such as batch_size. The model itself stays as it is.
    Raises as ``pretrain``.
    """
    check_model("refit", model)
    fresh = type(model).from_options(copy_of(model).encoder, model.options(), rng=rng)
    freeze(fresh, "encoder.")
    pretrain(fresh, documents, steps=steps, lr=lr, rng=rng, **plan)
    return fresh


@dataclass(frozen=True)
class LatentForgetting:
    """The held-out loss of two bodies under two heads, in nats; see the top of ``latent.py``.

    >>> found = LatentForgetting(start=2.0, now=5.0, start_refitted=2.25, now_refitted=2.75)
    >>> found.rise, found.latent_rise, found.head_drift
    (3.0, 0.5, 2.5)
    """

    start: float
    now: float
    start_refitted: float
    now_refitted: float

    @property
    def rise(self) -> float:
        """What has been forgotten as the old head sees it."""
        return self.now - self.start

    @property
    def latent_rise(self) -> float:
        """What is lost from the representation: no new head brings it back."""
        return self.now_refitted - self.start_refitted

    @property
    def head_drift(self) -> float:
        """The part of the rise that a new head mends."""
        return self.rise - self.latent_rise


def latent_forgetting(
    start: Model,
    model: Model,
    documents: Documents,
    probe: Batch,
    *,
    rng: np.random.Generator,
    **options: Any,
) -> LatentForgetting:
    """Measure the masked-token loss of ``start`` and ``model``, as they are and with new heads.

    start: a copy of the model before fine-tuning, ``copy_of(mlm)``. documents: what the new heads
    learn from. probe: held-out, from ``make_probe``. Both refits begin with the same heads and see
    the same batches. ``options``: those of ``refit``, and with few ``steps`` a new head has not
    learnt all that is there, which makes the latent rise too small or too large.

    Raises ``ConfigError`` for models that cannot be compared; else as ``pretrain``.

    >>> from npft import copy_of, load, make_probe
    >>> rng, mlm = np.random.default_rng(0), load("tinyworld")
    >>> text = [["the teller counts the money", "the teller waits"]]
    >>> probe = make_probe(text, mlm.tokenizer, max_length=32, layout="pairs", rng=rng)
    >>> found = latent_forgetting(copy_of(mlm), mlm, text, probe, steps=1, rng=rng)
    >>> found.now - found.start, found.now_refitted - found.start_refitted  # nothing was trained
    (0.0, 0.0)
    """
    check_start("latent_forgetting", start, model)
    check_words("latent_forgetting", start, model)
    check_rng("latent_forgetting: rng", rng)
    seed = int(rng.integers(1 << 62))

    def refitted(body: Model) -> Model:
        return refit(body, documents, rng=np.random.default_rng(seed), **options)

    four = (start, model, refitted(start), refitted(model))
    return LatentForgetting(*(m.measure(probe)["mlm_loss"] for m in four))


@dataclass(frozen=True)
class Savings:
    """How many steps of pretraining it takes until the held-out loss is ``target``, or below.

    None: not within the steps that were given.

    >>> Savings(target=2.1, relearn=30, new=120).share
    0.75
    """

    target: float
    relearn: int | None
    new: int | None

    @property
    def share(self) -> float | None:
        """(new - relearn) / new; None if one of the two never came so far, or needs no step."""
        if self.relearn is None or not self.new:
            return None
        return (self.new - self.relearn) / self.new


def savings(
    start: Model,
    model: Model,
    documents: Documents,
    probe: Batch,
    *,
    steps: int,
    every: int = 10,
    tolerance: float = 0.05,
    rng: np.random.Generator,
    **plan: Any,
) -> Savings:
    """How much sooner than a new body ``model`` learns again what ``start`` knew.

    The target is the loss of ``start`` on the probe plus ``tolerance``, in nats. A copy of
    ``model`` and a new model of the same kind are pretrained for ``steps`` steps on the same
    batches at the same rates, and the first of every ``every`` steps that reaches the target
    counts; so the answer is known up to ``every`` steps. ``plan``: further options of ``pretrain``.

    Raises ``ConfigError`` for models that cannot be compared, or a tolerance below 0; else as
    ``pretrain``.

    >>> from npft import copy_of, load, make_probe
    >>> rng, mlm = np.random.default_rng(0), load("tinyworld")
    >>> text = [["the teller counts the money", "the teller waits"]]
    >>> probe = make_probe(text, mlm.tokenizer, max_length=32, layout="pairs", rng=rng)
    >>> found = savings(copy_of(mlm), mlm, text, probe, steps=2, every=1, batch_size=2, rng=rng)
    >>> found.relearn, found.new  # at once; a new body not within these two steps
    (0, None)
    """
    check_start("savings", start, model)
    check_words("savings", start, model)
    check_rng("savings: rng", rng)
    check_positive("savings: tolerance", tolerance, zero=True)
    target = start.measure(probe)["mlm_loss"] + tolerance
    seed = int(rng.integers(1 << 62))
    new = type(model).from_options(
        Encoder(model.encoder.config, tokenizer=model.encoder.tokenizer, rng=rng),
        model.options(),
        rng=rng,
    )
    needed: list[int | None] = []
    for learner in (copy_of(model), new):
        history = pretrain(
            learner, documents, steps=steps, every=every, probes={"held": probe},
            rng=np.random.default_rng(seed), **plan,
        )  # fmt: skip
        there = history["held_mlm_loss"] <= target
        needed.append(int(history.at("held_mlm_loss")[there.argmax()]) if there.any() else None)
    return Savings(target, *needed)


def linear_probe(
    model: Model,
    make: Callable[[Encoder], Model],
    train: Batch,
    test: Batch,
    *,
    epochs: int = 20,
    rng: np.random.Generator,
    **options: Any,
) -> float:
    """What a new head finds in the frozen body of ``model``: the main figure of its score.

    ``make(body)`` puts the head on a copy of the body, for example
    ``lambda body: TokenClassifier(body, names, rng=rng)`` for parts of speech; a head that is one
    linear layer makes a linear probe (Alain & Bengio 2017). ``options``: those of
    ``fine_tune_as``. The model stays as it is, so a probe may be measured in the middle of a run.

    Raises as ``fine_tune_as``.

    >>> from npft import Classifier, load
    >>> rng, mlm = np.random.default_rng(0), load("tinyworld")
    >>> texts = ["the chef cooks", "the teller counts"]
    >>> batch = mlm.tokenizer(texts).replace(labels=np.array([0, 1]))
    >>> linear_probe(mlm, lambda body: Classifier(body, 2, rng=rng), batch, batch, rng=rng)
    1.0
    """
    check_model("linear_probe", model)
    if not callable(make):
        raise ConfigError(
            f"linear_probe: make is {quoted(make)}, expected a function from a body to a model, "
            "such as lambda body: Classifier(body, 2, rng=rng)"
        )
    probe = make(copy_of(model).encoder)
    fine_tune_as(probe, train, "head", epochs=epochs, rng=rng, **options)
    return rank_of(evaluate(probe, test))[0]
