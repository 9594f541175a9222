"""Modules: names, sharing, saving, loading, freezing."""

import numpy as np
import pytest

from npft.autograd import Tensor
from npft.errors import CheckpointError, ConfigError, DtypeError, GraphError, ShapeError
from npft.nn.layers import Dropout, Embedding, LayerNorm, Linear, set_dropout
from npft.nn.module import Module, Parameter, evaluating, freeze, train_mode, unfreeze


def rng_of(seed=0):
    return np.random.default_rng(seed)


class Block(Module):
    def __init__(self, width, rng):
        self.qkv = Parameter(
            rng.standard_normal((3 * width, width)), ("q.weight", "k.weight", "v.weight")
        )
        self.qkv_bias = Parameter(np.arange(3.0 * width), ("q.bias", "k.bias", "v.bias"))
        self.norm = LayerNorm(width)
        self.drop = Dropout(0.1)


class Model(Module):
    def __init__(self, rng):
        self.embed = Embedding(7, 2, rng=rng)
        self.layer = [Block(2, rng), Block(2, rng)]
        self.head = Linear(2, 7, rng=rng)
        self.head.weight = self.embed.weight  # tied
        self.scale = Parameter([1.0])
        self.note = "not a parameter"
        self.table = Tensor([1.0])


NAMES = [
    "embed.weight",
    "layer.0.qkv", "layer.0.qkv_bias", "layer.0.norm.weight", "layer.0.norm.bias",
    "layer.1.qkv", "layer.1.qkv_bias", "layer.1.norm.weight", "layer.1.norm.bias",
    "head.bias", "scale",
]  # fmt: skip


def test_names_are_dotted_in_order_of_setting_and_a_tied_parameter_comes_once():
    model = Model(rng_of())
    assert [name for name, _ in model.named_parameters()] == NAMES
    assert [id(p) for p in model.parameters()] == [id(p) for _, p in model.named_parameters()]
    assert model.num_parameters() == 14 + 2 * (12 + 6 + 2 + 2) + 7 + 1
    assert "66 parameters" in repr(model)


def test_parts_are_saved_as_slices_under_their_own_names():
    model = Model(rng_of())
    state = model.state_dict()
    assert list(state)[1:5] == [
        f"layer.0.{n}" for n in ("q.weight", "k.weight", "v.weight", "q.bias")
    ]
    qkv = model.layer[0].qkv.data
    for i, part in enumerate("qkv"):
        np.testing.assert_array_equal(state[f"layer.0.{part}.weight"], qkv[2 * i : 2 * i + 2])
    assert "layer.0.qkv" not in state and "head.weight" not in state
    assert sum(a.size for a in state.values()) == model.num_parameters()


def test_state_dict_is_a_copy_and_loads_back():
    model, other = Model(rng_of()), Model(rng_of(1))
    state = model.state_dict()
    for array in state.values():
        array += 1
    np.testing.assert_array_equal(model.state_dict()["scale"], [1.0])
    versions = [p.version for p in other.parameters()]
    other.load_state_dict(state)
    for name, array in other.state_dict().items():
        np.testing.assert_array_equal(array, state[name])
    assert [p.version for p in other.parameters()] == [v + 1 for v in versions]
    assert not any(np.shares_memory(a, p.data) for a in state.values() for p in other.parameters())
    assert other.head.weight is other.embed.weight


def test_load_lists_all_problems_at_once_and_copies_nothing():
    model = Model(rng_of())
    before = model.state_dict()
    state = {name: array + 1 for name, array in before.items()}
    del state["layer.0.k.weight"], state["head.bias"]
    state["extra"] = np.zeros(2)
    state["scale"] = np.zeros((2, 2))
    state["layer.1.norm.bias"] = np.array(["a", "b"])
    with pytest.raises(CheckpointError) as caught:
        model.load_state_dict(state)
    text = str(caught.value)
    for problem in (
        "do not fit Model", "missing layer.0.k.weight", "missing head.bias", "unexpected extra",
        "scale has shape (2, 2), expected (1,)", "layer.1.norm.bias has dtype <U1",
    ):  # fmt: skip
        assert problem in text
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_freeze_and_unfreeze_by_prefix_and_by_function():
    model = Model(rng_of())
    model.scale.grad = np.ones(1)
    assert freeze(model) == len(NAMES)
    assert not any(p.requires_grad for p in model.parameters())
    assert model.scale.grad is None
    assert unfreeze(model, "layer.1.") == 4
    assert unfreeze(model, lambda name: name.endswith("bias")) == 5
    trained = [name for name, p in model.named_parameters() if p.requires_grad]
    assert trained == [n for n in NAMES if n.startswith("layer.1.") or n.endswith("bias")]
    assert freeze(model, "nothing") == 0


