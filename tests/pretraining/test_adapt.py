"""Domain-adaptive pretraining: honest figures before, along and after, and an untouched model."""

import copy

import numpy as np
import pytest

from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.encoder.model import copy_of
from npft.errors import CheckpointError, ConfigError
from npft.heads.words import MaskedLM
from npft.nn.layers import Dropout, set_dropout
from npft.nn.module import freeze
from npft.pretraining.adapt import adapt
from npft.pretraining.catalogue import OBJECTIVES
from npft.pretraining.probe import make_probe
from npft.pretraining.train import pretrain
from npft.text.wordpiece import WordPiece

TOPICS = [("cat", "dog", "cow"), ("red", "blue", "pink"), ("rice", "tea", "soup")]
NEW = [("valve", "stent", "graft"), ("femur", "tibia", "screw")]  # not in the vocabulary


def text(n, topics=TOPICS, seed=0):
    rng = np.random.default_rng(seed)
    return [
        [" ".join(rng.choice(topics[d % len(topics)], 5)) for _ in range(4)] for d in range(n)
    ]


GENERAL, DOMAIN = text(60), text(40, NEW, seed=1)
GENERAL_HELD, DOMAIN_HELD = text(12, seed=8), text(12, NEW, seed=9)
LETTERS = " ".join(2 * letter for letter in "abcdefghijklmnopqrstuvwxyz")
TOK = WordPiece.train([s for d in GENERAL for s in d] + [LETTERS], vocab_size=130)


def rng(seed=0):
    return np.random.default_rng(seed)


def new_model(nsp=True, dropout=0.0):
    config = EncoderConfig(
        vocab_size=TOK.vocab_size, hidden_size=16, num_layers=1, num_heads=2, intermediate_size=32,
        max_positions=40, dropout=dropout)
    return MaskedLM(Encoder(config, tokenizer=TOK, rng=rng()), nsp, rng=rng())


@pytest.fixture(scope="module", params=[True, False], ids=["pairs", "segments"])
def pretrained(request):
    mlm = new_model(request.param)
    pretrain(mlm, GENERAL, steps=300, batch_size=16, lr=1e-2, rng=rng())
    return mlm


def bits(module):
    return b"".join(a.tobytes() for a in module.state_dict().values())


def run(mlm, documents=DOMAIN, seed=0, **options):
    options = {"held_out": DOMAIN_HELD, "general": GENERAL_HELD, "steps": 60, "every": 30,
               "batch_size": 16, "lr": 1e-2, **options}
    return adapt(mlm, documents, **options, rng=rng(seed))


def test_the_figures_of_step_0_are_a_direct_evaluation_of_the_model(pretrained):
    _, history = run(pretrained)
    seed = int(rng().integers(2**32))
    for name, documents in (("domain", DOMAIN_HELD), ("seen", DOMAIN), ("general", GENERAL_HELD)):
        probe = make_probe(
            documents, pretrained.encoder.tokenizer, max_length=40,
            layout="pairs" if pretrained.nsp else "segments",
            rng=rng(seed))
        found = pretrained.measure(probe)
        for figure, value in found.items():
            assert history[f"{name}_{figure}"][0] == value
    assert history.at("gap").tolist() == [0, 30, 60]


def test_the_figures_of_the_last_step_are_those_of_the_model_returned(pretrained):
    adapted, history = run(pretrained)
    _, again = run(adapted, steps=1, every=1)  # the same seed: the same masks
    for name in ("domain", "seen", "general"):
        assert again[f"{name}_mlm_loss"][0] == history[f"{name}_mlm_loss"][-1]


def test_the_model_passed_in_is_not_changed_and_shares_nothing(pretrained):
    before = bits(pretrained)
    documents = copy.deepcopy((DOMAIN, DOMAIN_HELD, GENERAL_HELD, GENERAL))
    adapted, _ = run(pretrained, pool=GENERAL, replay=0.5)
    assert bits(pretrained) == before != bits(adapted)
    mine = {id(p) for p in pretrained.parameters()}
    assert not mine & {id(p) for p in adapted.parameters()}
    assert adapted.encoder is not pretrained.encoder
    assert documents == (DOMAIN, DOMAIN_HELD, GENERAL_HELD, GENERAL)


