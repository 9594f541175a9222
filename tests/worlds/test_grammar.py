"""TinyWorld: seeded documents whose labels agree with their text."""

import hashlib
import os
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.errors import ConfigError
from npft.worlds import TinyWorld, topic_task, vocabulary
from npft.worlds.domains import misspelt
from npft.worlds.draws import stream
from npft.worlds.lexicon import SENSES, topics
from npft.worlds.phone import cue_groups
from npft.worlds.hard_sms import hard_sms_messages, hard_sms_test

DOCUMENTS_SHA256 = "3d4b10b253fe7b530bd277cf06c69fa2ec36c137ac7f3e129783e00e05b2b938"

WORLD = TinyWorld()
DOCUMENTS = WORLD.documents(4000)
SENTENCES = [tokens for document in DOCUMENTS for tokens in document.tokens]
CLEAN = TinyWorld(noise=0).documents(4000)


def digest(documents):
    text = "\n\n".join("\n".join(document.sentences) for document in documents)
    return hashlib.sha256(text.encode()).hexdigest()


def test_the_bytes_of_50_documents_are_pinned():
    assert digest(DOCUMENTS[:50]) == DOCUMENTS_SHA256


@pytest.mark.parametrize("hash_seed", ["0", "4321"])
def test_the_bytes_do_not_depend_on_pythons_hash_seed(hash_seed):
    code = (
        "import hashlib; from npft.worlds import TinyWorld, hard_sms_messages, vocabulary;"
        "documents = TinyWorld(3).documents(40); messages = hard_sms_messages(100, 3);"
        "task = TinyWorld(3).task('topic', 50);"
        "parts = (documents, messages.texts, messages.groups.tolist(), task.texts, vocabulary());"
        "print(hashlib.sha256(repr(parts).encode()).hexdigest())"
    )
    documents, messages = TinyWorld(3).documents(40), hard_sms_messages(100, 3)
    task = TinyWorld(3).task("topic", 50)
    parts = (documents, messages.texts, messages.groups.tolist(), task.texts, vocabulary())
    run = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": hash_seed},
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True,
    )
    assert run.stdout.strip() == hashlib.sha256(repr(parts).encode()).hexdigest()


@given(seed=st.integers(0, 2**32), start=st.integers(0, 10**6), n=st.integers(0, 4))
def test_document_k_depends_on_the_seed_and_k_alone(seed, start, n):
    world = TinyWorld(seed)
    one_by_one = [world.documents(1, start=k)[0] for k in range(start, start + n)]
    assert world.documents(n, start) == one_by_one == TinyWorld(seed).documents(n, start)


def test_another_seed_gives_another_world():
    assert digest(TinyWorld(1).documents(50)) != digest(DOCUMENTS[:50])


def test_documents_have_4_to_8_sentences_and_every_topic_equally_often():
    lengths = Counter(len(document.tokens) for document in DOCUMENTS)
    assert sorted(lengths) == [4, 5, 6, 7, 8]
    assert all(abs(count - 800) < 120 for count in lengths.values())  # standard deviation 25
    topic_counts = Counter(document.topic for document in DOCUMENTS)
    assert sorted(topic_counts) == list(range(8))
    assert all(abs(count - 500) < 100 for count in topic_counts.values())  # 21


def test_a_sentence_is_its_tokens_words():
    for document in DOCUMENTS[:500]:
        words = [[token.word for token in tokens] for tokens in document.tokens]
        assert [sentence.split(" ") for sentence in document.sentences] == words


def test_noise_changes_its_share_of_sentences_and_nothing_else():
    pairs = [
        (noisy, clean)
        for one, other in zip(DOCUMENTS, CLEAN)
        for noisy, clean in zip(one.tokens, other.tokens)
    ]
    assert len(pairs) == len(SENTENCES) > 20_000
    slips = [(noisy, clean) for noisy, clean in pairs if noisy != clean]
    assert abs(len(slips) / len(pairs) - 0.1) < 0.01  # standard deviation 0.002
    swaps = [(noisy, clean) for noisy, clean in slips if sorted(map(str, noisy)) ==
             sorted(map(str, clean))]
    assert abs(len(swaps) / len(slips) - 0.5) < 0.05
    for noisy, clean in slips:
        changed = [i for i, (a, b) in enumerate(zip(noisy, clean)) if a != b]
        if len(changed) == 1:
            was, now = clean[changed[0]], noisy[changed[0]]
            assert now.word not in vocabulary() and now == was._replace(word=now.word)
            assert abs(len(now.word) - len(was.word)) <= 1
        else:
            i, j = changed
            assert j == i + 1 and (noisy[i], noisy[j]) == (clean[j], clean[i])


