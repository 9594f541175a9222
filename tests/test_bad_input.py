"""Bad input by the list of what peers get wrong: each is refused, in words that name what was given.

The numbers are those of a common list: 1 to 14 the engine, 15 to 26 models and data, 27 to 29
training. Files and state dicts (30 to 32) are in tests/encoder/test_checkpoint.py.
"""

import numpy as np
import pytest

from npft import (
    SGD, AdamW, Batch, ByteTokenizer, Classifier, Encoder, EncoderConfig, MaskedLM, Parameter,
    Tensor, WordPiece, grad, mask_tokens, nt_xent, primitive, train_steps,
)
from npft.autograd import kernels, losses, ops
from npft.errors import (
    ConfigError, DataError, DtypeError, GraphError, IdError, NonFiniteError, ShapeError,
)
from npft.nn.layers import Dropout, Linear
from npft.pretraining.train import pretrain


def leaf(data):
    return Tensor(data, requires_grad=True)


def rng():
    return np.random.default_rng(0)


def encoder(**changes):
    sizes = {"vocab_size": 260, "max_positions": 32, "type_vocab_size": 0, "dropout": 0.0, **changes}
    return Encoder(EncoderConfig(**sizes), tokenizer=ByteTokenizer(), rng=rng())


def twice():
    loss = (leaf([1.0, 2.0]) * 2).sum()
    loss.backward()
    loss.backward()


def saved_array():
    x = leaf([1.0, 2.0])
    y = x.exp()  # backward needs y
    y.data[0] = 7.0


def assign(value):
    leaf([1.0, 2.0]).grad = value


@primitive
def without_derivative(x):
    return np.sign(x), None


def ids(values):
    return Batch(np.array(values), np.array([0, len(values)]))


def unmasked():
    return ids([257, 97, 98, 258])


def long_text():
    body = encoder()
    return body(ids([97] * 33))


def classify(labels):
    batch = ids([257, 97, 258])
    return losses.softmax_cross_entropy(
        Classifier(encoder(), 2, rng=rng()).eval()(batch), targets=np.array(labels)
    )


def train_on(loss_of, factor=1.0):
    layer = Linear(2, 1, rng=rng())
    steps = train_steps(
        layer, [np.ones((1, 2), np.float32)] * 3, loss_of, SGD(layer.parameters(), lr=factor),
        rng=rng(),
    )
    return list(steps)


def bad_loss(layer, x, rng):
    return layer(x).sum() * np.inf, {}


@primitive
def bad_slope(x):
    return x * 1, lambda g: g * np.float32(np.nan)


