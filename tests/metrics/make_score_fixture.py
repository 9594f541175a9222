"""Writes score_fixture.json: what the usual scorers say of random labels, numbers and texts.

    python -m venv bench && bench/bin/pip install scikit-learn scipy sacrebleu rouge-score
    bench/bin/python tests/metrics/make_score_fixture.py

Two short formulas that no package holds are written here as their authors publish them:
pass@k (Chen et al. 2021, section 2.1, figure 3) and the comparison of answers in SQuAD's scorer
(evaluate-v1.1.py). Needs nothing of npft.
"""

import json
import random
import re
import string
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import BLEU
from scipy import stats
from sklearn import metrics

PATH = Path(__file__).with_name("score_fixture.json")
WORDS = "the a cat mat sat on is there green dog".split()
CASES = 12


def classes(rng):
    """Labels of 2 to 4 classes, of which some may not occur."""
    k = rng.randint(2, 4)
    true = [rng.randrange(k) for _ in range(rng.choice([1, 5, 30]))]
    said = [y if rng.random() < 0.6 else rng.randrange(k) for y in true]
    figures = {}
    for average in ("macro", "micro"):
        found = metrics.precision_recall_fscore_support(
            true, said, average=average, zero_division=0)
        figures[average] = [float(x) for x in found[:3]]
    some = sorted(rng.sample(range(k), rng.randint(1, k)))
    found = metrics.precision_recall_fscore_support(
        true, said, labels=some, average="micro", zero_division=0)
    figures["micro of some"] = [float(x) for x in found[:3]]
    if k == 2:
        found = metrics.precision_recall_fscore_support(
            true, said, average="binary", zero_division=0)
        figures["binary"] = [float(x) for x in found[:3]]
    confusion = metrics.confusion_matrix(true, said, labels=range(k))
    return {"classes": k, "true": true, "said": said, "some": some, "figures": figures,
            "accuracy": float(metrics.accuracy_score(true, said)), "confusion": confusion.tolist()}


def curves(rng):
    """Scores of two classes with many ties, and of three without a sum of 1."""
    n = rng.randint(4, 40)
    true = [0, 1, *(rng.randrange(2) for _ in range(n - 2))]
    scores = [rng.choice([-1, 1]) * rng.randrange(8) / 4 + y for y in true]
    precision, recall, thresholds = metrics.precision_recall_curve(true, scores)
    many = [0, 1, 2, *(rng.randrange(3) for _ in range(n))]
    p = np.array([[rng.randrange(1, 6) + 3 * (y == c) for c in range(3)] for y in many])
    p = p / p.sum(axis=1, keepdims=True)
    return {
        "true": true, "scores": scores, "auc": float(metrics.roc_auc_score(true, scores)),
        "average precision": float(metrics.average_precision_score(true, scores)),
        "precision": precision.tolist(), "recall": recall.tolist(),
        "thresholds": thresholds.tolist(), "many": many, "probabilities": p.tolist(),
        "auc of classes": float(metrics.roc_auc_score(many, p, multi_class="ovr")),
    }


def grades(rng):
    n = rng.randint(3, 20)
    x = [rng.randrange(6) / 2 for _ in range(n)]
    y = [a + rng.gauss(0, 1) for a in x]
    x[0], x[1] = 0.0, 1.0  # never constant
    return {"x": x, "y": y, "spearman": float(stats.spearmanr(x, y).statistic),
            "pearson": float(stats.pearsonr(x, y).statistic)}


def sentence(rng, least=0):
    return rng.choices(WORDS, k=rng.randint(least, 12))


def near(rng, words):
    """A text that shares much with another."""
    kept = [w if rng.random() < 0.8 else rng.choice(WORDS) for w in words if rng.random() < 0.9]
    return kept + sentence(rng)[: rng.randint(0, 2)]


def corpora(rng):
    references = [[sentence(rng, 1)] for _ in range(rng.randint(1, 5))]
    written = [near(rng, refs[0]) for refs in references]
    for refs in references:
        refs += [near(rng, refs[0]) or ["cat"] for _ in range(rng.randint(0, 2))]
    figures = {}
    for n in (1, 2, 4):
        # sacrebleu wants each column of references to be full; None stands for a missing one
        columns = [[" ".join(refs[i]) if i < len(refs) else None for refs in references]
                   for i in range(3)]
        scorer = BLEU(max_ngram_order=n, tokenize="none", smooth_method="none", force=True)
        found = scorer.corpus_score([" ".join(words) for words in written], columns)
        figures[str(n)] = found.score / 100
    return {"references": references, "written": written, "bleu": figures}


def summaries(rng):
    reference = sentence(rng)
    written = near(rng, reference)
    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False)
    found = scorer.score(" ".join(reference), " ".join(written))
    return {"reference": reference, "written": written,
            **{name: [float(x) for x in score] for name, score in found.items()}}


def pass_at_k(n, c, k):
    """Figure 3 of Chen et al. 2021."""
    if n - c < k:
        return 1.0
    return float(1.0 - np.prod(1.0 - k / np.arange(n - c + 1, n + 1)))


def programs(rng):
    n = rng.randint(1, 200)
    c, k = rng.randint(0, n), rng.randint(1, n)
    return {"n": n, "c": c, "k": k, "pass@k": pass_at_k(n, c, k)}


def normalize_answer(s):
    """evaluate-v1.1.py of SQuAD."""
    def remove_articles(text):
        return re.sub(r"\b(a|an|the)\b", " ", text)

    def remove_punc(text):
        exclude = set(string.punctuation)
        return "".join(ch for ch in text if ch not in exclude)

    return " ".join(remove_articles(remove_punc(s.lower())).split())


def squad_f1(prediction, ground_truth):
    prediction_tokens = normalize_answer(prediction).split()
    ground_truth_tokens = normalize_answer(ground_truth).split()
    common = Counter(prediction_tokens) & Counter(ground_truth_tokens)
    num_same = sum(common.values())
    if num_same == 0:
        return 0
    precision = 1.0 * num_same / len(prediction_tokens)
    recall = 1.0 * num_same / len(ground_truth_tokens)
    return (2 * precision * recall) / (precision + recall)


def answers(rng):
    """Answers that are never empty; an empty one is compared otherwise in SQuAD 2.0."""
    some = ["The", "a", "Cat,", "mat", "U.S.", "co-op", "an", "two", "don't", "theatre", "É",
            "1,000"]

    def text():
        return rng.choice([" ", "  "]).join(["cat", *rng.choices(some, k=rng.randint(0, 4))])

    golds, said = [text() for _ in range(rng.randint(1, 3))], text()
    return {
        "golds": golds, "said": said, "normal": normalize_answer(said),
        "exact": float(max(normalize_answer(said) == normalize_answer(g) for g in golds)),
        "f1": float(max(squad_f1(said, g) for g in golds)),
    }


def main():
    warnings.simplefilter("ignore")
    rng = random.Random(0)
    kinds = (classes, curves, grades, corpora, summaries, programs, answers)
    parts = []
    for kind in kinds:
        lines = ",\n".join(json.dumps(kind(rng)) for _ in range(CASES))
        parts.append(f'"{kind.__name__}": [\n{lines}\n]')
    PATH.write_text("{" + ",\n".join(parts) + "}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
