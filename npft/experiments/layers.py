"""What geometry says of a body, layer by layer, in four states of its life: figures that disagree.

    sentences   mean cosine beside IsoScore: angles seen from 0, and the spread about the mean
    dimensions  which carry the mean cosine, and what is left of it without them
    words       how much of its context a word's vector holds, and whether frequent words hold more
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from npft.autograd.machine import threads
from npft.autograd.tensor import Tensor
from npft.contrast.simcse import train_contrastive
from npft.embed.contexts import WordStates, context_by_layer, self_similarity, word_states
from npft.embed.geometry import cosine_contributions, mean_cosine
from npft.embed.spectrum import iso_score, participation_ratio
from npft.embed.transforms import RemoveTop, Standardize
from npft.encoder import pooling
from npft.encoder.encoder import Encoder
from npft.experiments.cone import finetuned
from npft.heads.words import MaskedLM
from npft.metrics.ranking import spearman
from npft.nn.layers import set_dropout
from npft.worlds import TinyWorld

SENTENCES = 1000  # held out
MEASURES = {
    "mean_cosine": mean_cosine, "iso_score": iso_score, "participation_ratio": participation_ratio,
}  # fmt: skip
REMOVED = 3  # as many of the top directions or dimensions are taken out, one after another
OFTEN = 5  # a word must occur so often in the sample for its self-similarity to be told
CONTENT = ("NOUN", "VERB", "ADJ")


def layers_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Measure one body at random, pretrained, fine-tuned on messages, and contrasted.

    A cell holds "seed", "body" (the folder of a MaskedLM), "world" and "documents" (the seed of the
    TinyWorld it was pretrained on, and how many documents), "steps" (of SimCSE) and "epochs" (of
    fine-tuning); perhaps "sentences", how many are measured. It is returned with "layers", "rogue",
    "contexts" and "frequency", each by state.
    """
    with threads(1):
        world = TinyWorld(cell["world"])
        n = cell.get("sentences", SENTENCES)
        held_out = [s for d in world.documents(n, cell["documents"]) for s in d.tokens][:n]
        texts = [s for d in world.documents(cell["documents"]) for s in d.sentences]
        words = [[token.word for token in sentence] for sentence in held_out]
        content = {t.word for s in held_out for t in s if t.pos in CONTENT}
        counts = Counter(word for text in texts for word in text.split())
        found: dict[str, Any] = {"layers": {}, "rogue": {}, "contexts": {}, "frequency": {}}
        for name, encoder in _states(cell, texts):
            layers = sentence_layers(encoder, [" ".join(text) for text in words])
            found["layers"][name] = {
                figure: [measure(x) for x in layers] for figure, measure in MEASURES.items()
            }
            found["rogue"][name] = rogue(layers[-1])
            contexts = word_states(encoder, words)
            found["contexts"][name] = context_by_layer(contexts)
            found["frequency"][name] = frequency(contexts, counts, content)
    return cell | found


def _states(cell: dict[str, Any], texts: list[str]) -> Iterator[tuple[str, Encoder]]:
    """The encoder in its four states, made as in the figure of the cone."""

    def pretrained() -> Encoder:
        return MaskedLM.load(cell["body"]).body

    seed, body = cell["seed"], pretrained()
    rng = np.random.default_rng(seed)
    yield "random", Encoder(body.config, tokenizer=body.tokenizer, rng=rng)
    yield "mlm", body
    yield "finetuned", finetuned(pretrained(), cell["epochs"], seed)
    contrasted = pretrained()
    set_dropout(contrasted, 0.1)
    rng = np.random.default_rng(seed)
    train_contrastive(contrasted, texts, steps=cell["steps"], every=cell["steps"], rng=rng)
    yield "simcse 0.1", contrasted


def sentence_layers(encoder: Encoder, sentences: list[str]) -> list[np.ndarray]:
    """The means of the tokens of each sentence, for each layer a table (n, D)."""
    tokenizer = encoder.need_tokenizer("sentence_layers")
    batch = tokenizer(sentences, max_length=encoder.config.max_positions)
    states = encoder.hidden_states(batch)
    return [pooling.pool(Tensor(s), batch, "mean").numpy() for s in states]


def rogue(x: np.ndarray) -> dict[str, Any]:
    """Which dimensions carry the mean cosine of the rows x (n, D), and what takes it away.

    "raw": what each dimension adds to it, the largest first; "standardized": what the same
    dimensions add when all are standardised. "dropped": the mean cosine without the 0, 1, 2, 3
    dimensions that add most; "removed": without the mean and the 0, 1, 2, 3 principal directions
    that vary most. What is learnt for "standardized" and "removed" is learnt from one half of the
    rows and measured on the other, as all else is.
    """
    learnt, x = x[::2], x[1::2]
    raw = cosine_contributions(x)
    order = np.argsort(-raw, kind="stable")
    standard = Standardize().fit(learnt).transform(x)
    return {
        "raw": raw[order].tolist(),
        "standardized": cosine_contributions(standard)[order].tolist(),
        "dropped": [mean_cosine(x[:, order[k:]]) for k in range(REMOVED + 1)],
        "removed": [
            mean_cosine(RemoveTop(k).fit(learnt).transform(x)) for k in range(REMOVED + 1)
        ],
    }


def frequency(states: WordStates, counts: Counter[str], content: set[str]) -> dict[str, Any]:
    """Do frequent words look less like themselves? After the last block.

    "words": for each word that occurs often in the sample and at all in the pretraining text: how
    often it occurs there, its self-similarity, and whether it is a content word. "all" and
    "content": the rank correlations of the two numbers.
    """
    often = {word for word, n in Counter(states.words).items() if n >= OFTEN}
    own = self_similarity(states.layers[-1], states.words)
    rows = [(counts[w], s, w in content) for w, s in own.items() if w in often and counts[w]]
    chosen = [row for row in rows if row[2]]
    return {
        "words": [[n, s, int(c)] for n, s, c in rows],
        **{
            name: spearman([n for n, _, _ in some], [s for _, s, _ in some])
            for name, some in (("all", rows), ("content", chosen))
        },
    }
