"""Lecture figures: functions that draw arrays on given axes. Nothing is computed here."""

from npft.plots.ablation import draw_ablation
from npft.plots.adaptation import draw_adaptation
from npft.plots.alignment import draw_alignment_uniformity
from npft.plots.attention import draw_attention, draw_decay
from npft.plots.beside import draw_beside
from npft.plots.bi_cross import draw_bi_cross
from npft.plots.cone import draw_cone
from npft.plots.contrast import draw_dropout, draw_temperature
from npft.plots.curse import draw_curse
from npft.plots.dapt import draw_dapt
from npft.plots.decisions import draw_decisions
from npft.plots.depth import draw_depth
from npft.plots.drift import draw_drift
from npft.plots.electra_curve import draw_electra_curve
from npft.plots.engine import draw_graph, draw_step_sizes
from npft.plots.few_shot import draw_few_shot
from npft.plots.film import draw_film
from npft.plots.forgetting import draw_forgetting
from npft.plots.frozen_tags import draw_frozen_tags
from npft.plots.interference import draw_interference
from npft.plots.labels import draw_labels
from npft.plots.languages import draw_false_friend, draw_languages
from npft.plots.layers import draw_isotropy, draw_layers
from npft.plots.masking import draw_masking_audit, draw_span_lengths
from npft.plots.methods import draw_methods
from npft.plots.multi_task import draw_multi_task
from npft.plots.objectives import draw_objectives
from npft.plots.pads import draw_pads
from npft.plots.pools import draw_pools
from npft.plots.pretraining import draw_mlm
from npft.plots.probe_ranks import draw_probe_ranks
from npft.plots.rates import draw_rates
from npft.plots.rdm import draw_rdm
from npft.plots.real_forgetting import draw_kept
from npft.plots.regimes import draw_regimes
from npft.plots.repair_path import draw_repair_path
from npft.plots.repairs import draw_repairs
from npft.plots.replay_share import draw_replay_share
from npft.plots.retrieval import draw_retrieval
from npft.plots.robustness import draw_robustness
from npft.plots.rogue import draw_frequency, draw_rogue
from npft.plots.scale import draw_scale
from npft.plots.schedules import draw_schedules
from npft.plots.senses import draw_polysemy
from npft.plots.serving import draw_serving
from npft.plots.similarity import draw_cosines, draw_similarity
from npft.plots.sizes import draw_sizes
from npft.plots.span_threshold import draw_span_threshold
from npft.plots.spectra import draw_spectra
from npft.plots.speed import draw_speed
from npft.plots.style import STYLE, save_figure, save_film
from npft.plots.taggers import draw_taggers
from npft.plots.task_matrix import draw_task_matrix
from npft.plots.tasks import draw_tasks
from npft.plots.tokens import draw_coverage, draw_pieces, draw_tokens_per_word
from npft.plots.tradeoff import draw_tradeoff
from npft.plots.when_to_tune import draw_when_to_tune
from npft.plots.word_pieces import draw_word_pieces

__all__ = [
    "STYLE", "draw_ablation", "draw_adaptation", "draw_alignment_uniformity", "draw_attention",
    "draw_bi_cross", "draw_cone", "draw_cosines", "draw_coverage", "draw_curse", "draw_dapt",
    "draw_decay", "draw_decisions",
    "draw_depth", "draw_drift", "draw_dropout", "draw_electra_curve", "draw_false_friend",
    "draw_few_shot", "draw_film", "draw_forgetting", "draw_frequency", "draw_frozen_tags",
    "draw_graph", "draw_interference", "draw_isotropy", "draw_kept", "draw_labels",
    "draw_languages", "draw_layers",
    "draw_masking_audit", "draw_methods", "draw_mlm", "draw_multi_task", "draw_objectives",
    "draw_pads", "draw_pieces", "draw_polysemy", "draw_pools", "draw_probe_ranks",
    "draw_rates", "draw_rdm", "draw_regimes",
    "draw_repair_path", "draw_repairs", "draw_replay_share", "draw_retrieval", "draw_robustness",
    "draw_rogue", "draw_scale", "draw_schedules", "draw_serving", "draw_similarity",
    "draw_span_lengths", "draw_span_threshold",
    "draw_spectra", "draw_speed", "draw_step_sizes", "draw_taggers", "draw_task_matrix",
    "draw_tasks", "draw_temperature", "draw_tokens_per_word", "draw_tradeoff", "save_figure",
    "save_film", "draw_beside", "draw_sizes", "draw_when_to_tune", "draw_word_pieces",
]
