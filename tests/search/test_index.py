"""An index: exact search by cosine, an encoder it knows, and files that are not trusted."""

import json

import numpy as np
import pytest

from npft.embed.sentences import SentenceEncoder
from npft.encoder.additions import add_lora
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.errors import CheckpointError, ConfigError, DataError, DtypeError
from npft.loading import load
from npft.search.index import Index, fingerprint, texts_sum
from npft.text import ByteTokenizer

TEXTS = [f"the {who} counts the {what}" for who in ("teller", "chef", "coach", "miner")
         for what in ("money", "stew", "goals")]
QUERIES = ["the chef tastes the soup", "see you", "the teller counts the money"]


def small(seed=0, pool="mean", normalize=True):
    config = EncoderConfig(vocab_size=260, max_positions=64, hidden_size=16, num_heads=2,
                           intermediate_size=32, num_layers=1, type_vocab_size=0)
    body = Encoder(config, tokenizer=ByteTokenizer(), rng=np.random.default_rng(seed))
    return SentenceEncoder(body, pool, normalize)


def nudge(encoder):
    """Change one weight a little."""
    weight = next(iter(encoder.parameters()))
    changed = weight.data.copy()
    changed.flat[0] += np.float32(1e-3)
    weight.assign(changed)


@pytest.fixture
def saved(tmp_path):
    index = Index(small(), TEXTS)
    index.save(tmp_path / "index")
    return tmp_path / "index", index


def test_what_is_found_are_the_largest_cosines_which_are_the_least_distances():
    encoder = small()
    index = Index(encoder, TEXTS)
    found = index.search(QUERIES, k=5)
    u, q = encoder.encode(TEXTS).astype(np.float64), encoder.encode(QUERIES).astype(np.float64)
    cosines = q @ u.T
    distances = ((u[None] - q[:, None]) ** 2).sum(axis=2)
    assert np.array_equal(found.documents, np.argsort(-cosines, axis=1)[:, :5])
    assert np.array_equal(found.documents, np.argsort(distances, axis=1)[:, :5])
    assert found.scores == pytest.approx(np.sort(cosines)[:, :-6:-1], abs=1e-6)
    assert found.documents[2, 0] == 0 and found.scores[2, 0] == 1
    assert index.search(QUERIES, k=99).documents.shape == (3, 12)


def test_texts_that_are_the_same_are_found_in_their_order():
    texts = ["see you at noon and bring the rest", *TEXTS, *TEXTS, "see you"]
    found = Index(small(), texts).search(TEXTS, k=2)
    assert found.documents.tolist() == [[i + 1, i + 13] for i in range(12)]


def test_blocks_of_texts_and_queries_change_nothing(monkeypatch):
    whole = Index(small(), TEXTS).search(TEXTS, 4)
    monkeypatch.setattr("npft.search.index.BLOCK", 5)
    parts = Index(small(), TEXTS).search(TEXTS, 4)
    assert np.array_equal(whole.documents, parts.documents)
    assert whole.scores == pytest.approx(parts.scores, abs=2e-6)


def test_progress_counts_the_texts_through_all_slices(monkeypatch):
    monkeypatch.setattr("npft.search.index.SLICE", 5)
    said = []
    Index(small(), TEXTS, progress=lambda *step: said.append(step))
    steps = [step for step, _, _ in said]
    assert {step[1:] for step in said} == {(12, "texts")}
    assert steps == sorted(steps) and set(steps) == {0, 5, 10, 12}


def test_a_saved_index_finds_the_same_and_reads_its_vectors_from_the_file(saved):
    folder, index = saved
    again = Index.load(folder, small(), TEXTS)
    assert isinstance(again.vectors, np.memmap) and len(again) == 12
    for one, other in zip(index.search(QUERIES), again.search(QUERIES)):
        assert np.array_equal(one, other)
    assert np.array_equal(np.load(folder / "vectors.npy"), index.vectors)
    before = (folder / "index.json").read_bytes()
    again.save(folder)  # over the very file it reads
    assert (folder / "index.json").read_bytes() == before
    assert sorted(p.name for p in folder.iterdir()) == ["index.json", "vectors.npy"]


@pytest.mark.parametrize("other", [small(1), small(pool="cls"), small(normalize=False)])
def test_another_encoder_pool_or_normalisation_is_refused(saved, other):
    with pytest.raises(ConfigError, match="another encoder made this index"):
        Index.load(saved[0], other)


