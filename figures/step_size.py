"""Why gradients are checked by the complex step: error of numerical derivatives against the step.

Six ops at twenty places each: central differences in float32 and float64, and the complex step,
each beside the derivative that the op's own vjp gives in float64. Exact, so no seeds.
"""


import numpy as np
from common import picture, results

from npft.autograd import kernels, ops
from npft.plots import draw_step_sizes

OPS = (ops.exp, ops.log, ops.tanh, ops.sqrt, ops.sigmoid, kernels.gelu)
STEPS = 10.0 ** np.arange(-1, -16.25, -0.25)
PLACES = np.linspace(0.5, 2.0, 20)


def central(op, dtype: type, h: float) -> np.ndarray:
    up, down = (op.raw((PLACES + step).astype(dtype))[0] for step in (h, -h))
    return (up - down) / dtype(2 * h)


def complex_step(op, h: float) -> np.ndarray:
    return op.raw(PLACES + 1j * h)[0].imag / h


def compute() -> dict[str, list]:
    """The median error over the places, for each op and each step."""
    found: dict[str, list] = {"central, float32": [], "central, float64": [], "complex step": []}
    for op in OPS:
        true = op.raw(PLACES)[1](np.ones(len(PLACES)))

        def error(derivative: np.ndarray, true: np.ndarray = true) -> float:
            return float(np.median(np.abs(derivative - true) / np.abs(true)))

        found["central, float32"].append([error(central(op, np.float32, h)) for h in STEPS])
        found["central, float64"].append([error(central(op, np.float64, h)) for h in STEPS])
        found["complex step"].append([error(complex_step(op, h)) for h in STEPS])
    return found


if __name__ == "__main__":
    errors = results(__file__, compute)
    picture("step_size", draw_step_sizes, STEPS, errors)
