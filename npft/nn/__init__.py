"""Modules, layers, optimisers and the training loop.

Read in this order: module, quantized, layers, optim, schedules, history, progress, packs, repair,
loop, fit.
"""
