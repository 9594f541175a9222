"""Corruptions: each can be undone from its rows and targets, and damages as much as it should."""

from itertools import pairwise

import numpy as np
import pytest
from asked import labelled, rows_of, targets_of
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.errors import ConfigError, DataError
from npft.heads.words import MaskedLM
from npft.pretraining.causal import predict_next
from npft.pretraining.corruptions import (
    delete_tokens,
    insert_tokens,
    reorder_tokens,
    substitute_tokens,
)
from npft.pretraining.masking import mask_tokens, static_masks
from npft.pretraining.permuted import permute_tokens
from npft.pretraining.spans import mask_spans
from npft.pretraining.train import pretrain
from npft.testing import generators, ragged_batches
from npft.text.batch import Batch
from npft.text.bytes import ByteTokenizer
from npft.text.tokenizer import Tokenizer
from npft.text.wordpiece import WordPiece

PAD, CLS, SEP, MASK, UNK = range(5)
ALL = [substitute_tokens, reorder_tokens, delete_tokens, insert_tokens]


class Numbers(Tokenizer):
    kind, vocab_size = "numbers", 20
    pad_id, cls_id, sep_id, mask_id, unk_id = PAD, CLS, SEP, MASK, UNK


TOK, BYTES = Numbers(), ByteTokenizer()


def rng(seed=0):
    return np.random.default_rng(seed)


def batches():
    """Ragged batches with token types and labels, which must come back, too."""
    return ragged_batches(vocab_size=20, max_length=16).map(
        lambda b: b.replace(token_types=b.ids % 3, labels=np.arange(len(b))))


def ended():
    """Batches whose sequences end in [SEP], as those of all layouts do."""
    def with_sep(batch):
        ends = batch.offsets[1:]
        return Batch(
            np.insert(batch.ids, ends, SEP), batch.offsets + np.arange(len(batch) + 1),
            np.insert(batch.token_types, ends, batch.token_types[ends - 1]), batch.labels)

    return batches().map(with_sep)


rates = st.floats(0.02, 1)


def sequences(masked):
    """(ids, types, {row within the sequence: target}) of every sequence."""
    batch, given_rows = masked, dict(zip(rows_of(masked).tolist(), targets_of(masked).tolist()))
    for a, b in pairwise(batch.offsets.tolist()):
        asked = {row - a: given_rows[row] for row in range(a, b) if row in given_rows}
        yield batch.ids[a:b].tolist(), batch.token_types[a:b].tolist(), asked


def put_back(ids, asked):
    return [asked.get(i, token) for i, token in enumerate(ids)]


def put_in(ids, asked):
    out = []
    for i, token in enumerate(ids):
        out += [token, asked[i]] if i in asked else [token]
    return out


def take_out(ids, asked):
    return [token for i, token in enumerate(ids) if asked.get(i) != PAD]


UNDO = {substitute_tokens: put_back, reorder_tokens: put_back, delete_tokens: put_in}


def unchanged(batch, masked, before):
    return (masked.labels.tolist() == batch.labels.tolist()
            and rows_of(masked).shape == targets_of(masked).shape
            and (np.diff(rows_of(masked)) > 0).all()
            and (batch.ids == before[0]).all() and (batch.offsets == before[1]).all())


@pytest.mark.parametrize("corrupt", UNDO)
@given(batch=batches(), rate=rates, random=generators())
def test_the_targets_at_the_rows_give_back_the_text(corrupt, batch, rate, random):
    before = batch.ids.copy(), batch.offsets.copy()
    masked = corrupt(batch, TOK, rate=rate, rng=random)
    restored = [UNDO[corrupt](ids, asked) for ids, _, asked in sequences(masked)]
    assert restored == [batch[[i]].ids.tolist() for i in range(len(batch))]
    assert unchanged(batch, masked, before)


@given(batch=ended(), rate=rates, random=generators())
def test_without_the_rows_that_give_pad_an_inserted_text_is_as_it_was_but_shorter(
        batch, rate, random):
    before = batch.ids.copy(), batch.offsets.copy()
    masked = insert_tokens(batch, TOK, rate=rate, rng=random)
    assert masked.offsets.tolist() == before[1].tolist()  # each sequence keeps its length
    for i, (ids, _, asked) in enumerate(sequences(masked)):
        true, found = batch[[i]].ids.tolist(), take_out(ids, asked)
        assert len(found) == len(true) - sum(target == PAD for target in asked.values())
        assert found == [*true[: len(found) - 1], SEP]  # what was pushed out fell off before it
        assert all(target in (PAD, ids[row]) for row, target in asked.items())
    assert unchanged(batch, masked, before)


