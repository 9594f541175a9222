"""The tasks of TinyWorld: their bytes, their sides, and labels that an own reading confirms."""

import hashlib
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from npft.errors import ConfigError
from npft.worlds import TinyWorld, hard_sms_fixture, hard_sms_messages, hard_sms_test, vocabulary
from npft.worlds.grammar import sided
from npft.worlds.lexicon import (
    CLASSES, FAMILY_NAMES, GIVEN_NAMES, ORGANISATIONS, TOWNS, entries, preferences,
)
from npft.worlds.polarity import BAD, GOOD, STOPS, TURNS, VALUE, polarity
from npft.worlds.questions import questions_task
from npft.worlds.sentiment import CLAUSES, FRAMES, sentiment_task

TASKS = ("topic", "sentiment", "pos", "entities", "senses", "nli", "questions", "next_sentence",
         "similarity_words", "similarity_synonyms", "parallel", "paraphrase",
         "coherence")  # fmt: skip
SIDED = ("topic", "sentiment", "pos", "entities", "senses", "nli", "questions", "next_sentence",
         "paraphrase", "coherence")  # fmt: skip


# ---- bytes ----


def contents(made):
    names = ("texts", "pairs", "words", "tags", "spans", "labels", "groups")
    parts = [getattr(made, name, None) for name in names]
    return repr([p.tolist() if isinstance(p, np.ndarray) else p for p in parts])


def digest():
    """Of what cached results rest on: documents with their tags, three tasks, the messages."""
    h = hashlib.sha256()
    for seed in range(5):
        world = TinyWorld(seed)
        for document in world.documents(300):
            h.update(repr(document.sentences).encode())
            h.update(repr([[tuple(t) for t in tokens] for tokens in document.tokens]).encode())
        for name in ("topic", "similarity_words", "similarity_synonyms"):
            e = world.task(name, 200)
            h.update(repr((e.texts, e.pairs, e.labels.tolist())).encode())
    for messages in (*hard_sms_fixture(), hard_sms_test(1000, 1), hard_sms_messages(400, 3)):
        h.update(repr((messages.texts, messages.labels.tolist())).encode())
    return h.hexdigest()


def task_digest():
    h = hashlib.sha256()
    for name in TASKS:
        h.update(contents(TinyWorld(1).task(name, 60)).encode())
        if name in SIDED:
            h.update(contents(TinyWorld(1).task(name, 60, test=True)).encode())
    clinic = {"domain": "clinic"}
    for other in (clinic, clinic | {"gap": 0.5}, {"language": "second"}):
        for document in TinyWorld(2, **other).documents(40):
            h.update(repr((document.sentences, document.entities, document.sentiments)).encode())
    return h.hexdigest()


def test_the_bytes_that_cached_results_rest_on_never_change():
    assert digest() == "f284e82ca0337f28c82446c5aec30e4166c879a2a56069b4e0a5874bdf0e762f"


def test_the_bytes_of_the_tasks_are_pinned_and_do_not_depend_on_the_hash_seed():
    code = (
        f"import sys; sys.path.insert(0, {str(__file__.rsplit('/', 1)[0])!r}); "
        "import test_tasks; print(test_tasks.task_digest())"
    )
    found = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                       env={"PYTHONHASHSEED": seed, "PATH": ""}).stdout.strip()
        for seed in ("1", "2")
    }  # fmt: skip
    assert found == {task_digest()} == {PINNED}


PINNED = "2c8517714bce1dafcd6eb565b01dfc8048dc7c2167738c13a0f20d9bb88e5122"


@pytest.mark.parametrize("name", TASKS)
def test_the_same_seed_gives_the_same_examples_and_another_others(name):
    world = TinyWorld(3)
    one, two, other = (world.task(name, 30, seed=s) for s in (1, 1, 2))
    assert contents(one) == contents(two) != contents(other)
    assert contents(TinyWorld(4).task(name, 30)) != contents(one)
    with pytest.raises(ConfigError):
        world.task(name, 0)


