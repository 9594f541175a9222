"""Bi-encoders: whose weights train, what they are trained on, and large batches in slices."""

import copy
import numpy as np
import pytest

from npft.autograd.machine import threads
from npft.autograd.ops import concatenate
from npft.autograd.tensor import Tensor
from npft.contrast.bi_encoder import BiEncoder, train_bi_encoder
from npft.contrast.in_batch import in_batch_loss
from npft.contrast.objectives import (
    CosineRegression, InBatch, NTXent, Projected, Projection, SiameseClasses, Triplet,
)
from npft.contrast.simcse import train_contrastive
from npft.embed.sentences import SentenceEncoder
from npft.embed.similarity import paired_cosines
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.errors import ConfigError, DataError, DtypeError, NonFiniteError, ShapeError
from npft.loading import load
from npft.text.bytes import ByteTokenizer

QUESTIONS = ["what is hot", "what is cold", "who is late", "where to", "why now", "how far"]
ANSWERS = ["the sun", "snow and ice", "the last train", "home", "it is time", "ten miles or so"]
OTHERS = ["the sum", "a slow mice", "the past rain", "a dome", "it is a dime", "ten smiles"]


def encoder(dropout=0.0, seed=0, width=8):
    config = EncoderConfig(
        vocab_size=260, hidden_size=width, num_layers=1, num_heads=2, intermediate_size=8,
        max_positions=16, dropout=dropout, init_std=0.2)
    return Encoder(config, tokenizer=ByteTokenizer(), rng=np.random.default_rng(seed))


def bits(model):
    return b"".join(a.tobytes() for a in model.state_dict().values())


def train(model, columns=(QUESTIONS, ANSWERS), labels=None, seed=0, **options):
    options = {"steps": 12, "batch_size": 4, "every": 6, "lr": 3e-3, **options}
    rng = np.random.default_rng(seed)
    return train_bi_encoder(model, columns, labels, **options, rng=rng)


def cosines(model):
    a, b = (SentenceEncoder(model.tower(k)).encode(t) for k, t in enumerate((QUESTIONS, ANSWERS)))
    return a @ b.T


# ---- what is learnt ----


def test_partners_come_nearer_and_strangers_part():
    model = BiEncoder(encoder(), InBatch(0.1))
    before = cosines(model)
    history = train(model, steps=20, every=10, measure=lambda m: {"own": cosines(m).trace() / 6})
    after = cosines(model)
    off = ~np.eye(6, dtype=bool)
    assert np.diag(after).mean() - after[off].mean() > np.diag(before).mean() - before[off].mean()
    ends = [c.trace() / 6 for c in (before, after)]
    assert history["own"][[0, -1]] == pytest.approx(ends, rel=1e-6)
    assert history["loss"][-1] < history["loss"][0] and not model.training


def test_one_encoder_is_shared_and_of_two_each_reads_its_own_columns():
    shared = encoder()
    model = BiEncoder(shared, InBatch(0.1))
    assert model.tower(0) is model.tower(1) is model.tower(2) is shared
    assert len(model.parameters()) == len(shared.parameters())
    queries, passages = encoder(seed=1), encoder(seed=2)
    two = BiEncoder(queries, InBatch(0.1), second=passages)
    assert two.tower(0) is queries and two.tower(1) is two.tower(2) is passages
    before = bits(queries), bits(passages)
    rows = two.rows([QUESTIONS, ANSWERS])
    batches = [queries.tokenizer(t, max_length=16) for t in (QUESTIONS, ANSWERS)]
    vectors = [two.vectors(k, batch, None).data for k, batch in enumerate(batches)]
    assert vectors[1].tobytes() == BiEncoder(passages, InBatch()).vectors(0, batches[1], None
                                                                         ).data.tobytes()
    expected = in_batch_loss(Tensor(vectors[0]), Tensor(vectors[1]), 0.1).item()
    assert two.loss(rows).total.item() == expected
    train(two, steps=2)
    assert bits(queries) != before[0] and bits(passages) != before[1]


