"""INSID3, compared with a slow reference implementation, written in loops from the paper's description.

The reference uses numpy in float64 and shares no code with the package. A scene is a synthetic image of a few
materials with noise and a position-dependent component, which debiased features lack.
"""

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from colour_world import ColourEncoder
from ntt.errors import InputError
from ntt.matching import Patches, RegionMatcher
from ntt.matching.scorers import ClassMean
from ntt.memory import MemoryBank, ReferenceMemory
from ntt.models import INSID3
from ntt.proposals import ClusterProposals
from ntt.proposals.clusters import (
    backward_candidates,
    class_regions,
    cluster_patches,
    cluster_scores,
    forward_candidates,
    reference_maps,
)
from ntt.segmenters import NoSegmenter
from ntt.structures import Reference

TAU, MIN_SCORE = 0.6, 0.2
HEIGHT, WIDTH, CHANNELS = 7, 9, 12


# Slow reference implementation of the paper's steps.


def unit(vector):
    return vector / np.linalg.norm(vector)


def naive_prototype(references):
    """Compute the normalised mean over shots of the mean feature inside each mask."""
    means = []
    for features, mask in references:
        inside = [features[place] for place in np.ndindex(mask.shape) if mask[place]]
        means.append(sum(inside) / len(inside))
    return unit(sum(means) / len(means))


def naive_forward(debiased, prototype):
    similarity = np.array([[unit(feature) @ prototype for feature in row] for row in debiased])
    if any(value > 0 for value in similarity.flat):
        return similarity > 0
    ordered = sorted(similarity.flat)
    place = 0.9 * (len(ordered) - 1)
    below, share = math.floor(place), place - math.floor(place)
    quantile = ordered[below] + share * (ordered[min(below + 1, len(ordered) - 1)] - ordered[below])
    return similarity > quantile


def naive_backward(debiased, references):
    shape = debiased.shape[:2]
    found = np.zeros(shape, dtype=bool)
    for place in np.ndindex(shape):
        votes = 0
        for features, mask in references:
            cosines = features @ unit(debiased[place]) / np.linalg.norm(features, axis=-1)
            votes += bool(mask[np.unravel_index(cosines.argmax(), mask.shape)])
        found[place] = votes >= math.ceil(len(references) / 2)
    return found


def naive_clusters(plain, tau):
    """Merge the two clusters with the smallest mean distance while it is at most ``1 - tau``."""
    vectors = [unit(feature) for row in plain for feature in row]
    distances = np.array([1 - np.array(vectors) @ vector for vector in vectors])
    groups = {index: [index] for index in range(len(vectors))}
    sums = distances.copy()  # sum of distances between the members of each pair of clusters
    while len(groups) > 1:
        names = sorted(groups)
        sizes = np.array([len(groups[name]) for name in names])
        means = sums[np.ix_(names, names)] / np.outer(sizes, sizes)
        np.fill_diagonal(means, np.inf)
        one, other = np.unravel_index(means.argmin(), means.shape)
        if means[one, other] > 1 - tau:
            break
        keep, gone = names[one], names[other]
        groups[keep] += groups.pop(gone)
        sums[keep] += sums[gone]
        sums[:, keep] += sums[:, gone]
    numbers = np.zeros(len(vectors), dtype=int)
    for number, members in enumerate(groups.values()):
        numbers[members] = number
    return numbers.reshape(plain.shape[:2])


def naive_seed(clusters, candidates, debiased, prototype):
    best, seed = -math.inf, None
    for number in range(clusters.max() + 1):
        if not any(candidates[place] for place in zip(*np.where(clusters == number), strict=True)):
            continue
        members = [unit(feature) for feature in debiased[clusters == number]]
        similarity = unit(sum(members)) @ prototype
        if similarity > best:
            best, seed = similarity, number
    return seed


def naive_scores(clusters, candidates, plain, debiased, prototype):
    seed = naive_seed(clusters, candidates, debiased, prototype)

    def centre(number):
        return unit(sum(unit(feature) for feature in plain[clusters == number]))

    scores = []
    for number in range(clusters.max() + 1):
        members = clusters == number
        to_prototype = np.mean([unit(feature) @ prototype for feature in debiased[members]])
        share = 1.0 if number == seed else candidates[members].sum() / members.sum()
        scores.append(to_prototype * (centre(number) @ centre(seed)) * share)
    return np.array(scores)


