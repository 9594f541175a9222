"""Tags of words: entities nest, tags agree with spans, forms of the sides differ."""

import itertools
from collections import Counter

import numpy as np
import pytest

from npft.metrics.tags import entities
from npft.worlds import TinyWorld, Token
from npft.worlds.frames import ENTITY_FORMS, POS_FORMS, forms_of
from npft.worlds.grammar import sided
from npft.worlds.lexicon import FAMILY_NAMES, GIVEN_NAMES, SENSES, TOWNS
from npft.worlds.tags import entities_task, next_sentence_task, pos_task, senses_task
from npft.worlds.tokens import entity_spans


def nest(spans):
    for a, b in itertools.combinations(spans, 2):
        apart = a[1] <= b[0] or b[1] <= a[0]
        within = (a[0] <= b[0] and b[1] <= a[1]) or (b[0] <= a[0] and a[1] <= b[1])
        if not (apart or within) or a == b:
            return False
    return True


def outermost(spans):
    return {s for s in spans if not any(o != s and o[0] <= s[0] and s[1] <= o[1] for o in spans)}


# ---- entities ----


def test_the_entities_of_a_document_nest_and_the_outer_ones_are_its_bio_tags():
    inner = Counter()
    for document in TinyWorld(0).documents(200):
        assert len(document.entities) == len(document.sentences)
        for tokens, spans in zip(document.tokens, document.entities):
            assert spans == entity_spans(tokens) and nest(spans)
            assert outermost(spans) == entities([t.entity for t in tokens])
            inner.update(kind for start, end, kind in spans if (start, end, kind)
                         not in outermost(spans))  # fmt: skip
            for start, end, kind in spans:
                said = " ".join(t.word for t in tokens[start:end])
                if kind == "LOC" and tokens[start].word in TOWNS:
                    assert said == document.town
    assert min(inner[k] for k in ("GIVEN", "FAMILY", "ORG")) > 10


def test_entities_by_hand():
    tags = ["O", "B-ORG", "I-ORG", "B-LOC", "B-LOC", "B-PER"]
    tokens = [Token(f"w{i}", "X", tag) for i, tag in enumerate(tags)]
    assert entity_spans(tokens) == [
        (1, 3, "ORG"), (1, 2, "ORG"), (3, 4, "LOC"), (4, 5, "LOC"), (5, 6, "PER")
    ]  # fmt: skip
    assert entity_spans([]) == []


@pytest.mark.parametrize("test", [False, True])
def test_tags_match_spans_and_towns_stand_inside_organisations(test):
    tagged = entities_task(TinyWorld(0, noise=0), 500, test=test)
    inner, deepest = Counter(), 0
    for words, tags, spans in zip(tagged.words, tagged.tags, tagged.spans):
        assert nest(spans) and outermost(spans) == entities(tags), words
        for span in set(spans) - outermost(spans):
            inner[span[2]] += 1
        for start, end, kind in spans:
            if kind == "LOC":
                assert end - start == 1 and words[start] in sided(TOWNS, test)
            if kind == "GIVEN":
                assert words[start] in sided(GIVEN_NAMES, test)
            around = sum(s <= start and end <= e for s, e, _ in spans)
            deepest = max(deepest, around)
    assert deepest == 3 and min(inner[k] for k in ("GIVEN", "FAMILY", "ORG", "LOC")) > 20


def test_a_name_alone_does_not_tell_its_type():
    tagged = entities_task(TinyWorld(0, noise=0), 600)
    kinds: dict[str, set] = {}
    for words, tags in zip(tagged.words, tagged.tags):
        for word, tag in zip(words, tags):
            if tag != "O":
                kinds.setdefault(word, set()).add(tag)
    assert all(kinds[town] >= {"B-LOC", "B-ORG", "I-PER"} for town in sided(TOWNS, False))
    assert all(len(kinds[name]) > 1 for name in sided(FAMILY_NAMES, False))


def test_slips_leave_spans_where_they_are():
    """A slip is a misspelling here: every word keeps its place, one in a sentence its letters."""
    made = entities_task(TinyWorld(0, noise=1), 200)
    real = TinyWorld().real_words
    for words, tags, spans in zip(made.words, made.tags, made.spans):
        assert outermost(spans) == entities(tags)
        assert sum(word not in real for word in words) == 1


