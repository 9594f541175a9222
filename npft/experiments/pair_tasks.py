"""Two tasks of pairs, paraphrase and coherence, by the same body in the two formats of pairs.

    one text       [CLS] a [SEP] b [SEP]: each text is read in the light of the other
    two vectors    a and b are read apart; a linear layer sees (u, v, |u - v|)      (SBERT)

Words counted one by one tell nothing of either task (``worlds/paraphrase.py``,
``worlds/coherence.py``). Of paraphrase the answers are also told apart by what differs in a pair:
all of it, the thing, the deed, or who does it for whom. A run is a cell: a plain dict with all that
it depends on (see ``sweep.py``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from npft.autograd.machine import threads
from npft.autograd.tensor import no_grad
from npft.contrast.bi_encoder import BiEncoder, train_bi_encoder
from npft.contrast.objectives import SiameseClasses
from npft.errors import ConfigError
from npft.finetune.baselines import bag_of_words
from npft.finetune.train import fine_tune
from npft.heads.classes import Classifier
from npft.loading import load
from npft.nn.layers import set_dropout
from npft.nn.module import evaluating
from npft.text.examples import Examples
from npft.worlds import TinyWorld
from npft.worlds.paraphrase import FORMS

TEST, BATCH = 1000, 32
CHANGES = {  # what differs in a pair of paraphrase, and how the table calls such pairs
    "nothing": "the same", "all": "other: all of it", "verb": "other: the deed",
    "noun": "other: the thing", "people": "other: who for whom",
}  # fmt: skip
FORM_PATTERNS = [re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>\\S+)", form)) for form in FORMS]


class Setting(NamedTuple):
    """How a task is trained, in both formats: pairs, epochs, rate, dropout."""

    n: int
    epochs: int
    lr: float
    dropout: float


SETTINGS = {"coherence": Setting(250, 10, 3e-3, 0.1), "paraphrase": Setting(16_000, 4, 2e-3, 0.0)}


def by_one_text(
    train: Examples, test: Examples, setting: Setting, rng: np.random.Generator
) -> np.ndarray:
    """The classes that a classifier of pairs calls the test: (n,)."""
    model = Classifier(load("tinyworld").body, 2, label_names=train.label_names, rng=rng)
    set_dropout(model, setting.dropout)
    fine_tune(model, model.batch_of(train), epochs=setting.epochs, batch_size=BATCH, lr=setting.lr,
              rng=rng)
    said = model.predict(test.texts, test.pairs)
    return np.array([train.label_names.index(name) for name in said])


def by_two_vectors(
    train: Examples, test: Examples, setting: Setting, rng: np.random.Generator
) -> np.ndarray:
    """The same by a bi-encoder, in as many steps."""
    body = load("tinyworld").body
    set_dropout(body, setting.dropout)
    objective = SiameseClasses(body.config.hidden_size, 2, rng=rng)
    model = BiEncoder(body, objective)
    steps = setting.epochs * -(-len(train) // BATCH)
    train_bi_encoder(model, [train.texts, train.pairs or []], train.labels, steps=steps,
                     batch_size=BATCH, lr=setting.lr, every=steps, rng=rng)
    rows = model.rows([test.texts, test.pairs or []], test.labels)
    with evaluating(model), no_grad():
        u, v = (model.vectors(k, column, None) for k, column in enumerate(rows.columns))
        return objective.head(u, v).data.argmax(axis=1)


WAYS: dict[str, Callable[..., np.ndarray]] = {
    "one text": by_one_text, "two vectors": by_two_vectors,
}  # fmt: skip


def pair_cells(seeds: Any) -> list[dict[str, Any]]:
    """Each task in each format for each seed, and for the first one four times the paraphrases."""
    cells = [
        {"task": task, "way": way, "n": setting.n, "epochs": setting.epochs, "seed": seed}
        for task, setting in SETTINGS.items() for way in WAYS for seed in seeds
    ]  # fmt: skip
    more = {"task": "paraphrase", "n": 4 * SETTINGS["paraphrase"].n, "epochs": 3}
    return [*cells, cells[0] | more]


def pair_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Train the bundled body and measure one cell {"task", "way", "n", "epochs", "seed"}.

    Adds "accuracy" on 1,000 pairs of the test side, those of "words" and of "majority" (the class
    that is more frequent in training), and for paraphrase "right": the share of right answers by
    what differs in a pair. Raises ``ConfigError`` for an unknown way.
    """
    if cell["way"] not in WAYS:
        raise ConfigError(f"way is {cell['way']!r}, expected one of {', '.join(WAYS)}")
    world, setting = TinyWorld(cell["seed"]), SETTINGS[cell["task"]]
    train = world.task(cell["task"], cell["n"], seed=1, test=False)
    test = world.task(cell["task"], TEST, seed=2, test=True)
    setting = setting._replace(n=cell["n"], epochs=cell["epochs"])
    with threads(1):
        said = WAYS[cell["way"]](train, test, setting, np.random.default_rng(cell["seed"]))
    hit = said == test.labels
    found: dict[str, Any] = {
        "accuracy": float(hit.mean()), "words": bag_of_words(train, test).accuracy,
        "majority": float((test.labels == np.bincount(train.labels).argmax()).mean()),
    }  # fmt: skip
    if cell["task"] == "paraphrase":
        changes = np.array([
            "nothing" if same else change(world, first, second)
            for first, second, same in zip(test.texts, test.pairs, test.labels)
        ])
        found["right"] = {name: float(hit[changes == name].mean()) for name in CHANGES}
    return cell | found