@pytest.mark.parametrize(
    "name",
    ["topic", "sentiment", "senses", "nli", "next_sentence", "paraphrase", "coherence"],
)
def test_classes_are_as_equal_as_their_number_allows(name):
    made = TinyWorld(0).task(name, 118)
    counts = np.bincount(made.labels, minlength=len(made.label_names))
    assert counts.max() - counts.min() <= 1


def test_an_option_a_task_does_not_have_is_refused():
    for name, option in (("similarity_words", "test"), ("parallel", "test"), ("nli", "foo")):
        with pytest.raises(ConfigError, match=f"'{name}' has no option {option}"):
            TinyWorld().task(name, 8, **{option: True})


def test_a_premise_is_not_misspelt_into_a_class():
    """"flood" without its l would be "food", and a thing of that class."""
    made = TinyWorld(0, noise=1).task("nli", 2000)
    classes = {name for topic in CLASSES.values() for (name,) in preferences(topic)[0]}
    assert "food" in classes
    assert not [text for text in made.texts if text.split()[-1] in classes]


# ---- sides ----


@pytest.mark.parametrize("name", [name for name in SIDED if name != "next_sentence"])
def test_the_sides_have_no_name_in_common(name):
    train, test = (TinyWorld(0, noise=0).task(name, 300, test=side) for side in (False, True))
    words = [{w for text in [*e.texts, *(getattr(e, "pairs", None) or [])] for w in text.split()}
             for e in (train, test)]  # fmt: skip
    assert not words[0] & set(sided(GIVEN_NAMES, True))
    assert not words[1] & set(sided(GIVEN_NAMES, False))
    assert words[0] & set(sided(GIVEN_NAMES, False)) and words[1] & set(sided(GIVEN_NAMES, True))
    for names in (FAMILY_NAMES, TOWNS, [head for head, _ in entries(ORGANISATIONS)]):
        assert not words[0] & set(sided(names, True))
        assert not words[1] & set(sided(names, False))


@pytest.mark.parametrize(
    "name", ["sentiment", "pos", "entities", "questions", "next_sentence", "paraphrase"]
)
def test_the_sides_have_no_group_in_common_and_training_has_most_of_them(name):
    train, test = (TinyWorld(0).task(name, 400, test=side) for side in (False, True))
    assert not set(train.groups) & set(test.groups)
    assert len(train.groups) == len(test.groups) == 400
    if name != "next_sentence":  # groups are forms of sentences there
        assert len(set(train.groups)) > 2 * len(set(test.groups)) > 4


def test_every_second_item_is_on_the_test_side():
    assert sided([1, 2, 3, 4, 5], False) == [1, 3, 5] and sided([1, 2, 3], True) == [2]
    assert sided([1, 2, 3], None) == [1, 2, 3]


def test_a_sentence_of_one_side_has_a_form_of_that_side():
    world = TinyWorld(0, noise=0)
    train, test = (world.task("topic", 200, test=side).texts for side in (False, True))
    assert any("tells" in text for text in train) and not any("tells" in text for text in test)
    assert any("from" in text for text in test) and not any("from" in text for text in train)


# ---- noise ----


def test_label_noise_is_a_share_of_wrong_labels_and_changes_nothing_else():
    world = TinyWorld(0)
    right, wrong = world.task("nli", 200), world.task("nli", 200, label_noise=0.15)
    assert (right.labels != wrong.labels).sum() == 30 and right.texts == wrong.texts
    assert set(wrong.labels) <= {0, 1, 2}
    for bad in (-0.1, 1.5):
        with pytest.raises(ConfigError, match="label_noise"):
            world.task("nli", 20, label_noise=bad)
    for name in ("pos", "similarity_words", "questions"):
        with pytest.raises(ConfigError, match="a class for each text"):
            world.task(name, 20, label_noise=0.1)


