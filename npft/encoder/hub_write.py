"""An encoder as a folder of Hugging Face, which ``transformers`` reads and computes alike.

    BERT         WordPiece or no tokenizer, with token types
    RoBERTa      byte-level BPE; its positions begin behind a number of its own, so rows of 0, which
                 nobody reads, are put before the first
    DistilBERT   WordPiece, without token types
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from npft.atomic import PathLike, check_path, made_folder, write_bytes
from npft.encoder.additions import kinds_of
from npft.encoder.encoder import Encoder
from npft.encoder.hub import FAMILIES, POSITIONS, Family
from npft.encoder.hub_files import CONFIG, WEIGHTS, check_all_replaced
from npft.encoder.hub_tokenizer import tokenizer_files, write_tokenizer
from npft.encoder.safetensors import write_safetensors
from npft.errors import ConfigError, check_finite
from npft.nn.quantized import need_floats
from npft.text.byte_level import ByteLevelBPE
from npft.text.wordpiece import WordPiece

CLASSES = {"bert": "Bert", "roberta": "Roberta", "distilbert": "DistilBert"}
USUAL = {  # what is not dropped here, and what computes the same there
    "bert": {"hidden_act": "gelu", "attention_probs_dropout_prob": 0.0},
    "roberta": {"hidden_act": "gelu", "attention_probs_dropout_prob": 0.0},
    "distilbert": {"activation": "gelu", "attention_dropout": 0.0},
}


def family_of(encoder: Encoder) -> Family:
    """The family that an encoder can be written as.

    Raises ``ConfigError`` for one that none of them computes: with norm="pre", causal, with
    relative positions, without token types but another eps than DistilBERT's, with additions,
    quantized, or with another tokenizer.
    """
    c, tok = encoder.config, encoder.tokenizer
    if kinds := kinds_of(encoder):
        raise ConfigError(
            f"write_encoder: the encoder has additions ({', '.join(kinds)}), which BERT has not; "
            "merge_lora puts a low-rank change into the weights, switched_off leaves them out"
        )
    need_floats("write_encoder", encoder)
    if tok is not None and not isinstance(tok, (WordPiece, ByteLevelBPE)):
        raise ConfigError(
            "write_encoder: BERT cuts text by WordPiece, not "
            f"{type(tok).__name__}, and RoBERTa by ByteLevelBPE"
        )
    distil = FAMILIES["distilbert"]
    typeless = not c.type_vocab_size and (
        c.layer_norm_eps != distil.fixed["layer_norm_eps"] or isinstance(tok, ByteLevelBPE)
    )
    if c.positions != "absolute":
        raise ConfigError(
            "write_encoder: the encoder has relative positions; BERT adds a vector of its place to "
            "each token, and transformers' DeBERTa is built otherwise"
        )
    if c.norm != "post" or c.causal or typeless:
        raise ConfigError(
            f"write_encoder: norm is {c.norm!r}, causal {c.causal}, type_vocab_size "
            f"{c.type_vocab_size}; BERT has 'post', False and at least 1 (or, as DistilBERT, 0 "
            "with layer_norm_eps 1e-12 and WordPiece)"
        )
    if isinstance(tok, ByteLevelBPE):
        return FAMILIES["roberta"]
    return FAMILIES["bert"] if c.type_vocab_size else distil


def write_encoder(folder: PathLike, encoder: Encoder, beside: Sequence[str] = ()) -> Path:
    """Write an encoder as a folder that ``transformers`` reads as its model; return the folder.

    beside: names of files that the caller will write there as well.
    Without a pooler, so a BertModel is to be read with ``add_pooling_layer=False``.
    Raises ``ConfigError`` as ``family_of`` does and for complex weights, ``NonFiniteError`` for one
    that is NaN or infinite in float32, ``CheckpointError`` for a place that cannot be written, or
    that holds files of another model which would stay.
    """
    return write_folder(folder, encoder, "Model", beside=beside)


def write_folder(
    folder: PathLike,
    encoder: Encoder,
    task: str,
    heads: Mapping[str, np.ndarray] | None = None,
    options: Mapping[str, Any] | None = None,
    beside: Sequence[str] = (),
) -> Path:
    """Write an encoder with the weights of a head, by their names in ``transformers``.

    task: how its class ends, such as "ForMaskedLM". options: of its config.json, beside the usual.
    beside: names of files that the caller will write there as well.
    Raises what ``write_encoder`` raises.
    """
    folder = check_path("write_pretrained: folder", folder)
    c, tok = encoder.config, encoder.tokenizer
    family = family_of(encoder)
    config: dict[str, Any] = {"model_type": family.kind}
    config["architectures"] = [CLASSES[family.kind] + task]
    config |= USUAL[family.kind] | {there: getattr(c, o) for o, there in family.fields.items()}
    if tok is not None:
        config["pad_token_id"] = tok.pad_id
    prefix = family.prefix if heads else ""
    first = family.first_position(config)
    config["max_position_embeddings"] += first
    arrays = {}
    for name, array in encoder.state_dict().items():
        if name == POSITIONS:
            array = np.concatenate([np.zeros((first, array.shape[1]), array.dtype), array])
        arrays[prefix + family.theirs(name)] = array
    arrays |= heads or {}
    for name, array in arrays.items():
        if array.dtype.kind != "f":
            raise ConfigError(
                f"write_pretrained: the weight {name} is {array.dtype}, expected float32 or float64"
            )
        with np.errstate(over="ignore"):  # as which it is read: 1e300 is infinite there
            single = array.astype(np.float32, copy=False)
        check_finite(f"write_pretrained: the weight {name}", single)
    check_all_replaced(folder, (CONFIG, WEIGHTS, *tokenizer_files(tok), *beside))
    with made_folder(folder):
        if tok is not None:
            write_tokenizer(folder, tok, c.max_positions)
        write_safetensors(folder / WEIGHTS, arrays)
        text = json.dumps(config | dict(options or {}), indent=2) + "\n"
        write_bytes(folder / CONFIG, text.encode())
    return folder
