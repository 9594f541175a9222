"""The verbs and options of the command line, what each verb's example looks like, and the guide.

The examples of ``--help`` run as they stand, from top to bottom, in an empty folder.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from npft.text.layout import FileFormat

T = TypeVar("T")

VERBS = {
    "tour": "the life of one encoder: four tables and four figures in three minutes",
    "pretrain": "pretrain an encoder on text files, or on TinyWorld",
    "finetune": "fine-tune a model on labelled texts, pairs, tags or answers",
    "forgetting": "what fine-tuning makes a model forget, and what keeps it",
    "evaluate": "measure a fine-tuned model on labelled data",
    "predict": "what a fine-tuned model says of each row, as the rows come",
    "embed": "write a vector for each line of a text file",
    "search": "find the lines of text files that say what is asked for",
    "similarity": "how alike pairs of texts are, beside scores if there are",
}
EXAMPLES = {
    "tour": "npft tour --fast --out quick",
    "pretrain": r"printf 'the %d cats sat.\nthe dog ran.\n' $(seq 20) > notes.txt && "
                "npft pretrain notes.txt --steps 20 --out body",
    "finetune": r"printf 'ham\tsee you at %d\nspam\twin prize %d\n' $(seq 40) > messages.tsv && "
                "npft finetune messages.tsv --out spam",
    "evaluate": "npft evaluate messages.tsv --model spam    # after the example of finetune",
    "predict": "echo 'win a prize' | npft predict --model spam    # after the example of finetune",
    "forgetting": "npft forgetting messages.tsv --model body --text notes.txt --out kept"
                  "    # after those of pretrain and finetune",
    "embed": r"printf 'one line\nanother\n' > lines.txt && "
             "npft embed lines.txt --model tinyworld --out lines.npy",
    "search": r"printf 'the chef cooks the stew\nthe teller counts the money\n' > said.txt && "
              "npft search said.txt --model tinyworld --query 'the caterer simmers the soup'",
    "similarity": r"printf '5\twin cash\tcash wins\n0\tsee you\twin cash\n' > pairs.tsv && "
                  "npft similarity pairs.tsv --model tinyworld",
}  # fmt: skip


def build_parser(version: str, typed: Sequence[str]) -> argparse.ArgumentParser:
    """The parser of all verbs; the options of a verb are there if it is the one that was typed.

    Names of tasks, repairs and objectives come from the files that define them, and a verb that
    does not need these should not wait for them.
    """
    parser = argparse.ArgumentParser(
        prog="npft", description="The whole life of a language encoder, in NumPy."
    )
    parser.add_argument("--version", action="version", version=f"npft {version}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")  # none: the guide is printed
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--seed", type=int, default=0, help="of all randomness (default 0)")
    common.add_argument("--threads", type=int, default=os.cpu_count() or 1,
                        help="how many work on a batch; changes no result (default: all cores)")
    common.add_argument("--json", action="store_true", help="print the results as one JSON object")

    options = {
        "tour": add_tour, "pretrain": add_pretrain, "finetune": add_finetune,
        "forgetting": add_forgetting, "evaluate": add_evaluate, "predict": add_predict,
        "embed": add_embed, "search": add_search, "similarity": add_similarity,
    }  # fmt: skip
    asked = next((word for word in typed if word in VERBS), None)
    for name, text in VERBS.items():
        verb = verbs.add_parser(
            name, help=text, description=text, parents=[common],
            formatter_class=argparse.RawDescriptionHelpFormatter,
            epilog=f"example:\n  {EXAMPLES[name]}",
        )  # fmt: skip
        if name == asked:
            options[name](verb)
    return parser


def guide() -> str:
    """What ``npft`` alone prints: what it is, its verbs, and three commands to begin with.

    >>> print(guide().splitlines()[0])
    npft: the whole life of a language encoder in NumPy - pretrain, adapt, forget, repair, embed
    """
    wide = max(map(len, VERBS))
    return "\n".join([
        "npft: the whole life of a language encoder in NumPy - pretrain, adapt, forget, repair, "
        "embed",
        "", "verbs:",
        *(f"  npft {name:<{wide}}  {text}" for name, text in VERBS.items()),
        "", "to begin with, in an empty folder:",
        *(f"  {EXAMPLES[name].partition('    #')[0]}" for name in ("tour", "finetune", "predict")),
        "", "more: npft VERB --help, and in Python: import npft; help(npft)",
    ])  # fmt: skip


def add_tour(p: argparse.ArgumentParser) -> None:
    """The options of ``npft tour``."""
    p.add_argument("--out", type=Path, default=Path("tour"), help="folder (default: tour)")
    p.add_argument("--fast", action="store_true", help="a seventh of the steps, one seed")
    add_force(p)


def add_pretrain(p: argparse.ArgumentParser) -> None:
    """The options of ``npft pretrain``."""
    from npft.pretraining.adapt import ADAPT_LR
    from npft.pretraining.catalogue import OBJECTIVES
    from npft.pretraining.start import PRETRAIN_LR

    p.add_argument("text", type=Path, nargs="*",
                   help="text files: a sentence a line, or prose (default: TinyWorld)")
    p.add_argument("--out", type=Path, required=True, help="folder for the model")
    p.add_argument("--objective", default="mlm,nsp", choices=list(OBJECTIVES), metavar="NAME",
                   help=f"what is learnt: {'  '.join(OBJECTIVES)} (default mlm,nsp)")
    add_tokenizer(p, "default wordpiece")
    p.add_argument("--vocab-size", type=int,
                   help="default 4000, of TinyWorld 2000; bytes have none")
    p.add_argument("--steps", type=int, help="default 1500, on TinyWorld 2800, with --from 500")
    p.add_argument("--batch-size", type=int, default=32, help="sequences a step (default 32)")
    p.add_argument("--lr", type=float,
                   help=f"default {PRETRAIN_LR:g}, with --from {ADAPT_LR:g}")
    p.add_argument("--from", dest="start", metavar="MODEL",
                   help="go on from this pretrained model with the text of a new domain")
    p.add_argument("--general", type=Path, nargs="+", metavar="TEXT",
                   help="with --from: the text it was pretrained on: measures what is forgotten")
    p.add_argument("--replay", type=float, default=0.0, metavar="SHARE",
                   help="with --from: share of each epoch taken from --general, for example 0.2")
    p.add_argument("--encoding", help="of all text files, such as latin-1 (default utf-8)")
    p.add_argument("--alpha", type=float,
                   help="each text file is a language, read with probability ~ size**alpha")
    p.add_argument("--resume", action="store_true",
                   help="go on with a run that was stopped in --out")
    add_force(p)


def add_finetune(p: argparse.ArgumentParser) -> None:
    """The options of ``npft finetune``."""
    from npft.finetune.regimes import LARGE_RATES, LARGE_WIDTH, LEARNING_RATES

    p.add_argument("data", type=Path, help="file of labelled rows")
    p.add_argument("--out", type=Path, required=True, help="folder for the model")
    add_rows(p)
    p.add_argument("--validation", metavar="FILE",
                   help="rows to choose the best epoch by: a file, or a share such as 0.1")
    p.add_argument("--patience", type=int, metavar="N",
                   help="with --validation: end after N epochs without a better one")
    p.add_argument("--model", type=Path, help="folder of a pretrained model (default: a new body)")
    add_tokenizer(p, "of a new body; default wordpiece where it suits the text, else bpe")
    p.add_argument("--regime", default="full", choices=list(LEARNING_RATES),
                   help="what trains: the head, the last block too, or all; gradual and ulmfit: "
                        "one layer more in each epoch; lp-ft: the head first; lora and adapter: a "
                        "small part added to a body that stays (default full)")
    add_length(p)
    rates, large = (
        ", ".join(f"{k} {v:g}" for k, v in of.items()) for of in (LEARNING_RATES, LARGE_RATES)
    )
    p.add_argument("--lr", type=float,
                   help=f"learning rate (default: {rates}; of a body of {LARGE_WIDTH} columns or "
                        f"more: {large})")
    p.add_argument("--anchor", type=float, metavar="LAMBDA",
                   help="pull the body back to its first weights, for example 0.01")
    p.add_argument("--replay", type=float, default=0.0, metavar="SHARE",
                   help="share of each batch taken from --text, for example 0.2")
    p.add_argument("--text", type=Path, nargs="+",
                   help="the text --model was pretrained on: measures what is forgotten")
    add_text_encoding(p)
    add_force(p)


def add_forgetting(p: argparse.ArgumentParser) -> None:
    """The options of ``npft forgetting``."""
    from npft.files.forgetting import DEFAULT
    from npft.finetune.regimes import LEARNING_RATES
    from npft.forgetting.methods import METHODS, PLAIN

    p.add_argument("data", type=Path, help="file of labelled rows")
    p.add_argument("--out", type=Path, required=True, help="folder for the table and the figure")
    p.add_argument("--model", type=Path, required=True, help="folder of a pretrained model")
    p.add_argument("--text", type=Path, nargs="+", required=True,
                   help="the text it was pretrained on: what is forgotten is measured on it")
    add_text_encoding(p)
    names = ", ".join(
        name if method.strength is None else f"{name}={method.strength:g}"
        for name, method in METHODS.items() if name != PLAIN
    )
    p.add_argument("--repairs", nargs="+", default=DEFAULT, metavar="NAME[=STRENGTH]",
                   help=f"what is tried beside plain fine-tuning, of {names} "
                        f"(default {' '.join(DEFAULT)})")
    add_rows(p)
    add_length(p)
    p.add_argument("--lr", type=float,
                   help=f"learning rate (default {LEARNING_RATES['full']:g})")
    add_force(p)


def add_text_encoding(p: argparse.ArgumentParser) -> None:
    """How the text of a pretrained model is written, which may be another way than the rows."""
    p.add_argument("--text-encoding", metavar="NAME",
                   help="of --text, such as latin-1 (default utf-8)")


def add_rows(p: argparse.ArgumentParser) -> None:
    """What is learnt from a file, and what it is measured on."""
    from npft.encoder.pooling import HEAD_POOLS
    from npft.files.tasks import TAGGERS
    from npft.metrics.entities import SCHEMES

    add_task(p, "what to learn (default: guessed where the file leaves no doubt)")
    add_format(p)
    p.add_argument("--test", type=Path, metavar="FILE",
                   help="labelled rows to measure on (default: 20 %% of the data)")
    p.add_argument("--positive", metavar="LABEL",
                   help="the label whose precision and recall count, of two (default: the later "
                        "in the alphabet)")
    p.add_argument("--scheme", choices=[*SCHEMES, "plain"],
                   help="how tags mark entities (default: as the tags say)")
    p.add_argument("--tagger", choices=list(TAGGERS),
                   help="each word by itself, or a chain (CRF) that keeps to the scheme "
                        "(default token)")
    p.add_argument("--pool", choices=HEAD_POOLS,
                   help="how the tokens of a text become one vector (default: that of the "
                        "sentence encoder in --model, or mean)")


def add_length(p: argparse.ArgumentParser) -> None:
    """How long is trained."""
    p.add_argument("--epochs", type=int, default=10, help="passes over the data (default 10)")
    p.add_argument("--batch-size", type=int, default=32, help="rows a step (default 32)")


def add_evaluate(p: argparse.ArgumentParser) -> None:
    """The options of ``npft evaluate``."""
    p.add_argument("data", type=Path, help="file of labelled rows")
    p.add_argument("--model", type=Path, required=True, help="folder of a fine-tuned model")
    add_task(p, "what it was trained for (default: as its folder says)")
    add_format(p)


def add_predict(p: argparse.ArgumentParser) -> None:
    """The options of ``npft predict``."""
    p.add_argument("data", type=Path, nargs="?",
                   help="file of rows without labels (default: standard input, a text a line)")
    p.add_argument("--model", type=Path, required=True, help="folder of a fine-tuned model")
    add_task(p, "what it was trained for (default: as its folder says)")
    add_format(p)


def add_embed(p: argparse.ArgumentParser) -> None:
    """The options of ``npft embed``."""
    from npft.encoder.pooling import POOLS

    p.add_argument("text", type=Path,
                   help="text file: row i of the vectors is its line i; of a table its row i, "
                        "without blank lines")
    p.add_argument("--model", type=Path, required=True, help="folder of a model")
    p.add_argument("--out", type=Path, required=True, help=".npy file to write")
    p.add_argument("--pool", choices=POOLS,
                   help="of the token vectors of a line (default: the model's own, or mean)")
    add_format(p)


def add_search(p: argparse.ArgumentParser) -> None:
    """The options of ``npft search``."""
    from npft.encoder.pooling import POOLS

    p.add_argument("text", type=Path, nargs="+", help="text files to search in, a text a line")
    asked = p.add_mutually_exclusive_group()
    asked.add_argument("--query", action="append", metavar="TEXT",
                       help="what to look for; may be given again (default: standard input, a "
                            "query a line)")
    asked.add_argument("--queries", type=Path, metavar="FILE", help="file with a query a line")
    p.add_argument("--model", type=Path, help="folder of a model whose vectors are compared")
    p.add_argument("--pool", choices=POOLS,
                   help="of the token vectors of a text (default: the model's own, or mean)")
    p.add_argument("--index", type=Path, metavar="FOLDER",
                   help="keep the vectors there, or use those that are")
    p.add_argument("--bm25", action="store_true", help="search by words, without a model")
    p.add_argument("-k", type=int, default=5, help="lines found for a query (default 5)")
    add_format(p)
    add_force(p)


def add_similarity(p: argparse.ArgumentParser) -> None:
    """The options of ``npft similarity``."""
    from npft.encoder.pooling import POOLS

    p.add_argument("pairs", type=Path, help="file of rows: score, text, pair")
    p.add_argument("--model", type=Path, required=True, help="folder of a model")
    p.add_argument("--unscored", action="store_true",
                   help="the rows are text and pair alone: say the cosine of each")
    p.add_argument("--pool", choices=POOLS,
                   help="with --unscored: of the token vectors of a text (default: the model's "
                        "own, or mean)")
    add_format(p)


def add_task(p: argparse.ArgumentParser, text: str) -> None:
    """What kind of rows a file holds."""
    from npft.files.tasks import TASKS

    p.add_argument("--task", choices=list(TASKS), help=text)


def add_format(p: argparse.ArgumentParser) -> None:
    """How a user's file is to be read."""
    from npft.text.layout import FORMATS

    p.add_argument("--format", choices=FORMATS, help="default: by the ending of the file's name")
    p.add_argument("--columns", type=columns, metavar="A,B",
                   help="where the cells stand: numbers from 1, names of the header, or keys")
    p.add_argument("--header", action="store_true", help="the first row names the columns")
    p.add_argument("--separator", type=separator, metavar="CHAR",
                   help="between columns: a character, or the word tab (default: of the format)")
    p.add_argument("--encoding", default="utf-8", help="of the rows, such as latin-1 or utf-16")


