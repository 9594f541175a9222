"""The cone that opens: ``figures/cone.json``."""

import numpy as np
from saying import Said, read

from npft.plots.cone import DIMS
from npft.plots.globe import chance_band


def claims():
    cells = read("cone")
    ends = [{frame["phase"]: frame for frame in cell["frames"]} for cell in cells]
    half = {phase: [end[phase]["half_within"] for end in ends] for phase in ends[0]}
    random, mlm, simcse = (np.mean(half[phase]) for phase in half)
    yield Said("within {:.0f}, {:.0f} and {:.0f} degrees of their mean", random, mlm, simcse)
    yield Said("opens: {:.0f}, {:.0f}, {:.0f} degrees", random, mlm, simcse)
    yield Said("within {:.0f}° of their mean direction with random weights, {:.0f}° after masked "
               "words, {:.0f}° after contrastive training", random, mlm, simcse)
    yield Said("within {:.0f}° of their mean direction with random weights, within {:.0f}° after "
               "masked words ({:.0f} to {:.0f} by seed) and within {:.0f}° after {} steps of "
               "SimCSE ({:.0f} to {:.0f})", random, mlm, *ends_of(half["mlm"]), simcse,
               cells[0]["contrast"][-1], *ends_of(half["simcse"]))
    yield Said("directions of {} dimensions lie, {:.0f}° to {:.0f}°", DIMS, *chance_band(DIMS))
    drawn = [f for f in cells[0]["frames"] if f["phase"] == "mlm"]
    least = min(drawn, key=lambda frame: frame["half_within"])
    yield Said("to {:.0f}° at step {} of {:,}", least["half_within"], least["step"],
               cells[0]["pretrain"][-1])


def ends_of(values):
    return min(values), max(values)
