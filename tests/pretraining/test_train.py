"""Pretraining: honest held-out figures, and a run that repeats its bits."""

import sys
from collections import Counter
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from asked import labelled, rows_of, targets_of
from topics import TOK, TOPICS, bits, documents, model

from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.encoder.model import Model
from npft.errors import ConfigError, DataError, DtypeError, NonFiniteError
from npft.heads.words import MaskedLM
from npft.nn.loop import train_steps
from npft.nn.module import freeze
from npft.pretraining.masking import mask_tokens
from npft.pretraining.pairs import Corpus
from npft.pretraining.probe import hold_out, make_probe, unigram_loss
from npft.pretraining.train import pretrain
from npft.text.batch import Batch
from npft.text.wordpiece import WordPiece


def probe_of(docs, nsp=True, seed=0, **options):
    layout = "pairs" if nsp else "segments"
    return make_probe(
        docs, TOK, layout=layout, max_length=20, rng=np.random.default_rng(seed), **options
    )


# ---- held-out text ----


@pytest.mark.parametrize("share, n", [(0.05, 1), (0.05, 2), (0.2, 5), (0.96, 24), (0.001, 1)])
def test_of_many_documents_the_last_ones_are_held_out(share, n):
    docs = documents(25 if n != 2 else 40)
    train, held_out = hold_out(docs, share)
    assert train + held_out == docs and len(held_out) == n


def test_of_few_documents_the_last_sentences_of_each_are_held_out():
    docs = [list("abcdefghij"), ["k"], list("lmno"), [], list("pqrstuvwxyzABCDEFGHI")]
    train, held_out = hold_out(docs, 0.2)
    assert train == [list("abcdefgh"), ["k"], list("lm"), list("pqrstuvwxyzABCDE")]
    assert held_out == [list("ij"), list("no"), list("FGHI")]
    assert docs[0] == list("abcdefghij")


@pytest.mark.parametrize("docs", [[], [["a"]], [["a", "b"]], [["a"], ["b"], ["c"]], [[], ["a"]]])
def test_too_little_text_to_hold_any_out_is_refused(docs):
    with pytest.raises(DataError, match="too little text"):
        hold_out(docs)


@pytest.mark.parametrize("share", [0, 1, 1.5, -0.1, float("nan")])
@pytest.mark.parametrize("n", [5, 25])
def test_a_share_that_is_none_is_refused(share, n):
    with pytest.raises(ConfigError, match="share is"):
        hold_out(documents(n), share)


@pytest.mark.parametrize("docs, error, words", [
    (["one sentence"] * 5, DataError, "a document is a string, expected a list of sentences"),
    ("one text", DataError, "a document is a string"),
    ([["a", 1]], DtypeError, r"document 0\[1\] is int, expected str"),
    ([3], DtypeError, "document 0 is int, expected a list of strings"),
    (3, DtypeError, "documents is int, expected a list of documents"),
])
def test_no_letters_of_a_text_are_held_out(docs, error, words):
    with pytest.raises(error, match=words):
        hold_out(docs)


def test_generators_can_be_held_out():
    assert hold_out(iter(d) for d in documents()) == hold_out(documents())


def test_no_share_leaves_nothing_to_train_on():
    train, held_out = hold_out(documents(20), 0.99)
    assert len(train) == 1 and len(held_out) == 19


# ---- measuring ----


def test_a_probe_is_frozen_so_measuring_twice_gives_the_same_numbers():
    mlm, probe = model(dropout=0.5).train(), probe_of(documents(6))
    mlm.encoder.embeddings.eval()  # as a frozen part is
    modes = [m.training for m in mlm.modules()]
    assert mlm.measure(probe) == mlm.measure(probe)
    assert [m.training for m in mlm.modules()] == modes
    again = probe_of(documents(6))
    assert again.ids.tobytes() == probe.ids.tobytes()
    assert (np.diff(probe.lengths) >= 0).all()


