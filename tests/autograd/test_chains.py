"""Chains: log Z and its gradients against every path, one by one; the best path too."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from op_table import path_scores
from scipy import special

from npft.autograd import Tensor, gradcheck, ops
from npft.autograd.chains import best_paths, chain_log_partition
from npft.errors import DtypeError, NonFiniteError, ShapeError
from npft.testing import generators, ragged_batches

NAMES = ("emissions", "transitions", "starts", "ends")


@st.composite
def chains(draw, forbidden=True):
    """Scores and offsets of some chains of 1 to 5 words and 1 to 4 tags; at times some moves, but
    never that from tag 0 to itself, are forbidden by -inf."""
    offsets = draw(ragged_batches(max_sequences=4, max_length=5, vocab_size=1)).offsets
    tags, rng = draw(st.integers(1, 4)), draw(generators())
    size = draw(st.sampled_from([1.0, 10.0, 1000.0]))
    shapes = (offsets[-1], tags), (tags, tags), (tags,), (tags,)
    scores = [size * rng.uniform(-1, 1, shape) for shape in shapes]
    if forbidden and draw(st.booleans()):
        for array in scores[1:]:
            no = rng.random(array.shape) < 0.4
            no[(0,) * array.ndim] = False
            array[no] = -np.inf
    return scores, offsets


def parts_of(scores, offsets):
    """The scores of each chain alone."""
    return [(scores[0][a:b], *scores[1:]) for a, b in zip(offsets[:-1], offsets[1:])]


def with_gradients(scores, offsets, cotangent=None):
    leaves = [Tensor(array, requires_grad=True) for array in scores]
    out = chain_log_partition(*leaves, offsets=offsets)
    out.backward(np.ones(out.shape) if cotangent is None else cotangent)
    return out.data, [leaf.grad for leaf in leaves]


# ---- log Z ----


@given(chains())
def test_log_z_is_the_sum_over_every_path(case):
    scores, offsets = case
    found = chain_log_partition(*scores, offsets=offsets).data
    every = [[score for _, score in path_scores(*own)] for own in parts_of(scores, offsets)]
    np.testing.assert_allclose(found, [special.logsumexp(s) for s in every], rtol=1e-12, atol=1e-12)


@given(chains())
def test_the_gradients_are_the_probabilities_of_tags_and_moves(case):
    scores, offsets = case
    _, found = with_gradients(scores, offsets)
    expected = [np.zeros_like(array) for array in scores]
    for start, own in zip(offsets, parts_of(scores, offsets)):
        paths, values = zip(*path_scores(*own))
        for path, p in zip(paths, special.softmax(values)):
            expected[0][start + np.arange(len(path)), path] += p
            np.add.at(expected[1], (path[:-1], path[1:]), p)
            expected[2][path[0]] += p
            expected[3][path[-1]] += p
    for name, a, b in zip(NAMES, found, expected):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12, err_msg=name)


@given(chains())
def test_probabilities_add_up_to_1_and_those_of_what_is_forbidden_are_0(case):
    scores, offsets = case
    _, (tags, moves, starts, ends) = with_gradients(scores, offsets)
    number, words = len(offsets) - 1, offsets[-1]
    np.testing.assert_allclose(tags.sum(axis=1), 1, rtol=1e-12)
    totals = [moves.sum(), starts.sum(), ends.sum()]
    np.testing.assert_allclose(totals, [words - number, number, number], rtol=1e-12, atol=1e-12)
    for array, gradient in zip(scores, (tags, moves, starts, ends)):
        assert (gradient[array == -np.inf] == 0).all()


@given(chains(forbidden=False), generators())
def test_a_constant_added_to_a_word_shifts_log_z_by_it_and_no_probability(case, rng):
    scores, offsets = case
    before, gradients = with_gradients(scores, offsets)
    shift = rng.uniform(-1, 1, (offsets[-1], 1))
    moved = [scores[0] + shift, *scores[1:]]
    after, others = with_gradients(moved, offsets)
    expected = before + np.add.reduceat(shift[:, 0], offsets[:-1])
    np.testing.assert_allclose(after, expected, rtol=1e-12, atol=1e-10)
    for a, b in zip(gradients, others):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-9)


@given(chains(), generators())
def test_a_batch_gives_each_chain_to_the_bit_what_it_gets_alone(case, rng):
    scores, offsets = case
    cotangent = rng.standard_normal(len(offsets) - 1)
    together, gradients = with_gradients(scores, offsets, cotangent)
    totals = [0 * np.isfinite(array) for array in scores[1:]]
    best = best_paths(*scores, offsets=offsets)
    for b, own in enumerate(parts_of(scores, offsets)):
        whole, span = np.array([0, len(own[0])]), slice(offsets[b], offsets[b + 1])
        alone, parts = with_gradients(own, whole, cotangent[[b]])
        assert alone[0] == together[b]
        assert parts[0].tobytes() == gradients[0][span].tobytes()
        assert best_paths(*own, offsets=whole).tolist() == best[span].tolist()
        totals = [total + part for total, part in zip(totals, parts[1:])]
    for total, gradient in zip(totals, gradients[1:]):
        np.testing.assert_allclose(gradient, total, rtol=1e-12, atol=1e-12)


@given(generators(), st.integers(1, 4), st.integers(1, 6))
def test_without_transitions_it_is_a_softmax_of_each_word(rng, tags, words):
    scores = 3 * rng.standard_normal((words, tags))
    still = np.zeros((tags, tags)), np.zeros(tags), np.zeros(tags)
    value, gradients = with_gradients((scores, *still), np.array([0, words]))
    np.testing.assert_allclose(value, special.logsumexp(scores, axis=1).sum(), rtol=1e-12)
    np.testing.assert_allclose(gradients[0], special.softmax(scores, axis=1), rtol=1e-11)


def test_a_chain_of_one_word_has_no_moves():
    emissions, transitions = np.array([[1.0, 2.0]]), np.full((2, 2), 9.0)
    scores = emissions, transitions, np.array([3.0, 0.0]), np.array([0.0, 4.0])
    value, gradients = with_gradients(scores, np.array([0, 1]))
    p = special.softmax([4.0, 6.0])
    np.testing.assert_allclose(value, special.logsumexp([4.0, 6.0]), rtol=1e-15)
    np.testing.assert_allclose(gradients[1], 0, atol=0)
    for found in (gradients[0][0], gradients[2], gradients[3]):
        np.testing.assert_allclose(found, p, rtol=1e-14)


def test_the_slope_is_right_where_moves_are_forbidden():
    rng = np.random.default_rng(0)
    scores = [rng.standard_normal(shape) for shape in ((7, 3), (3, 3), (3,), (3,))]
    allowed = np.array([[1, 1, 0], [1, 1, 1], [0, 0, 1]], bool), np.array([1, 1, 0], bool)

    def value(emissions, transitions, starts, ends):
        moves = ops.where(transitions, -np.inf, condition=allowed[0])
        starts = ops.where(starts, -np.inf, condition=allowed[1])
        return chain_log_partition(emissions, moves, starts, ends, offsets=np.array([0, 1, 4, 7]))

    gradcheck(value, *scores, rng=rng)


@pytest.mark.parametrize("dtype, size", [(np.float32, 1e3), (np.float64, 1e3), (np.float64, 1e300)])
def test_large_scores_of_either_sign_are_no_trouble(dtype, size):
    rng = np.random.default_rng(0)
    scores = [(size * rng.uniform(-1, 1, s)).astype(dtype) for s in ((9, 3), (3, 3), (3,), (3,))]
    value, gradients = with_gradients(scores, np.array([0, 4, 9]))
    best = best_paths(*scores, offsets=np.array([0, 4, 9]))
    assert value.dtype == dtype and all(np.isfinite(g).all() for g in gradients)
    np.testing.assert_allclose(gradients[0].sum(axis=1), 1, rtol=1e-6)
    assert (gradients[0].argmax(axis=1) == best).all()  # one path outweighs all others


def test_not_a_number_comes_out_as_such_and_is_no_best_path():
    scores = [np.zeros((2, 2)), np.zeros((2, 2)), np.zeros(2), np.zeros(2)]
    scores[0][1, 0] = np.nan
    assert np.isnan(chain_log_partition(*scores, offsets=np.array([0, 2])).data).all()
    for wrong in (np.nan, np.inf):
        scores[0][1, 0] = wrong
        with pytest.raises(NonFiniteError, match=f"score of the best path is {wrong}"):
            best_paths(*scores, offsets=np.array([0, 2]))


# ---- the best path ----


@given(chains())
def test_the_best_path_has_the_highest_score_of_all(case):
    scores, offsets = case
    found = best_paths(*scores, offsets=offsets)
    for start, own in zip(offsets, parts_of(scores, offsets)):
        every = dict(path_scores(*own))
        path = tuple(found[start : start + len(own[0])])
        assert every[path] == pytest.approx(max(every.values()), rel=1e-12)
        assert every[path] > -np.inf


@given(generators(), st.integers(1, 3), st.integers(1, 5))
def test_of_equal_paths_the_one_with_the_lowest_last_tags_is_taken(rng, tags, words):
    shapes = (words, tags), (tags, tags), tags, tags
    scores = [rng.integers(0, 2, shape).astype(float) for shape in shapes]
    every = dict(path_scores(*scores))
    best = [path for path, score in every.items() if score == max(every.values())]
    found = best_paths(*scores, offsets=np.array([0, words])).tolist()
    assert found == list(min(best, key=lambda path: path[::-1]))


# ---- what is refused ----


@pytest.mark.parametrize("call", [chain_log_partition, best_paths])
def test_a_chain_without_a_path_is_named(call):
    forbidden = np.array([[-np.inf, 0.0], [-np.inf, -np.inf]])  # no way on from tag 1
    for offsets, chain in (([0, 3], 0), ([0, 1, 3, 6], 2), ([0, 4, 6], 0)):
        emissions = np.zeros((offsets[-1], 2))
        with pytest.raises(NonFiniteError, match=f"{call.__name__}: chain {chain} has no path"):
            call(emissions, forbidden, np.zeros(2), np.zeros(2), offsets=np.array(offsets))


def test_scores_of_other_shapes_have_no_best_path():
    for shapes in (((2, 2), (3, 3), 2, 2), ((2, 2), (2, 2), 3, 2), ((2, 2), (2, 2), 2, 1)):
        with pytest.raises(ShapeError, match="best_paths: (transitions|starts|ends) has shape"):
            best_paths(*map(np.zeros, shapes), offsets=np.array([0, 2]))


def test_scores_may_be_lists_and_what_is_no_score_is_refused():
    zeros = np.zeros((2, 2)), np.zeros(2), np.zeros(2)
    assert best_paths([[0, 1], [3, 2]], [[0, 0], [0, 0]], [0, 0], [0, 0], offsets=[0, 2]).tolist() \
        == [1, 0]
    with pytest.raises(DtypeError, match="best_paths: scores: a str that cannot be made an array"):
        best_paths("ab", *zeros, offsets=[0, 2])
    for call in (chain_log_partition, best_paths):
        with pytest.raises(ShapeError, match="expected one tag or more"):
            call(np.zeros((2, 0)), np.zeros((0, 0)), np.zeros(0), np.zeros(0), offsets=[0, 2])
