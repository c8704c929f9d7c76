"""Disk store of tensors by content key, shared by all processes with access to the folder."""

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

from ntt.io import whole_file
from ntt.options import NotNegative

logger = logging.getLogger(__name__)
DAY = 24 * 3600


class TensorStore:
    """Store with one safetensors file per key; writes are atomic, also across processes.

    Args:
        directory: folder of the files.
        max_gb: size limit in GB; nothing is added beyond it. Concurrent writers may exceed it.
        days: files not used for this many days are deleted when a store is opened.
    """

    def __init__(self, directory: str | Path, max_gb: NotNegative, days: NotNegative) -> None:
        self.directory = Path(directory)
        self.max_bytes = int(max_gb * 1e9)
        self._bytes = self._drop_unused(time.time() - days * DAY)
        self._full = False

    def get(self, key: str) -> tuple[dict[str, Tensor], float] | None:
        """Return tensors by name and their computation time in seconds; None if missing or damaged."""
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
        with suppress(OSError):  # the file may belong to another user
            os.utime(file)
        return tensors, seconds

    def put(self, key: str, tensors: Mapping[str, Tensor], seconds: float) -> None:
        """Store tensors, unless the store or the disk is full."""
        size = sum(tensor.nbytes for tensor in tensors.values())
        if self._bytes + size > self.max_bytes:
            self._give_up(f"contains {self._bytes / 1e9:.1f} GB, the limit set by cache.max_gb")
            return
        held = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        try:
            with whole_file(self._file(key)) as path:
                save_file(held, path, metadata={"seconds": repr(seconds)})
        except (OSError, SafetensorError) as error:
            self._give_up(f"is not writable ({error})")
            return
        self._bytes += size

    def _file(self, key: str) -> Path:
        return self.directory / key[:2] / f"{key}.safetensors"

    def _drop_unused(self, before: float) -> int:
        """Delete files last used before a time; return the bytes of the remaining files."""
        left = 0
        for file in self.directory.glob("*/*.safetensors"):
            try:
                stat = file.stat()
                if stat.st_mtime < before:
                    file.unlink()
                else:
                    left += stat.st_size
            except OSError:  # deleted by another process, or owned by another user
                continue
        return left

    def _give_up(self, why: str) -> None:
        if not self._full:
            logger.warning("%s %s; further results are not cached", self.directory, why)
        self._full = True
