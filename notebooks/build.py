"""Run the notebooks and store what they print and draw. Needs npft and the standard library.

    python notebooks/build.py                runs every notebook and stores its outputs in it
    python notebooks/build.py --check FILE   runs one notebook and changes nothing

Each notebook runs from its first cell to its last in a new namespace and an empty folder, with
warnings as errors. The first cell that fails ends the run: its number, its source and the error go
to the standard error stream, and the exit status is 1.

A cell that draws says in its metadata what is to be seen, as ``"alt": "..."``: the text is stored
with the picture, for readers who cannot see it.
"""

from __future__ import annotations

import argparse
import ast
import base64
import contextlib
import io
import json
import os
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
COLORS = 64  # of a stored figure: few enough for a small file, and lines and text stay clear


class CellError(Exception):
    """A cell failed; the message names the notebook and the cell, and shows the source."""


def figures(alt: str) -> list[dict[str, Any]]:
    """The open figures as outputs, with ``alt`` for those who do not see them; they are closed."""
    if "matplotlib.pyplot" not in sys.modules:
        return []
    from PIL import Image  # which matplotlib needs as well

    plt = sys.modules["matplotlib.pyplot"]
    outputs = []
    for number in plt.get_fignums():
        file = io.BytesIO()
        plt.figure(number).savefig(
            file, format="png", dpi=80, bbox_inches="tight", metadata={"Software": None}
        )
        few = Image.open(file).convert("RGB").quantize(COLORS, Image.Quantize.FASTOCTREE)
        file = io.BytesIO()
        few.save(file, "PNG", optimize=True)
        png = base64.b64encode(file.getvalue()).decode("ascii")
        data: dict[str, Any] = {"image/png": png}
        metadata = {}
        if alt:
            data["text/plain"] = [alt]  # for programs that show no pictures
            metadata = {"image/png": {"alt": alt}}  # where nbconvert looks for it
        outputs.append({"output_type": "display_data", "data": data, "metadata": metadata})
    plt.close("all")
    return outputs


def run_cell(
    source: str, name: str, count: int, namespace: dict[str, Any], alt: str = ""
) -> list[dict[str, Any]]:
    """Run one code cell; return its outputs: what it printed, its last value, its figures."""
    tree = ast.parse(source, name)
    shown = None
    if tree.body and isinstance(tree.body[-1], ast.Expr) and not source.rstrip().endswith(";"):
        shown = ast.Expression(tree.body.pop().value)  # type: ignore[attr-defined]
    value, out, err = None, io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        exec(compile(tree, name, "exec"), namespace)  # noqa: S102
        if shown is not None:
            value = eval(compile(shown, name, "eval"), namespace)
    if err.getvalue():
        raise RuntimeError(f"wrote to the standard error stream: {err.getvalue()}")
    outputs: list[dict[str, Any]] = []
    if out.getvalue():
        text = out.getvalue().splitlines(keepends=True)
        outputs.append({"output_type": "stream", "name": "stdout", "text": text})
    if value is not None:
        outputs.append(
            {
                "output_type": "execute_result",
                "execution_count": count,
                "data": {"text/plain": repr(value).splitlines(keepends=True)},
                "metadata": {},
            }
        )
    return outputs + figures(alt)


def run(notebook: dict[str, Any], name: str) -> None:
    """Run all code cells in order and put their outputs and numbers into ``notebook``.

    Raises ``CellError`` for the first cell that fails.
    """
    namespace: dict[str, Any] = {"__name__": "__main__"}
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for count, cell in enumerate(cells, start=1):
        source = "".join(cell["source"])
        try:
            alt = cell["metadata"].get("alt", "")
            cell["outputs"] = run_cell(source, f"{name}, cell {count}", count, namespace, alt)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            raise CellError(
                f"{name}: cell {count} ({cell['id']}) failed\n\n{source}\n\n"
                f"{traceback.format_exc()}"
            ) from None
        cell["execution_count"] = count


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--check", action="store_true", help="store nothing")
    parser.add_argument("notebooks", nargs="*", type=Path, help="all of this folder by default")
    options = parser.parse_args(arguments)
    paths = [path.resolve() for path in options.notebooks] or sorted(FOLDER.glob("*.ipynb"))
    os.environ["MPLBACKEND"] = "agg"
    warnings.simplefilter("error")
    home = Path.cwd()
    for path in paths:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            try:
                run(notebook, path.name)
            except CellError as error:
                print(error, file=sys.stderr)
                return 1
            finally:
                os.chdir(home)
        if not options.check:
            text = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
            path.write_text(text, encoding="utf-8")
        print(f"{path.name}: {time.perf_counter() - start:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
