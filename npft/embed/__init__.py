"""Sentence vectors: their geometry, contrastive training, graded similarity.

Read in this order: geometry, contrastive, similarity, compare.
"""
