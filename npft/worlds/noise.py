"""Wrong labels, on purpose: how much does a learner mind?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from npft.errors import ConfigError, check_share
from npft.text.examples import Examples
from npft.worlds.draws import Draw, shuffled


def mislabelled(examples: Any, rate: float, draw: Draw) -> Examples:
    """The same examples, a share ``rate`` of them with one of the other labels.

    Raises ``ConfigError`` for a rate that is no share, or examples without classes.

    >>> made = mislabelled(Examples(["a", "b"], [0, 1], ["no", "yes"]), 0.5, lambda: 0.0)
    >>> made.labels
    array([0, 0])
    """
    rate = check_share("label_noise", rate, zero=True, one=True)
    labels = getattr(examples, "labels", None)
    if labels is None or np.asarray(labels).dtype.kind != "i":
        raise ConfigError("label_noise needs a task with a class for each text")
    wrong = np.array(labels)
    for i in shuffled(draw, range(len(wrong)))[: round(rate * len(wrong))]:
        wrong[i] = (wrong[i] + 1 + int(draw() * (len(examples.label_names) - 1))) % len(
            examples.label_names
        )
    return replace(examples, labels=wrong)
