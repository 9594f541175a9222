"""Figures frozen from the scorers everybody uses; make_score_fixture.py asked them."""

import json
from pathlib import Path

import numpy as np
import pytest

from npft.metrics.answers import normal_answer, squad_scores
from npft.metrics.classes import averages, classification_metrics, confusion_matrix, micro
from npft.metrics.curves import average_precision, precision_recall, roc_auc, roc_auc_of_classes
from npft.metrics.overlap import bleu, pass_at_k, rouge_l, rouge_n
from npft.metrics.ranking import pearson, spearman

FROZEN = json.loads(Path(__file__).with_name("score_fixture.json").read_text(encoding="utf-8"))


def cases(kind):
    return pytest.mark.parametrize("case", FROZEN[kind], ids=lambda case: "")


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@cases("classes")
def test_precision_recall_and_f1_are_those_of_scikit_learn(case):
    true, said, k = np.array(case["true"]), np.array(case["said"]), case["classes"]
    confusion, figures = confusion_matrix(true, said, k), case["figures"]
    assert confusion.tolist() == case["confusion"]
    close(averages(confusion), figures["macro"])
    close(micro(confusion, range(k)), figures["micro"])
    close(micro(confusion, case["some"]), figures["micro of some"])
    found = classification_metrics(true, said, k)
    close(found.accuracy, case["accuracy"])
    close((found.precision, found.recall, found.f1), figures["binary" if k == 2 else "macro"])


@cases("curves")
def test_auc_and_the_precision_recall_curve_are_those_of_scikit_learn(case):
    true, scores = case["true"], case["scores"]
    close(roc_auc(true, scores), case["auc"])
    close(average_precision(true, scores), case["average precision"])
    close(roc_auc_of_classes(case["many"], case["probabilities"]), case["auc of classes"])
    # there the lowest threshold comes first, and a point (1, 0) stands at the end
    curve = precision_recall(true, scores)
    close(curve.thresholds[::-1], case["thresholds"])
    close(curve.precision[::-1], case["precision"][:-1])
    close(curve.recall[::-1], case["recall"][:-1])


@cases("grades")
def test_correlations_are_those_of_scipy(case):
    close(spearman(case["x"], case["y"]), case["spearman"])
    close(pearson(case["x"], case["y"]), case["pearson"])


@cases("corpora")
@pytest.mark.parametrize("n", [1, 2, 4])
def test_bleu_is_that_of_sacrebleu_without_smoothing_on_words(case, n):
    close(bleu(case["references"], case["written"], n=n), case["bleu"][str(n)])


@cases("summaries")
def test_rouge_is_that_of_rouge_score_without_stems(case):
    texts = case["reference"], case["written"]
    close(rouge_n(*texts, 1), case["rouge1"])
    close(rouge_n(*texts, 2), case["rouge2"])
    close(rouge_l(*texts), case["rougeL"])


@cases("programs")
def test_pass_at_k_is_the_formula_its_authors_publish(case):
    close(pass_at_k(case["n"], case["c"], case["k"]), case["pass@k"])


@cases("answers")
def test_answers_compare_as_in_squads_scorer(case):
    assert normal_answer(case["said"]) == case["normal"]
    close(squad_scores(case["golds"], case["said"]), (case["exact"], case["f1"]))


def test_the_frozen_cases_hold_the_ends_of_each_scale():
    assert {case["classes"] for case in FROZEN["classes"]} == {2, 3, 4}
    assert min(len(set(case["true"])) for case in FROZEN["classes"]) == 1
    values = [case["bleu"]["4"] for case in FROZEN["corpora"]]
    assert min(values) == 0 < max(values) < 1
    assert {case["exact"] for case in FROZEN["answers"]} == {0.0, 1.0}
    assert {case["pass@k"] == 1 for case in FROZEN["programs"]} == {True, False}
