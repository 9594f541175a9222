"""The embedding cone through the life of an encoder: at random, pretrained, fine-tuned, contrasted.

Each state of the encoder is measured by figures that can disagree: mean cosine, effective rank,
uniformity and alignment describe where vectors lie; the rank correlation with graded similarity
says whether that place means anything.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.autograd.machine import threads
from npft.autograd.tensor import Tensor
from npft.contrast.simcse import train_contrastive
from npft.embed.geometry import alignment, cone, mean_cosine, uniformity
from npft.embed.sentences import SentenceEncoder
from npft.embed.similarity import bag_of_words_encoder, paired_cosines, similarity_score
from npft.embed.spectrum import effective_rank
from npft.encoder import pooling
from npft.encoder.encoder import Encoder
from npft.experiments.regimes import make_task
from npft.finetune.regimes import DROPOUT
from npft.finetune.train import fine_tune
from npft.heads.classes import Classifier
from npft.heads.words import MaskedLM
from npft.nn.layers import set_dropout
from npft.text.examples import Examples
from npft.worlds import TinyWorld

SENTENCES = 1000  # held out
DRAWN = 240  # of them, in the figure of the cone
PAIRS = 500  # of each gold standard
POSITIVE = 4.5  # pairs at least this similar (of 5) are positives for the alignment
GOLDS = ("similarity_words", "similarity_synonyms")


class EmbeddingTest:
    """Held-out sentences and graded pairs of a world, and what to measure on them."""

    def __init__(
        self, world: TinyWorld, documents: int, sentences: int = SENTENCES, pairs: int = PAIRS
    ) -> None:
        held_out = world.documents(sentences, start=documents)
        said = [(s, world.topic_names[d.topic]) for d in held_out for s in d.sentences]
        self.sentences = [s for s, _ in said][:sentences]
        self.topics = [topic for _, topic in said][:sentences]
        self.golds = {name: world.task(name, pairs) for name in GOLDS}
        words = self.golds["similarity_words"]
        self.positives = words[np.asarray(words.labels) >= POSITIVE]

    def similarity(self, encode: Any) -> dict[str, float]:
        """Spearman correlation with both gold standards."""
        return {name: similarity_score(encode, gold) for name, gold in self.golds.items()}

    def measure(self, encoder: Encoder, pool: str = "mean") -> dict[str, float]:
        """All figures of merit of an encoder's sentence vectors."""
        encode = SentenceEncoder(encoder, pool, normalize=False).encode
        x = encode(self.sentences)
        positives: Examples = self.positives
        return {
            "mean_cosine": mean_cosine(x),
            "effective_rank": effective_rank(x),
            "uniformity": uniformity(x),
            "alignment": alignment(encode(positives.texts), encode(positives.pairs or [])),
            **self.similarity(encode),
        }

    def by_layer(self, encoder: Encoder, pool: str = "mean") -> list[float]:
        """The mean cosine of pooled vectors after the embeddings and after each block: (L + 1)."""
        tokenizer = encoder.need_tokenizer("by_layer")
        batch = tokenizer(self.sentences, max_length=encoder.config.max_positions)
        states = encoder.hidden_states(batch)
        return [mean_cosine(pooling.pool(Tensor(s), batch, pool).data) for s in states]

    def cone(
        self, encoder: Encoder, pool: str = "mean", before: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Where the sentences stand around their mean direction, for the figure of the cone.

        "angle" to it and place "around" it of the first sentences, in degrees, and their "topics";
        of all sentences the "mean_cosine" and "half_within", the median angle; two sentences of
        different topics, their numbers in "named", their texts in "said" and the angle between them
        in "apart". How the whole is turned about its axis is free: it is turned to where the
        sentences stood in the cone ``before``.
        """
        x = SentenceEncoder(encoder, pool, normalize=False).encode(self.sentences)
        angle, around = cone(x)
        around = around[:DRAWN]
        if before is not None:
            around = turned(around, np.radians(before["around"]))
        topics = self.topics[:DRAWN]
        a, b = named = [0, next(i for i, topic in enumerate(topics) if topic != topics[0])]
        apart = np.arccos(np.clip(paired_cosines(x[[a]], x[[b]]), -1, 1))
        return {
            "mean_cosine": mean_cosine(x),
            "half_within": float(np.degrees(np.median(angle))),
            "apart": float(np.degrees(apart[0])),
            "angle": np.degrees(angle[:DRAWN]).round(1).tolist(),
            "around": np.degrees(around).round(1).tolist(),
            "topics": topics,
            "named": named,
            "said": [self.sentences[i] for i in named],
        }


def turned(around: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Places around an axis, all turned by one angle and perhaps mirrored, nearest to ``before``.

    around (n,) and before (n,), in radians. Σ cos(turned - before) is as large as can be.

    >>> turned(np.array([0.0, 0.5]), np.array([1.0, 1.5])).round(6).tolist()
    [1.0, 1.5]
    >>> turned(np.array([0.0, -0.5]), np.array([1.0, 1.5])).round(6).tolist()
    [1.0, 1.5]
    """
    kept, mirrored = (np.exp(1j * (before - a)).sum() for a in (around, -around))
    if abs(mirrored) > abs(kept):
        return -around + np.angle(mirrored)
    return around + np.angle(kept)


def embedding_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Measure one body in all its states.

    A cell holds "seed", "body" (the folder of a MaskedLM), "world" and "documents" (the seed of the
    TinyWorld it was pretrained on, and how many documents), "steps" (of SimCSE), "every", "epochs"
    (of fine-tuning; 0 leaves that state out) and "dropouts" (of SimCSE); perhaps "sentences" and
    "pairs", how many are measured. It is returned with
    "states", "words" (the bag of words), "layers", "paths" (of SimCSE) and "cones".
    """
    with threads(1):
        return cell | _measured(cell)


def _measured(cell: dict[str, Any]) -> dict[str, Any]:
    seed = cell["seed"]
    world = TinyWorld(cell["world"])
    sizes = {name: cell[name] for name in ("sentences", "pairs") if name in cell}
    test = EmbeddingTest(world, cell["documents"], **sizes)
    texts = [s for d in world.documents(cell["documents"]) for s in d.sentences]

    def pretrained() -> Encoder:
        return MaskedLM.load(cell["body"]).body

    body = pretrained()
    rng = np.random.default_rng(seed)
    encoders = {"random": Encoder(body.config, tokenizer=body.tokenizer, rng=rng), "mlm": body}
    if cell["epochs"]:
        encoders["finetuned"] = finetuned(pretrained(), cell["epochs"], seed)
    paths = {}
    for p in cell["dropouts"]:
        encoder = pretrained()
        set_dropout(encoder, p)
        history = train_contrastive(
            encoder,
            texts,
            steps=cell["steps"],
            every=cell["every"],
            measure=test.measure,
            rng=np.random.default_rng(seed),
        )
        encoders[f"simcse {p:g}"] = encoder
        paths[f"{p:g}"] = history.rows
    return {
        "states": {name: test.measure(e) for name, e in encoders.items()},
        "words": test.similarity(bag_of_words_encoder(texts)),
        "layers": {name: test.by_layer(e) for name, e in encoders.items()},
        "paths": paths,
        "cones": {name: test.cone(encoders[name]) for name in encoders},
    }


def finetuned(encoder: Encoder, epochs: int, seed: int, task: str = "hard sms") -> Encoder:
    """The encoder after full fine-tuning on 640 examples of a task of ``make_task``."""
    rng = np.random.default_rng(seed)
    train, _ = make_task(task, 640, seed)
    names = train.label_names
    model = Classifier(encoder, len(names), label_names=names, rng=rng)
    set_dropout(model, DROPOUT)
    fine_tune(model, model.batch_of(train), epochs=epochs, lr=1e-3, rng=rng)
    return encoder
