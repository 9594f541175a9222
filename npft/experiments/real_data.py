"""Public data that a real encoder is measured on, from a folder that holds them.

    stsb/sts-train.csv, sts-dev.csv, sts-test.csv     pairs with a grade: the STS benchmark
    sms_spam/SMSSpamCollection                        messages, spam or ham
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from npft.text.examples import Examples
from npft.text.tables import read_labelled, read_scored


def sts(folder: str, part: str) -> Examples:
    """A part of the STS benchmark: "train", "dev" or "test"."""
    path = Path(folder) / "stsb" / f"sts-{part}.csv"
    return read_scored(path, columns=(5, 6, 7), separator="\t")


def sts_sentences(folder: str, part: str, n: int | None, rng: np.random.Generator) -> list[str]:
    """n different sentences of a part (None: all), in random order."""
    pairs = sts(folder, part)
    texts = list(dict.fromkeys([*pairs.texts, *(pairs.pairs or [])]))
    return [texts[i] for i in rng.permutation(len(texts))[:n]]


def sms(folder: str, train: int, test: int, seed: int) -> tuple[Examples, Examples]:
    """Messages to learn from and to test on, no text twice, half of each part spam."""
    read = read_labelled(Path(folder) / "sms_spam" / "SMSSpamCollection")
    first = {text: i for i, text in reversed(list(enumerate(read.texts)))}
    rows = np.random.default_rng(seed).permutation(sorted(first.values()))
    labels = np.asarray(read.labels)[rows]
    ham, spam = (rows[labels == k] for k in (0, 1))
    cut, end = train // 2, (train + test) // 2
    return (
        read[np.concatenate([ham[:cut], spam[:cut]])],
        read[np.concatenate([ham[cut:end], spam[cut:end]])],
    )
