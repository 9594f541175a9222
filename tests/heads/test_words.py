"""Masked words: the loss by hand, the gradients, what is decided, and filling in masks."""

import math

import numpy as np
import pytest
from asked import labelled, rows_of, targets_of

from npft.autograd.tensor import Tensor, grad
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.encoder.model import Model
from npft.errors import ConfigError, DataError, DtypeError
from npft.heads.boundary import SpanLM
from npft.heads.words import MaskedLM, Words
from npft.nn.module import freeze
from npft.pretraining.masking import mask_tokens
from npft.text.batch import IGNORE, Batch
from npft.text.bpe import BPE
from npft.text.bytes import ByteTokenizer
from npft.text.unigram import Unigram
from npft.text.wordpiece import WordPiece

TOK = ByteTokenizer()


def model(
    nsp=True, tied=True, types=2, tokenizer=TOK, dropout=0.0, seed=0, vocab=260, **options
):
    rng = np.random.default_rng(seed)
    config = EncoderConfig(
        vocab_size=vocab, hidden_size=8, num_layers=1, num_heads=2, intermediate_size=8,
        max_positions=24, type_vocab_size=types, dropout=dropout, **options)
    return MaskedLM(Encoder(config, tokenizer=tokenizer, rng=rng), nsp, tied, rng=rng)


def pairs(labels=(1, 0, 1)):
    batch = TOK(["to be or", "not", "is the"], ["not to be", "that", "question"], labels)
    return mask_tokens(batch, TOK, rate=0.3, rng=np.random.default_rng(1))


# ---- the head ----


def words(tied=True, width=8, vocab=12, seed=0):
    """The head alone on a small encoder."""
    rng = np.random.default_rng(seed)
    config = EncoderConfig(
        vocab_size=vocab, hidden_size=width, num_layers=1, num_heads=2, intermediate_size=8,
        max_positions=12, dropout=0.0, init_std=0.5, layer_norm_eps=1e-12)
    encoder = Encoder(config, rng=rng)
    return Model(encoder, {"mlm": Words(encoder, tied, rng=rng)}).astype(np.float64)


def asked(labels, offsets=None):
    """Random tokens with these labels."""
    ids = np.random.default_rng(1).integers(0, 12, len(labels))
    return Batch(ids, offsets or [0, len(labels)], token_labels=labels)


@pytest.mark.parametrize("tied", [True, False])
def test_the_loss_worked_by_hand_from_the_states(tied):
    """Two numbers, one above the other, are +1 and -1 behind a layer norm."""
    one = words(tied, width=2, vocab=3).head()
    one.dense.weight.assign(np.eye(2))
    table, bias = (one.table, one.bias) if tied else (one.decoder.weight, one.decoder.bias)
    table.assign([[0, 0], [1, 0], [0, 1]])
    bias.assign([np.log(2), 0, 0])
    batch = asked([1, IGNORE, 1])
    scores = one(Tensor([[2.0, 0], [7, 7], [0, 2]]), batch)
    # the token in the middle is not asked, so it has no scores
    expected = [[np.log(2), 1, -1], [np.log(2), -1, 1]]
    np.testing.assert_allclose(scores.data, expected, rtol=0, atol=1e-10)
    # of 2 + e + 1/e the word 1 has e, then 1/e: the loss is log(2 + e + 1/e) - 1, then + 1
    expected = np.log(2 + np.e + 1 / np.e)
    assert one.loss(scores, batch).item() == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("tied", [True, False])
def test_scores_are_dense_gelu_layer_norm_and_a_product_with_each_word_row_after_row(tied):
    one, random = words(tied).head(), np.random.default_rng(3)
    for weight in one.parameters():  # also the biases and norms, which start at 0 and 1
        weight.assign(weight.data + 0.3 * random.standard_normal(weight.shape))
    table, bias = (one.table, one.bias) if tied else (one.decoder.weight, one.decoder.bias)
    hidden = random.standard_normal((5, 8))
    found = one(Tensor(hidden), asked([3, IGNORE, IGNORE, 0, 11])).data
    assert found.shape == (3, 12)
    for scores, x in zip(found, hidden[[0, 3, 4]]):
        z = [w @ x + b for w, b in zip(one.dense.weight.data, one.dense.bias.data)]
        z = np.array([v * 0.5 * (1 + math.erf(v / math.sqrt(2))) for v in z])
        z = (z - z.mean()) / math.sqrt(((z - z.mean()) ** 2).mean() + 1e-12)
        z = z * one.LayerNorm.weight.data + one.LayerNorm.bias.data
        expected = [word @ z + b for word, b in zip(table.data, bias.data)]
        np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("v", [2, 7, 260])
def test_equal_scores_cost_log_v_and_perfect_ones_nothing(v):
    one, batch = words().head(), asked([0, IGNORE, v - 1, 1])
    for level in (0.0, 4.0):
        found = one.loss(Tensor(np.full((3, v), level)), batch).item()
        assert found == pytest.approx(np.log(v), abs=1e-12)
    assert one.loss(Tensor(1e3 * np.eye(v)[[0, v - 1, 1]]), batch).item() == 0


