"""See what is on disk of a data set and what a protocol needs, and fetch what is public.

    python scripts/prepare_dataset.py dataset=coco_fewshot             # what there is, what it takes
    python scripts/prepare_dataset.py dataset=coco_fewshot yes=true    # fetch and unpack it

Any other word of ``train.py``'s command line may follow, such as ``paths.data=/data``. docs/datasets.md says
what the data sets are.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ntt.engine.command import exit_on_bad_input
from ntt.engine.config_errors import require_values
from ntt.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from ntt.preparation import Need

ROOT = Path(__file__).resolve().parent.parent
USAGE = "usage: python scripts/prepare_dataset.py dataset=NAME [yes=true]"
CONSENT = "yes=true"


def main(words: list[str]) -> None:
    """Say what is lacking; provide it, if asked to.

    Raises:
        InputError: something is lacking.
    """
    from hydra.utils import instantiate

    cfg = composed([word for word in words if word != CONSENT])
    needs: dict[str, Need] = instantiate(cfg.needs)
    show(needs)
    if CONSENT in words:
        require_space(needs, Path(cfg.dataset.root))
        for need in needs.values():
            if need.lacking():
                need.provide()
    elif any(need.lacking() for need in needs.values()):
        raise InputError("Not all is there; to fetch and make it, add yes=true")
    dataset = instantiate(cfg.dataset)
    dataset.check()
    print(f"Ready: {len(dataset.references)} references, {len(dataset.targets)} target images")


def composed(words: list[str]) -> DictConfig:
    """The configuration of a run, with what its data set needs.

    Raises:
        InputError: no data set is named, or none that can be prepared.
    """
    from hydra import compose, initialize_config_dir

    names = [word.partition("=")[2] for word in words if word.startswith("dataset=")]
    known = sorted(path.stem for path in (ROOT / "conf" / "needs").glob("*.yaml"))
    if not names or names[-1] not in known:
        raise InputError(f"{USAGE}. {did_you_mean(names[-1] if names else '', known)}")
    os.environ.setdefault("PROJECT_ROOT", str(ROOT))
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        cfg = compose("train", [*words, f"+needs={names[-1]}", "paths.output=null"])
    require_values(cfg)
    return cfg


def show(needs: Mapping[str, Need]) -> None:
    """List what is there and what is not, with what has to be fetched."""
    for name, need in needs.items():
        lacking = need.lacking()
        size = f" ({need.size / 1e9:.2f} GB to fetch)" if need.size and lacking else ""
        print(f"{name}: {'is there' if not lacking else 'lacking' + size}")
        for line in lacking:
            print(f"    {line}")


def require_space(needs: Mapping[str, Need], folder: Path) -> None:
    """Refuse to fill the disk: an archive and what is unpacked of it lie side by side.

    Raises:
        InputError: there is too little.
    """
    wanted = 2 * sum(need.size for need in needs.values() if need.lacking())
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if wanted > free:
        raise InputError(f"{folder}: {wanted / 1e9:.1f} GB are needed, {free / 1e9:.1f} GB are free")


if __name__ == "__main__":
    with exit_on_bad_input():
        main(sys.argv[1:])