def test_of_one_encoder_the_score_of_a_pair_is_that_of_its_texts_exchanged():
    one = SentenceEncoder(BiEncoder(encoder(), InBatch()).tower(0))
    a, b = one.encode(QUESTIONS), one.encode(ANSWERS)
    np.testing.assert_allclose(paired_cosines(a, b), paired_cosines(b, a), rtol=0, atol=1e-7)
    two = BiEncoder(encoder(seed=1), InBatch(), second=encoder(seed=2))
    there = [SentenceEncoder(two.tower(k)).encode(t) for k, t in ((0, QUESTIONS), (1, ANSWERS))]
    back = [SentenceEncoder(two.tower(k)).encode(t) for k, t in ((0, ANSWERS), (1, QUESTIONS))]
    assert np.abs(paired_cosines(*there) - paired_cosines(*back)).max() > 1e-3  # two towers differ


def test_of_triples_the_hard_negative_is_pushed_away():
    def distance(model):
        a, n = (SentenceEncoder(model.encoder).encode(t) for t in (QUESTIONS, OTHERS))
        return 1 - paired_cosines(a, n).mean()

    pairs, triples = (BiEncoder(encoder(), InBatch(0.1)) for _ in range(2))
    train(pairs, steps=12, lr=1e-2)
    train(triples, (QUESTIONS, ANSWERS, OTHERS), steps=12, lr=1e-2)
    assert distance(triples) > distance(pairs)
    margin = BiEncoder(encoder(), Triplet(1.0))
    before = distance(margin)
    train(margin, (QUESTIONS, ANSWERS, OTHERS), steps=12, lr=1e-2)
    assert distance(margin) > before


def test_grades_become_cosines():
    grades = np.array([0.0, 5.0, 5.0, 0.0, 5.0, 0.0])
    model = BiEncoder(encoder(), CosineRegression())
    history = train(model, labels=grades, steps=30, batch_size=6, every=10, lr=1e-2)
    found = np.diag(cosines(model))
    assert found[grades == 5].min() > found[grades == 0].max()
    assert history["loss"][-1] < history["loss"][0] / 2


def test_classes_of_pairs_are_learnt_and_the_head_trains_with_the_encoder():
    head = SiameseClasses(8, 2, rng=np.random.default_rng(0))
    before = bits(head)
    model = BiEncoder(encoder(), head)
    classes = np.array([0, 1, 0, 1, 0, 1])
    history = train(model, labels=classes, steps=24, batch_size=6, every=1, lr=2e-2)
    assert history["loss"][-1] < 0.5 and history["loss"][0] == pytest.approx(np.log(2), abs=0.02)
    assert bits(head) != before


def test_a_projection_head_trains_and_leaves_the_encoder_as_it_was_made():
    projection = Projection(8, rng=np.random.default_rng(0))
    before = bits(projection)
    model = BiEncoder(body := encoder(), Projected(NTXent(), projection))
    names = [name for name, _ in body.named_parameters()]
    train(model, steps=3)
    assert bits(projection) != before
    assert [name for name, _ in body.named_parameters()] == names
    assert SentenceEncoder(body).encode(["tea"]).shape == (1, 8)


def test_labels_and_columns_keep_together_when_a_batch_is_drawn():
    seen = []

    class Watch(CosineRegression):
        def forward(self, views, labels, texts):
            seen.append((labels.copy(), texts.copy()))
            return super().forward(views, labels, texts)

    grades = np.arange(6.0) * 0.5
    train(BiEncoder(encoder(), Watch()), labels=grades, steps=3, batch_size=4)
    assert [len(labels) for labels, _ in seen] == [4, 2, 4]
    for labels, texts in seen:
        # the texts were numbered as they came: 0 to 5 questions, 6 to 11 answers
        assert (texts[0] == labels * 2).all() and (texts[1] == labels * 2 + 6).all()


# ---- SimCSE is two columns of the same texts ----


def test_two_columns_of_the_same_texts_are_simcse_bit_for_bit():
    simcse, pairs = encoder(0.1), encoder(0.1)
    train_contrastive(simcse, QUESTIONS, steps=5, batch_size=4, lr=3e-3,
                      rng=np.random.default_rng(0))
    model = BiEncoder(pairs, InBatch(0.05))
    train(model, (QUESTIONS, list(QUESTIONS)), steps=5)
    assert bits(simcse) == bits(pairs)
    rows = model.rows((QUESTIONS, QUESTIONS))
    assert rows.texts.tolist() == [list(range(6))] * 2


