"""A model: one encoder, and heads by name. A head is all that a task adds to a body.

    hidden = encoder(batch)                               (N, D), once for all heads
    scores = head(hidden, batch)                          each head
    loss   = Σ_heads weight · loss(scores, batch)         what training makes small

A head's loss is a mean over ``count(batch)`` things: sequences, words, answers. A part of a batch
counts by its share of them, so the losses of the parts, and their gradients, add up to those of
the whole, however it is cut:

    Σ_parts Σ_heads weight · loss(part) · count(part) / count(batch)

A new task is one file with one class, a ``Head`` (``head.py``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np

from npft.autograd.machine import freed_memory_kept
from npft.autograd.tensor import Tensor
from npft.encoder.additions import add_again, additions_of
from npft.encoder.checkpoint import load_as, with_lists
from npft.encoder.encoder import Encoder
from npft.encoder.head import Asked, Head, Rng, Texts
from npft.encoder.slices import SLICE, put_back, slices_of
from npft.errors import (
    CheckpointError, ConfigError, DataError, NonFiniteError, check_choice, check_count, quoted,
)
from npft.nn.loop import Loss
from npft.nn.module import Module, evaluating
from npft.nn.optim import check_positive
from npft.nn.packs import each_pack, pack_size
from npft.nn.progress import ProgressFn, told
from npft.nn.quantized import need_floats
from npft.text.batch import Batch
from npft.text.tokenizer import Tokenizer

WHOLE = 1 << 62  # sequences in a part: as many as there are

R = TypeVar("R")


class Part(NamedTuple):
    """A part of a batch, and what it counts for.

    ``shares``: for each head that learns from it, the share it has of the things that the head's
    loss is a mean over. The shares of all parts add up to 1.

    >>> part = Part(Batch([7, 8, 9], [0, 2, 3]), {"mlm": 0.25})
    >>> len(part.batch), part.shares["mlm"]
    (2, 0.25)
    """

    batch: Batch
    shares: dict[str, float]


class Verdict(NamedTuple):
    """What a head decided on a labelled batch, and its mean loss."""

    decisions: np.ndarray
    loss: float


class Model(Module):
    """An encoder with heads by name, each with a weight in the loss (default 1, perhaps 0).

    The encoder is used as it is, not copied. A batch to train on is one ``Batch`` that has labels
    for all heads, or a dict {head: Batch}: several tasks, each with examples of its own.
    Raises ``ConfigError`` for no heads, names that no file could hold, or weights of other heads.

    >>> from npft.encoder.config import EncoderConfig
    >>> from npft.heads.classes import Classes
    >>> rng = np.random.default_rng(0)
    >>> encoder = Encoder(EncoderConfig.lesson(), rng=rng)
    >>> model = Model(encoder, {"topic": Classes(encoder, ["sport", "money"], rng=rng)}).eval()
    >>> batch = Batch([104, 105, 106], [0, 2, 3], labels=[0, 1])
    >>> model(batch).shape, sorted(model.loss(batch).parts)
    ((2, 2), ['topic'])
    """

    kind = "model"
    needs: ClassVar[dict[str, str]] = {}  # the heads that the methods of a class use, by kind
    load = classmethod(load_as)
    # known hidden states of a frozen body, in place of a pass: see ``cached`` of finetune/features
    features: Callable[[Batch, int], list[Tensor] | None] | None = None

    def __init__(
        self,
        encoder: Encoder,
        heads: Mapping[str, Head],
        loss_weights: Mapping[str, float] | None = None,
    ) -> None:
        # Any other module that reads batches may stand for an encoder, but a model has heads.
        if not isinstance(encoder, Module) or isinstance(encoder, Model):
            raise ConfigError(f"Model: encoder is {type(encoder).__name__}, expected an Encoder")
        if loss_weights is not None and not isinstance(loss_weights, Mapping):
            raise ConfigError(
                f"Model: loss_weights are {quoted(loss_weights)}, expected a dict of numbers by "
                "the names of heads"
            )
        if not isinstance(heads, Mapping) or not all(isinstance(h, Head) for h in heads.values()):
            raise ConfigError("Model: heads are no dict of heads: {'topic': Classes(...)}")
        if not heads or len({id(head) for head in heads.values()}) < len(heads):
            raise ConfigError(
                f"Model: there are {'no heads' if not heads else 'two names for one head'}, "
                "expected at least one, each a head of its own"
            )
        self.encoder = encoder
        self.heads = dict(heads)
        self.loss_weights: dict[str, float] = dict.fromkeys(self.heads, 1.0)
        for name, weight in (loss_weights or {}).items():
            self.head(name)
            check_positive(f"Model: the loss weight of {name}", weight, zero=True)
            self.loss_weights[name] = float(weight)
        for name in self.heads:
            if not isinstance(name, str) or not re.fullmatch("[A-Za-z0-9_]+", name):
                raise ConfigError(
                    f"Model: a head is called {name!r}; give it a name of letters, digits and _"
                )

    @property
    def body(self) -> Encoder:
        """The encoder."""
        return self.encoder

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer of the encoder; raises ``ConfigError`` if it has none."""
        return self.encoder.need_tokenizer(type(self).__name__)

    def head(self, name: str | None = None) -> Head:
        """The head of this name; without a name, the only one. ``ConfigError`` if there is none."""
        if name is None and len(self.heads) == 1:
            return next(iter(self.heads.values()))
        return self.heads[check_choice(f"{type(self).__name__}: head", name, self.heads)]

    # --- files ----------------------------------------------------------------------------------

    def options(self) -> dict[str, Any]:
        """What a file must hold beside configuration, tokenizer and weights: the heads.

        Raises ``ConfigError`` for a head whose class has no kind of its own.
        """
        for head in self.heads.values():
            if "kind" not in vars(type(head)):
                raise ConfigError(
                    f"{type(head).__name__} has no kind of its own and cannot be saved; write "
                    "kind = 'its name in files' into the class"
                )
        return {
            name: {"kind": head.kind, "weight": self.loss_weights[name], "options": head.options()}
            for name, head in self.heads.items()
        }

    @classmethod
    def from_options(
        cls, encoder: Encoder, options: dict[str, Any], *, rng: np.random.Generator
    ) -> Model:
        """The inverse of ``options``. Raises ``CheckpointError`` for others."""
        keys = {"kind", "weight", "options"}
        saved_heads = options.values() if isinstance(options, dict) else [None]
        if not all(isinstance(saved, dict) and set(saved) == keys for saved in saved_heads):
            what = quoted(options)
            raise CheckpointError(f"its heads are {what}, which is not how npft saves them")
        heads = {}
        for name, saved in options.items():
            if saved["kind"] not in list(Head.kinds):
                raise CheckpointError(
                    f"its head {quoted(name)} is a {quoted(saved['kind'])}, expected one of "
                    f"{', '.join(Head.kinds)}; import the file with its class first"
                )
            made: Any = Head.kinds[saved["kind"]]
            given = made.completed(saved["options"])
            options = options | {name: saved | {"options": given}}
            heads[name] = made(encoder, **given, rng=rng)
        model = cls.__new__(cls)
        Model.__init__(model, encoder, heads, {k: saved["weight"] for k, saved in options.items()})
        if with_lists(model.options()) != with_lists(options):
            raise CheckpointError(f"its heads are {options}, expected {model.options()}")
        kinds = {name: head.kind for name, head in heads.items()}
        if not cls.needs.items() <= kinds.items():
            raise CheckpointError(f"its heads are {kinds}, a {cls.kind} needs {cls.needs}")
        return model

    # --- training -------------------------------------------------------------------------------

    def scores(self, batch: Batch, rng: Rng = None, heads: Sequence[str] = ()) -> dict[str, Tensor]:
        """The scores of each head (or of those named) on one pass of the encoder.

        Raises ``NonFiniteError`` that names the head for scores that are NaN or infinite, unless in
        training, where the loss says at which step it happened.
        """
        asked = {name: self.heads[name] for name in heads or self.heads}
        states = self._states(batch, rng, max(head.layers for head in asked.values()))
        scores = {name: head(head.seen(states), batch, rng) for name, head in asked.items()}
        for name, found in scores.items():
            if not self.training and not np.isfinite(found.data).all():
                raise NonFiniteError(
                    f"the output of the head {name!r} is not finite, so it decides nothing; "
                    "load undamaged weights, or train again at a lower rate"
                )
        return scores

    def _states(self, batch: Batch, rng: Rng, last: int) -> list[Tensor]:
        known = None if self.features is None else self.features(batch, last)
        if known is not None:
            return known
        return [self.encoder(batch, rng)] if last == 1 else self.encoder.states(batch, rng, last)

    def forward(self, batch: Batch, rng: Rng = None) -> Any:
        """The scores of the only head; of several, a dict of scores by name."""
        scores = self.scores(batch, rng)
        return scores if len(scores) != 1 else next(iter(scores.values()))

    def check(self, data: Batch | Mapping[str, Batch]) -> None:
        """Raise ``DataError`` if a head finds no labels in the data, or there are no data."""
        given = data if isinstance(data, Mapping) else dict.fromkeys(self.heads, data)
        if not given:
            raise DataError(f"{type(self).__name__}: there are no data; give a batch for some head")
        for name, batch in given.items():
            head = self.head(name)
            if not isinstance(batch, Batch):
                raise DataError(
                    f"{name}: the data are a {type(batch).__name__}, expected a Batch; "
                    "make one of examples with model.batch_of(examples)"
                )
            head.check(batch)

    def packs(self, batch: Batch | Mapping[str, Batch], size: int | None = None) -> list[Part]:
        """The batch in parts of ``size`` sequences, by default as ``pack_size`` says.

        Parts without a label for any head are left out.
        Raises ``DataError`` if a head finds no labels in the whole batch.
        """
        if size is not None:
            check_count("packs: size", size)
        self.check(batch)
        tasks: dict[tuple[str, ...], Any] = {tuple(self.heads): batch}
        if isinstance(batch, Mapping):
            tasks = {(name,): own for name, own in batch.items()}
        parts = []
        for names, whole in tasks.items():
            totals = {name: self.heads[name].count(whole) for name in names}
            each = size or pack_size(len(whole), len(whole.ids), self.encoder.config.hidden_size)
            for cut in slices_of(whole, each):
                counts = {name: self.heads[name].count(cut) for name in names}
                shares = {name: n / totals[name] for name, n in counts.items() if n}
                if shares:
                    parts.append(Part(cut, shares))
        return parts

    def loss(self, batch: Part | Batch | Mapping[str, Batch], rng: Rng = None) -> Loss:
        """The loss of a batch, or the share that a part of it has; its parts are named by heads.

        The total counts each head by its weight, the named parts do not.
        Raises ``DataError`` if a head finds no labels.
        """
        terms: list[Tensor] = []
        parts: dict[str, float] = {}
        scores: dict[str, Tensor] = {}
        for part in [batch] if isinstance(batch, Part) else self.packs(batch, size=WHOLE):
            found = self.scores(part.batch, rng, tuple(part.shares))
            for name, share in part.shares.items():
                term = self.heads[name].loss(found[name], part.batch)
                term = term if share == 1.0 else term * share
                parts[name] = term.item()
                weight = self.loss_weights[name]
                terms.append(term if weight == 1.0 else term * weight)
            scores |= found
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return Loss(total, parts, scores)

    # --- reading --------------------------------------------------------------------------------

    def read(
        self, batch: Batch, judge: Callable[[Batch], R], progress: ProgressFn | None = None
    ) -> tuple[list[R], np.ndarray]:
        """``judge`` on slices of the batch, in evaluation mode and without a graph.

        Like lengths stand side by side, which costs least. Returns what was judged, and the order
        (B,) in which the sequences were read. ``progress`` is told how many tokens were read.
        """
        order = np.argsort(batch.lengths, kind="stable")
        parts = slices_of(batch[order], SLICE)
        sizes = [len(part.ids) for part in parts]
        with evaluating(self), freed_memory_kept():
            return list(told(each_pack(judge, parts), sizes, progress, "tokens")), order

    def decide(
        self, batch: Batch, head: str | None = None, progress: ProgressFn | None = None
    ) -> np.ndarray:
        """What a head decides, for each sequence or token of the batch, in its order."""
        chosen = self.head(head)
        name = head or next(iter(self.heads))

        def judge(part: Batch) -> np.ndarray:
            return chosen.decide(self.scores(part, heads=(name,))[name].data, part)

        found, order = self.read(batch, judge, progress)
        return put_back(found, batch, order, chosen.tokens)

    def judge(self, batch: Batch, heads: Sequence[str] = ()) -> dict[str, Verdict]:
        """What every head (or those named) decides on a labelled batch, and its mean loss.

        In evaluation mode. Raises ``DataError`` if a head finds no labels.
        """
        asked = {name: self.head(name) for name in heads or self.heads}
        self.check(dict.fromkeys(asked, batch))

        def judge(part: Batch) -> dict[str, tuple[np.ndarray, float, float]]:
            scores, found = self.scores(part, heads=tuple(asked)), {}
            for name, head in asked.items():
                n = head.count(part)
                loss = head.loss(scores[name], part).item() * n if n else 0.0
                found[name] = head.decide(scores[name].data, part), loss, n
            return found

        slices, order = self.read(batch, judge)
        return {
            name: Verdict(
                put_back([found[name][0] for found in slices], batch, order, head.tokens),
                sum(found[name][1] for found in slices) / sum(found[name][2] for found in slices),
            )
            for name, head in asked.items()
        }

    def measure(self, batch: Batch) -> dict[str, float]:
        """The loss of every head on a labelled batch, and its accuracy: "mlm_loss", "mlm_acc", ...

        Without dropout; losses in nats. Raises ``DataError`` if a head finds no labels.
        """
        figures = {}
        for name, verdict in self.judge(batch).items():
            figures[f"{name}_loss"] = verdict.loss
            score = self.heads[name].score(verdict.decisions, batch)
            if hasattr(score, "accuracy"):
                figures[f"{name}_acc"] = score.accuracy
        return figures

    # --- a user's texts -------------------------------------------------------------------------

    def batch_of(self, examples: Any, head: str | None = None) -> Batch:
        """Labelled examples as the batch a head learns from: see ``tokenize``.

        Labels with names go by their names. Raises ``ConfigError`` if the encoder has no tokenizer,
        ``DataError`` for names the head does not know.
        """
        chosen = self.head(head)
        batch = self.tokenize(*chosen.inputs(examples), head=head)
        return chosen.labelled(self.tokenizer, batch, examples)

    def tokenize(
        self,
        texts: Texts,
        pairs: Texts | None = None,
        labels: Any = None,
        *,
        head: str | None = None,
    ) -> Batch:
        """The batch a head reads: cut to the encoder's positions; ``n_truncated`` counts the cuts.

        A tagger cuts no text: it reads long ones in windows, as several sequences.

        labels: (B,) classes or grades, if there are any. Raises ``ConfigError`` if the encoder has
        no tokenizer.
        """
        length = self.encoder.config.max_positions
        batch = self.head(head).tokenize(self.tokenizer, texts, pairs, length)
        return batch if labels is None else batch.replace(labels=labels)

    def predict(
        self,
        texts: Texts,
        pairs: Texts | None = None,
        head: str | None = None,
        *,
        progress: ProgressFn | None = None,
    ) -> Any:
        """What a head says of each text, or pair of texts: a name, tags, an answer, a number.

        texts: strings, or for a tagger lists of words. progress: such as ``Progress("predict")``,
        told how many tokens of all have been read.
        """
        chosen = self.head(head)
        # They are read twice, which a generator allows once.
        texts = list(texts) if isinstance(texts, Iterator) else texts
        pairs = list(pairs) if isinstance(pairs, Iterator) else pairs
        batch = self.tokenize(texts, pairs, head=head)
        decisions = self.decide(batch, head, progress)
        return chosen.decode(decisions, Asked(texts, pairs, batch, self.tokenizer))


