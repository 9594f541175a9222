"""The heads: what each task adds to a body, a file a head.

Read in this order: classes, grades, tags, answers; then those of pretraining: pairs, words,
boundary.
"""
