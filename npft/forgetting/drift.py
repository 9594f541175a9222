"""Drift: how far a body has moved from its start: in weights, in what it sees, in what it says.

    weights           |θ_t - θ_0| / |θ_0|            of each layer
    representation    1 - CKA(h_0, h_t)              of each layer, tokens as rows
    predictions       mean KL(p_0 || p_t)            at the masked tokens, in nats

The three can disagree. Weights may move along directions that change nothing; hidden states may
turn together, which changes the weights and what an old head says, but not 1 - CKA.

All three compare with ``start``, a copy made before training: ``start = copy_of(mlm)``.
"""

from __future__ import annotations

import numpy as np

from npft.autograd.kernels import log_softmax
from npft.embed.likeness import cka
from npft.encoder.head import Head
from npft.encoder.model import Model
from npft.errors import ConfigError, DataError, NonFiniteError, quoted
from npft.finetune.regimes import check_model, layers_of
from npft.nn.module import evaluating
from npft.nn.quantized import need_floats
from npft.text.batch import Batch


def things(head: Head, batch: Batch) -> int:
    """How many things a head's loss on a batch is of, each counting once.

    The count of a head with ``class_weights`` is what the sequences weigh together.
    """
    weighted = getattr(head, "class_weights", None) is not None
    return len(batch) if weighted else int(head.count(batch))


def check_names(caller: str, name: str, old: Head, new: Head) -> None:
    """Raise ``ConfigError`` for heads of one name whose classes are others, or in another order."""
    for kind in ("label_names", "type_names"):
        before, now = getattr(old, kind, None), getattr(new, kind, None)
        if before != now:
            raise ConfigError(
                f"{caller}: the head {name!r} had the {kind} {quoted(before, 100)} and now has "
                f"{quoted(now, 100)}, so its scores mean something else; give both models the same"
            )


def check_start(caller: str, start: Model, model: Model) -> None:
    """Raise ``ConfigError`` unless ``start`` is another body of the same architecture."""
    check_model(caller, start)
    check_model(caller, model)
    if start.encoder is model.encoder:
        raise ConfigError(
            f"{caller}: start and model share their encoder, so one cannot have moved away from "
            "the other; make start = copy_of(model) before training"
        )
    shapes, others = ({n: p.shape for n, p in m.encoder.named_parameters()} for m in (start, model))
    if shapes != others:
        wrong = sorted(n for n in shapes.keys() | others.keys() if shapes.get(n) != others.get(n))
        raise ConfigError(
            f"{caller}: start and model have encoders of different architectures; these weights "
            f"differ: {', '.join(wrong[:5])}"
        )


def weight_drift(start: Model, model: Model) -> dict[str, float]:
    """|θ_t - θ_0| / |θ_0| of each layer of the body, from the embeddings to the last block.

    The lengths are Euclidean, over all weights of a layer. The heads are left out. In a pre-norm
    body the normalisation after the last block stands by itself, as "final norm".
    Raises ``ConfigError`` for models that cannot be compared or are quantized, or a layer whose
    weights all were 0.

    Weights that are all doubled have moved by their own length:

    >>> from npft.encoder.config import EncoderConfig
    >>> from npft.encoder.encoder import Encoder
    >>> from npft.encoder.model import copy_of
    >>> from npft.heads.classes import Classifier
    >>> rng = np.random.default_rng(0)
    >>> model = Classifier(Encoder(EncoderConfig.lesson(), rng=rng), 2, rng=rng)
    >>> start = copy_of(model)
    >>> for p in model.encoder.embeddings.parameters():
    ...     p.assign(2 * p.data)
    >>> {name: round(x, 6) for name, x in weight_drift(start, model).items()}
    {'embeddings': 1.0, 'block 0': 0.0, 'block 1': 0.0, 'final norm': 0.0}
    """
    check_start("weight_drift", start, model)
    for other in (start, model):  # of a quantized one only vectors are parameters
        need_floats("weight_drift", other)
    begins = {name: prefixes[0] for name, prefixes in reversed(layers_of(model).items())}
    del begins["heads"]
    begins["final norm"] = "encoder.layernorm."
    before, after = (
        {n: p.numpy().astype(np.float64) for n, p in m.named_parameters()} for m in (start, model)
    )
    drift = {}
    for layer, prefix in begins.items():
        names = [name for name in after if name.startswith(prefix)]
        if not names:  # a post-norm body has no final norm
            continue
        length = _length([before[name] for name in names])
        if length == 0:
            raise ConfigError(f"weight_drift: the weights of {layer} all were 0 at the start")
        drift[layer] = _length([after[name] - before[name] for name in names]) / length
        if not np.isfinite(drift[layer]):
            raise NonFiniteError(f"weight_drift: {layer} has weights that are not finite")
    return drift