def test_a_probe_holds_as_many_sequences_as_asked_for():
    assert len(probe_of(documents(24), size=10)) == 10
    assert len(probe_of(documents(24), nsp=False)) == 24 * 4
    assert len(probe_of(documents(24), nsp=True)) == 24 * 3
    assert probe_of(documents(24), nsp=False).labels is None


@pytest.mark.parametrize("nsp", [True, False])
def test_the_measured_loss_does_not_depend_on_how_the_probe_is_sliced(nsp, monkeypatch):
    mlm, probe = model(nsp, init_std=0.3), probe_of(documents(24), nsp=nsp)
    names = {"mlm_loss", "mlm_acc"} | ({"nsp_loss", "nsp_acc"} if nsp else set())
    found = []
    for size in (10**6, 1, 7, 64):
        monkeypatch.setattr(sys.modules[Model.__module__], "SLICE", size)
        found.append(mlm.measure(probe))
        assert set(found[-1]) == names
        assert found[-1] == pytest.approx(found[0], abs=1e-5)


def test_the_measured_figures_agree_with_a_loop_over_sequences():
    mlm, probe = model(init_std=0.3).eval(), probe_of(documents(6))
    found = {name: [] for name in ("mlm_loss", "mlm_acc", "nsp_loss", "nsp_acc")}
    for i in range(len(probe)):
        one = probe[[i]]
        scores = mlm.scores(one)
        for name, targets in (("mlm", targets_of(one)), ("nsp", one.labels)):
            z = scores[name].data.astype(float)
            own = z[np.arange(len(targets)), targets]
            found[f"{name}_loss"] += (np.log(np.exp(z).sum(axis=1)) - own).tolist()
            found[f"{name}_acc"] += (z.argmax(axis=1) == targets).tolist()
    expected = {k: pytest.approx(np.mean(v), abs=1e-5) for k, v in found.items()}
    assert mlm.measure(probe) == expected


def test_a_probe_that_measures_nothing_is_refused():
    empty = mask_tokens(Batch([TOK.cls_id, TOK.sep_id], [0, 2], labels=[1]), TOK,
                        rng=np.random.default_rng(0))
    with pytest.raises(DataError, match="nothing is masked"):
        model().measure(empty)
    with pytest.raises(DataError, match="nsp needs the labels 0 and 1"):
        model().measure(probe_of(documents(3), nsp=False))


def test_the_unigram_loss_agrees_with_a_loop():
    train, probe = documents(24), probe_of(documents(6, seed=1))
    counts = Counter(i for d in train for s in d for i in TOK.encode(s))
    words = TOK.vocab_size - 4  # all but PAD, CLS, SEP and MASK
    total = sum(counts.values()) + words
    expected = -np.mean([np.log((counts[t] + 1) / total) for t in targets_of(probe).tolist()])
    assert unigram_loss(Corpus(train, TOK), probe) == pytest.approx(expected, abs=1e-12)


def test_a_probe_without_words_has_no_unigram_loss():
    probe = Batch([TOK.cls_id, TOK.sep_id], [0, 2], token_labels=[TOK.sep_id, -100])
    with pytest.raises(DataError, match="asks for no word of the text.*make one that asks"):
        unigram_loss(Corpus(documents(), TOK), probe)


@pytest.mark.parametrize("options, words", [
    ({"size": 0}, "size is 0, expected a whole number, 1 or more"),
    ({"size": -1}, "size is -1"),
    ({"size": 2.5}, "size is 2.5"),
    ({"max_length": "16"}, "max_length is '16'"),
    ({"corrupt": "mask_tokens"}, "corrupt is 'mask_tokens', expected a function"),
])
def test_a_probe_that_cannot_be_made_is_refused(options, words):
    with pytest.raises(ConfigError, match=f"make_probe: {words}"):
        make_probe(documents(), TOK, **{"max_length": 20, **options}, rng=np.random.default_rng(0))


