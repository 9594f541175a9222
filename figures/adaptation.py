"""F25: domain-adaptive pretraining: three losses of a general body that goes on with the clinic."""


import numpy as np
from common import SEEDS, body_folder, picture, pretrain_seed, results

from npft import History, TinyWorld, load
from npft.autograd.machine import threads
from npft.experiments.bodies import DOCUMENTS, HELD_OUT
from npft.experiments.sweep import sweep
from npft.plots import draw_adaptation
from npft.pretraining.adapt import adapt

SMALL, LARGE = 25, 2000  # documents of the clinic
REPLAY, STEPS, EVERY = 0.2, 480, 60
RUNS = {
    f"{SMALL} documents": (SMALL, 0.0),
    f"{LARGE:,} documents": (LARGE, 0.0),
    f"{LARGE:,} documents, replay {REPLAY:.0%}": (LARGE, REPLAY),
}


def sentences(world: TinyWorld, n: int, start: int = 0) -> list[list[str]]:
    return [d.sentences for d in world.documents(n, start)]


@threads(1)
def run(cell: tuple[str, int]) -> dict:
    """Adapt the body of a seed; returns the rows of its history."""
    name, seed = cell
    documents, replay = RUNS[name]
    general, clinic = TinyWorld(seed), TinyWorld(seed, domain="clinic")
    _, history = adapt(
        load(body_folder(seed)),
        sentences(clinic, documents),
        held_out=sentences(clinic, HELD_OUT, start=DOCUMENTS),
        general=sentences(general, HELD_OUT, start=DOCUMENTS),
        pool=sentences(general, DOCUMENTS) if replay else None,
        replay=replay,
        steps=STEPS,
        every=EVERY,
        rng=np.random.default_rng(seed),
    )
    return {"name": name, "seed": seed, "history": history.rows}


def compute() -> list:
    sweep(pretrain_seed, list(SEEDS))
    return sweep(run, [(name, seed) for name in RUNS for seed in SEEDS])


if __name__ == "__main__":
    cells = results(__file__, compute)
    runs = {name: [History(c["history"]) for c in cells if c["name"] == name] for name in RUNS}
    picture("adaptation", draw_adaptation, runs, columns=2)
