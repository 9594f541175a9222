"""The figures: what is drawn is what was measured, and everything is labelled."""

import json
import runpy
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from npft import History, plots
from npft.errors import ConfigError

FIGURES = Path(__file__).parents[2] / "figures"


@pytest.fixture
def ax():
    return Figure().subplots()


def history(losses, unigram=5.0):
    h = History()
    for i, loss in enumerate(losses):
        h.add(10 * i, mlm_loss=loss, **({"train_mlm": loss - 0.1} if i else {"unigram": unigram}))
    return h


def texts(ax):
    return " | ".join(t.get_text() for t in ax.texts)


def test_mlm_figure_shows_the_mean_the_range_and_both_guesses(ax):
    plots.draw_mlm(ax, [history([7, 4, 2]), history([7, 5, 3])], 1000)
    curve, training, even, unigram = ax.lines
    assert curve.get_ydata().tolist() == [7, 4.5, 2.5]
    assert training.get_ydata().round(9).tolist() == [4.4, 2.4]
    assert even.get_ydata()[0] == np.log(1000) and unigram.get_ydata()[0] == 5.0
    assert "2.5 nats" in ax.get_title() and "2 seeds" in ax.get_title()
    assert "nats" in ax.get_ylabel() and "step" in ax.get_xlabel()
    assert "unigram" in texts(ax)


def test_step_sizes_figure_names_the_best_error_of_each_difference(ax):
    steps = np.array([1e-1, 1e-2, 1e-3])
    errors = {
        "central, float32": [[1e-2, 1e-5, 1e-1], [3e-2, 3e-5, 3e-1]],
        "central, float64": [[1e-2, 1e-5, 1e-9], [3e-2, 1e-5, 3e-9]],
        "complex step": [[1e-2, 1e-9, 0.0], [1e-2, 1e-9, 0.0]],
    }
    plots.draw_step_sizes(ax, steps, errors)
    assert [line.get_ydata()[-1] for line in ax.lines] == pytest.approx([2e-1, 2e-9, 1e-17])
    assert "best: 2e-05" in texts(ax) and "best: 2e-09" in texts(ax)
    assert all(name in texts(ax) for name in errors)
    assert "step" in ax.get_xlabel() and "relative error" in ax.get_ylabel()
    assert ax.xaxis_inverted()


def test_attention_map_has_a_cell_for_each_pair_and_marks_what_is_hidden(ax):
    weights = np.array([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.2, 0.3, 0.5]])
    plots.draw_attention(ax, weights, ["a", "b", "c"], "causal")
    np.testing.assert_array_equal(ax.images[0].get_array(), weights)
    assert sorted(t.get_position() for t in ax.texts) == [(1, 0), (2, 0), (2, 1)]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["a", "b", "c"]
    assert ax.get_ylabel() == "token" and ax.get_title() == "causal"


def test_decay_figure_draws_the_means_of_heads_that_fall_with_distance_and_of_the_others(ax):
    distance = np.array([1, 2, 4])
    heads = {"random": np.full((2, 3), 0.1), "trained": np.array([[0.4, 0.2, 0.1], [0.1] * 3])}
    plots.draw_decay(ax, distance, heads, {"random": [-0.01, 0.0], "trained": [1.0, 0.0]})
    random, wide, local = ax.lines
    np.testing.assert_allclose(random.get_ydata(), [0.1] * 3)
    np.testing.assert_allclose(wide.get_ydata(), [0.1] * 3)
    np.testing.assert_allclose(local.get_ydata(), [0.4, 0.2, 0.1])
    assert "random: 2 of\n2 heads, γ < 0.5" in texts(ax)
    assert "trained: 1 of\n2 heads, γ > 0.5" in texts(ax)
    assert "distance" in ax.get_xlabel() and ax.get_xscale() == ax.get_yscale() == "log"


def test_masking_audit_draws_shares_beside_what_is_expected(ax):
    counts = {"of tokens": 1000, "of chosen": 150, "chosen": 150, "[MASK]": 120, "kept": 30}
    plots.draw_masking_audit(ax, counts, {"chosen": 0.15, "[MASK]": 0.8, "kept": 0.1})
    assert [b.get_height() for b in ax.patches] == pytest.approx([0.15, 0.8, 0.2])
    assert [line.get_ydata()[0] for line in ax.lines] == [0.15, 0.8, 0.1]
    assert "10.0%" in ax.get_title() and "20.0%" in texts(ax) and "1,000" in ax.get_xlabel()