def test_an_unknown_word_of_the_held_out_text_has_a_finite_unigram_loss():
    probe = probe_of([["cat dog", "ÿ ÿ"]], nsp=False)
    assert TOK.unk_id in targets_of(probe)
    loss = unigram_loss(Corpus(documents(), TOK), probe)
    assert np.isfinite(loss) and loss > np.log(TOK.vocab_size)


# ---- training ----


@pytest.mark.parametrize("nsp", [True, False])
def test_the_loss_falls_below_the_unigram_loss_to_what_the_topic_tells(nsp):
    train, held_out = hold_out(documents(60), 0.2)
    mlm = model(nsp)
    history = pretrain(mlm, train, steps=600, batch_size=32, lr=1e-2, every=200, held_out=held_out,
                       rng=np.random.default_rng(0))
    assert history.at("mlm_loss").tolist() == [0, 200, 400, 600]
    assert history.at("train_mlm").tolist() == [200, 400, 600]
    assert history.at("unigram").tolist() == [0]
    assert history["unigram"][0] == pytest.approx(np.log(9), abs=0.1)
    assert history["mlm_loss"][0] == pytest.approx(np.log(TOK.vocab_size), abs=0.1)
    assert history["mlm_loss"][-1] == pytest.approx(np.log(3), abs=0.2)
    assert not any(m.training for m in mlm.modules())
    if nsp:  # a false second has the same topic one time in three: 5/6 is the most there is
        assert history["nsp_acc"][-1] > 0.7 > history["nsp_acc"][0]
    else:
        (answers,) = mlm.fill_mask("red blue pink red [MASK] pink", k=3)
        assert {word for word, _ in answers} == set(TOPICS[1])
        assert sum(share for _, share in answers) > 0.9


def test_where_each_document_has_a_word_of_its_own_the_next_sentence_is_told_from_others():
    """A false second comes from a document of the same word one time in 16: 31/32 is the most."""
    words = "cat dog cow red blue pink rice tea soup sun moon star oak elm fir ash".split()

    def texts(n, seed):
        rng = np.random.default_rng(seed)
        return [[" ".join([words[d % 16]] * rng.integers(2, 5)) for _ in range(4)]
                for d in range(n)]

    tok = WordPiece.train(words, vocab_size=120)
    rng = np.random.default_rng(0)
    config = EncoderConfig(vocab_size=tok.vocab_size, hidden_size=32, num_layers=1, num_heads=2,
                           intermediate_size=64, max_positions=20, dropout=0.0, init_std=0.1)
    mlm = MaskedLM(Encoder(config, tokenizer=tok, rng=rng), rng=rng)
    history = pretrain(mlm, texts(64, 0), steps=300, batch_size=32, lr=4e-3, every=300,
                       held_out=texts(64, 1), rng=rng)
    assert history["nsp_acc"][-1] > 0.9 > 0.7 > history["nsp_acc"][0]


@pytest.mark.parametrize("nsp", [True, False])
def test_the_same_seed_gives_the_same_bits_whether_measured_or_not(nsp):
    def run(seed, **options):
        mlm = model(nsp, dropout=0.1, width=4)
        history = pretrain(mlm, documents(), steps=7, batch_size=8, every=3,
                           rng=np.random.default_rng(seed), **options)
        return bits(mlm), history.rows

    held_out = documents(3, seed=9)
    one, two = run(0, held_out=held_out), run(0, held_out=held_out)
    assert one == two and one[0] != run(1)[0]
    assert run(0)[0] == one[0] != bits(model(nsp, dropout=0.1, width=4))


def test_without_held_out_text_the_history_holds_the_training_loss_to_the_last_step():
    history = pretrain(model(width=4), documents(), steps=7, batch_size=200, every=3,
                       rng=np.random.default_rng(0))
    assert history.step.tolist() == [0, 3, 6, 7]
    assert history.metrics == ["tokens", "loss", "train_mlm", "train_nsp"]
    assert history.at("loss").tolist() == history.at("train_mlm").tolist() == [3, 6, 7]
    np.testing.assert_allclose(history["loss"], history["train_mlm"] + history["train_nsp"])


