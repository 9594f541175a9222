"""What stands on standard input becomes texts, line by line."""

import pytest

from npft.errors import DataError
from npft.files.predict import input_lines, report_predict


def test_lines_come_in_order_and_the_last_line_end_is_no_line():
    assert input_lines(b"a b\nc\n") == input_lines(b"a b\nc") == ["a b", "c"]
    assert input_lines(b"a\r\n\nb") == ["a", "", "b"]
    assert input_lines("späm".encode()) == ["späm"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "standard input is empty"),
        (b"ok\n\xff", "standard input:2: is not UTF-8"),
        (b"ok\nno\0", "standard input:2: holds a NUL byte"),
    ],
)
def test_what_is_no_text_is_refused_with_its_line(data, message):
    with pytest.raises(DataError, match=message):
        input_lines(data)


def test_a_line_says_label_probability_and_text():
    rows = [{"label": "spam", "probability": 0.91234, "text": "win"}]
    assert report_predict({"predictions": rows}) == "spam\t0.912\twin"
