"""The regimes: which weights each trains, and that all others keep every bit."""

import numpy as np
import pytest

from npft.encoder.additions import ADDITIONS, switched_off
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.errors import ConfigError
from npft.finetune.regimes import (
    LARGE_RATES,
    LEARNING_RATES,
    freeze_body,
    freeze_first,
    layers_of,
    learning_rate,
    num_trainable,
    set_regime,
    unfreeze_body,
)
from npft.finetune.train import fine_tune
from npft.heads.classes import Classifier
from npft.heads.words import MaskedLM
from npft.nn.module import freeze, train_mode
from npft.pretraining.masking import mask_tokens
from npft.text.bytes import ByteTokenizer

HEAD = {"heads.classes.linear.weight", "heads.classes.linear.bias"}
TOK = ByteTokenizer()
TEXTS = ["to be", "or", "not to be that", "is", "the question here", "nobler", "in"]


def body(layers=2, dropout=0.0, tokenizer=TOK, seed=0, norm="pre"):
    rng = np.random.default_rng(seed)
    config = EncoderConfig(
        vocab_size=260, hidden_size=8, num_layers=layers, num_heads=2, intermediate_size=8,
        max_positions=20, dropout=dropout, norm=norm, init_std=0.3)
    return Encoder(config, tokenizer=tokenizer, rng=rng)


def classifier(num_labels=2, pool="mean", label_names=None, seed=0, **options):
    rng = np.random.default_rng(seed + 100)
    return Classifier(body(seed=seed, **options), num_labels, pool, label_names, rng=rng)


def bits(module):
    return {name: array.tobytes() for name, array in module.state_dict().items()}


def changed(before, after):
    return {name for name in before if before[name] != after[name]}


def train(model, **options):
    batch = model.tokenize(TEXTS, labels=np.arange(len(TEXTS)) % model.num_labels)
    fine_tune(model, batch, epochs=2, batch_size=4, **options, rng=np.random.default_rng(1))


def test_each_regime_trains_its_part():
    model = classifier()
    everything, head = model.num_parameters(), model.head().num_parameters()
    block = model.encoder.encoder.layer[1].num_parameters() + 2 * 8
    expected = {"head": head, "last": head + block, "full": everything}
    for regime in ["full", "head", "last", "head", "full"]:  # in any order
        set_regime(model, regime)
        assert num_trainable(model) == expected[regime]
        assert learning_rate(regime) > 0


def test_an_unknown_regime_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="regime is 'half', expected one of head, last, full"):
        learning_rate("half")
    model = classifier()
    freeze_body(model)
    before = num_trainable(model)
    with pytest.raises(ConfigError, match="regime is 'half'"):
        set_regime(model, "half")
    assert num_trainable(model) == before
    assert list(LEARNING_RATES) == [
        "head", "last", "full", "gradual", "ulmfit", "lp-ft", "lora", "adapter"]
    with pytest.raises(ConfigError, match="lora: nothing of the kind .* call add_lora"):
        set_regime(model, "lora")
    assert num_trainable(model) == before


def test_the_lesson_counts_trainable_weights_of_each_regime():
    model = Classifier(Encoder(EncoderConfig.lesson(), rng=np.random.default_rng(0)), 2,
                       rng=np.random.default_rng(0))
    assert num_trainable(model) == 118_784 + 130
    freeze_body(model)
    assert num_trainable(model) == 130
    freeze_body(model, last=1)
    assert num_trainable(model) == 130 + 49_984 + 2 * 64  # a block and the last layer norm
    freeze_body(model, last=2)
    assert num_trainable(model) == 130 + 2 * 49_984 + 2 * 64
    unfreeze_body(model)
    assert num_trainable(model) == 118_784 + 130


