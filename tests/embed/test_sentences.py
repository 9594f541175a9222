"""Sentence vectors do not depend on their neighbours, and travel with their settings."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.embed.sentences import SentenceEncoder
from npft.encoder import model as model_file
from npft.encoder.checkpoint import read_arrays, save, write_arrays
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.encoder.pooling import POOLS, pool
from npft.errors import CheckpointError, ConfigError, DtypeError, NonFiniteError
from npft.loading import load
from npft.text.bytes import ByteTokenizer

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


def test_progress_is_told_how_many_tokens_are_read_and_changes_no_vector():
    said, encode = [], SentenceEncoder(encoder()).encode
    vectors = encode(TEXTS * 20, progress=lambda *step: said.append(step))
    assert vectors.tobytes() == encode(TEXTS * 20).tobytes()
    tokens = len(TOK(TEXTS * 20, max_length=16).ids)
    assert said[0] == (0, tokens, "tokens") and said[-1] == (tokens, tokens, "tokens")
    assert len(said) == 4  # 140 texts are three batches of 64
    first = np.sort([len(TOK([text], max_length=16).ids) for text in TEXTS * 20])[:64].sum()
    assert said[1] == (first, tokens, "tokens")  # the shortest are read first


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_the_batch_size_does_not_matter(monkeypatch, size):
    texts = TEXTS * 20
    expected = SentenceEncoder(encoder()).encode(texts)  # in batches of 64
    monkeypatch.setattr(model_file, "SLICE", size)
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
        with pytest.raises(DtypeError, match=r"texts is one string, expected a list"):
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
    with pytest.raises(ConfigError, match="normalize is 1, expected True or False"):
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
        assert again.head().options() == {"pool": kind, "normalize": normalize}
        assert again.encode(TEXTS).tobytes() == expected.tobytes()


def made(kind="vectors", weight=1.0, **options):
    return {"vectors": {"kind": kind, "weight": weight, "options": options}}


@pytest.mark.parametrize("options", [
    {}, [], None, {"vectors": {}}, {"vectors": None}, {"pool": "mean", "normalize": True},
    made(pool="mean"), made(pool="first", normalize=True), made(pool=["mean"], normalize=True),
    made(pool="mean", normalize="yes"), made(pool="mean", normalize=True, more=1),
    made("rays", pool="mean", normalize=True), made(weight=-1, pool="mean", normalize=True),
    made(weight="1", pool="mean", normalize=True),
])
def test_a_file_with_other_settings_is_refused(tmp_path, options):
    file = save(tmp_path, SentenceEncoder(encoder()))
    arrays = read_arrays(file)
    manifest = json.loads(arrays["manifest"].tobytes()) | {"options": options}
    arrays["manifest"] = np.frombuffer(json.dumps(manifest).encode(), np.uint8)
    write_arrays(file, arrays)
    with pytest.raises(CheckpointError, match="model.npz: "):
        load(tmp_path)


def test_what_is_no_encoder_or_no_list_of_strings_is_refused():
    with pytest.raises(ConfigError, match="SentenceEncoder: encoder is MaskedLM.*give its .body"):
        SentenceEncoder(load("tinyworld"))
    model = SentenceEncoder(load("tinyworld").body)
    with pytest.raises(DtypeError, match=r"encode: texts\[0\] is list"):
        model.encode([["win", "cash"]])
    assert model.encode(text for text in TEXTS[:2]).tolist() == model.encode(TEXTS[:2]).tolist()
