"""Objectives: each is its loss of the right columns and labels, and refuses others."""

import numpy as np
import pytest

from npft.autograd.gradcheck import gradcheck
from npft.autograd.tensor import Tensor
from npft.contrast.in_batch import in_batch_loss, info_nce, nt_xent, repeats, supcon_loss
from npft.contrast.objectives import (
    CosineRegression, InBatch, InfoNCE, NTXent, Objective, Projected, Projection, SiameseClasses,
    SupCon, Triplet,
)
from npft.contrast.pair_losses import cosine_regression_loss, triplet_loss
from npft.errors import ConfigError, DataError

RNG = np.random.default_rng(0)
A, B, C = (Tensor(x) for x in RNG.standard_normal((3, 4, 5)))
TEXTS = np.array([[0, 1, 0, 2], [3, 4, 5, 6], [7, 3, 8, 9]])  # an anchor occurs twice
CLASSES, GRADES = np.array([0, 1, 1, 0]), np.array([0.0, 5.0, 2.5, 1.0])


@pytest.mark.parametrize("objective, views, labels, loss", [
    (InBatch(0.2), [A, B], None, lambda: in_batch_loss(A, B, 0.2, left_out=repeats(TEXTS[:2]))),
    (InBatch(0.2, mask_repeats=False), [A, B], None, lambda: in_batch_loss(A, B, 0.2)),
    (InBatch(), [A, B, C], None,
     lambda: in_batch_loss(A, B, negatives=C, left_out=repeats(TEXTS))),
    (NTXent(0.3), [A, B], None, lambda: nt_xent(A, B, 0.3)),
    (InfoNCE(), [A, B], None, lambda: info_nce(A, B)),
    (SupCon(0.3), [A], CLASSES, lambda: supcon_loss(A, CLASSES, 0.3)),
    (SupCon(0.3), [A, B], CLASSES,
     lambda: supcon_loss(Tensor(np.vstack([A.data, B.data])), np.tile(CLASSES, 2), 0.3)),
    (Triplet(0.5), [A, B, C], None, lambda: triplet_loss(A, B, C, 0.5)),
    (CosineRegression(), [A, B], GRADES, lambda: cosine_regression_loss(A, B, GRADES / 5)),
    (CosineRegression(-5, 5), [A, B], GRADES,
     lambda: cosine_regression_loss(A, B, (GRADES + 5) / 10)),
])
def test_an_objective_is_its_loss(objective, views, labels, loss):
    objective.check(len(views), labels)
    texts = TEXTS[: len(views)]
    assert objective(views, labels, texts).item() == loss().item()


def test_repeats_are_masked_unless_that_is_switched_off():
    found = [InBatch(0.2, m)([A, B], None, TEXTS[:2]).item() for m in (True, False)]
    assert found[0] < found[1]  # fewer negatives


def test_siamese_classes_is_the_cross_entropy_of_its_head():
    objective = SiameseClasses(5, 2, rng=np.random.default_rng(0)).astype(np.float64)
    objective.check(2, CLASSES)
    found = objective([A, B], CLASSES, TEXTS[:2]).item()
    assert found == objective.head.loss(A, B, CLASSES).item()
    assert [name for name, _ in objective.named_parameters()] == [
        "head.linear.weight", "head.linear.bias"]


def test_projected_views_are_those_of_two_layers_worked_by_hand():
    projection = Projection(2, rng=np.random.default_rng(0)).astype(np.float64)
    projection.first.weight.assign(np.array([[1.0, 0], [0, -1]]))
    projection.last.weight.assign(np.array([[2.0, 0], [0, 3]]))
    projection.last.bias.assign(np.array([0.0, 1]))
    x = Tensor(np.array([[3.0, 4.0], [-1.0, -2.0]]))  # relu: (3, 0) and (0, 2)
    assert projection(x).data.tolist() == [[6.0, 1.0], [0.0, 7.0]]
    objective = Projected(NTXent(0.5), projection)
    y = Tensor(np.array([[1.0, 1.0], [0.5, -1.0]]))
    expected = nt_xent(projection(x), projection(y), 0.5).item()
    assert objective([x, y], None, np.array([[0, 1], [2, 3]])).item() == expected
    gradcheck(lambda a, b: objective([a, b], None, None), x.data, y.data,
              rng=np.random.default_rng(0), method="central")


@pytest.mark.parametrize("objective, columns, labels, message", [
    (InBatch(), 1, None, "InBatch: there are 1 columns of texts, expected 2 or 3"),
    (InBatch(), 4, None, "4 columns"),
    (NTXent(), 3, None, "NTXent: there are 3 columns of texts, expected 2"),
    (Triplet(), 2, None, "expected 3"),
    (SupCon(), 2, None, "SupCon: there are no labels, expected classes"),
    (SupCon(), 2, GRADES, "there are grades"),
    (CosineRegression(), 2, CLASSES, "there are classes .* expected grades"),
    (CosineRegression(0, 1), 2, GRADES, "grade 5.0 at row 1 is not between 0.0 and 1.0"),
    (CosineRegression(), 2, np.array([1.0, np.nan]), "grade nan at row 1"),
    (SiameseClasses(5, 2, rng=RNG), 2, np.array([0, 2]), "class 2 in labels, expected below 2"),
    (SiameseClasses(5, 2, rng=RNG), 2, None, "no labels"),
    (Projected(Triplet(), Projection(5, rng=RNG)), 2, None, "Triplet: there are 2 columns"),
])
def test_columns_and_labels_that_do_not_fit_are_refused(objective, columns, labels, message):
    with pytest.raises(DataError, match=message):
        objective.check(columns, labels)


@pytest.mark.parametrize("wrong, message", [
    (lambda: InBatch(0), "InBatch: tau is 0"), (lambda: InBatch(np.nan), "InBatch: tau"),
    (lambda: InBatch(0.1, mask_repeats="no"), "mask_repeats is 'no', expected True or False"),
    (lambda: NTXent(-1), "NTXent: tau"), (lambda: SupCon(0), "SupCon: tau"),
    (lambda: Triplet(0), "Triplet: margin"), (lambda: CosineRegression(5, 5), "not below"),
    (lambda: CosineRegression(high="5"), "high is '5'"),
    (lambda: SiameseClasses(5, 1, rng=RNG), "classes is 1"),
    (lambda: Projection(0, rng=RNG), "Projection: width is 0"),
    (lambda: Projected(nt_xent, Projection(5, rng=RNG)), "Projected: objective is <function"),
])
def test_options_that_cannot_work_are_refused(wrong, message):
    with pytest.raises(ConfigError, match=message):
        wrong()


def test_an_objective_of_ones_own_needs_a_forward_alone():
    class Far(Objective):
        def forward(self, views, labels, texts):
            return (views[0] * views[1]).mean()

    Far().check(2, None)
    assert Far()([A, B], None, TEXTS).item() == pytest.approx((A.data * B.data).mean())
    with pytest.raises(NotImplementedError, match="Objective defines no forward"):
        Objective()([A, B], None, TEXTS)
