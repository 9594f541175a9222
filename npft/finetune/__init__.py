"""From a pretrained body to a task: what trains, how fast, in which order, and baselines.

Read in this order: regimes, rates, train, features, gradual, recipes, trainable, baselines. The
heads are in ``npft/heads``.
"""
