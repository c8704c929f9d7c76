"""Loading of SAM 2 checkpoints."""

from __future__ import annotations

import logging
from pathlib import Path

from torch import Tensor, nn

from ntt.encoders.tensor_files import read_tensors
from ntt.errors import InputError
from ntt.io import file_sha256

logger = logging.getLogger(__name__)
FOLDER = "sam2"


def load_weights(model: nn.Module, weights: str | Path, name: str) -> str:
    """Load a checkpoint strictly into ``model``.

    Args:
        model: a ``SAM2Base``.
        weights: Meta's ``.pt`` (``{"model": state_dict}``), the same keys as ``.safetensors``, or ``random``
            to keep the initial weights.
        name: segmenter name, for messages.

    Returns:
        A hash of the weights: "random" or the SHA-256 of the file.

    Raises:
        InputError: the file is missing, unreadable, or does not match the architecture.
    """
    if str(weights) == "random":
        logger.warning("%s runs with random weights: only its speed is meaningful, not its masks", name)
        return "random"
    asked = Path(weights)
    # The integration guide places checkpoints one folder above the download script's target folder.
    path = asked if asked.is_file() else asked.parent / FOLDER / asked.name
    if not path.is_file():
        raise InputError(
            f"{asked}: no weights for segmenter {name} (segmenter.weights); "
            f"download them with: python scripts/download_checkpoints.py segmenter={name}"
        )
    state = _read(path)
    try:
        model.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise InputError(
            f"{path}: the weights do not match segmenter {name} (segmenter.weights): {_first_problem(error)}"
        ) from error
    return file_sha256(path)


def _read(path: Path) -> dict[str, Tensor]:
    try:
        return read_tensors(path)
    except InputError as error:
        raise InputError(
            f"{path}: not a SAM 2 checkpoint (segmenter.weights); expected Meta's .pt or .safetensors"
        ) from error


def _first_problem(error: RuntimeError) -> str:
    """Return the first detail line of a ``load_state_dict`` error, truncated to 160 characters."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[min(1, len(lines) - 1)][:160]
