"""Tables for notebooks: a tensor as rows and columns of HTML."""

from __future__ import annotations

import html
from typing import Any

import numpy as np

MOST_CELLS = 8  # rows, and columns, of a tensor that are shown


def html_rows(rows: list[tuple[str, ...]], tag: str) -> str:
    """Rows of cells as HTML; what a cell says is escaped.

    >>> html_rows([("a", "<b>")], "td")
    '<tr><td>a</td><td>&lt;b&gt;</td></tr>'
    """
    return "".join(
        "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row) + "</tr>"
        for row in rows
    )


def tensor_html(x: Any) -> str:
    """A tensor of up to two axes as an HTML table of at most 8 rows and columns, else its repr."""
    if x.ndim > 2 or x.size == 0:
        return f"<pre>{html.escape(repr(x))}</pre>"
    rows = [
        tuple(f"{v:.4g}" for v in row[:MOST_CELLS]) + ("...",) * (len(row) > MOST_CELLS)
        for row in np.atleast_2d(x.data)[:MOST_CELLS]
    ]
    if x.ndim == 2 and len(x) > MOST_CELLS:
        rows.append(("...",) * len(rows[0]))
    origin = f", op={x._node.op}" if x._node is not None else ", leaf" * x.requires_grad
    caption = html.escape(f"Tensor(shape={x.shape}, dtype={x.dtype}{origin})")
    return f"<table><caption>{caption}</caption>{html_rows(rows, 'td')}</table>"

