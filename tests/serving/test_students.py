"""Students: the terms of the loss, their limits and gradients, and that they learn."""

import numpy as np
import pytest

from npft.autograd.gradcheck import gradcheck
from npft.autograd.tensor import Tensor
from npft.contrast.pair_losses import cosine_distance
from npft.embed.sentences import SentenceEncoder
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.encoder.model import copy_of
from npft.errors import ConfigError, DataError, DtypeError, NonFiniteError, ShapeError
from npft.forgetting.distill import softened_kl
from npft.heads.words import MaskedLM
from npft.nn.module import freeze
from npft.pretraining.masking import mask_tokens
from npft.serving.blocks import keep_blocks
from npft.serving.students import StudentLoss, Terms, train_student
from npft.serving.vectors import train_student_encoder
from npft.text.bytes import ByteTokenizer
from npft.text.wordpiece import WordPiece

TOK = ByteTokenizer()
TEXTS = ["to be or not to be", "that is the question", "nobler in the mind", "to suffer"]
DOCUMENTS = [TEXTS, TEXTS[::-1]]


def encoder(seed=0, layers=2, width=8, vocab=260, dropout=0.0):
    config = EncoderConfig(vocab_size=vocab, hidden_size=width, num_layers=layers, num_heads=2,
                           intermediate_size=8, max_positions=40, dropout=dropout, init_std=0.3)
    return Encoder(config, tokenizer=TOK, rng=np.random.default_rng(seed))


def teacher(seed=0, nsp=False, **options):
    return MaskedLM(encoder(seed, **options), nsp=nsp, rng=np.random.default_rng(seed)).eval()


def masked():
    return mask_tokens(TOK(TEXTS), TOK, rng=np.random.default_rng(0))


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def test_the_terms_are_those_of_the_formula():
    wise, young = teacher(), keep_blocks(teacher(), [0])
    terms, batch = Terms(kl=0.7, words=0.2, cosine=1.3, temperature=3.0), masked()
    found = StudentLoss(young, wise, terms).eval().loss(batch, None)
    z, y = wise.scores(batch)["mlm"].data, young.scores(batch)["mlm"].data
    p, q = softmax(z / 3), softmax(y / 3)
    kl = 9 * (p * np.log(p / q)).sum(axis=1).mean()
    words = -np.log(softmax(y)[np.arange(len(y)), batch.token_targets()[1]]).mean()
    h, g = wise.encoder(batch).data, young.encoder(batch).data
    cosines = (h * g).sum(axis=1) / np.linalg.norm(h, axis=1) / np.linalg.norm(g, axis=1)
    want = {"kl": kl, "words": words, "cosine": 1 - cosines.mean()}
    assert found.parts == pytest.approx(want, rel=1e-4)
    total = 0.7 * kl + 0.2 * words + 1.3 * want["cosine"]
    assert found.total.item() == pytest.approx(total, rel=1e-4)


def test_a_high_temperature_compares_scores_and_a_low_one_the_likeliest_word():
    """Hinton et al. 2015, section 2.1: T² KL tends to the squared distance of centred scores."""
    rng = np.random.default_rng(0)
    new, old = rng.standard_normal((2, 5, 7))
    centred = (new - new.mean(1, keepdims=True)) - (old - old.mean(1, keepdims=True))
    want = (centred**2).sum(axis=1).mean() / (2 * 7)
    for t, near in ((10.0, 0.05), (1e3, 1e-3)):
        found = t * t * softened_kl(Tensor(new), Tensor(old), t).item()
        assert found == pytest.approx(want, rel=near)
    cold = softened_kl(Tensor(new), Tensor(old), 1e-3).item()  # log of what is given to the best
    best = old.argmax(axis=1)
    gap = (new.max(axis=1) - new[np.arange(5), best]) / 1e-3
    assert cold == pytest.approx(gap.mean(), rel=1e-3)


@pytest.mark.parametrize("t", [1.0, 2.0, 8.0])
def test_the_gradient_keeps_its_size_when_the_temperature_rises(t):
    rng = np.random.default_rng(0)
    new, old = rng.standard_normal((2, 6, 50))
    x = Tensor(new, requires_grad=True)
    (softened_kl(x, Tensor(old), t) * (t * t)).backward()
    # (q - p) T / N: without T² it would fall to 1/64 at T = 8
    assert 0.01 < np.abs(x.grad).sum() / len(new) < 1


