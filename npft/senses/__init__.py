"""Words and what they mean: a vector for each use by an encoder, one for each word by counting.

Read in this order: uses, centroids, pseudowords; static, cooccurrence, ppmi, glove.
"""