def test_span_figure_tells_the_mean_drawn_and_expected(ax):
    plots.draw_span_lengths(ax, [6, 2, 1, 1], np.array([0.5, 0.25, 0.15, 0.1]))
    assert [b.get_height() for b in ax.patches] == pytest.approx([0.6, 0.2, 0.1, 0.1])
    assert "1.70 words, 1.85 expected" in ax.get_title() and "words" in ax.get_xlabel()


def test_pieces_figure_has_a_box_for_each_piece_and_tells_whole_words_from_parts(ax):
    cuts = {
        "bytes": ([b"a", b" ", b"\xc3", b"\xab"], None),
        "pieces": (["a", "b", "##c", "[UNK]"], [0, 1, 1, 2]),
    }
    plots.draw_pieces(ax, "a bc", cuts)
    shown = ["a", "\N{OPEN BOX}", "C3", "AB", "a", "b", "##c", "[UNK]"]
    kinds = ["a whole word", "part of a word", "unknown"]
    assert [t.get_text() for t in ax.texts] == shown + kinds
    assert [t.get_text() for t in ax.get_yticklabels()] == ["bytes\n4 tokens", "pieces\n4 tokens"]
    word, part, unknown = (box.get_edgecolor() for box in ax.patches[-3:])
    assert [box.get_edgecolor() for box in ax.patches[:-3]] == (
        [part] * 4 + [word, part, part, unknown])
    for box, text in zip(ax.patches, ax.texts):  # each text stands in the middle of its own box
        assert box.get_center() == pytest.approx(text.get_position())
    edges = [(box.get_x(), box.get_x() + box.get_width()) for box in ax.patches[:4]]
    assert all(end <= begin for (_, end), (begin, _) in pairwise(edges))
    plots.draw_pieces(ax, "a b", {"x": (["a", "b", "c"], [0, 1, 2]), "y": (["a", "[UNK]"], [0, 1])})
    assert ax.get_title() == "3 tokens or 2, but 1 of the 2 are [UNK]\na b"


def vocabulary_cells():
    return [
        {"seed": seed, "tokenizer": name, "text": text, "allowed": size,
         "per_word": 1 + k + 0.2 * seed + 100 / size, "whole": 0.5 - 0.1 * k + size / 10_000,
         "clean": 1.0 if name in ("BPE", "Unigram") else 0.4}
        for seed in range(2)
        for k, text in enumerate(("world", "sms", "clinic"))
        for name in ("BPE", "WordPiece", "Unigram", "words")
        for size in (500, 250, 1000)
    ]


def test_tokens_per_word_figure_draws_the_mean_over_the_seeds_in_order_of_size():
    axes = Figure().subplots(1, 2)
    cells = [cell for cell in vocabulary_cells() if cell["tokenizer"] != "words"]
    plots.draw_tokens_per_word(axes, cells)
    assert [len(ax.lines) for ax in axes] == [6, 3]
    for ax, start in zip(axes, (1.1, 3.1)):
        assert ax.lines[0].get_xdata().tolist() == [250, 500, 1000]
        assert ax.lines[0].get_ydata() == pytest.approx([start + 0.4, start + 0.2, start + 0.1])
    assert "2.2" in axes[0].get_title() and "3.1" in axes[1].get_title()
    assert all(f"{name} 3.20" in texts(axes[1]) for name in ("BPE", "WordPiece", "Unigram"))
    assert "2 seeds" in axes[0].get_xlabel() and "held-out" in axes[0].get_ylabel()


def test_coverage_figure_sets_whole_words_beside_texts_without_unknown_ones():
    left, right = axes = Figure().subplots(1, 2)
    plots.draw_coverage(axes, vocabulary_cells())
    assert [line.get_ydata()[-1] for line in left.lines] == pytest.approx([0.6] * 3 + [0.4] * 3)
    assert left.get_title() == "1,000 pieces, whole words:\nown field 60%, other 40%"
    *shares, bytewise = right.lines
    assert all(line.get_ydata() == pytest.approx([0.4] * 3) for line in shares)
    assert list(bytewise.get_ydata()) == [1.0, 1.0] and "60% of the texts have [UNK]" in right.get_title()
    assert "words 0.40" in texts(right) and "Unigram: 100%" in texts(right)


