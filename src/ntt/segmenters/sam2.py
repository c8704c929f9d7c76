"""SAM 2 (Ravi et al., arXiv 2408.00714) for single images."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf
from torch import Tensor

from ntt.encoders.backbone import IMAGENET_MEAN, IMAGENET_STD
from ntt.errors import InputError
from ntt.options import AtLeastOne, Positive
from ntt.segmenters.base import ImageEmbedding, Prompts, Proposals, Segmenter, square_image
from ntt.segmenters.batching import MemoryBatches
from ntt.segmenters.sam2_decoder import bytes_per_prompt, decode_best
from ntt.segmenters.sam2_package import build_sam2
from ntt.segmenters.weights import load_weights

MASK_STRIDE = 4
IMAGE_MULTIPLE = 32  # largest stride of the image encoder
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
FEATURE_STRIDE = 16


class Sam2Segmenter(Segmenter):
    """SAM 2 or 2.1 from the ``sam2`` package.

    Gradients stay enabled, so that training uses the same methods. Wrap inference in ``torch.no_grad()``.

    Args:
        name: variant name.
        config: YAML file inside the package's ``configs`` folder.
        image_size: side in pixels of the square input to which images are resized.
        weights: checkpoint file, or ``random``.
        overrides: merged into the ``model`` node of ``config``.
        prompt_memory: GiB for decoding one batch of prompts; None uses 1/16 on a CPU and a quarter of the
            free memory on a GPU.
        dtype: ``bfloat16`` computes under autocast, for a GPU; masks and predicted IoU stay float32.
        compile: whether to apply torch.compile to the image encoder; worthwhile for many images on a GPU.
        box_prompts: False for weights that were not trained on box prompts.
        mask_prompts: False for weights that were not trained on mask prompts.
        video_memory: False for weights whose video memory was not trained.
        mean: per-channel mean of the training images.
        std: per-channel standard deviation of the training images.

    Attributes:
        model: the package's ``SAM2Base``.
        random_weights: whether the weights are an untrained initialisation.

    Raises:
        InputError: missing or mismatched ``config`` or ``weights``, or unknown ``dtype``.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        name: str,
        config: str,
        image_size: AtLeastOne,
        weights: str | Path,
        overrides: Mapping[str, Any] | None = None,
        prompt_memory: Positive | None = None,
        dtype: str = "float32",
        compile: bool = False,
        box_prompts: bool = True,
        mask_prompts: bool = True,
        video_memory: bool = True,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[Positive] = IMAGENET_STD,
    ) -> None:
        super().__init__()
        if dtype not in DTYPES:
            raise InputError(f"segmenter.dtype={dtype} is unknown; choose one of {', '.join(DTYPES)}")
        if image_size % IMAGE_MULTIPLE:
            raise InputError(f"segmenter.image_size must be a multiple of {IMAGE_MULTIPLE}, got {image_size}")
        plain = OmegaConf.to_container(OmegaConf.create(dict(overrides or {})), resolve=True)
        assert isinstance(plain, dict)
        self.name = name
        self.image_size = image_size
        self.mask_size = image_size // MASK_STRIDE
        self.dtype = DTYPES[dtype]
        self.box_prompts = box_prompts
        self.mask_prompts = mask_prompts
        self.video_memory = video_memory
        self.model: Any = build_sam2(config, image_size, {str(k): v for k, v in plain.items()})
        weights_hash = load_weights(self.model, weights, name)
        if compile:
            self.model.image_encoder.compile()
        decoder = self.model.sam_mask_decoder
        self.batches = MemoryBatches(bytes_per_prompt(decoder, image_size // FEATURE_STRIDE), prompt_memory)
        self.random_weights = weights_hash == "random"
        content = json.dumps(
            [config, image_size, plain, weights_hash, dtype, box_prompts, list(mean), list(std)],
            sort_keys=True,
        )
        self.fingerprint = hashlib.sha256(content.encode()).hexdigest()[:16]
        for key, values in (("mean", mean), ("std", std)):
            self.register_buffer(key, torch.tensor(values, device="cpu").view(3, 1, 1), persistent=False)
        self.eval()

    def encode(self, image: Tensor) -> ImageEmbedding:
        """Encode ``(3, H, W)`` float in [0, 1], resized to the square input, ignoring the aspect ratio."""
        return self.encode_all([image])[0]

    def encode_all(self, images: Sequence[Tensor]) -> list[ImageEmbedding]:
        """Encode B images ``(3, H, W)`` of any size, in one batch."""
        squares = [square_image(image.to(self.mean), self.image_size) for image in images]
        whole = self.encode_batch(torch.stack(squares))
        levels = zip(*(level.split(1) for level in whole.high_res), strict=True)
        return [ImageEmbedding(*each) for each in zip(whole.features.split(1), levels, strict=True)]

    def encode_batch(self, images: Tensor) -> ImageEmbedding:
        """Encode ``(B, 3, image_size, image_size)`` in [0, 1]; B is the first dimension of all results."""
        with self.precision():
            levels = self.model.forward_image((images.to(self.mean) - self.mean) / self.std)["backbone_fpn"]
        # The package adds this vector to images without video memory.
        features = levels[-1] + self.model.no_mem_embed.reshape(1, -1, 1, 1)
        return ImageEmbedding(features=features, high_res=tuple(levels[:-1]))

    def decode_all(self, embedding: ImageEmbedding, prompts: Prompts) -> tuple[Tensor, Tensor]:
        """Predict all masks of all prompts, in one batch.

        Args:
            embedding: embeddings of B images.
            prompts: N prompts, N a multiple of B, grouped by image.

        Returns:
            Logits ``(N, 4, m, m)`` and predicted IoU ``(N, 4)``; index 0 is the single-mask output, 1 to 3
            the multi-mask outputs.
        """
        sparse, dense = self._embed_prompts(prompts)
        repeats = len(prompts) // len(embedding.features)
        with self.precision():
            logits, iou, _, _ = self.model.sam_mask_decoder.predict_masks(
                image_embeddings=embedding.features.repeat_interleave(repeats, dim=0),
                image_pe=self.model.sam_prompt_encoder.get_dense_pe(),
                sparse_prompt_embeddings=sparse,
                dense_prompt_embeddings=dense,
                repeat_image=False,
                high_res_features=[_per_prompt(level, repeats) for level in embedding.high_res],
            )
        return logits.float(), iou.float()

    def decode(self, embedding: ImageEmbedding, prompts: Prompts, min_iou: float = -1.0) -> Proposals:
        """Predict one mask per prompt; see ``Segmenter.decode``."""
        device = embedding.features.device
        # Preallocate, because masks kept from each batch would fragment the memory that the batches reuse.
        logits = torch.empty(len(prompts), self.mask_size, self.mask_size, device=device)
        kept = 0

        def refined(batch: slice) -> Tensor:
            nonlocal kept
            sparse, dense = self._embed_prompts(prompts.some(batch))
            with self.precision():
                masks, iou = decode_best(self.model, embedding, sparse, dense, min_iou)
            logits[kept : kept + len(masks)] = masks
            kept += len(masks)
            return iou.float()

        ious = self.batches.run(refined, len(prompts), device)
        return Proposals(logits[:kept], torch.cat([torch.zeros(0, device=device), *ious]))

    def precision(self) -> torch.autocast:
        """Return a context manager that computes in ``dtype``."""
        return torch.autocast(self.mean.device.type, torch.bfloat16, enabled=self.dtype is torch.bfloat16)

    def _embed_prompts(self, prompts: Prompts) -> tuple[Tensor, Tensor]:
        """Compute prompt tokens ``(N, P + 1, C)`` and the dense embedding that is added to the pixels.

        The dense embedding is ``(N, C, s, s)`` with mask prompts and ``(1, C, 1, 1)`` without. The package
        appends one padding point to every set of points.
        """
        encoder = self.model.sam_prompt_encoder
        points = (prompts.points.to(self.mean.device), prompts.labels.to(self.mean.device))
        masks = None if prompts.masks is None else prompts.masks.to(self.mean)
        sparse, dense = encoder(points=points, boxes=None, masks=masks)
        return sparse, encoder.no_mask_embed.weight[:, :, None, None] if masks is None else dense


def _per_prompt(level: Tensor, repeats: int) -> Tensor:
    """Repeat a feature map for each prompt of its image; the map of a single image broadcasts instead."""
    return level if len(level) == 1 else level.repeat_interleave(repeats, dim=0)
