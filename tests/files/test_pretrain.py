"""Pretraining on files: which part of a text is trained on, and which is held out."""

import pytest

from npft.errors import DataError
from npft.files.pretrain import read_parts


@pytest.fixture
def files(tmp_path):
    """A file of many documents, one of a single sentence, one of a single document."""
    texts = {
        "many": "\n\n".join(f"Rain falls {i}.\nThen it stops {i}." for i in range(40)),
        "tiny": "One sentence only.",
        "single": "\n".join(f"This is line {i}." for i in range(30)),
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.txt").write_text(text + "\n", encoding="utf-8")
    return {name: tmp_path / f"{name}.txt" for name in texts}


def sentences(documents):
    return {sentence for document in documents for sentence in document}


def test_a_file_holds_out_the_same_text_in_any_company_and_order(files):
    alone = [read_parts([files[name]]) for name in ("many", "single")]
    held_out = sentences(alone[0][1]) | sentences(alone[1][1])
    assert held_out == {
        "Rain falls 38.", "Then it stops 38.", "Rain falls 39.", "Then it stops 39.",
        "This is line 28.", "This is line 29.",
    }  # fmt: skip
    for order in (["many", "tiny", "single"], ["single", "many"], ["tiny", "single", "many"]):
        train, apart = read_parts([files[name] for name in order])
        assert sentences(apart) == held_out and not sentences(train) & held_out
        assert ("One sentence only." in sentences(train)) == ("tiny" in order)


def test_a_text_too_short_to_hold_any_out_is_refused(files):
    with pytest.raises(DataError, match="too little text to hold any out"):
        read_parts([files["tiny"], files["tiny"]])
