"""Locations of the configs, the embedded data and models, and the user's files."""

from __future__ import annotations

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]
_CHECKOUT = _PACKAGE.parent.parent
INSTALLED = (_PACKAGE / "conf").is_dir()  # a wheel contains conf/ inside the package, a checkout beside src/
EMBEDDED = _PACKAGE if INSTALLED else _CHECKOUT  # contains conf, checkpoints/nano and data/emoji
CONF = EMBEDDED / "conf"


def user_root() -> Path:
    """Return the root of the user's data, checkpoints and runs: the checkout, or the working directory."""
    return Path.cwd() if INSTALLED else _CHECKOUT


def announce() -> None:
    """Set both locations as environment variables for ``conf/paths``, which sweep processes inherit.

    Existing variables are kept.
    """
    os.environ.setdefault("PROJECT_ROOT", str(user_root()))
    os.environ.setdefault("NTT_EMBEDDED", str(EMBEDDED))
