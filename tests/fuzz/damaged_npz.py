"""Damages of a checkpoint: of the members of its archive, their headers, its manifest, its weights.

Each gives a whole zip archive again, with right check sums, so that a reader has to look inside.
"""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
from damaged_json import as_json, edit
from inputs import Damage

Members = list[tuple[str, bytes]]
STATE, WEIGHTS = "training/", "weights/"
ODD_DTYPES = ("<f8", "<f2", ">f4", "<i4", "<i8", "|i1", "|b1", "|O", "<U4", "<M8[s]", "<c8", "|V4",
              "f4", "", "<f4,<f4", "\udc80", ["a"], [("x", "<f4")], None, 7)  # fmt: skip
ODD_SHAPES = ((), (0,), (-1,), (1,), (2, 2), (10**9, 10**9), (10**400,), (2**63, 2), (2**32, 2**32),
              (True,), (1.0,), "(4,)", [4], None, ((4,),), (0, 10**12), (1,) * 100)  # fmt: skip
ODD_NAMES = ("../x.npy", "/etc/x.npy", "weights/.npy", "weights/x", "x.npy", "manifest", "",
             "a\\b.npy", "weights/x\n.npy", "weights/\u00e9.npy", "training/x.npy",
             "weights/x.npy.npy", "Manifest.npy", "weights//x.npy",
             "a" * 3000 + ".npy", "dir/")  # fmt: skip


