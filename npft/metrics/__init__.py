"""Figures of merit, by hand: a file for each kind of task.

Read in this order: score, classes, tags, answers, ranking.
"""
