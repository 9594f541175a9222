"""The size figure: a dot for each number, and the deviation of the title is the largest one."""

from matplotlib.figure import Figure

from npft import plots
from npft.experiments.sizes import size_rows


def test_sizes_figure_draws_every_number_and_says_what_was_not_published():
    axes, rows = Figure(figsize=(20, 5)).subplots(1, 4), size_rows()
    plots.draw_sizes(axes, rows)
    full = [line.get_xdata()[0] for line in axes[0].lines if line.get_markersize() == 8]
    assert full == [row["counted"] for row in rows]
    hollow = [line.get_xdata()[0] for line in axes[0].lines if line.get_markersize() == 13]
    assert hollow == [row["published"] for row in rows[1:]]
    assert [t.get_text() for t in axes[3].texts].count("not published") == 1
    said = axes[0].figure._suptitle.get_text()
    assert "469 times" in said
    claimed = float(said.split("within ")[1].split("%")[0])
    largest = max(abs(row["off"]) for row in rows[1:])
    assert largest <= claimed / 100 < largest + 0.001
    assert "8.94 GB" in [t.get_text() for t in axes[2].texts]
