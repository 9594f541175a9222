"""Damages of text files: line ends, encodings, odd signs and numbers, and lines or letters moved.

Some give a file that is as good as before and says something else, such as one with another letter.
"""

from __future__ import annotations

import re
from random import Random

from damaged_bytes import ODD_BYTES

ODD_SIGNS = (
    "\0", "\x0b", "\x0c", "\x1c", "\x1e", "\x1b[31m", "\x7f", "\x85", "\xa0", "\xad", "\u0301",
    "\u0661", "\u200b", "\u2009", "\u2028", "\u2029", "\u202e", "\u3000", "\ufeff", "\ufffd",
    "\U0001f600", "\u0130", "\ufb01", "\r", "\t", '"', '""', "'", ",", ";", "\\", "#", "[", "]",
    "|", "-", "_", "%s", "{}", "\\u0000", "NaN",
)  # fmt: skip
ODD_NUMBERS = (
    "9" * 400, "9" * 5000, "1e400", "-1e400", "1e-400", "1e20", "nan", "inf", "-inf", "1_0", "0x10",
    "\u0661", "\uff13.\uff18", "-0", "+1", "1.", ".5", "1,5", "1e", "--1", "", "  2  ",
)  # fmt: skip
ENCODINGS = ("utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1", "cp1252", "utf-7")
LONG = 200_000  # more than one cell of a CSV file may have
MANY = 40_000


def as_text(data: bytes) -> str:
    return data.decode("utf-8", errors="surrogateescape")


def as_bytes(text: str) -> bytes:
    return text.encode("utf-8", errors="surrogateescape")


def end_lines_otherwise(rng: Random, data: bytes) -> tuple[bytes, str]:
    end = rng.choice((b"\r\n", b"\r", b"\n\r", b"\r\r\n", b"\x0b", b"\xc2\x85", b"\xe2\x80\xa8"))
    lines = data.split(b"\n")
    some = rng.random() < 0.5
    ends = [rng.choice((b"\n", end)) if some else end for _ in lines[1:]]
    text = lines[0] + b"".join(e + line for e, line in zip(ends, lines[1:]))
    return text, f"{'some' if some else 'all'} lines end in {end!r}"


def end_without_a_line_end(rng: Random, data: bytes) -> tuple[bytes, str]:
    more = rng.choice((b"", b"\n\n\n", b" ", b"\n \n", b"\r", b"\n\t\n", b"\n\0", b"\x1a"))
    return data.rstrip(b"\n") + more, f"the file ends in {more!r}"


def write_in_another_encoding(rng: Random, data: bytes) -> tuple[bytes, str]:
    encoding = rng.choice(ENCODINGS)
    text = data.decode("utf-8", errors="replace")
    return text.encode(encoding, errors="replace"), f"written in {encoding}"


def put_in_a_sign(rng: Random, data: bytes) -> tuple[bytes, str]:
    text, sign = as_text(data), rng.choice(ODD_SIGNS)
    place = rng.choice((0, len(text), *(rng.randrange(len(text) + 1) for _ in range(4))))
    return as_bytes(text[:place] + sign + text[place:]), f"{sign!r} put in at {place}"


def change_a_letter(rng: Random, data: bytes) -> tuple[bytes, str]:
    places = [m.start() for m in re.finditer(rb"[A-Za-z]", data)]
    if not places:
        return data, "nothing: there is no letter"
    place = rng.choice(places)
    new = bytes([data[place] ^ 32]) if rng.random() < 0.3 else rng.choice((b"e", b"Q", b"z"))
    return data[:place] + new + data[place + 1 :], f"letter {place} made {new!r}"


def change_a_number(rng: Random, data: bytes) -> tuple[bytes, str]:
    found = list(re.finditer(r"-?\d+(\.\d+)?", as_text(data)))
    if not found:
        return data, "nothing: there is no number"
    text, match, new = as_text(data), rng.choice(found), rng.choice(ODD_NUMBERS)
    changed = text[: match.start()] + new + text[match.end() :]
    return as_bytes(changed), f"number {match.group()[:12]} made {new[:12]} ({len(new)} signs)"


