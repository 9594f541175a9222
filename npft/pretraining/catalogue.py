"""The objectives by name: which model, which sequences, and what is done to them.

    name       model            layout     corruption       from
    mlm        MaskedLM         segments   mask_tokens      BERT without pairs
    mlm,nsp    MaskedLM, pairs  pairs      mask_tokens      BERT            (Devlin et al. 2019)
    mlm,sop    MaskedLM, pairs  order      mask_tokens      ALBERT          (Lan et al. 2020)
    static     MaskedLM         packed     static_masks     RoBERTa's rival (Liu et al. 2019)
    roberta    MaskedLM         packed     mask_tokens      RoBERTa         (Liu et al. 2019)
    span       MaskedLM         packed     mask_spans       SpanBERT        (Joshi et al. 2020)
    span,sbo   SpanLM           packed     mask_spans       SpanBERT        (Joshi et al. 2020)
    clm        CausalLM         packed     predict_next     GPT             (Radford et al. 2018)
    electra    ReplacedTokens   packed     mask_tokens      ELECTRA         (Clark et al. 2020)
    mpnet      MaskedLM         packed     permute_tokens   MPNet           (Song et al. 2020)

"mlm,sop" has the head, the labels and the names of figures ("nsp_loss", ...) of "mlm,nsp".
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from npft.encoder.model import Model
from npft.errors import ConfigError
from npft.heads.boundary import SpanLM
from npft.heads.words import MaskedLM
from npft.pretraining.causal import CausalLM, predict_next
from npft.pretraining.electra import ReplacedTokens
from npft.pretraining.masking import mask_tokens, static_masks
from npft.pretraining.permuted import permute_tokens
from npft.pretraining.source import Corrupt
from npft.pretraining.spans import mask_spans


class Objective(NamedTuple):
    """``model(encoder, rng=rng)`` builds what ``pretrain`` trains on ``layout`` and ``corrupt``."""

    model: Callable[..., Model]
    layout: str
    corrupt: Corrupt
    causal: bool = False  # the encoder must be made with causal=True

    def trains(self, model: Model) -> bool:
        """Whether a model is of the kind, and has the heads, of those this objective makes.

        How these heads are made is their own business: tied or not, with a pooler or without.
        """
        if model.encoder.config.causal != self.causal:
            return False
        try:
            other = self.model(model.encoder, rng=np.random.default_rng(0))  # only to compare with
        except ConfigError:  # without token types or a tokenizer there is no such model
            return False
        return other.kind == model.kind and _head_kinds(other) == _head_kinds(model)


def _head_kinds(model: Model) -> dict[str, str]:
    return {name: head.kind for name, head in model.heads.items()}


_alone = partial(MaskedLM, nsp=False)

OBJECTIVES = {
    "mlm": Objective(_alone, "segments", mask_tokens),
    "mlm,nsp": Objective(MaskedLM, "pairs", mask_tokens),
    "mlm,sop": Objective(MaskedLM, "order", mask_tokens),
    "static": Objective(_alone, "packed", static_masks),
    "roberta": Objective(_alone, "packed", mask_tokens),
    "span": Objective(_alone, "packed", mask_spans),
    "span,sbo": Objective(SpanLM, "packed", mask_spans),
    "clm": Objective(CausalLM, "packed", predict_next, causal=True),
    "electra": Objective(ReplacedTokens, "packed", mask_tokens),
    "mpnet": Objective(_alone, "packed", permute_tokens),
}
