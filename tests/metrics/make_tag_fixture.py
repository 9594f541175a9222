"""Writes tag_fixture.json: what ``seqeval`` and ``scikit-learn`` say of random tags.

    python -m venv bench && bench/bin/pip install seqeval
    bench/bin/python tests/metrics/make_tag_fixture.py

Most of the tags break the rules of their scheme, as those of a model may. Two cases are left out.
The default reading of seqeval knows the letters B, I, E and S, and so no BILOU. Its strict reading
of IOB1 takes "O B-X I-X" for an entity of the last word alone; so in IOB1 a B- that follows no
entity of its type, where it must not stand, is written I-. Needs nothing of npft.
"""

import json
import random
import warnings
from pathlib import Path

from seqeval import scheme as schemes
from seqeval.metrics import accuracy_score, f1_score, precision_score, recall_score
from sklearn.metrics import precision_recall_fscore_support

HERE = Path(__file__).parent
LETTERS = {"bio": "BI", "iob1": "BI", "iobes": "BIES", "bilou": "BILU"}
SEQEVAL = {
    "bio": schemes.IOB2, "iob1": schemes.IOB1, "iobes": schemes.IOBES, "bilou": schemes.BILOU,
}
POS = ["DET", "NOUN", "VERB", "O"]
CASES = 12  # of each scheme


def written(rng, scheme, n):
    """n random tags: entities written by the rules, with some letters changed."""
    tags = []
    while len(tags) < n:
        kind, size = rng.choice("XY"), rng.randint(1, 3)
        if rng.random() < 0.4:
            tags.append("O")
            continue
        letters = rng.choices(LETTERS[scheme], k=size)
        if rng.random() < 0.6:
            first, last = ("B", LETTERS[scheme][2:3] or "I") if scheme != "iob1" else ("I", "I")
            single = LETTERS[scheme][3:] or first
            letters = [single] if size == 1 else [first, *"I" * (size - 2), last]
        tags += [f"{letter}-{kind}" for letter in letters]
    if scheme == "iob1":
        before = ["O", *tags]
        tags = [tag if tag[2:] == b[2:] else tag.replace("B-", "I-") for tag, b in zip(tags, before)]
    return tags[:n]


def noisy(rng, scheme, tags):
    """What a model may say of words with these tags: some of them are others."""
    other = written(rng, scheme, len(tags))
    said = [o if rng.random() < 0.3 else tag for tag, o in zip(tags, other)]
    if scheme == "iob1":
        said = [t if t[2:] == b[2:] else t.replace("B-", "I-") for t, b in zip(said, ["O", *said])]
    return said


def micro(true, said, **options):
    scores = precision_score, recall_score, f1_score
    return [float(score(true, said, average="micro", zero_division=0, **options))
            for score in scores]


def main():
    warnings.simplefilter("ignore")
    rng = random.Random(0)
    cases = []
    for scheme in LETTERS:
        for _ in range(CASES):
            true = [written(rng, scheme, rng.randint(1, 7)) for _ in range(rng.randint(1, 4))]
            said = [noisy(rng, scheme, tags) for tags in true]
            strict = micro(true, said, mode="strict", scheme=SEQEVAL[scheme])
            cases.append({
                "scheme": scheme, "true": true, "said": said, "strict": strict,
                "default": None if scheme == "bilou" else micro(true, said),
                "accuracy": float(accuracy_score(true, said)),
            })
    plain = []
    for _ in range(CASES):
        true = [rng.choices(POS, k=rng.randint(1, 6)) for _ in range(rng.randint(1, 3))]
        said = [[rng.choice([tag, *POS]) for tag in tags] for tags in true]
        gold, got = ([tag for tags in rows for tag in tags] for rows in (true, said))
        p, r, f1, _ = precision_recall_fscore_support(
            gold, got, average="macro", zero_division=0)
        plain.append({"true": true, "said": said, "macro": [float(p), float(r), float(f1)]})
    lines = ",\n".join(json.dumps(case) for case in cases)
    more = ",\n".join(json.dumps(case) for case in plain)
    (HERE / "tag_fixture.json").write_text(
        f'{{"entities": [\n{lines}\n],\n"plain": [\n{more}\n]}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
