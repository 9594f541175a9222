"""Reading a model of any kind from its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from npft.embed.similarity import SentenceEncoder
from npft.encoder.checkpoint import FILE, Model, load_as, read_manifest
from npft.encoder.encoder import Encoder
from npft.errors import CheckpointError
from npft.finetune.heads import Classifier, Regressor
from npft.finetune.spans import SpanFinder
from npft.finetune.tagging import TokenClassifier
from npft.pretrain.boundary import SpanLM
from npft.pretrain.causal import CausalLM
from npft.pretrain.electra import ReplacedTokens
from npft.pretrain.objectives import MaskedLM

KINDS: dict[str, Any] = {
    cls.kind: cls
    for cls in (
        Encoder, MaskedLM, SpanLM, CausalLM, ReplacedTokens, Classifier, Regressor, TokenClassifier,
        SpanFinder, SentenceEncoder,
    )
}


DATA = Path(__file__).parent / "data"
BUNDLED = ("tinyworld",)


def load(path: str | Path) -> Model:
    """Read the model in ``path/model.npz``, of any kind: Encoder, MaskedLM, Classifier, ...

    "tinyworld" is the model that comes with npft: masked tokens and next sentences on TinyWorld,
    made by ``npft pretrain --batch-size 128 --lr 6e-3 --steps 2000 --out npft/data/tinyworld``.

    Its encoder is ``load(path).body``. Raises ``CheckpointError`` that names the file and what is
    wrong with it.
    """
    if str(path) in BUNDLED and not Path(path).exists():
        path = DATA / path
    kind = read_manifest(path)[0]["kind"]
    if not isinstance(kind, str) or kind not in KINDS:
        raise CheckpointError(f"{Path(path) / FILE}: holds {kind!r}, expected {sorted(KINDS)}")
    return load_as(KINDS[kind], path)
