"""The graph of a network of one layer and its loss: what backward walks. Nothing is computed."""

from pathlib import Path

import numpy as np

from npft import Tensor, trace
from npft.autograd.losses import softmax_cross_entropy
from npft.plots import draw_graph, save_figure

if __name__ == "__main__":
    x = np.ones((4, 3))
    w, b = (Tensor(np.ones(shape), requires_grad=True) for shape in ((3, 2), (2,)))
    loss = softmax_cross_entropy((x @ w + b).tanh(), targets=np.array([0, 1, 1, 0]))
    loss = loss + 0.1 * (w * w).sum()
    save_figure(Path(__file__).with_suffix(".png"), draw_graph, trace(loss, w=w, b=b))
