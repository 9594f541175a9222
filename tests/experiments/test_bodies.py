"""Bodies pretrained on TinyWorld: what they read, what is held out, and that they repeat."""

import numpy as np
import pytest

from npft.experiments import bodies
from npft.experiments.bodies import pretrain_tinyworld, world_text
from npft.worlds import TinyWorld, hard_sms_fixture


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(bodies, "VOCAB_SIZE", 300)


SIZES = {"documents": 30, "held_out": 6}


def test_the_held_out_documents_are_others_than_those_trained_on():
    text, world = world_text(3, **SIZES), TinyWorld(3)
    assert text.train == [d.sentences for d in world.documents(30)]
    assert text.held_out == [d.sentences for d in world.documents(6, start=30)]
    assert world_text(3, **SIZES).train == text.train != world_text(4, **SIZES).train


def test_the_vocabulary_knows_the_training_documents_and_the_messages_alone():
    text = world_text(3, **SIZES)
    assert text.vocabulary == [s for d in text.train for s in d] + hard_sms_fixture()[0].texts
    assert text.vocab_size == 300


def test_a_body_repeats_with_its_seed_and_is_measured_along_the_way():
    first, history = pretrain_tinyworld(3, steps=4, **SIZES)
    again, same = pretrain_tinyworld(3, steps=4, **SIZES)
    other, _ = pretrain_tinyworld(4, steps=4, **SIZES)
    assert history.rows == same.rows and history.at("mlm_loss").tolist() == [0, 1, 2, 3, 4]
    bits = [b"".join(p.data.tobytes() for p in m.parameters()) for m in (first, again, other)]
    assert bits[0] == bits[1] != bits[2]
    assert first.nsp and first.encoder.config.max_positions == bodies.MAX_POSITIONS
    assert first.encoder.config.vocab_size <= 300 and np.isfinite(history["mlm_loss"]).all()
    seen = []
    pretrain_tinyworld(3, steps=2, **SIZES, progress=lambda step, total, _: seen.append((step, total)))
    assert seen[-1] == (2, 2)
