"""The safetensors format: what is written comes back, and a file that lies is refused."""

import json
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.encoder.safetensors import read_safetensors, write_safetensors
from npft.errors import CheckpointError

ARRAYS = {
    "weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "half": np.array([1.5, -2.0], np.float16),
    "nothing": np.zeros((0, 3), np.float32),
    "one": np.array(3.25),
    "ids": np.array([[2**40, -1]]),
    "flags": np.array([True, False, True]),
}


def put(path, header, data=b"", length=None):
    """A file of a header, which may be any bytes or what JSON can hold, and data."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes((len(text) if length is None else length).to_bytes(8, "little") + text + data)
    return path


def entry(dtype="F32", shape=(2,), ends=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(ends)}


def test_what_is_written_comes_back_with_its_dtypes_shapes_and_order(tmp_path):
    write_safetensors(tmp_path / "a", ARRAYS)
    found = read_safetensors(tmp_path / "a")
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype and found[name].shape == array.shape
        assert found[name].tobytes() == array.tobytes()
        assert not (array.size and found[name].flags.writeable)


def test_a_file_worked_by_hand_is_read(tmp_path):
    data = np.float32([1.0, -2.0]).tobytes()
    header = {"__metadata__": {"format": "pt"}, "x": entry()}
    assert read_safetensors(put(tmp_path / "a", header, data))["x"].tolist() == [1.0, -2.0]


@given(st.integers(0, 2**16 - 1))
def test_bfloat16_is_the_upper_half_of_a_float32(bits):
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        data = bits.to_bytes(2, "little")
        found = read_safetensors(put(Path(folder) / "a", {"x": entry("BF16", (1,), (0, 2))}, data))
        assert found["x"].dtype == np.float32
        assert found["x"].tobytes() == b"\0\0" + data


def test_an_empty_file_of_no_arrays_is_read(tmp_path):
    write_safetensors(tmp_path / "a", {})
    assert read_safetensors(tmp_path / "a") == {}


DATA = bytes(8)
LIES = {
    "a hole": ({"x": entry(ends=(4, 12))}, bytes(12), "begins at byte 4, expected 0"),
    "an overlap": ({"x": entry(), "y": entry(ends=(4, 12))}, bytes(12), "begins at byte 4"),
    "twice the same bytes": ({"x": entry(), "y": entry()}, DATA, "begins at byte 0, expected 8"),
    "bytes left over": ({"x": entry()}, bytes(9), "take 8 bytes, the file has 9"),
    "bytes that are not there": ({"x": entry(ends=(0, 8))}, bytes(7), "take 8 bytes, the file has"),
    "a shape too large": ({"x": entry(shape=(3,))}, DATA, r"shape \[3\] does not fit"),
    "a bomb": ({"x": entry(shape=(2**40, 2**40))}, DATA, "does not fit"),
    "more axes than NumPy has": ({"x": entry(shape=(2, *99 * (1,)))}, DATA, "NumPy has no shape"),
    "none, of many": ({"x": entry(shape=(0, 2**70), ends=(0, 0))}, b"", "NumPy has no shape"),
    "a negative": ({"x": entry(shape=(-2,))}, DATA, "for whole numbers"),
    "a float": ({"x": entry(shape=(2.0,))}, DATA, "for whole numbers"),
    "True": ({"x": entry(shape=(True, 2))}, DATA, "for whole numbers"),
    "ends the wrong way": ({"x": entry(ends=(8, 0))}, DATA, "does not fit"),
    "three ends": ({"x": entry(ends=(0, 8, 8))}, DATA, "does not fit"),
    "an unknown dtype": ({"x": entry(dtype="F8_E4M3")}, DATA, "dtype 'F8_E4M3'; known: F64"),
    "a dtype that is no text": ({"x": entry(dtype=["F32"])}, DATA, "has dtype"),
    "a member too many": ({"x": entry() | {"z": 1}}, DATA, "has not just dtype, shape"),
    "an entry that is none": ({"x": 3}, DATA, "has not just dtype"),
    "a list": ([1], b"", "the header is no JSON object"),
    "no JSON": (b"{x", b"", "Expecting property name"),
    "no text": (b"\xff\xfe", b"", "can't decode"),
    "two of a name": (b'{"x": 1, "x": 2}', b"", "a key occurs twice"),
    "deep nesting": (b"[" * 100_000, b"", "nested too deeply"),
}


@pytest.mark.parametrize("what", LIES)
def test_a_header_that_lies_is_refused_and_told(what, tmp_path):
    header, data, message = LIES[what]
    path = put(tmp_path / "model.safetensors", header, data)
    with pytest.raises(CheckpointError, match=f"model.safetensors: .*{message}"):
        read_safetensors(path)


@pytest.mark.parametrize("length", [3, 10**6, 2**63, 2**64 - 1])
def test_a_length_beyond_the_file_is_refused_before_anything_is_read(length, tmp_path):
    path = put(tmp_path / "a", b"{}", length=length)
    tracemalloc.start()
    with pytest.raises(CheckpointError, match=f"a header of {length} bytes in a file of 10"):
        read_safetensors(path)
    assert tracemalloc.get_traced_memory()[1] < 100_000
    tracemalloc.stop()


@pytest.mark.parametrize("size", range(8))
def test_a_file_shorter_than_its_first_number_is_refused(size, tmp_path):
    (tmp_path / "a").write_bytes(bytes(size))
    with pytest.raises(CheckpointError):
        read_safetensors(tmp_path / "a")


def test_a_damaged_byte_of_the_header_is_refused_or_changes_no_number_unseen(tmp_path):
    """Flip every bit of a header: what is still read has the arrays' bytes, under their shapes."""
    write_safetensors(tmp_path / "a", ARRAYS)
    whole = (tmp_path / "a").read_bytes()
    end = 8 + int.from_bytes(whole[:8], "little")
    refused = 0
    for at in range(end):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << (at % 8)
        (tmp_path / "b").write_bytes(damaged)
        try:
            found = read_safetensors(tmp_path / "b")
        except CheckpointError:
            refused += 1
            continue
        assert b"".join(a.tobytes() for a in found.values()) == whole[end:]  # none left out
    assert refused > end / 2


def test_what_the_format_cannot_hold_and_a_place_that_is_none_are_refused(tmp_path):
    with pytest.raises(CheckpointError, match="x has dtype complex128, which it cannot hold"):
        write_safetensors(tmp_path / "a", {"x": np.zeros(1, complex)})
    assert not (tmp_path / "a").exists()
    with pytest.raises(CheckpointError, match="No such file"):
        read_safetensors(tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match="Is a directory"):
        read_safetensors(tmp_path)