def test_progress_counts_every_step_to_the_total():
    seen = []
    pretrain(model(width=4), documents(), steps=3, batch_size=4, every=2,
             progress=lambda *args: seen.append(args), rng=np.random.default_rng(0))
    assert [s[:2] for s in seen] == [(1, 3), (2, 3), (3, 3)]
    assert all(s[2].startswith("loss ") and "tokens/s" in s[2] for s in seen)


def test_a_frozen_body_is_not_changed_and_runs_without_dropout():
    mlm = model(dropout=0.5, width=4)
    freeze(mlm, "encoder.")
    before, heads = bits(mlm.encoder), bits(mlm)
    modes = []
    pretrain(mlm, documents(), steps=4, batch_size=8, every=2, held_out=documents(2, seed=1),
             progress=lambda *_: modes.append((mlm.training, mlm.encoder.training)),
             rng=np.random.default_rng(0))
    assert modes == [(True, False)] * 4
    assert bits(mlm.encoder) == before and bits(mlm) != heads


def test_the_model_is_in_evaluation_mode_also_after_an_interrupt():
    def stop(*_):
        raise KeyboardInterrupt

    mlm = model(width=4)
    with pytest.raises(KeyboardInterrupt):
        pretrain(mlm, documents(), steps=3, batch_size=4, progress=stop,
                 rng=np.random.default_rng(0))
    assert not any(m.training for m in mlm.modules())


@pytest.mark.parametrize("docs, options, error, words", [
    ([], {}, DataError, "the documents hold no token"),
    ([["cat"], ["dog"]], {}, DataError, "no document has two sentences"),
    (documents(), {"held_out": []}, DataError, "the documents hold no token"),
    (documents(), {"steps": 0}, ConfigError, "is 0, expected a whole number, 1 or more"),
    (documents(), {"batch_size": 0}, ConfigError, "is 0, expected a whole number, 1 or more"),
    (documents(), {"every": 0}, ConfigError, "is 0, expected a whole number, 1 or more"),
    (documents(), {"micro_batch": 0}, ConfigError, "is 0, expected a whole number, 1 or more"),
    (documents(), {"patience": 0, "held_out": documents(2)}, ConfigError,
     "patience is 0, expected a whole number, 1 or more"),
    (documents(), {"patience": 1}, ConfigError, "patience needs held_out"),
    (documents(), {"resume": True}, ConfigError, "resume needs the folder"),
    (documents(), {"layout": "heap"}, ConfigError, "layout is 'heap', expected one of segments"),
    (documents(), {"lr": 0}, ConfigError, "lr is 0"),
    (documents(), {"lr": float("nan")}, ConfigError, "lr is nan"),
    (documents(), {"lr": "1"}, ConfigError, "lr is '1'"),
    (documents(), {"steps": "3"}, ConfigError, "steps is '3'"),
    (documents(), {"batch_size": 2.5}, ConfigError, "batch_size is 2.5"),
    (["cat dog", "red"], {}, DataError, "expected a list of sentences"),
    ({}, {}, ConfigError, "documents are an empty dict, expected at least one text"),
    ({1: documents()}, {}, DtypeError, "the names of the texts.* is int"),
    (documents(), {"probes": {"x": [["text"]]}}, ConfigError, "probes are .*a dict of batches"),
    (documents(), {"probes": [1]}, ConfigError, r"probes are \[1\], expected a dict of batches"),
    (documents(), {"corrupt": "mask_tokens"}, ConfigError, "corrupt is 'mask_tokens', expected a"),
    (documents(), {"shares": {"text": "much"}}, ConfigError, "shares are .'much'., expected 1"),
    (documents(), {"origin": Path("x")}, ConfigError, "origin is .*, expected a string"),
    (documents(), {"step": 1}, ConfigError, "no option step, expected one of steps, .*patience$"),
])
def test_what_cannot_be_trained_is_refused_before_it_starts(docs, options, error, words):
    mlm = model(width=4)
    before = bits(mlm)
    with pytest.raises(error, match=words):
        pretrain(mlm, docs, **{"steps": 2, **options}, rng=np.random.default_rng(0))
    assert bits(mlm) == before


