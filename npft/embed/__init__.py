"""Sentence vectors: their geometry, how to read and to train them, graded similarity.

Read in this order: rows, geometry, sentences, similarity, contrastive.
"""
