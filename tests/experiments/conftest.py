"""A small body in a folder, and what a cell may not change of the process it runs in."""

import contextlib

import numpy as np
import pytest

from npft.autograd import machine
from npft.encoder.checkpoint import save
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.heads.words import MaskedLM
from npft.text.bytes import ByteTokenizer


def small_body(dropout=0.0):
    rng = np.random.default_rng(0)
    config = EncoderConfig(vocab_size=260, hidden_size=4, num_layers=2, num_heads=2,
                           intermediate_size=4, max_positions=40, dropout=dropout, init_std=0.2)
    return MaskedLM(Encoder(config, tokenizer=ByteTokenizer(), rng=rng), rng=rng)


@pytest.fixture
def body(tmp_path):
    """The folder of a small untrained MaskedLM."""
    save(tmp_path, small_body())
    return str(tmp_path)


def _settings():
    control = machine._product_threads()
    of_products = None if control is None else control[0]()
    return machine.Setting.threads, of_products, machine.Memory.kept, machine.Memory.open_blocks


@pytest.fixture
def same_process():
    """A block in which a cell must leave threads and memory as they are, whatever they are."""
    @contextlib.contextmanager
    def block(threads):
        control = machine._product_threads()
        with machine.threads(threads):
            if control is not None:
                control[1](2)
            before = _settings()
            try:
                yield
            finally:
                assert _settings() == before

    return block
