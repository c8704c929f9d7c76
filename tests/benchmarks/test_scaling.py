"""The memory with which the cost of classes and shots is measured."""

import torch

from benchmarks.scaling import patch_memory


def test_a_bank_of_patches_has_every_class_as_often_as_asked():
    patches = torch.arange(20.0)[:, None].expand(20, 3) + 1
    bank = patch_memory(patches, classes=7, shots=4)
    assert len(bank) == 28
    assert bank.labels.bincount().tolist() == [4] * 7
    assert bank.prototypes.shape == (7, 3)
    known = {tuple(patch) for patch in patches.tolist()}
    assert {tuple(vector) for vector in bank.vectors.tolist()} <= known
