"""A run that is stopped goes on to the same bits, and only as the run it was."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from topics import TOK, bits, documents, model

from npft.encoder.additions import add_lora
from npft.encoder.checkpoint import read_training, save
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.errors import CheckpointError, ConfigError
from npft.heads.words import MaskedLM
from npft.loading import load
from npft.nn.layers import set_dropout
from npft.nn.module import freeze
from npft.pretraining.masking import mask_tokens
from npft.pretraining.probe import make_probe
from npft.pretraining.run import LATER
from npft.pretraining.train import pretrain

SETTINGS = {"steps": 10, "batch_size": 8, "every": 1, "held_out": documents(3, seed=9),
            "lr": 1e-2}


def stop_at(step):
    def progress(done, total, message):
        if done == step:
            raise KeyboardInterrupt

    return progress


def fresh(seed=0):
    return model(True, dropout=0.1, width=4, seed=seed)


@pytest.mark.parametrize("micro_batch", [None, 3])  # packs draw dropout of their own
def test_a_run_that_was_stopped_goes_on_to_the_same_bits(tmp_path, micro_batch):
    settings = SETTINGS | {"micro_batch": micro_batch}
    whole = fresh()
    history = pretrain(whole, documents(), **settings, rng=np.random.default_rng(0))
    for stop in (1, 4, 9):
        folder = tmp_path / str(stop)
        with pytest.raises(KeyboardInterrupt):
            pretrain(fresh(), documents(), **settings, folder=folder, progress=stop_at(stop),
                     rng=np.random.default_rng(0))
        late = fresh(seed=7)  # its own weights are replaced
        again = pretrain(late, documents(), **settings, folder=folder, resume=True,
                         rng=np.random.default_rng(0))
        assert bits(late) == bits(whole) and again.rows == history.rows


def test_numbers_of_numpy_are_numbers(tmp_path):
    settings = SETTINGS | {"steps": np.int64(4), "every": np.int32(2), "lr": np.float32(1e-2)}
    whole, late = fresh(), fresh()
    pretrain(whole, documents(), **settings, rng=np.random.default_rng(0))
    with pytest.raises(KeyboardInterrupt):
        pretrain(fresh(), documents(), **settings, folder=tmp_path, progress=stop_at(3),
                 rng=np.random.default_rng(0))
    pretrain(late, documents(), **settings, folder=tmp_path, resume=True,
             rng=np.random.default_rng(0))
    assert bits(late) == bits(whole)


def test_writing_checkpoints_changes_no_bit(tmp_path):
    one, two = fresh(), fresh()
    pretrain(one, documents(), **SETTINGS, rng=np.random.default_rng(0))
    pretrain(two, documents(), **SETTINGS, folder=tmp_path, rng=np.random.default_rng(0))
    assert bits(one) == bits(two) == bits(load(tmp_path))


def test_a_run_with_other_arguments_is_not_gone_on_with(tmp_path):
    pretrain(fresh(), documents(), **SETTINGS, folder=tmp_path, rng=np.random.default_rng(0))
    options = {**SETTINGS, "steps": 20, "batch_size": 4, "lr": 1e-3}
    words = "steps was 10 and is 20; batch_size was 8 and is 4; lr was 0.01 and is 0.001"
    with pytest.raises(CheckpointError, match=words):
        pretrain(fresh(), documents(), **options, folder=tmp_path, resume=True,
                 rng=np.random.default_rng(0))
    save(tmp_path, fresh())
    with pytest.raises(CheckpointError, match="holds a finished model"):
        pretrain(fresh(), documents(), **SETTINGS, folder=tmp_path, resume=True,
                 rng=np.random.default_rng(0))


@pytest.mark.parametrize("other, words", [
    (lambda docs: documents(seed=5), "text was"),
    # the same sentences, other documents
    (lambda docs: [[sentence for document in docs for sentence in document]], "text was"),
    (lambda docs: [[sentence] for document in docs for sentence in document], "text was"),
    (lambda docs: [[" ".join(document)] for document in docs], "text was"),
    (lambda docs: {"a": docs[:12], "b": docs[12:]}, "text was"),
])
def test_a_run_on_another_text_or_with_other_borders_is_not_gone_on_with(tmp_path, other, words):
    options = {"steps": 4, "every": 1, "batch_size": 8, "layout": "segments", "folder": tmp_path}
    with pytest.raises(KeyboardInterrupt):
        pretrain(model(False, width=4), documents(), **options, progress=stop_at(2),
                 rng=np.random.default_rng(0))
    with pytest.raises(CheckpointError, match=words):
        pretrain(model(False, width=4), other(documents()), **options, resume=True,
                 rng=np.random.default_rng(0))


def test_a_run_of_another_model_is_not_gone_on_with(tmp_path):
    pretrain(fresh(), documents(), **SETTINGS, folder=tmp_path, rng=np.random.default_rng(0))
    config = fresh().encoder.config.as_dict()
    for name, value in {"num_heads": 4, "dropout": 0.3, "layer_norm_eps": 0.1}.items():
        rng = np.random.default_rng(0)
        encoder = Encoder(EncoderConfig(**config | {name: value}), tokenizer=TOK, rng=rng)
        with pytest.raises(CheckpointError, match=f"{name} was"):
            pretrain(MaskedLM(encoder, rng=rng), documents(), **SETTINGS, folder=tmp_path,
                     resume=True, rng=np.random.default_rng(0))


def test_a_corruption_made_in_the_same_place_but_unlike_is_told_apart(tmp_path):
    def hide(rate):
        return lambda batch, tok, *, rng: mask_tokens(batch, tok, rate=rate, rng=rng)

    options = {"steps": 4, "every": 1, "batch_size": 8, "folder": tmp_path}
    with pytest.raises(KeyboardInterrupt):
        pretrain(fresh(), documents(), **options, corrupt=hide(0.15), progress=stop_at(2),
                 rng=np.random.default_rng(0))
    with pytest.raises(CheckpointError, match="corrupt was <lambda>"):
        pretrain(fresh(), documents(), **options, corrupt=hide(0.5), resume=True,
                 rng=np.random.default_rng(0))
    pretrain(fresh(), documents(), **options, corrupt=hide(0.15), resume=True,
             rng=np.random.default_rng(0))


def test_a_run_ended_by_patience_stays_ended_and_patience_cannot_change(tmp_path):
    options = {"steps": 400, "batch_size": 4, "lr": 0.3, "every": 1, "patience": 3,
               "folder": tmp_path, "held_out": documents(3, seed=9)}
    one, two = model(False, width=4), model(False, width=4)
    history = pretrain(one, documents(), **options, rng=np.random.default_rng(0))
    again = pretrain(two, documents(), **options, resume=True, rng=np.random.default_rng(0))
    assert history.step[-1] < 400 and again.rows == history.rows and bits(one) == bits(two)
    with pytest.raises(CheckpointError, match="patience was 3 and is 50"):
        pretrain(two, documents(), **options | {"patience": 50}, resume=True,
                 rng=np.random.default_rng(0))


@pytest.mark.parametrize("damage", [
    lambda state, arrays: state["feed"].update(place="x"),
    lambda state, arrays: state["feed"].update(place=1.5),
    lambda state, arrays: state["feed"].update(place=-5),
    lambda state, arrays: state["feed"].update(more=1),
    lambda state, arrays: arrays.update(epoch=arrays["epoch"] + 1000),
    lambda state, arrays: arrays.update(epoch=arrays["epoch"] + 0.5),
    lambda state, arrays: arrays.update(epoch=arrays["epoch"].astype(float)),
    lambda state, arrays: arrays.update(epoch=np.ones(len(arrays["epoch"]), bool)),
    lambda state, arrays: arrays.update(epoch=arrays["epoch"][None]),
    lambda state, arrays: state.update(history="abc"),
    lambda state, arrays: state.update(history=None),
    lambda state, arrays: state.update(history=[1, 2]),
    lambda state, arrays: state["history"].pop(),
    lambda state, arrays: state["dropout"]["state"].update(state=-1),
    lambda state, arrays: state["dropout"]["state"].update(state=2**200),
    lambda state, arrays: state.update(step=-3),
    lambda state, arrays: state.update(step=99),
    lambda state, arrays: state.update(step=True),
    lambda state, arrays: state.update(tokens=-1),
    lambda state, arrays: state.update(tokens=10**400),
    lambda state, arrays: arrays.update(epoch=arrays["epoch"].astype(float)),
    lambda state, arrays: arrays.update(epoch=arrays["epoch"].astype(bool)),
    lambda state, arrays: state["dropout"]["state"].update(state=0.5),
    lambda state, arrays: state["dropout"].update(has_uint32=True),
    lambda state, arrays: state["feed"]["masks"].update(uinteger=2.5),
    lambda state, arrays: state["feed"]["order"].update(more=1),
    lambda state, arrays: arrays.update({"v.0": arrays["v.0"].astype(float) + 1e39}),
    lambda state, arrays: arrays.update(steps=arrays["steps"] + 0.5),
    lambda state, arrays: arrays.update(steps=arrays["steps"] * 1e39),
    lambda state, arrays: arrays["m.0"].__setitem__(0, np.nan),
    lambda state, arrays: arrays["v.0"].__setitem__(0, -1),
    lambda state, arrays: arrays["steps"].__setitem__(0, -1),
    lambda state, arrays: state.pop("feed"),
    lambda state, arrays: state.update(dropout={"bit_generator": "MT19937"}),
    lambda state, arrays: state.update(settings=None),
    lambda state, arrays: arrays.pop("epoch"),
    lambda state, arrays: arrays.pop("m.0"),
    lambda state, arrays: arrays.update({"v.1": np.zeros(1, np.float32)}),
])  # fmt: skip
def test_a_damaged_state_of_training_is_refused(tmp_path, damage):
    pretrain(fresh(), documents(), **SETTINGS, folder=tmp_path, rng=np.random.default_rng(0))
    _, (state, arrays) = read_training(tmp_path)
    damage(state, arrays)
    save(tmp_path, fresh(seed=3), (state, arrays))
    late = fresh()
    with pytest.raises(CheckpointError, match=str(tmp_path)):
        pretrain(late, documents(), **SETTINGS, folder=tmp_path, resume=True,
                 rng=np.random.default_rng(0))
    assert bits(late) == bits(fresh())  # the model is changed last


CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np
import test_run as t
t.pretrain(t.fresh(), t.documents(), **{**t.SETTINGS, "steps": t.LONG_RUN}, folder=sys.argv[2],
           resume=sys.argv[3] == "resume", rng=np.random.default_rng(0),
           progress=lambda *_: print("step", flush=True))
"""
LONG_RUN, KILLS = 1200, 20


