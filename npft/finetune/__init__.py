"""From a pretrained body to a task: regimes, training, baselines.

Read in this order: regimes, train, baselines. The heads are in ``npft/heads``.
"""
