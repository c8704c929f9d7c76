"""The page in the browser: ``ntt-app``, ``python -m ntt.app``."""

from __future__ import annotations

import logging
import os
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ntt.engine.command import run_command
from ntt.locations import CONF, announce

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from ntt.api import FewShotSegmenter

logger = logging.getLogger("app")

ENCODER = "encoder="  # the word of the command line that chooses the encoder


def run(cfg: DictConfig) -> None:
    """Serve the page until Ctrl-C."""
    # Imported here, so that --help and misspelt options answer at once.
    from ntt.optional import require_package

    require_package("gradio", "app", "the page")
    with TemporaryDirectory(prefix="ntt-app-uploads-") as uploads:
        os.environ.update(GRADIO_TEMP_DIR=uploads, GRADIO_ANALYTICS_ENABLED="False")
        _serve(cfg)


def _serve(cfg: DictConfig) -> None:
    from hydra.utils import instantiate

    from ntt.api.loading import build
    from ntt.app.models import Models
    from ntt.app.page import Samples, build_page
    from ntt.app.server import serve

    logger.info("Loading %s and %s", cfg.encoder.name, cfg.segmenter.name)
    encoders = tuple(dict.fromkeys((cfg.encoder.name, *cfg.compare)))
    models = Models(encoders, build(cfg, cfg.device), _load_other)
    limits = instantiate(cfg.limits)
    samples = Samples(list(cfg.samples.examples), list(cfg.samples.scenes))
    page = build_page(models, limits, samples)
    url = serve(page, cfg.host, cfg.port, limits.megabytes)
    logger.info("The page is at %s and ends with Ctrl-C", url)
    page.block_thread()


def _load_other(encoder: str) -> FewShotSegmenter:
    """The model of the command line with another encoder."""
    from hydra.core.hydra_config import HydraConfig

    from ntt.api.loading import build
    from ntt.composition import composed

    words = [word for word in HydraConfig.get().overrides.task if not word.startswith(ENCODER)]
    cfg = composed("app", [*words, ENCODER + encoder])
    return build(cfg, cfg.device)


def main() -> None:
    """The command."""
    announce()
    run_command(run, CONF, "app")
