"""Pretraining by masked tokens and next sentences.

Read in this order: masking, pairs, objectives, train.
"""
