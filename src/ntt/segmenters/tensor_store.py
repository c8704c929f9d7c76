"""Tensors on disk by what they were computed of, for every process that can see the folder."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ntt.files import whole_file

logger = logging.getLogger(__name__)
DAY = 24 * 3600


class TensorStore:
    """One safetensors file per key; a file is complete or absent, whoever writes at the same time.

    Args:
        directory: of the files.
        max_gb: once they take so many GB, nothing is added. Processes that write side by side may exceed it.
        days: what was not used for so long goes when a store is opened.
    """

    def __init__(self, directory: str | Path, max_gb: float, days: float) -> None:
        self.directory = Path(directory)
        self.max_bytes = int(max_gb * 1e9)
        self._bytes = self._drop_unused(time.time() - days * DAY)
        self._full = False

    def get(self, key: str) -> tuple[dict[str, Tensor], float] | None:
        """Tensors by name, and the seconds that they took; None where there are none, or damaged ones."""
        file = self._file(key)
        try:
            with safe_open(file, framework="pt") as content:
                seconds = float((content.metadata() or {})["seconds"])
                tensors = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118
        except OSError:
            return None
        except (SafetensorError, KeyError, ValueError):
            with suppress(OSError):
                file.unlink()
            return None
        with suppress(OSError):  # it may be another user's
            os.utime(file)
        return tensors, seconds

    def put(self, key: str, tensors: Mapping[str, Tensor], seconds: float) -> None:
        """Keep tensors, unless the store or the disk is full."""
        size = sum(tensor.nbytes for tensor in tensors.values())
        if self._bytes + size > self.max_bytes:
            self._give_up(f"holds {self._bytes / 1e9:.1f} GB, cache.max_gb allows no more")
            return
        held = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        try:
            with whole_file(self._file(key)) as path:
                save_file(held, path, metadata={"seconds": repr(seconds)})
        except (OSError, SafetensorError) as error:
            self._give_up(f"cannot be written to ({error})")
            return
        self._bytes += size

    def _file(self, key: str) -> Path:
        return self.directory / key[:2] / f"{key}.safetensors"

    def _drop_unused(self, before: float) -> int:
        """Remove what was last used before a time; returns the bytes that are left."""
        left = 0
        for file in self.directory.glob("*/*.safetensors"):
            try:
                stat = file.stat()
                if stat.st_mtime < before:
                    file.unlink()
                else:
                    left += stat.st_size
            except OSError:  # another process was faster, or it is another user's
                continue
        return left

    def _give_up(self, why: str) -> None:
        if not self._full:
            logger.warning("%s %s; what is computed from now on is not kept", self.directory, why)
        self._full = True
