"""Layouts, and the endless feed of training examples that can stop and go on."""

import json
from collections import Counter

import numpy as np
import pytest
from asked import labelled, rows_of, targets_of

from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.encoder.head import Head
from npft.encoder.model import Model
from npft.errors import CheckpointError, ConfigError, DataError
from npft.heads.words import MaskedLM
from npft.pretraining.causal import CausalLM
from npft.pretraining.masking import mask_tokens, static_masks
from npft.pretraining.packing import pack
from npft.pretraining.pairs import Corpus
from npft.pretraining.source import LAYOUTS, Feed, Source
from npft.text.batch import Batch
from npft.text.bytes import ByteTokenizer

TOK = ByteTokenizer()
DOCUMENTS = [[f"{chr(97 + d)}{s}" + "x" * (d + s) for s in range(4)] for d in range(6)]
CORPUS = Corpus(DOCUMENTS, TOK)
LENGTH = 24


def rng(seed=0):
    return np.random.default_rng(seed)


def nothing_hidden(batch, tokenizer, *, rng):
    return labelled(batch, np.zeros(0, int), np.zeros(0, int))


def feed(layout="segments", batch_size=5, corrupt=mask_tokens, order=0, masks=1):
    source = Source(CORPUS, layout, LENGTH)
    return Feed(source, corrupt, batch_size, order=rng(order), masks=rng(masks))


def sequences_of(batch):
    return [row.tobytes() for row in np.split(batch.ids, batch.offsets[1:-1])]


def bits(masked):
    parts = (masked.ids, masked.offsets, rows_of(masked), targets_of(masked))
    return [part.tobytes() for part in parts]


# ---- layouts ----


def test_each_layout_draws_what_the_corpus_makes():
    starts = np.array([0, 5, 9])
    made = {
        "segments": CORPUS.segments(starts, LENGTH),
        "pairs": CORPUS.pairs(starts, LENGTH, rng=rng(3)),
        "order": CORPUS.ordered(starts, LENGTH, rng=rng(3)),
        "packed": pack(CORPUS, LENGTH)[[0, 2, 1]],
    }
    assert set(made) == set(LAYOUTS)
    for layout, expected in made.items():
        chosen = np.array([0, 2, 1]) if layout == "packed" else starts
        batch = Source(CORPUS, layout, LENGTH).draw(chosen, rng(3))
        for part in ("ids", "offsets", "token_types"):
            assert (getattr(batch, part) == getattr(expected, part)).all()
        assert (batch.labels is None) == (layout in ("segments", "packed"))
        if batch.labels is not None:
            assert (batch.labels == expected.labels).all()


def test_starts_are_all_sequences_of_a_layout():
    assert Source(CORPUS, "segments", LENGTH).starts.tolist() == list(range(24))
    followed = [s for s in range(24) if s % 4 != 3]
    assert Source(CORPUS, "pairs", LENGTH).starts.tolist() == followed
    assert Source(CORPUS, "order", LENGTH).starts.tolist() == followed
    rows = pack(CORPUS, LENGTH)
    assert Source(CORPUS, "packed", LENGTH).starts.tolist() == list(range(len(rows)))


def test_an_unknown_layout_and_pairs_of_single_sentences_are_refused():
    with pytest.raises(ConfigError, match="layout is 'rows', expected one of segments, pairs"):
        Source(CORPUS, "rows", LENGTH)
    for layout in ("pairs", "order"):
        with pytest.raises(DataError, match="no document has two sentences"):
            Source(Corpus([["a"], ["b"]], TOK), layout, LENGTH)


# ---- the feed ----


@pytest.mark.parametrize("layout", ["segments", "packed"])
def test_an_epoch_holds_every_sequence_once_and_the_next_has_another_order(layout):
    examples = feed(layout, corrupt=nothing_hidden)
    source = examples.source
    all_rows = Counter(sequences_of(source.draw(source.starts, rng())))
    epochs = []
    for _ in range(3):
        seen = []
        while len(seen) < len(source.starts):
            batch = next(examples)
            assert (np.diff(batch.lengths) >= 0).all()  # sorted, which attention likes
            assert len(batch) == min(5, len(source.starts) - len(seen))
            seen += sequences_of(batch)
        assert Counter(seen) == all_rows
        epochs.append(seen)
    assert epochs[0] != epochs[1] != epochs[2]


def test_masks_are_drawn_anew_in_each_epoch_unless_they_are_static():
    def epochs(corrupt):
        examples = feed("packed", batch_size=99, corrupt=corrupt)
        found = []
        for _ in range(4):
            masked = next(examples)
            hidden = {}
            ids = masked.ids.copy()
            ids[rows_of(masked)] = targets_of(masked)
            for i, (a, b) in enumerate(zip(masked.offsets, masked.offsets[1:])):
                inside = rows_of(masked)[(rows_of(masked) >= a) & (rows_of(masked) < b)] - a
                hidden[ids[a:b].tobytes()] = (inside.tolist(), masked.ids[a:b].tolist())
            found.append(hidden)
        return found

    assert len(feed("packed").source.starts) > 5
    static = epochs(static_masks)
    assert all(one == static[0] for one in static)
    moving = epochs(mask_tokens)
    assert all(moving[0][row] != moving[1][row] for row in moving[0])


