"""Whole models of Hugging Face folders: what transformers computes of them, out and in again."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from npft import (
    ChainTagger, Classifier, Encoder, EncoderConfig, MaskedLM, Model, Regressor, SentenceEncoder,
    TokenClassifier, WordPiece, load, save, write_pretrained,
)
from npft.encoder.safetensors import read_safetensors, write_safetensors
from npft.errors import CheckpointError, ConfigError, NonFiniteError
from npft.heads.pairs import Pairs
from npft.text import ByteLevelBPE
from npft.text.batch import Batch
from npft.text.byte_level import SPECIALS, byte_letters

HUB = Path(__file__).parent / "encoder" / "hub"  # written by encoder/make_hub_fixture.py
WORDS = ("bert_head", "roberta_words", "distilbert_words")
FAMILIES = ("bert", "roberta", "distilbert")
CLASSES = ("bert_classes", "roberta_head", "distilbert_classes")
IDS, TYPES = [2, 5, 6, 7, 9, 10, 3], [0, 0, 0, 0, 1, 1, 1]
EXPORT = json.loads((Path(__file__).parent / "export_fixture.json").read_text())
FEW = 12  # words or columns that are compared
PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "##s", "dog", "ran", "."]
TAGS = ["O", "I-PER", "I-LOC"]
LETTERS = ByteLevelBPE([*SPECIALS, *byte_letters()], [])
NEAR = 2e-6
TEXTS = ["the cats ran .", "the dog"]


def batch_of(name, **labels):
    types = TYPES if name.startswith("bert") else None
    return Batch(IDS, [0, len(IDS)], token_types=types, **labels)


def same_bits(a, b):
    one, two = a.state_dict(), b.state_dict()
    return one.keys() == two.keys() and all(one[n].tobytes() == two[n].tobytes() for n in one)


@pytest.fixture
def folder(tmp_path):
    """A copy of a folder that may be spoilt."""
    return lambda name: Path(shutil.copytree(HUB / name, tmp_path / name))


def change(path, **fields):
    """Change fields of a JSON file; None removes one."""
    found = json.loads(path.read_text()) | fields
    path.write_text(json.dumps({k: v for k, v in found.items() if v is not None}))


def config(**changes):
    return EncoderConfig(**{
        "vocab_size": 11, "hidden_size": 8, "num_heads": 2, "intermediate_size": 12,
        "max_positions": 10, "norm": "post", "init_std": 0.5, "layer_norm_eps": 1e-12, **changes,
    })  # fmt: skip


def encoder(seed=0, tok=None, **changes):
    return Encoder(config(**changes), tokenizer=tok, rng=np.random.default_rng(seed)).eval()


def shaken(model, seed=1):
    """The model with other numbers for all weights, also those that begin at 0 and 1."""
    rng = np.random.default_rng(seed)
    for p in model.parameters():
        p.assign(rng.standard_normal(p.shape).astype(np.float32) * 0.5)
    return model.eval()


# ---- in ----


@pytest.mark.parametrize("name", WORDS)
def test_the_scores_of_words_are_those_of_the_reference(name):
    model = load(HUB / name)
    assert model.kind == "masked_lm" and not model.nsp
    assert model.heads["mlm"].tied == (name != "roberta_words")
    asked = batch_of(name, token_labels=IDS)
    np.testing.assert_allclose(model(asked).data, np.load(HUB / name / "logits.npy"), atol=1e-5)


@pytest.mark.parametrize("name", CLASSES)
def test_the_scores_of_classes_are_those_of_the_reference(name):
    model = load(HUB / name)
    assert model.kind == "classifier"
    np.testing.assert_allclose(model(batch_of(name)).data[0], np.load(HUB / name / "logits.npy"),
                               atol=1e-5)  # fmt: skip


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("head, kind", [("tags", "token_classifier"), ("grades", "regressor")])
def test_the_scores_of_tags_and_grades_are_those_of_the_reference(name, head, kind):
    model = load(HUB / f"{name}_{head}")
    assert model.kind == kind
    scores = model(batch_of(name)).data.reshape(np.load(HUB / f"{name}_{head}/logits.npy").shape)
    np.testing.assert_allclose(scores, np.load(HUB / f"{name}_{head}/logits.npy"), atol=NEAR)


def test_the_pretrained_heads_of_bert_are_those_of_the_reference_with_1_for_follows():
    both = load(HUB / "bert_pretraining")
    assert both.kind == "masked_lm" and both.nsp and both.heads["nsp"].pool.kind == "pooler"
    scores = both(batch_of("bert", token_labels=IDS))
    for name, found in (("prediction", scores["mlm"].data), ("seq_relationship", scores["nsp"].data)):
        theirs = np.load(HUB / "bert_pretraining" / f"{name}_logits.npy")
        expected = theirs[::-1][None] if name == "seq_relationship" else theirs
        np.testing.assert_allclose(found, expected, atol=NEAR)
    alone = load(HUB / "bert_pairs")
    assert alone.kind == "model" and list(alone.heads) == ["nsp"]
    theirs = np.load(HUB / "bert_pairs" / "logits.npy")
    np.testing.assert_allclose(alone(batch_of("bert")).data[0], theirs[::-1], atol=NEAR)
    assert alone.predict(["the cat"], ["ran ."]).tolist() in ([0], [1])


def test_a_grade_of_theirs_has_no_ends():
    model = load(HUB / "bert_grades")
    model.heads["grades"].linear.bias.assign([70.0])
    assert model.predict(["the cat"])[0] > 50


def test_tags_have_the_names_of_the_folder_and_the_scheme_that_these_say(folder):
    model = load(HUB / "bert_tags")
    assert model.label_names == ["O", "B-PER", "I-PER"] and model.heads["tags"].scheme == "bio"
    assert set(model.predict([["the", "cats"]])[0]) <= {"O", "B-PER", "I-PER"}
    spoilt = folder("bert_tags")
    for names, scheme in ((["DET", "NOUN", "X"], "plain"), (["O", "I-A", "I-B"], "iob1"),
                          (["O", "B", "I"], "bio"), (["LABEL_0", "LABEL_1", "LABEL_2"], "plain")):
        change(spoilt / "config.json", id2label={str(k): name for k, name in enumerate(names)})
        assert load(spoilt).heads["tags"].scheme == scheme
    change(spoilt / "config.json", id2label=None)
    assert load(spoilt).label_names == ["LABEL_0", "LABEL_1", "LABEL_2"]


def test_what_a_classifier_is_judged_by_and_learns_by_comes_back(folder, tmp_path):
    model = load(HUB / "bert_classes")
    given = json.loads((write_pretrained(model, tmp_path / "usual") / "config.json").read_text())
    assert not [name for name in given if name.startswith("npft_")]
    k = model.num_labels
    head = Classifier(model.encoder, k, "pooler", model.label_names, smoothing=0.1,
                      positive=model.label_names[0] if k == 2 else None,
                      class_weights=range(1, k + 1), rng=np.random.default_rng(0))
    again = load(write_pretrained(head, tmp_path / "own"))
    assert again.options() == head.options()
    spoilt = folder("bert_classes")
    for name, value, message in (("class_weights", [1], "1 class_weights for"),
                                 ("smoothing", "x", "smoothing is 'x'"),
                                 ("positive", "nobody", "positive is 'nobody'")):
        change(spoilt / "config.json", **{f"npft_{name}": value})
        with pytest.raises(CheckpointError, match=message):
            load(spoilt)
        change(spoilt / "config.json", **{f"npft_{name}": None})


@pytest.mark.parametrize("fields, message", [
    ({"npft_scheme": "x"}, "scheme is 'x'"), ({"npft_scheme": ["bio"]}, "scheme is"),
    ({"npft_scheme": None, "npft_pieces": 3}, "pieces is 3, expected first"),
    ({"id2label": {"0": "O", "1": "B-A"}}, r"heads.tags.linear.bias has shape \(3,\), expected"),
    ({"id2label": {"0": "O", "1": "O", "2": "B-A"}}, "all different"),
    ({"id2label": ["O"]}, "config.json: id2label is"),
])  # fmt: skip
def test_a_tagger_that_a_folder_misdescribes_is_refused(fields, message, folder):
    spoilt = folder("bert_tags")
    change(spoilt / "config.json", **fields)
    with pytest.raises(CheckpointError, match=message):
        load(spoilt)


@pytest.mark.parametrize("name, weight, said", [
    ("bert_tags", "classifier.bias", "tags.linear.bias"),
    ("roberta_grades", "classifier.out_proj.weight", "grades.linear.weight"),
    ("bert_pretraining", "cls.seq_relationship.bias", "nsp.linear.bias"),
    ("bert_pretraining", "bert.pooler.dense.weight", "nsp.pool.weight"),
    ("bert_pairs", "cls.seq_relationship.weight", "nsp.linear.weight"),
])
def test_a_weight_of_a_head_that_is_missing_or_has_another_shape_is_named(name, weight, said, folder):
    spoilt = folder(name)
    arrays = dict(read_safetensors(spoilt / "model.safetensors"))
    for odd in (np.array(0.5, np.float32), np.zeros((3, 3), np.float32)):
        write_safetensors(spoilt / "model.safetensors", arrays | {weight: odd})
        with pytest.raises(CheckpointError, match=rf"heads.{said} has shape|id2label"):
            load(spoilt)
    del arrays[weight]
    write_safetensors(spoilt / "model.safetensors", arrays)
    with pytest.raises(CheckpointError, match=f"missing heads.{said}|all different"):
        load(spoilt)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_folder_without_a_head_gives_the_encoder(name):
    assert load(HUB / name).kind == "encoder"


def test_classes_have_the_names_of_the_folder_or_numbers(folder):
    assert load(HUB / "bert_classes").label_names == ["ham", "spam", "other"]
    spoilt = folder("bert_classes")
    change(spoilt / "config.json", id2label=None)
    assert load(spoilt).label_names == ["LABEL_0", "LABEL_1", "LABEL_2"]
    assert load(spoilt).predict(["the cat"])[0].startswith("LABEL_")


@pytest.mark.parametrize("names", [{}, {"0": "a", "2": "b"}, {"0": "a", "1": 3}, ["a"], 3])
def test_names_of_classes_that_are_none_are_refused(names, folder):
    spoilt = folder("bert_classes")
    change(spoilt / "config.json", id2label=names)
    with pytest.raises(CheckpointError, match="config.json: id2label is"):
        load(spoilt)


def test_names_of_classes_that_do_not_fit_the_weights_are_refused(folder):
    spoilt = folder("bert_classes")
    change(spoilt / "config.json", id2label={"0": "a", "1": "b"})
    with pytest.raises(CheckpointError, match=r"classes.linear.bias has shape \(3,\), expected"):
        load(spoilt)
    change(spoilt / "config.json", id2label={"0": "a", "1": "a", "2": "b"})
    with pytest.raises(CheckpointError, match="all different"):
        load(spoilt)


@pytest.mark.parametrize("name, problem, kind", [
    ("bert_classes", "multi_label_classification", "encoder"),  # several at once
    ("bert_classes", "regression", "encoder"), ("bert_classes", None, "classifier"),
    ("bert_grades", None, "regressor"), ("bert_grades", "multi_label_classification", "encoder"),
    ("bert_grades", "single_label_classification", "encoder"),
])
def test_one_column_is_a_grade_and_several_classes_or_grades_at_once_give_the_encoder(
    name, problem, kind, folder
):
    spoilt = folder(name)
    change(spoilt / "config.json", problem_type=problem)
    assert load(spoilt).kind == kind


def test_weights_of_a_head_that_are_missing_or_misshapen_stand_in_one_message(folder):
    spoilt = folder("bert_head")
    arrays = dict(read_safetensors(spoilt / "model.safetensors"))
    del arrays["cls.predictions.transform.dense.bias"]
    arrays["cls.predictions.bias"] = np.zeros(3, np.float32)
    del arrays["bert.embeddings.LayerNorm.bias"]
    write_safetensors(spoilt / "model.safetensors", arrays)
    with pytest.raises(CheckpointError) as found:
        load(spoilt)
    for part in ("missing heads.mlm.dense.bias", r"heads.mlm.bias has shape (3,)",
                 "missing encoder.embeddings.LayerNorm.bias"):
        assert part in str(found.value)


def test_a_folder_with_steps_gives_a_sentence_encoder(folder):
    stepped = folder("bert")
    steps = [("Transformer", ""), ("Pooling", "1_Pooling")]
    (stepped / "modules.json").write_text(json.dumps(
        [{"type": f"sentence_transformers.models.{kind}", "path": path} for kind, path in steps]))
    (stepped / "1_Pooling").mkdir()
    (stepped / "1_Pooling" / "config.json").write_text('{"pooling_mode_mean_tokens": true}')
    assert load(stepped).kind == "sentence_encoder"


# ---- out and in again ----


def sums_of(folder):
    """The SHA-256 of each file of a folder."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files
    }


