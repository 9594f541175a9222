"""Reading a model of any kind from its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from npft.atomic import check_path
from npft.embed.sentences import SentenceEncoder
from npft.encoder.checkpoint import FILE, Saved, load_as, read_manifest
from npft.encoder.encoder import Encoder
from npft.encoder.hub_files import is_hub_folder
from npft.encoder.model import Model
from npft.errors import CheckpointError, quoted
from npft.heads.answers import SpanFinder
from npft.heads.boundary import SpanLM
from npft.heads.classes import Classifier
from npft.heads.cloze import ClozeClassifier
from npft.heads.crf import ChainTagger
from npft.heads.grades import Regressor
from npft.heads.span_tags import SpanTagger
from npft.heads.tags import TokenClassifier
from npft.heads.words import MaskedLM
from npft.pretrained import read_pretrained
from npft.pretraining.causal import CausalLM
from npft.pretraining.electra import ReplacedTokens

KINDS: dict[str, Any] = {
    cls.kind: cls
    for cls in (
        Encoder, Model, MaskedLM, SpanLM, CausalLM, ReplacedTokens, Classifier, Regressor,
        ClozeClassifier, TokenClassifier, ChainTagger, SpanTagger, SpanFinder, SentenceEncoder,
    )
}


DATA = Path(__file__).parent / "data"
BUNDLED = ("tinyworld",)


def folder_of(path: str | Path) -> Path:
    """The folder that ``load(path)`` reads: of a bundled model, unless there is one of that name.

    >>> folder_of("tinyworld").parent.name, str(folder_of("mine"))
    ('data', 'mine')
    """
    named = check_path("load: path", path)
    bundled = str(path) in BUNDLED and not named.exists()
    return DATA / named if bundled else named


def load(path: str | Path) -> Saved:
    """Read the model in ``path/model.npz``, of any kind: Encoder, MaskedLM, Classifier, ...

    "tinyworld" is the model that comes with npft: masked tokens and next sentences on TinyWorld,
    made by ``npft pretrain --batch-size 128 --lr 6e-3 --steps 2000 --out npft/data/tinyworld``.

    A folder of Hugging Face, of config.json and model.safetensors, gives the model that its files
    say: SentenceEncoder, MaskedLM, Classifier, Regressor, TokenClassifier, a Model with a
    next-sentence head, or else the encoder (``pretrained.py``).

    Its encoder is ``load(path).body``; its weights are float32, or as ``quantize`` has made them.
    Raises ``CheckpointError`` that names the file and what is wrong with it, ``DataError`` with the
    line of a vocabulary that cannot be used, ``ConfigError`` for what is no path.

    >>> mlm = load("tinyworld")
    >>> mlm.kind, mlm.body.num_parameters()
    ('masked_lm', 232320)
    """
    path = folder_of(path)
    if is_hub_folder(path):
        return read_pretrained(path)
    kind = read_manifest(path)[0]["kind"]
    if not isinstance(kind, str) or kind not in KINDS:
        raise CheckpointError(
            f"{Path(path) / FILE}: holds {quoted(kind)}, expected {sorted(KINDS)}"
        )
    return load_as(KINDS[kind], path)