def test_tasks_figure_counts_the_tasks_that_are_neither_too_hard_nor_saturated(ax):
    cells = [
        {"task": t, "seed": s, "majority": 0.1, "words": None, "tuned": tuned,
         "blind": None if s or t == "d" else 0.5}
        for t, tuned in (("a_b", 0.9), ("c", 0.99), ("d", 0.7))
        for s in range(2)
    ]
    plots.draw_tasks(ax, cells, ("a_b", "c", "d"))
    assert "on 1 of 3 tasks (2 seeds)" in ax.get_title() and "F1" in ax.get_xlabel()
    assert [t.get_text() for t in ax.get_yticklabels()] == ["d", "c", "a b"]
    marks = [line for line in ax.lines if line.get_marker() not in (None, "None", "")]
    assert [t.get_text() for t in ax.get_legend().get_texts()] == [
        "most frequent answer", "encoder", "encoder, order lost (seeds: 1)"
    ]  # said once, though the first row drawn has no such answer
    assert sorted(float(m.get_xdata()[0]) for m in marks) == [
        0.1, 0.1, 0.1, 0.5, 0.5, 0.7, 0.9, 0.99
    ]  # fmt: skip


def test_regimes_figure_draws_one_curve_for_each_regime_and_labels_it(ax):
    cells = [
        {"regime": r, "seed": s, "n": 640, "f1": 0.7, "curve": [0.1, 0.2 + 0.1 * i + 0.02 * s]}
        for i, r in enumerate(("head", "last", "scratch", "full"))
        for s in range(3)
    ]
    cells += [{"regime": "words", "seed": s, "n": 640, "f1": 0.6, "curve": []} for s in range(3)]
    plots.draw_regimes(ax, cells)
    *curves, always, words = ax.lines
    assert always.get_ydata()[0] == pytest.approx(2 / 3)
    assert sorted(c.get_ydata()[-1].round(9) for c in curves) == [0.22, 0.32, 0.42, 0.52]
    assert words.get_ydata()[0] == pytest.approx(0.6)
    for name in ("full", "full, random body", "last block", "head only", "bag of words"):
        assert name in texts(ax)
    assert "F1" in ax.get_ylabel() and "epoch" in ax.get_xlabel()


def test_few_shot_figure_draws_each_way_for_each_task_and_both_clozes_from_one_point():
    axes = Figure().subplots(1, 2)
    cells = [
        {"task": task, "how": how, "n": n, "seed": s,
         "accuracy": (i if task == "topic" else 2) * 0.1 + 0.01 * n + 0.02 * s}
        for task in ("topic", "sentiment")
        for i, how in enumerate(("prompt", "cloze", "head", "full", "words", "calibrated"))
        for n in (0, 2, 8)
        for s in range(3)
        if n or (how in ("prompt", "calibrated") and s == 0)
    ]
    plots.draw_few_shot(axes, cells)
    for ax, chance, ends in zip(axes, (1 / 8, 1 / 2), ((0.1, 0.2, 0.3, 0.4, 0.5, 0.6), [0.3] * 6)):
        *curves, dotted = ax.lines
        assert dotted.get_ydata()[0] == chance
        assert sorted(len(c.get_xdata()) for c in curves) == [2, 2, 2, 3, 3, 3]  # none without labels
        # with 8 labels the mean of three seeds, each 0.02 above the one before
        assert sorted(c.get_ydata()[-1] for c in curves) == pytest.approx(ends)
        assert "labelled" in ax.get_xlabel()
    for name in ("cloze, trained", "cloze, shown", "new head alone", "bag of words", "chance"):
        assert name in texts(axes[0])
    assert texts(axes[1]) == "every way | chance"  # names would stand for lines on one another
    assert axes[0].get_title() == "topic: 0.00 without a label,\nat best 0.60 with 8"


@pytest.mark.parametrize(
    "name",
    ["mlm_training", "regimes", "few_shot", "forgetting", "embeddings", "vocabulary", "robustness",
     "multi_task", "ablation", "labels", "rates", "depth", "pads", "decisions", "probe_ranks", "frozen_tags",
     "taggers", "span_threshold", "word_pieces", "pair_tasks", "pools", "replay_share", "repair_path", "task_matrix", "lost", "polysemy", "layers",
     "rdm", "spectrum", "cone", "similarity", "simcse", "contrast", "retrieval", "mini_mteb", "curse", "dapt", "electra_curve"],
)
def test_committed_results_are_of_five_seeds(name):
    results = json.loads((FIGURES / f"{name}.json").read_text(encoding="utf-8"))
    seeds = len(results) if name == "mlm_training" else len({c["seed"] for c in results})
    assert seeds == 5


