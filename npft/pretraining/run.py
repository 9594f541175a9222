"""A training run that can be stopped and go on: its state, and what another run must share with it.

    model, optimiser        the weights, the moments and numbers of steps
    feed                    the order of this epoch, the place in it, two generators
    dropout                 a generator
    step, tokens, history   what has been done and measured
    settings                all arguments that decide a bit of the result

A run goes on only where the settings are the same, so that it cannot become another run unnoticed.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from npft.encoder.additions import additions_of
from npft.encoder.checkpoint import plain_number, read_training, save
from npft.encoder.model import Model
from npft.errors import CheckpointError, ConfigError, listed
from npft.nn.history import History
from npft.nn.layers import Dropout
from npft.nn.optim import AdamW
from npft.pretraining.pairs import Corpus
from npft.pretraining.source import Corrupt, Feed, Sequences, set_generator
from npft.text.batch import Batch

MOST_TOKENS = 1 << 62  # that a run can have read
LATER = ("trains", "dropouts", "probes")  # settings that the files of older versions do not have
OLDER = " (an older npft wrote it, which did not keep what trains: it is taken to have trained all)"
PROBED = ("ids", "offsets", "token_types", "token_labels", "labels", "sight")  # parts of a probe


class Run:
    """A training run at a step: everything that the next step depends on."""

    def __init__(
        self,
        model: Any,
        optimizer: AdamW,
        feed: Feed,
        dropout: np.random.Generator,
        settings: dict[str, Any],
    ) -> None:
        self.model, self.optimizer, self.feed, self.dropout = model, optimizer, feed, dropout
        try:  # as they will be read from a file, in which NumPy's numbers are plain ones
            self.settings = json.loads(json.dumps(settings, default=plain_number))
        except TypeError as error:  # of a head of the user's own
            raise ConfigError(f"pretrain: JSON cannot hold the options: {error}") from None
        self.step = self.tokens = 0
        self.history = History()

    def save(self, folder: Path) -> None:
        """Write the model and the state of the run, whole or not at all."""
        feed, epoch = self.feed.state()
        state = {
            "settings": self.settings,
            "step": self.step,
            "tokens": self.tokens,
            "history": self.history.rows,
            "dropout": self.dropout.bit_generator.state,
            "feed": feed,
        }
        save(folder, self.model, (state, {"epoch": epoch, **self.optimizer.state_dict()}))

    def load(self, folder: Path) -> None:
        """Go on from a checkpoint; the model is changed last, when all else was found to fit.

        Raises ``CheckpointError`` for a file without a run, one of another run, with all settings
        that differ, and one that is damaged.
        """
        weights, (state, arrays) = read_training(folder)
        try:
            was = completed(state["settings"], self.model)
            differ = list(differences(was, self.settings))
            if differ:
                older = "trains" not in state["settings"] and "trains was" in " ".join(differ)
                raise CheckpointError(
                    f"another run was stopped here{OLDER if older else ''}: {'; '.join(differ)}; "
                    "give the same arguments, or another folder"
                )
            self.step = whole(state, "step", 1, self.settings["steps"])
            self.tokens = whole(state, "tokens", 0, MOST_TOKENS)
            self.history = checked_history(state["history"], self.step)
            epoch = arrays.pop("epoch")
            self.feed.go_on(state["feed"], epoch)
            set_generator(self.dropout, state["dropout"])
            self.optimizer.load_state_dict(arrays)
            self.model.load_state_dict(weights)
        except CheckpointError as error:
            raise CheckpointError(f"{folder}: {error}") from None
        except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
            raise CheckpointError(
                f"{folder}: its state of training is damaged: {type(error).__name__} {error}"
            ) from None


def differences(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterable[str]:
    """What differs between the settings of two runs, in words.

    A setting that came later (``LATER``) and that the older run does not name is taken to be equal.
    Where both runs say what all ``probes`` hold, ``probe``, which is a part of it, says no more.

    >>> list(differences({"steps": 10, "text": "ab12"}, {"steps": 20, "text": "cd34"}))
    ['steps was 10 and is 20', 'text was ab12 and is cd34']
    >>> list(differences({"dropouts": [0.1] * 30}, {"dropouts": [0.0] + [0.1] * 29}))
    ['dropouts was 30 x 0.1 and is 1 x 0.0, 29 x 0.1']
    """
    for name in dict.fromkeys([*now, *was]):
        before, after = was.get(name), now.get(name)
        unknown = name in LATER and before is None
        said = name == "probe" and None not in (was.get("probes"), now.get("probes"))
        if before != after and not unknown and not said:
            yield f"{name} was {_in_short(before)} and is {_in_short(after)}"


def _in_short(value: Any) -> str:
    """A setting for a message; a list of equal numbers as one, and how many there are."""
    if not isinstance(value, list) or not all(isinstance(x, (int, float)) for x in value):
        return str(value)
    return listed(f"{len(list(same))} x {x}" for x, same in groupby(value)) or "none"


def completed(settings: Mapping[str, Any], model: Model) -> dict[str, Any]:
    """The settings of a run in a file, with those that came later added: as it was before them.

    All then trained, and where ``adapt`` made the model (which alone names an origin) the encoder
    dropped as its configuration says. What another model dropped is not known.
    """
    found = dict(settings)
    if "trains" not in found:
        names = [name for name, _ in model.named_parameters()]
        found["trains"] = _trains(names, len(names))
    if "dropouts" not in found and found.get("origin") is not None:
        inside = {id(part) for part in model.encoder.modules()}
        usual = model.encoder.config.dropout
        layers = [part for part in model.modules() if isinstance(part, Dropout)]
        found["dropouts"] = [usual if id(part) in inside else part.p for part in layers]
    return found


def whole(state: Mapping[str, Any], name: str, least: int, most: int | None = None) -> int:
    """A whole number of a state, from ``least`` to ``most``."""
    n = state[name]
    if type(n) is not int or n < least or (most is not None and n > most):
        limit = f"to {most}" if most is not None else "or more"
        raise CheckpointError(f"its {name} is {n!r}, expected {least} {limit}")
    return n


def checked_history(rows: Any, step: int) -> History:
    """The history of a run, if it is one: rows of finite numbers, the last of them of ``step``."""
    right = (
        isinstance(rows, list)
        and len(rows) > 0
        and all(isinstance(row, dict) and "step" in row for row in rows)
        and all(type(x) in (int, float) and math.isfinite(x) for row in rows for x in row.values())
        and rows[-1]["step"] == step
    )
    if not right:
        raise CheckpointError(f"its history is no list of measurements up to step {step}")
    return History(rows)


def checksum(arrays: Iterable[np.ndarray]) -> str:
    """One checksum over all arrays, as eight hexadecimal digits.

    >>> checksum([np.zeros(2, np.int8)]), checksum([np.ones(2, np.int8)])
    ('41d912ff', '2fc51328')
    """
    crc = 0
    for array in arrays:
        crc = zlib.crc32(array.tobytes(), crc)
    return f"{crc:08x}"


def identity(model: Model) -> dict[str, Any]:
    """What a model is but for its weights: its kind, heads, configuration, tokenizer, additions.

    And what of it trains, and the chance of each of its dropouts, both of which may have been
    changed since it was made. The checksum of the text covers how the tokenizer cuts it.
    """
    tokenizer = type(model.encoder.tokenizer).__name__
    config = model.encoder.config.as_dict()
    found = {"kind": model.kind, "heads": model.options(), **config, "tokenizer": tokenizer}
    if additions := additions_of(model):  # of LoRA the scale is no weight
        found["additions"] = additions
    weights = dict(model.named_parameters())
    trained = [name for name, weight in weights.items() if weight.requires_grad]
    found["trains"] = _trains(trained, len(weights))
    found["dropouts"] = [part.p for part in model.modules() if isinstance(part, Dropout)]
    return found


def _trains(names: list[str], n: int) -> str:
    """Which of the n weights of a model train, in a line."""
    return f"{len(names)} of {n} arrays {checksum(map(_line, names))}"


def _line(text: str) -> np.ndarray:
    """A line of text as an array, for ``checksum``."""
    return np.frombuffer(f"{text}\n".encode("utf-8", "backslashreplace"), np.uint8)


def identity_of_probes(probes: Mapping[str, Batch]) -> str:
    """A checksum of the names of probes, and of all in them that measuring reads.

    >>> probe = Batch([5, 6], [0, 2], token_labels=[7, -100])
    >>> renamed, asked = {"b": probe}, {"a": probe.replace(token_labels=[-100, 7])}
    >>> len({identity_of_probes(probes) for probes in ({"a": probe}, renamed, asked)})
    3
    """
    parts = []
    for name, probe in probes.items():
        held = {part: getattr(probe, part) for part in PROBED}
        parts.append(_line(f"{name} {[(k, np.shape(a)) for k, a in held.items()]}"))
        parts += [array for array in held.values() if array is not None]
    return checksum(parts)


def identity_of_text(corpora: Mapping[str, Corpus]) -> str:
    """A checksum of the names, the tokens and the borders of all texts."""
    names = np.frombuffer("\n".join(corpora).encode("utf-8", "backslashreplace"), np.uint8)
    parts = [a for c in corpora.values() for a in (c.tokens, c.sentence, c.document)]
    return checksum([names, *parts])


def identity_of_corruption(corrupt: Corrupt, source: Sequences) -> str:
    """The name of a corruption, and a checksum of what it does to the first sequences.

    The name alone would not tell two functions apart that were made in one place.
    """
    inner = getattr(corrupt, "func", corrupt)  # of a partial
    name = getattr(inner, "__name__", type(inner).__name__)
    batch = source.draw(source.starts[:16], np.random.default_rng(0))
    masked = corrupt(batch, source.tokenizer, rng=np.random.default_rng(0))
    return f"{name} {checksum([masked.ids, *masked.token_targets()])}"
