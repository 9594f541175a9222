"""Static vectors: counted companions, PPMI and its singular vectors, GloVe, and what is asked."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from npft.errors import ConfigError, DataError, DtypeError, NonFiniteError, ShapeError
from npft.senses.cooccurrence import Cooccurrences, cooccurrences
from npft.senses.glove import EXPONENT, GloveWeights, glove, glove_loss
from npft.senses.ppmi import ppmi, ppmi_svd
from npft.senses.static import StaticVectors
from npft.senses.uses import WordUses
from npft.text.basic import basic_words

TEXTS = ["The bank lends money.", "the river bank", "Money, money!", "a bank by the river lends"]


# ---- counts ----


@given(st.integers(1, 6), st.integers(1, 3), st.booleans())
def test_counts_are_those_of_the_plain_double_loop(window, min_count, decay):
    words, counts = cooccurrences(TEXTS, window, min_count, decay)
    rows = [basic_words(text) for text in TEXTS]
    found = {}
    for row in rows:
        for i, a in enumerate(row):
            for j, b in enumerate(row):
                if 0 < abs(i - j) <= window:
                    found[a, b] = found.get((a, b), 0) + (1 / abs(i - j) if decay else 1)
    every = [w for row in rows for w in row]
    assert sorted(words) == sorted({w for w in every if every.count(w) >= min_count})
    assert [every.count(w) for w in words] == sorted((every.count(w) for w in words), reverse=True)
    expected = np.array([[found.get((a, b), 0) for b in words] for a in words])
    assert counts.toarray() == pytest.approx(expected)
    assert (counts != counts.T).nnz == 0


def test_a_window_stops_at_the_end_of_a_text_and_a_rare_word_keeps_its_place():
    words, counts = cooccurrences(["a x b", "a", "b"], window=1, min_count=1)
    assert counts[[words.index("a")], [words.index("b")]].tolist() == [0]
    with pytest.raises(DataError, match="no two words that occur 2 times"):
        cooccurrences(["a x b", "a", "b"], window=1, min_count=2)  # x is gone, a and b stay apart


@pytest.mark.parametrize(("changes", "error", "message"), [
    ({"texts": "one text"}, DtypeError, "texts is one string"),
    ({"texts": []}, DataError, "in 0 texts no two words"),
    ({"texts": ["alone"]}, DataError, "in 1 texts no two words"),
    ({"window": 0}, ConfigError, "window is 0"),
    ({"min_count": 0}, ConfigError, "min_count is 0"),
    ({"decay": 1}, ConfigError, "decay is 1, expected True or False"),
])
def test_what_cannot_be_counted_is_refused(changes, error, message):
    with pytest.raises(error, match=message):
        cooccurrences(**{"texts": TEXTS, **changes})


# ---- PPMI ----


def test_independent_words_have_no_mutual_information_and_bound_ones_have_the_log_of_their_number():
    outer = np.outer([1.0, 2.0, 3.0], [4.0, 5.0])
    assert ppmi(csr_array(outer)).toarray() == pytest.approx(0, abs=1e-12)
    assert ppmi(csr_array(7 * np.eye(4))).toarray() == pytest.approx(np.log(4) * np.eye(4))


def test_a_shift_takes_its_logarithm_from_what_is_positive():
    counts = csr_array(np.array([[9.0, 3.0, 0.0], [3.0, 3.0, 4.0], [0.0, 4.0, 8.0]]))
    plain, shifted = ppmi(counts).toarray(), ppmi(counts, 1.5).toarray()
    assert shifted == pytest.approx(np.maximum(plain - np.log(1.5), 0))
    assert 0 < (shifted > 0).sum() < (plain > 0).sum()
    n = counts.toarray()
    pmi = np.log(np.maximum(n, 1e-300) * n.sum() / np.outer(n.sum(1), n.sum(0)))
    assert plain == pytest.approx(np.maximum(pmi, 0))


def test_a_count_of_0_that_is_written_down_is_no_pair():
    stored = csr_array((np.array([2.0, 0.0, 1.0]), (np.array([0, 0, 1]), np.array([0, 1, 1]))))
    assert ppmi(stored).toarray() == pytest.approx(ppmi(csr_array(stored.toarray())).toarray())


def near():
    return cooccurrences(TEXTS * 3, window=2, min_count=1)


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_vectors_are_the_left_singular_vectors_times_a_power_of_the_values(power):
    found = ppmi_svd(near(), dims=3, power=power)
    u, s, _ = np.linalg.svd(ppmi(near().counts).toarray())
    expected = u[:, :3] * s[:3] ** power
    for mine, dense in zip(found.vectors.T, expected.T):  # but for the sign
        assert mine[np.abs(mine).argmax()] > 0
        assert mine == pytest.approx(dense * np.sign(dense @ mine), abs=1e-8)


def test_power_1_keeps_the_inner_products_of_the_rows():
    two_rows = Cooccurrences(["a", "b", "c", "d"], csr_array(np.kron(np.eye(2), np.ones((2, 2)))))
    found, table = ppmi_svd(two_rows, dims=2, power=1.0), ppmi(two_rows.counts).toarray()
    assert found.vectors @ found.vectors.T == pytest.approx(table @ table.T)


def test_the_same_counts_give_the_same_bits_and_are_not_changed():
    counts = near()
    before = counts.counts.toarray()
    first, second = ppmi_svd(counts, dims=3), ppmi_svd(counts, dims=3)
    assert np.array_equal(first.vectors, second.vectors) and first.words == counts.words
    assert np.array_equal(counts.counts.toarray(), before)


@pytest.mark.parametrize(("call", "error", "message"), [
    (lambda: ppmi_svd(near(), dims=50), ConfigError, "dims is 50, expected less than the 10 words"),
    (lambda: ppmi_svd(TEXTS), DtypeError, "ppmi_svd: the counts are a list"),
    (lambda: ppmi_svd(near(), dims=0), ConfigError, "dims is 0"),
    (lambda: ppmi_svd(near(), dims=2, power=-1), ConfigError, "power is -1"),
    (lambda: ppmi_svd(near(), dims=2, shift=0.5), ConfigError, "shift is 0.5, expected 1 or more"),
    (lambda: ppmi_svd(near(), dims=2, shift=1e6), DataError, "no pair of words is more frequent"),
    (lambda: ppmi_svd(Cooccurrences(list("abcd"), csr_array(np.kron(np.eye(2), np.ones((2, 2))))),
                      dims=3), ConfigError, "the table has only 2 directions"),
    (lambda: ppmi(csr_array(-np.eye(2))), DataError, "counts are negative"),
    (lambda: ppmi(csr_array(np.eye(2) * np.nan)), DataError, "not finite"),
    (lambda: ppmi(csr_array((2, 2))), DataError, "all 0"),
])
def test_ppmi_refuses_in_words(call, error, message):
    with pytest.raises(error, match=message):
        call()


# ---- GloVe ----


@given(st.integers(0, 10**6))
def test_the_gradients_of_glove_are_its_complex_step_derivatives(seed):
    rng = np.random.default_rng(seed)
    i, j = np.nonzero(rng.random((4, 4)) < 0.6)
    x = rng.uniform(0.2, 30, len(i))  # on both sides of x_max
    at = GloveWeights(*(rng.standard_normal(shape) for shape in ((4, 3), (4, 3), 4, 4)))
    loss, gradients = glove_loss(at, i, j, x, x_max=10)
    for part in range(4):
        numeric = np.zeros_like(at[part])
        for place in np.ndindex(numeric.shape):
            moved = [np.array(p, dtype=complex) for p in at]
            moved[part][place] += 1e-30j
            numeric[place] = glove_loss(GloveWeights(*moved), i, j, x, x_max=10)[0].imag / 1e-30
        assert gradients[part] == pytest.approx(numeric, rel=1e-9, abs=1e-12)
    error = (at.w @ at.c.T + at.a[:, None] + at.b)[i, j] - np.log(x)
    assert loss == pytest.approx((np.minimum(1, (x / 10) ** EXPONENT) * error**2).sum())


def test_words_that_keep_the_same_company_come_to_lie_near_each_other():
    kinds = np.arange(8) % 2
    often = np.where(kinds[:, None] == kinds, 40.0, 2.0)  # no pair is without a count
    words = list("abcdefgh")
    found = glove(Cooccurrences(words, csr_array(often)), 3, epochs=300, x_max=10.0,
                  rng=np.random.default_rng(0))
    for word, kind in zip(words, kinds):
        assert {words.index(w) % 2 for w, _ in found.nearest(word, 3)} == {kind}


def test_glove_repeats_itself_by_its_seed_and_changes_no_count():
    counts = cooccurrences(TEXTS, min_count=1, decay=True)
    before = counts.counts.toarray()
    made = [glove(counts, 3, epochs=2, rng=np.random.default_rng(s)).vectors for s in (0, 0, 1)]
    assert np.array_equal(made[0], made[1]) and not np.array_equal(made[0], made[2])
    assert np.array_equal(counts.counts.toarray(), before)


def test_the_first_step_of_adagrad_is_the_rate_times_the_gradient_over_its_size():
    # one pair: every number has one gradient g, and moves by lr g / sqrt(1 + g²)
    counts = Cooccurrences(["a", "b"], csr_array(np.array([[0.0, np.e], [0.0, 0.0]])))
    rng = np.random.default_rng(0)
    w, c = (rng.uniform(-0.5, 0.5, (2, 1)) for _ in range(2))
    a, b = (rng.uniform(-0.5, 0.5, 2) for _ in range(2))
    e = 2 * (w[0] * c[1] + a[0] + b[1] - 1)  # f is 1
    g_w, g_c = e * c[1], e * w[0]
    expected = (w + c).ravel()
    expected[0] -= (0.1 * g_w / np.sqrt(1 + g_w**2)).item()
    expected[1] -= (0.1 * g_c / np.sqrt(1 + g_c**2)).item()
    found = glove(counts, 1, epochs=1, lr=0.1, x_max=1.0, rng=np.random.default_rng(0))
    assert found.vectors.ravel() == pytest.approx(expected)


@pytest.mark.parametrize(("changes", "error", "message"), [
    ({"near": TEXTS}, DtypeError, "glove: the counts are a list, expected what cooccurrences"),
    ({"dims": 0}, ConfigError, "dims is 0"),
    ({"epochs": 0}, ConfigError, "epochs is 0"),
    ({"lr": 0}, ConfigError, "lr is 0"),
    ({"x_max": -1}, ConfigError, "x_max is -1"),
    ({"rng": 3}, ConfigError, "rng is 3, expected a generator"),
    ({"near": Cooccurrences(["a"], csr_array((1, 1)))}, DataError, "there are none"),
    ({"near": Cooccurrences(["a"], csr_array([[-1.0]]))}, DataError, "not positive"),
    ({"lr": 1e200}, NonFiniteError, "the loss is .* in epoch 1; lower lr"),
])
def test_glove_refuses_in_words(changes, error, message):
    given = {"near": near(), "dims": 2, "epochs": 5, "rng": np.random.default_rng(0)} | changes
    with pytest.raises(error, match=message):
        glove(given.pop("near"), given.pop("dims"), **given)


# ---- the table ----


def table():
    return StaticVectors(["sea", "salt", "tax", "none"], [[1, 0], [1, 1], [0, 3], [0, 0]])


def test_a_word_has_one_vector_in_every_text():
    static = table()
    assert static["salt"].tolist() == [1, 1] and "salt" in static and "gold" not in static
    assert static.cosine("sea", "sea") == 1
    static["salt"][:] = 9  # a copy
    assert static["salt"].tolist() == [1, 1]


def test_a_text_is_the_mean_of_its_known_words_each_as_often_as_it_stands_there():
    found = table().encode(["Sea, sea, salt!", "gold tax", "gold", "", "none"])
    everything = [0.5, 1.0]  # the mean of all four
    assert found.tolist() == [[1, 1 / 3], [0, 3], everything, everything, everything]
    assert table().encode([]).shape == (0, 2)


def test_what_stands_around_a_word_leaves_it_out_and_ends_at_the_window():
    uses = WordUses([["sea", "gold", "salt", "Tax"], ["salt", "sea"]], [2, 0])
    assert table().around(uses).tolist() == [[0.5, 1.5], [1, 0]]
    assert table().around(uses, window=1).tolist() == [[0, 3], [1, 0]]


def test_the_nearest_words_are_in_the_order_of_their_cosines_without_the_word_itself():
    found = table().nearest("sea", 5)
    assert [word for word, _ in found] == ["salt", "tax"]  # a vector of length 0 is near nothing
    assert [c for _, c in found] == pytest.approx([0.5**0.5, 0])
    assert table().nearest("tax", 1)[0][0] == "salt"


@pytest.mark.parametrize(("call", "error", "message"), [
    (lambda: StaticVectors(["a"], np.ones((2, 2))), ShapeError, "1 words and 2 rows"),
    (lambda: StaticVectors(["a", "a"], np.ones((2, 2))), DataError, "given twice"),
    (lambda: StaticVectors(["a"], [[np.nan]]), NonFiniteError, "row 0 is not finite"),
    (lambda: table()["gold"], DataError, "'gold' is not one of the 4 known"),
    (lambda: table().cosine("sea", "none"), NonFiniteError, "row 1 has length 0"),
    (lambda: table().nearest("none"), NonFiniteError, "row 0 has length 0"),
    (lambda: table().nearest("sea", 0), ConfigError, "k is 0"),
    (lambda: table().encode("sea"), DtypeError, "texts is one string"),
    (lambda: table().around(["sea"]), DtypeError, "around: the uses are a list"),
    (lambda: table().around(WordUses([["sea"]], [0]), 0), ConfigError, "window is 0"),
])
def test_the_table_refuses_in_words(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_words_that_cancel_but_for_rounding_say_nothing():
    static = StaticVectors(["a", "b", "c", "d"], np.array([[0.1], [0.2], [-0.3], [7.0]]))
    assert static.encode(["a b c", "nobody", "d"]).tolist() == [[1.75], [1.75], [7.0]]


def test_a_count_of_0_that_is_written_down_says_nothing():
    counts = csr_array(np.array([[2.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]))
    zeros = csr_array((np.append(counts.data, 0.0), (np.append(counts.tocoo().row, 2),
                                                     np.append(counts.tocoo().col, 2))), (3, 3))
    assert zeros.nnz == 4
    np.testing.assert_array_equal(ppmi(zeros).toarray(), ppmi(counts).toarray())
    assert zeros.nnz == 4  # the table given is not changed


def test_a_window_wider_than_the_longest_text_costs_no_more(monkeypatch):
    texts = ["a b c", "b c"] * 20
    wide, narrow = (cooccurrences(texts, window=w) for w in (10**9, 2))
    assert wide.words == narrow.words
    np.testing.assert_array_equal(wide.counts.toarray(), narrow.counts.toarray())
    rounds = []
    full = np.full
    monkeypatch.setattr(np, "full", lambda *args: rounds.append(1) or full(*args))
    cooccurrences(texts, window=10**9)
    assert len(rounds) == 2  # distances 1 and 2


def test_what_is_no_string_is_no_word():
    static = StaticVectors(["a"], [[1.0]])
    assert ["a"] not in static
    with pytest.raises(DataError, match="the word .* is not one of the 1 known"):
        static[["a"]]
