"""Every public name can be looked up, and its help has an example (which the doctests run)."""

import inspect
import re
from pathlib import Path

import pytest

import npft

README = Path(__file__).parents[1] / "README.md"
REFERENCE = Path(__file__).parents[1] / "docs" / "reference.md"
CALLABLES = [name for name in npft.__all__ if callable(getattr(npft, name))]


def has_example(thing):
    """Whether the docstring of its own, not that of its base, holds a line to type."""
    return ">>> " in (vars(thing).get("__doc__") or "" if inspect.isclass(thing)
                      else inspect.getdoc(thing) or "")


@pytest.mark.parametrize("name", CALLABLES)
def test_a_public_name_has_an_example_that_uses_it(name):
    thing = getattr(npft, name)
    assert has_example(thing), f"give {name} an example: a line >>> in its docstring"
    own = {name, thing.__name__}  # train_classifier is fine_tune
    assert any(word in line for line in inspect.getdoc(thing).splitlines()
               if line.startswith((">>> ", "... ")) for word in own)


def test_an_inherited_example_is_none():
    class Own(npft.Linear):
        pass

    assert has_example(npft.Linear) and not has_example(Own)


def test_the_tour_in_the_help_of_npft_names_every_room():
    rooms = {p.parent.name for p in Path(npft.__file__).parent.glob("*/__init__.py")}
    lines = [line.split() for line in npft.__doc__.splitlines() if line.startswith("    ")]
    assert {line[0] for line in lines} == rooms


def test_all_lists_each_name_once_in_alphabetical_order():
    assert npft.__all__ == sorted(set(npft.__all__))


def test_the_reference_of_the_site_has_every_room_with_a_public_name():
    said = re.findall(r"^names of (\w+)$", REFERENCE.read_text(encoding="utf-8"), re.MULTILINE)
    modules = {getattr(getattr(npft, name), "__module__", None) for name in npft.__all__}
    rooms = {module.split(".")[1] for module in modules if module}
    assert sorted(said) == sorted(rooms)


@pytest.mark.slow
def test_the_example_of_the_front_page_prints_what_its_comments_say(capsys):
    code = re.search(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)[1]
    exec(compile(code, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    said = "\n".join(re.findall(r"print\(.*# (.*)$", code, re.MULTILINE))
    number = r"\d\.\d+"
    found, told = (list(map(float, re.findall(number, text))) for text in (printed, said))
    assert found == pytest.approx(told, abs=0.03), (printed, said)  # another machine, other bits
    assert printed.splitlines()[-1] == said.splitlines()[-1]