@given(ended(), rates, generators())
def test_token_types_stay_with_their_tokens(batch, rate, random):
    types = [batch[[i]].token_types.tolist() for i in range(len(batch))]
    for corrupt in (substitute_tokens, reorder_tokens):
        masked = corrupt(batch, TOK, rate=rate, rng=random)
        assert [t for _, t, _ in sequences(masked)] == types
    masked = delete_tokens(batch, TOK, rate=rate, rng=random)
    for (_, after, asked), before in zip(sequences(masked), types):
        gone = [i + k for k, i in enumerate(sorted(asked), start=1)]  # where they were
        assert [t for i, t in enumerate(before) if i not in gone] == after
    masked = insert_tokens(batch, TOK, rate=rate, rng=random)
    for (ids, after, asked), before in zip(sequences(masked), types):
        kept = [t for i, t in enumerate(after) if asked.get(i) != PAD]
        assert kept == [*before[: len(kept) - 1], before[-1]]
        assert all(after[i] == after[i - 1] for i in asked if asked[i] == PAD)


def wanted(batch, rate):
    """The least and the most that is chosen of each sequence."""
    text = [int((ids > MASK).sum()) for ids in np.split(batch.ids, batch.offsets[1:-1])]
    return [(min(n, max(1, int(rate * n))), min(n, int(rate * n) + 1)) for n in text]


@given(batches(), rates, generators())
def test_substitutes_are_ordinary_tokens_in_the_place_of_text(batch, rate, random):
    masked = substitute_tokens(batch, TOK, rate=rate, rng=random)
    assert (batch.ids[rows_of(masked)] > MASK).all() and (masked.ids[rows_of(masked)] > UNK).all()
    counts = np.bincount(batch.sequence[rows_of(masked)], minlength=len(batch))
    assert all(low <= n <= high for n, (low, high) in zip(counts, wanted(batch, rate)))


@given(batches(), rates, generators())
def test_exchanged_tokens_are_neighbours_of_one_text(batch, rate, random):
    masked = reorder_tokens(batch, TOK, rate=rate, rng=random)
    first, second = rows_of(masked)[::2], rows_of(masked)[1::2]
    assert (second == first + 1).all()
    assert (batch.sequence[first] == batch.sequence[second]).all()
    assert (batch.ids[rows_of(masked)] > MASK).all()
    assert (masked.ids[first] == batch.ids[second]).all()
    assert (masked.ids[second] == batch.ids[first]).all()


@given(batches(), rates, generators())
def test_deleted_tokens_are_text_apart_from_each_other_with_a_token_before(batch, rate, random):
    masked = delete_tokens(batch, TOK, rate=rate, rng=random)
    assert (targets_of(masked) > MASK).all()
    assert (masked.lengths >= 1).all()
    for ids, _, asked in sequences(masked):
        assert all(0 <= i < len(ids) for i in asked)
    asked = np.bincount(masked.sequence[rows_of(masked)], minlength=len(batch))
    assert (asked == batch.lengths - masked.lengths).all()  # one row for each gap
    assert all(n <= high for n, (_, high) in zip(asked, wanted(batch, rate)))


@given(ended(), rates, generators())
def test_inserted_tokens_are_ordinary_ones_behind_text(batch, rate, random):
    masked = insert_tokens(batch, TOK, rate=rate, rng=random)
    new = rows_of(masked)[targets_of(masked) == PAD]
    assert (masked.ids[new] > UNK).all()
    assert (masked.ids[new - 1] > MASK).all()
    assert (masked.ids[rows_of(masked)] > MASK).all()
    counts = np.bincount(batch.sequence[new], minlength=len(batch))
    assert all(n <= high for n, (_, high) in zip(counts, wanted(batch, rate)))


# ---- how much is damaged ----

N, SEQUENCES = 200, 400


@pytest.fixture(scope="module")
def long_texts():
    text = rng(1).integers(0, 256, (SEQUENCES, N))
    ids = np.hstack([np.full((SEQUENCES, 1), 257), text, np.full((SEQUENCES, 1), 258)])
    return Batch(ids.ravel(), np.arange(SEQUENCES + 1) * (N + 2))


def alone(k):
    """Of k of N tokens chosen, how many have no chosen one right before them, in the mean."""
    return k / N * (1 + (N - 1) * (1 - (k - 1) / (N - 1)))


