"""What is no model, text, batch or number is refused in words by all that measures or repairs."""

import numpy as np
import pytest

from npft import (
    AGEM, EWC, ForgettingCurve, L2ToInit, LwF, RecAdam, ReplayMixer, diagonal_fisher, evaluate,
    fine_tune, fine_tune_as, fine_tune_within, forgetting_curve, generate, interpolate,
    joint_scores, latent_forgetting, least_forgetting, linear_probe, measure_forgetting,
    refit_head, savings, train_sequence,
)  # fmt: skip
from npft.encoder.model import copy_of
from npft.errors import NpftError
from npft.finetune.features import cached_bytes
from npft.forgetting.afterwards import remind
from npft.forgetting.distill import Distill
from npft.forgetting.drift import representation_drift
from npft.forgetting.fisher import mean_of
from npft.forgetting.latent import refit

WRONG = {
    "None": None, "a number": 3, "a negative": -1, "a string": "x", "a list": [1],
    "an object": object(), "an array": np.ones(2), "a dict": {1: 2}, "nan": float("nan"),
    "a list of strings": ["x"],
}  # fmt: skip


def rng():
    return np.random.default_rng(0)


def calls(small):
    """By name, what takes one argument that may be wrong; all others are right."""
    model, mlm = small.models()
    train, probe, documents = small.train, small.probe, small.documents
    short = {"epochs": 1, "rng": rng()}
    curve = {"test": train, "unigram": 3.0, "every": 1, **short}
    within = {"validation": train, "allowed": 0.1, **short}
    refitted = {"documents": documents, "probe": probe, "steps": 1, "rng": rng()}
    fisher = diagonal_fisher(mlm, probe, "mlm")
    return {
        "AGEM: documents": lambda x: AGEM(x, mlm, 4, rng=rng()),
        "AGEM: mlm": lambda x: AGEM(documents, x, 4, rng=rng()),
        "AGEM: rng": lambda x: AGEM(documents, mlm, 4, rng=x),
        "EWC: model": lambda x: EWC(x, fisher, 1.0),
        "EWC: fisher": lambda x: EWC(model, x, 1.0),
        "L2ToInit: model": lambda x: L2ToInit(x, 0.1),
        "LwF: mlm": lambda x: LwF(x, 0.1, rng=rng()),
        "RecAdam: model": lambda x: RecAdam(x, t0=1, gamma=1.0),
        "ReplayMixer: documents": lambda x: ReplayMixer(x, mlm, 0.2, rng=rng()),
        "ReplayMixer: mlm": lambda x: ReplayMixer(documents, x, 0.2, rng=rng()),
        "Distill: teacher": Distill,
        "L2ToInit: decoupled": lambda x: L2ToInit(model, 0.1, decoupled=x),
        "RecAdam: t0": lambda x: RecAdam(model, t0="1" if isinstance(x, int) else x),
        "cached_bytes: model": lambda x: cached_bytes(x, train),
        "representation_drift: batch": lambda x: representation_drift(copy_of(mlm), mlm, x),
        "curve: model": lambda x: forgetting_curve(x, mlm, train, probe, **curve),
        "curve: mlm": lambda x: forgetting_curve(model, x, train, probe, **curve),
        "curve: train": lambda x: forgetting_curve(model, mlm, x, probe, **curve),
        "curve: probe": lambda x: forgetting_curve(model, mlm, train, x, **curve),
        "curve: from_dict": ForgettingCurve.from_dict,
        "diagonal_fisher: model": lambda x: diagonal_fisher(x, probe),
        "diagonal_fisher: batch": lambda x: diagonal_fisher(mlm, x, "mlm"),
        "evaluate: model": lambda x: evaluate(x, train),
        "evaluate: batch": lambda x: evaluate(model, x),
        "fine_tune: model": lambda x: fine_tune(x, train, **short),
        "fine_tune: repairs": lambda x: fine_tune(model, train, repairs=[x], **short),
        "fine_tune_as: model": lambda x: fine_tune_as(x, train, "head", **short),
        "generate: mlm": lambda x: generate(x, 2, rng=rng()),
        "interpolate": lambda x: interpolate(x, x, 0.5),
        "joint_scores: model": lambda x: joint_scores(x, {"a": (train, train)}, **short),
        "latent: model": lambda x: latent_forgetting(x, mlm, **refitted),
        "least_forgetting": lambda x: least_forgetting(x, 0.9),
        "least_forgetting: a cell": lambda x: least_forgetting([x], 0.9),
        "linear_probe: model": lambda x: linear_probe(x, lambda body: model, train, train, **short),
        "linear_probe: make": lambda x: linear_probe(model, x, train, train, **short),
        "linear_probe: made": lambda x: linear_probe(model, lambda b: x, train, train, **short),
        "measure_forgetting": lambda x: measure_forgetting(x, 1),
        "refit: model": lambda x: refit(x, documents, steps=1, rng=rng()),
        "refit_head: model": lambda x: refit_head(x, train, **short),
        "remind: mlm": lambda x: remind(x, documents, steps=1, rng=rng()),
        "remind: documents": lambda x: remind(mlm, x, steps=1, rng=rng()),
        "savings: model": lambda x: savings(x, mlm, every=1, **refitted),
        "sequence: model": lambda x: train_sequence(x, {"classes": (train, train)}, **short),
        "sequence: repairs": lambda x: train_sequence(
            model, {"classes": (train, train)}, repairs=x, **short
        ),
        "within: model": lambda x: fine_tune_within(x, mlm, train, probe, **within),
        "within: mlm": lambda x: fine_tune_within(model, x, train, probe, **within),
        "within: probe": lambda x: fine_tune_within(model, mlm, train, x, **within),
    }


def test_every_wrong_argument_is_refused_in_words(small):
    for name, call in calls(small).items():
        for what, value in WRONG.items():
            with pytest.raises(NpftError) as found:
                call(value)
            assert len(str(found.value)) > 20, (name, what)


@pytest.mark.parametrize("also", [3, "x", [1], {"a": 2}, [("a", len)]])
def test_further_figures_that_are_no_functions_are_refused(small, also):
    model, mlm = small.models()
    with pytest.raises(NpftError, match="expected a dict of functions"):
        forgetting_curve(
            model, mlm, small.train, small.probe, test=small.test, unigram=3.0, every=1, epochs=1,
            rng=rng(), also=also,
        )  # fmt: skip


@pytest.mark.parametrize("figure", [float("nan"), float("inf"), None, "x"])
def test_a_further_figure_that_is_no_finite_number_is_refused_by_name(small, figure):
    model, mlm = small.models()
    with pytest.raises(NpftError, match="also depth is"):
        forgetting_curve(
            model, mlm, small.train, small.probe, test=small.test, unigram=3.0, every=1, epochs=1,
            rng=rng(), also={"depth": lambda: figure},
        )  # fmt: skip


def test_lengths_that_are_no_table_and_a_fisher_without_weights_are_refused(small):
    with pytest.raises(NpftError, match="lengths are"):
        generate(small.models()[1], 2, lengths=[[1], [2, 3]], rng=rng())
    with pytest.raises(NpftError, match="empty"):
        mean_of({})
