"""A seeded fuzz: damaged files are refused in one line, or read as another reader reads them.

    python tests/fuzz --count 20000 --seed 0 --out fuzz.txt

tries so many damaged files of texts and tables (readers), of tokenizers, of models (checkpoints,
safetensors) and of stopped runs (training), each in a process that may take 5 seconds and 1 GB
more. A fault is a dead process, a hang, too much memory, another exception than npft's own, a
warning, an error that does not name the file or is not one line, and the worst of all: a result
that differs from what an independent reading of the same bytes finds. The exit status is 1 if there
is a fault that ``known.py`` does not name. It takes some minutes; a sample of it is in the test
command (``tests/test_fuzz.py``).

An input is made again from its number alone:

    python tests/fuzz --only readers --number 17                what it is, and what comes of it
    python tests/fuzz --only readers --number 17 --write DIR    the file as well
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy is imported

from inputs import Target, make_input  # noqa: E402
from kinds import KINDS, jobs_of  # noqa: E402
from known import KNOWN, row_of  # noqa: E402
from report import described, faults, summary  # noqa: E402
from verdict import Verdict  # noqa: E402
from workers import Job, try_all  # noqa: E402

def one_input(args: argparse.Namespace, targets: list[Target]) -> None:
    """Print one input and what comes of it; write its file down if that is asked for."""
    given = make_input(args.only, targets, args.seed, args.number)
    shown = given.data[:400]
    print(f"target   {given.target.name}", f"damages  {'; '.join(given.damages)}",
          f"bytes    {len(given.data):,}: {shown!r}", sep="\n")  # fmt: skip
    if args.write:
        args.write.mkdir(parents=True, exist_ok=True)
        path = args.write / given.target.file
        path.write_bytes(given.data)
        print(f"written  {path}")
    ((_, verdict),) = try_all([(args.only, args.number)], {args.only: targets}, args.seed)
    print(f"outcome  {verdict.outcome} {verdict.where}", f"said     {verdict.said!a}", sep="\n")


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="tests/fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=20_000, help="inputs in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=KINDS, help="one kind of file")
    parser.add_argument("--number", type=int, help="one input, with --only")
    parser.add_argument("--write", type=Path, help="a folder for the file of that input")
    parser.add_argument("--jobs", type=int, default=1, help="inputs tried at once")
    parser.add_argument("--out", type=Path, default=Path("fuzz.txt"), help="report")
    args = parser.parse_args()
    if args.count < 1 or args.jobs < 1:
        parser.error("--count and --jobs are 1 or more")
    if (args.number is not None or args.write) and args.only is None:
        parser.error("--number needs --only, and --write both of them")
    names = [args.only] if args.only else list(KINDS)
    kinds = {name: KINDS[name][0]() for name in names}
    if args.number is not None:
        one_input(args, kinds[args.only])
        return 0
    jobs = jobs_of(args.count, names)
    begin = time.monotonic()
    found: dict[Job, Verdict] = {}
    for job, verdict in try_all(jobs, kinds, args.seed, processes=args.jobs):
        found[job] = verdict
        if len(found) % 500 == 0 or len(found) == len(jobs):
            speed = len(found) / (time.monotonic() - begin)
            print(f"{len(found):,}/{len(jobs):,}  {speed:.0f} inputs/s", file=sys.stderr)
    all_faults = faults(found, kinds, args.seed)
    gone = KNOWN.keys() - {row_of(fault.outcome, fault.where) for fault in all_faults}
    new = [fault for fault in all_faults if not fault.known]
    lines = [
        f"seed {args.seed}, {len(found):,} inputs, {len(new)} faults, "
        f"{len(all_faults) - len(new)} known ones",
        summary(found), "",
        *(described(fault, kinds, args.seed) + "\n" for fault in all_faults),
        *(f"known, but not found: {outcome}: {where}" for outcome, where in sorted(gone)),
    ]  # fmt: skip
    args.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{lines[0]}; report in {args.out}", file=sys.stderr)
    return 1 if new else 0


if __name__ == "__main__":
    sys.exit(main())
