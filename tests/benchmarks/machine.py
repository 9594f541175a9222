"""What the numbers were measured on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

# OpenBLAS chooses the kernels for the processor by itself; a machine may hold it to older ones by
# these variables, which no user has set
HELD = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


def machine() -> dict[str, str]:
    """What the numbers were measured on, and which kernels multiply matrices there."""
    found = {"python": platform.python_version(), "cores": str(os.cpu_count())}
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text(encoding="utf-8").splitlines()
        found["processor"] = next(
            (line.split(":")[1].strip() for line in lines if line.startswith("model name")), ""
        )
    for package in ("numpy", "scipy", "torch", "jax", "autograd"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    found |= {f"held by {name}": os.environ[name] for name in HELD if name in os.environ}
    return found | kernels_used()


def kernels_used() -> dict[str, str]:
    """The kernels that NumPy's matrix library and PyTorch have chosen for this processor."""
    import numpy  # noqa: F401  (loads its matrix library)

    found = {}
    try:
        import threadpoolctl

        for library in threadpoolctl.threadpool_info():
            if library["user_api"] == "blas":
                found["numpy's kernels"] = f"{library['internal_api']} {library['architecture']}"
        import torch

        found["torch's kernels"] = f"MKL; its own ops {torch.backends.cpu.get_cpu_capability()}"
    except ImportError:
        pass  # the table of packages says what is not installed
    return found
