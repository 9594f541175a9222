"""A real encoder measured as the tiny ones are: which claims about vectors need scale?

    geometry    mean cosine, IsoScore, the share of the largest dimensions, contexts: by layer
    senses      the nearest sense of ambiguous words in a hundred hand-made sentences, by layer
    similarity  the rank correlation of cosine and grade on the STS benchmark, by way to read

An encoder of the same shape with random weights is measured beside it: what that shows as well is
the work of the shape, not of training.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from npft.autograd.machine import threads
from npft.autograd.tensor import Tensor
from npft.embed.contexts import context_by_layer, word_states
from npft.embed.sentences import SentenceEncoder
from npft.embed.similarity import bag_of_words_encoder, paired_cosines
from npft.embed.token_table import token_table_encoder
from npft.embed.transforms import RemoveTop, Standardize, Whiten
from npft.encoder import pooling
from npft.encoder.encoder import Encoder
from npft.encoder.slices import SLICE, put_back, slices_of
from npft.errors import DataError
from npft.experiments.layers import MEASURES, REMOVED, rogue
from npft.experiments.real_data import sts, sts_sentences
from npft.experiments.senses import accuracy
from npft.metrics.ranking import spearman
from npft.senses.centroids import SenseCentroids, count_senses, most_frequent_senses
from npft.senses.uses import WordUses, word_vectors
from npft.text.readers import numbered_lines

SENTENCES = 500  # of the training part of the benchmark, for geometry
RESAMPLES = 1000  # of the pairs, for an interval
POOLS = ("mean", "cls", "max")


def read_uses(path: str) -> WordUses:
    """Uses of words from lines such as ``bank.money<TAB>the bank lends money``.

    Before the dot stands the word, which must occur once among the words of the text. Raises
    ``DataError`` that names the line otherwise.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file:
    ...     _ = file.write("bank.money\\tthe bank lends money\\n"), file.flush()
    ...     uses = read_uses(file.name)
    >>> uses.words, uses.senses, uses.places
    (['bank'], ['bank.money'], array([1]))
    """
    texts, places, senses = [], [], []
    for number, line in numbered_lines(path):
        sense, tab, text = line.partition("\t")
        words, word = text.split(), sense.partition(".")[0]
        if not tab or words.count(word) != 1:
            raise DataError(
                "expected word.sense, a tab, and a text in which the word stands once",
                path=path, line=number,
            )  # fmt: skip
        texts.append(words)
        places.append(words.index(word))
        senses.append(sense)
    return WordUses(texts, np.array(places), senses)


def pooled(encoder: Encoder, texts: Sequence[str]) -> dict[str, list[np.ndarray]]:
    """For each of ``POOLS`` the vectors of the texts by layer: L + 1 tables (n, D).

    Texts of like length are read together, in slices: a real encoder's states are large.
    """
    tokenizer = encoder.need_tokenizer("pooled")
    batch = tokenizer(list(texts), max_length=encoder.config.max_positions)
    order = np.argsort(batch.lengths, kind="stable")
    found: dict[str, list[list[np.ndarray]]] = {kind: [] for kind in POOLS}
    for part in slices_of(batch[order], SLICE):
        states = [Tensor(s) for s in encoder.hidden_states(part)]
        for kind in POOLS:
            found[kind].append([pooling.pool(s, part, kind).numpy() for s in states])
    return {
        kind: [put_back(list(layer), batch, order) for layer in zip(*parts)]
        for kind, parts in found.items()
    }


def scale_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Geometry and senses of a real encoder and of random weights, for one draw of the sentences.

    A cell holds "seed", "body" (a folder of Hugging Face or sentence-transformers), "data" (a
    folder that holds stsb) and "uses" (a file of ``read_uses``); perhaps "sentences". It is
    returned with "layers" (each measure of ``MEASURES``), "rogue" and "contexts", each by state
    ("trained", "random") and layer, "senses" (accuracy by state and layer) and "mfs" (that of the
    most frequent sense).
    """
    with threads(1):
        rng = np.random.default_rng(cell["seed"])
        texts = sts_sentences(cell["data"], "train", cell.get("sentences", SENTENCES), rng)
        trained = SentenceEncoder.from_pretrained(cell["body"]).encoder
        random = Encoder(trained.config, tokenizer=trained.tokenizer, rng=rng)
        random.eval()
        known, asked = split_uses(read_uses(cell["uses"]), rng)
        found: dict[str, Any] = {"layers": {}, "rogue": {}, "contexts": {}, "senses": {}}
        for state, encoder in (("trained", trained), ("random", random)):
            tables = pooled(encoder, texts)["mean"]
            found["layers"][state] = {
                name: [measure(x) for x in tables] for name, measure in MEASURES.items()
            }
            found["rogue"][state] = [top_dimensions(x) for x in tables]
            found["contexts"][state] = context_by_layer(word_states(encoder, texts))
            found["senses"][state] = senses_by_layer(encoder, known, asked)
        frequent = most_frequent_senses(count_senses(known.words, known.need_senses("scale_cell")))
        found["mfs"] = accuracy([frequent[word] for word in asked.words], asked)
        return cell | found


