"""Latent forgetting, savings and probes: on bodies of which one knows what was lost."""

import numpy as np
import pytest

from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.encoder.model import copy_of
from npft.errors import ConfigError, DataError
from npft.finetune.regimes import freeze_body
from npft.finetune.train import evaluate, fine_tune_steps
from npft.forgetting.latent import LatentForgetting, Savings, latent_forgetting, linear_probe, refit
from npft.forgetting.latent import savings
from npft.heads.classes import Classifier
from npft.heads.tags import TokenClassifier
from npft.heads.words import MaskedLM
from npft.nn.history import History
from npft.nn.layers import set_dropout
from npft.text.bytes import ByteTokenizer
from npft.worlds import TinyWorld

QUICK = {"steps": 30, "batch_size": 8}


def pair(small):
    _, mlm = small.models()
    return copy_of(mlm), mlm


def times(mlm, factor):
    """Multiply all numbers that the body says by a factor."""
    for p in mlm.encoder.layernorm.parameters():
        p.assign(factor * p.numpy())


def latent(small, start, mlm, seed=0, **options):
    rng = np.random.default_rng(seed)
    return latent_forgetting(
        start, mlm, small.documents, small.probe, rng=rng, **QUICK | options)


# ---- refit ----


@pytest.mark.parametrize("tied", [True, False])
def test_a_refit_trains_new_heads_and_leaves_the_body_to_the_last_bit(small, bits, tied):
    mlm = MaskedLM(small.models()[1].encoder, False, tied, rng=np.random.default_rng(1))
    before = bits(mlm)
    fresh = refit(mlm, small.documents, rng=np.random.default_rng(0), **QUICK)
    assert bits(mlm) == before and all(p.requires_grad for p in mlm.parameters())
    assert fresh.encoder is not mlm.encoder and bits(fresh.encoder) == bits(mlm.encoder)
    trained = {n for n, p in fresh.named_parameters() if p.requires_grad}
    assert all(n.startswith("heads.mlm.") for n in trained)
    assert any("decoder" in n for n in trained) != tied  # tied, the table is the body's: it stays
    own = mlm.state_dict()
    assert all((a != own[n]).any() for n, a in fresh.state_dict().items() if n in trained)


def test_a_refit_learns_what_the_body_knows(small):
    mlm = small.models()[1]
    new = type(mlm).from_options(mlm.encoder, mlm.options(), rng=np.random.default_rng(0))
    fresh = refit(mlm, small.documents, rng=np.random.default_rng(0), **QUICK)
    loss = fresh.measure(small.probe)["mlm_loss"]
    assert loss < small.unigram - 0.5 < new.measure(small.probe)["mlm_loss"]


def test_the_same_seed_gives_the_same_bits(small, bits):
    mlm = small.models()[1]
    one, same, other = (
        bits(refit(mlm, small.documents, steps=3, rng=np.random.default_rng(s))) for s in (0, 0, 1))
    assert one == same != other


def test_all_heads_are_refitted_also_that_of_pairs(small):
    mlm = MaskedLM(small.models()[1].encoder, True, rng=np.random.default_rng(1))
    fresh = refit(mlm, small.documents, steps=2, rng=np.random.default_rng(0))
    assert {n.split(".")[1] for n, p in fresh.named_parameters() if p.requires_grad} == {
        "mlm", "nsp"}


# ---- latent forgetting ----


def test_nothing_is_forgotten_before_training_in_any_sense(small):
    found = latent(small, *pair(small), steps=3)
    assert found.rise == found.latent_rise == found.head_drift == 0.0
    assert found.start == small.models()[1].measure(small.probe)["mlm_loss"]
    assert found.start_refitted != found.start


def test_what_only_the_old_head_no_longer_finds_is_head_drift(small):
    """All numbers of the last state change sign: nothing is lost, and the old head is wrong."""
    start, mlm = pair(small)
    times(mlm, -1)
    found = latent(small, start, mlm)
    assert found.rise > 1  # nat
    assert abs(found.latent_rise) < 0.1 * found.rise
    assert found.head_drift > 0.9 * found.rise


def test_what_no_head_can_bring_back_is_lost(small):
    """A body that says the same of every token leaves nothing but the frequencies."""
    start, mlm = pair(small)
    times(mlm, 0)
    found = latent(small, start, mlm)
    assert found.now_refitted > small.unigram - 0.1 > found.start_refitted + 0.5
    assert found.latent_rise > 0.5


def test_rise_is_head_drift_and_latent_rise():
    found = LatentForgetting(start=1.0, now=3.0, start_refitted=1.5, now_refitted=2.25)
    assert (found.rise, found.latent_rise, found.head_drift) == (2.0, 0.75, 1.25)


def test_the_models_stay_as_they_are(small, bits):
    start, mlm = pair(small)
    before = bits(start), bits(mlm)
    latent(small, start, mlm, steps=2)
    assert (bits(start), bits(mlm)) == before


