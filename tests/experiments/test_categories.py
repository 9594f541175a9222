"""What a body finds unlike: tables in order of topic, and their agreement with the topics."""

import json

import numpy as np
import pytest

from npft.embed.likeness import rdm, rsa
from npft.embed.sentences import SentenceEncoder
from npft.experiments import cone, regimes
from npft.experiments.categories import categories_cell
from npft.heads.words import MaskedLM
from npft.worlds import TinyWorld


@pytest.fixture
def cell(monkeypatch, body):
    monkeypatch.setattr(regimes, "TEST_SIZE", 40)
    monkeypatch.setattr(cone, "make_task", lambda name, n, seed: regimes.make_task(
        name, n // 16, seed))
    return {"seed": 3, "body": body, "world": 7, "epochs": 1, "each": 3}


def test_a_cell_compares_each_state_with_the_topics_and_the_start_and_repeats_itself(cell):
    found = categories_cell(cell)
    assert {k: found[k] for k in cell} == cell
    assert set(found) - set(cell) == {"names", "rdm", "most", "gold", "before"}
    assert list(found["rdm"]) == list(found["gold"]) == ["mlm", "topic", "sms"]
    assert list(found["before"]) == ["topic", "sms"]
    assert all(-1 <= r < 1 for part in ("gold", "before") for r in found[part].values())
    assert json.loads(json.dumps(found)) == found == categories_cell(cell)


def test_the_table_is_of_unseen_sentences_in_order_of_topic(cell):
    found = categories_cell(cell)
    task = TinyWorld(7).task("topic", 24, seed=2)
    order = np.argsort(task.labels, kind="stable")
    texts = [task.texts[i] for i in order]
    encoder = MaskedLM.load(cell["body"]).body
    table = rdm(SentenceEncoder(encoder, normalize=False).encode(texts))
    assert np.array(found["rdm"]["mlm"]) == pytest.approx(table, abs=6e-4)  # three digits
    blocks = 1 - np.kron(np.eye(8), np.ones((3, 3)))
    assert found["gold"]["mlm"] == pytest.approx(rsa(table, blocks))
    perfect = np.where(blocks == 0, table / 3, 1 + table)  # no pair between topics is as alike
    assert found["most"] == pytest.approx(rsa(np.where(np.eye(24), 0, perfect), blocks))
    assert found["names"] == TinyWorld.topic_names
