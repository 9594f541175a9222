"""Spans one by one: summaries against loops, the loss, what is said, nested spans, windows."""

import numpy as np
import pytest

from npft import load, save
from npft.autograd.gradcheck import gradcheck
from npft.autograd.tensor import Tensor
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.encoder.model import Model
from npft.errors import CheckpointError, ConfigError, DataError, DtypeError
from npft.finetune.regimes import freeze_body
from npft.finetune.train import evaluate, fine_tune
from npft.heads.span_tags import (
    SUMMARIES, SpanTagger, SpanTags, layer, without_crossings, word_vectors, words_in,
)
from npft.heads.tags import Tags, TokenClassifier
from npft.metrics.spans import span_metrics
from npft.metrics.tags import tag_metrics
from npft.text.batch import Batch
from npft.text.bytes import ByteTokenizer
from npft.text.tagged import TaggedTexts
from npft.text.typed_spans import all_spans

TYPES = ["LOC", "ORG"]
WORDS = [-1, 0, 1, 1, 2, -1, -1, -1, -1, 3, 4, 4, -1]  # sequences of 3, 0 and 2 words
OFFSETS = [0, 6, 8, 13]


def body(positions=32, dropout=0.0, seed=0):
    config = EncoderConfig(vocab_size=260, hidden_size=8, num_layers=1, num_heads=2,
                           intermediate_size=8, max_positions=positions, dropout=dropout,
                           init_std=0.3)
    return Encoder(config, tokenizer=ByteTokenizer(), rng=np.random.default_rng(seed))


def tagger(summary="mean", longest=10, seed=0, **options):
    return SpanTagger(body(**options), TYPES, summary, longest, rng=np.random.default_rng(seed))


def batch(spans=(((0, 2, 1), (0, 0, 0)), (), ((3, 4, 0),))):
    ids = np.random.default_rng(0).integers(0, 260, 13)
    return Batch(ids, OFFSETS, words=WORDS, typed_spans=spans)


def texts(spans, words=None):
    words = words or [["in", "big", "Oslo"], ["I"]]
    return TaggedTexts(words, [["O"] * len(row) for row in words], spans=spans)


# ---- summaries ----


def test_texts_without_words_have_no_spans_to_rate_and_a_column_for_each_type_and_none():
    model = tagger().eval()
    empty = Batch([1, 2], [0, 2], words=[-1, -1], typed_spans=[[]])
    assert model.head()(model.encoder(empty), empty).shape == (0, len(TYPES) + 1)


def test_a_word_is_the_mean_of_its_tokens():
    hidden = np.random.default_rng(0).standard_normal((13, 4))
    words = word_vectors(Tensor(hidden), batch()).data
    expected = [hidden[1], hidden[2:4].mean(0), hidden[4], hidden[9], hidden[10:12].mean(0)]
    np.testing.assert_allclose(words, expected, atol=1e-15)
    assert words_in(batch()).tolist() == [3, 0, 2]


def summarised(kind, z, sizes=(4, 2), longest=3):
    module = SUMMARIES[kind](z.shape[1], rng=np.random.default_rng(0)).astype(np.float64)
    first, last = all_spans(sizes, longest)
    return module, first, last, module(Tensor(z), first, last).data


def test_the_mean_summary_is_that_of_a_loop_and_has_three_times_the_width():
    z = np.random.default_rng(0).standard_normal((6, 5))
    _, first, last, found = summarised("mean", z)
    expected = [np.concatenate([z[i], z[j], z[i : j + 1].mean(0)]) for i, j in zip(first, last)]
    assert found.shape == (len(first), 15)
    np.testing.assert_allclose(found, expected, atol=1e-14)


def test_start_and_end_read_a_word_in_two_ways():
    z = np.random.default_rng(0).standard_normal((6, 5))
    module, first, last, found = summarised("startend", z)
    assert found.shape == (len(first), 10)
    forth = module(Tensor(z), np.array([0]), np.array([2])).data
    back = module(Tensor(z), np.array([2]), np.array([0])).data
    assert np.abs(forth - back).max() > 0.1 and np.abs(forth[:, :5] - back[:, 5:]).max() > 0.1


