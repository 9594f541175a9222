"""Checkpoints: what is written comes back bit for bit, and no damage gets through."""

import json
import os
import pickle
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.atomic import PREFIX, SUFFIX
from npft.encoder.checkpoint import FILE, load_as, read_manifest, save
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.encoder.head import Head
from npft.encoder.model import Model
from npft.errors import CheckpointError, ConfigError, NonFiniteError
from npft.heads.classes import Classifier
from npft.heads.words import MaskedLM
from npft.nn.layers import Linear
from npft.nn.module import Module, Parameter
from npft.text import ByteTokenizer, WordPiece
from npft.text.batch import IGNORE

TEXTS = ["the hug of the bugs", "a bug hugs", "no", "mugs and a jug: hug them all"]
TOKENIZERS = {
    "none": lambda: None,
    "byte": ByteTokenizer,
    "wordpiece": lambda: WordPiece.train(TEXTS, vocab_size=45),
}


def body(seed=0, tokenizer=None, **options):
    config = {"hidden_size": 4, "num_layers": 1, "num_heads": 2, "intermediate_size": 3,
              "max_positions": 40, "vocab_size": 45 if tokenizer is None else tokenizer.vocab_size}
    rng = np.random.default_rng(seed)
    encoder = Encoder(EncoderConfig(**{**config, **options}), tokenizer=tokenizer, rng=rng)
    for p in encoder.parameters():
        p.assign(rng.standard_normal(p.shape))
    return encoder


MODELS = {
    "encoder": lambda e, rng: e,
    "masked_lm": lambda e, rng: MaskedLM(e, rng=rng),
    "masked_lm untied": lambda e, rng: MaskedLM(e, nsp=False, tied=False, rng=rng),
    "classifier": lambda e, rng: Classifier(
        e, 3, pool="max", label_names=["ham", "späm", "\N{CAT FACE}"], rng=rng),
}


def predictions(model, batch):
    model.eval()
    if isinstance(model, Encoder):
        return model(batch).data.tobytes()
    if isinstance(model, Classifier):
        return model.logits(batch).tobytes()
    asked = np.full(len(batch.ids), IGNORE)
    asked[[1, 3]] = batch.ids[[1, 3]]
    scores = model.scores(batch.replace(token_labels=asked))
    return b"".join(found.data.tobytes() for found in scores.values())


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
@pytest.mark.parametrize("kind", MODELS)
def test_a_model_comes_back_bit_for_bit(tmp_path, kind, tokenizer):
    tok = TOKENIZERS[tokenizer]()
    for norm, types, causal in (("pre", 2, False), ("post", 3, True)):
        encoder = body(1, tok, norm=norm, type_vocab_size=types, causal=causal)
        model = MODELS[kind](encoder, np.random.default_rng(1))
        assert save(tmp_path / "deep" / norm, model) == tmp_path / "deep" / norm / FILE
        again = load_as(type(model), tmp_path / "deep" / norm)
        assert type(again) is type(model) and not any(m.training for m in again.modules())
        assert again.body.config == encoder.config and again.options() == model.options()
        before, after = model.state_dict(), again.state_dict()
        assert list(before) == list(after)
        assert all(before[n].tobytes() == after[n].tobytes() for n in before)
        assert all(after[n].dtype == np.float32 for n in after)
        batch = (tok or TOKENIZERS["wordpiece"]())(TEXTS)
        assert predictions(again, batch) == predictions(model, batch)
        if tok is None:
            assert again.body.tokenizer is None
        else:
            assert again.body.tokenizer.to_dict() == tok.to_dict()
            assert again.body.tokenizer(TEXTS).ids.tolist() == tok(TEXTS).ids.tolist()


@pytest.mark.parametrize("kind", MODELS)
def test_saving_twice_and_saving_what_was_loaded_give_the_same_bytes(tmp_path, kind):
    model = MODELS[kind](body(2, ByteTokenizer()), np.random.default_rng(2))
    first = save(tmp_path / "a", model).read_bytes()
    assert save(tmp_path / "b", model).read_bytes() == first
    assert save(tmp_path / "c", load_as(type(model), tmp_path / "a")).read_bytes() == first


