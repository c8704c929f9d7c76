"""How references and targets reach the stages."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import torch
from lightning import LightningDataModule
from PIL import Image
from torch.utils.data import DataLoader

from ntt.data import FewShotDataset
from ntt.engine.read_ahead import ReadAhead
from ntt.engine.unreadable import TargetsOrReasons, Unreadable
from ntt.structures import Reference, Target


class StageData(LightningDataModule):
    """Pictures of references to validate on, batches of references to predict on, of targets to test on.

    Args:
        dataset: references and targets.
        reference_batch: how many references a step gets.
        image_batch: how many targets a step gets.
        workers: processes that read images beside the main one; with 0 a thread reads one image ahead.
    """

    def __init__(self, dataset: FewShotDataset, reference_batch: int, image_batch: int, workers: int) -> None:
        super().__init__()
        self.dataset = dataset
        self.reference_batch = reference_batch
        self.image_batch = image_batch
        self.workers = workers

    def val_dataloader(self) -> DataLoader[Reference]:
        """References without masks, those of one picture in a list, for ``mask_references``."""
        references = self.dataset.references
        return DataLoader(
            references,
            batch_sampler=references.without_mask(),
            num_workers=self.workers,
            collate_fn=list,
        )

    def predict_dataloader(self) -> DataLoader[Reference]:
        """References, in lists, for ``fill_memory``."""
        return DataLoader(
            self.dataset.references,
            batch_size=self.reference_batch,
            num_workers=self.workers,
            collate_fn=list,
        )

    def test_dataloader(self) -> DataLoader[Target | Unreadable] | ReadAhead[Target | Unreadable]:
        """Targets, or why one cannot be read, in lists, for ``test``."""
        loader = DataLoader(
            TargetsOrReasons(self.dataset.targets),
            batch_size=self.image_batch,
            num_workers=self.workers,
            collate_fn=list,
            worker_init_fn=partial(_limit_pixels, Image.MAX_IMAGE_PIXELS),
        )
        return loader if self.workers else ReadAhead(loader)

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Move the images of targets; references are cropped on the CPU first."""
        return [
            replace(each, image=each.image.to(device)) if isinstance(each, Target) else each for each in batch
        ]


def _limit_pixels(most: int | None, _: int) -> None:
    """Hold a worker that was not forked to the limit of ``limit_pictures``."""
    Image.MAX_IMAGE_PIXELS = most
