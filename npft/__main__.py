"""The command line: ``npft VERB`` or ``python -m npft VERB``. Each verb calls one function.

``npft`` alone prints a guide. A verb loads what it needs when it is asked for, in its function here
and in that of its options in ``files/arguments.py``, so that none waits for the others.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from npft import __version__
from npft.errors import ConfigError
from npft.files.arguments import build_parser, file_format, guide, picked
from npft.files.ending import Ending, open_streams, say
from npft.nn.progress import Progress

# Of what has no steps and mostly ends at once; a training run always says that it has ended.
Waiting = partial(Progress, short=False)

Result = tuple[dict[str, Any], str]  # the results of a verb, and the lines that tell them


def run_tour(args: argparse.Namespace) -> Result:
    """The life of one encoder."""
    from npft.tour import tour

    results = tour(**own_options(args), progress=Progress)
    return results, results["table"]


def run_pretrain(args: argparse.Namespace) -> Result:
    """Choose by the options given between one text, a new domain, and languages."""
    from npft.experiments.bodies import world_text
    from npft.files.domains import DomainFiles, adapt_files, report_domain
    from npft.files.pretrain import (
        file_text, pretrain_languages, pretrain_text, report_languages, report_text,
    )
    from npft.pretraining.start import Vocabulary

    options = own_options(args) | {"progress": Progress}
    text, start, general, replay, alpha, encoding = (
        options.pop(k) for k in ("text", "start", "general", "replay", "alpha", "encoding")
    )
    if encoding is not None and not text:
        raise ConfigError("--encoding is that of text files; name some, or leave it out")
    vocabulary = Vocabulary(*(options.pop(k) for k in ("tokenizer", "vocab_size", "lowercase")))
    if start is not None:
        if alpha is not None:
            raise ConfigError("--alpha mixes languages for a new model; leave out --from")
        if vocabulary != Vocabulary():
            raise ConfigError("--from goes on with the tokenizer of that model; leave out "
                              "--tokenizer, --vocab-size, --lowercase and --cased")
        files = DomainFiles(text, general, encoding)
        results = adapt_files(files, start=start, replay=replay, **options)
        return results, report_domain(results)
    if general or replay:
        raise ConfigError("--general and --replay need --from, the model that goes on learning")
    if alpha is not None:
        results = pretrain_languages(
            text, alpha=alpha, encoding=encoding, vocabulary=vocabulary, **options
        )
        return results, report_languages(results)
    start_text = file_text(text, encoding) if text else world_text(options["seed"])
    results = pretrain_text(start_text, vocabulary=vocabulary, **options)
    return results, report_text(results)


def run_finetune(args: argparse.Namespace) -> Result:
    """A model that learns from a file of labelled rows."""
    from npft.files.finetune import Material, Start, Training, finetune_file
    from npft.files.report import report_finetune

    results = finetune_file(
        picked(args, Material), args.out, fmt=file_format(args), start=picked(args, Start),
        training=picked(args, Training), force=args.force, progress=Progress,
    )  # fmt: skip
    return results, report_finetune(results)


def run_forgetting(args: argparse.Namespace) -> Result:
    """The same with several repairs: what each keeps of the text before."""
    from npft.files.finetune import Material, Training
    from npft.files.forgetting import forgetting_file, report_forgetting

    results = forgetting_file(
        picked(args, Material), args.model, args.text, args.out, fmt=file_format(args),
        text_encoding=args.text_encoding, training=picked(args, Training), repairs=args.repairs,
        force=args.force, progress=Progress,
    )  # fmt: skip
    return results, report_forgetting(results)


def run_evaluate(args: argparse.Namespace) -> Result:
    """How good a saved model is on labelled rows."""
    from npft.files.evaluate import evaluate_file, report_evaluate

    results = evaluate_file(args.data, args.model, args.task, file_format(args))
    return results, report_evaluate(results)


def run_predict(args: argparse.Namespace) -> None:
    """Say what a saved model says of each row, as the rows come."""
    from npft.files.predict import predict_file, print_predictions, report_counts

    found = predict_file(args.data or sys.stdin.buffer, args.model, args.task, file_format(args))
    print_predictions(found, args.json, say)
    if lost := report_counts(found.counts()):
        print(f"npft predict: {lost}", file=sys.stderr)


def run_embed(args: argparse.Namespace) -> Result:
    """A vector for each line."""
    from npft.files.embed import embed_file, report_embed

    results = embed_file(
        args.text, args.model, args.out, pool=args.pool, fmt=file_format(args), progress=Waiting
    )
    return results, report_embed(results)


def run_search(args: argparse.Namespace) -> Result | None:
    """Say each answer as it is found, or all as one object."""
    from npft.files.search import Search, Way, queries_of

    fmt = file_format(args)
    queries = queries_of(args.query, args.queries or sys.stdin.buffer, fmt)
    search = Search(args.text, picked(args, Way), args.k, fmt, progress=Waiting)
    answers = search.answers(queries)
    if args.json:
        return {"texts": len(search.texts), "k": args.k, "queries": list(answers)}, ""
    for answer in answers:
        say(search.told(answer))
    return None


def run_similarity(args: argparse.Namespace) -> Result | None:
    """The table of a file with scores; of one without, the cosine of each pair as it is read."""
    from npft.files.similarity import (
        cosines_of_pairs, pair_line, report_similarity, similarity_file,
    )

    if not args.unscored:
        if args.pool is not None:
            raise ConfigError("--pool goes with --unscored; the table has every pool")
        results = similarity_file(args.pairs, args.model, fmt=file_format(args))
        return results, report_similarity(results)
    rows = cosines_of_pairs(args.pairs, args.model, pool=args.pool, fmt=file_format(args))
    if args.json:
        return {"pairs": list(rows)}, ""
    for row in rows:
        say(pair_line(row))
    return None


# of each verb; None if it has printed its results itself
RUN: dict[str, Callable[[argparse.Namespace], Result | None]] = {
    "tour": run_tour,
    "pretrain": run_pretrain,
    "finetune": run_finetune,
    "forgetting": run_forgetting,
    "evaluate": run_evaluate,
    "predict": run_predict,
    "embed": run_embed,
    "search": run_search,
    "similarity": run_similarity,
}


def own_options(args: argparse.Namespace) -> dict[str, Any]:
    """The options of a verb by name; those for all verbs are left out, but for the seed."""
    return {k: v for k, v in vars(args).items() if k not in ("verb", "threads", "json")}


def carry_out(args: argparse.Namespace) -> None:
    """Run the verb that was typed and print its results."""
    from npft.autograd.machine import keep_freed_memory, set_threads

    for flag, value, least in (("--seed", args.seed, 0), ("--threads", args.threads, 1)):
        if value < least:
            raise ConfigError(f"{flag} is {value}, expected {least} or more")
    set_threads(args.threads)
    keep_freed_memory()
    with np.errstate(all="ignore"):  # what is not finite is found and named, once
        found = RUN[args.verb](args)
    if found is not None:
        results, lines = found
        say(json.dumps(results, ensure_ascii=False) if args.json else lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb, or print the guide; the exit status is told in ``files/ending.py``."""
    with Ending("npft") as ending:
        open_streams()
        typed = sys.argv[1:] if argv is None else argv
        args = build_parser(__version__, typed).parse_args(typed)
        if args.verb is None:
            say(guide())
        else:
            ending.name = f"npft {args.verb}"
            carry_out(args)
    return ending.status


if __name__ == "__main__":
    sys.exit(main())
