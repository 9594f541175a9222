"""The classic: two lists of word pairs that interfere (McCloskey & Cohen 1989; French 1999).

    list 1   A-B     8 cues, a response to each
    list 2   A-C     the same cues, other responses

A small network reads the cue and which list is asked for, and gives a response. Each of them is a
pattern over units, as words share their letters:

    (cue 10 units, list 6 units) -> 24 hidden units -> response 10 units

It learns list 1 until it knows it, and then list 2 alone, and is tested on both at every step. It
is always told which list is meant; and yet what it knew of list 1 is gone before it knows list 2.
People who learnt such lists kept about half of the first (Barnes & Underwood 1959), which is why
the loss of all of it was called catastrophic.

Only the order of learning is to blame: the control learns list 2 with list 1 mixed in
(interleaved), and keeps both. French (1999) traces the loss to what the lists share: the weights of
the cues, and the hidden units.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from npft.autograd.losses import bce_with_logits
from npft.autograd.ops import tanh
from npft.autograd.tensor import Tensor
from npft.errors import ConfigError, check_count
from npft.nn.layers import Linear
from npft.nn.loop import train_steps
from npft.nn.module import Module
from npft.nn.optim import SGD

PAIRS, HIDDEN = 8, 24
CUE_UNITS, LIST_UNITS, RESPONSE_UNITS = 10, 6, 10
RATE = 5.0  # of gradient descent; the loss is a mean over the units of all responses
NEAR = 0.25  # a response is known once each of its units is as near as that to 0 or 1
LIMIT = 2000  # epochs


class Lists:
    """Both lists as patterns of 0 and 1: x (2, 8, 16) what is read, responses (16, 10), y (2, 8).

    y says which of the responses belongs to a cue: to list 1 the first 8, to list 2 the others.
    """

    def __init__(self, *, rng: np.random.Generator) -> None:
        cues, lists = patterns(PAIRS, CUE_UNITS, rng), patterns(2, LIST_UNITS, rng)
        self.x = np.array([[np.concatenate([cue, which]) for cue in cues] for which in lists])
        self.responses = patterns(2 * PAIRS, RESPONSE_UNITS, rng)
        self.y = np.arange(2 * PAIRS).reshape(2, PAIRS)


def patterns(n: int, units: int, rng: np.random.Generator) -> np.ndarray:
    """``n`` different patterns (n, units) of 0 and 1, drawn at random."""
    found: dict[bytes, np.ndarray] = {}
    while len(found) < n:
        pattern = rng.integers(0, 2, units).astype(np.float32)
        found[pattern.tobytes()] = pattern
    return np.array(list(found.values()))


class Network(Module):
    """One hidden layer of tanh units, and a logit for each unit of the response."""

    def __init__(self, *, rng: np.random.Generator) -> None:
        self.hidden = Linear(CUE_UNITS + LIST_UNITS, HIDDEN, std=0.3, rng=rng)
        self.output = Linear(HIDDEN, RESPONSE_UNITS, std=0.3, rng=rng)

    def forward(self, x: np.ndarray) -> Tensor:
        return self.output(tanh(self.hidden(Tensor(x))))  # (n, 16) -> (n, 10)

    def says(self, x: np.ndarray) -> np.ndarray:
        """How strongly each unit responds, between 0 and 1: (n, 10)."""
        return 1 / (1 + np.exp(-self(x).data))

    def recall(self, lists: Lists, which: int) -> float:
        """The share of the cues of a list to which the nearest of all 16 responses is right."""
        said = self.says(lists.x[which])
        distance = np.square(said[:, None] - lists.responses).sum(axis=2)  # (8, 16)
        return float((distance.argmin(axis=1) == lists.y[which]).mean())

    def knows(self, lists: Lists, which: int) -> bool:
        """Whether every unit of every response of a list is within 0.25 of where it should be."""
        apart = np.abs(self.says(lists.x[which]) - lists.responses[lists.y[which]])
        return bool((apart < NEAR).all())


def interference_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Learn A-B, then A-C, and return the cell with the recall of both after each epoch of A-C.

    A cell holds "seed", "epochs" (of the second list) and perhaps "interleaved": then an epoch of
    the second list holds the first as well. Added are "first" (epochs until A-B is known), "known"
    (those of the second list until A-C is, None if it never is), and "ab" and "ac" (epochs + 1
    recalls, from before A-C to its end). An epoch is one step on all pairs it holds.

    Raises ``ConfigError`` for no epochs, or if A-B is not known after 2,000.
    """
    epochs = check_count("interference: epochs", cell["epochs"])
    rng = np.random.default_rng(cell["seed"])
    lists = Lists(rng=rng)
    network = Network(rng=rng)
    first = next((n for n in learn(network, lists, [0], LIMIT) if network.knows(lists, 0)), None)
    if first is None:
        raise ConfigError(f"interference: with seed {cell['seed']} A-B is not learnt; take another")
    ab, ac, known = [network.recall(lists, 0)], [network.recall(lists, 1)], None
    for n in learn(network, lists, [0, 1] if cell.get("interleaved") else [1], epochs):
        ab.append(network.recall(lists, 0))
        ac.append(network.recall(lists, 1))
        if known is None and network.knows(lists, 1):
            known = n
    return cell | {"first": first, "known": known, "ab": ab, "ac": ac}


def learn(network: Network, lists: Lists, which: list[int], epochs: int) -> Iterator[int]:
    """Gradient descent on all pairs of the lists at once; yields the number of each epoch."""
    x, y = np.concatenate(lists.x[which]), lists.responses[lists.y[which].ravel()]

    def loss_fn(model: Network, batch: None, rng: Any) -> tuple[Tensor, dict[str, float]]:
        return bce_with_logits(model(x), targets=y), {}

    optimizer = SGD(network.parameters(), lr=RATE)
    nothing = np.random.default_rng(0)  # is drawn
    steps = train_steps(network, [None] * epochs, loss_fn, optimizer, clip=None, rng=nothing)
    yield from (step.step for step in steps)
