"""Whole models of Hugging Face folders, in and out: the encoder and what stands on it.

    modules.json                          SentenceEncoder
    architectures: ...ForMaskedLM         MaskedLM      dense, GELU, layer norm, tied table and bias
                   ...ForPreTraining      MaskedLM      (its next-sentence head is not read)
                   ...SequenceClassif.    Classifier    a pooler and a linear layer
    all others                            Encoder

A classifier of ``transformers`` looks at the first token through a layer of its own, its pooler:
tanh(W h + b) in BERT and RoBERTa, max(0, W h + b) in DistilBERT (``encoder/pooling.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from npft.atomic import PathLike, shown
from npft.embed.sentences import SentenceEncoder
from npft.embed.steps import MODULES
from npft.encoder.checkpoint import Saved
from npft.encoder.hub import Contents, filled, new_encoder, read_contents, read_encoder
from npft.encoder.hub_files import CONFIG
from npft.encoder.hub_write import family_of, write_encoder, write_folder
from npft.errors import CheckpointError, ConfigError, quoted
from npft.heads.classes import Classifier
from npft.heads.words import MaskedLM
from npft.nn.quantized import need_floats

# For each family: the weights of a head here, and what they are called there.
WORDS = {
    "bert": {
        "dense.weight": "cls.predictions.transform.dense.weight",
        "dense.bias": "cls.predictions.transform.dense.bias",
        "LayerNorm.weight": "cls.predictions.transform.LayerNorm.weight",
        "LayerNorm.bias": "cls.predictions.transform.LayerNorm.bias",
        "bias": "cls.predictions.bias",
        "decoder.weight": "cls.predictions.decoder.weight",
    },
    "roberta": {
        "dense.weight": "lm_head.dense.weight", "dense.bias": "lm_head.dense.bias",
        "LayerNorm.weight": "lm_head.layer_norm.weight",
        "LayerNorm.bias": "lm_head.layer_norm.bias",
        "bias": "lm_head.bias", "decoder.weight": "lm_head.decoder.weight",
    },
    "distilbert": {
        "dense.weight": "vocab_transform.weight", "dense.bias": "vocab_transform.bias",
        "LayerNorm.weight": "vocab_layer_norm.weight", "LayerNorm.bias": "vocab_layer_norm.bias",
        "bias": "vocab_projector.bias", "decoder.weight": "vocab_projector.weight",
    },
}  # fmt: skip
POOLER = {"bert": "pooler", "roberta": "pooler", "distilbert": "relu_pooler"}
CLASSES = {
    "bert": {"pool": "pooler.dense", "linear": "classifier"},
    "roberta": {"pool": "classifier.dense", "linear": "classifier.out_proj"},
    "distilbert": {"pool": "pre_classifier", "linear": "classifier"},
}


def class_weights_of(kind: str) -> dict[str, str]:
    """The weights of a classifier's head, ours to theirs."""
    return {
        f"{ours}.{part}": f"{theirs}.{part}"
        for ours, theirs in CLASSES[kind].items()
        for part in ("weight", "bias")
    }


def read_pretrained(folder: PathLike) -> Saved:
    """The model in a folder of Hugging Face, of the kind that its files say, in evaluation mode.

    Raises ``CheckpointError`` that names the file, as ``read_encoder`` does.
    """
    folder = Path(folder)
    if (folder / MODULES).is_file():
        return SentenceEncoder.from_pretrained(folder)
    found = read_contents(folder)
    named = found.given.get("architectures")
    name = named[0] if isinstance(named, list) and named and isinstance(named[0], str) else ""
    read: dict[str, Callable[[Path, Contents], Saved]] = {
        "MaskedLM": _masked_lm, "PreTraining": _masked_lm, "SequenceClassification": _classifier,
    }  # fmt: skip
    task = name.partition("For")[2]
    return read[task](folder, found) if task in read else read_encoder(folder)


def _all(found: Contents, head: str, names: dict[str, str]) -> dict[str, np.ndarray]:
    """The weights of the encoder, and of a head as far as they are there."""
    weights = {f"encoder.{name}": array for name, array in found.body.items()}
    return weights | {
        f"heads.{head}.{ours}": found.others[theirs]
        for ours, theirs in names.items() if theirs in found.others
    }  # fmt: skip


def _masked_lm(folder: Path, found: Contents) -> MaskedLM:
    tied = found.given.get("tie_word_embeddings", True)
    names = dict(WORDS[found.family.kind])
    bias, table = names.pop("bias"), names.pop("decoder.weight")
    if tied:
        names["bias"] = bias
    else:  # then the bias may stand under the name of the decoder too, which is the one that counts
        own = table.replace(".weight", ".bias")
        names |= {"decoder.weight": table, "decoder.bias": own if own in found.others else bias}

    def make(rng: np.random.Generator) -> MaskedLM:
        return MaskedLM(new_encoder(found, folder, rng), nsp=False, tied=tied, rng=rng)

    model: MaskedLM = filled(found, _all(found, "mlm", names), make)
    return model


