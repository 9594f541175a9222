"""Pretraining: honest held-out figures, and a run that repeats its bits."""

from collections import Counter
from importlib import import_module

import numpy as np
import pytest
from topics import TOK, TOPICS, bits, documents, model

from npft.errors import ConfigError, DataError, NonFiniteError
from npft.nn.loop import train_steps
from npft.nn.module import freeze
from npft.pretrain.masking import Masked, mask_tokens
from npft.pretrain.pairs import Corpus
from npft.pretrain.probe import evaluate_mlm, hold_out, make_probe, slices, unigram_loss
from npft.pretrain.train import pretrain
from npft.text.batch import Batch

def probe_of(docs, nsp=True, seed=0, **options):
    return make_probe(docs, TOK, nsp=nsp, max_length=20, rng=np.random.default_rng(seed), **options)


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


def test_no_share_leaves_nothing_to_train_on():
    train, held_out = hold_out(documents(20), 0.99)
    assert len(train) == 1 and len(held_out) == 19


# ---- measuring ----


def test_a_probe_is_frozen_so_measuring_twice_gives_the_same_numbers():
    mlm, probe = model(dropout=0.5).train(), probe_of(documents(6))
    mlm.encoder.embeddings.eval()  # as a frozen part is
    modes = [m.training for m in mlm.modules()]
    assert evaluate_mlm(mlm, probe) == evaluate_mlm(mlm, probe)
    assert [m.training for m in mlm.modules()] == modes
    again = probe_of(documents(6))
    assert again.batch.ids.tobytes() == probe.batch.ids.tobytes()
    assert (np.diff(probe.batch.lengths) >= 0).all()


def test_a_probe_holds_as_many_sequences_as_asked_for():
    assert len(probe_of(documents(24), size=10).batch) == 10
    assert len(probe_of(documents(24), nsp=False).batch) == 24 * 4
    assert len(probe_of(documents(24), nsp=True).batch) == 24 * 3
    assert probe_of(documents(24), nsp=False).batch.labels is None


@pytest.mark.parametrize("nsp", [True, False])
def test_the_measured_loss_does_not_depend_on_the_batch_size(nsp):
    mlm, probe = model(nsp, init_std=0.3), probe_of(documents(24), nsp=nsp)
    whole = evaluate_mlm(mlm, probe, batch_size=10**6)
    assert set(whole) == {"mlm_loss", "mlm_acc"} | ({"nsp_loss", "nsp_acc"} if nsp else set())
    for size in (1, 7, 64):
        part = evaluate_mlm(mlm, probe, batch_size=size)
        assert all(abs(part[k] - whole[k]) < 1e-5 for k in whole)


def test_the_measured_figures_agree_with_a_loop_over_sequences():
    mlm, probe = model(init_std=0.3).eval(), probe_of(documents(6))
    loss, right, pair_loss, pair_right = [], [], [], []
    for i in range(len(probe.batch)):
        a, b = probe.batch.offsets[i : i + 2]
        mine = (probe.rows >= a) & (probe.rows < b)
        one = Masked(probe.batch[[i]], probe.rows[mine] - a, probe.targets[mine])
        for z, t, losses, hits in zip(
            mlm.logits(one), (one.targets, one.batch.labels), (loss, pair_loss), (right, pair_right)
        ):
            z = z.data.astype(float)
            losses += (np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(t)), t]).tolist()
            hits += (z.argmax(axis=1) == t).tolist()
    expected = {"mlm_loss": loss, "mlm_acc": right, "nsp_loss": pair_loss, "nsp_acc": pair_right}
    found = evaluate_mlm(mlm, probe)
    assert {k: pytest.approx(np.mean(v), abs=1e-5) for k, v in expected.items()} == found


def test_a_probe_that_measures_nothing_is_refused():
    empty = mask_tokens(Batch([TOK.cls_id, TOK.sep_id], [0, 2], labels=[1]), TOK,
                        rng=np.random.default_rng(0))
    with pytest.raises(DataError, match="nothing is masked"):
        evaluate_mlm(model(), empty)
    with pytest.raises(DataError, match="finds no labels"):
        evaluate_mlm(model(), probe_of(documents(3), nsp=False))


def test_the_unigram_loss_agrees_with_a_loop():
    train, probe = documents(24), probe_of(documents(6, seed=1))
    counts = Counter(i for d in train for s in d for i in TOK.encode(s))
    words = TOK.vocab_size - 4  # all but PAD, CLS, SEP and MASK
    total = sum(counts.values()) + words
    expected = -np.mean([np.log((counts[t] + 1) / total) for t in probe.targets.tolist()])
    assert unigram_loss(Corpus(train, TOK), probe) == pytest.approx(expected, abs=1e-12)


