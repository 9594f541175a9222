"""Every objective by name: it learns, is saved and loaded, goes on, and the recipe runs it."""

import json
import re
from functools import partial

import numpy as np
import pytest
from asked import labelled

from npft.files.arguments import build_parser
from npft.encoder.checkpoint import read_training, save
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.errors import CheckpointError, ConfigError
from npft.files.pretrain import file_text, pretrain_text, report_text
from npft.heads.boundary import SpanLM
from npft.heads.words import MaskedLM
from npft.loading import load
from npft.pretraining import catalogue
from npft.pretraining.catalogue import OBJECTIVES
from npft.pretraining.causal import CausalLM
from npft.pretraining.electra import ReplacedTokens
from npft.pretraining.masking import mask_tokens
from npft.pretraining.probe import make_probe
from npft.pretraining.start import PRETRAIN_LR, Vocabulary, make_tokenizer, new_encoder
from npft.pretraining.train import pretrain
from npft.text.wordpiece import WordPiece

TOPICS = [("cat", "dog", "cow"), ("red", "blue", "pink"), ("rice", "tea", "soup")]
FIRST = {"clm": "clm", "electra": "rtd"}  # the first part of the loss; of the others "mlm"
NAMES = list(OBJECTIVES)


def topics(n, seed=0):
    """Documents of four sentences whose words all come from one of three topics."""
    rng = np.random.default_rng(seed)
    return [[" ".join(rng.choice(TOPICS[d % 3], 6)) for _ in range(4)] for d in range(n)]


TOK = WordPiece.train([s for d in topics(24) for s in d], vocab_size=80)


def model(name, seed=0):
    rng = np.random.default_rng(seed)
    config = EncoderConfig(
        vocab_size=TOK.vocab_size, hidden_size=16, num_layers=1, num_heads=2, intermediate_size=32,
        max_positions=20, dropout=0.1, init_std=0.1, causal=OBJECTIVES[name].causal)
    return OBJECTIVES[name].model(Encoder(config, tokenizer=TOK, rng=rng), rng=rng)


def train(lm, name, steps=30, **options):
    objective = OBJECTIVES[name]
    options = {"every": 10, "lr": 1e-2, "batch_size": 16, "held_out": topics(12, seed=9)} | options
    return pretrain(
        lm, topics(60, seed=1), steps=steps, layout=objective.layout, corrupt=objective.corrupt,
        rng=np.random.default_rng(0), **options)


def bits(lm):
    return b"".join(a.tobytes() for a in lm.state_dict().values())


def test_the_table_at_the_top_says_what_the_objectives_are():
    rows = [re.split(r"\s{2,}", line.strip()) for line in catalogue.__doc__.splitlines()]
    table = {row[0]: row[1:4] for row in rows if len(row) > 3 and row[0] != "name"}
    assert list(table) == NAMES
    for name, (kind, layout, corruption) in table.items():
        lm, objective = model(name), OBJECTIVES[name]
        with_pairs = ", pairs" * getattr(lm, "nsp", False)
        assert f"{type(lm).__name__}{with_pairs}" == kind
        assert objective.layout == layout and objective.corrupt.__name__ == corruption
        assert lm.encoder.config.causal == objective.causal == (name == "clm")


def test_the_command_line_knows_every_objective_and_no_other():
    parse = build_parser("1", ["pretrain"]).parse_args
    for name in NAMES:
        assert parse(["pretrain", "f", "--out", "o", "--objective", name]).objective == name
    with pytest.raises(SystemExit):
        parse(["pretrain", "f", "--out", "o", "--objective", "nsp"])


@pytest.mark.parametrize("name", NAMES)
def test_thirty_steps_lower_the_loss_and_the_loaded_model_measures_the_same(name, tmp_path):
    lm, first = model(name), FIRST.get(name, "mlm")
    history = train(lm, name)
    held_out, trained = history[f"{first}_loss"], history[f"train_{first}"]
    assert held_out[-1] < held_out[0] - 0.1
    assert trained[-1] < trained[-3] - 0.05
    save(tmp_path, lm)
    again = load(tmp_path)
    assert type(again) is type(lm) and bits(again) == bits(lm) and again.options() == lm.options()
    objective = OBJECTIVES[name]
    probe = make_probe(topics(12, seed=5), TOK, max_length=20, layout=objective.layout,
                       corrupt=objective.corrupt, rng=np.random.default_rng(1))
    figures = lm.measure(probe)
    assert again.measure(probe) == figures
    parts = {"span,sbo": ["mlm", "sbo"], "electra": ["rtd", "mlm"], "clm": ["clm"]}
    pairs = ["mlm", "nsp"] if objective.layout in ("pairs", "order") else ["mlm"]
    assert {f"{part}_loss" for part in parts.get(name, pairs)} < set(figures)


def stop(done, total, message):
    if done == 3:
        raise KeyboardInterrupt


@pytest.mark.parametrize("name", NAMES)
def test_every_objective_goes_on_after_a_stop_to_the_same_bits(name, tmp_path):
    options = {"steps": 6, "every": 1}
    whole, late = model(name), model(name, seed=7)
    history = train(whole, name, **options)
    with pytest.raises(KeyboardInterrupt):
        train(model(name), name, folder=tmp_path, progress=stop, **options)
    again = train(late, name, folder=tmp_path, resume=True, **options)
    assert bits(late) == bits(whole) and again.rows == history.rows


