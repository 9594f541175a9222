"""Objectives: which loss a bi-encoder learns by, and from which columns and labels.

    objective          columns                    labels      loss
    InBatch            a, b or a, b, hard neg.    none        in_batch_loss
    NTXent             a, b                       none        nt_xent
    InfoNCE            a, b                       none        info_nce
    SupCon             one or more views          classes     supcon_loss
    Triplet            a, positive, negative      none        triplet_loss
    CosineRegression   a, b                       grades      cosine_regression_loss
    SiameseClasses     a, b                       classes     cross-entropy of SiameseSoftmax
    Projected          as the objective within    as within   that, of projected vectors
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from npft.autograd.ops import concatenate, relu
from npft.autograd.tensor import Tensor
from npft.contrast.in_batch import (
    check_tau, in_batch_loss, info_nce, nt_xent, repeats, supcon_loss,
)
from npft.contrast.pair_losses import SiameseSoftmax, cosine_regression_loss, triplet_loss
from npft.errors import ConfigError, DataError, check_count, check_number, check_positive
from npft.nn.layers import Linear
from npft.nn.module import Module

LABELS = {None: "no labels", "i": "classes (whole numbers)", "f": "grades (floats)"}


class Objective(Module):
    """Called with the views, a list of K tensors (B, D), the labels and texts: the loss.

    texts (K, B): equal numbers for equal texts. ``fewest`` and ``most`` say how many columns it
    reads, ``labels`` the kind of labels: None, "i" for classes or "f" for grades.

    >>> class Dot(Objective):  # the mean of -a · b
    ...     def forward(self, views, labels, texts):
    ...         return -(views[0] * views[1]).sum(axis=1).mean()
    >>> a = Tensor([[1.0, 2.0]])
    >>> Dot()([a, a], None, np.array([[0], [1]])).item()
    -5.0
    """

    fewest, most = 2, 2
    labels: ClassVar[str | None] = None

    def check(self, columns: int, labels: np.ndarray | None) -> None:
        """Raise ``DataError`` for another number of columns, or labels of another kind."""
        name = type(self).__name__
        if not self.fewest <= columns <= self.most:
            wanted = " or ".join(map(str, range(self.fewest, self.most + 1)))
            raise DataError(f"{name}: there are {columns} columns of texts, expected {wanted}")
        given = None if labels is None else labels.dtype.kind
        if given != self.labels:
            raise DataError(f"{name}: there are {LABELS[given]}, expected {LABELS[self.labels]}")

    def forward(
        self, views: Sequence[Tensor], labels: np.ndarray | None, texts: np.ndarray
    ) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} defines no forward")


class InBatch(Objective):
    """``in_batch_loss`` of two columns, or with a third of hard negatives.

    mask_repeats: a text that occurs twice in a batch is no negative (``repeats``). Without, it is
    pushed away from itself.
    Raises ``ConfigError`` for a tau below 1e-20, or a mask_repeats that is not True or False.

    >>> a = Tensor(np.eye(2))  # a cosine of 1 with its partner, 0 with the other
    >>> texts = np.array([[0, 1], [2, 3]])
    >>> round(InBatch(tau=1.0)([a, a], None, texts).item(), 4)  # log(1 + 1/e)
    0.3133
    """

    most = 3

    def __init__(self, tau: float = 0.05, mask_repeats: bool = True) -> None:
        self.tau = check_tau("InBatch: tau", tau)
        if not isinstance(mask_repeats, bool):
            raise ConfigError(f"InBatch: mask_repeats is {mask_repeats!r}, expected True or False")
        self.mask_repeats = mask_repeats

    def forward(
        self, views: Sequence[Tensor], labels: np.ndarray | None, texts: np.ndarray
    ) -> Tensor:
        a, b, *rest = views
        left_out = repeats(texts) if self.mask_repeats else None
        return in_batch_loss(a, b, self.tau, negatives=rest[0] if rest else None, left_out=left_out)


class NTXent(Objective):
    """``nt_xent`` of two columns. Raises ``ConfigError`` for a tau below 1e-20.

    >>> a, texts = Tensor(np.eye(2)), np.array([[0, 1], [2, 3]])
    >>> round(NTXent(tau=1.0)([a, a], None, texts).item(), 4)  # two negatives each: log(1 + 2/e)
    0.5514
    """

    def __init__(self, tau: float = 0.1) -> None:
        self.tau = check_tau("NTXent: tau", tau)

    def forward(
        self, views: Sequence[Tensor], labels: np.ndarray | None, texts: np.ndarray
    ) -> Tensor:
        return nt_xent(views[0], views[1], self.tau)


class InfoNCE(Objective):
    """``info_nce`` of two columns.

    >>> a, texts = Tensor(np.eye(2)), np.array([[0, 1], [2, 3]])
    >>> round(InfoNCE()([a, a], None, texts).item(), 4)  # log(1 + 1/e)
    0.3133
    """

    def forward(
        self, views: Sequence[Tensor], labels: np.ndarray | None, texts: np.ndarray
    ) -> Tensor:
        return info_nce(views[0], views[1])


class SupCon(Objective):
    """``supcon_loss`` of all views of all texts, with the labels of the rows as classes.

    Raises ``ConfigError`` for a tau below 1e-20.

    >>> a, texts = Tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), np.array([[0, 1, 2]])
    >>> loss = SupCon(tau=1.0)([a], np.array([0, 0, 1]), texts)  # the third has no partner
    >>> round(loss.item(), 4)  # log(1 + 1/e) of each of the others
    0.3133
    """

    fewest, most = 1, 3
    labels = "i"

    def __init__(self, tau: float = 0.1) -> None:
        self.tau = check_tau("SupCon: tau", tau)

    def forward(
        self, views: Sequence[Tensor], labels: np.ndarray | None, texts: np.ndarray
    ) -> Tensor:
        assert labels is not None  # ``check`` has looked
        x = views[0] if len(views) == 1 else concatenate(*views, axis=0)
        return supcon_loss(x, np.tile(labels, len(views)), self.tau)


class Triplet(Objective):
    """``triplet_loss`` of three columns. ``ConfigError`` for a margin that is not above 0.

    >>> a, p, n = (Tensor([[x, 0.0]]) for x in (0.0, 1.0, 3.0))
    >>> Triplet(margin=2.5)([a, p, n], None, np.array([[0], [1], [2]])).item()  # 1 - 3 + 2.5
    0.5
    """

    fewest, most = 3, 3

    def __init__(self, margin: float = 1.0) -> None:
        self.margin = check_positive("Triplet: margin", margin)

    def forward(
        self, views: Sequence[Tensor], labels: np.ndarray | None, texts: np.ndarray
    ) -> Tensor:
        return triplet_loss(views[0], views[1], views[2], self.margin)


class CosineRegression(Objective):
    """``cosine_regression_loss`` of two columns with grades from ``low`` to ``high``.

    The grades are mapped to 0 to 1. Raises ``ConfigError`` unless low < high; in training
    ``DataError`` for a grade outside.

    >>> a, b, texts = Tensor([[1.0, 0.0]]), Tensor([[0.0, 1.0]]), np.array([[0], [1]])
    >>> CosineRegression()([a, b], np.array([2.5]), texts).item()  # (0 - 2.5 / 5)²
    0.25
    """

    labels = "f"

    def __init__(self, low: float = 0.0, high: float = 5.0) -> None:
        self.low = check_number("CosineRegression: low", low)
        self.high = check_number("CosineRegression: high", high)
        if not self.low < self.high:
            raise ConfigError(f"CosineRegression: low {low} is not below high {high}")

    def check(self, columns: int, labels: np.ndarray | None) -> None:
        super().check(columns, labels)
        assert labels is not None
        outside = ~((labels >= self.low) & (labels <= self.high))
        if outside.any():
            raise DataError(
                f"CosineRegression: grade {labels[outside][0]} at row {int(np.argmax(outside))} is "
                f"not between {self.low} and {self.high}; give low and high as the grades have them"
            )

    def forward(
        self, views: Sequence[Tensor], labels: np.ndarray | None, texts: np.ndarray
    ) -> Tensor:
        assert labels is not None
        target = (labels - self.low) / (self.high - self.low)
        return cosine_regression_loss(views[0], views[1], target)


class SiameseClasses(Objective):
    """The cross-entropy of ``SiameseSoftmax`` on pairs with classes, such as NLI.

    width: D of the encoder. classes: K. Raises ``ConfigError`` for counts that are none.

    >>> objective = SiameseClasses(2, 3, rng=np.random.default_rng(0))
    >>> texts = np.array([[0], [1]])
    >>> a = Tensor(np.zeros((1, 2), np.float32))
    >>> round(objective([a, a], np.array([1]), texts).item(), 4)  # nothing to go by: log 3
    1.0986
    """

    labels = "i"

    def __init__(self, width: int, classes: int, *, rng: np.random.Generator) -> None:
        self.head = SiameseSoftmax(width, classes, rng=rng)
        self.classes = classes

    def check(self, columns: int, labels: np.ndarray | None) -> None:
        super().check(columns, labels)
        assert labels is not None
        top = int(labels.max(initial=0))
        if top >= self.classes:
            raise DataError(f"SiameseClasses: class {top} in labels, expected below {self.classes}")

    def forward(
        self, views: Sequence[Tensor], labels: np.ndarray | None, texts: np.ndarray
    ) -> Tensor:
        assert labels is not None
        return self.head.loss(views[0], views[1], labels)


class Projection(Module):
    """The projection head of SimCLR: W2 relu(W1 x + b1) + b2, as wide as the vectors.

    The loss sees projected vectors; what is used afterwards are the vectors below it, which need
    not forget all that tells two views apart. Made for training, then thrown away.

    >>> projection = Projection(2, rng=np.random.default_rng(0))
    >>> projection.first.weight.assign(np.eye(2))
    >>> projection.last.weight.assign(np.eye(2))
    >>> projection(np.array([[3, -4]], np.float32)).data.tolist()
    [[3.0, 0.0]]
    """

    def __init__(self, width: int, *, rng: np.random.Generator) -> None:
        check_count("Projection: width", width)
        std = width**-0.5
        self.first = Linear(width, width, std=std, rng=rng)
        self.last = Linear(width, width, std=std, rng=rng)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(relu(self.first(x)))  # (B, D) -> (B, D)


class Projected(Objective):
    """An objective whose views go through a projection head first.

    Raises ``ConfigError`` for an objective that is none.

    >>> projection = Projection(2, rng=np.random.default_rng(0))
    >>> for layer in (projection.first, projection.last):
    ...     layer.weight.assign(np.eye(2))
    >>> a, texts = Tensor(np.eye(2, dtype="f4")), np.array([[0, 1], [2, 3]])
    >>> round(Projected(InBatch(tau=1.0), projection)([a, a], None, texts).item(), 4)
    0.3133
    """

    def __init__(self, objective: Objective, projection: Module) -> None:
        if not isinstance(objective, Objective):
            raise ConfigError(
                f"Projected: objective is {objective!r:.60}, expected one such as InBatch()"
            )
        self.objective, self.projection = objective, projection

    def check(self, columns: int, labels: np.ndarray | None) -> None:
        self.objective.check(columns, labels)

    def forward(
        self, views: Sequence[Tensor], labels: np.ndarray | None, texts: np.ndarray
    ) -> Tensor:
        return self.objective([self.projection(view) for view in views], labels, texts)
