"""The Fisher information of a body: which weights matter for what it can do.

    F_i = E_x E_y (∂ log p(y|x) / ∂θ_i)²,   y from the model's own p(y|x)   ("drawn": the true one)
                                            or the labels of the data       ("given": the empirical)

The squares are taken of one example at a time, and their mean over the examples. The square of the
mean gradient would be something else: where training has ended the mean gradient is 0, and the
weights that matter most would seem not to matter at all. (Kunstner et al. 2019, "Limitations of the
empirical Fisher approximation", for what the two labels change.)

An example is one sequence; of a masked language model it is one with its masks, and log p is the
sum over its masked tokens, so F grows with how many are masked.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from npft.autograd.inputs import numbers
from npft.autograd.kernels import softmax
from npft.autograd.machine import freed_memory_kept
from npft.autograd.tensor import pull_back
from npft.encoder.head import Head
from npft.encoder.model import Model
from npft.errors import ConfigError, DataError, check_choice, check_finite, check_rng
from npft.forgetting.anchors import body_of
from npft.forgetting.drift import things
from npft.nn.module import Module, Parameter
from npft.nn.packs import each_pack
from npft.pretraining.electra import sample_rows
from npft.pretraining.masking import asked
from npft.text.batch import Batch

NO_CLASSES = (
    "diagonal_fisher: no label can be drawn for the head, a {}, for it does not choose among "
    "classes, each by itself and with -log p as its loss; use labels='given'"
)

Fisher = dict[str, np.ndarray]  # F of each weight of the body, by its name there


def diagonal_fisher(
    model: Model,
    batch: Batch,
    head: str | None = None,
    labels: str = "given",
    *,
    rng: Any = None,
) -> Fisher:
    """F of every weight of a model's body, frozen or not, on a batch of examples for one head.

    ``head``: its name, by default the only one. ``labels``: "given" takes those of the batch, which
    may be of any head; "drawn" draws them by ``rng`` from what the model says, which must be of
    classes, one draw for each sequence, or for each token that has a label. log p is minus the
    head's loss, times how many things the loss is a mean over, each of which counts once, whatever
    the ``class_weights`` of the head. Dropout is off; the model stays as
    it is. Costs a forward and a backward pass for each sequence by itself, several at once after
    ``set_threads``: about twice the time of one pass of them all in a batch.

    Raises ``DataError`` for a batch without examples, ``ConfigError`` for other options, or labels
    to draw for a head that does not choose among classes, or smooths them.

    One weight, logistic regression: p(1) = 3/4, of four equal texts three are of class 1. The
    gradients are 1/4, 1/4, 1/4 and -3/4: their mean is 0, that of their squares p (1 - p) = 3/16.

    >>> from npft.autograd.losses import softmax_cross_entropy
    >>> w = Parameter(np.log([3.0]))
    >>> def squares(y):
    ...     return squared_gradients(softmax_cross_entropy(w * [[0.0, 1.0]], targets=[y]), [w])[0]
    >>> float(round(np.mean([squares(y) for y in (1, 1, 1, 0)]), 6))
    0.1875

    Of a model, a table for each table of the body's weights, none below 0:

    >>> from npft import Classifier, load
    >>> model = Classifier(load("tinyworld").body, 2, rng=np.random.default_rng(0))
    >>> fisher = diagonal_fisher(model, model.tokenize(["win cash", "hello"], labels=[1, 0]))
    >>> weights = dict(model.encoder.named_parameters())
    >>> all(f.shape == weights[name].shape and (f >= 0).all() for name, f in fisher.items())
    True
    """
    body: Module = body_of("diagonal_fisher", model)
    chosen = model.head(head)
    name = next(own for own, h in model.heads.items() if h is chosen)
    check_choice("diagonal_fisher: labels", labels, ("given", "drawn"))
    if labels == "given" or chosen.tokens:  # labels also say of which tokens some are drawn
        model.check({name: batch})
    elif not isinstance(batch, Batch) or len(batch) == 0:
        raise DataError("diagonal_fisher: expected a Batch of at least one sequence")
    chances: list[Any] = [None] * len(batch)
    if labels == "drawn":
        check_rng("diagonal_fisher: rng", rng)
        chances = rng.spawn(len(batch))  # so that no draw depends on the threads
    params = body.parameters()

    def work(i: int) -> list[np.ndarray] | None:
        one = batch[i : i + 1]
        if (labels == "given" or chosen.tokens) and chosen.count(one) == 0:
            return None  # nothing is asked of this sequence
        scores = model.scores(one, heads=(name,))[name]
        if labels == "given":
            loss = chosen.loss(scores, one)
        else:
            one, surprise = with_drawn_labels(chosen, scores.data, one, chances[i])
            loss = chosen.loss(scores, one)
            if not np.isclose(loss.item(), surprise, rtol=1e-3, atol=1e-5):  # of a chain, say
                raise ConfigError(NO_CLASSES.format(type(chosen).__name__))
        return squared_gradients(loss * things(chosen, one), params)

    total, examples = [np.zeros(p.shape, p.dtype) for p in params], 0
    with _as_it_is(model, params), freed_memory_kept():
        for squares in each_pack(work, range(len(batch))):
            if squares is not None:
                examples += 1
                for sum_, square in zip(total, squares):
                    sum_ += square
    names = [name for name, _ in body.named_parameters()]
    return {name: sum_ / examples for name, sum_ in zip(names, total)}


def squared_gradients(term: Any, params: list[Parameter]) -> list[np.ndarray]:
    """(∂term/∂p)² for each of the parameters; 0 for one that the term does not depend on."""
    found = pull_back(term)
    return [np.square(found[p]) if p in found else np.zeros(p.shape, p.dtype) for p in params]


def with_drawn_labels(
    head: Head, scores: np.ndarray, one: Batch, rng: np.random.Generator
) -> tuple[Batch, float]:
    """A batch with labels drawn from softmax(scores) in place of its own; their mean -log p."""
    rows = one.target_rows if head.tokens else np.arange(len(one))
    if head.tokens and len(scores) == len(one.ids):
        scores = scores[rows]
    if scores.ndim != 2 or scores.shape[1] < 2 or len(scores) != len(rows):
        raise ConfigError(NO_CLASSES.format(type(head).__name__))
    scores = scores.astype(np.float64)
    p, drawn = softmax(scores).data, sample_rows(scores, rng.random(len(rows)))
    labels = {"token_labels": asked(one, rows, drawn)} if head.tokens else {"labels": drawn}
    return one.replace(**labels), float(-np.log(p[np.arange(len(rows)), drawn]).mean())


@contextlib.contextmanager
def _as_it_is(model: Module, params: list[Parameter]) -> Iterator[None]:
    """Without dropout, and with gradients of all ``params``; then all is as it was before."""
    modes = [(module, module.training) for module in model.modules()]
    trained = [p.requires_grad for p in params]
    model.eval()
    for p in params:
        p.requires_grad = True
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
        for p, flag in zip(params, trained):
            p.requires_grad = flag


def mean_of(fisher: Fisher) -> float:
    """The mean of F over all weights.

    Raises ``ConfigError`` for what is no Fisher, ``NonFiniteError`` for one that is not finite.

    >>> mean_of({"a": np.array([1.0, 2.0]), "b": np.array([[6.0]])})
    3.0
    """
    size = sum(map(np.size, fisher.values())) if isinstance(fisher, Mapping) else 0
    if not size:
        raise ConfigError("mean_of: the Fisher is no dict of arrays, or an empty one")
    for name, f in fisher.items():
        check_finite(f"mean_of: the Fisher of {name}", numbers("mean_of", f, None))
    return sum(float(np.sum(f)) for f in fisher.values()) / size
