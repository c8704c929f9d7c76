"""Entry points of the commands, which first check that ``import ntt`` finds this project.

The distribution ``ntt`` on PyPI is another author's and also installs a package ``ntt``. It can hide or
overwrite this project's package, so this module lies outside it.
"""

from __future__ import annotations

import sys
from importlib import import_module

INSTALL = "pip install --no-deps --force-reinstall no-time-to-train (or its wheel or checkout)"


def train() -> None:
    """``ntt-train`` and ``train.py``."""
    _start("train")


def predict() -> None:
    """``ntt-predict`` and ``predict.py``."""
    _start("predict")


def app() -> None:
    """``ntt-app``."""
    _start("app")


def describe_wrong_package() -> str | None:
    """One line about what ``import ntt`` finds in place of this project's package; None if it finds that."""
    try:
        import ntt
    except ModuleNotFoundError as error:
        if error.name != "ntt":
            raise
        return f"The package ntt is missing: {INSTALL}"
    if "FewShotSegmenter" in getattr(ntt, "__all__", ()):
        return None
    place = ntt.__file__ or f"the folder {next(iter(ntt.__path__))} without __init__.py"
    return f"import ntt finds {place} instead of no-time-to-train: run pip uninstall ntt && {INSTALL}"


def _start(command: str) -> None:
    problem = describe_wrong_package()
    if problem:
        print(problem, file=sys.stderr)
        sys.exit(2)
    import_module(f"ntt.commands.{command}").main()
