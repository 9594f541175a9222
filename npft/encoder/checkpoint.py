"""Saving models to files and reading them back, without trusting the files.

A model is one file ``DIR/model.npz``: a manifest (JSON: format, version, kind, configuration,
tokenizer, as options the heads, and what was added to the body, if anything was) and the weights
by name. An .npz file is a zip of plain .npy
arrays. NumPy's own reader would allocate whatever size a header claims, take the last of two
members of one name, and leave extra bytes unread; here every header is checked against the size of
its member before a byte of data is read, and nothing is ever unpickled. A manifest may lie as well;
so no model is built that has many more weights than the file holds (``Blank``).

A checkpoint of a run that goes on also holds the state of the training (``read_training``).

After a crash there is the old file or the new one, never half of one (``npft/atomic.py``).
"""

from __future__ import annotations

import ast
import json
import math
import re
import zipfile
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from npft.atomic import check_path, made_folder, new_file
from npft.encoder.additions import add_again, additions_of
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.encoder.format_1 import upgraded
from npft.errors import CheckpointError, ConfigError, NonFiniteError, NpftError, quoted
from npft.nn.module import Module
from npft.nn.quantized import KINDS, LARGEST_SCALE, kind_of_weights, quantize
from npft.strict_json import parse
from npft.text import tokenizer_from_dict

FORMAT, VERSION = "npft", 2
FILE = "model.npz"
MANIFEST, WEIGHTS, TRAINING = "manifest", "weights/", "training/"
MEMBERS = ("format", "version", "kind", "config", "tokenizer", "options")  # of a manifest
DTYPES = ("<f4", "<f8", "<i8", "|u1", "|b1", "<f2", "|i1")
SCALES = ".scales"  # how the names of those of int8 end
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*\.npy")
MAX_HEADER = 10_000  # bytes; a real header has about 120
MAX_MESSAGE = 1_000  # characters of what is told of a damaged file
LATER = {"positions": "absolute", "max_distance": 16}  # fields that older files do not have
SLACK = 2  # times what a file holds may be built, so that a misfit is told by the names of weights