def test_the_mean_is_over_tokens_and_not_over_sequences():
    # one token of the first sequence costs log 2, each of the three of the second nothing
    scores = Tensor(np.array([[0.0, 0], [1e3, 0], [1e3, 0], [1e3, 0]]))
    found = words().head().loss(scores, asked([1, IGNORE, 0, 0, 0], [0, 2, 5])).item()
    assert found == pytest.approx(np.log(2) / 4, abs=1e-12)


@pytest.mark.parametrize("tied", [True, False])
def test_rows_that_are_not_asked_have_exactly_no_gradient(tied):
    one, batch = words(tied).head(), asked([3, IGNORE, IGNORE, 0, 11], [0, 2, 5])
    hidden = Tensor(np.random.default_rng(2).standard_normal((5, 8)), requires_grad=True)
    (found,) = grad(one.loss(one(hidden, batch), batch), [hidden])
    assert np.flatnonzero((found != 0).any(axis=1)).tolist() == [0, 3, 4]


UNEVEN = asked([0, IGNORE, 1, IGNORE, IGNORE, IGNORE, 2, 2, 1, 0, IGNORE, 11], [0, 3, 4, 6, 12])


@pytest.mark.parametrize("tied", [True, False])
def test_pads_change_no_bit(tied, check_pads):
    check_pads(words(tied), UNEVEN)


@pytest.mark.parametrize("tied", [True, False])
def test_a_batch_may_be_cut_anywhere_whatever_each_part_has_of_labels(tied, check_cuts):
    # 2, 0, 0 and 5 of 7 labels: the second and the third sequence count for nothing
    check_cuts(words(tied), UNEVEN, [2 / 7, 5 / 7])


def test_decisions_and_the_score_worked_by_hand():
    one, batch = words().head(), asked([2, IGNORE, 0, 1, 1])
    said = one.decide(np.array([[0.0, 1, 2], [3, 1, 2], [5, 1, 5], [0, 9, 0]]), batch)
    assert said.tolist() == [2, IGNORE, 0, 0, 1]  # of equal scores the first; unasked is unsaid
    found = one.score(said, batch)
    assert found.accuracy == found.best_by == 0.75


@pytest.mark.parametrize("tied", [0, "yes", None])
def test_a_choice_that_is_none_is_refused(tied):
    with pytest.raises(ConfigError, match="Words: tied is .*, expected True or False"):
        words(tied)
    with pytest.raises(ConfigError, match="MaskedLM: nsp is .*, expected True or False"):
        model(nsp=tied)


# ---- the model ----


def test_the_loss_is_the_sum_of_its_parts():
    mlm, masked = model(), pairs()
    scores = mlm.scores(masked)

    def mean_surprise(z, targets):  # by a loop, in float64
        z = z.data.astype(float)
        return np.mean([np.log(np.exp(row).sum()) - row[t] for row, t in zip(z, targets)])
    loss, parts, _ = mlm.loss(masked)
    assert parts["mlm"] == pytest.approx(mean_surprise(scores["mlm"], targets_of(masked)), abs=1e-5)
    assert parts["nsp"] == pytest.approx(mean_surprise(scores["nsp"], masked.labels), abs=1e-5)
    assert loss.item() == pytest.approx(parts["mlm"] + parts["nsp"], abs=1e-5)
    assert list(parts) == ["mlm", "nsp"]
    alone, parts, _ = model(nsp=False).loss(masked)
    assert list(parts) == ["mlm"] and alone.item() == parts["mlm"]


@pytest.mark.parametrize("tied", [True, False])
def test_an_untrained_model_is_as_surprised_as_by_chance(tied):
    parts = model(tied=tied, init_std=0.02).loss(pairs()).parts
    assert parts["mlm"] == pytest.approx(np.log(260), abs=0.03)
    assert parts["nsp"] == pytest.approx(np.log(2), abs=0.05)


def hidden_gradient(mlm, masked):
    """d loss / d hidden states, (N, D), with an encoder that returns a leaf."""
    leaf = Tensor(mlm.encoder(masked).data, requires_grad=True)
    mlm.encoder.forward = lambda batch, rng: leaf
    mlm.loss(masked).total.backward()
    return leaf.grad


def test_states_that_are_not_masked_get_no_gradient_at_all():
    masked = pairs()
    outside = np.setdiff1d(np.arange(len(masked.ids)), rows_of(masked))
    grad = hidden_gradient(model(nsp=False).eval(), masked)
    assert (grad[outside] == 0).all() and (np.abs(grad[rows_of(masked)]).max(axis=1) > 0).all()
    grad = hidden_gradient(model(nsp=True).eval(), masked)
    first = masked.offsets[:-1]
    assert (np.abs(grad[first]).max(axis=1) > 0).all()  # the pair is read from [CLS]
    assert (grad[np.setdiff1d(outside, first)] == 0).all()