@pytest.mark.parametrize("corrupt, expected, spare", [
    (substitute_tokens, 0.15 * N, 0.2),
    (delete_tokens, alone(0.15 * N), 0.3),  # of neighbours only the first is left out
    (reorder_tokens, 2 * alone(0.075 * N), 0.6),  # nothing follows the last token
])
def test_the_default_share_is_fifteen_percent_less_what_overlaps(
        long_texts, corrupt, expected, spare):
    masked = corrupt(long_texts, BYTES, rng=rng(2))
    assert len(rows_of(masked)) / SEQUENCES == pytest.approx(expected, abs=spare)
    assert 0.12 < len(rows_of(masked)) / (SEQUENCES * N) < 0.1505


def test_of_an_inserted_text_fifteen_percent_are_new_and_about_as_many_are_asked_as_they_are(
        long_texts):
    masked = insert_tokens(long_texts, BYTES, rng=rng(2))
    new = targets_of(masked) == BYTES.pad_id
    # of 230 tokens 30 are new, of which 200 stay; 15 % of the others are asked, too
    assert new.sum() / SEQUENCES == pytest.approx(30 * 200 / 230, abs=0.3)
    assert (~new).sum() / SEQUENCES == pytest.approx(30 * 200 / 230, abs=0.3)


@pytest.mark.parametrize("corrupt", ALL)
def test_another_rate_damages_more_and_the_same_seed_the_same(long_texts, corrupt):
    shares = [corrupt(long_texts, BYTES, rate=rate, rng=rng()).n_targets for rate in (0.05, 0.3)]
    assert shares[1] > 3 * shares[0]
    a, b, c = (corrupt(long_texts, BYTES, rng=rng(s)) for s in (0, 0, 1))
    assert a.ids.tobytes() == b.ids.tobytes() != c.ids.tobytes()
    assert a.token_labels.tobytes() == b.token_labels.tobytes()


@pytest.mark.parametrize("corrupt", ALL)
def test_places_are_chosen_evenly(long_texts, corrupt):
    masked = corrupt(long_texts, BYTES, rng=rng(3))
    rows = rows_of(masked)
    if corrupt is reorder_tokens:
        rows = rows[::2]  # one of each pair
    if corrupt is insert_tokens:
        rows = rows[targets_of(masked) == BYTES.pad_id]
    batch = masked
    tenths = batch.positions[rows] * 10 // batch.lengths[batch.sequence[rows]]
    assert chisquare(np.bincount(tenths, minlength=10)[1:-1]).pvalue > 1e-3


@pytest.mark.parametrize("corrupt", ALL)
def test_a_batch_without_text_is_left_as_it_is(corrupt):
    batch = Batch([CLS, SEP, PAD], [0, 2, 3])
    masked = corrupt(batch, TOK, rng=rng())
    assert rows_of(masked).shape == targets_of(masked).shape == (0,)
    assert masked.ids.tolist() == [CLS, SEP, PAD]
    assert masked.offsets.tolist() == [0, 2, 3]


def test_where_two_text_tokens_are_neighbours_something_is_reordered():
    batch = Batch([CLS, 5, SEP, CLS, 6, 7, SEP, CLS, 8, SEP], [0, 3, 7, 10])
    for seed in range(20):
        masked = reorder_tokens(batch, TOK, rng=rng(seed))
        assert rows_of(masked).tolist() == [4, 5]  # one token alone has no neighbour
        assert masked.ids.tolist() == [CLS, 5, SEP, CLS, 7, 6, SEP, CLS, 8, SEP]
    alone = reorder_tokens(batch[[0, 2]], TOK, rng=rng())
    assert alone.n_targets == 0 and alone.ids.tolist() == batch[[0, 2]].ids.tolist()
    config = EncoderConfig(vocab_size=20, hidden_size=4, num_layers=0, num_heads=1)
    lm = MaskedLM(Encoder(config, rng=rng()), nsp=False, rng=rng())
    with pytest.raises(DataError, match="to reorder, no two tokens of it side by side"):
        lm.loss(alone)


def test_no_run_ends_at_a_step_in_which_the_last_tokens_alone_were_chosen():
    documents = [["cat dog", "red blue", "rice tea"]] * 3
    tok = WordPiece.train([s for d in documents for s in d], vocab_size=60, min_count=1)
    config = EncoderConfig(vocab_size=tok.vocab_size, hidden_size=4, num_layers=0, num_heads=1,
                           max_positions=5)
    lm = MaskedLM(Encoder(config, tokenizer=tok, rng=rng()), nsp=False, rng=rng())
    history = pretrain(lm, documents, corrupt=reorder_tokens, steps=30, batch_size=1, rng=rng())
    assert history.step[-1] == 30


