"""Contrastive losses against slow sums and hand-worked cases; training that pushes texts apart."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.autograd.gradcheck import gradcheck
from npft.autograd.losses import softmax_cross_entropy
from npft.autograd.tensor import Tensor, grad
from npft.embed.contrastive import in_batch_loss, nt_xent, simcse_loss, train_contrastive
from npft.embed.geometry import mean_cosine
from npft.embed.sentences import SentenceEncoder
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.encoder.pooling import pool
from npft.errors import ConfigError, DataError, DtypeError, NonFiniteError, ShapeError
from npft.nn.layers import set_dropout
from npft.nn.module import freeze
from npft.text.bytes import ByteTokenizer

TOK = ByteTokenizer()
LOSSES = pytest.mark.parametrize("loss", [in_batch_loss, nt_xent])
TEXTS = ["the cat sat", "a dog ran off", "two birds", "rain again", "a long way", "tea"]


def views(seed, b=None, d=None):
    rng = np.random.default_rng(seed)
    b, d = b or rng.integers(2, 7), d or rng.integers(2, 6)
    return rng.standard_normal((b, d)), rng.standard_normal((b, d))


def cosine(x, y):
    return x @ y / (np.linalg.norm(x) * np.linalg.norm(y))


def slow_in_batch(a, b, tau):
    total = 0.0
    for i in range(len(a)):
        scores = [cosine(a[i], b[j]) / tau for j in range(len(b))]
        total -= scores[i] - np.log(np.exp(scores).sum())
    return total / len(a)


def slow_nt_xent(a, b, tau):
    both, n, total = np.vstack([a, b]), len(a), 0.0
    for i in range(2 * n):
        candidates = sum(np.exp(cosine(both[i], both[j]) / tau) for j in range(2 * n) if j != i)
        total -= cosine(both[i], both[(i + n) % (2 * n)]) / tau - np.log(candidates)
    return total / (2 * n)


SLOW = {in_batch_loss: slow_in_batch, nt_xent: slow_nt_xent}
COUNT = {in_batch_loss: lambda b: b, nt_xent: lambda b: 2 * b - 1}  # candidates of an anchor


def encoder(dropout=0.0, seed=0, **options):
    config = EncoderConfig(
        vocab_size=260, hidden_size=8, num_layers=1, num_heads=2, intermediate_size=8,
        max_positions=16, dropout=dropout, init_std=0.2, **options)
    return Encoder(config, tokenizer=TOK, rng=np.random.default_rng(seed))


def bits(model):
    return b"".join(a.tobytes() for a in model.state_dict().values())


# ---- the losses ----


@LOSSES
@given(seed=st.integers(0, 10**6), tau=st.floats(0.05, 5))
def test_a_loss_is_its_slow_double_sum(loss, seed, tau):
    a, b = views(seed)
    assert loss(Tensor(a), Tensor(b), tau).item() == pytest.approx(SLOW[loss](a, b, tau), abs=1e-9)


@LOSSES
@pytest.mark.parametrize("b", [2, 3, 8])
@pytest.mark.parametrize("tau", [0.01, 0.1, 10.0])
def test_identical_vectors_give_the_log_of_the_number_of_candidates(loss, b, tau):
    x = Tensor(np.tile([[0.3, -2.0, 1.0]], (b, 1)))
    assert loss(x, x, tau).item() == pytest.approx(np.log(COUNT[loss](b)), abs=1e-9)


@LOSSES
@pytest.mark.parametrize("tau", [1e9, np.inf])
def test_an_infinite_temperature_gives_the_log_of_the_number_of_candidates(loss, tau):
    a, b = views(0, b=5)
    found = loss(Tensor(a), Tensor(b), tau).item()
    assert found == pytest.approx(np.log(COUNT[loss](5)), abs=1e-8)


def test_two_texts_worked_by_hand():
    # a_1 = b_1 = (1, 0), a_2 = b_2 = (0, 1), tau = 1: the partner scores 1, all others 0.
    x = Tensor(np.eye(2))
    assert in_batch_loss(x, x, 1.0).item() == pytest.approx(np.log(1 + np.exp(-1)), abs=1e-12)
    assert nt_xent(x, x, 1.0).item() == pytest.approx(np.log(1 + 2 * np.exp(-1)), abs=1e-12)
    # cosines of b_2 = (3, 4): .6 with text 1 and .8 with text 2; tau = 1/2 doubles them
    y = Tensor(np.array([[1.0, 0.0], [3.0, 4.0]]))
    e = np.exp
    by_hand = -np.log(e(2) / (e(2) + e(1.2))) / 2 - np.log(e(1.6) / (e(0) + e(1.6))) / 2
    assert in_batch_loss(x, y, 0.5).item() == pytest.approx(by_hand, abs=1e-12)
    rows = [e(2) / (e(0) + e(2) + e(1.2)),  # a_1: not itself; a_2, b_1, b_2
            e(1.6) / (e(0) + e(0) + e(1.6)),  # a_2: a_1, b_1, b_2
            e(2) / (e(2) + e(0) + e(1.2)),  # b_1: a_1, a_2, b_2
            e(1.6) / (e(1.2) + e(1.6) + e(1.2))]  # b_2: a_1, a_2, b_1
    assert nt_xent(x, y, 0.5).item() == pytest.approx(-np.mean(np.log(rows)), abs=1e-12)


def test_the_in_batch_loss_is_the_cross_entropy_of_the_similarity_matrix():
    a, b = views(1, b=6)
    u, v = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (a, b))
    expected = softmax_cross_entropy(u @ v.T / 0.05, targets=np.arange(6)).item()
    assert in_batch_loss(Tensor(a), Tensor(b)).item() == pytest.approx(expected, abs=1e-12)


@LOSSES
@pytest.mark.parametrize("tau", [1e-12, 1e-3])
def test_a_tiny_temperature_asks_only_whether_the_partner_is_nearest(loss, tau):
    x = Tensor(np.eye(4))
    assert loss(x, x, tau).item() == 0
    swapped = Tensor(np.eye(4)[[1, 0, 3, 2]])
    assert loss(x, swapped, tau).item() == pytest.approx(1 / tau, rel=1e-2)
    halfway = 0.5 * np.eye(4)[:2] + 0.75**0.5 * np.eye(4)[2:]  # cosine .5, to others 0
    assert loss(Tensor(np.eye(4)[:2]), Tensor(halfway), tau).item() == pytest.approx(0, abs=1e-9)


@given(seed=st.integers(0, 10**6))
def test_what_must_not_change_a_loss(seed):
    a, b = views(seed)
    rng = np.random.default_rng(seed)
    order, lengths = rng.permutation(len(a)), rng.uniform(0.1, 9, (len(a), 1))
    turn = np.linalg.qr(rng.standard_normal((a.shape[1], a.shape[1])))[0]
    for loss in (in_batch_loss, nt_xent):
        before = loss(Tensor(a), Tensor(b)).item()
        same = [(a[order], b[order]), (a * lengths, b), (a, b * lengths), (a @ turn, b @ turn)]
        for x, y in same:
            assert loss(Tensor(x), Tensor(y)).item() == pytest.approx(before, abs=1e-9)
    # the two views of NT-Xent play the same part; in-batch, one is the anchor
    assert nt_xent(Tensor(b), Tensor(a)).item() == pytest.approx(
        nt_xent(Tensor(a), Tensor(b)).item(), abs=1e-9)


def test_the_anchor_of_the_in_batch_loss_matters():
    a, b = (Tensor(x) for x in views(2, b=4))
    assert abs(in_batch_loss(a, b).item() - in_batch_loss(b, a).item()) > 0.1


@LOSSES
@pytest.mark.parametrize("tau", [0.1, 1.0])
def test_the_gradient_is_the_derivative(loss, tau):
    a, b = views(3, b=3, d=4)
    gradcheck(lambda x, y: loss(x, y, tau), a, b, rng=np.random.default_rng(0))


@LOSSES
def test_a_step_downhill_brings_partners_together_and_others_apart(loss):
    a, b = views(4, b=5, d=8)
    ga, gb = grad(loss(x := Tensor(a, requires_grad=True), y := Tensor(b, requires_grad=True), 0.5),
                  [x, y])

    def margin(a, b):
        c = np.array([[cosine(x, y) for y in b] for x in a])
        return np.trace(c) / 5 - (c.sum() - np.trace(c)) / 20

    assert margin(a - 0.1 * ga, b - 0.1 * gb) > margin(a, b)


@LOSSES
def test_float32_stays_float32_and_inputs_are_kept(loss):
    a, b = (x.astype(np.float32) for x in views(5))
    before = a.tobytes(), b.tobytes()
    for tau in (0.05, np.float64(0.05)):
        x = Tensor(a, requires_grad=True)
        found = loss(x, Tensor(b), tau)
        assert found.dtype == np.float32 and grad(found, [x])[0].dtype == np.float32
    assert (a.tobytes(), b.tobytes()) == before


@LOSSES
@pytest.mark.parametrize("a, b", [
    (np.ones((1, 3)), np.ones((1, 3))), (np.ones((0, 3)), np.ones((0, 3))),
    (np.ones((3, 2)), np.ones((2, 2))), (np.ones((2, 3)), np.ones((2, 2))),
    (np.ones(4), np.ones(4)), (np.ones((2, 2, 2)), np.ones((2, 2, 2))),
])
def test_what_are_not_two_views_of_a_batch_is_refused(loss, a, b):
    with pytest.raises(ShapeError, match=f"{loss.__name__}: a has shape .* B at least 2"):
        loss(Tensor(a), Tensor(b))


@LOSSES
@pytest.mark.parametrize("tau", [0, 0.0, -0.1, np.nan])
def test_a_temperature_that_is_not_positive_is_refused(loss, tau):
    a, b = views(0)
    with pytest.raises(ConfigError, match="tau is .*, expected a positive temperature"):
        loss(Tensor(a), Tensor(b), tau)


@LOSSES
@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_vectors_without_a_direction_are_refused(loss, value):
    a, b = views(0, b=3)
    a[1] = value
    with pytest.raises(NonFiniteError, match="row 1 of a has length 0 or is not finite"):
        loss(Tensor(a), Tensor(b))
    with pytest.raises(NonFiniteError, match="row 1 of b has length 0 or is not finite"):
        loss(Tensor(b), Tensor(a))


# ---- SimCSE ----


def two_views(model, seed=0):
    """The two pooled views that simcse_loss compares."""
    batch, rng = TOK(TEXTS), np.random.default_rng(seed)
    return [pool(model(batch, rng), batch, "mean") for _ in range(2)]


def test_without_dropout_the_views_are_equal_bits_and_with_dropout_they_differ():
    one, other = two_views(encoder(0.0))
    assert one.data.tobytes() == other.data.tobytes()
    one, other = two_views(encoder(0.1))
    assert (np.abs(one.data - other.data).max(axis=1) > 0).all()


@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_the_simcse_loss_is_the_in_batch_loss_of_two_views(dropout):
    model, batch = encoder(dropout), TOK(TEXTS)
    found = simcse_loss(model, batch, tau=0.1, rng=np.random.default_rng(3)).item()
    assert found == in_batch_loss(*two_views(model, 3), 0.1).item()
    again = simcse_loss(model, batch, tau=0.1, rng=np.random.default_rng(3)).item()
    other = simcse_loss(model, batch, tau=0.1, rng=np.random.default_rng(4)).item()
    assert again == found and (other == found) == (dropout == 0)


def test_both_views_send_a_gradient_to_every_weight():
    model = encoder(0.1)
    simcse_loss(model, TOK(TEXTS), rng=np.random.default_rng(0)).backward()
    got = {name: p.grad for name, p in model.named_parameters()}
    assert all(g is not None and np.isfinite(g).all() for g in got.values())
    assert sum(np.abs(g).max() > 0 for g in got.values()) == len(got)


def test_simcse_refuses_a_single_text_an_unknown_pool_and_dropout_without_chance():
    model = encoder(0.1)
    rng = np.random.default_rng(0)
    with pytest.raises(ShapeError, match="B at least 2"):
        simcse_loss(model, TOK(["alone"]), rng=rng)
    with pytest.raises(ConfigError, match="pool: kind is 'first'"):
        simcse_loss(model, TOK(TEXTS), pool="first", rng=rng)
    with pytest.raises(ConfigError, match="needs rng"):
        simcse_loss(model, TOK(TEXTS), rng=None)


# ---- training ----


def cosine_of(model):
    return {"mean_cosine": mean_cosine(SentenceEncoder(model, normalize=False).encode(TEXTS))}


def run(dropout=0.1, seed=0, texts=TEXTS, **options):
    model = encoder(dropout)
    options = {"steps": 12, "batch_size": 4, "every": 5, "lr": 3e-3, **options}
    history = train_contrastive(model, texts, **options, rng=np.random.default_rng(seed))
    return model, history


def test_training_opens_the_cone_and_lowers_the_loss():
    model, history = run(steps=60, measure=cosine_of)
    assert history["mean_cosine"][-1] < history["mean_cosine"][0] - 0.2
    assert history["mean_cosine"][-1] == cosine_of(model)["mean_cosine"]
    assert history["loss"][-1] < 0.7 * history["loss"][0]


def test_the_history_has_step_0_every_few_steps_and_the_last():
    _, history = run(measure=cosine_of)
    assert history.at("mean_cosine").tolist() == [0, 5, 10, 12]
    assert history.at("loss").tolist() == [5, 10, 12]
    assert history["mean_cosine"][0] == cosine_of(encoder())["mean_cosine"]
    _, history = run()
    assert history.step.tolist() == [5, 10, 12] and history.metrics == ["loss"]


def test_the_same_seed_gives_the_same_bits_whatever_is_watched():
    calls = []
    (plain, history), (again, _) = run(), run()
    watched, seen = run(measure=cosine_of, progress=lambda *call: calls.append(call))
    assert bits(plain) == bits(again) == bits(watched)
    assert history["loss"].tolist() == seen["loss"].tolist()
    assert bits(run(seed=1)[0]) != bits(plain)
    assert [call[:2] for call in calls] == [(step, 12) for step in range(1, 13)]


def test_dropout_is_the_only_noise_between_the_views():
    one, _ = run(0.1)
    two, _ = run(0.0)
    assert bits(one) != bits(two)
    model = encoder(0.1)
    set_dropout(model, 0.0)
    train_contrastive(model, TEXTS, steps=12, batch_size=4, lr=3e-3, rng=np.random.default_rng(0))
    assert bits(model) == bits(two)


def test_a_last_batch_of_one_text_is_left_out_and_a_large_batch_is_all_texts():
    _, history = run(texts=TEXTS[:5], batch_size=4)  # 4 + 1
    assert history.step.tolist() == [5, 10, 12] and np.isfinite(history["loss"]).all()
    model, _ = run(batch_size=6)
    assert bits(run(batch_size=64)[0]) == bits(model)


def test_frozen_weights_stay_and_the_encoder_ends_in_evaluation_mode():
    model = encoder(0.1)
    freeze(model, "embeddings")
    before = model.state_dict()
    modes = []
    train_contrastive(
        model, TEXTS, steps=3, batch_size=3, every=1, rng=np.random.default_rng(0),
        measure=lambda m: {"training": modes.append([x.training for x in m.modules()]) or 0},
        progress=lambda *_: modes.append([model.embeddings.training, model.encoder.training]),
    )
    assert not any(modes[0]) and modes[2] == [False, True]
    assert not any(m.training for m in model.modules())
    after = model.state_dict()
    same = [n for n in before if before[n].tobytes() == after[n].tobytes()]
    assert same == [n for n in before if n.startswith("embeddings")]


def test_a_stopped_run_leaves_the_encoder_in_evaluation_mode():
    model = encoder(0.1)

    def stop(step, *_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_contrastive(model, TEXTS, steps=3, progress=stop, rng=np.random.default_rng(0))
    assert not any(m.training for m in model.modules())


@pytest.mark.parametrize("options", [
    {"steps": 0}, {"steps": 2.5}, {"every": 0}, {"every": 0.5}, {"batch_size": 1},
    {"batch_size": 2.5}, {"tau": 0.0}, {"tau": -1.0}, {"tau": np.nan}, {"pool": "first"},
    {"lr": 0.0}, {"lr": np.nan},
])
def test_options_that_cannot_work_are_refused_before_anything_changes(options):
    model = encoder(0.1).eval()
    before = bits(model)
    with pytest.raises(ConfigError):
        train_contrastive(model, TEXTS, **{"steps": 3, **options}, rng=np.random.default_rng(0))
    assert bits(model) == before and not model.training


@pytest.mark.parametrize("texts, error, message", [
    ([], DataError, "0 texts; a contrast needs at least two"),
    (["one"], DataError, "1 texts; a contrast needs at least two"),
    ("one text", DtypeError, "texts is one string, expected a list"),
    (["one", None], DtypeError, r"texts\[1\] is NoneType"),
])
def test_texts_that_cannot_work_are_refused(texts, error, message):
    with pytest.raises(error, match=message):
        run(texts=texts)


def test_an_encoder_without_a_tokenizer_is_refused():
    model = encoder()
    model.tokenizer = None
    with pytest.raises(ConfigError, match="train_contrastive: the encoder has no tokenizer"):
        train_contrastive(model, TEXTS, steps=1, rng=np.random.default_rng(0))


def test_empty_texts_are_texts():
    _, history = run(texts=["", "a", ""])
    assert np.isfinite(history["loss"]).all()