def said_by(model):
    """What a model says of each text: a vector, scores of classes or words, or hidden states."""
    if hasattr(model, "encode"):
        return list(model.encode(TEXTS))
    batches = [model.body.tokenizer([text]) for text in TEXTS]
    if model.kind in ("classifier", "regressor"):
        return [model(batch).data[0] for batch in batches]
    if model.kind == "token_classifier":
        return [model(batch).data for batch in batches]
    if "nsp" in getattr(model, "heads", {}):  # there class 0 says that the second text follows
        pairs = [model.scores(batch, heads=["nsp"])["nsp"].data[0, ::-1] for batch in batches]
        words = [model.scores(batch.replace(token_labels=batch.ids), heads=["mlm"])["mlm"].data
                 for batch in batches] if model.kind == "masked_lm" else []  # fmt: skip
        return [*(row[:, :FEW] for row in words), *pairs]
    return [model(batch.replace(token_labels=batch.ids)).data[:, :FEW] for batch in batches]


def models():
    words = WordPiece(PIECES)
    rng = np.random.default_rng(0)
    large = {"vocab_size": LETTERS.vocab_size, "tok": LETTERS, "max_positions": 24}
    names = {"label_names": ["ham", "spam"], "rng": rng}
    return {
        "encoder": encoder(tok=words), "encoder without tokenizer": encoder(),
        "roberta": encoder(**large), "distilbert": encoder(tok=words, type_vocab_size=0),
        "words": MaskedLM(encoder(tok=words), nsp=False, rng=rng),
        "words, untied": MaskedLM(encoder(tok=words), nsp=False, tied=False, rng=rng),
        "roberta words": MaskedLM(encoder(**large), nsp=False, rng=rng),
        "roberta words, untied": MaskedLM(encoder(**large), nsp=False, tied=False, rng=rng),
        "distilbert words": MaskedLM(encoder(tok=words, type_vocab_size=0), nsp=False, rng=rng),
        "classes": Classifier(encoder(tok=words), 2, "pooler", **names),
        "roberta classes": Classifier(encoder(**large), 2, "pooler", **names),
        "distilbert classes": Classifier(
            encoder(tok=words, type_vocab_size=0), 2, "relu_pooler", **names
        ),
        "tags": TokenClassifier(encoder(tok=words), TAGS, pieces="mean", rng=rng),
        "roberta tags": TokenClassifier(encoder(**large), TAGS, "iob1", rng=rng),
        "distilbert tags": TokenClassifier(encoder(tok=words, type_vocab_size=0), TAGS, rng=rng),
        "grades": Regressor(encoder(tok=words), None, None, "pooler", rng=rng),
        "roberta grades": Regressor(encoder(**large), None, None, "pooler", rng=rng),
        "distilbert grades": Regressor(
            encoder(tok=words, type_vocab_size=0), None, None, "relu_pooler", rng=rng
        ),
        "words and pairs": MaskedLM(encoder(tok=words), nsp_pool="pooler", rng=rng),
        "words and pairs, untied": MaskedLM(encoder(tok=words), True, False, "pooler", rng=rng),
        "pairs": Model(encoder(tok=words), {"nsp": Pairs(encoder(), "pooler", rng=rng)}),
        "vectors": SentenceEncoder(encoder(tok=words), "max", normalize=False),
        "unit vectors": SentenceEncoder(encoder(**large), "cls"),
    }  # fmt: skip


