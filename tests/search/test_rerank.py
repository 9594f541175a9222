"""Reranking: the order of a cross-encoder, among what was found and nothing else."""

import numpy as np
import pytest

from npft.errors import ConfigError, DataError, DtypeError, ShapeError
from npft.heads.classes import Classifier
from npft.heads.grades import Regressor
from npft.heads.words import MaskedLM
from npft.loading import load
from npft.search.rerank import cross_scores, rerank
from npft.search.top import Found

TEXTS = ["win a prize", "see you at noon", "the chef cooks", "win cash", "lunch at noon"]
QUERIES = ["win", "noon"]
FOUND = Found(np.array([[3, 0, 2], [1, 4, 0]]), np.array([[3.0, 2.0, 1.0]] * 2))


def models():
    body, rng = load("tinyworld").body, np.random.default_rng(1)
    classes = {positive: Classifier(body, 2, label_names=["no", "yes"], positive=positive, rng=rng)
               for positive in ("no", "yes")}
    classes["no"].load_state_dict(classes["yes"].state_dict())
    grades = Regressor(body, 0.0, 5.0, rng=rng)
    grades.head().linear.bias.assign([0.5])  # in the middle
    return classes["yes"], classes["no"], grades


def test_scores_are_those_of_the_model_on_the_pair_and_the_positive_class_is_up():
    yes, no, grades = models()
    first, second = TEXTS[:3], TEXTS[2:]
    logits = yes.logits(yes.tokenize(first, second))
    assert cross_scores(yes, first, second) == pytest.approx(logits[:, 1] - logits[:, 0], abs=1e-6)
    assert cross_scores(no, first, second) == pytest.approx(-cross_scores(yes, first, second))
    assert cross_scores(grades, first, second) == pytest.approx(grades.predict(first, second))
    assert not np.allclose(cross_scores(yes, first, second), cross_scores(yes, second, first))


def test_the_best_of_what_was_found_come_first_and_nothing_else_comes():
    for model in models():
        found = rerank(model, QUERIES, TEXTS, FOUND, k=2)
        assert found.documents.shape == found.scores.shape == (2, 2)
        for query, row, had, scores in zip(QUERIES, found.documents, FOUND.documents, found.scores):
            alone = cross_scores(model, [query] * 3, [TEXTS[i] for i in had])
            expected = np.argsort(-alone, kind="stable")[:2]
            assert row.tolist() == had[expected].tolist()
            assert scores == pytest.approx(alone[expected], abs=1e-5)
    assert FOUND.documents.tolist() == [[3, 0, 2], [1, 4, 0]]


def test_sure_pairs_do_not_tie_at_the_end_of_the_grades():
    model = models()[2]
    model.head().linear.bias.assign([3.0])
    assert set(model.predict(["win"] * 5, TEXTS)) == {5.0}
    inner = cross_scores(models()[2], ["win"] * 5, TEXTS)
    assert cross_scores(model, ["win"] * 5, TEXTS) == pytest.approx(inner + 2.5 * 5, rel=1e-5)
    found = rerank(model, QUERIES, TEXTS, FOUND)
    assert found.documents.tolist() == rerank(models()[2], QUERIES, TEXTS, FOUND).documents.tolist()
    assert not np.array_equal(found.documents, FOUND.documents)
    assert len(cross_scores(model, [], [])) == 0


def test_equal_scores_keep_the_order_of_the_search():
    model = models()[2]
    model.head().linear.weight.assign(np.zeros_like(model.head().linear.weight.data))
    assert np.array_equal(rerank(model, QUERIES, TEXTS, FOUND).documents, FOUND.documents)


def test_other_models_and_numbers_are_refused():
    yes = models()[0]
    three = Classifier(yes.encoder, 3, rng=np.random.default_rng(0))
    mlm = MaskedLM(yes.encoder, rng=np.random.default_rng(0))
    with pytest.raises(ConfigError, match="there are 3 classes, expected two"):
        rerank(three, QUERIES, TEXTS, FOUND)
    for model in (mlm, yes.encoder, None):
        with pytest.raises(ConfigError, match="expected a Regressor or a Classifier of two"):
            rerank(model, QUERIES, TEXTS, FOUND)
    with pytest.raises(ShapeError, match="2 texts and 1 pairs"):
        cross_scores(yes, ["a", "b"], ["a"])
    with pytest.raises(ShapeError, match="for 1 queries"):
        rerank(yes, QUERIES[:1], TEXTS, FOUND)
    with pytest.raises(DataError, match="there are 3 texts"):
        rerank(yes, QUERIES, TEXTS[:3], FOUND)
    with pytest.raises(ConfigError, match="rerank: k is 0"):
        rerank(yes, QUERIES, TEXTS, FOUND, k=0)


@pytest.mark.parametrize("found", [FOUND.documents, tuple(FOUND), None])
def test_what_is_no_result_of_a_search_is_refused(found):
    with pytest.raises(DtypeError, match="rerank: found is .*, expected what Index.search"):
        rerank(models()[0], QUERIES, TEXTS, found)
