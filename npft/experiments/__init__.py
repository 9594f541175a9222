"""What the tour and the lecture figures measure, a file each. Nothing else knows TinyWorld.

Read in this order: sweep, grid, bodies, regimes; then what fine-tuning is worth: ablation, labels,
rates, depth, pads, decisions, few_shot, when_to_tune, probe_ranks, electra_curve, frozen_tags,
taggers, span_threshold, word_pieces, pair_tasks, pools, multi_task, robustness; what it forgets:
interference (the classic), methods, repairs, beside, replay_share, repair_path, lost,
task_sequence; where vectors lie and what they tell: cone, layers, categories, spectra, senses,
contrast; search: retrieval, mini_mteb, bi_cross; what text a body has read: dapt, curse; and a real
encoder: real_data, scale, real_forgetting, real_tuning.
"""
