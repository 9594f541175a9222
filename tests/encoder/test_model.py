"""A copy of a model: equal, apart, and trainable."""

import numpy as np
import pytest

from npft import Classifier, Encoder, EncoderConfig, freeze_body
from npft.encoder.model import copy_of
from npft.text.batch import Batch

BATCH = Batch([104, 105, 106], [0, 2, 3], labels=[0, 1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_copy_says_the_same_in_the_same_dtype_and_shares_no_weight(dtype):
    rng = np.random.default_rng(0)
    model = Classifier(Encoder(EncoderConfig.lesson(), rng=rng), 2, rng=rng).astype(dtype).eval()
    copied = copy_of(model)
    before = model(BATCH).data
    assert copied(BATCH).data.dtype == dtype
    assert np.array_equal(copied(BATCH).data, before)
    for parameter in copied.parameters():
        parameter.assign(parameter.data + 1)
    assert np.array_equal(model(BATCH).data, before)


def test_a_copy_of_a_frozen_model_trains():
    rng = np.random.default_rng(0)
    model = Classifier(Encoder(EncoderConfig.lesson(), rng=rng), 2, rng=rng)
    freeze_body(model)
    assert all(p.requires_grad for p in copy_of(model).parameters())
    assert not model.encoder.parameters()[0].requires_grad
