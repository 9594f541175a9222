"""Word senses in TinyWorld: by layer of an encoder, by static vectors, by the most frequent sense.

The senses are learnt from a few labelled uses of each word in held-out documents, and told in three
kinds of text that nobody has read:

    documents   further documents; one sentence in ten has a slip
    slips       the same documents with a slip in every sentence
    two senses  two sentences in one, which use the word in different senses

Words beside a use say more than any topic does where a text holds both senses. A run is a cell: a
plain dict with all that it depends on (see ``sweep.py``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from npft.autograd.machine import threads
from npft.embed.rows import unit_rows
from npft.encoder.encoder import Encoder
from npft.heads.words import MaskedLM
from npft.metrics.intervals import Interval, interval
from npft.senses.centroids import SenseCentroids, count_senses, most_frequent_senses
from npft.senses.cooccurrence import cooccurrences
from npft.senses.glove import glove
from npft.senses.ppmi import ppmi_svd
from npft.senses.static import StaticVectors
from npft.senses.uses import WordUses, sum_of_last, uses_of, word_vectors
from npft.text.tagged import TaggedTexts
from npft.worlds import TinyWorld

LABELLED = (4, 16, 64)  # uses of each word, the first that come
FIT, TEST, TWO = 2000, 2000, 1000  # documents, documents, texts of two senses
WINDOWS = (100, 3)  # words to each side of a use that static vectors read: all, and few
X_MAX = 10.0  # of GloVe: a text this small has few larger counts
MAP, MAP_WORD = 6000, "mouse"  # further documents, and the word whose uses are drawn
SENTENCES = {  # of the table of cosines: two senses of a word, twice each
    "money": "finally amir trusts the bank and estimates the gain",
    "money again": "at the counter the investor trades another private bank",
    "river": "kofi from cobalt society fords the muddy bank for marta",
    "river again": "the steep bank of james was near the boathouse",
}


def document_uses(world: TinyWorld, n: int, start: int) -> WordUses:
    """Every use of an ambiguous word in n documents from number ``start`` on, with its sense."""
    documents = world.documents(n, start)
    said = [(k, tokens) for k, d in enumerate(documents, start) for tokens in d.tokens]
    return uses_of(
        TaggedTexts(
            [[token.word for token in tokens] for _, tokens in said],
            [[token.sense or "O" for token in tokens] for _, tokens in said],
            groups=np.array([k for k, _ in said]),
        )
    )


def uses_of_two_senses(world: TinyWorld, n: int) -> WordUses:
    """The task "senses", all of whose texts use their word twice, as uses of words."""
    examples = world.task("senses", n, seed=5, test=True, distractors=1.0)
    texts, places = [text.split() for text in examples.texts], []
    for words, question in zip(texts, examples.pairs):
        which, word = question.split()
        found = [place for place, other in enumerate(words) if other == word]
        places.append(found[0] if which == "first" else found[-1])
    return WordUses(texts, np.array(places), [examples.label_names[k] for k in examples.labels])


def first_of_each(words: list[str], k: int) -> list[int]:
    """The rows of the first k uses of each word.

    >>> first_of_each(["bank", "jam", "bank", "bank"], 2)
    [0, 1, 2]
    """
    seen: Counter[str] = Counter()
    rows = []
    for i, word in enumerate(words):
        seen[word] += 1
        if seen[word] <= k:
            rows.append(i)
    return rows


def layers(encoder: Encoder, uses: WordUses) -> list[np.ndarray]:
    """The embeddings, each block, and the sum of the last blocks: L + 2 tables."""
    tables = word_vectors(encoder, uses)
    return [*tables, sum_of_last(tables)]


def around(static: StaticVectors, uses: WordUses) -> list[np.ndarray]:
    """What the words beside each use say, by the windows of ``WINDOWS``."""
    return [static.around(uses, window) for window in WINDOWS]


def accuracy(said: list[str], uses: WordUses) -> float:
    return float(np.mean([a == b for a, b in zip(said, uses.need_senses("accuracy"))]))


def senses_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Measure one seed: {"seed", "body" (the folder of a MaskedLM), "world", "documents"}.

    "documents" is how many the body was pretrained on; perhaps "fit", "test", "two", "read": how
    much text is taken. Adds "mfs" (the accuracy of the most frequent sense, for each kind of text),
    "accuracy" (by text, labelled uses, table and layer), "vote" (before and after one sense per
    discourse), "contexts" (cosines of a word with itself, by layer), "topics" (cosines of static
    vectors), "table" (cosines in ``SENTENCES``) and "map" (uses of ``MAP_WORD``, last block).
    """
    with threads(1):
        return cell | _measured(cell)


