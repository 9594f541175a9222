"""Files of safetensors: what is read is, byte by byte, what the header says of the file.

The header is read a second time by Python's json alone. A hub folder is a file of weights beside a
config.json that is as it was: a model that loads has the numbers of the file, and no others.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import plain
from checkpoints import load_and_use
from damaged_bytes import BYTES, flip_bits
from damaged_json import as_json, edit
from inputs import Target

from npft.encoder.hub_files import WEIGHTS
from npft.encoder.safetensors import read_safetensors

HUB = Path(__file__).parents[1] / "encoder" / "hub"
SIZES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I8": 1, "U8": 1, "BOOL": 1}
MIXED = {  # dtype, shape
    "a": ("F32", [2, 3]), "b": ("F16", [4]), "c": ("BF16", [3]), "d": ("I64", []),
    "e": ("U8", [0, 2]), "f": ("BOOL", [5]), "g": ("F64", [2]), "h": ("I8", [1]),
}  # fmt: skip


def packed(header: Any, data: bytes, length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def parts(data: bytes) -> tuple[bytes, bytes]:
    """The header and what stands behind it, as the first number says; cut as the file is cut."""
    n = int.from_bytes(data[:8], "little")
    return data[8 : 8 + n], data[8 + n :]


def on_header(change: Any) -> Any:
    """A change of the header as a damage of a file, whose length is then right again."""

    def damage(rng: Random, data: bytes) -> tuple[bytes, str]:
        text, rest = parts(data)
        try:
            header = json.loads(text)
        except (ValueError, RecursionError):
            return data, "nothing: its header is no JSON any more"
        header, what = change(rng, header)
        new = header if isinstance(header, bytes) else as_json(rng, header)
        return packed(new, rest), what

    return damage


def entries(header: Any) -> list[dict[str, Any]]:
    """The entries of a header that still have all three fields as lists and text."""
    found = header.values() if isinstance(header, dict) else []
    return [e for e in found if isinstance(e, dict) and isinstance(e.get("dtype"), str)
            and isinstance(e.get("shape"), list) and isinstance(e.get("data_offsets"), list)
            and len(e["data_offsets"]) == 2]  # fmt: skip


def lie(rng: Random, header: Any) -> tuple[Any, str]:
    """Another dtype, shape or place for one array, which may fit the bytes or not."""
    known = entries(header)
    if not known:
        return header, "nothing: it has no entries any more"
    entry, other = rng.choice(known), rng.choice(known)
    what = rng.choice(("dtype", "shape", "turned", "exchanged", "overlap", "hole", "backwards"))
    if what == "dtype":
        entry["dtype"] = rng.choice(list(SIZES))
    elif what == "shape":
        entry["shape"] = rng.choice(([1], [2, 2], [6], [3, 2], [10**9] * 3, [0], [-1], [2**64]))
    elif what == "turned":
        entry["shape"] = entry["shape"][::-1]
    elif what == "exchanged":
        entry["data_offsets"], other["data_offsets"] = other["data_offsets"], entry["data_offsets"]
    elif what == "overlap":
        entry["data_offsets"] = list(other["data_offsets"])
    elif what == "hole":
        entry["data_offsets"] = [n + 4 for n in entry["data_offsets"]]
    else:
        entry["data_offsets"] = entry["data_offsets"][::-1]
    return header, f"{what} of an array"


def bomb(rng: Random, data: bytes) -> tuple[bytes, str]:
    """A header that means more memory than there is, or that is said to be so long."""
    text, rest = parts(data)
    if rng.random() < 0.5:
        length = rng.choice((2**63, 2**64 - 1, 10**8, len(text) + 1, 0, 10**12))
        return packed(text, rest, length), f"a header of {length} bytes"
    many = {f"x{i}": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}
            for i in range(rng.choice((1, 3000)))}  # fmt: skip
    return packed(many, rest), f"{len(many)} arrays of 4 TB"


def plainly(data: bytes) -> dict[str, tuple[str, list[int], bytes]]:
    """dtype, shape and bytes of each array; raises ``plain.Refused`` where a header lies."""
    if len(data) < 8 or int.from_bytes(data[:8], "little") > len(data) - 8:
        raise plain.Refused("a header longer than the file")
    text, rest = parts(data)
    header = plain.strict_json(text)
    if not isinstance(header, dict):
        raise plain.Refused("no object")
    found, taken = {}, [0] * len(rest)
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        try:
            dtype, shape, (start, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
            size = SIZES[dtype]
            for n in shape:
                size *= n
            whole = all(type(n) is int and n >= 0 for n in [*shape, start, end])
        except (TypeError, KeyError, ValueError, IndexError):
            raise plain.Refused("an entry that is none") from None
        if not whole or len(entry) != 3 or end - start != size or end > len(rest):
            raise plain.Refused("an entry that lies")
        for i in range(start, end):
            taken[i] += 1
        found[name] = dtype, shape, rest[start:end]
    if any(n != 1 for n in taken):
        raise plain.Refused("a hole or an overlap")
    return found


def widened(dtype: str, data: bytes) -> bytes:
    """The bytes of an array as npft has it: bfloat16 has two zero bytes more."""
    if dtype != "BF16":
        return data
    return b"".join(b"\0\0" + data[i : i + 2] for i in range(0, len(data), 2))


def confirm_arrays(data: bytes, read: Any) -> str | None:
    try:
        held = plainly(data)
    except plain.Refused as error:
        return f"reads what a plain reading refuses, {error}"
    if read.keys() != held.keys():
        return "has other names than the file"
    for name, (dtype, shape, content) in held.items():
        if list(read[name].shape) != shape or read[name].tobytes() != widened(dtype, content):
            return "has another array than the file"
    return None


def confirm_folder(data: bytes, model: Any) -> str | None:
    try:
        held = plainly(data)
    except plain.Refused as error:
        return f"loads what a plain reading refuses, {error}"
    for name, own in model.state_dict().items():
        dtype, shape, content = held.get(name, ("", [], b""))
        of = {"F32": "<f4", "F16": "<f2", "F64": "<f8", "BF16": "<f4"}.get(dtype)
        if of is None:
            return "has a weight that the file lacks"
        numbers = np.frombuffer(widened(dtype, content), of).reshape(shape)
        if not np.array_equal(own, numbers.astype(np.float32)):
            return "has other numbers than the file"
    return None


def load_folder(path: Path) -> Any:
    """The model of a folder whose other files are as they were, after one short batch."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        for name in ("config.json", "vocab.txt"):
            shutil.copy(HUB / "bert" / name, folder)
        return load_and_use(Path(shutil.copy(path, folder)))


def mixed() -> bytes:
    """A file with an array of each dtype."""
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, (dtype, shape) in MIXED.items():
        size = SIZES[dtype] * int(np.prod(shape, dtype=int))
        ends = [len(data), len(data) + size]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": ends}
        data += bytes((7 * i + 1) % 251 for i in range(size)) if dtype != "BOOL" else b"\1" * size
    return packed(header, data)


def targets() -> list[Target]:
    def flip_in_header(rng: Random, data: bytes) -> tuple[bytes, str]:
        end = 8 + len(parts(data)[0])
        changed, what = flip_bits(rng, data[:end])
        return changed + data[end:], f"{what} of the header"

    damages = (BYTES, (flip_in_header,), (on_header(edit),), (on_header(lie),) * 2, (bomb,))
    bert = (HUB / "bert" / WEIGHTS).read_bytes()
    return [
        Target("safetensors", "a.safetensors", mixed(), read_safetensors, confirm_arrays, damages),
        Target("hub folder", WEIGHTS, bert, load_folder, confirm_folder, damages),
    ]
