"""The two settings of the machine: they say whether they worked, and change no result."""

import ctypes
import subprocess
import sys

import numpy as np
import pytest

from npft.autograd.machine import (
    Memory, Setting, _openblas, _product_threads, freed_memory_kept, keep_freed_memory,
    one_thread_products, set_threads, threads,
)
from npft.errors import ConfigError

MACHINE = sys.modules[set_threads.__module__]


def test_set_threads_says_whether_it_could():
    done = set_threads(1)
    assert isinstance(done, bool)
    assert done == (_openblas() is not None)


@pytest.mark.parametrize("n", [0, -1, 1.5, True])
def test_what_is_no_number_of_threads_is_refused(n):
    with pytest.raises(ConfigError, match=f"n is {n}, expected a whole number of at least 1"):
        set_threads(n)


def test_a_whole_number_of_numpy_is_a_number_of_threads():
    set_threads(np.int64(1))
    assert type(Setting.threads) is int


@pytest.mark.parametrize("told", [1, 3])
def test_products_on_one_thread_leave_as_many_callers_as_were_set_if_the_library_can_be_told(told):
    with threads(told), one_thread_products() as callers:
        assert callers == (1 if _product_threads() is None else told)


def test_the_setting_reaches_the_library():
    code = (
        "from npft.autograd import machine\n"
        "import ctypes\n"
        "if machine.set_threads(2):\n"
        "    for name in ('scipy_openblas_get_num_threads64_', 'openblas_get_num_threads'):\n"
        "        get = getattr(machine._openblas(), name, None)\n"
        "        if get is not None:\n"
        "            before = get(); machine.set_threads(1); print(before, get()); break\n"
        "else:\n"
        "    print('2 1')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == "1"  # a machine of one core may give 1 for 2


def test_without_openblas_nothing_is_done(monkeypatch):
    monkeypatch.setattr(MACHINE, "_openblas", lambda: None)
    assert set_threads(1) is False


def test_keep_freed_memory_says_whether_it_could(monkeypatch):
    assert isinstance(keep_freed_memory(), bool)
    glibc = sys.platform.startswith("linux") and hasattr(ctypes.CDLL(None), "mallopt")
    assert keep_freed_memory() == glibc  # mallopt refuses what it does not know
    assert np.zeros(10**6).sum() == 0  # memory is as usable as before
    monkeypatch.setattr(sys, "platform", "win32")
    assert keep_freed_memory() is False


def test_the_c_library_is_told_what_its_header_says(monkeypatch):
    told = []

    class Library:
        @staticmethod
        def mallopt(*setting):
            told.append(setting)
            return 1

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: Library)
    assert keep_freed_memory() is True
    # M_TRIM_THRESHOLD is -1 and M_MMAP_THRESHOLD -3 in malloc.h; 1 GiB is more than an array here
    assert sorted(told) == [(-3, 2**30), (-1, 2**30)]
    told.clear()
    monkeypatch.setattr(Library, "mallopt", lambda *setting: told.append(setting) or 0)
    assert keep_freed_memory() is False
    # the first alone, set to what an older release accepts, or nothing: see the comment there
    assert told == [(-3, 2**30), (-3, 2**25)]
    monkeypatch.setattr(Library, "mallopt", lambda name, value: int(value <= 2**25 or name == -1))
    assert keep_freed_memory() is True
    monkeypatch.delattr(Library, "mallopt")
    assert keep_freed_memory() is False


def test_threads_holds_inside_its_block_and_the_process_is_as_it_was_afterwards():
    control = _product_threads()
    for before in (1, 3):
        set_threads(before)
        products = None if control is None else control[0]()
        with threads(2):
            assert Setting.threads == 2
            with threads(1):
                assert Setting.threads == 1
            assert Setting.threads == 2
        with pytest.raises(KeyError), threads(4):
            raise KeyError
        assert Setting.threads == before
        assert products is None or control[0]() == products
    set_threads(1)


def test_freed_memory_is_kept_inside_a_block_and_not_afterwards(monkeypatch):
    told = []

    class Library:
        @staticmethod
        def mallopt(*setting):
            told.append(setting)
            return 1

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: Library)
    monkeypatch.setattr(Memory, "kept", False)
    with freed_memory_kept(), freed_memory_kept():
        assert not Memory.kept and {value for _, value in told} == {2**30}
        told.clear()
    assert sorted(told) == [(-3, 2**25), (-1, 2**26)]
    keep_freed_memory()  # for good, by a program: a block changes nothing
    told.clear()
    with freed_memory_kept():
        pass
    assert Memory.kept and told == []
    Memory.kept = False
    with freed_memory_kept():
        keep_freed_memory()  # for good as well, though a block is open
        told.clear()
    assert Memory.kept and told == []
