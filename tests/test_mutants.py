"""The table of tests in mutants.py: a fault is judged by all the tests that can see it."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# not on the path of imports, as it is a script beside the tests
_spec = importlib.util.spec_from_file_location("mutants", ROOT / "tests" / "mutants.py")
mutants = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(mutants)

PARTS = sorted(
    f"npft/{p.name}"
    for p in (ROOT / "npft").iterdir()
    if (p.suffix == ".py" and p.name != "__init__.py") or (p / "__init__.py").exists()
)


@pytest.mark.parametrize("package", PARTS)
def test_every_part_of_npft_has_tests_and_they_exist(package):
    files = mutants.tests_of(package)
    assert any(path.startswith("tests/") for path in files)
    assert all((ROOT / path).is_file() for path in files)
    assert len(files) == len(set(files))
    assert set(mutants.files_in(package)) <= set(files)  # the doctests of the package


def test_a_package_is_seen_by_what_mirrors_it_first():
    files = mutants.tests_of("npft/nn")
    here, rest = files[: len(mutants.files_in("tests/nn", "test_*.py"))], files[len(files) // 2 :]
    assert all(path.startswith("tests/nn/") for path in here)
    assert not any(path.startswith("tests/nn/") for path in rest)


def test_a_file_is_seen_by_its_own_tests_first():
    files = mutants.tests_of("npft/nn/optim.py")
    assert files[:2] == ["tests/nn/test_optim.py", "npft/nn/optim.py"]
    assert sorted(files) == sorted(mutants.tests_of("npft/nn"))
    # a file without tests of its own name is still seen by those of its folder
    assert mutants.tests_of("npft/nn/__init__.py")[0] == "npft/nn/__init__.py"


@pytest.mark.parametrize(
    "package", ["npft", "tests/nn", "npft/nowhere", "npft/nn/nothing.py", "npft/../tests", "npft/py.typed"]
)  # fmt: skip
def test_what_is_not_a_part_of_npft_is_refused_in_words(package):
    with pytest.raises(SystemExit, match="expected a folder or a .py file below npft"):
        mutants.tests_of(package)


def test_a_row_of_the_table_with_a_path_that_is_gone_is_refused_in_words(monkeypatch):
    monkeypatch.setitem(mutants.TESTS, "nn", ("tests/finetune", "tests/gone"))
    with pytest.raises(SystemExit, match="names for nn what is not there: .'tests/gone'"):
        mutants.tests_of("npft/nn")


def test_a_part_without_tests_is_refused_in_words(monkeypatch):
    monkeypatch.delitem(mutants.TESTS, "__main__")
    with pytest.raises(SystemExit, match="no tests for npft/__main__.py: expected tests/__main__ or"):
        mutants.tests_of("npft/__main__.py")
