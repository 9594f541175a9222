"""Domain-adaptive pretraining: a pretrained model goes on with the text of a new domain.

    general text  ->  text of the domain  ->  task         (Gururangan et al. 2020, section 3)

Three losses are watched on frozen masks, because each can hide what the others show:

    domain     held-out text of the domain      what is gained
    seen       the training text itself         gap = domain - seen: above 0 it overfits
    general    held-out text of before          what is forgotten

The tokenizer stays that of the model, so new words fall into pieces of old ones; losses are per
piece and compare along one run, not between tokenizers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.encoder.model import Model, check_model, copy_of
from npft.errors import ConfigError, check_rng, check_share, listed
from npft.nn.history import History
from npft.nn.layers import Dropout
from npft.pretraining.masking import mask_tokens
from npft.pretraining.pairs import Documents, document_lists
from npft.pretraining.probe import make_probe
from npft.pretraining.run import checksum
from npft.pretraining.source import Corrupt, check_corrupt, checked_layout
from npft.pretraining.train import Plan, check_folder, pretrain

ADAPT_LR = 2e-3  # half the rate of the lesson's pretraining
OF_RUN = ("folder", "resume", "progress")  # options of ``pretrain`` that are no numbers of a plan


def adapt(
    model: Model,
    documents: Documents,
    *,
    held_out: Documents,
    general: Documents | None = None,
    pool: Documents | None = None,
    replay: float = 0.0,
    layout: str | None = None,
    corrupt: Corrupt = mask_tokens,
    lr: float = ADAPT_LR,
    rng: np.random.Generator,
    **options: Any,
) -> tuple[Model, History]:
    """Go on pretraining a copy of ``model`` on the ``documents`` of a domain.

    held_out: text of the domain to measure on. general: held-out text of the kind the model was
    pretrained on. replay: the share of all sequences that comes from ``pool``, general text to
    train on. ``layout`` and ``corrupt`` must be those the model was pretrained with. The
    ``options`` are those of ``pretrain``: steps, batch_size, every, folder, resume, progress.

    Returns the adapted model, and a history with "domain_mlm_loss", "seen_mlm_loss", their
    difference "gap", and "general_mlm_loss", at step 0 as well; for a model of another kind with
    its own loss. The masks of equal texts are equal. ``model`` is not changed; what is frozen in it
    stays so in the copy, and each dropout has the same chance.

    Raises ``ConfigError`` for a replay outside [0, 1) or without a pool, and what ``pretrain``
    raises.

    >>> from npft import load
    >>> mlm, text = load("tinyworld"), [["the teller counts the money", "the teller waits"]]
    >>> adapted, history = adapt(
    ...     mlm, text, held_out=text, steps=1, batch_size=2, rng=np.random.default_rng(0))
    >>> history["gap"].tolist()  # of text that is no other than that which is learnt
    [0.0, 0.0]
    """
    check_model("adapt", model)
    check_rng("adapt: rng", rng)
    check_corrupt("adapt", corrupt)
    check_share("adapt: replay", replay, zero=True)
    if taken := [name for name in ("probes", "shares", "origin") if name in options]:
        raise ConfigError(f"adapt: {listed(taken)} cannot be given, adapt makes its own")
    if replay and pool is None:
        raise ConfigError("adapt: replay needs a pool, general text to train on")
    numbers = {name: value for name, value in options.items() if name not in OF_RUN}
    Plan.of("adapt", {"lr": lr} | numbers)
    check_folder("adapt", options.get("folder"), options.get("resume", False))
    tok = model.encoder.need_tokenizer("adapt")
    layout = checked_layout("adapt", layout, model)
    documents = document_lists(documents)  # read as a probe as well
    seed = int(rng.integers(2**32))  # one for all probes: equal texts get equal masks
    measured = {"domain": held_out, "seen": documents}
    if general is not None:
        measured["general"] = general
    probes = {
        name: make_probe(
            text, tok, max_length=model.encoder.config.max_positions, layout=layout,
            corrupt=corrupt, rng=np.random.default_rng(seed),
        )
        for name, text in measured.items()
    }  # fmt: skip
    texts, shares = {"domain": documents}, {"domain": 1.0}
    if replay and pool is not None:
        texts, shares = texts | {"general": pool}, {"domain": 1 - replay, "general": replay}
    adapted = _as_set(copy_of(model), model)
    history = pretrain(
        adapted,
        texts,
        shares=shares,
        probes=probes,
        layout=layout,
        corrupt=corrupt,
        origin=checksum(model.state_dict().values()),
        lr=lr,
        rng=rng,
        **options,
    )
    main = next(iter(model.heads))
    for row in history.rows:
        row["gap"] = row[f"domain_{main}_loss"] - row[f"seen_{main}_loss"]
    return adapted, history


def _as_set(copy: Model, model: Model) -> Model:
    """A copy that trains what the model trains, and drops as much; as it is new, it trains all."""
    trains = {name: p.requires_grad for name, p in model.named_parameters()}
    for name, parameter in copy.named_parameters():
        parameter.requires_grad = trains[name]
    own, given = ([m for m in x.modules() if isinstance(m, Dropout)] for x in (copy, model))
    for new, old in zip(own, given):
        new.p = old.p
    return copy
