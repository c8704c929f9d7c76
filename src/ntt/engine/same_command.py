"""Finding the folder that the same command began to fill before."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.conf import HydraConf
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf

from ntt.engine.run_folder import RUN_KIND, SWEEP_KIND, in_use, is_finished, read_record, refuse_others

logger = logging.getLogger(__name__)
SWEEP_FLAGS = ("-m", "--multirun")
RUN_PLACE, SWEEP_PLACE = "hydra.run.dir", "hydra.sweep.dir"
PLACES = {RUN_PLACE: RUN_KIND, SWEEP_PLACE: SWEEP_KIND}
LOOKED_THROUGH = 500  # of the latest folders


def continue_earlier(words: Sequence[str], conf: Path, name: str) -> list[str]:
    """Words that send a run or sweep to the folder where the same command was cut short, if there is one.

    A sweep is continued even if it came to its end: what failed is tried again. A finished run is not, a new
    one gets a folder of its own.

    Args:
        words: of the command line.
        conf: folder of the configs.
        name: of the config that the words are for.
    """
    flags = [word for word in words if word.startswith("-")]
    settings = [word for word in words if not word.startswith("-")]
    if any(flag not in SWEEP_FLAGS for flag in flags) or "resume=false" in map(str.lower, settings):
        return list(words)
    place, kind = (SWEEP_PLACE, SWEEP_KIND) if flags else (RUN_PLACE, RUN_KIND)
    if any(word.lstrip("+").startswith(f"{place}=") for word in settings):
        return list(words)
    for folder in _earlier(settings, conf, name):
        record = read_record(folder)
        same = (record.get("kind"), record.get("command")) == (kind, command_of(settings, name))
        here = record.get("working_directory") == str(Path.cwd())
        if same and here and (flags or not is_finished(folder)) and not in_use(folder):
            return [*words, f"{place}='{folder}'"]
    return list(words)


def refuse_named(words: Sequence[str]) -> None:
    """Look at the folder that a command names before Hydra writes its own files there.

    Raises:
        InputError: it is not for this command.
    """
    for word in words:
        name, _, value = word.lstrip("+").partition("=")
        if name in PLACES and value:
            refuse_others(Path(value.strip("'\"")), PLACES[name])


def command_of(settings: Sequence[str], name: str) -> list[str]:
    """The words that tell one command from another: not those about where and how Hydra runs it."""
    return [name, *(word for word in settings if not word.lstrip("+~").startswith("hydra"))]


def typed_words(hydra: DictConfig | HydraConf) -> list[str]:
    """The settings of a command as they were typed, from Hydra's own config: ``${...}`` is not resolved."""
    words = OmegaConf.to_container(hydra.overrides.task, resolve=False)
    assert isinstance(words, list)
    return [str(word) for word in words]


def _earlier(settings: Sequence[str], conf: Path, name: str) -> list[Path]:
    """Folders of runs and sweeps, the last one first, where words about paths put them."""
    about_paths = [word for word in settings if word.lstrip("+").startswith("paths")]
    with initialize_config_dir(str(conf), version_base="1.3"):
        runs = OmegaConf.select(compose(name, about_paths), "paths.runs")
    GlobalHydra.instance().clear()
    found = [file.parent for file in Path(runs).glob("*/*/run.json")] if runs else []
    return sorted(found, reverse=True)[:LOOKED_THROUGH]
