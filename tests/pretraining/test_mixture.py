"""Several texts in one run: each supplies its share, and sequences never mix."""

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from asked import labelled, targets_of
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.errors import CheckpointError, ConfigError, DataError, DtypeError
from npft.heads.words import MaskedLM
from npft.pretraining.masking import mask_tokens
from npft.pretraining.mixture import Mixture, shares_by_alpha, source_of, whole_parts
from npft.pretraining.pairs import Corpus
from npft.pretraining.probe import make_probe, unigram_loss
from npft.pretraining.source import LAYOUTS, Feed, Source
from npft.pretraining.train import pretrain
from npft.text.bytes import ByteTokenizer

TOK = ByteTokenizer()
BIG = [[f"a{d:02}", f"b{d:02}", f"c{d:02}"] for d in range(60)]  # 180 sentences of lower-case text
SMALL = [[f"X{d}", f"Y{d}", f"Z{d}"] for d in range(4)]  # 12 of upper-case text
LENGTH = 20


def rng(seed=0):
    return np.random.default_rng(seed)


def mixed(shares, layout="segments", texts=(BIG, SMALL)):
    return Mixture([Source(Corpus(t, TOK), layout, LENGTH) for t in texts], shares)


def nothing_hidden(batch, tokenizer, *, rng):
    return labelled(batch, np.zeros(0, int), np.zeros(0, int))


def is_small(ids):
    """Whether a sequence is of the upper-case text; it must not be of both."""
    text = TOK.decode(ids)
    assert text.isupper() or text.islower(), f"{text} is of two texts"
    return text.isupper()


def small(batch):
    return np.array([is_small(row) for row in np.split(batch.ids, batch.offsets[1:-1])])


# ---- shares ----


def test_the_book_s_triple_by_hand():
    one = {"en": [["s"] * 10**6], "fr": [["s"] * 10**5], "sw": [["s"] * 10**3]}
    q = shares_by_alpha(one, 0.3)
    assert list(q) == ["en", "fr", "sw"]
    assert np.allclose(list(q.values()), [0.615, 0.308, 0.077], atol=5e-4)


def test_shares_count_sentences_not_documents():
    q = shares_by_alpha({"a": [["s"] * 6], "b": [["s"], ["s"]]}, 1.0)
    assert q == {"a": 0.75, "b": 0.25}


@given(st.integers(0, 10**6), st.lists(st.integers(1, 10**6), min_size=1, max_size=6))
def test_whole_parts_add_up_and_are_less_than_one_from_exact(total, weights):
    q = np.array(weights) / sum(weights)
    parts = whole_parts(total, q)
    assert parts.sum() == total and (np.abs(parts - total * q) < 1 + 1e-6).all()


def test_whole_parts_by_hand():
    assert whole_parts(32, np.array([0.8, 0.2])).tolist() == [26, 6]  # 25.6 and 6.4
    assert whole_parts(10, np.array([1, 1, 1]) / 3).tolist() == [4, 3, 3]
    assert whole_parts(30, np.array([0.1, 0.9])).tolist() == [3, 27]


def test_whole_parts_of_a_large_total_add_up_where_the_shares_are_1_only_within_rounding():
    for off in (1e-7, -1e-7):
        parts = whole_parts(10**9, np.array([0.5, 0.5 + off]))
        assert parts.sum() == 10**9 and abs(parts[0] - parts[1]) < 110


def test_whole_parts_of_a_total_that_no_float_holds_are_less_than_one_from_exact():
    assert whole_parts(10**18, np.array([1, 1, 1]) / 3).tolist() == [
        333333333333333334, 333333333333333333, 333333333333333333]
    assert whole_parts(10**18, np.array([0.0, 0.5, 0.5 + 1e-7])).tolist()[0] == 0
    total = 2**62 + 1
    for weights in ([1, 2, 4], [0, 1, 10**9], [1] * 7):
        q = np.array(weights) / sum(weights)
        parts = whole_parts(total, q).tolist()
        exact = [total * Fraction(share) / sum(map(Fraction, q)) for share in q]
        assert sum(parts) == total
        assert all(abs(n - e) < 1 for n, e in zip(parts, exact))


