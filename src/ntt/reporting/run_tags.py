"""Name, group and tags of a run for experiment loggers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hydra.core.hydra_config import HydraConfig

from ntt.engine.sweep import in_sweep

UNTRAINED = "untrained"


@dataclass(frozen=True)
class RunTags:
    """Name, group and tags of a run.

    Attributes:
        name: Name of the run directory.
        group: Name of the sweep directory; None if the run is not a sweep job.
        family: Encoder family: ``dinov2``, ``dinov3``, ``timm``, ``ensemble``, or ``untrained`` for random
            weights.
        size: Encoder size in its family (``nano``, ``7b``); the encoder name in families without sizes.
        choices: Options of the config groups ``model`` and ``dataset``.
    """

    name: str
    group: str | None
    family: str
    size: str
    choices: dict[str, str]

    @property
    def tags(self) -> list[str]:
        """Family, size and choices without duplicates."""
        return list(dict.fromkeys([self.family, self.size, *self.choices.values()]))


def run_tags(folder: Path, encoder_class: str, encoder_name: str, random_weights: bool) -> RunTags:
    """Derive the tags of a run from its directory, its encoder and, under Hydra, its overrides.

    Args:
        folder: Run directory.
        encoder_class: Dotted path of the encoder class; the class name gives the family.
        encoder_name: Encoder name in the config.
        random_weights: Whether the encoder has random weights.
    """
    hydra = HydraConfig.get() if HydraConfig.initialized() else None
    chosen = hydra.runtime.choices if hydra else {}
    family = encoder_class.rpartition(".")[2].lower().removesuffix("encoder")
    return RunTags(
        name=folder.name,
        group=Path(hydra.sweep.dir).name if hydra and in_sweep() else None,
        family=UNTRAINED if random_weights else family,
        size=encoder_name.removeprefix(f"{family}_").removesuffix("_reg"),
        choices={group: str(chosen[group]) for group in ("model", "dataset") if group in chosen},
    )