def test_a_later_save_replaces_the_earlier_and_leaves_one_file(tmp_path):
    save(tmp_path, body(1))
    save(tmp_path, body(2))
    assert os.listdir(tmp_path) == [FILE]
    expected = body(2).state_dict()
    got = load_as(Encoder, tmp_path).state_dict()
    assert all(np.array_equal(expected[n], got[n]) for n in expected)


def test_query_key_and_value_are_saved_as_three_under_hugging_face_names(tmp_path):
    encoder = body(3)
    save(tmp_path, encoder)
    weights = read_manifest(tmp_path)[1]
    name = "encoder.layer.0.attention.self"
    inside = encoder.encoder.layer[0].attention.self
    for kind, parameter in (("weight", inside.qkv_weight), ("bias", inside.qkv_bias)):
        for i, part in enumerate(("query", "key", "value")):
            got = weights[f"{name}.{part}.{kind}"]
            assert got.tobytes() == parameter.data[4 * i : 4 * i + 4].tobytes()
    assert not any("qkv" in n for n in weights)
    assert weights["encoder.layer.0.intermediate.dense.weight"].shape == (3, 4)  # (out, in)


def test_the_file_is_an_ordinary_npz_without_anything_pickled(tmp_path):
    encoder = body(3)
    with np.load(save(tmp_path, encoder), allow_pickle=False) as arrays:
        manifest = json.loads(bytes(arrays["manifest"]))
        assert manifest["config"] == encoder.config.as_dict() and manifest["kind"] == "encoder"
        for name, array in encoder.state_dict().items():
            assert np.array_equal(arrays["weights/" + name], array)


def test_the_files_rights_are_those_of_any_new_file(tmp_path):
    (tmp_path / "plain").touch()
    path = save(tmp_path, body())
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_what_is_no_model_is_not_saved(tmp_path):
    with pytest.raises(ConfigError, match="Linear is not a model"):
        save(tmp_path, Linear(2, 2, rng=np.random.default_rng(0)))


@pytest.mark.parametrize("part", [
    lambda model: model.heads["mlm"], lambda model: model.body.tokenizer, type,
], ids=["head", "tokenizer", "class"])
def test_a_part_of_a_model_is_not_saved(part, tmp_path):
    alone = part(MaskedLM(body(0, ByteTokenizer()), rng=np.random.default_rng(0)))
    with pytest.raises(ConfigError, match="is not a model; save an Encoder, MaskedLM or"):
        save(tmp_path, alone)
    assert not os.listdir(tmp_path)


def test_of_a_model_on_a_stand_in_the_body_is_told(tmp_path):
    class StandIn(Module):
        pass

    with pytest.raises(ConfigError, match="save: Model: its encoder is a StandIn; only an Encoder"):
        save(tmp_path, Model(StandIn(), {"odd": Odd(None, rng=None)}))
    assert not os.listdir(tmp_path)


class Odd(Head):
    """A head whose options, and the name of whose weight, are as a test wants them."""

    kind = "odd"

    def __init__(self, encoder, *, rng, **options):
        self.given = options

    def options(self):
        return self.given


def odd(**options):
    encoder = body()
    return Model(encoder, {"odd": Odd(encoder, rng=None, **options)})


def test_numbers_of_numpy_are_options_like_any(tmp_path):
    save(tmp_path, odd(size=np.int64(3), share=np.float32(0.5), on=np.bool_(True)))
    assert load_as(Model, tmp_path).options()["odd"]["options"] == {
        "size": 3, "share": 0.5, "on": True}


def test_tuples_in_the_options_of_a_head_are_saved_as_lists(tmp_path):
    save(tmp_path, odd(sizes=(1, (2, 3)), names=[("a",)]))
    assert load_as(Model, tmp_path).options()["odd"]["options"] == {
        "sizes": [1, [2, 3]], "names": [["a"]]}


SELF: list = []
SELF.append(SELF)


