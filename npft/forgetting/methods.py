"""What may be done against forgetting, by name: one table for experiments and for your own files.

A method acts before training, on the rates, on what is frozen, or by a ``Repair`` that goes along;
or afterwards, on the weights that plain fine-tuning has left. Its strength is one number. Another
method is another line.

LoRA and adapters change what the model says while they are there, and so its held-out loss; but
the weights of the body stay, and switched off (``encoder/additions.py``) exactly nothing is
forgotten.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from npft.encoder.additions import ADDITIONS
from npft.encoder.model import Model
from npft.errors import ConfigError, check_number, check_positive, check_share
from npft.finetune.gradual import GradualUnfreezing
from npft.finetune.regimes import freeze_first, learning_rate, set_regime
from npft.finetune.train import steps_in_epoch
from npft.forgetting.afterwards import remind
from npft.forgetting.agem import AGEM
from npft.forgetting.anchors import L2ToInit
from npft.forgetting.ewc import EWC
from npft.forgetting.fisher import Fisher, diagonal_fisher, mean_of
from npft.forgetting.generate import generate
from npft.forgetting.interpolate import State, interpolate
from npft.forgetting.lwf import LwF
from npft.forgetting.recadam import RecAdam
from npft.forgetting.replay import ReplayMixer, draw_masked, source_for
from npft.heads.words import MaskedLM
from npft.nn.repair import Repair
from npft.pretraining.pairs import Documents
from npft.text.batch import Batch

REPLAY_WEIGHT = 0.2  # of the replay loss; weight 1 keeps the text better and starves the task
FISHER_SEQUENCES = 200
WRITTEN = 200  # documents that a model writes for itself, of the usual length
WRITING_SWEEPS = 1
RECALL = 0.1  # of the way back in a step of RecAdam, as in its paper: lr times gamma


@dataclass
class Run:
    """One fine-tuning run: what a method may look at, and the rates, which it may change.

    ``model`` is that of the task, ``mlm`` the pretrained one on the same encoder, whose weights
    ``start`` holds; ``documents`` is the text it was pretrained on, without the held-out part.
    """

    model: Model
    mlm: MaskedLM
    start: State
    documents: Documents
    train: Batch
    epochs: int
    batch_size: int
    lr: float
    seed: int
    body_lr: float | None = None
    made: dict[str, Any] = field(default_factory=dict)

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """What a method makes before training, under its name in ``made``: made if it is missing.

        It may depend on ``mlm``, ``documents`` and ``seed``; runs alike in these may share one
        ``made``.
        """
        if name not in self.made:
            self.made[name] = make()
        return self.made[name]

    def rng(self) -> np.random.Generator:
        """A generator for a repair's own use, apart from that of the training."""
        return np.random.default_rng(self.seed + 1)

    @property
    def steps(self) -> int:
        """How many steps it will make, if no method takes room in its batches."""
        return self.epochs * steps_in_epoch(self.train, self.batch_size)

    @property
    def rate(self) -> float:
        """The rate of the body."""
        return self.lr if self.body_lr is None else self.body_lr


class Method(NamedTuple):
    """``words`` say what it is and what it needs; ``strength`` is the usual one, if it has one.

    ``before`` is called with the run and the strength, and returns the repair that goes along, if
    there is one. With ``after`` nothing is trained: it is called when the run has the weights that
    plain fine-tuning has left. Each raises ``ConfigError`` for a strength that is out of range.
    """

    words: str
    strength: float | None = None
    before: Callable[[Run, Any], Repair | None] = lambda run, strength: None
    after: Callable[[Run, Any], None] | None = None


def lower_rate(run: Run, factor: float) -> None:
    """The body learns at ``factor`` times its rate."""
    run.body_lr = run.rate * check_positive("lr", factor)


def anchor(decoupled: bool) -> Callable[[Run, float], Repair]:
    """An anchor, in the loss or after each step."""
    return lambda run, strength: L2ToInit(run.model, strength, decoupled=decoupled)


def ewc(run: Run, strength: float) -> Repair:
    """EWC whose pull, on the mean of all weights, is that of an anchor of this λ."""

    def read() -> Fisher:
        source = source_for("ewc", run.documents, run.mlm)
        masked = draw_masked(source, FISHER_SEQUENCES, rng=run.rng())
        return diagonal_fisher(run.mlm, masked, "mlm")

    fisher = run.once("fisher", read)
    mean = mean_of(fisher)
    if mean == 0:
        raise ConfigError("ewc: no weight of the model matters for its text; pretrain it longer")
    return EWC(run.model, fisher, 2 * check_positive("ewc", strength, zero=True) / mean)


def recadam(run: Run, share: float) -> Repair:
    """RecAdam: at this share of the steps the body learns as much as it recalls."""
    until = check_positive("recadam", share, zero=True) * run.steps
    return RecAdam(run.model, t0=until or -np.inf, gamma=RECALL / run.rate)


def replay(run: Run, share: float) -> Repair:
    """A share of each batch is text of before."""
    return ReplayMixer(run.documents, run.mlm, share, REPLAY_WEIGHT, rng=run.rng())


