"""Replaced tokens beside masked ones along the way: a probe against the operations spent.

A masked model is asked for 15 % of its tokens, a detector of replaced tokens for all of them
(``pretraining/electra.py``). Clark et al. (2020, figure 4) find that the detector learns more for
the same compute. Here both train a new body of one block on the same rows with the same masks, and
at some of the way a copy is judged by the linear probe of ``probe_ranks.py``: 320 labels, the body
as it is. What a step costs is counted by ``pretraining/budget.py``, the generator included.

The rate that suits the one need not suit the other, so each trains at two. A run is a cell: a plain
dict with all that it depends on (see ``sweep.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from npft.autograd.machine import threads
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.errors import ConfigError
from npft.experiments.bodies import world_text
from npft.experiments.probe_ranks import labelled, probe
from npft.pretraining.budget import steps_within
from npft.pretraining.catalogue import OBJECTIVES
from npft.pretraining.start import INIT_STD
from npft.pretraining.train import pretrain
from npft.text import WordPiece

WAYS = {"roberta": "masked words", "electra": "replaced words"}  # by the names of ``OBJECTIVES``
RATES = (1e-3, 4e-3)
BUDGET = 1e12  # floating-point operations
BATCH_SIZE = 16  # rows of 64 tokens
LOOKS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)  # parts of the budget
TASKS = {"topic": 320, "senses": 320}  # and numbers of labels


def electra_cells() -> list[dict[str, Any]]:
    """What a cell says of its objective and its rate, without the seed.

    >>> len(electra_cells()), electra_cells()[0]["way"], electra_cells()[0]["lr"]
    (4, 'roberta', 0.001)
    """
    return [{"way": way, "lr": lr, "budget": BUDGET} for way in WAYS for lr in RATES]


def electra_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Pretrain a new body in a cell {"way", "lr", "budget", "seed"} and judge its copies.

    Adds "steps", and "looks": for each of ``LOOKS`` a row of the "operations" spent and the probe's
    mean F1 on 1,000 texts by the name of the task. Raises ``ConfigError`` for an unknown way.
    """
    if cell["way"] not in WAYS:
        raise ConfigError(f"way is {cell['way']!r}, expected one of {', '.join(WAYS)}")
    with threads(1):
        text, chosen = world_text(cell["seed"]), OBJECTIVES[cell["way"]]
        rng = np.random.default_rng(cell["seed"])
        tok = WordPiece.train(text.vocabulary, vocab_size=text.vocab_size)
        config = EncoderConfig(
            vocab_size=tok.vocab_size, num_layers=1, max_positions=text.max_positions, dropout=0.0,
            init_std=INIT_STD,
        )  # fmt: skip
        model = chosen.model(Encoder(config, tokenizer=tok, rng=rng), rng=rng)
        steps = steps_within(
            cell["budget"], model, text.train, chosen, batch_size=BATCH_SIZE,
            rng=np.random.default_rng(0),
        )
        stops = {round(part * steps) for part in LOOKS}
        copies = {0: model.body.state_dict()}

        def look(step: int, total: int, said: str) -> None:
            if step in stops:
                copies[step] = model.body.state_dict()

        pretrain(
            model, text.train, steps=steps, batch_size=BATCH_SIZE, lr=cell["lr"], every=steps,
            layout=chosen.layout, corrupt=chosen.corrupt, progress=look, rng=rng,
        )  # fmt: skip
        looks = [
            {"operations": cell["budget"] * step / steps} | judged(model.body, copies[step])
            for step in sorted(stops)
        ]
    return cell | {"steps": steps, "looks": looks}


def judged(body: Encoder, state: dict[str, np.ndarray]) -> dict[str, float]:
    """The probe's mean F1 of each task on a copy of a body."""
    body.load_state_dict(state)
    return {task: probe(body, *labelled(task, n))[0] for task, n in TASKS.items()}


def curve(cells: Sequence[Mapping[str, Any]], way: str, lr: float, task: str) -> np.ndarray:
    """The probe's F1 of a task at each of ``LOOKS``, of each seed: (looks, seeds).

    >>> cell = {"way": "electra", "lr": 1e-3, "looks": [{"topic": 0.5}, {"topic": 0.75}]}
    >>> curve([cell, cell | {"lr": 4e-3}], "electra", 1e-3, "topic").tolist()
    [[0.5], [0.75]]
    """
    own = [c["looks"] for c in cells if (c["way"], c["lr"]) == (way, lr)]
    return np.array([[row[task] for row in looks] for looks in own]).T


def best_rate(cells: Sequence[Mapping[str, Any]], way: str, task: str) -> float:
    """The rate at which a way ends highest on a task, by the mean of the seeds."""
    return max(RATES, key=lambda lr: curve(cells, way, lr, task)[-1].mean())


def electra_table(cells: Sequence[Mapping[str, Any]]) -> str:
    """The rows of the gallery: mean F1, and the range of the seeds at the end."""
    parts = " | ".join(f"{part:.0%}" for part in LOOKS)
    lines = [f"| F1 of a probe after a part of the budget | {parts} |",
             "|---" * (1 + len(LOOKS)) + "|"]  # fmt: skip
    for task in TASKS:
        for way, name in WAYS.items():
            for lr in RATES:
                found = curve(cells, way, lr, task)
                shown = [f"{x:.2f}" for x in found.mean(axis=1)]
                shown[-1] += f" ({found[-1].min():.2f} to {found[-1].max():.2f})"
                lines.append(f"| {task}, {name}, rate {lr:g} | {' | '.join(shown)} |")
    return "\n".join(lines)