@pytest.mark.parametrize("name", ["sentiment", "nli", "pos", "entities", "topic"])
def test_noise_misspells_and_a_world_without_noise_does_not(name):
    from npft.worlds.domains import function_words
    from npft.worlds.lexicon import CLASSES, preferences

    known = set(vocabulary()) | set(function_words()) | set("someone nobody never".split())
    known |= {w for t in CLASSES.values() for (w,) in preferences(t)[0]}
    known |= {w for form in (*FRAMES, *CLAUSES) for w in form.split()} | {"but"}

    def unknown(noise):
        texts = TinyWorld(0, noise).task(name, 200).texts
        return sum(any(w not in known for w in text.split()) for text in texts)

    assert unknown(0) == 0 and 60 < unknown(1) <= 200


@pytest.mark.parametrize(
    ("name", "options"),
    [(name, {"language": "second"}) for name in ("sentiment", "nli", "questions", "pos", "entities",
                                                 "senses", "similarity_words", "parallel",
                                                 "paraphrase")]
    + [(name, {"domain": "clinic"}) for name in ("senses", "similarity_synonyms", "parallel",
                                                 "paraphrase")],
)  # fmt: skip
def test_a_task_that_a_world_does_not_have_is_refused(name, options):
    with pytest.raises(ConfigError, match="exists only with"):
        TinyWorld(**options).task(name, 4)


@pytest.mark.parametrize(
    "name", ["topic", "sentiment", "pos", "entities", "nli", "questions", "coherence"]
)
def test_the_clinic_has_tasks_in_its_own_words(name):
    made = TinyWorld(0, noise=0, domain="clinic").task(name, 40)
    words = {w for text in made.texts for w in text.split()}
    assert len(words & set(vocabulary("clinic")) - set(vocabulary())) > 10


# ---- sentiment ----


def read(words):
    """An own reading: split into clauses at the stops, count the turns before each valued word."""
    total, clause = 0, []
    for word in [*words, ","]:
        if word in STOPS:
            for i, w in enumerate(clause):
                if w in VALUE:
                    begin = max([k + 1 for k in range(i) if clause[k] in VALUE], default=0)
                    turns = sum(v in TURNS for v in clause[begin:i])
                    total += VALUE[w] * (-1) ** turns
            clause = []
        else:
            clause.append(word)
    return np.sign(total)


@pytest.mark.parametrize("test", [False, True])
def test_sentiment_follows_from_the_words_in_their_order(test):
    made = sentiment_task(TinyWorld(0), 300, test=test)
    turned = 0
    for text, label in zip(made.texts, made.labels):
        words = text.split()
        assert polarity(words) == read(words) == (1 if label else -1), text
        good, bad = ([w for w in words if w in side] for side in (GOOD, BAD))
        assert len(good) <= 1 and len(bad) <= 1 and len(good + bad) >= 1
        turned += polarity(sorted(words)) != polarity(words)
    assert turned > 60  # the same words in another order say something else


def test_good_and_bad_words_are_as_many_and_stand_in_documents():
    assert len(set(GOOD)) == len(set(BAD)) == 16 and not set(GOOD) & set(BAD)
    assert {*GOOD, *BAD} <= set(vocabulary())
    documents = TinyWorld(0, noise=0).documents(300)
    found = Counter()
    for document in documents:
        assert len(document.sentiments) == len(document.sentences)
        for text, feeling in zip(document.sentences, document.sentiments):
            assert feeling == read(text.split())
            found[feeling] += 1
    assert min(found.values()) > 50


@pytest.mark.parametrize(
    ("text", "expected"),
    [("the hotel is luxurious", 1), ("the hotel is not luxurious", -1),
     ("it was faulty", 1), ("it is no longer tidy", -1), ("tidy , not faulty", 1),
     ("once stale and now crisp", 1), ("the tidy and faulty desk", 0), ("the desk", 0),
     ("it is not tidy faulty", -1)],
)  # fmt: skip
def test_polarity_by_hand(text, expected):
    assert polarity(text.split()) == expected


# ---- questions ----


