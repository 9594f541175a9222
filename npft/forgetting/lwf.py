"""Learning without forgetting, for what a body learnt in pretraining (Li & Hoiem 2016).

Idea        The old model reads the texts of the task with masks and says which words it would put
            there; the body that trains must go on saying it.
Equation    L = L_task + weight · T² · KL(p_old ‖ p_new), the mean over the masked tokens,
            p = softmax(scores of the masked-token head / T)
When        where the pretraining text is gone, and the texts of the task resemble it
Cost        a pass of the old model and a forward and backward pass of the new one over the masked
            batch: a step takes about 2.5 times as long; the memory of a second model; no text, no
            labels
Source      Li & Hoiem 2016, "Learning without Forgetting", section 3; T² after Hinton et al.
            2015, section 2

``Distill`` (``distill.py``) has the same loss for a head of the model that trains, on its labelled
texts as they are. Here the head is that of ``mlm``, which does not train, on masks of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from npft.autograd.tensor import Tensor
from npft.encoder.model import copy_of
from npft.errors import check_positive, check_rng
from npft.forgetting.anchors import check_body
from npft.forgetting.distill import softened_kl
from npft.forgetting.measure import check_words
from npft.heads.words import MaskedLM
from npft.nn.module import freeze
from npft.nn.repair import Repair
from npft.pretraining.masking import mask_tokens
from npft.text.batch import Batch


class LwF(Repair):
    """Hold what a body says at masked tokens of the task's texts near what it said before.

    The teacher is a copy of ``mlm`` as it is now; the prediction head of ``mlm`` itself is frozen,
    so that only the encoder, which is that of the model, learns from the term. Masks are drawn anew
    at each step, as in pretraining; labels are not read. The teacher reads without dropout, the
    model that trains with its own, as it reads the task: at step 0 the term is 0 but for what
    dropout does. Weight 0 is plain training, bit for bit; with a weight without end only the term
    teaches the body, and the head of the task learns alone.

    rng, which nothing else may use, draws masks and dropout.
    Raises ``ConfigError`` for a weight < 0, a temperature that is not above 0, an ``mlm``
    without a head for masked tokens or a tokenizer; in training for a model with another encoder.

    >>> from npft import load
    >>> mlm = load("tinyworld")
    >>> lwf = LwF(mlm, rng=np.random.default_rng(0))
    >>> lwf.task_size(32)  # no old text takes a place in a batch
    32
    >>> mlm.heads["mlm"].bias.requires_grad, lwf.teacher is mlm
    (False, False)
    """

    name = "lwf"

    def __init__(
        self,
        mlm: MaskedLM,
        weight: float = 1.0,
        temperature: float = 2.0,
        *,
        rng: np.random.Generator,
    ) -> None:
        self.weight = check_positive("LwF: weight", weight, zero=True)
        self.temperature = check_positive("LwF: temperature", temperature)
        check_rng("LwF: rng", rng)
        check_words("LwF", mlm)
        self.tokenizer = mlm.encoder.need_tokenizer("LwF")
        self.mlm, self.rng = mlm, rng
        self.teacher = copy_of(mlm)
        freeze(self.teacher)
        freeze(mlm, lambda name: not name.startswith("encoder."))
        self.masked: Batch | None = None  # the texts of the present step

    def before_step(self, model: Any, batch: Any) -> None:
        """Mask the texts of this step."""
        check_body("LwF", model, self.mlm.encoder)
        if self.weight > 0:
            self.masked = mask_tokens(texts_of(batch), self.tokenizer, rng=self.rng)

    def penalty(self, model: Any) -> Tensor | None:
        """weight · T² · KL at the masked tokens, or None if there are none."""
        if self.masked is None or self.masked.n_targets == 0:
            return None
        old = self.teacher.scores(self.masked, heads=("mlm",))["mlm"]
        new = self.mlm.scores(self.masked, self.rng, heads=("mlm",))["mlm"]
        kl = softened_kl(new, old, self.temperature)
        return kl * (self.weight * self.temperature * self.temperature)


def texts_of(batch: Batch | Mapping[str, Batch]) -> Batch:
    """The sequences of a batch, or of a dict of them, as one batch without any labels.

    >>> texts_of({"a": Batch([5, 6], [0, 2], labels=[1]), "b": Batch([7], [0, 1])})
    Batch(2 sequences, 3 tokens, longest 2)
    """
    batches = batch.values() if isinstance(batch, Mapping) else [batch]
    return Batch.concat([Batch(b.ids, b.offsets, b.token_types) for b in batches])