def test_the_tokenizer_stays_that_of_general_text(pretrained):
    """So the general loss goes on where pretraining left it, though the domain's words are new."""
    adapted, history = run(pretrained)
    assert adapted.encoder.tokenizer is pretrained.encoder.tokenizer
    assert adapted.encoder.config == pretrained.encoder.config
    assert len(TOK.encode("cow")) == 1 and len(TOK.encode("valve")) > 1
    found = {name: history[f"{name}_mlm_loss"][0] for name in ("general", "domain")}
    assert found["general"] < np.log(9) + 0.1 < 4 < found["domain"]  # 9 general words


def test_the_domain_is_learnt_and_the_general_text_forgotten_but_for_replay(pretrained):
    _, plain = run(pretrained)
    _, mixed = run(pretrained, pool=GENERAL, replay=0.5)
    for history in (plain, mixed):
        assert history["domain_mlm_loss"][-1] < history["domain_mlm_loss"][0] - 1
    rise, kept = (h["general_mlm_loss"][-1] - h["general_mlm_loss"][0] for h in (plain, mixed))
    assert rise > 0.5 and kept < rise / 2


def test_the_gap_is_exactly_0_where_the_held_out_text_is_the_training_text(pretrained):
    _, history = run(pretrained, held_out=DOMAIN)
    assert history["gap"].tolist() == [0.0] * 3
    _, other = run(pretrained)
    assert (other["gap"] == other["domain_mlm_loss"] - other["seen_mlm_loss"]).all()
    assert (other["gap"] != 0).all()


def test_what_is_frozen_stays_frozen_and_every_dropout_stays_as_it_was_set():
    mlm = new_model(nsp=False, dropout=0.1)
    freeze(mlm, "encoder.embeddings.")
    set_dropout(mlm.encoder.encoder, 0.3)
    adapted, _ = run(mlm, steps=2, every=2)
    assert bits(adapted.encoder.embeddings) == bits(mlm.encoder.embeddings)
    assert bits(adapted.encoder.encoder) != bits(mlm.encoder.encoder)
    trains = [[p.requires_grad for p in m.parameters()] for m in (adapted, mlm)]
    chances = [[m.p for m in x.modules() if isinstance(m, Dropout)] for x in (adapted, mlm)]
    assert trains[0] == trains[1] and chances[0] == chances[1] and set(chances[0]) == {0.1, 0.3}


def test_generators_are_adapted_to_as_lists_are(pretrained):
    documents = [(iter(d) for d in text) for text in (DOMAIN, DOMAIN_HELD, GENERAL_HELD, GENERAL)]
    options = {"replay": 0.5, "steps": 2, "every": 2}
    once, history = run(
        pretrained, documents[0], held_out=documents[1], general=documents[2], pool=documents[3],
        **options)
    again, same = run(pretrained, pool=GENERAL, **options)
    assert bits(once) == bits(again) and history.rows == same.rows


def test_a_small_text_is_learnt_by_heart_and_a_large_one_is_not():
    mlm = new_model(nsp=False)
    words = np.array([a + b for a in "bdfgk" for b in ("an", "el", "is", "on")])

    def noise(n, seed):  # nothing to learn but how often words occur
        return [[" ".join(rng(seed + d).choice(words, 6)) for _ in range(3)] for d in range(n)]

    held = noise(40, 10_000)
    gaps = {
        n: adapt(mlm, noise(n, 0), held_out=held, steps=300, batch_size=16, lr=1e-2, every=300,
                 rng=rng())[1]["gap"]
        for n in (4, 800)
    }
    assert gaps[4][-1] > gaps[4][0] + 0.5 and abs(gaps[800][-1]) < 0.25


