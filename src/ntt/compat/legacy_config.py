"""Translate configs of the integration guide's code to the options of this project.

They are LightningCLI configs for ``Sam2MatcherLightningModel``; docs/integration_guide.md lists the option
for each key. ``legacy_config=FILE`` and ``scripts/convert_legacy_config.py`` use this module.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from reprlib import repr as shortened
from typing import Any

import yaml
from hydra.core.override_parser.types import Quote, QuotedString
from pytorch_lightning import Trainer

from ntt.compat import LEGACY_CONFIG
from ntt.compat.guide import AUTOMATIC, GRID, settle_encoder
from ntt.compat.key_tables import Rule, becomes, of_kind, only, translate, unused
from ntt.encoders.checkpoints import look_up
from ntt.errors import InputError
from ntt.io import read_yaml

TELLING = {"segmenter": "sam2_cfg_file", "dataset": "dataset_cfgs"}  # config group: legacy key that sets it
GROUPS = ("encoder", "segmenter", "model", "dataset", "logger")
METHODS = {method.name: method for method in (AUTOMATIC, GRID)}
MODEL = "model.init_args.model_cfg."
DATASETS = "model.init_args.dataset_cfgs."
CLASS_SPLITS: dict[str, tuple[str, ...]] = {
    "default_classes": (),  # all classes of the reference file
    "few_shot_classes": (  # COCO classes that are also in PASCAL VOC
        *("airplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "couch", "cow"),
        *("dining table", "dog", "horse", "motorcycle", "person", "potted plant", "sheep", "train", "tv"),
    ),
}


def _class_path(path: Any) -> Mapping[str, Any]:
    wanted = "Sam2MatcherLightningModel"
    if of_kind(path, str).rpartition(".")[2] != wanted:
        raise InputError(f"{path} is not supported, only {wanted}")
    return {}


def _model(name: Any) -> Mapping[str, Any]:
    name = of_kind(name, str).lower()
    look_up("legacy", METHODS, name)
    return {"model": name}


def _seed(seed: Any) -> Mapping[str, Any] | None:
    """Translate a seed. The legacy code picks a random seed for True and False, which is not supported."""
    return None if isinstance(seed, bool) else becomes("seed", int)(seed)


def _in_custom(option: str) -> Rule:
    def rule(path: Any) -> Mapping[str, Any]:
        return {"dataset": "custom", option: of_kind(path, str)}

    return rule


def _class_split(name: Any) -> Mapping[str, Any]:
    if of_kind(name, str) not in CLASS_SPLITS:
        known = " and ".join(CLASS_SPLITS)
        raise InputError(
            f"{name} is unknown, only {known} are supported; list the classes in cat_names instead"
        )
    classes = CLASS_SPLITS[name]
    return {"dataset.classes": list(classes)} if classes else {}


def _class_names(names: Any) -> Mapping[str, Any]:
    """Translate a list of class names or a comma-separated string."""
    names = names.split(",") if isinstance(names, str) else names
    if not isinstance(names, list):
        raise InputError(f"{shortened(names)} is not a list of names")
    return {"dataset.classes": [of_kind(name, str) for name in names]} if names else {}


def _devices(devices: Any) -> Mapping[str, Any] | None:
    """Ignore a number of devices other than 1; it does not affect the results."""
    return {} if devices == 1 else None


def _logger(loggers: Any) -> Mapping[str, Any] | None:
    """Translate CSVLogger; ignore other loggers."""
    entries = loggers if isinstance(loggers, list) else [loggers]
    paths = [str(entry.get("class_path")) for entry in entries if isinstance(entry, Mapping)]
    return {"logger": "csv"} if any(path.endswith("CSVLogger") for path in paths) else None


FILL_MEMORY: dict[str, Rule] = {
    "name": only("coco"),
    "root": _in_custom("dataset.reference_images"),
    "json_file": _in_custom("dataset.reference_file"),
    "memory_length": becomes("dataset.shots", int),
    "context_ratio": becomes("model.memory.context_ratio", float),
    "class_split": _class_split,
    "cat_names": _class_names,
    "semantic_ref": only(False),
    "blur_ksize": only(0),
    "blur_sigma": unused,
    "memory_pkl": unused,
    "image_size": unused,
    "norm_img": unused,
    "custom_data_mode": unused,
}
TEST: dict[str, Rule] = {
    "name": only("coco"),
    "root": _in_custom("dataset.target_images"),
    "json_file": _in_custom("dataset.target_file"),
    "class_split": _class_split,
    "cat_names": _class_names,
    "image_size": unused,
    "norm_img": unused,
    "with_query_points": unused,
    "n_points_per_edge": unused,
    "custom_data_mode": unused,
}
OUTER: dict[str, Rule] = {
    "seed_everything": _seed,
    "model.class_path": _class_path,
    "model.init_args.test_mode": unused,
    f"{MODEL}name": _model,
    f"{DATASETS}support": unused,
    **{f"{DATASETS}fill_memory.{key}": rule for key, rule in FILL_MEMORY.items()},
    **{f"{DATASETS}test.{key}": rule for key, rule in TEST.items()},
    "model.init_args.data_load_cfgs.workers": becomes("loader_workers", int),
    # The other trainer arguments concern training, display and checkpoints.
    **{f"trainer.{argument}": unused for argument in signature(Trainer).parameters},
    "trainer.accelerator": becomes("trainer.accelerator", str),
    "trainer.precision": becomes("trainer.precision", int | str),
    "trainer.benchmark": becomes("+trainer.benchmark", bool),
    "trainer.deterministic": becomes("+trainer.deterministic", bool),
    "trainer.devices": _devices,
    "trainer.logger": _logger,
    # Command-line options of the legacy code.
    "ckpt_path": unused,
    "out_path": unused,
    "out_support_res": unused,
    "out_neg_pkl": unused,
    "out_neg_json": unused,
    "export_result": unused,
    "verbose": unused,
}


@dataclass(frozen=True)
class LegacyConfig:
    """A legacy config translated to the options of ``conf/``.

    Attributes:
        file: Source file.
        choices: Option of each config group that the file sets.
        values: Values by dotted key; a key that ``conf/`` lacks starts with a plus.
        unused: Full keys without an equivalent.
    """

    file: Path
    choices: Mapping[str, str]
    values: Mapping[str, Any]
    unused: Sequence[str]

    def warning(self, decided: Collection[str] = ()) -> str | None:
        """Return a log line with the ignored keys and the defaults that affect the result, or None.

        Args:
            decided: Config groups that the command line sets.
        """
        parts = []
        if self.unused:
            parts.append(f"ignored keys without an equivalent: {', '.join(self.unused)}")
        chosen = {*self.choices, *decided}
        silent = [f"{group} ({key})" for group, key in TELLING.items() if group not in chosen]
        if silent:
            parts.append(f"does not set the {' and the '.join(silent)}; using the embedded default")
        return f"{self.file}: {'; '.join(parts)}" if parts else None

    def overrides(self) -> list[str]:
        """Return the equivalent command-line overrides."""
        choices = [f"{group}={option}" for group, option in self.choices.items()]
        return choices + [f"{name}={_as_text(value)}" for name, value in self.values.items()]

    def experiment(self) -> str:
        """Return the text of an equivalent file in ``conf/experiment``."""
        content: dict[str, Any] = {
            "defaults": [{f"override /{group}": option} for group, option in self.choices.items()]
        }
        for name, value in self.values.items():
            *nodes, last = name.lstrip("+").split(".")
            place = content
            for node in nodes:
                place = place.setdefault(node, {})
            place[last] = value
        lines = [
            "# @package _global_",
            f"# Converted from {self.file.name} by scripts/convert_legacy_config.py.",
        ]
        if self.unused:
            lines += ["# Ignored keys without an equivalent:", *(f"#   {key}" for key in self.unused)]
        return "\n".join([*lines, yaml.safe_dump(content, sort_keys=False, allow_unicode=True)])


def read_legacy_config(file: Path) -> LegacyConfig:
    """Read and translate a legacy config.

    Raises:
        InputError: The file is missing or unreadable; or one line per key that is unknown or has an
            unsupported value.
    """
    content = _load(file)
    known = {f"{MODEL}{key}": rule for method in _methods(content) for key, rule in method.rules.items()}
    # The length of the memory bank sets the number of shots, so it needs no consistency check.
    known[f"{MODEL}memory_bank_cfg.length"] = becomes("dataset.shots", int)
    found = translate(content, {**known, **OUTER})
    settle_encoder(found, MODEL)
    if "model" not in found.options and not any(p.startswith(f"{MODEL}name") for p in found.problems):
        found.problems.append(f"{MODEL}name is missing: give matching_baseline or matching_baseline_noAMG")
    found.require_sound(str(file))
    choices = {group: found.options.pop(group) for group in GROUPS if group in found.options}
    return LegacyConfig(file, choices, found.options, found.unused)


def expand_arguments(overrides: Sequence[str]) -> tuple[list[str], str | None]:
    """Replace ``legacy_config=FILE`` by the overrides that the file translates to.

    Other overrides take precedence: an overridden value, or everything under an overridden config group, is
    not taken from the file.

    Returns:
        The new overrides and a line for the log, or None.

    Raises:
        InputError: ``legacy_config`` is given more than once; see also :func:`read_legacy_config`.
    """
    places = [place for place, override in enumerate(overrides) if override.startswith(LEGACY_CONFIG)]
    if len(places) != 1:
        raise InputError("legacy_config is given more than once; give one file")
    before, override, after = overrides[: places[0]], overrides[places[0]], overrides[places[0] + 1 :]
    legacy = read_legacy_config(Path(override.removeprefix(LEGACY_CONFIG)).expanduser())
    decided = [other.partition("=")[0].lstrip("+~") for other in (*before, *after)]

    def is_open(new: str) -> bool:
        name = new.partition("=")[0].lstrip("+")
        return not any(name == other or name.startswith(f"{other}.") for other in decided)

    return [*before, *filter(is_open, legacy.overrides()), *after], legacy.warning(decided)


def _load(file: Path) -> Mapping[Any, Any]:
    content = read_yaml(file)
    if not isinstance(content, Mapping):
        raise InputError(f"{file} contains no keys; give a config with the keys model and trainer")
    return content


def _methods(content: Mapping[Any, Any]) -> Sequence[Any]:
    """Return the method that the config names, or both methods if it names no known one."""
    named = translate(content, {f"{MODEL}name": _model}).options.get("model")
    return [METHODS[named]] if named else list(METHODS.values())


def _as_text(value: Any) -> str:
    if isinstance(value, list):
        return f"[{','.join(map(_as_text, value))}]"
    if isinstance(value, str):
        return QuotedString(value, Quote.single).with_quotes()
    return str(value).lower()