def test_gradients_of_all_terms_are_those_of_the_complex_step():
    wise = teacher()
    wise.astype(np.float64)
    young = keep_blocks(teacher(), [1]).astype(np.float64)
    pair, batch = StudentLoss(young, wise), masked()
    bias = young.heads["mlm"].dense

    def loss(x):
        bias.bias = x
        return pair.loss(batch, None).total

    gradcheck(loss, bias.bias.data.copy(), rng=np.random.default_rng(0))


def test_the_gradient_of_the_cosine_is_that_of_the_complex_step_and_stands_upright():
    rng = np.random.default_rng(0)
    x, t = rng.standard_normal((2, 4, 5))
    gradcheck(lambda v: cosine_distance(v, t), x, rng=rng)
    v = Tensor(x, requires_grad=True)
    cosine_distance(v, t).backward()
    np.testing.assert_allclose((v.grad * x).sum(axis=1), 0, atol=1e-15)


def test_cosine_distance_of_parallel_opposite_and_upright_rows():
    for x, want in (([3.0, 0.0], 0.0), ([-1.0, 0.0], 2.0), ([0.0, 5.0], 1.0)):
        assert cosine_distance(Tensor([x]), np.array([[2.0, 0.0]])).item() == want
    with pytest.raises(NonFiniteError, match="row 1 of target has length 0"):
        cosine_distance(Tensor(np.ones((2, 2))), np.array([[1.0, 0.0], [0.0, 0.0]]))
    with pytest.raises(ShapeError, match="cosine_distance"):
        cosine_distance(Tensor(np.ones((2, 2))), np.ones((2, 3)))


def test_a_student_comes_nearer_to_its_teacher_and_the_teacher_stays():
    wise, young = teacher(nsp=True), keep_blocks(teacher(nsp=True), [0])
    before, pairs = wise.state_dict(), young.heads["nsp"].linear.weight.data.copy()
    apart = StudentLoss(young, wise).eval().loss(masked(), None).parts
    history = train_student(young, wise, DOCUMENTS, steps=60, every=20, batch_size=8, lr=1e-2,
                            terms=Terms(words=0), measure=lambda m: {"mode": float(m.training)},
                            rng=np.random.default_rng(0))
    nearer = StudentLoss(young, wise).eval().loss(masked(), None).parts
    assert nearer["kl"] < 0.5 * apart["kl"] and nearer["cosine"] < 0.5 * apart["cosine"]
    assert history.step.tolist() == [0, 20, 40, 60] and history["mode"].tolist() == [0, 0, 0, 0]
    assert all((before[n] == a).all() for n, a in wise.state_dict().items())
    assert (young.heads["nsp"].linear.weight.data == pairs).all()
    assert all(p.requires_grad for p in (*young.parameters(), *wise.parameters()))


def test_a_teacher_of_which_a_part_is_frozen_stays_so():
    wise = teacher()
    freeze(wise, "encoder.")
    flags = [p.requires_grad for p in wise.parameters()]
    young = keep_blocks(teacher(), [0])
    train_student(young, wise, DOCUMENTS, steps=2, rng=np.random.default_rng(0))
    assert [p.requires_grad for p in wise.parameters()] == flags and len(set(flags)) == 2


def test_a_tokenizer_with_its_pieces_in_another_order_is_refused():
    texts = ["to be or not to be", "that is the question"]
    one, two = (WordPiece.train(t, vocab_size=40) for t in (texts, texts[::-1] + ["zebra zebra"]))
    models = []
    for tok in (one, two):
        config = EncoderConfig(vocab_size=40, hidden_size=8, num_layers=1, num_heads=2,
                               intermediate_size=8, max_positions=40)
        rng = np.random.default_rng(0)
        models.append(MaskedLM(Encoder(config, tokenizer=tok, rng=rng), nsp=False, rng=rng))
    with pytest.raises(ConfigError, match="student and teacher have different tokenizers"):
        train_student(*models, DOCUMENTS, steps=1, rng=np.random.default_rng(0))
    models[1].encoder.tokenizer = WordPiece.from_dict(one.to_dict())  # equal, not the same
    train_student(*models, DOCUMENTS, steps=1, rng=np.random.default_rng(0))


