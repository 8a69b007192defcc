"""unrolled: an interactive field guide and laboratory for sequence models."""

__version__ = "0.1.0"
