"""The masked language model: its loss, its gradients, and filling in masks."""

import numpy as np
import pytest

from npft.autograd.tensor import Tensor
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.errors import ConfigError, DataError, DtypeError
from npft.nn.module import freeze
from npft.pretrain.masking import Masked, mask_tokens
from npft.pretrain.objectives import MaskedLM
from npft.text.batch import Batch
from npft.text.bytes import ByteTokenizer
from npft.text.wordpiece import WordPiece

TOK = ByteTokenizer()


def model(nsp=True, tied=True, types=2, tokenizer=TOK, dropout=0.0, seed=0, **options):
    rng = np.random.default_rng(seed)
    config = EncoderConfig(
        vocab_size=260, hidden_size=8, num_layers=1, num_heads=2, intermediate_size=8,
        max_positions=24, type_vocab_size=types, dropout=dropout, **options)
    return MaskedLM(Encoder(config, tokenizer=tokenizer, rng=rng), nsp, tied, rng=rng)


def pairs(labels=(1, 0, 1)):
    batch = TOK(["to be or", "not", "is the"], ["not to be", "that", "question"], labels)
    return mask_tokens(batch, TOK, rate=0.3, rng=np.random.default_rng(1))


def test_the_loss_is_the_sum_of_its_parts():
    mlm, masked = model(), pairs()
    scores, pair_scores = mlm.logits(masked)
    def mean_surprise(z, targets):  # by a loop, in float64
        z = z.data.astype(float)
        return np.mean([np.log(np.exp(row).sum()) - row[t] for row, t in zip(z, targets)])
    loss, parts = mlm.loss(masked)
    assert parts["mlm"] == pytest.approx(mean_surprise(scores, masked.targets), abs=1e-5)
    assert parts["nsp"] == pytest.approx(mean_surprise(pair_scores, masked.batch.labels), abs=1e-5)
    assert loss.item() == pytest.approx(parts["mlm"] + parts["nsp"], abs=1e-5)
    assert list(parts) == ["mlm", "nsp"]
    alone, parts = model(nsp=False).loss(masked)
    assert list(parts) == ["mlm"] and alone.item() == parts["mlm"]


@pytest.mark.parametrize("tied", [True, False])
def test_an_untrained_model_is_as_surprised_as_by_chance(tied):
    parts = model(tied=tied, init_std=0.02).loss(pairs())[1]
    assert parts["mlm"] == pytest.approx(np.log(260), abs=0.03)
    assert parts["nsp"] == pytest.approx(np.log(2), abs=0.05)


def hidden_gradient(mlm, masked):
    """d loss / d hidden states, (N, D), with an encoder that returns a leaf."""
    leaf = Tensor(mlm.encoder(masked.batch).data, requires_grad=True)
    mlm.encoder.forward = lambda batch, rng: leaf
    mlm.loss(masked)[0].backward()
    return leaf.grad


def test_states_that_are_not_masked_get_no_gradient_at_all():
    masked = pairs()
    outside = np.setdiff1d(np.arange(len(masked.batch.ids)), masked.rows)
    grad = hidden_gradient(model(nsp=False).eval(), masked)
    assert (grad[outside] == 0).all() and (np.abs(grad[masked.rows]).max(axis=1) > 0).all()
    grad = hidden_gradient(model(nsp=True).eval(), masked)
    first = masked.batch.offsets[:-1]
    assert (np.abs(grad[first]).max(axis=1) > 0).all()  # the pair is read from [CLS]
    assert (grad[np.setdiff1d(outside, first)] == 0).all()


def gradients(mlm, masked):
    mlm.zero_grad()
    mlm.loss(masked)[0].backward()
    return {name: p.grad for name, p in mlm.named_parameters()}


def test_the_tied_word_table_gets_the_sum_of_the_gradients_of_both_uses():
    masked = pairs()
    tied, untied = (model(tied=t).astype(np.float64).eval() for t in (True, False))
    names = dict(untied.named_parameters())
    for name, p in tied.named_parameters():
        if name in names:
            names[name].assign(p.data)
    words = "encoder.embeddings.word_embeddings.weight"
    names["predictions.decoder.weight"].assign(dict(tied.named_parameters())[words].data)
    assert tied.loss(masked)[0].item() == pytest.approx(untied.loss(masked)[0].item(), abs=1e-14)
    one, two = gradients(tied, masked), gradients(untied, masked)
    uses = two[words], two["predictions.decoder.weight"]
    assert min(np.abs(g).max() for g in uses) > 1e-4
    assert np.allclose(one[words], uses[0] + uses[1], rtol=0, atol=1e-14)
    assert np.allclose(one["predictions.bias"], two["predictions.decoder.bias"], atol=1e-14)
    assert tied.num_parameters() + 260 * 8 == untied.num_parameters()


