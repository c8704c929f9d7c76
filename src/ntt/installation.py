"""Detection of files of another distribution among those of this package."""

from __future__ import annotations

import os
import warnings


def warn_of_mixed_files(package: str) -> None:
    """Warn if a distribution named ``ntt`` is installed into the folder of this package.

    ``ntt`` on PyPI is an unrelated project. pip overwrites the files of the distribution that was installed
    first, and uninstalling either removes files of both.

    Args:
        package: Folder of the package ``ntt``.
    """
    for name in _distributions_with_our_files(package):
        warnings.warn(
            f"{name} and no-time-to-train are both installed in {package} and overwrite each other: "
            "run pip uninstall ntt && pip install --no-deps --force-reinstall no-time-to-train "
            "(or its wheel or checkout)",
            stacklevel=3,
        )


def _distributions_with_our_files(package: str) -> list[str]:
    """Return name and version ("ntt 0.1.5") of each distribution ``ntt`` that installed ``ntt/__init__.py``.

    This runs at every import, so it lists only one folder and avoids ``importlib.metadata`` and ``pathlib``,
    which are slow to import.
    """
    try:
        with os.scandir(f"{package}/..") as entries:
            folders = [each for each in entries if each.name.startswith("ntt-")]
    except OSError:  # the package is in a zip file
        return []
    return [
        folder.name.removesuffix(".dist-info").replace("-", " ")
        for folder in folders
        if folder.name.endswith(".dist-info") and _has_our_files(folder.path)
    ]


def _has_our_files(dist_info: str) -> bool:
    from pathlib import Path

    try:
        with Path(dist_info, "RECORD").open(encoding="utf-8") as record:
            return any(line.startswith("ntt/__init__.py,") for line in record)
    except OSError:  # not installed by pip
        return False
