"""What must hold for every head: pads do not matter, and neither does how a batch is cut."""

import numpy as np
import pytest

from npft.text.batch import Batch


def widened(batch, left=0, right=0):
    """The same batch by way of a padded rectangle with more pads than it needs."""
    def pads(values, fill):
        return np.pad(values, ((0, 0), (left, right)), constant_values=fill)

    ids, mask = batch.to_padded(9)
    tokens = {"token_types": 1, "words": 0, "token_labels": 1}  # nonsense at the pads
    given = {name: getattr(batch, name) for name in tokens}
    parts = {name: None if part is None else pads(batch.pad(part, tokens[name]), tokens[name])
             for name, part in given.items()}
    spans = batch.spans
    if spans is not None:
        spans = np.where(spans < 0, spans, spans + left)
    return Batch.from_padded(pads(ids, 9), pads(mask, 0), labels=batch.labels, spans=spans, **parts)


def gradients(model, *parts):
    """The loss and the gradients of a batch, or of its parts one after another."""
    model.zero_grad()
    loss = 0.0
    for part in parts:
        one = model.loss(part).total
        one.backward()
        loss += one.item()
    return loss, {n: None if p.grad is None else p.grad.copy() for n, p in model.named_parameters()}


@pytest.fixture
def check_pads():
    """Check that more pads leave the bits of scores, loss, gradients, decisions and the score."""
    def check(model, batch):
        model.eval()
        loss, expected = gradients(model, batch)
        for sides in ((0, 3), (2, 0), (1, 5)):
            other = widened(batch, *sides)
            assert model(other).data.tobytes() == model(batch).data.tobytes()
            assert model.decide(other).tobytes() == model.decide(batch).tobytes()
            one, said = model.head(), model.decide(batch)
            assert one.score(said, other).as_dict() == one.score(said, batch).as_dict()
            again, found = gradients(model, other)
            assert again == loss
            assert all(found[n].tobytes() == g.tobytes() for n, g in expected.items())

    return check


@pytest.fixture
def check_cuts():
    """Check that the losses and gradients of the parts of a batch add up to those of the whole.

    ``shares`` is what each sequence counts for, if it counts at all.
    """
    def check(model, batch, shares):
        (name,) = model.heads
        model.astype(np.float64).eval()
        loss, expected = gradients(model, batch)
        assert loss > 0 and any(np.abs(g).max() > 1e-3 for g in expected.values())
        singles = model.packs(batch, 1)
        assert [part.shares[name] for part in singles] == pytest.approx(shares)
        for size in (1, 2, 3):
            parts = model.packs(batch, size)
            found = gradients(model, *parts)
            assert found[0] == pytest.approx(loss, abs=1e-9)
            assert sum(part.shares[name] for part in parts) == pytest.approx(1)
            for n, g in expected.items():
                np.testing.assert_allclose(found[1][n], g, rtol=0, atol=1e-9, err_msg=n)
        verdict = model.judge(batch)[name]  # in evaluation, too, the loss is that of the whole
        assert verdict.loss == pytest.approx(loss, abs=1e-9)

    return check
