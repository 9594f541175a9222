"""The baselines that every model of texts must beat: words that are counted, and frequent tags.

A text becomes the counts of its words, weighted by how rare they are; a linear classifier is
fitted to that. Whatever depends on the order of words is invisible to it. For tags, each word gets
the tag it has most often in training, whatever stands beside it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from npft.errors import DataError, listed, quoted
from npft.metrics.classes import Metrics, classification_metrics
from npft.metrics.entities import scheme_of
from npft.metrics.ranking import GradeMetrics, grade_metrics
from npft.metrics.tags import TagMetrics, tag_metrics
from npft.text.basic import basic_words
from npft.text.examples import Examples
from npft.text.tagged import TaggedTexts

if TYPE_CHECKING:
    from scipy.sparse import csr_array

L2 = 1.0  # the strength of the pull to 0, against the summed loss


def word_table(texts: list[str], columns: dict[str, int]) -> csr_array:
    """How often each known word stands in each text: (B, W), sparse. Unknown words are left out."""
    return _counts([basic_words(text) for text in texts], columns)


def _counts(rows: list[list[str]], columns: dict[str, int]) -> csr_array:
    from scipy.sparse import csr_array

    found = [[columns[word] for word in words if word in columns] for words in rows]
    ends = np.cumsum([0] + [len(row) for row in found])
    places = np.array([place for row in found for place in row], dtype=np.int64)
    table = csr_array((np.ones(len(places)), places, ends), shape=(len(rows), len(columns)))
    table.sum_duplicates()
    return table


def _marked(examples: Examples) -> list[list[str]]:
    """The words of each text; of a pair marked by where they stand: in 1, in 2, or in both."""
    if examples.pairs is None:
        return [basic_words(text) for text in examples.texts]
    rows = []
    for first, second in zip(map(basic_words, examples.texts), map(basic_words, examples.pairs)):
        both = set(first) & set(second)
        marked = [f"1 {w}" for w in first] + [f"2 {w}" for w in second]
        rows.append(marked + [f"both {w}" for w in sorted(both)] + ["both"] * len(both))
    return rows


def fit_softmax(x: Any, labels: np.ndarray, classes: int) -> np.ndarray:
    """The weights (W + 1, K), the last row the biases, of a softmax regression fitted to x (B, W).

    x may be sparse. Minimises Σ -log p(label) + L2/2 |weights|² by SciPy's L-BFGS; the biases are
    free.
    """
    from scipy.optimize import minimize
    from scipy.sparse import csr_array, hstack
    from scipy.special import logsumexp

    x1 = csr_array(hstack([csr_array(x), np.ones((x.shape[0], 1))]))  # (B, W + 1)
    shape = (x1.shape[1], classes)
    rows = np.arange(x.shape[0])

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        w = flat.reshape(shape)
        z = x1 @ w  # (B, K)
        log_p = z - logsumexp(z, axis=1, keepdims=True)
        error = np.exp(log_p)
        error[rows, labels] -= 1
        pull = L2 * w
        pull[-1] = 0
        loss = -log_p[rows, labels].sum() + 0.5 * (pull * w).sum()
        return loss, (x1.T @ error + pull).ravel()

    found = minimize(objective, np.zeros(shape).ravel(), jac=True, method="L-BFGS-B")
    return found.x.reshape(shape)


def majority(train: Examples, test: Examples, positive: str | None = None) -> Metrics:
    """Call every test text what is most frequent in training, and measure that.

    ``positive`` is that of ``classification_metrics``. Where both sets name their labels, a test
    label goes by its name. Raises ``DataError`` without class labels, or for a name that training
    does not have.

    >>> train = Examples(["a", "b", "c"], [1, 1, 0])
    >>> majority(train, Examples(["d", "e"], [1, 0])).accuracy
    0.5
    """
    labels, truth = _class_labels("majority", train, test)
    said = np.full(len(truth), np.bincount(labels).argmax())
    return _measured(train, truth, said, positive)


def _measured(
    train: Examples, truth: np.ndarray, said: np.ndarray, positive: str | None
) -> Metrics:
    """The metrics over the classes that training has names for, or else over those that occur."""
    classes = max(len(train.label_names), int(truth.max()) + 1, int(said.max()) + 1)
    names = train.label_names if len(train.label_names) == classes else None
    return classification_metrics(truth, said, classes, names=names, positive=positive)


def bag_of_words(train: Examples, test: Examples, positive: str | None = None) -> Metrics:
    """Train a bag-of-words classifier (tf-idf, softmax regression) and measure it on a test set.

    tf-idf: counts times log(n / n_w) + 1, where n_w of the n training texts hold word w; rows are
    scaled to length 1. Of a pair the words of the first text, those of the second, and those they
    share are counted apart. ``positive``, labels and errors are those of ``majority``.

    >>> train = Examples(["win cash", "free cash", "see you", "see me"], [1, 1, 0, 0])
    >>> bag_of_words(train, Examples(["cash now", "see them"], [1, 0])).accuracy
    1.0
    """
    labels, truth = _class_labels("bag_of_words", train, test)
    texts, test_texts = _marked(train), _marked(test)
    words = sorted({word for text in texts for word in text})
    columns = {word: i for i, word in enumerate(words)}
    counts = _counts(texts, columns)
    n = np.bincount(counts.indices, minlength=len(columns))  # texts with each word
    idf = np.log(len(texts) / np.maximum(n, 1)) + 1

    def features(table: Any) -> Any:
        table = table * idf
        length = np.sqrt((table * table).sum(axis=1))[:, None]
        return (table / np.where(length > 0, length, 1)).tocsr()

    classes = int(max(labels.max(), truth.max())) + 1
    w = fit_softmax(features(counts), labels, classes)
    scores = features(_counts(test_texts, columns)) @ w[:-1] + w[-1]
    return _measured(train, truth, scores.argmax(axis=1), positive)


def _labels(caller: str, examples: Examples) -> np.ndarray:
    labels = examples.labels if isinstance(examples, Examples) else None
    if labels is None or len(labels) == 0 or labels.dtype.kind != "i":
        raise DataError(f"{caller}: both sets need examples labelled with classes")
    return labels


def _class_labels(caller: str, train: Examples, test: Examples) -> tuple[np.ndarray, np.ndarray]:
    """The class numbers of both sets, in the numbers of training."""
    labels, truth = (_labels(caller, examples) for examples in (train, test))
    names, others = train.label_names, test.label_names
    if not names or not others or names == others:
        return labels, truth
    unknown = {others[k] for k in truth} - set(names)
    if unknown:
        raise DataError(
            f"{caller}: the test label {quoted(min(unknown))} is unknown to training, which has "
            f"{listed(names)}"
        )
    return labels, np.array([names.index(others[k]) for k in truth])


def frequent_tags(
    train: TaggedTexts, test: TaggedTexts, scheme: str | None = None
) -> TagMetrics:
    """Give each word its most frequent tag in training, and measure that on a test set.

    A word that training does not have gets the most frequent tag of all. Of tags that are equally
    frequent the first by name counts. ``scheme``: how the tags mark entities, by default what those
    of training say. Raises ``DataError`` without training texts, ``ConfigError`` for tags that
    leave the scheme open.

    >>> train = TaggedTexts([["i", "can"], ["a", "can"]], [["PRON", "AUX"], ["DET", "AUX"]])
    >>> frequent_tags(train, TaggedTexts([["a", "can"]], [["DET", "NOUN"]])).accuracy
    0.5
    """
    for texts in (train, test):
        if not isinstance(texts, TaggedTexts):
            raise DataError(f"frequent_tags: got a {type(texts).__name__}, expected TaggedTexts")
    pairs = Counter(pair for row in zip(train.words, train.tags) for pair in zip(*row))
    if not pairs:
        raise DataError("frequent_tags: expected some tagged words to learn from")
    totals = Counter(tag for row in train.tags for tag in row)
    common = min(totals, key=lambda tag: (-totals[tag], tag))
    table: dict[str, str] = {}
    for word, tag in sorted(pairs, key=lambda pair: (-pairs[pair], pair[1])):
        table.setdefault(word, tag)
    guesses = [[table.get(word, common) for word in row] for row in test.words]
    return tag_metrics(test.tags, guesses, scheme or scheme_of(train.tag_names))


def shared_words(train: Examples, test: Examples) -> GradeMetrics:
    """Grade pairs of texts by the share of their words that they have in common.

        grade = a + b |A ∩ B| / |A ∪ B|        a and b by least squares in training

    A and B are the sets of words of the two texts. Raises ``DataError`` unless both sets are pairs
    with grades.

    >>> train = Examples(["a b", "a", "a b"], [5.0, 0.0, 2.5], pairs=["a b", "c", "b c d"])
    >>> round(shared_words(train, train).spearman, 3)
    1.0
    """
    sets = [e for e in (train, test) if isinstance(e, Examples)]
    if len(sets) < 2 or any(e.pairs is None or e.labels is None or not len(e) for e in sets):
        raise DataError("shared_words: both sets need pairs of texts with grades")

    def shares(examples: Examples) -> np.ndarray:
        pairs = zip(map(basic_words, examples.texts), map(basic_words, examples.pairs or ()))
        sets = [(set(first), set(second)) for first, second in pairs]
        return np.array([len(a & b) / max(1, len(a | b)) for a, b in sets])

    x, y = shares(train), np.asarray(train.labels, dtype=np.float64)
    deviation = x - x.mean()
    slope = (deviation @ y) / max(deviation @ deviation, 1e-12)
    return grade_metrics(test.labels, y.mean() + slope * (shares(test) - x.mean()))
