"""The files of a Hugging Face folder: shards, pickles, and which folder is one."""

import json
import shutil
from pathlib import Path

import pytest

from npft import load
from npft.encoder.hub_files import INDEX, WEIGHTS, is_hub_folder, read_weights
from npft.encoder.safetensors import read_safetensors, write_safetensors
from npft.errors import CheckpointError

HUB = Path(__file__).parent / "hub"


@pytest.fixture
def shards(tmp_path):
    """The small BERT with its weights in two files, and its index."""
    folder = Path(shutil.copytree(HUB / "bert", tmp_path / "bert"))
    arrays = read_safetensors(folder / WEIGHTS)
    names = list(arrays)
    places = {n: f"model-{1 + (i > 9)}-of-2.safetensors" for i, n in enumerate(names)}
    for file in set(places.values()):
        write_safetensors(folder / file, {n: arrays[n] for n in names if places[n] == file})
    (folder / WEIGHTS).unlink()
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": places}))
    return folder


def spoil(folder, change):
    index = json.loads((folder / INDEX).read_text())
    change(index["weight_map"])
    (folder / INDEX).write_text(json.dumps(index))


def test_weights_in_several_files_are_those_of_one(shards):
    whole, found = read_weights(HUB / "bert"), read_weights(shards)
    assert found.keys() == whole.keys()
    assert all(found[n].tobytes() == whole[n].tobytes() for n in whole)
    one, two = load(HUB / "bert").state_dict(), load(shards).state_dict()
    assert all(one[n].tobytes() == two[n].tobytes() for n in one)


def test_an_index_that_lies_is_refused(shards):
    spoil(shards, lambda places: places.pop("embeddings.LayerNorm.bias"))
    with pytest.raises(CheckpointError, match="it also holds 'embeddings.LayerNorm.bias'"):
        read_weights(shards)
    spoil(shards, lambda places: places.update({
        "x": "model-1-of-2.safetensors",
        "embeddings.LayerNorm.bias": "model-1-of-2.safetensors",
    }))  # fmt: skip
    with pytest.raises(CheckpointError, match=f"{INDEX}: .*it lacks 'x'"):
        read_weights(shards)


@pytest.mark.parametrize("place", ["../model.safetensors", "/etc/passwd", "a/b", 3, None])
def test_a_file_elsewhere_is_not_opened(place, shards):
    spoil(shards, lambda places: places.update({"x": place}))
    with pytest.raises(CheckpointError, match="expected the name of a file beside the index"):
        read_weights(shards)


def test_a_file_that_is_gone_and_an_index_of_nothing_are_told(shards):
    (shards / "model-2-of-2.safetensors").unlink()
    with pytest.raises(CheckpointError, match="model-2-of-2.safetensors: No such file"):
        load(shards)
    for content in ({}, {"weight_map": {}}, {"weight_map": [1]}):
        (shards / INDEX).write_text(json.dumps(content))
        with pytest.raises(CheckpointError, match=f"{INDEX}: has no weight_map"):
            load(shards)


def test_a_pickle_is_never_opened_and_a_folder_without_weights_is_told(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    assert is_hub_folder(tmp_path)
    with pytest.raises(CheckpointError, match="has a config.json and no model.safetensors"):
        read_weights(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(CheckpointError, match="pytorch_model.bin: such a file can run code"):
        read_weights(tmp_path)


def test_a_folder_of_npft_is_none_of_hugging_face(tmp_path):
    (tmp_path / "model.npz").write_bytes(b"")
    (tmp_path / "config.json").write_text("{}")
    assert not is_hub_folder(tmp_path)
