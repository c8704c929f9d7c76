"""Data loading for the stages."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from PIL import Image
from pytorch_lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Subset

from ntt.data import FewShotDataset
from ntt.data.samples import Targets
from ntt.errors import InputError
from ntt.segmenters.base import Proposals
from ntt.structures import Instances, Reference, Target

Batch = TypeVar("Batch")
END = object()


@dataclass(frozen=True)
class ImageResult:
    """Result of one target image with its intermediate results.

    Attributes:
        index: Index of the image in the dataset, from 0.
        target: Target image.
        features: ``(h, w, C)`` patch features.
        proposals: Proposals of the segmenter.
        instances: Final instances, highest score first.
    """

    index: int
    target: Target
    features: Tensor
    proposals: Proposals
    instances: Instances


@dataclass(frozen=True)
class Unreadable:
    """Placeholder for a target image that cannot be read.

    Attributes:
        image_id: Id of the target image.
        file: Image file.
        reason: Why it cannot be read and how to fix it.
    """

    image_id: int | str
    file: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.file}: {self.reason}"


NumberedTarget = tuple[int, Target | Unreadable]  # index in the whole dataset, target


class TargetsOrReasons(Dataset[Target | Unreadable]):
    """Targets of a dataset, with an :class:`Unreadable` for each image that cannot be read.

    Raising the error instead would end a worker process.

    Args:
        targets: Targets of a dataset.
    """

    def __init__(self, targets: Targets) -> None:
        self.targets = targets

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> Target | Unreadable:
        try:
            return self.targets[index]
        except InputError as error:
            entry = self.targets.entries[index]
            return Unreadable(entry.image_id, entry.file, str(error).removeprefix(f"{entry.file}: "))


class Prefetcher(Generic[Batch]):
    """Iterate over a data loader while a thread prefetches the next item.

    A thread is sufficient, because image decoding releases the GIL; worker processes would need shared
    memory, which is often limited in containers.

    Args:
        loader: Data loader without workers.
    """

    def __init__(self, loader: DataLoader[Batch]) -> None:
        self.loader = loader

    def __len__(self) -> int:
        """Number of batches."""
        return len(self.loader)

    def __iter__(self) -> Iterator[Batch]:
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="prefetch") as thread:
            items = iter(self.loader)
            ahead = thread.submit(next, items, END)
            while True:
                item: Any = ahead.result()
                if item is END:
                    return
                ahead = thread.submit(next, items, END)
                yield item


class NumberedTargets(Dataset[NumberedTarget]):
    """Subset of the targets, each with its index in the whole dataset."""

    def __init__(self, targets: TargetsOrReasons, indices: Sequence[int]) -> None:
        self.targets = targets
        self.indices = indices

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, position: int) -> NumberedTarget:
        index = self.indices[position]
        return index, self.targets[index]


class StageData(LightningDataModule):
    """Data module with references for the validate and predict loops and targets for the test loop.

    Args:
        dataset: References and targets.
        reference_batch: References per step.
        image_batch: Targets per step.
        workers: Worker processes that read images; with 0, a thread prefetches one batch.
        references_done: Number of leading references to skip.
        images_done: Indices of target images to skip. The others are split among the processes of a run.
    """

    def __init__(
        self,
        dataset: FewShotDataset,
        reference_batch: int,
        image_batch: int,
        workers: int,
        references_done: int = 0,
        images_done: Collection[int] = (),
    ) -> None:
        super().__init__()
        self.allow_zero_length_dataloader_with_multiple_devices = True  # there may be fewer images
        self.dataset = dataset
        self.reference_batch = reference_batch
        self.image_batch = image_batch
        self.workers = workers
        self.references_done = references_done
        self.images_done = frozenset(images_done)

    @property
    def images_left(self) -> list[int]:
        """Indices of the target images that are not segmented yet."""
        return [index for index in range(len(self.dataset.targets)) if index not in self.images_done]

    @property
    def share(self) -> list[int]:
        """Indices of the remaining target images that this process segments."""
        left = self.images_left
        return left if self.trainer is None else left[self.trainer.global_rank :: self.trainer.world_size]

    def val_dataloader(self) -> DataLoader[Reference]:
        """References without masks, one list per image, for ``mask_references``."""
        references = self.dataset.references
        return DataLoader(
            references,
            batch_sampler=references.without_mask(),
            num_workers=self.workers,
            collate_fn=list,
        )

    def predict_dataloader(self) -> DataLoader[Reference]:
        """Lists of references for ``fill_memory``."""
        left = range(self.references_done, len(self.dataset.references))
        return DataLoader(
            Subset(self.dataset.references, left),
            batch_size=self.reference_batch,
            num_workers=self.workers,
            collate_fn=list,
        )

    def test_dataloader(self) -> DataLoader[NumberedTarget] | Prefetcher[NumberedTarget]:
        """Lists of indexed targets for ``test``; an :class:`Unreadable` replaces an unreadable image."""
        loader = DataLoader(
            NumberedTargets(TargetsOrReasons(self.dataset.targets), self.share),
            batch_size=self.image_batch,
            num_workers=self.workers,
            collate_fn=list,
            worker_init_fn=partial(_limit_pixels, Image.MAX_IMAGE_PIXELS),
        )
        return loader if self.workers else Prefetcher(loader)

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Move target images to the device; references stay on the CPU, where they are cropped first."""
        return [each if isinstance(each, Reference) else _moved(each[0], each[1], device) for each in batch]


def _moved(index: int, target: Target | Unreadable, device: torch.device) -> NumberedTarget:
    if isinstance(target, Unreadable):
        return index, target
    return index, replace(target, image=target.image.to(device))


def _limit_pixels(most: int | None, _: int) -> None:
    """Apply the pixel limit of ``limit_image_size`` in a worker that was not forked."""
    Image.MAX_IMAGE_PIXELS = most
