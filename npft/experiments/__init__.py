"""What the tour and the lecture figures measure, a file each. Nothing else knows TinyWorld.

Read in this order: sweep, bodies, regimes, repairs, cone.
"""
