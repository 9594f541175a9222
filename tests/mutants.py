"""Mutation testing of the engine: is a test there that fails when the code is wrong?

A mutant is npft/autograd with one small fault: a + made a -, a number changed by one, a condition
negated, a decorator removed. A seeded sample of all such faults is drawn, and the tests of the
engine are run against each. A mutant that no test notices has survived: it points at a missing
test, or at code that does not matter.

    python -m venv mutants && mutants/bin/pip install -e '.[test,mutants]'
    mutants/bin/python tests/mutants.py --count 200 --seed 0 --out mutants.txt

Works on a copy of the repository. Left out are faults in type annotations and under
``if TYPE_CHECKING``, which change nothing that runs, and faults that are not Python, which no test
is needed for. A mutant whose tests take too long counts as noticed. The report grows by a line a
mutant, with the diff of each survivor; about six seconds a mutant. The operators are those of
cosmic-ray; mutmut leaves decorated functions alone, which here are more than half of the code.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

ROOT = Path(__file__).parents[1]
PACKAGE = "npft/autograd"
# what is quick and broad first: a mutant is given up at the first failure
TESTS = (
    "tests/autograd/test_reference_values.py", "tests/autograd/test_tensor.py", "npft/autograd",
    "tests/autograd/test_kernels.py", "tests/autograd/test_show.py",
    "tests/autograd/test_machine.py", "tests/test_bad_input.py", "tests/autograd/test_ops.py",
    "tests/autograd/test_gradcheck.py",
)  # fmt: skip


class Mutant(NamedTuple):
    """The file, the operator, which of its places, and the line."""

    path: str
    operator: str
    occurrence: int
    line: int


def what_does_not_run(code: str) -> tuple[set[int], list[tuple[tuple[int, int], tuple[int, int]]]]:
    """Lines under ``if TYPE_CHECKING``, and the spans of annotations: (line, column) pairs."""
    idle: set[int] = set()
    spans = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            idle.update(range(node.lineno, node.end_lineno + 1))
        for name in ("annotation", "returns"):
            part = getattr(node, name, None)
            if isinstance(part, ast.expr):
                spans.append(
                    ((part.lineno, part.col_offset), (part.end_lineno, part.end_col_offset))
                )
    return idle, spans


def mutants_of(folder: Path, path: Path) -> Iterator[Mutant]:
    """Every fault that an operator without settings can plant in a file."""
    code = path.read_text(encoding="utf-8")
    idle, spans = what_does_not_run(code)
    tree = get_ast(code)
    for name in sorted(operator_names()):
        kind = get_operator(name)
        if kind.arguments():
            continue
        places = [p for node in ast_nodes(tree) for p in kind().mutation_positions(node)]
        for occurrence, (start, _) in enumerate(places):
            annotation = any(a <= tuple(start) < b for a, b in spans)
            if start[0] not in idle and not annotation:
                yield Mutant(path.relative_to(folder).as_posix(), name, occurrence, start[0])


def plant(code: str, mutant: Mutant) -> str | None:
    """The code with the fault, or None where that is not Python, such as ``def f(/ arrays)``."""
    wrong = mutate_code(code, get_operator(mutant.operator)(), mutant.occurrence)
    try:
        compile(wrong, mutant.path, "exec")
    except SyntaxError:
        return None
    return wrong


def run_tests(folder: Path, timeout: float | None) -> str:
    """"killed", "survived" or "timed out"."""
    env = os.environ | {
        "NPFT_PROFILE": "dev",
        "PYTHONPATH": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",  # two faults within a second would look like one file
        "OPENBLAS_NUM_THREADS": "1",
    }
    command = [
        sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider",
        "--hypothesis-seed=0", *TESTS,
    ]  # fmt: skip
    with subprocess.Popen(
        command, cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as child:
        try:
            return "survived" if child.wait(timeout) == 0 else "killed"
        except subprocess.TimeoutExpired:
            child.kill()
            return "timed out"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("mutants.txt"), help="report")
    args = parser.parse_args()
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary, args.out.open("w", encoding="utf-8") as out:
        folder = Path(temporary) / "copy"
        leave = shutil.ignore_patterns(
            ".git", ".venv", "*.png", ".cache", ".hypothesis", "__pycache__"
        )
        shutil.copytree(ROOT, folder, ignore=leave)
        clean = time.monotonic()
        if run_tests(folder, None) != "survived":
            raise SystemExit("the tests fail without a fault: mend that first")
        timeout = 30 + 3 * (time.monotonic() - clean)
        files = sorted((folder / PACKAGE).glob("*.py"))
        every = [m for path in files for m in mutants_of(folder, path)]
        found: Counter[str] = Counter()
        for mutant in random.Random(args.seed).sample(every, len(every)):
            if found.total() == args.count:
                break
            file = folder / mutant.path
            code = file.read_text(encoding="utf-8")
            wrong = plant(code, mutant)
            if wrong is None:
                continue
            file.write_text(wrong, encoding="utf-8")
            result = run_tests(folder, timeout)
            file.write_text(code, encoding="utf-8")
            # hypothesis would begin with what failed before, and the order would matter
            shutil.rmtree(folder / ".hypothesis" / "examples", ignore_errors=True)
            found[result] += 1
            print(f"{result}: {mutant.path}:{mutant.line} {mutant.operator}", file=out)
            if result == "survived":
                diff = difflib.unified_diff(code.splitlines(), wrong.splitlines(), lineterm="", n=0)
                print(*list(diff)[2:], sep="\n", file=out)
            out.flush()
            print(f"{found.total()}/{args.count}: {dict(found)}", file=sys.stderr, flush=True)
        noticed = found["killed"] + found["timed out"]
        summary = (
            f"seed {args.seed}: {noticed} of {found.total()} killed "
            f"({noticed / max(1, found.total()):.1%}), {found['timed out']} of them by the time "
            f"limit; {len(every)} places in all; {(time.monotonic() - begin) / 60:.0f} minutes"
        )
        print(summary, file=out)
        print(summary, file=sys.stderr)


if __name__ == "__main__":
    main()
