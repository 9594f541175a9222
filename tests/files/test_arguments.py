"""The options: each verb's example runs as it is printed, and what is typed is what is meant."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from npft.__main__ import main
from npft.files.arguments import (
    EXAMPLES, VERBS, build_parser, columns, file_format, guide, picked, separator,
)
from npft.files.finetune import Material, Start, Training

ROOT = Path(__file__).parents[2]


def parsed(*typed):
    return build_parser("1.0", typed).parse_args(typed)


def help_of(verb, capsys):
    with pytest.raises(SystemExit):
        parsed(verb, "--help")
    return capsys.readouterr().out


@pytest.mark.parametrize("verb", EXAMPLES)
def test_the_help_of_a_verb_ends_with_its_example(verb, capsys):
    last = help_of(verb, capsys).rstrip().splitlines()[-1]
    assert last.strip() == EXAMPLES[verb] and f"npft {verb}" in last


def test_npft_alone_prints_the_verbs_and_commands_that_are_among_the_examples(capsys):
    assert main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(any(f"npft {v} " in x and x.endswith(VERBS[v]) for x in lines) for v in EXAMPLES)
    first = lines[lines.index("to begin with, in an empty folder:") + 1 :][:3]
    assert all(any(e.startswith(x.strip()) for e in EXAMPLES.values()) for x in first)
    assert "\n".join(lines) == guide() and max(map(len, lines)) <= 120


def test_the_examples_run_one_after_the_other_in_an_empty_folder(tmp_path):
    """All but the tour's, which has a test of its own."""
    (tmp_path / "bin").mkdir()
    npft = tmp_path / "bin" / "npft"
    npft.write_text(f"#!/bin/sh\nexec {sys.executable} -m npft \"$@\"\n", encoding="utf-8")
    npft.chmod(0o755)
    env = os.environ | {"PATH": f"{npft.parent}{os.pathsep}{os.environ['PATH']}",
                        "PYTHONPATH": str(ROOT)}
    work = tmp_path / "work"
    work.mkdir()
    for verb, example in EXAMPLES.items():
        if verb == "tour":
            continue
        done = subprocess.run(["bash", "-c", example], cwd=work, env=env, capture_output=True,
                              text=True, timeout=300, check=False)
        assert done.returncode == 0 and done.stdout, (example, done.stderr)
    assert {p.name for p in work.iterdir()} == {
        "body", "notes.txt", "messages.tsv", "spam", "kept", "lines.txt", "lines.npy",
        "said.txt", "pairs.tsv",
    }


def test_every_option_has_a_help(capsys):
    for verb in EXAMPLES:
        actions = build_parser("1.0", [verb])._subparsers._group_actions[0].choices[verb]._actions
        assert [a.dest for a in actions if not a.help] == []


def test_columns_are_numbers_or_names_and_a_tab_can_be_typed():
    assert columns("5, 6,7") == (5, 6, 7) and columns("gold,text 1") == ("gold", "text 1")
    assert separator("tab") == separator("\\t") == "\t" and separator(";") == ";"


def test_options_reach_the_dataclasses_that_name_them():
    args = parsed(
        "finetune", "a.csv", "--out", "o", "--task", "pair", "--columns", "2,3,1", "--header",
        "--encoding", "latin-1", "--separator", ";", "--format", "csv", "--test", "t.csv",
        "--cased", "--tokenizer", "wordpiece", "--epochs", "3", "--seed", "7", "--patience", "2",
    )  # fmt: skip
    material = picked(args, Material)
    assert material == Material(Path("a.csv"), task="pair", test=Path("t.csv"))
    assert picked(args, Start) == Start(tokenizer="wordpiece", lowercase=False)
    assert picked(args, Training) == Training(epochs=3, seed=7, patience=2)
    fmt = file_format(args)
    assert (fmt.name, fmt.columns, fmt.header, fmt.separator, fmt.encoding) == (
        "csv", (2, 3, 1), True, ";", "latin-1"
    )
    assert picked(parsed("finetune", "a", "--out", "o"), Start) == Start()
    assert parsed("finetune", "a", "--out", "o", "--lowercase").lowercase
