"""Figures of merit, by hand: a file for each kind of task.

Read in this order: score, classes, curves, entities, tags, spans, answers, ranking, retrieval,
clusters, overlap, intervals.
"""