# ---- parts of speech ----


def test_tags_and_words_are_those_of_the_grammar():
    tagged = pos_task(TinyWorld(0, noise=0), 600)
    seen: dict[str, set] = {}
    for words, tags in zip(tagged.words, tagged.tags):
        assert len(words) == len(tags)
        for word, tag in zip(words, tags):
            seen.setdefault(word, set()).add(tag)
    assert seen["the"] == {"DET"} and seen["is"] == {"AUX"} and seen["my"] == {"DET"}
    assert seen["that"] == {"SCONJ", "DET", "PRON"}
    assert seen["so"] == {"SCONJ", "ADV"} and seen["before"] == {"ADP", "SCONJ"}
    verbs = {w for topic in TinyWorld().topics for words in topic.verbs for w in words}
    both = [w for w in verbs if seen.get(w) == {"NOUN", "VERB"}]
    assert len(both) > 60
    for word, tags in seen.items():
        assert len(tags) == 1 or word in verbs or word in ("that", "so", "before"), word


@pytest.mark.parametrize("parts", [POS_FORMS, ENTITY_FORMS])
def test_forms_of_the_sides_differ_but_every_part_stands_on_both(parts):
    train, test = (forms_of(parts, side) for side in (False, True))
    assert not set(train) & set(test) and 2 * len(test) < len(train)
    assert len(train) + len(test) == len(parts[0]) * len(parts[1]) * len(parts[2])
    for options in parts:
        for part in options:
            for side in (train, test):
                assert any(part in form for form in side)


# ---- senses ----


@pytest.mark.parametrize("test", [False, True])
def test_a_sense_is_that_of_the_use_that_is_asked_for(test):
    world = TinyWorld(0, noise=0)
    made = senses_task(world, 120, test=test)
    own = {t.name: {w for words in (*t.verbs, *t.agents, *t.nouns) for w in words}
           | set(t.places) for t in world.topics}  # fmt: skip
    twice = 0
    for text, asked, label in zip(made.texts, made.pairs, made.labels):
        place, word = asked.split()
        topic = made.label_names[label].split(".")[1]
        assert made.label_names[label] == f"{word}.{topic}" and topic in SENSES[word]
        words = text.split()
        uses = [i for i, w in enumerate(words) if w == word]
        assert len(uses) in (1, 2)
        if len(uses) == 2:
            twice += 1
            # the meant use is nearer to one end, where the words are those of its topic
            half = words[: uses[0] + 1] if place == "first" else words[uses[1] :]
            others = [t for t in SENSES[word] if t != topic]
            near = sum(w in own[topic] for w in half if w != word)
            assert near >= max(sum(w in own[t] for w in half if w != word and w not in own[topic])
                               for t in others)  # fmt: skip
        else:
            assert place == "first"
            assert any(w in own[topic] for w in words if w != word) or len(words) < 14
    assert 40 < twice < 80


def test_without_distractors_every_word_is_used_once():
    made = senses_task(TinyWorld(0, noise=0), 80, distractors=0)
    for text, asked in zip(made.texts, made.pairs):
        place, word = asked.split()
        assert place == "first" and text.split().count(word) == 1


# ---- next sentences ----


def test_what_follows_follows_and_half_of_it_does():
    world = TinyWorld(0)
    made = next_sentence_task(world, 200)
    assert made.labels.mean() == 0.5
    same_topic = 0
    for text, pair, label, group in zip(made.texts, made.pairs, made.labels, made.groups):
        document, other = world.documents(2, start=int(group))
        joined = " ".join(document.sentences)
        assert text in joined
        assert ((text + " " + pair) in joined) == bool(label)
        if not label and pair not in other.sentences:
            same_topic += 1
    assert same_topic == 25  # a quarter of the wrong ones


def test_next_sentences_of_the_sides_come_from_far_apart_documents():
    train, test = (next_sentence_task(TinyWorld(0), 50, test=side).groups for side in (False, True))
    assert train.max() < 2_000_000 <= test.min() and train.min() >= 1_000_000
    assert np.unique(train).size == 50
