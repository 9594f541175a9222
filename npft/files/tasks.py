"""The tasks of the command line: what a row of a file holds, and which model learns from it.

    classify   label, text                  Classifier       a name for each text
    pair       label, text, pair            Classifier       a name for each pair of texts
    score      score, text, pair            Regressor        a number for each pair of texts
    tag        word and tag, by sentences   TokenClassifier  a tag for each word, or ChainTagger
    answer     question, passage, answer    SpanFinder       words cut out of a passage

How it is learnt, measured and decided is the business of the model's head, not of the task.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from npft.autograd.kernels import softmax
from npft.encoder.encoder import Encoder
from npft.encoder.head import Asked
from npft.encoder.model import Model
from npft.errors import CheckpointError, ConfigError, DataError
from npft.finetune.baselines import bag_of_words, frequent_tags, majority, shared_words
from npft.heads.answers import SpanFinder
from npft.heads.classes import Classifier
from npft.heads.crf import ChainTagger
from npft.heads.grades import Regressor
from npft.heads.tags import TokenClassifier
from npft.loading import load
from npft.metrics.score import Score
from npft.text import (
    FileFormat, Record, count_unscored, looks_like_tags, read_answers, read_labelled, read_pairs,
    read_records, read_scored, read_tagged,
)
from npft.text.answer_files import is_squad, squad_questions
from npft.text.batch import NO_SPAN
from npft.text.readers import check_no_pipe, source_name

SAID = {"f1": "F1", "spearman": "Spearman", "pearson": "Pearson", "rmse": "error (RMSE)",
        "exact": "exact match"}
TAGGERS: dict[str, Any] = {"token": TokenClassifier, "chain": ChainTagger}
CONTROL = re.compile("[\\x00-\\x1f\\x7f-\\x9f]")  # moves the cursor or changes colours
Row = dict[str, Any]  # one row of a file, and what is said of it


class Task:
    """A kind of rows, and how they become examples and, later, predictions."""

    name: ClassVar[str]
    asked: ClassVar[tuple[str, ...]]  # the cells of a row without its label
    made: ClassVar[tuple[type[Model], ...]]  # the models that can learn it; the first by default
    figures: ClassVar[tuple[str, ...]]  # of its score, in the order they are told
    says = "label"  # what a model says of a row is called
    options: ClassVar[tuple[str, ...]] = ()  # what its model can be told beyond the data
    stratify = False  # whether each label has its share of every part

    def read(self, path: Path, fmt: FileFormat, like: Any = None) -> Any:
        """The labelled examples of a file; with ``like``, a model or other examples, only labels
        that these know are taken, and numbered as theirs are."""
        raise NotImplementedError

    def skipped(self, path: Path, fmt: FileFormat) -> int:
        """How many rows of the file ``read`` leaves out, for they have no label."""
        return 0

    def model(
        self, encoder: Encoder, train: Any, rng: np.random.Generator, **options: Any
    ) -> Model:
        """The encoder with a new head for such examples."""
        raise NotImplementedError

    def baselines(self, train: Any, test: Any, **options: Any) -> dict[str, Score]:
        """How far one comes without an encoder, if that is known."""
        return {}

    def texts(self, examples: Any) -> list[str]:
        """All texts of the examples."""
        return [*examples.texts, *(examples.pairs or ())]

    def rows(self, source: Any, fmt: FileFormat, model: Any) -> Iterator[Row]:
        """The rows of a file without labels, as they come, of which the model will be asked."""
        for record in unlabelled(source, self.asked, fmt):
            yield dict(zip(self.asked, record.cells))

    def told(self, score: dict[str, Any]) -> str:
        """The figures of a score in one line."""
        figures = "  ".join(f"{SAID.get(k, k)} {score[k]:.3f}" for k in self.figures)
        return f"{figures}  ({score['averaged']})" if score.get("averaged") else figures

    def names(self, model: Any) -> dict[str, Any]:
        """The labels of the model, if it has some."""
        return {"label_names": model.label_names} if hasattr(model, "label_names") else {}

    def columns(self, rows: Sequence[Row]) -> tuple[list[Any], list[Any] | None]:
        """The first and, of pairs, the second texts of rows."""
        first, *second = ([row[name] for row in rows] for name in self.asked)
        return first, second[0] if second else None

    def say(self, model: Any, asked: Asked) -> list[Row]:
        """What the model says of each row."""
        said = model.head().decode(model.decide(asked.batch), asked)
        return [{self.says: value} for value in said]

    def line(self, row: Row) -> str:
        """A row as a line: what is said of it, and then the row."""
        return "\t".join(map(cell, row.values()))


class Classify(Task):
    """A label for each text."""

    name = "classify"
    asked: ClassVar[tuple[str, ...]] = ("text",)
    made = (Classifier,)
    figures = ("precision", "recall", "f1", "accuracy")
    options = ("positive", "pool")
    stratify = True

    def read(self, path: Path, fmt: FileFormat, like: Any = None) -> Any:
        return self.checked(path, read_labelled(path, like and like.label_names, fmt=fmt))

    def checked(self, path: Path, examples: Any) -> Any:
        """The examples, if they have two labels; raises ``DataError`` if they do not."""
        if len(examples.label_names) < 2:
            raise DataError(
                f"every line has the label {examples.label_names[0]!r}; give examples of at least "
                "two", path=path,
            )  # fmt: skip
        return examples

    def model(
        self, encoder: Encoder, train: Any, rng: np.random.Generator, **options: Any
    ) -> Model:
        names = train.label_names
        return Classifier(encoder, len(names), label_names=names, rng=rng, **options)

    def baselines(
        self, train: Any, test: Any, positive: str | None = None, **options: Any
    ) -> dict[str, Score]:
        return {
            "majority": majority(train, test, positive),
            "bag of words": bag_of_words(train, test, positive),
        }

    def say(self, model: Any, asked: Asked) -> list[Row]:
        p = softmax(model.logits(asked.batch)).numpy()  # (B, K)
        return [
            {"label": model.label_names[k], "probability": round(float(row[k]), 6)}
            for row, k in zip(p, p.argmax(axis=1))
        ]


class Pair(Classify):
    """A label for each pair of texts."""

    name = "pair"
    asked = ("text", "pair")

    def read(self, path: Path, fmt: FileFormat, like: Any = None) -> Any:
        return self.checked(path, read_pairs(path, like and like.label_names, fmt=fmt))


class Grade(Task):
    """A number for each pair of texts."""

    name = "score"
    asked = ("text", "pair")
    made = (Regressor,)
    figures = ("spearman", "pearson", "rmse")
    options = ("pool",)
    says = "score"

    def read(self, path: Path, fmt: FileFormat, like: Any = None) -> Any:
        check_no_pipe(path)  # it is read again to count what was skipped
        examples = read_scored(path, unscored="skip", fmt=fmt)
        scores = set(np.asarray(examples.labels).tolist())
        if len(scores) == 1 and like is None:
            raise DataError(f"every row has the score {scores.pop():g}; give examples of "
                            "different scores", path=path)
        return examples

    def skipped(self, path: Path, fmt: FileFormat) -> int:
        return count_unscored(path, fmt=fmt)

    def model(
        self, encoder: Encoder, train: Any, rng: np.random.Generator, **options: Any
    ) -> Model:
        return Regressor(encoder, train.labels.min(), train.labels.max(), rng=rng, **options)

    def baselines(self, train: Any, test: Any, **options: Any) -> dict[str, Score]:
        return {"shared words": shared_words(train, test)}


class Tag(Task):
    """A tag for each word of each sentence."""

    name = "tag"
    asked = ("words",)
    made = tuple(TAGGERS.values())
    figures = ("precision", "recall", "f1", "accuracy")
    options = ("scheme", "tagger")
    says = "tags"

    def read(self, path: Path, fmt: FileFormat, like: Any = None) -> Any:
        known = None if like is None else getattr(like, "tag_names", None) or like.label_names
        return read_tagged(path, fmt, tag_names=known)

    def model(
        self, encoder: Encoder, train: Any, rng: np.random.Generator, **options: Any
    ) -> Model:
        made = TAGGERS[options.pop("tagger", "token")]
        return made(encoder, train.tag_names, rng=rng, **options)

    def baselines(self, train: Any, test: Any, **options: Any) -> dict[str, Score]:
        return {"most frequent tag": frequent_tags(train, test, options.get("scheme"))}

    def texts(self, examples: Any) -> list[str]:
        return examples.texts

    def rows(self, source: Any, fmt: FileFormat, model: Any) -> Iterator[Row]:
        """Sentences of words: a line each with spaces between the words, or a file with tags.

        Raises ``DataError`` for a file that seems to hold tags of the model, unless its format is
        named.
        """
        if fmt.named(source, "txt") in ("conll", "conllu"):
            yield from ({"words": words} for words in read_tagged(source, fmt).words)
            return
        sentences = fmt.name is not None or not is_whole(source)
        if not sentences and looks_like_tags(source, fmt, model.label_names):
            raise DataError("seems to hold a word and its tag on each line: for these say --format "
                            "conll, for a sentence a line --format txt", path=source)
        for line in unlabelled(source, ("text",), fmt):
            yield {"words": line.cells[0].split()}

    def line(self, row: Row) -> str:
        """A word and its tag on each line, and a blank line after the sentence, as in CoNLL."""
        return "".join(
            f"{escaped(word)}\t{tag}\n" for word, tag in zip(row["words"], row["tags"])
        )


class Answer(Task):
    """Words cut out of a passage, for each question.

    If the file to train on has questions without an answer, the model may give none.
    """

    name = "answer"
    asked = ("question", "passage")
    made = (SpanFinder,)
    figures = ("exact", "f1")
    says = "answer"

    def read(self, path: Path, fmt: FileFormat, like: Any = None) -> Any:
        return read_answers(path, fmt=fmt)

    def model(
        self, encoder: Encoder, train: Any, rng: np.random.Generator, **options: Any
    ) -> Model:
        without = bool((np.asarray(train.spans)[:, 0] == NO_SPAN).any())
        return SpanFinder(encoder, no_answer=without, rng=rng)

    def rows(self, source: Any, fmt: FileFormat, model: Any) -> Iterator[Row]:
        """Questions and passages, also those of a file of SQuAD's JSON."""
        if is_whole(source) and is_squad(source, fmt):
            for asked in squad_questions(source, fmt.encoding):
                yield dict(zip(self.asked, asked))
        else:
            yield from super().rows(source, fmt, model)


