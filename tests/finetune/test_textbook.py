"""The examples of Jurafsky & Martin, chapter 11: pairs for inference, and a sentence to tag."""

import numpy as np

from npft.finetune.train import evaluate, fine_tune
from npft.heads.classes import Classifier
from npft.heads.tags import TokenClassifier
from npft.loading import load
from npft.text.examples import Examples
from npft.text.tagged import TaggedTexts
from npft.worlds import TinyWorld, vocabulary
from npft.worlds.draws import choose, stream
from npft.worlds.grammar import sentence_slots
from npft.worlds.tags import filled

# Section 11.4.2, from MultiNLI.
MULTINLI = Examples(
    [
        "Jon walked back to the town to the smithy.",
        "Tourist Information offices can be very helpful.",
        "I'm confused.",
    ],
    [2, 0, 1],
    ["contradicts", "entails", "neutral"],
    [
        "Jon traveled back to his hometown.",
        "Tourist Information offices are never of any help.",
        "Not all of it is very clear to me.",
    ],
)


def test_the_three_pairs_of_multinli_run_through_a_pair_model_that_can_learn_them():
    rng = np.random.default_rng(0)
    model = Classifier(load("tinyworld").body, 3, label_names=MULTINLI.label_names, rng=rng)
    batch, tok = model.batch_of(MULTINLI), model.tokenizer
    marks = sum("".join([*MULTINLI.texts, *MULTINLI.pairs]).count(mark) for mark in ".'")
    assert (batch.ids == tok.unk_id).sum() == marks == 7  # all else is known, in pieces
    for i, (text, pair) in enumerate(zip(MULTINLI.texts, MULTINLI.pairs)):
        row = slice(*batch.offsets[i : i + 2])
        first, last = np.flatnonzero(batch.ids[row] == tok.sep_id)  # [CLS] text [SEP] pair [SEP]
        assert batch.ids[row][0] == tok.cls_id and last == batch.lengths[i] - 1
        assert batch.token_types[row].tolist() == [0] * (first + 1) + [1] * (last - first)
    assert batch.n_truncated == 0
    fine_tune(model, batch, epochs=12, lr=3e-3, rng=rng)
    assert evaluate(model, batch).accuracy == 1.0
    assert model.predict(MULTINLI.texts, MULTINLI.pairs) == ["neutral", "contradicts", "entails"]


PENN = {"PROPN": "NNP", "AUX": "MD", "VERB": "VB", "DET": "DT", "NOUN": "NN",
        "ADP": "IN"}  # fmt: skip
FORMS = (
    "{person} will {verb} the {noun}",
    "the {agent} will {verb} the {noun}",
    "the {noun} of {person} will {verb} the {noun2}",
    "{person} {verb} the {noun}",
)


def sentences(n, forms, seed):
    """Sentences of the grammar with the tags of the Penn Treebank."""
    world, draw = TinyWorld(0, noise=0), stream(0, 15, seed)
    rows = [
        filled(choose(draw, forms), sentence_slots(choose(draw, world.topics), draw))
        for _ in range(n)
    ]
    words = [[token.word for token in row] for row in rows]
    return TaggedTexts(words, [[PENN[token.pos] for token in row] for row in rows])


def test_a_sentence_built_as_janet_will_back_the_bill_is_tagged_as_in_figure_11_11():
    """The words "Janet" and "back" are none of the grammar, so its own words stand for them."""
    assert not {"janet", "back"} & set(vocabulary())
    train, rng = sentences(320, FORMS, seed=0), np.random.default_rng(0)
    model = TokenClassifier(load("tinyworld").body, train.tag_names, rng=rng)
    fine_tune(model, model.batch_of(train), epochs=4, batch_size=16, lr=5e-3, rng=rng)
    expected = ["NNP", "MD", "VB", "DT", "NN"]
    assert model.predict(["dina will pay the bill".split()]) == [expected]
    new = sentences(100, FORMS[:1], seed=1)
    rows = [row for row in model.predict(new.words) if len(row) == 5]  # given names alone
    assert len(rows) > 60 and np.mean([row == expected for row in rows]) > 0.9