@pytest.mark.slow
def test_killed_at_twenty_random_moments_it_still_ends_with_the_same_bits(tmp_path):
    """kill -9: the file is always whole, and going on gives the bits of a run never stopped."""
    whole = fresh()
    settings = {**SETTINGS, "steps": LONG_RUN}
    pretrain(whole, documents(), **settings, rng=np.random.default_rng(0))
    rng, folder = np.random.default_rng(1), tmp_path / "run"
    for kill in range(KILLS + 1):
        resume = "resume" if (folder / "model.npz").exists() else "begin"
        command = [sys.executable, "-c", CHILD, str(Path(__file__).parent), str(folder), resume]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout.readline() == "step\n"
            if kill < KILLS:
                time.sleep(0.1 * rng.random())
                assert child.poll() is None, "it ended before it was killed: make the run longer"
                child.kill()
            child.communicate()
        if kill < KILLS:
            _, (state, _) = read_training(folder)  # whole, whatever the moment
            assert 1 <= state["step"] <= LONG_RUN
    assert bits(load(folder)) == bits(whole)


def test_a_run_with_another_scale_of_lora_is_not_gone_on_with(tmp_path):
    def with_lora(scale):
        found = fresh()
        add_lora(found, 1, scale, rng=np.random.default_rng(0))
        return found

    with pytest.raises(KeyboardInterrupt):
        pretrain(with_lora(8.0), documents(), **SETTINGS, folder=tmp_path, progress=stop_at(3),
                 rng=np.random.default_rng(0))
    with pytest.raises(CheckpointError, match="additions was .*8.0.* and is .*4.0"):
        pretrain(with_lora(4.0), documents(), **SETTINGS, folder=tmp_path, resume=True,
                 rng=np.random.default_rng(0))


