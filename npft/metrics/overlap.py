"""Figures of merit for texts that a model wrote: what they share with texts that people wrote.

    BLEU     n-grams of the written text that stand in a reference: precision, for translations
    ROUGE    n-grams of the reference, or its words in order, that were written: for summaries
    pass@k   the chance that one of k written programs passes its tests

(Papineni et al. 2002; Lin 2004; Chen et al. 2021.) A text is a list of words: how it is cut into
words changes the figures, so compare only figures of one tokenizer. 0 / 0 counts as 0.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import NamedTuple

from npft.errors import ConfigError, DataError, DtypeError, check_count, check_items
from npft.metrics.classes import from_counts

Words = Sequence[str]


def _words(name: str, text: Words) -> list[str]:
    """The words of a text; one string would be read as its letters."""
    if isinstance(text, str):
        raise DtypeError(f"{name}: a text is one string, expected its words: text.split()")
    words = list(check_items(f"{name}: a text", text, of="words"))
    for word in words:
        if not isinstance(word, Hashable):
            raise DtypeError(f"{name}: a word is a {type(word).__name__}, expected a string; is a "
                             "list of texts given as a text?")
    return words


def ngrams(words: Words, n: int) -> Counter[tuple[str, ...]]:
    """How often each run of n words stands in a text.

    >>> ngrams(["the", "the", "the"], 2)
    Counter({('the', 'the'): 2})
    """
    check_count("ngrams: n", n)
    words = _words("ngrams", words)
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def clipped_matches(references: Sequence[Words], written: Words, n: int) -> tuple[int, int]:
    """How many n-grams of a written text stand in a reference, and how many it has.

    An n-gram counts as often as it stands in the one reference that has it most often: else a text
    that repeats a common word would be all right (Papineni et al. 2002, section 2.1.1):

    >>> references = ["the cat is on the mat".split(), "there is a cat on the mat".split()]
    >>> clipped_matches(references, ["the"] * 7, 1)
    (2, 7)
    """
    counts = ngrams(written, n)
    most: Counter[tuple[str, ...]] = Counter()
    for reference in check_items("clipped_matches: references", references, of="texts"):
        most |= ngrams(reference, n)  # the larger of both counts
    return sum((counts & most).values()), sum(counts.values())


def bleu(references: Sequence[Sequence[Words]], written: Sequence[Words], n: int = 4) -> float:
    """BLEU of a whole corpus, from 0 to 1: Papineni et al. 2002, section 2.3, without smoothing.

        BLEU = BP · (p_1 p_2 ... p_n)^(1/n)          BP = min(1, exp(1 - r / c))

    p_i: the share of all written i-grams that stand in a reference (``clipped_matches``); c: the
    written words; r: the words of the references, of each text the one that is closest in length,
    the shorter of two that are equally close.

    references: for each text a list of references, each a list of words. written: for each text
    its words. No common n-gram of some length gives 0, so take it over many texts at once.
    Raises ``DataError`` for other numbers of texts, none, or a text without a reference;
    ``DtypeError`` for a text that is not cut into words.

    With n = 2 the precisions are 4/4 and 2/3, and a word is missing:

    >>> round(bleu([["the cat sat on mat".split()]], ["the cat on mat".split()], n=2), 4)
    0.6359
    >>> round((4 / 4 * 2 / 3) ** 0.5 * math.exp(1 - 5 / 4), 4)
    0.6359
    """
    check_count("bleu: n", n)
    references = list(check_items("bleu: references", references, of="lists of references"))
    written = list(check_items("bleu: written", written, of="texts"))
    if len(references) != len(written) or not len(written):
        raise DataError(
            f"bleu: references of {len(references)} texts and {len(written)} written texts; "
            "expected as many of both, and at least one"
        )
    if not all(isinstance(refs, (list, tuple)) and refs for refs in references):
        raise DataError("bleu: a text has no list of references, expected [[reference, ...], ...]")
    written = [_words("bleu", words) for words in written]
    references = [[_words("bleu: references", ref) for ref in refs] for refs in references]
    c = sum(map(len, written))
    r = 0
    for refs, words in zip(references, written):
        lengths = [len(ref) for ref in refs]
        r += min(lengths, key=lambda length: (abs(length - len(words)), length))
    log_precisions = 0.0
    for size in range(1, n + 1):
        found = [clipped_matches(refs, words, size) for refs, words in zip(references, written)]
        matches, total = map(sum, zip(*found))
        if matches == 0:
            return 0.0
        log_precisions += math.log(matches / total)
    return math.exp(log_precisions / n + min(0.0, 1 - r / c))


class Overlap(NamedTuple):
    """The shares of the written text and of the reference that both have, and the F1 of them."""

    precision: float
    recall: float
    f1: float


def rouge_n(reference: Words, written: Words, n: int) -> Overlap:
    """ROUGE-N of one text: the n-grams that both have, each as often as both have it (Lin 2004).

    reference, written: lists of words, not stemmed. Of a corpus take the mean. Raises
    ``DtypeError`` for a text that is not cut into words, ``ConfigError`` for n below 1.

    >>> rouge_n("police killed the gunman".split(), "police kill the gunman".split(), 1).recall
    0.75
    """
    a, b = ngrams(reference, n), ngrams(written, n)
    return Overlap(*from_counts(sum((a & b).values()), sum(b.values()), sum(a.values())))


def rouge_l(reference: Words, written: Words) -> Overlap:
    """ROUGE-L of one text: the longest run of words that both have in one order, with gaps.

    The F1 weighs precision and recall alike (Lin's β = 1). Raises as ``rouge_n``.

    "police the gunman" is in the first text, "the gunman" in the second (Lin 2004, section 3.1):

    >>> gold = "police killed the gunman".split()
    >>> [rouge_l(gold, s.split()).f1 for s in ("police kill the gunman", "the gunman kill police")]
    [0.75, 0.5]
    """
    a, b = _words("rouge_l", reference), _words("rouge_l", written)
    longest = [0] * (len(b) + 1)  # of the words of a so far and the first j words of b
    for word in a:
        before = longest
        longest = [0]
        for j, other in enumerate(b):
            longest.append(before[j] + 1 if word == other else max(before[j + 1], longest[j]))
    return Overlap(*from_counts(longest[-1], called=len(b), actual=len(a)))


def pass_at_k(n: int, c: int, k: int) -> float:
    """The chance that one of k of the n programs passes, where c of the n pass.

        pass@k = 1 - C(n - c, k) / C(n, k) = 1 - Π_{i = n-c+1}^{n} (1 - k / i)

    The product has no large numbers in it. It is unbiased, which 1 - (1 - c/n)^k is not (Chen et
    al. 2021, "Codex", section 2.1). Of several problems take the mean.
    Raises ``ConfigError`` for numbers that are no such counts.

    Of 3 programs 1 passes; 2 of the 3 pairs hold it:

    >>> round(pass_at_k(3, 1, 2), 4)
    0.6667
    """
    check_count("pass_at_k: n", n)
    check_count("pass_at_k: c", c, least=0)
    check_count("pass_at_k: k", k)
    if c > n or k > n:
        raise ConfigError(f"pass_at_k: n is {n}, c {c} and k {k}; expected c and k of at most n")
    return 1.0 - math.prod(max(0.0, 1 - k / i) for i in range(n - c + 1, n + 1))
