"""Words in their texts: the parts fit together, and a word's vector is the mean of its tokens'."""

import numpy as np
import pytest

from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.errors import ConfigError, DataError, DtypeError, IdError, NonFiniteError, ShapeError
from npft.loading import load
from npft.senses.uses import WordUses, sum_of_last, uses_of, word_vectors
from npft.text.bytes import ByteTokenizer
from npft.text.tagged import TaggedTexts


def encoder(max_positions=40, layers=2, tokenizer=True):
    config = EncoderConfig(vocab_size=260, hidden_size=4, num_layers=layers, num_heads=2,
                           intermediate_size=4, max_positions=max_positions, dropout=0.3,
                           init_std=0.5)
    return Encoder(config, tokenizer=ByteTokenizer() if tokenizer else None,
                   rng=np.random.default_rng(0))


TEXTS = [["the", "bank", "lends"], ["a", "bank"], ["I", "go", "on", "to", "the", "Bank"]]


def test_a_words_vector_at_each_layer_is_the_mean_of_the_hidden_states_of_its_tokens():
    body, places = encoder(), [1, 0, 5]
    found = word_vectors(body, WordUses(TEXTS, places))
    assert len(found) == 3 and all(layer.shape == (3, 4) for layer in found)
    for i, (text, place) in enumerate(zip(TEXTS, places)):  # each text alone
        batch = body.tokenizer([text])
        for layer, states in zip(found, body.hidden_states(batch)):
            own = states[np.asarray(batch.words) == place]
            assert len(own) == len(text[place]) + (place > 0)  # a byte each, and the space before
            assert layer[i] == pytest.approx(own.mean(axis=0), rel=1e-5, abs=1e-6)


def test_two_uses_in_one_text_and_any_order_of_uses_give_each_its_own_vector():
    body = encoder()
    uses = WordUses([TEXTS[0], TEXTS[2], TEXTS[0]], [1, 5, 2])
    forwards, backwards = word_vectors(body, uses), word_vectors(body, uses[::-1])
    for a, b in zip(forwards, backwards):
        assert a == pytest.approx(b[::-1], abs=1e-6)
        assert np.abs(a[0] - a[2]).max() > 0.01


def test_a_text_longer_than_the_positions_is_read_in_the_window_of_its_word():
    body = encoder(max_positions=8)
    text = ["go", "on", "to", "it"]  # windows: go on, to it
    found = word_vectors(body, WordUses([text, text], [1, 2]))[-1]
    alone = [word_vectors(body, WordUses([w], [p]))[-1][0]
             for w, p in ((["go", "on"], 1), (["to", "it"], 0))]
    assert found == pytest.approx(np.stack(alone), abs=1e-6)


def test_reading_words_draws_no_dropout_and_leaves_the_encoder_in_training():
    body = encoder()
    uses = WordUses(TEXTS, [0, 1, 2])
    assert body.training
    first, second = word_vectors(body, uses), word_vectors(body, uses)
    assert all(np.array_equal(a, b) for a, b in zip(first, second)) and body.training


def test_the_sum_of_the_last_layers_is_of_blocks_and_of_all_if_there_are_fewer():
    tables = [10.0 ** k * np.ones((2, 3)) for k in range(6)]  # embeddings, then five blocks
    before = [table.copy() for table in tables]
    assert sum_of_last(tables)[0, 0] == 111100
    assert sum_of_last(tables, k=1)[0, 0] == 100000
    assert sum_of_last(tables[:3])[0, 0] == 110
    assert sum_of_last(tables[:1])[0, 0] == 1  # an encoder without blocks
    assert all(np.array_equal(a, b) for a, b in zip(tables, before))
    with pytest.raises(ConfigError, match="k is 0"):
        sum_of_last(tables, k=0)
    with pytest.raises(ShapeError, match="no layers"):
        sum_of_last([])


def test_tagged_words_become_uses_and_the_groups_their_documents():
    tagged = TaggedTexts([["a", "Bank"], ["no"], ["bank", "jam"]],
                         [["O", "money"], ["O"], ["river", "food"]], groups=np.array([7, 8, 9]))
    uses = uses_of(tagged)
    assert uses.words == ["bank", "bank", "jam"] and uses.senses == ["money", "river", "food"]
    assert uses.places.tolist() == [1, 0, 1] and uses.documents.tolist() == [7, 9, 9]
    assert len(uses_of(TaggedTexts([["no"]], [["O"]]))) == 0
    part = uses[np.array([True, False, True])]
    assert part.senses == ["money", "food"] and part.documents.tolist() == [7, 9]


@pytest.mark.parametrize(("make", "error", "message"), [
    (lambda: WordUses([["a"]], [1]), IdError, r"places\[0\] is 1 in a text of 1 words"),
    (lambda: WordUses([["a"]], [-1]), IdError, r"places\[0\] is -1"),
    (lambda: WordUses([["a"], []], [0, 0]), IdError, r"places\[1\] is 0 in a text of 0 words"),
    (lambda: WordUses([["a"]], [0.0]), DtypeError, "places is float64, expected whole numbers"),
    (lambda: WordUses([["a"]], [0, 0]), ShapeError, r"places has shape \(2,\)"),
    (lambda: WordUses(["a b"], [0]), DtypeError, r"texts\[0\] is one string"),
    (lambda: WordUses([["a"]], [0], ["x", "y"]), ShapeError, "2 senses of 1 words"),
    (lambda: WordUses([["a"]], [0], [3]), DtypeError, r"senses\[0\] is int"),
    (lambda: WordUses([["a"]], [0], None, [1, 2]), ShapeError, r"documents: .*\(2,\)"),
    (lambda: WordUses([["a"]], [0]).need_senses("x"), DataError, "x: the uses have no senses"),
    (lambda: word_vectors(encoder(), [["a"]]), DtypeError, "the uses are a list, expected WordU"),
    (lambda: word_vectors(encoder(), WordUses([], [])), DataError, "there are no uses"),
    (lambda: word_vectors(encoder(tokenizer=False), WordUses([["a"]], [0])), ConfigError,
     "no tokenizer"),
])
def test_uses_that_cannot_be_are_refused_in_words(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("tables, error, message", [
    (np.ones((10, 3)), ShapeError, r"shape \(3,\), expected 2 axes"),  # one table, no list
    ([np.ones((2, 3)), np.ones((2, 3)), np.ones((2, 4))], ShapeError, r"shapes \(2, 3\) and"),
    ([np.ones((2, 3)), [[1.0], [1.0, 2.0]]], ShapeError, "different lengths"),
    ([np.ones((2, 3)), np.full((2, 3), np.nan)], NonFiniteError, "row 0 is not finite"),
    (3, DtypeError, "tables is int, expected a list of tables"),
])
def test_what_are_no_tables_of_one_shape_are_refused(tables, error, message):
    with pytest.raises(error, match=f"sum_of_last: .*{message}"):
        sum_of_last(tables)


def test_tables_may_come_one_by_one():
    tables = [np.full((1, 2), 10.0**i) for i in range(4)]
    assert sum_of_last(t for t in tables).tolist() == sum_of_last(tables).tolist() == [[1110, 1110]]


def test_ragged_places_are_refused():
    with pytest.raises(ShapeError, match="WordUses: places holds lists of different lengths"):
        WordUses(TEXTS, [[1], [0, 1], [5]])


def test_a_model_in_place_of_its_encoder_is_told_what_to_give():
    with pytest.raises(ConfigError, match="word_vectors: encoder is MaskedLM.*give its .body"):
        word_vectors(load("tinyworld"), WordUses(TEXTS, [1, 0, 5]))
