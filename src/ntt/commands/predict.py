"""Segment your own pictures from a few examples: ``python predict.py --help``."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from ntt.engine.command import run_command
from ntt.locations import CONF, announce

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from ntt.api.pictures import Picture
    from ntt.errors import InputError

logger = logging.getLogger("predict")


def run(cfg: DictConfig) -> None:
    """Fit on the references, and write what is found in each picture to the run's folder."""
    # Imported here, so that --help and misspelt options answer at once.
    from ntt.api.loading import build
    from ntt.api.pictures import find_pictures
    from ntt.engine.stage_bar import StageBar
    from ntt.errors import InputError
    from ntt.files import write_json
    from ntt.reporting.prediction_folder import PredictionFolder

    output_dir = Path(cfg.paths.output)
    files = find_pictures(cfg.images)
    model = build(cfg, cfg.device).fit(cfg.references, cfg.reference_images)
    logger.info("%d references of %s", len(model.references), ", ".join(model.class_names))
    logger.info("Instances that score less than %.3f are left out", model.score_threshold)
    model.save(output_dir / "memory.safetensors")

    skipped: dict[str, str] = {}
    home = os.path.commonpath([file.parent for file in files])
    folder = PredictionFolder(output_dir, model.class_names, Path(home))
    with StageBar("predict", "images", len(files)) as bar:

        def skip(picture: Picture, error: InputError) -> None:
            skipped[str(picture)] = str(error)
            logger.warning("skipped: %s", error)
            bar.advance()

        for found in model.predict(files, cfg.batch_size, skip):
            folder.add(found)
            bar.advance()
    if len(skipped) == len(files):
        raise InputError("\n".join(skipped.values()))
    folder.finish()
    if skipped:
        write_json(output_dir / "skipped.json", skipped)
    logger.info("Results: %s", output_dir)


def main() -> None:
    """The command."""
    announce()
    run_command(run, CONF, "predict")