@pytest.mark.parametrize("name", models())
def test_a_model_that_is_written_comes_back_to_the_bit(name, tmp_path):
    model = shaken(models()[name])
    again = load(write_pretrained(model, tmp_path / "out"))
    assert type(again) is type(model) and again.options() == model.options()
    assert again.body.config == model.body.config and same_bits(again, model)
    if model.body.tokenizer is not None:
        assert again.body.tokenizer.to_dict() == model.body.tokenizer.to_dict()
    if hasattr(model, "encode"):
        assert again.encode(TEXTS).tobytes() == model.encode(TEXTS).tobytes()


@pytest.mark.parametrize("name", EXPORT)
def test_the_reference_reads_what_is_written_and_says_the_same(name, tmp_path):
    """The files are those that it has read once, and what it said then is said here."""
    model = shaken(models()[name])
    assert sums_of(write_pretrained(model, tmp_path)) == EXPORT[name]["sums"]
    for ours, theirs in zip(said_by(model), EXPORT[name]["said"], strict=True):
        np.testing.assert_allclose(ours, theirs, atol=NEAR)


def test_a_regressor_with_ends_is_written_as_one_without_that_says_the_same(tmp_path):
    model = shaken(Regressor(encoder(tok=WordPiece(PIECES)), 0, 50, "pooler",
                             rng=np.random.default_rng(0)))  # fmt: skip
    linear = model.heads["grades"].linear
    linear.weight.assign(linear.weight.data / 10)
    linear.bias.assign([0.5])
    again = load(write_pretrained(model.unbounded(), tmp_path))
    grades = model.predict(TEXTS)
    assert all(0 < grade < 50 for grade in grades)
    np.testing.assert_allclose(again.predict(TEXTS), grades, atol=1e-5)
    linear.bias.assign([5.5])
    assert model.predict(TEXTS).tolist() == [50, 50]
    np.testing.assert_allclose(model.unbounded().predict(TEXTS), grades + 250, atol=1e-4)