def naive_region(plain, debiased, references, tau=TAU, min_score=MIN_SCORE):
    prototype = naive_prototype(references)
    candidates = naive_forward(debiased, prototype) & naive_backward(debiased, references)
    region = np.zeros(plain.shape[:2], dtype=bool)
    if not candidates.any():
        return region
    clusters = naive_clusters(plain, tau)
    for number, score in enumerate(naive_scores(clusters, candidates, plain, debiased, prototype)):
        if score > min_score:
            region[clusters == number] = True
    return region


# Scenes.


@dataclass
class Scene:
    """Features of a target image and, per class, references as pairs of debiased features and mask."""

    plain: np.ndarray
    debiased: np.ndarray
    references: list[list[tuple[np.ndarray, np.ndarray]]]

    @property
    def memory(self):
        bank = MemoryBank([f"class {label}" for label in range(len(self.references))], "f", maps_kept=True)
        for label, references in enumerate(self.references):
            for features, mask in references:
                bank.add(torch.from_numpy(features).float(), torch.from_numpy(mask).float(), label)
        bank.aggregate()
        return bank

    @property
    def patches(self):
        return Patches(as_tensor(self.plain), as_tensor(self.debiased), self.memory)

    def expected(self, **options):
        return np.array(
            [naive_region(self.plain, self.debiased, each, **options) for each in self.references]
        )


def as_tensor(array):
    return torch.from_numpy(np.ascontiguousarray(array)).float()


def scene(seed, shots=(1,), scattered=False):
    """Create rectangles of four materials on a background; class k is material k, ``shots[k]`` references.

    Scattered masks contain patches of all materials, so that the best match can lie inside the mask and still
    differ from the mean.
    """
    generator = np.random.default_rng(seed)
    materials = generator.normal(size=(5, CHANNELS))
    materials[2:4] = 0.5 * materials[2:4] + materials[:2]  # similar to the first two
    position = np.linalg.qr(generator.normal(size=(CHANNELS, 2)))[0]

    def painted():
        kinds = np.full((HEIGHT, WIDTH), 4)
        for kind in generator.permutation(4):
            top, left = generator.integers(0, HEIGHT - 2), generator.integers(0, WIDTH - 3)
            kinds[top : top + generator.integers(2, 5), left : left + generator.integers(2, 6)] = kind
        content = materials[kinds] + 0.75 * generator.normal(size=(HEIGHT, WIDTH, CHANNELS))
        rows, columns = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
        return kinds, content + 2.0 * np.stack([rows, columns], axis=-1) @ position.T

    def debiased(features):
        return features - features @ position @ position.T

    def reference(label):
        kinds, features = painted()
        while not (kinds == label).any():
            kinds, features = painted()
        features = debiased(features)
        mask = generator.random(kinds.shape) < 0.3 if scattered else kinds == label
        return features / np.linalg.norm(features, axis=-1, keepdims=True), mask

    kinds, plain = painted()
    while len(np.unique(kinds)) < 5:
        kinds, plain = painted()
    references = [[reference(label) for _ in range(count)] for label, count in enumerate(shots)]
    return Scene(plain, debiased(plain), references)


def same_partition(ours, theirs):
    ours, theirs = np.asarray(ours).ravel(), np.asarray(theirs).ravel()
    return np.array_equal(ours[:, None] == ours, theirs[:, None] == theirs)


# Step by step.


@pytest.mark.parametrize("seed", range(4))
def test_forward_candidates_agree_with_a_loop_over_patches(seed):
    made = scene(seed)
    prototype = naive_prototype(made.references[0])
    expected = naive_forward(made.debiased, prototype)
    found = forward_candidates(made.patches.similarity[0]).numpy()
    assert 0 < expected.sum() < expected.size
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("seed", range(4))
def test_forward_candidates_without_a_positive_patch_are_those_above_the_quantile(seed):
    similarity = -np.random.default_rng(seed).uniform(0.1, 0.9, size=(HEIGHT, WIDTH))
    found = forward_candidates(as_tensor(similarity)).numpy()
    assert found.sum() == 7, "a tenth of 63 patches, by interpolation between the order statistics"
    assert set(similarity[found]) == set(sorted(similarity.flat)[-7:])
    single = similarity.copy()
    single[2, 3] = 1e-3
    assert np.argwhere(forward_candidates(as_tensor(single)).numpy()).tolist() == [[2, 3]]


