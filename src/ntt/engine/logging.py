"""Filter library messages out of a run's log."""

from __future__ import annotations

import logging
import warnings

LIGHTNING_LOGGERS = ("pytorch_lightning", "lightning_fabric")
WARNINGS = (
    ".*does not have many workers.*",  # intentional, see loader_workers in conf/train.yaml
    ".*`srun` command is available.*",  # a sweep does not start its jobs with srun
    ".*treespec, LeafSpec.*",  # caused by Lightning's use of torch
)


def hide_library_messages() -> None:
    """Hide library messages. Call it after importing Lightning, which resets its loggers on import."""
    for name in LIGHTNING_LOGGERS:
        logger = logging.getLogger(name)
        logger.setLevel(logging.WARNING)  # INFO messages list unused hardware and tips
        logger.handlers.clear()  # the run's log has its own handlers
        logger.propagate = True
    for message in WARNINGS:
        warnings.filterwarnings("ignore", message=message)
