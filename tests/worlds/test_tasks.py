"""The tasks of TinyWorld: gold labels that agree with an independent reading of the text."""

import hashlib
import itertools
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from npft.errors import ConfigError
from npft.finetune.tagging import entities
from npft.worlds import TinyWorld, clinic, sms_messages, vocabulary
from npft.worlds.languages import FALSE_FRIEND, FRIEND_MEANS, dictionary, translated
from npft.worlds.lexicon import GIVEN_NAMES, SENSES
from npft.worlds.logic import RELATIONS, Fact, fact_text, nli_task, relation
from npft.worlds.questions import questions_task
from npft.worlds.sentiment import BAD, FRAMES, GOOD, names_of, sentiment_task
from npft.worlds.tags import entities_task, next_sentence_task, pos_task, senses_task

TASKS = ("topic", "sentiment", "pos", "entities", "senses", "nli", "questions", "next_sentence",
         "similarity_words", "similarity_synonyms", "parallel")  # fmt: skip


# ---- bytes ----


def contents(made):
    parts = [getattr(made, name, None) for name in ("texts", "pairs", "words", "tags", "spans")]
    labels = made.labels
    return repr((parts[:4], np.asarray(parts[4]).tolist() if isinstance(parts[4], np.ndarray)
                 else parts[4], None if labels is None else labels.tolist()))  # fmt: skip


def digest():
    h = hashlib.sha256()
    for seed in range(3):
        for document in TinyWorld(seed).documents(200):
            for tokens in document.tokens:
                h.update(repr([tuple(token) for token in tokens]).encode())
    for seed in range(2):
        for name in ("topic", "similarity_words", "similarity_synonyms"):
            e = TinyWorld(seed).task(name, 200)
            h.update(repr((e.texts, e.pairs, e.labels.tolist())).encode())
    h.update(repr(sms_messages(400, 3).texts).encode())
    return h.hexdigest()


def task_digest():
    h = hashlib.sha256()
    for name in TASKS:
        h.update(contents(TinyWorld(1).task(name, 60)).encode())
    for document in TinyWorld(2, domain="clinic").documents(40):
        h.update(repr(document.sentences).encode())
    return h.hexdigest()


def test_the_bytes_that_cached_results_rest_on_never_change():
    assert digest() == "c70320ec76fdc98a9af51d996c9b1b8129e3f700553bb7027fd8233999f30187"


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


PINNED = "6a86c849782c7aa4ec86a752edb3300999cb074feede51def900c5f6f82c9d21"


@pytest.mark.parametrize("name", TASKS)
def test_the_same_seed_gives_the_same_examples_and_another_others(name):
    world = TinyWorld(3)
    one, two, other = (world.task(name, 30, seed=s) for s in (1, 1, 2))
    assert contents(one) == contents(two) != contents(other)
    assert contents(TinyWorld(4).task(name, 30)) != contents(one)
    with pytest.raises(ConfigError):
        world.task(name, 0)


@pytest.mark.parametrize("name", ["topic", "sentiment", "senses", "nli", "next_sentence"])
def test_classes_are_as_equal_as_their_number_allows(name):
    made = TinyWorld(0).task(name, 118)
    counts = np.bincount(made.labels, minlength=len(made.label_names))
    assert counts.max() - counts.min() <= 1


# ---- tags ----


def test_tags_and_words_are_those_of_the_grammar():
    tagged = pos_task(TinyWorld(0, noise=0), 400)
    seen = {}
    for words, tags in zip(tagged.words, tagged.tags):
        for word, tag in zip(words, tags):
            seen.setdefault(word, set()).add(tag)
    assert seen["the"] == {"DET"} and seen["and"] == {"CCONJ"} and seen["tells"] == {"VERB"}
    assert sum(len(tags) > 1 for tags in seen.values()) < 0.03 * len(seen)


def test_outer_entities_are_what_the_bio_tags_say_and_inner_ones_nest():
    tagged = entities_task(TinyWorld(0), 500)
    inner = Counter()
    for words, tags, spans in zip(tagged.words, tagged.tags, tagged.spans):
        outer = {s for s in spans if not any(o != s and o[0] <= s[0] and s[1] <= o[1]
                                             for o in spans)}  # fmt: skip
        assert outer == entities(tags)
        for a, b in itertools.combinations(spans, 2):
            apart = a[1] <= b[0] or b[1] <= a[0]
            nested = (a[0] <= b[0] and b[1] <= a[1]) or (b[0] <= a[0] and a[1] <= b[1])
            assert apart or nested
        inner.update(kind for start, end, kind in spans if (start, end, kind) not in outer)
        assert all(tags[i] != "O" for start, end, _ in spans for i in range(start, end))
    assert min(inner[k] for k in ("GIVEN", "FAMILY", "ORG")) > 10


