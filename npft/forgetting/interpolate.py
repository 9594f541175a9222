"""Repair after the fact: a point between the pretrained and the fine-tuned weights.

    θ(α) = (1 - α) θ₀ + α θ₁          α = 0: pretrained, α = 1: fine-tuned

(Wortsman et al. 2022, WiSE-FT.) It costs no training: the head is kept and the body walks back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from npft.encoder.model import Model
from npft.errors import CheckpointError, check_items, check_share, listed, quoted
from npft.finetune.train import evaluate, rank_of
from npft.forgetting.measure import check_shared, check_words
from npft.text.batch import Batch

State = dict[str, np.ndarray]


def interpolate(state_0: State, state_1: State, alpha: float) -> State:
    """(1 - alpha) state_0 + alpha state_1, weight by weight.

    Raises ``ConfigError`` for alpha outside [0, 1], ``CheckpointError`` for states that differ in
    names or shapes, or are quantized to int8.

    >>> interpolate({"w": np.array([0.0])}, {"w": np.array([4.0])}, 0.25)["w"].tolist()
    [1.0]
    """
    check_share("interpolate: alpha", alpha, zero=True, one=True)
    for state in (state_0, state_1):
        arrays = state.values() if isinstance(state, Mapping) else [None]
        if not all(isinstance(a, np.ndarray) for a in arrays):
            raise CheckpointError(
                f"interpolate: got {quoted(state)}, expected a dict of arrays: "
                "model.encoder.state_dict()"
            )
    names = sorted(state_0.keys() ^ state_1.keys())
    names += [n for n in state_0 if n in state_1 and state_0[n].shape != state_1[n].shape]
    if names:
        raise CheckpointError(f"interpolate: the states differ in {', '.join(names[:5])}")
    whole = [n for state in (state_0, state_1) for n, a in state.items() if a.dtype.kind != "f"]
    if whole:  # a share of a whole number is none, and int8 has scales beside it
        raise CheckpointError(
            f"interpolate: {listed(whole)} hold no floating-point numbers; give the states of the "
            "models as they were before they were quantized"
        )
    return {
        name: ((1 - alpha) * a + alpha * state_1[name]).astype(a.dtype)
        for name, a in state_0.items()
    }


def interpolation_path(
    model: Model,
    mlm: Model,
    start: State,
    probe: Batch,
    test: Batch,
    alphas: Iterable[float] = (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1),
) -> dict[str, list[float]]:
    """Held-out masked-token loss and task F1 along the line from ``start`` to the present body.

    start: the encoder's ``state_dict()`` before fine-tuning. The body is put back afterwards.
    Returns {"alpha", "mlm_loss", "f1"}; "f1" is what the score of the task has as its main figure.

    Raises ``ConfigError`` if the two models do not share their encoder, or for an ``mlm`` without a
    head for masked tokens; else as ``interpolate``.
    """
    check_shared("interpolation_path", model, mlm)
    check_words("interpolation_path", mlm)
    shares = [
        check_share("interpolation_path: an alpha", alpha, zero=True, one=True)
        for alpha in check_items("interpolation_path: alphas", alphas, of="shares")
    ]
    end = model.encoder.state_dict()
    path: dict[str, list[float]] = {"alpha": shares, "mlm_loss": [], "f1": []}
    try:
        for alpha in shares:
            model.encoder.load_state_dict(interpolate(start, end, alpha))
            path["mlm_loss"].append(mlm.measure(probe)["mlm_loss"])
            path["f1"].append(rank_of(evaluate(model, test))[0])
    finally:
        model.encoder.load_state_dict(end)
    return path
