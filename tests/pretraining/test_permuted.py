"""MPNet: what each predicted token sees, that nothing leaks, and that the loss has its gradient."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.autograd.attention import blocks_by_length
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.errors import ConfigError, DataError, ShapeError
from npft.heads.words import MaskedLM
from npft.pretraining.permuted import permute_tokens
from npft.testing import generators
from npft.text.batch import IGNORE, Batch
from npft.text.bytes import ByteTokenizer

TOK = ByteTokenizer()
TEXTS = st.lists(st.text("abcde", min_size=1, max_size=9), min_size=1, max_size=4)


def seen_by(batch):
    """(T, T) bool for each sequence, by the rule of three numbers, one pair at a time."""
    for a, b in zip(batch.offsets[:-1], batch.offsets[1:]):
        rule = batch.sight[a:b, 1:].tolist()
        yield a, np.array([[low <= knows < high for _, low, high in rule] for knows, *_ in rule])


def model(layers=2, positions=12, seed=0):
    config = EncoderConfig(
        vocab_size=TOK.vocab_size, hidden_size=8, num_layers=layers, num_heads=2,
        intermediate_size=8, max_positions=positions, dropout=0.0, init_std=0.5,
    )
    rng = np.random.default_rng(seed)
    made = MaskedLM(Encoder(config, tokenizer=TOK, rng=rng), nsp=False, rng=rng)
    made.astype(np.float64)
    return made.eval()


@given(TEXTS, st.sampled_from([0.15, 0.5, 1.0]), generators())
def test_each_predicted_token_sees_the_tokens_before_it_and_one_row_at_every_place(
    texts, rate, rng
):
    plain = TOK(texts)
    batch = permute_tokens(plain, TOK, rate=rate, rng=rng)
    for i, (start, seen) in enumerate(seen_by(batch)):
        own, n = batch[[i]], int(plain.lengths[i])
        ids, places, labels = own.ids, own.places, own.token_labels
        truth = plain[[i]].ids
        asked = np.flatnonzero(labels != IGNORE)
        assert len(ids) == n + 2 * len(asked) and not seen[:, asked].any()
        assert (ids[asked] == TOK.mask_id).all() and (labels[asked] == truth[places[asked]]).all()
        hidden = places[asked]
        # in the order of prediction, each sees one more true token
        known = [set(places[row & (ids != TOK.mask_id)]) & set(hidden) for row in seen[asked]]
        order = np.argsort([len(k) for k in known])
        for t, who in enumerate(order):
            assert known[who] == set(hidden[order[:t]])
            assert sorted(places[seen[asked[who]]]) == list(range(n))  # position compensation
        # the masked sentence knows no hidden token, as in BERT
        assert not set(np.flatnonzero(seen[:n].any(axis=0))) & set(range(n, len(ids)))
        assert seen[:n, :n].all()


@given(TEXTS, generators())
def test_a_token_later_in_the_order_changes_no_prediction_before_it(texts, rng):
    lm, batch = model(), permute_tokens(TOK(texts), TOK, rate=0.6, rng=rng)
    before = lm(batch).data
    m = batch.n_targets
    knows = batch.sight[batch.target_rows, 1]
    tokens = np.flatnonzero((batch.sight[:, 1] > 0) & (batch.sight[:, 1] == batch.sight[:, 2]))
    at = int(rng.choice(tokens))
    ids = batch.ids.copy()
    ids[at] = 120
    after = lm(batch.replace(ids=ids)).data
    own = batch.sequence[batch.target_rows] == batch.sequence[at]
    later = own & (knows >= batch.sight[at, 1])
    np.testing.assert_array_equal(before[~later], after[~later])
    if later.any():
        assert np.abs(before[later] - after[later]).max() > 1e-9
    assert len(before) == m


def test_the_rows_asked_first_predict_as_bert_does_with_all_its_masks():
    """What knows nothing sees the masked sentence: [MASK] at its place, as BERT's own row."""
    lm, plain = model(), TOK(["abcabd"])
    batch = permute_tokens(plain, TOK, rate=0.5, rng=np.random.default_rng(3))
    rows, truth = batch.token_targets()
    first = rows[batch.sight[rows, 1] == 0]
    masked = batch[[0]].ids[: len(plain.ids)]
    asked = np.where(np.arange(len(masked)) == batch.places[first[0]], truth[0], IGNORE)
    bert = lm(Batch(masked, [0, len(masked)], token_labels=asked)).data
    at = int(np.flatnonzero(rows == first[0])[0])
    np.testing.assert_allclose(lm(batch).data[at], bert[0], rtol=0, atol=1e-12)


