"""The report of a fuzz: how many inputs of each kind were tried, and each fault once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from inputs import Target, make_input
from known import KNOWN, row_of
from verdict import FAULTS, READ, REFUSED, Verdict
from workers import Job


class Fault(NamedTuple):
    """All inputs that failed in one way: the smallest of them, and of which targets they are."""

    outcome: str
    where: str
    count: int
    smallest: Job
    said: str
    targets: list[str]

    @property
    def known(self) -> str | None:
        """Why it is not mended yet, if it is known."""
        row = row_of(self.outcome, self.where)
        return row and KNOWN[row]


def faults(
    found: Mapping[Job, Verdict], kinds: Mapping[str, Sequence[Target]], seed: int
) -> list[Fault]:
    """The faults among the verdicts, the worst first."""
    alike: defaultdict[tuple[str, str], list[Job]] = defaultdict(list)
    for job, verdict in found.items():
        if verdict.outcome in FAULTS:
            alike[verdict.outcome, verdict.where].append(job)
    faulty = []
    for (outcome, where), jobs in alike.items():
        made = {(kind, n): make_input(kind, kinds[kind], seed, n) for kind, n in jobs}
        smallest = min(jobs, key=lambda job: (len(made[job].damages), len(made[job].data), job))
        names = sorted({f"{kind}: {made[kind, n].target.name}" for kind, n in jobs})
        faulty.append(Fault(outcome, where, len(jobs), smallest, found[smallest].said, names))
    return sorted(faulty, key=lambda fault: (FAULTS.index(fault.outcome), -fault.count))


def described(fault: Fault, kinds: Mapping[str, Sequence[Target]], seed: int) -> str:
    """A fault in a few lines, with the command that makes its smallest input again."""
    kind, number = fault.smallest
    given = make_input(kind, kinds[kind], seed, number)
    lines = [
        f"{fault.outcome}: {fault.where} ({fault.count} inputs of {', '.join(fault.targets)})",
        f"  {given.target.name}, {'; '.join(given.damages)}",
        f"  said: {fault.said[:300]!a}",
        f"  again: python tests/fuzz --seed {seed} --only {kind} --number {number}",
    ]
    return "\n".join(lines + ([f"  known: {fault.known}"] if fault.known else []))


def summary(found: Mapping[Job, Verdict]) -> str:
    """A line a kind: how many inputs were refused, read and confirmed, or faulty."""
    rows: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for (kind, _), verdict in found.items():
        rows[kind][verdict.outcome if verdict.outcome in (REFUSED, READ) else "faulty"] += 1
    lines = [f"{'kind':12} {'inputs':>7} {'refused':>8} {'read and confirmed':>19} {'faulty':>7}"]
    for kind, row in rows.items():
        lines.append(
            f"{kind:12} {row.total():7,} {row[REFUSED]:8,} {row[READ]:19,} {row['faulty']:7,}"
        )
    return "\n".join(lines)