@pytest.mark.parametrize("regime", ADDITIONS)
def test_of_additions_only_they_and_the_head_train_and_the_body_keeps_every_byte(regime):
    model = classifier(dropout=0.2)
    before = bits(model.encoder)
    for kind, add in ADDITIONS.items():
        add(model, 3, rng=np.random.default_rng(0))
    start = bits(model)
    set_regime(model, regime)
    head = model.head().num_parameters()
    counts = {"lora": 2 * 4 * 8 * 3, "adapter": 4 * (2 * 8 * 3 + 3 + 8)}
    assert num_trainable(model) == head + sum(counts.values())  # of both kinds, once added
    train(model)
    moved = changed(start, bits(model))
    assert moved == {n for n in start if ".additions." in n} | HEAD
    with switched_off(model):
        assert bits(model.encoder) == before
    set_regime(model, "head")
    assert num_trainable(model) == head


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_training_the_head_leaves_every_byte_of_the_body(norm, dropout):
    model = classifier(norm=norm, dropout=dropout)
    train(model)  # so that there are gradients to forget
    freeze_body(model)
    before = bits(model)
    assert all(p.grad is None for p in model.encoder.parameters())
    train(model)
    assert changed(before, bits(model)) == HEAD
    assert all((p.grad is None) != p.requires_grad for p in model.parameters())


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_training_the_last_block_changes_it_its_norm_and_the_head_only(norm):
    model = classifier(norm=norm, layers=2)
    freeze_body(model, last=1)
    before = bits(model)
    train(model)
    expected = {name for name in before
                if name.startswith(("heads.", "encoder.encoder.layer.1.",
                                    "encoder.layernorm."))}
    got = changed(before, bits(model))
    # the bias of the keys shifts all scores of a token alike: it has no gradient but rounding
    rounding = {name for name in expected if name.endswith("key.bias")}
    assert got | rounding == expected and len(got) > 10


def test_training_everything_changes_everything():
    model = classifier(pool="max")
    before = bits(model)
    train(model)
    left = set(before) - changed(before, bits(model))
    assert all(name.endswith("key.bias") for name in left)


def test_freezing_twice_is_freezing_once_and_unfreezing_takes_it_back():
    model = classifier(layers=3)

    def trained():
        return [name for name, p in model.named_parameters() if p.requires_grad]

    everything = trained()
    for last in range(4):
        freeze_body(model, last)
        once = trained()
        freeze_body(model, last)
        assert trained() == once and len(once) < len(everything)
        unfreeze_body(model)
        assert trained() == everything
        unfreeze_body(model)
        assert trained() == everything
    freeze_body(model, 2)
    freeze_body(model)  # the later call alone counts
    assert set(trained()) == HEAD


def test_frozen_blocks_are_counted_from_the_end_also_beyond_nine():
    model = classifier(layers=11)
    freeze_body(model, last=1)
    blocks = {name.split(".")[3] for name, p in model.named_parameters()
              if p.requires_grad and "layer." in name}
    assert blocks == {"10"}


@pytest.mark.parametrize("last, words", [
    (3, "last is 3, the encoder has 2 blocks"), (-1, "last is -1, expected a whole number"),
    (1.0, "last is 1.0"), ("1", "last is '1'"),
])
def test_more_blocks_than_there_are_cannot_be_left_out(last, words):
    with pytest.raises(ConfigError, match=f"freeze_body: {words}"):
        freeze_body(classifier(), last)


@pytest.mark.parametrize("call", [freeze_body, unfreeze_body, layers_of,
                                  lambda body: freeze_first(body, 1)])
def test_an_encoder_alone_has_no_body_to_freeze(call):
    """Half of its weights have names that begin like those of the body of a model."""
    body = classifier().encoder
    freeze(body)
    with pytest.raises(ConfigError, match="model is Encoder, expected an encoder with heads"):
        call(body)
    assert num_trainable(body) == 0


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_the_first_blocks_frozen_are_the_embeddings_and_so_many_blocks(norm):
    model = classifier(layers=3, norm=norm)
    for blocks in range(4):
        freeze_first(model, blocks)
        before = bits(model)
        train(model)
        frozen = ["encoder.embeddings."] + [f"encoder.encoder.layer.{i}." for i in range(blocks)]
        if blocks == 3:
            frozen.append("encoder.layernorm.")  # nothing above it is left of the body
        moved = {n for n in before if not n.startswith(tuple(frozen))}
        rounding = {n for n in moved if n.endswith("key.bias")}
        assert changed(before, bits(model)) | rounding == moved
        for name, p in model.named_parameters():
            assert p.requires_grad or p.grad is None, name