def test_an_unknown_word_of_the_held_out_text_has_a_finite_unigram_loss():
    probe = probe_of([["cat dog", "ÿ ÿ"]], nsp=False)
    assert TOK.unk_id in probe.targets
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
    assert history.step.tolist() == [3, 6, 7] and history.metrics == ["train_mlm", "tokens"]
    assert np.isfinite(history["train_mlm"]).all()


def test_progress_counts_every_step_to_the_total():
    seen = []
    pretrain(model(width=4), documents(), steps=3, batch_size=4, every=2,
             progress=lambda *args: seen.append(args), rng=np.random.default_rng(0))
    assert [s[:2] for s in seen] == [(1, 3), (2, 3), (3, 3)]
    assert "train_mlm" in seen[-1][2] and all("tokens/s" in s[2] for s in seen)


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
    (documents(), {"patience": 0, "held_out": documents(2)}, ConfigError, "is 0, expected a whole number, 1 or more"),
    (documents(), {"patience": 1}, ConfigError, "patience needs held_out"),
    (documents(), {"resume": True}, ConfigError, "resume needs the folder"),
    (documents(), {"layout": "heap"}, ConfigError, "layout is 'heap', expected one of segments"),
    (documents(), {"lr": 0}, ConfigError, "lr is 0"),
    (documents(), {"lr": float("nan")}, ConfigError, "lr is nan"),
    (documents(), {"lr": "1"}, ConfigError, "lr is '1'"),
    (documents(), {"steps": "3"}, ConfigError, "steps is '3'"),
    (documents(), {"batch_size": 2.5}, ConfigError, "batch_size is 2.5"),
    (["cat dog", "red"], {}, DataError, "expected a list of sentences"),
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


def test_a_seed_is_no_generator():
    with pytest.raises(ConfigError, match="rng is 3, expected a generator"):
        pretrain(model(width=4), documents(), steps=1, rng=3)


def test_weights_that_are_not_finite_stop_the_run_with_the_step():
    mlm = model(width=4)
    bias = mlm.predictions.bias
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
    whole, parts = mlm.loss(masked)
    whole.backward()
    want = [p.grad for p in mlm.parameters()]
    mlm.zero_grad()
    total = dict.fromkeys(parts, 0.0)
    for piece in slices(masked, micro_batch):
        loss, found = mlm.loss(piece, whole=masked)
        loss.backward()
        total = {name: total[name] + found[name] for name in total}
    assert total == pytest.approx(parts, rel=1e-12)
    for p, g in zip(mlm.parameters(), want):
        np.testing.assert_allclose(p.grad, g, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("nsp", [True, False])
def test_a_slice_without_a_mask_does_not_lose_its_pairs(nsp):
    """A corruption of one's own may hide nothing in some sequences."""

    def first_only(batch, tokenizer, *, rng):
        masked = mask_tokens(batch, tokenizer, rng=rng)
        keep = masked.rows < batch.offsets[1]
        return Masked(masked.batch, masked.rows[keep], masked.targets[keep])

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
        return Masked(batch, np.zeros(0, int), np.zeros(0, int))

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


def test_tokens_are_counted():
    history = pretrain(model(False, width=4), documents(2), steps=4, batch_size=8, every=2,
                       rng=np.random.default_rng(0))
    batch = 8 * (4 * 6 * 5 / 8 + 2)  # segments of one to three sentences of six words
    assert 0 < history["tokens"][0] < history["tokens"][1] <= 4 * batch * 2


def test_the_rate_rises_falls_to_a_twentieth_and_matrices_alone_decay(monkeypatch):
    """8 % of the steps to the full rate, then to 5 % of it; a weight without gradient shrinks."""
    factors, groups = [], []

    def spy(model, batches, loss_fn, optimizer, **options):
        groups[:] = [(g.weight_decay, {p.ndim for p in g.params}) for g in optimizer.groups]
        for step in train_steps(model, batches, loss_fn, optimizer, **options):
            factors.append(step.factor)
            yield step

    monkeypatch.setattr(import_module("npft.pretrain.train"), "train_steps", spy)
    pretrain(model(width=4), documents(), steps=50, batch_size=2, every=50,
             rng=np.random.default_rng(0))
    assert factors[:5] == pytest.approx([0.25, 0.5, 0.75, 1.0, 0.05 + 0.95 * 45 / 46])
    assert factors[-1] == pytest.approx(0.05) and len(factors) == 50
    assert groups == [(0.01, {2}), (0.0, {1})]
