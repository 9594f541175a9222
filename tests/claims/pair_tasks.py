"""Paraphrase and coherence in two formats: ``pair_tasks``."""

import numpy as np
from saying import Said, Table, of, read

from npft.experiments.pair_tasks import SETTINGS, WAYS, pair_table


def claims():
    cells = read("pair_tasks")
    yield Table(pair_table(cells))
    told = {way: np.mean([c["accuracy"] for c in of(cells, way=way, n=16_000)]) for way in WAYS}
    yield Said("and ends at {:.2f}; reading each sentence apart and comparing the two vectors "
               "comes to {:.2f}.", *told.values())
    more = of(cells, n=4 * SETTINGS["paraphrase"].n)[0]
    yield Said("{:,} pairs end at {:.3f} with no other thing found (one seed)", more["n"],
               more["accuracy"])
    assert more["right"]["noun"] == 0
