"""Run a function as a Hydra command with readable errors."""

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
from omegaconf import DictConfig

from ntt.compat import LEGACY_CONFIG
from ntt.config.messages import USER_ERRORS, describe, require_values
from ntt.config.schema import check_config
from ntt.runs.resume import continue_earlier, refuse_named
from ntt.runs.run_directory import write_failure
from ntt.runs.sweep import BAD_INPUT, failed_jobs, in_sweep, sweeps_begun

JOB_FAILED = 1


def run_command(task: Callable[[DictConfig], Any], conf: Path, name: str, resumes: bool = False) -> None:
    """Compose ``conf/<name>.yaml`` with the command-line overrides and call ``task`` with the config.

    ``legacy_config=FILE`` is replaced by the overrides that the file translates to.

    Bad input prints one line on stderr and exits with code 2; with ``ntt.debug=true`` it raises. A sweep job
    that fails for any reason logs the error and writes it to ``failure.json``; the other jobs continue and
    the exit code is 1. With ``resumes``, an interrupted command continues in its earlier run directory.
    """
    # By default Hydra prints errors itself and exits with 1; with this variable it raises them.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    _shorten_warnings()
    warning: str | None = None

    def guarded(cfg: DictConfig) -> Any:
        try:
            if warning:
                logging.getLogger(__name__).warning(warning)
            require_values(cfg)
            check_config(cfg, HydraConfig.get().overrides.task)
            return task(cfg)
        except Exception as error:
            if cfg.ntt.debug:
                raise
            if in_sweep():
                _fail_job(error)
            elif isinstance(error, USER_ERRORS):
                _give_up(error)
            else:
                raise
            return None

    try:
        if any(argument.startswith(LEGACY_CONFIG) for argument in sys.argv[1:]):
            # Imported here to keep --help and errors about misspelt options fast.
            from ntt.compat.legacy_config import expand_arguments

            sys.argv[1:], warning = expand_arguments(sys.argv[1:])
        if resumes:
            refuse_named(sys.argv[1:])
            sys.argv[1:] = continue_earlier(sys.argv[1:], conf, name)
        hydra.main(version_base="1.3", config_path=str(conf), config_name=name)(guarded)()
    except USER_ERRORS as error:
        if _debugging():
            raise
        _give_up(error)
    except Exception as error:
        if _debugging() or not sweeps_begun():
            raise
        _end_sweep(error)
    _tell_failures()


@contextmanager
def exit_on_bad_input() -> Iterator[None]:
    """On bad input, print one line on stderr and exit with code 2."""
    try:
        yield
    except USER_ERRORS as error:
        _give_up(error)


def _debugging() -> bool:
    """Read ``ntt.debug`` from the command line, because composing the config may have failed."""
    return any(argument.lstrip("+").lower() == "ntt.debug=true" for argument in sys.argv[1:])


def _fail_job(error: Exception) -> None:
    """Log the failure of a sweep job: one line for a user error, a traceback for any other."""
    reason = describe(error) if isinstance(error, USER_ERRORS) else f"{type(error).__name__}: {error}"
    folder = Path(HydraConfig.get().runtime.output_dir)
    log = logging.getLogger(__name__)
    log.error("This job failed: %s", reason, exc_info=None if isinstance(error, USER_ERRORS) else error)
    write_failure(folder, reason)


def _end_sweep(error: Exception) -> None:
    """Compare the jobs that have finished after the launcher failed."""
    from ntt.reporting.comparison import compare_sweep  # takes a second to import

    reason = next(iter(str(error).splitlines()), "")
    print(f"Sweep interrupted by {type(error).__name__}: {reason}", file=sys.stderr, flush=True)
    for folder in sweeps_begun():
        compare_sweep(folder)
    _tell_failures()
    sys.exit(JOB_FAILED)


def _tell_failures() -> None:
    failed = failed_jobs()
    for job, reason in failed.items():
        print(f"{job} failed: {reason}", file=sys.stderr, flush=True)
    if failed:
        sys.exit(JOB_FAILED)


def _give_up(error: BaseException) -> None:
    logging.getLogger(__name__).debug("bad input", exc_info=error)
    print(describe(error), file=sys.stderr, flush=True)
    sys.exit(BAD_INPUT)


def _shorten_warnings() -> None:
    """Send warnings to the log without the source line that caused them."""
    logging.captureWarnings(True)
    warnings.formatwarning = lambda message, *_, **__: str(message)
