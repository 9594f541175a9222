"""The words of TinyWorld: complete, consistent, and of one topic each save the ambiguous ones."""

from collections import Counter

import pytest

from npft.worlds import clinic
from npft.worlds.domains import PARTS_OF_SPEECH, TEMPLATES, function_words
from npft.worlds.lexicon import (
    FAMILY_NAMES, GIVEN_NAMES, ORGANISATIONS, SENSES, TIMES, TOWNS, entries, topics,
)
from npft.worlds.phone import GROUPS, ITEM, PHONE_TEMPLATES, PRIVATE, WHEN, cue_groups, fillers


def content_words(topic):
    groups = (*topic.agents, *topic.nouns, *topic.verbs, topic.places)
    adjectives = sorted({word for pair in topic.adjectives for word in pair})
    return [word for group in groups for word in group] + adjectives


@pytest.mark.parametrize("topic", topics(), ids=lambda topic: topic.name)
def test_every_topic_has_the_same_size(topic):
    assert (len(topic.agents), len(topic.nouns), len(topic.verbs)) == (4, 20, 12)
    assert len(topic.places) == 6
    assert all(len(pair) == 2 for pair in topic.adjectives)
    assert all(3 <= len(nouns) <= 5 for nouns in topic.prefers)
    assert all(2 <= len(synonyms) <= 3 for synonyms in topic.nouns)
    assert 95 <= len(content_words(topic)) <= 110


@pytest.mark.parametrize("topic", topics(), ids=lambda topic: topic.name)
def test_some_verb_prefers_every_noun(topic):
    assert {noun for nouns in topic.prefers for noun in nouns} == set(range(len(topic.nouns)))


def test_a_content_word_stands_once_in_the_lexicon_save_the_ambiguous_ones():
    where = {}
    for topic in topics():
        assert max(Counter(content_words(topic)).values()) == 1
        for word in content_words(topic):
            where.setdefault(word, []).append(topic.name)
    shared = {word: names for word, names in where.items() if len(names) > 1}
    assert {word: sorted(names) for word, names in shared.items()} == {
        word: sorted(shares) for word, shares in SENSES.items()
    }


def test_senses_are_nouns_with_skewed_shares_that_sum_to_one():
    nouns = {topic.name: {w for words in topic.nouns for w in words} for topic in topics()}
    for word, shares in SENSES.items():
        assert sum(shares.values()) == pytest.approx(1)
        assert max(shares.values()) > min(shares.values())
        assert all(word in nouns[topic] for topic in shares)


def test_no_noun_has_two_ambiguous_synonyms():
    for topic in topics():
        assert all(sum(word in SENSES for word in words) <= 1 for words in topic.nouns)


def test_names_are_no_other_words():
    names = [*GIVEN_NAMES, *FAMILY_NAMES, *TOWNS]
    names += [word for name in entries(ORGANISATIONS) for word in name]
    others = {word for topic in topics() for word in content_words(topic)} | set(TIMES)
    phone = {word for kind in GROUPS for part in cue_groups(kind).values()
             for group in part for word in group.words()}
    assert len(GIVEN_NAMES) + len(FAMILY_NAMES) == 80
    assert max(Counter(names).values()) == 1
    assert not set(names) & (others | phone | {*fillers(PRIVATE), *fillers(ITEM)})


def test_words_of_the_phone_sentences_belong_to_no_topic():
    phone = {word for kind in GROUPS for part in cue_groups(kind).values()
             for group in part for word in group.words()}
    phone |= {*fillers(PRIVATE), *fillers(ITEM)}
    topical = {word for topic in topics() for word in content_words(topic)}
    assert not phone & (topical | set(TIMES) | set(function_words()))


def test_words_that_templates_spell_out_have_one_part_of_speech_and_are_all_used():
    texts = [*TEMPLATES, *PHONE_TEMPLATES, *fillers(WHEN)]
    spelt = {word for text in texts for word in text.split() if word[0] != "{"}
    written = [word for words in PARTS_OF_SPEECH.values() for word in words.split()]
    assert len(written) == len(set(written)) and spelt == set(written)
    spelt |= {word for text in clinic.TEMPLATES for word in text.split() if word[0] != "{"}
    assert spelt == set(function_words())


@pytest.mark.parametrize("template", [*TEMPLATES, *PHONE_TEMPLATES])
def test_every_template_has_room_for_a_misspelling_and_for_a_swap(template):
    spelt = [len(word) for word in template.split() if word[0] != "{"]
    assert max(spelt) > 3 or "{place}" in template or "{verb}" in template
    assert len(template.split()) >= 7


def test_the_two_classes_share_no_cue_word_and_order_fillers_are_no_cues():
    words = [word for kind in ("ham", "spam") for part in cue_groups(kind).values()
             for group in part for word in group.words()]
    words += [*fillers(PRIVATE), *fillers(ITEM)]
    assert max(Counter(words).values()) == 1
    assert len(words) == 2 * (5 + 6 + 5) * 5 + 24


def test_a_meaning_group_has_two_words_of_each_side_beside_its_core():
    for kind in ("ham", "spam"):
        for part in cue_groups(kind).values():
            for group in part:
                assert [len(side) for side in group.sides] == [2, 2]
                common = {group.core, group.sides[0][0], group.sides[1][0]}
                assert set(group.words(0)) & set(group.words(1)) == common
                assert set(group.words()) - common == {group.sides[0][1], group.sides[1][1]}