def test_a_frozen_encoder_leaves_only_the_heads_to_train():
    mlm, masked = model(tied=False), pairs()
    freeze(mlm, "encoder.")
    grads = gradients(mlm, masked)
    assert all((g is None) == name.startswith("encoder.") for name, g in grads.items())


def test_next_sentence_prediction_without_token_types_is_refused():
    for types in (0, 1):
        with pytest.raises(ConfigError, match="type_vocab_size=2; or pass nsp=False"):
            model(types=types)
    assert model(nsp=False, types=0).loss(pairs())[1]["mlm"] > 0


def test_a_batch_without_masks_or_labels_is_refused():
    none = mask_tokens(Batch([257, 258], [0, 2]), TOK, rng=np.random.default_rng(0))
    with pytest.raises(DataError, match="no token of the batch can be masked"):
        model().loss(none)
    with pytest.raises(DataError, match="nsp needs labels"):
        model().loss(pairs(labels=None))


# ---- filling in masks ----


def test_fill_mask_gives_the_k_likeliest_for_each_mask_in_order():
    mlm = model(seed=3)
    mlm.eval()
    ids = np.r_[257, list(b"to "), 259, list(b" or "), 259, 258]
    rows = np.flatnonzero(ids == 259)
    scores = mlm.logits(Masked(Batch(ids, [0, len(ids)]), rows, ids[rows]))[0].data.astype(float)
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    for k in (1, 5, 999):
        answers = mlm.fill_mask("to [MASK] or [MASK]", k=k)
        assert [len(a) for a in answers] == [min(k, 260)] * 2
        for row, answer in zip(p, answers):
            best = np.sort(row)[::-1][:k]
            assert np.allclose([share for _, share in answer], best, rtol=0, atol=1e-6)
            assert sum(share for _, share in answer) <= 1 + 1e-5
    words = [word for word, _ in mlm.fill_mask("to [MASK] or [MASK]", k=999)[0]]
    assert {"a", "Z", " "} <= set(words)


def test_fill_mask_finds_what_the_bias_prefers():
    tok = WordPiece.train(["a bug hugs a bug"], vocab_size=30, min_count=1)
    mlm = model(tokenizer=tok)
    bias = mlm.predictions.bias.numpy()
    (bug,) = tok.encode("bug")
    bias[bug] = 30
    mlm.predictions.bias.assign(bias)
    (answer,) = mlm.fill_mask("a [MASK] hugs", k=2)
    assert answer[0][0] == "bug" and answer[0][1] > 0.99 > answer[1][1]


def test_fill_mask_runs_without_dropout_and_leaves_each_part_in_its_mode():
    mlm = model(dropout=0.5).train()
    mlm.encoder.embeddings.eval()  # as a frozen part is
    modes = [m.training for m in mlm.modules()]
    assert mlm.fill_mask("a[MASK]b") == mlm.fill_mask("a[MASK]b")
    assert [m.training for m in mlm.modules()] == modes


@pytest.mark.parametrize("text, k, tokenizer, error, words", [
    ("no mask here", 5, TOK, DataError, r"holds no \[MASK\]"),
    ("", 5, TOK, DataError, r"holds no \[MASK\]"),
    ("a [MASK]", 0, TOK, ConfigError, "k is 0, expected a whole number, 1 or more"),
    ("a [MASK]", -2, TOK, ConfigError, "k is -2"),
    ("a [MASK]", 5, None, ConfigError, "no tokenizer; pass one to Encoder"),
    ("a [MASK]", 1.5, TOK, ConfigError, "k is 1.5"),
    (None, 5, TOK, DtypeError, "the text is a NoneType, expected one string"),
    (["a [MASK]"], 5, TOK, DtypeError, "the text is a list, expected one string"),
    ("a" * 30 + "[MASK]", 5, TOK, DataError, "the text has 31 tokens, the encoder has room for 22"),
])
def test_fill_mask_refuses_what_it_cannot_fill(text, k, tokenizer, error, words):
    with pytest.raises(error, match=words):
        model(tokenizer=tokenizer).fill_mask(text, k=k)
