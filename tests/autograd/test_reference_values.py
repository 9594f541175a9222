"""Values and gradients frozen from PyTorch, float64; make_reference_values.py made the file.

PyTorch is not needed here. The samples are those that its own tests use: empty arrays, arrays
without axes, broadcast ones, axes from the end, repeated and separated indices, numbers of 1e6.
"""

import functools
import json
from pathlib import Path

import numpy as np
import pytest
from op_table import TABLE

from npft.autograd import Tensor
from npft.autograd.attention import blocks_by_length

PATH = Path(__file__).with_name("reference_values.npz")
# A row of one number has the gradient 0 by layer norm; PyTorch gives what rounding leaves of terms
# of size 1 / sqrt(eps) = 316, which is 2e-13.
CANCELLED = {"layer_norm": 1e-12}


def constant(value):
    """What the generator wrote as a JSON object: an array, a tuple, a slice or the dots."""
    if not isinstance(value, dict):
        return value
    if "array" in value:
        return np.array(value["array"], value["dtype"]).reshape(value["shape"])
    if "tuple" in value:
        return tuple(map(constant, value["tuple"]))
    return slice(*value["slice"]) if "slice" in value else ...


@functools.cache
def content():
    """The samples of each op: (description, arrays), the arrays those after one another."""
    with np.load(PATH, allow_pickle=False) as file:
        index = json.loads(file["index"].tobytes())
        numbers = {op: file[op] for op in index["samples"]}
    found = {}
    for op, samples in index["samples"].items():
        rest = numbers[op]
        found[op] = []
        for sample in samples:
            shapes, out = sample["inputs"], sample["output"]
            arrays = []
            for shape in (*shapes, out, out, *shapes):  # inputs, value, cotangent, gradients
                size = int(np.prod(shape, dtype=int))
                arrays.append(rest[:size].reshape(shape))
                rest = rest[size:]
            found[op].append((sample, arrays))
        assert not rest.size
    return found


def assert_close(got, want, name, what):
    """Ten digits of each number; fourteen of the largest where terms cancel, as in 1 - tanh²."""
    what = f"{name}, {what}"
    assert got.shape == want.shape and got.dtype == np.float64, what
    nearly_zero = max(1e-14 * np.abs(want).max(initial=0), CANCELLED.get(name, 0))
    np.testing.assert_allclose(got, want, rtol=1e-10, atol=nearly_zero, err_msg=what)


@pytest.mark.parametrize("name", TABLE)
def test_value_and_gradients_are_those_of_pytorch(name):
    for sample, arrays in content()[name]:
        n = len(sample["inputs"])
        value, cotangent, gradients = arrays[n], arrays[n + 1], arrays[n + 2 :]
        constants = {key: constant(value) for key, value in sample["constants"].items()}
        if name in ("attention", "disentangled_attention"):
            constants["blocks"] = blocks_by_length(constants.pop("offsets"))
        leaves = [Tensor(x, requires_grad=True) for x in arrays[:n]]
        out = TABLE[name].op(*leaves, **constants)
        out.backward(cotangent)
        assert_close(out.data, value, name, f"{sample['from']}: value")
        for i, (leaf, want) in enumerate(zip(leaves, gradients, strict=True)):
            assert_close(leaf.grad, want, name, f"{sample['from']}: gradient of input {i}")


def test_every_op_has_reference_values():
    assert set(content()) == set(TABLE)
    assert all(content().values())


def test_the_samples_hold_the_cases_that_go_wrong():
    every = [(op, sample) for op, samples in content().items() for sample, _ in samples]
    inputs = [shape for _, sample in every for shape in sample["inputs"]]
    assert len(every) > 300
    assert sum(shape == [] for shape in inputs) > 30
    assert sum(0 in shape for shape in inputs) > 30
    assert sum(s["inputs"] != 2 * [s["output"]] for op, s in every if op in ("add", "divide")) > 10
    axes = [sample["constants"].get("axis") for _, sample in every]
    assert sum(type(axis) is int and axis < 0 for axis in axes) > 10


def test_the_file_is_small_and_holds_plain_arrays_only():
    assert PATH.stat().st_size < 1_000_000
    with np.load(PATH, allow_pickle=False) as file:
        assert {file[name].dtype for name in file if name != "index"} == {np.dtype(np.float64)}
        assert json.loads(file["index"].tobytes())["torch"].startswith("2.")
