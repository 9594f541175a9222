"""Next-sentence prediction: what it reads, its loss by hand, and which labels it takes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.autograd.tensor import Tensor, grad
from npft.encoder.checkpoint import save
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.encoder.model import Model
from npft.errors import ConfigError, DataError
from npft.heads.pairs import Pairs
from npft.heads.words import MaskedLM
from npft.loading import load
from npft.text.batch import Batch


def body(types=2, seed=0):
    config = EncoderConfig(vocab_size=20, hidden_size=4, num_layers=1, num_heads=2,
                           intermediate_size=8, max_positions=12, type_vocab_size=types,
                           dropout=0.0, init_std=0.5)
    return Encoder(config, rng=np.random.default_rng(seed))


def head(types=2):
    return Pairs(body(types), rng=np.random.default_rng(0)).astype(np.float64)


def model(seed=0):
    encoder = body(seed=seed)
    return Model(encoder, {"nsp": Pairs(encoder, rng=np.random.default_rng(seed))})


def pairs(labels, lengths=None):
    lengths = [3] * len(labels) if lengths is None else lengths
    rng, n = np.random.default_rng(1), sum(lengths)
    return Batch(rng.integers(0, 20, n), np.append(0, np.cumsum(lengths)),
                 token_types=rng.integers(0, 2, n), labels=labels)


# ---- the loss ----


def test_the_loss_worked_by_hand_from_the_states():
    one = head()
    one.linear.weight.assign([[1, 0, 0, 0], [0, 1, 0, 0]])
    one.linear.bias.assign([0, -1])
    hidden = np.full((6, 4), 99.0)  # what stands behind [CLS] must not count
    hidden[[0, 2, 5], :2] = [[1, 2], [0, 1 + np.log(3)], [0, 1 + np.log(3)]]
    batch = pairs([1, 1, 0], [2, 3, 1])
    scores = one(Tensor(hidden), batch)
    # scores [1, 1], then [0, log 3] twice: the right label has probability 1/2, 3/4, 1/4
    expected = [[1, 1], [0, np.log(3)], [0, np.log(3)]]
    np.testing.assert_allclose(scores.data, expected, rtol=0, atol=1e-12)
    assert one.loss(scores, batch).item() == pytest.approx(np.log(2 * 4 / 3 * 4) / 3, abs=1e-12)


def test_scores_are_a_linear_map_of_the_first_token_alone():
    one, batch = head(), pairs([1, 0, 1], [3, 1, 4])
    hidden = np.random.default_rng(2).standard_normal((8, 4))
    scores = one(Tensor(hidden), batch).data
    expected = hidden[[0, 3, 4]] @ one.linear.weight.data.T + one.linear.bias.data
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-12)
    hidden[[1, 2, 5, 6, 7]] = 9.0
    assert (one(Tensor(hidden), batch).data == scores).all()


def test_with_the_pooler_of_bert_a_tanh_stands_before_the_linear_map():
    one, batch = Pairs(body(), "pooler", rng=np.random.default_rng(0)), pairs([0, 1], [2, 3])
    one.pool.weight.assign(2 * np.eye(4))
    one.pool.bias.assign([0, 0, 0, 1])
    hidden = np.random.default_rng(2).standard_normal((5, 4)).astype(np.float32)
    pooled = np.tanh(2 * hidden[[0, 2]] + np.array([0, 0, 0, 1]))
    expected = pooled @ one.linear.weight.data.T + one.linear.bias.data
    np.testing.assert_allclose(one(Tensor(hidden), batch).data, expected, rtol=0, atol=1e-6)


def test_the_pool_comes_back_from_a_file_and_that_of_older_files_is_the_first_token(tmp_path):
    for pool, options in (("cls", {}), ("pooler", {"pool": "pooler"})):
        made = MaskedLM(body(), nsp_pool=pool, rng=np.random.default_rng(0))
        assert made.heads["nsp"].options() == options
        save(tmp_path, made)
        again = load(tmp_path)
        assert again.heads["nsp"].pool.kind == pool
        scores = made.scores(pairs([0, 1]))["nsp"].data
        assert again.scores(pairs([0, 1]))["nsp"].data.tobytes() == scores.tobytes()
    with pytest.raises(ConfigError, match="pool: kind is 'sum'"):
        MaskedLM(body(), nsp_pool="sum", rng=np.random.default_rng(0))


def test_the_first_weights_have_the_spread_of_the_encoder():
    config = EncoderConfig(vocab_size=9, hidden_size=400, num_layers=0, num_heads=1, init_std=0.5)
    wide = Pairs(Encoder(config, rng=np.random.default_rng(0)), rng=np.random.default_rng(1))
    assert wide.linear.weight.data.std() == pytest.approx(0.5, rel=0.1)


@given(st.lists(st.integers(0, 1), min_size=1, max_size=6), st.floats(-9, 9))
def test_equal_scores_cost_log_2_and_perfect_ones_nothing(labels, level):
    one, batch = head(), pairs(labels)
    equal = Tensor(np.full((len(labels), 2), level))
    assert one.loss(equal, batch).item() == pytest.approx(np.log(2), abs=1e-12)
    assert one.loss(Tensor(1e3 * np.eye(2)[labels]), batch).item() == 0


def test_the_gradient_of_the_scores_is_what_is_said_less_what_is_true():
    scores = Tensor(np.array([[0.0, 0], [0, np.log(3)]]), requires_grad=True)
    (found,) = grad(head().loss(scores, pairs([1, 0])), [scores])
    np.testing.assert_allclose(found, [[1 / 4, -1 / 4], [-3 / 8, 3 / 8]], rtol=0, atol=1e-12)


def test_states_behind_the_first_token_get_no_gradient_at_all():
    one, batch = head(), pairs([0, 1, 1], [2, 1, 4])
    hidden = Tensor(np.random.default_rng(2).standard_normal((7, 4)), requires_grad=True)
    (found,) = grad(one.loss(one(hidden, batch), batch), [hidden])
    assert np.flatnonzero((found != 0).any(axis=1)).tolist() == [0, 2, 3]


def test_pads_change_no_bit(check_pads):
    check_pads(model(), pairs([0, 1, 1, 0], [5, 1, 9, 3]))


def test_a_batch_may_be_cut_anywhere(check_cuts):
    check_cuts(model(), pairs([0, 1, 1, 0, 1], [5, 1, 9, 3, 3]), [0.2] * 5)


# ---- reading ----


def test_decisions_and_the_score_worked_by_hand():
    batch = pairs([0, 1, 1, 0])
    said = head().decide(np.array([[2.0, 1], [-1, 0], [3, -3], [5, 5]]), batch)
    assert said.tolist() == [0, 1, 0, 0]  # of equal scores the first: it does not follow
    found = head().score(said, batch)
    assert found.accuracy == found.best_by == 0.75
    assert head().count(batch) == 4


# ---- what is refused ----


@pytest.mark.parametrize("types", [0, 1])
def test_an_encoder_that_cannot_tell_the_segments_apart_is_refused(types):
    words = "Pairs: .* type_vocab_size=2; or do without: MaskedLM"
    with pytest.raises(ConfigError, match=words):
        head(types)
    with pytest.raises(ConfigError, match=words):
        MaskedLM(body(types), rng=np.random.default_rng(0))
    assert not MaskedLM(body(types), nsp=False, rng=np.random.default_rng(0)).nsp


def test_the_generator_is_given_by_its_name():
    with pytest.raises(TypeError, match="rng"):
        Pairs(body(), np.random.default_rng(0))


@pytest.mark.parametrize("labels", [None, [0, 2, 1], [0.0, 1.0, 1.0]])
def test_labels_that_are_not_0_and_1_are_refused(labels):
    batch = pairs([0, 1, 1]).replace(labels=labels)
    for call in (model().loss, model().judge, model().measure):
        with pytest.raises(DataError, match="Pairs: nsp needs the labels 0 and 1"):
            call(batch)
    for right in ([0, 1, 1], [0, 0, 0]):
        head().check(batch.replace(labels=right))
