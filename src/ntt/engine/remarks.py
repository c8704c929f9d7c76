"""Keeping out of a run's log what libraries say to their developers."""

from __future__ import annotations

import logging
import warnings

LIGHTNING_LOGGERS = ("lightning", "lightning.pytorch", "lightning.fabric")
WARNINGS = (
    ".*does not have many workers.*",  # meant: see loader_workers in conf/train.yaml
    ".*`srun` command is available.*",  # a sweep starts its jobs in another way
    ".*treespec, LeafSpec.*",  # Lightning's use of torch
)


def hide_library_remarks() -> None:
    """To be called once Lightning is imported, since importing it resets its loggers."""
    for name in LIGHTNING_LOGGERS:
        logger = logging.getLogger(name)
        logger.setLevel(logging.WARNING)  # below lie unused hardware and advertisements
        logger.handlers.clear()  # the run's log has its own
        logger.propagate = True
    for message in WARNINGS:
        warnings.filterwarnings("ignore", message=message)