def test_a_frozen_body_keeps_its_values_and_gets_no_gradient():
    layer = Linear(2, 2, rng=rng_of())
    freeze(layer, "weight")
    layer(np.ones((3, 2), np.float32)).sum().backward()
    assert layer.weight.grad is None and layer.bias.grad.tolist() == [3.0, 3.0]


def test_training_mode_reaches_every_module():
    model = Model(rng_of())
    assert all(m.training for m in model.modules())
    assert model.eval() is model
    assert len(list(model.modules())) == 1 + 1 + 2 * 3 + 1
    assert not any(m.training for m in model.modules())
    model.train()
    assert all(m.training for m in model.modules())


def test_a_frozen_part_stays_in_evaluation_mode():
    model = Model(rng_of())
    freeze(model, "layer.0")
    train_mode(model)
    assert model.training and model.layer[1].drop.training and not model.layer[0].training
    assert not model.layer[0].drop.training


def test_evaluating_gives_each_part_its_mode_back_also_after_an_error():
    model = Model(rng_of())
    model.layer[0].eval()
    with pytest.raises(KeyError), evaluating(model):
        assert not any(m.training for m in model.modules())
        assert not (model.scale * 2).requires_grad
        raise KeyError
    assert model.training and not model.layer[0].norm.training and model.layer[1].norm.training
    assert (model.scale * 2).requires_grad


@pytest.mark.parametrize("value, word", [(1e300, "1e[+]300"), (-1e39, "-1e[+]39")])
def test_a_number_too_large_for_the_weights_is_not_loaded_as_infinity(value, word):
    layer = Linear(2, 2, rng=rng_of())
    state = {name: a.astype(np.float64) for name, a in layer.state_dict().items()}
    state["weight"][0, 1] = state["bias"][1] = np.inf  # what a ruined model saved comes back so
    layer.load_state_dict(state)
    assert layer.bias.data[1] == np.inf and layer.weight.dtype == np.float32
    state["bias"][0], before = value, layer.state_dict()
    with pytest.raises(CheckpointError, match=f"bias holds {word}, too large for float32"):
        layer.load_state_dict(state)
    assert layer.state_dict()["bias"].tolist() == before["bias"].tolist()


def test_zero_grad_and_astype():
    model = Model(rng_of())
    for p in model.parameters():
        p.grad = np.ones(p.shape, p.dtype)
    model.zero_grad()
    assert all(p.grad is None for p in model.parameters())
    before = model.state_dict()
    assert model.astype(np.float32).astype(np.float64) is model
    assert all(p.dtype == np.float64 for p in model.parameters())
    np.testing.assert_allclose(
        model.state_dict()["layer.0.q.weight"], before["layer.0.q.weight"], rtol=1e-6
    )


@pytest.mark.parametrize("dtype", [np.int32, np.float16, np.complex64, bool, "words", None])
def test_weights_become_floats_that_compute_or_stay_as_they_are(dtype):
    model = Model(rng_of())
    before = model.state_dict()
    with pytest.raises(DtypeError, match=r"astype: .*, expected np\.float32, np\.float64 or"):
        model.astype(dtype)
    after = model.state_dict()
    assert all(after[name].tobytes() == a.tobytes() for name, a in before.items())


def test_a_module_without_forward_says_so():
    with pytest.raises(NotImplementedError, match="Model defines no forward"):
        Model(rng_of())(1)


# --- parameters ---------------------------------------------------------------------------------


def test_a_parameter_copies_and_only_assign_changes_it():
    source = np.array([1.0, 2.0])
    p = Parameter(source)
    source[:] = 0
    assert p.data.tolist() == [1.0, 2.0] and p.requires_grad
    with pytest.raises(ValueError, match="read-only"):
        p.data[0] = 5
    values = np.array([3.0, 4.0])
    p.assign(values)
    values[:] = 0
    assert p.data.tolist() == [3.0, 4.0] and p.version == 1
    with pytest.raises(ShapeError, match=r"values have shape \(1,\), not \(2,\)"):
        p.assign(np.zeros(1))
    for wrong in (["3", "4"], [1j, 2], None, [None, 1.0]):
        with pytest.raises(DtypeError, match="assign: values: a .* that cannot be made an array"):
            p.assign(wrong)
    assert p.version == 1 and p.data.tolist() == [3.0, 4.0]


# --- layers -------------------------------------------------------------------------------------


def test_linear_layer_computes_x_w_b():
    layer = Linear(3, 2, std=1.0, rng=rng_of())
    x = rng_of(1).standard_normal((4, 3)).astype(np.float32)
    np.testing.assert_allclose(layer(x).data, x @ layer.weight.data.T + layer.bias.data, rtol=1e-5)
    assert layer.weight.shape == (2, 3) and not layer.bias.data.any()