class Saved(Protocol):
    """What can be saved: a kind, an encoder, options, and weights by name."""

    kind: str

    @property
    def body(self) -> Encoder: ...

    def options(self) -> dict[str, Any]: ...

    def state_dict(self) -> dict[str, np.ndarray]: ...

    def modules(self) -> Iterator[Module]: ...


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write arrays to an .npz file that appears whole or not at all."""
    with made_folder(path.parent), new_file(path) as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read an .npz file after checking every member; raises ``CheckpointError`` for any damage."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            names = [m.filename for m in members]
            if len(set(names)) != len(names):
                raise CheckpointError(f"{path}: two members have the same name")
            if sum(m.file_size for m in members) > path.stat().st_size:
                raise CheckpointError(f"{path}: claims more data than the file holds")
            return {m.filename[:-4]: _read_member(path, archive, m) for m in members}
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{path}: not an npft checkpoint, or damaged: {error}") from None


def _read_member(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    name = member.filename
    if not NAME.fullmatch(name) or ".." in name:
        raise CheckpointError(f"{path}: a member has the name {quoted(name)}")
    if member.compress_type != zipfile.ZIP_STORED:
        raise CheckpointError(f"{path}: {name} is compressed; npft writes plain members")
    with archive.open(member) as file:
        start = file.read(10)
        if start[:8] != b"\x93NUMPY\x01\x00":
            raise CheckpointError(f"{path}: {name} is not an array of .npy version 1.0")
        size = int.from_bytes(start[8:10], "little")
        if size > MAX_HEADER:
            raise CheckpointError(f"{path}: {name} has a header of {size} bytes")
        dtype, shape = parse_header(path, name, file.read(size))
        expected = 10 + size + int(np.prod(shape, dtype=object)) * dtype.itemsize
        if expected != member.file_size:
            raise CheckpointError(
                f"{path}: {name} has {member.file_size} bytes, its header means {expected}"
            )
        data = file.read()  # checks the CRC
    return np.frombuffer(data, dtype).reshape(shape).copy()


def parse_header(path: Path, name: str, header: bytes) -> tuple[np.dtype, tuple[int, ...]]:
    try:
        if b"\\" in header:  # an escape, of which Python may warn
            raise ValueError
        fields = ast.literal_eval(header.decode("latin1"))
        if len(fields) > 3:
            raise ValueError
        descr, fortran, shape = fields["descr"], fields["fortran_order"], fields["shape"]
    except (ValueError, SyntaxError, KeyError, TypeError, MemoryError, RecursionError):
        raise CheckpointError(f"{path}: {name} has a header that cannot be read") from None
    whole = isinstance(shape, tuple) and all(type(n) is int and n >= 0 for n in shape)
    if descr not in DTYPES or fortran is not False or not whole:
        raise CheckpointError(f"{path}: {name} has dtype {descr!r} and shape {shape!r}")
    return np.dtype(descr), shape


Training = tuple[dict[str, Any], dict[str, np.ndarray]]  # plain values for JSON, and arrays


def save(path: str | Path, model: Saved, training: Training | None = None) -> Path:
    """Write a model to ``path/model.npz``, with its configuration and tokenizer.

    What is loaded has weights in float32: the same bits, but of a float64 model rounded.
    ``training`` is what a run needs to go on: plain values and arrays, see ``read_training``.
    Returns the file written. Raises ``ConfigError`` for a module that is not a whole model, for
    weights, names or options of it that no file can hold, or what is no path, ``NonFiniteError``
    for a weight that is NaN, infinite or too large for float32, ``CheckpointError`` for a place
    that cannot be written: a good older file is then kept.

    >>> import tempfile
    >>> from npft import Encoder, EncoderConfig, load
    >>> encoder = Encoder(EncoderConfig.lesson(), rng=np.random.default_rng(0))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(folder, encoder).name, load(folder).config == encoder.config
    ('model.npz', True)
    """
    _check_saved(model)
    file = check_path("save: path", path) / FILE
    body = model.body
    manifest = {
        "format": FORMAT,
        "version": VERSION,
        "kind": model.kind,
        "config": body.config.as_dict(),
        "tokenizer": None if body.tokenizer is None else body.tokenizer.to_dict(),
        "options": _plain_options(model.options()),
    }
    if (quantized := kind_of_weights(model)) is not None:
        manifest["quantized"] = quantized
    if additions := additions_of(body):  # which older versions of npft cannot read
        manifest["additions"] = additions
    arrays = {MANIFEST: np.zeros(0, np.uint8)}  # the first member; filled in below
    for name, array in model.state_dict().items():
        _check_weight(name, array, quantized)
        arrays[WEIGHTS + name] = array
    if training is not None:
        manifest["training"], state = training
        arrays |= {TRAINING + name: array for name, array in state.items()}
    arrays[MANIFEST] = np.frombuffer(_as_json("the model", manifest).encode("ascii"), np.uint8)
    write_arrays(file, arrays)
    return file


def _check_saved(model: Any) -> None:
    """Raise ``ConfigError`` for what is no model, and for a model on what is no encoder."""
    body = getattr(model, "body", None)
    if hasattr(model, "kind") and isinstance(body, Encoder):
        return
    name = type(model).__name__
    if hasattr(model, "kind") and isinstance(body, Module):  # another module that reads batches
        raise ConfigError(
            f"save: {name}: its encoder is a {type(body).__name__}; only an Encoder can be saved"
        )
    raise ConfigError(f"save: {name} is not a model; save an Encoder, MaskedLM or Classifier")


def _check_weight(name: str, array: np.ndarray, quantized: str | None) -> None:
    """Raise ``ConfigError`` or ``NonFiniteError`` for a weight that could not be read again."""
    if not NAME.fullmatch(f"{WEIGHTS}{name}.npy") or ".." in name:
        raise ConfigError(
            f"save: a weight has the name {quoted(name, 100)}, expected letters, digits and _ "
            "between single dots"
        )
    if array.dtype.kind != "f" and not (array.dtype == np.int8 and quantized == "int8"):
        raise ConfigError(
            f"save: the weight {name} is {array.dtype}, expected float32 or float64: "
            "model.astype(np.float32)"
        )
    if not np.isfinite(array).all():
        raise NonFiniteError(f"save: the weight {name} is not finite; nothing was written")
    if not _readable(name, array, quantized):
        raise NonFiniteError(
            f"save: the weight {name} is too large for float32; nothing was written"
        )


def _readable(name: str, array: np.ndarray, quantized: str | None) -> bool:
    """Whether an array is a weight that a model can have: of finite float32 numbers, or int8."""
    if array.dtype == np.int8 and quantized == "int8":
        return True
    scales = quantized == "int8" and name.endswith(SCALES)
    most = LARGEST_SCALE if scales else np.finfo(np.float32).max
    return array.dtype.kind == "f" and bool((np.abs(array) <= most).all())


def _plain_options(options: dict[str, Any]) -> dict[str, Any]:
    """Options as a file gives them back: with lists for tuples, and plain numbers for NumPy's.

    Raises ``ConfigError`` for those that would come back other, such as with numbers for keys.
    """
    plain: dict[str, Any] = json.loads(_as_json("the options of the model", options))
    if plain != with_lists(options):
        raise ConfigError(
            f"save: the options of the model are {quoted(options, 200)}, which JSON gives back "
            "otherwise; use strings for keys"
        )
    return plain


def with_lists(value: Any) -> Any:
    """Options with lists for tuples, as a file gives them back.

    >>> with_lists({"sizes": (1, (2, 3))})
    {'sizes': [1, [2, 3]]}
    """
    if isinstance(value, dict):
        return {key: with_lists(item) for key, item in value.items()}
    return [with_lists(item) for item in value] if isinstance(value, (list, tuple)) else value


def _as_json(what: str, value: Any) -> str:
    try:
        return json.dumps(value, default=plain_number, allow_nan=False)
    except TypeError as error:
        raise ConfigError(f"save: JSON cannot hold {what}: {error!s:.200}") from None
    except (ValueError, RecursionError):
        raise ConfigError(
            f"save: JSON cannot hold {what}: a number is NaN or infinite, or a list holds itself; "
            "give finite numbers"
        ) from None


def plain_number(value: Any) -> Any:
    """A number of NumPy as a plain one; raises ``TypeError`` for what JSON has not.

    >>> plain_number(np.int64(3))
    3
    """
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, (bool, int, float, str)):
        return plain
    instead = "a list" if isinstance(value, (np.ndarray, set, frozenset)) else "numbers or strings"
    raise TypeError(f"an option is {type(value).__name__}; give {instead}")


def read_manifest(path: str | Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The checked manifest and the weights of ``path/model.npz``.

    Raises ``CheckpointError`` that names the file and what is wrong with it.
    """
    manifest, weights, _ = _read(path)
    return manifest, weights


