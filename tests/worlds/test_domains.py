"""The clinic and the second language: what is shared, what is new, and how wide the gap is."""

from collections import Counter

import numpy as np
import pytest

from npft.errors import ConfigError
from npft.worlds import TinyWorld, clinic, vocabulary
from npft.worlds.domains import domain_of, function_words
from npft.worlds.languages import FALSE_FRIEND, FRIEND_MEANS, dictionary, translated
from npft.worlds.lexicon import (
    FAMILY_NAMES, GIVEN_NAMES, ORGANISATIONS, SENSES, TOWNS, entries, parsed_topics,
)
from npft.worlds.tokens import Token

DEPARTMENTS = ["heart", "bones", "skin", "lungs", "nerves", "gut", "children", "eyes"]

# ---- the clinic ----


def names():
    people = {*GIVEN_NAMES, *FAMILY_NAMES, *TOWNS}
    return people | {word for name in entries(ORGANISATIONS) for word in name}


def test_the_clinic_shares_names_small_words_and_what_it_says_it_shares():
    general, own = set(vocabulary()), set(vocabulary("clinic"))
    small = {w for t in clinic.TEMPLATES for w in t.split() if w[0] != "{"}
    assert general & own - small - names() == set(clinic.SHARED)
    assert list(clinic.SHARED) == sorted(clinic.SHARED)
    assert len(own - general) > 400 and names() <= own and small <= own


@pytest.mark.parametrize("topic", parsed_topics(clinic.DEPARTMENTS), ids=lambda topic: topic.name)
def test_every_department_is_complete(topic):
    assert len(topic.agents) == 2 and len(topic.verbs) == 8 and 11 <= len(topic.nouns) <= 12
    assert len(topic.places) == 3 and all(len(pair) == 2 for pair in topic.adjectives)
    assert {noun for liked in topic.prefers for noun in liked} == set(range(len(topic.nouns)))


def test_a_word_of_the_clinic_belongs_to_one_department():
    words = Counter(
        word for topic in parsed_topics(clinic.DEPARTMENTS)
        for group in (*topic.agents, *topic.nouns, *topic.verbs, topic.places) for word in group
    )  # fmt: skip
    assert max(words.values()) == 1


def test_a_clinic_document_is_about_one_department_in_words_of_the_clinic():
    world = TinyWorld(0, noise=0, domain="clinic")
    assert world.topic_names == DEPARTMENTS
    words = {w for d in world.documents(100) for s in d.sentences for w in s.split()}
    assert words <= set(vocabulary("clinic")) and "clinic" in repr(world)
    with pytest.raises(ConfigError, match="domain is 'farm', expected 'general' or 'clinic'"):
        TinyWorld(domain="farm")


def strange(gap):
    """The share of the words of a clinic's documents that the general world never says."""
    known = set(vocabulary())
    words = [w for d in TinyWorld(0, 0, "clinic", gap).documents(150)
             for s in d.sentences for w in s.split()]  # fmt: skip
    return np.mean([w not in known for w in words])


def test_the_gap_grows_from_none_to_the_clinics_own_with_its_share():
    found = [strange(gap) for gap in (0, 0.25, 0.5, 0.75, 1)]
    assert found == sorted(found) and found[0] < 0.06  # places of the clinic remain
    middle = (found[0] + found[-1]) / 2
    assert found[-1] > 0.3 and abs(found[2] - middle) < 0.05


@pytest.mark.parametrize(
    ("options", "message"),
    [({"gap": 0.5}, "only with domain='clinic'"), ({"domain": "clinic", "gap": 2}, "gap"),
     ({"language": "latin"}, "expected one of first, second"),
     ({"domain": "clinic", "language": "second"}, "first language only")],
)  # fmt: skip
def test_worlds_that_do_not_exist_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        TinyWorld(**options)


def test_a_world_prints_what_makes_it():
    world = TinyWorld(3, 0.2, "clinic", gap=0.5)
    assert repr(world) == "TinyWorld(seed=3, noise=0.2, domain='clinic', gap=0.5)"
    assert repr(TinyWorld(language="second")) == "TinyWorld(seed=0, noise=0.1, language='second')"


# ---- the second language ----


def test_the_second_language_has_a_word_of_its_own_for_each_word():
    words = dictionary()
    assert len(set(words.values())) == len(words)
    assert set(words.values()) & set(vocabulary()) == {FALSE_FRIEND}
    assert words[FRIEND_MEANS] == FALSE_FRIEND != words[FALSE_FRIEND]
    assert set(words) == set(vocabulary()) - names()


def test_a_translation_keeps_words_names_and_tags_and_moves_the_verb_behind():
    back = {second: first for first, second in dictionary().items()}
    for document in TinyWorld(0, noise=0).documents(30):
        for tokens in document.tokens:
            said = translated(tokens)
            assert Counter((back.get(t.word, t.word), t.pos, t.entity) for t in said) == Counter(
                (t.word, t.pos, t.entity) for t in tokens
            )
            if not any(t.pos in ("CCONJ", "SCONJ") for t in tokens):
                places = [i for i, t in enumerate(said) if t.pos == "VERB"]
                assert places == list(range(len(said) - len(places), len(said)))
            for i, token in enumerate(tokens[:-1]):
                if token.pos == "ADJ" and tokens[i + 1].pos == "NOUN":
                    kinds = [t.word for t in said]
                    noun = kinds.index(dictionary()[tokens[i + 1].word])
                    assert kinds[noun + 1] == dictionary()[token.word]


