"""npft: the whole life of a language encoder in NumPy."""

__version__ = "0.1.0"
