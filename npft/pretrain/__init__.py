"""Pretraining: how text becomes labelled batches, nine objectives, and runs that can go on.

Read in this order: masking, corruptions, spans, pairs, packing, source, mixture, probe, causal,
electra, catalogue, budget, start, run, train, adapt.
"""
