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

from npft import __version__
from npft.autograd.machine import keep_freed_memory, set_threads
from npft.encoder.pooling import POOLS
from npft.errors import ConfigError, NpftError
from npft.experiments.bodies import world_text
from npft.files.domains import adapt_files, report_domain
from npft.files.finetune import evaluate_file, finetune_file, report_evaluate, report_finetune
from npft.files.predict import (
    embed_file, input_lines, predict_lines, report_embed, report_predict,
)
from npft.files.pretrain import (
    file_text, pretrain_languages, pretrain_text, report_languages, report_text,
)
from npft.finetune.regimes import LEARNING_RATES
from npft.nn.progress import Progress
from npft.pretrain.adapt import ADAPT_LR
from npft.pretrain.catalogue import OBJECTIVES
from npft.pretrain.start import PRETRAIN_LR, TOKENIZERS
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

    add_pretrain(verb("pretrain", "pretrain an encoder on text files, or on TinyWorld"))
    add_finetune(verb("finetune", "fine-tune a classifier on label<TAB>text lines"))

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


def add_pretrain(p: argparse.ArgumentParser) -> None:
    """The options of ``npft pretrain``."""
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
                   help=f"default {PRETRAIN_LR:g}, with --from {ADAPT_LR:g}")
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


def add_finetune(p: argparse.ArgumentParser) -> None:
    """The options of ``npft finetune``."""
    p.add_argument("data", type=Path, help="file of label<TAB>text lines")
    p.add_argument("--out", type=Path, required=True, help="folder for the model")
    p.add_argument("--model", type=Path, help="folder of a pretrained model (default: a new body)")
    p.add_argument("--regime", default="full", choices=["head", "last", "full"],
                   help="what trains: the head, the last block too, or all (default full)")
    p.add_argument("--epochs", type=int, default=10, help="passes over the data (default 10)")
    p.add_argument("--batch-size", type=int, default=32, help="texts a step (default 32)")
    rates = ", ".join(f"{k} {v:g}" for k, v in LEARNING_RATES.items())
    p.add_argument("--lr", type=float, help=f"learning rate (default: {rates})")
    p.add_argument("--anchor", type=float, metavar="LAMBDA",
                   help="pull the body back to its first weights, for example 0.01")
    p.add_argument("--replay", type=float, default=0.0, metavar="SHARE",
                   help="share of each batch taken from --text, for example 0.2")
    p.add_argument("--text", type=Path, nargs="+",
                   help="the text --model was pretrained on: measures what is forgotten")


Result = tuple[dict[str, Any], str]  # the results of a verb, and the lines that tell them


def run(args: argparse.Namespace) -> Result:
    """Call the function of the verb."""
    options = {k: v for k, v in vars(args).items() if k not in ("verb", "threads", "json")}
    if args.verb == "tour":
        results = tour(**options, progress=Progress)
        return results, results["table"]
    if args.verb == "pretrain":
        return run_pretrain(**options)
    if args.verb == "finetune":
        results = finetune_file(**options, progress=Progress)
        return results, report_finetune(results)
    if args.verb == "embed":
        results = embed_file(args.text, args.model, args.out, args.pool)
        return results, report_embed(results)
    if args.verb == "evaluate":
        results = evaluate_file(args.data, args.model)
        return results, report_evaluate(results)
    results = predict_lines(input_lines(sys.stdin.buffer.read()), args.model)
    return results, report_predict(results)


def run_pretrain(
    text: list[Path],
    out: Path,
    start: str | None,
    general: list[Path] | None,
    replay: float,
    alpha: float | None,
    **options: Any,
) -> Result:
    """Choose by the options given between one text, a new domain, and languages."""
    made = {name: options.pop(name) for name in ("tokenizer", "vocab_size")}
    options["progress"] = Progress
    if start is not None:
        if alpha is not None:
            raise ConfigError("--alpha mixes languages for a new model; leave out --from")
        if any(value is not None for value in made.values()):
            raise ConfigError("--from goes on with the tokenizer of that model; leave out "
                              "--tokenizer and --vocab-size")
        results = adapt_files(text, out, start=start, general=general, replay=replay, **options)
        return results, report_domain(results)
    if general or replay:
        raise ConfigError("--general and --replay need --from, the model that goes on learning")
    if alpha is not None:
        results = pretrain_languages(text, out, alpha=alpha, **made, **options)
        return results, report_languages(results)
    start_text = file_text(text) if text else world_text(options["seed"])
    results = pretrain_text(start_text, out, **made, **options)
    return results, report_text(results)


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
            results, lines = run(args)
    except NpftError as error:
        print(f"npft {args.verb}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"npft {args.verb}: interrupted", file=sys.stderr)
        return 130
    if args.json:
        print(json.dumps(results, ensure_ascii=False))
    else:
        print(lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
