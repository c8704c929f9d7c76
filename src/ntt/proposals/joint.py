"""Proposals from clusters and from prompts combined."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ntt.matching.ops import boxes_from_masks
from ntt.matching.patches import Patches
from ntt.matching.splitting import split_region
from ntt.options import Share
from ntt.proposals.base import ProposalStrategy
from ntt.proposals.clusters import ClusterProposals
from ntt.segmenters.base import ImageEmbedding, Proposals, Segmenter
from ntt.segmenters.prompting import mask_prompts


class JointProposals:
    """Prompt the segmenter with INSID3's regions, in addition to another prompting strategy.

    Clusters suit large, irregular objects; point prompts suit many small ones. The region of each class is
    split into instances, and each instance becomes a mask prompt. All proposals then come from the same
    decoder, so their predicted IoUs are comparable.

    Args:
        clusters: proposes the region of each class.
        neck: threshold for splitting regions, see :func:`ntt.matching.splitting.split_region`.
        prompts: additional proposal strategy.
        min_iou: masks with a predicted IoU not above this threshold are dropped.
    """

    needs_segmenter = True
    cache_key = None  # prompts depend on the references

    def __init__(
        self, clusters: ClusterProposals, neck: Share, prompts: ProposalStrategy, min_iou: float
    ) -> None:
        self.clusters = clusters
        self.neck = neck
        self.prompts = prompts
        self.min_iou = min_iou

    def __call__(self, segmenter: Segmenter, embedding: ImageEmbedding | None, patches: Patches) -> Proposals:
        """Return labelled proposals of the mask prompts, then those of the other strategy with label -1."""
        assert embedding is not None
        masks, labels = self._instances(segmenter, patches)
        prompted = self.prompts(segmenter, embedding, patches)
        anything = torch.full((len(prompted),), -1, device=labels.device)
        if not len(masks):
            return Proposals(prompted.logits, prompted.iou, anything)
        found = segmenter.decode(embedding, mask_prompts(segmenter, masks, boxes_from_masks(masks)))
        kept = found.iou > self.min_iou
        return Proposals(
            torch.cat([found.logits[kept], prompted.logits]),
            torch.cat([found.iou[kept], prompted.iou]),
            torch.cat([labels[kept], anything]),
        )

    def _instances(self, segmenter: Segmenter, patches: Patches) -> tuple[Tensor, Tensor]:
        """Split all regions into instances; return masks ``(N, m, m)`` bool and classes ``(N,)``."""
        regions = self.clusters(segmenter, None, patches)
        assert regions.labels is not None
        parts = [
            split_region(logits > 0, patches.similarity[label], self.neck)
            for logits, label in zip(regions.logits, regions.labels.tolist(), strict=True)
        ]
        counts = torch.tensor([len(each) for each in parts], dtype=torch.int64)
        labels = regions.labels.repeat_interleave(counts.to(regions.labels.device))
        grid = (segmenter.mask_size, segmenter.mask_size)
        if not parts:
            return torch.zeros(0, *grid, dtype=torch.bool), labels
        masks = F.interpolate(torch.cat(parts)[:, None].float(), grid, mode="bilinear")[:, 0] > 0.5
        filled = masks.flatten(1).any(dim=1)
        return masks[filled], labels[filled]