TASKS: dict[str, Task] = {
    task.name: task for task in (Classify(), Pair(), Grade(), Tag(), Answer())
}


def load_for(folder: Path, name: str | None = None) -> tuple[Task, Any]:
    """The fine-tuned model in a folder, and its task: the one that is named, or its own.

    A classifier of pairs is told from one of texts by the results of its training; where there are
    none, either may be named. Raises ``CheckpointError`` for a model that no task made,
    ``ConfigError`` for another task's.
    """
    model: Any = load(folder)
    fitting = [task for task in TASKS.values() if model.kind in {m.kind for m in task.made}]
    if not fitting:
        made = dict.fromkeys(m.kind for task in TASKS.values() for m in task.made)
        raise CheckpointError(
            f"{folder}: holds a {model.kind}, expected a fine-tuned model: {', '.join(made)}"
        )
    trained = results_of(folder).get("task")
    fitting = [task for task in fitting if task.name == trained] or fitting
    for task in fitting:
        if name in (None, task.name):
            return task, model
    raise ConfigError(
        f"{folder}: holds a {model.kind}, which was not trained to {name}; "
        f"expected --task {' or '.join(task.name for task in fitting)}"
    )


def is_whole(source: Any) -> bool:
    """Whether a source is a file that can be read twice: neither a stream nor a pipe."""
    return not hasattr(source, "read") and Path(source).is_file()