def test_forward_candidates_of_equal_negative_patches_are_none():
    assert not forward_candidates(torch.full((HEIGHT, WIDTH), -0.5)).any()
    assert not forward_candidates(torch.zeros(HEIGHT, WIDTH)).any()


@pytest.mark.parametrize("shots", [1, 2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_backward_candidates_agree_with_a_loop_over_references(seed, shots):
    made = scene(seed, (shots, shots))
    expected = np.array([naive_backward(made.debiased, each) for each in made.references])
    features = torch.nn.functional.normalize(as_tensor(made.debiased), dim=-1)
    found = [backward_candidates(features.flatten(0, 1), made.memory, label).numpy() for label in range(2)]
    assert 0 < expected.sum() < expected.size
    assert np.array_equal(np.reshape(found, expected.shape), expected)


@pytest.mark.parametrize(
    ("shots", "least"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3)], ids=lambda value: str(value)
)
def test_backward_candidates_need_half_of_the_references_rounded_up(shots, least):
    """Patch j of target and references is the unit vector e_j; mask i contains the patches after i."""
    features = torch.eye(shots + 1)[None]
    bank = MemoryBank(["a"], "f", maps_kept=True)
    for shot in range(shots):
        different = features.clone()
        different[0, 0, 0] += 0.01 * shot  # otherwise, all references are the same image
        bank.add(different, (torch.arange(shots + 1) > shot)[None].float(), 0)
    bank.aggregate()
    votes = torch.arange(shots + 1)  # patch j is inside masks 0 to j - 1
    assert torch.equal(backward_candidates(features[0], bank, 0), votes >= least)


def test_backward_candidates_count_references_on_one_image_as_one_mask():
    """Two of three references are on the same image: two images, so one vote is enough."""
    one, other = torch.eye(4)[None], torch.eye(4)[None] * 2.0
    bank = MemoryBank(["a", "b"], "f", maps_kept=True)
    bank.add(one, torch.tensor([[1.0, 0, 0, 0]]), 0)
    bank.add(other, torch.tensor([[0, 0, 1.0, 0]]), 0)
    bank.add(one.clone(), torch.tensor([[0, 0, 0, 1.0]]), 1)
    bank.add(one.clone(), torch.tensor([[0, 1.0, 0, 0]]), 0)
    bank.aggregate()
    images = reference_maps(bank, 0)
    assert [mask.int().tolist() for _, mask in images] == [[[1, 1, 0, 0]], [[0, 0, 1, 0]]]
    assert [mask.int().tolist() for _, mask in reference_maps(bank, 1)] == [[[0, 0, 0, 1]]]
    assert backward_candidates(one[0], bank, 0).int().tolist() == [1, 1, 1, 0]
    assert backward_candidates(one[0], bank, 1).int().tolist() == [0, 0, 0, 1]
    assert bank.maps[0][1].int().tolist() == [[1, 0, 0, 0]], "the memory itself stays"


def test_backward_candidates_are_updated_when_the_memory_grows():
    features = torch.eye(3)[None]
    bank = MemoryBank(["a"], "f", maps_kept=True)
    bank.add(features, torch.tensor([[1.0, 0, 0]]), 0)
    assert backward_candidates(features[0], bank, 0).int().tolist() == [1, 0, 0]
    bank.add(features, torch.tensor([[0, 1.0, 0]]), 0)
    assert backward_candidates(features[0], bank, 0).int().tolist() == [1, 1, 0]


@pytest.mark.parametrize("tau", [0.3, 0.6, 0.85, 0.99])
@pytest.mark.parametrize("seed", range(3))
def test_clusters_agree_with_naive_average_linkage(seed, tau):
    plain = scene(seed).plain
    expected = naive_clusters(plain, tau)
    found = cluster_patches(as_tensor(plain), tau).numpy()
    assert sorted(np.unique(found)) == list(range(found.max() + 1))
    assert same_partition(found, expected)


def test_number_of_clusters_increases_with_tau():
    plain = as_tensor(scene(0).plain)
    counts = [int(cluster_patches(plain, tau).max()) + 1 for tau in (-1, 0.3, 0.6, 0.85, 1)]
    assert counts == sorted(counts)
    assert counts[0] == 1
    assert 3 < counts[2] < 30
    assert counts[-1] == HEIGHT * WIDTH
    blocks = torch.eye(3)[torch.tensor([[0, 0, 1], [2, 0, 1]])]
    assert same_partition(cluster_patches(blocks * 7, 1.0), [[0, 0, 1], [2, 0, 1]])


@pytest.mark.parametrize("seed", range(6))
def test_seed_and_scores_agree_with_loops_over_clusters(seed):
    made = scene(seed)
    prototype = naive_prototype(made.references[0])
    clusters = naive_clusters(made.plain, TAU)
    candidates = naive_forward(made.debiased, prototype) & naive_backward(made.debiased, made.references[0])
    assert candidates.any()
    found = cluster_scores(
        torch.from_numpy(clusters),
        torch.from_numpy(candidates),
        made.patches.similarity[0],
        torch.nn.functional.normalize(as_tensor(made.debiased), dim=-1),
        as_tensor(made.plain),
        as_tensor(prototype),
    ).numpy()
    expected = naive_scores(clusters, candidates, made.plain, made.debiased, prototype)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    without = [not candidates[clusters == number].any() for number in range(len(expected))]
    assert any(without)
    assert (found[without] == 0).all()


def test_the_seed_has_candidates_and_a_candidate_share_of_1():
    """Cluster 0 is most similar but has no candidate; a quarter of cluster 1 and all of 2 are candidates."""
    clusters = torch.tensor([[0, 0, 1, 1, 1, 1, 2, 2]])
    candidates = torch.tensor([[0, 0, 1, 0, 0, 0, 1, 1]]).bool()
    angles = torch.tensor([0.0, 0.3, 0.6])[clusters]  # between debiased features and prototype
    features = torch.stack([angles.cos(), angles.sin()], dim=-1)
    turned = torch.tensor([1.5, 0.0, 0.2])[clusters]  # angles of the plain features
    plain = 5 * torch.stack([turned.cos(), turned.sin()], dim=-1)
    scores = cluster_scores(
        clusters, candidates, angles.cos(), features, plain, prototype=torch.tensor([1.0, 0.0])
    )
    expected = [0.0, math.cos(0.3), math.cos(0.6) * math.cos(0.2)]
    assert scores.tolist() == pytest.approx(expected, abs=1e-6)


# All steps together.


@pytest.mark.parametrize("scattered", [False, True])
@pytest.mark.parametrize("shots", [(1,), (2, 1), (3, 2, 1)], ids=str)
@pytest.mark.parametrize("seed", range(6))
def test_regions_agree_with_the_naive_steps(seed, shots, scattered):
    made = scene(seed, shots, scattered)
    assert np.array_equal(class_regions(made.patches, TAU, MIN_SCORE).numpy(), made.expected())


@pytest.mark.parametrize(("tau", "min_score"), [(0.4, 0.0), (0.8, 0.5), (0.95, 0.1)])
def test_regions_depend_on_tau_and_min_score(tau, min_score):
    made = scene(3, (2, 2))
    expected = made.expected(tau=tau, min_score=min_score)
    assert np.array_equal(class_regions(made.patches, tau, min_score).numpy(), expected)


def test_the_scenes_exercise_every_step():
    """Check that omitting a step or swapping features changes the expected regions of the tests above."""
    changed = dict.fromkeys(["debiased", "plain", "swapped", "shots", "tau", "forward", "added", "lost"], 0)
    for seed in range(6):
        made = scene(seed, (3, 2, 1), scattered=seed % 2 == 1)
        expected = made.expected()
        others = {
            "debiased": Scene(made.debiased, made.debiased, made.references),
            "plain": Scene(made.plain, made.plain, made.references),
            "swapped": Scene(made.debiased, made.plain, made.references),
            "shots": Scene(made.plain, made.debiased, [each[:1] for each in made.references]),
        }
        for name, other in others.items():
            changed[name] += not np.array_equal(other.expected(), expected)
        changed["tau"] += not np.array_equal(made.expected(tau=0.8), expected)
        for references, region in zip(made.references, expected, strict=True):
            forward = naive_forward(made.debiased, naive_prototype(references))
            backward = naive_backward(made.debiased, references)
            changed["forward"] += bool((backward & ~forward).any())
            changed["added"] += bool((region & ~backward).any())
            changed["lost"] += bool((forward & backward & ~region).any())
    assert min(changed.values()) >= 3, changed


@pytest.mark.parametrize("seed", [0, 1, 3])
def test_regions_without_similar_patches_use_the_quantile(seed):
    made = scene(seed, (1,), scattered=True)
    prototype = naive_prototype(made.references[0])
    features = made.debiased / np.linalg.norm(made.debiased, axis=-1, keepdims=True)
    made.debiased = features - ((features @ prototype).max() + 0.05) * prototype
    assert float(made.patches.similarity.max()) < 0
    assert (naive_forward(made.debiased, prototype) & naive_backward(made.debiased, made.references[0])).any()
    expected = made.expected(min_score=-0.1)
    assert 0 < expected.sum() < expected.size
    assert np.array_equal(class_regions(made.patches, TAU, -0.1).numpy(), expected)


def test_an_image_without_a_candidate_has_an_empty_mask():
    """Forward candidates exist, but the best match of each patch lies outside the mask."""
    features = torch.eye(3)[torch.tensor([[0, 0, 1], [1, 1, 0]])]
    bank = MemoryBank(["absent", "there"], "f", maps_kept=True)
    shown = torch.stack([torch.tensor([0.6, 0.0, 0.8]), torch.eye(3)[0], torch.eye(3)[1]])[None]
    bank.add(shown, torch.tensor([[1.0, 0, 0]]), 0)
    bank.add(shown, torch.tensor([[0, 0, 1.0]]), 1)
    bank.aggregate()
    patches = Patches(features, features, bank)
    assert bool((patches.similarity[0] > 0).any())
    regions = class_regions(patches, TAU, MIN_SCORE)
    assert regions.int().tolist() == [[[0, 0, 0], [0, 0, 0]], [[0, 0, 1], [1, 1, 0]]]
    proposals = ClusterProposals(TAU, MIN_SCORE)(NoSegmenter(), None, patches)
    assert proposals.labels.tolist() == [1], "an absent class has no proposal"
    assert torch.equal(proposals.logits > 0, regions[1:])
    assert proposals.logits.abs().unique().tolist() == [0.5]
    assert proposals.iou.tolist() == pytest.approx([1.0])


def test_empty_regions_give_no_proposal():
    features = torch.eye(3)[torch.tensor([[0, 0, 1], [1, 1, 0]])]
    bank = MemoryBank(["absent"], "f", maps_kept=True)
    shown = torch.stack([torch.tensor([0.6, 0.0, 0.8]), torch.eye(3)[0], torch.eye(3)[1]])[None]
    bank.add(shown, torch.tensor([[1.0, 0, 0]]), 0)
    bank.aggregate()
    proposals = ClusterProposals(TAU, MIN_SCORE)(NoSegmenter(), None, Patches(features, features, bank))
    assert proposals.logits.shape == (0, 2, 3)
    assert proposals.iou.shape == proposals.labels.shape == (0,)
    assert proposals.labels.dtype == torch.int64


def test_a_memory_without_classes_gives_no_proposal():
    bank = MemoryBank([], "f", maps_kept=True)
    bank.aggregate()
    features = torch.rand(3, 4, 5)
    proposals = ClusterProposals(TAU, MIN_SCORE)(NoSegmenter(), None, Patches(features, features, bank))
    assert proposals.logits.shape == (0, 3, 4)


@pytest.mark.parametrize("seed", range(4))
def test_proposals_are_the_regions_and_their_mean_similarity(seed):
    made = scene(seed, (2, 1, 1))
    expected = made.expected()
    proposals = ClusterProposals(TAU, MIN_SCORE)(NoSegmenter(), None, made.patches)
    present = [label for label in range(3) if expected[label].any()]
    assert proposals.labels.tolist() == present
    assert np.array_equal(proposals.logits.numpy() > 0, expected[present])
    for label, iou in zip(present, proposals.iou.tolist(), strict=True):
        prototype = naive_prototype(made.references[label])
        cosines = [unit(feature) @ prototype for feature in made.debiased[expected[label]]]
        assert iou == pytest.approx(np.mean(cosines), abs=1e-5)


def test_a_nan_patch_affects_only_itself():
    made = scene(2, (1,))
    clean = class_regions(made.patches, TAU, MIN_SCORE)[0]
    made.plain[0, 0] = np.nan
    made.debiased[0, 0] = np.nan
    spoilt = class_regions(made.patches, TAU, MIN_SCORE)[0]
    assert bool(clean.any())
    assert (clean != spoilt).sum() <= 1


def test_a_memory_without_maps_is_rejected_in_one_line():
    bank = MemoryBank(["a"], "f")
    bank.add(torch.rand(3, 4, 5), torch.ones(3, 4), 0)
    bank.aggregate()
    patches = Patches(torch.rand(3, 4, 5), torch.rand(3, 4, 5), bank)
    with pytest.raises(InputError, match=r"^model\.memory\.maps must be true .*$"):
        ClusterProposals(TAU, MIN_SCORE)(NoSegmenter(), None, patches)


@pytest.mark.parametrize("tau", [-1.01, 1.01, math.nan])
def test_tau_out_of_range_is_rejected_in_one_line(tau):
    with pytest.raises(
        InputError, match=rf"^ClusterProposals: tau must be (in \[-1, 1\]|a number), got {tau}$"
    ):
        ClusterProposals(tau, MIN_SCORE)


# Complete model with encoder and memory.


class Placed(ColourEncoder):
    """Encode colour and position; debiasing removes the position."""

    name, embed_dim, fingerprint = "placed", 5, "placed"

    def plain(self, images):
        colours = super().forward(images)
        rows, columns = torch.meshgrid(
            torch.linspace(-0.4, 0.4, 16), torch.linspace(-0.4, 0.4, 16), indexing="ij"
        )
        places = torch.stack([rows, columns], dim=-1).expand(len(colours), -1, -1, -1)
        return torch.cat([colours, places], dim=-1)

    def debiased(self, features):
        return features * torch.tensor([1.0, 1.0, 1.0, 0.0, 0.0])

    def forward(self, images):
        return self.debiased(self.plain(images))


def noisy_image(generator, label):
    image = 0.5 + 0.15 * (torch.rand(3, 64, 64, generator=generator) - 0.5)
    mask = torch.zeros(64, 64, dtype=torch.bool)
    top, left = torch.randint(4, 26, (2,), generator=generator).tolist()
    mask[top : top + 26, left : left + 31] = True
    image[:, mask] += 0.4 * torch.tensor([[1.0, -0.5, 0.2], [-0.3, 0.9, 0.4]])[label][:, None]
    return image.clamp(0, 1), mask


@pytest.mark.parametrize("seed", range(4))
def test_the_model_proposes_the_naive_regions(seed):
    generator = torch.Generator().manual_seed(seed)
    references = [Reference(*noisy_image(generator, label), label) for label in (0, 1, 0, 0)]
    memory = ReferenceMemory(0.2, 2, normalise=True, whole_image=True, whole_patches=True, maps=True)
    matcher = RegionMatcher(ClassMean(), neck=0, class_overlap=1, max_instances=100)
    model = INSID3(Placed(), NoSegmenter(), ClusterProposals(TAU, MIN_SCORE), memory, matcher)
    model.fit(references, ["a", "b"])

    known = [[], []]
    for reference in references:
        features = model.encoder(reference.image[None])[0].detach().double().numpy()
        covered = reference.mask.numpy().reshape(16, 4, 16, 4).mean((1, 3))
        features /= np.linalg.norm(features, axis=-1, keepdims=True)
        known[reference.label].append((features, covered > 0.5))

    image, _ = noisy_image(generator, seed % 2)
    plain = model.encode(image)
    debiased = plain.double().numpy() * [1, 1, 1, 0, 0]
    expected = Scene(plain.double().numpy(), debiased, known).expected()
    assert expected[seed % 2].any()
    proposals = model.propose(*model.embed([image]), plain)
    found = np.zeros((2, 16, 16), dtype=bool)
    found[proposals.labels.tolist()] = proposals.logits.numpy() > 0
    assert np.array_equal(found, expected)
