"""A linear chain: the sum over all ways to tag a sentence, and the best of them.

A way to tag T words is a path y through K tags, and its score is a sum along the path:

    score(y) = start[y_1] + Σ_t emission[t, y_t] + Σ_t transition[y_t-1, y_t] + end[y_T]
    p(y) = exp(score(y)) / Z        Z = Σ exp(score(y)) over all K^T paths

(a conditional random field: Lafferty, McCallum & Pereira 2001). The *forward algorithm* adds up the
paths in T K² steps instead of K^T: α_t[j] is the log of the sum over all paths that are at tag j at
word t, and it needs only α_t-1, for what came before does not matter any more:

    α_1[j] = start[j] + emission[1, j]
    α_t[j] = emission[t, j] + log Σ_i exp(α_t-1[i] + transition[i, j])
    log Z  = log Σ_j exp(α_T[j] + end[j])

The derivative of log Σ exp is a softmax, so going back through these lines hands the probability of
a tag at word t on to the tags at word t-1 by softmax weights. What arrives at emission[t, j] is the
probability that y_t is j (the *marginal*), and at transition[i, j] the expected number of moves
from i to j. It is known as the *backward algorithm*; here it is nothing but the vjp.

Until backward these weights are kept: K² numbers for each word but the first of each sentence.

With max in place of log Σ exp the same steps find the best path (Viterbi 1967).

Sentences of many lengths are one array of N words, as everywhere. Step t works on the words at
place t of all sentences that have so many. A score of -inf forbids a tag or a move.
"""

from __future__ import annotations

import numpy as np

from npft.autograd.inputs import numbers
from npft.autograd.segments import segments_of
from npft.autograd.tensor import primitive
from npft.errors import NonFiniteError, ShapeError, check_finite, check_shape