@pytest.mark.parametrize("options", [{}, {"domain": "clinic"}, {"domain": "clinic", "gap": 0.5},
                                     {"language": "second"}])  # fmt: skip
def test_a_slip_changes_a_sentence_and_makes_no_real_word(options):
    still, noisy = (TinyWorld(0, noise, **options).documents(400) for noise in (0, 1))
    real = TinyWorld(**options).real_words
    assert real >= set(vocabulary()) | {w for d in still for s in d.sentences for w in s.split()}
    for a, b in zip(still, noisy):
        for said, slipped in zip(a.sentences, b.sentences):
            assert said != slipped
            new = [w for w, v in zip(slipped.split(), said.split()) if w != v]
            assert len(new) == 2 or (len(new) == 1 and new[0] not in real)


@pytest.mark.parametrize("name", ["topic", "nli", "questions", "sentiment", "pos", "entities"])
def test_a_task_of_single_sentences_has_no_gap(name):
    TinyWorld(domain="clinic").task(name, 8)
    with pytest.raises(ConfigError, match=f"'{name}' .* needs gap=1"):
        TinyWorld(domain="clinic", gap=0.5).task(name, 8)


def test_a_place_of_a_document_has_its_name_in_the_language():
    documents = TinyWorld(0, noise=0, language="second").documents(60)
    said = [any(d.place in s.split() for s in d.sentences) for d in documents]
    assert sum(said) > 45


def test_the_second_language_says_the_same_documents():
    first, second = (TinyWorld(1, noise=0, language=x).documents(40) for x in ("first", "second"))
    for a, b in zip(first, second):
        assert (a.topic, a.persons, a.town, a.sentiments) == (b.topic, b.persons, b.town,
                                                              b.sentiments)  # fmt: skip
        assert [tuple(translated(t)) for t in a.tokens] == list(b.tokens)
        assert a.sentences != b.sentences
    made = TinyWorld(1, noise=0).task("parallel", 40, seed=0)
    assert made.texts == [d.sentences[0] for d in first]
    assert made.pairs == [d.sentences[0] for d in second]


def test_the_false_friend_has_other_senses_in_each_language():
    def senses(language):
        documents = TinyWorld(0, noise=0, language=language).documents(600)
        return {t.sense for d in documents for s in d.tokens for t in s if t.word == FALSE_FRIEND}

    assert senses("first") == {f"{FALSE_FRIEND}.{topic}" for topic in SENSES[FALSE_FRIEND]}
    assert senses("second") == {f"{FALSE_FRIEND}.{FRIEND_MEANS}"}


def test_senses_are_translated_with_their_words():
    token = Token("bank", "NOUN", "O", "bank.river")
    assert translated([token]) == [token._replace(word=dictionary()["bank"])]


def test_a_task_of_topics_is_made_in_the_second_language_too():
    words = {w for t in TinyWorld(noise=0, language="second").task("topic", 80).texts
             for w in t.split()}  # fmt: skip
    assert words <= set(dictionary().values()) | names()


# ---- the card ----


@pytest.mark.parametrize("options", [{}, {"domain": "clinic"}, {"language": "second"},
                                     {"domain": "clinic", "gap": 0.5}])  # fmt: skip
def test_the_card_counts_what_is_there(options):
    world = TinyWorld(0, 0, **options)
    card = {line[:18].strip(): line[18:] for line in world.describe(60).split("\n")[1:]}
    documents = world.documents(60)
    tokens = [t for d in documents for s in d.tokens for t in s]
    spans = sum(len(found) for d in documents for found in d.entities)
    outer = sum(t.entity[0] == "B" for t in tokens)
    assert card["domain"] == f"{world.domain}, in the {world.language} language"
    assert card["documents"] == "60" and card["words"] == f"{len(tokens):,}"
    assert card["named entities"] == f"{outer:,}, and {spans - outer:,} inside them"
    assert card["word types"].endswith("of which 0 misspelt")
    good, bad = (sum(d.sentiments.count(k) for d in documents) for k in (1, -1))
    assert card["sentences say"].startswith(f"{good:,} good news, {bad:,} bad")
    assert card["topics"] == ", ".join(domain_of(world.domain).topics[k].name for k in range(8))
    tasks = set(card["tasks"].split(", "))
    assert tasks <= set(TinyWorld.tasks) and "next_sentence" in tasks
    assert ("topic" in tasks) == (world.gap == 1)
    assert ("nli" in tasks) == (world.language == "first" and world.gap == 1)
    assert ("senses" in tasks) == (options == {})
    counts = Counter(t.word for t in tokens)
    p = np.array(list(counts.values())) / len(tokens)
    assert card["unigram entropy"] == f"{-(p * np.log(p)).sum():.2f} nats per word"


def test_function_words_have_one_part_of_speech_in_both_domains():
    assert function_words()["by"] == "ADP" and function_words()["pt"] == "NOUN"
