from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from pycocotools.coco import COCO

from ntt.data.masks import encode_mask
from ntt.data.samples import TargetEntry
from ntt.segmenters.base import Proposals
from ntt.structures import Instances, Reference, Target


class FakeMemory(list):
    nbytes = 8
    aggregated = False

    def instance(self, index):
        return self[index]

    def restore(self, instance):
        self.append(instance)

    def aggregate(self):
        self.aggregated = True


class FakeModel(torch.nn.Module):
    """Remembers labels; finds one instance, the upper half, in every image and at every prompt."""

    segmenter = SimpleNamespace(name="fake", fingerprint="fake")
    proposal_cache = None

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.memory = FakeMemory(["left over"])

    def reset_memory(self, class_names, *_):
        self.memory = FakeMemory()
        return self.memory

    def add_references(self, references):
        self.memory += [reference.label for reference in references]

    def segment_prompts(self, image, prompts):
        masks = torch.zeros(len(prompts), *image.shape[1:], dtype=torch.bool)
        masks[:, : image.shape[1] // 2] = True
        return masks, torch.full((len(prompts),), 0.5)

    def encode_all(self, images):
        return [image.mean(dim=0)[::8, ::8, None] for image in images]

    def embed(self, images):
        return images

    def propose(self, embedding, features):
        return Proposals(torch.ones(1, 8, 8), torch.ones(1))

    def match(self, features, proposals, height, width):
        mask = torch.zeros(1, height, width, dtype=torch.bool)
        mask[:, : height // 2] = True
        box = torch.tensor([[0.0, 0.0, width, height / 2]])
        return Instances(mask, box, torch.tensor([0.5]), torch.tensor([1]))

    def refine(self, image, embedding, found):
        return found

    def similarity(self, features):
        return features.permute(2, 0, 1).expand(2, -1, -1)


class FakeTargets(list):
    """Targets that know where they come from."""

    @property
    def entries(self):
        return [TargetEntry(target.path, None, target.image_id) for target in list.__iter__(self)]


class FakeDataset:
    class_names = ("disc", "bar")
    category_ids = (3, 7)
    ground_truth = None

    def __init__(self):
        image = torch.rand(3, 32, 40)
        mask = torch.zeros(32, 40, dtype=torch.bool)
        mask[8:20, 8:20] = True
        self.references = [Reference(image, mask, label) for label in (0, 0, 0, 1, 1)]
        self.targets = FakeTargets(Target(image, number, Path(f"{number}.png")) for number in (11, 12, 13))


@pytest.fixture
def fake_model():
    return FakeModel()


@pytest.fixture
def fake_dataset():
    return FakeDataset()


@pytest.fixture
def with_ground_truth(fake_dataset):
    """Lets the fake data set know what is to be found: in every image a bar, its upper half."""
    mask = torch.zeros(1, 32, 40, dtype=torch.bool)
    mask[:, :16] = True
    bar = {"category_id": 7, "bbox": [0, 0, 40, 16], "area": 640, "segmentation": encode_mask(mask[0])}
    ids = [target.image_id for target in fake_dataset.targets]
    coco = COCO()
    coco.dataset = {
        "images": [{"id": image, "height": 32, "width": 40} for image in ids],
        "categories": [{"id": 3, "name": "disc"}, {"id": 7, "name": "bar"}],
        "annotations": [{**bar, "id": k, "image_id": image, "iscrowd": 0} for k, image in enumerate(ids, 1)],
    }
    coco.createIndex()
    fake_dataset.ground_truth = coco
    fake_dataset.true_masks = lambda image_id: (mask, torch.tensor([1]))
