"""Search: by words, by vectors, and by reading the best again; and heaps of what is alike.

Read in this order: top, bm25, index, rerank, clusters.
"""