@pytest.mark.parametrize("texts, error, words", [
    ({"a": ["one sentence"]}, DataError, "a document is a string, expected a list of sentences"),
    ({"a": [[1]]}, DtypeError, r"document 0\[0\] is int, expected str"),
    ({"a": 3}, DtypeError, "documents is int, expected a list of documents"),
    ([[["a"]]], ConfigError, "expected a dict of texts by their names"),
    ({}, ConfigError, "expected a dict of texts by their names"),
])
def test_shares_are_not_of_the_letters_of_a_text(texts, error, words):
    with pytest.raises(error, match=words):
        shares_by_alpha(texts, 0.5)


def test_generators_have_shares():
    texts = {"a": (iter(d) for d in BIG), "b": SMALL}
    assert shares_by_alpha(texts, 1.0) == shares_by_alpha({"a": BIG, "b": SMALL}, 1.0)


# ---- epochs ----


def test_an_epoch_reads_the_small_text_many_times_and_a_part_of_the_large_one():
    source = mixed([0.5, 0.5])
    assert len(source.starts) == 192
    first, second = source.epoch(rng()), source.epoch(rng(1))
    for epoch in (first, second):
        owner = source.owner(epoch)
        assert np.bincount(owner).tolist() == [96, 96]
        assert set(Counter(epoch[owner == 1].tolist()).values()) == {8}  # 12 sentences, 96 places
        assert max(Counter(epoch[owner == 0].tolist()).values()) == 1
    assert set(first.tolist()) != set(second.tolist())  # another part of the large text


def test_a_text_that_is_read_one_and_a_half_times_gives_no_sentence_more_than_twice():
    epoch = mixed([1 - 18 / 192, 18 / 192]).epoch(rng())
    times = Counter(int(i) for i in epoch if i >= 180)
    assert sorted(times.values()) == [1] * 6 + [2] * 6


@pytest.mark.parametrize("alpha", [1.0, 0.7, 0.3, 0.0])
def test_the_share_of_sequences_drawn_is_q(alpha):
    """Over whole epochs to one sequence; in the first batches within a chi-square bound."""
    q = list(shares_by_alpha({"big": BIG, "small": SMALL}, alpha).values())
    feed = Feed(mixed(q), nothing_hidden, 16, order=rng(3), masks=rng(4))
    drawn = [small(next(feed)).sum() for _ in range(48)]  # 48 x 16: four epochs of 192
    assert abs(sum(drawn) - 4 * 192 * q[1]) <= 4
    part, n = sum(drawn[:6]), 96  # half an epoch
    expected = np.array([n * q[0], n * q[1]])
    statistic = ((np.array([n - part, part]) - expected) ** 2 / expected).sum()
    assert statistic < chi2.ppf(0.999, 1)


@pytest.mark.parametrize("layout", ["segments", "packed"])
def test_alpha_1_is_sampling_by_size_to_the_bit(layout):
    texts = (BIG[:40], BIG[40:])
    sources = [Source(Corpus(t, TOK), layout, LENGTH) for t in texts]
    sizes = np.array([len(s.starts) for s in sources])
    source = Mixture(sources, sizes / sizes.sum())
    for seed in range(3):
        plain = rng(seed).permutation(np.arange(sizes.sum()))
        assert (source.epoch(rng(seed)) == plain).all()
    if layout == "segments":  # then the sequences are those of one large text, in its order
        whole = Source(Corpus(BIG, TOK), layout, LENGTH)
        a, b = (
            Feed(s, mask_tokens, 7, order=rng(1), masks=rng(2)) for s in (source, whole)
        )
        for _ in range(40):
            one, two = next(a), next(b)
            assert one.ids.tobytes() == two.ids.tobytes()
            assert targets_of(one).tobytes() == targets_of(two).tobytes()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_sequence_is_of_two_texts(layout):
    source = mixed([0.5, 0.5], layout)
    starts = source.epoch(rng())
    batch = source.draw(starts, rng(1))
    assert (small(batch) == (source.owner(starts) == 1)).all()
    if layout in ("pairs", "order"):
        assert 0.3 < batch.labels.mean() < 0.7 and batch.token_types.max() == 1


