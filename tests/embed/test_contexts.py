"""Words in their contexts: each measure against slow sums, and the vectors against plain means."""

import tracemalloc

import numpy as np
import pytest
from clouds import cloud
from hypothesis import given
from hypothesis import strategies as st

from npft.embed.contexts import (
    context_by_layer,
    intra_sentence_similarity,
    self_similarity,
    word_states,
)
from npft.embed.geometry import mean_cosine
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.errors import ConfigError, DataError, DtypeError, NonFiniteError, ShapeError
from npft.loading import load
from npft.text import WordPiece
from npft.text.bytes import ByteTokenizer

TEXTS = ["the bank of the river", "rivers and banks", "a bank", "the the"]


def small_encoder(tokenizer=None, positions=24, layers=2):
    rng = np.random.default_rng(0)
    size = 260 if tokenizer is None else tokenizer.vocab_size
    config = EncoderConfig(vocab_size=size, hidden_size=8, num_layers=layers, num_heads=2,
                           intermediate_size=8, max_positions=positions, init_std=0.3)
    return Encoder(config, tokenizer=tokenizer, rng=rng)


@pytest.fixture(scope="module")
def encoder():
    return small_encoder(WordPiece.train(TEXTS, vocab_size=45))


def cosine(a, b):
    return a @ b / np.linalg.norm(a) / np.linalg.norm(b)


# ---- the vectors ----


def test_the_vector_of_a_word_is_the_mean_of_its_tokens_in_each_layer(encoder):
    found = word_states(encoder, TEXTS)
    assert found.words == [word for text in TEXTS for word in text.split()]
    assert found.sentences.tolist() == [0] * 5 + [1] * 3 + [2] * 2 + [3] * 2
    row = 0
    for text in TEXTS:
        batch = encoder.tokenizer([text.split()])
        assert 2 + len(text.split()) <= len(batch.ids)
        for layer, states in enumerate(encoder.hidden_states(batch)):
            for word in range(len(text.split())):
                mean = states[batch.words == word].mean(axis=0)
                assert found.layers[layer][row + word] == pytest.approx(mean, abs=1e-6)
        row += len(text.split())
    assert len(found.layers) == 3 and {x.shape for x in found.layers} == {(row, 8)}
    assert (encoder.tokenizer([["rivers"]]).words == 0).sum() > 1  # one word of several tokens


def test_strings_are_cut_into_basic_words_that_keep_their_case(encoder):
    assert word_states(encoder, ["The bank's"]).words == ["The", "bank", "'", "s"]


def test_a_long_text_is_read_in_windows_and_no_word_is_lost(encoder):
    text = ["bank", "river"] * 30
    found = word_states(encoder, [["a"], text, ["a", "bank"]])
    assert found.words == ["a", *text, "a", "bank"]
    assert found.sentences.tolist() == [0] + [1] * 60 + [2] * 2
    assert all(np.isfinite(x).all() for x in found.layers)


def test_many_texts_are_read_in_slices_with_the_same_vectors(encoder):
    once, often = word_states(encoder, TEXTS), word_states(encoder, TEXTS * 40)
    for a, b in zip(once.layers, often.layers):
        assert b.reshape(40, *a.shape) == pytest.approx(np.stack([a] * 40), abs=1e-6)


def test_words_are_read_without_dropout_and_the_mode_stays(encoder):
    encoder.train()
    a, b = (word_states(encoder, TEXTS) for _ in range(2))
    assert encoder.training and all((x == y).all() for x, y in zip(a.layers, b.layers))
    encoder.eval()


def test_any_tokenizer_will_do():
    found = word_states(small_encoder(ByteTokenizer()), [["go", "on"]])
    assert found.words == ["go", "on"] and found.layers[0].shape == (2, 8)


def test_a_table_without_context_gives_a_word_one_vector():
    body = small_encoder(WordPiece.train(TEXTS, vocab_size=45))
    for table in (body.embeddings.position_embeddings, body.embeddings.token_type_embeddings):
        table.weight.assign(np.zeros(table.weight.shape, np.float32))
    rows = context_by_layer(word_states(body, TEXTS))
    assert rows[0]["self_similarity"] + rows[0]["anisotropy"] == pytest.approx(1, abs=1e-6)
    assert rows[2]["self_similarity"] + rows[2]["anisotropy"] < 0.999


@pytest.mark.parametrize("texts, error, message", [
    ([], DataError, "there is no text"),
    (["a bank", " "], DataError, r"texts\[1\] has no words"),
    ([[]], DataError, r"texts\[0\] has no words"),
    ("a bank", DtypeError, "texts is one string"),
    ([["a", 1]], DtypeError, r"texts\[0\]"),
    ([1], DtypeError, r"texts\[0\]"),
])
def test_what_is_no_text_of_words_is_refused(encoder, texts, error, message):
    with pytest.raises(error, match=message):
        word_states(encoder, texts)


def test_an_encoder_without_a_tokenizer_is_refused():
    with pytest.raises(ConfigError, match="word_states: the encoder has no tokenizer"):
        word_states(small_encoder(), ["a"])


