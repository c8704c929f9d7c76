"""Segment your own pictures or a video from a few examples: ``python predict.py --help``."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from ntt.engine.command import run_command
from ntt.locations import CONF, announce

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from ntt.api import FewShotSegmenter
    from ntt.api.pictures import Picture
    from ntt.errors import InputError
    from ntt.video import VideoFile

logger = logging.getLogger("predict")


def run(cfg: DictConfig) -> None:
    """Fit on the references, and write what is found in each picture or frame to the run's folder."""
    # Imported here, so that --help and misspelt options answer at once.
    from ntt.api.pictures import find_pictures
    from ntt.errors import InputError
    from ntt.video import VideoFile

    if (cfg.images is None) == (cfg.video is None):
        raise InputError("give what to segment: images=<folder, file or pattern>, or video=<file>")
    output_dir = Path(cfg.paths.output)
    if cfg.video is None:
        _segment_pictures(cfg, find_pictures(cfg.images), output_dir)
    else:
        _segment_video(cfg, VideoFile(Path(cfg.video)), output_dir)
    logger.info("Results: %s", output_dir)


def _fitted(cfg: DictConfig, output_dir: Path) -> FewShotSegmenter:
    from ntt.api.loading import build

    model = build(cfg, cfg.device).fit(cfg.references, cfg.reference_images)
    logger.info("%d references of %s", len(model.references), ", ".join(model.class_names))
    logger.info("Instances that score less than %.3f are left out", model.score_threshold)
    model.save(output_dir / "memory.safetensors")
    return model


def _segment_pictures(cfg: DictConfig, files: list[Path], output_dir: Path) -> None:
    from ntt.engine.stage_bar import StageBar
    from ntt.errors import InputError
    from ntt.files import write_json
    from ntt.reporting.prediction_folder import PredictionFolder

    model = _fitted(cfg, output_dir)
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


def _segment_video(cfg: DictConfig, video: VideoFile, output_dir: Path) -> None:
    from ntt.engine.stage_bar import StageBar
    from ntt.video.results import video_results

    model = _fitted(cfg, output_dir)
    ids: set[int] = set()
    with (
        StageBar("predict", "frames", video.length) as bar,
        video_results(output_dir, video.path, model.class_names, video.rate) as results,
    ):
        for found in model.predict_video(video):
            results.add(found)
            ids.update(found.ids.tolist())
            bar.advance()
    logger.info("%d objects in %d frames", len(ids), bar.done)


def main() -> None:
    """The command."""
    announce()
    run_command(run, CONF, "predict")