def test_sequences_come_in_the_order_of_the_starts():
    source = mixed([0.5, 0.5])
    starts = np.array([185, 3, 191, 3, 100])
    batch = source.draw(starts, rng())
    for row, start in zip(np.split(batch.ids, batch.offsets[1:-1]), starts):
        alone = source.draw(np.array([start]), rng())
        assert (row == alone.ids).all()


def test_a_text_with_share_0_is_never_read():
    assert not small(mixed([1.0, 0.0]).draw(mixed([1.0, 0.0]).epoch(rng()), rng())).any()


@pytest.mark.parametrize("shares", [
    [0.5], [0.5, 0.6], [1.5, -0.5], [np.nan, 1.0], [0.2, 0.3, 0.5], [[0.5, 0.5]],
    ["much", 0.5], ["0.5", "0.5"], [None, 1.0], None, [True, False],
])  # fmt: skip
def test_shares_that_are_none_are_refused(shares):
    with pytest.raises(ConfigError, match="expected 2 numbers from 0 to 1 with sum 1"):
        mixed(shares)


def test_sources_that_do_not_fit_together_are_refused():
    one, two = Source(Corpus(BIG, TOK), "pairs", LENGTH), Source(Corpus(BIG, TOK), "order", LENGTH)
    with pytest.raises(ConfigError, match="the same layout and the same tokenizer"):
        Mixture([one, two], [0.5, 0.5])
    other = Source(Corpus(BIG, ByteTokenizer()), "pairs", LENGTH)
    with pytest.raises(ConfigError, match="the same layout and the same tokenizer"):
        Mixture([one, other], [0.5, 0.5])
    with pytest.raises(ConfigError, match="shares are of a, c, the texts are a, b"):
        source_of(dict.fromkeys("ab", Corpus(BIG, TOK)), "pairs", LENGTH, {"a": 0.5, "c": 0.5})


def test_shares_go_by_the_names_of_the_texts():
    corpora = dict.fromkeys("ab", Corpus(BIG, TOK))
    for shares, words in [
        ([0.5, 0.5], r"shares are \[0.5, 0.5\], expected a dict"), ({1: 0.5, "b": 0.5}, "of 1, b"),
        ({"a": "much", "b": 0.5}, "shares are .*much.*, expected 2 numbers"),
    ]:
        with pytest.raises(ConfigError, match=words):
            source_of(corpora, "segments", LENGTH, shares)


def test_the_share_of_one_text_is_1():
    corpora = {"text": Corpus(BIG, TOK)}
    assert type(source_of(corpora, "segments", LENGTH, {"text": 1.0})) is Source
    with pytest.raises(ConfigError, match="sum 1"):
        source_of(corpora, "segments", LENGTH, {"text": 0.3})


def test_a_mixture_leaves_unread_what_its_texts_do():
    long = [["x" * 50, "y" * 30]]  # room for 22 of each
    both = mixed([0.5, 0.5], texts=(long, SMALL))
    tokens = 80 + len(Corpus(SMALL, TOK).tokens)
    assert both.unread == pytest.approx((28 + 8 + 8) / tokens, abs=0.2)
    assert both.unread == pytest.approx((80 - 2 * (LENGTH - 2)) / tokens)


def test_shares_are_taken_by_name_and_by_size_where_none_are_given():
    corpora = {"a": Corpus(BIG, TOK), "b": Corpus(SMALL, TOK)}
    assert source_of(corpora, "segments", LENGTH, {"b": 0.25, "a": 0.75}).shares.tolist() == [
        0.75, 0.25]
    assert source_of(corpora, "segments", LENGTH).shares.tolist() == [180 / 192, 12 / 192]
    pairs = source_of(corpora, "pairs", LENGTH)  # two of three sentences have a next one
    assert whole_parts(len(pairs.starts), pairs.shares).tolist() == [120, 8]
    assert type(source_of({"a": Corpus(BIG, TOK)}, "segments", LENGTH)) is Source


# ---- in pretraining ----


def model(dropout=0.0, nsp=False, seed=0):
    config = EncoderConfig(
        vocab_size=TOK.vocab_size, hidden_size=8, num_layers=1, num_heads=2, intermediate_size=16,
        max_positions=LENGTH, dropout=dropout)
    return MaskedLM(Encoder(config, tokenizer=TOK, rng=rng(seed)), nsp, rng=rng(seed))


