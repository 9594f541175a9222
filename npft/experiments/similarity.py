"""Which sentence vectors know what is similar: read from one body in many ways, and trained.

Every way is a function from texts to vectors; its figure is the rank correlation of the cosine with
graded similarity, on pairs that share words and on pairs that share only meanings.

    static      the mean of word vectors that know no context: PPMI with SVD, GloVe
    raw         the pretrained body, read by one pool or another
    moved       its mean vectors, shifted and scaled by what 1,000 other sentences show
    trained     the body after SimCSE, siamese classes (SBERT), or regression on graded pairs
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from npft.autograd.machine import threads
from npft.autograd.tensor import Tensor
from npft.contrast.bi_encoder import BiEncoder, train_bi_encoder
from npft.contrast.objectives import CosineRegression, InBatch, SiameseClasses
from npft.contrast.simcse import train_contrastive
from npft.embed.sentences import SentenceEncoder
from npft.embed.similarity import bag_of_words_encoder, paired_cosines
from npft.embed.transforms import RemoveTop, Standardize, Transform, Whiten
from npft.encoder.encoder import Encoder
from npft.encoder.pooling import POOLS, pool
from npft.experiments.cone import GOLDS, EmbeddingTest
from npft.experiments.senses import X_MAX
from npft.finetune.regimes import DROPOUT
from npft.heads.words import MaskedLM
from npft.metrics.curves import roc_auc
from npft.nn.layers import set_dropout
from npft.senses.cooccurrence import cooccurrences
from npft.senses.glove import glove
from npft.senses.ppmi import ppmi_svd
from npft.text.examples import Examples
from npft.worlds import TinyWorld
from npft.worlds.logic import nli_triples

Encode = Callable[[Sequence[str]], np.ndarray]
PREMISES = 6000  # of natural-language inference, to train on
GRADED = 3000  # pairs of each kind, to train on
SUPERVISED_LR = 2e-3  # 3e-4, that of SimCSE, hardly learns in 300 steps what the labels say
TRAINED = ("siamese classes", "graded pairs", "simcse", "simcse supervised")
BINS = np.linspace(-1, 1, 41)  # of the histograms of cosines
ALIKE = 5.0  # the grade of pairs that mean the same
COMPARED = ("mean", "simcse", "simcse supervised")  # whose cosines are counted


def first_and_last(encoder: Encoder) -> Encode:
    """The mean over a text's tokens of the mean of the first and the last block."""

    def encode(texts: Sequence[str]) -> np.ndarray:
        tokenizer = encoder.need_tokenizer("first_and_last")
        batch = tokenizer(list(texts), max_length=encoder.config.max_positions)
        states = encoder.hidden_states(batch)
        return pool(Tensor((states[1] + states[-1]) / 2), batch, "mean").data

    return encode


def moved(encode: Encode, transform: Transform, texts: Sequence[str]) -> Encode:
    """``encode``, then a transform that has been fitted to the vectors of ``texts``."""
    transform.fit(encode(texts))
    return lambda some: transform.transform(encode(some))


def untrained_ways(
    body: Encoder, read: Sequence[str], held_out: Sequence[str]
) -> dict[str, Encode]:
    """Every way that trains no encoder. ``read``: the text; ``held_out``: to fit transforms to."""
    mean = SentenceEncoder(body, "mean", normalize=False).encode
    rng = np.random.default_rng(0)
    return {
        "bag of words": bag_of_words_encoder(read),
        "ppmi": ppmi_svd(cooccurrences(read)).encode,
        "glove": glove(cooccurrences(read, decay=True), x_max=X_MAX, rng=rng).encode,
        **{kind: SentenceEncoder(body, kind, normalize=False).encode for kind in POOLS},
        "first and last": first_and_last(body),
        "standardised": moved(mean, Standardize(), held_out),
        "whitened": moved(mean, Whiten(), held_out),
        "top removed": moved(mean, RemoveTop(1), held_out),
    }


def trained(
    body: Encoder, way: str, world: TinyWorld, texts: Sequence[str], steps: int, seed: int
) -> Encode:
    """Train the body in one way, and return its mean vectors."""
    rng = np.random.default_rng(seed)
    set_dropout(body, DROPOUT)
    options: dict[str, Any] = {"steps": steps, "every": steps, "rng": rng}
    if way == "simcse":
        train_contrastive(body, texts, **options)
        return SentenceEncoder(body, "mean", normalize=False).encode
    options["lr"] = SUPERVISED_LR
    if way == "simcse supervised":
        train_bi_encoder(BiEncoder(body, InBatch()), list(nli_triples(world, PREMISES)), **options)
    elif way == "siamese classes":
        data = world.task("nli", PREMISES)
        model = BiEncoder(body, SiameseClasses(body.config.hidden_size, 3, rng=rng))
        train_bi_encoder(model, [data.texts, data.pairs], data.labels, **options)
    else:
        first, second, grades = graded_pairs(world, GRADED)
        train_bi_encoder(BiEncoder(body, CosineRegression()), [first, second], grades, **options)
    return SentenceEncoder(body, "mean", normalize=False).encode


def graded_pairs(world: TinyWorld, n: int) -> tuple[list[str], list[str], np.ndarray]:
    """n pairs of each kind, drawn as those of the test but others."""
    kinds = [world.task(name, n, seed=2) for name in GOLDS]
    first = [text for kind in kinds for text in kind.texts]
    second = [text for kind in kinds for text in kind.pairs]
    return first, second, np.concatenate([kind.labels for kind in kinds])


def cosines(encode: Encode, golds: Sequence[Examples]) -> dict[str, Any]:
    """How the cosines of pairs of one meaning and of random pairs lie: counts in ``BINS``.

    A random pair is the first text of a pair with the second text of the next pair. "nearer": how
    often a pair of one meaning is nearer than a random one, a tie counted half.
    """
    alike, random = [], []
    for gold in golds:
        x, y = encode(gold.texts), encode(gold.pairs or [])
        alike.append(paired_cosines(x, y)[np.asarray(gold.labels) >= ALIKE])
        random.append(paired_cosines(x, np.roll(y, 1, axis=0)))
    a, r = np.concatenate(alike), np.concatenate(random)
    return {
        "alike": np.histogram(a, BINS)[0].tolist(),
        "random": np.histogram(r, BINS)[0].tolist(),
        "nearer": roc_auc(np.repeat([1, 0], [len(a), len(r)]), np.concatenate([a, r])),
    }


def similarity_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Measure every way on the pairs of one world.

    A cell holds "seed", "body" (the folder of a MaskedLM), "world" and "documents" (the seed of the
    TinyWorld it was pretrained on, and how many documents) and "steps" (of each training); perhaps
    "sentences" and "pairs", how many are measured. It is returned with "ways", the correlations by
    way and gold standard, and "cosines", the histograms of the ways ``COMPARED``.
    """
    with threads(1):
        world = TinyWorld(cell["world"])
        sizes = {name: cell[name] for name in ("sentences", "pairs") if name in cell}
        test = EmbeddingTest(world, cell["documents"], **sizes)
        texts = [s for d in world.documents(cell["documents"]) for s in d.sentences]
        body = MaskedLM.load(cell["body"]).body
        ways = untrained_ways(body, texts, test.sentences)
        for way in TRAINED:
            fresh = MaskedLM.load(cell["body"]).body
            ways[way] = trained(fresh, way, world, texts, cell["steps"], cell["seed"])
        return cell | {
            "ways": {name: test.similarity(encode) for name, encode in ways.items()},
            "cosines": {n: cosines(ways[n], list(test.golds.values())) for n in COMPARED},
        }