def _classifier(folder: Path, found: Contents) -> Saved:
    """The classifier of a folder; its encoder, if it gives a grade or several classes at once."""
    several = found.given.get("problem_type") not in (None, "single_label_classification")
    names = class_weights_of(found.family.kind)
    rows = len(found.others.get(names["linear.bias"], ()))
    if several or rows == 1:
        return read_encoder(folder)
    labels = _label_names(folder / CONFIG, found.given.get("id2label"), rows)

    def make(rng: np.random.Generator) -> Classifier:
        pool = POOLER[found.family.kind]
        encoder = new_encoder(found, folder, rng)
        return Classifier(encoder, len(labels), pool, labels, rng=rng)

    model: Classifier = filled(found, _all(found, "classes", names), make)
    return model


def _label_names(path: Path, given: Any, rows: int) -> list[str]:
    """The names of the classes by number; LABEL_0, LABEL_1, ... where config.json has none."""
    if given is None:
        return [f"LABEL_{k}" for k in range(rows)]
    keys = [str(k) for k in range(len(given))] if isinstance(given, dict) else []
    if not keys or set(keys) != given.keys() or not all(isinstance(given[k], str) for k in keys):
        raise CheckpointError(f"{shown(path)}: id2label is {quoted(given)}, expected a name for "
                              "each number from 0 on")
    return [given[k] for k in keys]


def write_pretrained(model: Any, folder: PathLike) -> Path:
    """Write an Encoder, MaskedLM, Classifier or SentenceEncoder as a folder of Hugging Face.

    ``transformers`` (of a SentenceEncoder, sentence-transformers) reads it and computes the same,
    and ``load`` gives the same bits back. The next-sentence head of a MaskedLM stays behind: BERT
    computes it from a pooler. A Classifier must have been made with pool="pooler" (as DistilBERT,
    without token types: "relu_pooler"), for the classifiers of ``transformers`` know no other.
    Raises ``ConfigError`` for a model that cannot be written so, ``NonFiniteError`` for a weight
    that is NaN or infinite, ``CheckpointError`` for a place that cannot be written, or that
    holds files of another model. Returns the folder.

    >>> import tempfile
    >>> import numpy as np
    >>> from npft.encoder.config import EncoderConfig
    >>> from npft.encoder.encoder import Encoder
    >>> encoder = Encoder(EncoderConfig.tiny(vocab_size=9), rng=np.random.default_rng(0))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = read_pretrained(write_pretrained(encoder, folder))
    >>> again.config == encoder.config
    True
    """
    write: dict[str, Callable[[Any, PathLike], Path]] = {
        "encoder": lambda encoder, folder: write_encoder(folder, encoder),
        "masked_lm": _write_masked_lm, "classifier": _write_classifier,
        "sentence_encoder": lambda model, folder: model.save_pretrained(folder),
    }  # fmt: skip
    kind = getattr(model, "kind", type(model).__name__)
    if kind not in write or isinstance(model, type):
        raise ConfigError(
            f"write_pretrained: a {kind} cannot be written so, expected one of {', '.join(write)}; "
            "its encoder can: write_pretrained(model.body, folder)"
        )
    need_floats("write_pretrained", model)
    return write[kind](model, folder)


def _write_masked_lm(model: Any, folder: PathLike) -> Path:
    family, tied = family_of(model.encoder), model.heads["mlm"].tied
    names = WORDS[family.kind]
    own = {n.removeprefix("heads.mlm."): a for n, a in model.state_dict().items()}
    heads = {theirs: own[ours] for ours, theirs in names.items() if ours in own}
    if not tied:
        own_name = names["decoder.weight"].replace(".weight", ".bias")
        heads |= {names["bias"]: own["decoder.bias"], own_name: own["decoder.bias"]}
    return write_folder(
        folder, model.encoder, "ForMaskedLM", heads, {"tie_word_embeddings": tied}
    )


def _write_classifier(model: Any, folder: PathLike) -> Path:
    family, head = family_of(model.encoder), model.heads["classes"]
    if head.pool.kind != POOLER[family.kind] or head.layers != 1:
        raise ConfigError(
            f"write_pretrained: the classifier pools by {head.pool.kind!r} over {head.layers} "
            f"blocks, {family.kind} by {POOLER[family.kind]!r} over the last one; make it so "
            "before it is trained"
        )
    own = head.state_dict()
    prefix = family.prefix if family.kind == "bert" else ""  # BERT's pooler is part of its body
    heads = {
        (prefix if ours.startswith("pool.") else "") + theirs: own[ours]
        for ours, theirs in class_weights_of(family.kind).items()
    }
    labels = {str(k): name for k, name in enumerate(model.label_names)}
    options = {
        "id2label": labels, "label2id": {name: int(k) for k, name in labels.items()},
        "problem_type": "single_label_classification",
    }  # fmt: skip
    return write_folder(folder, model.encoder, "ForSequenceClassification", heads, options)