def bits(module):
    return b"".join(a.tobytes() for a in module.state_dict().values())


def probe(documents, seed=5):
    return make_probe(documents, TOK, max_length=LENGTH, rng=rng(seed))


TEXTS = {"big": BIG, "small": SMALL}
SETTINGS = {"steps": 6, "batch_size": 8, "every": 2}


def test_the_history_holds_each_probe_under_its_name_and_the_unigram_loss_of_its_own_text():
    probes = {"big": probe(BIG[:5]), "small": probe(SMALL), "third": probe([["qq rr"]])}
    lm = model()
    before = {name: lm.measure(p) for name, p in probes.items()}
    history = pretrain(lm, TEXTS, probes=probes, **SETTINGS, rng=rng())
    for name, p in probes.items():
        losses = history[f"{name}_mlm_loss"]
        assert losses[0] == before[name]["mlm_loss"]
        assert losses[-1] == lm.measure(p)["mlm_loss"]
    for name, text in TEXTS.items():
        floor = unigram_loss(Corpus(text, TOK), probes[name])
        assert history[f"{name}_unigram"].tolist() == [floor]
    assert "third_unigram" not in history.metrics and "unigram" not in history.metrics


def test_probes_change_no_bit_of_training():
    one, two = model(0.1), model(0.1)
    pretrain(one, TEXTS, **SETTINGS, rng=rng())
    pretrain(two, TEXTS, probes={"small": probe(SMALL)}, **SETTINGS, rng=rng())
    assert bits(one) == bits(two) != bits(model(0.1))


def test_one_text_by_name_is_that_text():
    one, two = model(), model()
    pretrain(one, BIG, **SETTINGS, rng=rng())
    pretrain(two, {"en": BIG}, shares={"en": 1.0}, **SETTINGS, rng=rng())
    assert bits(one) == bits(two)


def test_shares_change_what_is_learnt():
    def loss(small_share):
        lm = model()
        shares = {"big": 1 - small_share, "small": small_share}
        history = pretrain(lm, TEXTS, shares=shares, steps=60, batch_size=16, lr=1e-2, every=60,
                           probes={"small": probe(SMALL), "big": probe(BIG)}, rng=rng())
        return history["small_mlm_loss"][-1], history["big_mlm_loss"][-1]

    (small_low, big_low), (small_high, big_high) = loss(0.02), loss(0.9)
    assert small_high < small_low - 0.5 and big_low < big_high - 0.5


def test_a_mixed_run_that_was_stopped_goes_on_to_the_same_bits(tmp_path):
    options = dict(SETTINGS, every=1, shares={"big": 0.5, "small": 0.5},
                   probes={"small": probe(SMALL)})
    whole = model(0.1, nsp=False)
    history = pretrain(whole, TEXTS, **options, rng=rng())

    def stop(done, total, message):
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pretrain(model(0.1), TEXTS, **options, folder=tmp_path, progress=stop, rng=rng())
    with pytest.raises(CheckpointError, match="shares was"):
        other = {**options, "shares": {"big": 0.4, "small": 0.6}}
        pretrain(model(0.1), TEXTS, **other, folder=tmp_path, resume=True, rng=rng())
    with pytest.raises(CheckpointError, match="probes was"):
        other = {**options, "probes": {"small": probe(SMALL, seed=6)}}
        pretrain(model(0.1), TEXTS, **other, folder=tmp_path, resume=True, rng=rng())
    with pytest.raises(CheckpointError, match="text was"):  # the first of two
        pretrain(model(0.1), {**TEXTS, "big": BIG[::-1]}, **options, folder=tmp_path, resume=True,
                 rng=rng())
    late = model(0.1, seed=3)
    again = pretrain(late, TEXTS, **options, folder=tmp_path, resume=True, rng=rng())
    assert bits(late) == bits(whole) and again.rows == history.rows


def test_held_out_text_of_several_texts_and_texts_without_a_token_are_refused():
    with pytest.raises(ConfigError, match="measure several texts with probes"):
        pretrain(model(), TEXTS, held_out=SMALL, **SETTINGS, rng=rng())
    with pytest.raises(DataError, match="hold no token"):
        pretrain(model(), {"big": BIG, "none": []}, **SETTINGS, rng=rng())
