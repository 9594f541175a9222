"""SimCSE: two views of a text by dropout, and training that pushes texts apart."""

import numpy as np
import pytest

from npft.contrast.bi_encoder import BiEncoder, train_bi_encoder
from npft.contrast.in_batch import in_batch_loss
from npft.contrast.objectives import InBatch
from npft.contrast.simcse import simcse_loss, train_contrastive
from npft.embed.geometry import mean_cosine
from npft.embed.sentences import SentenceEncoder
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.encoder.pooling import pool
from npft.errors import ConfigError, DataError, DtypeError, ShapeError
from npft.nn.layers import set_dropout
from npft.nn.module import freeze
from npft.text.bytes import ByteTokenizer

TOK = ByteTokenizer()
TEXTS = ["the cat sat", "a dog ran off", "two birds", "rain again", "a long way", "tea"]


def encoder(dropout=0.0, seed=0, **options):
    config = EncoderConfig(
        vocab_size=260, hidden_size=8, num_layers=1, num_heads=2, intermediate_size=8,
        max_positions=16, dropout=dropout, init_std=0.2, **options)
    return Encoder(config, tokenizer=TOK, rng=np.random.default_rng(seed))


def bits(model):
    return b"".join(a.tobytes() for a in model.state_dict().values())


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


def test_a_text_that_occurs_twice_is_a_negative_of_itself_here():
    def bi_encoder(mask_repeats):
        model = BiEncoder(encoder(0.1), InBatch(mask_repeats=mask_repeats))
        train_bi_encoder(model, [TEXTS[:2] * 2] * 2, steps=2, batch_size=4, lr=3e-3,
                         rng=np.random.default_rng(0))
        return bits(model.encoder)

    found = bits(run(texts=TEXTS[:2] * 2, steps=2)[0])
    assert found == bi_encoder(False) != bi_encoder(True)
