"""Resume an interrupted command in its earlier run directory."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.conf import HydraConf
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf

from ntt.errors import InputError
from ntt.runs.run_directory import RUN_KIND, SWEEP_KIND, in_use, is_finished, read_record, refuse_others

logger = logging.getLogger(__name__)
SWEEP_FLAGS = ("-m", "--multirun")
RUN_PLACE, SWEEP_PLACE = "hydra.run.dir", "hydra.sweep.dir"
PLACES = {RUN_PLACE: RUN_KIND, SWEEP_PLACE: SWEEP_KIND}
RESUME = "resume="
LOOKED_THROUGH = 500  # number of latest run directories to search


def continue_earlier(arguments: Sequence[str], conf: Path, name: str) -> list[str]:
    """Direct a run or sweep to the directory where the same command was interrupted, if there is one.

    A sweep that came to its end is continued only to retry failed jobs. After a finished run or sweep, a new
    directory is used. ``resume=DIR`` continues in a directory, without other overrides with those recorded
    there.

    Args:
        arguments: Command-line arguments.
        conf: Folder of the configs.
        name: Name of the primary config.

    Returns:
        The command-line arguments, with an override for the directory if there is an earlier one.

    Raises:
        InputError: ``resume=DIR`` names a directory of another command, or of none.
    """
    flags = [argument for argument in arguments if argument.startswith("-")]
    overrides = [argument for argument in arguments if not argument.startswith("-")]
    if any(flag not in SWEEP_FLAGS for flag in flags) or "resume=false" in map(str.lower, overrides):
        return list(arguments)
    place, kind = (SWEEP_PLACE, SWEEP_KIND) if flags else (RUN_PLACE, RUN_KIND)
    named = [
        override
        for override in overrides
        if override.startswith(RESUME) and override.lower() != f"{RESUME}true"
    ]
    if named:
        folder = Path(named[-1].removeprefix(RESUME).strip("'\"")).resolve()
        overrides = [override for override in overrides if override not in named]
        return [*flags, *_begun_with(folder, kind, overrides, name), f"{place}='{folder}'"]
    if any(override.lstrip("+").startswith(f"{place}=") for override in overrides):
        return list(arguments)
    for folder in _earlier(overrides, conf, name):
        record = read_record(folder)
        same = (record.get("kind"), record.get("command")) == (kind, command_of(overrides, name))
        here = record.get("working_directory") == str(Path.cwd())
        done = record.get("complete") if flags else is_finished(folder)
        if same and here and not done and not in_use(folder):
            return [*arguments, f"{place}='{folder}'"]
    return list(arguments)


def _begun_with(folder: Path, kind: str, overrides: Sequence[str], name: str) -> Sequence[str]:
    """Return the overrides of the run or sweep in a directory: those given, else the recorded ones."""
    record = read_record(folder)
    if not record:
        raise InputError(f"{RESUME}{folder}: contains no run or sweep; correct the path")
    if record["kind"] != kind:
        advice = "add" if record["kind"] == SWEEP_KIND else "remove"
        raise InputError(f"{RESUME}{folder}: contains a {record['kind']}; {advice} -m")
    # resume=false began the run anew at that time, and must not do so again.
    recorded = [
        override for override in record["command"] if not override.lower().lstrip("+").startswith(RESUME)
    ]
    if overrides and command_of(overrides, name) != recorded:
        raise InputError(f"{RESUME}{folder}: was begun by {' '.join(recorded)}; use these overrides or none")
    return overrides or recorded[1:]


def refuse_named(arguments: Sequence[str]) -> None:
    """Check the output directory that a command names before Hydra writes to it.

    Raises:
        InputError: The directory contains other files, see :func:`refuse_others`.
    """
    for argument in arguments:
        name, _, value = argument.lstrip("+").partition("=")
        if name in PLACES and value:
            refuse_others(Path(value.strip("'\"")), PLACES[name])


def command_of(overrides: Sequence[str], name: str) -> list[str]:
    """Return the config name and the overrides that identify a command, without those of ``hydra``."""
    return [name, *(override for override in overrides if not override.lstrip("+~").startswith("hydra"))]


def typed_overrides(hydra: DictConfig | HydraConf) -> list[str]:
    """Return the overrides of a command as typed, from Hydra's config; ``${...}`` is not resolved."""
    overrides = OmegaConf.to_container(hydra.overrides.task, resolve=False)
    assert isinstance(overrides, list)
    return [str(override) for override in overrides]


def _earlier(overrides: Sequence[str], conf: Path, name: str) -> list[Path]:
    """Return the directories of earlier runs and sweeps under ``paths.runs``, latest first."""
    about_paths = [override for override in overrides if override.lstrip("+").startswith("paths")]
    with initialize_config_dir(str(conf), version_base="1.3"):
        runs = OmegaConf.select(compose(name, about_paths), "paths.runs")
    GlobalHydra.instance().clear()
    found = [file.parent for file in Path(runs).glob("*/*/run.json")] if runs else []
    return sorted(found, reverse=True)[:LOOKED_THROUGH]