def read_training(path: str | Path) -> tuple[dict[str, np.ndarray], Training]:
    """The weights and the state of training of a run that was stopped.

    Raises ``CheckpointError`` as ``read_manifest``, and for a file that holds a finished model.
    """
    manifest, weights, state = _read(path)
    if not isinstance(manifest.get("training"), dict):
        raise CheckpointError(
            f"{Path(path) / FILE}: holds a finished model, there is no run to go on with"
        )
    return weights, (manifest["training"], state)


def _read(
    path: str | Path,
) -> tuple[dict[str, Any], dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The manifest, the weights, and the arrays of the state of training.

    Raises ``CheckpointError`` that names the file and what is wrong with it.
    """
    file = check_path("load: path", path) / FILE
    try:
        there = file.is_file()
    except (OSError, ValueError) as error:  # a name too long, or with a NUL
        raise CheckpointError(f"{path}: cannot be read: {error}") from None
    if not there:
        raise CheckpointError(f"{path}: no {FILE} in this folder; give a folder npft has written")
    arrays = read_arrays(file)
    if MANIFEST not in arrays:
        raise CheckpointError(f"{file}: has no manifest; it was not written by npft")
    try:
        manifest = parse(arrays.pop(MANIFEST).tobytes().decode("utf-8"))
    except (ValueError, RecursionError):
        raise CheckpointError(f"{file}: its manifest is not JSON") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise CheckpointError(f"{file}: was not written by npft")
    version = manifest.get("version")
    if type(version) is not int or version not in (1, VERSION):  # True is 1 to Python
        raise CheckpointError(
            f"{file}: has format version {quoted(version)}, this npft reads 1 to {VERSION}"
        )
    missing = [name for name in MEMBERS if name not in manifest]
    if missing:
        raise CheckpointError(f"{file}: its manifest lacks {', '.join(missing)}")
    quantized = manifest.get("quantized")
    if quantized not in (None, *KINDS):
        raise CheckpointError(f"{file}: its weights are {quoted(quantized)}, which npft has not")
    weights, state = {}, {}
    for name, array in arrays.items():
        if name.startswith(TRAINING):
            state[name.removeprefix(TRAINING)] = array
            continue
        if not name.startswith(WEIGHTS):
            raise CheckpointError(f"{file}: holds an array {quoted(name)} that is no weight")
        if not _readable(name, array, quantized):
            raise CheckpointError(f"{file}: the weight {name} holds no finite float32 numbers")
        weights[name.removeprefix(WEIGHTS)] = array
    if manifest["version"] == 1:
        try:
            manifest, weights = upgraded(manifest, weights)
        except CheckpointError as error:
            raise CheckpointError(f"{file}: {error}") from None
    return manifest, weights, state


class Blank(np.random.Generator):
    """Draws zeros, for a model whose weights are replaced at once by those of a file.

    Every matrix of a new model is drawn, so this is where a manifest is stopped that asks for a
    million labels or a hundred thousand layers: at ``SLACK`` times the weights that the file has.
    """

    def __init__(self, weights: dict[str, np.ndarray]) -> None:
        super().__init__(np.random.PCG64(0))
        self.held = sum(array.size for array in weights.values())
        self.numbers, self.arrays = SLACK * self.held, SLACK * len(weights)

    def standard_normal(self, size: tuple[int, ...]) -> np.ndarray:  # type: ignore[override]
        self.numbers -= math.prod(size)
        self.arrays -= 1
        if self.numbers < 0 or self.arrays < 0:
            raise CheckpointError(
                f"its configuration and heads mean many more weights than the {self.held} it holds"
            )
        return np.zeros(size, np.float32)


def load_as(cls: Any, path: str | Path) -> Any:
    """Read a model of class ``cls`` from a folder; it is in evaluation mode.

    Raises ``CheckpointError`` for another kind, or for weights that do not fit.
    """
    manifest, weights = read_manifest(path)
    file = Path(path) / FILE
    if manifest["kind"] != cls.kind:
        raise CheckpointError(
            f"{file}: holds a {manifest['kind']}, not a {cls.kind}; npft.load reads every kind"
        )
    try:
        given = LATER | manifest["config"]
        if set(given) != {field.name for field in fields(EncoderConfig)}:
            raise CheckpointError(f"its configuration has the fields {sorted(manifest['config'])}")
        config = EncoderConfig(**given)
        rng = Blank(weights)
        if config.num_parameters() > rng.numbers:
            raise CheckpointError(
                f"its configuration means {config.num_parameters()} weights, it holds {rng.held}"
            )
        tok = manifest["tokenizer"]
        for name, entries in tok.items() if isinstance(tok, dict) else ():
            if isinstance(entries, list) and len(entries) > SLACK * config.vocab_size:
                raise CheckpointError(
                    f"its tokenizer has {len(entries)} {name}, its encoder {config.vocab_size} ids"
                )
        tokenizer = None if tok is None else tokenizer_from_dict(tok)
        encoder = Encoder(config, tokenizer=tokenizer, rng=rng)
        add_again(encoder, manifest.get("additions", []), rng=rng)
        model = cls.from_options(encoder, manifest["options"], rng=rng)
        if "quantized" in manifest:
            model = quantize(model, manifest["quantized"])
        model.load_state_dict(weights)
    except (NpftError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise CheckpointError(f"{file}: {error!s:.{MAX_MESSAGE}}") from None
    return model.eval()
