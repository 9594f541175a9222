"""Honest held-out figures: text set aside, masks drawn once, and the loss of knowing nothing."""

from __future__ import annotations

import numpy as np

from npft.errors import DataError, check_count, check_rng, check_share
from npft.pretraining.masking import mask_tokens
from npft.pretraining.pairs import Corpus, Documents, document_lists
from npft.pretraining.source import Corrupt, Source, check_corrupt
from npft.text.batch import Batch
from npft.text.tokenizer import Tokenizer


def hold_out(documents: Documents, share: float = 0.05) -> tuple[Documents, Documents]:
    """Set aside the last documents, or, of fewer than 20, the last sentences of each.

    Of one document at least two sentences are held out, so that there are pairs to test, but at
    most half of it. Held-out text is never trained on.
    Raises ``ConfigError`` if share is no share, ``DataError`` if nothing would be left, and what
    ``document_lists`` raises.

    >>> train, held_out = hold_out([["a", "b", "c", "d", "e"]], share=0.2)
    >>> train, held_out
    ([['a', 'b', 'c']], [['d', 'e']])
    """
    check_share("hold_out: share", share)
    documents = document_lists(documents)
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
    layout: str = "segments",
    corrupt: Corrupt = mask_tokens,
    size: int = 500,
    rng: np.random.Generator,
) -> Batch:
    """Held-out sequences with their masks drawn once: every later measurement sees the same.

    ``layout`` is one of ``LAYOUTS``; a model with next-sentence prediction needs "pairs".
    ``model.measure(probe)`` measures. size: at most so many sequences. Raises ``ConfigError`` for
    numbers that are no counts, and what ``Source`` and ``corrupt`` raise.

    >>> from npft import load
    >>> tok = load("tinyworld").body.tokenizer
    >>> text = [["the chef cooks the stew", "the chef eats"], ["the teller counts the money"]]
    >>> probe = make_probe(text, tok, max_length=32, rng=np.random.default_rng(0))
    >>> len(probe), len(probe.target_rows)
    (3, 4)
    """
    check_rng("make_probe: rng", rng)
    check_count("make_probe: size", size)
    check_count("make_probe: max_length", max_length)
    check_corrupt("make_probe", corrupt)
    corpus = Corpus(documents, tokenizer)
    source = Source(corpus, layout, max_length)
    batch = source.draw(rng.permutation(source.starts)[:size], rng)
    return corrupt(batch[np.argsort(batch.lengths, kind="stable")], tokenizer, rng=rng)


def has_words(corpus: Corpus, probe: Batch) -> bool:
    """Whether any target of the probe is a word, and not a special token."""
    return not np.isin(probe.token_targets()[1], corpus.tokenizer.special_ids).all()


def unigram_loss(corpus: Corpus, probe: Batch) -> float:
    """The loss, in nats, of guessing each masked token by its frequency in the training text.

        -(1/M) Σ log p(x_i),   p(w) = (count(w) + 1) / (tokens + words)

    The words are all that can be masked, also the unknown one, which training may never have met.
    This is the (cross-)entropy of the unigram distribution: what is reached without looking at
    the context. A masked language model that has learnt anything lies below.
    Raises ``DataError`` for a probe that asks for no word: see ``has_words``.
    """
    if not has_words(corpus, probe):
        raise DataError(
            "unigram_loss: the probe asks for no word of the text, so there is no loss; make one "
            "that asks for words: make_probe(documents, tokenizer, corrupt=mask_tokens, ...)"
        )
    tok = corpus.tokenizer
    counts = np.bincount(corpus.tokens, minlength=tok.vocab_size) + 1
    counts[list(tok.special_ids)] = 0
    p = counts / counts.sum()
    targets = probe.token_targets()[1]
    words = counts[targets] > 0  # a [SEP] that a causal model must give has no frequency
    return float(-np.log(p[targets[words]]).mean())
