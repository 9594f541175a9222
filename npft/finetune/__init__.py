"""From a pretrained body to a classifier: heads, baselines, regimes.

Read in this order: heads, baselines, train, regimes.
"""
