"""The figure of taggers: each tagger has its three means, and the title says the two that count."""

from matplotlib.figure import Figure

from npft import plots


def test_taggers_figure_draws_the_mean_and_range_of_each_figure_over_the_seeds():
    cells = [
        {"tagger": tagger, "seed": seed, "n": 120, "outer_f1": outer + seed / 10,
         "inner_f1": inner, "f1": inner / 2}
        for tagger, outer, inner in (("token", 0.6, 0.0), ("mean", 0.8, 0.5))
        for seed in (0, 1)
    ]
    ax = Figure().subplots()
    plots.draw_taggers(ax, cells)
    ranges, points = ax.lines[::2], ax.lines[1::2]
    assert [round(float(p.get_ydata()[0]), 9) for p in points] == [0.65, 0, 0, 0.85, 0.5, 0.25]
    assert list(ranges[0].get_ydata()) == [0.6, 0.7]
    assert "words 0.00, spans 0.50 (120 texts, 2 seeds)" in ax.get_title()
    assert len({float(p.get_xdata()[0]) for p in points}) == 6
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["outer entities", "entities inside others", "all entities"]
    assert len(ax.get_xticklabels()) == 2 and "F1" in ax.get_ylabel()
