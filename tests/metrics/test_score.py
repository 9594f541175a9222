"""What all scores share: a main figure to judge by, plain numbers for files and histories."""

import json
import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest

from npft.errors import DataError, DtypeError
from npft.metrics.answers import AnswerMetrics
from npft.metrics.classes import Metrics
from npft.metrics.ranking import GradeMetrics
from npft.metrics.score import Hits, Score, perplexity
from npft.metrics.tags import TagMetrics

SCORES = [
    (Metrics(0.1, 0.2, 0.3, 0.4, np.array([[1, 2], [3, 4]])), "f1", 0.4),
    (TagMetrics(0.1, 0.2, 0.3, 0.4), "f1", 0.4),
    (AnswerMetrics(0.1, 0.2), "f1", 0.2),
    (GradeMetrics(0.1, 0.2, 0.3), "spearman", 0.1),
    (Hits(0.1), "accuracy", 0.1),
    # texts and lists beside the figures
    (TagMetrics(0.1, 0.2, 0.3, 0.4, averaged="macro over 2 tags", absent=("X",)), "f1", 0.4),
]


@pytest.mark.parametrize("score, main, value", SCORES)
def test_a_run_is_judged_by_the_main_figure(score, main, value):
    assert isinstance(score, Score) and score.main == main and score.best_by == value
    assert isinstance(score.best_by, float)


@pytest.mark.parametrize("score, main, value", SCORES)
def test_a_score_is_plain_numbers_and_lists_for_json(score, main, value):
    again = json.loads(json.dumps(score.as_dict()))
    assert again == score.as_dict() and again["loss"] is None and again[main] == value
    assert main in again and "main" not in again


@pytest.mark.parametrize("score, main, value", SCORES)
def test_figures_are_the_numbers_with_the_loss_where_it_is_known(score, main, value):
    assert "loss" not in score.figures() and "confusion" not in score.figures()
    known = replace(score, loss=0.5)
    assert known.figures() == score.figures() | {"loss": 0.5}
    assert score.loss is None  # a score is not changed


def test_a_kind_of_score_of_ones_own_names_its_main_figure():
    @dataclass(frozen=True)
    class Counts(Score):
        main: ClassVar[str] = "right"
        wrong: int
        right: int
        table: np.ndarray

    score = Counts(3, 7, np.arange(2))
    assert score.best_by == 7.0 and score.figures() == {"wrong": 3, "right": 7}
    assert score.as_dict() == {"wrong": 3, "right": 7, "table": [0, 1]}


def test_the_perplexity_of_a_uniform_choice_is_the_number_of_choices():
    assert perplexity([math.log(2000)] * 7) == pytest.approx(2000, rel=1e-12)
    assert perplexity(math.log(2000)) == pytest.approx(2000, rel=1e-12)
    assert perplexity(np.zeros(3)) == 1.0  # never in doubt


def test_perplexity_is_the_geometric_mean_of_1_over_p():
    p = np.array([0.5, 0.25, 0.1])
    assert perplexity(-np.log(p)) == pytest.approx(np.prod(1 / p) ** (1 / 3), rel=1e-12)


@pytest.mark.parametrize("losses, message", [
    ([], "got none"), ([1.0, -0.5], "got 2 from -0.5 to 1.0"), ([math.inf], "got 1 from inf"),
    ([math.nan], "got 1 from nan"), (800.0, "exp of the mean loss 800 fits into no float"),
])
def test_losses_without_a_perplexity_are_refused(losses, message):
    with pytest.raises(DataError, match=f"perplexity: .*{message}"):
        perplexity(losses)


@pytest.mark.parametrize("losses", ["1.0", ["1.0"], [[1.0], [1.0, 2.0]], None, [1j]])
def test_what_is_no_number_is_no_loss(losses):
    with pytest.raises(DtypeError, match="perplexity: losses"):
        perplexity(losses)
