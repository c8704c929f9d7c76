"""The main job: fill the memory from references, segment the targets, report AP.

Nothing is trained; the name is the field's habit. ``python train.py --help`` lists what can be chosen.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ntt.engine.command import run_command

if TYPE_CHECKING:
    from omegaconf import DictConfig

ROOT = Path(__file__).resolve().parent
logger = logging.getLogger("train")


def run(cfg: DictConfig) -> dict[str, Any]:
    """One run; returns what it wrote to ``metrics.json``."""
    # Imported here, so that --help and misspelt options answer at once.
    from hydra.utils import instantiate
    from lightning import Trainer, seed_everything
    from rich.console import Console

    from ntt.data.images import limit_pictures
    from ntt.engine.data import StageData
    from ntt.engine.remarks import hide_library_remarks
    from ntt.engine.stages import Stages
    from ntt.files import whole_file, write_json
    from ntt.reporting.loggers import log_metrics
    from ntt.reporting.metrics import run_metrics
    from ntt.reporting.terminal import print_run

    hide_library_remarks()
    seed_everything(cfg.seed, workers=True, verbose=False)
    output_dir = Path(cfg.paths.output)

    limit_pictures(cfg.max_megapixels)
    dataset = instantiate(cfg.dataset)
    dataset.check(cfg.strict)
    logger.info("Data: %d references, %d target images", len(dataset.references), len(dataset.targets))

    model = instantiate(cfg.model)
    data = StageData(dataset, cfg.model.memory.batch_size, cfg.image_batch, cfg.loader_workers)
    stages = Stages(model, dataset, cfg.strict)
    callbacks = [instantiate(callback) for callback in (cfg.callbacks or {}).values()]
    loggers = [instantiate(destination) for destination in (cfg.logger or {}).values()]
    trainer: Trainer = instantiate(cfg.trainer, callbacks=callbacks, logger=loggers)

    if stages.reference_masks.recall():
        trainer.validate(stages, data, verbose=False)  # mask_references
    trainer.predict(stages, data, return_predictions=False)  # fill_memory
    stages.postprocess_memory()
    stages.fill_negatives()
    stages.calibrate()
    with whole_file(output_dir / "memory.safetensors") as path:
        model.memory.save(path)
    trainer.test(stages, data, verbose=False)

    metrics = run_metrics(stages.report, model, stages.clock.seconds, stages.images)
    write_json(output_dir / "metrics.json", metrics)
    log_metrics(loggers, metrics, cfg)
    print_run(metrics, output_dir, Console())
    return metrics


if __name__ == "__main__":
    os.environ.setdefault("PROJECT_ROOT", str(ROOT))
    run_command(run, ROOT / "conf", "train")
