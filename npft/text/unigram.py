r"""The unigram model: every piece has a probability, and the likeliest way to cut a word is taken.

A cut x = x_1 ... x_m of a word w into pieces has the probability of its pieces, drawn one by one:

    P(x) = Π p(x_i)        Σ_v p(v) = 1        P(w) = Σ_{x cuts w} P(x)

    encode    argmax_x P(x)                                                  (Viterbi)
    sample    x with probability P(x)^α / Σ_x' P(x')^α        (subword regularization)
    train     raise L = Σ_w n_w log P(w), w occurring n_w times, by turns of
        E     c(v) = Σ_w n_w Σ_{w[s:t] = v} α_s p(v) β_t / P(w)         expected counts
        M     p(v) = c(v) / Σ_v' c(v')
        prune the pieces v with the smallest loss Σ_w n_w [log P(w) - log P(w without v)]

α_s and β_t are the probabilities of all cuts of what is left of s and right of t. Training begins
with far too many pieces, the frequent substrings of the words, and prunes a quarter of them after
every few turns. The single bytes always stay, so every text has a cut.

    p(a) = 0.5, p(b) = 0.2, p(ab) = 0.3:   P("ab") = 0.3 + 0.5 0.2 = 0.4, best cut: ab
    c(ab) = 0.3 / 0.4 = 0.75,  c(a) = c(b) = 0.5 0.2 / 0.4 = 0.25

Source: Kudo 2018, "Subword regularization", sections 3.2 and 3.3. The words and the smallest pieces
(bytes) are those of ``pieces.py``. SentencePiece, Kudo's own program, starts from characters.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from npft.errors import (
    CheckpointError, ConfigError, DataError, DtypeError, ShapeError, as_array, check_count,
    check_positive, check_rng,
)
from npft.text.pieces import FIRST_LEARNT, PieceTokenizer, count_words, cut_words
from npft.text.tokenizer import checked_text, checked_texts, fields_of_kind

LONGEST_PIECE = 16  # bytes
HIGHEST = 1e6  # alpha: there the best cut is always taken, and times a logarithm it is a float
SEEDS_PER_PIECE = 10  # training begins with so many pieces for each one wanted
TURNS = 2  # of expectation and maximization before each pruning
KEPT = 0.75  # of the pieces, at each pruning
LEAST_P = 1e-9  # of any piece, so that every text has a probability above zero
NUMBERS_AT_ONCE = 4_000_000  # in the lattices of one step: a bound on memory


class Lattice(NamedTuple):
    """All cuts of W words that have n bytes.

    words: (W,) their places in the list of words. arcs: (A, 2) from where to where in a word there
    is a piece of at least one word, sorted; of the many stretches of a Chinese word, with three
    bytes a sign, there are few. ids: (A, W) the number of the piece that an arc is in a word, or
    the number of pieces V where there is none.
    """

    words: np.ndarray
    arcs: np.ndarray
    ids: np.ndarray


def lattices(words: Sequence[bytes], pieces: Sequence[bytes]) -> Iterator[Lattice]:
    """The lattices of the words, those of one length together, as far as memory allows."""
    number = {piece: i for i, piece in enumerate(pieces)}
    sizes: defaultdict[int, set[int]] = defaultdict(set)  # of the pieces that begin with a byte
    for piece in pieces:
        sizes[piece[0]].add(len(piece))
    by_length: defaultdict[int, list[int]] = defaultdict(list)
    for i, word in enumerate(words):
        by_length[len(word)].append(i)
    for n, rows in sorted(by_length.items()):
        step = max(1, NUMBERS_AT_ONCE // (n * min(n, LONGEST_PIECE)))
        for at in range(0, len(rows), step):
            yield _lattice(np.array(rows[at : at + step]), words, number, sizes)


def _lattice(
    rows: np.ndarray, words: Sequence[bytes], number: dict[bytes, int], sizes: dict[int, set[int]]
) -> Lattice:
    same = [words[i] for i in rows]
    arcs, ids = [], []
    for start in range(len(same[0])):
        tried = set().union(*(sizes[first] for first in {word[start] for word in same}))
        for end in sorted(start + size for size in tried if start + size <= len(same[0])):
            found = [number.get(word[start:end], len(number)) for word in same]
            if min(found) < len(number):
                arcs.append((start, end))
                ids.append(np.array(found, dtype=np.int32))
    shape = (-1, len(rows))
    return Lattice(rows, np.array(arcs, int).reshape(-1, 2), np.array(ids, np.int32).reshape(shape))


def pruned(lattice: Lattice, keep: np.ndarray) -> Lattice:
    """The lattice with the pieces to keep (V,) bool alone, numbered anew in their order.

    Looking all substrings up again would take most of the time of training.

    >>> lattice, = lattices([b"ab"], [b"a", b"b", b"ab"])
    >>> smaller = pruned(lattice, np.array([True, False, True]))
    >>> smaller.arcs.tolist(), smaller.ids[:, 0].tolist()
    ([[0, 1], [0, 2]], [0, 1])
    """
    numbers = np.append(np.where(keep, np.cumsum(keep) - 1, keep.sum()), keep.sum())
    ids = numbers.astype(np.int32)[lattice.ids]
    some = (ids < keep.sum()).any(axis=1)
    return Lattice(lattice.words, lattice.arcs[some], ids[some])


def inside(arcs: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """log α: for each place in a word the log of the summed probability of all cuts before it.

    arcs: (A, 2), those of a lattice. scores: (A, W), the log-probabilities of its pieces. Returns
    (n + 1, W); the last row is log P(w).
    """
    starts, ends = arcs.T
    alpha = np.full((ends.max() + 1, scores.shape[1]), -np.inf)
    alpha[0] = 0
    for end in np.unique(ends):
        ways = np.flatnonzero(ends == end)[::-1]  # the shortest piece first
        alpha[end] = np.logaddexp.reduce(alpha[starts[ways]] + scores[ways], axis=0)
    return alpha


def outside(arcs: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """log β: the same for all cuts behind each place (n + 1, W)."""
    starts, ends = arcs.T
    beta = np.full((ends.max() + 1, scores.shape[1]), -np.inf)
    beta[-1] = 0
    for start in np.unique(starts)[::-1]:
        ways = np.flatnonzero(starts == start)
        beta[start] = np.logaddexp.reduce(scores[ways] + beta[ends[ways]], axis=0)
    return beta


def expected_counts(
    all_lattices: Iterable[Lattice], counts: np.ndarray, log_p: np.ndarray
) -> tuple[np.ndarray, float]:
    """The expected count of each piece (V,), and the log-likelihood L of all words.

    counts: how often each word occurs. log_p: (V,).

    >>> pieces = [b"a", b"b", b"ab"]
    >>> log_p = np.log([0.5, 0.2, 0.3])
    >>> c, likelihood = expected_counts(lattices([b"ab"], pieces), np.array([1]), log_p)
    >>> c, round(float(np.exp(likelihood)), 9)
    (array([0.25, 0.25, 0.75]), 0.4)
    """
    table = np.append(log_p, -np.inf)  # what is no piece has probability 0
    total, likelihood = np.zeros(len(table)), 0.0
    for words, arcs, ids in all_lattices:
        scores = table[ids]  # (A, W)
        alpha, beta = inside(arcs, scores), outside(arcs, scores)
        starts, ends = arcs.T
        share = np.exp(alpha[starts] + scores + beta[ends] - alpha[-1])  # of all cuts: (A, W)
        total += np.bincount(ids.ravel(), (share * counts[words]).ravel(), len(table))
        likelihood += float(counts[words] @ alpha[-1])
    return total[:-1], likelihood


def probabilities(expected: np.ndarray) -> np.ndarray:
    """p (V,) in proportion to the expected counts, but no p smaller than LEAST_P.

    This is the p that raises Σ c log p most under that condition.

    >>> probabilities(np.array([3.0, 1.0, 0.0])).round(6), LEAST_P
    (array([0.75, 0.25, 0.  ]), 1e-09)
    """
    low = np.zeros(len(expected), dtype=bool)
    while True:
        rest = 1 - LEAST_P * low.sum()
        p = np.where(low, LEAST_P, expected * (rest / expected[~low].sum()))
        if not (p < LEAST_P).any():
            return p
        low |= p < LEAST_P


def pruning_losses(
    all_lattices: Iterable[Lattice], counts: np.ndarray, log_p: np.ndarray
) -> np.ndarray:
    """(V,) by how much L falls if a piece is removed and all others keep their probability.

    Exact: each word is summed up again without each of its pieces. 0 for single bytes, which are
    not removed.

    >>> pieces, log_p = [b"a", b"b", b"ab"], np.log([0.5, 0.2, 0.3])
    >>> np.exp(pruning_losses(lattices([b"ab"], pieces), np.array([1]), log_p)).round(9)
    array([1., 1., 4.])
    """
    table = np.append(log_p, -np.inf)
    losses = np.zeros(len(table))
    for words, arcs, ids in all_lattices:
        scores = table[ids]
        whole = inside(arcs, scores)[-1]  # (W,)
        # every piece of two bytes or more with every word that can be cut so
        longer = (arcs[:, 1] > arcs[:, 0] + 1)[:, None] & (ids < len(log_p))
        keys = np.unique((np.arange(len(words)) * len(table) + ids)[longer])
        word, piece = np.divmod(keys, len(table))
        step = max(1, NUMBERS_AT_ONCE // len(arcs))
        for at in range(0, len(word), step):
            w, v = word[at : at + step], piece[at : at + step]
            without = inside(arcs, np.where(ids[:, w] == v, -np.inf, scores[:, w]))[-1]
            losses += np.bincount(v, counts[words[w]] * (whole[w] - without), len(table))
    return losses[:-1]


def seed_pieces(
    counts: dict[str, int], size: int, min_count: int
) -> tuple[list[bytes], np.ndarray]:
    """The 256 bytes, then at most ``size`` substrings with the largest count x length.

    Substrings are of whole characters, occur min_count times and have 2 to LONGEST_PIECE bytes.
    Returns the pieces and their counts in the words.
    """
    single = np.zeros(256)
    found: Counter[bytes] = Counter()
    for word, count in counts.items():
        encoded = word.encode("utf-8")
        for byte in encoded:
            single[byte] += count
        borders = [i for i, byte in enumerate(encoded) if byte & 0xC0 != 0x80]  # of the characters
        borders.append(len(encoded))
        for i, start in enumerate(borders):
            for end in borders[i + 1 : i + 1 + LONGEST_PIECE]:
                if end - start > LONGEST_PIECE:
                    break
                found[encoded[start:end]] += count
    many = [(piece, n) for piece, n in found.items() if n >= min_count and len(piece) > 1]
    many.sort(key=lambda seed: (-seed[1] * len(seed[0]), seed[0]))
    seeds = [bytes([i]) for i in range(256)] + [piece for piece, _ in many[:size]]
    return seeds, np.append(single, [n for _, n in many[:size]])


def learn_pieces(
    counts: dict[str, int], size: int, min_count: int
) -> tuple[list[bytes], np.ndarray]:
    """The 256 bytes and at most ``size`` learnt pieces, and the log-probabilities of all.

    counts: how often each word occurs. A piece that has come out of use (expected count below a
    half) is given up before any other.
    """
    words = [word.encode("utf-8") for word in counts]
    frequency = np.array(list(counts.values()), dtype=float)
    pieces, expected = seed_pieces(counts, SEEDS_PER_PIECE * size, min_count)
    all_lattices = list(lattices(words, pieces))
    while True:
        log_p = np.log(probabilities(expected))
        for _ in range(TURNS):
            expected, _likelihood = expected_counts(all_lattices, frequency, log_p)
            log_p = np.log(probabilities(expected))
        keep = np.append(np.ones(256, dtype=bool), expected[256:] >= 0.5)
        if keep.all():
            if len(pieces) <= 256 + size:
                return pieces, log_p
            losses = pruning_losses(all_lattices, frequency, log_p)[256:]
            kept = max(size, int(KEPT * len(losses)))
            worst_first = np.argsort(losses, kind="stable")
            keep[256 + worst_first[: len(losses) - kept]] = False
        pieces = [piece for piece, stays in zip(pieces, keep) if stays]
        expected = expected[keep]
        all_lattices = [pruned(lattice, keep) for lattice in all_lattices]


class Unigram(PieceTokenizer):
    r"""The unigram tokenizer on bytes. ``decode(encode(s)) == s`` for every text s.

    learnt: the pieces beside the 256 bytes, strings of two bytes or more, all different.
    log_p: (256 + len(learnt),) the log-probabilities of the bytes and of the learnt pieces, the
        probabilities summing to 1. Of equally likely cuts the one with the longest last piece is
        taken.

    Raises ``DataError`` or ``DtypeError`` for pieces or numbers that cannot be used.

    >>> p = np.full(257, 0.5 / 255)  # 'a' 0.3, 'ab' 0.2, every other byte about 0.002
    >>> p[[ord("a"), 256]] = 0.3, 0.2
    >>> tok = Unigram(["ab"], np.log(p))
    >>> tok.pieces("aab"), tok.encode("aab")
    ([b'a', b'ab'], [97, 260])
    """

    kind = "unigram"

    def __init__(self, learnt: Iterable[str], log_p: Sequence[float] | np.ndarray) -> None:
        self.learnt = tuple(checked_texts("Unigram: learnt", learnt))
        encoded = [piece.encode("utf-8") for piece in self.learnt]
        for piece, count in Counter(encoded).items():
            if count > 1 or len(piece) < 2:
                raise DataError(f"Unigram: among the learnt pieces is {piece.decode()!r}, expected "
                                f"two bytes or more (single bytes are there already), only once")
        super().__init__(encoded)
        self.log_p = _checked_log_p(log_p, 256 + len(encoded))
        ids = [*range(256), *range(FIRST_LEARNT, self.vocab_size)]
        self._known = {self.piece_bytes[i]: (i, p) for i, p in zip(ids, self.log_p.tolist())}
        self._longest = max(map(len, self._known))

    @classmethod
    def train(cls, texts: Iterable[str], vocab_size: int = 2000, *, min_count: int = 2) -> Unigram:
        """Learn at most vocab_size - 260 pieces and the probabilities of all from texts.

        Substrings of the words (``cut_words``) that occur min_count times are tried. The same
        texts, in any order, give the same pieces. The likeliest learnt piece has id 260.

        Raises ``DataError`` for a corpus without words, ``ConfigError`` for a vocab_size that does
        not hold the bytes and the special tokens.

        >>> tok = Unigram.train(["hug hug hugs"], vocab_size=262)
        >>> tok.learnt, tok.pieces("hugs hug")
        ((' hug', 'hug'), [b'hug', b's', b' hug'])
        """
        check_count("Unigram.train: vocab_size", vocab_size, least=FIRST_LEARNT)
        check_count("Unigram.train: min_count", min_count)
        counts = count_words("Unigram.train", texts)
        pieces, log_p = learn_pieces(counts, vocab_size - FIRST_LEARNT, min_count)
        order = sorted(range(256, len(pieces)), key=lambda i: (-log_p[i], pieces[i]))
        return cls([pieces[i].decode("utf-8") for i in order], log_p[[*range(256), *order]])

    def _arcs(self, word: bytes) -> list[list[tuple[int, int, float]]]:
        """For each place behind a byte the pieces that end there: (start, id, log p)."""
        all_arcs = []
        for end in range(1, len(word) + 1):
            starts = range(max(0, end - self._longest), end)
            found = [(start, self._known.get(word[start:end])) for start in starts]
            all_arcs.append([(start, *piece) for start, piece in found if piece is not None])
        return all_arcs

    def _cut(self, word: bytes) -> list[int]:
        """Viterbi: the best cut up to each place is the best up to some piece, and that piece."""
        best, last = [0.0], []
        for arcs in self._arcs(word):
            arc = max(arcs, key=lambda arc: best[arc[0]] + arc[2])
            best.append(best[arc[0]] + arc[2])
            last.append(arc)
        ids: list[int] = []
        end = len(word)
        while end:
            end, i, _ = last[end - 1]
            ids.append(i)
        return ids[::-1]

    def sample(self, text: str, *, alpha: float, rng: np.random.Generator) -> list[int]:
        """Ids of a text by a random cut of each word, drawn with probability P(x)^alpha / sum.

        alpha 1 draws from the model, 0 takes all cuts alike, a large alpha nearly always takes the
        best one. Trained on a new cut at every step, a model sees each word in several forms.

        Raises ``ConfigError`` for an alpha that is no number from 0 to 10⁶ or an rng that is no
        generator, and what ``encode`` raises.
        """
        if check_positive("sample: alpha", alpha, zero=True) > HIGHEST:
            raise ConfigError(f"sample: alpha is {alpha}, expected at most {HIGHEST:g}")
        check_rng("sample: rng", rng)
        ids: list[int] = []
        for word in cut_words(checked_text("sample: text", text)):
            ids += self._sampled(word.encode("utf-8"), float(alpha), rng)
        return ids

    def _sampled(self, word: bytes, alpha: float, rng: np.random.Generator) -> list[int]:
        """Sum up all cuts from the left, then draw pieces from the right."""
        all_arcs, total, shares = self._arcs(word), [0.0], []
        for arcs in all_arcs:
            ways = np.array([total[start] + alpha * log_p for start, _, log_p in arcs])
            total.append(float(np.logaddexp.reduce(ways)))
            shares.append(np.exp(ways - total[-1]))
        ids: list[int] = []
        end = len(word)
        while end:
            drawn = np.searchsorted(np.cumsum(shares[end - 1]), rng.random(), side="right")
            end, i, _ = all_arcs[end - 1][min(int(drawn), len(all_arcs[end - 1]) - 1)]
            ids.append(i)
        return ids[::-1]

    def to_dict(self) -> dict[str, Any]:
        """``{"kind": "unigram", "learnt": ["hug", ...], "log_p": [-20.7, ...]}``."""
        return {"kind": self.kind, "learnt": list(self.learnt), "log_p": self.log_p.tolist()}

    @classmethod
    def from_dict(cls, fields: Any) -> Unigram:
        """The inverse of ``to_dict``. Raises ``CheckpointError`` for anything else."""
        found = fields_of_kind(fields, cls.kind, "learnt", "log_p")
        for name in ("learnt", "log_p"):
            if not isinstance(found[name], list):
                raise CheckpointError(f"{name} is {type(found[name]).__name__}, expected a list")
        try:
            return cls(found["learnt"], found["log_p"])
        except (DataError, DtypeError, ShapeError) as error:
            raise CheckpointError(str(error)) from None


def _checked_log_p(log_p: Any, length: int) -> np.ndarray:
    array = as_array("Unigram: log_p", log_p, "one list of numbers")
    if array.dtype.kind not in "fiu":
        raise DtypeError("Unigram: log_p holds what is no number, expected a list of numbers")
    if array.shape != (length,):
        raise DataError(f"Unigram: log_p has shape {array.shape}, expected ({length},): 256 bytes "
                        f"and {length - 256} learnt pieces")
    array = array.astype(np.float64)
    if not np.isfinite(array).all() or abs(np.exp(np.minimum(array, 1.0)).sum() - 1) > 1e-6:
        raise DataError("Unigram: log_p holds no logarithms of probabilities that sum to 1")
    array.flags.writeable = False
    return array
