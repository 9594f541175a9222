"""Distillation from the model of the past (Li & Hoiem 2016, "Learning without Forgetting").

    L = L_task + weight · T² · KL(p_old ‖ p_new),     p = softmax(scores / T)

The old model reads the same texts and says what it would have said; the new one must go on saying
it. No text of before is needed, only the old model. The texts need labels for that head; where only
the teacher shall count, give the head the loss weight 0.

``Distill`` holds a head of the model that trains: an old task. What the body learnt in pretraining
belongs to no head of that model; ``LwF`` (``lwf.py``) holds it with the same loss.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.autograd.kernels import softmax, take_rows
from npft.autograd.losses import kl_divergence
from npft.autograd.tensor import Tensor, no_grad
from npft.encoder.model import Model, Part
from npft.errors import ConfigError
from npft.finetune.regimes import check_model
from npft.forgetting.drift import check_names
from npft.heads.crf import ChainTags
from npft.nn.optim import check_positive
from npft.nn.repair import Repair
from npft.text.batch import Batch


def softened_kl(new: Tensor, old: Tensor, temperature: float) -> Tensor:
    """The mean over the rows of KL(p_old ‖ p_new) in nats, p = softmax(scores / temperature).

    new, old: scores (N, V); no gradient goes into the old ones.

    >>> new, old = Tensor(np.zeros((1, 2))), Tensor(np.array([[0.0, 40.0]]))
    >>> round(softened_kl(new, old, temperature=1.0).item(), 4)  # log 2: sure against evenly
    0.6931
    """
    p = softmax(old * (1 / temperature))
    return kl_divergence(new * (1 / temperature), targets=np.asarray(p.data))


class Distill(Repair):
    """Hold one head of a model near what a ``teacher`` says, a model with such a head.

    The teacher is in evaluation mode from the first step on; ``copy_of(model)`` makes
    one. ``head`` is the name of the head in both, by default the teacher's only one.
    Raises ``ConfigError`` for a weight < 0, a temperature that is not above 0, or a head the
    teacher does not have; in training for a teacher that shares its encoder with the student, for
    then both move together, for a student without such a head, or with other classes or their names
    in another order, and for a head that does not choose among classes.

    >>> from npft import Classifier, copy_of, fine_tune, load
    >>> rng = np.random.default_rng(0)
    >>> model = Classifier(load("tinyworld").body, 2, rng=rng)
    >>> train = model.tokenize(["see you at noon", "win cash"], labels=[0, 1])
    >>> distill = Distill(copy_of(model), weight=1000.0)  # so strong that nothing else counts
    >>> before = model.scores(train)["classes"].data
    >>> history = fine_tune(model, train, epochs=3, repairs=[distill], rng=rng)
    >>> bool(np.abs(model.scores(train)["classes"].data - before).max() < 0.1)
    True
    """

    name = "distill"

    def __init__(
        self, teacher: Model, head: str | None = None, weight: float = 1.0, temperature: float = 2.0
    ) -> None:
        check_positive("Distill: weight", weight, zero=True)
        check_positive("Distill: temperature", temperature)
        check_model("Distill: the teacher", teacher)
        chosen = teacher.head(head)
        self.head = next(name for name, h in teacher.heads.items() if h is chosen)
        self.teacher, self.weight, self.temperature = teacher, weight, temperature

    def before_step(self, model: Any, batch: Any) -> None:
        if model.encoder is self.teacher.encoder:
            raise ConfigError("Distill: teacher and student share their encoder; give a copy_of it")
        if self.head not in model.heads:
            raise ConfigError(
                f"Distill: the model has no head {self.head!r}; it has {', '.join(model.heads)}"
            )
        old, new = self.teacher.heads[self.head], model.heads[self.head]
        check_names("Distill", self.head, old, new)
        self.teacher.eval()

    def loss(self, model: Any, part: Part, scores: dict[str, Tensor]) -> Tensor | None:
        """The share of this part in weight · T² · KL, a mean over what the head's loss is over."""
        if self.head not in scores:
            return None
        t = self.temperature
        with no_grad():  # and its weights stay as free to train as they were
            said = self.teacher.scores(part.batch, heads=(self.head,))[self.head]
        old, new = self._rows(said, part.batch), self._rows(scores[self.head], part.batch)
        return softened_kl(new, old, t) * (self.weight * t * t * part.shares[self.head])

    def _rows(self, scores: Tensor, batch: Batch) -> Tensor:
        """The scores of classes, a row for each thing the head's loss is over."""
        head = self.teacher.heads[self.head]
        if head.tokens and scores.shape[0] == len(batch.ids):
            scores = take_rows(scores, rows=batch.token_targets()[0])
        other = isinstance(head, ChainTags) or getattr(head, "class_weights", None) is not None
        if other or scores.shape[-1] < 2 or scores.shape[0] != head.count(batch):
            raise ConfigError(
                f"Distill: the head {self.head!r} does not choose among classes, each by itself "
                "and all alike; give a teacher that does, without class_weights"
            )
        return scores