def gradients(mlm, masked):
    mlm.zero_grad()
    mlm.loss(masked).total.backward()
    return {name: p.grad for name, p in mlm.named_parameters()}


def test_the_tied_word_table_gets_the_sum_of_the_gradients_of_both_uses():
    masked = pairs()
    tied, untied = (model(tied=t).astype(np.float64).eval() for t in (True, False))
    names = dict(untied.named_parameters())
    for name, p in tied.named_parameters():
        if name in names:
            names[name].assign(p.data)
    words = "encoder.embeddings.word_embeddings.weight"
    names["heads.mlm.decoder.weight"].assign(dict(tied.named_parameters())[words].data)
    losses = [lm.loss(masked).total.item() for lm in (tied, untied)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-14)
    one, two = gradients(tied, masked), gradients(untied, masked)
    uses = two[words], two["heads.mlm.decoder.weight"]
    assert min(np.abs(g).max() for g in uses) > 1e-4
    assert np.allclose(one[words], uses[0] + uses[1], rtol=0, atol=1e-14)
    assert np.allclose(one["heads.mlm.bias"], two["heads.mlm.decoder.bias"], atol=1e-14)
    assert tied.num_parameters() + 260 * 8 == untied.num_parameters()


def test_a_frozen_encoder_leaves_only_the_heads_to_train():
    mlm, masked = model(tied=False), pairs()
    freeze(mlm, "encoder.")
    grads = gradients(mlm, masked)
    assert all((g is None) == name.startswith("encoder.") for name, g in grads.items())


def test_without_pairs_an_encoder_needs_no_token_types():
    assert model(nsp=False, types=0).loss(pairs()).parts["mlm"] > 0


def test_a_batch_without_masks_or_labels_is_refused():
    none = mask_tokens(Batch([257, 258], [0, 2]), TOK, rng=np.random.default_rng(0))
    with pytest.raises(DataError, match="Words: no token .* has a label.*there is no text"):
        model().loss(none)
    with pytest.raises(DataError, match="nsp needs the labels 0 and 1"):
        model().loss(pairs(labels=None))


# ---- filling in masks ----


def test_fill_mask_gives_the_k_likeliest_for_each_mask_in_order():
    mlm = model(seed=3)
    mlm.eval()
    ids = np.r_[257, list(b"to "), 259, list(b" or "), 259, 258]
    rows = np.flatnonzero(ids == 259)
    masked = labelled(Batch(ids, [0, len(ids)]), rows, ids[rows])
    scores = mlm.scores(masked)["mlm"].data.astype(float)
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


def test_fill_mask_gives_five_if_not_told():
    assert [len(answer) for answer in model().fill_mask("a[MASK]b")] == [5]


def test_fill_mask_asks_the_head_of_words_alone():
    """The head for pairs would refuse a text that is none."""
    mlm = MaskedLM(model().encoder, True, rng=np.random.default_rng(0))
    assert len(mlm.fill_mask("a[MASK]b", k=2)[0]) == 2


def test_fill_mask_finds_what_the_bias_prefers():
    tok = WordPiece.train(["a bug hugs a bug"], vocab_size=30, min_count=1)
    mlm = model(tokenizer=tok)
    bias = mlm.heads["mlm"].bias.numpy()
    (bug,) = tok.encode("bug")
    bias[bug] = 30
    mlm.heads["mlm"].bias.assign(bias)
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


def test_before_a_mask_the_space_belongs_to_the_hidden_word_where_pieces_carry_it():
    """A piece tokenizer reads "a [MASK]" as "a" and one piece for " bug"."""
    texts = ["a bug hugs a bug", "a hug bugs a hug"] * 3
    for make in (BPE, Unigram):
        tok = make.train(texts, vocab_size=300)
        batch = model(tokenizer=tok, vocab=320)._with_masks("a [MASK] hugs [MASK]")
        rows = batch.token_targets()[0]
        assert (batch.ids[rows] == tok.mask_id).all() and len(rows) == 2
        between = [i for i in batch.ids.tolist() if i not in tok.special_ids]
        assert tok.decode(between) == tok.decode(tok.encode("a") + tok.encode(" hugs"))
        assert batch.ids[0] == tok.cls_id and batch.ids[-1] == tok.sep_id


def test_tied_scores_and_pairs_are_the_default():
    rng = np.random.default_rng(0)
    encoder = model().encoder
    assert MaskedLM(encoder, rng=rng).options() == {
        "mlm": {"kind": "words", "weight": 1.0, "options": {"tied": True}},
        "nsp": {"kind": "pairs", "weight": 1.0, "options": {}},
    }
    assert Words(encoder, rng=rng).tied and SpanLM(encoder, rng=rng).options()["mlm"][
        "options"] == {"tied": True}
    for wrong in ({"nsp": 1}, {"tied": 0}):
        with pytest.raises(ConfigError, match="expected True or False"):
            MaskedLM(encoder, **wrong, rng=rng)
