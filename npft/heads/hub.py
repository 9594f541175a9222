"""The heads of Hugging Face folders, in and out: which they are here, what their weights are there.

    architectures: ...ForMaskedLM                   MaskedLM    dense, GELU, layer norm, a table
                   ...ForPreTraining                MaskedLM    with BERT's next-sentence head
                   ...ForNextSentencePrediction     Model       of that head alone, called "nsp"
                   ...ForSequenceClassification     Classifier  or of one column Regressor
                   ...ForTokenClassification        TokenClassifier

A classifier of ``transformers`` looks at the first token through a layer of its own, its pooler:
tanh(W h + b) in BERT and RoBERTa, max(0, W h + b) in DistilBERT (``encoder/pooling.py``). Its
regression heads give a number without ends. Its next-sentence head has the classes in the other
order: 0 says that the second text follows.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from npft.atomic import shown
from npft.encoder.checkpoint import Saved
from npft.encoder.encoder import Encoder
from npft.encoder.hub import Contents, Family, filled, new_encoder, read_encoder
from npft.encoder.hub_files import CONFIG
from npft.encoder.hub_write import family_of
from npft.encoder.model import Model
from npft.errors import CheckpointError, ConfigError, quoted
from npft.heads.classes import Classifier
from npft.heads.grades import Regressor
from npft.heads.pairs import Pairs
from npft.heads.tags import TokenClassifier
from npft.heads.words import MaskedLM
from npft.metrics.entities import scheme_of, schemes_of

Rng = np.random.Generator
Names = dict[str, str]  # of weights: ours to theirs

# For each family: the weights of a head here, and what they are called there.
WORDS: dict[str, Names] = {
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
CLASSES: dict[str, Names] = {  # of layers, which have a weight and a bias each
    "bert": {"pool": "pooler.dense", "linear": "classifier"},
    "roberta": {"pool": "classifier.dense", "linear": "classifier.out_proj"},
    "distilbert": {"pool": "pre_classifier", "linear": "classifier"},
}
PAIRS: Names = {"pool": "pooler.dense", "linear": "cls.seq_relationship"}  # of BERT
TAGS: Names = {"linear": "classifier"}
SCHEME, PIECES = "npft_scheme", "npft_pieces"  # in config.json, which transformers does not read
# Options of a classifier that its loss and its score have, written where they are not the usual.
UNUSUAL = {"npft_positive": "positive", "npft_class_weights": "class_weights",
           "npft_smoothing": "smoothing"}


def weights_of(layers: Names) -> Names:
    """The weights of layers.

    >>> weights_of({"linear": "classifier"})
    {'linear.weight': 'classifier.weight', 'linear.bias': 'classifier.bias'}
    """
    return {
        f"{ours}.{part}": f"{theirs}.{part}"
        for ours, theirs in layers.items() for part in ("weight", "bias")
    }  # fmt: skip


# --- in -----------------------------------------------------------------------------------------


def _read(
    folder: Path, found: Contents, heads: dict[str, Names], make: Callable[[Encoder, Rng], Model]
) -> Any:
    """The model of a folder; heads: for each head the names of its weights."""
    weights = {f"encoder.{name}": array for name, array in found.body.items()}
    for head, names in heads.items():
        there = {ours: found.others[name] for ours, name in names.items() if name in found.others}
        there = turned(there) if head == "nsp" else there
        weights |= {f"heads.{head}.{ours}": array for ours, array in there.items()}
    return filled(found, weights, lambda rng: make(new_encoder(found, folder, rng), rng))


def turned(weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The weights of a next-sentence head with its two classes in the other order.

    >>> turned({"linear.bias": np.array([1, 2]), "pool.bias": np.array([3, 4])})
    {'linear.bias': array([2, 1]), 'pool.bias': array([3, 4])}
    """
    return {
        name: array[::-1] if name.startswith("linear.") and array.ndim else array
        for name, array in weights.items()
    }


def read_masked_lm(folder: Path, found: Contents, pairs: bool = False) -> Saved:
    """Masked words; with ``pairs`` the next-sentence head too."""
    tied = found.given.get("tie_word_embeddings", True)
    names = dict(WORDS[found.family.kind])
    bias, table = names.pop("bias"), names.pop("decoder.weight")
    if tied:
        names["bias"] = bias
    else:  # then the bias may stand under the name of the decoder too, which is the one that counts
        own = table.replace(".weight", ".bias")
        names |= {"decoder.weight": table, "decoder.bias": own if own in found.others else bias}
    heads = {"mlm": names} | ({"nsp": weights_of(PAIRS)} if pairs else {})

    def make(encoder: Encoder, rng: Rng) -> Model:
        return MaskedLM(encoder, pairs, tied, "pooler", rng=rng)

    model: MaskedLM = _read(folder, found, heads, make)
    return model


