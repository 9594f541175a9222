"""Settings for all tests: one thread, no windows, and how many examples hypothesis draws.

NPFT_PROFILE chooses: ``dev`` (25 examples, new ones at each run), ``ci`` (50, always the same),
``deep`` (500). Without it, ``ci`` where the variable CI is set, else ``dev``.
"""

import os
import sys
from pathlib import Path

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # before NumPy is imported
os.environ["MPLBACKEND"] = "agg"

from hypothesis import HealthCheck, settings  # noqa: E402

slow = [HealthCheck.too_slow]
settings.register_profile("dev", max_examples=25, deadline=None)
settings.register_profile(
    "ci",
    max_examples=50,
    deadline=None,
    derandomize=True,
    database=None,
    print_blob=True,
    suppress_health_check=slow,
)
settings.register_profile("deep", max_examples=500, deadline=None, suppress_health_check=slow)
settings.load_profile(os.environ.get("NPFT_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))

# the table of ops, the fit of the normal distribution, the text of topics, small models and clouds
# of vectors are modules that several tests import; the files of the fuzz import each other
for _folder in ("autograd", "pretraining", "finetune", "embed", "fuzz", "claims"):
    sys.path.insert(0, str(Path(__file__).parent / _folder))

# scripts beside the tests that need other packages; --doctest-modules would import them
collect_ignore_glob = ["mutants.py", "make_*.py", "*/make_*.py"]


def pytest_collection_modifyitems(items):
    """The slow tests first, so that workers side by side end together."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