def test_one_changed_weight_is_another_encoder(saved):
    folder, index = saved
    encoder = small()
    assert fingerprint(encoder) == fingerprint(small())
    nudge(encoder)
    assert fingerprint(encoder) != fingerprint(small())
    with pytest.raises(ConfigError, match="another encoder"):
        Index.load(folder, encoder)
    nudge(index.encoder)
    with pytest.raises(ConfigError, match="has changed since the index was made"):
        index.search(QUERIES)


def test_another_tokenizer_is_another_encoder():
    encoder = SentenceEncoder(load("tinyworld").body)
    before = fingerprint(encoder)
    table = encoder.tokenizer.to_dict()
    tokens = next(v for v in table.values() if isinstance(v, list))
    tokens[-1], tokens[-2] = tokens[-2], tokens[-1]
    encoder.encoder.tokenizer = type(encoder.tokenizer).from_dict(table)
    assert fingerprint(encoder) != before


def test_other_texts_or_another_order_are_refused(saved):
    for texts in (TEXTS[::-1], TEXTS[:-1], [*TEXTS, ""]):
        with pytest.raises(ConfigError, match="is of other texts"):
            Index.load(saved[0], small(), texts)
    assert texts_sum(["a", ""]) != texts_sum(["", "a"]) != texts_sum(["a"])


@pytest.mark.parametrize("name", ["index.json", "vectors.npy"])
def test_every_cut_and_every_changed_byte_is_refused_or_changes_nothing(saved, name):
    folder, index = saved
    good = (folder / name).read_bytes()
    rng = np.random.default_rng(0)
    for i in sorted({*rng.integers(0, len(good), 25).tolist(), 0, len(good) - 1}):
        for bad in (good[:i], good[:i] + bytes([good[i] ^ (1 << int(rng.integers(8)))])
                    + good[i + 1 :], good + good[:i]):
            if bad == good:
                continue
            (folder / name).write_bytes(bad)
            try:
                found = Index.load(folder, small(), TEXTS).search(QUERIES)
            except (CheckpointError, ConfigError) as error:
                assert str(folder) in str(error)
            else:  # white space of JSON
                assert all(map(np.array_equal, found, index.search(QUERIES)))
    (folder / name).unlink()
    with pytest.raises(CheckpointError, match="No such file"):
        Index.load(folder, small())


@pytest.mark.parametrize("change, said", [
    ({"format": "npft"}, "is no index of npft"), ({"version": 2}, "has version 2"),
    ({"version": True}, "has version True"), ({"rows": 11}, r"its index says float32 \(11, 16\)"),
    ({"rows": 10**30}, "its index says"), ({"width": 0}, "is damaged"), ({"rows": True}, "damaged"),
    ({"encoder": 7}, "is damaged"), ({"vectors": "0" * 64}, "is damaged"), ({"x": 1}, "no index"),
])
def test_a_lying_manifest_is_refused(saved, change, said):
    folder, _ = saved
    manifest = json.loads((folder / "index.json").read_text()) | change
    (folder / "index.json").write_text(json.dumps(manifest))
    with pytest.raises(CheckpointError, match=said):
        Index.load(folder, small())


@pytest.mark.parametrize("value", [np.nan, 2.0])
def test_vectors_that_are_none_of_length_one_are_refused_though_their_sum_fits(saved, value):
    folder, index = saved
    index.vectors[3, 0] = value
    index.save(folder)
    with pytest.raises(CheckpointError, match="vectors.npy: is damaged"):
        Index.load(folder, small())


def test_what_makes_no_index_is_refused(tmp_path):
    with pytest.raises(DataError, match="there are no texts"):
        Index(small(), [])
    with pytest.raises(DtypeError, match="texts is one string"):
        Index(small(), "see you")
    with pytest.raises(ConfigError, match="normalize=True"):
        Index(small(normalize=False), TEXTS)
    with pytest.raises(ConfigError, match="expected a SentenceEncoder"):
        Index(small().encoder, TEXTS)
    (tmp_path / "file").write_text("x")
    with pytest.raises(CheckpointError, match="cannot be written"):
        Index(small(), TEXTS).save(tmp_path / "file")


def test_another_scale_of_lora_is_another_encoder():
    def with_lora(scale):
        encoder = small()
        add_lora(encoder, 2, scale, rng=np.random.default_rng(0))
        return fingerprint(encoder)

    assert with_lora(4.0) == with_lora(4.0) != with_lora(8.0)


def test_what_is_no_sentence_encoder_is_told_what_to_give(saved):
    folder, body = saved[0], small().encoder
    for use in (lambda: Index.load(folder, body), lambda: Index(body, TEXTS),
                lambda: fingerprint(body)):
        with pytest.raises(ConfigError, match=r"the encoder is Encoder, expected a SentenceEncoder"):
            use()
