"""Figure: what ULMFiT changes on the way - the schedule, the rate of each layer, what trains."""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.nn.schedules import schedule_of
from npft.plots.style import BLUE, GREEN, GREY, ORANGE, PINK

LAYERS = ("head", "block 1", "block 0", "embeddings")  # of a body of two blocks, from the top
COLORS = (ORANGE, BLUE, GREEN, PINK)


def draw_schedules(axes: Any, steps: int, ratio: float, epochs: int) -> None:
    """Left: four schedules over ``steps``. Middle: rates by layer. Right: layers by epoch.

    ``ratio`` is that of the rates of two layers, one above the other.
    """
    left, middle, right = axes
    at = np.arange(1, steps + 1)
    places = {  # where a name stands: a share of the steps, and how far to the right and up of it
        "linear": (0.25, -34, -48), "cosine": (0.75, -64, -14), "slanted": (0.7, 6, 6),
        "constant": (0.6, 0, 6),
    }  # fmt: skip
    for (name, (place, x, y)), color in zip(places.items(), (BLUE, GREEN, ORANGE, GREY)):
        schedule = schedule_of(name, steps, 0.05)
        factors = [schedule(int(s)) for s in at]
        left.plot(at, factors, color=color)
        i = int(place * steps)
        left.annotate(name, (at[i], factors[i]), xytext=(x, y), textcoords="offset points",
                      color=color)  # fmt: skip
    left.set_xlabel("step")
    left.set_ylabel("factor of the rate")
    left.set_ylim(0, 1.15)
    left.set_title("schedules", fontsize=14)
    slanted = schedule_of("slanted", steps)
    for depth, (name, color) in enumerate(zip(LAYERS, COLORS)):
        rates = np.array([slanted(int(s)) for s in at]) / ratio**depth
        middle.plot(at, rates, color=color)
        top = float(rates.max())
        middle.annotate(name, (at[rates.argmax()], top), xytext=(8, 2),
                        textcoords="offset points", color=color, fontsize=12)  # fmt: skip
        trained = np.arange(1, epochs + 1) > depth
        right.barh(depth, trained.sum(), left=epochs - trained.sum(), color=color, height=0.7)
    middle.set_xlabel("step")
    middle.set_ylabel("rate, as a share of the head's")
    middle.set_ylim(0, 1.15)
    middle.set_title(f"each layer {ratio:g} times slower", fontsize=14)
    right.set_yticks(range(len(LAYERS)), LAYERS)
    right.set_ylim(len(LAYERS) - 0.5, -0.5)
    right.set_xlabel("epochs that have passed")
    right.set_xlim(0, epochs)
    right.set_title("one layer more in each epoch", fontsize=14)
    left.figure.suptitle(
        "ULMFiT trains a body from the top: lower layers later, more slowly, on a slanted schedule",
        x=0.01, ha="left", fontsize=16,
    )  # fmt: skip
