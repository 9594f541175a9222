"""Word senses in TinyWorld: what the uses are, and each figure of a cell by its plain formula."""

import json

import numpy as np
import pytest

from npft.experiments import senses
from npft.experiments.senses import (
    LABELLED, WINDOWS, centroids, context_cosines, discourse, document_uses, first_of_each,
    layer_gaps, most_frequent, senses_cell, senses_table, topic_cosines, uses_of_two_senses,
)
from npft.senses.static import StaticVectors
from npft.senses.uses import WordUses
from npft.worlds import TinyWorld

WORLD = TinyWorld(3)


@pytest.fixture
def cell(body):
    return {"seed": 3, "body": body, "world": 3, "documents": 20, "fit": 400, "test": 60, "two": 4,
            "read": 60}


def test_a_cell_holds_every_figure_and_repeats_itself(cell, same_process):
    with same_process(3):
        found = senses_cell(cell)
    assert {k: found[k] for k in cell} == cell
    assert set(found) - set(cell) == {
        "mfs", "accuracy", "vote", "contexts", "topics", "table", "map"}
    assert list(found["accuracy"]) == ["documents", "slips", "two senses"] == list(found["mfs"])
    for rows in found["accuracy"].values():
        assert list(rows) == [str(k) for k in LABELLED]
        for row in rows.values():
            # the small body has two blocks: embeddings, block 1, block 2 and the sum of blocks
            assert {way: len(v) for way, v in row.items()} == {
                "mlm": 4, "random": 4, "ppmi": len(WINDOWS), "glove": len(WINDOWS)}
            assert all(0 <= a <= 1 for v in row.values() for a in v)
    assert len(found["contexts"]) == 4 and np.shape(found["table"]) == (4, 4)
    assert np.diag(found["table"]) == pytest.approx(1)
    drawn = found["map"]
    n = len(drawn["points"])
    assert n == len(drawn["senses"]) == len(drawn["texts"]) and all(r < n for r in drawn["shown"])
    assert {drawn["senses"][r] for r in drawn["shown"]} == set(drawn["senses"])
    assert json.loads(json.dumps(found)) == found == senses_cell(cell)


def test_document_uses_are_all_words_with_a_sense_and_documents_that_nobody_has_read():
    uses = document_uses(WORLD, 40, 500)
    gold = [(k, t.word, t.sense) for k, d in enumerate(WORLD.documents(40, 500), 500)
            for tokens in d.tokens for t in tokens if t.sense]
    assert list(zip(uses.documents, uses.words, uses.senses)) == gold
    assert all(sense.startswith(f"{word}.") for word, sense in zip(uses.words, uses.senses))


def test_a_text_of_two_senses_uses_its_word_twice_and_the_question_says_which():
    uses = uses_of_two_senses(WORLD, 10)
    asked = WORLD.task("senses", 10, seed=5, test=True, distractors=1.0)
    for text, place, question, word in zip(uses.texts, uses.places, asked.pairs, uses.words):
        assert text.count(word) == 2 and text[place] == word
        assert (place == text.index(word)) == question.startswith("first")
    assert uses.senses == [asked.label_names[k] for k in asked.labels]


def test_labelled_uses_are_the_first_of_each_word():
    assert first_of_each(list("abaabbcb"), 2) == [0, 1, 2, 4, 6]


POOL = WordUses([["bank"]] * 5, np.zeros(5, int), ["m", "r", "m", "m", "r"])


def test_the_most_frequent_sense_is_that_of_the_whole_pool():
    uses = WordUses([["bank"]] * 4, np.zeros(4, int), ["m", "r", "r", "m"])
    assert most_frequent(POOL, uses) == 0.5
    assert most_frequent(POOL[[1, 4]], uses) == 0.5 and most_frequent(POOL[[0]], uses[[0, 3]]) == 1


def test_the_vote_is_counted_on_words_that_come_again_in_their_document():
    x = np.array([[1.0, 0], [0, 1], [1, 0], [1, 0], [0, 1]])  # m along the first axis, r the second
    uses = WordUses([["bank"]] * 4, np.zeros(4, int), ["m", "m", "m", "r"],
                    documents=np.array([7, 7, 7, 8]))
    y = np.array([[1.0, 0], [1, 0.2], [0.4, 0.5], [1, 0]])  # the third looks like r, a little
    found = discourse(centroids(POOL, 16, x), uses, y)
    assert found == {"uses": 3, "before": pytest.approx(2 / 3), "after": 1.0}


def test_context_cosines_are_means_over_pairs_of_a_word_and_leave_out_words_of_one_sense():
    uses = WordUses([[w] for w in "aaabb"], np.zeros(5, int), ["x", "x", "y", "z", "z"])
    u = np.array([[1.0, 0], [0.6, 0.8], [0, 1], [1, 0], [-1, 0]])
    found = context_cosines(u, uses)
    assert found["same"] == pytest.approx(0.6)  # both orders of one pair
    assert found["other"] == pytest.approx((0 + 0.8) / 2)


def test_topic_cosines_of_a_vector_for_each_topic_are_1_and_0():
    words, rows = [], []
    for k, topic in enumerate(WORLD.topics):
        for word in {w for noun in topic.nouns for w in noun} - set(words):
            words.append(word)
            rows.append(np.eye(len(WORLD.topics))[k])
    # words of several topics, which are in the table once, are the only ones between
    found = topic_cosines(StaticVectors(words, np.array(rows)), WORLD)
    assert found["same"] > 0.9 and found["other"] < 0.02


def test_gaps_are_differences_within_a_seed_and_the_table_has_a_row_for_each_text_and_number():
    cells = [
        {"mfs": {"slips": 0.6}, "accuracy": {"slips": {
            str(k): {"mlm": [0.5, 0.6 + s, 0.8 + 2 * s, 0.7], "random": [0.5] * 4,
                     "ppmi": [0.7, 0.9], "glove": [0.5, 0.6]} for k in LABELLED}}}
        for s in (0.0, 0.01, 0.02)
    ]
    gaps = layer_gaps(cells, "slips", 16)
    means = [gap.mean for gap in gaps.values()]
    assert means == pytest.approx([0.11, 0.21, -0.12, 0.22, 0.32, -0.08])
    low, high = gaps["block 1, over what is below"][1:]
    assert (high - low) / 2 == pytest.approx(4.303 * 0.01 / 3**0.5, rel=1e-3)
    lines = senses_table(cells).splitlines()
    assert len(lines) == 2 + len(LABELLED) and {line.count("|") for line in lines} == {11}
    assert lines[2].startswith("| slips, 4 | 60.0 ± 0.0 | 50.0 ± 0.0 | 61.0 ± 1.0 | 82.0 ± 2.0 |")


def test_the_sentences_of_the_table_are_of_words_that_the_world_knows():
    known = WORLD._known()
    assert all(set(s.split()) <= known and s.split().count("bank") == 1
               for s in senses.SENTENCES.values())