def check_model(caller: str, model: Any) -> None:
    """Raise ``ConfigError`` that names the caller for what is no model with heads.

    >>> from npft.encoder.config import EncoderConfig
    >>> check_model("pretrain", Encoder(EncoderConfig.lesson(), rng=np.random.default_rng(0)))
    Traceback (most recent call last):
        ...
    npft.errors.ConfigError: pretrain: model is Encoder, expected a model with heads: a MaskedLM
    """
    if not isinstance(model, Model):
        raise ConfigError(
            f"{caller}: model is {type(model).__name__}, expected a model with heads: a MaskedLM"
        )


def copy_of(model: Model) -> Model:
    """A new model of equal configuration, tokenizer, additions, weights and dtype; all trains.

    Raises ``ConfigError`` for a quantized model, which never trains.

    >>> from npft import Classifier, EncoderConfig
    >>> rng = np.random.default_rng(0)
    >>> model = Classifier(Encoder(EncoderConfig.lesson(), rng=rng), 2, rng=rng)
    >>> new = copy_of(model)
    >>> new.encoder is model.encoder, new.num_parameters() == model.num_parameters()
    (False, True)
    """
    need_floats("copy_of", model)
    rng = np.random.default_rng(0)  # for weights that are replaced at once
    encoder = Encoder(model.encoder.config, tokenizer=model.encoder.tokenizer, rng=rng)
    add_again(encoder, additions_of(model), rng=rng)
    new = type(model).from_options(encoder, model.options(), rng=rng)
    new.astype(model.parameters()[0].dtype).load_state_dict(model.state_dict())
    new.eval()
    return new