def test_an_encoder_without_a_tokenizer_is_refused():
    with pytest.raises(ConfigError, match="no tokenizer; pass one to Encoder"):
        pretrain(model(tokenizer=None), documents(), steps=1, rng=np.random.default_rng(0))


def test_what_lacks_is_named():
    with pytest.raises(ConfigError, match="pretrain: there is no option step, .*; it lacks steps"):
        pretrain(model(width=4), documents(), step=1, rng=np.random.default_rng(0))


@pytest.mark.parametrize("options, words", [
    ({"probes": [1]}, "probes are"), ({"shares": [1]}, "shares are"),
    ({"shares": {"text": 0.5}}, "shares are"), ({"layout": "nix"}, "pretrain: layout is 'nix'"),
    ({"lr": 0}, "pretrain: lr is 0"), ({"resume": True}, "resume needs"),
])
def test_no_text_is_cut_before_the_arguments_are_known_to_be_right(options, words, monkeypatch):
    def cut(*_):
        raise AssertionError("a text was cut")

    monkeypatch.setattr(WordPiece, "encode", cut)
    with pytest.raises(ConfigError, match=words):
        pretrain(model(width=4), documents(), **{"steps": 1, **options},
                 rng=np.random.default_rng(0))


def test_an_encoder_has_nothing_to_pretrain():
    with pytest.raises(ConfigError, match="pretrain: model is Encoder, expected a model with heads"):
        pretrain(model(width=4).body, documents(), steps=1, rng=np.random.default_rng(0))


def test_a_seed_is_no_generator():
    with pytest.raises(ConfigError, match="rng is 3, expected a generator"):
        pretrain(model(width=4), documents(), steps=1, rng=3)


def test_weights_that_are_not_finite_stop_the_run_with_the_step():
    mlm = model(width=4)
    bias = mlm.heads["mlm"].bias
    bias.assign(np.full(bias.shape, np.inf))
    with pytest.raises(NonFiniteError, match="step 1: the loss is"), np.errstate(all="ignore"):
        pretrain(mlm, documents(), steps=2, rng=np.random.default_rng(0))


# ---- pieces of a batch, early stop, tokens ----


@pytest.mark.parametrize("nsp", [True, False])
@pytest.mark.parametrize("micro_batch", [1, 3, 7])
def test_gradients_of_the_slices_add_up_to_those_of_the_whole_batch(nsp, micro_batch):
    """Slices have different numbers of masked tokens, so the mean of their losses would be off."""
    mlm = model(nsp).astype(np.float64)
    masked = probe_of(documents(3), nsp, size=16)
    whole, parts, _ = mlm.loss(masked)
    whole.backward()
    want = [p.grad for p in mlm.parameters()]
    mlm.zero_grad()
    total = dict.fromkeys(parts, 0.0)
    for piece in mlm.packs(masked, micro_batch):
        loss, found, _ = mlm.loss(piece)
        loss.backward()
        total = {name: total[name] + found[name] for name in total}
    assert total == pytest.approx(parts, rel=1e-12)
    for p, g in zip(mlm.parameters(), want):
        np.testing.assert_allclose(p.grad, g, rtol=1e-9, atol=1e-12)


def half_masked():
    """Three pairs, of which the second has no mask and the others two and one."""
    masked = probe_of(documents(3), nsp=True, size=3)
    rows = rows_of(masked)
    first, last = masked.offsets[1], masked.offsets[2]
    keep = np.append(rows[rows < first][:2], rows[rows >= last][:1])
    assert len(keep) == 3
    return labelled(masked, keep, masked.token_labels[keep])


