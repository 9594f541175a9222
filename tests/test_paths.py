"""What is no path is refused by every public function that takes one, before anything is done."""

import inspect
from pathlib import PurePath

import numpy as np
import pytest

import npft
from npft import (
    ByteTokenizer, Encoder, EncoderConfig, History, Index, MaskedLM, SentenceEncoder, WordPiece,
    load, pretrain, save, write_pretrained,
)
from npft.atomic import check_path
from npft.encoder.hub import read_encoder
from npft.errors import ConfigError
from npft.experiments.grid import grid
from npft.plots.style import save_figure, save_film
from npft.pretrained import read_pretrained
from npft.text.guess import guess_task


class OfBytes:
    """A path that is no text."""

    def __fspath__(self):
        return b"model"


def encoder():
    config = EncoderConfig(vocab_size=260, hidden_size=8, num_heads=2, intermediate_size=8,
                           num_layers=1, max_positions=16, norm="post")
    return Encoder(config, tokenizer=ByteTokenizer(), rng=np.random.default_rng(0))


def of_path():
    """Each function that takes a path, as a function of the path alone."""
    body, rng = encoder(), np.random.default_rng(0)
    sentences = SentenceEncoder(body)
    written = SentenceEncoder(Encoder(body.config, tokenizer=WordPiece.train(["a b"], 20), rng=rng))
    readers = {name: getattr(npft, name) for name in npft.__all__ if name.startswith("read_")}
    readers["read_records"] = lambda path: list(npft.read_records(path, ("text",)))
    return readers | {
        "load": load, "save": lambda path: save(path, body), "MaskedLM.load": MaskedLM.load,
        "write_pretrained": lambda path: write_pretrained(written, path),
        "write_pretrained of an encoder": lambda path: write_pretrained(written.body, path),
        "from_pretrained": SentenceEncoder.from_pretrained, "read_encoder": read_encoder,
        "read_pretrained": read_pretrained,
        "save_pretrained": written.save_pretrained,
        "Index.load": lambda path: Index.load(path, sentences),
        "Index.save": Index(sentences, ["a"]).save,
        "tokenizer.load": ByteTokenizer.load, "tokenizer.save": ByteTokenizer().save,
        "from_vocab": WordPiece.from_vocab,
        "to_json": History().to_json, "from_json": History.from_json,
        "pretrain": lambda path: pretrain(
            MaskedLM(body, rng=rng), [["a b", "c d"]] * 4, steps=1, folder=path, rng=rng
        ),
        "grid": lambda path: grid(abs, [1], path),
        "save_figure": lambda path: save_figure(path, lambda ax: None),
        "save_film": lambda path: save_film(path, lambda *a: None, [1], width=1, height=1),
        "guess_task": guess_task,
    }  # fmt: skip


@pytest.mark.parametrize("name", of_path())
def test_what_is_no_path_is_refused_in_the_words_of_the_house(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    call = of_path()[name]
    for value in (None, 3, True, 1.5, b"model", ["model"], OfBytes(), object()):
        if name == "pretrain" and value is None:  # which keeps nothing
            continue
        with pytest.raises(ConfigError, match=r"(path|folder|file) is .*, expected (a|its) name"):
            call(value)
    assert not list(tmp_path.iterdir())


def test_every_public_function_that_names_a_path_is_in_this_test():
    known, found = {name.split(".")[-1].split(" ")[0] for name in of_path()}, set()
    for value in (getattr(npft, name) for name in npft.__all__):
        methods = [getattr(value, m) for m in dir(value) if m[0] != "_"]
        for call in filter(lambda f: inspect.isfunction(f) or inspect.ismethod(f), [value, *methods]):
            if {"path", "folder"} & {*inspect.signature(call).parameters}:
                found.add(call.__name__)
    found = {"load" if name == "load_as" else name for name in found}  # as models call it
    assert "save_pretrained" in found and found <= known


@pytest.mark.parametrize("value", ["a/b", PurePath("a/b")])
def test_a_string_and_a_path_are_taken(value):
    assert check_path("x", value).parts == ("a", "b")
