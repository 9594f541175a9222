"""Writes export_fixture.json: what transformers computes of folders that npft has written.

    python -m venv ref && ref/bin/pip install -e . pytest torch transformers sentence-transformers
    ref/bin/python tests/make_export_fixture.py

Of each model of test_pretrained.py with a tokenizer: the sums of its files, and what the class that
its config.json names (or a SentenceTransformer) says of the texts, tokenised from the folder too.
"""

import json
import sys
import tempfile
from pathlib import Path

import torch
import transformers
from sentence_transformers import SentenceTransformer

sys.path.insert(0, str(Path(__file__).parent))
from test_pretrained import FEW, TEXTS, models, shaken, sums_of  # noqa: E402

from npft import write_pretrained  # noqa: E402


def said_of(folder):
    """What the reference says of each text: scores, hidden states or a vector."""
    if (folder / "modules.json").exists():
        return [row.tolist() for row in SentenceTransformer(str(folder)).encode(TEXTS)]
    (name,) = json.loads((folder / "config.json").read_text())["architectures"]
    model = getattr(transformers, name).from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    found = []
    for text in TEXTS:
        with torch.no_grad():
            out = model(**tokenizer(text, return_tensors="pt"))
        names = ("logits", "prediction_logits", "last_hidden_state", "seq_relationship_logits")
        found.append([out[name][0, ..., :FEW].tolist() for name in names if name in out])
    return [row for one in zip(*found) for row in one]  # all texts of one output, then of the next


if __name__ == "__main__":
    fixture = {}
    for name, model in models().items():
        if model.body.tokenizer is not None:
            with tempfile.TemporaryDirectory() as folder:
                written = write_pretrained(shaken(model), folder)
                fixture[name] = {"sums": sums_of(written), "said": said_of(written)}
    rounded = json.loads(json.dumps(fixture), parse_float=lambda text: round(float(text), 7))
    rows = [f"{json.dumps(name)}: {json.dumps(row)}" for name, row in rounded.items()]
    path = Path(__file__).parent / "export_fixture.json"
    path.write_text("{\n" + ",\n".join(rows) + "\n}\n")
