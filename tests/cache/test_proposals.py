from collections import Counter
from types import SimpleNamespace

import pytest
import torch

from ntt.cache.proposals import ProposalCache
from ntt.cache.tensor_store import TensorStore
from ntt.segmenters import ImageEmbedding, Proposals, Segmenter

PATCHES = SimpleNamespace(features=torch.zeros(2, 2, 1))


class CountingSegmenter(Segmenter):
    """Return the mean of the image, and count all calls."""

    name, image_size, mask_size = "counting", 8, 2

    def __init__(self, fingerprint="one"):
        super().__init__()
        self.fingerprint = fingerprint
        self.calls = Counter()

    def encode(self, image):
        self.calls["encoded"] += 1
        return ImageEmbedding(image.mean().reshape(1, 1, 1, 1), (image[:1, :1], image[:, :1, :1]))

    def encode_all(self, images):
        self.calls["batches"] += 1
        return [self.encode(image) for image in images]

    def decode(self, embedding, prompts, min_iou=-1.0):
        self.calls["decoded"] += 1
        return Proposals(embedding.features[0].expand(1, 2, 2), torch.ones(1))


def strategy(cache_key):
    def propose(segmenter, embedding, patches):
        return segmenter.decode(embedding, None)

    propose.cache_key = cache_key
    return propose


@pytest.fixture
def images():
    generator = torch.Generator().manual_seed(0)
    return [torch.rand(3, 6, 8, generator=generator) for _ in range(3)]


@pytest.fixture
def propose(tmp_path):
    """Compute proposals like a new process that uses the shared cache."""

    def call(segmenter, images, cache_key):
        cache = ProposalCache(TensorStore(tmp_path, max_gb=1, days=7))
        embeddings = cache.embed(segmenter, images, keep=cache_key is None)
        proposed = strategy(cache_key)
        return [cache.propose(proposed, segmenter, each, PATCHES).logits for each in embeddings], cache

    return call


def test_cached_proposals_are_returned_without_the_segmenter(propose, images):
    segmenter = CountingSegmenter()
    first, _ = propose(segmenter, images, "grid")
    assert segmenter.calls == {"batches": 1, "encoded": 3, "decoded": 3}
    second, cache = propose(segmenter, images, "grid")
    assert segmenter.calls == {"batches": 1, "encoded": 3, "decoded": 3}
    assert cache.take_saved() > 0
    assert cache.take_saved() == 0
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_encoder_dependent_proposals_share_the_cached_embedding(propose, images):
    segmenter = CountingSegmenter()
    first, _ = propose(segmenter, images, None)
    second, _ = propose(segmenter, images, None)
    assert segmenter.calls == {"batches": 1, "encoded": 3, "decoded": 6}
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_only_new_images_of_a_batch_are_encoded(propose, images):
    segmenter = CountingSegmenter()
    propose(segmenter, images[:1], None)
    propose(segmenter, images, None)
    assert segmenter.calls["encoded"] == 3


@pytest.mark.parametrize("change", ["segmenter", "cache_key", "pixels", "shape"])
def test_a_changed_cache_key_computes_new_proposals(propose, images, change):
    segmenter, image, cache_key = CountingSegmenter(), images[0], "grid"
    propose(segmenter, [image], cache_key)
    if change == "segmenter":
        segmenter.fingerprint = "two"
    elif change == "cache_key":
        cache_key = "finer grid"
    elif change == "pixels":
        image = image.clone()
        image[0, 0, 0] += 1e-6
    else:
        image = image.reshape(3, 8, 6)
    propose(segmenter, [image], cache_key)
    assert segmenter.calls["decoded"] == 2
