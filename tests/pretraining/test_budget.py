"""The cost of a training step: as many operations as the products that are really computed."""

import math

import numpy as np
import pytest
from asked import rows_of

from npft.autograd import kernels
from npft.encoder import pooling
from npft.encoder.additions import add_adapters, add_lora
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.encoder.model import Model
from npft.errors import ConfigError
from npft.heads.classes import Classifier
from npft.heads.words import MaskedLM, Words
from npft.pretraining.budget import forward_flops, step_flops, steps_within
from npft.pretraining.catalogue import OBJECTIVES
from npft.pretraining.masking import mask_tokens
from npft.pretraining.pairs import Corpus
from npft.pretraining.source import Feed, Source
from npft.text.bytes import ByteTokenizer

TOK = ByteTokenizer()
DOCUMENTS = [["to be or not to be", "that is the question"], ["whether tis nobler", "in the mind"]]
D, F, LAYERS = 8, 12, 2


def rng(seed=0):
    return np.random.default_rng(seed)


def model_of(name, **options):
    chosen = OBJECTIVES[name]
    config = EncoderConfig(
        vocab_size=260, hidden_size=D, num_layers=LAYERS, num_heads=2, intermediate_size=F,
        max_positions=24, dropout=0.0, causal=chosen.causal, **options)
    return chosen.model(Encoder(config, tokenizer=TOK, rng=rng()), rng=rng(1)).eval()


def batch_of(name, size=3):
    chosen = OBJECTIVES[name]
    source = Source(Corpus(DOCUMENTS, TOK), chosen.layout, 24)
    return next(Feed(source, chosen.corrupt, size, order=rng(), masks=rng(1)))


@pytest.mark.parametrize("name", OBJECTIVES)
def test_all_products_of_a_forward_pass_are_counted_and_no_others(name, monkeypatch):
    model, masked = model_of(name), batch_of(name)
    counted, linear = [], kernels.linear

    def counting(x, weight, bias):
        counted.append(2 * x.shape[0] * math.prod(weight.shape))
        return linear(x, weight, bias)

    monkeypatch.setattr(kernels, "linear", counting)
    model.loss(masked, rng=rng())
    # attention multiplies inside its own kernel: q kᵀ and α v, for each block of each body
    squares = int((masked.lengths**2).sum())
    attention = 4 * squares * D * LAYERS
    if name == "electra":
        attention += 4 * squares * D // 2  # the generator: one block of half the width
    assert sum(forward_flops(model, masked).values()) == sum(counted) + attention


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_product_has_two_on_the_way_back(name, monkeypatch):
    model, masked = model_of(name), batch_of(name)
    linear, one_way = kernels.linear, []

    def watching(x, weight, bias):
        if not (x.requires_grad and weight.requires_grad):
            one_way.append(weight.shape)
        return linear(x, weight, bias)

    monkeypatch.setattr(kernels, "linear", watching)
    model.loss(masked, rng=rng())
    assert one_way == []
    assert step_flops(model, masked) == 3 * sum(forward_flops(model, masked).values())


@pytest.mark.parametrize("pool", ["cls", "pooler", "relu_pooler", "mean"])
def test_the_pooler_of_the_pairs_is_counted(pool, monkeypatch):
    body = model_of("mlm,nsp").encoder
    model, masked = MaskedLM(body, nsp_pool=pool, rng=rng(1)).eval(), batch_of("mlm,nsp")
    counted = 4 * int((masked.lengths**2).sum()) * D * LAYERS
    linear = kernels.linear

    def counting(x, weight, bias):
        nonlocal counted
        counted += 2 * x.shape[0] * math.prod(weight.shape)
        return linear(x, weight, bias)

    for module in (kernels, pooling):
        monkeypatch.setattr(module, "linear", counting)
    model.loss(masked, rng=rng())
    assert sum(forward_flops(model, masked).values()) == counted


def test_two_heads_of_a_kind_cost_twice_as_much():
    one, masked = model_of("mlm"), batch_of("mlm")
    two = Model(one.encoder, {"a": one.heads["mlm"], "b": Words(one.encoder, rng=rng())})
    rows = [forward_flops(model, masked)["masked rows"] for model in (one, two)]
    assert rows[1] == 2 * rows[0]


