"""Lecture figures: functions that draw arrays on given axes. Nothing is computed here."""

from npft.plots.pretraining import draw_mlm
from npft.plots.regimes import draw_regimes
from npft.plots.style import STYLE, save_figure

__all__ = ["STYLE", "draw_mlm", "draw_regimes", "save_figure"]
