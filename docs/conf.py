"""The site, of the pages, the course, the gallery and the docstrings: see site.md beside this.

Its source is the whole repository, so that links between pages lead where they lead there. A
docstring of npft is plain text; what must be said for Sphinx is added here, on the way.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import npft  # noqa: E402

project, author, release = "npft", "npft", npft.__version__
copyright = "MIT licence"
extensions = ["sphinx.ext.autodoc", "myst_nb"]
root_doc = "README"
include_patterns = [
    "README.md", "CONTRIBUTING.md", "docs/*.md", "figures/README.md", "notebooks/*.ipynb",
]  # fmt: skip
nb_execution_mode = "off"  # notebooks are committed with what they print
nb_output_stderr = "remove"
myst_heading_anchors = 4
suppress_warnings = ["myst.xref_missing", "myst.header"]  # links to files that are no pages
autodoc_typehints = "none"  # a docstring says it in words
html_theme = "furo"
html_title = f"npft {release}"
CHAPTERS = """

```{toctree}
:hidden:
:caption: Pages
:glob:

figures/README
docs/*
CONTRIBUTING
```

```{toctree}
:hidden:
:caption: The course
:glob:

notebooks/*
```
"""


def names_of(room: str) -> str:
    """The directives of the public names of a room, such as ``nn``, in their order in npft."""
    lines = ["```{eval-rst}"]
    for name in npft.__all__:
        thing = getattr(npft, name)
        if f"{getattr(thing, '__module__', '')}.".startswith(f"npft.{room}."):
            kind = "class" if isinstance(thing, type) else "function"
            lines.append(f".. auto{kind}:: npft.{name}")
    return "\n".join([*lines, "```"])


def with_chapters(app, docname, source):
    """Add the chapters to the front page, and the names to the reference."""
    if docname == root_doc:
        source[0] += CHAPTERS
    if docname == "docs/reference":
        source[0] = re.sub(r"^names of (\w+)$", lambda m: names_of(m[1]), source[0], flags=re.M)


def as_rst(app, what, name, thing, options, lines):
    """Plain text as reStructuredText: a block that is indented is kept as it stands, and no sign
    is magic but those of ``code`` and *stress*.

    "steps: how many" begins a paragraph, which the indented lines behind it go on with.
    """
    new, literal, example = [], False, False
    for line in lines:
        before = new[-1] if new else ""
        indented = line.startswith("    ")
        example = line.startswith(">>> ") or (example and line != "")
        if indented and not before and not literal and not example:
            new += ["::", ""]
            literal = True
        literal = literal and (indented or not line)
        if not literal and not example:
            parts = re.split(r"(``.*?``|\*\w+\*)", line.strip())
            parts[::2] = [re.sub(r"([*|`]|_(?=\W|$))", r"\\\1", part) for part in parts[::2]]
            line = "".join(parts)
            if before and re.match(r"[\w, ]+: ", line):
                new.append("")
        new.append(line)
    lines[:] = new


def front_page(app, error):
    """Let the site begin at its front page."""
    to = '<meta http-equiv="refresh" content="0; url=README.html"><a href="README.html">npft</a>'
    Path(app.outdir, "index.html").write_text(f"<!doctype html>{to}\n", encoding="utf-8")


def setup(app):
    app.connect("source-read", with_chapters)
    app.connect("autodoc-process-docstring", as_rst)
    app.connect("build-finished", front_page)
