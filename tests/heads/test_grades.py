"""Grades: the target between low and high, the squared error, and what is read off."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.autograd.tensor import Tensor, grad
from npft.encoder.checkpoint import save
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.encoder.pooling import HEAD_POOLS, POOLS, pool
from npft.errors import ConfigError, DataError
from npft.finetune.train import evaluate, fine_tune
from npft.heads.grades import Grades, Regressor
from npft.loading import load
from npft.text.batch import Batch
from npft.text.bytes import ByteTokenizer
from npft.text.examples import Examples

TOK = ByteTokenizer()


def body(seed=0):
    config = EncoderConfig(vocab_size=260, hidden_size=8, num_layers=1, num_heads=2,
                           intermediate_size=8, max_positions=20, dropout=0.0, init_std=0.3)
    return Encoder(config, tokenizer=TOK, rng=np.random.default_rng(seed))


def head(low=0.0, high=5.0, **options):
    return Grades(body(), low, high, **options, rng=np.random.default_rng(0))


def regressor(low=0.0, high=5.0, seed=0, **options):
    return Regressor(body(seed), low, high, **options, rng=np.random.default_rng(seed))


def graded(labels, lengths=None):
    lengths = [1] * len(labels) if lengths is None else lengths
    ids = np.random.default_rng(0).integers(0, 260, sum(lengths))
    return Batch(ids, np.append(0, np.cumsum(lengths)), labels=np.array(labels))


# ---- the loss ----


def test_the_loss_worked_by_hand():
    # from 1 to 5 the grades 1, 3, 5 are the targets 0, 1/2, 1; errors 1/2, 0, -1/2
    half = Tensor(np.full((3, 1), 0.5))
    assert head(1, 5).loss(half, graded([1.0, 3.0, 5.0])).item() == pytest.approx(1 / 6, abs=1e-15)
    # from -10 to 10 the grade 5 is the target 3/4: errors 1/4 and -3/4
    found = head(-10, 10).loss(Tensor([[1.0], [0.0]]), graded([5.0, 5.0])).item()
    assert found == pytest.approx((1 / 16 + 9 / 16) / 2, abs=1e-15)


@given(st.floats(-9, 9), st.floats(0.5, 9), st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_grades_from_low_to_high_are_targets_from_0_to_1(low, width, targets):
    grades = low + width * np.array(targets)
    perfect = Tensor(np.array(targets)[:, None])
    one = head(low, low + width)
    assert one.loss(perfect, graded(grades)).item() == pytest.approx(0, abs=1e-20)
    assert one.loss(perfect + 1.0, graded(grades)).item() == pytest.approx(1, abs=1e-9)
    assert one.decide(perfect.data, graded(grades)) == pytest.approx(grades, abs=1e-9)


def test_the_gradient_of_the_scores_is_twice_the_mean_error():
    scores = Tensor([[0.25], [1.0]], requires_grad=True)
    (found,) = grad(head(0, 4).loss(scores, graded([3.0, 3.0])), [scores])  # target 3/4
    assert found.tolist() == [[-0.5], [0.25]]


def test_whole_numbers_are_grades_as_well():
    scores = Tensor([[0.2], [0.9]])
    assert head().loss(scores, graded([1, 4])).item() == head().loss(
        scores, graded([1.0, 4.0])).item() == pytest.approx(0.005, abs=1e-12)


def test_the_score_is_the_linear_map_of_the_pooled_states():
    for kind in POOLS:
        model = regressor(pool=kind).eval()
        batch = graded([1.0, 2.0], [3, 5])
        pooled = pool(model.encoder(batch), batch, kind).data
        linear = model.heads["grades"].linear
        expected = pooled @ linear.weight.data.T + linear.bias.data
        assert model(batch).shape == (2, 1)
        np.testing.assert_allclose(model(batch).data, expected, rtol=0, atol=1e-6)


def test_pads_change_no_bit(check_pads):
    for kind in HEAD_POOLS:
        check_pads(regressor(pool=kind), graded([0.0, 2.5, 5.0, 1.0], [5, 1, 9, 3]))


def test_a_batch_may_be_cut_anywhere(check_cuts):
    check_cuts(regressor(1, 3), graded([1.0, 2.5, 3.0, 1.5, 2.0], [5, 1, 9, 3, 3]), [0.2] * 5)


# ---- reading ----


def test_decisions_worked_by_hand_stay_between_low_and_high():
    scores = np.array([[0.25], [0.0], [1.0], [-0.5], [7.0]], np.float32)
    assert head(1, 5).decide(scores, graded([0.0] * 5)).tolist() == [2.0, 1.0, 5.0, 1.0, 5.0]


def test_without_ends_a_score_is_its_grade_and_the_loss_is_the_squared_error_of_the_grades():
    open_one, scores = head(None, None), Tensor([[-3.0], [7.0]])
    assert open_one.decide(scores.data, graded([0.0, 0.0])).tolist() == [-3.0, 7.0]
    assert open_one.loss(scores, graded([1.0, 4.0])).item() == (4**2 + 3**2) / 2


@pytest.mark.parametrize("kind", ["mean", "attention", "pooler"])
def test_unbounded_says_the_same_between_the_ends_and_goes_on_beyond_them(kind, tmp_path):
    model, texts = regressor(-1, 3, pool=kind).eval(), ["to be", "or not", "that"]
    scores = model(TOK(texts)).data[:, 0]
    found = model.unbounded()
    assert found.encoder is model.encoder and found.heads["grades"].low is None
    assert found.predict(texts) == pytest.approx(-1 + 4 * scores, abs=1e-5)
    assert model.predict(texts) == pytest.approx(-1 + 4 * np.clip(scores, 0, 1), abs=1e-5)
    save(tmp_path, found)
    assert load(tmp_path).predict(texts).tobytes() == found.predict(texts).tobytes()


def test_unbounded_keeps_the_dtype():
    model = regressor(-1, 3).astype(np.float64).eval()
    found = model.unbounded().predict(["to be"])
    assert found == pytest.approx(-1 + 4 * model(TOK(["to be"])).data[:, 0], abs=1e-12)


def test_a_label_beyond_an_end_is_scored_as_it_is():
    assert regressor(0, 1).eval().judge(graded([7.0]))["grades"].loss > 30


def test_the_score_worked_by_hand():
    found = head().score(np.array([1.0, 2.0, 5.0]), graded([0.0, 4.0, 5.0]))
    assert found.spearman == 1.0 and found.best_by == 1.0
    assert found.rmse == pytest.approx(np.sqrt((1 + 4 + 0) / 3))
    # deviations of the true grades -3, 1, 2, of the said ones -5/3, -2/3, 7/3
    assert found.pearson == pytest.approx((5 - 2 / 3 + 14 / 3) / np.sqrt(14 * 78 / 9))
    assert head().score(np.array([5.0, 2.0, 1.0]), graded([0.0, 4.0, 5.0])).spearman == -1.0


def test_evaluation_agrees_with_a_loop_over_single_texts():
    model = regressor(1, 5).eval()
    batch = graded([1.0, 5.0, 3.0, 2.0], [4, 9, 2, 6])
    alone = [float(model(batch[[i]]).data[0, 0]) for i in range(4)]
    found = evaluate(model, batch)
    targets = (np.asarray(batch.labels) - 1) / 4
    assert found.loss == pytest.approx(np.mean((np.array(alone) - targets) ** 2), abs=1e-6)
    said = 1 + 4 * np.clip(alone, 0, 1)
    assert model.decide(batch) == pytest.approx(said, abs=1e-5)
    assert found.rmse == pytest.approx(np.sqrt(np.mean((said - batch.labels) ** 2)), abs=1e-5)


def test_it_learns_to_grade_pairs_and_keeps_the_order_of_the_texts():
    texts = ["aaa", "aab", "abb", "bbb"] * 6
    grades = np.array([text.count("b") for text in texts], float)
    pairs = Examples(texts, grades, pairs=["a"] * len(texts))
    model = regressor(0, 3)
    history = fine_tune(model, model.batch_of(pairs), epochs=40, lr=1e-2, batch_size=8,
                        rng=np.random.default_rng(0))
    assert history["loss"][-1] < 0.1 * history["loss"][0]
    said = model.predict(["bbb", "aaa", "abb"], ["a"] * 3)
    assert said == pytest.approx([3, 0, 2], abs=0.5)
    found = evaluate(model, model.batch_of(pairs))
    assert found.spearman > 0.9 and found.rmse < 0.5 and found.loss < 0.03


def test_predictions_and_ends_come_back_from_a_file(tmp_path):
    model = regressor(-1, 1, pool="max")
    save(tmp_path, model)
    again = load(tmp_path)
    assert type(again) is Regressor and again.heads["grades"].options() == {
        "low": -1.0, "high": 1.0, "pool": "max"}
    texts = ["to be", "or not", "that"]
    assert again.predict(texts).tobytes() == model.predict(texts).tobytes()
    assert model.predict([]).shape == (0,)


# ---- what is refused ----


@pytest.mark.parametrize("low, high, words", [
    (1, 1, "expected low below high"), (2, 1, "expected low below high"),
    (0, np.inf, "high is inf, expected a finite number"), (-np.inf, 0, "low is -inf"),
    (np.nan, 1, "low is nan"), ("0", 1, "low is '0'"), (0, None, "high is None"), (None, 5, "low is None"),
    (-1e308, 1e308, "high - low is infinite"), (0, 10**400, "high is 1000.*, expected a finite number"), (False, 1, "low is False"),
])
def test_ends_that_cannot_work_are_refused(low, high, words):
    with pytest.raises(ConfigError, match=words):
        head(low, high)


def test_an_unknown_pool_is_refused():
    with pytest.raises(ConfigError, match="pool: kind is 'sum'"):
        head(pool="sum")


@pytest.mark.parametrize("batch", [TOK(["a", "b"]), Batch([], [0], labels=[])])
def test_a_batch_without_grades_is_refused(batch):
    model, rng = regressor(), np.random.default_rng(0)
    for call in (model.loss, model.judge, lambda b: fine_tune(model, b, rng=rng)):
        with pytest.raises(DataError, match="Grades: the batch has no graded example"):
            call(batch)


def test_grades_are_from_0_to_5_if_nothing_is_said():
    options = Regressor(body(), rng=np.random.default_rng(0)).options()["grades"]["options"]
    assert options == {"low": 0.0, "high": 5.0, "pool": "mean"}
    assert Grades(body(), rng=np.random.default_rng(0)).options() == options