@pytest.mark.parametrize("options, words", [
    ({"names": {1: "a"}}, "which JSON gives back otherwise; use strings for keys"),
    ({"share": float("nan")}, "JSON cannot hold the options of the model: a number is NaN or inf"),
    ({"share": np.float32("inf")}, "give finite numbers"),
    ({"array": np.zeros(2)}, "cannot hold the options of the model: an option is ndarray; give a"),
    ({"names": {"a"}}, "an option is set; give a list"),
    ({"power": 1j}, "an option is complex; give numbers or strings"),
    ({"tree": SELF}, "or a list holds itself"),
])
def test_options_that_no_file_could_give_back_are_not_saved(options, words, tmp_path):
    with pytest.raises(ConfigError, match=f"save: .*{words}"):
        save(tmp_path, odd(**options))
    assert not os.listdir(tmp_path)


def test_weights_that_no_file_could_give_back_are_not_saved(tmp_path):
    large = body().astype(np.float64)
    weight = large.encoder.layer[0].output.dense.weight
    weight.assign(np.full(weight.shape, 1e300))
    named = odd()
    vars(named.heads["odd"])["größe"] = Parameter(np.zeros(2, np.float32))
    for model, error, words in [
        (body().astype(np.complex128), ConfigError, "is complex128, expected float32 or float64"),
        (large, NonFiniteError, "output.dense.weight is too large for float32"),
        (named, ConfigError, "a weight has the name 'heads.odd.größe'"),
    ]:
        with pytest.raises(error, match=f"save: .*{words}"):
            save(tmp_path, model)
        assert not os.listdir(tmp_path)


def test_a_float64_model_comes_back_rounded_to_float32(tmp_path):
    encoder = body().astype(np.float64)
    weight = encoder.encoder.layer[0].output.dense.weight
    weight.assign(np.full(weight.shape, 1 / 3))
    save(tmp_path, encoder)
    again = load_as(Encoder, tmp_path)
    for name, array in again.state_dict().items():
        assert array.tobytes() == encoder.state_dict()[name].astype(np.float32).tobytes()


def test_a_place_that_cannot_be_written_is_reported(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match="cannot be written"):
        save(tmp_path / "file", body())


# ---- damage ----


class Whole(NamedTuple):
    """A good file, its bytes and weights, and a folder to put damaged ones in."""

    path: Path
    data: bytes
    weights: dict
    folder: Path


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    encoder = body(4)
    path = save(tmp_path_factory.mktemp("good"), encoder)
    folder = tmp_path_factory.mktemp("damaged")
    return Whole(path, path.read_bytes(), encoder.state_dict(), folder)


def refused(folder, data, words):
    (folder / FILE).write_bytes(data)
    with pytest.raises(CheckpointError, match=words) as caught:
        load_as(Encoder, folder)
    assert str(caught.value).startswith(str(folder)) and "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"PK", b"no zip at all" * 99, b"\0" * 999,
                                  pickle.dumps({"a": 1})])
def test_what_is_no_zip_is_refused(tmp_path, data):
    refused(tmp_path, data, "not an npft checkpoint, or damaged")


def test_every_truncated_file_is_refused(whole):
    data, folder = whole.data, whole.folder
    for size in {*range(0, len(data), 97), *range(len(data) - 30, len(data))}:
        refused(folder, data[:size], "not an npft checkpoint, or damaged")


