"""Two settings of the machine that cost nothing and make NumPy faster.

Threads. For the small products of a small encoder, waking a second thread of the matrix library
costs more than it gains, and the bits of a sum depend on how it is divided among threads. One
thread is both faster and reproducible.

Memory. Freed arrays of more than some 100 KiB go back to the operating system, which must clear
each page again when the next op asks for one. Told to keep what was freed, the C library hands the
same warm pages out again; a training step of this package then takes about a third less time.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
from pathlib import Path

import numpy as np

from npft.errors import ConfigError

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # the names of the settings in glibc's malloc.h
KEEP = 1 << 30  # bytes


def _openblas() -> ctypes.CDLL | None:
    """The OpenBLAS library that NumPy's wheels carry, or None with another matrix library."""
    package = Path(np.__file__).parent
    places = [package.parent / "numpy.libs", package / ".dylibs", package / ".libs"]
    for place in places:
        for path in sorted(place.glob("*openblas*")) if place.is_dir() else []:
            with contextlib.suppress(OSError):
                return ctypes.CDLL(str(path))
    return None


def set_threads(n: int) -> bool:
    """Let matrix products use ``n`` threads from now on, in this process.

    Returns False, and changes nothing, where NumPy uses a library this cannot be told to.
    Raises ``ConfigError`` for n < 1.
    """
    if not isinstance(n, int) or n < 1:
        raise ConfigError(f"set_threads: n is {n}, expected at least 1")
    library = _openblas()
    for name in ("scipy_openblas_set_num_threads64_", "openblas_set_num_threads"):
        setter = getattr(library, name, None)
        if setter is not None:
            setter(ctypes.c_int(n))
            return True
    return False


def keep_freed_memory() -> bool:
    """Let the C library keep freed memory for the next array, in this process.

    Returns False, and changes nothing, on systems without glibc.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    done = [mallopt(M_MMAP_THRESHOLD, KEEP), mallopt(M_TRIM_THRESHOLD, KEEP)]
    return all(done)
