"""One body for many languages: what each of them loses, and the accent of a small one.

The curse of multilinguality: with the body and the steps fixed, every further language takes its
share of both (Conneau et al. 2020, section 5.2.1; Jurafsky & Martin, section 11.2.3). One body
learns 1, 2, 4 and 8 toy languages of equal size, and two controls say what the loss is of:

    alone, 1/N of the steps   one language that gets what it would get among N: what is lost by
                              fewer steps and not by company
    a wider body              one language and all of them with twice the width: is room what the
                              many lack, and the one does not?

The accent: the grammar of a large language shows in a small one (Papadimitriou et al. 2023). In
the small language an adjective follows its noun and the verbs come last; beside it stands a large
one with the same order, or with the other. Both words of a pair are hidden, and the accent is how
much of the probability of the first place, of all that nouns and adjectives have there, goes to
adjectives: what the large language would say and the small one never does.

Sentences are of two topics, so that a few steps are enough. One vocabulary holds the words of all
languages whole in every run, so losses are per word and compare; what a real model loses as well,
because more languages break words into more pieces, is left out. A run is a cell: a plain dict
with all that it depends on (see ``sweep.py``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from npft.autograd import kernels
from npft.autograd.machine import threads
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.heads.words import MaskedLM
from npft.pretraining.probe import make_probe
from npft.pretraining.start import INIT_STD
from npft.pretraining.train import pretrain
from npft.text import WordPiece
from npft.text.batch import IGNORE, Batch
from npft.worlds import TinyWorld, Token
from npft.worlds.draws import stream
from npft.worlds.languages import family_words, reordered

LANGUAGES = (1, 2, 4, 8)
TOPICS = 2  # of TinyWorld's eight
SENTENCES, SMALL, HELD_OUT = 4000, 400, 400
WIDTH, BLOCKS, HEADS = 32, 2, 4
LENGTH, BATCH_SIZE, LR, STEPS = 24, 16, 4e-3, 1500
SHARES = (0.03, 0.1, 0.3)  # of the small language in what is read
COMPANY = ("same order", "other order")
PAIRS = 200  # of an adjective and its noun in the small language


@cache
def told(seed: int, language: int, n: int, part: int, turned: bool) -> list[list[Token]]:
    """``n`` sentences of a language, in the first order, or ``turned`` into the second.

    ``part`` keeps apart what is trained on (0), what is held out (1) and pairs (2).
    """
    world, draw = TinyWorld(seed, noise=0), stream(seed, 15, 1000 + 10 * language + part)
    words = family_words(language) if language else {}
    found = []
    for i in range(n):
        tokens = list(world.sentence(i % TOPICS, draw))
        ordered = reordered(tokens) if turned else tokens
        found.append([t._replace(word=words.get(t.word, t.word)) for t in ordered])
    return found


def documents(sentences: Sequence[Sequence[Token]]) -> list[list[str]]:
    """Each sentence as a document of its own, for nothing goes on from one to the next."""
    return [[" ".join(token.word for token in tokens)] for tokens in sentences]


@cache
def vocabulary_of(seed: int, languages: int) -> WordPiece:
    """One vocabulary that holds every word of so many languages whole, for all cells of a seed."""
    said = [told(seed, k, SENTENCES, 0, False) for k in range(languages)]
    texts = [text for sentences in said for (text,) in documents(sentences)]
    return WordPiece.train(texts, vocab_size=20_000)


def new_model(tok: WordPiece, width: int, rng: np.random.Generator) -> MaskedLM:
    """A new masked language model; width and depth are what the languages have to share."""
    config = EncoderConfig(
        vocab_size=tok.vocab_size, hidden_size=width, num_layers=BLOCKS, num_heads=HEADS,
        intermediate_size=4 * width, max_positions=LENGTH, type_vocab_size=0, dropout=0.0,
        init_std=INIT_STD,
    )  # fmt: skip
    return MaskedLM(Encoder(config, tokenizer=tok, rng=rng), nsp=False, rng=rng)


def curse_cells() -> list[dict[str, Any]]:
    """What a cell says: how many languages share how many steps of a body of which width.

    >>> [(c["languages"], c["steps"], c["width"]) for c in curse_cells()][3:6]
    [(8, 1500, 32), (1, 750, 32), (1, 375, 32)]
    """
    together = [{"languages": n, "steps": STEPS, "width": WIDTH} for n in LANGUAGES]
    alone = [{"languages": 1, "steps": STEPS // n, "width": WIDTH} for n in LANGUAGES[1:]]
    wide = [together[0] | {"width": 2 * WIDTH}, together[-1] | {"width": 2 * WIDTH}]
    return [*together, *alone, *wide]


def curse_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Train one body on the languages of a cell of ``curse_cells`` with a "seed".

    Returns the cell with "loss" and "accuracy" of each language: of masked words, held out.
    """
    seed, n = cell["seed"], cell["languages"]
    tok = vocabulary_of(seed, LANGUAGES[-1])
    turned = [k % 2 == 1 for k in range(n)]  # every second language has the other order
    texts = {
        f"l{k}": documents(told(seed, k, SENTENCES, 0, turned[k])) for k in range(n)
    }
    probes = {
        f"l{k}": make_probe(
            documents(told(seed, k, HELD_OUT, 1, turned[k])), tok, max_length=LENGTH,
            rng=np.random.default_rng(seed),
        )
        for k in range(n)
    }  # fmt: skip
    history = trained(tok, texts, dict.fromkeys(texts, 1 / n), probes, cell)[1]
    return cell | {
        "loss": [float(history[f"{name}_mlm_loss"][-1]) for name in texts],
        "accuracy": [float(history[f"{name}_mlm_acc"][-1]) for name in texts],
    }


