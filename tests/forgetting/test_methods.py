"""The table of methods: what one does to a run before it begins."""

import numpy as np
import pytest

from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.finetune.regimes import learning_rate
from npft.forgetting.methods import METHODS, Run
from npft.heads.classes import Classifier
from npft.text.batch import Batch


@pytest.mark.parametrize("kind", ["lora", "adapter"])
@pytest.mark.parametrize("width", [8, 256])
def test_what_is_added_learns_at_the_rate_of_its_regime_in_a_body_of_its_width(kind, width):
    rng = np.random.default_rng(0)
    config = EncoderConfig(vocab_size=9, hidden_size=width, num_layers=1, num_heads=2,
                           intermediate_size=8, max_positions=4)
    model = Classifier(Encoder(config, rng=rng), 2, rng=rng)
    run = Run(model, model, {}, [], Batch([1], [0, 1], labels=[0]), 1, 1,
              learning_rate("full", width), 0)
    METHODS[kind].before(run, 4)
    assert run.rate == pytest.approx(learning_rate(kind, width))