def test_a_world_without_noise_says_its_whole_vocabulary_and_nothing_more():
    said = {token.word for document in CLEAN for tokens in document.tokens for token in tokens}
    assert said == set(vocabulary())
    assert 1150 <= len(said) <= 1500


def test_full_noise_slips_in_every_sentence():
    noisy, clean = TinyWorld(noise=1).documents(200), CLEAN[:200]
    assert all(a != b for x, y in zip(noisy, clean) for a, b in zip(x.tokens, y.tokens))


@pytest.mark.parametrize("world", [TinyWorld(), TinyWorld(2, noise=1.0)], ids=repr)
def test_entity_tags_are_valid_bio_and_name_the_documents_own_people_town_and_organisation(world):
    for document in world.documents(300):
        whole = {document.town: "LOC", document.organisation: "ORG"}
        for person in document.persons:
            whole[person] = whole[person.split()[0]] = "PER"
        for tokens in document.tokens:
            spans, open_kind = [], None
            for token in tokens:
                mark, _, kind = token.entity.partition("-")
                assert (token.entity == "O") == (token.pos != "PROPN")
                if mark == "B":
                    spans.append((kind, [token.word]))
                elif mark == "I":
                    assert kind == open_kind
                    spans[-1][1].append(token.word)
                open_kind = kind or None
            for kind, words in spans:
                known = all(word in vocabulary() for word in words)
                assert not known or whole[" ".join(words)] == kind


def test_two_people_and_a_place_come_back_in_a_document():
    firsts = [[name.split()[0] for name in document.persons] for document in CLEAN]
    assert all(first != second for first, second in firsts)
    per_sentence = [
        sum(any(name in sentence.split() for name in names) for sentence in document.sentences)
        / len(document.sentences)
        for document, names in zip(CLEAN, firsts)
    ]
    assert sum(per_sentence) / len(per_sentence) > 0.75
    places = [sum(document.place in s.split() for s in document.sentences) for document in CLEAN]
    assert 1 < sum(places) / len(places) < 4


def test_senses_stand_on_ambiguous_words_only_and_name_the_documents_topic():
    names = TinyWorld.topic_names
    for document in DOCUMENTS:
        for token in (token for tokens in document.tokens for token in tokens):
            if token.sense is None:
                assert token.word not in SENSES
            else:
                assert token.sense == f"{token.word}.{names[document.topic]}"
                assert token.pos == "NOUN"


def test_every_sense_occurs_and_the_first_one_written_is_usually_the_most_frequent():
    counts = Counter(token.sense for tokens in SENTENCES for token in tokens if token.sense)
    assert set(counts) == {f"{word}.{topic}" for word, shares in SENSES.items() for topic in shares}
    first_is_most = [
        max(shares, key=shares.get) == max(shares, key=lambda topic: counts[f"{word}.{topic}"])
        for word, shares in SENSES.items()
    ]
    assert sum(first_is_most) >= 14


def test_a_verb_gets_a_noun_it_prefers_nine_times_in_ten_or_more():
    kept = total = 0
    for document in CLEAN:
        topic = topics()[document.topic]
        verbs = {word: i for i, words in enumerate(topic.verbs) for word in words}
        nouns = {word: i for i, words in enumerate(topic.nouns) for word in words}
        for tokens in document.tokens:
            verb = None
            for token in tokens:
                verb = verbs.get(token.word, verb)
                if token.word in nouns and verb is not None:
                    kept += nouns[token.word] in topic.prefers[verb]
                    total += 1
                    verb = None
    # A free choice falls on a preferred noun by chance in about a quarter of cases.
    assert abs(kept / total - (0.9 + 0.1 * 0.25)) < 0.01


def test_an_adjective_before_a_noun_is_one_of_its_two():
    pairs = 0
    for document in CLEAN:
        topic = topics()[document.topic]
        nouns = {word: i for i, words in enumerate(topic.nouns) for word in words}
        adjectives = {word for pair in topic.adjectives for word in pair}
        for tokens in document.tokens:
            for left, right in pairwise(tokens):
                if left.word in adjectives and right.word in nouns:
                    assert left.word in topic.adjectives[nouns[right.word]]
                    pairs += 1
    assert pairs > 10_000


def test_synonyms_are_used_alike():
    counts = Counter(token.word for document in CLEAN for tokens in document.tokens
                     for token in tokens)
    kitchen = topics()[5]
    for words in kitchen.nouns:
        plain = [counts[word] for word in words if word not in SENSES]
        mean = sum(plain) / len(plain)  # a count of mean m has a standard deviation of about √m
        assert all(abs(count - mean) <= 4 * mean**0.5 for count in plain)