def _measured(cell: dict[str, Any]) -> dict[str, Any]:
    start = cell["documents"]
    n_fit, n_test = cell.get("fit", FIT), cell.get("test", TEST)
    world, slips = TinyWorld(cell["world"]), TinyWorld(cell["world"], noise=1.0)
    pool = document_uses(world, n_fit, start)
    texts = {
        "documents": document_uses(world, n_test, start + n_fit),
        "slips": document_uses(slips, n_test, start + n_fit),
        "two senses": uses_of_two_senses(world, cell.get("two", TWO)),
    }
    body = MaskedLM.load(cell["body"]).body
    rng = np.random.default_rng(cell["seed"])
    untrained = Encoder(body.config, tokenizer=body.tokenizer, rng=rng)
    read = [s for d in world.documents(cell["documents"]) for s in d.sentences]
    statics = {
        "ppmi": ppmi_svd(cooccurrences(read)),
        "glove": glove(cooccurrences(read, decay=True), x_max=X_MAX, rng=rng),
    }
    ways: dict[str, Callable[[WordUses], list[np.ndarray]]] = {
        "mlm": partial(layers, body),
        "random": partial(layers, untrained),
        **{name: partial(around, static) for name, static in statics.items()},
    }
    labelled = {way: vectors(pool) for way, vectors in ways.items()}
    known = {
        str(k): {way: [centroids(pool, k, x) for x in own] for way, own in labelled.items()}
        for k in LABELLED
    }
    asked = {name: {w: v(uses) for w, v in ways.items()} for name, uses in texts.items()}
    last = asked["documents"]["mlm"][-2]
    drawn = document_uses(world, cell.get("read", MAP), start + n_fit + n_test)
    return {
        "mfs": {name: most_frequent(pool, uses) for name, uses in texts.items()},
        "accuracy": {
            name: {k: by_way(row, uses, asked[name]) for k, row in known.items()}
            for name, uses in texts.items()
        },
        "vote": discourse(known[str(LABELLED[0])]["mlm"][-2], texts["documents"], last),
        "contexts": [context_cosines(x, texts["documents"]) for x in asked["documents"]["mlm"]],
        "topics": {name: topic_cosines(static, world) for name, static in statics.items()},
        "table": cosine_table(body),
        "map": sense_map(body, drawn),
    }


def most_frequent(pool: WordUses, uses: WordUses) -> float:
    """The accuracy of the sense that each word has most often in the whole pool."""
    frequent = most_frequent_senses(count_senses(pool.words, pool.need_senses("pool")))
    return accuracy([frequent[word] for word in uses.words], uses)


def by_way(
    known: dict[str, list[SenseCentroids]], uses: WordUses, asked: dict[str, list[np.ndarray]]
) -> dict[str, list[float]]:
    """The accuracy of each table of vectors."""
    return {
        way: [accuracy(c.predict(y, uses.words), uses) for c, y in zip(known[way], asked[way])]
        for way in known
    }


def centroids(pool: WordUses, k: int, x: np.ndarray) -> SenseCentroids:
    """What the first k labelled uses of each word of the pool, with vectors x (n, D), tell."""
    rows, words, senses = first_of_each(pool.words, k), pool.words, pool.need_senses("centroids")
    return SenseCentroids(
        x[rows], [words[i] for i in rows], [senses[i] for i in rows], count_senses(words, senses)
    )


def discourse(known: SenseCentroids, uses: WordUses, y: np.ndarray) -> dict[str, float]:
    """Accuracy without and with one sense per discourse, on words that come again in a document."""
    homes = list(zip(uses.words, np.asarray(uses.documents).tolist()))
    times = Counter(homes)
    rows = np.flatnonzero([times[home] > 1 for home in homes])
    again = uses[rows]
    return {
        "uses": len(rows),
        "before": accuracy(known.predict(y[rows], again.words), again),
        "after": accuracy(known.predict(y[rows], again.words, again.documents), again),
    }


def context_cosines(x: np.ndarray, uses: WordUses) -> dict[str, float]:
    """The mean cosine of two uses of a word in the same sense, and in two senses; mean of words."""
    u = unit_rows("context_cosines", x)
    words, senses = np.array(uses.words), np.array(uses.senses)
    found: dict[str, list[float]] = {"same": [], "other": []}
    for word in np.unique(words):
        own = np.flatnonzero(words == word)
        cosines, alike = u[own] @ u[own].T, senses[own][:, None] == senses[own]
        same = alike & ~np.eye(len(own), dtype=bool)
        if same.any() and not alike.all():
            found["same"].append(cosines[same].mean())
            found["other"].append(cosines[~alike].mean())
    return {name: float(np.mean(values)) for name, values in found.items()}