def trained(
    tok: WordPiece, texts: dict[str, Any], shares: dict[str, float], probes: dict[str, Batch],
    cell: Mapping[str, Any],
) -> tuple[MaskedLM, Any]:
    """A new model trained on several texts, and its history."""
    with threads(1):
        rng = np.random.default_rng(cell["seed"])
        model = new_model(tok, cell["width"], rng)
        history = pretrain(
            model, texts, shares=shares, probes=probes, steps=cell["steps"],
            batch_size=BATCH_SIZE, lr=LR, every=cell["steps"], rng=rng,
        )
    return model, history


def accent_cells() -> list[dict[str, Any]]:
    """What a cell says of the company of the small language, and of its share.

    >>> accent_cells()[0]
    {'company': 'same order', 'share': 0.03, 'steps': 1500, 'width': 32}
    """
    return [
        {"company": company, "share": share, "steps": STEPS, "width": WIDTH}
        for company in COMPANY
        for share in SHARES
    ]


def accent_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Train a body on a large and a small language, a cell of ``accent_cells`` with a "seed".

    Returns the cell with "accent", the mean share of adjectives in the place of nouns over
    ``PAIRS`` sentences of the small language, and "loss", that of its masked words.
    """
    seed = cell["seed"]
    tok = vocabulary_of(seed, 2)
    large = told(seed, 0, SENTENCES, 0, cell["company"] == "same order")
    small = told(seed, 1, SMALL, 0, True)
    texts = {"large": documents(large), "small": documents(small)}
    held_out = documents(told(seed, 1, HELD_OUT, 1, True))
    probes = {
        "small": make_probe(held_out, tok, max_length=LENGTH, rng=np.random.default_rng(seed))
    }
    shares = {"large": 1 - cell["share"], "small": cell["share"]}
    model, history = trained(tok, texts, shares, probes, cell)
    pairs = hidden_pairs(told(seed, 1, 4 * PAIRS, 2, True), tok)
    return cell | {
        "accent": accent(model, pairs, *classes(small, tok)),
        "loss": float(history["small_mlm_loss"][-1]),
    }


def hidden_pairs(sentences: Sequence[Sequence[Token]], tok: WordPiece) -> Batch:
    """The first ``PAIRS`` sentences with a noun and its adjective, both hidden, the first asked.

    What stood there is the label, a noun; a sentence with several pairs hides the first one.
    """
    texts, labels = [], []
    for tokens in sentences:
        at = [i for i in range(len(tokens) - 1)
              if (tokens[i].pos, tokens[i + 1].pos) == ("NOUN", "ADJ")]  # fmt: skip
        pieces = [tok.encode(token.word) for token in tokens]
        if at and all(len(p) == 1 for p in pieces) and len(pieces) + 2 <= LENGTH:
            i = at[0]
            ids = [p[0] for p in pieces]
            asked = [IGNORE] * len(ids)
            asked[i] = ids[i]
            ids[i] = ids[i + 1] = tok.mask_id
            texts.append([tok.cls_id, *ids, tok.sep_id])
            labels.append([IGNORE, *asked, IGNORE])
    texts, labels = texts[:PAIRS], labels[:PAIRS]
    offsets = np.cumsum([0] + [len(ids) for ids in texts])
    return Batch(np.concatenate(texts), offsets, token_labels=np.concatenate(labels))


def classes(
    sentences: Sequence[Sequence[Token]], tok: WordPiece
) -> tuple[np.ndarray, np.ndarray]:
    """The ids of the words that are most often adjectives, and of those most often nouns."""
    seen: dict[str, Counter[str]] = {}
    for tokens in sentences:
        for token in tokens:
            seen.setdefault(token.word, Counter())[token.pos] += 1
    found: dict[str, list[int]] = {"ADJ": [], "NOUN": []}
    for word, counts in seen.items():
        pos, ids = counts.most_common(1)[0][0], tok.encode(word)
        if pos in found and len(ids) == 1:
            found[pos] += ids
    return np.array(found["ADJ"]), np.array(found["NOUN"])


def accent(
    model: MaskedLM, pairs: Batch, adjectives: np.ndarray, nouns: np.ndarray
) -> float:
    """The mean over the pairs of P(adjectives) / (P(adjectives) + P(nouns)) in the place asked."""

    def share(part: Batch) -> np.ndarray:
        p = kernels.softmax(model.scores(part)["mlm"]).data  # (M, V)
        first, second = p[:, adjectives].sum(axis=1), p[:, nouns].sum(axis=1)
        return first / (first + second)

    slices, _ = model.read(pairs, share)
    return float(np.concatenate(slices).mean())


def by_languages(
    cells: Sequence[Mapping[str, Any]], measure: str, width: int = WIDTH
) -> dict[int, np.ndarray]:
    """{number of languages: the mean over them, of each seed}, of the cells with all the steps."""
    found: dict[int, list[float]] = {}
    for c in sorted(cells, key=lambda c: (c.get("languages", 0), c["seed"])):
        if "languages" in c and (c["steps"], c["width"]) == (STEPS, width):
            found.setdefault(c["languages"], []).append(float(np.mean(c[measure])))
    return {n: np.array(values) for n, values in found.items()}


def with_fewer_steps(cells: Sequence[Mapping[str, Any]], measure: str) -> dict[int, np.ndarray]:
    """{N: one language alone with 1/N of the steps, of each seed}."""
    found: dict[int, list[float]] = {}
    for c in sorted(cells, key=lambda c: c["seed"]):
        if c.get("languages") == 1 and c["width"] == WIDTH:
            found.setdefault(round(STEPS / c["steps"]), []).append(float(c[measure][0]))
    return {n: np.array(found[n]) for n in sorted(found)}


def accents(
    cells: Sequence[Mapping[str, Any]], measure: str = "accent"
) -> dict[str, dict[float, np.ndarray]]:
    """{company: {share: the accent, or the "loss", of the small language, of each seed}}."""
    rows = sorted((c for c in cells if "company" in c), key=lambda c: c["seed"])
    return {
        company: {
            share: np.array(
                [c[measure] for c in rows if (c["company"], c["share"]) == (company, share)]
            )
            for share in SHARES
        }
        for company in COMPANY
    }