def test_models_that_share_their_body_are_refused(small):
    _, mlm = small.models()
    rng = np.random.default_rng(0)
    with pytest.raises(ConfigError, match="latent_forgetting: start and model share"):
        latent(small, mlm, mlm)
    with pytest.raises(ConfigError, match="savings: start and model share"):
        savings(mlm, mlm, small.documents, small.probe, steps=1, rng=rng)
    model = small.models()[0]
    for measure in (latent_forgetting, savings):
        with pytest.raises(ConfigError, match="heads of the model are classes; give .* 'mlm'"):
            measure(copy_of(model), model, small.documents, small.probe, steps=1, rng=rng)
        with pytest.raises(ConfigError, match="rng is 3, expected a generator"):
            measure(copy_of(mlm), mlm, small.documents, small.probe, steps=1, rng=3)
    with pytest.raises(DataError, match="no token of the batch has a label"):
        bare = small.probe.replace(token_labels=None)
        latent_forgetting(copy_of(mlm), mlm, small.documents, bare, rng=rng, **QUICK)


# ---- savings ----


def saved(small, start, mlm, seed=0, **options):
    options = {"steps": 2, "every": 1, "batch_size": 16, "lr": 1e-2, "tolerance": 0.15} | options
    rng = np.random.default_rng(seed)
    return savings(start, mlm, small.documents, small.probe, rng=rng, **options)


def test_a_body_that_has_forgotten_learns_again_sooner_than_a_new_one(small, bits):
    model, mlm = small.models()
    start = copy_of(mlm)
    small.train_only(model, epochs=8, lr=2e-2)
    before = bits(start), bits(mlm)
    found = saved(small, start, mlm, steps=80, every=5)
    assert mlm.measure(small.probe)["mlm_loss"] > found.target
    assert 0 < found.relearn < found.new and 0 < found.share < 1
    assert (bits(start), bits(mlm)) == before


def test_who_has_forgotten_nothing_needs_no_step_and_who_never_comes_so_far_has_no_number(small):
    start, mlm = pair(small)
    found = saved(small, start, mlm, tolerance=0.5)
    assert found.target == mlm.measure(small.probe)["mlm_loss"] + 0.5
    assert found.relearn == 0 and found.new is None and found.share is None


def test_the_share_of_the_steps_that_are_saved():
    assert Savings(2.0, 0, 10).share == 1 and Savings(2.0, 10, 10).share == 0
    assert Savings(2.0, 20, 10).share == -1  # it took twice as long
    assert Savings(2.0, None, 10).share is None and Savings(2.0, 5, None).share is None
    assert Savings(2.0, 0, 0).share is None


@pytest.mark.parametrize("options, words", [
    ({"tolerance": -0.1}, "savings: tolerance is -0.1"), ({"every": 0}, "every is 0"),
    ({"steps": 0}, "steps is 0"),
])
def test_numbers_out_of_range_are_refused(small, options, words):
    with pytest.raises(ConfigError, match=words):
        saved(small, *pair(small), **options)


# ---- probes ----


def topics(small, n, seed):
    """Texts of one topic each; the label is the topic, which the pretrained body must know."""
    words = [("cat", "dog", "cow"), ("red", "blue", "pink"), ("rice", "tea", "soup")]
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    return small.tok([" ".join(rng.choice(words[k], 4)) for k in labels], labels=labels)


def probed(small, model, seed=0, epochs=3):
    rng = np.random.default_rng(seed)
    return linear_probe(
        model, lambda body: Classifier(body, 3, rng=rng), topics(small, 60, 1),
        topics(small, 40, 2), epochs=epochs, rng=rng)


def test_a_probe_finds_what_the_body_knows_and_nothing_in_one_that_says_nothing(small):
    _, mlm = pair(small)
    assert probed(small, mlm) > 0.9
    times(mlm, 0)
    assert probed(small, mlm) < 0.4


def test_a_probe_is_a_head_trained_on_the_frozen_body(small):
    _, mlm = pair(small)
    rng = np.random.default_rng(5)
    model = Classifier(copy_of(mlm).encoder, 3, rng=rng)
    freeze_body(model)
    history = History()
    for _ in fine_tune_steps(model, topics(small, 60, 1), history, epochs=3, lr=1e-2, rng=rng):
        pass
    assert probed(small, mlm, seed=5) == pytest.approx(evaluate(model, topics(small, 40, 2)).f1)


def test_parts_of_speech_are_probed_by_a_tagger(small):
    tagged = TinyWorld(3).task("pos", 30, seed=1)
    config = EncoderConfig(vocab_size=260, hidden_size=8, num_layers=1, num_heads=1,
                           intermediate_size=8, max_positions=64, init_std=0.1)
    rng = np.random.default_rng(0)
    mlm = MaskedLM(Encoder(config, tokenizer=ByteTokenizer(), rng=rng), False, rng=rng)

    def make(body):
        return TokenClassifier(body, tagged.tag_names, rng=np.random.default_rng(0))

    data = make(mlm.encoder).batch_of(tagged)
    found = [linear_probe(mlm, make, data, data, epochs=n, rng=np.random.default_rng(0))
             for n in (1, 4)]
    assert 0 <= found[0] < found[1] <= 1


def test_a_probe_in_the_middle_of_a_run_changes_nothing_of_it(small, bits):
    (plain, _), (watched, mlm) = small.models(dropout=0.2), small.models(dropout=0.2)
    set_dropout(plain.encoder, 0.1)
    set_dropout(watched.encoder, 0.1)
    small.train_only(plain)
    curve = small.curve(watched, mlm, also={"topic": lambda: probed(small, mlm, epochs=1)})
    assert bits(watched) == bits(plain)
    assert curve.also["topic"].shape == curve.step.shape
    assert curve.also["topic"][-1] == probed(small, mlm, epochs=1)
