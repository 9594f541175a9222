"""Self-generated replay: the masked model writes the text it is to remember.

Idea        A masked language model knows what text looks like. It can write some: start with masks
            alone, fill them in one by one in random order, each by a draw from what the model says,
            then draw each token anew a few times given all others.
Equation    x_i ~ P(x_i | all other tokens) for one position i after the other (Gibbs sampling)
When        where replay is wanted and the pretraining text is gone, as with most published models
Cost        a pass of the model over all sequences for each of their n positions, 1 + sweeps times;
            once, before training; then what ``ReplayMixer`` costs
Source      Wang & Cho 2019, "BERT has a Mouth, and It Must Speak", section 2; as replay: Marek et
            al. 2026, arXiv 2605.26097

    documents = generate(mlm, 200, rng=rng)
    repair = ReplayMixer(documents, mlm, rng=rng)

What a masked model says of each token given the others need not fit into one distribution over
texts, so the sweeps approach none that could be written down; they make the tokens fit together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from npft.encoder.slices import put_back
from npft.errors import ConfigError, check_count, check_rng
from npft.forgetting.measure import check_words
from npft.heads.words import MaskedLM
from npft.pretraining.electra import sample_rows
from npft.pretraining.masking import ordinary_tokens
from npft.pretraining.pairs import Documents
from npft.pretraining.source import layout_for
from npft.text.batch import IGNORE, Batch

LENGTH = 24  # tokens of a document: two short sentences


def generate(
    mlm: MaskedLM,
    count: int,
    *,
    lengths: int | Sequence[int] | np.ndarray | None = None,
    sweeps: int = 2,
    rng: np.random.Generator,
) -> Documents:
    """``count`` documents that ``mlm`` writes, to be replayed.

        [CLS] A [SEP]              one sentence
        [CLS] A [SEP] B [SEP]      two, from a model that was pretrained with next sentences

    lengths: how many tokens A and B have together, one number or one for each document, such as
    those of the task's texts; by default 24, or what the encoder has room for. Short texts are
    written much sooner, for n tokens take n passes over n tokens, and hang together better.
    sweeps: how many times each token is drawn anew after the first; with none, what was drawn early
    could not know what came later. Special tokens and the unknown one are never drawn; the
    temperature is 1. The model is not changed.

    A piece that continues a word may stand where none began, and two pieces may make what the
    tokenizer knows as one: of the bundled model 93 % of the sentences, read again, have the same
    tokens.

    Raises ``ConfigError`` for a model without a head for masked tokens or a tokenizer, counts that
    are none, and lengths that leave a sentence empty or that the encoder has no room for.

    >>> from npft import load
    >>> written = generate(load("tinyworld"), 2, lengths=6, sweeps=0, rng=np.random.default_rng(0))
    >>> [len(document) for document in written]  # two sentences each
    [2, 2]
    """
    check_words("generate", mlm)
    tok = mlm.encoder.need_tokenizer("generate")
    check_count("generate: count", count)
    check_count("generate: sweeps", sweeps, least=0)
    check_rng("generate: rng", rng)
    sentences = 2 if layout_for(mlm) == "pairs" else 1
    room = mlm.encoder.config.max_positions - 1 - sentences
    lengths = min(LENGTH, room) if lengths is None else lengths
    sizes = _checked_lengths(lengths, count, sentences, room)
    batch = _all_masks(sizes, sentences, tok.cls_id, tok.sep_id, tok.mask_id)
    text = batch.ids == tok.mask_id
    for _ in range(1 + sweeps):
        batch = _sweep(mlm, batch, text, rng)
    cuts = np.split(np.arange(len(batch.ids)), batch.offsets[1:-1])
    return [
        [tok.decode(batch.ids[rows[batch.token_types[rows] == s]]) for s in range(sentences)]
        for rows in cuts
    ]


def _checked_lengths(lengths: object, count: int, sentences: int, room: int) -> np.ndarray:
    """How many tokens of text each document has: (count,)."""
    try:
        sizes = np.asarray(lengths)
    except ValueError:  # rows of different lengths
        sizes = np.asarray(None)
    if sizes.dtype.kind not in "iu" or sizes.shape not in ((), (count,)):
        raise ConfigError(
            f"generate: lengths are {lengths!r:.60}, expected a whole number, or {count} of them"
        )
    if sizes.min() < sentences or sizes.max() > room:
        raise ConfigError(
            f"generate: lengths are {sizes.min()} to {sizes.max()}, expected {sentences} to {room}:"
            f" a token for each sentence, and no more than the encoder has room for"
        )
    return np.broadcast_to(sizes, count)


def _all_masks(sizes: np.ndarray, sentences: int, cls: int, sep: int, mask: int) -> Batch:
    """[CLS] [MASK] ... [SEP] of so many masks (B,), shared out between the sentences."""
    ids, types, ends = [], [], [0]
    for size in sizes.tolist():
        ids.append(cls)
        types.append(0)
        for s in range(sentences):
            own = (size + sentences - 1 - s) // sentences
            ids += [mask] * own + [sep]
            types += [s] * (own + 1)
        ends.append(len(ids))
    return Batch(ids, ends, types)


def _sweep(mlm: MaskedLM, batch: Batch, text: np.ndarray, rng: np.random.Generator) -> Batch:
    """Draw each token of text (N,) bool once, in an order of its own for each sequence."""
    keys = np.where(text, rng.random(len(text)), 2.0)  # what is no text comes last
    order = np.lexsort((keys, batch.sequence))
    counts = np.add.reduceat(text.astype(np.int64), batch.offsets[:-1])  # (B,)
    for step in range(counts.max()):
        rows = order[batch.offsets[:-1][counts > step] + step]  # one in each sequence that has one
        ids = batch.ids.copy()
        ids[rows] = _draw(mlm, batch, rows, rng)
        batch = batch.replace(ids=ids)
    return batch


def _draw(mlm: MaskedLM, batch: Batch, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """For one token in each of some sequences, rows (M,), a draw given the others: (M,) ids."""
    tok = mlm.encoder.need_tokenizer("generate")
    ids, asked = batch.ids.copy(), np.full(len(batch.ids), IGNORE)
    ids[rows] = asked[rows] = tok.mask_id
    hidden = batch.replace(ids=ids, token_labels=asked)[batch.sequence[rows]]

    def judge(part: Batch) -> np.ndarray:
        return mlm.scores(part, heads=("mlm",))["mlm"].data

    found, places = mlm.read(hidden, judge)
    scores = put_back(found, hidden, places)[:, : tok.vocab_size].astype(np.float64)  # (M, V)
    scores[:, ~ordinary_tokens(tok)] = -np.inf
    return sample_rows(scores, rng.random(len(rows)))
