"""Several texts in one run: languages of unequal size, or a new domain and some of the old text.

    languages     shares q_i ~ n_i^alpha       (Lample & Conneau 2019; Jurafsky & Martin, eq. 11.7)
    replay        shares 0.8 and 0.2           (Robins 1995)

Text i supplies the share q_i of the sequences. An epoch has as many sequences as all texts together
have starts, so a text with more than its own size is read more than once in it, and one with less
not to the end:

    starts   shares     sequences in an epoch of 100
    90       0.5        50, other ones in each epoch
    10       0.5        each of the 10 five times
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

import numpy as np

from npft.errors import ConfigError, as_array, listed, quoted
from npft.pretraining.pairs import Corpus, Documents, document_lists
from npft.pretraining.source import Sequences, Source
from npft.text.batch import Batch
from npft.text.sampling import language_shares


def shares_by_alpha(texts: Mapping[str, Documents], alpha: float) -> dict[str, float]:
    """The share q ~ n^alpha of each text, by its number of sentences n (see ``language_shares``).

    alpha = 1 keeps the sizes, alpha = 0 makes all texts equal.
    Raises ``ConfigError`` for an alpha outside or what is no dict of texts, ``DataError`` for a
    text without sentences, and what ``document_lists`` raises.

    >>> shares_by_alpha({"en": [["a", "b"], ["c", "d"]], "sw": [["x"]]}, alpha=0.5)
    {'en': 0.6666666666666666, 'sw': 0.3333333333333333}
    """
    if not isinstance(texts, Mapping) or not texts:
        raise ConfigError(
            f"shares_by_alpha: texts are {quoted(texts)}, expected a dict of texts by their names"
        )
    counts = [sum(map(len, document_lists(documents))) for documents in texts.values()]
    return dict(zip(texts, language_shares(counts, alpha).tolist()))


def whole_parts(total: int, shares: np.ndarray) -> np.ndarray:
    """``total`` divided by shares (n,) into whole numbers, each less than 1 from exact.

    What rounding down leaves over goes to the largest remainders, so the parts add up, also where
    the shares are 1 only within rounding.

    >>> whole_parts(32, np.array([0.8, 0.2]))
    array([26,  6])
    """
    exact = np.round(total * shares, 9)  # 0.1 * 30 is 3, not 3.0000000000000004
    parts = np.floor(exact).astype(np.int64)
    rest = exact - parts
    if not 0 <= total - parts.sum() <= len(parts):  # of a total so large that rounding is a part
        fractions = [Fraction(share) for share in shares.tolist()]
        precise = [int(total) * share / sum(fractions) for share in fractions]
        parts = np.array([math.floor(number) for number in precise])
        rest = np.array([float(number % 1) for number in precise])
    order = np.argsort(-rest, kind="stable")  # the largest remainder first
    parts[order[: total - parts.sum()]] += 1
    return parts


def check_shares(shares: Mapping[str, float] | None, names: Iterable[str]) -> None:
    """Raise ``ConfigError`` for shares that are not one for each text, as ``Mixture`` wants them.

    >>> check_shares({"en": 0.5, "sw": 0.5}, ["en", "fr"])
    Traceback (most recent call last):
        ...
    npft.errors.ConfigError: shares are of en, sw, the texts are en, fr
    """
    if shares is None:
        return
    names = list(names)
    if not isinstance(shares, Mapping):
        raise ConfigError(f"shares are {quoted(shares)}, expected a dict of shares by texts' names")
    if set(shares) != set(names):
        raise ConfigError(
            f"shares are of {listed(map(str, shares))}, the texts are {listed(names)}"
        )
    _numbers([shares[name] for name in names], len(names))


def _numbers(shares: Sequence[float], n: int) -> np.ndarray:
    """n shares in float64; ``ConfigError`` if they are no numbers from 0 to 1 with sum 1."""
    q = as_array("Mixture: shares", shares, f"{n} numbers")
    right = q.shape == (n,) and q.dtype.kind in "iuf"
    if not right or not ((0 <= q) & (q <= 1)).all() or abs(q.sum() - 1) > 1e-6:
        raise ConfigError(
            f"Mixture: shares are {quoted(q.tolist(), 100)}, expected {n} numbers from 0 to 1 "
            "with sum 1"
        )
    return q.astype(np.float64)


class Mixture:
    """The sequences of several sources, source i with the share ``shares[i]`` of every epoch.

    Sequences never mix: both segments of a pair come from one source. With shares in proportion to
    the sizes this is one large source, epoch by epoch to the bit.
    Raises ``ConfigError`` for shares that are not one number from 0 to 1 for each source, with sum
    1, and for sources of two layouts or tokenizers.
    """

    def __init__(self, sources: Sequence[Source], shares: Sequence[float]) -> None:
        q = _numbers(shares, len(sources))
        first = sources[0]
        if any(s.layout != first.layout or s.tokenizer is not first.tokenizer for s in sources):
            raise ConfigError("Mixture: all sources need the same layout and the same tokenizer")
        self.sources, self.shares = list(sources), q
        self.tokenizer, self.layout, self.max_length = (
            first.tokenizer, first.layout, first.max_length,
        )
        tokens = [len(s.corpus.tokens) for s in sources]
        self.unread = float(np.average([s.unread for s in sources], weights=tokens))
        # the starts of all sources end to end; source i begins at borders[i]
        self.borders = np.cumsum([0] + [len(s.starts) for s in sources])
        self.starts = np.arange(self.borders[-1])

    def epoch(self, rng: np.random.Generator) -> np.ndarray:
        """Whole passes over each source and a random part of one more, all in a new order."""
        chosen = []
        sizes = np.diff(self.borders)
        for begin, size, n in zip(self.borders, sizes, whole_parts(sizes.sum(), self.shares)):
            chosen += [np.arange(size)[None].repeat(n // size, axis=0).ravel() + begin]
            if n % size:
                chosen += [rng.permutation(size)[: n % size] + begin]
        return rng.permutation(np.concatenate(chosen))

    def draw(self, starts: np.ndarray, rng: np.random.Generator) -> Batch:
        """One sequence for each start, in the order of the starts."""
        owner = self.owner(starts)
        places, batches = [], []
        for i in np.unique(owner):
            place = np.flatnonzero(owner == i)
            source = self.sources[i]
            own = source.starts[starts[place] - self.borders[i]]
            places.append(place)
            batches.append(source.draw(own, rng))
        return Batch.concat(batches)[np.argsort(np.concatenate(places))]

    def owner(self, starts: np.ndarray) -> np.ndarray:
        """The number of the source of each start (n,)."""
        return np.searchsorted(self.borders, starts, side="right") - 1


def source_of(
    corpora: Mapping[str, Corpus],
    layout: str,
    max_length: int,
    shares: Mapping[str, float] | None = None,
) -> Sequences:
    """The source of one text, or the mixture of several with their shares (default: by size).

    Raises what ``check_shares``, ``Source`` and ``Mixture`` raise.
    """
    check_shares(shares, corpora)
    sources = [Source(corpus, layout, max_length) for corpus in corpora.values()]
    sizes = np.array([len(s.starts) for s in sources])
    q = sizes / sizes.sum() if shares is None else [shares[name] for name in corpora]
    mixture = Mixture(sources, list(q))
    return mixture if len(sources) > 1 else sources[0]
