"""Packs: the order of results, what a pack sees of its caller, and how a batch is cut."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from npft import set_threads
from npft.autograd import Tensor, machine, no_grad
from npft.nn import packs
from npft.nn.packs import each_pack, pack_size


@pytest.fixture(autouse=True)
def one_thread_afterwards():
    yield
    set_threads(1)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_come_in_the_order_of_the_packs(threads):
    set_threads(threads)

    def slow_at_first(x):
        threading.Event().wait(0.02 / (1 + x))
        return x * x

    assert list(each_pack(slow_at_first, range(7))) == [x * x for x in range(7)]
    assert list(each_pack(slow_at_first, [])) == []


def test_as_many_packs_are_worked_on_at_once_as_there_are_threads():
    if not set_threads(2):
        assert machine._product_threads() is None  # such a library runs packs one by one
        return
    both = threading.Barrier(2, timeout=30)  # opens only if two packs wait at once
    assert sorted(each_pack(lambda _: both.wait(), range(2))) == [0, 1]


def test_without_a_library_that_can_be_told_packs_are_worked_on_one_by_one(monkeypatch):
    set_threads(4)
    monkeypatch.setattr(machine, "_openblas", lambda: None)
    names = set(each_pack(lambda _: threading.current_thread().name, range(4)))
    assert names == {threading.current_thread().name}


@pytest.mark.parametrize("threads", [1, 2])
def test_a_pack_finds_no_grad_and_the_error_settings_of_its_caller(threads):
    set_threads(threads)
    x = Tensor([1.0], requires_grad=True)

    def work(_):
        return (x * x).requires_grad, np.geterr()["over"]

    with no_grad(), np.errstate(over="raise"):
        assert list(each_pack(work, range(3))) == [(False, "raise")] * 3
    assert [recorded for recorded, _ in each_pack(work, range(3))] == [True] * 3


@pytest.mark.parametrize("threads", [1, 3])
def test_the_first_pack_that_fails_in_order_raises_its_error(threads):
    set_threads(threads)

    def work(x):
        if x:
            threading.Event().wait(0.05 / x)  # the last pack fails first
            raise ValueError(f"pack {x}")

    with pytest.raises(ValueError, match="pack 1"):
        list(each_pack(work, range(4)))


def test_no_pack_is_worked_on_any_more_when_an_error_arrives():
    if not set_threads(3):
        return
    state, begun = {"open": True}, threading.Barrier(3, timeout=30)
    late = []

    def work(x):
        begun.wait()
        if x == 0:
            raise ValueError("pack 0")
        threading.Event().wait(0.1)
        late.append(state["open"] and machine._product_threads()[0]())

    with pytest.raises(ValueError, match="pack 0"):
        list(each_pack(work, range(3)))
    state["open"] = False  # what the caller does now no pack may see
    threading.Event().wait(0.3)
    assert late == [1, 1]


@pytest.mark.skipif(sys.platform == "win32", reason="a signal would end the process there")
def test_no_pack_is_worked_on_any_more_after_an_interrupt():
    if not set_threads(2) or threading.current_thread() is not threading.main_thread():
        return
    done = []

    def work(x):
        threading.Event().wait(0.2)  # by then the main thread waits for pack 0
        if x == 0:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            threading.Event().wait(0.2)
        done.append(x)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a background
    try:
        with pytest.raises(KeyboardInterrupt):
            list(each_pack(work, range(2)))
    finally:
        signal.signal(signal.SIGINT, before)
    assert sorted(done) == [0, 1]


def test_the_threads_of_products_are_afterwards_what_they_were():
    control = machine._product_threads()
    if control is None:
        with machine.one_thread_products() as threads:
            assert threads == 1
        return
    get, put = control
    put(2)
    before = get()  # 1 on a machine of one core
    with machine.one_thread_products():
        assert get() == 1
    assert get() == before
    with pytest.raises(KeyError), machine.one_thread_products():
        raise KeyError
    assert get() == before


def test_blocks_of_one_thread_products_may_overlap_in_any_order():
    control = machine._product_threads()
    if control is None:
        return
    get, put = control
    put(2)
    before = get()  # 1 on a machine of one core
    first, second = machine.one_thread_products(), machine.one_thread_products()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert get() == 1  # the second still needs it
    second.__exit__(None, None, None)
    assert get() == before


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_packs_within_a_pack_do_not_wait_for_each_other_for_ever(threads):
    set_threads(threads)

    def total(n):
        return sum(each_pack(abs, range(n)))

    assert list(each_pack(total, range(6))) == [0, 0, 1, 3, 6, 10]


def test_few_results_wait_in_memory():
    if not set_threads(2):
        return
    begun = []
    results = each_pack(begun.append, range(50))
    next(results)
    threading.Event().wait(0.05)  # time enough to begin all, if they could
    assert len(begun) <= 3
    assert len(list(results)) == 49


def test_one_pack_more_than_there_are_threads_is_begun_before_the_first_result_is_taken():
    if not set_threads(2):
        return
    third = threading.Event()
    results = each_pack(lambda x: x == 2 and third.set(), range(4))
    next(results)
    assert third.wait(10)
    assert len(list(results)) == 3


def test_threads_that_are_no_longer_asked_for_end():
    if not set_threads(5):
        return
    list(each_pack(abs, range(50)))
    set_threads(2)
    list(each_pack(abs, range(50)))
    deadline = time.monotonic() + 10
    while (left := sum(t.name.startswith("npft") for t in threading.enumerate())) > 2:
        assert time.monotonic() < deadline, left
        time.sleep(0.01)


def test_a_batch_is_cut_by_its_tokens_and_not_by_the_threads():
    for threads in (1, 4):
        set_threads(threads)
        assert pack_size(32, packs.PACK, 64) == pack_size(32, 2 * packs.PACK - 1, 64) == 32
        assert pack_size(32, 2 * packs.PACK, 64) == pack_size(32, 2 * packs.PACK, 8) == 16
        assert pack_size(33, 4 * packs.PACK, 64) == 9
        assert pack_size(64, 10**6, 64) == pack_size(64, 10**6, 768) == 64 // packs.MOST
        assert pack_size(3, 10**6, 64) == 1


def test_a_wide_model_makes_more_packs_of_a_batch_but_not_ever_more():
    widths = (8, 64, 256, 384, 1024)
    assert [pack_size(32, packs.PACK, width) for width in widths] == [32, 32, 32, 16, 16]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_makes_threads_of_its_own():
    code = (
        "import os, threading\n"
        "from npft import set_threads\n"
        "from npft.nn.packs import each_pack\n"
        "if not set_threads(2):\n"
        "    raise SystemExit(print(0))\n"  # such a library runs packs one by one
        "both = threading.Barrier(2)\n"  # so that there are two threads to lose
        "assert sorted(each_pack(lambda x: both.wait(), [0, 0])) == [0, 1]\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os._exit(0 if list(each_pack(abs, [-3, -4])) == [3, 4] else 1)\n"
        "print(os.waitpid(child, 0)[1])\n"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True,
                          text=True, check=True, timeout=20)
    assert done.stdout.split() == ["0"]
