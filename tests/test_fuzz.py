"""A sample of the fuzz in tests/fuzz, and the fuzz itself: it finds what is planted."""

import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path
from random import Random

import numpy as np
import pytest
from damaged_bytes import BYTES, flip_at_the_end
from damaged_json import JSON, JSON_LINES
from damaged_npz import ARCHIVE, MANIFEST, NUMBERS, STATE_OF_TRAINING, packed, unpacked
from damaged_text import TEXT
from inputs import Input, Target, make_input
from kinds import KINDS
from known import KNOWN
from report import described, faults, summary
from verdict import FAULTS, READ, REFUSED, Verdict, judge
from workers import Limits, try_all

from npft import read_labelled
from npft.errors import DataError

FUZZ = Path(__file__).parent / "fuzz"
SAMPLE = {"readers": 120, "tokenizers": 80, "checkpoints": 70, "safetensors": 60,
          "hub folders": 80, "training": 30}
SEED = 4


@pytest.fixture(scope="module")
def kinds():
    return {name: make() for name, (make, _) in KINDS.items()}


# ---- a sample of damaged files ----


def test_every_good_file_is_read_and_confirmed(kinds, tmp_path):
    for targets in kinds.values():
        assert len({target.name for target in targets}) == len(targets)
        for target in targets:
            verdict = judge(Input(target, (), target.good), tmp_path)
            assert verdict == Verdict(READ), target.name


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_refused_in_one_line_or_read_as_another_reader_reads_it(kinds, kind):
    jobs = [(kind, number) for number in range(SAMPLE[kind])]
    found = dict(try_all(jobs, kinds, SEED))
    new = [fault for fault in faults(found, kinds, SEED) if not fault.known]
    assert not new, "\n\n".join(described(fault, kinds, SEED) for fault in new)
    outcomes = {verdict.outcome for verdict in found.values()}
    assert {REFUSED, READ} <= outcomes  # else it would test one half alone


def test_every_known_fault_has_a_reason_and_is_one():
    assert all(outcome in FAULTS and why for (outcome, _), why in KNOWN.items())


# ---- faults that are planted ----

GOOD = b"spam\tWin\nham\tHello\n"


def nothing(rng, data):
    return data, "nothing"


def agree(data, read):
    return None if read == data else "differs"


def target(read, confirm=agree, damages=((nothing,),)):
    return Target("planted", "a.tsv", GOOD, read, confirm, damages)


def outcomes_of(read, inputs=3, limits=Limits(), **options):
    kinds = {"planted": [target(read, **options)]}
    found = dict(try_all([("planted", n) for n in range(inputs)], kinds, 0, limits))
    assert len(found) == inputs
    return {verdict.outcome for verdict in found.values()}


def crash(path):
    os.kill(os.getpid(), signal.SIGKILL)


def hang(path):
    while True:
        pass


def eat(path):
    return bytearray(1 << 31)


def stumble(path):
    return [][1]


def warn(path):
    warnings.warn("numbers overflow", RuntimeWarning, stacklevel=1)
    return path.read_bytes()


def say_nothing_of_the_file(path):
    raise DataError("something is wrong")


def break_the_line(path):
    raise DataError("the label is 'a\x1b[31m\nb'", path=path)


def chatter(path):
    raise DataError("a" * 5000, path=path)


def lose_a_row(path):
    return path.read_bytes().split(b"\n", 1)[1]


@pytest.mark.parametrize("read, outcome", [
    (Path.read_bytes, READ), (stumble, "exception"), (warn, "warning"), (eat, "memory"),
    (crash, "dead process"), (lose_a_row, "silent difference"), (break_the_line, "broken message"),
    (say_nothing_of_the_file, "message without the file"), (chatter, "long message"),
])  # fmt: skip
def test_a_planted_fault_is_found_in_each_input(read, outcome):
    assert outcomes_of(read) == {outcome}


def test_a_reader_that_hangs_is_ended_and_the_next_input_is_tried():
    begin = time.monotonic()
    assert outcomes_of(hang, inputs=2, limits=Limits(seconds=0.2)) == {"hang"}
    assert 0.4 <= time.monotonic() - begin < 4


def test_a_real_reader_that_changes_a_letter_is_found(kinds):
    (good,) = [t for t in kinds["readers"] if t.name == "labelled"]

    def wrong(path):
        examples = read_labelled(path)
        examples.texts[-1] = examples.texts[-1].upper()
        return examples

    given = good._replace(read=wrong, damages=((nothing,),))
    ((_, verdict),) = try_all([("readers", 0)], {"readers": [given]}, 0)
    assert verdict.outcome == "silent difference" and "FREE, NOW" in verdict.said