def topic_cosines(static: StaticVectors, world: TinyWorld) -> dict[str, float]:
    """The mean cosine of two nouns of one topic, and of two topics."""
    nouns = [
        (k, word)
        for k, topic in enumerate(world.topics)
        for word in sorted({w for noun in topic.nouns for w in noun})
        if word in static
    ]
    u = unit_rows("topic_cosines", np.stack([static[word] for _, word in nouns]))
    topics, cosines = np.array([k for k, _ in nouns]), u @ u.T
    alike = topics[:, None] == topics
    others = cosines[~alike].mean()
    return {
        "same": float(cosines[alike & ~np.eye(len(u), dtype=bool)].mean()), "other": float(others)
    }


def cosine_table(body: Encoder) -> list[list[float]]:
    """The cosines of "bank" in the four ``SENTENCES``, after the last block."""
    texts = [sentence.split() for sentence in SENTENCES.values()]
    uses = WordUses(texts, np.array([text.index("bank") for text in texts]))
    u = unit_rows("cosine_table", word_vectors(body, uses)[-1])
    return (u @ u.T).round(4).tolist()


def sense_map(body: Encoder, uses: WordUses) -> dict[str, Any]:
    """The uses of ``MAP_WORD``, after the last block, in the plane of their first two components.

    "points" (n, 2), "shares" of the variance, "senses", "texts", and "shown": of each sense the use
    that lies in its middle, and the one of all that lies nearest to another sense.
    """
    rows = [i for i, word in enumerate(uses.words) if word == MAP_WORD]
    own = uses[rows]
    x = np.float64(word_vectors(body, own)[-1])
    left, sizes, _ = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    points, senses = left[:, :2] * sizes[:2], np.array(own.senses)
    names = sorted(set(own.need_senses("sense_map")))
    middles = np.stack([points[senses == name].mean(axis=0) for name in names])
    far = np.linalg.norm(points[:, None] - middles, axis=2)  # (n, senses)
    mine = senses[:, None] == np.array(names)
    shown = np.where(mine, far, np.inf).argmin(axis=0).tolist()
    other = np.where(mine, np.inf, far).min(axis=1)
    shown.append(int((other - far[mine]).argmin()))
    return {
        "points": points.round(3).tolist(),
        "shares": (sizes[:2] ** 2 / (sizes**2).sum()).round(3).tolist(),
        "senses": own.senses,
        "texts": [" ".join(text) for text in own.texts],
        "shown": list(dict.fromkeys(shown)),
    }


def senses_table(cells: Sequence[dict[str, Any]]) -> str:
    """The rows of the gallery: accuracy in percent, mean and standard deviation over the seeds."""
    lines = [
        "| text, labels | most frequent | embeddings | block 1 | block 2 | sum | random, block 2 "
        "| PPMI, all | PPMI, 3 | GloVe, 3 |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for text in cells[0]["accuracy"]:
        for k in map(str, LABELLED):
            rows = [c["accuracy"][text][k] for c in cells]
            columns = [
                [c["mfs"][text] for c in cells],
                *([row["mlm"][layer] for row in rows] for layer in range(4)),
                [row["random"][-2] for row in rows],
                *([row[way][i] for row in rows] for way, i in (("ppmi", 0), ("ppmi", 1))),
                [row["glove"][1] for row in rows],
            ]
            shown = (f"{100 * np.mean(c):.1f} ± {100 * np.std(c, ddof=1):.1f}" for c in columns)
            lines.append(f"| {text}, {k} | {' | '.join(shown)} |")
    return "\n".join(lines)


def layer_gaps(cells: Sequence[dict[str, Any]], text: str, k: int) -> dict[str, Interval]:
    """What each step up the layers gains in accuracy, and the last block over its rivals.

    Differences within a seed, with their 95 % intervals over the seeds.
    """
    rows = [c["accuracy"][text][str(k)] for c in cells]
    mlm = np.array([row["mlm"] for row in rows])  # (seeds, L + 2)
    last = mlm[:, -2]
    gaps = {f"block {i}, over what is below": mlm[:, i] - mlm[:, i - 1] for i in range(1, 3)}
    gaps["sum of blocks, over the last"] = mlm[:, -1] - last
    gaps["last block, over the most frequent sense"] = last - [c["mfs"][text] for c in cells]
    gaps["last block, over the random body's"] = last - [row["random"][-2] for row in rows]
    gaps["last block, over PPMI, 3 beside"] = last - [row["ppmi"][1] for row in rows]
    return {name: interval(values) for name, values in gaps.items()}