@pytest.mark.parametrize("corrupt", [
    *ALL, mask_tokens, static_masks, mask_spans, permute_tokens, predict_next])
def test_texts_are_no_batch(corrupt):
    named = corrupt.__name__  # the caller's name, and not that of a part of it
    with pytest.raises(DataError, match=f"^{named}: the batch is a list, expected a Batch"):
        corrupt(["ab"], TOK, rng=rng())


def test_parts_in_which_nothing_is_damaged_are_passed_over():
    batch = Batch([CLS, 5, SEP, CLS, 6, 7, SEP, CLS, 8, SEP], [0, 3, 7, 10])
    masked = labelled(batch, np.array([4, 5]), np.array([7, 6]))
    config = EncoderConfig(vocab_size=20, hidden_size=4, num_layers=0, num_heads=1)
    lm = MaskedLM(Encoder(config, rng=rng()), nsp=False, rng=rng())
    (part,) = lm.packs(masked, 1)
    assert part.batch.ids.tolist() == [CLS, 6, 7, SEP] and part.shares == {"mlm": 1.0}
    assert rows_of(part.batch).tolist() == [1, 2]


@pytest.mark.parametrize("corrupt", ALL)
def test_words_and_what_was_cut_off_stay_with_the_tokens(corrupt):
    """They used to be lost, so that a corrupted batch could not be tagged or counted."""
    batch = Batch([CLS, 5, 6, 7, 8, SEP], [0, 6], words=[-1, 0, 0, 1, 2, -1], tokens_cut=[3])
    for seed in range(5):
        damaged = corrupt(batch, TOK, rate=0.4, rng=rng(seed))
        assert damaged.tokens_cut.tolist() == [3] and damaged.n_truncated == 1
        if corrupt in (substitute_tokens, reorder_tokens):
            assert damaged.words.tolist() == batch.words.tolist()
        elif corrupt is delete_tokens:  # every token left keeps the number of its word
            number = dict(zip(batch.ids.tolist(), batch.words.tolist()))
            assert damaged.words.tolist() == [number[i] for i in damaged.ids.tolist()]
        else:  # what is put in belongs to the word before it
            assert len(damaged.words) == 6 and damaged.words[0] == -1
            assert (np.diff(damaged.words[:-1]) >= 0).all()


@pytest.mark.parametrize("corrupt", ALL)
@pytest.mark.parametrize("rate", [0, -0.1, 1.01, float("nan")])
def test_a_rate_that_is_no_share_is_refused(corrupt, rate):
    with pytest.raises(ConfigError, match="rate is"):
        corrupt(Batch([CLS, 5, 6], [0, 3]), TOK, rate=rate, rng=rng())


# ---- what can be learnt from it ----

TOPICS = [("cat", "dog", "cow"), ("red", "blue", "pink"), ("rice", "tea", "soup")]


def topics(n, seed):
    """Documents of one sentence whose words all come from one of three topics."""
    random = rng(seed)
    return [[" ".join(random.choice(TOPICS[d % 3], 8))] for d in range(n)]


@pytest.mark.parametrize("corrupt", ALL)
def test_a_model_learns_to_restore_what_was_damaged(corrupt):
    """The frequencies of the nine words leave log 9, the topic log 3."""
    tok = WordPiece.train([s for d in topics(24, 0) for s in d], vocab_size=80)
    config = EncoderConfig(
        vocab_size=tok.vocab_size, hidden_size=16, num_layers=1, num_heads=2, intermediate_size=32,
        max_positions=16, dropout=0.0, init_std=0.1)
    lm = MaskedLM(Encoder(config, tokenizer=tok, rng=rng()), nsp=False, rng=rng())
    history = pretrain(lm, topics(300, 1), steps=200, batch_size=16, lr=1e-2, every=200,
                       held_out=topics(60, 2), corrupt=corrupt, rng=rng())
    assert history["unigram"][0] == pytest.approx(np.log(9), abs=0.1)
    assert history["mlm_loss"][-1] < np.log(3) + 0.2


@pytest.mark.parametrize("damage", ALL)
def test_a_seed_is_no_generator(damage):
    batch = ByteTokenizer()(["to be"])
    with pytest.raises(ConfigError, match=f"^{damage.__name__}: rng is 3, expected a generator"):
        damage(batch, ByteTokenizer(), rng=3)
