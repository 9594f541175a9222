"""Pretraining: how text becomes labelled batches, ten objectives, and runs that can go on.

Read in this order: masking, corruptions, spans, pairs, packing, source, mixture, probe, causal,
permuted, electra, catalogue, budget, start, run, train, adapt.
"""
