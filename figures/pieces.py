"""One sentence under four tokenizers, three of which have learnt 1,300 tokens from TinyWorld."""

from common import picture

from npft import BPE, ByteTokenizer, TinyWorld, Unigram, WordPiece, hard_sms_fixture
from npft.plots import draw_pieces

SENTENCE = "Zoë pays yara 5 € at the embasssy"
SIZE = 1300


def cuts() -> dict:
    """The pieces of the sentence and their word numbers. Exact and quick, so there is no cache."""
    texts = [s for d in TinyWorld(0).documents(1000) for s in d.sentences] + hard_sms_fixture()[0].texts
    found = {"bytes": (ByteTokenizer().pieces(SENTENCE), None)}
    for kind in (BPE, Unigram, WordPiece):
        tok = kind.train(texts, vocab_size=SIZE)
        found[kind.__name__] = tok.pieces(SENTENCE), tok.words(SENTENCE)
    return found


if __name__ == "__main__":
    picture("pieces", draw_pieces, SENTENCE, cuts())