def read_pretraining(folder: Path, found: Contents) -> Saved:
    """What BERT was pretrained to do; the other families have no next-sentence head."""
    return read_masked_lm(folder, found, pairs=found.family.kind == "bert")


def read_pairs(folder: Path, found: Contents) -> Saved:
    """BERT's next-sentence head alone."""

    def make(encoder: Encoder, rng: Rng) -> Model:
        return Model(encoder, {"nsp": Pairs(encoder, "pooler", rng=rng)})

    model: Model = _read(folder, found, {"nsp": weights_of(PAIRS)}, make)
    return model


def read_classifier(folder: Path, found: Contents) -> Saved:
    """The classifier or regressor of a folder; its encoder, if it gives several of them at once."""
    names = weights_of(CLASSES[found.family.kind])
    pool, problem = POOLER[found.family.kind], found.given.get("problem_type")
    rows = int(np.size(found.others.get(names["linear.bias"], ())))
    if rows == 1 and problem in (None, "regression"):
        heads, make = {"grades": names}, _regressor(pool)
    elif rows != 1 and problem in (None, "single_label_classification"):
        labels = label_names(folder / CONFIG, found.given.get("id2label"), rows)
        own = {ours: found.given[name] for name, ours in UNUSUAL.items() if name in found.given}
        heads, make = {"classes": names}, _classifier(pool, labels, own)
    else:
        return read_encoder(folder)
    model: Saved = _read(folder, found, heads, make)
    return model


def _regressor(pool: str) -> Callable[[Encoder, Rng], Model]:
    return lambda encoder, rng: Regressor(encoder, None, None, pool, rng=rng)


def _classifier(
    pool: str, labels: list[str], own: dict[str, Any]
) -> Callable[[Encoder, Rng], Model]:
    return lambda encoder, rng: Classifier(encoder, len(labels), pool, labels, **own, rng=rng)


def read_tagger(folder: Path, found: Contents) -> Saved:
    """The tagger of a folder; how its tags mark entities is what they say, unless npft wrote it."""
    names = weights_of(TAGS)
    rows = int(np.size(found.others.get(names["linear.bias"], ())))
    labels = label_names(folder / CONFIG, found.given.get("id2label"), rows)
    scheme = found.given.get(SCHEME, likely_scheme(labels))
    pieces = found.given.get(PIECES, "first")

    def make(encoder: Encoder, rng: Rng) -> Model:
        return TokenClassifier(encoder, labels, scheme, pieces, rng=rng)

    model: TokenClassifier = _read(folder, found, {"tags": names}, make)
    return model


def likely_scheme(labels: list[str]) -> str:
    """The scheme of tags, and where they leave it open the first that has them.

    >>> likely_scheme(["DET", "NOUN"]), likely_scheme(["O", "B"])
    ('plain', 'bio')
    """
    try:
        return scheme_of(labels)
    except ConfigError:
        return schemes_of(labels)[0]


def label_names(path: Path, given: Any, rows: int) -> list[str]:
    """The names of the classes by number; LABEL_0, LABEL_1, ... where config.json has none."""
    if given is None:
        return [f"LABEL_{k}" for k in range(rows)]
    keys = [str(k) for k in range(len(given))] if isinstance(given, dict) else []
    if not keys or set(keys) != given.keys() or not all(isinstance(given[k], str) for k in keys):
        raise CheckpointError(f"{shown(path)}: id2label is {quoted(given)}, expected a name for "
                              "each number from 0 on")
    return [given[k] for k in keys]


READERS: dict[str, Callable[[Path, Contents], Saved]] = {  # by what a class is for
    "MaskedLM": read_masked_lm, "PreTraining": read_pretraining,
    "NextSentencePrediction": read_pairs, "SequenceClassification": read_classifier,
    "TokenClassification": read_tagger,
}  # fmt: skip


# --- out ----------------------------------------------------------------------------------------


class Written(NamedTuple):
    """What a folder holds beside its encoder: how its class ends, weights and options of a head."""

    task: str
    weights: dict[str, np.ndarray]
    options: dict[str, Any]