def pair_table(cells: Sequence[Mapping[str, Any]]) -> str:
    """The table of the gallery: accuracy over the seeds, of paraphrase also by what differs."""
    lines = ["| task | pairs | words | one text | two vectors |", "|---" * 5 + "|"]
    for task, setting in SETTINGS.items():
        own = {way: [c for c in cells if (c["task"], c["way"], c["n"]) == (task, way, setting.n)]
               for way in WAYS}
        words = spread([c["words"] for c in own["one text"]])
        said = [spread([c["accuracy"] for c in rows]) for rows in own.values()]
        lines.append(f"| {task} | {setting.n:,} | {words} | {' | '.join(said)} |")
        for change_of, name in CHANGES.items() if task == "paraphrase" else ():
            right = [spread([c["right"][change_of] for c in rows]) for rows in own.values()]
            lines.append(f"| {name} | | | {' | '.join(right)} |")
    return "\n".join(lines)


def spread(values: Sequence[float]) -> str:
    """Mean ± standard deviation over the seeds.

    >>> spread([1.0, 2.0, 3.0])
    '2.00 ± 1.00'
    """
    return f"{np.mean(values):.2f} ± {np.std(values, ddof=1):.2f}"


def change(world: TinyWorld, first: str, second: str) -> str:
    """What differs in two sentences of ``paraphrase`` that say something else.

    Returns "people", "all", "verb" or "noun". The things are not looked at: one may be misspelt.

    >>> world, first = TinyWorld(noise=0), "anna pays the bill for nils"
    >>> change(world, first, "for anna nils settles the invoice")
    'people'
    >>> change(world, first, "for nils anna settles the deposit")
    'noun'
    """
    one, other = told(first), told(second)
    if one["who"] != other["who"]:
        return "people"
    places = {
        word: (topic, deed) for topic, words in enumerate(world.topics)
        for deed, synonyms in enumerate(words.verbs) for word in synonyms
    }  # fmt: skip
    (topic, deed), (other_topic, other_deed) = places[one["verb"]], places[other["verb"]]
    return "all" if topic != other_topic else "verb" if deed != other_deed else "noun"


def told(sentence: str) -> dict[str, str]:
    """Who does what with which thing for whom, in a sentence of ``paraphrase``.

    >>> told("it is for nils that anna pays the bill")
    {'whom': 'nils', 'who': 'anna', 'verb': 'pays', 'noun': 'bill'}
    """
    found = next(filter(None, (p.fullmatch(sentence) for p in reversed(FORM_PATTERNS))))
    return found.groupdict()
