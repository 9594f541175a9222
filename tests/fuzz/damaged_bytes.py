"""Damages of any file: bits flipped, and bytes cut off, put in, taken out, doubled or exchanged."""

from __future__ import annotations

from random import Random

ODD_BYTES = (
    b"\0", b"\n", b"\r", b"\t", b" ", b'"', b",", b";", b"{", b"[", b"-", b"\\", b"\x1b", b"\x7f",
    b"\x80", b"\xc3", b"\xff", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xc0\xaf",
    b"\xf4\x90\x80\x80",
)  # fmt: skip


def span(rng: Random, data: bytes) -> tuple[int, int]:
    """The ends of a piece of the data; short pieces are as likely as long ones."""
    start = rng.randrange(len(data) + 1)
    return start, min(len(data), start + int(2 ** rng.uniform(0, 10)))


def flip_bits(rng: Random, data: bytes) -> tuple[bytes, str]:
    out, places = bytearray(data), []
    for _ in range(rng.choice((1, 1, 1, 4, 32)) if data else 0):
        places.append(rng.randrange(len(out)))
        out[places[-1]] ^= 1 << rng.randrange(8)
    return bytes(out), f"bits flipped at bytes {places[:4]}"


def flip_at_the_end(rng: Random, data: bytes) -> tuple[bytes, str]:
    """Where a zip archive has its table of contents."""
    start = max(0, len(data) - 1000)
    tail, what = flip_bits(rng, data[start:])
    return data[:start] + tail, f"{what} of the last {len(tail)}"


def cut_off(rng: Random, data: bytes) -> tuple[bytes, str]:
    size = rng.choice((rng.randrange(len(data) + 1), max(0, len(data) - rng.randint(1, 9)), 0, 1))
    return data[:size], f"cut off after {size} bytes"


def put_in(rng: Random, data: bytes) -> tuple[bytes, str]:
    new = rng.choice((*ODD_BYTES, rng.randbytes(rng.randint(1, 20))))
    new *= rng.choice((1, 1, 1, 1, 3, 1000))
    place = rng.choice((0, len(data), rng.randrange(len(data) + 1)))
    return data[:place] + new + data[place:], f"{new[:12]!r} ({len(new)} bytes) put in at {place}"


def take_out(rng: Random, data: bytes) -> tuple[bytes, str]:
    start, end = span(rng, data)
    return data[:start] + data[end:], f"bytes {start} to {end} taken out"


def double(rng: Random, data: bytes) -> tuple[bytes, str]:
    start, end = span(rng, data)
    return data[:end] + data[start:], f"bytes {start} to {end} doubled"


def exchange(rng: Random, data: bytes) -> tuple[bytes, str]:
    a, b, c, d = sorted((*span(rng, data), *span(rng, data)))
    swapped = data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]
    return swapped, f"bytes {a} to {b} and {c} to {d} exchanged"


def repeat(rng: Random, data: bytes) -> tuple[bytes, str]:
    times = rng.choice((2, 3, 50))
    return data * times, f"the file {times} times"


BYTES = (flip_bits, cut_off, put_in, take_out, double, exchange, repeat)