@pytest.mark.parametrize("change, words", [
    (lambda mlm: freeze(mlm, "encoder.embeddings."), "trains was 24 of 24 arrays .* and is 21 of"),
    (lambda mlm: set_dropout(mlm, 0.3), r"dropouts was \d x 0.1 and is \d x 0.3;"),
    (lambda mlm: set_dropout(mlm.encoder.embeddings, 0.0),
     r"dropouts was \d x 0.1 and is 1 x 0.0, \d x 0.1;"),
])
def test_a_run_with_other_frozen_parts_or_another_dropout_is_not_gone_on_with(
    tmp_path, change, words
):
    with pytest.raises(KeyboardInterrupt):
        pretrain(fresh(), documents(), **SETTINGS, folder=tmp_path, progress=stop_at(3),
                 rng=np.random.default_rng(0))
    late = fresh()
    change(late)
    with pytest.raises(CheckpointError, match=words):
        pretrain(late, documents(), **SETTINGS, folder=tmp_path, resume=True,
                 rng=np.random.default_rng(0))


def probe_of(seed=9):
    return make_probe(documents(3, seed=seed), TOK, max_length=20, layout="pairs",
                      rng=np.random.default_rng(0))


@pytest.mark.parametrize("other", [
    {"topic": probe_of()},  # the same under another name
    {"text": probe_of(), "more": probe_of()},
    {"text": probe_of().replace(labels=1 - probe_of().labels)},
    {"text": probe_of().replace(token_labels=np.roll(probe_of().token_labels, 1))},
    {"text": probe_of().replace(token_types=1 - probe_of().token_types)},
], ids=["name", "number", "labels", "token labels", "token types"])
def test_a_run_with_other_probes_is_not_gone_on_with(tmp_path, other):
    options = {"steps": 4, "every": 1, "batch_size": 8, "folder": tmp_path}
    with pytest.raises(KeyboardInterrupt):
        pretrain(fresh(), documents(), **options, probes={"text": probe_of()}, progress=stop_at(2),
                 rng=np.random.default_rng(0))
    with pytest.raises(CheckpointError, match="probes was") as told:
        pretrain(fresh(), documents(), **options, probes=other, resume=True,
                 rng=np.random.default_rng(0))
    assert "probe was" not in str(told.value)  # one cause is told once


