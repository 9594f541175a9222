"""A small body in a folder, and what a cell may not change of the process it runs in."""

import contextlib

import numpy as np
import pytest

from npft.autograd import machine
from npft.encoder.checkpoint import save
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.encoder.hub_write import write_encoder
from npft.heads.words import MaskedLM
from npft.text.bytes import ByteTokenizer
from npft.text.wordpiece import WordPiece


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


WORDS = ("the a man dog child woman rides eats sees holds red old small horse apple bank bat money "
         "river ball cave win prize call free home soon").split()


def sentences(rng, n):
    """n random texts of three to seven words."""
    return [" ".join(rng.choice(WORDS, size=rng.integers(3, 8))) for _ in range(n)]


@pytest.fixture
def real_model(tmp_path):
    """A folder as Hugging Face has them, of a small random encoder of whole words."""
    tokenizer = WordPiece(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS])
    config = EncoderConfig(vocab_size=tokenizer.vocab_size, hidden_size=8, num_layers=3,
                           num_heads=2, intermediate_size=8, max_positions=24, type_vocab_size=2,
                           norm="post", init_std=0.5)
    encoder = Encoder(config, tokenizer=tokenizer, rng=np.random.default_rng(0))
    return str(write_encoder(tmp_path / "model", encoder))


@pytest.fixture
def real_data(tmp_path):
    """A folder with the layout of the public data that the figures of real models read."""
    rng, folder = np.random.default_rng(1), tmp_path / "data"
    for part, n in (("train", 60), ("dev", 20), ("test", 40)):
        rows = zip(rng.integers(0, 6, n), sentences(rng, n), sentences(rng, n))
        path = folder / "stsb" / f"sts-{part}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"x\tx\tx\t1\t{s}.0\t{a}\t{b}\n" for s, a, b in rows))
    messages = [f"{'spam' if i % 3 == 0 else 'ham'}\t{text} {i % 3 and 'home' or 'prize'}\n"
                for i, text in enumerate(dict.fromkeys(sentences(rng, 80)))]
    (folder / "sms_spam").mkdir()
    (folder / "sms_spam" / "SMSSpamCollection").write_text("".join(messages))
    (folder / "gutenberg").mkdir()
    for book in ("austen-emma", "carroll-alice"):
        lines = ["[ a title ]", *sentences(rng, 120)]
        (folder / "gutenberg" / f"{book}.txt").write_text("\n".join(lines) + "\n")
    return str(folder)
