"""The figure of replaced words beside masked ones: means of the seeds, and what the title says."""

import pytest
from matplotlib.figure import Figure

from npft import plots
from npft.experiments.electra_curve import LOOKS, RATES, WAYS


def drawn(lead):
    """Replaced words end ``lead`` above masked ones on each task; the second rate ends higher."""
    cells = [
        {"way": way, "lr": lr, "seed": seed, "looks": [
            {"operations": k * 1e11, "topic": 0.4 + level + 0.02 * k,
             "senses": 0.5 + level + 0.01 * k}
            for k in range(len(LOOKS))
            for level in [0.02 * seed + 0.1 * j + (lead if way == "electra" else 0)]
        ]}
        for way in WAYS for j, lr in enumerate(RATES) for seed in (0, 1)
    ]  # fmt: skip
    axes = Figure(figsize=(13, 5)).subplots(1, 2)
    plots.draw_electra_curve(axes, cells)
    return axes


def test_each_panel_has_a_line_of_means_for_each_way_and_rate_with_its_name():
    for ax in drawn(-0.2):
        assert len(ax.lines) == len(ax.texts) == len(WAYS) * len(RATES)
        assert list(ax.lines[0].get_xdata()) == pytest.approx([0.1 * k for k in range(len(LOOKS))])
        assert {t.get_text() for t in ax.texts} == {
            f"{name},\nrate {lr:g}" for name in WAYS.values() for lr in RATES
        }
    topic = drawn(-0.2)[0]
    assert topic.lines[1].get_ydata() == pytest.approx([0.51 + 0.02 * k for k in range(len(LOOKS))])
    assert topic.get_title() == (
        "topic: masked words 0.65,\nreplaced words 0.45 (better rate of each)"
    )


@pytest.mark.parametrize(("lead", "said"), [(0.1, "more than"), (-0.1, "less than")])
def test_the_title_says_which_of_the_two_is_ahead(lead, said):
    title = drawn(lead)[0].figure.get_suptitle()
    assert title == f"For the same compute replaced words tell a probe {said} masked ones (2 seeds)"
