"""Honest held-out figures: text set aside, masks drawn once, and the loss of knowing nothing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from npft.errors import ConfigError, DataError
from npft.nn.module import evaluating
from npft.nn.packs import each_pack
from npft.pretrain.masking import Masked, mask_tokens
from npft.pretrain.pairs import Corpus, Documents
from npft.pretrain.source import Corrupt, Pretrainable, Source
from npft.text.tokenizer import Tokenizer


def hold_out(documents: Documents, share: float = 0.05) -> tuple[Documents, Documents]:
    """Set aside the last documents, or, of fewer than 20, the last sentences of each.

    Of one document at least two sentences are held out, so that there are pairs to test, but at
    most half of it. Held-out text is never trained on.
    Raises ``ConfigError`` if share is no share, ``DataError`` if nothing would be left.

    >>> train, held_out = hold_out([["a", "b", "c", "d", "e"]], share=0.2)
    >>> train, held_out
    ([['a', 'b', 'c']], [['d', 'e']])
    """
    if not 0 < share < 1:
        raise ConfigError(f"hold_out: share is {share}, expected a number between 0 and 1")
    if len(documents) >= 20:
        cut = max(1, len(documents) - max(1, round(share * len(documents))))
        return documents[:cut], documents[cut:]
    cuts = [len(d) - min(max(2, round(share * len(d))), len(d) // 2) for d in documents]
    if sum(cuts) < 2 or all(cut == len(d) for cut, d in zip(cuts, documents)):
        raise DataError("hold_out: too little text to set any aside; give at least a few sentences")
    parts = list(zip(documents, cuts))
    return [d[:c] for d, c in parts if c], [d[c:] for d, c in parts if c < len(d)]


def make_probe(
    documents: Documents,
    tokenizer: Tokenizer,
    *,
    max_length: int,
    nsp: bool = False,
    layout: str | None = None,
    corrupt: Corrupt = mask_tokens,
    size: int = 500,
    rng: np.random.Generator,
) -> Masked:
    """Held-out sequences with their masks drawn once: every later measurement sees the same.

    ``layout`` is one of ``LAYOUTS``; by default "pairs" with nsp and "segments" without.
    """
    corpus = Corpus(documents, tokenizer)
    source = Source(corpus, layout or ("pairs" if nsp else "segments"), max_length)
    batch = source.draw(rng.permutation(source.starts)[:size], rng)
    return corrupt(batch[np.argsort(batch.lengths, kind="stable")], tokenizer, rng=rng)


def slices(masked: Masked, batch_size: int) -> Iterator[Masked]:
    """A masked data set in order, in batches; one without a masked row is left out."""
    for start in range(0, len(masked.batch), batch_size):
        batch = masked.batch[start : start + batch_size]
        first = masked.batch.offsets[start]
        inside = (masked.rows >= first) & (masked.rows < first + len(batch.ids))
        if inside.any():
            yield Masked(batch, masked.rows[inside] - first, masked.targets[inside])


def evaluate_mlm(model: Pretrainable, probe: Masked, batch_size: int = 64) -> dict[str, float]:
    """Loss and accuracy on held-out sequences, without dropout: "mlm_loss" in nats, "mlm_acc".

    With next-sentence prediction also "nsp_loss" and "nsp_acc"; other models measure other things
    (see their ``measure``). Raises ``DataError`` if nothing is masked, or if nsp finds no labels.
    """
    if len(probe.targets) == 0 or (getattr(model, "nsp", False) and probe.batch.labels is None):
        raise DataError(
            "evaluate_mlm: nothing is masked, or next-sentence prediction finds no labels; build "
            "the probe with make_probe"
        )
    total: dict[str, float] = {}
    count: dict[str, int] = {}
    with evaluating(model):
        for found in each_pack(model.measure, slices(probe, batch_size)):
            for name, (value, n) in found.items():
                total[name] = total.get(name, 0.0) + value
                count[name] = count.get(name, 0) + n
    return {name: value / count[name] for name, value in total.items()}


def has_words(corpus: Corpus, probe: Masked) -> bool:
    """Whether any target of the probe is a word, and not a special token."""
    return not np.isin(probe.targets, corpus.tokenizer.special_ids).all()


def unigram_loss(corpus: Corpus, probe: Masked) -> float:
    """The loss, in nats, of guessing each masked token by its frequency in the training text.

        -(1/M) Σ log p(x_i),   p(w) = (count(w) + 1) / (tokens + words)

    The words are all that can be masked, also the unknown one, which training may never have met.
    This is the (cross-)entropy of the unigram distribution: what is reached without looking at
    the context. A masked language model that has learnt anything lies below.
    """
    tok = corpus.tokenizer
    counts = np.bincount(corpus.tokens, minlength=tok.vocab_size) + 1
    counts[list(tok.special_ids)] = 0
    p = counts / counts.sum()
    words = counts[probe.targets] > 0  # a [SEP] that a causal model must give has no frequency
    return float(-np.log(p[probe.targets[words]]).mean())
