"""Checkpoints of each kind of model: what was loaded is, number by number, what the file holds.

The file is read a second time by NumPy's own reader and Python's json. A model that loads is also
used once: what a file claims must not crash later.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import plain
from damaged_bytes import BYTES, flip_at_the_end
from damaged_npz import ARCHIVE, LARGE, MANIFEST, NUMBERS
from inputs import Target
from tokenizer_files import as_today, same, tokenizers

from npft import (
    Batch, ChainTagger, Classifier, Encoder, EncoderConfig, MaskedLM, Model, Regressor,
    SentenceEncoder, SpanFinder, TokenClassifier, load,
)
from npft.encoder.checkpoint import FILE, save
from npft.encoder.format_1 import RENAMED
from npft.heads.classes import Classes
from npft.heads.cloze import ClozeClassifier
from npft.heads.grades import Grades
from npft.heads.tags import Tags

FORMAT_1 = Path(__file__).parents[1] / "encoder" / "format_1"
WEIGHTS = "weights/"
LATER = {"positions": "absolute", "max_distance": 16}  # what a configuration without them means


def contents(data: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The manifest and the arrays of a checkpoint, by NumPy and json.

    Raises ``plain.Refused`` where these find something to object to.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            names = file.namelist()
            arrays = {
                name.removesuffix(".npy"): np.load(file.open(name), allow_pickle=False)
                for name in names
            }
    except Exception as error:  # whatever NumPy says of a damaged file
        raise plain.Refused(f"NumPy cannot read it: {error}") from None
    if len(arrays) < len(names):
        raise plain.Refused("two members have one name")
    return plain.strict_json(arrays.pop("manifest").tobytes()), arrays


def confirm_model(data: bytes, model: Any) -> str | None:
    try:
        manifest, arrays = contents(data)
    except plain.Refused as error:
        return f"loads what a plain reading refuses, {error}"
    kind, tokenizer = manifest["kind"], model.body.tokenizer
    if type(manifest["version"]) is not int:
        return "is read by a version that is no whole number"
    if model.kind != kind:
        return "is of another kind than the file says"
    if not same(model.body.config.as_dict(), LATER | manifest["config"]):
        return "has another configuration than the file says"
    fields = None if tokenizer is None else tokenizer.to_dict()
    if not same(fields, as_today(manifest["tokenizer"])):
        return "has another tokenizer than the file says"
    if manifest["version"] == 2 and not same(model.options(), manifest["options"]):
        return "has other heads than the file says"
    weights = {n.removeprefix(WEIGHTS): a for n, a in arrays.items() if n.startswith(WEIGHTS)}
    if manifest["version"] == 1:
        weights = {renamed(kind, name): array for name, array in weights.items()}
    return wrong_weights(model.state_dict(), weights)


def renamed(kind: str, name: str) -> str:
    """What a weight of format 1 is called today."""
    olds = [(old, new) for old, new in RENAMED[kind] if name.startswith(old)]
    return name.replace(*olds[0], 1) if olds else name


def as_float32(array: np.ndarray) -> np.ndarray:
    """Weights, whatever floats a file holds them in; numbers of another kind as they are."""
    return array.astype(np.float32) if array.dtype.kind == "f" else array


def wrong_weights(own: dict[str, np.ndarray], held: dict[str, np.ndarray]) -> str | None:
    """Whether a model has other weights than its file."""
    if own.keys() != held.keys():
        return f"has weights that the file lacks, or lacks some: {set(own) ^ set(held)}"
    with np.errstate(all="ignore"):
        other = [n for n in own if not np.array_equal(own[n], as_float32(held[n]))]
    return f"has other numbers than the file: {other}" if other else None


def load_and_use(path: Path) -> Any:
    """The model in the folder of a file, after one short batch."""
    model = load(path.parent)
    size = model.body.config.vocab_size
    with np.errstate(all="ignore"):  # weights may be as large as float32 goes
        model.body(Batch(np.array([0, size - 1]), np.array([0, 1, 2])))
    return model


def models() -> dict[str, Any]:
    """Small models of many kinds, by name."""
    rng = np.random.default_rng(0)
    byte, words, bpe, unigram = tokenizers()

    def encoder(tok: Any = words, **options: Any) -> Encoder:
        size = tok.vocab_size if tok else 12
        config = EncoderConfig(vocab_size=size, hidden_size=8, num_layers=1, num_heads=2,
                               intermediate_size=12, max_positions=16, **options)  # fmt: skip
        return Encoder(config, tokenizer=tok, rng=rng)

    several = encoder()
    heads = {"topic": Classes(several, ["sport", "money"], rng=rng),
             "tag": Tags(several, ["B-X", "I-X", "O"], rng=rng), "grade": Grades(several, rng=rng)}
    return {
        "encoder": encoder(), "encoder without tokenizer": encoder(None, norm="post"),
        "encoder of bytes": encoder(byte), "masked LM": MaskedLM(encoder(bpe), rng=rng),
        "masked LM, untied": MaskedLM(encoder(), nsp=False, tied=False, rng=rng),
        "classifier": Classifier(encoder(), 2, label_names=["ham", "spam"], rng=rng),
        "tagger": TokenClassifier(encoder(unigram), ["B-X", "I-X", "O"], rng=rng),
        "regressor": Regressor(encoder(), 0.0, 5.0, rng=rng),
        "answers": SpanFinder(encoder(), rng=rng), "vectors": SentenceEncoder(encoder()),
        "several heads": Model(several, heads, {"tag": 0.5}),
        "chain tagger": ChainTagger(encoder(), ["B-X", "I-X", "O"], rng=rng),
        "cloze": ClozeClassifier(
            MaskedLM(encoder(), nsp=False, rng=rng), {"b": ["the"], "a": ["cat"]},
            "{text} [MASK]", [("hugs", "b")]),
    }  # fmt: skip


def saved(model: Any, *training: Any) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return save(folder, model, *training).read_bytes()


def targets() -> list[Target]:
    damages = ((*BYTES, flip_at_the_end), ARCHIVE, NUMBERS, *[MANIFEST] * 3)
    large = (*damages * 4, LARGE)  # one in 25: these cost as much as all others
    good = {name: saved(model) for name, model in models().items()}
    for file in sorted(FORMAT_1.glob(f"*/{FILE}")):
        good[f"format 1, {file.parent.name}"] = file.read_bytes()
    return [Target(name, FILE, data, load_and_use, confirm_model, large)
            for name, data in good.items()]  # fmt: skip
