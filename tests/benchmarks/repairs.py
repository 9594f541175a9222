"""What each repair costs beside plain fine-tuning: a run of two epochs, and what comes before it.

The bundled body learns the hard messages. Every run is made anew in each round, in turns with a
plain one; the time of what a method needs beforehand (Fisher information, text of its own) or
afterwards is given apart, in seconds, for it does not grow with the run.
"""

from __future__ import annotations

import time

import numpy as np
from clock import spread

from npft import Classifier, TinyWorld, fine_tune, hard_sms_fixture, load, set_threads
from npft.forgetting.methods import METHODS, PLAIN, Run

EPOCHS, BATCH = 2, 32
DOCUMENTS = 400  # of text of before


def run_of(seed: int) -> Run:
    """A run that is ready to begin."""
    mlm = load("tinyworld")
    train, _ = hard_sms_fixture()
    rng = np.random.default_rng(seed)
    model = Classifier(mlm.body, 2, label_names=train.label_names, rng=rng)
    documents = [d.sentences for d in TinyWorld(seed).documents(DOCUMENTS)]
    batch = model.batch_of(train)
    return Run(model, mlm, mlm.encoder.state_dict(), documents, batch, EPOCHS, BATCH, 2e-3, seed)


def seconds(name: str, seed: int) -> tuple[float, float, float]:
    """Of what comes before the steps, of the steps, and of what comes after them."""
    method, run = METHODS[name], run_of(seed)
    marks = [time.perf_counter()]
    repair = method.before(run, method.strength)
    marks.append(time.perf_counter())
    fine_tune(
        run.model, run.train, epochs=EPOCHS, batch_size=BATCH, lr=run.lr, body_lr=run.body_lr,
        repairs=[] if repair is None else [repair], rng=np.random.default_rng(seed),
    )  # fmt: skip
    marks.append(time.perf_counter())
    if method.after is not None:
        method.after(run, method.strength)
    marks.append(time.perf_counter())
    before, during, after = np.diff(marks).tolist()
    return before, during, after


def measure(rounds: int) -> list[dict]:
    """A row for each method: its time divided by that of the plain run of the same round."""
    set_threads(1)
    found = {name: np.empty((rounds, 3)) for name in METHODS}
    seconds(PLAIN, 0)  # the first run of a process is slower
    for r in range(rounds):
        for name, rows in found.items():
            rows[r] = seconds(name, r)
    plain = found[PLAIN][:, 1]
    return [
        {
            "work": f"fine-tuning, {name}", "peer": "plain", "threads": 1,
            "ratio": spread(rows[:, 1] / plain), "before_s": spread(rows[:, 0]),
            "after_s": spread(rows[:, 2]),
        }
        for name, rows in found.items() if name != PLAIN
    ]  # fmt: skip
