"""Processes in which inputs are tried: a crash, a hang or too much memory ends only them."""

from __future__ import annotations

import math
import multiprocessing
import os
import resource
import tempfile
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import NamedTuple

from inputs import Target, make_input
from verdict import Verdict, family, judge

Job = tuple[str, int]  # a kind, and the number of an input


PATIENCE = 6


class Limits(NamedTuple):
    """seconds: of work on one input, or ``PATIENCE`` times as many of waiting on a busy machine.

    memory: bytes that a process may take beyond what it has.
    """

    seconds: float = 5.0
    memory: int = 1 << 30


def limit_memory(more: int) -> None:
    """From now on this process may take ``more`` bytes beyond those it has; only on Linux."""
    sizes = Path("/proc/self/statm")
    if sizes.exists():
        now = int(sizes.read_text(encoding="ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE")
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (now + more, hard))


def seconds_of_work(pid: int | None) -> float:
    """The processor time a process has had; infinite where the system does not say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    except OSError:
        return math.inf
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def work(
    connection: Connection, kinds: Mapping[str, Sequence[Target]], seed: int, limits: Limits,
    folder: Path,
) -> None:  # fmt: skip
    """Try one input after the other, as they are asked for, until there are no more."""
    while True:
        try:
            kind, number = connection.recv()
        except EOFError:
            return
        given = make_input(kind, kinds[kind], seed, number)
        limit_memory(limits.memory)
        connection.send(judge(given, folder))


class Worker:
    """A process that tries inputs; a job is given to it, and its verdict asked for."""

    def __init__(
        self, kinds: Mapping[str, Sequence[Target]], seed: int, limits: Limits, folder: Path
    ) -> None:
        self.kinds, self.seed, self.limits = kinds, seed, limits
        fork = multiprocessing.get_context("fork")  # it knows the targets without being told
        self.connection, theirs = fork.Pipe()
        self.process = fork.Process(
            target=work, args=(theirs, kinds, seed, limits, folder), daemon=True
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of other threads, idle ones
            self.process.start()
        theirs.close()
        self.job: Job | None = None

    def begin(self, job: Job) -> None:
        self.job, self.begun = job, time.monotonic()
        self.worked = seconds_of_work(self.process.pid)
        self.connection.send(job)

    def is_late(self) -> bool:
        waited = time.monotonic() - self.begun
        worked = seconds_of_work(self.process.pid) - self.worked
        busy = worked < self.limits.seconds and waited < PATIENCE * self.limits.seconds
        return waited >= self.limits.seconds and not busy

    def verdict(self) -> Verdict | None:
        """Of the job that was begun; None while it runs. A process that ended must be replaced."""
        try:
            if self.connection.poll():
                return self.connection.recv()
        except (EOFError, ConnectionResetError):
            self.process.join()
            return Verdict("dead process", f"exit status {self.process.exitcode}, {self.which()}")
        if not self.is_late():
            return None
        return Verdict("hang", f"more than {self.limits.seconds:g} seconds, {self.which()}")

    def which(self) -> str:
        """The target of the job that was begun."""
        kind, number = self.job
        return family(make_input(kind, self.kinds[kind], self.seed, number))

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.connection.close()


def try_all(
    jobs: Iterable[Job],
    kinds: Mapping[str, Sequence[Target]],
    seed: int,
    limits: Limits = Limits(),
    processes: int = 1,
) -> Iterator[tuple[Job, Verdict]]:
    """The verdict on each input, in the order in which they are found."""
    with tempfile.TemporaryDirectory() as temporary:
        folders = [Path(temporary, f"worker{i}") for i in range(processes)]
        for folder in folders:
            folder.mkdir()
        workers = [Worker(kinds, seed, limits, folder) for folder in folders]
        waiting = iter(jobs)
        try:
            for worker, job in zip(workers, waiting):
                worker.begin(job)
            while busy := [worker for worker in workers if worker.job is not None]:
                wait([worker.connection for worker in busy], limits.seconds / 5)
                for worker in busy:
                    verdict = worker.verdict()
                    if verdict is None:
                        continue
                    yield worker.job, verdict
                    if verdict.outcome in ("dead process", "hang"):
                        i = workers.index(worker)
                        worker.end()
                        worker = workers[i] = Worker(kinds, seed, limits, folders[i])
                    worker.job = None
                    if (job := next(waiting, None)) is not None:
                        worker.begin(job)
        finally:
            for worker in workers:
                worker.end()