def stopped_by_an_older_version(folder, **more):
    """A run that was stopped, in a file as older versions wrote it."""
    stopped = fresh()
    with pytest.raises(KeyboardInterrupt):
        pretrain(stopped, documents(), **SETTINGS | more, folder=folder, progress=stop_at(3),
                 rng=np.random.default_rng(0))
    weights, (state, arrays) = read_training(folder)
    for name in LATER:
        del state["settings"][name]
    stopped.load_state_dict(weights)
    save(folder, stopped, (state, arrays))


@pytest.mark.parametrize("more, change, words", [
    ({}, lambda mlm: freeze(mlm, "encoder.embeddings."),
     r"an older npft wrote it, .*: trains was 24 of 24 arrays \w+ and is 21 of"),
    ({"origin": "that of adapt"}, lambda mlm: set_dropout(mlm, 0.3),
     r"dropouts was \d x 0.1 and is \d x 0.3;"),
])
def test_a_run_of_an_older_version_trained_all_and_adapt_dropped_as_the_configuration_says(
    tmp_path, more, change, words
):
    stopped_by_an_older_version(tmp_path, **more)
    late = fresh()
    change(late)
    with pytest.raises(CheckpointError, match=words):
        pretrain(late, documents(), **SETTINGS | more, folder=tmp_path, resume=True,
                 rng=np.random.default_rng(0))


def test_a_probe_of_a_run_of_an_older_version_is_compared_by_its_tokens(tmp_path):
    stopped_by_an_older_version(tmp_path)
    with pytest.raises(CheckpointError, match="probe was"):
        pretrain(fresh(), documents(), **SETTINGS | {"held_out": documents(3, seed=8)},
                 folder=tmp_path, resume=True, rng=np.random.default_rng(0))


@pytest.mark.parametrize("more", [{}, {"origin": "that of adapt"}])
def test_a_run_stopped_by_an_older_version_goes_on(tmp_path, more):
    whole = fresh()
    pretrain(whole, documents(), **SETTINGS, rng=np.random.default_rng(0))
    stopped_by_an_older_version(tmp_path, **more)
    late = fresh()
    pretrain(late, documents(), **SETTINGS | more, folder=tmp_path, resume=True,
             rng=np.random.default_rng(0))
    assert bits(late) == bits(whole)


def test_options_of_a_head_that_no_file_can_hold_are_refused_before_the_first_step(tmp_path):
    found = fresh()
    found.heads["mlm"].options = lambda: {"weights": np.zeros(2)}
    with pytest.raises(ConfigError, match="pretrain: .* an option is ndarray; give a list"):
        pretrain(found, documents(), **SETTINGS, folder=tmp_path, rng=np.random.default_rng(0))
