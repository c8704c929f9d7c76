import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ntt.matching import semantic_map

sides = st.integers(1, 5)


def oracle(masks, scores, labels, score_threshold):
    """Compute the class of each pixel in a loop."""
    _, height, width = masks.shape
    classes = torch.zeros(height, width, dtype=torch.int64)
    for y in range(height):
        for x in range(width):
            best = -1.0
            for mask, score, label in zip(masks, scores.tolist(), labels.tolist(), strict=True):
                if mask[y, x] and score >= score_threshold and score > best:
                    best, classes[y, x] = score, label + 1
    return classes


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, 2**31), st.integers(0, 6), st.integers(1, 5), st.integers(1, 5), st.floats(0, 1, width=32)
)
def test_each_pixel_gets_the_class_of_the_best_covering_instance(seed, number, height, width, threshold):
    generator = torch.Generator().manual_seed(seed)
    masks = torch.rand(number, height, width, generator=generator) > 0.5
    scores = (
        torch.randint(0, 5, (number,), generator=generator) / 4
    )  # few distinct values, so that many are equal
    labels = torch.randint(0, 3, (number,), generator=generator)
    found = semantic_map(masks, scores, labels, threshold)
    assert found.dtype == torch.int64
    assert torch.equal(found, oracle(masks, scores, labels, threshold))


def test_an_instance_at_the_threshold_is_used():
    mask = torch.ones(1, 2, 3, dtype=torch.bool)
    label = torch.tensor([4])
    assert semantic_map(mask, torch.tensor([0.5]), label, 0.5).unique().tolist() == [5]
    assert semantic_map(mask, torch.tensor([0.49]), label, 0.5).unique().tolist() == [0]


def test_no_instances_give_background():
    nothing = torch.zeros(0, 2, 3) > 0, torch.zeros(0), torch.zeros(0, dtype=torch.int64)
    assert torch.equal(semantic_map(*nothing, 0.0), torch.zeros(2, 3, dtype=torch.int64))