def test_the_pair_head_of_a_masked_lm_that_pools_otherwise_than_bert_stays_behind(tmp_path):
    model = MaskedLM(encoder(), rng=np.random.default_rng(0))
    assert set(load(write_pretrained(model, tmp_path)).heads) == {"mlm"}


def test_the_weights_that_are_written_have_the_names_of_the_reference(tmp_path):
    """Read here, and written again, a folder holds what transformers has written."""
    more = [f"{name}_{head}" for name in FAMILIES for head in ("tags", "grades")]
    for name in (*WORDS, *CLASSES, *FAMILIES, *more, "bert_pretraining", "bert_pairs"):
        model = load(HUB / name)
        if name.startswith("roberta"):
            continue  # which it is by its tokenizer, and these have none
        write_pretrained(model, tmp_path / name)
        theirs, ours = (
            read_safetensors(f / name / "model.safetensors") for f in (HUB, tmp_path)
        )  # fmt: skip
        left = {n for n in theirs.keys() - ours.keys()}
        assert ours.keys() <= theirs.keys() and all("pooler" in n for n in left), left
        assert not left or not any(part in name for part in ("classes", "grades", "pairs", "tags"))
        assert all(ours[n].tobytes() == theirs[n].tobytes() for n in ours)


@pytest.mark.parametrize("make, message", [
    (lambda: Classifier(encoder(), 2, "mean", rng=np.random.default_rng(0)), "pools by 'mean'"),
    (lambda: Classifier(encoder(type_vocab_size=0), 2, "pooler", rng=np.random.default_rng(0)),
     "distilbert by 'relu_pooler'"),
    (lambda: Classifier(encoder(), 2, "pooler", layers=2, combine="mean",
                        rng=np.random.default_rng(0)), "over 2 blocks"),
    (lambda: Regressor(encoder(), 0, 5, rng=np.random.default_rng(0)), "regressor pools by 'mean'"),
    (lambda: Regressor(encoder(), 0, 5, "pooler", rng=np.random.default_rng(0)),
     r"cuts its grades at 0 and 5, .*write_pretrained\(model.unbounded\(\), folder\)"),
    (lambda: TokenClassifier(encoder(), TAGS, layers=2, rng=np.random.default_rng(0)),
     "the tagger reads 2 blocks, those of transformers the last one"),
    (lambda: ChainTagger(encoder(), TAGS, rng=np.random.default_rng(0)),
     "a chain_tagger cannot be written so, expected one of encoder, sentence_encoder, masked_lm"),
    (lambda: Model(encoder(), {"nsp": Pairs(encoder(), rng=np.random.default_rng(0))}),
     "the next-sentence head pools by 'cls' over 1 blocks, bert by 'pooler'"),
    (lambda: Model(encoder(), {"a": Pairs(encoder(), "pooler", rng=np.random.default_rng(0))}),
     r"a model of the heads \{'a': 'pairs'\} cannot be written so"),
    (lambda: Model(encoder(tok=LETTERS, vocab_size=LETTERS.vocab_size),
                   {"nsp": Pairs(encoder(), "pooler", rng=np.random.default_rng(0))}),
     "roberta has no next-sentence head"),
    (lambda: 3, "a int cannot be written so"),
    (lambda: encoder(positions="relative"), "has relative positions"),
    (lambda: MaskedLM(encoder(norm="pre"), rng=np.random.default_rng(0)), "norm is 'pre'"),
])  # fmt: skip
def test_what_their_models_cannot_be_is_not_written(make, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        write_pretrained(make(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_nothing_is_written_where_a_file_stands(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(CheckpointError, match="is a file"):
        write_pretrained(encoder(), tmp_path / "out")


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_a_weight_that_is_not_finite_is_not_written(number, tmp_path):
    encoder = Encoder(EncoderConfig.tiny(vocab_size=9), rng=np.random.default_rng(0))
    encoder.embeddings.LayerNorm.bias.assign(np.full(128, number))
    with pytest.raises(NonFiniteError, match="the weight embeddings.LayerNorm.bias is"):
        write_pretrained(encoder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def other_models():
    """Models whose folders have different files."""
    def encoder(tokenizer, types=2):
        size = len(PIECES) if tokenizer is None else tokenizer.vocab_size
        config = EncoderConfig(vocab_size=size, hidden_size=4, num_heads=1, norm="post",
                               num_layers=1, intermediate_size=4, type_vocab_size=types)
        return Encoder(config, tokenizer=tokenizer, rng=np.random.default_rng(0)).eval()

    pieces = WordPiece(PIECES)
    letters = ByteLevelBPE([*SPECIALS, *byte_letters()], [])
    return {"no tokenizer": encoder(None), "pieces": encoder(pieces),
            "letters": encoder(letters, 1), "sentences": SentenceEncoder(encoder(pieces))}


@pytest.mark.parametrize("old, new, left", [
    ("pieces", "letters", "vocab.txt"), ("letters", "pieces", "vocab.json, merges.txt"),
    ("pieces", "no tokenizer", "vocab.txt, tokenizer_config.json"),
    ("sentences", "pieces", "modules.json"),
])
def test_a_model_is_not_written_into_what_would_be_read_with_it(old, new, left, tmp_path):
    models = other_models()
    write_pretrained(models[old], tmp_path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.is_file()}
    with pytest.raises(CheckpointError, match=f"holds {left}.* of another model"):
        write_pretrained(models[new], tmp_path)
    assert before == {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.is_file()}
    write_pretrained(models[old], tmp_path)  # its own files are replaced
    assert load(tmp_path).kind == models[old].kind


def test_a_folder_of_npft_does_not_become_one_of_theirs(tmp_path):
    models = other_models()
    save(tmp_path, models["letters"])
    with pytest.raises(CheckpointError, match="holds model.npz of another model"):
        write_pretrained(models["pieces"], tmp_path)
    assert load(tmp_path).body.tokenizer.kind == "byte_level_bpe"
