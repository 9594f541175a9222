"""The transformer encoder over ragged batches, and its files.

Read in this order: config, blocks, encoder, pooling, checkpoint.
"""
