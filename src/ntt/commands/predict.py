"""Segment your own images or a video from a few references: ``python predict.py --help``."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ntt.config.composition import CONF, announce
from ntt.engine.command import run_command
from ntt.runs.run_directory import FAILURE, PREDICTIONS

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from ntt.api import FewShotSegmenter
    from ntt.api.images import ImageLike
    from ntt.errors import InputError
    from ntt.video import VideoFile

logger = logging.getLogger("predict")
RESULTS = (
    *(PREDICTIONS, "predictions_so_far.json", "skipped.json", "frames.json", "annotated.mp4"),
    FAILURE,
)


def run(cfg: DictConfig) -> None:
    """Fit on the references, segment the images or the video and write the results to the run directory."""
    # Imported here to keep --help and errors about misspelt options fast.
    from ntt.api.images import find_images
    from ntt.errors import InputError
    from ntt.video import VideoFile

    if (cfg.images is None) == (cfg.video is None):
        raise InputError("set either images=<folder, file or pattern> or video=<file>")
    if cfg.references is None:
        raise InputError("references must be a folder or a COCO file, got null")
    output_dir = Path(cfg.paths.output)
    for name in RESULTS:  # delete the results of an earlier command in the same directory
        (output_dir / name).unlink(missing_ok=True)
    if cfg.video is None:
        _segment_images(
            cfg, _without_reference_masks(find_images(cfg.images), Path(cfg.references)), output_dir
        )
    else:
        _segment_video(cfg, VideoFile(Path(cfg.video)), output_dir)
    logger.info("Results: %s", output_dir)


def _without_reference_masks(files: list[Path], references: Path) -> list[Path]:
    """Return the images that are not reference masks; both may be in the same folder."""
    from ntt.data.folder import masks_in

    masks = {mask.resolve() for mask in masks_in(references)} if references.is_dir() else set()
    return [file for file in files if file.resolve() not in masks] or files


def _fitted(cfg: DictConfig, output_dir: Path) -> FewShotSegmenter:
    from ntt.api.loading import build

    model = build(cfg, cfg.device).fit(cfg.references, cfg.reference_images)
    count = len(model.references)
    plural = "" if count == 1 else "s"
    logger.info("Using %d reference%s of %s", count, plural, ", ".join(model.class_names))
    logger.info("Score threshold: %.3f", model.score_threshold)
    model.save(output_dir / "memory.safetensors")
    return model


def _segment_images(cfg: DictConfig, files: list[Path], output_dir: Path) -> None:
    from ntt.engine.stage_bar import StageBar
    from ntt.errors import InputError
    from ntt.reporting.prediction_folder import PredictionFolder

    model = _fitted(cfg, output_dir)
    skipped: dict[str, str] = {}
    home = os.path.commonpath([file.parent for file in files])
    with (
        StageBar("predict", "images", len(files)) as bar,
        PredictionFolder(output_dir, model.class_names, Path(home)) as folder,
        _told(skipped, output_dir / "skipped.json"),
    ):

        def skip(image: ImageLike, error: InputError) -> None:
            skipped[str(image)] = str(error)
            logger.warning("predict: skipped %s", error)
            bar.advance()

        for found in model.predict(files, cfg.batch_size, skip):
            folder.add(found)
            bar.advance()
    if len(skipped) == len(files):
        raise InputError("\n".join(skipped.values()))


@contextmanager
def _told(skipped: dict[str, str], file: Path) -> Iterator[None]:
    """Write the skipped images and the reasons when the block ends, even if it raises."""
    from ntt.io import write_json

    try:
        yield
    finally:
        if skipped:
            write_json(file, skipped)


def _segment_video(cfg: DictConfig, video: VideoFile, output_dir: Path) -> None:
    from ntt.api.video_files import video_results
    from ntt.engine.stage_bar import StageBar

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
    """Run the command."""
    announce()
    run_command(run, CONF, "predict")
