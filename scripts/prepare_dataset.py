"""List the files that a data set and its protocol need, and download public ones.

    python scripts/prepare_dataset.py dataset=coco_fewshot             # list present and missing files
    python scripts/prepare_dataset.py dataset=coco_fewshot yes=true    # download and unpack them

Other overrides of ``train.py`` may follow, such as ``paths.data=/data``. docs/datasets.md describes the
data sets.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ntt.config.messages import require_values
from ntt.engine.command import exit_on_bad_input
from ntt.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from ntt.data.download import Download

ROOT = Path(__file__).resolve().parent.parent
USAGE = "usage: python scripts/prepare_dataset.py dataset=NAME [yes=true]"
CONSENT = "yes=true"


def main(arguments: list[str]) -> None:
    """List the missing files; provide them if requested.

    Raises:
        InputError: Files are missing.
    """
    from hydra.utils import instantiate

    cfg = compose_with_downloads([argument for argument in arguments if argument != CONSENT])
    downloads: dict[str, Download] = instantiate(cfg.download)
    show(downloads)
    if CONSENT in arguments:
        require_space(downloads, Path(cfg.dataset.root))
        for download in downloads.values():
            if download.missing():
                download.provide()
    elif any(download.missing() for download in downloads.values()):
        raise InputError("Files are missing; add yes=true to download and make them")
    dataset = instantiate(cfg.dataset)
    dataset.check()
    print(f"Ready: {len(dataset.references)} references, {len(dataset.targets)} target images")


def compose_with_downloads(arguments: list[str]) -> DictConfig:
    """Compose the config of a run with the files that its data set needs.

    Raises:
        InputError: No data set is given, or it cannot be prepared.
    """
    from hydra import compose, initialize_config_dir

    names = [argument.partition("=")[2] for argument in arguments if argument.startswith("dataset=")]
    known = sorted(path.stem for path in (ROOT / "conf" / "download").glob("*.yaml"))
    if not names or names[-1] not in known:
        raise InputError(f"{USAGE}. {did_you_mean(names[-1] if names else '', known)}")
    os.environ.setdefault("PROJECT_ROOT", str(ROOT))
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        cfg = compose("train", [*arguments, f"+download={names[-1]}", "paths.output=null"])
    require_values(cfg)
    return cfg


def show(downloads: Mapping[str, Download]) -> None:
    """Print present and missing files, with download sizes."""
    for name, download in downloads.items():
        missing = download.missing()
        size = f" ({download.size / 1e9:.2f} GB to download)" if download.size and missing else ""
        print(f"{name}: {'complete' if not missing else 'missing' + size}")
        for line in missing:
            print(f"    {line}")


def require_space(downloads: Mapping[str, Download], folder: Path) -> None:
    """Check the free disk space, counting each archive and its unpacked files.

    Raises:
        InputError: There is too little space.
    """
    wanted = 2 * sum(download.size for download in downloads.values() if download.missing())
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if wanted > free:
        raise InputError(f"{folder}: {wanted / 1e9:.1f} GB needed, {free / 1e9:.1f} GB free")


if __name__ == "__main__":
    with exit_on_bad_input():
        main(sys.argv[1:])
