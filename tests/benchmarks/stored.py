"""The results in figures/speed.json, and the tables of profiles in figures/README.md made of them.

A new run replaces the rows that it measured, each known by its work, its peer and its threads, and
leaves the others. The machine of the file is that of the last run of all parts: rows that it did
not measure are marked "earlier", and rows of parts measured on another one say "on" which.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

FIGURES = Path(__file__).resolve().parents[2] / "figures"
RESULTS, PAGE = FIGURES / "speed.json", FIGURES / "README.md"
PROFILES = ("profile, ", "bound, ", "two threads, ", "passes, ")  # how their rows' works begin
KERNELS, NOT_HERE = "numpy's kernels", "not installed"
BEGIN, END = "<!-- profiles: written by tests/benchmarks -->", "<!-- end of profiles -->"


def key(row: dict) -> tuple[str, str, int]:
    """What a row is about."""
    return row["work"], row.get("peer", ""), row.get("threads", 1)


def merged(old: dict, new: dict, whole: bool) -> dict:
    """Results with the rows of a new run in their places, and its new ones at the end.

    A peer that is not installed now leaves what was measured before.

    >>> here, rows = {"processor": "x"}, [{"work": "a", "ms": 1}, {"work": "b", "ms": 2}]
    >>> old, new = ({"machine": here, "rows": r} for r in (rows, [{"work": "b", "ms": 3}]))
    >>> merged(old, new, whole=False)["rows"]
    [{'work': 'a', 'ms': 1}, {'work': 'b', 'ms': 3}]
    """
    known = {key(row) for row in old["rows"]}
    elsewhere = old["machine"] != new["machine"]
    on = {"on": place(new["machine"])} if elsewhere and not whole else {}
    found = {
        key(row): row | on for row in new["rows"] if "absent" not in row or key(row) not in known
    }
    mark = {"earlier": True} if elsewhere and whole else {}
    rows = [found.pop(key(row), row | mark) for row in old["rows"]]
    result = old | new if whole else dict(old)
    if mark:
        result["earlier"] = f"rows marked so are of an earlier run: {json.dumps(old['machine'])}"
    return result | {"rows": rows + list(found.values())}


def place(machine: dict[str, str]) -> str:
    """A machine in a few words.

    >>> place({"processor": "AMD EPYC", "numpy": "2.4.6"})
    'AMD EPYC, NumPy 2.4.6 (unknown kernels), PyTorch not installed'
    """
    return (
        f"{machine.get('processor', 'unknown processor')}, NumPy {machine.get('numpy')} "
        f"({machine.get(KERNELS, 'unknown kernels')}), PyTorch {machine.get('torch', NOT_HERE)}"
    )


def save(new: dict, whole: bool, path: Path = RESULTS) -> None:
    """Write the rows of a new run to the results, and to the page that shows them."""
    result = new
    if path.exists():
        result = merged(json.loads(path.read_text(encoding="utf-8")), new, whole)
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    if path == RESULTS:
        page = with_tables(PAGE.read_text(encoding="utf-8"), result)
        PAGE.write_text(page, encoding="utf-8")


def with_tables(page: str, result: dict) -> str:
    """The page with the tables of the results between the two marks, and where they come from."""
    before, rest = page.split(BEGIN)
    text = tables(result["rows"])
    if text:
        rows = (row for row in result["rows"] if row["work"].startswith(PROFILES))
        places = dict.fromkeys(row.get("on", place(result["machine"])) for row in rows)
        text += f"Measured on {'; '.join(places)}.\n\n"
    return f"{before}{BEGIN}\n\n{text}{END}{rest.split(END)[1]}"


def tables(rows: Sequence[dict]) -> str:
    """The tables of ``profiles.py`` as Markdown, those that have rows; "" if none has."""
    text = ""
    for begin, lines in zip(PROFILES, (shares, bounds, threads, passes)):
        chosen = [row | {"work": row["work"].removeprefix(begin)}
                  for row in rows if row["work"].startswith(begin)]  # fmt: skip
        if chosen:
            text += table(lines(chosen)) + "\n"
    return text


def table(lines: Sequence[Sequence[str]]) -> str:
    """Lines of cells, the first of which are the heads."""
    text = [f"| {' | '.join(cells)} |\n" for cells in lines]
    return "".join([text[0], "|---" * len(lines[0]) + "|\n", *text[1:]])


def shares(rows: Sequence[dict]) -> list[list[str]]:
    """A column for each work, a line for each kind that takes a hundredth of some work."""
    kinds = dict.fromkeys(kind for row in rows for kind in row["shares"])
    found = {kind: [row["shares"].get(kind, 0.0) for row in rows] for kind in kinds}
    return [
        ["share of npft's time, 1 thread", *(row["work"] for row in rows)],
        *([kind, *(f"{round(share, 2) + 0:.0%}" for share in values)]  # no -0%
          for kind, values in found.items() if max(values) >= 0.01),
        ["a step", *(span(row["npft_ms"][0]) for row in rows)],
        ["with the clock / without", *(f"{row['with_clock'][0]:.2f}" for row in rows)],
        ["calls of NumPy seen", *(f"{row['calls']:,}" for row in rows)],
        ["of these on more than 500 numbers", *(f"{row['large_calls']:,}" for row in rows)],
        ["a call, on average", *(span(row["call_us"] / 1000) for row in rows)],
    ]  # fmt: skip


def bounds(rows: Sequence[dict]) -> list[list[str]]:
    heads = ["work", "beside", "threads", "npft's products / its whole time",
             "its own products / that", "aim", "so"]  # fmt: skip
    return [heads] + [
        [row["work"], row["peer"], str(row["threads"]), ratio(row["bound"]),
         ratio(row["peer_products"]), f"{row['aim']:.2f}", verdict(row)]
        for row in rows
    ]  # fmt: skip


def threads(rows: Sequence[dict]) -> list[list[str]]:
    heads = ["work", "a call", "calls a second, one thread", "two together", "two / one"]
    return [heads] + [
        [row["work"], span(row["call_us"][0] / 1000), f"{row['one_per_s'][0]:,.0f}",
         f"{row['two_per_s'][0]:,.0f}", ratio(row["scaling"])]
        for row in rows
    ]  # fmt: skip


def passes(rows: Sequence[dict]) -> list[list[str]]:
    heads = ["kernel", "passes", "a multiplication", "an exp", "floor", "npft", "PyTorch",
             "floor / PyTorch", "aim", "so"]  # fmt: skip
    return [heads] + [
        [row["work"], f"{row['passes']:.0f}",
         *(span(row[f"{what}_ms"][0]) if f"{what}_ms" in row else ""
           for what in ("multiply", "exp", "floor", "npft", "peer")),
         ratio(row["bound"]), f"{row['aim']:.2f}", verdict(row)]
        for row in rows
    ]  # fmt: skip


def span(ms: float) -> str:
    """So many milliseconds, in the unit that suits.

    >>> span(0.0215), span(21.5), span(2150)
    ('21.5 µs', '21.5 ms', '2.15 s')
    """
    unit, size = ("µs", 0.001) if ms < 1 else ("ms", 1) if ms < 1000 else ("s", 1000)
    return f"{ms / size:.3g} {unit}"


def ratio(values: Sequence[float]) -> str:
    """The median with the least and the most."""
    middle, least, most = values
    return f"{middle:.2f} [{least:.2f}, {most:.2f}]"


def verdict(row: dict) -> str:
    """Whether the aim can be met if all that the bound leaves out cost nothing."""
    left = row["aim"] - row["bound"][0]
    return f"{left:.2f} left for the rest" if left > 0 else f"out of reach by {-left:.2f}"