def test_attention_is_that_of_a_loop_and_of_one_word_is_its_value():
    z = np.random.default_rng(0).standard_normal((6, 5))
    module, first, last, found = summarised("attention", z)
    values, scores = module.value(Tensor(z)).data, module.query(Tensor(z)).data[:, 0]
    for i, j, summary in zip(first, last, found):
        alpha = np.exp(scores[i : j + 1]) / np.exp(scores[i : j + 1]).sum()
        np.testing.assert_allclose(summary, alpha @ values[i : j + 1], atol=1e-14)
        if i == j:
            np.testing.assert_allclose(summary, values[i], atol=1e-15)


def test_the_outputs_of_a_new_layer_are_at_first_as_large_as_its_inputs():
    rng = np.random.default_rng(0)
    out = layer(256, 64, rng)(Tensor(rng.standard_normal((500, 256), np.float32))).data
    assert out.std() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("words", [2, 3, 4])
def test_a_span_of_more_words_than_the_longest_has_no_place_among_the_others(words):
    spans = [[(0, words - 1, 0), (words, words, 1)]]
    b = Batch(range(5, 6 + words), [0, words + 1], words=range(words + 1), typed_spans=spans)
    assert tagger(longest=1).head().targets(b).tolist() == [2] * words + [1]


@pytest.mark.parametrize("kind", SUMMARIES)
def test_the_gradient_of_the_loss_is_its_derivative(kind):
    model = tagger(kind, longest=2).astype(np.float64)
    head, labelled = model.head(), batch(((), (), ((3, 4, 0),)))
    hidden = np.random.default_rng(1).standard_normal((13, 8))
    gradcheck(lambda x: head.loss(head(x, labelled), labelled), hidden,
              rng=np.random.default_rng(0))


# ---- the loss ----


def test_the_loss_worked_by_hand():
    # one sequence of two words: spans 00, 01, 11, of which 01 is an ORG
    b = Batch([5, 6], [0, 2], words=[0, 1], typed_spans=[[(0, 1, 1)]])
    p = np.array([[0.25, 0.25, 0.5], [0.1, 0.6, 0.3], [0.2, 0.1, 0.7]])
    head = tagger().head()
    assert head.targets(b).tolist() == [2, 1, 2]
    expected = -(np.log(0.5) + np.log(0.6) + np.log(0.7)) / 3
    assert head.loss(Tensor(np.log(p)), b).item() == pytest.approx(expected, abs=1e-12)
    assert head.count(b) == 3


def test_the_targets_are_those_of_a_loop_whatever_the_numbers_of_the_words():
    head, b = tagger(longest=2).head(), batch()
    # sequence 0: 00 01 11 12 22, of which 02 is too long; sequence 2: 33 34 44
    assert head.targets(b).tolist() == [0, 2, 2, 2, 2, 2, 0, 2]
    assert head.count(b) == 8


@pytest.mark.parametrize("kind", SUMMARIES)
def test_a_batch_may_be_cut_anywhere_also_between_texts_without_words(kind, check_cuts):
    check_cuts(tagger(kind, longest=2), batch(), [5 / 8, 3 / 8])


@pytest.mark.parametrize("kind", SUMMARIES)
def test_pads_change_no_bit(kind):
    model, b = tagger(kind).eval(), batch()
    ids, mask = b.to_padded(9)
    sides = (0, 0), (2, 3)
    ids, mask = np.pad(ids, sides, constant_values=9), np.pad(mask, sides)
    words = np.pad(b.pad(b.words, -1), sides)
    other = Batch.from_padded(ids, mask, words=words, typed_spans=b.typed_spans)
    assert model(other).data.tobytes() == model(b).data.tobytes()
    assert model.loss(other).total.item() == model.loss(b).total.item()


def test_a_batch_without_labels_or_with_a_class_of_no_type_is_refused():
    for b in (batch().replace(typed_spans=None), batch()[1:2]):
        with pytest.raises(DataError, match="no typed_spans, or no words"):
            tagger().loss(b)
    with pytest.raises(DataError, match="class 2 is not one of the 2 types"):
        tagger().loss(batch([[(0, 0, 2)], [], []]))
    with pytest.raises(ConfigError, match="no word numbers"):
        tagger()(batch().replace(typed_spans=None, words=None))


