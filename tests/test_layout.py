"""The house: who may import whom, how long a file may be, and what npft depends on."""

import ast
import io
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Every file of npft/, in reading order. A file imports only from files above it in this list.
# A package's __init__.py stands after the package's own files; "plots/*" are the files of plots/.
ORDER = """
    errors autograd/machine autograd/graph autograd/inputs autograd/tensor autograd/ops autograd/kernels
    autograd/losses autograd/attention autograd/segments autograd/gradcheck autograd/show
    autograd/__init__
    nn/module nn/layers nn/optim nn/schedules nn/history nn/progress nn/packs nn/loop nn/__init__
    metrics
    text/examples text/batch text/alignment text/tokenizer text/bytes text/basic text/wordpiece
    text/pieces text/bpe text/unigram text/readers text/tables text/tagged text/conll
    text/sampling text/perturb text/__init__
    worlds/draws worlds/lexicon worlds/clinic worlds/phone worlds/tokens worlds/polarity
    worlds/domains worlds/languages worlds/noise worlds/grammar worlds/tasks worlds/frames
    worlds/tags worlds/sentiment worlds/logic worlds/questions worlds/sms
    worlds/__init__
    encoder/config encoder/blocks encoder/encoder encoder/pooling encoder/profile
    encoder/checkpoint encoder/__init__
    pretrain/masking pretrain/corruptions pretrain/spans pretrain/pairs pretrain/packing
    pretrain/source pretrain/mixture pretrain/probe pretrain/objectives pretrain/boundary
    pretrain/causal pretrain/electra pretrain/catalogue pretrain/budget pretrain/run
    pretrain/train pretrain/adapt pretrain/__init__
    finetune/heads finetune/tagging finetune/spans finetune/baselines finetune/train
    finetune/regimes finetune/__init__
    embed/geometry embed/contrastive embed/similarity embed/compare embed/__init__
    forgetting/measure forgetting/anchors forgetting/replay forgetting/repair forgetting/compare
    forgetting/__init__
    loading material recipes many_texts report sweep
    plots/* plots/__init__
    testing
    tour
    __init__
    __main__
""".split()

FILES = sorted(p.relative_to(ROOT / "npft").as_posix() for p in (ROOT / "npft").rglob("*.py"))
NAMES = [name.removesuffix(".py") for name in FILES]


def source(name):
    return (ROOT / "npft" / f"{name}.py").read_text(encoding="utf-8")


def place(name):
    """The position of a file in the order, or None."""
    if name not in ORDER and name.startswith("plots/"):
        name = "plots/*"
    return ORDER.index(name) if name in ORDER else None


def file_of(module):
    """'npft.nn.loop' to 'nn/loop'; a package to its __init__."""
    name = "/".join(module.split(".")[1:])
    if name in NAMES:
        return name
    package = f"{name}/__init__".lstrip("/")
    return package if package in NAMES else None


def imported_modules(name):
    """All modules a file imports, also inside functions, by absolute dotted name."""
    for node in ast.walk(ast.parse(source(name))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: write imports in full, not from ."
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                is_module = node.module.split(".")[0] == "npft" and file_of(whole) is not None
                yield whole if is_module else node.module


def code_lines(text):
    """The number of lines that are neither blank, nor comment, nor docstring.

    >>> code_lines('x = 1  # one' + chr(10) + '# two' + chr(10) * 2 + 'y = 2')
    2
    """
    skip = {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENCODING,
        tokenize.ENDMARKER,
    }
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in skip:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        has_docstring = isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        if has_docstring and ast.get_docstring(node, clean=False) is not None:
            lines.difference_update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return len(lines)


def test_every_file_has_a_place_in_the_order():
    lost = [name for name in NAMES if place(name) is None]
    assert not lost, f"{lost}: put each new file into ORDER, at its floor"
    assert len(set(ORDER)) == len(ORDER)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_imports_only_what_stands_above_it(name):
    for module in imported_modules(name):
        if module.split(".")[0] == "npft":
            target = file_of(module)
            assert target is not None, f"{name} imports {module}, which does not exist"
            among_plots = name.startswith("plots/") and place(target) == ORDER.index("plots/*")
            above = place(target) < place(name)
            assert above or among_plots, f"{name} imports {module}, which stands below it"


@pytest.mark.parametrize("name", NAMES)
def test_only_numpy_scipy_matplotlib_and_the_standard_library_are_imported(name):
    for module in imported_modules(name):
        top = module.split(".")[0]
        allowed = {"npft", "numpy", "scipy"} | sys.stdlib_module_names
        if name.startswith("plots/"):
            allowed = allowed | {"matplotlib"}
        if name == "testing":
            allowed = allowed | {"hypothesis"}
        assert top in allowed, f"{name} imports {module}"


@pytest.mark.parametrize("name", NAMES)
def test_nothing_needs_the_tools_for_tests(name):
    assert "npft.testing" not in imported_modules(name)  # it needs hypothesis


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_pickled(name):
    unsafe = {"pickle", "_pickle", "marshal", "shelve", "dill", "joblib"}
    assert not unsafe & {module.split(".")[0] for module in imported_modules(name)}
    for node in ast.walk(ast.parse(source(name))):
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            assert isinstance(node.value, ast.Constant) and node.value.value is False, name


def test_files_are_short_and_lines_fit():
    counts = {name: code_lines(source(name)) for name in NAMES}
    table = "\n".join(f"{n:5d}  {name}" for name, n in sorted(counts.items(), key=lambda c: -c[1]))
    print(f"\n{table}\n{sum(counts.values()):5d}  in all")
    limits = {"autograd/tensor": 220}
    long = {name: n for name, n in counts.items() if n > limits.get(name, 300)}
    assert not long, f"too many lines of code: {long}\n{table}"
    wide = [
        f"{name}:{i}"
        for name in NAMES
        for i, line in enumerate(source(name).splitlines(), start=1)
        if len(line) > 100
    ]
    assert not wide, f"more than 100 columns: {wide}"


def test_code_lines_leaves_out_blank_lines_comments_and_docstrings():
    text = '"""Doc\nstring."""\n\n# why\nx = """a\nb"""\n'
    text += 'def f():\n    "doc"\n\n    return (\n        1\n    )\n'
    assert code_lines(text) == 2 + 1 + 3  # x over two lines, def, return over three


def test_importing_npft_loads_no_plots_and_no_slow_part_of_scipy():
    slow = ["matplotlib", "scipy.stats", "scipy.special"]
    code = f"import sys, npft; print([m for m in {slow} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