def _steps(name: str, scores: tuple, offsets: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """The chains from the longest to the shortest, (B,), and for each place t the rows of the words
    that stand there, in this order of chains. Checks the shapes of the four arrays of scores."""
    emissions, transitions, starts, ends = scores
    first, lengths = segments_of(name, emissions, offsets)
    tags = emissions.shape[1]
    if tags == 0:
        raise ShapeError(f"{name}: emissions are {emissions.shape}, expected one tag or more")
    check_shape(f"{name}: transitions", transitions, f"{tags} {tags}")
    check_shape(f"{name}: starts", starts, f"{tags}")
    check_shape(f"{name}: ends", ends, f"{tags}")
    order = np.argsort(-lengths, kind="stable")
    first, lengths = first[order], lengths[order]
    return order, [first[lengths > t] + t for t in range(lengths[0])]


def _log_sum(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """log Σ exp(x) over axis 1, and its derivative, the softmax; -inf and 0 where all x are -inf.

    >>> _log_sum(np.array([[0.0, 0.0], [-np.inf, 7.0], [-np.inf, -np.inf]]))
    (array([0.69314718, 7.        ,       -inf]), array([[0.5, 0.5],
           [0. , 1. ],
           [0. , 0. ]]))
    """
    largest = x.real.max(axis=1, keepdims=True)
    largest[largest == -np.inf] = 0
    p = np.exp(x - largest)
    total = p.sum(axis=1, keepdims=True)
    p /= np.where(total == 0, 1, total)
    with np.errstate(divide="ignore"):
        return (np.log(total) + largest).squeeze(axis=1), p


def _check_paths(name: str, totals: np.ndarray, order: np.ndarray) -> None:
    """Raise ``NonFiniteError`` for a chain all of whose paths score -inf."""
    if (totals.real == -np.inf).any():
        chain = order[totals.real == -np.inf].min()
        raise NonFiniteError(
            f"{name}: chain {chain} has no path, for each one has a score of -inf; allow some tag "
            "at each word, and some moves between them"
        )


@primitive
def chain_log_partition(emissions, transitions, starts, ends, *, offsets: np.ndarray):
    """log Z of each chain: the log of the sum of exp(score) over all its paths.

    The gradients are probabilities: those of the tags of each word, of the moves, and of the first
    and the last tag. What is forbidden by -inf has the gradient 0.

    emissions (N, K), transitions (K, K) from row to column, starts (K,), ends (K,), offsets
    (B + 1,) rising from 0 to N; returns (B,).
    Raises ``ShapeError`` for shapes that do not fit or an empty chain, ``NonFiniteError`` for a
    chain without a path. NaN for scores that are NaN: the training loop names the step.

    Two words and two tags have four paths; if all score 0, log Z is log 4. Without the move from
    tag 1 to tag 0 there are three:

    >>> still = np.zeros((2, 2)), np.zeros(2), np.zeros(2)
    >>> np.exp(chain_log_partition(np.zeros((2, 2)), *still, offsets=np.array([0, 2])).data)
    array([4.])
    >>> still[0][1, 0] = -np.inf
    >>> np.exp(chain_log_partition(np.zeros((2, 2)), *still, offsets=np.array([0, 2])).data)
    array([3.])
    """
    name, scores = "chain_log_partition", (emissions, transitions, starts, ends)
    order, steps = _steps(name, scores, offsets)
    alpha = emissions[steps[0]] + starts  # (B, K)
    back = []  # of each step: P(the tag before | the tag) for each chain, (n, K, K)
    for rows in steps[1:]:
        n = len(rows)
        total, weights = _log_sum(alpha[:n, :, None] + transitions)
        alpha[:n] = emissions[rows] + total
        back.append(weights)
    log_z, last = _log_sum(alpha + ends)  # last (B, K): P(the last tag)
    _check_paths(name, log_z, order)
    out = np.empty_like(log_z)
    out[order] = log_z

    def vjp(g):
        p = last * g[order][:, None]  # (B, K)
        end_grad = p.sum(axis=0)
        emission_grad, transition_grad = np.empty_like(emissions), np.zeros_like(transitions)
        for rows, weights in zip(reversed(steps[1:]), reversed(back)):
            n = len(rows)
            emission_grad[rows] = p[:n]
            moves = weights * p[:n, None, :]  # (n, K, K)
            transition_grad += moves.sum(axis=0)
            p[:n] = moves.sum(axis=2)
        emission_grad[steps[0]] = p
        return emission_grad, transition_grad, p.sum(axis=0), end_grad

    return out, vjp


def best_paths(
    emissions: np.ndarray,
    transitions: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    *,
    offsets: np.ndarray,
) -> np.ndarray:
    """The tags of the path with the highest score of each chain, (N,): the Viterbi algorithm.

    The arguments and what is raised are those of ``chain_log_partition``, and ``NonFiniteError``
    for scores that are NaN or +inf. Of equally good paths it takes the lowest last tag, then the
    lowest one before it, and so on.

    The tag 1 suits the second word better, but the move from 0 to 1 costs more than that:

    >>> transitions = np.array([[0.0, -3.0], [0.0, 0.0]])
    >>> emissions, none = np.array([[2.0, 0.0], [0.0, 1.0]]), np.zeros(2)
    >>> best_paths(emissions, transitions, none, none, offsets=np.array([0, 2]))
    array([0, 0])
    """
    given = emissions, transitions, starts, ends
    emissions, transitions, starts, ends = (numbers("best_paths: scores", x, None) for x in given)
    order, steps = _steps("best_paths", (emissions, transitions, starts, ends), offsets)
    best = emissions[steps[0]] + starts  # (B, K): the score of the best path to each tag
    came_from = []  # of each step: the tag before, on the best path to each tag, (n, K)
    for rows in steps[1:]:
        n = len(rows)
        to_each = best[:n, :, None] + transitions  # (n, K, K)
        came_from.append(to_each.argmax(axis=1))
        best[:n] = emissions[rows] + to_each.max(axis=1)
    best = best + ends
    _check_paths("best_paths", best.max(axis=1), order)
    check_finite("best_paths: the score of the best path", best.max(axis=1))
    tags = best.argmax(axis=1)  # (B,)
    paths = np.empty(len(emissions), dtype=np.int64)
    for rows, before in zip(reversed(steps[1:]), reversed(came_from)):
        n = len(rows)
        paths[rows] = tags[:n]
        tags[:n] = before[np.arange(n), tags[:n]]
    paths[steps[0]] = tags
    return paths