def split_uses(uses: WordUses, rng: np.random.Generator) -> tuple[WordUses, WordUses]:
    """Half of the uses of each sense to learn from, and the other half to ask about."""
    senses = np.array(uses.need_senses("split_uses"))
    known = np.zeros(len(uses), dtype=bool)
    for sense in np.unique(senses):
        rows = rng.permutation(np.flatnonzero(senses == sense))
        known[rows[: len(rows) // 2]] = True
    return uses[known], uses[~known]


def senses_by_layer(encoder: Encoder, known: WordUses, asked: WordUses) -> list[float]:
    """How many of the asked uses are nearest to the mean of their sense, by layer."""
    return [
        accuracy(
            SenseCentroids(x, known.words, known.need_senses("known")).predict(y, asked.words),
            asked,
        )
        for x, y in zip(word_vectors(encoder, known), word_vectors(encoder, asked))
    ]


def top_dimensions(x: np.ndarray) -> dict[str, Any]:
    """Of the rows x (n, D): what the largest dimensions add to the mean cosine, and what is left.

    "share" is that of the ``REMOVED`` largest; "dropped", "removed" as in ``rogue``, and
    "standardized" the mean cosine after standardising.
    """
    found = rogue(x)
    return {
        "share": sum(found["raw"][:REMOVED]) / sum(found["raw"]),
        "dropped": found["dropped"],
        "removed": found["removed"],
        "standardized": sum(found["standardized"]),
    }


def sts_ways(cell: dict[str, Any]) -> dict[str, Any]:
    """Every way to read one vector of a text from a real encoder, on the STS benchmark's test part.

    A cell holds "body" and "data" as that of ``scale_cell``; perhaps "sentences" and "pairs", how
    many are read. It is returned with "ways", [correlation, low, high] by way (95 % of resampled
    pairs), "layers", the correlations of the mean by layer, and "width", D. Transforms are learnt
    from sentences of the training part, the weights of words in the bag from all of them.
    """
    with threads(1):
        rng = np.random.default_rng(0)
        test = sts(cell["data"], "test")[: cell.get("pairs")]
        learnt = sts_sentences(cell["data"], "train", cell.get("sentences", 4 * SENTENCES), rng)
        encoder = SentenceEncoder.from_pretrained(cell["body"]).encoder
        texts, pairs = test.texts, test.pairs or []
        of_test = pooled(encoder, [*texts, *pairs])
        of_learnt = pooled(encoder, learnt)["mean"][-1]
        tables = {kind: layers[-1] for kind, layers in of_test.items()}
        for name, transform in (
            ("standardised", Standardize()), ("whitened", Whiten()), ("top removed", RemoveTop(1)),
        ):  # fmt: skip
            tables[name] = transform.fit(of_learnt).transform(tables["mean"])
        random = Encoder(encoder.config, tokenizer=encoder.tokenizer, rng=rng)
        random.eval()
        tables["random weights"] = pooled(random, [*texts, *pairs])["mean"][-1]
        tables["token table"] = token_table_encoder(encoder)([*texts, *pairs])
        read = sts_sentences(cell["data"], "train", None, rng)
        tables["bag of words"] = bag_of_words_encoder(read)([*texts, *pairs])
        n, grades = len(texts), np.asarray(test.labels)
        cosines = {name: paired_cosines(x[:n], x[n:]) for name, x in tables.items()}
        layers = [spearman(paired_cosines(x[:n], x[n:]), grades) for x in of_test["mean"]]
        return cell | {
            "ways": {name: resampled(c, grades, rng) for name, c in cosines.items()},
            "layers": layers,
            "width": encoder.config.hidden_size,
        }


def resampled(cosines: np.ndarray, grades: np.ndarray, rng: np.random.Generator) -> list[float]:
    """The rank correlation and the middle 95 % of it over resamples of the pairs (a bootstrap)."""
    n = len(grades)
    found = []
    for _ in range(RESAMPLES):
        rows = rng.integers(n, size=n)
        found.append(spearman(cosines[rows], grades[rows]))
    low, high = np.quantile(found, [0.025, 0.975])
    return [spearman(cosines, grades), float(low), float(high)]
