"""Train the embedded models on the train classes of the embedded data.

    python scripts/train_nano.py nano=dinov3_nano_160   # then nano=dinov3_nano
    python scripts/train_nano.py nano=dinov2_nano_140   # then nano=dinov2_nano
    python scripts/train_nano.py nano=sam2_nano_256     # then nano=sam2_nano

The second part of each starts from the checkpoint of the first. The same command resumes from the last
checkpoint in ``nano.folder``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import hydra
from omegaconf import DictConfig

ROOT = Path(__file__).resolve().parents[1]
os.environ.setdefault("PROJECT_ROOT", str(ROOT))


@hydra.main(version_base="1.3", config_path=str(ROOT / "conf"), config_name="train_nano")
def main(cfg: DictConfig) -> None:
    """Build the training from the config and run it."""
    hydra.utils.instantiate(cfg.nano).run()


if __name__ == "__main__":
    sys.exit(main())