def move_lines(rng: Random, data: bytes) -> tuple[bytes, str]:
    lines = data.split(b"\n")
    i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
    what = rng.choice(("taken out", "doubled", "exchanged", "joined", "indented", "made blank"))
    if what == "taken out":
        del lines[i]
    elif what == "doubled":
        lines.insert(i, lines[i])
    elif what == "exchanged":
        lines[i], lines[j] = lines[j], lines[i]
    elif what == "joined":
        lines[i : i + 2] = [b"".join(lines[i : i + 2])]
    elif what == "indented":
        before, after = rng.choice((b" ", b"\t", b"\xc2\xa0")), rng.choice((b" ", b"\t", b""))
        lines[i] = before + lines[i] + after
    else:
        lines.insert(i, rng.choice((b"", b" ", b"\t", b"\xe3\x80\x80", b"\x1c")))
    return b"\n".join(lines), f"line {i + 1} {what}"


def move_cells(rng: Random, data: bytes) -> tuple[bytes, str]:
    """A cell of some line taken out, doubled, emptied, quoted or exchanged with the next."""
    lines = data.split(b"\n")
    i = rng.randrange(len(lines))
    separator = max((b"\t", b",", b";", b" "), key=lines[i].count)
    cells = lines[i].split(separator)
    k = rng.randrange(len(cells))
    what = rng.choice(("taken out", "doubled", "emptied", "quoted", "exchanged", "broken"))
    if what == "taken out":
        del cells[k]
    elif what == "doubled":
        cells.insert(k, cells[k])
    elif what == "emptied":
        cells[k] = rng.choice((b"", b" ", b'""', b"\xc2\xa0"))
    elif what == "quoted":
        cells[k] = rng.choice((b'"%s"', b'"%s', b'%s"', b'"""%s"""', b'"%s" ')) % cells[k]
    elif what == "exchanged":
        cells[k : k + 2] = cells[k : k + 2][::-1]
    else:
        cells[k] = b'"' + cells[k] + b'\n"'
    lines[i] = separator.join(cells)
    return b"\n".join(lines), f"cell {k + 1} of line {i + 1} {what}"


def make_long(rng: Random, data: bytes) -> tuple[bytes, str]:
    unit = rng.choice((b"a", b"\t", b'"', b",", b" ", b". ", b"\n", b"[", b"a\n", b"\n\n", b"-",
                       b"\xcc\x81", b"a b. ", rng.choice(ODD_BYTES)))  # fmt: skip
    place = rng.choice((0, len(data), rng.randrange(len(data) + 1)))
    return data[:place] + unit * LONG + data[place:], f"{unit!r} {LONG:,} times put in at {place}"


def make_many(rng: Random, data: bytes) -> tuple[bytes, str]:
    """Forty thousand times one line, with a word of it numbered: three and three are alike."""
    lines = [line for line in data.split(b"\n") if line.strip()] or [b"a"]
    line = rng.choice(lines)[:200]  # it may have been made long before
    word = rng.choice(re.findall(rb"[A-Za-z0-9.]+", line) or [line])
    before, after = line.split(word, 1)
    many = b"\n".join(b"%b%b%d%b" % (before, word, i // 3, after) for i in range(MANY))
    end = b"" if data.endswith(b"\n") else b"\n"
    return data + end + many, f"{MANY:,} lines with {word[:12]!r}"


TEXT = (
    end_lines_otherwise, end_without_a_line_end, write_in_another_encoding, put_in_a_sign,
    put_in_a_sign, change_a_letter, change_a_number, move_lines, move_cells, move_cells,
)  # fmt: skip
LONG_TEXT = (*TEXT * 6, make_long, make_many)  # two in sixty: these cost as much as all others