def test_memory_beside_the_vectors_does_not_grow_with_the_texts(encoder):
    def beside(n):
        tracemalloc.start()
        found = word_states(encoder, TEXTS * n)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        words = len(found.words)
        return most - sum(x.nbytes for x in found.layers), words

    (few, n), (many, m) = beside(64), beside(256)
    assert many - few < 400 * (m - n)  # the texts, their words and ids; a layer alone has N D


# ---- the measures ----


@given(st.integers(0, 10**6))
def test_self_similarity_is_the_mean_cosine_of_all_pairs_of_a_words_rows(seed):
    x = cloud(seed, n=12, d=4)
    words = np.random.default_rng(seed).choice(["a", "b", "c", "d"], 12).tolist()
    slow = {}
    for word in sorted(set(words)):
        rows = [i for i in range(12) if words[i] == word]
        if len(rows) > 1:
            pairs = [cosine(x[i], x[j]) for i in rows for j in rows if i != j]
            slow[word] = pytest.approx(np.mean(pairs), abs=1e-12)
    assert self_similarity(x, words) == slow


@given(st.integers(0, 10**6), st.floats(1e-200, 1e200))
def test_intra_sentence_similarity_is_the_mean_cosine_with_the_sentences_mean(seed, scale):
    x = cloud(seed, n=12, d=4)
    sentences = np.random.default_rng(seed).integers(3, 8, 12)
    slow = []
    for s in sorted(set(sentences.tolist())):
        rows = x[sentences == s]
        if len(rows) > 1:
            slow.append(np.mean([cosine(row, rows.mean(axis=0)) for row in rows]))
    found = intra_sentence_similarity(scale * x, sentences)
    assert found == pytest.approx(np.array(slow), abs=1e-9)


@pytest.mark.parametrize("scale", [1.0, 4e307])
def test_equal_vectors_are_wholly_alike(scale):
    x = np.tile([3.0 * scale, 4.0 * scale], (6, 1))
    assert self_similarity(x, ["a", "b"] * 3) == {"a": pytest.approx(1), "b": pytest.approx(1)}
    assert intra_sentence_similarity(x, np.arange(6) // 2) == pytest.approx(1)


def test_each_layer_is_corrected_by_its_own_anisotropy(encoder):
    states = word_states(encoder, TEXTS * 2)
    rows = context_by_layer(states)
    assert len(rows) == 3
    for x, row in zip(states.layers, rows):
        base = mean_cosine(x)
        own = np.mean(list(self_similarity(x, states.words).values())) - base
        inside = np.mean(intra_sentence_similarity(x, states.sentences)) - base
        expected = {"anisotropy": base, "self_similarity": own, "intra_sentence": inside}
        assert row == pytest.approx(expected, abs=1e-12)


def test_rows_without_a_word_or_sentence_each_are_refused():
    x = cloud(0, n=4, d=3)
    with pytest.raises(ShapeError, match="self_similarity: 3 words for 4 rows"):
        self_similarity(x, ["a", "b", "a"])
    with pytest.raises(ShapeError, match=r"sentences has shape \(3,\) for 4 rows"):
        intra_sentence_similarity(x, np.zeros(3, int))
    with pytest.raises(DtypeError, match="self_similarity: words"):
        self_similarity(x, [1, 1, 2, 2])
    with pytest.raises(DtypeError, match="sentences are float64, expected whole numbers"):
        intra_sentence_similarity(x, np.zeros(4))


def test_words_that_never_meet_again_and_sentences_of_one_word_are_refused():
    x = cloud(0, n=3, d=3)
    with pytest.raises(DataError, match="no word occurs twice"):
        self_similarity(x, ["a", "b", "c"])
    with pytest.raises(DataError, match="no sentence has two words"):
        intra_sentence_similarity(x, np.array([2, 0, 1]))
    with pytest.raises(NonFiniteError, match="vectors of sentence 7 add up to 0"):
        intra_sentence_similarity(np.vstack([x, -x]), np.array([1, 1, 7, 2, 2, 7]))


def test_vectors_that_cancel_but_for_rounding_have_no_mean():
    x = np.array([[0.1], [0.2], [-0.3], [1e-200], [1e-200]])  # 0.1 + 0.2 - 0.3 is 6e-17
    with pytest.raises(NonFiniteError, match="the vectors of sentence 0 add up to 0"):
        intra_sentence_similarity(x, np.array([0, 0, 0, 1, 1]))
    assert intra_sentence_similarity(x[1:], np.array([0, 3, 1, 1])) == [1.0]


def test_words_that_differ_in_a_nul_are_two():
    x = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    with pytest.raises(DataError, match="no word occurs twice"):
        self_similarity(x, ["a", "a\0", "b"])
    assert self_similarity(x, ["a\0", "a", "a\0"]) == {"a\0": 1.0}


def test_a_model_in_place_of_its_encoder_is_told_what_to_give():
    with pytest.raises(ConfigError, match="word_states: encoder is MaskedLM.*give its .body"):
        word_states(load("tinyworld"), ["a bank"])
    with pytest.raises(ConfigError, match="word_states: encoder is str, expected an Encoder$"):
        word_states("tinyworld", ["a bank"])
