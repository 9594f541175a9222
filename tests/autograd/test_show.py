"""Seeing a graph: every value once, after its inputs; and tables that a notebook can show."""

from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.autograd import Tensor, ops, trace
from npft.errors import GraphError
from npft.nn.layers import Linear
from npft.nn.module import freeze
from npft.nn.optim import AdamW


def leaf(data):
    return Tensor(data, requires_grad=True)


def diamond():
    x, w = leaf(np.ones((2, 3))), leaf(np.ones((3, 2)))
    h = (x @ w).tanh()
    return x, w, h, (h * h + 2 * h).sum()


def test_a_trace_lists_each_value_once_and_after_its_inputs():
    _, _, _, loss = diamond()
    lines = trace(loss).lines
    names = [line.name for line in lines]
    assert [(line.op, line.inputs) for line in lines] == [
        ("leaf", ()), ("leaf", ()), ("matmul", ("x1", "x2")), ("tanh", ("1",)),
        ("multiply", ("2", "2")), ("multiply", ("constant", "2")), ("add", ("3", "4")),
        ("sum", ("5",)),
    ]  # fmt: skip
    assert names == ["x1", "x2", "1", "2", "3", "4", "5", "6"]
    assert [line.shape for line in lines][:3] == [(2, 3), (3, 2), (2, 2)]


def test_leaves_and_values_on_the_way_can_be_named():
    x, w, h, loss = diamond()
    assert "h     tanh" in repr(trace(loss, x=x, w=w, h=h))
    lines = trace(loss, x=x, w=w, h=h).lines
    assert [line.name for line in lines] == ["x", "w", "1", "h", "3", "4", "5", "6"]
    assert lines[4].inputs == ("h", "h")


def test_a_trace_can_be_made_after_the_walk_and_does_not_disturb_it():
    x, w, _, loss = diamond()
    before = repr(trace(loss))
    loss.backward()
    assert repr(trace(loss)) == before
    assert np.abs(x.grad).max() > 0 and np.abs(w.grad).max() > 0


def test_frozen_inputs_are_constants():
    x, w = leaf(np.ones(2)), Tensor(np.ones(2))
    assert trace((x * w).sum()).lines[1].inputs == ("x1", "constant")


def test_a_long_chain_is_traced_without_recursion():
    x = leaf(1.0)
    y = x
    for _ in range(5000):
        y = y + 1.0
    assert len(trace(y).lines) == 5001


def test_the_title_counts_ops_and_leaves():
    x, w, _, loss = diamond()
    assert repr(trace(loss)).startswith("6 ops on 2 leaves, ")
    assert repr(trace(x * 2)).startswith("1 ops on 1 leaf, ")


def test_a_tensor_without_a_graph_is_refused():
    for bad in (leaf(1.0), Tensor(1.0) * 2, np.ones(2), 3.0):
        with pytest.raises(GraphError, match="trace: nothing was recorded"):
            trace(bad)


class Checker(HTMLParser):
    """Notes what is left open, and counts cells."""

    def __init__(self, text):
        super().__init__()
        self.open, self.cells, self.words = [], 0, []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.cells += tag in ("td", "th")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def html_of(thing):
    checked = Checker(thing._repr_html_())
    assert checked.open == []
    return checked


def test_html_of_a_trace_has_a_row_for_each_line():
    _, _, _, loss = diamond()
    assert html_of(trace(loss)).cells == 5 * (1 + 8)
    name = "<script>"
    x = leaf(1.0)
    assert name not in trace(x * 2, **{name: x})._repr_html_()
    assert name in html_of(trace(x * 2, **{name: x})).words


@given(st.lists(st.integers(0, 12), max_size=4))
def test_html_of_a_tensor_is_valid_and_short_whatever_its_shape(shape):
    x = Tensor(np.zeros(shape))
    assert html_of(x).cells <= 81 and len(x._repr_html_()) < 3000


def test_html_of_a_tensor_shows_its_values_shape_and_origin():
    x = leaf([[1.5, -2.0], [0.25, 1e-9]])
    words = html_of(x).words
    assert words == ["Tensor(shape=(2, 2), dtype=float64, leaf)", "1.5", "-2", "0.25", "1e-09"]
    assert "op=exp" in html_of(x.exp()).words[0]
    assert html_of(Tensor(2.5)).words == ["Tensor(shape=(), dtype=float64)", "2.5"]
    assert html_of(Tensor(np.arange(9.0))).words[-2:] == ["7", "..."]
    assert html_of(Tensor(np.arange(8.0))).words[-1] == "7"
    assert html_of(Tensor(np.ones((9, 1)))).cells == 9
    assert html_of(Tensor(np.ones((8, 8)))).cells == 64
    assert html_of(Tensor(np.ones((9, 9)))).cells == 81


def test_html_of_a_module_is_a_tree_with_all_its_parts():
    rng = np.random.default_rng(0)
    layer = Linear(3, 2, rng=rng)
    words = html_of(layer).words
    assert words[0] == "Linear(8 parameters)"
    assert words[1:] == ["weight: (2, 3), float32", "bias: (2,), float32"]
    freeze(layer, "weight")
    assert repr(layer) == "Linear(8 parameters, 2 of them trainable)"
    assert html_of(layer).words[1] == "weight: (2, 3), float32, frozen"


def test_a_trace_is_drawn_with_a_box_for_each_value_and_an_arrow_for_each_input():
    from matplotlib.figure import Figure

    from npft.plots import draw_graph

    x, w, h, loss = diamond()
    ax = Figure().add_subplot()
    draw_graph(ax, trace(loss, x=x, w=w, h=h))
    boxes = [t for t in ax.texts if t.get_text()]
    assert len(boxes) == 8 and len(ax.texts) - len(boxes) == 9
    places = {t.get_text().split("\n")[0]: t.get_position()[0] for t in boxes}
    assert places["x"] < places["matmul"] < places["tanh"] < places["add"] < places["sum"]
    assert len({t.get_position() for t in boxes}) == 8  # none on top of another


def test_the_optimiser_step_of_a_traced_graph_is_still_noticed():
    layer = Linear(2, 1, rng=np.random.default_rng(0))
    loss = ops.sum(layer(np.ones((1, 2), np.float32)))
    trace(loss, **dict(layer.named_parameters()))
    for p in layer.parameters():
        p.grad = np.ones_like(p.data)
    AdamW(layer.parameters(), lr=0.1).step()
    with pytest.raises(GraphError, match="changed after"):
        loss.backward()
