"""Classes by filling in a word: what is asked, what is shown, and what the words say of a class."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft.autograd.tensor import Tensor
from npft.encoder.checkpoint import save
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.encoder.model import copy_of
from npft.errors import ConfigError, DataError, DtypeError, NonFiniteError
from npft.finetune.train import evaluate, fine_tune
from npft.heads.cloze import Cloze, ClozeClassifier
from npft.heads.words import MaskedLM
from npft.loading import load
from npft.text import BPE, WordPiece
from npft.text.batch import Batch
from npft.text.examples import Examples

CORPUS = ["a plum is sweet", "the rope is old", "this is good", "that is bad and great",
          "it is poor"]
TOK = WordPiece.train(CORPUS * 3, vocab_size=80)
WORDS = {"bad": ["bad", "poor"], "good": ["good", "great", "sweet"]}
PATTERN = "{text} [SEP] it is [MASK]"
EXAMPLES = Examples(["the plum is sweet", "the rope is old", "a plum", "a rope"], [1, 0, 1, 0],
                    ["bad", "good"])


def masked_lm(tokenizer=TOK, positions=24, seed=0, tied=True):
    rng = np.random.default_rng(seed)
    config = EncoderConfig(
        vocab_size=tokenizer.vocab_size, hidden_size=8, num_layers=1, num_heads=2,
        intermediate_size=8, max_positions=positions, dropout=0.0, init_std=0.5)
    return MaskedLM(Encoder(config, tokenizer=tokenizer, rng=rng), tied=tied, rng=rng).eval()


def cloze(pattern=PATTERN, words=WORDS, shown=(), **options):
    return ClozeClassifier(masked_lm(**options), words, pattern, shown).eval()


def tokens_of(model, text):
    """The question about a text, with the special tokens by name."""
    tok = model.tokenizer
    batch = model.tokenize([text])
    special = {tok.cls_id: "[CLS]", tok.sep_id: "[SEP]", tok.mask_id: "[MASK]"}
    return " ".join(special.get(i, tok.decode([i])) for i in batch.ids.tolist()), batch


# ---- what is asked ----


@pytest.mark.parametrize("pattern, asked", [
    ("{text} [SEP] it is [MASK]", "[CLS] a plum [SEP] it is [MASK] [SEP]"),
    ("it is [MASK] [SEP] {text}", "[CLS] it is [MASK] [SEP] a plum [SEP]"),
    ("this {text} is [MASK]", "[CLS] this a plum is [MASK] [SEP]"),
    ("[MASK]{text}", "[CLS] [MASK] a plum [SEP]"),
    ("THIS {text} IS [MASK]", "[CLS] this a plum is [MASK] [SEP]"),  # by letters before "[MASK]"
    ("{text} ~ [MASK]", "[CLS] a plum [UNK] [MASK] [SEP]"),  # by a character behind "{text}"
])
def test_the_text_stands_in_the_pattern(pattern, asked):
    found, batch = tokens_of(cloze(pattern), "a plum")
    assert found == asked
    assert batch.ids[batch.target_rows].tolist() == [TOK.mask_id]
    first = found.split().index("[SEP]") + 1  # the second segment has type 1
    assert batch.token_types.tolist() == [0] * first + [1] * (len(batch.ids) - first)


def test_a_question_is_what_fill_mask_asks():
    mlm = masked_lm()
    model = ClozeClassifier(mlm, WORDS, "{text} is [MASK]")
    p = dict(mlm.fill_mask("the plum is [MASK]", k=TOK.vocab_size)[0])
    good = np.mean([p[w] for w in WORDS["good"]])
    bad = np.mean([p[w] for w in WORDS["bad"]])
    expected = np.array([bad, good]) / (bad + good)
    np.testing.assert_allclose(model.predict_proba(["the plum"])[0], expected, atol=1e-6)


def test_a_text_cannot_bring_a_mask_of_its_own():
    model = cloze()
    batch = model.tokenize(["a [MASK] {text} [SEP]", "b"])
    assert batch.n_targets == 2 and (batch.ids == TOK.sep_id).sum() == 4


@pytest.mark.parametrize("pattern, shown, texts", [
    ("this {text} is [MASK]", [], ["this plum is"]),
    ("{text} is [MASK]", [], ["plum is"]),
    ("it is [MASK] [SEP] {text}", [], ["it is", "plum"]),
    ("{text} [SEP] it is [MASK]", [], ["plum", "it is"]),
    ("{text} is [MASK]", [("a rope", "b")], [" a rope is good plum is"]),  # as further examples do
])
def test_in_a_tokenizer_of_pieces_spaces_stand_between_the_parts_of_a_segment(
        pattern, shown, texts):
    tok = BPE.train(CORPUS * 9, vocab_size=330)
    model = cloze(pattern, {"a": ["bad"], "b": ["good"]}, shown, tokenizer=tok)
    ids = [i for i in model.tokenize([" plum "]).ids.tolist() if i not in tok.special_ids]
    assert ids == [i for text in texts for i in tok.encode(text)]
    assert [own.tolist() for own in model.head().ids] == [tok.encode(" bad"), tok.encode(" good")]


# ---- what is shown ----

SHOWN = [("the rope", "bad"), ("a plum", "good")]


def test_examples_stand_before_the_text_with_the_first_word_of_their_class():
    found, batch = tokens_of(cloze(shown=SHOWN), "it")
    assert found == ("[CLS] the rope it is bad a plum it is good it [SEP] it is [MASK] [SEP]")
    assert batch.token_types.sum() == 4 and batch.n_truncated == 0


@pytest.mark.parametrize("positions, shown, cut", [
    (18, 2, 0), (17, 1, 0), (13, 1, 0), (12, 0, 0), (8, 0, 0), (7, 0, 1)])
def test_what_does_not_fit_is_left_out_from_the_first_example_on_and_a_text_is_cut_last(
        positions, shown, cut):
    # [CLS] text [SEP] it is [MASK] [SEP] are 8 tokens with a text of two; an example has 5
    prompt = cloze(shown=SHOWN, positions=positions).head().prompt(TOK, "that plum", positions)
    assert (prompt.shown, prompt.cut) == (shown, cut) and len(prompt.ids) <= positions
    if shown == 1:
        assert TOK.decode(prompt.ids).startswith("a plum it is good that plum")
    assert TOK.decode(prompt.ids).endswith("it is")  # the pattern is never cut


@given(st.lists(st.sampled_from("plum rope sweet".split()), max_size=30), st.integers(7, 24))
def test_a_question_always_fits_and_has_one_mask(words, positions):
    head = cloze(shown=SHOWN * 3).head()
    prompt = head.prompt(TOK, " ".join(words), positions)
    assert len(prompt.ids) == len(prompt.types) <= positions
    assert prompt.ids.count(TOK.mask_id) == 1 and prompt.ids.count(TOK.sep_id) == 2
    assert prompt.types == sorted(prompt.types)
    assert prompt.cut == max(0, len(words) - (positions - 6))


def test_a_pattern_that_leaves_no_room_for_a_text_is_refused():
    with pytest.raises(ConfigError, match="pattern has 6 tokens, which leaves none of the 6 of"):
        cloze(positions=6).predict(["a"])


# ---- what the words say ----


def test_a_class_has_the_mean_of_its_words_whatever_their_number():
    """With P = 0.4 and 0.2 against 0.1, 0.1 and 0.4: means 0.3 and 0.2."""
    model = cloze()
    head = model.head()
    z = np.full((1, TOK.vocab_size), -np.inf)
    for ids, p in zip(head.ids, ([0.4, 0.2], [0.1, 0.1, 0.4])):
        z[0, ids] = np.log(p)
    head.mlm.forward = lambda hidden, batch, rng=None: Tensor(np.maximum(z, -60))
    scores = head.forward(Tensor(np.zeros((1, 8))), model.tokenize(["a"]))
    np.testing.assert_allclose(np.exp(scores.data), [[0.3, 0.2]], atol=1e-12)
    assert head.decide(scores.data, None).tolist() == [0]


def test_calibration_makes_a_text_that_says_nothing_undecided():
    model = cloze()
    plain = model.predict_proba(["", "the plum"])
    assert abs(plain[0, 0] - 0.5) > 0.01
    prior = model.calibrate()
    np.testing.assert_allclose(np.exp(prior), plain[0], atol=1e-6)
    after = model.predict_proba(["", "the plum"])
    np.testing.assert_allclose(after[0], [0.5, 0.5], atol=1e-6)
    ratio = plain[1] / plain[0]  # Zhao et al. 2021: divide, and let it sum to 1 again
    np.testing.assert_allclose(after[1], ratio / ratio.sum(), atol=1e-5)
    assert model.calibrate() == pytest.approx(prior)  # from the start, not on top of itself
    with pytest.raises(DataError, match="calibrate: there are no texts"):
        model.calibrate([])
    assert model.head().prior == pytest.approx(prior)


def test_a_class_too_unlikely_for_float32_has_a_finite_prior():
    model = cloze()
    mlm = model.head().mlm
    mlm.bias.assign(np.where(np.isin(np.arange(TOK.vocab_size), model.head().ids[0]), -200.0, 0))
    prior = model.calibrate()
    assert -250 < prior[0] < -150 and np.exp(prior).sum() == pytest.approx(1)
    np.testing.assert_allclose(model.predict_proba([""]), [[0.5, 0.5]], atol=1e-4)


def test_a_calibration_that_fails_leaves_the_prior_as_it_was():
    model = cloze()
    prior = list(model.calibrate())
    model.head().mlm.bias.assign(np.full(TOK.vocab_size, np.nan))
    with pytest.raises(NonFiniteError):
        model.calibrate()
    assert model.head().prior == prior


# ---- training, files ----


def test_training_asks_the_same_question_and_moves_the_masked_language_model():
    mlm = masked_lm()
    model = ClozeClassifier(mlm, WORDS, PATTERN)
    before = mlm.state_dict()["heads.mlm.dense.weight"].copy()
    batch = model.batch_of(EXAMPLES)
    start = evaluate(model, batch)
    fine_tune(model, batch, epochs=40, batch_size=4, lr=5e-3, rng=np.random.default_rng(0))
    assert model.head().mlm is mlm.head("mlm") and model.encoder is mlm.encoder
    assert (mlm.state_dict()["heads.mlm.dense.weight"] != before).any()
    assert evaluate(model, batch).loss < 0.5 * start.loss
    assert model.predict(EXAMPLES.texts) == ["good", "bad", "good", "bad"]


def test_a_batch_may_be_cut_anywhere(check_cuts):
    model = cloze()
    check_cuts(model, model.batch_of(EXAMPLES), [0.25] * 4)


@pytest.mark.parametrize("tied", [True, False])
def test_a_file_and_a_copy_answer_as_the_model_does(tied, tmp_path):
    model = cloze(shown=SHOWN, tied=tied)
    model.calibrate()
    save(tmp_path, model)
    for again in (load(tmp_path), copy_of(model)):
        assert type(again) is ClozeClassifier and again.label_names == ["bad", "good"]
        assert again.head().options() == model.head().options()
        p = again.predict_proba(EXAMPLES.texts)
        assert p.tobytes() == model.predict_proba(EXAMPLES.texts).tobytes()


# ---- what is refused ----


@pytest.mark.parametrize("pattern", [
    "it is [MASK]", "{text} is", "{text} {text} [MASK]", "{text} [MASK] [MASK]", "", 3,
    "{text} [SEP] a [SEP] [MASK]",
])
def test_a_pattern_without_one_text_and_one_mask_is_refused(pattern):
    with pytest.raises(ConfigError, match="Cloze: pattern is .*, expected"):
        cloze(pattern)


@pytest.mark.parametrize("words, error, message", [
    ({"a": ["bad"], "b": ["goodness gracious"]}, ConfigError, "'goodness gracious' is . tokens"),
    ({"a": ["bad"], "b": ["\u4e2d"]}, ConfigError, "is unknown to the tokenizer, but"),
    ({"a": ["bad"], "b": ["good", "bad"]}, ConfigError, "the word 'bad' is given twice"),
    ({"a": ["bad"], "b": []}, ConfigError, "expected words for each class, at least one"),
    ({"a": ["bad"], "b": "good"}, DtypeError, "Cloze: words is one string, expected a list"),
    ({"a": ["bad"]}, ConfigError, "expected at least two, all different"),
])
def test_words_that_cannot_stand_for_a_class_are_refused(words, error, message):
    with pytest.raises(error, match=message):
        cloze(words=words)


@pytest.mark.parametrize("shown, error, message", [
    ([("a plum", "awful")], ConfigError, r"shown holds \['a plum', 'awful'\], expected \[text, la"),
    ([("a plum",)], ConfigError, "expected .text, label name."),
    (["a plum"], DtypeError, "shown is one string"), (3, DtypeError, "shown is int, expected"),
    ([("a plum", 1)], DtypeError, r"shown\[1\] is int"),
])
def test_examples_that_are_no_pairs_of_text_and_label_are_refused(shown, error, message):
    with pytest.raises(error, match=message):
        cloze(shown=shown)


@pytest.mark.parametrize("options, words", [
    ({"prior": [0.1]}, "prior is .0.1., expected 2 finite numbers"),
    ({"prior": [0.1, np.nan]}, "prior is"), ({"prior": ["a", "b"]}, "prior is"),
    ({"prior": [10**400, 0]}, "prior is"), ({"prior": {}}, "prior is {}"),
    ({"tied": 1}, "tied is 1"),
])
def test_options_that_a_damaged_file_may_hold_are_refused(options, words):
    with pytest.raises(ConfigError, match=words):
        Cloze(masked_lm().encoder, list(WORDS), list(WORDS.values()), PATTERN, **options,
              rng=np.random.default_rng(0))
    with pytest.raises(DtypeError, match="words is int, expected a list of lists of words"):
        Cloze(masked_lm().encoder, list(WORDS), 3, PATTERN, rng=np.random.default_rng(0))


def test_what_is_no_masked_language_model_or_no_dict_of_words_is_refused():
    with pytest.raises(ConfigError, match="mlm is Encoder, expected a MaskedLM"):
        ClozeClassifier(masked_lm().encoder, WORDS, PATTERN)
    with pytest.raises(ConfigError, match="words are list, expected a dict"):
        ClozeClassifier(masked_lm(), list(WORDS.values()), PATTERN)


def test_pairs_of_texts_and_batches_without_questions_are_refused():
    model = cloze()
    with pytest.raises(DataError, match="give single texts, no pairs"):
        model.predict(["a"], ["b"])
    with pytest.raises(DataError, match=r"does not ask for one \[MASK\] in each sequence"):
        evaluate(model, Batch([TOK.cls_id, 9, TOK.sep_id], [0, 3], labels=[1]))
    for find in (model.logits, model.decide, model):
        with pytest.raises(DataError, match=r"does not ask for one \[MASK\] in each sequence"):
            find(Batch([TOK.cls_id, 9, TOK.sep_id], [0, 3]))
    with pytest.raises(DataError, match="give labels"):
        evaluate(model, model.tokenize(["a"]))
    with pytest.raises(ConfigError, match="tokenizer"):
        encoder = Encoder(model.encoder.config, rng=np.random.default_rng(0))
        Cloze(encoder, list(WORDS), list(WORDS.values()), PATTERN, rng=np.random.default_rng(0))
