"""Folders of Hugging Face: what transformers computes of them, and what is refused in words."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from npft import ByteTokenizer, Encoder, EncoderConfig, SentenceEncoder
from npft.encoder.hub import read_encoder
from npft.encoder.hub_write import write_encoder
from npft.encoder.safetensors import read_safetensors, write_safetensors
from npft.errors import CheckpointError, ConfigError, NonFiniteError
from npft.text.batch import Batch

HUB = Path(__file__).parent / "hub"  # written by make_hub_fixture.py
FOLDERS = ("bert", "bert_head", "roberta", "roberta_head", "distilbert")
IDS, TYPES = [2, 5, 6, 7, 9, 10, 3], [0, 0, 0, 0, 1, 1, 1]


def batch_of(name):
    return Batch(IDS, [0, len(IDS)], token_types=TYPES if name.startswith("bert") else None)


@pytest.fixture
def bert(tmp_path):
    """A folder that may be spoilt."""
    return Path(shutil.copytree(HUB / "bert", tmp_path / "bert"))


def change(path, **fields):
    """Change fields of a JSON file; None removes one."""
    found = json.loads(path.read_text()) | fields
    path.write_text(json.dumps({k: v for k, v in found.items() if v is not None}))


@pytest.mark.parametrize("name", FOLDERS)
def test_hidden_states_are_those_of_the_reference(name):
    hidden = read_encoder(HUB / name)(batch_of(name)).data
    np.testing.assert_allclose(hidden, np.load(HUB / name / "hidden.npy"), atol=2e-6)


def test_positions_of_roberta_begin_behind_its_pad():
    assert read_encoder(HUB / "roberta").config.max_positions == 10  # of 12
    assert read_encoder(HUB / "bert").config.max_positions == 12


def test_text_becomes_the_ids_of_the_vocabulary_in_the_folder():
    batch = read_encoder(HUB / "bert").tokenizer(["The CATS"], ["ran."])
    assert batch.ids.tolist() == [2, 5, 6, 7, 3, 9, 10, 3]


def test_tokenizer_json_serves_where_there_is_no_vocabulary_and_a_cased_one_keeps_case(bert):
    words = (bert / "vocab.txt").read_text().split("\n")[:-1]
    (bert / "vocab.txt").unlink()
    assert read_encoder(bert).tokenizer is None  # so it reads ids, and no texts
    model = {"type": "WordPiece", "vocab": {w: i for i, w in reversed(list(enumerate(words)))}}
    (bert / "tokenizer.json").write_text(json.dumps({"model": model}))
    (bert / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": False}))
    tok = read_encoder(bert).tokenizer
    assert list(tok.vocab) == words and tok.encode("cat Cat") == [6, 1]
    model["vocab"]["cat"] = 99
    (bert / "tokenizer.json").write_text(json.dumps({"model": model}))
    with pytest.raises(CheckpointError, match="tokenizer.json: its vocabulary does not number"):
        read_encoder(bert)


def test_half_precision_weights_are_read_as_float32(bert):
    arrays = read_safetensors(bert / "model.safetensors")
    write_safetensors(bert / "model.safetensors", {n: a.astype("f2") for n, a in arrays.items()})
    hidden = read_encoder(bert)(batch_of("bert")).data
    assert hidden.dtype == np.float32
    np.testing.assert_allclose(hidden, np.load(HUB / "bert" / "hidden.npy"), atol=0.02)


def test_an_encoder_that_is_written_comes_back_to_the_bit(tmp_path):
    encoder = read_encoder(HUB / "bert")
    folder = write_encoder(tmp_path / "out", encoder)
    again = read_encoder(folder)
    assert again.config == encoder.config and again.tokenizer.vocab == encoder.tokenizer.vocab
    assert {n: a.tobytes() for n, a in again.state_dict().items()} == {
        n: a.tobytes() for n, a in encoder.state_dict().items()
    }
    written, theirs = (read_safetensors(f / "model.safetensors") for f in (folder, HUB / "bert"))
    assert {n for n in theirs if "pooler" not in n} == written.keys()


def test_weights_that_no_load_would_take_are_not_written(tmp_path):
    encoder = read_encoder(HUB / "bert").astype(np.float64)
    bias = encoder.encoder.layer[0].output.dense.bias
    bias.assign(np.full(bias.shape, 1e300))
    for model, error, words in [
        (encoder, NonFiniteError, "output.dense.bias is inf"),
        (read_encoder(HUB / "bert").astype(np.complex128), ConfigError, "is complex128, expected"),
    ]:
        with pytest.raises(error, match=f"write_pretrained: the weight .*{words}"):
            write_encoder(tmp_path / "out", model)
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("changes, message", [
    ({"norm": "pre"}, "norm is 'pre'"),
    ({"causal": True}, "causal True"),
    ({"type_vocab_size": 0}, "type_vocab_size 0"),
])
def test_what_is_not_shaped_as_bert_is_not_written(changes, message, tmp_path):
    config = EncoderConfig(**{"vocab_size": 260, "norm": "post", **changes})
    encoder = Encoder(config, rng=np.random.default_rng(0))
    with pytest.raises(ConfigError, match=message):
        write_encoder(tmp_path / "out", encoder)


def test_bytes_are_no_tokenizer_of_bert(tmp_path):
    config = EncoderConfig(vocab_size=260, norm="post")
    encoder = Encoder(config, tokenizer=ByteTokenizer(), rng=np.random.default_rng(0))
    with pytest.raises(ConfigError, match="WordPiece, not ByteTokenizer"):
        write_encoder(tmp_path / "out", encoder)


@pytest.mark.parametrize("fields, message", [
    ({"model_type": "mpnet"}, "model_type is 'mpnet', expected one of bert, roberta.*; mpnet adds"),
    ({"model_type": "deberta-v2"}, "model_type is 'deberta-v2'.*; deberta-v2 attends to distances"),
    ({"model_type": "llama"}, "model_type is 'llama'"),
    ({"model_type": None}, "model_type is None"),
    ({"model_type": ["bert"]}, "model_type is"),
    ({"hidden_act": "gelu_new"}, "hidden_act is 'gelu_new', this encoder has 'gelu'"),
    ({"position_embedding_type": "relative_key"}, "position_embedding_type is 'relative_key'"),
    ({"is_decoder": True}, "is_decoder is True"),
    ({"hidden_size": None}, "lacks hidden_size"),
    ({"num_attention_heads": 3}, "hidden_size 8 is not a multiple of num_heads 3"),
    ({"num_hidden_layers": "2"}, "num_layers is '2'"),
    ({"max_position_embeddings": "12"}, "max_positions is '12'"),
    ({"model_type": "roberta", "pad_token_id": 30}, "max_positions is -19"),
    ({"model_type": "roberta", "pad_token_id": -1}, "pad_token_id is -1, expected a whole number"),
    ({"model_type": "roberta", "pad_token_id": "1"}, "pad_token_id is '1'"),
])
def test_a_configuration_that_means_something_else_is_refused(fields, message, bert):
    change(bert / "config.json", **fields)
    with pytest.raises(CheckpointError, match=f"config.json: .*{message}"):
        read_encoder(bert)


def test_all_weights_that_do_not_fit_stand_in_one_message(bert):
    arrays = dict(read_safetensors(bert / "model.safetensors"))
    del arrays["embeddings.LayerNorm.bias"]
    arrays["encoder.layer.0.output.dense.bias"] = np.zeros(7, np.float32)
    arrays["encoder.layer.2.output.dense.bias"] = np.zeros(8, np.float32)
    write_safetensors(bert / "model.safetensors", arrays)
    with pytest.raises(CheckpointError) as found:
        read_encoder(bert)
    for part in ("missing embeddings.LayerNorm.bias", "unexpected encoder.layer.2.output.dense.bia",
                 r"encoder.layer.0.output.dense.bias has shape (7,), expected (8,)"):
        assert part in str(found.value)


def test_weights_that_are_no_fractions_or_not_finite_are_refused_by_name(bert):
    arrays = dict(read_safetensors(bert / "model.safetensors"))
    name = "encoder.layer.0.output.dense.bias"
    for array, message in (
        (np.zeros(8, np.int8), f"{name}: int8, expected float32"),
        (np.full(8, np.inf, np.float32), f"not finite: {name}"),
        (np.full(8, 1e300), rf".*{name} holds 1e\+300, too large for float32"),
    ):
        write_safetensors(bert / "model.safetensors", arrays | {name: array})
        with pytest.raises(CheckpointError, match=f"model.safetensors: {message}"):
            read_encoder(bert)


@pytest.mark.parametrize("one, two", [
    ("embeddings.word_embeddings.weight", "bert.embeddings.word_embeddings.weight"),
    ("embeddings.LayerNorm.weight", "embeddings.LayerNorm.gamma"),
    ("encoder.layer.0.output.LayerNorm.bias", "bert.encoder.layer.0.output.LayerNorm.beta"),
    ("pooler.dense.weight", "bert.pooler.dense.weight"),  # beside the encoder
])
def test_two_weights_that_mean_one_are_refused_by_both_names(one, two, bert):
    arrays = dict(read_safetensors(bert / "model.safetensors"))
    write_safetensors(bert / "model.safetensors", arrays | {two: arrays[one]})
    with pytest.raises(CheckpointError, match="model.safetensors: .* and .* both mean") as e:
        read_encoder(bert)
    assert all(repr(name) in str(e.value) for name in (one, two))


@pytest.mark.parametrize("shape", [(), (12,), (0,)])
def test_a_table_of_positions_of_another_shape_is_refused(shape, bert):
    arrays = dict(read_safetensors(bert / "model.safetensors"))
    name = "embeddings.position_embeddings.weight"
    write_safetensors(bert / "model.safetensors", arrays | {name: np.zeros(shape, np.float32)})
    with pytest.raises(CheckpointError, match=f"model.safetensors: .*{name} has shape "):
        read_encoder(bert)


def test_a_table_of_positions_that_old_folders_hold_is_no_weight(bert):
    arrays = dict(read_safetensors(bert / "model.safetensors"))
    arrays["embeddings.position_ids"] = np.arange(12)[None]
    write_safetensors(bert / "model.safetensors", arrays)
    np.testing.assert_allclose(
        read_encoder(bert)(batch_of("bert")).data, np.load(HUB / "bert" / "hidden.npy"), atol=2e-6
    )


def test_the_names_of_2018_are_read_too(bert):
    arrays = read_safetensors(bert / "model.safetensors")
    old = {n.replace("LayerNorm.weight", "LayerNorm.gamma").replace("Norm.bias", "Norm.beta"): a
           for n, a in arrays.items()}  # fmt: skip
    assert old.keys() != arrays.keys()
    write_safetensors(bert / "model.safetensors", old)
    assert read_encoder(bert).state_dict().keys() == read_encoder(HUB / "bert").state_dict().keys()


def test_a_configuration_of_a_giant_is_refused_before_it_is_built(bert):
    change(bert / "config.json", num_hidden_layers=10_000)
    with pytest.raises(CheckpointError, match="many more weights than the"):
        read_encoder(bert)


@pytest.mark.parametrize("content, message", [
    (b"{", "is no JSON"), (b"[]", "expected an object"), (b"\xff", "is no JSON"),
    (b'{"a": 1, "a": 2}', "a key occurs twice"),
])
def test_a_damaged_json_file_is_told_by_its_name(content, message, bert):
    (bert / "config.json").write_bytes(content)
    with pytest.raises(CheckpointError, match=f"config.json: .*{message}"):
        read_encoder(bert)


# ---- how a folder of sentence-transformers makes a vector ----


@pytest.fixture
def sentences(bert):
    """The folder with steps: Transformer, Pooling of [CLS], Normalize; 6 tokens at most."""
    steps = [("Transformer", ""), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize")]
    (bert / "modules.json").write_text(json.dumps(
        [{"idx": i, "type": f"sentence_transformers.models.{kind}", "path": path}
         for i, (kind, path) in enumerate(steps)]))
    (bert / "1_Pooling").mkdir()
    (bert / "1_Pooling" / "config.json").write_text(json.dumps(
        {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}))
    (bert / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 6}))
    return bert


def test_the_folder_says_how_vectors_are_pooled_and_normalised_and_how_long_texts_are(sentences):
    model = SentenceEncoder.from_pretrained(sentences)
    hidden = read_encoder(sentences)(model.encoder.tokenizer(["the cats ran"])).data
    expected = hidden[0] / np.linalg.norm(hidden[0])
    np.testing.assert_allclose(model.encode(["the cats ran"])[0], expected, atol=1e-6)
    long = model.encode(["the cats ran", "the cats ran . the dog ran ."])
    assert model.encoder.config.max_positions == 6
    np.testing.assert_allclose(long[1], model.encode(["the cats ran the"])[0], atol=1e-6)


def test_without_its_last_step_vectors_keep_their_length(sentences):
    modules = json.loads((sentences / "modules.json").read_text())[:2]
    (sentences / "modules.json").write_text(json.dumps(modules))
    model = SentenceEncoder.from_pretrained(sentences)
    hidden = read_encoder(sentences)(model.encoder.tokenizer(["the cat"])).data
    np.testing.assert_allclose(model.encode(["the cat"])[0], hidden[0], atol=1e-6)


def test_a_folder_without_steps_is_pooled_by_mean(bert):
    model = SentenceEncoder.from_pretrained(bert)
    mean = read_encoder(bert)(model.encoder.tokenizer(["the cat"])).data.mean(axis=0)
    np.testing.assert_allclose(model.encode(["the cat"])[0], mean / np.linalg.norm(mean), atol=1e-6)


@pytest.mark.parametrize("kind, path, message", [
    ("Dense", "2_Dense", "a module is 'Dense'"), ("Pooling", "../..", "in '../..'"),
    ("Pooling", "/etc", "in '/etc'"), ("Pooling", 3, "in 3"),
])
def test_a_step_of_another_kind_or_place_is_refused(kind, path, message, sentences):
    (sentences / "modules.json").write_text(json.dumps([{"type": kind, "path": path}]))
    with pytest.raises(CheckpointError, match=f"modules.json: .*{message}"):
        SentenceEncoder.from_pretrained(sentences)


@pytest.mark.parametrize("options, message", [
    ({}, "pools nothing"),
    ({"pooling_mode_weightedmean_tokens": True}, "pools pooling_mode_weightedmean_tokens"),
    ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True}, "expected one of"),
])
def test_a_pool_that_is_none_of_ours_is_refused(options, message, sentences):
    (sentences / "1_Pooling" / "config.json").write_text(json.dumps(options))
    with pytest.raises(CheckpointError, match=message):
        SentenceEncoder.from_pretrained(sentences)


@pytest.mark.parametrize("content", ["{}", "3", "[1]", '[{"type": 3, "path": ""}]', "[", "null"])
def test_modules_that_are_none_are_refused(content, sentences):
    (sentences / "modules.json").write_text(content)
    with pytest.raises(CheckpointError, match="modules.json: is no list of modules"):
        SentenceEncoder.from_pretrained(sentences)


@pytest.mark.parametrize("longest", [0, 2, "x", 1.5, True])
def test_a_longest_text_that_is_no_count_is_refused(longest, sentences):
    change(sentences / "sentence_bert_config.json", max_seq_length=longest)
    with pytest.raises(CheckpointError, match="sentence_bert_config.json: max_seq_length is"):
        SentenceEncoder.from_pretrained(sentences)


def test_the_layout_of_newer_folders_says_the_same(sentences):
    """Since its version 5 sentence-transformers writes one word, and no longest text of its own."""
    old = SentenceEncoder.from_pretrained(sentences)
    (sentences / "1_Pooling" / "config.json").write_text(
        json.dumps({"embedding_dimension": 8, "pooling_mode": "cls", "include_prompt": True})
    )
    (sentences / "sentence_bert_config.json").write_text('{"transformer_task": "x"}')
    (sentences / "tokenizer_config.json").write_text('{"model_max_length": 6}')
    new = SentenceEncoder.from_pretrained(sentences)
    assert new.options() == old.options()
    assert new.encoder.config == old.encoder.config and old.encoder.config.max_positions == 6
    (sentences / "tokenizer_config.json").write_text('{"model_max_length": 1e30}')  # no limit
    assert SentenceEncoder.from_pretrained(sentences).encoder.config.max_positions == 12


@pytest.mark.parametrize("mode", ["weightedmean", "mean+cls", ["mean"], {}, 3])
def test_a_word_for_another_pool_is_refused(mode, sentences):
    path = sentences / "1_Pooling" / "config.json"
    path.write_text(json.dumps({"pooling_mode": mode}))
    with pytest.raises(CheckpointError, match="1_Pooling.config.json: pools .*, expected one of"):
        SentenceEncoder.from_pretrained(sentences)


@pytest.mark.parametrize("file, fields, message", [
    ("sentence_bert_config.json", {"do_lower_case": True}, "do_lower_case is True"),
    ("config_sentence_transformers.json", {"default_prompt_name": "query"},
     "default_prompt_name is 'query'"),
])
def test_what_changes_a_text_before_it_is_cut_is_refused(file, fields, message, sentences):
    (sentences / file).write_text(json.dumps(fields))
    with pytest.raises(CheckpointError, match=f"{file}: {message}, which changes a text"):
        SentenceEncoder.from_pretrained(sentences)