def test_nothing_frozen_is_plain_training_bit_for_bit():
    plain, freed = classifier(layers=2, dropout=0.1), classifier(layers=2, dropout=0.1)
    freeze_first(freed, 2)
    unfreeze_body(freed)
    train(plain)
    train(freed)
    assert bits(freed) == bits(plain)


@pytest.mark.parametrize("blocks", [0, 1, 2])
def test_what_the_frozen_layers_say_keeps_every_bit(blocks):
    model, batch = classifier(layers=2), TOK(TEXTS)
    freeze_first(model, blocks)
    before = [h.tobytes() for h in model.encoder.hidden_states(batch)]
    train(model)
    same = [b == h.tobytes() for b, h in zip(before, model.encoder.hidden_states(batch))]
    assert same == [layer <= blocks for layer in range(3)]  # embeddings, block 0, block 1


@pytest.mark.parametrize("blocks, words", [
    (4, "freeze_first: blocks is 4, the encoder has 3 blocks"), (-1, "blocks is -1"),
    (1.5, "blocks is 1.5"),
])
def test_more_blocks_than_there_are_cannot_be_frozen(blocks, words):
    model = classifier(layers=3)
    with pytest.raises(ConfigError, match=words):
        freeze_first(model, blocks)
    assert num_trainable(model) == model.num_parameters()


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("layers", [0, 1, 11])
def test_every_weight_is_in_just_one_layer(layers, norm):
    model = classifier(layers=layers, norm=norm)
    found = layers_of(model)
    blocks = [f"block {i}" for i in reversed(range(layers))]
    assert list(found) == ["heads", *blocks, "embeddings"]
    for name, _ in model.named_parameters():
        assert sum(name.startswith(begins) for begins in found.values()) == 1, name


def test_a_masked_model_can_be_frozen_in_the_same_way():
    mlm = MaskedLM(body(), tied=False, rng=np.random.default_rng(0))
    freeze_body(mlm)
    trained = [name for name, p in mlm.named_parameters() if p.requires_grad]
    assert trained and all(n.startswith(("heads.mlm.", "heads.nsp.")) for n in trained)


def test_a_frozen_body_has_no_dropout_in_training_mode_but_its_head_has():
    model, batch = classifier(dropout=0.5), TOK(TEXTS)
    quiet = model.eval().encoder(batch).data.tobytes()
    freeze_body(model)
    train_mode(model)
    rng = np.random.default_rng(0)
    assert all(model.encoder(batch, rng).data.tobytes() == quiet for _ in range(2))
    assert model(batch, rng).data.tobytes() != model(batch, rng).data.tobytes()
    freeze_body(model, last=1)
    train_mode(model)
    assert model.encoder.embeddings(batch, rng).data.tobytes() == (
        model.encoder.embeddings(batch, rng).data.tobytes())
    assert model.encoder(batch, rng).data.tobytes() != model.encoder(batch, rng).data.tobytes()


def test_masks_can_be_restored_by_a_body_that_also_classifies():
    # the head kept aside still works on the shared body
    encoder = body()
    mlm = MaskedLM(encoder, rng=np.random.default_rng(0)).eval()
    batch = TOK(TEXTS[:3], labels=[0, 1, 0])
    masked = mask_tokens(batch, TOK, rng=np.random.default_rng(0))
    before = mlm.loss(masked).parts["mlm"]
    model = Classifier(encoder, 2, rng=np.random.default_rng(1))
    freeze_body(model)
    train(model)
    assert mlm.loss(masked).parts["mlm"] == before  # a frozen body forgets nothing
    unfreeze_body(model)
    train(model)
    assert mlm.loss(masked).parts["mlm"] != before


def test_a_wide_body_trains_more_slowly_but_for_its_head():
    for regime in LEARNING_RATES:
        assert learning_rate(regime, 255) == learning_rate(regime) == LEARNING_RATES[regime]
        assert learning_rate(regime, 256) == LARGE_RATES[regime]
    for width in (None, -1, 2.5, "x", True):
        with pytest.raises(ConfigError, match="learning_rate: width is"):
            learning_rate("full", width)
    assert (LARGE_RATES["full"], LARGE_RATES["last"]) == (5e-5, 2e-4)
    assert LARGE_RATES["head"] == LEARNING_RATES["head"]
    assert LARGE_RATES.keys() == LEARNING_RATES.keys()