def test_a_part_without_a_mask_counts_for_the_pairs_alone():
    """Its pair label must still be learnt: of the shares of both heads none may be lost."""
    mlm, masked = model(True).astype(np.float64), half_masked()
    parts = mlm.packs(masked, 1)
    third = pytest.approx(1 / 3)
    assert [part.shares for part in parts] == [
        {"mlm": pytest.approx(2 / 3), "nsp": third}, {"nsp": third}, {"mlm": third, "nsp": third}]
    mlm.loss(masked).total.backward()
    want = [p.grad for p in mlm.parameters()]
    mlm.zero_grad()
    losses = [mlm.loss(part) for part in parts]
    assert list(losses[1].parts) == ["nsp"] and losses[1].parts["nsp"] > 0
    for loss in losses:
        loss.total.backward()
    whole = mlm.loss(masked)
    assert sum(loss.total.item() for loss in losses) == pytest.approx(whole.total.item(), abs=1e-9)
    for name, value in whole.parts.items():
        assert sum(loss.parts.get(name, 0) for loss in losses) == pytest.approx(value, abs=1e-9)
    for p, g in zip(mlm.parameters(), want):
        np.testing.assert_allclose(p.grad, g, rtol=0, atol=1e-9)


def test_a_part_without_a_mask_is_measured_for_its_pairs(monkeypatch):
    mlm, masked = model(True).astype(np.float64), half_masked()
    found = []
    for size in (64, 1):  # alone, the second pair is a slice without a mask
        monkeypatch.setattr(sys.modules[Model.__module__], "SLICE", size)
        found.append(mlm.measure(masked))
    loss = mlm.loss(masked)
    for figures in found:
        assert figures["mlm_loss"] == pytest.approx(loss.parts["mlm"], abs=1e-9)
        assert figures["nsp_loss"] == pytest.approx(loss.parts["nsp"], abs=1e-9)
    assert found[0] == pytest.approx(found[1], abs=1e-9)


