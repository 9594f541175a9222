"""The table of what trains: it adds up, and says which rate each part has."""

import numpy as np
import pytest
from small import classifier

from npft.encoder.additions import ADDITIONS, add_lora, kinds_of
from npft.finetune.rates import rate_groups
from npft.finetune.regimes import LEARNING_RATES, freeze_body, num_trainable, set_regime
from npft.finetune.trainable import trainable
from npft.heads.words import MaskedLM
from npft.nn.module import freeze


def models():
    for layers in (0, 1, 3):
        for norm in ("pre", "post"):
            model = classifier(layers=layers, norm=norm)
            yield model
            yield MaskedLM(model.encoder, rng=np.random.default_rng(0))  # tied, two heads


def test_the_parts_add_up_to_the_model_in_every_regime():
    for model in models():
        for regime in LEARNING_RATES:
            if regime in ("last", *ADDITIONS) and not model.encoder.config.num_layers:
                continue
            if regime in ADDITIONS and regime not in kinds_of(model):  # of one body, for two models
                ADDITIONS[regime](model, rng=np.random.default_rng(0))
            set_regime(model, regime)
            table = trainable(model)
            assert table.total.weights == model.num_parameters()
            assert table.total.trained == num_trainable(model)
            names = [part.name for part in table.parts]
            blocks = [f"block {i}" for i in range(model.encoder.config.num_layers)]
            norm = ["final norm"] * (model.encoder.config.norm == "pre")
            heads = [f"head {name}" for name in model.heads]
            assert names == ["embeddings", *blocks, *norm, *heads]


def test_each_part_is_frozen_or_trains_or_both():
    model = classifier(layers=2)
    freeze_body(model, last=1)
    share = {part.name: part.trained / part.weights for part in trainable(model).parts}
    assert share == {"embeddings": 0, "block 0": 0, "block 1": 1, "final norm": 1,
                     "head classes": 1}
    freeze(model, "heads.classes.bias")
    freeze(model, "heads.classes.linear.bias")
    (head,) = [part for part in trainable(model).parts if part.name == "head classes"]
    assert (head.weights, head.trained) == (18, 16)


def test_the_table_shows_that_of_the_body_only_the_additions_train():
    model = classifier(layers=2)
    add_lora(model, rank=2, rng=np.random.default_rng(0))
    set_regime(model, "lora")
    trained = {part.name: part.trained for part in trainable(model).parts}
    assert trained == {"embeddings": 0, "block 0": 4 * 8 * 2, "block 1": 4 * 8 * 2,
                       "final norm": 0, "head classes": 18}


def test_rates_stand_beside_what_trains():
    model = classifier(layers=1)
    freeze_body(model, last=1)
    found = {p.name: p.rates for p in trainable(model, rate_groups(model, 0.01, ratio=2.0)).parts}
    assert found == {"embeddings": (), "block 0": (0.005,), "final norm": (0.005,),
                     "head classes": (0.01,)}


def test_it_is_a_table_at_a_prompt_and_in_a_notebook():
    model = classifier(layers=1)
    freeze_body(model)
    table = trainable(model, rate_groups(model, 0.01))
    lines = repr(table).splitlines()
    assert lines[0].split() == ["part", "weights", "trained", "share", "rate"]
    assert lines[-1].split() == ["all", f"{model.num_parameters():,}", "18", "0.7%"]
    assert lines[-2].split() == ["head", "classes", "18", "18", "100.0%", "0.01"]
    assert len({len(line) for line in lines[:1] + lines[-2:-1]}) == 1  # columns stand in line
    html = table._repr_html_()
    assert html.count("<tr>") == len(lines) and "<td>head classes</td>" in html


@pytest.mark.parametrize("layers", [0, 2])
def test_the_table_changes_nothing(layers):
    model = classifier(layers=layers)
    before = model.state_dict()
    freeze_body(model)
    trainable(model)
    assert num_trainable(model) == 18
    assert all((a == before[name]).all() for name, a in model.state_dict().items())
