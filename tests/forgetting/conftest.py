"""A body that has learnt something, and a task on which training makes it forget.

A document draws its words evenly from the three of its topic: a masked word can be guessed with a
loss of log 9 from its frequency and of log 3 from the topic. The task asks for one of the words,
which has nothing to do with the topic.
"""

from typing import NamedTuple

import numpy as np
import pytest

from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.finetune.train import fine_tune
from npft.forgetting.measure import forgetting_curve
from npft.heads.classes import Classifier
from npft.heads.words import MaskedLM
from npft.nn.layers import set_dropout
from npft.pretraining.pairs import Corpus
from npft.pretraining.probe import make_probe, unigram_loss
from npft.pretraining.train import pretrain
from npft.text.batch import Batch
from npft.text.wordpiece import WordPiece

TOPICS = [("cat", "dog", "cow"), ("red", "blue", "pink"), ("rice", "tea", "soup")]


def make_documents(n, seed):
    rng = np.random.default_rng(seed)
    return [[" ".join(rng.choice(TOPICS[d % 3], 6)) for _ in range(4)] for d in range(n)]


def make_task(tok, n, seed):
    """Texts of words of all topics; the label says whether the word "cat" is among them."""
    rng = np.random.default_rng(seed)
    others = [word for topic in TOPICS for word in topic if word != "cat"]
    labels = np.arange(n) % 2
    texts = []
    for label in labels:
        words = list(rng.choice(others, 6))
        words[rng.integers(6)] = "cat" if label else "dog"
        texts.append(" ".join(words))
    return tok(texts, labels=labels)


class Small(NamedTuple):
    """What the tests of one session share; no test changes any of it."""

    tok: WordPiece
    documents: list[list[str]]
    train: Batch
    test: Batch
    probe: Batch
    unigram: float
    state: dict[str, np.ndarray]

    def models(self, seed=0, dropout=0.0, pretrained=True, width=16):
        """A new classifier and the masked language model whose encoder it uses."""
        rng = np.random.default_rng(seed)
        config = EncoderConfig(
            vocab_size=self.tok.vocab_size, hidden_size=width, num_layers=2, num_heads=2,
            intermediate_size=32, max_positions=20, dropout=0.0)
        mlm = MaskedLM(Encoder(config, tokenizer=self.tok, rng=rng), nsp=False, rng=rng)
        if pretrained:
            mlm.load_state_dict(self.state)
        model = Classifier(mlm.encoder, 2, rng=rng)
        set_dropout(model, dropout)
        return model, mlm

    def train_only(self, model, repairs=(), seed=0, **options):
        options = {"epochs": 1, "batch_size": 16, "lr": 1e-2, **options}
        rng = np.random.default_rng(seed)
        return fine_tune(model, self.train, repairs=repairs, **options, rng=rng)

    def curve(self, model, mlm, repairs=(), seed=0, **options):
        options = {"epochs": 1, "batch_size": 16, "lr": 1e-2, "every": 2, **options}
        return forgetting_curve(
            model, mlm, self.train, self.probe, test=self.test, unigram=self.unigram,
            repairs=repairs, **options, rng=np.random.default_rng(seed))


@pytest.fixture(scope="session")
def small():
    documents, held_out = make_documents(60, seed=0), make_documents(12, seed=1)
    tok = WordPiece.train([s for d in documents for s in d], vocab_size=80)
    probe = make_probe(held_out, tok, max_length=20, rng=np.random.default_rng(2))
    unigram = unigram_loss(Corpus(documents, tok), probe)
    unfinished = Small(
        tok, documents, make_task(tok, 64, 3), make_task(tok, 40, 4), probe, unigram, {})
    _, mlm = unfinished.models(pretrained=False)
    pretrain(mlm, documents, steps=250, lr=1e-2, batch_size=32, rng=np.random.default_rng(5))
    return unfinished._replace(state=mlm.state_dict())


@pytest.fixture
def bits():
    """The bytes of all weights of a module."""
    return lambda module: b"".join(a.tobytes() for a in module.state_dict().values())