# ---- what is said ----


def said(spans, threshold=0.0, n_words=4):
    """What the head says where P(type) - P(NULL) of spans (first, last, class) is as given."""
    head = SpanTags(body(), TYPES, threshold=threshold, rng=np.random.default_rng(0))
    b = Batch(np.arange(n_words), [0, n_words], words=np.arange(n_words))
    first, last = all_spans([n_words], 10)
    p = np.tile([0.0, 0.0, 1.0], (len(first), 1))
    for i, j, kind, margin in spans:
        row = np.flatnonzero((first == i) & (last == j))[0]
        p[row] = 0
        p[row, kind], p[row, 2] = (1 + margin) / 2, (1 - margin) / 2
    with np.errstate(divide="ignore"):
        scores = np.log(p)
    (found,) = head.decide(scores, b)
    return [tuple(span) for span in found.tolist()]


def test_nested_spans_are_both_said_and_a_span_below_the_threshold_is_not():
    spans = [(0, 2, 1, 0.5), (0, 0, 0, 0.3), (1, 2, 1, -0.2)]
    assert said(spans) == [(0, 0, 0), (0, 2, 1)]
    assert said(spans, threshold=0.4) == [(0, 2, 1)]
    assert said(spans, threshold=-0.3) == [(0, 0, 0), (0, 2, 1), (1, 2, 1)]
    assert said([]) == []


def test_of_two_spans_that_cross_the_surer_one_is_said():
    assert said([(0, 1, 0, 0.3), (1, 2, 1, 0.6)]) == [(1, 2, 1)]
    assert said([(0, 1, 0, 0.6), (1, 2, 1, 0.3)]) == [(0, 1, 0)]
    # what crosses only a span that is not said itself is said
    assert said([(0, 1, 0, 0.9), (1, 2, 1, 0.6), (2, 3, 0, 0.3)]) == [(0, 1, 0), (2, 3, 0)]
    assert said([(0, 1, 0, 0.5), (2, 3, 0, 0.5)]) == [(0, 1, 0), (2, 3, 0)]


def test_spans_that_begin_or_end_at_one_word_do_not_cross():
    rated = np.array([(1.0, 2, 0, 0.9), (1, 3, 0, 0.8), (0, 2, 0, 0.7), (1, 2, 1, 0.6)])
    assert without_crossings(rated).tolist() == [list(rated[0]), list(rated[1]), list(rated[3])]
    assert without_crossings(rated[[0, 2]]).tolist() == rated[[0, 2]].tolist()


def test_a_span_is_too_long_by_its_words_wherever_it_stands():
    model = tagger(longest=2)
    test = batch([((0, 2, 1), (1, 2, 0)), (), ((3, 4, 0),)])  # the first has three words
    found = [np.array([(1, 2, 0)]), np.zeros((0, 3), int), np.array([(3, 4, 0)])]
    score = model.head().score(found, test)
    assert score.averaged == "3 spans" and (score.precision, score.recall) == (1.0, 2 / 3)


def test_the_score_worked_by_hand_with_spans_that_could_not_be_said():
    b = batch([[(0, 2, 1), (0, 0, 0), (-2, -2, 1)], [], [(3, 4, 0)]])
    decisions = np.empty(3, dtype=object)
    decisions[:] = [np.array([[0, 0, 0]]), np.zeros((0, 3), int), np.array([[3, 4, 1], [4, 4, 0]])]
    m = tagger().head().score(decisions, b)
    assert (m.precision, m.recall, m.f1) == (1 / 3, 1 / 4, 2 / 7)
    assert m.averaged == "4 spans, 1 of them cut off"
    short = tagger(longest=2).head().score(decisions, b)  # of three words one is too long
    assert short == m


def test_the_score_is_that_of_all_gold_spans_also_where_one_is_too_long_to_be_said():
    """What lies inside a span of eleven words is an inner one, though nobody can say so."""
    n = 11
    b = Batch(np.arange(5, 5 + n), [0, n], words=np.arange(n), typed_spans=[[(0, 10, 0), (2, 3, 1)]])
    decisions = np.empty(1, dtype=object)
    decisions[0] = np.array([[2, 3, 1]])
    model = tagger(longest=10)
    gold, said = ([[(i, j + 1, model.head().type_names[k]) for i, j, k in rows]]
                  for rows in ([(0, 10, 0), (2, 3, 1)], [(2, 3, 1)]))
    assert model.head().score(decisions, b) == span_metrics(gold, said)