FIGURE_NAMES = [
    "graph", "step_size", "tasks", "pieces", "tokens_per_word", "coverage", "mlm_training",
    "masking_audit", "objectives", "electra_curve", "sizes", "attention", "attention_decay", "adaptation", "languages",
    "curse", "dapt",
    "false_friend", "regimes", "few_shot", "forgetting", "repairs", "cone", "layers", "alignment",
    "lora", "when_to_tune", "probe_ranks",
    "temperature", "dropout",
    "speed", "robustness", "multi_task", "schedules", "ablation", "labels", "rates", "depth", "pads",
    "decisions", "frozen_tags", "taggers", "span_threshold", "word_pieces", "pools",
    "tradeoff", "drift", "replay_share", "repair_path",
    "task_matrix", "interference", "polysemy", "rogue", "frequency", "rdm", "spectrum",
    "bi_cross", "retrieval", "similarity", "cosines", "serving", "serving_real",
    "real_model", "real_forgetting",
]  # fmt: skip


@pytest.mark.parametrize("name", FIGURE_NAMES)
def test_committed_figures_are_there_and_in_the_gallery(name):
    assert 10_000 < (FIGURES / f"{name}.png").stat().st_size < 350_000  # quick to load
    assert f"]({name}.png)" in (FIGURES / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted(FIGURES.glob("[a-z]*.py")), ids=lambda path: path.stem)
def test_every_script_of_figures_can_be_loaded(path, monkeypatch):
    monkeypatch.syspath_prepend(str(FIGURES))
    runpy.run_path(str(path), run_name="loaded, not run")


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_a_figure_is_the_same_bytes_each_time(kind, tmp_path, monkeypatch):
    for name, day in (("a", "0"), ("b", "86400")):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", day)  # what matplotlib takes the time from
        path = tmp_path / f"{name}.{kind}"
        plots.save_figure(path, plots.draw_mlm, history([7, 4, 2]), 1000)
    assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


def test_a_figure_of_another_kind_is_refused_before_it_is_drawn(tmp_path):
    def draw(ax):
        raise AssertionError("it was drawn")

    for name in ("a.bmp", "a.png.txt", "a.b c"):
        with pytest.raises(ConfigError, match=f"{name}', expected .* ends in .*.jpg, .*.pdf, .*.svg"):
            plots.save_figure(tmp_path / "new" / name, draw)
    assert not list(tmp_path.iterdir())
    for name in ("plain", "LOUD.PNG"):
        plots.save_figure(tmp_path / name, lambda ax: None)
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_a_figure_is_of_every_kind_that_matplotlib_writes(tmp_path):
    for name, start in (("a.jpg", b"\xff\xd8"), ("a.JPEG", b"\xff\xd8"), ("a.eps", b"%!PS"),
                        ("a.webp", b"RIFF"), ("a.tif", b"II*\0"), ("a.svgz", b"\x1f\x8b")):
        plots.save_figure(tmp_path / name, lambda ax: ax.plot([0, 1]), width=2, height=2)
        assert (tmp_path / name).read_bytes().startswith(start), name


def test_layers_figure_draws_the_mean_over_the_seeds_for_each_state(ax):
    run = {"random": [0.9, 0.9], "mlm": [0.8, 0.4], "finetuned": [0.8, 0.3], "simcse 0.1": [0.8, 0.0]}
    plots.draw_layers(ax, [run, {k: [v + 0.1 for v in values] for k, values in run.items()}])
    assert [line.get_ydata()[-1].round(9) for line in ax.lines] == [0.95, 0.45, 0.35, 0.05]
    assert "(0.95)" in ax.get_title() and "0.45" in ax.get_title()
    assert "after SimCSE" in texts(ax)


def test_the_speed_figure_has_a_line_for_each_work_and_says_how_often_npft_is_faster():
    rows = [
        {"work": "step", "peer": "p", "threads": 1, "ratio": [0.9, 0.8, 1.1]},
        {"work": "step", "peer": "p", "threads": 2, "ratio": [0.7, 0.6, 0.8]},
        {"work": "other", "peer": "q", "threads": 1, "ratio": [1.2, 1.1, 1.3]},
    ]
    ax = Figure().subplots()
    plots.draw_speed(ax, rows)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["step / p", "other / q"]
    assert "faster in 2 of 3 by the median, in 1 by each" in ax.figure.get_suptitle()
    medians = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "o"]
    assert medians == [0.9, 0.7, 1.2]