def test_a_teacher_teaches_what_labels_do_not_say():
    """Two students of the same steps, one without its teacher: the first is nearer to it."""
    ends = []
    for terms in (Terms(), Terms(kl=0, cosine=0)):
        wise = teacher()
        young = keep_blocks(wise, [0])
        train_student(young, wise, DOCUMENTS, steps=60, every=60, batch_size=8, lr=1e-2,
                      terms=terms, rng=np.random.default_rng(0))
        ends.append(StudentLoss(young, wise).eval().loss(masked(), None).parts["kl"])
    assert ends[0] < 0.7 * ends[1]


def test_the_same_seed_gives_the_same_student_with_dropout():
    ends = []
    for _ in range(2):
        wise = teacher(dropout=0.1)
        young = keep_blocks(wise, [0])
        train_student(young, wise, DOCUMENTS, steps=3, rng=np.random.default_rng(5))
        ends.append(young.state_dict())
    assert all((ends[0][n] == ends[1][n]).all() for n in ends[0])


def test_models_that_do_not_fit_are_refused():
    wise = teacher()
    for young, message in [
        (wise, "share their encoder"),
        (teacher(width=4), "hidden_size is 8 of the teacher and 4 of the student"),
        (teacher(vocab=300), "vocab_size is 260 of the teacher and 300"),
        (SentenceEncoder(encoder()), "masked-token head"),
    ]:
        with pytest.raises(ConfigError, match=message):
            StudentLoss(young, wise)
    for terms in (Terms(temperature=0), Terms(kl=-1), Terms(words=np.nan), Terms(cosine=np.inf)):
        with pytest.raises(ConfigError, match="StudentLoss: "):
            StudentLoss(copy_of(wise), wise, terms)
    with pytest.raises(ConfigError, match="batch_size"):
        train_student(copy_of(wise), wise, DOCUMENTS, steps=1, batch_size=0,
                      rng=np.random.default_rng(0))


def test_a_student_of_vectors_comes_to_point_where_its_teacher_does():
    wise = SentenceEncoder(encoder(layers=3))
    young = keep_blocks(wise, [0, 2])
    texts = [f"{a} {b}" for a in TEXTS for b in "abcdefgh"]

    def apart():
        return float(1 - (wise.encode(texts) * young.encode(texts)).sum(axis=1).mean())

    begin = apart()
    history = train_student_encoder(young, wise, texts, steps=60, batch_size=8, lr=1e-2, every=30,
                                    measure=lambda m: {"apart": apart()},
                                    rng=np.random.default_rng(0))
    assert history["apart"][0] == pytest.approx(begin, rel=1e-3)
    assert apart() < 0.3 * begin
    assert history["loss"][-1] < history["apart"][0]


def test_texts_and_encoders_that_do_not_fit_are_refused():
    wise, rng = SentenceEncoder(encoder()), np.random.default_rng(0)
    with pytest.raises(DataError, match="no texts"):
        train_student_encoder(keep_blocks(wise, [0]), wise, [], steps=1, rng=rng)
    with pytest.raises(DtypeError, match="texts"):
        train_student_encoder(keep_blocks(wise, [0]), wise, "one", steps=1, rng=rng)
    with pytest.raises(ConfigError, match="width 8, the student of 4"):
        train_student_encoder(SentenceEncoder(encoder(width=4)), wise, TEXTS, steps=1, rng=rng)


@pytest.mark.parametrize("terms", [None, (5, 2, 1, 2), Terms(0, 0, 0), Terms(kl=1e30),
                                   Terms(temperature=1e30), Terms(words=np.nan)])
def test_terms_that_are_none_or_teach_nothing_are_refused(terms):
    wise = teacher()
    with pytest.raises(ConfigError, match="StudentLoss: "):
        StudentLoss(copy_of(wise), wise, terms)


@pytest.mark.parametrize("which", ["student", "teacher"])
def test_only_sentence_encoders_teach_and_learn_vectors(which):
    wise = SentenceEncoder(encoder())
    for other in (None, wise.body, teacher()):
        models = {"student": keep_blocks(wise, [0]), "teacher": wise} | {which: other}
        with pytest.raises(ConfigError, match=f"the {which} is .*expected a SentenceEncoder"):
            train_student_encoder(**models, texts=TEXTS, steps=1, rng=np.random.default_rng(0))
