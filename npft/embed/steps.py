"""How a folder of sentence-transformers makes one vector of a text.

    modules.json                 the steps, in order: Transformer, Pooling, Normalize
    1_Pooling/config.json        which tokens the pool takes
    sentence_bert_config.json    how many tokens of a text are read; or else
    tokenizer_config.json        its model_max_length says so
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from npft.atomic import PathLike, check_path, made_folder, shown, write_bytes
from npft.encoder.hub_files import read_json
from npft.errors import CheckpointError, ConfigError, check_count, listed, quoted
from npft.strict_json import parse

MODULES, LONGEST, TOKENIZER = "modules.json", "sentence_bert_config.json", "tokenizer_config.json"
SETTINGS = "config_sentence_transformers.json"
STEP_FILES = (MODULES, LONGEST, SETTINGS)  # those that are written
POOLINGS = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_lasttoken": "last",
}
SHORT = {"mean": "mean", "cls": "cls", "max": "max", "lasttoken": "last"}  # since its version 5
KNOWN = ("Transformer", "Pooling", "Normalize")  # in this order, the last or not


class Steps(NamedTuple):
    """The pool, whether the vectors have length 1, and the longest text (None: all positions)."""

    pool: str
    normalize: bool
    longest: int | None


def read_steps(folder: PathLike) -> Steps:
    """What a folder says of its steps; one without modules.json is pooled by mean and normalised.

    Raises ``CheckpointError`` that names the file, for a step or a pool that npft does not have, or
    steps in another order than a pool after the encoder, and perhaps the scaling after it.
    """
    folder = check_path("from_pretrained: folder", folder)
    pool, normalize = "mean", True
    if (folder / MODULES).is_file():
        steps = _modules(folder / MODULES)
        normalize = "Normalize" in steps
        pool = _pool(folder / steps["Pooling"] / "config.json")
        _check_settings(folder)
    return Steps(pool, normalize, _longest(folder))


def _longest(folder: Path) -> int | None:
    """How many tokens of a text are read, if a file of the folder says it."""
    for file, name in ((LONGEST, "max_seq_length"), (TOKENIZER, "model_max_length")):
        found = read_json(folder / file).get(name) if (folder / file).is_file() else None
        if found is not None:
            if found == 1e30:  # so says a tokenizer that knows no limit
                return None
            try:
                return check_count(name, found, least=3)
            except ConfigError as error:
                raise CheckpointError(f"{shown(folder / file)}: {error}") from None
    return None


def _check_settings(folder: Path) -> None:
    """Raise ``CheckpointError`` for what would be done to a text before it is cut."""
    for file, name in ((LONGEST, "do_lower_case"), (SETTINGS, "default_prompt_name")):
        if (folder / file).is_file() and (found := read_json(folder / file).get(name)):
            raise CheckpointError(
                f"{shown(folder / file)}: {name} is {quoted(found)}, which changes a text before "
                "it is cut; npft reads texts as they are"
            )


def _modules(path: Path) -> dict[str, str]:
    """The kind of each step, in order, and its folder."""
    try:
        modules = parse(path.read_bytes().decode())
        found = [(m["type"].rpartition(".")[2], m["path"]) for m in modules[:]]  # of a list
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise CheckpointError(f"{shown(path)}: is no list of modules with type and path") from None
    for kind, place in found:
        beside = isinstance(place, str) and Path(place).name == place != ".."
        if kind not in KNOWN or not beside:
            raise CheckpointError(
                f"{shown(path)}: a module is {quoted(kind)} in {quoted(place)}, expected one of "
                f"{', '.join(KNOWN)} in a folder beside the file"
            )
    kinds = [kind for kind, _ in found]
    if kinds not in ([*KNOWN], [*KNOWN[:2]]):
        raise CheckpointError(
            f"{shown(path)}: the modules are {listed(kinds) or 'none'}, expected Transformer and "
            "Pooling, or these and Normalize, in this order"
        )
    return dict(found)


def _pool(path: Path) -> str:
    """The one pool that is switched on."""
    options: dict[str, Any] = read_json(path)
    mode = options.get("pooling_mode")
    if mode is not None and isinstance(mode, str) and mode in SHORT:
        return SHORT[mode]
    chosen = [name for name, on in options.items() if name.startswith("pooling_mode") and on]
    if len(chosen) != 1 or chosen[0] not in POOLINGS:
        raise CheckpointError(
            f"{shown(path)}: pools {', '.join(chosen) or 'nothing'}, expected one of "
            f"{', '.join(POOLINGS)}"
        )
    return POOLINGS[chosen[0]]


def write_steps(folder: PathLike, steps: Steps, width: int) -> None:
    """Write the files that ``read_steps`` reads, so that sentence-transformers reads them too.

    width: of the vectors. Raises ``CheckpointError`` for a place that cannot be written.
    """
    folder, pooling = Path(folder), "1_Pooling"
    kinds = [("Transformer", ""), ("Pooling", pooling)]
    kinds += [("Normalize", "2_Normalize")] if steps.normalize else []
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (kind, path) in enumerate(kinds)
    ]
    modes = {name: pool == steps.pool for name, pool in POOLINGS.items()}
    files: dict[str, Any] = {
        MODULES: modules, f"{pooling}/config.json": {"word_embedding_dimension": width} | modes,
        LONGEST: {"max_seq_length": steps.longest, "do_lower_case": False},
        SETTINGS: {"prompts": {}, "default_prompt_name": None, "similarity_fn_name": "cosine"},
    }  # fmt: skip
    for name, content in files.items():
        with made_folder((folder / name).parent):
            write_bytes(folder / name, (json.dumps(content, indent=2) + "\n").encode())
