"""Mutation testing of the engine: is a test there that fails when the code is wrong?

A mutant is npft/autograd with one small fault: a + made a -, a number changed by one, a condition
negated, a decorator removed. A seeded sample of all such faults is drawn, and the tests of the
engine are run against each. A mutant that no test notices has survived: it points at a missing
test, or at code that does not matter.

    python -m venv mutants && mutants/bin/pip install -e '.[test,mutants]'
    mutants/bin/python tests/mutants.py --count 200 --seed 0 --out mutants.txt

Works on a copy of the repository. Left out are faults in type annotations and under
``if TYPE_CHECKING``, which change nothing that runs. A mutant whose tests take too long counts as
noticed. About ten seconds a mutant; the operators are those of cosmic-ray.
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
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

ROOT = Path(__file__).parents[1]
PACKAGE = "npft/autograd"
# the quickest first: a mutant is given up at the first failure
TESTS = (
    "tests/autograd/test_tensor.py", "tests/autograd/test_kernels.py",
    "tests/autograd/test_show.py", "tests/autograd/test_machine.py",
    "tests/autograd/test_reference_values.py", "tests/autograd/test_ops.py",
    "tests/test_bad_input.py", "tests/autograd/test_gradcheck.py", "npft/autograd",
)  # fmt: skip
TIMEOUT = 300  # seconds; without a fault the tests take about a minute


class Mutant(NamedTuple):
    """The file, the operator, which of its places, and the line."""

    path: str
    operator: str
    occurrence: int
    line: int


def lines_that_run(code: str) -> tuple[set[int], list[tuple[tuple[int, int], tuple[int, int]]]]:
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


def mutants_of(path: Path) -> Iterator[Mutant]:
    """Every fault that an operator without settings can plant in a file."""
    code = path.read_text(encoding="utf-8")
    idle, spans = lines_that_run(code)
    tree = get_ast(code)
    for name in operator_names():
        kind = get_operator(name)
        if kind.arguments():
            continue
        places = [p for node in ast_nodes(tree) for p in kind().mutation_positions(node)]
        for occurrence, (start, _) in enumerate(places):
            annotation = any(a <= tuple(start) < b for a, b in spans)
            if start[0] not in idle and not annotation:
                yield Mutant(str(path.relative_to(ROOT)), name, occurrence, start[0])


def run_tests(folder: Path) -> str:
    """"killed", "survived" or "timeout"."""
    env = os.environ | {"NPFT_PROFILE": "dev", "PYTHONPATH": str(folder), "OPENBLAS_NUM_THREADS": "1"}
    command = [
        sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider",
        "--hypothesis-seed=0", *[t for t in TESTS if (folder / t).exists()],
    ]  # fmt: skip
    with subprocess.Popen(
        command, cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as child:
        try:
            return "survived" if child.wait(TIMEOUT) == 0 else "killed"
        except subprocess.TimeoutExpired:
            child.kill()
            return "timeout"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("mutants.txt"), help="report")
    args = parser.parse_args()
    every = [m for path in sorted((ROOT / PACKAGE).glob("*.py")) for m in mutants_of(path)]
    sample = random.Random(args.seed).sample(every, args.count)
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as temporary, args.out.open("w", encoding="utf-8") as out:
        folder = Path(temporary) / "copy"
        leave = shutil.ignore_patterns(".git", ".venv", "*.png", ".cache", "__pycache__")
        shutil.copytree(ROOT, folder, ignore=leave)
        if run_tests(folder) != "survived":
            raise SystemExit("the tests fail without a fault: mend that first")
        for number, mutant in enumerate(sample, start=1):
            file = folder / mutant.path
            code = file.read_text(encoding="utf-8")
            wrong = mutate_code(code, get_operator(mutant.operator)(), mutant.occurrence)
            file.write_text(wrong, encoding="utf-8")
            result = run_tests(folder)
            file.write_text(code, encoding="utf-8")
            found[result] += 1
            if result == "survived":
                diff = difflib.unified_diff(code.splitlines(), wrong.splitlines(), lineterm="", n=0)
                print(f"{mutant.path}:{mutant.line}", *list(diff)[2:], sep="\n", file=out)
            summary = f"{number}/{args.count} of {len(every)}: {dict(found)}"
            print(summary, file=sys.stderr, flush=True)
            out.flush()
        killed = args.count - found["survived"]
        print(f"seed {args.seed}: {killed} of {args.count} killed ({killed / args.count:.1%})", file=out)


if __name__ == "__main__":
    main()
