"""How a run is called where many runs are listed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hydra.core.hydra_config import HydraConfig

from ntt.engine.sweep import in_sweep

UNTRAINED = "untrained"


@dataclass(frozen=True)
class RunTags:
    """What a run is found by.

    Attributes:
        name: of the run's folder.
        group: of the sweep's folder; None if the run is no job of a sweep.
        family: of the encoder: ``dinov2``, ``dinov3``, ``timm``, ``ensemble``; ``untrained`` if random.
        size: of the encoder in its family (``nano``, ``7b``); its name in families without sizes.
        choices: what was chosen for the groups ``model`` and ``dataset``.
    """

    name: str
    group: str | None
    family: str
    size: str
    choices: dict[str, str]

    @property
    def tags(self) -> list[str]:
        """All of it that runs may share."""
        return list(dict.fromkeys([self.family, self.size, *self.choices.values()]))


def run_tags(folder: Path, encoder_class: str, encoder_name: str, random_weights: bool) -> RunTags:
    """Tell what a run is from its folder, its encoder and, under Hydra, its command line.

    Args:
        folder: the run's.
        encoder_class: dotted path of the encoder's class, whose name says the family.
        encoder_name: as in the config.
        random_weights: whether the encoder knows nothing.
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
