"""The house: who may import whom, how long files and functions may be, what npft depends on."""

import ast
import io
import sys
import tokenize
from pathlib import Path

import pytest

import npft

ROOT = Path(__file__).parent.parent

# Every file of npft/, in reading order. A file imports only from files above it in this list.
# A package's __init__.py stands after the package's own files; "plots/*" are the files of plots/.
ORDER = """
    errors strict_json atomic autograd/machine autograd/graph autograd/inputs autograd/tables
    autograd/tensor autograd/ops autograd/kernels autograd/shift autograd/losses
    autograd/attention autograd/relative autograd/segments autograd/chains autograd/gradcheck autograd/show
    autograd/__init__
    nn/module nn/quantized nn/layers nn/optim nn/schedules nn/history nn/progress nn/packs nn/repair nn/loop
    nn/fit nn/__init__
    metrics/score metrics/classes metrics/curves metrics/entities metrics/tags metrics/spans
    metrics/answers metrics/ranking metrics/retrieval metrics/clusters metrics/overlap
    metrics/intervals metrics/__init__
    text/examples text/typed_spans text/batch text/labels_and_tokens text/tokenizer text/windows
    text/bytes text/basic text/joins text/wordpiece text/pieces text/bpe
    text/byte_level text/unigram text/readers text/layout
    text/advice text/json_records text/records text/tables text/answer_files text/tagged
    text/conll text/guess text/scripts text/sampling text/perturb text/__init__
    worlds/draws worlds/lexicon worlds/clinic worlds/phone worlds/tokens worlds/polarity
    worlds/domains worlds/languages worlds/noise worlds/grammar worlds/tasks worlds/frames
    worlds/tags worlds/sentiment worlds/logic worlds/questions worlds/paraphrase worlds/coherence
    worlds/messages worlds/sms worlds/hard_sms worlds/search
    worlds/__init__
    encoder/config encoder/blocks encoder/encoder encoder/additions encoder/pooling encoder/layers
    encoder/profile encoder/format_1 encoder/checkpoint encoder/safetensors
    encoder/hub_files encoder/hub_tokenizer encoder/hub encoder/hub_write encoder/slices encoder/head
    encoder/model
    encoder/__init__
    heads/classes heads/grades heads/tags heads/crf heads/thresholds heads/span_tags heads/answers
    heads/pairs heads/words heads/boundary heads/cloze heads/hub heads/__init__
    pretraining/masking pretraining/corruptions pretraining/spans pretraining/pairs
    pretraining/packing pretraining/source pretraining/mixture pretraining/probe pretraining/causal
    pretraining/permuted pretraining/electra pretraining/catalogue pretraining/budget
    pretraining/start pretraining/run pretraining/train pretraining/adapt pretraining/__init__
    finetune/regimes finetune/rates finetune/train finetune/features finetune/gradual
    finetune/recipes finetune/trainable finetune/baselines finetune/__init__
    embed/rows embed/geometry embed/spectrum embed/transforms embed/likeness embed/contexts
    embed/steps embed/sentences embed/token_table embed/similarity embed/__init__
    contrast/in_batch contrast/pair_losses contrast/objectives contrast/gradient_cache
    contrast/bi_encoder contrast/simcse contrast/__init__
    senses/uses senses/centroids senses/pseudowords senses/static senses/cooccurrence senses/ppmi
    senses/glove senses/__init__
    search/top search/bm25 search/index search/rerank search/clusters search/__init__
    forgetting/measure forgetting/drift forgetting/latent forgetting/anchors forgetting/fisher
    forgetting/ewc forgetting/recadam forgetting/replay forgetting/agem forgetting/generate
    forgetting/distill forgetting/lwf forgetting/early_stop forgetting/interpolate
    forgetting/afterwards forgetting/methods forgetting/matrix forgetting/sequence
    forgetting/compare forgetting/__init__
    serving/blocks serving/students serving/vectors serving/__init__
    pretrained loading
    experiments/sweep experiments/grid experiments/bodies experiments/regimes experiments/ablation
    experiments/labels experiments/few_shot experiments/methods experiments/repairs
    experiments/beside experiments/when_to_tune experiments/probe_ranks experiments/electra_curve
    experiments/sizes
    experiments/rates experiments/depth experiments/replay_share experiments/repair_path
    experiments/lost experiments/pads experiments/decisions experiments/frozen_tags
    experiments/cone experiments/taggers experiments/span_threshold experiments/word_pieces
    experiments/pair_tasks experiments/pools experiments/multi_task experiments/task_sequence
    experiments/robustness experiments/interference experiments/senses experiments/layers
    experiments/categories experiments/spectra experiments/contrast experiments/retrieval
    experiments/mini_mteb experiments/bi_cross experiments/opening experiments/similarity
    experiments/simcse experiments/dapt experiments/curse experiments/real_data experiments/scale
    experiments/real_forgetting experiments/real_tuning experiments/serving
    experiments/__init__
    plots/* plots/__init__
    files/lock files/output files/ending files/pretrain files/domains files/memory files/tasks
    files/report files/vectors files/finetune files/forgetting files/evaluate files/predict
    files/embed files/search files/similarity
    files/arguments files/__init__
    testing
    tour
    __init__
    __main__
""".split()

# A function longer than 60 lines or with more than 12 parameters, as "file:function" or
# "file:Class.method", and why it is better so.
EXCEPTIONS: dict[str, str] = {}

