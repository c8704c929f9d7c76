"""Optional packages."""

from __future__ import annotations

from importlib.util import find_spec

from ntt.errors import InputError

DISTRIBUTION = "no-time-to-train"  # name of this project for pip; `ntt` on PyPI is unrelated


def require_package(package: str, extra: str, asked_by: str) -> None:
    """Raise InputError with the install command if a package is missing.

    Args:
        package: Import name of the package.
        extra: Extra of ``pyproject.toml`` that installs it.
        asked_by: Option that needs it ("logger=wandb").
    """
    found = find_spec(package)
    # A plain folder with the name of the package, such as wandb's folder of runs, has no origin.
    if found is None or found.origin is None:
        raise InputError(f"{asked_by} needs {package}: pip install '{DISTRIBUTION}[{extra}]'")