def unlabelled(source: Any, layout: Sequence[str], fmt: FileFormat) -> Iterator[Record]:
    """The rows of a file without labels.

    Raises ``DataError`` for a tab in the first row, blank ones aside, of what is read as plain text
    though nobody said so: a file that was trained on as a table would be read otherwise here. A
    table has its tab in every row, so one that comes later is a character of its text.
    """
    used = plain(source, layout, fmt)
    guessed = used.name != fmt.name
    for record in read_records(source, layout, used):
        if guessed and record.cells[0].strip():
            if "\t" in record.cells[0]:
                raise DataError("holds a tab: for a table say --format tsv and --columns, for text "
                                "--format txt", path=source_name(source), line=record.line)
            guessed = False
        yield record


def plain(source: Any, layout: Sequence[str], fmt: FileFormat) -> FileFormat:
    """The format of rows without labels: a text a line, where nothing says that it is a table."""
    said = fmt.columns or fmt.header or fmt.separator
    if len(layout) == 1 and not said and fmt.named(source, "txt") == "txt":
        return replace(fmt, name="txt")
    return fmt


def results_of(folder: Path) -> dict[str, Any]:
    """The results of the run that made the model in a folder, as far as they are there."""
    try:
        found = json.loads((Path(folder) / "results.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):  # RecursionError: lists in lists in lists ...
        return {}
    return found if isinstance(found, dict) else {}


def cell(value: Any) -> str:
    """A value as a cell of a row of text: with three decimals, tags side by side, in one line.

    Of the text itself no tab is left, which would divide the cell, and control characters, which
    would move the cursor, become escapes.

    >>> print(cell("a" + chr(9) + "b" + chr(27) + "[2J"))
    a b\\x1b[2J
    """
    if isinstance(value, float):
        return f"{value:.3f}"
    line = " ".join((" ".join(value) if isinstance(value, list) else str(value)).splitlines())
    return escaped(line.replace("\t", " "))


def escaped(text: str) -> str:
    """The text with an escape for each control character.

    >>> print(escaped("a" + chr(155) + "b"))
    a\\x9bb
    """
    return CONTROL.sub(lambda found: f"\\x{ord(found.group()):02x}", text)
