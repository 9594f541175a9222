"""Folders of Hugging Face: BERT, its relatives, and what they are called there.

    config.json             the shape: a model_type, and the fields of ``EncoderConfig`` renamed
    weights                 those of BERT have the same names here (``hub_files.py``, ``blocks.py``)
    tokenizer               WordPiece or byte-level BPE (``hub_tokenizer.py``)

A family says by what names its weights and fields go. RoBERTa's positions begin at
pad_token_id + 1, so its first rows are never read and are left out here. DistilBERT has no token
types. What a folder holds beside the encoder (a pooler, the heads of a task) is kept apart under
the names it has there. Families that compute something else are refused by name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from npft.atomic import PathLike, check_path, shown
from npft.encoder.checkpoint import Blank
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.encoder.hub_files import CONFIG, read_json, read_weights, weights_file
from npft.encoder.hub_tokenizer import read_tokenizer
from npft.errors import (
    CheckpointError, ConfigError, DataError, NpftError, check_count, listed, quoted,
)

BERT_FIELDS = {
    "vocab_size": "vocab_size", "hidden_size": "hidden_size", "num_layers": "num_hidden_layers",
    "num_heads": "num_attention_heads", "intermediate_size": "intermediate_size",
    "max_positions": "max_position_embeddings", "type_vocab_size": "type_vocab_size",
    "dropout": "hidden_dropout_prob", "layer_norm_eps": "layer_norm_eps",
    "init_std": "initializer_range",
}  # fmt: skip
DISTILBERT_FIELDS = {
    "vocab_size": "vocab_size", "hidden_size": "dim", "num_layers": "n_layers",
    "num_heads": "n_heads", "intermediate_size": "hidden_dim",
    "max_positions": "max_position_embeddings", "dropout": "dropout",
    "init_std": "initializer_range",
}  # fmt: skip
# Parts of a name, there and here, in the order in which they are replaced.
DISTILBERT_NAMES = [
    ("transformer.layer.", "encoder.layer."), ("sa_layer_norm", "attention.output.LayerNorm"),
    ("output_layer_norm", "output.LayerNorm"), ("attention.q_lin", "attention.self.query"),
    ("attention.k_lin", "attention.self.key"), ("attention.v_lin", "attention.self.value"),
    ("attention.out_lin", "attention.output.dense"), ("ffn.lin1", "intermediate.dense"),
    ("ffn.lin2", "output.dense"),
]  # fmt: skip
POSITIONS = "embeddings.position_embeddings.weight"


@dataclass(frozen=True)
class Family:
    """How one kind of folder names what an encoder has.

    kind: its model_type. prefix: of the encoder's weights, where a head stands beside them.
    fields: ours to theirs. names: parts of a weight's name, theirs and ours. fixed: fields that its
    config does not have.
    """

    kind: str
    prefix: str
    fields: dict[str, str] = field(default_factory=lambda: BERT_FIELDS)
    names: list[tuple[str, str]] = field(default_factory=list)
    fixed: dict[str, Any] = field(default_factory=dict)
    first_position: Callable[[dict[str, Any]], int] = lambda config: 0

    def ours(self, name: str) -> str:
        """The name that a weight of the folder has here; files of 2018 call weights gamma, beta."""
        name = name.removeprefix(self.prefix)
        for there, here in ((".gamma", ".weight"), (".beta", ".bias")):
            name = name.removesuffix(there) + here if name.endswith(there) else name
        for there, here in self.names:
            name = name.replace(there, here)
        return name

    def theirs(self, name: str) -> str:
        """The name that a weight of an encoder has in a folder without a head."""
        for there, here in self.names:
            name = name.replace(here, there)
        return name


def behind_pad(config: dict[str, Any]) -> int:
    """Where RoBERTa's positions begin: behind the number of its pads."""
    return check_count("pad_token_id", config.get("pad_token_id", 1), least=0) + 1


ROBERTA = Family("roberta", "roberta.", first_position=behind_pad)
FAMILIES = {
    "bert": Family("bert", "bert."),
    "roberta": ROBERTA,
    "xlm-roberta": ROBERTA,
    "distilbert": Family(
        "distilbert", "distilbert.", DISTILBERT_FIELDS, DISTILBERT_NAMES,
        {"type_vocab_size": 0, "layer_norm_eps": 1e-12},
    ),
}  # fmt: skip
UNLIKE = {  # what a family that is refused does otherwise
    "mpnet": "adds a bias for each distance to its attention",
    "deberta": "attends to distances apart from words",
    "albert": "shares the weights of its layers",
    "deberta-v2": "attends to distances apart from words",
    "modernbert": "turns queries and keys by their positions, and has gated layers",
    "electra": "may embed words in fewer columns", "nomic_bert": "has gated layers",
}  # fmt: skip


class Contents(NamedTuple):
    """What a folder holds: its config.json, the family and shape that this means, and weights.

    body: the weights of the encoder, by their names here. others: all other weights, by their names
    in the folder without the prefix of the family. file: where the weights stand.
    """

    given: dict[str, Any]
    family: Family
    config: EncoderConfig
    body: dict[str, np.ndarray]
    others: dict[str, np.ndarray]
    file: Path


