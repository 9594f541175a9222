"""The search task: graded by meaning, one answer each, and what the test asks was never asked."""

import pytest

from npft.errors import ConfigError
from npft.metrics.retrieval import retrieval_metrics
from npft.search.bm25 import BM25
from npft.worlds import TinyWorld
from npft.worlds.grammar import topics
from npft.worlds.search import search_task


def meaning_of(text):
    """(topic, deed, thing) of a sentence without slips, by its words."""
    words = set(text.split())
    found = []
    for t, topic in enumerate(topics()):
        deeds = [i for i, said in enumerate(topic.verbs) if words & set(said)]
        things = [i for i, said in enumerate(topic.nouns)
                  if any(f" {name} " in f" {text} " for name in said)]
        found += [(t, deed, thing) for deed in deeds for thing in things]
    return found


def test_the_answer_has_the_meaning_of_the_query_and_grade_one_its_thing():
    task = search_task(TinyWorld(noise=0), 40, passages=150, test=True)
    assert len(task.passages) == 150 and len(task.queries) == len(task.answers) == 40
    meanings = [meaning_of(text) for text in task.passages]
    for query, answer, relevant in zip(task.queries, task.answers, task.relevant):
        both = set(meaning_of(query)) & set(meanings[answer])
        assert both and relevant[answer] == 2
        assert [g for g in relevant.values() if g == 2] == [2]
        for number, grade in relevant.items():
            if grade == 1:
                assert {(t, n) for t, _, n in both} & {(t, n) for t, _, n in meanings[number]}
        assert any((verb + noun) % 4 == 0 for _, verb, noun in both)


def test_what_is_trained_on_is_of_the_other_side_and_passages_say_different_things():
    train = search_task(TinyWorld(noise=0), 40, passages=150)
    for text in train.passages + train.queries:
        assert any((verb + noun) % 4 for _, verb, noun in meaning_of(text))
    assert len(set(train.passages)) == 150
    test = search_task(TinyWorld(noise=0), 40, passages=150, test=True)
    assert not set(test.queries) & set(train.queries)


def test_words_alone_find_more_than_chance_and_less_than_all():
    task = search_task(TinyWorld(), 100, test=True)
    found = BM25(task.passages).search(task.queries, 20).documents.tolist()
    top20 = retrieval_metrics(found, [{i} for i in task.answers], 20).success
    assert 0.6 < top20 < 0.9 and top20 > 10 * 20 / 800


def test_the_same_seed_makes_the_same_task_and_others_are_refused():
    world = TinyWorld(3)
    assert search_task(world, 5, passages=20) == search_task(TinyWorld(3), 5, passages=20)
    assert search_task(world, 5, passages=20) != search_task(world, 5, passages=20, seed=2)
    for world, n, passages in ((TinyWorld(domain="clinic"), 1, 20),
                               (TinyWorld(language="second"), 1, 20),
                               (world, 0, 20), (world, 1, 7), (world, 1, 1001)):
        with pytest.raises(ConfigError):
            search_task(world, n, passages)


def test_of_the_fewest_passages_one_at_least_can_be_asked_for():
    world, alone = TinyWorld(noise=0), 0
    for seed in range(60):
        task = search_task(world, 3, passages=8, seed=seed, test=True)
        assert len(set(task.passages)) == 8 and len(task.answers) == 3
        askable = [i for i, text in enumerate(task.passages)
                   if any((verb + noun) % 4 == 0 for _, verb, noun in meaning_of(text))]
        assert set(task.answers) <= set(askable)
        alone += askable == [7]  # it took the place of the last one, or is the last one
    assert alone
    for options, words in (({"passages": 7}, "passages is 7, expected a whole number, 8 or more"),
                           ({"test": "yes"}, "test is 'yes', expected True or False"),
                           ({"test": None}, "test is None, expected True or False")):
        with pytest.raises(ConfigError, match=words):
            search_task(world, 1, **options)
