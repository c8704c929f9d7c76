"""Few-shot instance segmentation with frozen foundation models and no training."""

__version__ = "0.1.0"
