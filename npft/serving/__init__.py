"""Models made smaller for serving: fewer blocks, and students that learn from a larger teacher.

Read in this order: blocks, students, vectors. Fewer bytes for the same weights are in
``npft/nn/quantized.py``.
"""
