"""The engine: tensors, the graph, the ops and kernels, and the check of their gradients.

Read in this order: graph, tensor, ops, kernels, shift, losses, attention, relative, segments,
chains, gradcheck, show. ``inputs`` (what a mistake is told), ``tables`` and ``machine`` (NumPy made
faster) may be skipped.
"""

from npft.autograd import ops  # binds the operators and methods of Tensor
from npft.autograd.gradcheck import gradcheck
from npft.autograd.show import trace
from npft.autograd.tensor import Tensor, grad, no_grad, primitive

__all__ = ["Tensor", "grad", "gradcheck", "no_grad", "ops", "primitive", "trace"]