def test_texts_may_come_from_a_generator():
    model = tagger()
    assert model.predict(iter([["a", "b"], []])) == model.predict([["a", "b"], []])


def test_decisions_go_back_to_the_order_of_the_batch():
    model = tagger().eval()
    b = batch()
    together = model.decide(b)
    for row in range(3):
        assert np.array_equal(together[row], model.decide(b[row : row + 1])[0])


# ---- what BIO cannot ----


def test_one_wrong_first_tag_loses_the_entity_of_a_tagger_and_not_that_of_a_span_tagger():
    gold = ["B-ORG", "I-ORG", "I-ORG"]
    broken = ["O", "I-ORG", "I-ORG"]  # two of three words are right
    m = tag_metrics([gold], [broken], "bio")
    assert m.accuracy == pytest.approx(2 / 3) and m.f1 == 0
    # shorter spans from word 0 are doubted as much: they are other decisions than the whole span
    spans = [(0, 2, 1, 0.5), (0, 0, 1, -0.9), (0, 1, 1, -0.9)]
    assert said(spans, n_words=3) == [(0, 2, 1)]


def test_a_small_model_learns_an_organisation_inside_another_one():
    words = [["United", "Airlines", "Holding", "said"], ["at", "United", "Airlines", "today"],
             ["Holding", "said", "so", "today"], ["said", "Airlines", "at", "Oslo"]]
    spans = [[(0, 2, "ORG"), (0, 3, "ORG")], [(1, 3, "ORG")], [], [(3, 4, "LOC")]]
    model, data = tagger(positions=64), texts(spans, words)
    train = model.batch_of(data)
    fine_tune(model, train, epochs=60, lr=3e-2, rng=np.random.default_rng(0))
    assert model.predict(words) == spans
    assert evaluate(model, train).inner_f1 == 1
    tags = TaggedTexts(words, [["B-ORG", "I-ORG", "I-ORG", "O"], ["O", "B-ORG", "I-ORG", "O"],
                               ["O"] * 4, ["O", "O", "O", "B-LOC"]])
    plain = TokenClassifier(body(64), tags.tag_names, rng=np.random.default_rng(0))
    fine_tune(plain, plain.batch_of(tags), epochs=60, lr=3e-2, rng=np.random.default_rng(0))
    assert plain.predict(words[:1]) == [["B-ORG", "I-ORG", "I-ORG", "O"]]  # the outer one alone


# ---- a user's texts ----


def test_spans_of_examples_become_those_of_the_batch_and_tags_serve_where_there_are_none():
    model = tagger()
    spans = [[(0, 3, "ORG"), (2, 3, "LOC"), (2, 3, "LOC")], []]  # one is written twice
    b = model.batch_of(texts(spans))
    assert [own.tolist() for own in b.typed_spans] == [[[0, 2, 1], [2, 2, 0]], []]
    tagged = TaggedTexts([["in", "big", "Oslo"]], [["O", "B-ORG", "I-ORG"]])
    assert model.batch_of(tagged).typed_spans[0].tolist() == [[1, 2, 1]]


def test_tags_that_several_schemes_know_are_read_for_all_read_them_alike():
    """A test set may hold entities of one word alone, or none."""
    found = [tagger().batch_of(TaggedTexts([["in", "Oslo"]], [tags])).typed_spans[0].tolist()
             for tags in (["O", "B-LOC"], ["O", "O"])]
    assert found == [[[1, 1, 0]], []]
    with pytest.raises(ConfigError, match="plain tags mark no entities"):
        tagger().batch_of(TaggedTexts([["in", "Oslo"]], [["ADP", "PROPN"]]))


def test_a_limit_that_no_text_reaches_is_none():
    words = [["a", "b"]]
    assert tagger(longest=10**30).predict(words) == tagger(longest=2).predict(words)


