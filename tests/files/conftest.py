"""Small labelled files of each task, and a model fine-tuned on each."""

import pytest

from npft.__main__ import main

HAM = ["see you at noon", "lunch at noon then", "call me at home", "see you at home then"]
SPAM = ["win a free prize now", "free cash prize inside", "claim your free prize", "win cash now"]


def files():
    """Name and content of a file for each task."""
    texts = [f"{'ham' if text in HAM else 'spam'}\t{text} {i}" for i in range(5) for text in HAM + SPAM]
    pairs = [f"{'ny'[i % 2]}es\ta man walks {i}\ta {'dog' if i % 2 else 'man'} walks" for i in range(20)]
    scores = [f"{i % 5}.5\ta man walks {i}\ta {'big ' * (i % 5)}dog" for i in range(20)]
    tags = [f"Ann{i}\tB-PER\nLee\tI-PER\nis\tO\nin\tO\nOslo\tB-LOC\n" for i in range(10)]
    answers = [f"who walks {i}\tthe tall man walks home\ttall man" for i in range(16)]
    return {
        "classify": ("texts.tsv", texts), "pair": ("pairs.tsv", pairs),
        "score": ("scores.tsv", scores), "tag": ("tags.conll", tags),
        "answer": ("answers.tsv", answers),
    }  # fmt: skip


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """For each task the file and the folder of a model that learnt from it."""
    folder = tmp_path_factory.mktemp("tasks")
    found = {}
    for task, (name, lines) in files().items():
        data, out = folder / name, folder / task
        data.write_text("\n".join(lines) + "\n", encoding="utf-8")
        argv = ["finetune", str(data), "--out", str(out), "--task", task, "--epochs", "2"]
        assert main(argv) == 0
        found[task] = data, out
    return found
