"""Optional packages, and packages that other libraries import without need."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from ntt.errors import InputError

DISTRIBUTION = "no-time-to-train"  # name of this project for pip; `ntt` on PyPI is unrelated


def require_package(package: str, extra: str, asked_by: str) -> None:
    """Raise InputError with the install command if a package is missing.

    Args:
        package: Import name of the package.
        extra: Extra of ``pyproject.toml`` that installs it.
        asked_by: Option that needs it ("logger=tensorboard").
    """
    found = find_spec(package)
    # A plain folder with the name of the package, such as one of tensorboard's files, has no origin.
    if found is None or found.origin is None:
        raise InputError(f"{asked_by} needs {package}: pip install '{DISTRIBUTION}[{extra}]'")


@contextmanager
def hidden(package: str) -> Iterator[None]:
    """Let an installed package look absent while another library is imported that would import it.

    Args:
        package: Import name of the package. If it was imported before, it stays visible.
    """
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[package]