def test_what_was_added_to_the_body_is_counted():
    model, masked = model_of("mlm"), batch_of("mlm")
    before = forward_flops(model, masked)
    add_lora(model, rank=3, rng=rng())  # D -> 3, and 3 -> queries, keys and values
    lora = len(masked.ids) * LAYERS * (2 * D * 3 + 2 * 3 * 3 * D)
    assert forward_flops(model, masked) == before | {"additions": lora}
    add_adapters(model, width=2, rng=rng())  # two in each block: D -> 2 -> D
    adapters = len(masked.ids) * LAYERS * 2 * (2 * D * 2 + 2 * 2 * D)
    assert forward_flops(model, masked) == before | {"additions": lora + adapters}


def test_parts_are_those_of_the_objective():
    parts = {name: list(forward_flops(model_of(name), batch_of(name))) for name in OBJECTIVES}
    assert parts["mlm"] == parts["roberta"] == parts["static"] == ["body", "masked rows"]
    assert parts["mlm,nsp"] == parts["mlm,sop"] == ["body", "masked rows", "pairs"]
    assert parts["span,sbo"] == ["body", "masked rows", "borders"]
    assert parts["clm"] == ["body", "rows"]
    assert parts["electra"] == ["body", "generator", "detector"]


def test_only_masked_rows_meet_the_vocabulary_and_more_of_them_cost_more():
    model, batch = model_of("roberta"), batch_of("roberta")
    few, many = (mask_tokens(batch, TOK, rate=rate, rng=rng()) for rate in (0.1, 0.5))
    one = 2 * D * (D + 260)
    extra = forward_flops(model, many)["masked rows"] - forward_flops(model, few)["masked rows"]
    assert extra == (len(rows_of(many)) - len(rows_of(few))) * one > 0
    assert forward_flops(model, many)["body"] == forward_flops(model, few)["body"]


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_steps_bought_cost_the_budget_to_half_a_step(name):
    model, budget = model_of(name), 3e8
    steps = steps_within(budget, model, DOCUMENTS, OBJECTIVES[name], batch_size=2, rng=rng())
    chosen = OBJECTIVES[name]
    source = Source(Corpus(DOCUMENTS, TOK), chosen.layout, 24)
    shared = rng()
    feed = Feed(source, chosen.corrupt, 2, order=shared, masks=shared)
    cost = np.mean([step_flops(model, next(feed)) for _ in range(20)])
    assert abs(steps * cost - budget) <= cost / 2
    twice = steps_within(2 * budget, model, DOCUMENTS, chosen, batch_size=2, rng=rng())
    assert abs(twice - 2 * steps) <= 1


def test_a_causal_model_and_replaced_tokens_get_fewer_steps_than_masked_ones():
    names = ("roberta", "span,sbo", "electra", "clm")
    steps = [
        steps_within(1e9, model_of(n), DOCUMENTS, OBJECTIVES[n], batch_size=2, rng=rng())
        for n in names
    ]
    assert steps[0] > max(steps[1:])


def test_what_cannot_be_counted_is_refused():
    model, chosen = model_of("mlm"), OBJECTIVES["mlm"]
    with pytest.raises(ConfigError, match="a step costs"):
        steps_within(10.0, model, DOCUMENTS, chosen, rng=rng())
    for options, words in [
        ({"budget": 0.0}, "budget is 0.0, expected a finite number"),
        ({"budget": float("nan")}, "budget is nan"), ({"budget": np.inf}, "budget is inf"),
        ({"budget": "1e12"}, "budget is '1e12', expected a finite number"),
        ({"budget": 10**400}, "budget is 1000"), ({"budget": 0}, "budget is 0"),
        ({"batch_size": 0}, "batch_size is 0, expected a whole number"),
        ({"samples": 0}, "samples is 0, expected a whole number"),
    ]:  # fmt: skip
        given = {"budget": 1e9, **options}
        with pytest.raises(ConfigError, match=f"steps_within: {words}"):
            steps_within(given.pop("budget"), model, DOCUMENTS, chosen, **given, rng=rng())
    config = EncoderConfig(vocab_size=260, hidden_size=D, num_heads=2, num_layers=0)
    nameless = MaskedLM(Encoder(config, rng=rng()), nsp=False, rng=rng())
    with pytest.raises(ConfigError, match="no tokenizer"):
        steps_within(1e9, nameless, DOCUMENTS, chosen, rng=rng())

    other = Classifier(model.encoder, 2, rng=rng())
    with pytest.raises(ConfigError, match="no count for a head of kind 'classes'"):
        forward_flops(other, batch_of("mlm"))
