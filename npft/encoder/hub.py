"""Folders of Hugging Face in and out: BERT, its relatives, and what they are called there.

    config.json             the shape: a model_type, and the fields of ``EncoderConfig`` renamed
    model.safetensors       the weights; those of BERT have the same names here (``blocks.py``)
    vocab.txt               the pieces of WordPiece, or the same in tokenizer.json
    tokenizer_config.json   whether text is made lower case

A family says by what names its weights and fields go. RoBERTa's positions begin at
pad_token_id + 1, so its first rows are never read and are left out here. DistilBERT has no token
types. What a folder holds beside the encoder (a pooler, the heads of a task) is not read. Families
that compute something else, such as MPNet and DeBERTa, are refused by name.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from npft.atomic import PathLike, shown, write_bytes
from npft.encoder.additions import kinds_of
from npft.encoder.checkpoint import Blank
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.encoder.safetensors import read_safetensors, write_safetensors
from npft.errors import CheckpointError, ConfigError, DataError, NpftError, quoted
from npft.strict_json import parse
from npft.text.tokenizer import Tokenizer
from npft.text.wordpiece import WordPiece

CONFIG, WEIGHTS = "config.json", "model.safetensors"
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

    prefix: of the encoder's weights, where a head stands beside them. fields: ours to theirs.
    names: parts of a weight's name, theirs and ours. fixed: fields that its config does not have.
    """

    prefix: str
    fields: dict[str, str] = field(default_factory=lambda: BERT_FIELDS)
    names: list[tuple[str, str]] = field(default_factory=list)
    fixed: dict[str, Any] = field(default_factory=dict)
    first_position: Callable[[dict[str, Any]], int] = lambda config: 0

    def ours(self, name: str) -> str:
        """The name that a weight of the folder has here."""
        name = name.removeprefix(self.prefix)
        for there, here in self.names:
            name = name.replace(there, here)
        return name


ROBERTA = Family("roberta.", first_position=lambda config: config.get("pad_token_id", 1) + 1)
FAMILIES = {
    "bert": Family("bert."),
    "roberta": ROBERTA,
    "xlm-roberta": ROBERTA,
    "distilbert": Family(
        "distilbert.", DISTILBERT_FIELDS, DISTILBERT_NAMES,
        {"type_vocab_size": 0, "layer_norm_eps": 1e-12},
    ),
}  # fmt: skip


def read_json(path: Path) -> dict[str, Any]:
    """An object of a JSON file; raises ``CheckpointError`` that names the file."""
    try:
        found = parse(path.read_bytes().decode("utf-8"))
    except OSError as error:
        raise CheckpointError(f"{shown(path)}: cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{shown(path)}: is no JSON: {error!s:.200}") from None
    if not isinstance(found, dict):
        raise CheckpointError(f"{shown(path)}: holds {quoted(found)}, expected an object")
    return found


def is_hub_folder(folder: PathLike) -> bool:
    """Whether a folder has the two files that such a model cannot do without."""
    return all((Path(folder) / name).is_file() for name in (CONFIG, WEIGHTS))


def read_encoder(folder: PathLike, longest: int | None = None) -> Encoder:
    """The encoder of a folder, with its tokenizer, in evaluation mode.

    ``longest`` leaves out the positions behind so many, as none of them will be read.

    Raises ``CheckpointError`` that names the file, for another family, a configuration that means
    something else than what is computed here, or weights that do not fit, all of them in one list.
    """
    folder = Path(folder)
    given = read_json(folder / CONFIG)
    family, config = config_of(folder / CONFIG, given)
    weights = {family.ours(n): a for n, a in read_safetensors(folder / WEIGHTS).items()}
    first = family.first_position(given)
    if longest is not None:
        config = replace(config, max_positions=min(longest, config.max_positions))
    if POSITIONS in weights and len(weights[POSITIONS]) == given["max_position_embeddings"]:
        weights[POSITIONS] = weights[POSITIONS][first : first + config.max_positions]
    try:
        encoder = Encoder(config, tokenizer=read_tokenizer(folder), rng=Blank(weights))
        own = {name for name, _ in encoder.named_parameters()}
        encoder.load_state_dict({n: a for n, a in weights.items() if n in own or _belongs(n)})
    except (NpftError, OverflowError) as error:
        if isinstance(error, DataError):
            raise
        raise CheckpointError(f"{shown(folder / WEIGHTS)}: {error!s:.1000}") from None
    encoder.eval()
    return encoder


