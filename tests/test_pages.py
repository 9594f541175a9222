"""The pages a visitor reads: short in front, no link to nothing, examples that can begin."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "figures" / "README.md"]
PAGES += sorted((ROOT / "docs").glob("*.md"))
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]


def text_of(page):
    return page.read_text(encoding="utf-8")


def anchors(text):
    """The names by which the headings of a page can be linked to."""
    heads = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", head.lower()).replace(" ", "-") for head in heads}


def lost_links(page):
    """The links of a page, pictures too, that lead to no file or to no heading of it."""
    for link in re.findall(r"\]\(([^)]+)\)", text_of(page)):
        if link.startswith("https:"):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(text_of(target))):
            yield link


def test_the_front_page_is_short():
    assert len(text_of(ROOT / "README.md").splitlines()) <= 150


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_link_of_a_page_leads_somewhere(page):
    assert list(lost_links(page)) == []


def test_a_link_to_nothing_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# One\n[a](gone.md) [b](page.md#one) [c](#two) ![d](gone.png)\n")
    assert list(lost_links(page)) == ["gone.md", "#two", "gone.png"]


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_picture_of_a_page_has_a_text_for_those_who_do_not_see_it(page):
    assert re.findall(r"!\[\s*\]\([^)]*\)", text_of(page)) == []


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_python_example_of_a_page_parses_and_finds_what_it_imports(page):
    for code in re.findall(r"```python\n(.*?)```", text_of(page), re.DOTALL):
        imports = [n for n in ast.parse(code).body if isinstance(n, (ast.Import, ast.ImportFrom))]
        exec(compile(ast.Module(imports, []), str(page), "exec"), {})


def test_every_figure_stands_in_the_gallery_with_its_script():
    gallery = text_of(ROOT / "figures" / "README.md")
    for picture in sorted((ROOT / "figures").glob("*.png")):
        link = re.escape(f"| [{picture.stem}]({picture.name}) |")
        row = re.search(rf"^{link} .*\]\((\w+)\.py\) \|$", gallery, re.MULTILINE)
        assert row, f"{picture.name} has no row in the index of the gallery"
        assert (ROOT / "figures" / f"{row[1]}.py").exists()