def test_a_sense_is_of_a_word_that_is_there_and_its_topic_is_the_sentences_own():
    world = TinyWorld(0, noise=0)
    made = senses_task(world, 80)
    for text, word, label in zip(made.texts, made.pairs, made.labels):
        assert made.label_names[label].split(".")[0] == word and word in text.split()
        assert made.label_names[label].split(".")[1] in SENSES[word]


def test_the_next_sentence_is_the_next_and_a_random_one_is_not():
    world = TinyWorld(0, noise=0)
    made = next_sentence_task(world, 200)
    starts = range(100_000, 900_000)
    assert made.labels.mean() == 0.5 and len(starts) > 0
    # a shared name (people come back) is more frequent in true pairs
    names = set(GIVEN_NAMES)
    shared = [bool(set(a.split()) & set(b.split()) & names) for a, b in zip(made.texts, made.pairs)]
    by_label = [np.mean([s for s, k in zip(shared, made.labels) if k == want]) for want in (0, 1)]
    assert by_label[1] > by_label[0] + 0.3


# ---- sentiment ----


def test_sentiment_follows_from_the_frame_and_the_adjective():
    for test in (False, True):
        made = sentiment_task(TinyWorld(0), 300, test=test)
        assert len(made) == 300 and abs(made.labels.mean() - 0.5) < 0.01
        for text, label, group in zip(made.texts, made.labels, made.groups):
            words = text.split()
            good = [w for w in words if w in GOOD]
            bad = [w for w in words if w in BAD]
            assert len(good) <= 1 and len(bad) <= 1
            # an independent reading: what is "not", "no longer", "was" or "once" does not count
            first = min((words.index(w), w) for w in good + bad)[1]
            holds = []
            for w in good + bad:
                i = words.index(w)
                before = words[max(0, i - 5):i]
                off = ("not" in before[-1:] or before[-2:] == ["no", "longer"]
                       or "once" in before[-1:] or (before[-1:] == ["was"])
                       or ("not" in before and "find" in before and "but" not in before))  # fmt: skip
                holds.append((w in GOOD) != off)
            assert len(set(holds)) == 1 and holds[0] == bool(label), (text, first, group)


def test_test_sentences_have_frames_and_people_of_their_own():
    assert not {f for f, _ in FRAMES[0]} & {f for f, _ in FRAMES[1]}
    assert not set(names_of(False)) & set(names_of(True))
    assert set(names_of(False)) | set(names_of(True)) == set(GIVEN_NAMES)
    assert len(set(GOOD)) == len(set(BAD)) == 16 and not set(GOOD) & set(BAD)
    assert {*GOOD, *BAD} <= set(vocabulary())
    train, test = (sentiment_task(TinyWorld(0), 200, test=t) for t in (False, True))
    assert not set(train.groups) & set(test.groups)
    for name in set(names_of(True)):
        assert not any(name in text.split() for text in train.texts)


# ---- logic ----


def holds(fact, world):
    """Whether a fact is true of a set of events (verb, noun, person, kind, place)."""
    fits = any(
        (e[0], e[1]) == (fact.verb, fact.noun)
        and all(want is None or want == got for want, got in zip(fact[2:5], e[2:]))
        for e in world
    )
    return fits != fact.denied


def test_relations_are_those_of_all_small_worlds():
    """Entailed: true in every world in which the premise is; contradicted: in none of them."""
    events = [(0, n, p, k, "here") for n in (0, 1) for p in ("a", "b") for k in ("x", "y")]
    worlds = [w for r in range(4) for w in itertools.combinations(events, r)]
    options = [
        Fact(0, n, p, k, place, denied)
        for n in (0, 1) for p in ("a", "b", None) for k in ("x", None) for place in ("here", None)
        for denied in (False, True)
    ]  # fmt: skip
    counts = Counter()
    for premise, hypothesis in itertools.product(options, options):
        believed = [w for w in worlds if holds(premise, w)]
        truths = {holds(hypothesis, w) for w in believed}
        # "here" is the only place and x or y the kinds, so a world cannot tell them apart fully
        if (premise.place is None) != (hypothesis.place is None):
            continue
        want = {(True,): "entailment", (False,): "contradiction"}.get(tuple(truths), "neutral")
        assert relation(premise, hypothesis) == want, (premise, hypothesis)
        counts[want] += 1
    assert min(counts[name] for name in RELATIONS) > 20


