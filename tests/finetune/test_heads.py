"""The head swap: what the new head shares with the body, what freezing keeps, and predictions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.encoder.pooling import POOLS, pool
from npft.errors import ConfigError
from npft.finetune.heads import Classifier, freeze_body, num_trainable, unfreeze_body
from npft.finetune.train import train_classifier
from npft.nn.module import train_mode
from npft.pretrain.masking import mask_tokens
from npft.pretrain.objectives import MaskedLM
from npft.text.batch import Batch
from npft.text.bytes import ByteTokenizer

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
    train_classifier(model, batch, epochs=2, batch_size=4, **options, rng=np.random.default_rng(1))


# ---- the swap ----


def test_a_head_swap_keeps_the_very_body():
    encoder = body()
    mlm = MaskedLM(encoder, rng=np.random.default_rng(0))
    before = bits(encoder)
    a, b = (Classifier(mlm.body, 2, rng=np.random.default_rng(s)) for s in (1, 2))
    assert a.body is b.encoder is mlm.encoder is encoder and bits(encoder) == before
    # training one model's body is training the other's
    train(a)
    assert bits(b.body) == bits(mlm.body) == bits(a.body) != before


def test_the_logits_are_the_linear_map_of_the_pooled_states():
    for kind in POOLS:
        model = classifier(3, kind).eval()
        batch = TOK(TEXTS[:4])
        pooled = pool(model.encoder(batch), batch, kind).data
        head = model.state_dict()
        expected = pooled @ head["classifier.weight"].T + head["classifier.bias"]
        assert np.allclose(model(batch).data, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("options, words", [
    ({"num_labels": 1}, "num_labels is 1 with 1 names; expected at least 2"),
    ({"num_labels": 0}, "num_labels is 0"),
    ({"num_labels": 2, "label_names": ["a"]}, "num_labels is 2 with 1 names"),
    ({"num_labels": 2, "label_names": ["a", "b", "c"]}, "num_labels is 2 with 3 names"),
    ({"num_labels": 2, "label_names": [0, 1]}, r"label_names are \[0, 1\], expected strings"),
    ({"num_labels": 2, "pool": "sum"}, "kind is 'sum', expected one of mean"),
])
def test_a_head_that_cannot_work_is_refused(options, words):
    with pytest.raises(ConfigError, match=words):
        classifier(**options)


# ---- what trains ----


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


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_training_the_head_leaves_every_byte_of_the_body(norm, dropout):
    model = classifier(norm=norm, dropout=dropout)
    freeze_body(model)
    before = bits(model)
    train(model)
    assert changed(before, bits(model)) == {"classifier.weight", "classifier.bias"}


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_training_the_last_block_changes_it_its_norm_and_the_head_only(norm):
    model = classifier(norm=norm, layers=2)
    freeze_body(model, last=1)
    before = bits(model)
    train(model)
    expected = {name for name in before
                if name.startswith(("classifier.", "encoder.encoder.layer.1.",
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
    assert trained() == ["classifier.weight", "classifier.bias"]


def test_frozen_blocks_are_counted_from_the_end_also_beyond_nine():
    model = classifier(layers=11)
    freeze_body(model, last=1)
    blocks = {name.split(".")[3] for name, p in model.named_parameters()
              if p.requires_grad and "layer." in name}
    assert blocks == {"10"}


@pytest.mark.parametrize("last", [-1, 3])
def test_more_blocks_than_there_are_cannot_be_left_out(last):
    with pytest.raises(ConfigError, match=f"last is {last}, the encoder has 2 blocks"):
        freeze_body(classifier(), last)


def test_a_masked_model_can_be_frozen_in_the_same_way():
    mlm = MaskedLM(body(), tied=False, rng=np.random.default_rng(0))
    freeze_body(mlm)
    trained = [name for name, p in mlm.named_parameters() if p.requires_grad]
    assert trained and all(n.startswith(("predictions.", "seq_relationship.")) for n in trained)


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


# ---- predictions ----


def test_predictions_have_the_names_and_the_order_of_the_texts():
    names = ["ham", "spam", "jam"]
    model = classifier(3, label_names=names, seed=2).eval()
    texts = [TEXTS[i % 7] + " " * (i % 3) for i in np.random.default_rng(0).permutation(150)]
    p = model.predict_proba(texts)
    assert p.shape == (150, 3) and np.allclose(p.sum(axis=1), 1, rtol=0, atol=1e-6)
    for text, row in zip(texts, p):
        z = model(TOK([text], max_length=20)).data[0].astype(float)
        assert np.allclose(row, np.exp(z) / np.exp(z).sum(), rtol=0, atol=1e-5)
    assert model.predict(texts) == [names[k] for k in p.argmax(axis=1)]
    assert len(set(model.predict(texts))) > 1


def test_pairs_are_predicted_as_pairs():
    model = classifier().eval()
    p = model.predict_proba(["to be"], ["or not"])
    expected = model(TOK(["to be"], ["or not"])).data
    assert np.argmax(p) == np.argmax(expected)
    assert not np.allclose(p, model.predict_proba(["to be"]))


def test_no_texts_have_no_predictions():
    model = classifier(3)
    assert model.predict([]) == [] and model.predict_proba([]).shape == (0, 3)


def test_names_are_numbers_by_default():
    assert classifier(3).label_names == ["0", "1", "2"]
    assert set(classifier(2).predict(TEXTS)) <= {"0", "1"}


def test_a_long_text_is_cut_and_counted():
    batch = classifier().tokenize(["a" * 99, "b"])
    assert batch.lengths.tolist() == [20, 3] and batch.n_truncated == 1


def test_a_body_without_a_tokenizer_cannot_take_texts():
    with pytest.raises(ConfigError, match="no tokenizer; pass one to Encoder"):
        classifier(tokenizer=None).predict(["a"])


lengths = st.lists(st.integers(1, 20), min_size=1, max_size=9)


@given(lengths, st.integers(0, 99))
def test_logits_keep_the_order_of_the_batch(lengths, seed):
    model = classifier().eval()
    ids = np.random.default_rng(seed).integers(0, 260, sum(lengths))
    batch = Batch(ids, np.append(0, np.cumsum(lengths)))
    got = model.logits(batch)
    for row in range(len(batch)):
        assert np.allclose(got[row], model(batch[[row]]).data[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("last", [None, 0, 1])
def test_logits_leave_each_part_in_its_mode(last):
    model = classifier(dropout=0.5)
    if last is not None:
        freeze_body(model, last)
    for mode in (train_mode, lambda m: m.eval()):
        mode(model)
        modes = [m.training for m in model.modules()]
        first = model.logits(TOK(TEXTS))
        assert first.tobytes() == model.logits(TOK(TEXTS)).tobytes()
        assert [m.training for m in model.modules()] == modes


def test_masks_can_be_restored_by_a_body_that_also_classifies():
    # the head kept aside still works on the shared body
    encoder = body()
    mlm = MaskedLM(encoder, rng=np.random.default_rng(0)).eval()
    batch = TOK(TEXTS[:3], labels=[0, 1, 0])
    masked = mask_tokens(batch, TOK, rng=np.random.default_rng(0))
    before = mlm.loss(masked)[1]["mlm"]
    model = Classifier(encoder, 2, rng=np.random.default_rng(1))
    freeze_body(model)
    train(model)
    assert mlm.loss(masked)[1]["mlm"] == before  # a frozen body forgets nothing
    unfreeze_body(model)
    train(model)
    assert mlm.loss(masked)[1]["mlm"] != before
