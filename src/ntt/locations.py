"""Where the configuration, the embedded data and models, and a user's own files are."""

from __future__ import annotations

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parent.parent
INSTALLED = (_PACKAGE / "conf").is_dir()  # by a wheel, which holds what lies beside the sources in a checkout

EMBEDDED = _PACKAGE if INSTALLED else _CHECKOUT  # holds conf, checkpoints/nano and data/emoji
CONF = EMBEDDED / "conf"


def user_root() -> Path:
    """Holds a user's data, checkpoints and runs: the checkout, or the current folder where there is none."""
    return Path.cwd() if INSTALLED else _CHECKOUT


def announce() -> None:
    """Tell ``conf/paths`` of both through the environment, which the processes of a sweep inherit.

    What is set already stays.
    """
    os.environ.setdefault("PROJECT_ROOT", str(user_root()))
    os.environ.setdefault("NTT_EMBEDDED", str(EMBEDDED))
