"""Random choices: the same on every machine, fair, and strict about their arguments."""

import random

import numpy as np
import pytest

from npft.errors import ConfigError
from npft.worlds.draws import check_side, choose, shuffled, stream
from npft.worlds.grammar import TinyWorld
from npft.worlds.search import search_task


def test_a_stream_is_pythons_own_and_its_first_number_is_pinned():
    assert stream(1, 2, 3)() == random.Random((1 << 44) + (3 << 4) + 2).random()
    assert stream(0, 0, 0)() == 0.8444218515250481


def test_seed_purpose_and_index_each_change_the_stream():
    triples = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (16, 0, 0), (0, 15, 0)]
    triples.append((0, 0, 2**40 - 1))
    assert len({stream(*triple)() for triple in triples}) == len(triples)


def test_the_two_last_purposes_have_the_streams_of_the_two_first_one_index_further():
    for purpose in (16, 17):
        for seed, index in ((0, 0), (3, 5)):
            same = stream(seed, purpose - 16, index + 1)()
            assert stream(seed, purpose, index)() == same
        assert stream(0, purpose, 2**40 - 1)() == stream(1, purpose - 16, 0)()


@pytest.mark.parametrize("value", [-1, 18, 1.0, True, None, "3"])
def test_a_purpose_is_a_whole_number_of_0_to_17(value):
    with pytest.raises(ConfigError, match="purpose is .*, expected a whole number, 0"):
        stream(0, value)
    assert stream(0, np.int64(3))() == stream(0, 3)()


def test_choose_reaches_every_option_and_no_further():
    assert choose(lambda: 0.0, "abc") == "a"
    assert choose(lambda: 1 - 2**-53, "abc") == "c"


def test_shuffled_keeps_the_items_and_its_argument_and_gives_every_order():
    items = [1, 2, 3]
    draw = stream(0, 9)
    orders = [tuple(shuffled(draw, items)) for _ in range(6000)]
    assert items == [1, 2, 3]
    counts = [orders.count(order) for order in sorted(set(orders))]
    # 6 orders of 1,000 each, standard deviation 29.
    assert len(counts) == 6 and min(counts) > 870 and max(counts) < 1130


@pytest.mark.parametrize("value", [-1, 1.0, True, None, "3", np.array([3])])
def test_a_seed_is_a_whole_number_from_0(value):
    with pytest.raises(ConfigError, match="seed is .*, expected a whole number, 0 or more"):
        stream(value, 0)


def test_an_index_of_2_to_the_40_would_run_into_the_next_seed_and_is_refused():
    with pytest.raises(ConfigError, match="below"):
        stream(0, 0, 2**40)


def test_numpys_true_and_false_and_1_and_0_name_a_side_too():
    world = TinyWorld()
    for side in (True, False):
        pairs = world.task("questions", 4, test=side)
        queries = search_task(world, 2, passages=8, test=side).queries
        for same in (np.bool_(side), int(side), np.int64(side)):
            assert world.task("questions", 4, test=same).texts == pairs.texts
            assert search_task(world, 2, passages=8, test=same).queries == queries
            assert world.sentence(1, stream(0, 15), same) == world.sentence(1, stream(0, 15), side)
    for value in (2, -1, 1.0, "1", np.array([1, 0]), np.array([True]), [1]):
        with pytest.raises(ConfigError, match="test is .*, expected True, False, or None"):
            check_side(value)


def test_numpy_numbers_are_numbers():
    assert stream(np.int64(3), 0)() == stream(3, 0)()
    assert TinyWorld(noise=np.float32(0.5)).noise == 0.5
