"""Contrastive learning: which texts belong together, which do not, and what is learnt from that.

Read in this order: in_batch, pair_losses, objectives, gradient_cache, bi_encoder, simcse.
"""
