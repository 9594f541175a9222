"""Three settings of the machine that cost nothing and make NumPy faster.

Products. For the small products of a small encoder, waking a second thread of the matrix library
costs more than it gains, and the bits of a sum depend on how it is divided among threads. One
thread is both faster and reproducible.

Threads. A second core is better used by a second part of the batch, which walks through the whole
model by itself (``nn/packs.py``); how many parts are worked on at once is set here.

Memory. Freed arrays of more than some 100 KiB go back to the operating system, which must clear
each page again when the next op asks for one. Told to keep what was freed, the C library hands the
same warm pages out again; a training step of this package then takes about a third less time.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import sys
import threading
from collections.abc import Callable, Iterator
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np

from npft.errors import ConfigError

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # the names of the settings in glibc's malloc.h
KEEP = 1 << 30  # bytes
GROWN = 1 << 25  # bytes, to which glibc's own adjustment of M_MMAP_THRESHOLD would go
KEEP_OLD = 1 << 25  # the most that older releases of glibc accept for M_MMAP_THRESHOLD


class Setting:
    """What ``set_threads`` was told last, and who has put products on one thread for a while."""

    threads = 1
    lock = threading.Lock()
    open_blocks = 0  # of ``one_thread_products``, in all threads
    before = 1  # threads of a product, before the first of them


class Memory:
    """Whether freed memory is kept for good, and until how many blocks have ended."""

    kept = False
    open_blocks = 0  # of ``freed_memory_kept``, in all threads


@functools.cache
def _openblas() -> ctypes.CDLL | None:
    """The OpenBLAS library that NumPy's wheels carry, or None with another matrix library."""
    package = Path(np.__file__).parent
    places = [package.parent / "numpy.libs", package / ".dylibs", package / ".libs"]
    for place in places:
        for path in sorted(place.glob("*openblas*")) if place.is_dir() else []:
            with contextlib.suppress(OSError):
                return ctypes.CDLL(str(path))
    return None


def _product_threads() -> tuple[Callable[[], int], Callable[[int], Any]] | None:
    """How to ask for and how to set the threads of a matrix product, or None if neither works."""
    library = _openblas()
    for name in ("scipy_openblas_{}_num_threads64_", "openblas_{}_num_threads"):
        get, put = (getattr(library, name.format(verb), None) for verb in ("get", "set"))
        if get is not None and put is not None:
            return get, put
    return None


def set_threads(n: int) -> bool:
    """Let up to ``n`` threads work on a batch from now on, in this process.

    Each matrix product stays on one thread; the bits of every result are the same for any ``n``.
    (Without a call of this, that holds for training, evaluation, prediction and embedding, but not
    for a model called by itself: NumPy's matrix library then uses as many threads as it likes.)
    Returns False where NumPy uses a matrix library that cannot be told to: then the library
    decides about threads, and parts of a batch are worked on one after another.
    Raises ``ConfigError`` for n < 1.

    >>> with threads(1):  # afterwards all is as before
    ...     told = set_threads(2)  # False where the matrix library cannot be told
    ...     Setting.threads
    2
    """
    if isinstance(n, bool) or not isinstance(n, Integral) or n < 1:
        raise ConfigError(f"set_threads: n is {n}, expected a whole number of at least 1")
    Setting.threads = int(n)
    control = _product_threads()
    if control is not None:
        with Setting.lock:
            control[1](1)
            Setting.before = 1
    return control is not None


@contextlib.contextmanager
def one_thread_products() -> Iterator[int]:
    """Keep each matrix product inside this block on one thread; then all is as it was.

    Blocks may overlap, in several threads: the last to end puts things back.
    Gives the number of threads that may call products at once: what ``set_threads`` was told, or
    1 with a matrix library that cannot be kept on one thread.
    """
    control = _product_threads()
    if control is None:
        yield 1
        return
    get, put = control
    with Setting.lock:
        if Setting.open_blocks == 0:
            Setting.before = get()
            put(1)
        Setting.open_blocks += 1
    try:
        yield Setting.threads
    finally:
        with Setting.lock:
            Setting.open_blocks -= 1
            if Setting.open_blocks == 0:
                put(Setting.before)


@contextlib.contextmanager
def threads(n: int) -> Iterator[None]:
    """``set_threads(n)`` inside this block; then the process is as it was."""
    control = _product_threads()
    before, of_products = Setting.threads, None if control is None else control[0]()
    set_threads(n)
    try:
        yield
    finally:
        Setting.threads = before
        if control is not None and of_products is not None:
            with Setting.lock:
                control[1](of_products)
                Setting.before = of_products


def _mallopt() -> Callable[[int, int], int] | None:
    """glibc's way to set what malloc does, or None elsewhere."""
    return getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform.startswith("linux") else None


def keep_freed_memory() -> bool:
    """Let the C library keep freed memory for the next array, in this process, for good.

    Returns False, and changes nothing, on systems without glibc.
    """
    mallopt = _mallopt()
    if mallopt is None:
        return False
    with Setting.lock:
        Memory.kept = _raise_thresholds(mallopt)
    return Memory.kept


def _raise_thresholds(mallopt: Callable[[int, int], int]) -> bool:
    """Let the C library keep what is freed; False if it does not take that."""
    # the second alone would do harm: it stops the library from adapting the first
    kept = mallopt(M_MMAP_THRESHOLD, KEEP) or mallopt(M_MMAP_THRESHOLD, KEEP_OLD)
    return bool(kept and mallopt(M_TRIM_THRESHOLD, KEEP))


@contextlib.contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Keep freed memory inside this block; afterwards it goes back to the operating system.

    Whoever sets these thresholds stops the C library from adjusting them; so they are left where
    its own adjustment ends in a program that frees large arrays. Blocks may overlap: the last to
    end puts things back, unless ``keep_freed_memory`` was called before that.
    """
    mallopt = _mallopt()
    if mallopt is None:
        yield
        return
    with Setting.lock:
        if Memory.open_blocks == 0 and not Memory.kept:
            _raise_thresholds(mallopt)
        Memory.open_blocks += 1
    try:
        yield
    finally:
        with Setting.lock:
            Memory.open_blocks -= 1
            if Memory.open_blocks == 0 and not Memory.kept:
                mallopt(M_MMAP_THRESHOLD, GROWN)
                mallopt(M_TRIM_THRESHOLD, 2 * GROWN)
