"""The notebooks: each runs from top to bottom, and each is fit to be read without being run."""

import ast
import base64
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
BUILD = ROOT / "notebooks" / "build.py"

MAX_BYTES, MAX_FIGURE_BYTES = 400_000, 60_000
MIN_ALT = 40  # characters that say what a figure shows
MAX_LINES, MAX_COLUMNS = 32, 100  # of a code cell
# what tells of the machine a notebook was made on is not for import
LIBRARIES = ({"npft", "numpy", "matplotlib"} | sys.stdlib_module_names) - {
    "getpass", "platform", "pwd", "socket",
}
CELL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
ABSOLUTE_PATH = re.compile(
    r"(?<![\w.~])/(?:bin|etc|home|mnt|opt|private|root|srv|tmp|usr|Users|var|work)(?![\w-])"
    r"|\b[A-Za-z]:\\|file://"
)
ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]{6,}")  # in the repr of an object: another at each run


def text_of(value):
    """Notebooks write a text as a string or as a list of lines."""
    return value if isinstance(value, str) else "".join(value)


def format_faults(notebook):
    """What is wrong with the file as a notebook that was run once from top to bottom."""
    if (notebook.get("nbformat"), notebook.get("nbformat_minor")) != (4, 5):
        yield "is not of format 4.5"
    if notebook["metadata"].get("kernelspec", {}).get("name") != "python3":
        yield "the kernel is not python3"
    if "widgets" in notebook["metadata"]:
        yield "holds the state of widgets"
    ids = [cell.get("id", "") for cell in notebook["cells"]]
    if len(set(ids)) < len(ids) or not all(CELL_ID.fullmatch(i) for i in ids):
        yield "cell ids are missing, malformed or used twice"
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    if [cell["execution_count"] for cell in code] != list(range(1, len(code) + 1)):
        yield "execution counts are not 1, 2, ...: run all cells in order"


def output_faults(notebook):
    """What is wrong with the stored outputs."""
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            if output["output_type"] == "error":
                yield f"{cell['id']}: ends with an error"
            elif output.get("name") == "stderr":
                yield f"{cell['id']}: wrote to the standard error stream"
            png = output.get("data", {}).get("image/png", "")
            alt = output.get("metadata", {}).get("image/png", {}).get("alt", "")
            if png and (len(alt) < MIN_ALT or alt != cell["metadata"].get("alt")):
                yield f'{cell["id"]}: a figure without "alt" in the metadata of its cell'
            if len(base64.b64decode(text_of(png))) > MAX_FIGURE_BYTES:
                yield f"{cell['id']}: a figure has more than {MAX_FIGURE_BYTES} bytes"


def code_faults(notebook):
    """What is wrong with the code: cells that are too long, imports, lines that are not Python."""
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        source = text_of(cell["source"])
        lines = source.splitlines()
        if len(lines) > MAX_LINES or any(len(line) > MAX_COLUMNS for line in lines):
            yield f"{cell['id']}: more than {MAX_LINES} lines or {MAX_COLUMNS} columns"
        try:
            tree = ast.parse(source)
        except SyntaxError as error:
            yield f"{cell['id']}: is not plain Python: {error.msg}"
            continue
        for node in ast.walk(tree):
            modules = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                modules = [node.module or "."]
            for module in modules:
                if module.split(".")[0] not in LIBRARIES:
                    yield f"{cell['id']}: imports {module}"


def text_faults(notebook):
    """What a reader would miss, or should not see."""
    for cell in notebook["cells"]:
        texts = [text_of(cell["source"])]
        for output in cell.get("outputs", []):
            texts.append(text_of(output.get("text", "")))
            texts.append(text_of(output.get("data", {}).get("text/plain", "")))
        for text in texts:
            if ABSOLUTE_PATH.search(text) or ADDRESS.search(text):
                yield f"{cell['id']}: holds an absolute path or an address in memory"
            if "\N{EM DASH}" in text:
                yield f"{cell['id']}: holds an em dash"
    prose = [text_of(c["source"]) for c in notebook["cells"] if c["cell_type"] == "markdown"]
    if notebook["cells"][0]["cell_type"] != "markdown" or not prose[0].startswith("# "):
        yield "does not begin with a title"
    for part in ("**Goals.**", "**Prerequisites.**", "**Time.**"):
        if part not in prose[0]:
            yield f"the first cell has no {part}"
    exercises = re.findall(r"^### Exercise \d", "\n".join(prose), re.MULTILINE)
    if not 3 <= len(exercises) <= 5 or "## Solutions" not in "\n".join(prose):
        yield f"{len(exercises)} exercises, expected 3 to 5 and their solutions"


