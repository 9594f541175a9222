"""The command line: ``npft VERB`` or ``python -m npft VERB``. Each verb calls one function.

``npft`` alone prints a guide.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from npft import __version__
from npft.autograd.machine import keep_freed_memory, set_threads
from npft.errors import ConfigError
from npft.experiments.bodies import world_text
from npft.files.arguments import build_parser, file_format, guide, picked
from npft.files.domains import adapt_files, report_domain
from npft.files.embed import embed_file, report_embed
from npft.files.ending import Ending, open_streams, say
from npft.files.evaluate import evaluate_file, report_evaluate
from npft.files.finetune import Material, Start, Training, finetune_file
from npft.files.forgetting import forgetting_file, report_forgetting
from npft.files.predict import predict_file, print_predictions, report_counts
from npft.files.pretrain import (
    file_text, pretrain_languages, pretrain_text, report_languages, report_text,
)
from npft.files.report import report_finetune
from npft.files.search import Search, Way, queries_of
from npft.files.similarity import (
    cosines_of_pairs, pair_line, report_similarity, similarity_file,
)
from npft.nn.progress import Progress
from npft.pretraining.start import Vocabulary
from npft.tour import tour

# Of what has no steps and mostly ends at once; a training run always says that it has ended.
Waiting = partial(Progress, short=False)

Result = tuple[dict[str, Any], str]  # the results of a verb, and the lines that tell them


def run(args: argparse.Namespace) -> Result | None:
    """Call the function of the verb; None if it has printed its results itself."""
    options = {k: v for k, v in vars(args).items() if k not in ("verb", "threads", "json")}
    if args.verb == "tour":
        results = tour(**options, progress=Progress)
        return results, results["table"]
    if args.verb == "pretrain":
        return run_pretrain(**options)
    if args.verb == "finetune":
        results = finetune_file(
            picked(args, Material), args.out, fmt=file_format(args), start=picked(args, Start),
            training=picked(args, Training), force=args.force, progress=Progress,
        )  # fmt: skip
        return results, report_finetune(results)
    if args.verb == "forgetting":
        results = forgetting_file(
            picked(args, Material), args.model, args.text, args.out, fmt=file_format(args),
            training=picked(args, Training), repairs=args.repairs, force=args.force,
            progress=Progress,
        )  # fmt: skip
        return results, report_forgetting(results)
    if args.verb == "embed":
        results = embed_file(
            args.text, args.model, args.out, pool=args.pool, fmt=file_format(args),
            progress=Waiting,
        )  # fmt: skip
        return results, report_embed(results)
    if args.verb == "search":
        return run_search(args)
    if args.verb == "similarity":
        return run_similarity(args)
    if args.verb == "evaluate":
        results = evaluate_file(args.data, args.model, args.task, file_format(args))
        return results, report_evaluate(results)
    found = predict_file(args.data or sys.stdin.buffer, args.model, args.task, file_format(args))
    print_predictions(found, args.json, say)
    if lost := report_counts(found.counts()):
        print(f"npft predict: {lost}", file=sys.stderr)
    return None


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
    vocabulary = Vocabulary(*(options.pop(k) for k in ("tokenizer", "vocab_size", "lowercase")))
    options["progress"] = Progress
    if start is not None:
        if alpha is not None:
            raise ConfigError("--alpha mixes languages for a new model; leave out --from")
        if vocabulary != Vocabulary():
            raise ConfigError("--from goes on with the tokenizer of that model; leave out "
                              "--tokenizer, --vocab-size, --lowercase and --cased")
        results = adapt_files(text, out, start=start, general=general, replay=replay, **options)
        return results, report_domain(results)
    if general or replay:
        raise ConfigError("--general and --replay need --from, the model that goes on learning")
    if alpha is not None:
        results = pretrain_languages(text, out, alpha=alpha, vocabulary=vocabulary, **options)
        return results, report_languages(results)
    start_text = file_text(text) if text else world_text(options["seed"])
    results = pretrain_text(start_text, out, vocabulary=vocabulary, **options)
    return results, report_text(results)


def run_search(args: argparse.Namespace) -> Result | None:
    """Say each answer as it is found, or all as one object."""
    fmt = file_format(args)
    search = Search(args.text, picked(args, Way), args.k, fmt, progress=Waiting)
    answers = search.answers(queries_of(args.query, args.queries or sys.stdin.buffer, fmt))
    if args.json:
        return {"texts": len(search.texts), "k": args.k, "queries": list(answers)}, ""
    for answer in answers:
        say(search.told(answer))
    return None


def run_similarity(args: argparse.Namespace) -> Result | None:
    """The table of a file with scores; of one without, the cosine of each pair as it is read."""
    if not args.unscored:
        results = similarity_file(args.pairs, args.model, fmt=file_format(args))
        return results, report_similarity(results)
    rows = cosines_of_pairs(args.pairs, args.model, pool=args.pool, fmt=file_format(args))
    if args.json:
        return {"pairs": list(rows)}, ""
    for row in rows:
        say(pair_line(row))
    return None


def carry_out(args: argparse.Namespace) -> None:
    """Run the verb that was typed and print its results."""
    for flag, value, least in (("--seed", args.seed, 0), ("--threads", args.threads, 1)):
        if value < least:
            raise ConfigError(f"{flag} is {value}, expected {least} or more")
    set_threads(args.threads)
    keep_freed_memory()
    with np.errstate(all="ignore"):  # what is not finite is found and named, once
        found = run(args)
    if found is not None:
        results, lines = found
        say(json.dumps(results, ensure_ascii=False) if args.json else lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb, or print the guide; the exit status is told in ``files/ending.py``."""
    with Ending("npft") as ending:
        open_streams()
        args = build_parser(__version__).parse_args(argv)
        if args.verb is None:
            say(guide())
        else:
            ending.name = f"npft {args.verb}"
            carry_out(args)
    return ending.status


if __name__ == "__main__":
    sys.exit(main())