def test_new_weights_have_the_standard_deviation_asked_for():
    for layer in (
        Linear(300, 300, std=0.5, rng=rng_of()),
        Embedding(300, 300, std=0.5, rng=rng_of()),
    ):
        w = layer.weight.data
        assert w.dtype == np.float32
        assert abs(w.std() - 0.5) < 0.01 and abs(w.mean()) < 0.01
    assert abs(Linear(300, 300, rng=rng_of()).weight.data.std() - 0.02) < 0.001


def test_the_same_seed_gives_the_same_weights():
    a, b, c = (Linear(5, 5, rng=rng_of(s)).weight.data for s in (0, 0, 1))
    assert a.tobytes() == b.tobytes() != c.tobytes()


def test_embedding_layer_looks_up_and_norm_layer_normalises():
    layer = Embedding(5, 3, rng=rng_of())
    np.testing.assert_array_equal(layer(np.array([4, 0])).data, layer.weight.data[[4, 0]])
    norm = LayerNorm(4)
    y = norm(rng_of().standard_normal((2, 4)).astype(np.float32) * 9 + 5).data
    np.testing.assert_allclose(y.mean(axis=1), 0, atol=1e-6)
    np.testing.assert_allclose(y.std(axis=1), 1, atol=1e-4)
    wide = LayerNorm(4, eps=1e6)(np.array([[1.0, 2.0, 3.0, 4.0]], np.float32)).data
    assert np.abs(wide).max() < 0.01  # eps is passed on


def test_dropout_layer_drops_in_training_only():
    layer, x = Dropout(0.5), Tensor(np.ones((10, 10)))
    assert (layer(x, rng_of()).data == 0).any()
    with pytest.raises(Exception, match="needs rng"):
        layer(x)
    layer.eval()
    assert layer(x) is x
    assert layer([1.0, 2.0]).data.tolist() == [1.0, 2.0]  # a tensor, as in training


def test_set_dropout_reaches_every_layer_and_refuses_a_bad_chance():
    model = Model(rng_of())
    set_dropout(model, 0.25)
    assert [m.p for m in model.modules() if isinstance(m, Dropout)] == [0.25, 0.25]
    for bad in (-0.1, 1.0, float("nan")):
        with pytest.raises(ValueError, match="expected a share"):
            set_dropout(model, bad)
        with pytest.raises(ValueError, match="expected a share"):
            Dropout(bad)


# --- containers ----------------------------------------------------------------------------------


def test_parameters_and_modules_are_found_in_lists_tuples_and_dicts_and_inside_each_other():
    rng = np.random.default_rng(0)

    class Deep(Module):
        def __init__(self):
            self.weights = [Parameter(np.zeros(1)), Parameter(np.zeros(2))]
            self.layers = (Linear(1, 1, rng=rng), [Parameter(np.zeros(3))])
            self.heads = {"topic": Linear(2, 1, rng=rng), "more": {"x": Parameter(np.zeros(4))}}
            self.numbers = {"a": 1, "b": [2, 3]}

    model = Deep()
    names = {name: p.size for name, p in model.named_parameters()}
    assert names == {
        "weights.0": 1, "weights.1": 2, "layers.0.weight": 1, "layers.0.bias": 1, "layers.1.0": 3,
        "heads.topic.weight": 2, "heads.topic.bias": 1, "heads.more.x": 4,
    }  # fmt: skip
    assert model.num_parameters() == 15
    other = Deep()
    model.weights[1].assign(np.array([7.0, 8.0]))
    other.load_state_dict(model.state_dict())
    assert other.weights[1].data.tolist() == [7.0, 8.0]
    model.eval()
    assert not model.heads["topic"].training and not model.layers[0].training


def test_parameters_in_a_set_are_refused_for_a_set_has_no_order():
    module = Module()
    module.bag = {Parameter(np.zeros(1))}
    with pytest.raises(ConfigError, match="bag is a set with parameters in it.*use a list"):
        module.parameters()
    module.bag = {1, "a"}
    assert module.parameters() == []


def test_a_tree_says_which_weights_are_frozen():
    model = Linear(2, 3, rng=rng_of())
    freeze(model, "weight")
    tree = model._repr_html_()
    assert "weight: (3, 2), float32, frozen" in tree and "bias: (3,), float32</li>" in tree


def test_weights_that_were_converted_are_noticed_by_a_graph_that_read_them():
    model = Linear(2, 1, rng=rng_of())
    loss = model(np.ones((1, 2), np.float32)).sum()
    model.astype(np.float64)
    with pytest.raises(GraphError):
        loss.backward()