def unpacked(data: bytes) -> Members:
    """The members of an archive; none if it is no archive any more."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return [(m.filename, archive.read(m)) for m in archive.infolist()]
    except Exception:  # whatever zipfile says of what an earlier damage left
        return []


def packed(members: Members, method: int = zipfile.ZIP_STORED, comment: bytes = b"") -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w") as archive:
        warnings.simplefilter("ignore")  # of names that occur twice
        for name, content in members:
            member = zipfile.ZipInfo(name or "x")
            member.compress_type = method
            archive.writestr(member, content)
        archive.comment = comment
    return file.getvalue()


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def on_members(change: Callable[[Random, Members], tuple[Members, str]]) -> Damage:
    """A change of the list of members as a damage of an archive."""

    def damage(rng: Random, data: bytes) -> tuple[bytes, str]:
        members = unpacked(data)
        if not members:
            return data, "nothing: it is no archive any more"
        members, what = change(rng, members)
        return packed(members), what

    return damage


def move_members(rng: Random, members: Members) -> tuple[Members, str]:
    i, j = rng.randrange(len(members)), rng.randrange(len(members))
    name, content = members[i]
    whats = ("renamed", "doubled", "taken out", "exchanged", "cut off", "longer", "added")
    what = rng.choice(whats)
    if what == "renamed":
        new = rng.choice((*ODD_NAMES, members[j][0], name.upper(), name.replace(".npy", "")))
        members[i] = new, content
        return members, f"member {name} renamed {new[:40]!r}"
    if what == "doubled":
        members.insert(j, (name, members[j][1]))
    elif what == "taken out":
        del members[i]
    elif what == "exchanged":  # which changes nothing
        members[i], members[j] = members[j], members[i]
    elif what == "cut off":
        members[i] = name, content[: rng.randrange(len(content) + 1)]
    elif what == "longer":
        members[i] = name, content + bytes(rng.choice((1, 4, 4096)))
    else:
        added = rng.choice(("weights/unknown.npy", "training/unknown.npy", "notes.txt", "weights/"))
        members.insert(j, (added, content))
        name = added
    return members, f"member {name} {what}"


def pack_otherwise(rng: Random, data: bytes) -> tuple[bytes, str]:
    members = unpacked(data)
    if not members:
        return data, "nothing: it is no archive any more"
    what = rng.choice(("deflated", "bzipped", "of zeros", "with a comment", "behind a text"))
    if what == "deflated":
        return packed(members, zipfile.ZIP_DEFLATED), "members deflated"
    if what == "bzipped":
        return packed(members, zipfile.ZIP_BZIP2), "members bzipped"
    if what == "of zeros":  # a small file with a large member
        i = rng.randrange(len(members))
        members[i] = members[i][0], bytes(20_000_000)
        return packed(members, zipfile.ZIP_DEFLATED), f"member {members[i][0]} 20 MB of zeros"
    if what == "with a comment":
        return packed(members, comment=rng.choice((b"a", b"PK\5\6" * 9, bytes(60_000)))), what
    return b"#!/bin/sh\n" * 9 + packed(members), what


def lie_in_a_header(rng: Random, members: Members) -> tuple[Members, str]:
    """What a member says of itself: its version, dtype, order, shape, the length of its header."""
    i = rng.randrange(len(members))
    name, content = members[i]
    try:
        array = np.load(io.BytesIO(content), allow_pickle=False)
    except Exception:  # whatever NumPy says of what an earlier damage left
        return members, "nothing: it is no array any more"
    fields: dict[str, Any] = {
        "descr": array.dtype.str, "fortran_order": False, "shape": array.shape,
    }  # fmt: skip
    what = rng.choice(("descr", "fortran_order", "shape", "shape", "text", "version", "size"))
    if what == "descr":
        fields["descr"] = rng.choice(ODD_DTYPES)
    elif what == "fortran_order":
        fields["fortran_order"] = rng.choice((True, 0, None, "no"))
    elif what == "shape":
        size = array.size
        fitting = (size,), (1, size), (size, 1), array.shape[::-1]
        fields["shape"] = rng.choice((*ODD_SHAPES, *fitting))
    text = repr(fields)
    if what == "text":
        text = rng.choice((text[:-1], "(" * 9000, text + "+1", "{}", "[]", "", "__import__('os')",
                           text[:-1] + ", 'more': 1}", "{" * 300, "9" * 9000, "-" * 9000 + "1",
                           "{'descr': '\\d'}", "\n" * 200))  # fmt: skip
    header = text.encode("latin1", errors="replace")
    header += b" " * rng.choice((0, 0, 1, 54 - len(header) % 64, 70_000 - len(header))) + b"\n"
    header = header[:65_535]
    lie = what == "size"
    size = rng.choice((0, 1, 65_535, max(0, len(header) - 1))) if lie else len(header)
    version = rng.choice((b"\2\0", b"\3\0", b"\1\1", b"\0\0")) if what == "version" else b"\1\0"
    start = b"\x93NUMPY" + version + size.to_bytes(2, "little")
    members[i] = name, start + header + array.tobytes()
    return members, f"the {what} of member {name}: {header[:90]!r}"


def change_numbers(state: bool) -> Callable[[Random, Members], tuple[Members, str]]:
    """Odd numbers in an array, another shape or type, or two arrays exchanged."""

    def change(rng: Random, members: Members) -> tuple[Members, str]:
        of = [i for i, (name, _) in enumerate(members)
              if name.startswith(STATE if state else WEIGHTS)]  # fmt: skip
        if not of:
            return members, "nothing: there is no such array"
        i, j = rng.choice(of), rng.choice(of)
        name, content = members[i]
        try:
            array = np.load(io.BytesIO(content), allow_pickle=False)
        except Exception:  # whatever NumPy says of what an earlier damage left
            return members, "nothing: it is no array any more"
        whats = ("one", "one", "all", "shape", "transposed", "type", "exchanged", "moved")
        what = rng.choice(whats)
        with np.errstate(all="ignore"):
            if what == "exchanged":
                members[i], members[j] = (name, members[j][1]), (members[j][0], content)
                return members, f"the numbers of {name} and {members[j][0]} exchanged"
            if what in ("one", "all"):
                wide = array.astype(np.float64) if rng.random() < 0.2 else array.copy()
                floats = np.nan, np.inf, -np.inf, 0, -1, 1e-42, 3e38, -3e38, 1e39, 2.5, 1000
                new = rng.choice(floats if wide.dtype.kind == "f" else (0, -1, 1, 2**62, 1000))
                alone = wide.size and what == "one"
                wide.flat[rng.randrange(wide.size) if alone else slice(None)] = new
                array, what = wide, f"{what} made {new} in {wide.dtype}"
            elif what == "shape":
                array = rng.choice((array.ravel(), array[None], array[..., None], array[:0],
                                    np.concatenate([array, array]), array[1:]))  # fmt: skip
            elif what == "transposed":
                array = np.ascontiguousarray(array.T)
            elif what == "type":
                new = rng.choice(("<f8", "<f2", "<i8", "|b1", "|u1", ">f4", "<c8", "<U3"))
                array, what = array.astype(new), f"type {new}"
            else:
                array = np.roll(array, 1)
        members[i] = name, npy(array)
        return members, f"{name}: {what}"

    return change


def on_manifest(change: Callable[[Random, Any], tuple[Any, str]]) -> Damage:
    """A change of the manifest as a damage of a checkpoint."""

    def damage(rng: Random, data: bytes) -> tuple[bytes, str]:
        members = unpacked(data)
        for i, (name, content) in enumerate(members):
            if name == "manifest.npy":
                try:
                    array = np.load(io.BytesIO(content), allow_pickle=False)
                    tree, what = change(rng, json.loads(array.tobytes()))
                except Exception:  # whatever is said of what an earlier damage left
                    break
                text = np.frombuffer(as_json(rng, tree), np.uint8)
                members[i] = name, npy(text)
                return packed(members), f"manifest: {what}"
        return data, "nothing: there is no manifest any more"

    return damage


def edit_in(*names: str) -> Callable[[Random, Any], tuple[Any, str]]:
    """Edits of one part of a manifest alone."""

    def change(rng: Random, tree: Any) -> tuple[Any, str]:
        name = rng.choice([n for n in names if n in tree])
        tree[name], what = edit(rng, tree[name])
        return tree, f"{name}: {what}"

    return change


def claim_much(rng: Random, data: bytes) -> tuple[bytes, str]:
    """A manifest that means a large model: many layers, many labels, many heads, a wide body.

    The file holds as many numbers as the body of that model should have, but no weight of it.
    """
    what = rng.choice(("layers", "labels", "heads", "width", "positions"))
    floats = rng.choice((0, 1_000_000))

    def change(rng: Random, tree: Any) -> tuple[Any, str]:
        config = tree["config"]
        if what == "layers":
            ones = dict.fromkeys(("hidden_size", "num_heads", "intermediate_size"), 1)
            config |= {"num_layers": 100_000, **ones}
        elif what == "width":
            config |= {"hidden_size": 30_000, "num_heads": 1}
        elif what == "positions":
            config |= {"max_positions": 10**8}
        else:
            config |= {"hidden_size": 512, "num_heads": 1}
        if what == "labels":
            names = [str(i) for i in range(600_000)]
            options = {"label_names": names, "pool": "mean"}
            head = {"kind": "classes", "weight": 1.0, "options": options}
            tree["options"] = options if tree["version"] == 1 else {"classes": head}
        elif what == "heads" and tree["options"]:
            head = next(iter(tree["options"].values()))
            tree["options"] = {f"h{i}": head for i in range(20_000)}
        return tree, f"claims many {what}, and holds {floats:,} unknown numbers"

    def add(rng: Random, members: Members) -> tuple[Members, str]:
        return [*members, ("weights/unknown.npy", npy(np.zeros(floats, np.float32)))], ""

    data, _ = on_members(add)(rng, data)
    return on_manifest(change)(rng, data)


ARCHIVE = (on_members(move_members), pack_otherwise, *[on_members(lie_in_a_header)] * 3)
LARGE = (claim_much,)
NUMBERS = (on_members(change_numbers(state=False)),)
PARTS = edit_in("config", "options", "tokenizer", "kind")
MANIFEST = (on_manifest(edit), *[on_manifest(PARTS)] * 3)
STATE_OF_TRAINING = (
    on_members(change_numbers(state=True)), *[on_manifest(edit_in("training"))] * 2,
)  # fmt: skip
