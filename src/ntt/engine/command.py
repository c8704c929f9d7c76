"""Running a function as a Hydra command with readable errors."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from ntt.engine.config_errors import describe, require_values
from ntt.errors import InputError

BAD_INPUT = 2
LEGACY_CONFIG = "legacy_config="
USER_ERRORS = (InputError, HydraException, OmegaConfBaseException)


def run_command(task: Callable[[DictConfig], Any], conf: Path, name: str) -> None:
    """Compose ``conf/<name>.yaml`` with the command line and call ``task`` with it.

    ``legacy_config=FILE`` among the words stands for what that file asks for.

    Bad input ends in one line on stderr and exit code 2; with ``ntt.debug=true`` in a traceback. A job of a
    sweep that fails on bad input says so and lets the others run; the exit code is 2 all the same.
    """
    # Hydra would print errors its own way and exit with 1; with this variable it raises them.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    _shorten_warnings()
    failures: list[str] = []
    remark: str | None = None

    def guarded(cfg: DictConfig) -> Any:
        try:
            if remark:
                logging.getLogger(__name__).warning(remark)
            require_values(cfg)
            return task(cfg)
        except USER_ERRORS as error:
            if _debugging():
                raise
            if HydraConfig.get().mode != RunMode.MULTIRUN:
                _give_up(error)
            failures.append(_say(error))
            return None

    try:
        if any(word.startswith(LEGACY_CONFIG) for word in sys.argv[1:]):
            # Imported here, so that --help and misspelt options answer at once.
            from ntt.engine.legacy_config import expand_words

            sys.argv[1:], remark = expand_words(sys.argv[1:])
        hydra.main(version_base="1.3", config_path=str(conf), config_name=name)(guarded)()
    except USER_ERRORS as error:
        if _debugging():
            raise
        _give_up(error)
    if failures:
        sys.exit(BAD_INPUT)


@contextmanager
def exit_on_bad_input() -> Iterator[None]:
    """End a script whose input is bad with one line on stderr and exit code 2."""
    try:
        yield
    except USER_ERRORS as error:
        _give_up(error)


def _debugging() -> bool:
    """Read from the command line, since the error may be in composing the config."""
    return any(word.lstrip("+").lower() == "ntt.debug=true" for word in sys.argv[1:])


def _say(error: BaseException) -> str:
    line = describe(error)
    logging.getLogger(__name__).debug("bad input", exc_info=error)
    print(line, file=sys.stderr, flush=True)
    return line


def _give_up(error: BaseException) -> None:
    _say(error)
    sys.exit(BAD_INPUT)


def _shorten_warnings() -> None:
    """Send warnings to the log, without the source line that caused them."""
    logging.captureWarnings(True)
    warnings.formatwarning = lambda message, *_, **__: str(message)