def _length(arrays: list[np.ndarray]) -> float:
    return float(np.sqrt(sum(np.square(a).sum() for a in arrays)))


def representation_drift(start: Model, model: Model, batch: Batch) -> dict[str, float]:
    """1 - CKA between the hidden states of the same tokens: 0 is unmoved up to a rotation.

    Of the embeddings and of the output of each block, that of the last one after the final norm.
    The batch is read at once, (N, D) numbers for each layer of each body.
    Raises ``ConfigError`` for models that cannot be compared, ``DataError`` for what is no batch,
    ``ShapeError`` for a body that says the same of all tokens.

    >>> from npft import load
    >>> from npft.encoder.model import copy_of
    >>> mlm = load("tinyworld")
    >>> batch = mlm.tokenizer(["the teller counts the money"])
    >>> drift = representation_drift(copy_of(mlm), mlm, batch)
    >>> {layer: abs(round(moved, 6)) for layer, moved in drift.items()}  # nothing was trained
    {'embeddings': 0.0, 'block 0': 0.0, 'block 1': 0.0}
    """
    check_start("representation_drift", start, model)
    if not isinstance(batch, Batch):
        raise DataError(f"representation_drift: the texts are a {type(batch).__name__}, expected a "
                        "Batch: model.tokenize(texts)")
    names = ["embeddings", *(f"block {i}" for i in range(model.encoder.config.num_layers))]
    states = zip(start.encoder.hidden_states(batch), model.encoder.hidden_states(batch))
    return {name: 1 - cka(old, new) for name, (old, new) in zip(names, states)}


def prediction_drift(start: Model, model: Model, probe: Batch, head: str = "mlm") -> float:
    """The mean of KL(p_0 || p_t) over the masked tokens of a probe, in nats; 0 is unmoved.

    p_0 is what ``start`` says, p_t what ``model`` says now; both need a head of this name that
    gives a row of scores for each thing its loss is over, by default the masked-token head.
    Raises ``ConfigError`` for models that cannot be compared, or whose heads have other classes;
    ``DataError`` for a batch in which nothing is asked.

    >>> from npft import load, mask_tokens
    >>> from npft.encoder.model import copy_of
    >>> mlm = load("tinyworld")
    >>> batch = mlm.tokenizer(["the teller counts the money"])
    >>> probe = mask_tokens(batch, mlm.tokenizer, rng=np.random.default_rng(0))
    >>> prediction_drift(copy_of(mlm), mlm, probe)
    0.0
    """
    check_start("prediction_drift", start, model)
    asked = model.head(head)
    check_names("prediction_drift", head, start.head(head), asked)
    model.check({head: probe})

    def judge(part: Batch) -> tuple[float, int]:
        n = things(asked, part)
        if n == 0:
            return 0.0, 0
        old, new = (
            log_softmax(m.scores(part, heads=(head,))[head].data.astype(np.float64)).data
            for m in (start, model)
        )  # (M, V) logarithms of p_0 and p_t
        if old.shape != new.shape or len(new) != n:
            raise ConfigError(
                f"prediction_drift: the head {head!r} gives scores of shape {old.shape} at the "
                f"start and {new.shape} now, for {n} things; give a head that chooses among classes"
            )
        return float((np.exp(old) * (old - new)).sum()), n

    with evaluating(start):
        totals, _ = model.read(probe, judge)
    return sum(total for total, _ in totals) / sum(n for _, n in totals)
