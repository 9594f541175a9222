"""Head drift or loss of representation? What a new head, and a few steps, find in a tuned body.

After fine-tuning by some of the methods: the rise of the loss under the old prediction head, and
under one that was fitted anew; how soon the body learns again; what it still knows of next
sentences and of parts of speech.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from npft.autograd.machine import threads
from npft.encoder.encoder import Encoder
from npft.encoder.model import Model, copy_of
from npft.experiments.repairs import BATCH_SIZE, fine_tuned, make_scene
from npft.finetune.train import steps_in_epoch
from npft.forgetting.latent import latent_forgetting, linear_probe, savings
from npft.forgetting.measure import measure_forgetting
from npft.heads.tags import TokenClassifier
from npft.worlds import TinyWorld

RUNS: dict[str, dict[str, Any]] = {  # what is examined: what the cell says of its method
    "plain": {},
    "replay 0.2": {"method": "replay", "strength": 0.2},
}
REFIT_STEPS, RELEARN_STEPS, EVERY = 150, 100, 5
TAGGED = 120  # sentences with parts of speech
WORDS = 300  # sentences to test on


def lost_cell(cell: dict[str, Any]) -> dict[str, Any]:
    """Fine-tune one cell of ``repairs.py`` and examine its body.

    Returns the cell with "before" (the loss of the pretrained body), "printed" (of a plain run, the
    first and the last loss that ``measure_forgetting`` sees), "rise", "latent_rise" (nats),
    "relearn" and "new" (steps, None if more than 100), and before and after fine-tuning, as pairs,
    "nsp_acc" and "pos" (accuracy of a linear probe on the frozen body).
    """
    with threads(1):
        scene = make_scene(cell)
        start = copy_of(scene.mlm)
        epoch = steps_in_epoch(scene.train, BATCH_SIZE)
        curve = fine_tuned(scene, {**cell, "every": epoch})
        printed = [] if "method" in cell else measure_forgetting(curve, epoch)[[0, -1]].tolist()
        seed, mlm = cell["seed"], scene.mlm
        options: dict[str, Any] = {"documents": scene.pool, "probe": scene.probe}
        latent = latent_forgetting(
            start, mlm, steps=REFIT_STEPS, rng=np.random.default_rng(seed), **options
        )
        saved = savings(
            start, mlm, steps=RELEARN_STEPS, every=EVERY, rng=np.random.default_rng(seed), **options
        )
        nsp = [m.measure(scene.probe)["nsp_acc"] for m in (start, mlm)]
        pos = [parts_of_speech(m, cell["world"], seed) for m in (start, mlm)]
    return cell | {
        "before": float(curve.mlm_loss[0]), "printed": printed, "rise": latent.rise,
        "latent_rise": latent.latent_rise, "relearn": saved.relearn, "new": saved.new,
        "nsp_acc": nsp, "pos": pos,
    }  # fmt: skip


def parts_of_speech(model: Model, world: int, seed: int) -> float:
    """The accuracy of a linear probe for parts of speech on the frozen body of a model."""
    rng, of = np.random.default_rng(seed), TinyWorld(world)
    train = of.task("pos", TAGGED, seed=1, test=False)
    test = of.task("pos", WORDS, seed=2, test=True)

    def make(body: Encoder) -> TokenClassifier:
        return TokenClassifier(body, train.tag_names, rng=rng)

    reader = make(copy_of(model).encoder)
    return linear_probe(
        model, make, reader.batch_of(train), reader.batch_of(test), epochs=5, rng=rng
    )


def lost_table(cells: Sequence[Mapping[str, Any]]) -> str:
    """The rows of the gallery: mean and standard deviation over the seeds."""
    lines = [
        "| after | rise, old head | rise, new head | steps to relearn (a new body) "
        "| next sentences | parts of speech |",
        "|---|---|---|---|---|---|",
    ]
    for run in RUNS:
        rows = [c for c in cells if c["run"] == run]
        rise, latent = (_shown([c[name] for c in rows]) for name in ("rise", "latent_rise"))
        relearn, new = (_range([c[name] for c in rows]) for name in ("relearn", "new"))
        pairs = [
            f"{np.mean([c[name][0] for c in rows]):.2f} to {_shown([c[name][1] for c in rows])}"
            for name in ("nsp_acc", "pos")
        ]
        lines.append(f"| {run} | {rise} | {latent} | {relearn} ({new}) | {pairs[0]} | {pairs[1]} |")
    return "\n".join(lines)


def _shown(values: Sequence[float]) -> str:
    return f"{np.mean(values):.2f} ± {np.std(values, ddof=min(1, len(values) - 1)):.2f}"


def _range(steps: Sequence[int | None]) -> str:
    """From the fewest steps to the most; None is more than were given.

    >>> _range([40, None, 20]), _range([60, 60]), _range([None])
    ('20 to over 100', '60', 'over 100')
    """
    known = sorted(n for n in steps if n is not None)
    ends = [str(n) for n in dict.fromkeys(known[:1] + known[-1:])]
    if None in steps:
        ends = [*ends[:1], f"over {RELEARN_STEPS}"]
    return " to ".join(ends)
