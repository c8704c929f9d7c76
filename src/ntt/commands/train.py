"""Main command: fill the memory with references, segment the targets, report AP.

Nothing is trained; the name follows the field's convention. ``python train.py --help`` lists the options.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig

from ntt.config.messages import require_pytorch_lightning
from ntt.config.paths import CONF, announce
from ntt.engine.command import run_command
from ntt.runs.fingerprint import data_fingerprint, run_fingerprint
from ntt.runs.resume import command_of, typed_words
from ntt.runs.run_directory import RunFolder

if TYPE_CHECKING:
    from omegaconf import DictConfig

logger = logging.getLogger("train")


def run(cfg: DictConfig) -> dict[str, Any]:
    """Start or resume a run and return the content of ``metrics.json``."""
    fingerprint, command = run_fingerprint(cfg), command_of(typed_words(HydraConfig.get()), "train")
    with RunFolder(Path(cfg.paths.output), fingerprint, command, cfg.resume) as folder:
        if folder.finished:
            logger.info("The run in %s is finished; use resume=false to repeat it", folder.path)
            return folder.metrics()
        return run_stages(cfg, folder)


def run_stages(cfg: DictConfig, folder: RunFolder) -> dict[str, Any]:
    """Run all stages; results that are already in the run directory are not computed again."""
    # Imported here to keep --help and errors about misspelt options fast.
    from hydra.utils import instantiate
    from pytorch_lightning import Trainer, seed_everything
    from rich.console import Console

    from ntt.cache.proposals import open_proposal_cache
    from ntt.data.images import limit_pictures
    from ntt.engine.callbacks.base import OutcomeCallback
    from ntt.engine.data import StageData
    from ntt.engine.logging import hide_library_remarks
    from ntt.engine.recorder import Recorder
    from ntt.engine.stages import Stages
    from ntt.io import whole_file
    from ntt.reporting.loggers import log_run
    from ntt.reporting.metrics import forget_peak_memory, run_metrics
    from ntt.reporting.terminal import print_run
    from ntt.runs.sweep import refuse_processes

    hide_library_remarks()
    forget_peak_memory()
    seed_everything(cfg.seed, workers=True, verbose=False)

    limit_pictures(cfg.max_megapixels)
    dataset = instantiate(cfg.dataset)
    dataset.check(cfg.strict)
    logger.info("Data: %d references, %d target images", len(dataset.references), len(dataset.targets))

    folder.require_data(data_fingerprint(dataset))
    loggers, callbacks = _built(cfg, "logger"), _built(cfg, "callbacks")
    observers = {name: each for name, each in callbacks.items() if isinstance(each, OutcomeCallback)}
    recorder = Recorder(folder.journal("images"), observers)
    trainer: Trainer = instantiate(
        cfg.trainer, callbacks=[*callbacks.values(), recorder], logger=list(loggers.values())
    )
    require_pytorch_lightning("trainer", trainer)
    refuse_processes(trainer)

    model = instantiate(cfg.model)
    model.proposal_cache = open_proposal_cache(cfg)
    data = StageData(dataset, cfg.model.memory.batch_size, cfg.image_batch, cfg.loader_workers)
    data.images_done = recorder.images_done()
    stages = Stages(model, dataset, folder.memo, cfg.strict)

    if stages.recall_masks():
        trainer.validate(stages, data, verbose=False)  # mask_references
    data.references_done = stages.begin_memory()
    if data.references_done < len(dataset.references):
        trainer.predict(stages, data, return_predictions=False)  # fill_memory
    stages.postprocess_memory()
    stages.fill_negatives()
    stages.calibrate()
    if trainer.is_global_zero:
        with whole_file(folder.path / "memory.safetensors") as path:
            model.memory.save(path)
    if data.images_left:
        trainer.test(stages, data, verbose=False)
    trainer.strategy.barrier()
    if not trainer.is_global_zero:
        return {}

    recorder.summarise(stages)
    metrics = run_metrics(stages.report, model, stages.clock.seconds, stages.images)
    log_run(loggers.values(), metrics, cfg, dataset)
    folder.finish(metrics)  # last, so that the same command retries failed logging
    print_run(metrics, folder.path, Console())
    return metrics


def _built(cfg: DictConfig, group: str) -> dict[str, Any]:
    """Instantiate the entries of a group of callbacks or loggers."""
    from hydra.utils import instantiate

    built = {name: instantiate(entry) for name, entry in (cfg[group] or {}).items()}
    for name, each in built.items():
        require_pytorch_lightning(f"{group}.{name}", each)
    return built


def main() -> None:
    """Run the command."""
    announce()
    run_command(run, CONF, "train", resumes=True)
