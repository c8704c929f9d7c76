"""Packages that a run may do without."""

from __future__ import annotations

from importlib.util import find_spec

from ntt.errors import InputError

DISTRIBUTION = "no-time-to-train"  # as pip knows this project; `ntt` on PyPI is another author's


def require_package(package: str, extra: str, asked_by: str) -> None:
    """Raise InputError with the command that installs a package, if it is absent.

    Args:
        package: as it is imported.
        extra: of ``pyproject.toml``, which brings it.
        asked_by: what needs it ("logger=wandb").
    """
    found = find_spec(package)
    # A mere folder of that name, such as the one that wandb writes its runs to, has no origin.
    if found is None or found.origin is None:
        raise InputError(f"{asked_by} needs {package}: pip install '{DISTRIBUTION}[{extra}]'")