def own_text(run: Run, share: float) -> Repair:
    """A share of each batch is text that the model has written beforehand."""

    def write() -> Documents:
        return generate(run.mlm, WRITTEN, sweeps=WRITING_SWEEPS, rng=run.rng())

    documents = run.once("own-text", write)  # and, with a generator anew:
    return ReplayMixer(documents, run.mlm, share, REPLAY_WEIGHT, rng=run.rng())


def agem(run: Run, size: float) -> Repair:
    """A-GEM with so many old sequences a step."""
    return AGEM(run.documents, run.mlm, whole("agem", size, most=1000), rng=run.rng())


def gradual(run: Run, epochs: float) -> Repair:
    """One layer more each so many epochs."""
    epochs = min(check_positive("gradual", epochs), run.epochs)  # more are no slower
    return GradualUnfreezing(max(1, round(epochs * steps_in_epoch(run.train, run.batch_size))))


def freeze_share(run: Run, share: float) -> None:
    """The embeddings and this share of the blocks, from below, stay as they are."""
    layers = run.model.encoder.config.num_layers
    freeze_first(run.model, round(check_share("freeze", share, zero=True, one=True) * layers))


def addition(kind: str) -> Callable[[Run, float], None]:
    """The body stays, what is added to it learns: LoRA or adapters, at the rate of that regime."""

    def before(run: Run, size: float) -> None:
        columns = run.model.encoder.config.hidden_size
        why = f": it must be less than the {columns} columns of the body"
        number = whole(kind, size, least=1, most=columns - 1, why=why)
        ADDITIONS[kind](run.model, number, rng=run.rng())
        set_regime(run.model, kind)
        run.body_lr = run.rate * learning_rate(kind, columns) / learning_rate("full", columns)

    return before


def walk_back(run: Run, share: float) -> None:
    """Keep a share of the way from the first weights to those of fine-tuning."""
    encoder = run.model.encoder
    encoder.load_state_dict(interpolate(run.start, encoder.state_dict(), share))


def remind_afterwards(run: Run, steps: float) -> None:
    """So many steps of pretraining, the head of the task kept as it is."""
    count = whole("remind", steps)
    remind(run.mlm, run.documents, steps=count, lr=run.rate, rng=run.rng())


def whole(
    name: str, number: Any, *, least: int = 0, most: int = 1_000_000, why: str = ""
) -> int:
    """A number that must be a whole one in these bounds, also if it is written as 6.0."""
    given = check_number(name, number)
    if not given.is_integer() or not least <= given <= most:
        raise ConfigError(
            f"{name} is {given:.12g}, expected a whole number from {least} to {most:,}{why}"
        )
    return int(given)


def checked(check: Callable[[Any], Any]) -> Callable[[Run, Any], None]:
    """Refuse, before any training, a strength that would be refused after it."""

    def before(run: Run, strength: Any) -> None:
        check(strength)

    return before


PLAIN = "plain"
METHODS = {
    PLAIN: Method("fine-tuning, and nothing against forgetting"),
    "lr": Method(
        "the body learns at STRENGTH times the rate of the head; needs nothing", 0.2, lower_rate),
    "anchor": Method(
        "L2-SP: a term λ = STRENGTH of the loss pulls the body to its first weights; needs nothing",
        0.01, anchor(decoupled=False)),
    "proximal": Method(
        "a shrink to the first weights after each step, λ = STRENGTH; needs nothing",
        10.0, anchor(decoupled=True)),
    "ewc": Method(
        "a pull as of the anchor STRENGTH, more on weights that matter; needs text of before, once",
        0.01, ewc),
    "recadam": Method(
        "recalls first, learns from STRENGTH of the steps on; needs nothing", 0.33, recadam),
    "lwf": Method(
        "the model of before, weight STRENGTH, is a teacher on the new texts; needs twice the time",
        0.1, lambda run, x: LwF(run.mlm, x, rng=run.rng())),
    "replay": Method("a share STRENGTH of each batch is text of before; needs that text",
                     0.2, replay),
    "own-text": Method(
        "a share STRENGTH of each batch is text that the model has written; needs some time", 0.2,
        own_text),
    "agem": Method(
        "no step may undo STRENGTH sequences of before; needs that text, and more time",
        6, agem),
    "gradual": Method(
        "one layer more trains after each STRENGTH epochs, from the top; needs epochs", 1, gradual),
    "freeze": Method(
        "the embeddings and the lower STRENGTH of the blocks stay as they are; needs nothing",
        0.5, freeze_share),
    "lora": Method(
        "a change of rank STRENGTH beside a body that stays, to be taken away; needs nothing", 4,
        addition("lora")),
    "adapter": Method(
        "bottlenecks of width STRENGTH in a body that stays, to be taken away; needs nothing", 4,
        addition("adapter")),
    "interpolate": Method(
        "after plain fine-tuning the body walks back, to STRENGTH of the way; needs no training",
        0.5, checked(lambda x: check_share("interpolate", x, zero=True, one=True)), walk_back),
    "remind": Method(
        "after plain fine-tuning STRENGTH steps of pretraining; needs text of before", 30,
        checked(lambda x: whole("remind", x)), remind_afterwards),
}  # fmt: skip
