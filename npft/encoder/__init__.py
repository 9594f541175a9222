"""The transformer encoder over ragged batches, models with heads on it, and their files.

Read in this order: config, blocks, encoder, additions, pooling, layers, profile, slices, head,
model. About files are format_1 and checkpoint (our own), safetensors and hub (those of others).
"""
