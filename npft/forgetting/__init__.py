"""What fine-tuning forgets, and what keeps or repairs it.

Read in this order: measure, anchors, replay, distill, interpolate, compare.
"""