def _belongs(name: str) -> bool:
    """Whether a weight is one of an encoder: not of its pooler, a head, or a table of numbers."""
    own = name.startswith(("embeddings.", "encoder.layer."))
    return own and not name.endswith("position_ids")


def config_of(path: Path, given: dict[str, Any]) -> tuple[Family, EncoderConfig]:
    """The family and the shape that a config.json means.

    Raises ``CheckpointError`` for a family or an option that is not computed here.
    """
    kind = given.get("model_type")
    if not isinstance(kind, str) or kind not in FAMILIES:
        raise CheckpointError(
            f"{shown(path)}: model_type is {quoted(kind)}, expected one of {', '.join(FAMILIES)}: "
            "others do not compute what this encoder does"
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
        raise CheckpointError(f"{shown(path)}: {error}") from None


def read_tokenizer(folder: Path) -> Tokenizer | None:
    """The WordPiece of a folder; None if it has another kind of tokenizer, or none.

    Raises ``CheckpointError`` or ``DataError`` that names the file.
    """
    options = {}
    if (folder / "tokenizer_config.json").is_file():
        options = read_json(folder / "tokenizer_config.json")
    lowercase = bool(options.get("do_lower_case", True))
    if (folder / "vocab.txt").is_file():
        return WordPiece.from_vocab(folder / "vocab.txt", lowercase=lowercase)
    path = folder / "tokenizer.json"
    model = read_json(path).get("model", {}) if path.is_file() else {}
    if not isinstance(model, dict) or model.get("type") != "WordPiece":
        return None
    vocab = model.get("vocab")
    if not isinstance(vocab, dict) or sorted(vocab.values()) != list(range(len(vocab))):
        raise CheckpointError(f"{shown(path)}: its vocabulary does not number pieces from 0 on")
    return WordPiece(sorted(vocab, key=vocab.__getitem__), lowercase=lowercase)


def write_encoder(folder: PathLike, encoder: Encoder) -> Path:
    """Write an encoder as a folder that ``transformers`` reads as a BertModel; return the folder.

    Without a pooler, so it is to be read with ``add_pooling_layer=False``.
    Raises ``ConfigError`` for one that is not shaped as BERT: with norm="pre", causal, without
    token types, with additions, or with a tokenizer other than WordPiece.
    """
    folder, c, tok = Path(folder), encoder.config, encoder.tokenizer
    if kinds := kinds_of(encoder):
        raise ConfigError(
            f"write_encoder: the encoder has additions ({', '.join(kinds)}), which BERT has not; "
            "merge_lora puts a low-rank change into the weights, switched_off leaves them out"
        )
    if c.norm != "post" or c.causal or not c.type_vocab_size:
        raise ConfigError(
            f"write_encoder: norm is {c.norm!r}, causal {c.causal}, type_vocab_size "
            f"{c.type_vocab_size}; BERT has 'post', False and at least 1"
        )
    if tok is not None and not isinstance(tok, WordPiece):
        raise ConfigError(f"write_encoder: BERT cuts text by WordPiece, not {type(tok).__name__}")
    fields = {theirs: getattr(c, ours) for ours, theirs in BERT_FIELDS.items()}
    config = {"model_type": "bert", "architectures": ["BertModel"], "hidden_act": "gelu"} | fields
    write_safetensors(folder / WEIGHTS, encoder.state_dict())
    files = {CONFIG: config}
    if tok is not None:
        config["pad_token_id"] = tok.pad_id
        write_bytes(folder / "vocab.txt", "".join(f"{p}\n" for p in tok.vocab).encode())
        files["tokenizer_config.json"] = {
            "tokenizer_class": "BertTokenizer", "do_lower_case": tok.lowercase,
            "model_max_length": c.max_positions,
        }  # fmt: skip
    for name, content in files.items():
        write_bytes(folder / name, (json.dumps(content, indent=2) + "\n").encode())
    return folder