@pytest.mark.parametrize("nsp", [True, False])
def test_a_slice_without_a_mask_does_not_lose_its_pairs(nsp):
    """A corruption of one's own may hide nothing in some sequences."""

    def first_only(batch, tokenizer, *, rng):
        masked = mask_tokens(batch, tokenizer, rng=rng)
        keep = rows_of(masked) < batch.offsets[1]
        return labelled(masked, rows_of(masked)[keep], targets_of(masked)[keep])

    def run(micro_batch):
        mlm = model(nsp).astype(np.float64)
        history = pretrain(mlm, documents(9), steps=3, batch_size=8, lr=1e-2, corrupt=first_only,
                           micro_batch=micro_batch, rng=np.random.default_rng(0))
        return history.rows, mlm.state_dict()

    (rows_a, a), (rows_b, b) = run(None), run(2)
    for row_a, row_b in zip(rows_a, rows_b, strict=True):
        assert row_a == pytest.approx(row_b, rel=1e-9)
    for name in a:
        np.testing.assert_allclose(a[name], b[name], rtol=1e-6, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("micro_batch", [None, 2])
def test_a_corruption_that_hides_nothing_is_refused(micro_batch):
    def nothing(batch, tokenizer, *, rng):
        return labelled(batch, [], [])

    with pytest.raises(DataError, match="no token"):
        pretrain(model(False), documents(9), steps=1, batch_size=8, corrupt=nothing,
                 micro_batch=micro_batch, rng=np.random.default_rng(0))


def test_training_in_slices_gives_the_weights_of_training_in_whole_batches():
    def run(micro_batch):
        mlm = model(True).astype(np.float64)
        history = pretrain(mlm, documents(), steps=5, batch_size=16, every=5, lr=1e-2,
                           micro_batch=micro_batch, rng=np.random.default_rng(0))
        return mlm.state_dict(), history["train_mlm"]

    (a, loss_a), (b, loss_b) = run(None), run(5)
    np.testing.assert_allclose(loss_a, loss_b, rtol=1e-9)
    for name in a:
        np.testing.assert_allclose(a[name], b[name], rtol=1e-5, atol=1e-7, err_msg=name)


def test_patience_stops_a_run_that_no_longer_gets_better():
    mlm = model(False, width=4)
    history = pretrain(mlm, documents(), steps=400, batch_size=4, lr=0.3, every=1, patience=3,
                       held_out=documents(3, seed=9), rng=np.random.default_rng(0))
    losses = history["mlm_loss"]
    assert history.step[-1] < 400 and losses.argmin() == len(losses) - 4


class Scripted(MaskedLM):
    """A model whose figures are read off a list, in the order in which they are measured."""

    def measure(self, batch):
        return next(self.script)


def run_of(script, head="mlm", **options):
    """The steps at which such a run measures, until a patience of 2 ends it."""
    encoder = model(width=4).encoder
    lm = Scripted(encoder, rng=np.random.default_rng(0))
    lm.heads = {head: lm.heads.pop(head), **lm.heads}
    lm.script = iter(script)
    history = pretrain(lm, documents(), steps=5, batch_size=2, every=1, patience=2,
                       rng=np.random.default_rng(0), **options)
    return history.step.tolist()


def figures(mlm, nsp):
    """Named in another order than the heads, which alone say what is watched."""
    return [{"nsp_loss": b, "mlm_loss": a} for a, b in zip(mlm, nsp)]


def test_patience_watches_the_loss_of_the_first_head():
    held_out = documents(2, seed=1)
    rises, falls = [1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1]
    assert run_of(figures(rises, falls), held_out=held_out) == [0, 1, 2]
    assert run_of(figures(falls, rises), held_out=held_out) == [0, 1, 2, 3, 4, 5]
    assert run_of(figures(falls, rises), "nsp", held_out=held_out) == [0, 1, 2]


def test_patience_begins_anew_with_each_lower_loss_and_an_equal_one_is_none():
    zero = [0] * 6
    held_out = documents(2, seed=1)
    assert run_of(figures([5, 6, 4, 4, 5, 3], zero), held_out=held_out) == [0, 1, 2, 3, 4]
    assert run_of(figures([5, 6, 4, 5, 3, 2], zero), held_out=held_out) == [0, 1, 2, 3, 4, 5]


def test_of_several_probes_patience_watches_the_mean():
    probes = {name: probe_of(documents(2, seed=1)) for name in ("a", "b")}

    def both(a, b):  # measured in turn
        return figures([x for two in zip(a, b) for x in two], [0] * 12)

    # b falls by more than a rises, and then by less
    assert run_of(both([1, 2, 3, 4, 5, 6], [9, 7, 5, 3, 1, -1]), probes=probes)[-1] == 5
    assert run_of(both([1, 3, 5, 7, 9, 11], [9, 8, 7, 6, 5, 4]), probes=probes)[-1] == 2


def test_tokens_are_counted():
    history = pretrain(model(False, width=4), documents(2), steps=4, batch_size=8, every=2,
                       rng=np.random.default_rng(0))
    batch = 8 * (4 * 6 * 5 / 8 + 2)  # segments of one to three sentences of six words
    assert history["tokens"][0] == 0 < history["tokens"][1] < history["tokens"][2] <= 4 * batch * 2


def test_the_rate_rises_falls_to_a_twentieth_and_matrices_alone_decay(monkeypatch):
    """8 % of the steps to the full rate, then to 5 % of it; a weight without gradient shrinks."""
    factors, groups = [], []

    def spy(model, batches, loss_fn, optimizer, **options):
        groups[:] = [(g.weight_decay, {p.ndim for p in g.params}) for g in optimizer.groups]
        for step in train_steps(model, batches, loss_fn, optimizer, **options):
            factors.append(step.factor)
            yield step

    monkeypatch.setattr(import_module("npft.nn.fit"), "train_steps", spy)
    pretrain(model(width=4), documents(), steps=50, batch_size=2, every=50,
             rng=np.random.default_rng(0))
    assert factors[:5] == pytest.approx([0.25, 0.5, 0.75, 1.0, 0.05 + 0.95 * 45 / 46])
    assert factors[-1] == pytest.approx(0.05) and len(factors) == 50
    assert groups == [(0.01, {2}), (0.0, {1})]
