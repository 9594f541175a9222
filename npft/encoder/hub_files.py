"""The files of a Hugging Face folder: JSON, and weights in one file or in several.

    config.json                         what the numbers mean
    model.safetensors                   the weights, or, of a large model:
    model.safetensors.index.json        which weight stands in which file
    model-00001-of-00002.safetensors    ...

Weights that are stored in 16 bits (float16, bfloat16) become float32 when they are used.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from npft.atomic import PathLike, shown
from npft.encoder.checkpoint import FILE
from npft.encoder.safetensors import read_safetensors
from npft.errors import CheckpointError, listed, quoted
from npft.strict_json import parse

CONFIG, WEIGHTS, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5")


# All that is read of a folder, when it is there.
READ = (
    FILE, CONFIG, WEIGHTS, "vocab.txt", "tokenizer.json", "tokenizer_config.json", "vocab.json",
    "merges.txt", "modules.json", "sentence_bert_config.json", "config_sentence_transformers.json",
)  # fmt: skip


def check_all_replaced(folder: Path, written: Iterable[str]) -> None:
    """Raise ``CheckpointError`` if a folder would, beside what is written, hold more that is read.

    Such a file is of another model, and what is loaded would be a mixture of both.
    """
    left = [name for name in READ if name not in set(written) and (folder / name).exists()]
    if left:
        raise CheckpointError(
            f"{shown(folder)}: holds {listed(left)} of another model, which would be read with "
            "this one; name another folder, or empty it"
        )


def is_hub_folder(folder: PathLike) -> bool:
    """Whether a folder holds a model of Hugging Face, and none of npft."""
    config, own = (os.path.join(folder, name) for name in (CONFIG, FILE))
    return os.path.isfile(config) and not os.path.isfile(own)


def read_json(path: Path) -> dict[str, Any]:
    """An object of a JSON file; raises ``CheckpointError`` that names the file."""
    try:
        found = parse(path.read_bytes().decode("utf-8"))
    except OSError as error:
        raise CheckpointError(f"{shown(path)}: cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{shown(path)}: is no JSON: {error!s:.200}") from None
    if not isinstance(found, dict):
        raise CheckpointError(f"{shown(path)}: holds {quoted(found)}, expected an object")
    return found


def weights_file(folder: Path) -> Path:
    """The file that messages about weights name: the only one, or the index of several.

    Raises ``CheckpointError`` for a folder without weights that can be read.
    """
    for name in (WEIGHTS, INDEX):
        if (folder / name).is_file():
            return folder / name
    for name in PICKLES:
        if (folder / name).is_file():
            raise CheckpointError(
                f"{shown(folder / name)}: such a file can run code when it is opened, so it is "
                f"not; save the model anew with transformers, which writes {WEIGHTS}"
            )
    raise CheckpointError(f"{shown(folder)}: has a {CONFIG} and no {WEIGHTS}, expected both")


def read_weights(folder: Path) -> dict[str, np.ndarray]:
    """The weights of a folder by name, mapped into memory.

    Raises ``CheckpointError`` that names the file, also for an index whose files hold other weights
    than it says.
    """
    path = weights_file(folder)
    return read_safetensors(path) if path.name == WEIGHTS else _read_shards(path)


def _read_shards(path: Path) -> dict[str, np.ndarray]:
    """The weights of all files that an index names."""
    places = read_json(path).get("weight_map")
    if not isinstance(places, dict) or not places:
        raise CheckpointError(f"{shown(path)}: has no weight_map, which says where the weights are")
    for name, file in places.items():
        if not isinstance(file, str) or Path(file).name != file:
            raise CheckpointError(
                f"{shown(path)}: {quoted(name)} stands in {quoted(file)}, expected the name of a "
                "file beside the index"
            )
    weights: dict[str, np.ndarray] = {}
    for file in dict.fromkeys(places.values()):
        held = read_safetensors(path.parent / file)
        said = {name for name, place in places.items() if place == file}
        wrong = [f"lacks {quoted(name)}" for name in sorted(said - held.keys())]
        wrong += [f"also holds {quoted(name)}" for name in sorted(held.keys() - said)]
        if wrong:
            raise CheckpointError(
                f"{shown(path)}: {quoted(file)} is not as it says: it {listed(wrong)}"
            )
        weights |= held
    return weights