@pytest.mark.parametrize("test", [False, True])
@pytest.mark.parametrize("distractors", [1, 2])
def test_an_answer_is_found_at_its_span_and_fits_its_question(test, distractors):
    world = TinyWorld(0, noise=0)
    made = questions_task(world, 150, test=test, distractors=distractors)
    same: dict[str, set] = {}
    for topic in world.topics:
        for words in (*topic.nouns, *topic.verbs):
            for w in words:
                same.setdefault(w, set()).update(words)
    kinds = Counter()
    for question, passage, (start, end) in zip(made.texts, made.pairs, made.spans):
        answer = passage[start:end]
        sentences = [s.split() for s in passage.split(" .") if s.strip()]
        assert len(sentences) == distractors + 1 and answer in passage.split()
        facts = [s for s in sentences if len(s) == 7]
        assert len(facts) == distractors + 1
        asked = set(question.split())
        assert answer not in asked
        fitting = []
        for fact in facts:
            if fact[0] == "at":
                place, person, verb, noun = fact[2], fact[3], fact[4], fact[6]
            else:
                person, verb, noun, place = fact[0], fact[1], fact[3], fact[6]
            parts = {"person": person, "place": place, "noun": noun}
            kind = next((k for k, v in parts.items() if v == answer), None)
            if kind is None:
                continue
            others = [v for k, v in parts.items() if k not in (kind, "noun")]
            said = all(v in asked for v in others[: 2 if kind == "noun" else 1])
            if said and asked & same[verb] and (kind == "noun" or asked & same[noun]):
                fitting.append(kind)
        assert len(fitting) == 1, (question, passage, answer)
        kinds[fitting[0]] += 1
    assert kinds == {"person": 50, "place": 50, "noun": 50}


def test_a_question_repeats_the_words_of_its_fact_or_says_synonyms():
    made = questions_task(TinyWorld(0, noise=0), 300)
    functions = set(("who", "where", "what", "at", "the", "is", "it", "that"))
    told = [set(q.split()) - functions <= set(p.split()) for q, p in zip(made.texts, made.pairs)]
    assert 0.5 < np.mean(told) < 0.8  # half repeat, and drawing anew often gives the same words


def test_all_facts_of_a_passage_have_one_form():
    for passage in questions_task(TinyWorld(0), 60).pairs:
        facts = [s for s in (p.split() for p in passage.split(" .")) if len(s) == 7]
        assert len({fact[0] == "at" for fact in facts}) == 1


@pytest.mark.parametrize("test", [False, True])
@pytest.mark.parametrize("distractors", [1, 7])
def test_unanswerable_questions_are_asked_of_a_passage_that_lost_their_fact(test, distractors):
    world = TinyWorld(0, noise=0)
    plain, made = (
        questions_task(world, 100, test=test, distractors=distractors, unanswerable=share)
        for share in (0.0, 0.3)
    )
    assert made.texts == plain.texts and made.groups.tolist() == plain.groups.tolist()
    none = made.spans[:, 0] < 0
    assert none.sum() == 30 and (made.spans[~none] == plain.spans[~none]).all()
    nouns = [{word for noun in topic.nouns for word in noun} for topic in world.topics]
    for gone, new, old in zip(none, made.pairs, plain.pairs):
        before, now = ([f.split() for f in p.split(" .") if f.strip()] for p in (old, new))
        assert [len(fact) for fact in now] == [len(fact) for fact in before]
        changed = [(a, b) for a, b in zip(before, now) if a != b]
        assert len(changed) == gone
        for a, b in changed:
            # on one topic, but another person, verb and place
            noun, rest = (6, (3, 4, 2)) if a[0] == "at" else (3, (0, 1, 6))
            assert any({a[noun], b[noun]} <= own for own in nouns)
            assert all(a[k] != b[k] for k in rest)
            names = {fact[3] if fact[0] == "at" else fact[0] for fact in now}
            assert len(names) == len(now)  # nobody does two things


@pytest.mark.parametrize("share", [-0.1, 1.1, "some"])
def test_what_is_no_share_of_unanswerable_questions_is_refused(share):
    with pytest.raises(ConfigError, match="unanswerable is .*expected a share"):
        TinyWorld(0).task("questions", 3, unanswerable=share)


@pytest.mark.parametrize("distractors", [0, 8, 1.5])
def test_too_many_or_no_distractors_are_refused(distractors):
    with pytest.raises(ConfigError, match="distractors"):
        TinyWorld(0).task("questions", 3, distractors=distractors)
