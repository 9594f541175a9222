"""What fine-tuning forgets, and what keeps or repairs it.

Read in this order: measure, drift, latent; anchors, fisher, ewc, recadam; replay, agem, generate;
distill, lwf; early_stop; interpolate, afterwards; methods; matrix, sequence; compare.
"""