def test_without_dropout_the_views_of_a_text_are_equal_and_have_a_cosine_of_1():
    model = BiEncoder(encoder(0.0), InBatch()).train()
    rows = model.rows((QUESTIONS, QUESTIONS))
    one, two = (model.vectors(k, rows.columns[k], None) for k in (0, 1))
    assert one.data.tobytes() == two.data.tobytes()


def test_the_same_seed_gives_the_same_bits():
    def run(seed):
        model = BiEncoder(encoder(0.1), InBatch())
        train(model, seed=seed)
        return bits(model)

    assert run(0) == run(0) != run(1)


# ---- slices ----


@pytest.mark.parametrize("size", [1, 2, 4, 6, 99])
def test_slices_give_the_loss_and_gradients_of_one_graph_of_the_same_dropout(size):
    model = BiEncoder(encoder(0.3), Projected(InBatch(0.2), Projection(
        8, rng=np.random.default_rng(1))), second=encoder(0.3, seed=5), slice_size=size)
    model.astype(np.float64).train()
    rows = model.rows((QUESTIONS, ANSWERS, OTHERS))
    seeds = iter(np.random.default_rng(3).integers(1 << 62, size=3 * -(-6 // size)).tolist())
    views = [
        concatenate(*[model.vectors(k, batch[i : i + size], np.random.default_rng(next(seeds)))
                      for i in range(0, 6, size)], axis=0)
        for k, batch in enumerate(rows.columns)
    ]
    whole = model.objective(views, None, rows.texts)
    whole.backward()
    expected = [p.grad.copy() for p in model.parameters()]
    model.zero_grad()
    sliced = model.loss(rows, np.random.default_rng(3)).total
    sliced.backward()
    assert sliced.item() == whole.item()
    for p, g in zip(model.parameters(), expected):
        np.testing.assert_allclose(p.grad, g, atol=1e-12)


def test_without_dropout_slices_are_the_plain_form_to_rounding():
    plain, sliced = (BiEncoder(encoder(), InBatch(0.2), slice_size=s) for s in (None, 2))
    one, two = train(plain, steps=4, every=1), train(sliced, steps=4, every=1)
    np.testing.assert_allclose(one["loss"], two["loss"], rtol=1e-4)


def test_slices_on_any_number_of_threads_give_the_same_bits():
    def run(n):
        model = BiEncoder(encoder(0.1), InBatch(0.2), slice_size=2)
        with threads(n):
            train(model, steps=3)
        return bits(model)

    assert run(1) == run(2)


# ---- what cannot work ----


@pytest.mark.parametrize("columns, labels, error, message", [
    ((QUESTIONS, ANSWERS[:3]), None, ShapeError, "the columns have 6, 3 texts"),
    ((QUESTIONS,), None, DataError, "1 columns of texts, expected 2 or 3"),
    ((), None, DataError, "0 columns"),
    ((["one"], ["two"]), None, DataError, "1 rows; a contrast needs at least two"),
    (([], []), None, DataError, "0 rows; a contrast needs at least two"),
    ((QUESTIONS, "answers"), None, DtypeError, "one string, expected a list"),
    ((QUESTIONS, [None] * 6), None, DtypeError, "is NoneType"),
    ((QUESTIONS, ANSWERS), [1, 2], ShapeError, "labels"),
])
def test_texts_that_cannot_work_are_refused(columns, labels, error, message):
    model = BiEncoder(encoder(), InBatch())
    before = bits(model)
    with pytest.raises(error, match=message):
        train(model, columns, labels)
    assert bits(model) == before


@pytest.mark.parametrize("options", [
    {"steps": 0}, {"every": 0}, {"batch_size": 1}, {"lr": 0}, {"rng": 3},
])
def test_options_that_cannot_work_are_refused_before_anything_changes(options):
    model = BiEncoder(encoder(), InBatch())
    before = bits(model)
    options = {"steps": 3, "rng": np.random.default_rng(0), **options}
    with pytest.raises(ConfigError):
        train_bi_encoder(model, (QUESTIONS, ANSWERS), **options)
    assert bits(model) == before


def test_parts_that_do_not_fit_are_refused():
    with pytest.raises(ConfigError, match="objective is <function in_batch_loss"):
        BiEncoder(encoder(), in_batch_loss)
    with pytest.raises(ConfigError, match="widths 8 and 4"):
        BiEncoder(encoder(), InBatch(), second=encoder(width=4))
    with pytest.raises(ConfigError, match="pool: kind is 'first'"):
        BiEncoder(encoder(), InBatch(), pool="first")
    with pytest.raises(ConfigError, match="slice_size is 0"):
        BiEncoder(encoder(), InBatch(), slice_size=0)
    bare = encoder()
    bare.tokenizer = None
    with pytest.raises(ConfigError, match="BiEncoder: the encoder has no tokenizer"):
        BiEncoder(encoder(), InBatch(), second=bare)


def test_training_that_fails_names_the_step():
    model = BiEncoder(encoder(), InBatch())
    model.encoder.embeddings.word_embeddings.weight.assign(np.full((260, 8), np.nan, "f4"))
    with pytest.raises(NonFiniteError, match="row 0 of a"):
        train(model)
    assert not model.training


def test_a_copy_of_an_encoder_makes_a_second_tower():
    model = BiEncoder(body := encoder(), InBatch(), second=copy.deepcopy(body))
    assert len(model.parameters()) == 2 * len(body.parameters())
    assert bits(model.second) == bits(body)


@pytest.mark.parametrize("measure, message", [
    (3, "measure is 3, expected a function"), (lambda m: 7.0, "measure returned 7.0"),
    (lambda m: {"loss": 7.0}, "measure returned 'loss', which is measured anyway"),
])
def test_what_is_no_measure_is_refused(measure, message):
    with pytest.raises(ConfigError, match=f"train_bi_encoder: {message}"):
        train(BiEncoder(encoder(), InBatch()), measure=measure)
    with pytest.raises(ConfigError, match=f"train_contrastive: {message}"):
        train_contrastive(encoder(), QUESTIONS, measure=measure, rng=np.random.default_rng(0))


def test_no_rng_draws_no_dropout_with_slices_as_without():
    for size in (None, 2):
        model = BiEncoder(encoder(0.3), InBatch(0.2), slice_size=size)
        rows = model.rows((QUESTIONS, QUESTIONS))
        with pytest.raises(ConfigError, match="needs rng"):
            model.train().loss(rows)
        assert model.eval().loss(rows).total.item() == pytest.approx(
            BiEncoder(model.encoder, InBatch(0.2)).eval().loss(rows).total.item(), rel=1e-5)


@pytest.mark.parametrize("objective", [InBatch(), NTXent(), Triplet()])
def test_labels_that_no_loss_reads_are_refused(objective):
    columns = [QUESTIONS, ANSWERS, OTHERS][: objective.most]
    with pytest.raises(DataError, match="there are classes .*, expected no labels"):
        BiEncoder(encoder(), objective).rows(columns, labels=[0] * 6)


def test_what_is_no_column_of_strings_is_refused():
    model = BiEncoder(encoder(), InBatch())
    with pytest.raises(DtypeError, match=r"BiEncoder: columns\[0\]\[0\] is list"):
        model.rows([[["a"]], [["b"]]])
    with pytest.raises(DtypeError, match="BiEncoder: columns is int"):
        model.rows(3)


def test_a_model_in_place_of_its_encoder_is_told_what_to_give():
    model = load("tinyworld")
    for make in (lambda: BiEncoder(model, InBatch()),
                 lambda: BiEncoder(model.body, InBatch(), second=model)):
        with pytest.raises(ConfigError, match="BiEncoder: encoder is MaskedLM.*give its .body"):
            make()
    with pytest.raises(ConfigError, match="train_contrastive: encoder is MaskedLM"):
        train_contrastive(model, QUESTIONS, rng=np.random.default_rng(0))
