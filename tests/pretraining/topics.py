"""A text whose masked words can be guessed from their topic, and small models of it, for tests."""

import numpy as np

from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.heads.words import MaskedLM
from npft.text.wordpiece import WordPiece

# A document draws its words evenly from the three of its topic. So a masked word can be guessed
# with a loss of log 9 from its frequency, of log 3 from the topic, and not better.
TOPICS = [("cat", "dog", "cow"), ("red", "blue", "pink"), ("rice", "tea", "soup")]


def documents(n=24, seed=0):
    rng = np.random.default_rng(seed)
    return [[" ".join(rng.choice(TOPICS[d % 3], 6)) for _ in range(4)] for d in range(n)]


TOK = WordPiece.train([s for d in documents() for s in d], vocab_size=80)


def model(nsp=True, dropout=0.0, width=16, tokenizer=TOK, seed=0, **options):
    rng = np.random.default_rng(seed)
    config = EncoderConfig(
        vocab_size=TOK.vocab_size, hidden_size=width, num_layers=1, num_heads=2,
        intermediate_size=2 * width, max_positions=20, dropout=dropout, **options)
    return MaskedLM(Encoder(config, tokenizer=tokenizer, rng=rng), nsp, rng=rng)


def bits(module):
    return b"".join(a.tobytes() for a in module.state_dict().values())
