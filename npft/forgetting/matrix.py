"""Sequences of tasks in figures: what becomes of the earlier ones.

R[i, j] is the test score on task j after training on task i (i, j = 1..T). From this table:

    average accuracy     (1/T) Σ_j R[T,j]                               at the end
    learning accuracy    (1/T) Σ_j R[j,j]                               each when it was learnt
    BWT                  (1/(T-1)) Σ_{j<T} (R[T,j] - R[j,j])            below 0: forgetting
    FWT                  (1/(T-1)) Σ_{j>1} (R[j-1,j] - b_j)             b: before any training
    forgetting           (1/(T-1)) Σ_{j<T} (max_{l<T} R[l,j] - R[T,j])  (Chaudhry et al. 2018)
    first minus last     (1/(T-1)) Σ_{j<T} (R[j,j] - R[T,j]) = -BWT     what others call forgetting
    intransigence        R*_k - R[k,k]                                  R*: trained jointly on 1..k

BWT and FWT are of Lopez-Paz & Ranzato (2017). The two kinds of forgetting differ where a later task
helped an earlier one, before another hurt it. With Díaz-Rodríguez et al. (2018), for scores from 0
to 1:

    CL-accuracy          2/(T(T+1)) Σ_{i>=j} R[i,j]
    CL-BWT               2/(T(T-1)) Σ_{i>j} (R[i,j] - R[j,j])           after every task
    REM, BWT+            1 - |min(CL-BWT, 0)|,   max(CL-BWT, 0)

What the table cannot show happens inside a task: the score of an old task often falls within a few
steps and then comes back (the stability gap, De Lange et al. 2023). ``Path`` holds the scores every
few steps:

    min-ACC              mean over old tasks of the lowest score after they were learnt
    WC-ACC               (1/T) · score of the last task + (1 - 1/T) · min-ACC
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from npft.autograd.inputs import numbers
from npft.errors import ConfigError, DtypeError, NonFiniteError, ShapeError, quoted
from npft.metrics.score import ByValue


@dataclass(frozen=True, eq=False)
class TaskMatrix(ByValue):
    """The table R of a sequence of T tasks, and the figures that are read from it.

    r (T, T): r[i, j] is the score on task j after training on task i. Above the diagonal, of tasks
        that have not been trained, NaN says that nothing was measured.
    before: None, or (T,) the scores b before any training. joint: None, or (T,) R*_k.
    ahead: None, or (T - 1,) the scores of tasks 2..T just before their own training, if they were
        measured like ``before`` and unlike r; by default R[j-1,j].

    Raises ``ShapeError`` for other shapes, ``NonFiniteError`` for a score that is missing on or
    below the diagonal; a figure that needs more tasks, or what is not there, ``ConfigError``.

    >>> m = TaskMatrix(np.array([[0.8, 0.5, 0.5], [0.9, 0.8, 0.5], [0.6, 0.7, 0.9]]))
    >>> round(m.average_accuracy, 3), round(m.backward_transfer, 3)
    (0.733, -0.15)
    >>> round(m.forgetting, 3), round(m.first_minus_last, 3)  # task 2 helped task 1 by 0.1
    (0.2, 0.15)
    """

    r: np.ndarray
    before: np.ndarray | None = None
    joint: np.ndarray | None = None
    ahead: np.ndarray | None = None

    def __post_init__(self) -> None:
        r = _scores("TaskMatrix: r", self.r)
        if r.ndim != 2 or r.shape[0] != r.shape[1] or r.size == 0:
            raise ShapeError(f"TaskMatrix: r has shape {r.shape}, expected (T, T) of T tasks")
        if not np.isfinite(r[np.tril_indices(len(r))]).all() or np.isinf(r).any():
            raise NonFiniteError(
                "TaskMatrix: r has a score that is not finite; only above the diagonal a task may "
                "be without one (NaN)"
            )
        object.__setattr__(self, "r", r)
        for name, n in (("before", len(r)), ("joint", len(r)), ("ahead", len(r) - 1)):
            given = getattr(self, name)
            if given is None:
                continue
            scores = _scores(f"TaskMatrix: {name}", given)
            if scores.shape != (n,):
                raise ShapeError(
                    f"TaskMatrix: {name} has shape {scores.shape}, expected ({n},) with {len(r)} "
                    "tasks"
                )
            if not np.isfinite(scores).all():
                raise NonFiniteError(f"TaskMatrix: {name} has a score that is not finite")
            object.__setattr__(self, name, scores)

    def _old(self, figure: str) -> int:
        """T - 1, the number of old tasks; raises ``ConfigError`` for one task alone."""
        if len(self.r) < 2:
            raise ConfigError(f"{figure}: there is one task, expected two or more in sequence")
        return len(self.r) - 1

    @property
    def average_accuracy(self) -> float:
        """The mean score of all tasks at the end."""
        return float(self.r[-1].mean())

    @property
    def learning_accuracy(self) -> float:
        """The mean score of each task just after it was learnt."""
        return float(self.r.diagonal().mean())

    @property
    def backward_transfer(self) -> float:
        """BWT: what training on later tasks did to earlier ones; below 0 is forgetting."""
        n = self._old("backward_transfer")
        return float((self.r[-1] - self.r.diagonal())[:n].mean())

    @property
    def forward_transfer(self) -> float:
        """FWT: how much better a task is before it is trained than before anything was."""
        self._old("forward_transfer")
        ahead = self.r.diagonal(1) if self.ahead is None else self.ahead
        if self.before is None or np.isnan(ahead).any():
            raise ConfigError(
                "forward_transfer: needs the scores before any training, and those of each task "
                "before its own; a new head knows nothing, so train_sequence has them from linear "
                "probes: give it probe_epochs"
            )
        return float((ahead - self.before[1:]).mean())

    @property
    def forgetting(self) -> float:
        """The best score of each old task before the last one was trained, minus that at the end.

        Every row counts that has a score of the task, also those before its own training.
        """
        n = self._old("forgetting")
        return float((np.nanmax(self.r[:n, :n], axis=0) - self.r[-1, :n]).mean())

    @property
    def first_minus_last(self) -> float:
        """The score of each old task when it was learnt, minus that at the end: -BWT."""
        self._old("first_minus_last")
        return -self.backward_transfer

    @property
    def intransigence(self) -> np.ndarray:
        """(T,) how much better each task is learnt jointly with those before it; below 0: worse."""
        if self.joint is None:
            raise ConfigError("intransigence: needs the scores of joint training: see joint_scores")
        return self.joint - self.r.diagonal()

    @property
    def cl_accuracy(self) -> float:
        """The mean of all scores of tasks that had been trained."""
        return float(self.r[np.tril_indices(len(self.r))].mean())

    @property
    def cl_backward_transfer(self) -> float:
        """CL-BWT: backward transfer as the mean over all later tasks, not at the end alone."""
        self._old("cl_backward_transfer")
        return float((self.r - self.r.diagonal())[np.tril_indices(len(self.r), -1)].mean())

    @property
    def remembering(self) -> float:
        """REM = 1 - |min(CL-BWT, 0)|: 1 is nothing forgotten."""
        return 1 + min(self.cl_backward_transfer, 0.0)

    @property
    def positive_backward_transfer(self) -> float:
        """BWT+ = max(CL-BWT, 0)."""
        return max(self.cl_backward_transfer, 0.0)


def _scores(name: str, given: Any) -> np.ndarray:
    """The scores as a new array of numbers; raises ``ShapeError`` for what is none."""
    try:
        return numbers(name, given, np.float64)
    except DtypeError:
        raise ShapeError(f"{name} is no table of numbers: {quoted(given, 60)}") from None


def _whole(name: str, steps: np.ndarray) -> np.ndarray:
    """Steps as int64."""
    if not (np.isfinite(steps) & (steps == np.floor(steps))).all():
        raise ShapeError(f"Path: {name} is {steps}, expected whole numbers")
    return steps.astype(np.int64)


@dataclass(frozen=True, eq=False)
class Path(ByValue):
    """The scores of all tasks every few steps of a whole sequence.

    step (S,), counted through all tasks from 0. scores (S, T), NaN before a task is begun.
    ends (T,), the steps at which the training on each task ended; all of them are in ``step``.
    Raises ``ShapeError`` for arrays that do not fit each other, or are none of numbers,
    ``NonFiniteError`` for a score that is missing after a task is begun.

    >>> path = Path(np.array([0, 5, 6, 10]),
    ...             np.array([[0.5, np.nan], [0.9, np.nan], [0.4, 0.6], [0.8, 1.0]]),
    ...             ends=np.array([5, 10]))
    >>> path.min_accuracy, path.worst_case_accuracy, round(path.stability_gap, 3)
    (0.4, 0.7, 0.4)
    """

    step: np.ndarray
    scores: np.ndarray
    ends: np.ndarray

    def __post_init__(self) -> None:
        for name in ("step", "scores", "ends"):
            found = _scores(f"Path: {name}", getattr(self, name))
            object.__setattr__(self, name, found if name == "scores" else _whole(name, found))
        shapes = [a.shape for a in (self.scores, self.step, self.ends)]
        if len(shapes[0]) != 2 or [(n,) for n in shapes[0]] != shapes[1:]:
            raise ShapeError(
                f"Path: scores, step and ends have shapes {shapes}, expected (S, T), (S,), (T,)"
            )
        step, ends = self.step, self.ends
        rising = (np.diff(step) > 0).all() and (np.diff(ends) > 0).all()
        if not rising or not np.isin(ends, step).all() or not len(ends) or ends[-1] != step[-1]:
            raise ShapeError(
                f"Path: step is {step} and ends are {ends}, expected rising steps, among them the "
                "ends, and the last of both the same"
            )
        begun = np.array([0, *ends[:-1]])
        if any(not np.isfinite(self.scores[step > a, j]).all() for j, a in enumerate(begun)):
            raise NonFiniteError("Path: a score that is not finite, of a task that had been begun")

    @property
    def at_ends(self) -> np.ndarray:
        """(T, T) the scores after each task: the table R, NaN above the diagonal."""
        return self.scores[np.searchsorted(self.step, self.ends)]

    def _check(self, figure: str) -> None:
        if len(self.ends) < 2:
            raise ConfigError(f"{figure}: there is one task, expected two or more in sequence")

    @property
    def min_accuracy(self) -> float:
        """min-ACC: the mean over old tasks of their lowest score since they were learnt."""
        self._check("min_accuracy")
        old = [self.scores[self.step > end, j].min() for j, end in enumerate(self.ends[:-1])]
        return float(np.mean(old))

    @property
    def worst_case_accuracy(self) -> float:
        """WC-ACC: min-ACC and the score of the last task, each task with the same weight."""
        share = 1 / len(self.ends)
        return float(share * self.scores[-1, -1] + (1 - share) * self.min_accuracy)

    @property
    def stability_gap(self) -> float:
        """How deep old tasks fall below where they stood both before and after a new one.

            mean over j < k of   min(R[k-1,j], R[k,j]) - min score of j while k is trained

        What is lost for good is no part of it. 0 if measured at the ends of tasks alone.
        """
        self._check("stability_gap")
        r, gaps = self.at_ends, []
        for k in range(1, len(self.ends)):
            inside = (self.step > self.ends[k - 1]) & (self.step <= self.ends[k])
            lowest = self.scores[inside, :k].min(axis=0)
            gaps.append(np.minimum(r[k - 1, :k], r[k, :k]) - np.minimum(lowest, r[k - 1, :k]))
        return float(np.concatenate(gaps).mean())