def test_a_batch_gives_each_sequence_what_it_gets_alone():
    lm = model()
    batch = permute_tokens(TOK(["abcd", "e", "abcdeabcd"]), TOK, rate=0.4,
                           rng=np.random.default_rng(1))  # fmt: skip
    together = lm.encoder(batch).data
    alone = [lm.encoder(batch[[i]]).data for i in range(3)]
    np.testing.assert_allclose(together, np.concatenate(alone), rtol=0, atol=1e-12)


def test_the_gradient_of_the_loss_is_that_of_small_steps():
    lm = model()
    batch = permute_tokens(TOK(["abcde", "ba"]), TOK, rate=0.5, rng=np.random.default_rng(0))
    lm.loss(batch).total.backward()
    for name, p in lm.named_parameters():
        at = np.unravel_index(np.argmax(np.abs(p.grad)), p.shape)
        kept, ends = p.data.copy(), []
        for step in (1e-6, -1e-6):
            moved = kept.copy()
            moved[at] += step
            p.assign(moved)
            ends.append(lm.loss(batch).total.item())
        p.assign(kept)
        want = (ends[0] - ends[1]) / 2e-6
        assert want == pytest.approx(p.grad[at], rel=1e-5, abs=1e-9), name


def test_predictions_are_in_a_random_order_in_which_each_token_is_as_often_first():
    first = np.zeros(4)
    for seed in range(400):
        batch = permute_tokens(TOK(["abcd"]), TOK, rate=1.0, rng=np.random.default_rng(seed))
        rows = batch.target_rows
        first[batch.places[rows[batch.sight[rows, 1] == 0][0]] - 1] += 1
    assert (np.abs(first - 100) < 4 * np.sqrt(400 * 3 / 16)).all()


def test_parts_of_a_batch_keep_who_sees_whom():
    batch = permute_tokens(TOK(["abcd", "e"]), TOK, rng=np.random.default_rng(0))
    again = Batch.concat([batch[1:2], batch[0:1]])[[1, 0]]
    assert again.sight.tolist() == batch.sight.tolist() and again.ids.tolist() == batch.ids.tolist()
    assert batch.replace(labels=[0, 1]).sight.tolist() == batch.sight.tolist()
    longer = model(positions=6)
    assert longer.encoder(batch[0:1]).shape == (8, 8)  # 8 rows, but no more than 6 places


def test_what_cannot_be_permuted_is_refused():
    batch = permute_tokens(TOK(["ab"]), TOK, rng=np.random.default_rng(0))
    for options in ({"causal": True}, {"positions": "relative"}):
        config = EncoderConfig(vocab_size=260, hidden_size=4, num_heads=1, **options)
        with pytest.raises(ConfigError, match="which tokens see one another"):
            Encoder(config, rng=np.random.default_rng(0)).eval()(batch)
    with pytest.raises(ConfigError, match="rate"):
        permute_tokens(TOK(["ab"]), TOK, rate=0.0, rng=np.random.default_rng(0))
    with pytest.raises(ShapeError, match=r"sight has shape \(2, 3\), expected \(2, 4\)"):
        Batch([1, 2], [0, 2], sight=np.zeros((2, 3), int))
    blind = np.array([[0, 5, 5], [0, 5, 5]])
    with pytest.raises(ShapeError, match="sees no token at all"):
        blocks_by_length(np.array([0, 2]), blind)
    nothing = permute_tokens(TOK([""]), TOK, rng=np.random.default_rng(0))
    with pytest.raises(DataError, match="nothing is masked"):
        model().loss(nothing)
