"""Files in the safetensors format: arrays by name, and nothing that could run.

    8 bytes     N, the length of the header, the lowest byte first
    N bytes     the header, JSON: {"bias": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}
    the rest    the numbers of all arrays, end to end

A header may lie. So it is checked against the size of the file before anything is read by it: the
arrays must fill the rest of the file exactly, without a hole or an overlap, and each must be as
long as its shape and dtype say. Then the file is mapped into memory, so that an array is read from
the disk only when it is used.

(Format: https://huggingface.co/docs/safetensors.) bfloat16, which NumPy lacks, is the upper half of
a float32: two zero bytes more make it one.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from npft.atomic import PathLike, made_folder, new_file, shown
from npft.errors import CheckpointError, quoted
from npft.strict_json import parse

DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4",
          "I8": "|i1", "U8": "|u1", "BOOL": "|b1"}  # fmt: skip
MAX_HEADER = 100_000_000  # bytes, that of the reference implementation
METADATA = "__metadata__"


def read_safetensors(path: PathLike) -> dict[str, np.ndarray]:
    """The arrays of a file by name, mapped into memory and read-only; bfloat16 becomes float32.

    Raises ``CheckpointError`` that names the file and what is wrong with it.
    """
    try:
        size = os.path.getsize(path)
        with open(path, "rb") as file:
            n = int.from_bytes(file.read(8), "little")
            if size < 8 or n > min(size - 8, MAX_HEADER):
                raise CheckpointError(
                    f"{shown(path)}: a header of {n} bytes in a file of {size}; it is no "
                    "safetensors file, or was cut off"
                )
            header = file.read(n)
        tensors = _checked(_parsed(header), size - 8 - n)
        data = np.memmap(path, np.uint8, "r", offset=8 + n) if size > 8 + n else np.zeros(0, "u1")
        return {name: _array(name, data[start:end], dtype, shape)
                for name, (dtype, shape, start, end) in tensors.items()}  # fmt: skip
    except (OSError, ValueError) as error:
        if isinstance(error, CheckpointError):
            raise
        reason = getattr(error, "strerror", None) or error
        raise CheckpointError(f"{shown(path)}: {reason}") from None


Tensor = tuple[str, list[int], int, int]  # the name of a dtype, a shape, where it begins and ends


def _parsed(header: bytes) -> dict[str, Any]:
    """The header without its metadata; raises ``ValueError`` for what is none."""
    try:
        found = parse(header.decode("utf-8"))
    except RecursionError:
        raise ValueError("the header is nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError("the header is no JSON object")
    return {name: entry for name, entry in found.items() if name != METADATA}


def _checked(header: dict[str, Any], room: int) -> dict[str, Tensor]:
    """What each entry means; raises ``ValueError`` unless together they fill ``room`` bytes."""
    tensors = {}
    for name, entry in header.items():
        if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
            raise ValueError(f"the entry {quoted(name)} has not just dtype, shape, data_offsets")
        dtype, shape, ends = entry["dtype"], entry["shape"], entry["data_offsets"]
        if not isinstance(dtype, str) or dtype not in DTYPES:
            known = ", ".join(DTYPES)
            raise ValueError(f"{quoted(name)} has dtype {quoted(dtype)}; known: {known}")
        for numbers in (shape, ends):
            if not isinstance(numbers, list) or any(type(i) is not int or i < 0 for i in numbers):
                raise ValueError(f"{quoted(name)} has {quoted(numbers)} for whole numbers")
        size = math.prod(shape) * np.dtype(DTYPES[dtype]).itemsize
        if len(ends) != 2 or size != ends[1] - ends[0]:
            raise ValueError(f"{quoted(name)}: shape {quoted(shape)} does not fit {quoted(ends)}")
        tensors[name] = (dtype, shape, ends[0], ends[1])
    place = 0
    for name, (_, _, start, end) in sorted(tensors.items(), key=lambda item: item[1][2:]):
        if start != place:
            raise ValueError(f"{quoted(name)} begins at byte {start}, expected {place}")
        place = end
    if place != room:
        raise ValueError(f"the arrays take {place} bytes, the file has {room} for them")
    return tensors


def _array(name: str, data: np.ndarray, dtype: str, shape: list[int]) -> np.ndarray:
    """The array that bytes are; raises ``ValueError`` for a shape that NumPy has not."""
    array = data.view(DTYPES[dtype]) if len(data) else np.zeros(0, DTYPES[dtype])
    if dtype == "BF16":
        array = (array.astype("<u4") << 16).view("<f4")
    try:
        return array.reshape(shape)
    except (ValueError, OverflowError):  # many axes, or none of a number of them
        raise ValueError(f"{quoted(name)}: NumPy has no shape {quoted(shape)}") from None


def write_safetensors(path: PathLike, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays, in the order given, to a file that appears whole or not at all.

    Raises ``CheckpointError`` for a dtype the format has not, or a place that cannot be written.
    """
    names = {np.dtype(code): name for name, code in DTYPES.items() if name != "BF16"}
    header: dict[str, Any] = {METADATA: {"format": "pt"}}  # which others ask for
    place = 0
    for name, array in arrays.items():
        if array.dtype not in names:
            raise CheckpointError(f"{shown(path)}: {name} has dtype {array.dtype}, which it cannot "
                                  "hold")
        header[name] = {"dtype": names[array.dtype], "shape": list(array.shape),
                        "data_offsets": [place, place + array.nbytes]}  # fmt: skip
        place += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # numbers begin where a computer likes them to
    with made_folder(Path(path).parent), new_file(path) as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for array in arrays.values():
            file.write(np.ascontiguousarray(array).tobytes())
