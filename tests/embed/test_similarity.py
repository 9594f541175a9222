"""Sentence vectors do not depend on their neighbours; the score is a rank correlation."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from npft.embed import similarity
from npft.embed.similarity import (
    SentenceEncoder, bag_of_words_encoder, paired_cosines, similarity_score, spearman,
)
from npft.encoder.checkpoint import read_arrays, save, write_arrays
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.encoder.pooling import POOLS, pool
from npft.errors import (
    CheckpointError, ConfigError, DataError, DtypeError, NonFiniteError, ShapeError,
)
from npft.loading import load
from npft.text.bytes import ByteTokenizer
from npft.text.examples import Examples

TOK = ByteTokenizer()
TEXTS = ["tea", "", "a long way home from here", "rain", "again and again", "x", "tea"]
NEAR = 1e-5  # another batch composition changes float32 vectors within rounding


def encoder(dropout=0.3, seed=0):
    config = EncoderConfig(
        vocab_size=260, hidden_size=8, num_layers=2, num_heads=2, intermediate_size=8,
        max_positions=16, dropout=dropout, init_std=0.3)
    return Encoder(config, tokenizer=TOK, rng=np.random.default_rng(seed))


# ---- sentence vectors ----


@pytest.mark.parametrize("kind", POOLS)
@pytest.mark.parametrize("normalize", [True, False])
def test_a_vector_is_the_pooled_output_for_its_text_alone(kind, normalize):
    body = encoder()
    found = SentenceEncoder(body, kind, normalize).encode(TEXTS)
    body.eval()
    for text, vector in zip(TEXTS, found):
        batch = TOK([text], max_length=16)
        alone = pool(body(batch), batch, kind).data[0]
        if normalize:
            alone = alone / np.linalg.norm(alone)
        assert vector == pytest.approx(alone, abs=NEAR)
    assert found.dtype == np.float32 and found.shape == (7, 8)
    lengths = np.linalg.norm(found, axis=1)
    assert (lengths == pytest.approx(1, abs=1e-6)) == normalize


@given(order=st.permutations(range(len(TEXTS))))
def test_vectors_come_in_the_order_of_their_texts(order):
    encode = SentenceEncoder(encoder()).encode
    assert encode([TEXTS[i] for i in order]) == pytest.approx(encode(TEXTS)[list(order)], abs=NEAR)


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_the_batch_size_does_not_matter(monkeypatch, size):
    texts = TEXTS * 20
    expected = SentenceEncoder(encoder()).encode(texts)  # in batches of 64
    monkeypatch.setattr(similarity, "ENCODE_BATCH", size)
    assert SentenceEncoder(encoder()).encode(texts) == pytest.approx(expected, abs=NEAR)


def test_encoding_draws_no_dropout_and_leaves_every_part_in_its_own_mode():
    body = encoder().train()
    body.embeddings.eval()
    modes = [module.training for module in body.modules()]
    sentences = SentenceEncoder(body)
    assert sentences.encode(TEXTS).tobytes() == sentences.encode(TEXTS).tobytes()
    assert [module.training for module in body.modules()] == modes and True in modes
    sentences.eval()
    assert not any(module.training for module in body.modules())


def test_no_text_gives_no_row_and_long_texts_are_cut():
    encode = SentenceEncoder(encoder()).encode
    assert encode([]).shape == (0, 8) and encode([]).dtype == np.float32
    assert SentenceEncoder(encoder(), normalize=False).encode([]).shape == (0, 8)
    assert encode(["a" * 99]).tobytes() == encode(["a" * 14]).tobytes()


def test_texts_that_are_no_list_of_strings_are_refused():
    encode = SentenceEncoder(encoder()).encode
    for texts in ("one text", ""):
        with pytest.raises(DtypeError, match=r"texts is one str, expected a list"):
            encode(texts)
    with pytest.raises(DtypeError, match=r"texts\[1\] is NoneType"):
        encode(["a", None])


def test_a_zero_vector_cannot_be_normalised():
    body = encoder()
    state = body.state_dict()
    body.load_state_dict({name: array * 0 for name, array in state.items()})
    with pytest.raises(NonFiniteError, match="encode: vectors: row 0 has length 0"):
        SentenceEncoder(body).encode(["a", "b"])
    assert (SentenceEncoder(body, normalize=False).encode(["a"]) == 0).all()


def test_settings_that_cannot_work_are_refused():
    body = encoder()
    with pytest.raises(ConfigError, match="pool: kind is 'first'"):
        SentenceEncoder(body, "first")
    with pytest.raises(ConfigError, match="normalize is 1, expected a bool"):
        SentenceEncoder(body, normalize=1)
    body.tokenizer = None
    with pytest.raises(ConfigError, match="the encoder has no tokenizer"):
        SentenceEncoder(body)


@pytest.mark.parametrize("kind, normalize", [("mean", True), ("cls", False)])
def test_a_saved_sentence_encoder_comes_back_with_its_settings(tmp_path, kind, normalize):
    sentences = SentenceEncoder(encoder(), kind, normalize)
    expected = sentences.encode(TEXTS)
    save(tmp_path, sentences)
    for again in (load(tmp_path), SentenceEncoder.load(tmp_path)):
        assert type(again) is SentenceEncoder and type(again.body) is Encoder
        assert (again.pool, again.normalize) == (kind, normalize)
        assert again.encode(TEXTS).tobytes() == expected.tobytes()


@pytest.mark.parametrize("options", [
    {}, {"pool": "mean"}, {"pool": "first", "normalize": True}, {"pool": ["mean"],
    "normalize": True}, {"pool": "mean", "normalize": "yes"}, [], None,
])
def test_a_file_with_other_settings_is_refused(tmp_path, options):
    file = save(tmp_path, SentenceEncoder(encoder()))
    arrays = read_arrays(file)
    manifest = json.loads(arrays["manifest"].tobytes()) | {"options": options}
    arrays["manifest"] = np.frombuffer(json.dumps(manifest).encode(), np.uint8)
    write_arrays(file, arrays)
    with pytest.raises(CheckpointError, match="model.npz: "):
        load(tmp_path)


# ---- scores ----


LISTS = st.lists(st.tuples(st.integers(-3, 3), st.floats(-2, 2).map(lambda v: round(v, 1))),
                 min_size=2, max_size=30)


@given(LISTS)
def test_spearman_is_scipys_also_with_ties(rows):
    x, y = (np.array(column, dtype=float) for column in zip(*rows))
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        with pytest.raises(NonFiniteError, match="one of the lists is constant"):
            spearman(x, y)
        return
    found = spearman(x, y)
    assert found == pytest.approx(spearmanr(x, y).statistic, abs=1e-12)
    assert found == pytest.approx(spearman(y, x), abs=1e-12)
    assert spearman(-x, y) == pytest.approx(-found, abs=1e-12)
    assert spearman(np.exp(x), 3 * y - 7) == pytest.approx(found, abs=1e-12)
    assert spearman(x, x**3) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("x, y", [([1, 2, 3], [1, 2]), ([[1, 2]], [[2, 1]]), (1.0, 2.0)])
def test_spearman_refuses_lists_that_do_not_pair_up(x, y):
    with pytest.raises(ShapeError, match="spearman: x has shape .*; expected two lists"):
        spearman(np.array(x), np.array(y))


@pytest.mark.parametrize("x, y, message", [
    ([1.0, np.nan], [1.0, 2.0], "is not finite"), ([1.0, 2.0], [np.inf, 2.0], "is not finite"),
    ([], [], "is constant"), ([1.0], [1.0], "is constant"), ([0.1] * 3, [1, 2, 3], "is constant"),
])
def test_spearman_refuses_what_orders_nothing(x, y, message):
    with pytest.raises(NonFiniteError, match=message):
        spearman(np.array(x), np.array(y))


@given(st.integers(0, 10**6))
def test_paired_cosines_are_those_of_each_pair(seed):
    x, y = np.random.default_rng(seed).standard_normal((2, 5, 3))
    slow = [a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in zip(x, y)]
    assert paired_cosines(x, y) == pytest.approx(slow, abs=1e-12)
    assert paired_cosines(7 * x, x) == pytest.approx(1, abs=1e-12)


def test_paired_cosines_refuse_what_does_not_pair_up():
    with pytest.raises(ShapeError, match=r"paired_cosines: x has shape \(2, 3\), y \(1, 3\)"):
        paired_cosines(np.ones((2, 3)), np.ones((1, 3)))  # would broadcast
    with pytest.raises(NonFiniteError, match="paired_cosines: y: row 1 has length 0"):
        paired_cosines(np.ones((2, 2)), np.array([[1.0, 0.0], [0.0, 0.0]]))


def angles(texts):
    """A text is an angle in degrees."""
    return np.array([[np.cos(np.radians(float(t))), np.sin(np.radians(float(t)))] for t in texts])


def test_the_score_is_the_rank_correlation_of_cosine_and_grade():
    grades = np.array([5.0, 4.0, 2.5, 0.0])
    pairs = Examples(["0", "10", "20", "30"], grades, pairs=["5", "30", "60", "110"])
    assert similarity_score(angles, pairs) == 1
    backwards = Examples(pairs.texts, grades[::-1], pairs=pairs.pairs)
    assert similarity_score(angles, backwards) == -1
    mixed = Examples(pairs.texts, np.array([4.0, 5.0, 2.5, 0.0]), pairs=pairs.pairs)
    assert similarity_score(angles, mixed) == pytest.approx(1 - 6 * 2 / (4 * 15))
    assert similarity_score(lambda texts: 9 * angles(texts), mixed) == pytest.approx(0.8)
    assert pairs.texts == ["0", "10", "20", "30"]


def test_a_score_needs_pairs_and_grades_that_differ():
    for examples in (Examples(["1", "2"], [0.0, 5.0]), Examples(["1", "2"], pairs=["1", "2"])):
        with pytest.raises(DataError, match="similarity_score: the examples need pairs and grades"):
            similarity_score(angles, examples)
    with pytest.raises(NonFiniteError, match="spearman: one of the lists is constant"):
        similarity_score(angles, Examples(["1", "2"], [2.0, 2.0], pairs=["9", "5"]))


# ---- the bag of words ----


def test_the_bag_of_words_weighs_counts_by_how_rare_a_word_is():
    corpus = ["the cat", "the dog the dog", "The tea", "the cat again"]
    idf = {"again": np.log(4), "cat": np.log(2), "dog": np.log(4), "tea": np.log(4), "the": 0.0}
    rows = bag_of_words_encoder(corpus)(["cat cat dog", "the unknown", ""])
    expected = [[0, 2 * idf["cat"], idf["dog"], 0, 0, 1e-3], [0] * 5 + [1e-3], [0] * 5 + [1e-3]]
    assert rows == pytest.approx(np.array(expected), abs=1e-12)
    assert list(idf) == sorted(idf)


def test_the_bag_of_words_sees_shared_words_and_no_order():
    corpus = ["dog bites man", "man eats pie", "cat naps here"]
    encode = bag_of_words_encoder(corpus)
    same, some, none = paired_cosines(
        encode(["dog bites man"] * 3), encode(["man bites dog", "dog eats pie", "cat naps here"]))
    assert same == pytest.approx(1) and 0.05 < some < 0.95 and none < 1e-3
    pairs = Examples(corpus, np.array([5.0, 2.0, 0.0]), pairs=["bites dog man", "pie", "dog"])
    assert similarity_score(encode, pairs) == 1


def test_the_bag_of_words_refuses_a_corpus_without_words():
    for corpus in ([], ["", " "]):
        with pytest.raises(DataError, match=f"a corpus of {len(corpus)} texts without words"):
            bag_of_words_encoder(corpus)
    with pytest.raises(DtypeError, match="corpus is one string"):
        bag_of_words_encoder("dog bites man")
