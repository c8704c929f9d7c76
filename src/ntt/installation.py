"""Detect files of another distribution among those of this package."""

from __future__ import annotations

import os
import warnings


def warn_of_mixed_files(package: str) -> None:
    """Warn if a distribution named ``ntt`` is installed into the folder of this package.

    The one on PyPI is another author's. pip lets the later of two distributions overwrite the earlier, and
    uninstalling either removes files of both.

    Args:
        package: folder of the package ``ntt``.
    """
    for name in _distributions_with_our_files(package):
        warnings.warn(
            f"{name} and no-time-to-train are both installed in {package} and overwrite each other: "
            "run pip uninstall ntt && pip install --no-deps --force-reinstall no-time-to-train "
            "(or its wheel or checkout)",
            stacklevel=3,
        )


def _distributions_with_our_files(package: str) -> list[str]:
    """Name and version ("ntt 0.1.5") of each distribution ``ntt`` that installed ``ntt/__init__.py`` here.

    Runs at every import, so it lists one folder and does without ``importlib.metadata`` and ``pathlib``,
    which take longer to import.
    """
    try:
        with os.scandir(f"{package}/..") as entries:
            folders = [each for each in entries if each.name.startswith("ntt-")]
    except OSError:  # not in a folder, but in a zip file
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