ONE = np.ones((1, 3))
CASES = [
    # number, what is done, the error, what its message must say
    (1, lambda: (leaf([1.0, 2.0]) * 2).backward(), GraphError,
     r"shape \(2,\), not one element; call .sum\(\) or .mean\(\) first, or pass the gradient"),
    (2, lambda: (leaf([1.0, 2.0]) * 2).backward([1.0]), ShapeError,
     r"grad has shape \(1,\), the tensor \(2,\)"),
    (3, twice, GraphError, "walked before and its arrays are released; compute the loss again"),
    (4, lambda: leaf([1, 2]), DtypeError, r"int64 is not float32.*Tensor\(data, dtype=np.float64\)"),
    (4, lambda: leaf([True]), DtypeError, "bool is not float32"),
    (5, lambda: Tensor(object()), DtypeError, "Tensor: a object that cannot be made an array"),
    (5, lambda: Tensor("1.0"), DtypeError, "Tensor: a str that cannot be made an array"),
    (5, lambda: Tensor([[1.0], [1.0, 2.0]]), DtypeError, "Tensor: a list that cannot be made"),
    (6, lambda: leaf(ONE) + np.ones((2, 2)), ShapeError,
     r"add: inputs of shape \(1, 3\) and \(2, 2\): .*broadcast"),
    (7, lambda: leaf(ONE) @ ONE, ShapeError, r"matmul: inputs of shape \(1, 3\) and \(1, 3\)"),
    (8, lambda: leaf(ONE).sum(axis=2), ShapeError, "sum: .* axis 2 is out of bounds"),
    (8, lambda: leaf(ONE).max(axis=(0, 0)), ShapeError, "max: .* duplicate value in 'axis'"),
    (9, lambda: leaf(ONE).reshape(2, 2), ShapeError, r"reshape: inputs of shape \(1, 3\): cannot"),
    (9, lambda: leaf(ONE).reshape(-1, -1), ShapeError, "reshape: .* one unknown dimension"),
    (10, lambda: leaf([1.0]).__setitem__(0, 2.0), GraphError,
     "tensors cannot be written to.*build a new one"),
    (11, saved_array, ValueError, "read-only"),
    (12, lambda: grad((leaf([1.0]) * 2).sum(), [leaf([1.0])]), GraphError,
     r"the loss does not depend on wrt\[0\], or it is frozen"),
    (13, lambda: assign(np.ones(3)), ShapeError, r"grad has shape \(3,\) .*expected \(2,\) and float64"),
    (13, lambda: assign(np.ones(2, np.float32)), ShapeError, "dtype float32, expected .* float64"),
    (14, lambda: without_derivative(leaf([1.0])), GraphError,
     r"without_derivative: a primitive returns \(out, vjp\)"),
    (15, lambda: encoder()(ids([97, 260])), IdError, r"260 at position 1 is outside 0\.\.259"),
    (15, lambda: Batch([-1], [0, 1]), IdError, "-1"),
    (16, lambda: Batch([1.0], [0, 1]), DtypeError, "float64, expected .*integer|whole"),
    (16, lambda: kernels.embedding(np.ones((3, 2)), ids=np.array([1.0])), DtypeError,
     "embedding: ids: dtype float64, expected integers"),
    (17, long_text, ShapeError, "33 .*32"),
    (18, lambda: encoder(num_heads=3), ConfigError, "64.* 3"),
    (19, lambda: Batch.from_padded([[1, 2]], [[1, 1, 0]]), ShapeError,
     r"attention_mask has shape \(1, 3\), expected that of ids, \(1, 2\)"),
    (19, lambda: Batch.from_padded([[1, 2]], [[1, 2]]), DataError,
     "attention_mask holds other values than 0 and 1"),
    (20, lambda: Batch.from_padded([[1, 2], [3, 4]], [[1, 1], [0, 0]]), DataError,
     "row 1 has no real token, expected one run of ones"),
    (20, lambda: kernels.softmax(np.full((1, 2), -np.inf)), NonFiniteError,
     "softmax: the largest value is -inf"),
    (21, lambda: losses.softmax_cross_entropy(ONE, targets=np.array([3])), IdError,
     r"targets: 3 at position 0 is outside 0\.\.2"),
    (21, lambda: losses.softmax_cross_entropy(ONE, targets=np.array([-100])), IdError,
     "-100 at position 0"),
    (21, lambda: losses.softmax_cross_entropy(ONE[:0], targets=np.array([], int)), ShapeError,
     "at least one row"),
    (21, lambda: MaskedLM(encoder(), nsp=False, rng=rng()).loss(unmasked()), DataError,
     "Words: no token of the batch has a label: nothing is masked"),
    (22, lambda: classify([0, 1]), ShapeError, r"1 rows of logits and targets of shape \(2,\)"),
    (22, lambda: Batch([1, 2], [0, 2], labels=[0, 1]), ShapeError, r"\(2,\), expected \(1,\)"),
    (23, lambda: Dropout(1.0), ConfigError, "p is 1.0, expected a share, at least 0 and less than 1"),
    (23, lambda: kernels.dropout(leaf(ONE), -0.1, rng=rng()), ConfigError, "p is -0.1"),
    (23, lambda: kernels.dropout(leaf(ONE), 0.1, rng=None), ConfigError, "needs rng="),
    (24, lambda: WordPiece.train([]), DataError, "no words"),
    (24, lambda: WordPiece.train(["ab cd"], vocab_size=6), ConfigError, "vocab_size is 6.*at least"),
    (24, lambda: MaskedLM(encoder(), nsp=False, rng=rng()).loss(unmasked()), DataError, "there is no text"),
    (24, lambda: encoder()(Batch([], [0])), ShapeError, "the batch has 0 sequences"),
    (24, lambda: encoder(vocab_size=0), ConfigError, "vocab_size"),
    (24, lambda: encoder(vocab_size=100), ConfigError, "260 tokens, config.vocab_size is 100"),
    (24, lambda: pretrain(MaskedLM(encoder(), nsp=False, rng=rng()), [], steps=1, rng=rng()), DataError, "docu"),
    (25, lambda: ByteTokenizer().encode(b"abc"), DtypeError, "bytes.*expected str"),
    (25, lambda: ByteTokenizer().encode(None), DtypeError, "NoneType.*expected str"),
    (25, lambda: ByteTokenizer().encode("a\ud800"), DataError, "surrogate"),
    (26, lambda: nt_xent(leaf(ONE), leaf(ONE)), ShapeError, "B at least 2"),
    (26, lambda: nt_xent(leaf(np.ones((2, 3))), leaf(np.ones((2, 3))), tau=0.0), ConfigError,
     "tau is 0.0, expected a finite"),
    (26, lambda: nt_xent(leaf(np.zeros((2, 3))), leaf(np.ones((2, 3)))), NonFiniteError,
     "row 0 of a has length 0"),
    *[(27, lambda o=o: AdamW([Parameter([1.0])], **o), ConfigError, next(iter(o))) for o in (
        {"lr": -1.0}, {"lr": np.nan}, {"betas": (1.0, 0.9)}, {"betas": (0.9, np.nan)},
        {"eps": -1e-8}, {"weight_decay": -0.1}, {"weight_decay": np.inf})],
    (28, lambda: AdamW([]), ConfigError, "no parameter to train; are all of them frozen"),
    (28, lambda: AdamW([Parameter([1.0])] * 2), ConfigError, "twice|more than once"),
    (28, lambda: AdamW([leaf([1.0]) * 2]), (ConfigError, DtypeError), "Parameter"),
    (29, lambda: train_on(bad_loss), NonFiniteError, "step 1"),
    (29, lambda: train_on(lambda m, x, rng: (bad_slope(m(x)).sum(), {})), NonFiniteError,
     "step 1.*weight"),
]  # fmt: skip


@pytest.mark.parametrize(
    "action, error, message",
    [case[1:] for case in CASES],
    ids=[f"row{case[0]}-{i}" for i, case in enumerate(CASES)],
)
def test_bad_input_is_refused_in_words(action, error, message):
    with pytest.raises(error, match=message):
        action()


def test_every_row_of_the_list_is_there():
    assert {case[0] for case in CASES} == set(range(1, 30))


def test_mask_tokens_never_gives_a_loss_of_nothing():
    tok = ByteTokenizer()
    for text in ("a", "ab", "abcdef"):
        chosen = mask_tokens(tok([text]), tok, rate=0.01, rng=rng())
        assert chosen.n_targets >= 1
    assert ops.sum(np.ones(0)).item() == 0
