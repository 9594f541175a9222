"""A sweep runs anywhere an executor runs, and by default in processes of its own."""

import math
import os
import subprocess
import sys

from npft.experiments.sweep import sweep


def test_the_default_keeps_the_order_of_the_cells():
    assert sweep(math.factorial, [5, 3, 4]) == [120, 6, 24]
    assert sweep(math.factorial, []) == []


def test_the_default_runs_outside_of_this_process():
    assert sweep(eval, ["__import__('os').getpid()"]) != [os.getpid()]


def test_a_script_that_sweeps_at_its_top_level_needs_its_guard(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from npft.experiments.sweep import sweep\n"
        "if __name__ == '__main__':\n    print(sweep(abs, [-2, 3]))\n", encoding="utf-8"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert done.stdout.strip() == "[2, 3]", done.stderr
