"""The engine: tensors, the graph, the ops and kernels, and the check of their gradients.

Read in this order: graph, inputs, tensor, ops, kernels, losses, attention, segments, gradcheck,
show. ``machine`` may be skipped: it only makes NumPy faster.
"""

from npft.autograd import ops  # binds the operators and methods of Tensor
from npft.autograd.gradcheck import gradcheck
from npft.autograd.show import trace
from npft.autograd.tensor import Tensor, grad, no_grad, primitive

__all__ = ["Tensor", "grad", "gradcheck", "no_grad", "ops", "primitive", "trace"]
