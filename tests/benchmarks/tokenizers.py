"""Training and encoding with the tokenizers of npft and of the ``tokenizers`` package, alternately.

    python -m venv bench && bench/bin/pip install -e . tokenizers
    bench/bin/python tests/benchmarks/tokenizers.py TEXT... [--vocab-size 8000] [--rounds 3]

For each kind that npft has (WordPiece, BPE, Unigram) both sides learn a vocabulary of the same size
from the lines of the files and encode the same lines; the package runs on one thread, as npft does.
The vocabularies need not be equal. Encoding starts with an empty word cache in every round.
Prints seconds and thousands of words (cut at white space) a second, each as median [min, max].
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"
# This file bears the package's name: Python must not look for the package in this folder.
sys.path = [p for p in sys.path if Path(p or ".").resolve() != Path(__file__).parent]

from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    trainers,
)

import npft.text

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def their_wordpiece(vocab_size: int) -> tuple[Tokenizer, trainers.Trainer]:
    tok = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tok.normalizer = normalizers.BertNormalizer()
    tok.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocab_size, min_frequency=2, special_tokens=SPECIALS, show_progress=False
    )
    return tok, trainer


def their_bpe(vocab_size: int) -> tuple[Tokenizer, trainers.Trainer]:
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tok.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, min_frequency=2, special_tokens=SPECIALS, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    return tok, trainer


def their_unigram(vocab_size: int) -> tuple[Tokenizer, trainers.Trainer]:
    tok = Tokenizer(models.Unigram())
    tok.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=vocab_size, special_tokens=SPECIALS, unk_token="[UNK]", show_progress=False
    )
    return tok, trainer


THEIRS = {"WordPiece": their_wordpiece, "BPE": their_bpe, "Unigram": their_unigram}


def timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def one_round(kind: str, lines: list[str], vocab_size: int) -> dict[str, float]:
    """Seconds of each side for both jobs."""
    ours = getattr(npft.text, kind)
    theirs, trainer = THEIRS[kind](vocab_size)
    learnt: list[npft.text.Tokenizer] = []
    seconds = {
        "ours train": timed(lambda: learnt.append(ours.train(lines, vocab_size=vocab_size))),
        "theirs train": timed(lambda: theirs.train_from_iterator(lines, trainer)),
    }
    fresh = ours.from_dict(learnt[0].to_dict())
    seconds["ours encode"] = timed(lambda: [fresh.encode(line) for line in lines])
    seconds["theirs encode"] = timed(lambda: theirs.encode_batch(lines, add_special_tokens=False))
    return seconds


def spread(values: list[float], form: str) -> str:
    middle, low, high = statistics.median(values), min(values), max(values)
    return f"{middle:{form}} [{low:{form}}, {high:{form}}]"


def main() -> None:
    parser = argparse.ArgumentParser(description="tokenizers of npft beside those of the package")
    parser.add_argument("texts", nargs="+", type=Path)
    parser.add_argument("--vocab-size", type=int, default=8000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kinds", nargs="+", choices=list(THEIRS), default=list(THEIRS))
    args = parser.parse_args()
    lines = [line for path in args.texts for line in path.read_text("utf-8").split("\n")]
    n_words = sum(len(line.split()) for line in lines)
    print(f"{n_words:,} words, {len(lines):,} lines, {args.vocab_size:,} pieces, "
          f"{args.rounds} rounds, one thread; median [min, max]")
    print(f"{'':28}{'npft':>24}{'tokenizers':>24}{'npft / tokenizers':>24}")
    for kind in args.kinds:
        if not hasattr(npft.text, kind):
            print(f"{kind}: npft has none")
            continue
        rounds = [one_round(kind, lines, args.vocab_size) for _ in range(args.rounds)]
        for job, unit, form in (("train", "s", ".2f"), ("encode", "kwords/s", ".0f")):
            ours, theirs = ([r[f"{side} {job}"] for r in rounds] for side in ("ours", "theirs"))
            ratios = [a / b for a, b in zip(ours, theirs)]  # of the times: below 1, npft is faster
            if job == "encode":
                ours, theirs = ([n_words / 1000 / t for t in side] for side in (ours, theirs))
            cells = spread(ours, form), spread(theirs, form), spread(ratios, ".2f")
            print(f"{kind + ' ' + job + ', ' + unit:28}" + "".join(f"{c:>24}" for c in cells))
    print("The last column compares times: below 1, npft is faster.")


if __name__ == "__main__":
    main()
