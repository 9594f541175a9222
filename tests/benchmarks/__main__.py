"""All measurements of speed, as one command.

    python -m venv bench
    bench/bin/python -m pip install -e ".[bench]"
    bench/bin/python tests/benchmarks --sms SMSSpamCollection

prints the table of results and, with --save, puts its rows into figures/speed.json (``stored.py``),
from which ``python figures/speed.py`` draws the figure. ``--only NAME`` runs the parts whose names
begin so, ``--quick`` fewer rounds. ``--only profile`` says why the times are what they are, in four
tables (``profiles.py``), which --save also writes into figures/README.md. The SMS Spam Collection
is a public file (UCI machine learning repository, data set 228); without it the ragged part is left
out, and the table says so.

Each part runs in a process of its own, because the matrix libraries read their number of threads
when they start. Both sides get the same number. Ratios are npft / peer: below 1 npft is faster.
They run the kernels
that a user gets: what OPENBLAS_CORETYPE and OPENBLAS_L2_SIZE hold back is let go, and the first
line says which kernels each library has chosen; the ratios depend on the processor's maker. The
share is of what the same process reaches in a product of 1024 x 1024. Close other programs: with a
busy second core, two threads are no faster than one.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import stored
from machine import HELD, machine

ROUNDS, QUICK = 12, 3

# what we want to reach: (work, peer, threads) to the ratio that must be, and the goal
AIMS = {
    ("lesson step", "PyTorch eager", 1): (0.65, 0.50),
    ("lesson step", "PyTorch eager", 2): (0.70, 0.50),
    ("tiny step", "PyTorch eager", 1): (0.55, 0.48),
    ("tiny step", "PyTorch eager", 2): (0.60, 0.50),
    ("mini step", "PyTorch eager", 1): (0.55, 0.48),
    ("mini step", "PyTorch eager", 2): (0.62, 0.52),
    ("engine, 1,000 small ops", "PyTorch eager", 1): (1.0, 0.6),
    ("lesson step", "HIPS autograd", 1): (0.15, 0.12),
    ("tiny step", "HIPS autograd", 1): (0.22, 0.18),
    ("peak memory, tiny step", "PyTorch eager", 1): (1.1, 0.8),
} | {
    (f"SMS, {tokens}, {task}", "PyTorch, padded", threads): aim
    for tokens, aims in (
        ("bytes", {1: (0.28, 0.22), 2: (0.38, 0.30)}),
        ("WordPiece", {1: (0.36, 0.30), 2: (0.50, 0.40)}),
    )
    for task in ("masked language", "classification")
    for threads, aim in aims.items()
} | {
    (f"{kernel}, forward, {size}", "PyTorch eager", 1): aim
    for kernel, aim in (("GELU", (2.5, 1.5)), ("layer norm", (1.3, 1.0)))
    for size in ("lesson", "tiny")
}  # fmt: skip
# the share of what one core multiplies at most that a step must reach, and the goal
SHARES = {"lesson step": (0.48, 0.60), "tiny step": (0.70, 0.80), "mini step": (0.80, 0.88)}


def parts(sms: Path | None) -> dict[str, Callable[[int, int], list[dict]]]:
    """The measurements by name; each takes threads and rounds. Imported late: see above."""
    import engine
    import growth
    import kernels
    import memory
    import profiles
    import ragged
    import repairs
    import start
    import steps

    found: dict[str, Callable[[int, int], list[dict]]] = {
        "machine": lambda t, r: [{"work": "machine", **machine()}]
    }
    for name in steps.SIZES:
        found[name] = lambda t, r, name=name: steps.measure(name, t, r)
    for peer in steps.PEERS:
        found[f"lesson, {peer}"] = lambda t, r, peer=peer: steps.for_the_record("lesson", peer, r)
        found[f"tiny, {peer}"] = lambda t, r, peer=peer: steps.for_the_record("tiny", peer, r)
    if sms is not None:
        found["ragged"] = lambda t, r: ragged.measure(sms, t, r)
    found["engine"] = lambda t, r: engine.measure(r)
    found["roof"] = lambda t, r: kernels.roof(r)
    found["kernels, lesson"] = lambda t, r: kernels.measure("lesson", r)
    found["kernels, tiny"] = lambda t, r: kernels.measure("tiny", r)
    found["repairs"] = lambda t, r: repairs.measure(r)
    found["start"] = lambda t, r: start.measure(r)
    found["growth"] = lambda t, r: growth.measure(r)
    for library in ("npft", "torch"):
        found[f"memory, {library}"] = lambda t, r, library=library: [
            {"work": library, "mb": memory.peak_of_steps(library, "tiny")}
        ]
    found["memory, whole batch"] = lambda t, r: [
        {"work": "npft, whole batch", "mb": memory.peak_of_steps("npft", "tiny", packs=1)}
    ]
    found["memory, growth"] = lambda t, r: [memory.growth("lesson", 1000)]
    for name in steps.SIZES:
        found[f"profile, {name}"] = lambda t, r, name=name: profiles.step_of(
            name, AIMS[f"{name} step", "PyTorch eager", t][0], t, r
        )
    found["profile, two threads"] = lambda t, r: profiles.two_threads(r)
    for kernel in ("GELU", "layer norm"):
        for name in ("lesson", "tiny"):
            aim = AIMS[f"{kernel}, forward, {name}", "PyTorch eager", 1][0]
            found[f"profile, passes, {kernel}, {name}"] = (
                lambda t, r, given=(name, kernel, aim): profiles.passes(*given, r)
            )
    return found


ON_TWO = ("lesson", "tiny", "mini", "ragged", "profile, lesson", "profile, tiny", "profile, mini")


def in_a_process(part: str, threads: int, rounds: int, sms: Path | None) -> list[dict]:
    """The rows of one part, measured in a new process."""
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    environment = os.environ | dict.fromkeys(names, str(threads))
    environment = {name: value for name, value in environment.items() if name not in HELD}
    command = [sys.executable, str(Path(__file__).parent), "--part", part]
    command += ["--threads", str(threads), "--rounds", str(rounds)]
    command += [] if sms is None else ["--sms", str(sms)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{part} on {threads} threads failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def peak_memory(rows: list[dict]) -> list[dict]:
    """The memory measurements as rows of the table: npft in packs, as it trains, and without."""
    works = {"npft, whole batch": "peak memory, not in packs", "npft": "peak memory, tiny step"}
    mb = {row["work"]: row["mb"] for row in rows if row["work"] in (*works, "torch")}
    rest = [row for row in rows if row["work"] not in mb]
    for name, work in works.items():
        if name in mb and "torch" in mb:
            ratio = round(mb[name] / mb["torch"], 3)
            rest.append({
                "work": work, "peer": "PyTorch eager", "threads": 1,
                "npft_mb": round(mb[name], 1), "peer_mb": round(mb["torch"], 1),
                "ratio": [ratio, ratio, ratio],
            })  # fmt: skip
    return rest


def with_aims(rows: list[dict]) -> list[dict]:
    """The rows, those of the table with what they must reach and the goal."""
    found = []
    for row in rows:
        aim = AIMS.get((row["work"], row.get("peer", ""), row.get("threads", 1)))
        row = row if aim is None else row | {"must": aim[0], "goal": aim[1]}
        if "share" in row and row["threads"] == 1:
            must, goal = SHARES[row["work"]]
            row = row | {"share_must": must, "share_goal": goal}
        found.append(row)
    return found


def line(row: dict) -> str:
    """One row of the table as text."""
    head = f"{row['work']:<34} {row.get('peer', ''):<16} {row.get('threads', 1):>7}  "
    if "absent" in row:
        return head + row["absent"]
    if row["work"].startswith(stored.PROFILES):
        return head + "measured: see the tables below"
    if "ratio" not in row:
        rest = {k: v for k, v in row.items() if k not in ("work", "peer", "threads")}
        return head + "  ".join(f"{name} {value}" for name, value in rest.items())
    ratio, low, high = row["ratio"]
    text = head + f"{ratio:6.3f} [{low:.3f}, {high:.3f}]"
    if "must" in row:
        verdict = "goal" if ratio <= row["goal"] else "must" if ratio <= row["must"] else "missed"
        text += f"  must {row['must']:.2f} goal {row['goal']:.2f}: {verdict}"
    if "share" in row:
        text += f"\n{'':<4}{row['gflops'][0]:.0f} GFLOP/s, {row['share'][0]:.0%} of the products'"
    if "share_must" in row:
        text += f"  must {row['share_must']:.0%} goal {row['share_goal']:.0%}: "
        reached = row["share"][0]
        text += "goal" if reached >= row["share_goal"] else (
            "must" if reached >= row["share_must"] else "missed"
        )
    if "before_s" in row:
        text += f"  and {row['before_s'][0]:.2f} s before, {row['after_s'][0]:.2f} s after"
    if "real_share" in row:
        text += f"  ({row['real_share']:.0%} of the padded tokens are real)"
    return text


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sms", type=Path, help="the SMS Spam Collection, label<TAB>message")
    parser.add_argument("--only", help="run the parts whose name begins so")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} rounds")
    parser.add_argument("--save", action="store_true", help="keep it in figures/speed.json")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=1, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.part:
        from npft import set_threads

        set_threads(args.threads)
        print(json.dumps(parts(args.sms)[args.part](args.threads, args.rounds)))
        return
    rounds = QUICK if args.quick else args.rounds
    names = [name for name in parts(args.sms) if name.startswith(args.only or "")]
    if args.save and "machine" not in names:
        names.insert(0, "machine")  # what is kept says where it was measured
    print(f"{'work':<34} {'peer':<16} threads  npft / peer: median [least, most]")
    rows: list[dict] = []
    about: dict[str, str] = {}
    for name in names:
        for threads in (1, 2) if name in ON_TWO else (1,):
            found = with_aims(in_a_process(name, threads, rounds, args.sms))
            rows += found
            for row in found:
                print(line(row), flush=True)
            if name == "machine":
                about = {k: v for k, v in rows.pop().items() if k != "work"}
    rows = with_aims(peak_memory(rows))
    for row in rows:
        if row["work"].startswith("peak"):
            print(line(row))
    if text := stored.tables(rows):
        print(f"\n{text}")
    if args.sms is None and args.only is None:
        print("ragged: left out, because --sms names no file")
    if args.save:
        whole = args.only is None
        stored.save({"machine": about, "rounds": rounds, "rows": rows}, whole)


if __name__ == "__main__":
    main()