def read_contents(folder: PathLike, longest: int | None = None) -> Contents:
    """What a folder holds; ``longest`` leaves out the positions behind so many.

    Raises ``CheckpointError`` that names the file, for another family, a configuration that means
    something else than what is computed here, two weights that mean the same one, or files that
    cannot be read.
    """
    folder = check_path("load: folder", folder)
    given = read_json(folder / CONFIG)
    family, config = config_of(folder / CONFIG, given)
    if longest is not None:
        config = replace(config, max_positions=min(longest, config.max_positions))
    body, others = dict[str, np.ndarray](), dict[str, np.ndarray]()
    names: dict[str, str] = {}  # theirs by ours
    for name, array in read_weights(folder).items():
        ours = family.ours(name)
        if ours.endswith("position_ids"):  # a table of numbers, no weight
            continue
        if names.setdefault(ours, name) != name:
            raise CheckpointError(
                f"{shown(weights_file(folder))}: {quoted(names[ours], 100)} and "
                f"{quoted(name, 100)} both mean {quoted(ours, 100)}; leave one out"
            )
        if ours.startswith(("embeddings.", "encoder.layer.")):
            body[ours] = array
        else:
            others[ours] = array
    first = family.first_position(given)
    if POSITIONS in body and body[POSITIONS].shape[:1] == (given["max_position_embeddings"],):
        body[POSITIONS] = body[POSITIONS][first : first + config.max_positions]
    return Contents(given, family, config, body, others, weights_file(folder))


def read_encoder(folder: PathLike, longest: int | None = None) -> Encoder:
    """The encoder of a folder, with its tokenizer, in evaluation mode.

    ``longest`` leaves out the positions behind so many, as none of them will be read.

    Raises ``CheckpointError`` that names the file, as ``read_contents`` and ``filled`` do, and for
    a tokenizer that npft does not have; ``DataError`` with the line of a vocabulary that cannot be
    used.
    """
    found = read_contents(folder, longest)
    encoder: Encoder = filled(found, found.body, lambda rng: new_encoder(found, folder, rng))
    return encoder


def new_encoder(found: Contents, folder: PathLike, rng: np.random.Generator) -> Encoder:
    """An encoder of the shape of a folder, with its tokenizer and weights that are yet to come."""
    return Encoder(found.config, tokenizer=read_tokenizer(Path(folder)), rng=rng)


def filled(
    found: Contents,
    weights: dict[str, np.ndarray],
    make: Callable[[np.random.Generator], Any],
) -> Any:
    """A model that ``make`` makes, with these weights, in evaluation mode.

    Raises ``CheckpointError`` that names the file, for weights that are missing, unexpected, of
    another shape, no floating-point numbers (as those of a quantised model, which mean something
    else) or not finite in float32: all of them in one message.
    """
    try:
        whole = [name for name, array in weights.items() if array.dtype.kind != "f"]
        if whole:
            raise CheckpointError(
                f"{listed(whole)}: {weights[whole[0]].dtype}, expected float32, float16 or "
                "bfloat16; quantised weights are not read"
            )
        model = make(Blank(weights))
        model.load_state_dict(weights)
    except (NpftError, OverflowError) as error:
        if isinstance(error, DataError) or str(found.file.parent) in str(error):
            raise
        raise CheckpointError(f"{shown(found.file)}: {error!s:.1000}") from None
    bad = [name for name, p in model.named_parameters() if not np.isfinite(p.data).all()]
    if bad:
        raise CheckpointError(f"{shown(found.file)}: not finite: {listed(bad)}")
    return model.eval()


def config_of(path: Path, given: dict[str, Any]) -> tuple[Family, EncoderConfig]:
    """The family and the shape that a config.json means.

    Raises ``CheckpointError`` for a family or an option that is not computed here.
    """
    kind = given.get("model_type")
    if not isinstance(kind, str) or kind not in FAMILIES:
        why = f"; {kind} {UNLIKE[kind]}" if isinstance(kind, str) and kind in UNLIKE else ""
        raise CheckpointError(
            f"{shown(path)}: model_type is {quoted(kind)}, expected one of "
            f"{', '.join(FAMILIES)}{why}"
        )
    family = FAMILIES[kind]
    for name, expected in {
        "hidden_act": "gelu", "activation": "gelu", "position_embedding_type": "absolute",
        "is_decoder": False, "add_cross_attention": False,
    }.items():  # fmt: skip
        if given.get(name, expected) != expected:
            raise CheckpointError(
                f"{shown(path)}: {name} is {quoted(given[name])}, this encoder has {expected!r}"
            )
    missing = [name for name in family.fields.values() if name not in given]
    if missing:
        raise CheckpointError(f"{shown(path)}: lacks {', '.join(missing)}")
    values = {ours: given[theirs] for ours, theirs in family.fields.items()} | family.fixed
    try:
        config = EncoderConfig(**values, norm="post")
        positions = config.max_positions - family.first_position(given)
        return family, replace(config, max_positions=positions)
    except (ConfigError, TypeError) as error:
        raise CheckpointError(f"{shown(path)}: {error!s:.500}") from None