def add_tokenizer(p: argparse.ArgumentParser, default: str) -> None:
    """The tokenizer of a new model."""
    from npft.pretraining.start import TOKENIZERS

    p.add_argument("--tokenizer", choices=TOKENIZERS, help=default)
    case = p.add_mutually_exclusive_group()
    case.add_argument("--lowercase", dest="lowercase", action="store_true", default=None,
                      help="wordpiece without capitals and accents (its default)")
    case.add_argument("--cased", dest="lowercase", action="store_false",
                      help="wordpiece with capitals and accents")


def add_force(p: argparse.ArgumentParser) -> None:
    """Whether what stands in the place of the result may be lost."""
    p.add_argument("--force", action="store_true", help="write over what stands there")


def columns(text: str) -> tuple[int | str, ...]:
    """``2,1`` as numbers, ``label,text`` as names.

    >>> columns("2,1"), columns("label, text")
    ((2, 1), ('label', 'text'))
    """
    names = [name.strip() for name in text.split(",")]
    return tuple(int(name) if name.isdecimal() else name for name in names)


def separator(text: str) -> str:
    r"""A character, which may be called ``tab`` or written ``\t``, for a shell passes no tab.

    >>> separator(";"), separator("tab"), separator(r"\t")
    (';', '\t', '\t')
    """
    return "\t" if text in ("tab", r"\t") else text


def picked(args: argparse.Namespace, cls: type[T]) -> T:
    """The options that a dataclass names, as one of it."""
    names = {field.name for field in fields(cls)}  # type: ignore[arg-type]
    return cls(**{name: value for name, value in vars(args).items() if name in names})


def file_format(args: argparse.Namespace) -> FileFormat:
    """How the user says the file is to be read."""
    from npft.text.layout import FileFormat

    return FileFormat(
        name=args.format,
        columns=args.columns,
        header=args.header,
        separator=args.separator,
        encoding=args.encoding,
    )
