"""Repair after the fact, by a little training: replay, and a head that is fitted again.

Idea        A fine-tuned body has forgotten. A few steps of pretraining remind it, with the head of
            the task kept as it is; then, or after interpolation, the head is fitted to the body
            anew.
Equation    replay: θ_body ← θ_body - lr ∇ L_pretraining;   refit: only L_task, only θ_head
When        where a model is already fine-tuned and some pretraining text is at hand, perhaps
            written by the model of before (``generate.py``)
Cost        replay: so many steps of pretraining, and text; refit: a body that reads each text once,
            and the labelled examples
Source      replay: Robins 1995; the head alone: Kumar et al. 2022 (LP-FT), there before
            fine-tuning

``interpolation_path`` only looks, and puts the body back. These two are training: what they have
done stays. ``model.encoder.state_dict()`` beforehand keeps a way back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from npft.encoder.model import Model
from npft.errors import check_count, check_positive
from npft.finetune.recipes import fine_tune_as
from npft.finetune.regimes import check_model
from npft.finetune.train import Data, evaluate, rank_of
from npft.forgetting.measure import check_shared, check_words
from npft.forgetting.replay import source_for
from npft.heads.words import MaskedLM
from npft.nn.fit import WEIGHT_DECAY, fit
from npft.nn.history import History
from npft.nn.loop import streams
from npft.nn.module import freeze
from npft.nn.optim import AdamW, decay_groups
from npft.nn.schedules import schedule_of
from npft.pretraining.masking import mask_tokens
from npft.pretraining.pairs import Documents
from npft.pretraining.source import Feed
from npft.text.batch import Batch


def replay_afterwards(
    model: Model,
    mlm: MaskedLM,
    documents: Documents,
    probe: Batch,
    test: Batch,
    *,
    steps: int = 50,
    every: int = 10,
    rng: np.random.Generator,
    **options: Any,
) -> dict[str, list[float]]:
    """``remind`` the body of a fine-tuned model, and measure along the way.

    Returns {"step", "mlm_loss", "f1"} at step 0, every ``every`` steps and at the end: the
    held-out loss on ``probe``, and what the score of the task on ``test`` has as its main figure.
    ``options``: batch_size, lr of ``remind``. The body is left as the last step has made it.

    Raises ``ConfigError`` for models that do not share their encoder; else as ``remind``.

    >>> from npft import Classifier, load, make_probe
    >>> rng, mlm = np.random.default_rng(0), load("tinyworld")
    >>> text = [["the teller counts the money", "the teller waits"]]
    >>> probe = make_probe(text, mlm.tokenizer, max_length=32, layout="pairs", rng=rng)
    >>> model = Classifier(mlm.body, 2, rng=rng)
    >>> test = model.tokenize(["see you at noon", "win cash"], labels=[0, 1])
    >>> found = replay_afterwards(
    ...     model, mlm, text, probe, test, steps=2, every=1, batch_size=2, rng=rng)
    >>> found["step"], len(found["mlm_loss"]), len(found["f1"])
    ([0, 1, 2], 3, 3)
    """
    check_shared("replay_afterwards", model, mlm)
    check_words("replay_afterwards", mlm)
    check_count("replay_afterwards: every", every)

    def measure() -> dict[str, float]:
        known = mlm.measure(probe)["mlm_loss"]
        return {"mlm_loss": known, "f1": rank_of(evaluate(model, test))[0]}

    history = remind(mlm, documents, steps=steps, every=every, measure=measure, rng=rng, **options)
    return {
        "step": history.at("f1").tolist(),
        "mlm_loss": history["mlm_loss"].tolist(),
        "f1": history["f1"].tolist(),
    }


def remind(
    mlm: MaskedLM,
    documents: Documents,
    *,
    steps: int = 50,
    batch_size: int = 32,
    lr: float = 1e-3,
    every: int = 10,
    measure: Callable[[], dict[str, float]] | None = None,
    rng: np.random.Generator,
) -> History:
    """Pretrain a body for some more steps, with its prediction head as it is; return the history.

    Only the body learns: the prediction head of ``mlm`` is frozen, as in ``ReplayMixer``, and so
    stays what is frozen of the body; heads of tasks on this body are kept. The rate falls in a line
    from ``lr`` to a twentieth of it. ``every``, ``measure``: as in ``fit``. 0 steps change nothing.

    Raises ``ConfigError`` for numbers out of range, an ``mlm`` without a head for masked tokens, or
    a body of which nothing trains, ``DataError`` for documents without text.
    """
    check_words("remind", mlm)
    check_count("remind: steps", steps, least=0)
    check_count("remind: batch_size", batch_size)
    check_positive("remind: lr", lr)
    source, rngs = source_for("remind", documents, mlm), streams(rng)
    freeze(mlm, lambda name: not name.startswith("encoder."))
    history = History()
    if steps == 0:
        if measure is not None:
            history.add(0, **measure())
        return history
    for _ in fit(
        mlm,
        Feed(source, mask_tokens, batch_size, order=rngs.order, masks=rngs.masks),
        AdamW(decay_groups(mlm, lr=lr, weight_decay=WEIGHT_DECAY), lr=lr),
        history,
        steps=steps,
        schedule=schedule_of("linear", steps, 0.0),
        every=every,
        measure=measure,
        cut=mlm.packs,
        rng=rngs.dropout,
    ):
        pass
    return history


def refit_head(
    model: Model, train: Data, *, rng: np.random.Generator, **options: Any
) -> History:
    """Fit the heads of a model to its body as it is now; return the history.

    The regime "head" of ``fine_tune_as``, whose ``options`` these are: epochs, batch_size, lr,
    validation. The heads go on from their present weights, the body keeps every bit, and what of it
    was trainable is so again afterwards.

    Raises as ``fine_tune_as``.

    >>> from npft import Classifier, load
    >>> rng = np.random.default_rng(0)
    >>> model = Classifier(load("tinyworld").body, 2, rng=rng)
    >>> before = model.encoder.state_dict()
    >>> train = model.tokenize(["see you at noon", "win cash"], labels=[0, 1])
    >>> history = refit_head(model, train, epochs=3, rng=rng)
    >>> all((array == before[name]).all() for name, array in model.encoder.state_dict().items())
    True
    """
    check_model("refit_head", model)
    trainable = [p for p in model.encoder.parameters() if p.requires_grad]
    try:
        return fine_tune_as(model, train, "head", rng=rng, **options)
    finally:
        for p in trainable:
            p.requires_grad = True
