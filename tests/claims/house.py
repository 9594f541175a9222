"""Numbers of the code itself: how many weights, ops, tokenizers there are."""

from saying import Said, read

from npft import text


def claims():
    ours = read("sizes")[0]
    yield Said("an encoder of {:,} weights", ours["weights"])
    built = [text.BPE, text.ByteLevelBPE, text.WordPiece, text.Unigram]
    yield Said("| subword tokenizers built | {} |", len(built))
