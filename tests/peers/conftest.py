"""npft beside other packages, live. Not part of the default test command:

    python -m venv peers && peers/bin/pip install -e '.[test,peers]'
    peers/bin/python -m pytest tests/peers
"""

import importlib.util

import pytest

PACKAGES = ("autograd", "tokenizers", "torch")

missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
if missing:
    raise pytest.UsageError(
        f"tests/peers compares npft with {', '.join(PACKAGES)}; missing: {', '.join(missing)}. "
        "Install them with pip install -e '.[test,peers]'"
    )