def test_inputs_after_a_dead_process_are_tried_in_a_new_one_and_in_several():
    def crash_sometimes(path):
        if path.read_bytes().endswith(b"!"):
            crash(path)
        return path.read_bytes()

    def shout(rng, data):
        return data + rng.choice((b"!", b"?")), "shouted"

    kinds = {"planted": [target(crash_sometimes, damages=((shout,),))]}
    jobs = [("planted", n) for n in range(12)]
    one, two = (dict(try_all(jobs, kinds, 0, processes=p)) for p in (1, 2))
    assert one == two and {v.outcome for v in one.values()} == {READ, "dead process"}
    for job, verdict in one.items():
        shouted = make_input(*job[:1], kinds["planted"], 0, job[1]).data.endswith(b"!")
        assert (verdict.outcome == "dead process") == shouted


def double_a_member(members):
    return members + [members[-1]]


def lie_about_the_order(members):
    name, square = next((n, c) for n, c in members if b"'shape': (8, 8)" in c)
    lie = square.replace(b"'fortran_order': False", b"'fortran_order': True ")
    return [(n, lie if n == name else c) for n, c in members]


def make_one_weight_1000(members):
    name, content = members[-1]
    return [*members[:-1], (name, content[:-4] + np.float32(1000).tobytes())]


@pytest.mark.parametrize("lie", [double_a_member, lie_about_the_order, make_one_weight_1000])
def test_a_model_that_was_not_read_as_its_file_says_is_found(kinds, lie, tmp_path):
    (good,) = [t for t in kinds["checkpoints"] if t.name == "classifier"]
    data = packed(lie(unpacked(good.good)))
    (tmp_path / good.file).write_bytes(good.good)
    model = good.read(tmp_path / good.file)  # as if nothing had been done to the file
    assert good.confirm(good.good, model) is None and good.confirm(data, model)


# ---- inputs, and the report ----

DAMAGES = (
    *BYTES, flip_at_the_end, *TEXT, *set(JSON), *JSON_LINES, *ARCHIVE[:2], *NUMBERS,
    *set(MANIFEST), *set(STATE_OF_TRAINING),
)  # fmt: skip


@pytest.mark.parametrize("data", [b"", b"\n", b"\xff\0\xfe", b"[1, 2", b'{"a": 1}', b"PK\5\6"])
def test_a_damage_of_what_an_earlier_one_left_is_a_damage_or_nothing(data):
    for damage in DAMAGES:
        for seed in range(5):
            damaged, what = damage(Random(seed), data)
            assert isinstance(damaged, bytes) and what
            assert damage(Random(seed), data) == (damaged, what)


def test_an_input_is_made_again_from_its_number_alone_by_the_command(kinds, tmp_path):
    which = ["--only", "tokenizers", "--number", "17", "--write", str(tmp_path)]
    command = [sys.executable, str(FUZZ), *which]
    env = {**os.environ, "PYTHONPATH": str(FUZZ.parents[1])}
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=True)
    given = make_input("tokenizers", kinds["tokenizers"], 0, 17)
    assert (tmp_path / given.target.file).read_bytes() == given.data
    assert given.target.name in done.stdout and given.damages[0] in done.stdout


def test_the_report_says_each_fault_once_the_worst_first_with_its_smallest_input(monkeypatch):
    def lengthen(rng, data):
        return data + b"!" * rng.randint(0, 99), "lengthened"

    kinds = {"planted": [target(stumble, damages=((lengthen,),))]}
    found = {("planted", n): Verdict("exception", "a.py:f") for n in range(9)}
    found["planted", 9] = Verdict("silent difference", "rows")
    found["planted", 10] = Verdict(REFUSED)
    worst, other = faults(found, kinds, 0)
    assert (worst.outcome, other.outcome, other.count) == ("silent difference", "exception", 9)
    sizes = {n: len(make_input("planted", kinds["planted"], 0, n).data) for n in range(9)}
    assert sizes[other.smallest[1]] == min(sizes.values())
    assert f"--only planted --number {other.smallest[1]}" in described(other, kinds, 0)
    assert summary(found).split()[-5:] == ["planted", "11", "1", "0", "10"]
    assert other.known is None
    monkeypatch.setitem(KNOWN, ("exception", "a.py:*"), "it waits")
    assert other.known == "it waits" and worst.known is None
