"""Vectors of texts and words: their geometry, how to read them, graded similarity.

Read in this order: rows, geometry, spectrum, transforms, likeness, contexts, steps,
sentences, token_table, similarity.
"""
