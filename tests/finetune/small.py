"""A small classifier, texts it can learn, and a run of a few steps, for the tests of fine-tuning."""

import numpy as np

from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.finetune.regimes import layers_of
from npft.finetune.train import fine_tune
from npft.heads.classes import Classifier
from npft.text.bytes import ByteTokenizer

TOK = ByteTokenizer()


def classifier(num_labels=2, dropout=0.0, seed=0, layers=1, norm="pre"):
    rng = np.random.default_rng(seed)
    config = EncoderConfig(
        vocab_size=260, hidden_size=8, num_layers=layers, num_heads=2, intermediate_size=8,
        max_positions=16, dropout=dropout, norm=norm, init_std=0.2)
    return Classifier(Encoder(config, tokenizer=TOK, rng=rng), num_labels, rng=rng)


def separable(n=60, seed=0, classes=2):
    """Texts in which one letter says the class."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    texts = []
    for label in labels:
        letters = list("xyz" * 2)[: rng.integers(1, 7)]
        letters.insert(rng.integers(len(letters) + 1), "abc"[label])
        texts.append("".join(letters))
    return TOK(texts, labels=labels)


def bits(module):
    return b"".join(a.tobytes() for a in module.state_dict().values())


def layer_bits(model):
    """The bytes of each layer, from the top down."""
    state = model.state_dict()
    return [b"".join(a.tobytes() for name, a in state.items() if name.startswith(begins))
            for begins in layers_of(model).values()]


def run(model, data=None, seed=0, **options):
    options = {"epochs": 3, "batch_size": 16, **options}
    return fine_tune(model, separable() if data is None else data, **options,
                     rng=np.random.default_rng(seed))
