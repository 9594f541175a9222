"""Damages of JSON: values of wrong types and ranges, keys lost, doubled, unknown, deep nesting."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from random import Random
from typing import Any

from inputs import Damage

DEEP = "in the place of this stand many brackets"
AGAIN = "in the place of this stands a key a second time"
ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 3, 7, 255, 256, 260, 0.5, 1.0, -0.0, 1e308, 1e-320, 2**31,
    2**53 + 1, 2**63, 2**64, 10**400, -(10**400), math.nan, math.inf, -math.inf, "", " ", "x", "0",
    "1", "\0", "\ud800", "\u0130", "a" * 5000, "a\nb", "\x1b[31m", [], [[]], {}, [None],
    {"a": 1}, {"": None}, [1, 2], [True], ["a", "a"], ["a", "b"], [0] * 3000,
    {str(i): i for i in range(300)}, DEEP,
)  # fmt: skip
Path = list[Any]  # of keys and indices


def draw_path(rng: Random, tree: Any, depth: float = 0.8) -> Path:
    """The way to some value; values near the root are as likely as the many below."""
    path: Path = []
    while isinstance(tree, (dict, list)) and tree and (not path or rng.random() < depth):
        keys = list(tree) if isinstance(tree, dict) else range(len(tree))
        path.append(rng.choice(keys))
        tree = tree[path[-1]]
    return path


def at(tree: Any, path: Path) -> Any:
    for key in path:
        tree = tree[key]
    return tree


def nearly(rng: Random, value: Any) -> Any:
    """A value of the same type that says something else."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        if not abs(value) < 2**53:
            return -value
        return rng.choice((value + 1, value - 1, value * 2, -value, float(value), value + 0.5))
    if isinstance(value, str):
        place = rng.randrange(len(value) + 1)
        return rng.choice((value[:place] + "q" + value[place:], value[:place], value.upper(),
                           value + " ", value + value))  # fmt: skip
    if isinstance(value, list):
        return rng.choice((value[::-1], value + value, value[1:], value[:-1], value + [value]))
    return dict(rng.sample(list(value.items()), len(value))) if value else {"q": value}


def otherwise(rng: Random, value: Any) -> Any:
    """The same in another type: a list of it, its text, its items."""
    if isinstance(value, dict):
        return rng.choice((list(value), list(value.values()), [value], json.dumps(value)))
    if isinstance(value, list):
        return rng.choice(([value], dict(enumerate(value)), str(value), len(value)))
    if isinstance(value, str):
        return rng.choice((list(value), {value: value}, [value], len(value)))
    return rng.choice(([value], str(value), {"value": value}, bool(value)))


def edit(rng: Random, tree: Any) -> tuple[Any, str]:
    """One edit at one place of a tree, which is changed; and in words what was done."""
    path = draw_path(rng, tree)
    if not path:
        return rng.choice(ODD_VALUES), "all of it replaced"
    parent, key = at(tree, path[:-1]), path[-1]
    old = parent[key]
    what = rng.choice(("replaced", "replaced", "nearly", "nearly", "otherwise", "taken out",
                       "exchanged", "another", "added", "renamed", "doubled"))  # fmt: skip
    where = "/".join(map(str, path))[:60]
    if what == "replaced":
        parent[key] = rng.choice(ODD_VALUES)
    elif what == "nearly":
        parent[key] = nearly(rng, old)
    elif what == "otherwise":
        parent[key] = otherwise(rng, old)
    elif what == "taken out":
        del parent[key]
    elif what == "another":  # what stands elsewhere in the tree
        parent[key] = json.loads(json.dumps(at(tree, draw_path(rng, tree))))
    elif isinstance(parent, list):
        other = rng.randrange(len(parent))
        if what == "exchanged":
            parent[key], parent[other] = parent[other], old
        else:
            parent.insert(other, rng.choice((old, rng.choice(ODD_VALUES))))
    elif what == "exchanged":
        other = rng.choice(list(parent))
        parent[key], parent[other] = parent[other], old
    elif what == "added":
        parent[rng.choice(("unknown", "", key + "s", key.upper()))] = rng.choice(ODD_VALUES)
    elif what == "renamed":
        parent[rng.choice(("unknown", key + " ", key.upper(), key[:-1]))] = parent.pop(key)
    else:
        parent[AGAIN + key] = rng.choice((old, nearly(rng, old)))
    shown = repr(parent[key])[:40] if what in ("replaced", "nearly", "otherwise") else ""
    return tree, f"{where} {what} {shown}".strip()


def as_json(rng: Random, tree: Any, **layout: Any) -> bytes:
    """The tree as JSON, with the brackets and the second keys that a tree cannot hold."""
    text = json.dumps(tree, ensure_ascii=rng.random() < 0.5, **layout).replace(AGAIN, "")
    depth = rng.choice((100, 3000, 100_000))
    text = text.replace(json.dumps(DEEP), "[" * depth + "]" * depth)
    return text.encode("utf-8", errors="surrogatepass")


def on_json(change: Callable[[Random, Any], tuple[Any, str]]) -> Damage:
    """A change of a tree as a damage of a JSON file."""

    def damage(rng: Random, data: bytes) -> tuple[bytes, str]:
        try:
            tree = json.loads(data)
        except (ValueError, RecursionError):
            return data, "nothing: it is no JSON any more"
        tree, what = change(rng, tree)
        return as_json(rng, tree, indent=rng.choice((None, 0, 1))), what

    return damage


def on_a_line(rng: Random, data: bytes) -> tuple[bytes, str]:
    """An edit in one line of JSON lines."""
    lines = data.split(b"\n")
    i = rng.randrange(len(lines))
    try:
        tree, what = edit(rng, json.loads(lines[i]))
    except (ValueError, RecursionError):
        return data, "nothing: the line is no JSON"
    lines[i] = as_json(rng, tree)
    return b"\n".join(lines), f"line {i + 1}: {what}"


def nest_deeply(rng: Random, data: bytes) -> tuple[bytes, str]:
    depth = rng.choice((900, 20_000, 500_000))
    opens, closes = rng.choice(((b"[", b"]"), (b'{"a":', b"}"), (b"[", b""), (b'[{"a":', b"}]")))
    return opens * depth + data + closes * depth, f"inside {depth:,} times {opens!r}"


JSON = (*[on_json(edit)] * 12, nest_deeply)
JSON_LINES = (on_a_line,)