def faults(notebook):
    """All that is wrong with a notebook, as lines of text."""
    checks = (format_faults, output_faults, code_faults, text_faults)
    found = [fault for check in checks for fault in check(notebook)]
    size = len(json.dumps(notebook, indent=1, ensure_ascii=False).encode("utf-8"))
    return found + ([f"has {size} bytes, at most {MAX_BYTES}"] if size > MAX_BYTES else [])


def check_run(path, folder):
    """Run all code cells of a notebook in a process of its own, in an empty folder."""
    environment = os.environ | {"MPLBACKEND": "agg", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, str(BUILD), "--check", str(path)],
        capture_output=True, text=True, cwd=folder, env=environment, timeout=600, check=False,
    )


GOALS, NEEDS, TIME = "**Goals.** To see.", "**Prerequisites.** None.", "**Time.** An hour."


def good_notebook():
    """A small notebook without a fault."""
    def markdown(name, text):
        return {"cell_type": "markdown", "id": name, "metadata": {}, "source": text}

    def code(name, source, count, text):
        output = {"output_type": "stream", "name": "stdout", "text": [text]}
        return {"cell_type": "code", "id": name, "metadata": {}, "source": source.splitlines(True),
                "execution_count": count, "outputs": [output]}

    exercises = "## Exercises\n" + "".join(f"### Exercise {k}. Why\n" for k in (1, 2, 3))
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3"}},
        "cells": [
            markdown("title", f"# Title\n\n{GOALS}\n\n{NEEDS}\n\n{TIME}"),
            code("one", "import numpy as np\nx = 1 + 1\nprint(x)", 1, "2\n"),
            code("two", "print(x + 1)", 2, "3\n"),
            markdown("end", exercises + "## Solutions\n"),
        ],
    }


def plant(notebook, path, value):
    """Change one place of a notebook; the path leads to it."""
    for key in path[:-1]:
        notebook = notebook[key]
    notebook[path[-1]] = value


TITLE, ONE, OUTPUT = ("cells", 0, "source"), ("cells", 1), ("cells", 1, "outputs", 0)
ALT = "A line that rises from nothing to all that there is"
SMALL, LARGE = (base64.b64encode(b"x" * n).decode("ascii") for n in (9, MAX_FIGURE_BYTES + 1))


def with_figure(png, alt, stored):
    """A code cell that drew, with the text of its figure in the cell and in the output."""
    output = {"output_type": "display_data", "data": {"image/png": png},
              "metadata": {"image/png": {"alt": stored}}}
    return {"cell_type": "code", "id": "one", "metadata": {"alt": alt}, "source": "plot()",
            "execution_count": 1, "outputs": [output]}


PLANTED = [
    (("nbformat_minor",), 4, "format 4.5"),
    (("metadata", "kernelspec", "name"), "julia", "kernel"),
    (("metadata", "widgets"), {}, "widgets"),
    ((*ONE, "id"), "two", "used twice"),
    ((*ONE, "id"), "one one", "malformed"),
    ((*ONE, "execution_count"), 3, "execution counts"),
    ((*ONE, "execution_count"), None, "execution counts"),
    (OUTPUT, {"output_type": "error", "ename": "E", "evalue": "", "traceback": []}, "an error"),
    ((*OUTPUT, "name"), "stderr", "standard error"),
    (ONE, with_figure(LARGE, ALT, ALT), "a figure has more"),
    (ONE, with_figure(SMALL, "", ""), "without"),
    (ONE, with_figure(SMALL, "A line", "A line"), "without"),
    (ONE, with_figure(SMALL, ALT, ALT + " was"), "without"),
    ((*ONE, "source"), "x = 1\n" * 40, "more than 32 lines"),
    ((*ONE, "source"), "%matplotlib inline", "not plain Python"),
    ((*ONE, "source"), "import pandas as pd", "imports pandas"),
    ((*ONE, "source"), "from scipy.stats import norm", "imports scipy.stats"),
    ((*ONE, "source"), "import platform", "imports platform"),
    ((*ONE, "source"), "open('/home/ada/x.txt')", "absolute path"),
    ((*OUTPUT, "text"), ["saved in C:\\x\n"], "absolute path"),
    ((*OUTPUT, "text"), ["<object at 0x7f00deadbeef>\n"], "address"),
    (TITLE, f"# Title\n{GOALS}\n{NEEDS} \N{EM DASH} yet.\n{TIME}", "em dash"),
    (TITLE, f"Title\n{GOALS}\n{NEEDS}\n{TIME}", "title"),
    (TITLE, f"# Title\n{NEEDS}\n{TIME}", "Goals"),
    (TITLE, f"# Title\n{GOALS}\n{TIME}", "Prerequisites"),
    (TITLE, f"# Title\n{GOALS}\n{NEEDS}", "Time"),
    (("cells", 3, "source"), "## Exercises\n### Exercise 1. Why\n## Solutions", "1 exercises"),
    (("cells", 3, "source"), "### Exercise 1\n### Exercise 2\n### Exercise 3", "solutions"),
    ((*OUTPUT, "text"), ["x" * (MAX_BYTES + 1)], "bytes"),
]


