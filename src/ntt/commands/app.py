"""Browser app: ``ntt-app``, ``python -m ntt.app``."""

from __future__ import annotations

import logging
import os
import re
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ntt.config.composition import CONF, announce
from ntt.engine.command import run_command

if TYPE_CHECKING:
    from omegaconf import DictConfig

logger = logging.getLogger("app")


def run(cfg: DictConfig) -> None:
    """Serve the app until Ctrl-C."""
    from ntt.optional import require_package

    require_package("gradio", "app", "the browser app")
    others = _configs_to_compare_with(cfg)
    with TemporaryDirectory(prefix="ntt-app-uploads-") as uploads:
        os.environ.update(GRADIO_TEMP_DIR=uploads, GRADIO_ANALYTICS_ENABLED="False")
        _serve(cfg, others)


def _configs_to_compare_with(cfg: DictConfig) -> dict[str, DictConfig]:
    """Compose this config with each of the other encoders; a misspelt encoder raises here."""
    from hydra.core.hydra_config import HydraConfig

    from ntt.config.composition import compose_config
    from ntt.runs.resume import typed_overrides

    # Encoder overrides, such as encoder.weights=FILE, apply only to the chosen encoder.
    overrides = [
        override
        for override in typed_overrides(HydraConfig.get())
        if not re.match(r"[+~]*encoder\b", override)
    ]
    names = [name for name in cfg.compare if name != _chosen_encoder()]
    return {name: compose_config("app", [*overrides, f"encoder={name}"]) for name in names}


def _chosen_encoder() -> str:
    """Return the chosen option of the encoder group, which also names ensembles."""
    from hydra.core.hydra_config import HydraConfig

    return str(HydraConfig.get().runtime.choices["encoder"])


def _serve(cfg: DictConfig, others: dict[str, DictConfig]) -> None:
    # Imported here to keep --help and errors about misspelt options fast.
    from hydra.utils import instantiate

    from ntt.app.page import check_free, serve

    check_free(cfg.host, cfg.port)
    from ntt.api.loading import build
    from ntt.app.models import Models
    from ntt.app.page import Samples, build_page

    name = _chosen_encoder()
    logger.info("Loading %s and %s", name, cfg.segmenter.name)
    first = build(cfg, cfg.device)
    models = Models((name, *others), first, lambda name: build(others[name], cfg.device))
    limits = instantiate(cfg.limits)
    samples = Samples(list(cfg.samples.examples), list(cfg.samples.scenes))
    page = build_page(models, limits, samples)
    url = serve(page, cfg.host, cfg.port, limits.megabytes, [*samples.examples, *samples.scenes])
    logger.info("Serving at %s (press Ctrl-C to stop)", url)
    page.block_thread()


def main() -> None:
    """Run the command."""
    announce()
    run_command(run, CONF, "app")
