"""Main command: fill the memory with references, segment the targets, report AP.

Nothing is trained; the name follows the field's convention. ``python train.py --help`` lists the options.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig

from ntt.config.composition import CONF, announce
from ntt.config.messages import require_pytorch_lightning
from ntt.engine.command import run_command
from ntt.runs.fingerprint import data_fingerprint, run_fingerprint
from ntt.runs.resume import command_of, typed_overrides
from ntt.runs.run_directory import RunFolder

if TYPE_CHECKING:
    from omegaconf import DictConfig
    from pytorch_lightning import Trainer
    from pytorch_lightning.loggers import Logger

    from ntt.data import FewShotDataset
    from ntt.engine.data import StageData
    from ntt.engine.stages import Stages

logger = logging.getLogger("train")


def run(cfg: DictConfig) -> dict[str, Any]:
    """Start or resume a run and return the content of ``metrics.json``."""
    command = command_of(typed_overrides(HydraConfig.get()), "train")
    with RunFolder(Path(cfg.paths.output), run_fingerprint(cfg), command, cfg.resume) as folder:
        if folder.finished:
            logger.info("The run in %s is finished; use resume=false to repeat it", folder.path)
            return folder.metrics()
        return run_stages(cfg, folder)


def run_stages(cfg: DictConfig, folder: RunFolder) -> dict[str, Any]:
    """Run all stages; results that are already in the run directory are not computed again."""
    # Imported here to keep --help and errors about misspelt options fast.
    from hydra.utils import instantiate

    from ntt.cache.proposals import open_proposal_cache
    from ntt.engine.callbacks.base import ImageCallback
    from ntt.engine.data import StageData
    from ntt.engine.recorder import Recorder
    from ntt.engine.stages import Stages
    from ntt.runs.sweep import refuse_processes

    prepare_process(cfg)
    dataset = load_dataset(cfg)
    folder.require_data(data_fingerprint(dataset))

    loggers, callbacks = _built(cfg, "logger"), _built(cfg, "callbacks")
    observers = {name: each for name, each in callbacks.items() if isinstance(each, ImageCallback)}
    recorder = Recorder(folder.journal("images"), observers)
    trainer: Trainer = instantiate(
        cfg.trainer, callbacks=[*callbacks.values(), recorder], logger=list(loggers.values())
    )
    require_pytorch_lightning("trainer", trainer)
    refuse_processes(trainer)

    model = instantiate(cfg.model, proposal_cache=open_proposal_cache(cfg))
    stages = Stages(model, dataset, folder.memo, cfg.strict)
    data = partial(StageData, dataset, cfg.model.memory.batch_size, cfg.image_batch, cfg.loader_workers)
    targets = data(images_done=recorder.images_done())

    fill_memory(trainer, stages, data)
    if trainer.is_global_zero:
        save_memory(stages, folder)
    if targets.images_left:
        trainer.test(stages, targets, verbose=False)
    trainer.strategy.barrier()
    if not trainer.is_global_zero:
        return {}
    recorder.summarise(stages)
    return report(cfg, folder, stages, loggers.values())


def prepare_process(cfg: DictConfig) -> None:
    """Filter library messages, seed the random generators and limit the size of images."""
    from pytorch_lightning import seed_everything

    from ntt.data.images import limit_image_size
    from ntt.engine.logging import hide_library_messages
    from ntt.reporting.metrics import forget_peak_memory

    hide_library_messages()
    forget_peak_memory()
    seed_everything(cfg.seed, workers=True, verbose=False)
    limit_image_size(cfg.max_megapixels)


def load_dataset(cfg: DictConfig) -> FewShotDataset:
    """Build the dataset of a config and check its files."""
    from hydra.utils import instantiate

    dataset: FewShotDataset = instantiate(cfg.dataset)
    dataset.check(cfg.strict)
    logger.info("Data: %d references, %d target images", len(dataset.references), len(dataset.targets))
    return dataset


def fill_memory(trainer: Trainer, stages: Stages, data: Callable[..., StageData]) -> None:
    """Encode the references, aggregate them, add hard negatives and calibrate the score threshold."""
    if stages.recall_masks():
        trainer.validate(stages, data(), verbose=False)  # mask_references
    references_done = stages.begin_memory()
    if references_done < len(stages.dataset.references):
        trainer.predict(stages, data(references_done=references_done), return_predictions=False)
    stages.postprocess_memory()
    stages.fill_negatives()
    stages.calibrate()


def save_memory(stages: Stages, folder: RunFolder) -> None:
    """Write ``memory.safetensors``."""
    from ntt.io import whole_file

    with whole_file(folder.path / "memory.safetensors") as path:
        stages.model.memory.save(path)


def report(cfg: DictConfig, folder: RunFolder, stages: Stages, loggers: Iterable[Logger]) -> dict[str, Any]:
    """Log, write and print the metrics."""
    from rich.console import Console

    from ntt.reporting.loggers import log_run
    from ntt.reporting.metrics import run_metrics
    from ntt.reporting.terminal import print_run

    metrics = run_metrics(stages.report, stages.model, stages.timer.seconds, stages.images)
    log_run(loggers, metrics, cfg, stages.dataset)
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
