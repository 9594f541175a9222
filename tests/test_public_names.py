"""The front door: each public name is there when it is asked for, and nothing is loaded before.

What is loaded is asked of new processes, for this one has loaded most of npft.
"""

import ast
import configparser
import io
import pickle
import pydoc
import subprocess
import sys
from fnmatch import fnmatch
from importlib import import_module
from pathlib import Path

import pytest

import npft

ROOT = Path(__file__).parents[1]
HOUSE = ROOT / "npft"
STUB = ast.parse((HOUSE / "__init__.pyi").read_text(encoding="utf-8"))
TABLE = {file: names.split() for file, names in npft._CONTENTS.items()}
ROOMS = sorted(p.parent.name for p in HOUSE.glob("*/__init__.py"))
HELP = """
import contextlib, io
from npft.__main__ import main
with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.suppress(SystemExit):
    main(["--help"])
assert "predict" in said.getvalue()
"""


def told(code):
    """What a new process prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def loaded(code):
    """The modules of npft that a process has loaded after the code, and the packages beside it."""
    modules = told(f"{code}\nimport sys\nprint(*sys.modules)").split()
    ours = {name for name in modules if name.split(".")[0] == "npft"}
    return ours, {"numpy", "scipy", "matplotlib"} & set(modules)


def test_importing_npft_loads_none_of_its_files_and_no_other_package():
    assert loaded("import npft") == ({"npft"}, set())


def test_a_public_name_loads_its_own_file_and_what_that_needs():
    ours, others = loaded("from npft import AdamW")
    assert "npft.nn.optim" in ours and others == {"numpy"}
    assert not {name for name in ours if name.startswith(("npft.text", "npft.encoder"))}


def test_the_help_of_the_command_line_loads_no_model_and_nothing_to_draw():
    ours, others = loaded(HELP)
    assert others <= {"numpy"} and len(ours) <= 10, ours


def test_predicting_loads_nothing_that_trains_draws_or_makes_text():
    code = "from npft.__main__ import main\nassert main(['predict', '--model', 'nowhere']) == 2"
    ours, others = loaded(code)
    rooms = {name.split(".")[1] for name in ours if "." in name}
    assert not rooms & {"plots", "experiments", "worlds", "forgetting", "search", "senses", "tour"}
    assert others == {"numpy"}


@pytest.mark.parametrize("name", npft.__all__)
def test_a_public_name_is_that_of_the_file_in_the_table(name):
    files = [file for file, names in TABLE.items() if name in names or name == file]
    assert len(files) == 1
    module = import_module(f"npft.{files[0]}")
    assert getattr(npft, name) is getattr(module, name, module)


def test_all_public_names_can_be_imported_at_once_and_no_other_is():
    taken = told("before = {*dir()}\nfrom npft import *\nprint(*{*dir()} - before - {'before'})")
    assert sorted(taken.split()) == npft.__all__


def test_every_room_can_be_reached_from_npft():
    code = "import npft\n" + "".join(f"print(npft.{room}.__name__)\n" for room in ROOMS)
    assert told(code).split() == [f"npft.{room}" for room in ROOMS]


def test_no_public_name_is_hidden_by_a_room_or_file_of_the_same_name():
    """Importing ``npft.NAME`` sets the attribute NAME of npft to that module."""
    here = {p.stem for p in HOUSE.iterdir()}
    assert here & set(npft.__all__) == {"errors", "plots"}  # which are rooms themselves


def test_what_can_be_asked_for_is_listed_before_it_is_loaded():
    listed = told("import npft\nprint(*dir(npft))").split()
    assert {*npft.__all__, *ROOMS, "__version__"} <= set(listed)
    assert all(hasattr(npft, name) for name in listed)
    assert not [name for name in listed if name.startswith("_") and name != "__version__"]


def test_an_unknown_name_is_an_attribute_error_that_names_a_like_one():
    assert not hasattr(npft, "classifier")
    with pytest.raises(AttributeError, match="^module 'npft' has no attribute 'Classifer'$"):
        _ = npft.Classifer
    with pytest.raises(ImportError, match="cannot import name 'Classifer' from 'npft'"):
        from npft import Classifer  # noqa: F401
    command = [sys.executable, "-c", "import npft\nnpft.Classifer"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert "Did you mean: 'Classifier'?" in done.stderr


def test_the_help_of_npft_shows_what_is_not_yet_loaded():
    text = told("import npft, pydoc\nprint(pydoc.plain(pydoc.render_doc(npft)))")
    assert "class LayerNorm(" in text and "warmup_cosine(" in text and npft.__version__ in text
    assert pydoc.locate("npft.load") is npft.load


def test_public_classes_and_functions_can_be_pickled():
    for thing in (npft.Classifier, npft.load, npft.EncoderConfig(vocab_size=10)):
        sent = pickle.dumps(thing)
        assert pickle.loads(sent) == thing
        told(f"import pickle\nprint(pickle.loads({sent!r}))")


def test_threads_that_ask_at_once_get_the_same_objects():
    code = """
import threading, npft
start, found = threading.Barrier(8), []
def ask(names):
    start.wait()
    found.append({name: id(getattr(npft, name)) for name in names})
for i in range(8):
    threading.Thread(target=ask, args=[npft.__all__[::(-1) ** i]]).start()
for thread in threading.enumerate()[1:]:
    thread.join()
print(len(found), all(one == found[0] for one in found))
"""
    assert told(code).split() == ["8", "True"]


def test_the_stub_for_type_checkers_says_what_the_table_says():
    imports = [node for node in STUB.body if isinstance(node, ast.ImportFrom)]
    names = {node.module: [alias.name for alias in node.names] for node in imports}
    assert len(names) == len(imports)
    rooms = {file.split(".")[0] for file in TABLE}
    assert sorted(names.pop("npft")) == sorted(rooms)
    table = {f"npft.{file}": names for file, names in TABLE.items() if names}
    assert list(names.items()) == list(table.items())
    (listed,) = (ast.literal_eval(n.value) for n in STUB.body if isinstance(n, ast.Assign))
    assert listed == npft.__all__


@pytest.mark.slow
def test_a_type_checker_knows_the_type_of_a_public_name(tmp_path):
    pytest.importorskip("mypy")
    user = tmp_path / "user.py"
    user.write_text("import npft\nreveal_type(npft.pool)\nreveal_type(npft.nn)\nnpft.nothing\n")
    command = [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path / "cache"), str(user)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    lines = done.stdout.splitlines()
    assert "npft.autograd.tensor.Tensor" in lines[0] and "Module" in lines[1]
    assert 'has no attribute "nothing"' in lines[2] and len(lines) == 4


def test_all_that_is_no_code_goes_into_the_wheel():
    setup = configparser.ConfigParser()
    setup.read_file(io.StringIO((ROOT / "setup.cfg").read_text(encoding="utf-8")))
    patterns = setup["options.package_data"]["npft"].split(", ")
    files = [p.relative_to(HOUSE).as_posix() for p in HOUSE.rglob("*") if p.is_file()]
    other = [f for f in files if not f.endswith((".py", ".pyc"))]
    assert len(other) > 3
    assert [f for f in other if not any(fnmatch(f, pattern) for pattern in patterns)] == []