def test_twelve_percent_of_documents_talk_about_messages_of_one_kind_each():
    cues = [
        {w for part in cue_groups(kind).values() for group in part for w in group.words()}
        for kind in ("ham", "spam")
    ]
    about, kinds = [], Counter()
    for document in CLEAN:
        nouns = {word for words in topics()[document.topic].nouns for word in words}
        about.append(any(not nouns & set(sentence.split()) for sentence in document.sentences))
        words = set(" ".join(document.sentences).split())
        kinds[bool(words & cues[0]), bool(words & cues[1])] += 1
    assert 0.1 <= sum(about) / len(about) <= 0.14  # standard deviation 0.005
    assert not kinds[True, True]
    assert abs(kinds[True, False] - kinds[False, True]) < 90  # of 480, standard deviation 22


def test_every_word_of_the_spam_task_occurs_in_the_default_corpus():
    counts = Counter(token.word for tokens in SENTENCES for token in tokens)
    texts = [*hard_sms_messages().texts, *hard_sms_messages(2000, seed=5).texts, *hard_sms_test(2000).texts]
    used = sorted({word for text in texts for word in text.split()})
    assert len(used) > 300
    assert not [word for word in used if not counts[word]]
    occurrences = sorted(counts[word] for word in used)
    assert occurrences[len(used) // 2] >= 10


@given(word=st.sampled_from([w for w in vocabulary() if len(w) > 3]), seed=st.integers(0, 999))
def test_a_misspelling_is_near_its_word_and_no_word(word, seed):
    wrong = misspelt(word, stream(seed, 9), WORLD.real_words)
    assert wrong not in vocabulary()
    assert wrong[0] == word[0] and abs(len(wrong) - len(word)) <= 1
    assert set(wrong) <= set(word)


def test_the_card_states_what_can_be_counted():
    card = WORLD.describe(4000)
    words = Counter(token.word for tokens in SENTENCES for token in tokens)
    assert f"words             {sum(words.values()):,}" in card
    assert f"word types        {len(words):,}" in card
    assert f"sentences         {len(SENTENCES):,}" in card
    assert all(sentence in card for sentence in DOCUMENTS[0].sentences[:3])
    entropy = float(card.split("unigram entropy")[1].split()[0])
    assert 4.8 < entropy < 5.8


def test_the_topic_task_is_balanced_fresh_and_says_the_true_topic():
    examples = topic_task(TinyWorld(noise=0), 801, seed=1)
    counts = Counter(examples.labels.tolist())
    assert sorted(counts.values()) == [100] * 7 + [101]
    assert examples.label_names == TinyWorld.topic_names
    for text, label in zip(examples.texts, examples.labels):
        nouns = {word for words in topics()[label].nouns for word in words}
        assert nouns & set(text.split())
    corpus = {sentence for document in CLEAN for sentence in document.sentences}
    assert sum(text in corpus for text in examples.texts) < 8
    assert WORLD.task("topic", 20, seed=7).texts == topic_task(WORLD, 20, seed=7).texts
    assert WORLD.task("topic", 20, seed=7).texts != WORLD.task("topic", 20, seed=8).texts


@pytest.mark.parametrize("call, message", [
    (lambda: TinyWorld(seed=-1), "seed is -1"),
    (lambda: TinyWorld(noise=1.5), "noise is 1.5"),
    (lambda: WORLD.documents(2.5), "n is 2.5"),
    (lambda: WORLD.documents(1, start=-1), "start is -1"),
    (lambda: WORLD.sentence(8, stream(0, 15)), "topic is 8, expected 0 to 7"),
    (lambda: WORLD.sentence("a", None), "topic is 'a', expected a whole number, 0 or more"),
    (lambda: WORLD.sentence(1.0, stream(0, 15)), "topic is 1.0, expected a whole number"),
    (lambda: WORLD.sentence(1, None), "draw is None, expected what gives the next number"),
    (lambda: WORLD.sentence(1, stream(0, 15), "yes"), "test is 'yes', expected True, False, or N"),
    (lambda: TinyWorld(domain=["x"]), r"domain is \['x'\], expected 'general' or 'clinic'"),
    (lambda: WORLD.task("topic", 4, world=WORLD), "task 'topic' has no option world"),
    (lambda: WORLD.task("topic", 4, test="yes"), "test is 'yes', expected True, False, or None"),
    (lambda: WORLD.task("nli", 4, test=None), "test is None, expected True or False"),
    (lambda: WORLD.task("questions", 4, test=2), "test is 2, expected True or False"),
    (lambda: WORLD.task("questions", 4, test=1.0), "test is 1.0, expected True or False"),
    (lambda: WORLD.task("nonsense", 10), "task is 'nonsense', expected one of .*, topic"),
    (lambda: WORLD.task("topic", 0), "n is 0"),
    (lambda: WORLD.describe(0), "n is 0"),
])
def test_what_cannot_work_is_refused_with_its_name(call, message):
    with pytest.raises(ConfigError, match=message):
        call()
