"""How a folder of sentence-transformers makes one vector of a text.

    modules.json                 the steps, in order: Transformer, Pooling, Normalize
    1_Pooling/config.json        which tokens the pool takes
    sentence_bert_config.json    how many tokens of a text are read
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from npft.atomic import PathLike, shown
from npft.encoder.hub_files import read_json
from npft.errors import CheckpointError, ConfigError, check_count, quoted
from npft.strict_json import parse

POOLINGS = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_lasttoken": "last",
}
KNOWN = ("Transformer", "Pooling", "Normalize")


class Steps(NamedTuple):
    """The pool, whether the vectors have length 1, and the longest text (None: all positions)."""

    pool: str
    normalize: bool
    longest: int | None


def read_steps(folder: PathLike) -> Steps:
    """What a folder says of its steps; one without modules.json is pooled by mean and normalised.

    Raises ``CheckpointError`` that names the file, for a step or a pool that npft does not have.
    """
    folder = Path(folder)
    pool, normalize = "mean", True
    if (folder / "modules.json").is_file():
        steps = _modules(folder / "modules.json")
        normalize = "Normalize" in dict(steps)
        for kind, place in steps:
            if kind == "Pooling":
                pool = _pool(folder / place / "config.json")
    path, longest = folder / "sentence_bert_config.json", None
    if path.is_file():
        longest = read_json(path).get("max_seq_length")
        if longest is not None:
            try:
                check_count("max_seq_length", longest, least=3)
            except ConfigError as error:
                raise CheckpointError(f"{shown(path)}: {error}") from None
    return Steps(pool, normalize, longest)


def _modules(path: Path) -> list[tuple[str, str]]:
    """The kind of each step, and its folder."""
    try:
        found = [
            (m["type"].rpartition(".")[2], m["path"]) for m in parse(path.read_bytes().decode())
        ]
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise CheckpointError(f"{shown(path)}: is no list of modules with type and path") from None
    for kind, place in found:
        if kind not in KNOWN or not isinstance(place, str) or Path(place).name != place:
            raise CheckpointError(
                f"{shown(path)}: a module is {quoted(kind)} in {quoted(place)}, expected one of "
                f"{', '.join(KNOWN)} in a folder beside the file"
            )
    return found


def _pool(path: Path) -> str:
    """The one pool that is switched on."""
    options: dict[str, Any] = read_json(path)
    chosen = [name for name, on in options.items() if name.startswith("pooling_mode_") and on]
    if len(chosen) != 1 or chosen[0] not in POOLINGS:
        raise CheckpointError(
            f"{shown(path)}: pools {', '.join(chosen) or 'nothing'}, expected one of "
            f"{', '.join(POOLINGS)}"
        )
    return POOLINGS[chosen[0]]