# The classes whose subclasses a function should treat alike: what differs is a method of theirs.
BASES = {"Head", "Model"}

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
    """The lines that are neither blank, nor comment, nor docstring, counted from 1.

    >>> code_lines('x = 1  # one' + chr(10) + '# two' + chr(10) * 2 + 'y = 2')
    {1, 4}
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
    return lines


def functions(tree, prefix=""):
    """(name, node) of each function: a method as Class.method, a function in another as f.g."""
    for node in ast.iter_child_nodes(tree):
        named = isinstance(node, (ast.ClassDef, ast.FunctionDef))
        if isinstance(node, ast.FunctionDef):
            yield prefix + node.name, node
        yield from functions(node, f"{prefix}{node.name}." if named else prefix)


def size(node, lines):
    """The number of parameters of a function, and of its lines of code from ``def`` on."""
    parameters = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return len(parameters), len(lines & set(range(node.lineno, node.end_lineno + 1)))


def parents_of_classes(trees):
    """Class name to the names that its bases are written with."""
    found = {}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                parts = [part for base in node.bases for part in ast.walk(base)]
                names = {getattr(part, "id", getattr(part, "attr", None)) for part in parts}
                found[node.name] = found.get(node.name, set()) | names
    return found


def subclasses(parents, bases):
    """The names of all classes that derive from one of the bases, also through another class."""
    found = set()
    while more := {n for n, above in parents.items() if above & (bases | found)} - found:
        found |= more
    return found


def asked_by_isinstance(node, classes):
    """Which of the classes a function asks for by isinstance; a tuple or A | B asks for each."""
    return [
        part.id
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "isinstance"
        for part in ast.walk(call.args[1])
        if isinstance(part, ast.Name) and part.id in classes
    ]


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
            allowed = allowed | {"matplotlib", "PIL"}  # matplotlib itself needs PIL
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
    counts = {name: len(code_lines(source(name))) for name in NAMES}
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
    assert code_lines(text) == {5, 6, 7, 10, 11, 12}  # x over two lines, def, return over three


def test_functions_are_short_and_have_few_parameters():
    large = {}
    for name in NAMES:
        text = source(name)
        lines = code_lines(text)
        for function, node in functions(ast.parse(text)):
            parameters, length = size(node, lines)
            if parameters > 12 or length > 60:
                large[f"{name}:{function}"] = f"{parameters} parameters, {length} lines"
    for name, reason in EXCEPTIONS.items():
        print(f"{name}: {large.get(name)}, because {reason}")
    new = {name: what for name, what in large.items() if name not in EXCEPTIONS}
    assert not new, f"more than 12 parameters or 60 lines of code: {new}"
    stale = EXCEPTIONS.keys() - large.keys()
    assert not stale, f"within the limits or gone: {stale}"
    assert len(EXCEPTIONS) <= 5, "split a function before making it the sixth exception"


def test_a_function_is_measured_without_its_docstring_comments_and_blank_lines():
    text = 'class C:\n    @property\n    def f(self, a, /, b, *c, d=1, **e):\n        "doc"\n'
    text += "        # why\n\n        def g():\n            return (\n                1\n"
    text += "            )\n"
    found = {name: size(n, code_lines(text)) for name, n in functions(ast.parse(text))}
    assert found == {"C.f": (4, 5), "C.f.g": (0, 4)}


def test_only_experiments_and_the_tour_know_the_toy_world():
    allowed = ("worlds/", "experiments/")
    found = {
        name
        for name in NAMES
        if name not in ("tour", "__init__") and not name.startswith(allowed)
        for module in imported_modules(name)
        if f"{module}.".startswith("npft.worlds.")
    }
    assert not found, f"{found} import npft.worlds: take texts from the caller"


def test_no_function_tells_heads_or_models_apart_by_isinstance():
    trees = {name: ast.parse(source(name)) for name in NAMES}
    parents = parents_of_classes(trees.values())
    gone = BASES - parents.keys()
    assert not gone, f"BASES names classes that are not there: {gone}"
    classes = subclasses(parents, BASES)
    ladders = {
        f"{name}:{function}": asked
        for name, tree in trees.items()
        for function, node in functions(tree)
        if len(asked := asked_by_isinstance(node, classes)) > 1
    }
    assert not ladders, f"make what differs a method of the classes: {ladders}"


def test_a_ladder_is_seen_through_subclasses_tuples_and_other_classes_are_not():
    text = "class A(Head): ...\nclass B(m.A): ...\nclass C(Head[int]): ...\nclass D: ...\n"
    text += "def f(x): return isinstance(x, A) or isinstance(x, B)\n"
    text += "def g(x): return isinstance(x, (A, C))\n"
    text += "def h(x): return isinstance(x, A) or isinstance(x, (D, str)) or isinstance(x, Head)\n"
    tree = ast.parse(text)
    classes = subclasses(parents_of_classes([tree]), {"Head"})
    assert classes == {"A", "B", "C"}
    found = {name: asked_by_isinstance(node, classes) for name, node in functions(tree)}
    assert found == {"f": ["A", "B"], "g": ["A", "C"], "h": ["A"]}


def test_the_table_of_public_names_has_the_files_in_reading_order():
    places = [place(file_of(f"npft.{file}")) for file in npft._CONTENTS]
    assert places == sorted(places)
