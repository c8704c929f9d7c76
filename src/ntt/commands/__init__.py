"""The commands: ``train.py`` and ``predict.py``, also installed as ``ntt-train`` and ``ntt-predict``."""
