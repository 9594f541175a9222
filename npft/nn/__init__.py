"""Modules, layers, optimisers and the training loop.

Read in this order: module, layers, quantized, optim, schedules, history, progress, packs, repair,
loop, fit.
"""
