"""Each number of the pages has a source: a claim of ``tests/claims`` says what the results say.

Whoever computes a result anew and forgets a page is told which page, which line, what it says and
what the results say. A number that no claim holds is found as well: a new sentence of results needs
a new line in ``tests/claims``.
"""

import json
import re
import runpy
from itertools import zip_longest
from pathlib import Path
from string import Formatter

import pytest
from saying import Said, Table

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "figures" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# all but the index, which counts hours, sections and chapters
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))[1:]
FILES = sorted(p for p in (ROOT / "tests" / "claims").glob("*.py") if p.stem != "saying")

NUMBER = r"[-+]?\d+(?:,\d{3})*(?:\.\d+)?(?:e-?\d+)?"
START, END = r"(?<![\w.,])", r"(?!\w|[.,]\d)"  # a claim begins and ends between numbers

# Numbers that are no results of ours, by where they stand, and why they need no source.
EXEMPT = {
    r"```(?:python|bash|sh)\n.*?```": "programs and commands",
    r"`[^`\n]+`": "names and settings, as one types them",
    r"<!-- profiles.*?end of profiles -->": "tables that tests/test_profiles.py holds to their rows",
    r"\]\([^)\s]*\)": "where a link leads",
    r"(?m)^#+ [^\n]*$": "a heading",
    r"\$\$.+?\$\$|\$[^$]+\$": "a formula, worked by hand",
    r"(?:al\.|others|[A-Z]\w+|\()\W*(?:19|20)\d\d\b": "the year of a paper",
    r"\b20\d\d-\d\d-\d\d\b": "a date",
    r"\b(?:Python|NumPy|PyTorch|autograd|onnxruntime|sentence-transformers) \d+(?:\.\d+)*":
        "a version",
    r"\b(?:table|figure|section|equation|notebook|seed|part|Notebook|Exercise) \d+": "a name",
    rf"\b(?:\w|learning rate|rate|rates|dropout|weights?) (?:=|of|at|x) {NUMBER}": "a setting",
    rf"\b{NUMBER} (?:minutes|s a seed)\b": "how long a script takes, about",
    r"\[\d\d [A-Z]|(?:Notebooks|,|and) \d+ \([a-z ]+\)": "the number of a notebook",
    r"\(\d\) [A-Z]": "the number of a point",
    r"(?:below|above) 1 npft": "what a ratio of times means",
    rf"(?:{NUMBER} and )?{NUMBER}(?: \w+)? (?:labels?|examples|epochs|steps|seeds|rounds|texts|documents|sentences"
    r"|messages|questions|passages|pairs|triples|draws|threads)\b": "how much was run",
}


def place(text, offset):
    """The line of a text, counted from 1."""
    return text.count("\n", 0, offset) + 1


def pattern_of(value):
    """What stands in the place of a value: the same with any numbers, or any word.

    >>> bool(re.fullmatch(pattern_of("0.86 ± 0.02"), "-1 ± 2,000"))
    True
    """
    parts = re.split(NUMBER, value)
    return NUMBER.join(map(any_space, parts)) if len(parts) > 1 else r"[\w-]+"


def any_space(words):
    """The pattern of words as they stand, over the ends of lines as well."""
    return re.sub(r"(?:\\ )+", r"\\s+", re.escape(words))


def shape(said):
    """The pattern of a sentence whatever its numbers, and what should stand in its places.

    >>> pattern, values = shape(Said("raises it by {:.1f} nats", 2.384))
    >>> re.search(pattern, "training raises it\\nby 2.5 nats").groups(), values
    (('2.5',), ['2.4'])
    """
    pattern, values, left = "", [], iter(said.values)
    for words, field, spec, _ in Formatter().parse(said.words):
        pattern += any_space(words)
        if field is not None:
            values.append(format(next(left), spec))
            pattern += f"({pattern_of(values[-1])})"
    # a search that begins with a letter is much quicker without a look behind
    return ("" if said.words[0].isalpha() else START) + pattern + END, values


def one_line(text):
    """A text with one space wherever it has any."""
    return " ".join(text.split())


