"""F3: an audit of masking. 15 % are chosen, 80/10/10 of them treated alike; spans have a law."""

import numpy as np
from common import picture, results

from npft import TinyWorld, WordPiece, mask_tokens
from npft.heads.boundary import borders
from npft.plots import draw_masking_audit, draw_span_lengths
from npft.pretraining.pairs import Corpus
from npft.pretraining.source import Source
from npft.pretraining.spans import LONGEST, mask_spans, span_lengths

EXPECTED = {"chosen": 0.15, "[MASK]": 0.8, "random": 0.1, "kept": 0.1}


def compute() -> dict:
    """Counts over 2,000 documents of TinyWorld: tokens in rows of 64, spans in rows of a book."""
    documents = [d.sentences for d in TinyWorld(0).documents(2000)]
    tok = WordPiece.train([s for d in documents for s in d])
    corpus, rng = Corpus(documents, tok), np.random.default_rng(0)
    source = Source(corpus, "segments", 64)
    batch = source.draw(source.starts, rng)
    masked = mask_tokens(batch, tok, rng=rng)
    rows, targets = masked.token_targets()
    seen = masked.ids[rows]
    counts = {
        "of tokens": int((~np.isin(batch.ids, tok.special_ids)).sum()),
        "of chosen": len(rows),
        "chosen": len(rows),
        "[MASK]": int((seen == tok.mask_id).sum()),
        "kept": int((seen == targets).sum()),
    }
    counts["random"] = counts["of chosen"] - counts["[MASK]"] - counts["kept"]
    # rows of 4,000 tokens, so that the budget of a row hardly ever cuts a span
    long = Source(corpus, "packed", 4000)
    hidden, wanted = mask_spans(long.draw(long.starts, rng), tok, rng=rng).token_targets()
    first = np.flatnonzero(borders(hidden)[2] == 1)
    continues = tok.continues[wanted]
    words = np.add.reduceat(~continues, first)
    lengths = np.bincount(words, minlength=LONGEST + 1)[1:]
    return {"counts": counts, "lengths": lengths.tolist()}


def draw(axes, found: dict) -> None:
    draw_masking_audit(axes[0], found["counts"], EXPECTED)
    draw_span_lengths(axes[1], found["lengths"], span_lengths())


if __name__ == "__main__":
    picture("masking_audit", draw, results(__file__, compute), columns=2)
