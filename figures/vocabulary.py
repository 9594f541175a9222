"""What a larger vocabulary buys, on text held out from training, in its field and in another.

Each seed has its own TinyWorld. Vocabularies are learnt from 1,000 documents and the training
messages of the SMS fixture; tokens are counted on 200 further documents (without the sentences
that stood in training), on the test messages, and on 200 documents of the clinic.
"""

from collections import Counter

import numpy as np
from common import SEEDS, picture, results

from npft import BPE, TinyWorld, Unigram, WordPiece, hard_sms_fixture
from npft.plots import draw_coverage, draw_tokens_per_word
from npft.text import basic_words

SIZES = (260, 330, 420, 550, 700, 900, 1200, 1600, 2000, 2600)
N_DOCUMENTS, N_HELD_OUT = 1000, 200


def sentences(world: TinyWorld, n: int, start: int = 0) -> list[str]:
    return [s for document in world.documents(n, start) for s in document.sentences]


def figures_of(tok, texts: list[str]) -> dict[str, float]:
    """Tokens per word, the share of words that are one token, the share of texts without [UNK].

    All tokenizers are given the same words; an [UNK] is one token, and no whole word.
    """
    sizes, whole, clean = [], 0, 0
    for text in texts:
        ids, words = tok.encode_words(basic_words(text))
        own = np.bincount(words)
        known = np.array(ids) != tok.unk_id
        sizes += own.tolist()
        whole += int((own[words] == 1)[known].sum())
        clean += bool(known.all())
    return {
        "per_word": sum(sizes) / len(sizes),
        "whole": whole / len(sizes),
        "clean": clean / len(texts),
    }


def of_words(counts: Counter, size: int, texts: list[str]) -> dict[str, float]:
    """The same for a vocabulary of whole words and five special tokens."""
    known = {word for word, _ in counts.most_common(size - 5)}
    lists = [basic_words(text) for text in texts]
    words = [word in known for row in lists for word in row]
    clean = sum(known.issuperset(row) for row in lists)
    return {"per_word": 1.0, "whole": sum(words) / len(words), "clean": clean / len(lists)}


def compute() -> list[dict]:
    cells = []
    train, test = hard_sms_fixture()
    for seed in SEEDS:
        texts = sentences(TinyWorld(seed), N_DOCUMENTS) + train.texts
        seen, counts = set(texts), Counter(w for text in texts for w in basic_words(text))
        new = sentences(TinyWorld(seed), N_HELD_OUT, start=N_DOCUMENTS)
        clinic = sentences(TinyWorld(seed, domain="clinic"), N_HELD_OUT)
        held_out = {"world": [s for s in new if s not in seen], "sms": test.texts, "clinic": clinic}
        for size in SIZES:
            toks = [kind.train(texts, vocab_size=size) for kind in (BPE, WordPiece, Unigram)]
            for name, own in held_out.items():
                at = {"seed": seed, "text": name, "allowed": size}
                for tok in toks:
                    found = figures_of(tok, own)
                    cells.append({**at, "tokenizer": type(tok).__name__} | found)
                cells.append({**at, "tokenizer": "words"} | of_words(counts, size, own))
    return cells


if __name__ == "__main__":
    found = results(__file__, compute)
    pieces = [cell for cell in found if cell["tokenizer"] != "words"]
    picture("tokens_per_word", draw_tokens_per_word, pieces, columns=2)
    picture("coverage", draw_coverage, found, columns=2)
