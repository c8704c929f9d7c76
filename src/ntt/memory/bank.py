"""What the model remembers of the references: one vector each, and one per class."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ntt.errors import InputError


class MemoryBank:
    """Pooled vectors of reference instances, any number per class, and the class prototypes.

    Only pooled vectors are kept, never feature maps: megabytes where the dense memory of the method's
    reference implementation takes gigabytes. Everything is float32 on the CPU.

    Args:
        class_names: names of the K classes, in the order of their labels.
        fingerprint: says what the vectors were made with; a bank on disk with another one is refused.
    """

    def __init__(self, class_names: Sequence[str], fingerprint: str) -> None:
        self.class_names = tuple(class_names)
        self.fingerprint = fingerprint
        self._vectors: list[Tensor] = []
        self._labels: list[int] = []
        self._prototypes: Tensor | None = None

    def __len__(self) -> int:
        """Number of instances."""
        return len(self._vectors)

    @property
    def vectors(self) -> Tensor:
        """Instance vectors ``(N, C)`` in the order they were added; ``(0, 0)`` when there is none."""
        return torch.stack(self._vectors) if self._vectors else torch.zeros(0, 0)

    @property
    def labels(self) -> Tensor:
        """Class of each instance, ``(N,)`` int64."""
        return torch.tensor(self._labels, dtype=torch.int64)

    @property
    def prototypes(self) -> Tensor:
        """Class prototypes ``(K, C)``; needs ``aggregate`` or ``load`` first."""
        if self._prototypes is None:
            raise RuntimeError("the memory has no prototypes yet: call aggregate() or load() first")
        return self._prototypes

    @property
    def nbytes(self) -> int:
        """Bytes of all tensors held."""
        held = [*self._vectors, *([] if self._prototypes is None else [self._prototypes])]
        return sum(tensor.nbytes for tensor in held)

    def add(self, features: Tensor, mask_weights: Tensor, label: int) -> None:
        """Keep the mean of the features inside the mask of one instance.

        Args:
            features: ``(h, w, C)`` patch features.
            mask_weights: ``(h, w)``, how much of each patch the mask covers.
            label: index into ``class_names``.

        Raises:
            InputError: no patch is covered.
        """
        weights = mask_weights.to(features)
        total = weights.sum()
        if total <= 0:
            raise InputError(
                f"a reference of class {self.class_names[label]!r} has an empty mask: draw or remove it"
            )
        mean = torch.einsum("hw,hwc->c", weights, features) / total
        self._vectors.append(mean.float().cpu())
        self._labels.append(label)
        self._prototypes = None

    def aggregate(self) -> None:
        """Make each class prototype the mean of its instance vectors.

        Raises:
            InputError: a class has no instance.
        """
        labels = self.labels
        absent = [name for label, name in enumerate(self.class_names) if not bool((labels == label).any())]
        if absent:
            raise InputError(f"no reference of {', '.join(absent)}: give at least one mask of each class")
        vectors = self.vectors
        means = [vectors[labels == label].mean(dim=0) for label in range(len(self.class_names))]
        self._prototypes = torch.stack(means) if means else torch.zeros(0, 0)

    def save(self, path: str | Path) -> None:
        """Write a safetensors file; needs ``aggregate`` first."""
        tensors = {"vectors": self.vectors, "labels": self.labels, "prototypes": self.prototypes}
        metadata = {"fingerprint": self.fingerprint, "class_names": json.dumps(self.class_names)}
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path, metadata=metadata)

    def load(self, path: str | Path) -> Self:
        """Take over the bank saved at ``path``.

        Raises:
            InputError: the file is no memory bank, or was made with another encoder, weights, image size,
                references or classes.
        """
        try:
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata() or {}
                saved_with = metadata["fingerprint"]
                class_names = tuple(json.loads(metadata["class_names"]))
                vectors, labels, prototypes = (
                    file.get_tensor(key) for key in ("vectors", "labels", "prototypes")
                )
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            raise InputError(f"{path}: not a memory bank; remove it to fill the memory again") from error
        if saved_with != self.fingerprint or class_names != self.class_names:
            raise InputError(
                f"{path}: this memory was made with another encoder, weights, image size, crop, references "
                "or classes; remove it to fill the memory again"
            )
        self._vectors, self._labels, self._prototypes = list(vectors), labels.tolist(), prototypes
        return self
