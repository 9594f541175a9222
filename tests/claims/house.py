"""Numbers of the code itself: how many weights, ops, tokenizers there are."""

import json

from op_table import TABLE
from saying import Said, read

from npft import text
from npft.loading import DATA


def claims():
    ours = read("sizes")[0]
    yield Said("an encoder of {:,} weights", ours["weights"])
    yield Said("All {} ops are held against plain NumPy", len(TABLE))
    bundled = json.loads((DATA / "tinyworld" / "results.json").read_text(encoding="utf-8"))
    yield Said("the bundled body has {:,} with the head", bundled["parameters"])
    built = [text.BPE, text.ByteLevelBPE, text.WordPiece, text.Unigram]
    yield Said("| subword tokenizers built | {} |", len(built))
