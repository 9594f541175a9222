"""How large the encoders of the field are beside the bundled one: weights, work, memory, text.

    weights      by the formula of ``EncoderConfig.num_parameters``, beside what was published
    operations   of one token, forward, by ``profile.flops``, in a sequence of 128 tokens
    memory       4 bytes a weight in float32; to train with AdamW 16: weight, gradient, two moments
    text         what was collected to learn from; words, or tokens where no words were published
    read         steps · sequences · longest sequence: the most tokens that training can have read

Only shapes are needed, no weights. Training memory leaves out what a batch adds: hidden states and
attention weights for the way back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from npft.encoder.config import EncoderConfig
from npft.encoder.profile import flops

LENGTH = 128  # tokens of the sequence whose work is counted
WEIGHT_BYTES, TRAINING_BYTES = 4, 16
BERT = EncoderConfig.bert_base()


class Known(NamedTuple):
    """An encoder of the field: its shape, and what was published of it; None for what was not.

    ``weights``: the published count, with the pooler (D² + D) where ``pooler`` says so.
    ``beside``: weights that it has beside those of the formula; a minus where it has fewer.
    """

    name: str
    config: EncoderConfig
    weights: float | None
    pooler: bool
    text: float | None
    read: float | None
    source: str
    beside: int = 0


def distances_shared(config: EncoderConfig) -> int:
    """What DeBERTa's distances are more than ours: one table for all layers, and two matrices each.

        2k D + 2 D² L    beside    4 k D L,    queries and keys of 2k distances in each layer

    A query's bias of each layer is new, and a key has none: in all they are as many as ours.

    >>> distances_shared(DEBERTA) / 1e6  # millions: it has fewer, for 2k is more than D
    -3.93216
    """
    k, d, layers = config.max_distance, config.hidden_size, config.num_layers
    return 2 * k * d + 2 * d * d * layers - 4 * k * d * layers


DEBERTA = replace(
    BERT, vocab_size=50_265, type_vocab_size=0, layer_norm_eps=1e-7, positions="relative",
    max_distance=512,
)  # fmt: skip
BUCKETS = 32  # of distances in MPNet: each of its heads adds a number for each, in all layers alike

KNOWN = (
    Known(
        # made by ``npft pretrain --batch-size 128 --lr 6e-3 --steps 2000``; its tokens are counted
        "npft tinyworld", EncoderConfig(vocab_size=2000), None, False, 234_218, 11_101_662,
        "npft/data/tinyworld/results.json",
    ),
    Known(
        "MiniLM 6 x 384",
        replace(BERT, hidden_size=384, num_layers=6, intermediate_size=1536), 22.7e6, True, 3.3e9,
        400_000 * 1024 * 512, "Wang et al. 2020, section 4.1; card of all-MiniLM-L6-v2",
    ),
    Known(
        "DistilBERT", replace(BERT, num_layers=6, type_vocab_size=0), 66e6, False, 3.3e9, None,
        "Sanh et al. 2019, tables 1 and 3, section 3",
    ),
    Known(
        "BERT-base", BERT, 110e6, True, 3.3e9, 1_000_000 * 256 * 512,
        "Devlin et al. 2019, section 3 and appendix A.2",
    ),
    Known(
        "MPNet-base",
        replace(BERT, vocab_size=30_527, max_positions=514, type_vocab_size=0, layer_norm_eps=1e-5),
        110e6, True, None, 500_000 * 8192 * 512,
        "Song et al. 2020, section 4.1: 160 GB of text; config.json of microsoft/mpnet-base",
        BUCKETS * BERT.num_heads,
    ),
    Known(
        "RoBERTa-base",
        replace(BERT, vocab_size=50_265, max_positions=514, type_vocab_size=1,
                layer_norm_eps=1e-5),
        125e6, False, None, 500_000 * 8_000 * 512, "Liu et al. 2019, section 5: 160 GB of text",
    ),
    Known(
        "DeBERTa-base", DEBERTA, 100e6 + DEBERTA.vocab_size * DEBERTA.hidden_size, False, None,
        1_000_000 * 2048 * 512,
        "He et al. 2021, appendix A.2: 78 GB of text; README of microsoft/DeBERTa: 100 M beside "
        "the word vectors; config.json of microsoft/deberta-base",
        distances_shared(DEBERTA),
    ),
    Known(
        "XLM-R", EncoderConfig.xlm_r(), 550e6, False, 300e9, 1_500_000 * 8192 * 512,
        "Conneau et al. 2020, section 3; Jurafsky & Martin, section 11.2.3: 100 languages",
    ),
)  # fmt: skip


def size_rows(models: Sequence[Known] = KNOWN) -> list[dict[str, Any]]:
    """A row for each encoder, in order: plain numbers and None, for JSON.

    "counted" is what a published count is held against: ``weights``, with the pooler where that
    was counted; "off" is their difference as a share of the published one.

    >>> bert = size_rows()[3]
    >>> bert["weights"], bert["tables"], bert["counted"], round(bert["off"], 3)
    (108891648, 23835648, 109482240, -0.005)
    >>> bert["operations"], bert["training_bytes"] // 2**20  # of a token; MiB
    (174587904, 1661)
    """
    rows = []
    for known in models:
        c = known.config
        weights = c.num_parameters() + known.beside
        relative = c.positions == "relative"
        places = 2 * c.max_distance if relative else c.max_positions
        tables = (c.vocab_size + places + c.type_vocab_size) * c.hidden_size
        counted = weights + known.pooler * (c.hidden_size**2 + c.hidden_size)
        length = min(LENGTH, c.max_positions)
        met = replace(c, max_distance=min(c.max_distance, length))  # no token is farther away
        operations = sum(flops(met, length).values()) // length
        rows.append({
            "name": known.name, "weights": weights, "tables": tables, "counted": counted,
            "published": known.weights,
            "off": None if known.weights is None else counted / known.weights - 1,
            "operations": operations, "bytes": WEIGHT_BYTES * weights,
            "training_bytes": TRAINING_BYTES * weights, "text": known.text, "read": known.read,
            "training_operations": None if known.read is None else 3 * operations * known.read,
            "source": known.source,
        })  # fmt: skip
    return rows


def short(number: float | None) -> str:
    """A count in three digits, with K, M, B or T; "not told" for None.

    >>> short(232_320), short(108_891_648), short(6.3e12), short(None), short(999_600)
    ('232 K', '109 M', '6.3 T', 'not told', '1 M')
    """
    if number is None:
        return "not told"
    for unit, scale in (("T", 1e12), ("B", 1e9), ("M", 1e6), ("K", 1e3), ("", 1.0)):
        if number >= 0.9995 * scale:
            return f"{number / scale:.3g} {unit}".strip()
    return f"{number:.3g}"


def size_table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows of the gallery."""
    lines = [
        "| encoder | weights | of them tables | published | operations a token | float32 | "
        "to train | text | read in training |",
        "|---" * 9 + "|",
    ]
    for r in rows:
        published = ""
        if r["published"] is not None:  # + 0.0 makes 0 of -0
            published = f"{short(r['published'])} ({round(r['off'], 3) + 0.0:+.1%})"
        cells = [
            r["name"], f"{r['weights']:,}", f"{r['tables'] / r['weights']:.0%}", published,
            short(r["operations"]), f"{r['bytes'] / 2**20:,.1f} MiB",
            f"{r['training_bytes'] / 2**20:,.1f} MiB", short(r["text"]), short(r["read"]),
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