def write_masked_lm(model: Any) -> Written:
    """Masked words, and the next-sentence head if it is BERT's."""
    family, tied = family_of(model.encoder), model.heads["mlm"].tied
    names, own = WORDS[family.kind], model.heads["mlm"].state_dict()
    weights = {theirs: own[ours] for ours, theirs in names.items() if ours in own}
    if not tied:
        own_name = names["decoder.weight"].replace(".weight", ".bias")
        weights |= {names["bias"]: own["decoder.bias"], own_name: own["decoder.bias"]}
    options = {"tie_word_embeddings": tied}
    if family.kind == "bert" and model.nsp and model.heads["nsp"].pool.kind == POOLER["bert"]:
        weights |= _named(family, PAIRS, turned(model.heads["nsp"].state_dict()))
        return Written("ForPreTraining", weights, options)
    return Written("ForMaskedLM", weights, options)


def write_pairs(model: Any) -> Written:
    """A next-sentence head alone; raises ``ConfigError`` for a model of other heads."""
    kinds = {name: head.kind for name, head in model.heads.items()}
    if kinds != {"nsp": Pairs.kind}:
        raise ConfigError(
            f"write_pretrained: a model of the heads {kinds} cannot be written so, expected one "
            "next-sentence head {'nsp': Pairs(encoder, 'pooler')}; its encoder can: "
            "write_pretrained(model.body, folder)"
        )
    family, head = family_of(model.encoder), model.heads["nsp"]
    if family.kind != "bert":
        raise ConfigError(
            f"write_pretrained: {family.kind} has no next-sentence head, only BERT has, with "
            "WordPiece and token types; its encoder can be written: "
            "write_pretrained(model.body, folder)"
        )
    _check_pool("next-sentence head", head, family)
    return Written(
        "ForNextSentencePrediction", _named(family, PAIRS, turned(head.state_dict())), {}
    )


def write_classifier(model: Any) -> Written:
    """A classifier with the pooler of its family."""
    family, head = family_of(model.encoder), model.heads["classes"]
    _check_pool("classifier", head, family)
    options = _labels(model.label_names) | {"problem_type": "single_label_classification"}
    own = {name: getattr(head, ours) for name, ours in UNUSUAL.items()}
    options |= {name: value for name, value in own.items() if value not in (None, 0.0)}
    weights = _named(family, CLASSES[family.kind], head.state_dict())
    return Written("ForSequenceClassification", weights, options)


def write_regressor(model: Any) -> Written:
    """A regressor without ends, with the pooler of its family."""
    family, head = family_of(model.encoder), model.heads["grades"]
    _check_pool("regressor", head, family)
    if head.low is not None:
        raise ConfigError(
            f"write_pretrained: the regressor cuts its grades at {head.low:g} and {head.high:g}, "
            "transformers at no end; write_pretrained(model.unbounded(), folder) writes the same "
            "grades uncut"
        )
    options = _labels(["LABEL_0"]) | {"problem_type": "regression"}
    weights = _named(family, CLASSES[family.kind], head.state_dict())
    return Written("ForSequenceClassification", weights, options)


def write_tagger(model: Any) -> Written:
    """A tagger that reads the last block."""
    family, head = family_of(model.encoder), model.heads["tags"]
    if head.layers != 1:
        raise ConfigError(
            f"write_pretrained: the tagger reads {head.layers} blocks, those of transformers the "
            "last one; make it with layers=1 before it is trained"
        )
    options = _labels(model.label_names) | {SCHEME: head.scheme, PIECES: head.pieces}
    return Written("ForTokenClassification", _named(family, TAGS, head.state_dict()), options)


def _check_pool(name: str, head: Any, family: Family) -> None:
    wanted = POOLER[family.kind]
    if head.pool.kind != wanted or head.layers != 1:
        raise ConfigError(
            f"write_pretrained: the {name} pools by {head.pool.kind!r} over {head.layers} blocks, "
            f"{family.kind} by {wanted!r} over the last one; make it so before it is trained"
        )


def _named(family: Family, layers: Names, own: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The weights of layers by their names there; BERT's pooler is part of its body."""
    return {
        (family.prefix if theirs.startswith("pooler.") else "") + theirs: own[ours]
        for ours, theirs in weights_of(layers).items()
    }


def _labels(names: list[str]) -> dict[str, Any]:
    return {
        "id2label": {str(k): name for k, name in enumerate(names)},
        "label2id": {name: k for k, name in enumerate(names)},
    }


WRITERS: dict[str, Callable[[Any], Written]] = {  # by the kind of the model
    "masked_lm": write_masked_lm, "classifier": write_classifier, "regressor": write_regressor,
    "token_classifier": write_tagger, "model": write_pairs,
}  # fmt: skip
