from dataclasses import replace

import pytest
import torch

from ntt.runs.fingerprint import references_digest
from ntt.structures import Reference


@pytest.fixture
def references():
    image, mask = torch.zeros(3, 4, 6), torch.ones(4, 6, dtype=torch.bool)
    return [Reference(image, mask, 0, "a.png"), Reference(image + 0.5, mask, 1, "b.png")]


def test_does_not_depend_on_where_files_lie(references):
    moved = [replace(reference, source="elsewhere") for reference in references]
    assert references_digest(moved) == references_digest(references)


def test_changes_with_everything_else(references):
    first, second = references
    dot = torch.zeros(4, 6)
    dot[1, 2] = 1
    others = [
        [second, first],
        [first],
        [replace(first, label=1), second],
        [replace(first, image=first.image + dot), second],
        [replace(first, mask=first.mask & (dot == 0)), second],
    ]
    digests = {references_digest(references), *map(references_digest, others)}
    assert len(digests) == 1 + len(others)