def test_there_are_notebooks_and_the_readme_names_each():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(NOTEBOOKS) >= 2
    assert [p.name for p in NOTEBOOKS if f"notebooks/{p.name}" not in readme] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_is_fit_to_be_read(path):
    assert faults(json.loads(path.read_text(encoding="utf-8"))) == []


def test_the_index_leads_to_every_other_notebook_and_to_nothing_else():
    index = json.loads((ROOT / "notebooks" / "00_index.ipynb").read_text(encoding="utf-8"))
    prose = "".join(text_of(c["source"]) for c in index["cells"] if c["cell_type"] == "markdown")
    links = set(re.findall(r"\]\(([^)]+\.ipynb)\)", prose))
    assert links == {path.name for path in NOTEBOOKS if path.name != "00_index.ipynb"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_has_one_number_in_its_name_and_in_its_title(path):
    first = json.loads(path.read_text(encoding="utf-8"))["cells"][0]
    assert text_of(first["source"]).startswith(f"# {int(path.name[:2])}. ")


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_runs_from_top_to_bottom(path, tmp_path):
    before = path.read_bytes()
    done = check_run(path, tmp_path)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert path.read_bytes() == before and not list(tmp_path.iterdir())


def test_the_small_notebook_has_no_fault():
    assert faults(good_notebook()) == []


@pytest.mark.parametrize(("path", "value", "message"), PLANTED)
def test_a_planted_fault_is_found(path, value, message):
    notebook = good_notebook()
    plant(notebook, path, value)
    found = faults(notebook)
    assert len(found) == 1 and message in found[0], found


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("print(x / 0)", "ZeroDivisionError"),
        ("assert x == 3", "AssertionError"),
        ("import warnings\nwarnings.warn('old')", "UserWarning: old"),
        ("import sys\nprint('oh', file=sys.stderr)", "standard error stream: oh"),
        ("import sys\nsys.exit(0)", "SystemExit"),
        ("x = = 1", "SyntaxError"),
    ],
)
def test_a_cell_that_fails_is_named_and_shown(tmp_path, source, message):
    notebook = good_notebook()
    plant(notebook, ("cells", 2, "source"), source)
    bad = tmp_path / "bad.ipynb"
    bad.write_text(json.dumps(notebook), encoding="utf-8")
    done = check_run(bad, tmp_path)
    assert done.returncode == 1
    assert "bad.ipynb: cell 2 (two) failed" in done.stderr
    assert source in done.stderr and message in done.stderr


def test_the_builder_stores_what_a_cell_prints_returns_and_draws():
    spec = importlib.util.spec_from_file_location("build", BUILD)
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    notebook = good_notebook()
    source = (
        "import matplotlib.pyplot as plt\nfig, ax = plt.subplots(figsize=(1, 1))\n"
        "print('drawn')\nx * 21"
    )
    plant(notebook, ("cells", 2, "source"), source)
    notebook["cells"][2]["metadata"]["alt"] = ALT
    build.run(notebook, "small")
    shown = notebook["cells"][2]["outputs"]
    assert shown[2]["metadata"] == {"image/png": {"alt": ALT}}
    assert shown[2]["data"]["text/plain"] == [ALT]
    assert [o["output_type"] for o in shown] == ["stream", "execute_result", "display_data"]
    assert shown[0]["text"] == ["drawn\n"] and shown[1]["data"] == {"text/plain": ["42"]}
    assert base64.b64decode(shown[2]["data"]["image/png"]).startswith(b"\x89PNG")
    plant(notebook, ("cells", 2, "source"), "x * 21;")  # a semicolon hides the value
    build.run(notebook, "small")
    assert notebook["cells"][2]["outputs"] == []
    assert faults(notebook) == []
