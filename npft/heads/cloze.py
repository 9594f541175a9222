"""Classes without a new head: the masked language model is asked to fill in a word.

    pattern     {text} [SEP] at the [MASK]
    words       money: counter, vault      river: jetty, wharf
    P(class)  ∝ the mean of P(word at [MASK]) over the words of the class

The question is a cloze, the choice of words a verbaliser (Schick & Schütze 2021, "PET"). It needs
no label at all, for what it asks was learnt in pretraining. Labels help in three ways:

    shown       in front of the text, the pattern filled in for a few labelled examples
    calibrate   P(class) is divided by what the model says of a text that says nothing
                (Zhao et al. 2021)
    fine_tune   the masked language model itself learns to answer: -log P(label), the mean

The first two change no weight. A text, its pattern and what is shown must fit into the positions
of the encoder: with the 64 of a small body three or four short examples do, no more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from npft.autograd import ops
from npft.autograd.kernels import log_softmax
from npft.autograd.tensor import Tensor
from npft.encoder.encoder import Encoder
from npft.encoder.head import Rng, Texts
from npft.encoder.model import Model
from npft.errors import ConfigError, DataError, check_items, check_strings, quoted
from npft.heads.classes import Classes, Classifier, checked_names
from npft.heads.words import MaskedLM, Words
from npft.text.batch import IGNORE, Batch
from npft.text.tokenizer import Tokenizer

MARKS = re.compile(r"(\{text\}|\[MASK\]|\[SEP\])")


class Prompt(NamedTuple):
    """A question as tokens: ids (T,), the types (T,) of the two segments, 0 and 1.

    ``shown`` is the number of examples in front of it, ``cut`` that of tokens cut off the text.
    """

    ids: list[int]
    types: list[int]
    shown: int
    cut: int


def _parts(pattern: str) -> list[str]:
    """The marks of a pattern and what stands between them."""
    if not isinstance(pattern, str):
        raise ConfigError(f"Cloze: pattern is {pattern!r}, expected a string such as "
                          "'{text} [SEP] it is [MASK]'")
    parts = [part.strip() for part in MARKS.split(pattern) if part.strip()]
    if parts.count("{text}") != 1 or parts.count("[MASK]") != 1 or parts.count("[SEP]") > 1:
        raise ConfigError(
            f"Cloze: pattern is {quoted(pattern)}, expected one {{text}}, one [MASK] and at most "
            "one [SEP] in it: '{text} [SEP] it is [MASK]'"
        )
    return parts


def _id_of_word(tokenizer: Tokenizer, word: str) -> int:
    """The one id of a word as it stands inside a text."""
    ids = tokenizer.encode(" " + word)
    if len(ids) != 1 or ids[0] == tokenizer.unk_id:
        what = f"{len(ids)} tokens" if len(ids) != 1 else "unknown"
        raise ConfigError(
            f"Cloze: the word {quoted(word)} is {what} to the tokenizer, but [MASK] hides one "
            "token; choose a word that is one"
        )
    return ids[0]


def _checked_prior(prior: Any, classes: int) -> list[float]:
    """K finite numbers."""
    try:
        found = np.array(prior, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        found = np.zeros(0)
    if found.shape != (classes,) or not np.isfinite(found).all():
        raise ConfigError(f"Cloze: prior is {quoted(prior)}, expected {classes} finite numbers")
    return found.tolist()


class Cloze(Classes):
    """The head for words of a ``MaskedLM``, whose answers at [MASK] are read as classes.

    label_names: K names. words: for each class one or more words, each one token to the tokenizer
        and in one class alone; the first stands in for [MASK] where examples are shown.
    pattern: the question, with one ``{text}``, one ``[MASK]`` and perhaps a ``[SEP]`` between its
        two segments; spaces join its parts.
    shown: pairs (text, label name), put before the text in this order, all in the first segment.
        What does not fit is left out, from the first example on; a text too long by itself is cut
        at its end. The pattern is never cut.
    prior: (K,) log P(class) of a text that says nothing; see ``ClozeClassifier.calibrate``.
    Raises ``ConfigError`` for other patterns or words, or an encoder without a tokenizer.
    """

    kind = "cloze"

    def __init__(
        self,
        encoder: Encoder,
        label_names: Sequence[str],
        words: Sequence[Sequence[str]],
        pattern: str,
        shown: Sequence[Sequence[str]] = (),
        prior: Sequence[float] | None = None,
        tied: bool = True,
        *,
        rng: np.random.Generator,
    ) -> None:
        tok = encoder.need_tokenizer("Cloze")
        self.label_names = checked_names("Cloze", label_names)
        lists = check_items("Cloze: words", words, of="lists of words")
        self.words = [check_strings("Cloze: words", of_class) for of_class in lists]
        if len(self.words) != len(self.label_names) or not all(self.words):
            raise ConfigError("Cloze: expected words for each class, at least one")
        self.ids = [np.array([_id_of_word(tok, w) for w in own]) for own in self.words]
        seen: set[int] = set()
        for own, ids in zip(self.words, self.ids):
            for word, one in zip(own, ids.tolist()):
                if one in seen:
                    raise ConfigError(f"Cloze: the word {quoted(word)} is given twice")
                seen.add(one)
        self.pattern, self.parts = pattern, _parts(pattern)
        pairs = check_items("Cloze: shown", shown, of="pairs (text, label name)")
        self.shown = [check_strings("Cloze: shown", pair) for pair in pairs]
        for pair in self.shown:
            if len(pair) != 2 or pair[1] not in self.label_names:
                raise ConfigError(
                    f"Cloze: shown holds {quoted(pair)}, expected [text, label name]"
                )
        self.prior = None if prior is None else _checked_prior(prior, len(self.words))
        self.positive, self.class_weights, self.smoothing = None, None, 0.0
        self.mlm = Words(encoder, tied, rng=rng)

    def options(self) -> dict[str, Any]:
        return {
            "label_names": self.label_names, "words": self.words, "pattern": self.pattern,
            "shown": self.shown, "prior": self.prior, "tied": self.mlm.tied,
        }  # fmt: skip

    @classmethod
    def completed(cls, options: dict[str, Any]) -> dict[str, Any]:
        """As they are: files of this head have had all options from the start."""
        return options

    def forward(self, hidden: Tensor, batch: Batch, rng: Rng = None) -> Tensor:
        """The log of the mean of exp(score) over the words of each class (B, K).

        Raises ``DataError`` unless each sequence has a [MASK].
        """
        self._check_masks(batch)
        z = self.mlm(hidden, batch, rng)  # (B, V), a row for each [MASK]
        means = [ops.logsumexp(z[:, ids], axis=1) - np.log(len(ids)) for ids in self.ids]
        scores = ops.stack(*means, axis=1)
        return scores if self.prior is None else scores - np.array(self.prior, scores.dtype)

    def check(self, batch: Batch) -> None:
        """Raise ``DataError`` unless there are labels it knows, and each sequence has a [MASK]."""
        super().check(batch)
        self._check_masks(batch)

    def _check_masks(self, batch: Batch) -> None:
        if not np.array_equal(batch.sequence[batch.target_rows], np.arange(len(batch))):
            raise DataError(
                "Cloze: the batch does not ask for one [MASK] in each sequence; make it with "
                "model.batch_of(examples) or model.tokenize(texts, labels=labels)"
            )

    def prompt(self, tokenizer: Tokenizer, text: str, max_length: int) -> Prompt:
        """The question about a text, with as many of the examples before it as fit.

        Raises ``ConfigError`` if the pattern alone is too long.
        """
        bare = self._filled(tokenizer, "", [tokenizer.mask_id])
        room = max_length - 1 - sum(len(segment) + 1 for segment in bare)  # for the text
        if room < 1:
            raise ConfigError(
                f"Cloze: the pattern has {max_length - room} tokens, which leaves none of the "
                f"{max_length} of the encoder for a text; give a shorter one"
            )
        cut = max(0, len(self._text_ids(tokenizer, text)) - room)
        asked = self._filled(tokenizer, text, [tokenizer.mask_id], room)
        room = max_length - 1 - sum(len(segment) + 1 for segment in asked)  # for examples
        examples: list[list[int]] = []
        for shown, label in reversed(self.shown):
            answer = [int(self.ids[self.label_names.index(label)][0])]
            example = sum(self._filled(tokenizer, shown, answer), [])
            room -= len(example)
            if room < 0:
                break
            examples.insert(0, example)
        ids, types = [tokenizer.cls_id], [0]
        asked[0] = sum(examples, []) + asked[0]
        for number, segment in enumerate(asked):
            ids += [*segment, tokenizer.sep_id]
            types += [number] * (len(segment) + 1)
        return Prompt(ids, types, len(examples), cut)

    def _space(self, place: int) -> str:
        """What stands before a part: a space, but for one that begins a segment."""
        if place == 0:
            return " " if self.shown else ""  # behind an example
        return "" if self.parts[place - 1] == "[SEP]" else " "

    def _text_ids(self, tokenizer: Tokenizer, text: str) -> list[int]:
        text = text.strip()
        return tokenizer.encode(self._space(self.parts.index("{text}")) + text if text else "")

    def _filled(
        self, tokenizer: Tokenizer, text: str, answer: list[int], longest: int | None = None
    ) -> list[list[int]]:
        """The segments of the pattern with a text of so many tokens, and an answer at [MASK]."""
        segments: list[list[int]] = [[]]
        for place, part in enumerate(self.parts):
            if part == "[SEP]":
                segments.append([])
            elif part == "[MASK]":
                segments[-1] += answer
            elif part == "{text}":
                segments[-1] += self._text_ids(tokenizer, text)[:longest]
            else:
                segments[-1] += tokenizer.encode(self._space(place) + part)
        return segments

    def tokenize(
        self, tokenizer: Tokenizer, texts: Texts, pairs: Texts | None, max_length: int
    ) -> Batch:
        """The question about each text; every [MASK] is asked for."""
        if pairs is not None:
            raise DataError("Cloze: the pattern has one {text}; give single texts, no pairs")
        texts = check_strings("Cloze: texts", texts)
        prompts = [self.prompt(tokenizer, text, max_length) for text in texts]
        ids = np.array([i for prompt in prompts for i in prompt.ids], dtype=np.int64)
        return Batch(
            ids,
            np.cumsum([0] + [len(prompt.ids) for prompt in prompts]),
            [t for prompt in prompts for t in prompt.types],
            token_labels=np.where(ids == tokenizer.mask_id, ids, IGNORE),
            tokens_cut=[prompt.cut for prompt in prompts],
        )


class ClozeClassifier(Classifier):
    """A ``MaskedLM`` that classifies by filling in a word: no weight is new.

    mlm: its encoder and its head are used as they are, so to fine-tune this is to change it, too;
        ``copy_of(mlm)`` keeps it. words: for each label name its words. pattern and shown (pairs of
        text and label name): see ``Cloze``, which also says what is refused.

    >>> from npft.loading import load
    >>> words = {"money": ["counter", "vault"], "river": ["jetty", "wharf"]}
    >>> clf = ClozeClassifier(load("tinyworld"), words, "{text} [SEP] at the [MASK]")
    >>> clf.predict(["ivan pays the invoice", "ivan steers the canoe"])
    ['money', 'river']
    """

    kind = "cloze_classifier"
    needs = {"classes": "cloze"}

    def __init__(
        self,
        mlm: MaskedLM,
        words: Mapping[str, Sequence[str]],
        pattern: str,
        shown: Sequence[Sequence[str]] = (),
    ) -> None:
        if not isinstance(mlm, MaskedLM):
            raise ConfigError(
                f"ClozeClassifier: mlm is {type(mlm).__name__}, expected a MaskedLM, whose head "
                "knows words"
            )
        if not isinstance(words, Mapping):
            raise ConfigError(
                f"ClozeClassifier: words are {type(words).__name__}, expected a dict: "
                "{'money': ['counter', 'vault'], ...}"
            )
        found: Any = mlm.head("mlm")
        head = Cloze(
            mlm.encoder, list(words), list(words.values()), pattern, shown, tied=found.tied,
            rng=np.random.default_rng(0),  # for weights that are replaced at once
        )  # fmt: skip
        head.mlm = found
        Model.__init__(self, mlm.encoder, {"classes": head})

    def calibrate(self, texts: Sequence[str] = ("",)) -> list[float]:
        """Divide from now on by P(class) of texts that say nothing, by default an empty one.

        A model may like some answers whatever it is asked. Returns log P(class) (K,), the mean
        over the texts; it is saved with the model. Raises ``DataError`` for no texts; where
        something is refused, the head divides as before.
        """
        batch = self.tokenize(texts)
        if not len(batch):
            raise DataError("calibrate: there are no texts; give [''], or others that say nothing")
        head: Any = self.heads["classes"]
        before, head.prior = head.prior, None
        try:
            # In logarithms of float64: a class that is very unlikely has P = 0 in float32.
            log_p = log_softmax(self.logits(batch).astype(np.float64)).data  # (B, K)
        finally:
            head.prior = before
        largest = log_p.max(axis=0)
        head.prior = (largest + np.log(np.exp(log_p - largest).mean(axis=0))).tolist()
        return head.prior