def test_what_is_hidden_does_not_change_the_order_nor_the_order_what_is_hidden():
    def texts(**seeds):
        found = []
        for masked, _ in zip(feed("pairs", **seeds), range(7)):
            ids = masked.ids.copy()
            ids[rows_of(masked)] = targets_of(masked)
            found.append(ids.tobytes())
        return found

    assert texts() == texts(masks=9) != texts(order=9)
    assert texts() == texts(corrupt=static_masks)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("stop", [0, 1, 5, 6])
def test_a_feed_that_was_stopped_goes_on_with_the_same_bits(layout, stop):
    whole = feed(layout, batch_size=4)
    expected = [bits(next(whole)) for _ in range(14)]
    first = feed(layout, batch_size=4)
    for _ in range(stop):
        next(first)
    state, epoch = first.state()
    state = json.loads(json.dumps(state))  # as it stands in a file
    next(first)  # the state is of the moment, not of later
    late = feed(layout, batch_size=4, order=7, masks=8)
    next(late)
    late.go_on(state, epoch)
    assert [bits(next(late)) for _ in range(14 - stop)] == expected[stop:]


# ---- a model that can be pretrained ----


def encoder(causal=False):
    config = EncoderConfig(
        vocab_size=260, hidden_size=8, num_layers=1, num_heads=2, intermediate_size=8,
        max_positions=LENGTH, causal=causal)
    return Encoder(config, tokenizer=TOK, rng=rng())


def test_options_are_the_way_back_to_a_model_and_others_are_refused():
    options = {"mlm": {"kind": "words", "weight": 1.0, "options": {"tied": False}}}
    lm = MaskedLM.from_options(encoder(), options, rng=rng())
    assert lm.options() == options and not lm.nsp
    assert lm.body is lm.encoder
    assert list(CausalLM(encoder(True), rng=rng()).options()) == ["clm"]
    with pytest.raises(CheckpointError, match="its heads are .*, which is not how npft saves them"):
        MaskedLM.from_options(encoder(), {"nsp": False}, rng=rng())
    with pytest.raises(CheckpointError, match="its head 'mlm' is a 'letters', expected one of"):
        unknown = {"mlm": options["mlm"] | {"kind": "letters"}}
        MaskedLM.from_options(encoder(), unknown, rng=rng())


class Bare(Head):
    """What a new head is before anything of it is written, but its scores."""

    def forward(self, hidden, batch, rng=None):
        return hidden


def test_a_head_without_a_loss_says_so():
    config = EncoderConfig(vocab_size=260, hidden_size=4, num_layers=0, num_heads=1)
    lm = Model(Encoder(config, rng=np.random.default_rng(0)), {"bare": Bare()}).eval()
    batch = Batch([257, 97], [0, 2])
    for ask in (lm.loss, lm.measure):
        with pytest.raises(NotImplementedError, match="Bare defines no loss"):
            ask(batch)
    with pytest.raises(NotImplementedError, match="Bare defines no decide"):
        lm.decide(batch)


# ---- what is never read ----


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_share_of_tokens_without_room_is_that_of_those_in_no_sequence(layout):
    """Every token of this text is different, so what was drawn can be counted."""
    letters = [chr(33 + i) for i in range(90)]
    documents = [["".join(letters[:20]), "".join(letters[20:24])], ["".join(letters[24:90]), "~"]]
    source = Source(Corpus(documents, TOK), layout, LENGTH)
    drawn, random = set(), rng()
    for _ in range(40):
        drawn |= set(source.draw(source.starts, random).ids.tolist())
    words = set(source.corpus.tokens.tolist())
    assert source.unread == pytest.approx(len(words - drawn) / len(words))
    assert (source.unread == 0) == (layout == "packed")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_documents_of_one_sentence_are_unread_where_no_sequence_holds_them(layout):
    letters = [chr(33 + i) for i in range(40)]
    documents = [["".join(letters[:4]), "".join(letters[4:8])], ["".join(letters[8:18])],
                 ["".join(letters[18:38])], ["".join(letters[38:39]), letters[39]]]
    source = Source(Corpus(documents, TOK), layout, LENGTH)
    drawn, random = set(), rng()
    for _ in range(200):
        drawn |= set(source.draw(source.starts, random).ids.tolist())
    words = set(source.corpus.tokens.tolist())
    assert source.unread == pytest.approx(len(words - drawn) / len(words))
    assert (source.unread > 0.5) == (layout == "order")


def test_a_document_that_is_a_string_is_refused():
    for documents in ("a text", ["a text", "another"], [["a text"], "another"]):
        with pytest.raises(DataError, match="expected a list of sentences"):
            Corpus(documents, TOK)
