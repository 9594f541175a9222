"""The cone through the life of an encoder: one small cell, each figure beside its plain formula."""

import json

import numpy as np
import pytest
from scipy.stats import spearmanr

from npft.embed.geometry import mean_cosine, uniformity
from npft.embed.sentences import SentenceEncoder
from npft.embed.similarity import bag_of_words_encoder, similarity_score
from npft.embed.spectrum import effective_rank
from npft.encoder.checkpoint import save
from npft.errors import NpftError
from npft.experiments import cone, regimes
from npft.experiments.cone import GOLDS, POSITIVE, EmbeddingTest, embedding_cell, turned
from npft.heads.words import MaskedLM
from npft.worlds import TinyWorld

SIZES = {"sentences": 50, "pairs": 60}
FIGURES = {"mean_cosine", "effective_rank", "uniformity", "alignment", *GOLDS}


@pytest.fixture
def small(monkeypatch):
    """Few messages."""
    monkeypatch.setattr(regimes, "TEST_SIZE", 40)
    monkeypatch.setattr(cone, "make_task", lambda name, n, seed: regimes.make_task(
        name, n // 16, seed))


@pytest.fixture
def cell(small, body):
    return {"seed": 3, "body": body, "world": 7, "documents": 10, "steps": 4, "every": 2,
            "epochs": 1, "dropouts": [0.0, 0.1], **SIZES}


def encoder(cell):
    return MaskedLM.load(cell["body"]).body


def test_a_cell_returns_every_state_and_repeats_itself(cell):
    found = embedding_cell(cell)
    assert {k: found[k] for k in cell} == cell
    assert set(found) - set(cell) == {"states", "words", "layers", "paths", "cones"}
    states = ["random", "mlm", "finetuned", "simcse 0", "simcse 0.1"]
    for name in ("states", "layers", "cones"):
        assert list(found[name]) == states
    assert all(set(figures) == FIGURES for figures in found["states"].values())
    assert set(found["words"]) == set(GOLDS)
    assert list(found["paths"]) == ["0", "0.1"]
    assert json.loads(json.dumps(found)) == found == embedding_cell(cell)


def test_states_are_different_and_each_starts_from_the_body_of_the_file(cell):
    found = embedding_cell(cell)
    rows = {name: tuple(figures.values()) for name, figures in found["states"].items()}
    assert len(set(rows.values())) == 5
    # what was trained in other states has not moved this one
    test = EmbeddingTest(TinyWorld(7), 10, **SIZES)
    assert found["states"]["mlm"] == test.measure(encoder(cell))
    assert found["cones"]["mlm"] == test.cone(encoder(cell))
    assert found["layers"]["mlm"] == test.by_layer(encoder(cell))


def test_the_path_of_simcse_leads_from_the_body_to_the_state(cell):
    found = embedding_cell(cell)
    for p, path in found["paths"].items():
        assert [row["step"] for row in path] == [0, 2, 4]
        figures = [{k: v for k, v in row.items() if k in FIGURES} for row in path]
        assert figures[0] == found["states"]["mlm"]
        assert figures[-1] == found["states"][f"simcse {p}"]
        assert "loss" not in path[0] and path[1]["loss"] > 0


def test_no_epochs_leave_the_fine_tuned_state_out(cell):
    found = embedding_cell(cell | {"epochs": 0, "dropouts": []})
    assert list(found["states"]) == ["random", "mlm"] and found["paths"] == {}


def test_the_last_layer_is_what_is_measured(cell):
    found = embedding_cell(cell | {"dropouts": []})
    for name, layers in found["layers"].items():
        assert len(layers) == 3  # the embeddings and two blocks
        assert layers[-1] == pytest.approx(found["states"][name]["mean_cosine"], abs=1e-4)


def test_the_figures_are_those_of_their_formulas(cell):
    test, body = EmbeddingTest(TinyWorld(7), 10, **SIZES), encoder(cell)
    found = test.measure(body)
    encode = SentenceEncoder(body, normalize=False).encode
    x = encode(test.sentences)
    assert found["mean_cosine"] == mean_cosine(x)
    assert found["effective_rank"] == effective_rank(x)
    assert found["uniformity"] == uniformity(x)

    def cosines(pairs):
        a, b = (encode(texts).astype(float) for texts in (pairs.texts, pairs.pairs))
        return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)

    for name in GOLDS:
        gold = test.golds[name]
        expected = spearmanr(cosines(gold), gold.labels).statistic
        assert found[name] == pytest.approx(expected, abs=1e-9)
    gold = test.golds["similarity_words"]
    near = gold[np.asarray(gold.labels) >= POSITIVE]
    assert 0 < len(near) < len(gold)
    assert found["alignment"] == pytest.approx((2 - 2 * cosines(near)).mean(), abs=1e-9)


def test_the_cone_is_that_of_the_same_vectors(cell):
    test, body = EmbeddingTest(TinyWorld(7), 10, **SIZES), encoder(cell)
    found = test.cone(body)
    u = SentenceEncoder(body).encode(test.sentences).astype(float)
    axis = u.sum(axis=0) / np.linalg.norm(u.sum(axis=0))
    angle = np.degrees(np.arccos(u @ axis))
    assert found["angle"] == pytest.approx(angle, abs=0.051)  # a tenth of a degree is kept
    assert found["half_within"] == pytest.approx(np.median(angle), abs=1e-3)
    assert len(found["around"]) == len(test.sentences) == 50
    assert found["mean_cosine"] == test.measure(body)["mean_cosine"]


def test_the_two_named_sentences_are_of_two_topics_and_their_angle_is_the_true_one(cell):
    test, body = EmbeddingTest(TinyWorld(7), 10, **SIZES), encoder(cell)
    found = test.cone(body)
    topics = [TinyWorld.topic_names[d.topic] for d in TinyWorld(7).documents(50, start=10)
              for _ in d.sentences]
    assert found["topics"] == topics[:50]
    first, second = found["named"]
    assert topics[first] != topics[second]
    assert found["said"] == [test.sentences[first], test.sentences[second]]
    u = SentenceEncoder(body).encode(found["said"]).astype(float)
    assert found["apart"] == pytest.approx(np.degrees(np.arccos(u[0] @ u[1])), abs=1e-2)


def test_only_the_first_sentences_are_drawn_and_all_are_measured(cell, monkeypatch):
    test, body = EmbeddingTest(TinyWorld(7), 10, **SIZES), encoder(cell)
    whole = test.cone(body)
    monkeypatch.setattr(cone, "DRAWN", 20)
    part = test.cone(body)
    assert part["angle"] == whole["angle"][:20] and len(part["topics"]) == 20
    assert part["half_within"] == whole["half_within"]


@pytest.mark.parametrize("seed", range(5))
def test_turning_finds_a_turn_and_a_mirror_image_again(seed):
    rng = np.random.default_rng(seed)
    before = rng.uniform(-np.pi, np.pi, 30)
    for moved in (before + 1.3, -before - 0.4):
        assert np.cos(turned(moved, before) - before) == pytest.approx(np.ones(30))


def test_a_cone_is_turned_to_the_one_before(cell):
    test, body = EmbeddingTest(TinyWorld(7), 10, **SIZES), encoder(cell)
    first = test.cone(body)
    mirrored = first | {"around": [90.0 - a for a in first["around"]]}
    again = test.cone(body, before=mirrored)
    apart = np.radians(np.subtract(again["around"], mirrored["around"]))
    assert np.cos(apart) == pytest.approx(np.ones(50), abs=1e-4)
    assert again["angle"] == first["angle"]


def test_it_measures_on_sentences_the_body_was_not_trained_on(small):
    world = TinyWorld(7)
    test = EmbeddingTest(world, 10, **SIZES)
    later = [s for d in world.documents(50, start=10) for s in d.sentences]
    assert test.sentences == later[:50]


@pytest.mark.parametrize("pool", ["mean", "max"])
def test_the_pool_reaches_every_figure(cell, pool):
    test, body = EmbeddingTest(TinyWorld(7), 10, **SIZES), encoder(cell)
    x = SentenceEncoder(body, pool, normalize=False).encode(test.sentences)
    assert test.measure(body, pool)["mean_cosine"] == mean_cosine(x)
    assert test.cone(body, pool)["mean_cosine"] == mean_cosine(x)
    assert test.by_layer(body, pool)[-1] == pytest.approx(mean_cosine(x), abs=1e-4)


def test_the_bag_of_words_is_measured_beside(cell):
    found = embedding_cell(cell | {"epochs": 0, "dropouts": []})["words"]
    world = TinyWorld(7)
    encode = bag_of_words_encoder([s for d in world.documents(10) for s in d.sentences])
    assert found == {name: similarity_score(encode, world.task(name, 60)) for name in GOLDS}
    assert found["similarity_words"] != found["similarity_synonyms"]


def test_a_body_with_dropout_is_measured_without_it(small, tmp_path, cell):
    state = MaskedLM.load(cell["body"])
    state.encoder.config = type(state.encoder.config)(
        **vars(state.encoder.config) | {"dropout": 0.3})
    save(tmp_path / "loud", state)
    loud = cell | {"body": str(tmp_path / "loud"), "epochs": 0, "dropouts": []}
    quiet = embedding_cell(cell | {"epochs": 0, "dropouts": []})
    assert embedding_cell(loud)["states"] == quiet["states"]
    assert embedding_cell(loud)["layers"] == quiet["layers"]


@pytest.mark.parametrize("threads", [1, 3])
def test_a_cell_leaves_the_callers_threads_and_memory_as_they_were(cell, same_process, threads):
    with same_process(threads):
        embedding_cell(cell | {"dropouts": [0.1], "steps": 1})


def test_a_cell_that_fails_leaves_them_as_well(cell, same_process):
    with same_process(3), pytest.raises(NpftError):
        embedding_cell(cell | {"steps": 0})