def sentence_in(said):
    """A function that finds a sentence in a text: (span, [(place, fault)]) for each time.

    A fault is a number that differs from that of the results.
    """
    pattern, values = shape(said)
    pattern = re.compile(pattern)

    def look(text):
        for found in pattern.finditer(text):
            wrong = [
                f'"{said.whole()}": {there} where the results say {value}'
                for there, value in zip(map(one_line, found.groups()), values) if there != value
            ]
            yield found.span(), [(found.start(), fault) for fault in wrong]

    return look


def table_in(table):
    """A function that finds a table by its head, as ``sentence_in``; a fault is a line."""
    head, *lines = table.text.splitlines()
    pattern = re.compile(rf"^{any_space(head)}$", re.MULTILINE)

    def look(text):
        for found in pattern.finditer(text):
            whole = text[found.start():].split("\n\n")[0].rstrip()
            at, wrong = found.end() + 1, []
            for there, line in zip_longest(whole.splitlines()[1:], lines, fillvalue="no line"):
                if one_line(there) != one_line(line):
                    wrong.append((at, f"{there} where the results say {line}"))
                at += len(there) + 1
            yield (found.start(), found.start() + len(whole)), wrong

    return look


def check(pages, claims):
    """All faults of the pages as lines, and where in each page a claim stands.

    ``pages`` is {name: text}, ``claims`` are pairs of a file's name and a claim.
    """
    faults, covered = [], {name: [] for name in pages}
    for file, claim in claims:
        look = table_in(claim) if isinstance(claim, Table) else sentence_in(claim)
        found = False
        for name, text in pages.items():
            for span, wrong in look(text):
                found = True
                covered[name].append(span)
                faults += [f"{name}:{place(text, at)}: {fault} ({file})" for at, fault in wrong]
        if not found:
            said = claim.text.splitlines()[0] if isinstance(claim, Table) else claim.whole()
            faults.append(f'{file}: no page says "{said}"; mend its words or take the claim out')
    return faults, covered


def without_source(text, spans):
    """The numbers of a page that stand in no claim and are of no exempt kind: (offset, number)."""
    for pattern in EXEMPT:
        spans = spans + [m.span() for m in re.finditer(pattern, text, re.DOTALL)]
    held = [False] * len(text)
    for start, end in spans:
        held[start:end] = [True] * (end - start)
    for found in re.finditer(rf"(?<![\w.^-]){NUMBER}", text):
        if not held[found.start()]:
            yield found.start(), found[0]


def text_of(value):
    """Notebooks write a text as a string or as a list of lines."""
    return value if isinstance(value, str) else "".join(value)


def prose_of(notebook):
    """{number of the cell: its text} of the cells that are to be read."""
    cells = enumerate(notebook["cells"])
    return {i: text_of(c["source"]) for i, c in cells if c["cell_type"] == "markdown"}


def computed_by(notebook):
    """The numbers in a notebook's code, and in what it printed."""
    texts = []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            texts.append(text_of(cell["source"]))
        for output in cell.get("outputs", []):
            texts.append(text_of(output.get("text", "")))
            texts.append(text_of(output.get("data", {}).get("text/plain", "")))
    found = re.findall(NUMBER, "\n".join(texts))
    return {abs(float(number.replace(",", ""))) for number in found}


def stands_among(number, known):
    """Whether one of the known numbers is this one, as rounded as it is, or as a percentage.

    >>> stands_among("0.88", {0.8812}), stands_among("88", {0.8812}), stands_among("0.87", {0.8812})
    (True, True, False)
    """
    value = abs(float(number.replace(",", "")))
    if "e" in number:
        return any(abs(value - k) <= 0.05 * k for k in known)
    half = 0.5 * 10.0 ** -len(number.partition(".")[2]) + 1e-9
    return any(abs(value - k) <= half or (k <= 1 and abs(value - 100 * k) <= half) for k in known)


@pytest.fixture(scope="module")
def notebooks():
    return {p.name: json.loads(p.read_text(encoding="utf-8")) for p in NOTEBOOKS}


@pytest.fixture(scope="module")
def pages(notebooks):
    found = {p.relative_to(ROOT).as_posix(): p.read_text(encoding="utf-8") for p in PAGES}
    cells = {f"{name}, cell {i}": text for name, notebook in notebooks.items()
             for i, text in prose_of(notebook).items()}
    return found | cells


