"""The JSON files of Hugging Face folders: what was loaded is what the damaged file still says.

One file of a folder is damaged, the others are as they were. The shape, the pool or the cuts of a
few texts are found a second time from the JSON alone.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import plain
from checkpoints import load_and_use
from damaged_bytes import BYTES
from damaged_json import JSON
from inputs import Target
from tokenizer_files import TEXTS

from npft import Encoder, EncoderConfig, SentenceEncoder, WordPiece, write_pretrained
from npft.encoder.hub_tokenizer import read_tokenizer, write_tokenizer
from npft.text.byte_level import SPECIALS, ByteLevelBPE, byte_letters

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "hug", "##s", "the", "cat", "x", "Hug"]
SHAPE = {  # theirs to ours, of what a wrong number would change without a word
    "layer_norm_eps": "layer_norm_eps", "num_attention_heads": "num_heads",
    "hidden_dropout_prob": "dropout", "num_hidden_layers": "num_layers",
}  # fmt: skip
BPE = ByteLevelBPE(
    [*SPECIALS, *byte_letters(), "hu", "hug", "\u0120h"],
    [("h", "u"), ("hu", "g"), ("\u0120", "h")],
)


def folder_of(make: Callable[[Path], Any]) -> dict[str, bytes]:
    """The files that ``make`` writes into a folder, by their paths."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder)
        files = [path for path in folder.rglob("*") if path.is_file()]
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def with_the_rest(files: dict[str, bytes], damaged: str, use: Callable[[Path], Any]) -> Any:
    """A reader of one damaged file, among the other files of its folder."""

    def read(path: Path) -> Any:
        with tempfile.TemporaryDirectory(dir=path.parent) as name:
            for place, content in files.items():
                (Path(name) / place).parent.mkdir(exist_ok=True)
                (Path(name) / place).write_bytes(content)
            shutil.copy(path, Path(name) / damaged)
            return use(Path(name))

    return read


def confirm_shape(data: bytes, model: Any) -> str | None:
    try:
        given = plain.strict_json(data)
    except plain.Refused as error:
        return f"loads what a plain reading refuses, {error}"
    config = model.body.config
    for theirs, ours in SHAPE.items():
        if type(given.get(theirs)) is bool or given.get(theirs) != getattr(config, ours):
            return f"has another {ours} than the file"
    return None


def confirm_steps(data: bytes, model: Any) -> str | None:
    try:
        given = plain.strict_json(data)
    except plain.Refused as error:
        return f"loads what a plain reading refuses, {error}"
    kinds = [step["type"].split(".")[-1] for step in given]
    head = model.heads["vectors"]
    return None if head.normalize == ("Normalize" in kinds) else "normalises as the file does not"


def confirm_pool(data: bytes, model: Any) -> str | None:
    try:
        given = plain.strict_json(data)
    except plain.Refused as error:
        return f"loads what a plain reading refuses, {error}"
    names = {"mean_tokens": "mean", "cls_token": "cls", "max_tokens": "max", "lasttoken": "last"}
    short = names.get(f"{given.get('pooling_mode')}_tokens", given.get("pooling_mode"))
    on = [names[k.removeprefix("pooling_mode_")] for k, v in given.items()
          if k.startswith("pooling_mode_") and v]  # fmt: skip
    return None if model.heads["vectors"].pool in (short, *on) else "pools as the file does not"


def confirm_wordpiece(data: bytes, tok: Any) -> str | None:
    if tok is None:
        return None
    vocab = plain.strict_json(data)["model"]["vocab"]
    wrong = [p for i, p in enumerate(tok.vocab) if vocab.get(p) != i]
    return f"has other numbers than the file: {wrong}" if wrong else None


def confirm_pieces(data: bytes, tok: Any) -> str | None:
    vocab = plain.strict_json(data)
    if not isinstance(tok, ByteLevelBPE) or len(vocab) != tok.vocab_size:
        return "has another size than the file"
    wrong = [p for i, p in enumerate(tok.vocab) if vocab.get(p) != i]
    return f"has other numbers than the file: {wrong}" if wrong else None


def confirm_merges(data: bytes, tok: Any) -> str | None:
    lines = data.decode().split("\n")
    pairs = [line.split(" ") for line in lines if line and not line.startswith("#version")]
    return None if tok.to_dict()["merges"] == pairs else "has other merges than the file"


def cut(folder: Path) -> Any:
    """The tokenizer of a folder, after it has cut some texts."""
    tok = read_tokenizer(folder)
    if tok is not None:
        for text in TEXTS:
            tok.decode(tok.encode(text))
    return tok


def targets() -> list[Target]:
    config = EncoderConfig(vocab_size=len(PIECES), hidden_size=8, num_layers=1, num_heads=2,
                           intermediate_size=12, max_positions=16, norm="post")  # fmt: skip
    encoder = Encoder(config, tokenizer=WordPiece(PIECES), rng=np.random.default_rng(0))
    whole = folder_of(lambda f: write_pretrained(SentenceEncoder(encoder, "cls"), f))
    bpe = folder_of(lambda f: write_tokenizer(f, BPE, 16))
    wordpiece = {"tokenizer.json": json.dumps({
        "added_tokens": [{"id": 0, "content": "[PAD]", "special": True}],
        "normalizer": {"type": "BertNormalizer", "lowercase": True, "strip_accents": None},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "vocab": {piece: i for i, piece in enumerate(PIECES)}},
    }).encode()}  # fmt: skip

    def use(folder: Path) -> Any:
        return load_and_use(folder / "config.json")

    rows = [
        ("config", whole, "config.json", use, confirm_shape),
        ("modules", whole, "modules.json", use, confirm_steps),
        ("pooling", whole, "1_Pooling/config.json", use, confirm_pool),
        ("wordpiece", wordpiece, "tokenizer.json", cut, confirm_wordpiece),
        ("pieces", bpe, "vocab.json", cut, confirm_pieces),
        ("merges", bpe, "merges.txt", cut, confirm_merges),
    ]
    return [
        Target(f"hub {name}", Path(file).name, files[file], with_the_rest(files, file, read),
               confirm, (BYTES,) if file == "merges.txt" else (BYTES, JSON, JSON, JSON))
        for name, files, file, read, confirm in rows
    ]  # fmt: skip
