"""The error classes and the check of shapes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import npft
from npft import errors
from npft.autograd.gradcheck import gradcheck
from npft.errors import (
    CheckpointError, ConfigError, DataError, DtypeError, NpftError, ShapeError, check_items,
    check_number, check_positive, check_shape, check_share, check_strings, listed, quoted,
)

STANDARD = {
    "ShapeError": ValueError,
    "ConfigError": ValueError,
    "CheckpointError": ValueError,
    "DataError": ValueError,
    "DtypeError": TypeError,
    "IdError": IndexError,
    "GraphError": RuntimeError,
    "WorkerError": RuntimeError,
    "NonFiniteError": FloatingPointError,
    "GradientError": AssertionError,
}


def test_every_error_is_ours_and_the_standard_one():
    ours = {n for n, c in vars(errors).items() if isinstance(c, type) and issubclass(c, NpftError)}
    assert ours == {*STANDARD, "NpftError"}
    for name, standard in STANDARD.items():
        cls = getattr(errors, name)
        with pytest.raises(standard, match="what went wrong") as caught:
            raise cls("what went wrong")
        assert isinstance(caught.value, NpftError)
        assert name in errors.__doc__


def test_a_data_error_begins_with_file_and_line():
    assert str(DataError("no tab", "a.tsv", 3)) == "a.tsv:3: no tab"
    assert str(DataError("empty", "a.tsv")) == "a.tsv: empty"
    assert str(DataError("no documents")) == "no documents"
    assert not issubclass(CheckpointError, DataError)


@given(st.text(max_size=300), st.one_of(st.none(), st.integers(1, 9)))
def test_a_data_error_shows_the_name_of_a_file_on_one_line(name, line):
    shown = str(DataError("empty", name, line))
    assert shown.isprintable() and len(shown) < 10 * 200 + 30
    if name.isprintable():
        assert shown == (f"{name}: empty" if line is None else f"{name}:{line}: empty")


@given(st.one_of(st.text(max_size=90), st.lists(st.text(max_size=9), max_size=9), st.floats()))
def test_what_is_quoted_is_on_one_line_and_no_longer_than_the_limit(value):
    shown = quoted(value, limit=20)
    assert shown.isprintable()
    if isinstance(value, str):
        assert shown == repr(value[:20]) + ("..." if len(value) > 20 else "")
    else:
        assert shown == repr(value) or (len(shown) == 23 and shown == repr(value)[:20] + "...")


@given(st.lists(st.text(max_size=60), max_size=40))
def test_names_are_listed_until_the_limit_and_the_rest_is_counted(names):
    shown = listed(names, limit=50)
    assert shown.isprintable()
    if all(name.isprintable() and len(name) <= 40 for name in names):
        n = next((k for k in range(len(names)) if len(", ".join(["", *names[:k]])) >= 50), len(names))
        more = f" and {len(names) - n} more" if n < len(names) else ""
        assert shown == ", ".join(names[:n]) + more


@given(st.lists(st.integers(0, 4), max_size=4))
def test_check_shape_returns_the_lengths_by_name(shape):
    names = "B T D H".split()[: len(shape)]
    assert check_shape("x", np.zeros(shape), " ".join(names)) == dict(zip(names, shape))


def test_check_shape_names_what_was_given_and_expected():
    for array, axes, message in [
        (np.zeros((5, 8)), "B T D", r"x has shape \(5, 8\), expected 3 axes \(B, T, D\)"),
        (np.zeros((5, 8)), "N", r"x has shape \(5, 8\), expected 1 axes \(N,\)"),
        (3.0, "N", r"x has shape \(\), expected 1 axes \(N,\)"),
        (np.zeros((5, 8)), "T T", r"x has shape \(5, 8\), expected \(T, T\) with T = 5"),
        (np.zeros((5, 8)), "N 7", r"x has shape \(5, 8\), expected \(N, 7\) with 7 = 7"),
    ]:
        with pytest.raises(ShapeError, match=message):
            check_shape("x", array, axes)
    assert check_shape("x", np.zeros((5, 5)), "T T") == {"T": 5}
    assert check_shape("x", np.zeros((5, 7)), "N 7") == {"N": 5}


@given(st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_a_share_between_0_and_1_comes_back_as_a_float(value):
    for zero in (False, True):
        for one in (False, True):
            assert check_share("rate", value, zero=zero, one=one) == value
    assert type(check_share("rate", np.float32(0.5))) is float


@pytest.mark.parametrize("zero", [False, True])
@pytest.mark.parametrize("one", [False, True])
def test_0_and_1_are_shares_only_when_asked(zero, one):
    low, high = "at least" if zero else "more than", "at most" if one else "less than"
    for value, fits in ((0, zero), (0.0, zero), (1, one), (np.int64(1), one)):
        if fits:
            assert check_share("f: rate", value, zero=zero, one=one) == value
        else:
            with pytest.raises(ConfigError) as caught:
                check_share("f: rate", value, zero=zero, one=one)
            given_and_expected = f"f: rate is {value!r}, expected a share, {low} 0 and {high} 1"
            assert str(caught.value) == given_and_expected


@pytest.mark.parametrize("value", [
    -0.01, 1.01, float("nan"), float("inf"), 10**400, -10**400, True, False, np.True_, "0.5", None,
    [0.5], np.array(0.5), 0.5j,
])
def test_what_is_no_share_is_refused(value):
    with pytest.raises(ConfigError, match="rate is .*expected a share, more than 0 and less than"):
        check_share("rate", value)


@pytest.mark.parametrize("zero", [False, True])
@pytest.mark.parametrize("value", [
    -1, -1e-9, float("nan"), float("inf"), 10**400, -(10**400), True, np.True_, "1", None, [1.0],
    np.array(1.0), 1j,
])
def test_what_is_no_positive_number_is_refused(value, zero):
    with pytest.raises(ConfigError, match="lr is .*expected a finite number, (more than 0|0 or more)"):
        check_positive("lr", value, zero=zero)


@pytest.mark.parametrize("value", [1, 2**70, 1e-300, np.float32(0.5), np.int64(3)])
def test_a_positive_number_comes_back_as_a_float(value):
    number = check_positive("lr", value)
    assert type(number) is float and number == value
    assert check_positive("lr", 0, zero=True) == 0
    with pytest.raises(ConfigError):
        check_positive("lr", 0)


@pytest.mark.parametrize("value", [-1, 0, 2**70, -1e-300, np.float32(0.5), np.int64(-3)])
def test_a_finite_number_comes_back_as_a_float(value):
    assert type(check_number("low", value)) is float and check_number("low", value) == value


@pytest.mark.parametrize("value", [float("nan"), -np.inf, 10**400, True, "1", None, [1.0], 1j])
def test_what_is_no_finite_number_is_refused(value):
    with pytest.raises(ConfigError, match="low is .*expected a finite number"):
        check_number("low", value)


@pytest.mark.parametrize("value", [["a", ""], ("a", ""), {"a": 1, "": 2}, np.array(["a", ""])])
def test_strings_of_any_iterable_come_back_as_a_new_list(value):
    found = check_strings("texts", value)
    assert found == ["a", ""] and type(found) is list and found is not value
    assert check_strings("texts", iter(value)) == ["a", ""]
    assert check_strings("texts", []) == []


@pytest.mark.parametrize("value, message", [
    ("win cash", "texts is one string, expected a list of strings"),
    (b"win", "texts is bytes, expected a list of strings"),
    (None, "texts is NoneType, expected a list of strings"),
    (3, "texts is int, expected a list of strings"),
    (["a", b"b", 3], "texts[1] is bytes, expected str"),
    (["a", ["b"]], "texts[1] is list, expected str"),
    ([None], "texts[0] is NoneType, expected str"),
])
def test_what_is_no_list_of_strings_is_refused(value, message):
    with pytest.raises(DtypeError) as caught:
        check_strings("texts", value)
    assert str(caught.value) == message


@pytest.mark.parametrize("value", [
    "c", "", None, 3, ["a"], b"a", np.array(["a"]), np.array(["a", "b"]), np.ones((9, 9)), ("a",),
    np.array("a"), {"a": 1},
])  # fmt: skip
def test_what_is_none_of_the_known_words_is_refused_on_one_line(value):
    with pytest.raises(ConfigError, match=r"^way is .*, expected one of a, b, ab$") as error:
        errors.check_choice("way", value, ("a", "b", "ab"))
    assert str(error.value).isprintable()
    assert errors.check_choice("way", "b", {"a": 1, "b": 2}) == "b"


OPTIONS = {  # of functions, each as a function of one option alone
    "norm": lambda x: npft.EncoderConfig(vocab_size=9, norm=x),
    "positions": lambda x: npft.EncoderConfig(vocab_size=9, positions=x),
    "pool": lambda x: npft.SentenceEncoder(npft.load("tinyworld").body, x),
    "head": lambda x: npft.load("tinyworld").predict(["a"], head=x),
    "combine": lambda x: npft.Classifier(
        npft.load("tinyworld").body, 2, layers=2, combine=x, rng=np.random.default_rng(0)),
    "truncation": lambda x: npft.ByteTokenizer()(["a"], truncation=x),
    "unscored": lambda x: npft.read_scored("none.tsv", unscored=x),
    "format": npft.FileFormat, "language": lambda x: npft.TinyWorld(language=x),
    "column": lambda x: npft.read_conllu("none.conllu", x), "task": npft.TinyWorld().task,
    "iob": lambda x: npft.read_conll("none.conll", iob=x),
    "method": lambda x: gradcheck(
        lambda a: a, np.ones(1), method=x, rng=np.random.default_rng(0)),
}  # fmt: skip


@pytest.mark.parametrize("name", OPTIONS)
def test_an_array_for_a_word_is_refused_by_the_name_of_the_option(name):
    extra = (16,) if name == "task" else ()
    for value in (np.array(["a", "b"]), np.ones((3, 3)), ["a"]):
        with pytest.raises(ConfigError, match=f"{name}( kind|: kind)? is "):
            OPTIONS[name](value, *extra)


def test_items_are_not_read_before_their_turn():
    items = check_items("texts", iter(["a", 1]))
    assert next(items) == "a" and next(items) == 1
