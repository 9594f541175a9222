"""The command line: ``npft VERB`` or ``python -m npft VERB``. Each verb calls one function."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from npft import __version__, many_texts, recipes
from npft.autograd.machine import keep_freed_memory, set_threads
from npft.encoder.pooling import POOLS
from npft.errors import ConfigError, NpftError
from npft.finetune.regimes import LEARNING_RATES
from npft.material import TOKENIZERS
from npft.nn.progress import Progress
from npft.pretrain.catalogue import OBJECTIVES
from npft.report import report
from npft.tour import tour


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="npft", description="The whole life of a language encoder, in NumPy."
    )
    parser.add_argument("--version", action="version", version=f"npft {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--seed", type=int, default=0, help="of all randomness (default 0)")
    common.add_argument("--threads", type=int, default=os.cpu_count() or 1,
                        help="how many work on a batch; changes no result (default: all cores)")
    common.add_argument("--json", action="store_true", help="print the results as one JSON object")

    def verb(name: str, text: str) -> argparse.ArgumentParser:
        return verbs.add_parser(name, help=text, description=text, parents=[common])

    p = verb("tour", "the life of one encoder: four tables and four figures in three minutes")
    p.add_argument("--out", type=Path, default=Path("tour"), help="folder (default: tour)")
    p.add_argument("--fast", action="store_true", help="a seventh of the steps, one seed")

    p = verb("pretrain", "pretrain an encoder on text files, or on TinyWorld")
    p.add_argument("text", type=Path, nargs="*",
                   help="text files: a sentence a line, or prose (default: TinyWorld)")
    p.add_argument("--out", type=Path, required=True, help="folder for the model")
    p.add_argument("--objective", default="mlm,nsp", choices=list(OBJECTIVES), metavar="NAME",
                   help=f"what is learnt: {'  '.join(OBJECTIVES)} (default mlm,nsp)")
    p.add_argument("--tokenizer", choices=TOKENIZERS, help="default wordpiece")
    p.add_argument("--vocab-size", type=int,
                   help="default 4000, of TinyWorld 2000; bytes have none")
    p.add_argument("--steps", type=int, help="default 1500, on TinyWorld 2800, with --from 500")
    p.add_argument("--batch-size", type=int, default=32)
    p.add_argument("--lr", type=float,
                   help=f"default {recipes.PRETRAIN_LR:g}, with --from {many_texts.ADAPT_LR:g}")
    p.add_argument("--from", dest="start", metavar="MODEL",
                   help="go on from this pretrained model with the text of a new domain")
    p.add_argument("--general", type=Path, nargs="+", metavar="TEXT",
                   help="with --from: the text it was pretrained on: measures what is forgotten")
    p.add_argument("--replay", type=float, default=0.0, metavar="SHARE",
                   help="with --from: share of each epoch taken from --general, for example 0.2")
    p.add_argument("--alpha", type=float,
                   help="each text file is a language, read with probability ~ size**alpha")
    p.add_argument("--resume", action="store_true",
                   help="go on with a run that was stopped in --out")

    p = verb("finetune", "fine-tune a classifier on label<TAB>text lines")
    p.add_argument("data", type=Path, help="file of label<TAB>text lines")
    p.add_argument("--out", type=Path, required=True, help="folder for the model")
    p.add_argument("--model", type=Path, help="folder of a pretrained model (default: a new body)")
    p.add_argument("--regime", default="full", choices=["head", "last", "full"],
                   help="what trains: the head, the last block too, or all (default full)")
    p.add_argument("--epochs", type=int, default=10, help="passes over the data (default 10)")
    p.add_argument("--batch-size", type=int, default=32, help="texts a step (default 32)")
    rates = ", ".join(f"{k} {v:g}" for k, v in LEARNING_RATES.items() if k != "scratch")
    p.add_argument("--lr", type=float, help=f"learning rate (default: {rates})")
    p.add_argument("--anchor", type=float, metavar="LAMBDA",
                   help="pull the body back to its first weights, for example 0.01")
    p.add_argument("--replay", type=float, default=0.0, metavar="SHARE",
                   help="share of each batch taken from --text, for example 0.2")
    p.add_argument("--text", type=Path, nargs="+",
                   help="the text --model was pretrained on: measures what is forgotten")

    p = verb("embed", "write sentence vectors of the lines of a text file")
    p.add_argument("text", type=Path, help="text file, a sentence a line")
    p.add_argument("--model", type=Path, required=True, help="folder of a model")
    p.add_argument("--out", type=Path, required=True, help=".npy file to write")
    p.add_argument("--pool", default="mean", choices=POOLS)

    p = verb("evaluate", "measure a classifier on label<TAB>text lines")
    p.add_argument("data", type=Path, help="file of label<TAB>text lines")
    p.add_argument("--model", type=Path, required=True, help="folder of a fine-tuned model")

    p = verb("predict", "label the lines of standard input")
    p.add_argument("--model", type=Path, required=True, help="folder of a fine-tuned model")
    return parser


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Call the function of the verb; returns its results."""
    options = {k: v for k, v in vars(args).items() if k not in ("verb", "threads", "json")}
    if args.verb == "tour":
        return tour(**options, progress=Progress)
    if args.verb == "pretrain":
        return many_texts.pretrain_texts(options.pop("text"), **options, progress=Progress)
    if args.verb == "finetune":
        return recipes.finetune_file(**options, progress=Progress)
    if args.verb == "embed":
        return recipes.embed_file(args.text, args.model, args.out, args.pool)
    if args.verb == "evaluate":
        return recipes.evaluate_file(args.data, args.model)
    data = sys.stdin.buffer.read()
    return recipes.predict_lines(recipes.input_lines(data), args.model)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; exit status 0, or 2 with one line for input that cannot be used."""
    args = build_parser().parse_args(argv)
    try:
        for flag, value, least in (("--seed", args.seed, 0), ("--threads", args.threads, 1)):
            if value < least:
                raise ConfigError(f"{flag} is {value}, expected {least} or more")
        set_threads(args.threads)
        keep_freed_memory()
        with np.errstate(all="ignore"):  # what is not finite is found and named, once
            results = run(args)
    except NpftError as error:
        print(f"npft {args.verb}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"npft {args.verb}: interrupted", file=sys.stderr)
        return 130
    if args.json:
        print(json.dumps(results, ensure_ascii=False))
    else:
        print(report(args.verb, results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