@given(st.data())
def test_a_flipped_bit_is_refused_or_harmless(whole, data):
    good, weights, folder = whole.data, whole.weights, whole.folder
    bad = bytearray(good)
    bad[data.draw(st.integers(0, len(good) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    (folder / FILE).write_bytes(bytes(bad))
    try:
        got = load_as(Encoder, folder).state_dict()
    except CheckpointError as error:
        assert str(error).startswith(str(folder))
    else:  # dates and attributes of members carry nothing
        assert all(np.array_equal(got[n], weights[n]) for n in weights)


def test_a_flipped_bit_of_a_weight_is_always_refused(whole):
    good, weights, folder = whole.data, whole.weights, whole.folder
    for array in weights.values():
        bad = bytearray(good)
        place = good.find(array.tobytes())
        assert place > 0
        bad[place + 1] ^= 4
        refused(folder, bytes(bad), "damaged: Bad CRC-32")


def npy(shape, descr="<f4", fortran=False, data=b"", version=b"\x01\x00", header=None):
    """A member by hand, whose header may lie."""
    text = header or repr({"descr": descr, "fortran_order": fortran, "shape": shape})
    text = text.encode("latin1") + b"\n"
    return b"\x93NUMPY" + version + len(text).to_bytes(2, "little") + text + data


def rewritten(good, path, changes=(), more=(), compress=()):
    """A copy of a good file, with members replaced, dropped (None), added or compressed."""
    changes = dict(changes)
    with zipfile.ZipFile(path, "w") as out, zipfile.ZipFile(good) as source:
        for name in source.namelist():
            value = changes.pop(name, source.read(name))
            kind = zipfile.ZIP_DEFLATED if name in compress else zipfile.ZIP_STORED
            if value is not None:
                out.writestr(name, value, compress_type=kind)
        assert not changes
        for name, value in more:
            out.writestr(name, value)
    return path.read_bytes()


WORD = "weights/embeddings.word_embeddings.weight.npy"  # (45, 4) float32
VALUES = np.zeros((45, 4), np.float32).tobytes()


@pytest.mark.parametrize("member, words", [
    (npy((10**12,)), "header means 4000000000"),
    (npy((10**6, 10**6), data=VALUES), "header means 4000000000"),
    (npy((2**62, 4)), "header means"),
    (npy((2**32, 2**32), data=VALUES), "header means"),  # would overflow to 0 in 64 bits
    (npy((-45, -4), data=VALUES), r"shape \(-45, -4\)"),
    (npy((-1, 4), data=VALUES), r"shape \(-1, 4\)"),
    (npy((45.0, 4), data=VALUES), r"shape \(45.0, 4\)"),
    (npy((True, 4), data=VALUES[:16]), r"shape \(True, 4\)"),
    (npy([45, 4], data=VALUES), r"shape \[45, 4\]"),
    (npy("45", data=VALUES), "shape '45'"),
    (npy((45, 4), fortran=True, data=VALUES), "embeddings.weight.npy has dtype"),
    (npy((45, 4), fortran=0, data=VALUES), "embeddings.weight.npy has dtype"),
    (npy((45, 4), descr=">f4", data=VALUES), "dtype '>f4'"),
    (npy((45, 4), descr="|O", data=VALUES), r"dtype '\|O'"),
    (npy((45, 4), descr=[("a", "<f4")], data=VALUES), "dtype"),
    (npy((45, 4), data=VALUES + b"\0"), "has .* bytes, its header means"),
    (npy((45, 4), data=VALUES[:-1]), "has .* bytes, its header means"),
    (npy((45, 4), data=b""), "has .* bytes, its header means"),
    (npy((45, 4), version=b"\x02\x00", data=VALUES), "version 1.0"),
    (npy((45, 4), version=b"\x09\x00", data=VALUES), "version 1.0"),
    (npy(0, header="__import__('os').getcwd()", data=VALUES), "cannot be read"),
    (npy(0, header="{'descr': '<f4'}", data=VALUES), "cannot be read"),
    (npy(0, header="(" * 5000, data=VALUES), "cannot be read"),
    (npy(0, header="{'descr': '\\d'}", data=VALUES), "cannot be read"),
    (npy(0, header="{'descr': '<f4', 'fortran_order': False, 'shape': (45, 4), 'more': 1}",
         data=VALUES), "cannot be read"),
    (npy(0, header="{" + " " * 10_000 + "}", data=VALUES), "header of 100"),
    (b"\x93NUMPY\x01\x00\xff", "header"),
    (b"", "not an array of .npy"),
    (VALUES, "not an array of .npy"),
    (npy((45, 4), descr="<i8", data=np.zeros((45, 4)).tobytes()), "finite float32"),
    (npy((45, 4), descr="|b1", data=bytes(180)), "finite float32"),
    (npy((45, 4), data=np.full((45, 4), np.nan, "f4").tobytes()), "weight.*finite float32"),
    (npy((45, 4), data=np.full((45, 4), -np.inf, "f4").tobytes()), "finite float32"),
    (npy((45, 4), descr="<f8", data=np.full((45, 4), 1e300).tobytes()), "finite float32"),
])
def test_a_member_that_lies_is_refused(whole, tmp_path, member, words):
    refused(tmp_path, rewritten(whole.path, tmp_path / "new", {WORD: member}), words)


def test_an_array_of_pickled_objects_is_refused_and_nothing_of_it_runs(whole, tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    np.save(tmp_path / "trap.npy", np.array([Trap()], dtype=object), allow_pickle=True)
    member = (tmp_path / "trap.npy").read_bytes()
    data = rewritten(whole.path, tmp_path / "new", {WORD: member})
    refused(tmp_path, data, r"dtype '\|O'")
    refused(tmp_path, rewritten(whole.path, tmp_path / "new", {"manifest.npy": member}),
            r"dtype '\|O'")
    assert not (tmp_path / "ran").exists()


def test_a_compressed_member_is_refused_before_it_grows(whole, tmp_path):
    data = rewritten(whole.path, tmp_path / "new", compress=[WORD])
    refused(tmp_path, data, "is compressed")
    bomb = npy((10**7,), data=bytes(4 * 10**7))
    data = rewritten(whole.path, tmp_path / "new", {WORD: bomb}, compress=[WORD])
    assert len(data) < 10**5
    refused(tmp_path, data, "claims more data than the file holds")


@pytest.mark.parametrize("name", ["../../x.npy", "/x.npy", "weights/../x.npy", "weights/x", "x.txt",
                                  "weights/x.npy/", ".npy", "weights/a b.npy", "weights/é.npy",
                                  "weights\\x.npy", "C:x.npy"])
def test_a_member_with_an_odd_name_is_refused(whole, tmp_path, name):
    good = npy((1,), data=bytes(4))
    data = rewritten(whole.path, tmp_path / "new", more=[(name, good)])
    refused(tmp_path, data, "a member has the name")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_refused(whole, tmp_path):
    twice = npy((45, 4), data=VALUES)
    data = rewritten(whole.path, tmp_path / "new", more=[(WORD, twice)])
    refused(tmp_path, data, "two members have the same name")


def test_an_array_that_is_no_weight_is_refused(whole, tmp_path):
    data = rewritten(whole.path, tmp_path / "new", more=[("x.npy", npy((1,), data=bytes(4)))])
    refused(tmp_path, data, "holds an array 'x' that is no weight")


def test_weights_that_do_not_fit_are_listed_all_at_once(whole, tmp_path):
    data = rewritten(
        whole.path,
        tmp_path / "new",
        {"weights/layernorm.bias.npy": None,
         "weights/encoder.layer.0.attention.self.key.weight.npy": None,
         WORD: npy((4, 45), data=VALUES)},
        more=[("weights/pooler.npy", npy((1,), data=bytes(4)))],
    )
    refused(tmp_path, data, "missing encoder.layer.0.attention.self.key.weight; missing "
            "layernorm.bias; unexpected pooler; embeddings.word_embeddings.weight has shape "
            r"\(4, 45\), expected \(45, 4\)")


def test_what_a_killed_process_left_behind_is_swept_away(tmp_path):
    (tmp_path / f"{PREFIX}abc{SUFFIX}").write_bytes(b"half a file")
    for name in ("notes.tmp", f"{FILE}abc.tmp"):
        (tmp_path / name).write_bytes(b"somebody's own")
    save(tmp_path, body())
    assert sorted(p.name for p in tmp_path.iterdir()) == [FILE, f"{FILE}abc.tmp", "notes.tmp"]


@pytest.mark.parametrize("name", ["x" * 5000, "x" * 300])
def test_a_path_that_cannot_be_is_refused(name):
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_as(Encoder, name)


# ---- the manifest ----


def manifest_member(fields):
    data = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
    return npy((len(data),), descr="|u1", data=data)


def good_manifest():
    return {"format": "npft", "version": 2, "kind": "encoder", "config": body().config.as_dict(),
            "tokenizer": None, "options": {}}


def test_the_manifest_below_is_otherwise_good(whole, tmp_path):
    member = manifest_member(good_manifest())
    data = rewritten(whole.path, tmp_path / "new", {"manifest.npy": member})
    (tmp_path / FILE).write_bytes(data)
    assert load_as(Encoder, tmp_path).config == body().config


@pytest.mark.parametrize("change, words", [
    ({"format": "other"}, "was not written by npft"),
    ({"version": 3}, "format version 3, this npft reads 1 to 2"),
    ({"version": "2"}, "format version '2'"),
    ({"version": None}, "format version None"),
    ({"version": True}, "format version True"),
    ({"kind": "masked_lm"}, "holds a masked_lm, not a encoder"),
    ({"kind": ["encoder"]}, "not a encoder"),
    ({"config": None}, "."),
    ({"config": {}}, r"has the fields \[\]"),
    ({"config": {"vocab_size": 45}}, r"has the fields \['vocab_size'\]"),  # no default is taken
    ({"config": {**good_manifest()["config"], "depth": 3}}, "depth"),
    ({"config": {**good_manifest()["config"], "vocab_size": -45}}, "vocab_size is -45"),
    ({"config": {**good_manifest()["config"], "dropout": "x"}}, "dropout is 'x'"),
    ({"config": {**good_manifest()["config"], "vocab_size": 10**12}}, "means 4.* weights, it hold"),
    ({"config": {**good_manifest()["config"], "num_layers": 10**9}}, "weights, it holds"),
    ({"config": {**good_manifest()["config"], "num_layers": 100_000, "vocab_size": 1,
                 "hidden_size": 1, "num_heads": 1, "intermediate_size": 1}}, "means"),
    ({"config": {**good_manifest()["config"], "init_std": 1e308}}, "init_std is 1e.308"),
    ({"options": {"x": 1}}, "its options are {'x': 1}, an encoder has none"),
    ({"options": [1, 2]}, "an encoder has none"),
    ({"config": {**good_manifest()["config"], "norm": "post"}}, "missing embeddings.LayerNorm"),
    ({"config": {**good_manifest()["config"], "vocab_size": 44}}, r"expected \(44, 4\)"),
    ({"tokenizer": {"kind": "letters"}}, "kind of tokenizer is 'letters'"),
    ({"tokenizer": "byte"}, "kind of tokenizer is None"),
    ({"tokenizer": {"kind": "byte"}}, "tokenizer has 260 tokens"),
    ({"tokenizer": {"kind": "wordpiece", "vocab": [[1]]}}, "."),
    ({"tokenizer": {"kind": "wordpiece", "vocab": 3}}, "vocab is int"),
])
def test_a_manifest_that_cannot_be_is_refused(whole, tmp_path, change, words):
    member = manifest_member({**good_manifest(), **change})
    refused(tmp_path, rewritten(whole.path, tmp_path / "new", {"manifest.npy": member}), words)


@pytest.mark.parametrize("fields, words", [
    (b"", "manifest is not JSON"),
    (b"{", "manifest is not JSON"),
    (b"\xff\xfe", "manifest is not JSON"),
    (b"[" * 100_000, "manifest is not JSON"),
    (b"[]", "was not written by npft"),
    (b'{"format": "x", "format": "npft"}', "manifest is not JSON"),
    (b"{}", "was not written by npft"),
    ({"format": "npft", "version": 1}, "manifest lacks kind, config, tokenizer, options"),
    (None, "has no manifest"),
])
def test_a_manifest_that_is_none_is_refused(whole, tmp_path, fields, words):
    member = None if fields is None else manifest_member(fields)
    refused(tmp_path, rewritten(whole.path, tmp_path / "new", {"manifest.npy": member}), words)


def classes(**options):
    """The options of a classifier in a manifest, with these of its head."""
    given = {"pool": "mean", "label_names": ["a", "b", "c"]} | options
    return {"classes": {"kind": "classes", "weight": 1.0, "options": given}}


def words(tied=True, nsp=True):
    """The options of a masked language model in a manifest."""
    heads = {"mlm": {"kind": "words", "weight": 1.0, "options": {"tied": tied}}}
    return heads | ({"nsp": {"kind": "pairs", "weight": 1.0, "options": {}}} if nsp else {})


@pytest.mark.parametrize("kind, options, words", [
    ("classifier", {}, "there are no heads, expected at least one"),
    ("classifier", None, "its heads are None, which is not how npft saves them"),
    ("classifier", {"classes": 3}, "which is not how npft saves them"),
    ("classifier", {"classes": {"kind": "classes"}}, "which is not how npft saves them"),
    ("classifier", {"classes": classes()["classes"] | {"kind": "x"}}, "its head 'classes' is a 'x'"),
    ("classifier", {"classes": classes()["classes"] | {"kind": ["x"]}}, "its head"),
    ("classifier", {"classes": classes()["classes"] | {"weight": -1}}, "loss weight of classes is -1"),
    ("classifier", {"classes": classes()["classes"] | {"weight": True}}, "weight of classes is True"),
    ("classifier", {"classes": classes()["classes"] | {"options": 3}}, "."),
    ("classifier", {f"h{i}": classes()["classes"] for i in range(20_000)}, "many more weights"),
    ("classifier", classes(label_names=[str(i) for i in range(600_000)]), "many more weights"),
    ("classifier", {"a.b": classes()["classes"]}, "a name of letters, digits and _"),
    ("classifier", classes(label_names=3), "label_names is int"),
    ("classifier", classes(label_names=["a", "b"]), r"expected \(2, 4\)"),
    ("classifier", classes(label_names=[1, 2, 3]), r"label_names\[0\] is int, expected str"),
    ("classifier", classes(pool=[]), "kind is"),
    ("classifier", classes(depth=3), "depth"),
    ("masked_lm", {}, "there are no heads"),
    ("masked_lm", [], "its heads are"),
    ("masked_lm", words(tied=False), "missing heads.mlm.decoder.weight"),
    ("masked_lm", words(tied=1), "tied is 1"),
    ("masked_lm", words(nsp=False), "unexpected heads.nsp.linear.weight"),
])
def test_options_that_do_not_fit_are_refused(tmp_path, kind, options, words):
    model = MODELS[kind](body(), np.random.default_rng(0))
    path = save(tmp_path / "good", model)
    member = manifest_member({**good_manifest(), "kind": kind, "options": options})
    (tmp_path / FILE).write_bytes(rewritten(path, tmp_path / "new", {"manifest.npy": member}))
    with pytest.raises(CheckpointError, match=words) as caught:
        load_as(type(model), tmp_path)
    assert str(caught.value).startswith(str(tmp_path / FILE))


def hostile(folder, model, extra=0, **changes):
    """A file of ``model`` whose manifest lies, with ``extra`` numbers that no model has."""
    manifest = {**good_manifest(), "kind": model.kind, "config": model.body.config.as_dict(),
                "options": model.options(), **changes}
    data = rewritten(
        save(folder / "good", model), folder / "new", {"manifest.npy": manifest_member(manifest)},
        more=[("weights/extra.npy", npy((extra,), data=bytes(4 * extra)))],
    )
    (folder / FILE).write_bytes(data)


def test_a_manifest_with_many_labels_is_refused_before_their_weights_are_made(tmp_path):
    model = MODELS["classifier"](body(hidden_size=256), np.random.default_rng(0))
    names = [f"{i:x}" for i in range(20_000)]  # of 256 float32 numbers each: 20 MB
    hostile(tmp_path, model, extra=20_000, options=classes(label_names=names, pool="max"))
    tracemalloc.start()
    with pytest.raises(CheckpointError, match="mean many more weights than the .* it holds"):
        load_as(Classifier, tmp_path)
    assert tracemalloc.get_traced_memory()[1] < 10e6
    tracemalloc.stop()


def test_a_manifest_with_more_layers_than_the_file_has_arrays_is_refused_before_all_are_made(
    tmp_path,
):
    thin = {"hidden_size": 1, "num_heads": 1, "intermediate_size": 1}
    config = EncoderConfig(vocab_size=45, num_layers=3_000, **thin).as_dict()
    hostile(tmp_path, body(**thin), extra=100_000, config=config)
    with pytest.raises(CheckpointError, match="mean many more weights than the .* it holds"):
        load_as(Encoder, tmp_path)


@pytest.mark.parametrize("changes, words", [
    ({"tokenizer": {"kind": "bpe", "merges": [[97, 98]] * 10_000}}, "10000 merges, its encoder 45"),
    ({"tokenizer": {"kind": "wordpiece", "lowercase": True, "vocab": ["a"] * 91}}, "has 91 vocab"),
    ({"options": {"classes": classes()["classes"] | {"weight": 10**400}}}, "loss weight of classes"),
    ({"options": {"classes": classes()["classes"] | {"weight": [1.0]}}}, "loss weight of classes"),
    ({"config": {**good_manifest()["config"], "hidden_size": [4]}}, r"hidden_size is \[4\]"),
    ({"config": {**good_manifest()["config"], "hidden_size": 10**400}}, "weights, it holds"),
    ({"config": {**good_manifest()["config"], "dropout": 10**400}}, "dropout is 1000"),
    ({"options": classes(label_names=["a"] * 10_000)}, "label_names are"),
])
def test_hostile_numbers_and_lists_are_refused_in_a_short_message(tmp_path, changes, words):
    hostile(tmp_path, MODELS["classifier"](body(), np.random.default_rng(0)), **changes)
    with pytest.raises(CheckpointError, match=words) as caught:
        load_as(Classifier, tmp_path)
    assert len(str(caught.value)) < 1_000 + len(str(tmp_path)) + 50


def test_a_missing_folder_or_file_is_reported_with_the_mend(tmp_path):
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(CheckpointError, match="no model.npz in this folder; give a folder"):
            load_as(Encoder, path)


def test_a_file_that_may_not_be_read_is_reported(whole, monkeypatch):
    def denied(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(zipfile, "ZipFile", denied)
    with pytest.raises(CheckpointError, match="cannot be read: Permission denied"):
        load_as(Encoder, whole.path.parent)


# ---- crashes while writing ----


@pytest.mark.parametrize("module, name", [(np, "savez"), (os, "fsync"), (os, "replace")])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_save_that_fails_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, module, name,
                                                            error):
    save(tmp_path, body(1))
    before = (tmp_path / FILE).read_bytes()

    def fail(file, *args, **kwargs):
        if name == "savez":
            file.write(b"half of a fi")
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(module, name, fail)
        with pytest.raises(CheckpointError if isinstance(error, OSError) else KeyboardInterrupt):
            save(tmp_path, body(2))
    assert os.listdir(tmp_path) == [FILE]
    assert (tmp_path / FILE).read_bytes() == before
    load_as(Encoder, tmp_path)


KILLED = """
import os, sys
import numpy as np
from npft.encoder.checkpoint import load_as, save
from npft.encoder.encoder import Encoder
model = load_as(Encoder, sys.argv[1])
for p in model.parameters():
    p.assign(p.data + 1)
module, name = {"savez": np, "fsync": os, "replace": os}[sys.argv[2]], sys.argv[2]
whole = getattr(module, name)
def killed(*args, **kwargs):
    if name == "savez":
        args[0].write(b"half of a fi")
        args[0].flush()
    if sys.argv[3] == "after":
        whole(*args, **kwargs)
    os._exit(9)
setattr(module, name, killed)
save(sys.argv[1], model)
"""


@pytest.mark.parametrize("step, when, new", [
    ("savez", "before", False), ("replace", "before", False), ("replace", "after", True),
])
def test_a_process_killed_while_saving_leaves_the_old_file_or_the_new(tmp_path, step, when, new):
    save(tmp_path, body(1))
    run = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), step, when], check=False)
    assert run.returncode == 9
    old, got = body(1).state_dict(), load_as(Encoder, tmp_path).state_dict()
    assert all(np.array_equal(old[n] + np.float32(new), got[n]) for n in old)
