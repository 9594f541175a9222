"""The transformer encoder over ragged batches, models with heads on it, and their files.

Read in this order: config, blocks, encoder, pooling, layers, profile, slices, model; format_1 and
checkpoint are about files.
"""
