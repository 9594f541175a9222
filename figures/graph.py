"""The graph of a network of one layer and its loss: what backward walks. Nothing is computed."""


import numpy as np

from common import picture

from npft import Tensor, trace
from npft.autograd.losses import softmax_cross_entropy
from npft.plots import draw_graph

if __name__ == "__main__":
    x = np.ones((4, 3))
    w, b = (Tensor(np.ones(shape), requires_grad=True) for shape in ((3, 2), (2,)))
    loss = softmax_cross_entropy((x @ w + b).tanh(), targets=np.array([0, 1, 1, 0]))
    loss = loss + 0.1 * (w * w).sum()
    picture("graph", draw_graph, trace(loss, w=w, b=b))
