"""Answers: both ends of a span, the best span by hand and by brute force, words cut out of text."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from npft import BPE
from npft.autograd.gradcheck import gradcheck
from npft.autograd.tensor import Tensor
from npft.encoder.checkpoint import save
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.encoder.head import Asked
from npft.errors import ConfigError, DataError
from npft.finetune.train import evaluate, fine_tune
from npft.heads.answers import LONGEST, Answers, SpanFinder, best_span
from npft.loading import load
from npft.text.batch import CUT_SPAN, NO_SPAN, Batch
from npft.text.byte_level import SPECIALS, ByteLevelBPE, byte_letters
from npft.text.bytes import ByteTokenizer
from npft.text.examples import Examples

TOK = ByteTokenizer()
NONE, CUT = (NO_SPAN, NO_SPAN), (CUT_SPAN, CUT_SPAN)


def body(seed=0, dropout=0.0):
    config = EncoderConfig(vocab_size=260, hidden_size=8, num_layers=1, num_heads=2,
                           intermediate_size=8, max_positions=32, dropout=dropout, init_std=0.3)
    return Encoder(config, tokenizer=TOK, rng=np.random.default_rng(seed))


def head():
    return Answers(body(), rng=np.random.default_rng(0))


def finder(seed=0, no_answer=False, **options):
    return SpanFinder(body(seed, **options), no_answer, rng=np.random.default_rng(seed))


def asked(lengths, spans, questions=1):
    """Sequences of some lengths, of which the first ``questions`` tokens are the question."""
    n, offsets = sum(lengths), np.append(0, np.cumsum(lengths))
    types = np.concatenate([np.arange(length) >= questions for length in lengths]).astype(int)
    ids = np.random.default_rng(0).integers(0, 260, n)
    return Batch(ids, offsets, token_types=types, spans=spans)


# ---- the loss ----


def test_the_loss_worked_by_hand():
    # as first: probabilities 1/8, 2/8, 5/8 and 3/4, 1/4; as last: 1/2, 1/4, 1/4 and 1/10, 9/10
    first, last = [1, 2, 5, 3, 1], [2, 1, 1, 1, 9]
    scores = np.log(np.array([first, last], float).T)
    batch = asked([3, 2], [(1, 2), (0, 1)])
    expected = -(np.log(2 / 8) + np.log(1 / 4) + np.log(3 / 4) + np.log(9 / 10)) / 4
    assert head().loss(Tensor(scores), batch).item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("lengths", [[4], [3, 7], [2, 9, 5, 1]])
def test_equal_scores_cost_the_log_of_the_length_at_each_end(lengths):
    spans = [(0, length - 1) for length in lengths]
    for level in (0.0, 3.0, -50.0):
        scores = Tensor(np.full((sum(lengths), 2), level))
        found = head().loss(scores, asked(lengths, spans)).item()
        assert found == pytest.approx(np.mean(np.log(lengths)), abs=1e-12)


def test_perfect_scores_cost_nothing():
    batch = asked([3, 4], [(1, 2), (3, 3)])
    scores = np.zeros((7, 2))
    scores[[1, 3 + 3], 0] = scores[[2, 3 + 3], 1] = 1e3
    assert head().loss(Tensor(scores), batch).item() == 0
    assert head().loss(Tensor(-scores), batch).item() > 999
    # one end wrong: half the loss
    scores[2, 1], scores[0, 1] = 0, 1e3
    assert head().loss(Tensor(scores), batch).item() == pytest.approx(1e3 / 4)


@given(st.integers(0, 10**6))
def test_the_loss_is_its_slow_sum_over_the_sequences_that_have_an_answer(seed):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 6, rng.integers(1, 6)).tolist()
    ends = [sorted(rng.integers(0, length, 2).tolist()) for length in lengths]
    spans = [NONE if i and rng.random() < 0.4 else tuple(e) for i, e in enumerate(ends)]
    batch, scores = asked(lengths, spans), rng.standard_normal((sum(lengths), 2)) * 3
    losses = []
    for row, span in enumerate(spans):
        own = scores[batch.offsets[row] : batch.offsets[row + 1]]
        if span != NONE:
            for end in (0, 1):
                p = np.exp(own[:, end]) / np.exp(own[:, end]).sum()
                losses.append(-np.log(p[span[end]]))
    assert head().loss(Tensor(scores), batch).item() == pytest.approx(np.mean(losses), abs=1e-9)
    assert head().count(batch) == len(losses) // 2


def test_the_gradient_is_the_derivative_also_where_an_answer_is_missing():
    scores = np.random.default_rng(0).standard_normal((9, 2))
    batch = asked([3, 2, 4], [(1, 2), NONE, (0, 3)])
    one = head()
    gradcheck(lambda x: one.loss(x, batch), scores, rng=np.random.default_rng(0))


def test_sequences_without_an_answer_change_no_bit_of_the_loss():
    scores = np.random.default_rng(0).standard_normal((9, 2)).astype(np.float32)
    with_none = head().loss(Tensor(scores), asked([3, 2, 4], [(1, 2), NONE, (0, 3)])).item()
    without = head().loss(Tensor(scores[[0, 1, 2, 5, 6, 7, 8]]), asked([3, 4], [(1, 2), (0, 3)]))
    assert with_none == without.item()


UNEVEN = ([6, 3, 9, 4, 5], [(2, 4), NONE, (3, 3), CUT, (1, 3)])


def test_pads_change_no_bit(check_pads):
    check_pads(finder(), asked(*UNEVEN))


def test_a_batch_may_be_cut_anywhere_whatever_each_part_has_of_answers(check_cuts):
    check_cuts(finder(), asked(*UNEVEN), [1 / 3] * 3)


# ---- reading ----


def test_the_best_span_by_hand():
    scores = np.array([[9.0, 9], [1, 5], [3, 2], [0, 4], [9, 9]])
    inside = np.array([False, True, True, True, False])
    assert best_span(scores, inside) == (2, 3)  # 3 + 4, and not 5 at token 1 before token 2
    assert best_span(scores, np.ones(5, bool)) == (0, 0)  # of 18 twice the first
    assert best_span(scores, np.zeros(5, bool)) == NONE


@given(st.integers(0, 10**6))
def test_the_best_span_is_that_of_a_loop(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 25))
    scores, inside = rng.standard_normal((n, 2)), rng.random(n) < 0.8
    best, where = -np.inf, NONE
    for i in np.flatnonzero(inside):
        for j in np.flatnonzero(inside):
            if i <= j < i + LONGEST and scores[i, 0] + scores[j, 1] > best:
                best, where = scores[i, 0] + scores[j, 1], (i, j)
    assert best_span(scores, inside) == where


def test_an_answer_has_at_most_twelve_tokens():
    scores = np.zeros((30, 2))
    scores[3, 0], scores[14, 1], scores[15, 1] = 5, 3, 9
    found = best_span(scores, np.ones(30, bool))
    assert LONGEST == 12 and found == (4, 15)  # 0 + 9; from 3 to 15 they were 13 tokens
    scores[14, 1] = 4.5
    assert best_span(scores, np.ones(30, bool)) == (3, 14)


def test_an_answer_is_decided_inside_the_passage_of_each_sequence():
    batch = asked([5, 4], [(2, 3), (2, 2)], questions=2)
    scores = np.zeros((9, 2))
    scores[0] = scores[4] = scores[5] = scores[8] = 9  # the question, and the last [SEP]
    scores[2, 0], scores[3, 1], scores[5 + 2] = 2, 1, 1
    assert head().decide(scores, batch).tolist() == [[2, 3], [2, 2]]
    no_passage = asked([3], [(0, 0)], questions=2)
    assert head().decide(np.zeros((3, 2)), no_passage).tolist() == [list(NONE)]


def test_the_score_worked_by_hand():
    batch = asked([9, 9, 9, 9], [(2, 4), (3, 3), NONE, (1, 2)])
    said = np.array([(3, 5), (3, 3), (2, 7), NONE])
    found = head().score(said, batch)
    # tokens 3 and 4 of 3 and 3; all; (not asked); none of 2
    assert found.exact == 1 / 3 and found.f1 == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert found.best_by == found.f1


def test_evaluation_agrees_with_a_loop_over_single_sequences():
    model = finder().eval()
    batch = asked(*UNEVEN)
    losses, said = [], model.decide(batch)
    for row, span in enumerate(UNEVEN[1]):
        single = batch[[row]]
        assert model.decide(single).tolist() == [said[row].tolist()]
        if span not in (NONE, CUT):
            losses.append(model.loss(single).total.item())
    found = evaluate(model, batch)
    assert len(losses) == 3 and found.loss == pytest.approx(np.mean(losses), abs=1e-6)
    assert found.exact == np.mean([tuple(s) == g for s, g in zip(said, UNEVEN[1]) if g != NONE])
    assert found.averaged == "mean over 4 answers, 1 of them cut off"


def test_answers_go_from_characters_to_tokens_and_back():
    model = finder()
    passages = ["ann sat", "bob ran off"]
    examples = Examples(["who", "how"], pairs=passages, spans=[(0, 3), (4, 11)])
    batch = model.batch_of(examples)
    assert batch.spans.tolist() == [[5, 7], [9, 15]]  # behind [CLS] w h o [SEP]; a byte is a token
    given = Asked(examples.texts, passages, batch, TOK)
    assert model.head().decode(np.asarray(batch.spans), given) == ["ann", "ran off"]
    assert model.head().decode(np.array([(6, 9), NONE]), given) == ["nn s", ""]


def test_an_answer_that_is_cut_off_is_not_learnt_and_counts_as_missed():
    model = finder()
    examples = Examples(["q"] * 3, pairs=["a" * 40, "bb", "c"],
                        spans=[(38, 40), (0, 2), (-1, -1)])
    batch = model.batch_of(examples)
    assert batch.lengths.tolist() == [32, 6, 5]
    assert batch.spans.tolist() == [list(CUT), [3, 4], list(NONE)]
    assert model.head().count(batch) == 1
    both = [model.loss(b).total.item() for b in (batch, batch[[1]])]
    assert both[0] == pytest.approx(both[1], abs=1e-6)
    # whoever finds all that can be seen has half of the two answers, and is told why
    found = model.head().score(np.array([NONE, (3, 4), (3, 3)]), batch)
    assert (found.exact, found.f1) == (0.5, 0.5)
    assert found.averaged == "mean over 2 answers, 1 of them cut off"
    found = model.head().score(np.array([(3, 4), (3, 4), (3, 3)]), batch[[1, 1, 1]])
    assert found.averaged == "mean over 3 answers"
    with pytest.raises(DataError, match="shorter passages if all answers were cut off"):
        evaluate(model, batch[[0, 2]])


def test_it_learns_to_answer_and_keeps_the_order_of_the_texts():
    rng = np.random.default_rng(0)
    rows, spans = [], []
    for _ in range(40):
        words = ["xy", "zz", "ab"]
        words.insert(rng.integers(4), "Q")
        text = " ".join(words)
        rows.append(text)
        spans.append((text.index("Q"), text.index("Q") + 1))
    model = finder()
    data = model.batch_of(Examples(["w"] * 40, pairs=rows, spans=spans))
    fine_tune(model, data, epochs=30, lr=2e-2, batch_size=10, rng=rng)
    found = evaluate(model, data)
    assert found.exact == 1.0 and found.f1 == 1.0 and found.loss < 0.1
    questions, passages = ["w"] * 80, rows * 2  # several slices
    assert model.predict(questions, passages) == ["Q"] * 80


def test_answers_come_back_from_a_file_and_no_question_has_none(tmp_path):
    model = finder()
    save(tmp_path, model)
    again = load(tmp_path)
    assert type(again) is SpanFinder
    passages = ["the fox ran", "home at last"]
    assert again.predict(["who"] * 2, passages) == model.predict(["who"] * 2, passages)
    assert model.predict([], []) == []
    assert model.predict(iter(["who"] * 2), iter(passages)) == model.predict(["who"] * 2, passages)


def test_answers_of_pieces_that_begin_with_a_space_do_not_begin_with_it():
    tok = BPE.train(["the red fox ran home"] * 3, 320)
    assert tok.pieces("the red fox ran home")[1:] == [b" red", b" fox", b" ran", b" home"]
    config = EncoderConfig(vocab_size=tok.vocab_size, hidden_size=4, num_layers=1, num_heads=2,
                           intermediate_size=4, max_positions=16)
    passages = ["the red fox ran home", "the fox", "ran home home red"]
    answers = []
    for seed in range(5):  # untrained: any run of pieces may be the answer
        rng = np.random.default_rng(seed)
        model = SpanFinder(Encoder(config, tokenizer=tok, rng=rng), rng=rng)
        found = model.predict(["who"] * 3, passages)
        assert all(answer in passage for answer, passage in zip(found, passages))
        answers += [(a, p) for a, p in zip(found, passages) if not p.startswith(a)]
    assert len(answers) > 3  # answers from inside a passage, where a piece has a space before it
    assert all(answer == answer.strip() != "" for answer, _ in answers)


# ---- questions without an answer ----


def answers_or_none(threshold=0.0):
    return Answers(body(), True, threshold, rng=np.random.default_rng(0))


def test_an_unanswerable_question_points_at_the_first_token_with_both_ends():
    # as first: 1/4 at [CLS], as last: 1/2; the other sequence has its answer at token 1
    first, last = [1, 2, 1, 3, 1], [2, 1, 1, 1, 9]
    scores = np.log(np.array([first, last], float).T)
    batch = asked([3, 2], [NONE, (1, 1)])
    expected = -(np.log(1 / 4) + np.log(2 / 4) + np.log(1 / 4) + np.log(9 / 10)) / 4
    head = answers_or_none()
    assert head.loss(Tensor(scores), batch).item() == pytest.approx(expected, abs=1e-12)
    assert head.count(batch) == 2
    # without no_answer only the second sequence counts, as ever
    plain = -(np.log(1 / 4) + np.log(9 / 10)) / 2
    assert Answers(body(), rng=np.random.default_rng(0)).loss(
        Tensor(scores), batch).item() == pytest.approx(plain, abs=1e-12)


def test_an_answer_that_was_cut_off_is_not_learnt_as_no_answer():
    scores = np.random.default_rng(0).standard_normal((9, 2))
    head = answers_or_none()
    whole = head.loss(Tensor(scores), asked([3, 2, 4], [(1, 2), CUT, NONE])).item()
    without = head.loss(Tensor(scores[[0, 1, 2, 5, 6, 7, 8]]), asked([3, 4], [(1, 2), NONE]))
    assert whole == without.item()
    with pytest.raises(DataError, match="no sequence of the batch has an answer"):
        head.check(asked([3], [CUT]))


def test_a_batch_with_unanswerable_questions_may_be_cut_anywhere(check_cuts):
    check_cuts(finder(no_answer=True), asked(*UNEVEN), [1 / 4] * 4)


def test_pads_change_no_bit_also_with_unanswerable_questions(check_pads):
    check_pads(finder(no_answer=True), asked(*UNEVEN))


def test_an_answer_is_said_if_it_beats_none_by_more_than_the_threshold():
    batch = asked([5, 5], [(2, 3), NONE])
    scores = np.zeros((10, 2))
    scores[0] = 1, 1  # s_null is 2, the best span 3 + 1
    scores[2, 0], scores[3, 1] = 3, 1
    scores[5] = 2, 2  # s_null is 4, the best span 3
    scores[7, 0] = 3
    for threshold, expected in ((0.0, [[2, 3], list(NONE)]), (2.0, [list(NONE)] * 2),
                                (1.99, [[2, 3], list(NONE)])):
        assert answers_or_none(threshold).decide(scores, batch).tolist() == expected
    assert answers_or_none(-1.5).decide(scores, batch).tolist()[1][0] == 2
    found = answers_or_none().rate(scores, batch)
    assert found[:, 2].tolist() == [2.0, -1.0]
    plain = Answers(body(), rng=np.random.default_rng(0))
    assert (plain.decide(scores, batch)[:, 0] >= 0).all()  # it always answers


def test_a_sequence_without_a_passage_has_no_answer_at_any_threshold():
    no_passage = asked([3], [NONE], questions=2)
    assert answers_or_none(-1e9).decide(np.ones((3, 2)), no_passage).tolist() == [list(NONE)]
    assert answers_or_none().rate(np.ones((3, 2)), no_passage).tolist() == [[*NONE, -np.inf]]


def test_an_unanswerable_question_is_right_only_if_nothing_is_said():
    batch = asked([9] * 5, [(2, 4), (3, 3), NONE, NONE, CUT])
    said = np.array([(3, 5), NONE, NONE, (2, 7), NONE])
    found = answers_or_none().score(said, batch)
    assert found.exact == 1 / 5 and found.f1 == pytest.approx((2 / 3 + 0 + 1 + 0 + 0) / 5)
    assert found.unanswered == 1 / 2 and found.answered_exact == 0
    assert found.answered_f1 == pytest.approx(2 / 9)  # the one that was cut off has an answer
    assert found.averaged == "mean over 5 answers, 1 of them cut off, 2 of them empty"


def test_the_curve_over_the_threshold_is_that_of_four_questions_by_hand():
    batch = asked([9] * 4, [(2, 4), NONE, (3, 3), (1, 1)])
    rated = np.array([(3, 5, 3.0), (2, 7, 2.0), (3, 3, 1.0), (*NONE, -np.inf)])
    curve = answers_or_none().curve(rated, batch)
    # none is said, then one more at a time: of F1 2/3, 0 and 1; three questions have an answer
    by_called = np.argsort(-curve.thresholds)
    assert curve.recall[by_called] == pytest.approx([0, 2 / 9, 2 / 9, 5 / 9])
    assert curve.precision[by_called][1:] == pytest.approx([2 / 3, 1 / 3, 5 / 9])
    assert curve.f1[by_called] == pytest.approx([1 / 4, 5 / 12, 1 / 6, 5 / 12])


def test_a_small_model_learns_when_to_say_nothing():
    examples = Examples(
        ["who", "who", "where", "where"], pairs=["Ann sat", "it sat", "it is at X", "it is"],
        spans=[(0, 3), (-1, -1), (9, 10), (-1, -1)],
    )
    model = finder(no_answer=True)
    train = model.batch_of(examples)
    fine_tune(model, train, epochs=60, lr=3e-2, rng=np.random.default_rng(0))
    assert model.predict(examples.texts, examples.pairs) == ["Ann", "", "X", ""]
    found = evaluate(model, train)
    assert found.exact == found.unanswered == found.answered_f1 == 1


def test_the_option_and_the_threshold_are_saved_and_older_files_always_answer(
    tmp_path, monkeypatch
):
    model = finder(no_answer=True)
    model.head().threshold = 0.75
    save(tmp_path / "new", model)
    again = load(tmp_path / "new")
    assert again.head().options() == {"no_answer": True, "threshold": 0.75}
    plain = finder()
    older = plain.options()
    older["answers"]["options"] = {}
    monkeypatch.setattr(plain, "options", lambda: older)
    save(tmp_path / "older", plain)
    assert load(tmp_path / "older").head().options() == {"no_answer": False, "threshold": 0.0}


@pytest.mark.parametrize("value", ["yes", 1, None])
def test_no_answer_is_true_or_false(value):
    with pytest.raises(ConfigError, match="no_answer is .*, expected True or False"):
        finder(no_answer=value)


# ---- what is refused ----


@pytest.mark.parametrize("batch", [
    asked([4], [(1, 2)]).replace(spans=None), asked([4, 3], [NONE, NONE]),
])
def test_a_batch_without_answers_is_refused(batch):
    model, rng = finder(), np.random.default_rng(0)
    for call in (model.loss, model.judge, lambda b: fine_tune(model, b, rng=rng)):
        with pytest.raises(DataError, match="Answers: no sequence of the batch has an answer"):
            call(batch)


def test_questions_without_passages_are_refused():
    with pytest.raises(DataError, match="expected questions and, as their pairs, passages"):
        finder().predict(["who"])


def test_a_tokenizer_that_does_not_tell_passages_from_questions_is_refused():
    tok = ByteLevelBPE([*SPECIALS, *byte_letters()], [])
    config = EncoderConfig(vocab_size=tok.vocab_size, hidden_size=8, num_heads=2, num_layers=1)
    encoder = Encoder(config, tokenizer=tok, rng=np.random.default_rng(0))
    model = SpanFinder(encoder, rng=np.random.default_rng(0))
    with pytest.raises(ConfigError, match="ByteLevelBPE gives both texts of a pair one token type"):
        model.predict(["who"], ["the teller"])
