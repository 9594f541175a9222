"""Lecture figures: functions that draw arrays on given axes. Nothing is computed here."""

from npft.plots.adaptation import draw_adaptation
from npft.plots.attention import draw_attention, draw_decay
from npft.plots.cone import draw_alignment_uniformity, draw_cone, draw_layers
from npft.plots.engine import draw_graph, draw_step_sizes
from npft.plots.forgetting import draw_forgetting, draw_repairs
from npft.plots.languages import draw_false_friend, draw_languages
from npft.plots.masking import draw_masking_audit, draw_span_lengths
from npft.plots.objectives import draw_objectives
from npft.plots.pretraining import draw_mlm
from npft.plots.regimes import draw_regimes
from npft.plots.speed import draw_speed
from npft.plots.style import STYLE, save_figure
from npft.plots.tasks import draw_tasks
from npft.plots.tokens import draw_coverage, draw_pieces, draw_tokens_per_word

__all__ = [
    "STYLE", "draw_adaptation", "draw_alignment_uniformity", "draw_attention", "draw_cone",
    "draw_coverage", "draw_decay", "draw_false_friend", "draw_forgetting", "draw_graph",
    "draw_languages", "draw_layers", "draw_masking_audit", "draw_mlm", "draw_objectives",
    "draw_pieces", "draw_regimes", "draw_repairs", "draw_span_lengths", "draw_speed",
    "draw_step_sizes", "draw_tasks", "draw_tokens_per_word", "save_figure",
]
