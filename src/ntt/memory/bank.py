"""Reference memory: one pooled vector per instance and one prototype per class."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

import torch
from scipy.cluster.vq import kmeans2
from torch import Tensor

from ntt.errors import InputError
from ntt.memory.files import MADE_WITH, MAPS, as_text, from_text, read_bank, write_bank
from ntt.precision import as_given

Derived = TypeVar("Derived")
KMEANS_SEED = 0


class MemoryBank:
    """Pooled vectors of reference instances, any number per class, and the class prototypes.

    By default, only pooled vectors are stored and no feature maps. This takes megabytes, whereas the dense
    memory of the method's reference implementation takes gigabytes. All tensors are float32 on the CPU.

    Args:
        class_names: names of the K classes, in label order.
        fingerprint: hash of the encoder, options and references; loading a bank with another one fails.
        patches_kept: number of patch centres stored per instance in addition to its vector.
        notes: additional metadata of the file.
        maps_kept: whether to store the feature map of the reference image and the mask on it per instance,
            for methods that match single patches.
    """

    def __init__(
        self,
        class_names: Sequence[str],
        fingerprint: str,
        patches_kept: int = 0,
        notes: Mapping[str, str] | None = None,
        maps_kept: bool = False,
    ) -> None:
        self.class_names = tuple(class_names)
        self.fingerprint = fingerprint
        self.patches_kept = patches_kept
        self.maps_kept = maps_kept
        self.notes = dict(notes or {})
        self._vectors: list[Tensor] = []
        self._labels: list[int] = []
        self._patches: list[tuple[Tensor, Tensor]] = []
        self._maps: list[tuple[Tensor, Tensor]] = []
        self._negatives: list[tuple[Tensor, int]] = []
        self._prototypes: Tensor | None = None
        self._derived: dict[Hashable, Any] = {}

    def __len__(self) -> int:
        """Number of instances."""
        return len(self._vectors)

    @property
    def vectors(self) -> Tensor:
        """Instance vectors ``(N, C)`` in the order they were added; ``(0, 0)`` if there are none."""
        return self.derived("vectors", lambda _: _stacked(self._vectors))

    @property
    def labels(self) -> Tensor:
        """Class of each instance, ``(N,)`` int64."""
        return self.derived("labels", lambda _: torch.tensor(self._labels, dtype=torch.int64))

    @property
    def prototypes(self) -> Tensor:
        """Class prototypes ``(K, C)``; requires ``aggregate`` or ``load`` first."""
        if self._prototypes is None:
            raise RuntimeError("the memory has no prototypes yet: call aggregate() or load() first")
        return self._prototypes

    @property
    def patches(self) -> Sequence[tuple[Tensor, Tensor]]:
        """Centres ``(n, C)`` of each instance's patches and their shares ``(n,)``; empty if not stored."""
        return self._patches

    @property
    def maps(self) -> Sequence[tuple[Tensor, Tensor]]:
        """Feature map ``(h, w, C)`` and mask ``(h, w)`` bool of each instance; empty if not stored."""
        return self._maps

    @property
    def negatives(self) -> tuple[Tensor, Tensor]:
        """Vectors ``(M, C)`` of hard negatives, and the class ``(M,)`` int64 each one is a negative of."""
        return self.derived("negatives", lambda _: self._stacked_negatives())

    @property
    def nbytes(self) -> int:
        """Size of all stored tensors in bytes."""
        held = [*self._vectors, *(tensor for pair in (*self._patches, *self._maps) for tensor in pair)]
        held += [vector for vector, _ in self._negatives]
        held += [] if self._prototypes is None else [self._prototypes]
        return sum(tensor.nbytes for tensor in held)

    def derived(self, key: Hashable, make: Callable[[MemoryBank], Derived]) -> Derived:
        """Return the cached result of ``make``; it is recomputed after the memory has changed.

        Args:
            key: cache key.
            make: function of this memory.
        """
        if key not in self._derived:
            self._derived[key] = make(self)
        found: Derived = self._derived[key]
        return found

    def add(self, features: Tensor, mask_weights: Tensor, label: int) -> None:
        """Add one instance, represented by the mean of the features inside its mask.

        Args:
            features: ``(h, w, C)`` patch features.
            mask_weights: ``(h, w)``, share of each patch covered by the mask.
            label: index into ``class_names``.

        Raises:
            InputError: the mask covers no patch.
        """
        self._vectors.append(self._pooled(features, mask_weights, label))
        self._labels.append(label)
        if self.patches_kept:
            self._patches.append(_patch_centres(features, mask_weights, self.patches_kept))
        if self.maps_kept:
            self._maps.append((features.float().cpu(), mask_weights.cpu() > 0))
        self._changed()

    def add_negative(self, features: Tensor, mask_weights: Tensor, label: int) -> None:
        """Add a hard negative of class ``label``; arguments and errors as in ``add``."""
        self._negatives.append((self._pooled(features, mask_weights, label), label))
        self._derived.clear()

    def instance(self, index: int) -> dict[str, Any]:
        """Return one instance as JSON-compatible data, for ``restore``."""
        patches = self._patches[index] if self._patches else ()
        maps = self._maps[index] if self._maps else ()
        return {
            "label": self._labels[index],
            "vector": as_text(self._vectors[index]),
            "patches": [as_text(tensor) for tensor in patches],
            "map": [as_text(tensor) for tensor in maps],
        }

    def restore(self, instance: Mapping[str, Any]) -> None:
        """Add an instance returned by ``instance``."""
        self._vectors.append(from_text(instance["vector"]))
        self._labels.append(instance["label"])
        if instance["patches"]:
            centres, shares = map(from_text, instance["patches"])
            self._patches.append((centres, shares))
        if instance["map"]:
            features, mask = map(from_text, instance["map"])
            self._maps.append((features, mask > 0))
        self._changed()

    def aggregate(self) -> None:
        """Compute each class prototype as the mean of its instance vectors.

        Raises:
            InputError: a class has no instance.
        """
        labels = self.labels
        absent = [name for label, name in enumerate(self.class_names) if not bool((labels == label).any())]
        if absent:
            raise InputError(f"no reference of {', '.join(absent)}: add at least one mask of each class")
        vectors = self.vectors
        means = [vectors[labels == label].mean(dim=0) for label in range(len(self.class_names))]
        self._prototypes = torch.stack(means) if means else torch.zeros(0, 0)

    def subset(self, kept: Tensor) -> MemoryBank:
        """Return an aggregated memory of the selected instances, ``(N,)`` bool, without empty classes."""
        labels = sorted({label for label, keep in zip(self._labels, kept.tolist(), strict=True) if keep})
        place = {label: index for index, label in enumerate(labels)}
        names = [self.class_names[label] for label in labels]
        part = MemoryBank(names, self.fingerprint, self.patches_kept, self.notes, self.maps_kept)
        indices = torch.nonzero(kept)[:, 0].tolist()
        part._vectors = [self._vectors[index] for index in indices]
        part._labels = [place[self._labels[index]] for index in indices]
        part._patches = [self._patches[index] for index in indices] if self._patches else []
        part._maps = [self._maps[index] for index in indices] if self._maps else []
        part._negatives = [(vector, place[label]) for vector, label in self._negatives if label in place]
        part.aggregate()
        return part

    def save(self, path: str | Path) -> None:
        """Write a safetensors file; requires ``aggregate`` first."""
        vectors, labels = self.negatives
        tensors = {
            "vectors": self.vectors,
            "labels": self.labels,
            "prototypes": self.prototypes,
            "negative_vectors": vectors,
            "negative_labels": labels,
        }
        if self._maps:
            tensors["maps"] = torch.stack([features for features, _ in self._maps])
            tensors["map_masks"] = torch.stack([mask for _, mask in self._maps])
        write_bank(Path(path), tensors, self._patches, self.class_names, self.fingerprint, self.notes)

    def load(self, path: str | Path) -> Self:
        """Load the bank saved at ``path`` into this one.

        Raises:
            InputError: the file is not a memory bank, or was created with another encoder, weights, image
                size, references or classes.
        """
        tensors, patches = read_bank(
            Path(path), self.class_names, self.fingerprint, self.notes.get(MADE_WITH, "another fingerprint")
        )
        maps = list(zip(*(tensors[key] for key in MAPS if key in tensors), strict=True))
        if self.maps_kept and len(maps) < len(tensors["vectors"]):
            raise InputError(f"{path}: incomplete memory bank; copy or create it again")
        self._vectors, self._labels = list(tensors["vectors"]), tensors["labels"].tolist()
        self._patches = patches
        self._maps = maps if self.maps_kept else []
        negative_labels = tensors["negative_labels"].tolist()
        self._negatives = list(zip(tensors["negative_vectors"], negative_labels, strict=True))
        self._changed()
        self._prototypes = tensors["prototypes"]
        return self

    def _pooled(self, features: Tensor, mask_weights: Tensor, label: int) -> Tensor:
        weights = mask_weights.to(features)
        total = weights.sum()
        if total <= 0:
            raise InputError(
                f"a reference of class {self.class_names[label]!r} has an empty mask: draw it or remove the "
                "reference"
            )
        with as_given(features.device):
            mean = torch.einsum("hw,hwc->c", weights, features) / total
        return mean.float().cpu()

    def _stacked_negatives(self) -> tuple[Tensor, Tensor]:
        vectors = _stacked([vector for vector, _ in self._negatives])
        return vectors, torch.tensor([label for _, label in self._negatives], dtype=torch.int64)

    def _changed(self) -> None:
        self._prototypes = None
        self._derived.clear()


def _stacked(vectors: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(vectors)) if vectors else torch.zeros(0, 0)


def _patch_centres(features: Tensor, mask_weights: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Compute at most ``count`` centres of the patches covered by a mask, and their shares of the mask."""
    weights = mask_weights.flatten().float().cpu()
    covered = weights > 0
    centres, members = cluster(features.flatten(0, 1).float().cpu()[covered], count)
    shares = torch.zeros(len(centres)).index_add_(0, members, weights[covered])
    return centres, shares / shares.sum()


def cluster(vectors: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Cluster vectors with deterministic k-means.

    Args:
        vectors: ``(N, C)``, N at least 1.
        k: number of centres, at least 1.

    Returns:
        Non-empty centres ``(n, C)`` with n <= k, and the index of each vector's centre, ``(N,)`` int64. If
        N <= k, the centres are the vectors themselves.
    """
    if len(vectors) <= k:
        return vectors, torch.arange(len(vectors))
    centres, members = kmeans2(vectors.double().numpy(), k, minit="++", rng=KMEANS_SEED, missing="warn")
    used, members = torch.from_numpy(members).unique(return_inverse=True)
    return torch.from_numpy(centres).to(vectors)[used.long()], members