@pytest.mark.parametrize("held_out", [None, topics(12, seed=9)])
def test_a_run_of_one_objective_is_not_gone_on_with_another(held_out, tmp_path):
    """Masked spans and masked tokens differ in nothing but what is done to the text."""
    train(model("roberta"), "roberta", steps=4, folder=tmp_path, held_out=held_out)
    for other in ("span", "static"):
        with pytest.raises(CheckpointError, match="another run was stopped here: corrupt was"):
            train(model(other), other, steps=4, folder=tmp_path, resume=True, held_out=held_out)


def test_options_of_a_corruption_are_known_again_in_another_process(tmp_path):
    """An address in memory would not be."""
    def run(rate, **options):
        pretrain(model("roberta"), topics(60, seed=1), steps=4, every=1, layout="packed",
                 folder=tmp_path, corrupt=partial(mask_tokens, rate=rate),
                 rng=np.random.default_rng(0), **options)

    with pytest.raises(KeyboardInterrupt):
        run(0.3, progress=stop)
    _, (state, _) = read_training(tmp_path)
    assert "0x" not in json.dumps(state["settings"])
    with pytest.raises(CheckpointError, match="another run was stopped here: corrupt was"):
        run(0.2, resume=True)
    run(0.3, resume=True)


def test_a_run_that_has_ended_can_be_resumed_and_stays_as_it_is(tmp_path):
    lm, again = model("roberta"), model("roberta", seed=7)
    history = train(lm, "roberta", steps=4, every=2, folder=tmp_path)
    resumed = train(again, "roberta", steps=4, every=2, folder=tmp_path, resume=True)
    assert resumed.rows == history.rows
    assert bits(again) == bits(lm) and not any(m.training for m in again.modules())


def test_where_no_target_is_a_word_there_is_no_loss_of_frequencies():
    """It would be a mean over nothing."""
    def only_ends(batch, tokenizer, *, rng):
        rows = batch.offsets[1:] - 1
        return labelled(batch, rows, batch.ids[rows])

    history = pretrain(model("mlm"), topics(60), steps=2, corrupt=only_ends,
                       held_out=topics(12, seed=9), rng=np.random.default_rng(0))
    assert "unigram" not in history.metrics and np.isfinite(history["mlm_loss"]).all()


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "topics.txt"
    path.write_text("\n\n".join("\n".join(d) for d in topics(25)) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("name", NAMES)
def test_the_recipe_runs_on_a_text_file(name, text, tmp_path):
    results = pretrain_text(file_text([text]), tmp_path, objective=name, steps=2,
                            vocabulary=Vocabulary(size=80),
                            batch_size=4, progress=lambda title: None)
    assert results["objective"] == name and results["steps"] == 2
    assert results["documents"] == 24 and results["sentences"] == 96
    first = FIRST.get(name, "mlm")
    assert 0 < results[f"{first}_loss"] < 10
    guess = "clm" if name == "clm" else "mlm"
    assert results["below_unigram"] == results["unigram_loss"] - results[f"{guess}_loss"]
    assert json.loads((tmp_path / "results.json").read_text(encoding="utf-8")) == results
    printed = re.sub(" +", " ", report_text(results))
    assert f"loss (nats) {results[f'{first}_loss']:.3f}" in printed
    lm = load(tmp_path)
    expected = {"clm": CausalLM, "electra": ReplacedTokens, "span,sbo": SpanLM}.get(name, MaskedLM)
    assert type(lm) is expected and lm.num_parameters() == results["parameters"]
    assert lm.encoder.config.causal == (name == "clm")
    assert bits(lm) == bits(by_hand(name, text, steps=2, batch_size=4))


def by_hand(name, path, *, steps, batch_size):
    """What the recipe should do with seed 0 and its default learning rate."""
    rng, text, objective = np.random.default_rng(0), file_text([path]), OBJECTIVES[name]
    tok = make_tokenizer(Vocabulary(), text.vocabulary, 80)
    encoder = new_encoder(tok, text.max_positions, rng, objective.causal)
    lm = objective.model(encoder, rng=rng)
    pretrain(lm, text.train, steps=steps, batch_size=batch_size, lr=PRETRAIN_LR, rng=rng,
             layout=objective.layout, corrupt=objective.corrupt)
    return lm


def test_an_unknown_objective_is_refused_before_any_work(text, tmp_path):
    with pytest.raises(ConfigError, match="objective is 'nsp', expected one of .*'clm'"):
        pretrain_text(file_text([text]), tmp_path / "m", objective="nsp",
                      progress=lambda title: None)
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("name", NAMES)
def test_an_objective_trains_its_own_models_and_none_that_cannot_have_its_heads(name):
    objective = OBJECTIVES[name]
    assert objective.trains(model(name))
    rng = np.random.default_rng(0)
    config = EncoderConfig(vocab_size=TOK.vocab_size, hidden_size=8, type_vocab_size=0)
    bare = MaskedLM(Encoder(config, rng=rng), nsp=False, rng=rng)  # no token types, no tokenizer
    assert objective.trains(bare) == isinstance(objective.model, partial)  # masked words alone
