"""Cache of image embeddings and proposals, shared by all runs with the same segmenter and images."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from hydra.utils import instantiate
from omegaconf import DictConfig
from torch import Tensor

from ntt.cache.tensor_store import TensorStore
from ntt.errors import InputError
from ntt.runs.sweep import in_sweep
from ntt.segmenters.base import ImageEmbedding, Proposals, Segmenter

if TYPE_CHECKING:
    from ntt.matching.patches import Patches
    from ntt.proposals import ProposalStrategy

LAYOUT = "2"  # version of the stored format; change it when the meaning of the stored tensors changes
WHEN = ("sweep", "always", "never")


class ProposalCache:
    """Disk cache of image embeddings and of proposals that do not depend on the encoder.

    The cache key covers the pixels, the segmenter's fingerprint, device type and precision, and the proposal
    options. Cached tensors equal the computed ones bit by bit.

    Args:
        store: tensor store that contains the cache.

    Attributes:
        saved: computation time in seconds of the tensors read from the cache.
    """

    def __init__(self, store: TensorStore) -> None:
        self.store = store
        self.saved = 0.0

    def embed(self, segmenter: Segmenter, images: Sequence[Tensor], keep: bool) -> list[ImageEmbedding]:
        """Return lazy image embeddings on the segmenter's device; they are read or computed on first access.

        Args:
            segmenter: encodes the images that are not in the cache, in one batch.
            images: ``(3, H, W)`` each, in [0, 1].
            keep: whether to cache the embeddings; False if only the proposals are cached.
        """
        batch = _Batch(self, segmenter, images, keep)
        return [CachedEmbedding(batch, position) for position in range(len(images))]

    def propose(
        self,
        strategy: ProposalStrategy,
        segmenter: Segmenter,
        embedding: ImageEmbedding | None,
        patches: Patches,
    ) -> Proposals:
        """Compute the proposals of a strategy, or read them from the cache if it has a cache key."""
        if strategy.cache_key is None or not isinstance(embedding, CachedEmbedding):
            return strategy(segmenter, embedding, patches)
        key = _key(embedding.key, strategy.cache_key)
        found = self.look_up(key)
        if found is not None:
            device = patches.features.device
            return Proposals(found["logits"].to(device), found["iou"].to(device))
        began = time.perf_counter()
        proposals = strategy(segmenter, embedding, patches)
        tensors = {"logits": proposals.logits.cpu(), "iou": proposals.iou.cpu()}
        self.store.put(key, tensors, time.perf_counter() - began)
        return proposals

    def look_up(self, key: str) -> dict[str, Tensor] | None:
        """Return cached tensors, and add their computation time to ``saved``."""
        found = self.store.get(key)
        if found is None:
            return None
        self.saved += found[1]
        return found[0]

    def take_saved(self) -> float:
        """Return the seconds saved since the last call, and reset the counter."""
        taken, self.saved = self.saved, 0.0
        return taken


@dataclass(frozen=True, eq=False)
class CachedEmbedding(ImageEmbedding):
    """Lazy embedding of one image of a batch, read or computed when its tensors are first accessed.

    Attributes:
        batch: images whose embeddings are computed together.
        position: position of the image in the batch.
    """

    features: Tensor = field(init=False, repr=False)
    high_res: tuple[Tensor, ...] = field(init=False, repr=False)
    batch: _Batch
    position: int

    @property
    def key(self) -> str:
        """Cache key of the image."""
        return self.batch.keys[self.position]

    def __getattr__(self, name: str) -> Any:
        if name not in ("features", "high_res"):  # these two are not set, so that they are looked up here
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        return getattr(self.batch.embeddings()[self.position], name)


class _Batch:
    """Images whose missing embeddings are computed in one batch."""

    def __init__(
        self, cache: ProposalCache, segmenter: Segmenter, images: Sequence[Tensor], keep: bool
    ) -> None:
        self.cache = cache
        self.segmenter = segmenter
        self.images = images
        self.keep = keep
        self.keys = [_image_key(segmenter, image) for image in images]
        self._embeddings: list[ImageEmbedding] | None = None

    def embeddings(self) -> list[ImageEmbedding]:
        """Return one embedding per image, on the image's device."""
        if self._embeddings is None:
            found = [self.cache.look_up(key) if self.keep else None for key in self.keys]
            missing = [position for position, tensors in enumerate(found) if tensors is None]
            made = dict(zip(missing, self._encode(missing), strict=True))
            self._embeddings = [
                made[position] if tensors is None else _from_tensors(tensors, self.images[position])
                for position, tensors in enumerate(found)
            ]
        return self._embeddings

    def _encode(self, positions: Sequence[int]) -> list[ImageEmbedding]:
        if not positions:
            return []
        began = time.perf_counter()
        made = self.segmenter.encode_all([self.images[position] for position in positions])
        if self.keep:
            tensors = [_to_tensors(embedding) for embedding in made]
            seconds = (time.perf_counter() - began) / len(made)
            for position, each in zip(positions, tensors, strict=True):
                self.cache.store.put(self.keys[position], each, seconds)
        return made


def _image_key(segmenter: Segmenter, image: Tensor) -> str:
    content = hashlib.sha256(image.contiguous().numpy(force=True).tobytes()).hexdigest()
    device = image.device.type
    precision = str(torch.get_autocast_dtype(device)) if torch.is_autocast_enabled(device) else "as stored"
    return _key(content, str(tuple(image.shape)), segmenter.fingerprint, device, precision, LAYOUT)


def _key(*parts: str) -> str:
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:32]


def _to_tensors(embedding: ImageEmbedding) -> dict[str, Tensor]:
    levels = {f"high_res.{number}": level for number, level in enumerate(embedding.high_res)}
    return {name: tensor.cpu() for name, tensor in {"features": embedding.features, **levels}.items()}


def _from_tensors(tensors: dict[str, Tensor], image: Tensor) -> ImageEmbedding:
    levels = sorted(name for name in tensors if name.startswith("high_res."))
    high_res = tuple(tensors[name].to(image.device) for name in levels)
    return ImageEmbedding(tensors["features"].to(image.device), high_res)


def open_proposal_cache(cfg: DictConfig) -> ProposalCache | None:
    """Open the proposal cache that the ``cache`` config describes; None if this run does not use a cache.

    Raises:
        InputError: ``cache.when`` is not one of ``WHEN``.
    """
    if cfg.cache.when not in WHEN:
        raise InputError(f"cache.when={cfg.cache.when} is unknown; choose one of {', '.join(WHEN)}")
    if cfg.cache.when == "never" or (cfg.cache.when == "sweep" and not in_sweep()):
        return None
    return ProposalCache(instantiate(cfg.cache.store))
