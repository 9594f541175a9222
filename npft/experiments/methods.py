"""Which methods against forgetting are compared, at three strengths each, and the controls.

A method is a line of the table in ``forgetting/methods.py``; a control changes how the same run is
made. Both get a ``Run`` and may change it; what they return goes along as a repair.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from npft.errors import ConfigError
from npft.finetune.regimes import freeze_body
from npft.forgetting.methods import METHODS, PLAIN, REPLAY_WEIGHT, Run
from npft.forgetting.replay import ReplayMixer
from npft.nn.repair import Repair

# From weak to strong. What the numbers are is said by the words of each method.
STRENGTHS: dict[str, tuple[float, ...]] = {
    "lr": (0.5, 0.3, 0.1),
    "anchor": (1e-3, 1e-2, 1e-1),
    "proximal": (1, 10, 100),
    "ewc": (1e-3, 1e-2, 1e-1),
    "recadam": (0.17, 0.33, 0.67),
    "lwf": (0.02, 0.1, 0.5),
    "replay": (0.05, 0.1, 0.2),
    "own-text": (0.05, 0.1, 0.2),
    "agem": (2, 6, 16),
    "gradual": (1, 2, 4),
    "freeze": (0, 0.5, 1),
}
Option = Callable[[Run, Any], "Repair | None"]


def _replay_among(run: Run, count: float) -> Repair:
    """So many replayed sequences in each batch, in the place of examples of the task."""
    share = count / run.batch_size
    return ReplayMixer(run.documents, run.mlm, share, REPLAY_WEIGHT, rng=run.rng())


def _replay_on_top(run: Run, count: float) -> Repair:
    """So many replayed sequences beside a whole batch of the task."""
    run.batch_size += round(count)
    return _replay_among(run, count)


def _three_times(run: Run, strength: None) -> None:
    run.lr = run.body_lr = 3 * run.rate


def _plain(run: Run, strength: None) -> None:
    pass


# By the number of replayed sequences in a step (``replay_share.py``).
ARMS: dict[str, Option] = {"replay among": _replay_among, "replay on top": _replay_on_top}

# A frozen body must forget nothing. Training on labels that mean nothing, or without a task, shows
# how much of the forgetting is drift (further pretraining also trains the prediction head, which is
# kept in all others). The last three differ in what they train (``repairs.py``).
CONTROLS: dict[str, Option] = {
    PLAIN: _plain,
    "3 x rate": _three_times,
    "frozen body": lambda run, _: freeze_body(run.model),
    # both tasks at once: each step has a whole batch of either, the old one with replay's weight
    "joint": lambda run, _: _replay_on_top(run, run.batch_size),
    "shuffled labels": _plain,
    "from scratch": _plain,
    "continued pretraining": _plain,
}


def options_of(method: str, strength: float | None, run: Run) -> dict[str, Any]:
    """What a method or control makes of a run, as options of ``fine_tune_steps``.

    Raises ``ConfigError`` for an unknown method.
    """
    along = {name: m.before for name, m in METHODS.items() if m.after is None}
    known = along | CONTROLS | ARMS
    if method not in known:
        raise ConfigError(f"method is {method!r}, expected one of {', '.join(known)}")
    repair = known[method](run, strength)
    return {
        "epochs": run.epochs, "batch_size": run.batch_size, "lr": run.lr, "body_lr": run.body_lr,
        "repairs": [] if repair is None else [repair],
    }  # fmt: skip


def method_cells() -> list[dict[str, Any]]:
    """What a cell says of its method: the controls, then each method at each strength.

    >>> len(method_cells()), method_cells()[-1]
    (40, {'method': 'freeze', 'strength': 1})
    """
    return [{"method": name} for name in CONTROLS] + [
        {"method": name, "strength": x} for name, strengths in STRENGTHS.items() for x in strengths
    ]
