"""Mutation testing: is a test there that fails when the code is wrong?

A mutant is npft with one small fault: a + made a -, a number changed by one, a condition negated,
a decorator removed. A seeded sample of all such faults in one package is drawn, and the tests that
can see the package are run against each. A mutant that no test notices has survived: it points at
a missing test, or at code that does not matter.

    python -m venv mutants && mutants/bin/pip install -e '.[test,mutants]'
    mutants/bin/python tests/mutants.py --package npft/nn --count 50 --seed 0 --out mutants.txt

``--package`` is a folder or one file below npft, and may be given several times. The tests are the
folder of tests that mirrors the package (tests/nn), the doctests of the package, and what the table
TESTS names; those of the file with the fault come first. Tests marked slow are left out, except for
npft/autograd. ``--jobs 2`` runs two mutants at once, each in its own copy of the repository; the
report is the same. More jobs than cores would make tests of speed fail, and time limits pass.

Left out are faults that no test is needed for: in type annotations and under ``if TYPE_CHECKING``,
which change nothing that runs, and faults that are not Python. The report says how many these are.
No other fault is left out. Some faults change nothing that a test could see (``<`` for ``<=`` where
both sides are never equal), and these count as survivors too: there is no list of faults to be
forgiven. A mutant whose tests take too long counts as noticed. The report grows by a line a mutant,
with the diff of each survivor. A mutant costs about two seconds where the first test notices it,
and the time of all its tests where none does. The operators are those of cosmic-ray but
for two that need the name of a variable; mutmut leaves decorated functions alone, which in the
engine are more than half of the code.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import os
import queue
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import NamedTuple, TextIO

ROOT = Path(__file__).parents[1]
# The part of npft -> the tests to run. What mirrors the part (tests/nn for npft/nn) and its
# doctests come before these, unless they are named here. What is quick and broad goes first: a
# mutant is given up at the first failure.
TESTS = {
    "autograd": (
        "tests/autograd/test_reference_values.py", "tests/autograd/test_tensor.py",
        "npft/autograd", "tests/autograd/test_kernels.py", "tests/autograd/test_show.py",
        "tests/autograd/test_machine.py", "tests/test_bad_input.py",
        "tests/autograd/test_ops.py", "tests/autograd/test_gradcheck.py", "tests/autograd",
    ),
    "nn": ("tests/finetune/test_train.py", "tests/forgetting"),
    "metrics": ("tests/finetune",),
    "text": ("tests/encoder", "tests/finetune", "tests/pretraining"),
    "encoder": ("tests/finetune", "tests/embed", "tests/pretraining"),
    "heads": (
        "tests/encoder/test_format_1.py", "tests/test_loading.py", "tests/test_pretrained.py",
        "tests/finetune",
    ),
    "pretraining": ("tests/forgetting",),
    "finetune": ("tests/embed", "tests/forgetting"),
    "experiments": ("tests/test_tour.py",),
    "files": ("tests/test_cli.py",),
    "__init__": ("tests/test_public_names.py", "tests/test_examples.py"),
    "__main__": ("tests/test_cli.py",),
}  # fmt: skip
WITH_SLOW_TESTS = {"autograd"}


class Mutant(NamedTuple):
    """The file, the operator, which of its places, the line, and whether that line ever runs."""

    path: str
    operator: str
    occurrence: int
    line: int
    runs: bool


def part_of(package: str) -> str:
    """The part of npft that a folder or file belongs to: "nn" for npft/nn/optim.py."""
    parts = PurePosixPath(package).parts
    below = len(parts) > 1 and parts[0] == "npft" and ".." not in parts
    if not below or not ((ROOT / package).is_dir() or package in files_in(package)):
        raise SystemExit(f"--package {package}: expected a folder or a .py file below npft")
    return parts[1].removesuffix(".py")


def files_in(path: str, pattern: str = "*.py") -> list[str]:
    """A file alone, or the files in a folder, in the order of their names."""
    place = ROOT / path
    if place.is_dir():
        return sorted(p.relative_to(ROOT).as_posix() for p in place.rglob(pattern))
    return [path] if place.is_file() and place.suffix == ".py" else []


def tests_of(package: str) -> list[str]:
    """The files whose tests can see a package, in the order in which they run."""
    part = part_of(package)
    named = TESTS.get(part, ())
    missing = [path for path in named if not (ROOT / path).exists()]
    if missing:
        raise SystemExit(f"TESTS in mutants.py names for {part} what is not there: {missing}")
    folder, name = PurePosixPath(package).parent, PurePosixPath(package).stem
    home = f"npft/{part}" if (ROOT / "npft" / part).is_dir() else f"npft/{part}.py"
    mirrors = [f"tests/{part}", f"tests/test_{part}.py"]
    if not named and not any((ROOT / path).exists() for path in mirrors):
        raise SystemExit(f"no tests for {home}: expected {' or '.join(mirrors)}, or a row of TESTS")
    paths = [path for path in (*mirrors, home) if path not in named]
    if package != home:
        paths = [f"tests/{folder.relative_to('npft')}/test_{name}.py", package, *paths]
    # Written out file by file: pytest would run a folder in its own order, even where one of its
    # files is named before.
    files = []
    for path in (*paths, *named):
        files += files_in(path, "test_*.py" if path.startswith("tests/") else "*.py")
    return list(dict.fromkeys(files))


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


def mutants_of(folder: Path, path: str) -> Iterator[Mutant]:
    """Every fault that an operator without settings can plant in a file."""
    # here and not above: the table of tests is tested where cosmic-ray is not installed
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.plugins import get_operator, operator_names

    code = (folder / path).read_text(encoding="utf-8")
    idle, spans = what_does_not_run(code)
    tree = get_ast(code)
    for name in sorted(operator_names()):
        kind = get_operator(name)
        if kind.arguments():
            continue
        places = [p for node in ast_nodes(tree) for p in kind().mutation_positions(node)]
        for occurrence, (start, _) in enumerate(places):
            annotation = any(a <= tuple(start) < b for a, b in spans)
            yield Mutant(path, name, occurrence, start[0], start[0] not in idle and not annotation)


def plant(code: str, mutant: Mutant) -> str | None:
    """The code with the fault, or None where that is not Python, such as ``def f(/ arrays)``."""
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    wrong = mutate_code(code, get_operator(mutant.operator)(), mutant.occurrence)
    try:
        compile(wrong, mutant.path, "exec")
    except SyntaxError:
        return None
    return wrong


def run_tests(folder: Path, tests: list[str], slow: bool, timeout: float | None) -> str:
    """"killed", "survived" or "timed out"."""
    env = os.environ | {
        "NPFT_PROFILE": "dev",
        "PYTHONPATH": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",  # two faults within a second would look like one file
        "OPENBLAS_NUM_THREADS": "1",
    }
    command = [
        sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider",
        "--hypothesis-seed=0", *([] if slow else ["-m", "not slow"]), *tests,
    ]  # fmt: skip
    with subprocess.Popen(
        command, cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as child:
        try:
            return "survived" if child.wait(timeout) == 0 else "killed"
        except subprocess.TimeoutExpired:
            child.kill()
            return "timed out"
        finally:
            # hypothesis would begin with what failed before, and the order would matter
            shutil.rmtree(folder / ".hypothesis" / "examples", ignore_errors=True)


def what_stays_behind(folder: str, names: list[str]) -> set[str]:
    """What a copy of the repository does without: history, pictures, caches, environments."""
    leave = shutil.ignore_patterns(".git", "*.png", ".cache", ".hypothesis", "__pycache__")
    return leave(folder, names) | {n for n in names if Path(folder, n, "pyvenv.cfg").exists()}


def draw(
    package: str, count: int, seed: int, folder: Path, out: TextIO
) -> list[tuple[Mutant, str, str]]:
    """A sample of mutants, each with the code as it is and as it is wrong; says what it left out.

    The code is that of a copy: who works on the repository meanwhile changes nothing here.
    """
    every = [m for path in files_in(package) for m in mutants_of(folder, path)]
    running = [m for m in every if m.runs]
    chosen: list[tuple[Mutant, str, str]] = []
    broken = 0
    for mutant in random.Random(seed).sample(running, len(running)):
        if len(chosen) == count:
            break
        code = (folder / mutant.path).read_text(encoding="utf-8")
        wrong = plant(code, mutant)
        if wrong is None:
            broken += 1
        else:
            chosen.append((mutant, code, wrong))
    print(
        f"{package}: {len(every)} places for a fault; left out: {len(every) - len(running)} that "
        f"never run, and of those drawn {broken} that are not Python",
        file=out,
    )
    return chosen


def survey(package: str, count: int, seed: int, folders: list[Path], out: TextIO) -> str:
    """Run the tests against a sample of mutants, one at a time in each folder; the summary."""
    begin = time.monotonic()
    tests, slow = tests_of(package), part_of(package) in WITH_SLOW_TESTS
    chosen = draw(package, count, seed, folders[0], out)
    print(f"tests: {' '.join(tests)}", file=out, flush=True)
    free: queue.SimpleQueue[Path] = queue.SimpleQueue()
    for folder in folders:
        free.put(folder)

    def judge(mutant: Mutant, code: str, wrong: str, timeout: float) -> str:
        folder = free.get()
        try:
            (folder / mutant.path).write_text(wrong, encoding="utf-8")
            return run_tests(folder, tests_of(mutant.path), slow, timeout)
        finally:
            (folder / mutant.path).write_text(code, encoding="utf-8")
            free.put(folder)

    found: Counter[str] = Counter()
    survivors = []
    with ThreadPoolExecutor(len(folders)) as pool:
        # in all folders at once, so that the time limit is that of as busy a machine
        clean = time.monotonic()
        if set(pool.map(lambda f: run_tests(f, tests, slow, None), folders)) != {"survived"}:
            raise SystemExit(f"the tests of {package} fail without a fault: mend that first")
        timeout = 30 + 3 * (time.monotonic() - clean)
        results = pool.map(lambda drawn: judge(*drawn, timeout), chosen)
        for (mutant, code, wrong), result in zip(chosen, results):
            found[result] += 1
            print(f"{result}: {mutant.path}:{mutant.line} {mutant.operator}", file=out)
            if result == "survived":
                survivors.append(f"{mutant.path}:{mutant.line}")
                diff = difflib.unified_diff(code.splitlines(), wrong.splitlines(), lineterm="", n=0)
                print(*list(diff)[2:], sep="\n", file=out)
            out.flush()
            print(f"{found.total()}/{len(chosen)}: {dict(found)}", file=sys.stderr, flush=True)
    noticed = found["killed"] + found["timed out"]
    return (
        f"{package}, seed {seed}: {noticed} of {found.total()} killed "
        f"({noticed / max(1, found.total()):.1%}), {found['timed out']} of them by the time "
        f"limit; survivors: {', '.join(survivors) or 'none'}; "
        f"{(time.monotonic() - begin) / 60:.0f} minutes"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--package", action="append", help="folder or file below npft; repeatable")
    parser.add_argument("--count", type=int, default=200, help="mutants of each package")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("mutants.txt"), help="report")
    parser.add_argument("--jobs", type=int, default=1, help="mutants tried at once")
    args = parser.parse_args()
    if args.count < 1 or args.jobs < 1:
        parser.error("--count and --jobs are 1 or more")
    packages = [package.rstrip("/") for package in args.package or ["npft/autograd"]]
    for package in packages:
        tests_of(package)  # a wrong path is better said now than after the package before it
    with tempfile.TemporaryDirectory() as temporary, args.out.open("w", encoding="utf-8") as out:
        folders = [Path(temporary) / f"copy{i}" for i in range(args.jobs)]
        for folder in folders:
            shutil.copytree(ROOT, folder, ignore=what_stays_behind)
        for package in packages:
            summary = survey(package, args.count, args.seed, folders, out)
            print(summary, file=out, flush=True)
            print(summary, file=sys.stderr)


if __name__ == "__main__":
    main()