def test_a_fact_is_said_with_all_it_holds():
    topic, first = TinyWorld().topics[0], lambda: 0.0
    verb, noun = topic.verbs[3][0], topic.nouns[5][0]
    assert fact_text(Fact(3, 5), topic, first) == f"someone {verb} the {noun}"
    assert fact_text(Fact(3, 5, denied=True), topic, first) == f"nobody {verb} the {noun}"
    full = Fact(3, 5, "anna", "overdue", "vault")
    assert fact_text(full, topic, first) == f"anna {verb} the overdue {noun} at the vault"
    moved = fact_text(full._replace(denied=True), topic, first, place_first=True)
    assert moved == f"at the vault anna never {verb} the overdue {noun}"


def test_never_stands_with_every_relation_and_people_are_of_the_side():
    for test in (False, True):
        made = nli_task(TinyWorld(0), 300, test=test)
        for label in range(3):
            said = [("never" in p or "nobody" in p) for p, k in zip(made.pairs, made.labels)
                    if k == label]  # fmt: skip
            assert 0.1 < np.mean(said) < 0.95
        others = set(names_of(not test))
        assert not any(others & set(text.split()) for text in [*made.texts, *made.pairs])


# ---- questions ----


def test_an_answer_is_found_at_its_span_and_fits_its_question():
    for test in (False, True):
        made = questions_task(TinyWorld(0), 150, test=test)
        kinds = Counter()
        for question, passage, (start, end) in zip(made.texts, made.pairs, made.spans):
            answer = passage[start:end]
            assert answer in passage.split() and passage.count(" .") == 3
            facts = [f.split() for f in passage.split(" .") if f.strip()]
            fact = next(f for f in facts if answer in f)
            asked = set(question.split())
            kind = ("person" if answer == fact[0] else "place" if answer == fact[-1] else "noun")
            kinds[kind] += 1
            assert answer not in asked
            if kind != "person":
                assert fact[0] in asked and sum(f[0] in asked for f in facts) == 1
        assert set(kinds) == {"person", "place", "noun"} and max(kinds.values()) == 50


# ---- domains and languages ----


def test_the_clinic_shares_names_small_words_and_what_it_says_it_shares():
    general, own = set(vocabulary()), set(vocabulary("clinic"))
    small = {w for t in clinic.TEMPLATES for w in t.split() if w[0] != "{"}
    from npft.worlds.lexicon import FAMILY_NAMES, ORGANISATIONS, TOWNS, entries

    names = {*GIVEN_NAMES, *FAMILY_NAMES, *TOWNS}
    names |= {w for n in entries(ORGANISATIONS) for w in n}
    assert general & own - small - names == set(clinic.SHARED)
    assert len(own - general) > 200


def test_a_clinic_document_is_about_one_department_in_words_of_the_clinic():
    world = TinyWorld(0, noise=0, domain="clinic")
    assert world.topic_names == ["heart", "bones", "skin", "lungs"]
    words = {w for d in world.documents(100) for s in d.sentences for w in s.split()}
    assert words <= set(vocabulary("clinic")) and "clinic" in repr(world)
    assert "heart, bones, skin, lungs" in world.describe(20)
    with pytest.raises(ConfigError, match="domain is 'farm', expected 'general' or 'clinic'"):
        TinyWorld(domain="farm")


def test_the_second_language_has_a_word_of_its_own_for_each_word():
    words = dictionary()
    assert len(set(words.values())) == len(words)
    assert set(words.values()) & set(vocabulary()) == {FALSE_FRIEND}
    assert words[FRIEND_MEANS] == FALSE_FRIEND != words[FALSE_FRIEND]


def test_a_translation_keeps_words_names_and_tags_and_moves_the_verb_behind():
    back = {second: first for first, second in dictionary().items()}
    for document in TinyWorld(0, noise=0).documents(30):
        for tokens in document.tokens:
            said = translated(tokens)
            assert Counter(back.get(t.word, t.word) for t in said) == Counter(
                t.word for t in tokens
            )
            assert Counter((back.get(t.word, t.word), t.pos, t.entity) for t in said) == Counter(
                (t.word, t.pos, t.entity) for t in tokens
            )
            if not any(t.pos in ("CCONJ", "SCONJ") for t in tokens):
                places = [i for i, t in enumerate(said) if t.pos == "VERB"]
                assert places == list(range(len(said) - len(places), len(said)))
            friends = [t for t in said if t.word == FALSE_FRIEND]
            assert all(t.sense == f"{FALSE_FRIEND}.{FRIEND_MEANS}" for t in friends)
