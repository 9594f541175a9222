"""Memory: training holds on to nothing from one step to the next."""

import gc
import itertools
import tracemalloc

import numpy as np
import pytest

from npft import AdamW, Batch, Encoder, EncoderConfig, MaskedLM, set_threads, train_steps
from npft.text.batch import IGNORE


@pytest.mark.parametrize("threads", [1, 2])
def test_memory_does_not_grow_over_a_hundred_steps(threads):
    rng = np.random.default_rng(0)
    config = EncoderConfig(vocab_size=50, hidden_size=16, num_heads=2, intermediate_size=32,
                           max_positions=12, type_vocab_size=0, dropout=0.1)
    mlm = MaskedLM(Encoder(config, rng=rng), nsp=False, rng=rng)

    def batches():
        for length in itertools.cycle((8, 10, 12)):
            ids = rng.integers(0, 50, (6, length))
            asked = np.full(ids.shape, IGNORE)
            asked.reshape(-1)[::5] = rng.integers(0, 50, -(-ids.size // 5))
            yield Batch.from_padded(ids, np.ones_like(ids), token_labels=asked)

    set_threads(threads)
    steps = train_steps(
        mlm, batches(), lambda model, part, rng: model.loss(part, rng),
        AdamW(mlm.parameters()), cut=lambda batch: mlm.packs(batch, 3), rng=rng,
    )  # fmt: skip
    tracemalloc.start()
    try:
        for _ in range(100):
            next(steps)
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(100):
            next(steps)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        set_threads(1)
    assert after - before < 30_000  # bytes; the graph of one step takes more
