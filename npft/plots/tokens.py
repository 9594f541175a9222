"""What tokenizers do: a sentence cut into pieces, and what the size of a vocabulary buys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from npft.plots.style import BLUE, GREEN, GREY, ORANGE, PINK, label_end, spread_out

COLORS = {"BPE": BLUE, "WordPiece": ORANGE, "Unigram": GREEN, "words": GREY}
KINDS = {"a whole word": BLUE, "part of a word": ORANGE, "unknown": PINK}
GAP = 0.8  # between the letters of two neighbouring pieces, in letters
LETTER = 0.602  # the width of a letter of the monospaced font, in font sizes

Cut = tuple[Sequence[str] | Sequence[bytes], Sequence[int] | None]


def _shown(piece: Any) -> str:
    """A piece, str or bytes, as text: spaces as open boxes, half characters as hexadecimals."""
    if isinstance(piece, bytes):
        try:
            piece = piece.decode("utf-8")
        except UnicodeDecodeError:
            return piece.hex(" ").upper()
    return piece.replace(" ", "\N{OPEN BOX}")


def _kinds(pieces: Sequence[str], words: Sequence[int] | None) -> list[str]:
    sizes = np.bincount(words)[words] if words is not None else np.zeros(len(pieces))
    kinds = ["a whole word" if size == 1 else "part of a word" for size in sizes]
    return ["unknown" if piece == "[UNK]" else kind for piece, kind in zip(pieces, kinds)]


def draw_pieces(ax: Any, text: str, cuts: Mapping[str, Cut]) -> None:
    """One text as the pieces of several tokenizers, one row of boxes each, with their number.

    cuts: for each name the pieces, what ``tokenizer.pieces(text)`` gives, and their word numbers,
    ``tokenizer.words(text)``, or None for pieces that are never words.
    """
    rows = {name: [_shown(piece) for piece in pieces] for name, (pieces, _) in cuts.items()}
    longest = max(sum(len(piece) + GAP for piece in row) for row in rows.values())
    points = 0.84 * 72 * ax.figure.get_figwidth() / longest  # the width of a letter
    font = {"family": "monospace", "size": min(15.0, points / LETTER)}

    def box(x: float, y: float, piece: str, kind: str, **style: Any) -> float:
        width = len(piece) + GAP
        color = KINDS[kind]
        ax.add_patch(_rectangle(x, y, width, color))
        ax.text(x + width / 2, y, piece, ha="center", va="center", **style)
        return x + width

    for y, (name, row) in enumerate(rows.items()):
        x = 0.0
        for piece, kind in zip(row, _kinds(row, cuts[name][1])):
            x = box(x, y, piece, kind, **font)
    x = 0.0
    for kind in KINDS:
        x = box(x, len(rows) - 0.1, kind, kind, **font) + 2
    counts = [f"{name}\n{len(row)} tokens" for name, row in rows.items()]
    ax.set_yticks(range(len(rows)), counts)
    ax.tick_params(left=False)
    ax.set_xticks([])
    ax.set(xlim=(-0.3, longest + 0.3), ylim=(len(rows) + 0.4, -0.5))
    ax.spines[:].set_visible(False)
    ax.grid(visible=False)
    most, least = max(rows.values(), key=len), min(rows.values(), key=len)
    unknown = sum(piece == "[UNK]" for piece in least)
    but = f", but {unknown} of the {len(least)} are [UNK]" if unknown else ""
    ax.set_title(f"{len(most)} tokens or {len(least)}{but}\n{text}")


def _rectangle(x: float, y: float, width: float, color: str) -> Any:
    from matplotlib.colors import to_rgba
    from matplotlib.patches import Rectangle

    return Rectangle((x + 0.08, y - 0.27), width - 0.16, 0.54, facecolor=to_rgba(color, 0.22),
                     edgecolor=color, linewidth=1.5)


def _curve(
    ax: Any, cells: Sequence[Mapping[str, Any]], name: str, text: str, figure: str, **style: Any
) -> tuple[list[int], np.ndarray]:
    """Draw the mean over the seeds against the size, with the range; return sizes and means."""
    own = [c for c in cells if (c["tokenizer"], c["text"]) == (name, text)]
    sizes = sorted({c["allowed"] for c in own})
    values = np.array([[c[figure] for c in own if c["allowed"] == s] for s in sizes])  # (V, seeds)
    ax.fill_between(sizes, values.min(1), values.max(1), color=COLORS[name], alpha=0.2, lw=0)
    ax.plot(sizes, values.mean(1), color=COLORS[name], **style)
    return sizes, values.mean(1)


def _size_axis(ax: Any, sizes: Sequence[int], seeds: int) -> None:
    ax.set_xscale("log")
    ticks = [size for size in (250, 500, 1000, 2000, 4000) if sizes[0] <= size <= sizes[-1]]
    ax.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    ax.set_xticks([], minor=True)
    ax.set_xlim(sizes[0], sizes[-1] * (sizes[-1] / sizes[0]) ** 0.33)  # room for the names
    ax.set_xlabel(f"vocabulary size, at most ({seeds} seeds)")


def _name_ends(ax: Any, x: float, ends: Mapping[str, float], gap: float) -> None:
    """Write each name, with its last value, behind its curve."""
    for (name, end), y in zip(ends.items(), spread_out(list(ends.values()), gap)):
        label_end(ax, x, y, f"{name} {end:.2f}", COLORS[name])


def draw_tokens_per_word(axes: Any, cells: Sequence[Mapping[str, Any]]) -> None:
    """Tokens per word against the size of the vocabulary, on held-out text: left of the field it
    was learnt from, right of another one. Lines are means over the seeds, bands their ranges.

    cells: one for each "seed", "tokenizer", "text" ("world", "sms" or "clinic") and size
    "allowed", with "per_word".
    """
    names = ("BPE", "WordPiece", "Unigram")
    most = max(cell["per_word"] for cell in cells)
    found: dict[tuple[str, str], float] = {}
    for ax, texts in zip(axes, (("world", "sms"), ("clinic",))):
        for text, style in zip(texts, ("-", "--")):
            for name in names:
                sizes, mean = _curve(ax, cells, name, text, "per_word", ls=style)
                found[name, text] = float(mean[-1])
        _name_ends(ax, sizes[-1], {name: found[name, texts[0]] for name in names}, 0.06 * most)
        _size_axis(ax, sizes, len({cell["seed"] for cell in cells}))
        ax.set_ylim(0, most * 1.05)
    own = max(value for (_, text), value in found.items() if text != "clinic")
    best = min(cell["per_word"] for cell in cells if cell["text"] == "clinic")
    axes[0].set_title(f"Own field, {sizes[-1]:,} pieces:\n{own:.1f} tokens a word or less")
    axes[1].set_title(f"Another field, any number:\n{best:.1f} a word or more")
    axes[0].set_ylabel("tokens per word (held-out text)")
    axes[0].text(0.97, 0.95, "solid: new documents\ndashed: text messages", ha="right", va="top",
                 transform=axes[0].transAxes)


def draw_coverage(axes: Any, cells: Sequence[Mapping[str, Any]]) -> None:
    """The share of words that are one token, and of texts without an unknown word.

    cells: as for ``draw_tokens_per_word``, with "whole" and "clean", and for one more tokenizer,
    "words": a vocabulary of the most frequent words.
    """
    left, right = axes
    ends: dict[str, dict[str, float]] = {"world": {}, "clinic": {}}
    for text, style in (("world", "-"), ("clinic", "--")):
        for name in ("BPE", "WordPiece", "Unigram"):
            sizes, mean = _curve(left, cells, name, text, "whole", ls=style)
            ends[text][name] = float(mean[-1])
        _name_ends(left, sizes[-1], ends[text], 0.075)
    own, other = min(ends["world"].values()), max(ends["clinic"].values())
    left.set_title(f"{sizes[-1]:,} pieces, whole words:\nown field {own:.0%}, other {other:.0%}")
    left.set_ylabel("share of words that are one token")
    left.text(0.04, 0.97, "solid: own field\ndashed: another field", va="top",
              transform=left.transAxes)

    lines = (("words", "world", "-"), ("words", "clinic", "--"), ("WordPiece", "clinic", "--"))
    for name, text, style in lines:
        sizes, mean = _curve(right, cells, name, text, "clean", ls=style)
        label_end(right, sizes[-1], mean[-1], f"{name} {mean[-1]:.2f}", COLORS[name])
    least = min(cell["clean"] for cell in cells if cell["tokenizer"] in ("BPE", "Unigram"))
    right.plot([sizes[0], sizes[-1]], [least] * 2, color=BLUE)
    right.text(sizes[0] * 1.05, least + 0.03, f"BPE, Unigram: {least:.0%} of any text", color=BLUE)
    right.set_title(f"Signs never seen: of WordPiece\n{1 - mean[-1]:.0%} of the texts have [UNK]")
    right.set_ylabel("share of texts without unknown words")
    for ax in axes:
        _size_axis(ax, sizes, len({cell["seed"] for cell in cells}))
        ax.set(ylim=(-0.03, 1.28), yticks=np.arange(6) / 5)