def test_the_same_seed_gives_the_same_bits_and_measuring_the_general_text_changes_none(pretrained):
    (a, one), (b, two) = run(pretrained), run(pretrained)
    assert bits(a) == bits(b) and one.rows == two.rows
    c, three = run(pretrained, general=None)
    assert bits(c) == bits(a) and "general_mlm_loss" not in three.metrics
    assert bits(run(pretrained, seed=1)[0]) != bits(a)


def test_a_run_that_was_stopped_goes_on_to_the_same_bits(pretrained, tmp_path):
    whole, history = run(pretrained, steps=8, every=2)

    def stop(done, total, message):
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(pretrained, steps=8, every=2, folder=tmp_path, progress=stop)
    late, again = run(pretrained, steps=8, every=2, folder=tmp_path, resume=True)
    assert bits(late) == bits(whole) and again.rows == history.rows
    other = copy_of(pretrained)
    other.heads["mlm"].bias.assign(pretrained.heads["mlm"].bias.data + 1)
    with pytest.raises(CheckpointError, match="origin was"):  # it began with other weights
        run(other, steps=8, every=2, folder=tmp_path, resume=True)


@pytest.mark.parametrize("name", ["mlm,sop", "roberta", "span,sbo", "clm", "electra"])
def test_every_objective_goes_on_with_its_own_losses(name):
    chosen = OBJECTIVES[name]
    config = EncoderConfig(
        vocab_size=TOK.vocab_size, hidden_size=8, num_layers=1, num_heads=2, intermediate_size=16,
        max_positions=40, causal=chosen.causal)
    lm = chosen.model(Encoder(config, tokenizer=TOK, rng=rng()), rng=rng())
    twin = copy_of(lm)
    assert bits(twin) == bits(lm) and type(twin) is type(lm) and twin.options() == lm.options()
    adapted, history = run(lm, layout=chosen.layout, corrupt=chosen.corrupt, steps=2, every=1)
    first = next(n for n in history.metrics if n.endswith("_loss"))
    assert first.startswith("domain_")
    assert (history["gap"] == history[first] - history[first.replace("domain", "seen")]).all()
    assert bits(adapted) != bits(lm)


@pytest.mark.parametrize("options, words", [
    ({"replay": 1.0, "pool": GENERAL}, "replay is 1.0"),
    ({"replay": -0.1, "pool": GENERAL}, "replay is -0.1"),
    ({"replay": float("nan"), "pool": GENERAL}, "replay is nan"),
    ({"replay": 0.2}, "replay needs a pool"),
    ({"steps": 0}, "adapt: steps is 0, expected a whole number"),
    ({"step": 1}, "adapt: there is no option step"),
    ({"lr": "fast"}, "adapt: lr is 'fast'"),
    ({"layout": "nix"}, "adapt: layout is 'nix', expected one of segments"),
    ({"resume": True}, "adapt: resume needs the folder"),
    ({"corrupt": "mask_tokens"}, "adapt: corrupt is 'mask_tokens', expected a function"),
    ({"shares": {"domain": 1.0}, "origin": "x"}, "adapt: shares, origin cannot be given"),
])  # fmt: skip
def test_what_cannot_be_adapted_is_refused_before_a_text_is_cut(
    pretrained, options, words, monkeypatch
):
    def cut(*_):
        raise AssertionError("a text was cut")

    monkeypatch.setattr(WordPiece, "encode", cut)
    with pytest.raises(ConfigError, match=words):
        run(pretrained, **options)


def test_a_seed_and_an_encoder_are_refused(pretrained):
    with pytest.raises(ConfigError, match="adapt: rng is 3, expected a generator"):
        adapt(pretrained, DOMAIN, held_out=DOMAIN_HELD, steps=1, rng=3)
    with pytest.raises(ConfigError, match="adapt: model is Encoder, expected a model with heads"):
        run(pretrained.body)


def test_a_model_without_a_tokenizer_is_refused():
    config = EncoderConfig.lesson()
    mlm = MaskedLM(Encoder(config, rng=rng()), nsp=False, rng=rng())
    with pytest.raises(ConfigError, match="no tokenizer"):
        run(mlm)
