"""Whole models of Hugging Face folders, in and out: the encoder and what stands on it.

    modules.json          SentenceEncoder
    architectures         the model with the head that it names (``heads/hub.py``)
    all others            Encoder
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from npft.atomic import PathLike, check_path
from npft.embed.sentences import SentenceEncoder
from npft.embed.steps import MODULES
from npft.encoder.checkpoint import Saved
from npft.encoder.encoder import Encoder
from npft.encoder.hub import read_contents, read_encoder
from npft.encoder.hub_write import write_encoder, write_folder
from npft.errors import ConfigError
from npft.heads.hub import READERS, WRITERS
from npft.nn.quantized import need_floats


def read_pretrained(folder: PathLike) -> Saved:
    """The model in a folder of Hugging Face, of the kind that its files say, in evaluation mode.

    Raises ``CheckpointError`` or ``DataError`` that names the file, as ``read_encoder`` does,
    ``ConfigError`` for what is no path.
    """
    folder = check_path("read_pretrained: folder", folder)
    if (folder / MODULES).is_file():
        return SentenceEncoder.from_pretrained(folder)
    found = read_contents(folder)
    named = found.given.get("architectures")
    name = named[0] if isinstance(named, list) and named and isinstance(named[0], str) else ""
    task = name.partition("For")[2]
    return READERS[task](folder, found) if task in READERS else read_encoder(folder)


def write_pretrained(model: Any, folder: PathLike) -> Path:
    """Write a model as a folder of Hugging Face, which ``transformers`` reads; returns the folder.

    An Encoder, SentenceEncoder (sentence-transformers reads it), MaskedLM, Classifier, Regressor,
    TokenClassifier, or a Model with a next-sentence head alone. What is read computes the same, and
    ``load`` gives the same bits back (of a float64 model rounded to float32). Heads that pool must
    have been made with pool="pooler" (as DistilBERT, without token types: "relu_pooler"), for those
    of ``transformers`` know no other; the next-sentence head of a MaskedLM that was not stays
    behind. A Regressor with ends is written as ``model.unbounded()``.
    Raises ``ConfigError`` for a model that cannot be written so, ``NonFiniteError`` for a weight
    that is NaN or infinite in float32, ``CheckpointError`` for a place that cannot be written, or
    that holds files of another model.

    >>> import tempfile
    >>> import numpy as np
    >>> from npft.encoder.config import EncoderConfig
    >>> encoder = Encoder(EncoderConfig.tiny(vocab_size=9), rng=np.random.default_rng(0))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = read_pretrained(write_pretrained(encoder, folder))
    >>> again.config == encoder.config
    True
    """
    kind = getattr(model, "kind", type(model).__name__)
    known = (Encoder.kind, SentenceEncoder.kind, *WRITERS)
    if kind not in known or isinstance(model, type):
        raise ConfigError(
            f"write_pretrained: a {kind} cannot be written so, expected one of {', '.join(known)}; "
            "its encoder can: write_pretrained(model.body, folder)"
        )
    need_floats("write_pretrained", model)
    if kind == Encoder.kind:
        return write_encoder(folder, model)
    if kind == SentenceEncoder.kind:
        return model.save_pretrained(folder)
    task, weights, options = WRITERS[kind](model)
    return write_folder(folder, model.encoder, task, weights, options)
