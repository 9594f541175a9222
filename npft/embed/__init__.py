"""Sentence vectors: their geometry, how to read and to train them, graded similarity.

Read in this order: geometry, sentences, similarity, contrastive.
"""
