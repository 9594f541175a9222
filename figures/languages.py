"""F26 and F27: one model for two languages of unequal size, and a word that both have.

languages.png: held-out loss of each language against alpha. false_friend.png: "palm" is a tree or
part of a hand in the first language and bread in the second (Jurafsky & Martin, figure 11.7).
"""

from functools import cache

import numpy as np
from common import SEEDS, picture, results

from npft import TinyWorld, WordPiece, pretrain
from npft.autograd.machine import threads
from npft.experiments.sweep import sweep
from npft.plots import draw_false_friend, draw_languages
from npft.pretraining.mixture import shares_by_alpha
from npft.pretraining.probe import make_probe
from npft.pretraining.start import new_masked_lm
from npft.text import draw_documents
from npft.worlds.languages import FALSE_FRIEND, FRIEND_MEANS, translated
from npft.worlds.lexicon import GIVEN_NAMES

LARGE, SMALL, HELD_OUT = 4000, 200, 200  # documents of the first language and of the second
VOCAB_SIZE, VOCABULARY_ALPHA = 2400, 0.3  # one vocabulary for all alphas, so that losses compare
LENGTH, BATCH_SIZE, LR, STEPS, EVERY = 20, 16, 3e-3, 3000, 600
ALONE = "second alone"
SETTINGS = (1.0, 0.7, 0.3, ALONE)
SHOWN = 0.3  # the alpha of the false friend
READ = 2500  # further documents in which the false friend is looked for
NAMES, USES = 12, 40  # the control: names, which mean the same in both languages


def sentences(world: TinyWorld, n: int, start: int) -> list[list[str]]:
    return [d.sentences for d in world.documents(n, start)]


@cache
def material(seed: int) -> tuple:
    """The training and the held-out text of both languages, and the vocabulary."""
    first, second = TinyWorld(seed), TinyWorld(seed, language="second")
    # the second language is another text, not a translation of the first
    texts = {"first": sentences(first, LARGE, 0), "second": sentences(second, SMALL, 5000)}
    held = {
        "first": sentences(first, HELD_OUT, 10_000),
        "second": sentences(second, HELD_OUT, 10_200),
    }
    drawn, _ = draw_documents(
        list(texts.values()), LARGE + SMALL, alpha=VOCABULARY_ALPHA,
        rng=np.random.default_rng(seed),
    )
    return texts, held, WordPiece.train([s for d in drawn for s in d], vocab_size=VOCAB_SIZE)


@threads(1)
def run(cell: tuple) -> dict:
    """Train one model with one setting; returns its history, and its vectors for one alpha."""
    setting, seed = cell
    texts, held, tok = material(seed)
    rng = np.random.default_rng(seed)
    mlm = new_masked_lm(tok, LENGTH, False, rng)
    if setting == ALONE:
        shares = {"first": 0.0, "second": 1.0}
    else:
        shares = shares_by_alpha(texts, setting)
    probes = {
        name: make_probe(text, tok, max_length=LENGTH, rng=np.random.default_rng(seed))
        for name, text in held.items()
    }
    history = pretrain(
        mlm, texts, shares=shares, probes=probes, steps=STEPS, batch_size=BATCH_SIZE, lr=LR,
        every=EVERY, rng=rng,
    )
    found = {"setting": setting, "seed": seed, "shares": shares, "history": history.rows}
    return found | (friend(mlm, TinyWorld(seed), points=seed == 0) if setting == SHOWN else {})


def friend(mlm, world: TinyWorld, points: bool) -> dict:
    """Mean cosines of a word's vectors, in the word table and after each layer."""
    tok = mlm.encoder.tokenizer
    said = [
        (tokens, translated(tokens))
        for document in world.documents(READ, start=20_000)
        for tokens in document.tokens
    ]
    # what is cut off has no vector
    fits = [tok([words(both[k]) for both in said]).lengths <= LENGTH for k in (0, 1)]
    said = [both for both, fit in zip(said, fits[0] & fits[1]) if fit]

    def uses(word: str, language: int) -> list[np.ndarray]:
        texts = [words(both[language]) for both in said]
        return vectors(mlm, [text for text in texts if word in text][:USES], word)

    first, second = uses(FALSE_FRIEND, 0), uses(FALSE_FRIEND, 1)
    meant = uses(FRIEND_MEANS, 0)
    names = [name for name in GIVEN_NAMES if len(tok.encode(name)) == 1][:NAMES]
    same = [list(map(cosine, uses(name, 0), uses(name, 1))) for name in names]
    cosines = {
        "first": list(map(cosine, first, first)),
        "second": list(map(cosine, second, second)),
        "between": list(map(cosine, first, second)),
        "translation": list(map(cosine, meant, second)),
        "names": np.mean(same, axis=0).tolist(),
    }
    found = {"cosines": cosines, "uses": [len(first[0]), len(second[0])]}
    if points:
        found["points"] = [plane(a, b) for a, b in zip(first[1:], second[1:])]
    return found


def words(tokens) -> list[str]:
    return [token.word for token in tokens]


def vectors(mlm, texts: list[list[str]], word: str) -> list[np.ndarray]:
    """The vectors of a word in the texts: its row of the word table, then one for each layer.

    A word of several pieces has their mean.
    """
    batch = mlm.encoder.tokenizer(texts)
    table = mlm.encoder.embeddings.word_embeddings.weight.data
    states = [table[batch.ids], *mlm.encoder.hidden_states(batch)]
    places = np.array([text.index(word) for text in texts])
    pieces = batch.words == places[batch.sequence]  # (N,)
    return [
        np.stack([h[pieces & (batch.sequence == i)].mean(axis=0) for i in range(len(texts))])
        for h in states
    ]


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Mean cosine of a row of ``a`` (n, D) and one of ``b`` (m, D), never of a row with itself."""
    x, y = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (a, b))
    between = (x @ y.T).astype(np.float64)
    if a is b:
        between = between[~np.eye(len(a), dtype=bool)]
    return float(between.mean())


def plane(a: np.ndarray, b: np.ndarray) -> list[list]:
    """The vectors of both languages in the plane of their two largest principal components."""
    x = np.concatenate([a, b])
    x = x - x.mean(axis=0)
    u, s, _ = np.linalg.svd(x, full_matrices=False)
    xy = (u[:, :2] * s[:2]).round(3)
    return [xy[: len(a)].tolist(), xy[len(a) :].tolist()]


def compute() -> list:
    return sweep(run, [(setting, seed) for setting in SETTINGS for seed in SEEDS])


if __name__ == "__main__":
    cells = results(__file__, compute)
    picture("languages", draw_languages, cells)
    friends = [c for c in cells if "cosines" in c]
    picture("false_friend", draw_false_friend, friends, columns=2, width=6.5)