def test_long_texts_are_read_in_windows_and_said_in_their_own_words():
    model = tagger(positions=8)
    data = texts([[(0, 2, "LOC"), (2, 4, "ORG"), (3, 4, "LOC")]], [["go", "on", "to", "NY"]])
    b = model.batch_of(data)
    assert len(b) == 2 and [own.tolist() for own in b.typed_spans] == [
        [[0, 1, 0]], [[2, 3, 1], [3, 3, 0]],
    ]
    decisions = np.empty(2, dtype=object)
    decisions[:] = b.typed_spans
    model.decide = lambda batch, *options: decisions
    assert model.predict(data.words) == data.spans
    assert model.head().score(decisions, b).f1 == 1


def test_wrong_examples_are_refused_in_words():
    model = tagger()
    with pytest.raises(DataError, match="the type 'PER' is unknown to the model"):
        model.batch_of(texts([[(0, 1, "PER")], []]))
    with pytest.raises(DataError, match="one span twice, expected one type for each span"):
        model.batch_of(texts([[(0, 1, "LOC"), (0, 1, "ORG")], []]))
    with pytest.raises(DtypeError, match="a text is a string, expected its words"):
        model.predict(["in Oslo"])
    with pytest.raises(DataError, match="got pairs of texts"):
        model.predict([["in"]], [["Oslo"]])
    assert model.predict([]) == [] and model.predict([[], ["I"]])[0] == []


# ---- options, files, regimes ----


@pytest.mark.parametrize("options, message", [
    ({"type_names": []}, r"type_names are \[\], expected some"),
    ({"type_names": ["A", "A"]}, "expected some, all different"),
    ({"summary": "max"}, "summary is 'max', expected one of mean, startend, attention"),
    ({"summary": ["mean"]}, "expected one of mean"),
    ({"longest": 0}, "longest is 0, expected a whole number, 1 or more"),
    ({"threshold": np.nan}, "threshold is nan, expected a finite number"),
    ({"threshold": "high"}, "threshold is 'high', expected a finite number"),
    ({"threshold": True}, "threshold is True"),
])
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        SpanTags(body(), **{"type_names": TYPES} | options, rng=np.random.default_rng(0))


def test_one_type_is_enough():
    head = SpanTags(body(), ["NAME"], rng=np.random.default_rng(0))
    assert head(Tensor(np.zeros((13, 8), np.float32)), batch()).shape == (9, 2)


@pytest.mark.parametrize("kind", SUMMARIES)
def test_a_span_tagger_is_saved_with_its_threshold_and_loads_the_same(kind, tmp_path):
    model = tagger(kind, longest=3)
    model.head().threshold = -0.25
    save(tmp_path, model)
    again = load(tmp_path)
    assert type(again) is SpanTagger and again.head().options() == model.head().options()
    assert again(batch()).data.tobytes() == model.eval()(batch()).data.tobytes()
    assert again.head().threshold == -0.25


def test_a_file_of_another_head_is_no_span_tagger(tmp_path):
    tags = Tags(body(), ["O", "B-X", "I-X"], rng=np.random.default_rng(0))
    model = Model(body(), {"span_tags": tags})
    model.kind = "span_tagger"
    save(tmp_path, model)
    with pytest.raises(CheckpointError, match="span_tagger needs"):
        load(tmp_path)


def test_with_a_frozen_body_only_the_head_learns():
    model = tagger()
    freeze_body(model)
    before = {n: p.data.copy() for n, p in model.named_parameters()}
    fine_tune(model, batch(), epochs=2, rng=np.random.default_rng(0))
    for name, parameter in model.named_parameters():
        assert np.array_equal(before[name], parameter.data) == name.startswith("encoder."), name


def test_it_learns_beside_a_tagger_on_one_body():
    rng, encoder = np.random.default_rng(0), body()
    model = Model(encoder, {"spans": SpanTags(encoder, TYPES, rng=rng),
                            "tags": Tags(encoder, ["O", "B-LOC", "I-LOC"], rng=rng)})
    both = batch().replace(token_labels=np.where(np.array(WORDS) < 0, -100, 0))
    history = fine_tune(model, both, epochs=3, validation=both, rng=rng)
    assert {"spans_f1", "spans_inner_f1", "tags_f1"} <= set(history.metrics)