@pytest.fixture(scope="module")
def checked(pages):
    claims = [(f"tests/claims/{p.name}", c) for p in FILES
              for c in runpy.run_path(str(p))["claims"]()]
    return check(pages, claims)


def test_the_pages_say_what_the_results_say(checked):
    faults, _ = checked
    assert not faults, "\n" + "\n".join(faults)


def lost(name, text, covered, known=()):
    """A line for each number of a page that has no source."""
    return [
        f"{name}:{place(text, at)}: {number} in \"{one_line(text[max(at - 40, 0):at + 40])}\""
        for at, number in without_source(text, covered) if not stands_among(number, known)
    ]


@pytest.mark.parametrize("name", [p.relative_to(ROOT).as_posix() for p in PAGES])
def test_every_number_of_a_page_has_a_source(name, pages, checked):
    found = lost(name, pages[name], checked[1][name])
    assert not found, "give each a claim in tests/claims:\n" + "\n".join(found)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_number_of_a_notebook_is_computed_there_or_has_a_source(path, notebooks, checked):
    notebook, found = notebooks[path.name], []
    known = computed_by(notebook)
    for i, text in prose_of(notebook).items():
        name = f"{path.name}, cell {i}"
        found += lost(name, text, checked[1][name], known)
    assert not found, "not in the outputs; give each a claim in tests/claims:\n" + "\n".join(found)


# The check itself, on a page with planted faults.
GOOD = "Training raises the\nloss by 2.4 nats (0.86 ± 0.02).\n\n"
GOOD += "| way | F1 |\n|---|---|\n| a | 1 |\n"
CLAIMS = [("c", Said("raises the loss by {:.1f} nats ({})", 2.384, "0.86 ± 0.02")),
          ("c", Table("| way | F1 |\n|---|---|\n| a | 1 |"))]


def test_a_page_that_says_what_the_results_say_has_no_fault_and_no_number_without_source():
    faults, covered = check({"page": GOOD}, CLAIMS)
    assert faults == [] and list(without_source(GOOD, covered["page"])) == []


@pytest.mark.parametrize(("old", "new", "message"), [
    ("2.4", "2.5", 'page:1: "raises the loss by 2.4 nats (0.86 ± 0.02)": 2.5 where the results '
                   "say 2.4 (c)"),
    ("± 0.02", "± 0.03", "0.86 ± 0.03 where the results say 0.86 ± 0.02"),
    ("| a | 1 |", "| a | 2 |", "page:6: | a | 2 | where the results say | a | 1 | (c)"),
    ("| a | 1 |", "", "page:6: no line where the results say | a | 1 |"),
    ("| a | 1 |", "| a | 1 |\n| b | 2 |", "page:7: | b | 2 | where the results say no line"),
    ("raises", "lowers", 'c: no page says "raises the loss'),
    ("F1", "F2", 'c: no page says "| way | F1 |"'),
])
def test_a_planted_fault_is_told_with_its_line_and_what_the_results_say(old, new, message):
    faults, _ = check({"page": GOOD.replace(old, new, 1)}, CLAIMS)
    assert len(faults) == 1 and message in faults[0], faults


def test_a_number_of_a_notebook_that_it_does_not_compute_is_found():
    notebook = {"cells": [{"cell_type": "code", "source": "f(32)",
                           "outputs": [{"text": ["F1 0.8812, 1,024 steps\n"]}]}]}
    text = "With 32 it is 0.88, with 1,024 it is 88 %, and with 33 it is 0.89."
    found = lost("page", text, [], computed_by(notebook))
    assert [line.split()[0:2] for line in found] == [["page:1:", "33"], ["page:1:", "0.89"]]


@pytest.mark.parametrize(("text", "found"), [
    ("it is 0.5 there", ["0.5"]),
    ("from -0.02 to 1,000", ["-0.02", "1,000"]),
    ("F1 and BM25, `x=3`, [a](b1.md)", []),
    ("as told (Gao et al. 2021) and by Gao et al. (2019)", []),
    ("with 640 labels and 3 random seeds", []),
    ("after 300 steps it is 36", ["36"]),
])
def test_numbers_without_a_source_are_found_and_exempt_kinds_are_not(text, found):
    assert [number for _, number in without_source(text, [])] == found
