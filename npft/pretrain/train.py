"""Pretraining: from documents to a masked language model, with honest held-out figures."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from npft.autograd.losses import softmax_cross_entropy
from npft.errors import ConfigError, DataError
from npft.nn.history import History
from npft.nn.loop import streams, train_steps
from npft.nn.module import evaluating, train_mode
from npft.nn.optim import AdamW, decay_groups
from npft.nn.progress import ProgressFn
from npft.nn.schedules import warmup_linear
from npft.pretrain.masking import Masked, mask_tokens
from npft.pretrain.objectives import MaskedLM
from npft.pretrain.pairs import Corpus, Documents
from npft.text.batch import Batch, batches_of
from npft.text.tokenizer import Tokenizer

WARMUP = 0.08  # share of the steps
WEIGHT_DECAY = 0.01


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
    nsp: bool,
    max_length: int,
    size: int = 500,
    rng: np.random.Generator,
) -> Masked:
    """Held-out sequences with their masks drawn once: every later measurement sees the same."""
    corpus = Corpus(documents, tokenizer)
    starts = rng.permutation(corpus.starts(followed=nsp))[:size]
    batch = sequences(corpus, starts, nsp, max_length, rng)
    return mask_tokens(batch[np.argsort(batch.lengths, kind="stable")], tokenizer, rng=rng)


def sequences(
    corpus: Corpus, starts: np.ndarray, nsp: bool, max_length: int, rng: np.random.Generator
) -> Batch:
    """Pairs for a model with next-sentence prediction, single segments for one without."""
    if nsp:
        return corpus.pairs(starts, max_length, rng=rng)
    return corpus.segments(starts, max_length)


def slices(masked: Masked, batch_size: int) -> Iterator[Masked]:
    """A masked data set in order, in batches."""
    for start in range(0, len(masked.batch), batch_size):
        batch = masked.batch[start : start + batch_size]
        first = masked.batch.offsets[start]
        inside = (masked.rows >= first) & (masked.rows < first + len(batch.ids))
        if inside.any():
            yield Masked(batch, masked.rows[inside] - first, masked.targets[inside])


def evaluate_mlm(mlm: MaskedLM, probe: Masked, batch_size: int = 64) -> dict[str, float]:
    """Loss and accuracy on held-out sequences, without dropout: "mlm_loss" in nats, "mlm_acc".

    With next-sentence prediction also "nsp_loss" and "nsp_acc".
    Raises ``DataError`` if nothing is masked, or if nsp finds no labels.
    """
    n = len(probe.targets)
    if n == 0 or (mlm.nsp and probe.batch.labels is None):
        raise DataError(
            "evaluate_mlm: nothing is masked, or next-sentence prediction finds no labels; build "
            "the probe with make_probe"
        )
    loss = right = pair_loss = pair_right = 0.0
    pairs = 0
    with evaluating(mlm):
        for part in slices(probe, batch_size):
            scores, pair_scores = mlm.logits(part)
            ce = softmax_cross_entropy(scores, targets=part.targets)
            loss += ce.item() * len(part.rows)
            right += int((scores.data.argmax(axis=1) == part.targets).sum())
            if pair_scores is not None:
                labels = np.asarray(part.batch.labels)
                ce = softmax_cross_entropy(pair_scores, targets=labels)
                pair_loss += ce.item() * len(labels)
                pair_right += int((pair_scores.data.argmax(axis=1) == labels).sum())
                pairs += len(labels)
    found = {"mlm_loss": loss / n, "mlm_acc": right / n}
    if pairs:
        found |= {"nsp_loss": pair_loss / pairs, "nsp_acc": pair_right / pairs}
    return found


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
    return float(-np.log(p[probe.targets]).mean())


def pretrain(
    mlm: MaskedLM,
    documents: Documents,
    *,
    steps: int,
    batch_size: int = 32,
    lr: float = 1e-3,
    every: int = 50,
    held_out: Documents | None = None,
    progress: ProgressFn | None = None,
    rng: np.random.Generator,
) -> History:
    """Train on masked sequences of the documents, with new masks at every step.

    AdamW with warm-up and linear decay; matrices decay by 0.01. With ``held_out`` documents the
    history holds, at step 0, every ``every`` steps and at the end, what ``evaluate_mlm`` measures
    on a probe with frozen masks, and once the loss of the unigram distribution ("unigram"); also
    the training loss, as the mean since the last row, and the tokens seen.

    Raises ``DataError`` for documents without text, ``ConfigError`` for numbers out of range or
    an encoder without a tokenizer, ``NonFiniteError`` with the step if training fails.
    """
    tok = mlm.encoder.tokenizer
    if tok is None:
        raise ConfigError("pretrain: the encoder has no tokenizer; pass one to Encoder")
    if min(steps, batch_size, every) < 1:
        raise ConfigError("pretrain: steps, batch_size and every must be at least 1")
    max_length = mlm.encoder.config.max_positions
    order, masks, dropout, probing = streams(rng)
    corpus = Corpus(documents, tok)
    starts = corpus.starts(followed=mlm.nsp)
    history, probe = History(), None
    if held_out is not None:
        probe = make_probe(held_out, tok, nsp=mlm.nsp, max_length=max_length, rng=probing)
        floor = unigram_loss(corpus, probe)
        history.add(0, unigram=floor, **evaluate_mlm(mlm, probe))

    def batches() -> Iterator[Masked]:
        while True:
            epoch = order.permutation(starts)
            for first in range(0, len(epoch), batch_size):
                chosen = epoch[first : first + batch_size]
                batch = sequences(corpus, chosen, mlm.nsp, max_length, order)
                yield mask_tokens(next(batches_of(batch, len(batch))), tok, rng=masks)

    optimizer = AdamW(decay_groups(mlm, lr=lr, weight_decay=WEIGHT_DECAY), lr=lr)
    warmup = max(1, round(WARMUP * steps))
    train_mode(mlm)
    losses: list[float] = []
    try:
        for step in train_steps(
            mlm,
            batches(),
            lambda model, masked, rng: model.loss(masked, rng=rng),
            optimizer,
            schedule=lambda s: warmup_linear(s, warmup, steps),
            rng=dropout,
        ):
            losses.append(step.parts["mlm"])
            if step.step % every == 0 or step.step == steps:
                row = {"train_mlm": float(np.mean(losses))}
                losses.clear()
                if probe is not None:
                    row |= evaluate_mlm(mlm, probe)
                history.add(step.step, **row)
            if progress is not None:
                last = history.rows[-1] if history.rows else {}
                progress(step.step, steps, " ".join(f"{k} {v:.3f}" for k, v in last.items()))
            if step.step == steps:
                break
    finally:
        mlm.eval()
    return history
