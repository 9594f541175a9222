"""The figures of adaptation and of languages: what is drawn is what was measured."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from npft import History, plots


def adapted(domain, seen, general):
    h = History()
    for i, (d, s, g) in enumerate(zip(domain, seen, general)):
        h.add(60 * i, domain_mlm_loss=d, seen_mlm_loss=s, general_mlm_loss=g, gap=d - s)
    return h


def words(ax):
    return " | ".join(t.get_text() for t in ax.texts)


def test_adaptation_shows_both_losses_of_both_texts_and_the_rise_of_the_general_one():
    axes = Figure().subplots(1, 2)
    runs = {
        "25 documents": [adapted([7, 3], [7, 1], [2, 5]), adapted([8, 4], [8, 2], [2, 5])],
        "2,000 documents": [adapted([7, 2], [7, 2], [2, 6]), adapted([7, 2], [7, 2], [2, 6])],
        "replay": [adapted([7, 2.5], [7, 2], [2, 2.5]), adapted([7, 2.5], [7, 2], [2, 2.5])],
    }
    plots.draw_adaptation(axes, runs)
    small, small_seen, large, large_seen, _ = axes[0].lines
    assert small.get_ydata().tolist() == [7.5, 3.5] and small_seen.get_ydata().tolist() == [7.5, 1.5]
    assert large.get_ydata()[-1] == large_seen.get_ydata()[-1] == 2
    assert axes[0].lines[4].get_ydata()[-1] == 2.5
    assert "gap 2.0 or 0.0 nats" in axes[0].get_title()
    assert [line.get_ydata()[-1] for line in axes[1].lines[1:]] == [5, 6, 2.5]
    assert "+4.0, replay +0.5" in axes[1].get_title()
    assert "25 documents" in words(axes[0]) and "held-out" in words(axes[0])
    assert "2 seeds" in axes[0].figure.get_suptitle()
    assert all("step" in ax.get_xlabel() for ax in axes) and "nats" in axes[0].get_ylabel()
    assert axes[0].get_ylim() == axes[1].get_ylim()


def cell(setting, seed, share, first, second):
    history = [{"step": 9, "first_mlm_loss": first, "second_mlm_loss": second}]
    return {"setting": setting, "seed": seed, "history": history,
            "shares": {"first": 1 - share, "second": share}}


def test_languages_shows_every_seed_and_says_what_alpha_gives_and_takes():
    ax = Figure().subplots()
    cells = [cell(1.0, 0, 0.05, 3.0, 5.0), cell(1.0, 1, 0.05, 3.2, 5.2),
             cell(0.3, 0, 0.29, 3.1, 4.0), cell(0.3, 1, 0.29, 3.3, 4.2),
             cell("second alone", 0, 1.0, 9.0, 4.5), cell("second alone", 1, 1.0, 9.0, 4.5)]
    plots.draw_languages(ax, cells)
    dots = [y for line in ax.lines if line.get_marker() == "o" for y in line.get_ydata()]
    assert dots == [3.0, 3.2, 3.1, 3.3, 5.0, 5.2, 4.0, 4.2, 4.5, 4.5]  # 9.0 means nothing
    assert "small language gains 1.00 nats, the large one loses 0.10" in ax.get_title()
    assert "the small one gains 0.60" in ax.get_title() and "2 seeds" in ax.get_title()
    ticks = [t.get_text() for t in ax.get_xticklabels()]
    assert ticks[1] == "α = 0.3\n29%" and "alone" in ticks[2]
    assert "nats" in ax.get_ylabel() and "large language" in words(ax)


@pytest.mark.parametrize("blocks", [1, 2])
def test_the_false_friend_is_drawn_in_context_with_cosines_from_the_table_on(blocks):
    axes = Figure().subplots(1, 2)
    layers = blocks + 2
    one = {name: [1.0, *np.linspace(0.5, end, layers - 1)] for name, end in (
        ("first", 0.9), ("second", 0.8), ("between", -0.2), ("names", 0.3), ("translation", 0.1))}
    two = {name: [v - 0.1 for v in values] for name, values in one.items()}
    points = [[[[k, 0.0], [k, 1.0]], [[k, 5.0]]] for k in range(layers - 1)]
    plots.draw_false_friend(axes, [{"cosines": one, "points": points}, {"cosines": two}])
    first, second = axes[0].collections
    assert [c.get_offsets().tolist() for c in (first, second)] == points[-1]
    drawn = {line.get_ydata()[-1].round(6) for line in axes[1].lines}
    assert drawn == {0.85, 0.75, -0.25, 0.25, 0.05}
    assert "-0.25" in axes[0].figure.get_suptitle() and "2 seeds" in axes[0].figure.get_suptitle()
    assert len(axes[1].get_xticks()) == layers
