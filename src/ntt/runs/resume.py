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


def continue_earlier(words: Sequence[str], conf: Path, name: str) -> list[str]:
    """Direct a run or sweep to the directory where the same command was interrupted, if there is one.

    A sweep that came to its end is continued only to retry failed jobs. After a finished run or sweep, a new
    directory is used. ``resume=DIR`` continues in a directory, without other overrides with those recorded
    there.

    Args:
        words: Command-line arguments.
        conf: Folder of the configs.
        name: Name of the primary config.

    Returns:
        The command-line arguments, with an override for the directory if there is an earlier one.

    Raises:
        InputError: ``resume=DIR`` names a directory of another command, or of none.
    """
    flags = [word for word in words if word.startswith("-")]
    settings = [word for word in words if not word.startswith("-")]
    if any(flag not in SWEEP_FLAGS for flag in flags) or "resume=false" in map(str.lower, settings):
        return list(words)
    place, kind = (SWEEP_PLACE, SWEEP_KIND) if flags else (RUN_PLACE, RUN_KIND)
    named = [word for word in settings if word.startswith(RESUME) and word.lower() != f"{RESUME}true"]
    if named:
        folder = Path(named[-1].removeprefix(RESUME).strip("'\"")).resolve()
        settings = [word for word in settings if word not in named]
        return [*flags, *_begun_with(folder, kind, settings, name), f"{place}='{folder}'"]
    if any(word.lstrip("+").startswith(f"{place}=") for word in settings):
        return list(words)
    for folder in _earlier(settings, conf, name):
        record = read_record(folder)
        same = (record.get("kind"), record.get("command")) == (kind, command_of(settings, name))
        here = record.get("working_directory") == str(Path.cwd())
        done = record.get("complete") if flags else is_finished(folder)
        if same and here and not done and not in_use(folder):
            return [*words, f"{place}='{folder}'"]
    return list(words)


def _begun_with(folder: Path, kind: str, settings: Sequence[str], name: str) -> Sequence[str]:
    """Return the overrides of the run or sweep in a directory: those given, else the recorded ones."""
    record = read_record(folder)
    if not record:
        raise InputError(f"{RESUME}{folder}: contains no run or sweep; correct the path")
    if record["kind"] != kind:
        advice = "add" if record["kind"] == SWEEP_KIND else "remove"
        raise InputError(f"{RESUME}{folder}: contains a {record['kind']}; {advice} -m")
    # resume=false began the run anew at that time, and must not do so again.
    recorded = [word for word in record["command"] if not word.lower().lstrip("+").startswith(RESUME)]
    if settings and command_of(settings, name) != recorded:
        raise InputError(f"{RESUME}{folder}: was begun by {' '.join(recorded)}; use these overrides or none")
    return settings or recorded[1:]


def refuse_named(words: Sequence[str]) -> None:
    """Check the output directory that a command names before Hydra writes to it.

    Raises:
        InputError: The directory contains other files, see :func:`refuse_others`.
    """
    for word in words:
        name, _, value = word.lstrip("+").partition("=")
        if name in PLACES and value:
            refuse_others(Path(value.strip("'\"")), PLACES[name])


def command_of(settings: Sequence[str], name: str) -> list[str]:
    """Return the config name and the overrides that identify a command, without those of ``hydra``."""
    return [name, *(word for word in settings if not word.lstrip("+~").startswith("hydra"))]


def typed_words(hydra: DictConfig | HydraConf) -> list[str]:
    """Return the overrides of a command as typed, from Hydra's config; ``${...}`` is not resolved."""
    words = OmegaConf.to_container(hydra.overrides.task, resolve=False)
    assert isinstance(words, list)
    return [str(word) for word in words]


def _earlier(settings: Sequence[str], conf: Path, name: str) -> list[Path]:
    """Return the directories of earlier runs and sweeps under ``paths.runs``, latest first."""
    about_paths = [word for word in settings if word.lstrip("+").startswith("paths")]
    with initialize_config_dir(str(conf), version_base="1.3"):
        runs = OmegaConf.select(compose(name, about_paths), "paths.runs")
    GlobalHydra.instance().clear()
    found = [file.parent for file in Path(runs).glob("*/*/run.json")] if runs else []
    return sorted(found, reverse=True)[:LOOKED_THROUGH]
