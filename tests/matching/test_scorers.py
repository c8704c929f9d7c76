"""Scorers, compared with loops over the instances."""

import math

import ot
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from ntt.errors import InputError
from ntt.matching import Queries, cosine
from ntt.matching.scorers import (
    ClassMean,
    KMeansCentres,
    NearestInstance,
    NegativePenalty,
    OptimalTransport,
    SoftNearestInstances,
)
from ntt.memory import MemoryBank, cluster

SCORERS = [
    ClassMean(),
    NearestInstance(),
    SoftNearestInstances(2, 0.1),
    KMeansCentres(2),
    OptimalTransport(2),
]
ragged = st.lists(st.integers(1, 5), min_size=1, max_size=4)


def memory_of(counts: list[int], patches: int = 0, seed: int = 0) -> MemoryBank:
    """Create a memory of random instances in mixed order, with ``counts`` instances per class."""
    generator = torch.Generator().manual_seed(seed)
    bank = MemoryBank([str(label) for label in range(len(counts))], "", patches)
    for turn in range(max(counts)):
        for label, count in enumerate(counts):
            if turn < count:
                bank.add(
                    torch.randn(3, 3, 6, generator=generator), torch.rand(3, 3, generator=generator), label
                )
    bank.aggregate()
    return bank


def queries_of(number: int, seed: int = 1) -> Queries:
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(4, 5, 6, generator=generator)
    return Queries.of(features, torch.rand(number, 8, 8, generator=generator) > 0.5)


def members(memory: MemoryBank, label: int) -> torch.Tensor:
    return memory.vectors[memory.labels == label]


@settings(max_examples=20, deadline=None)
@given(ragged, st.integers(0, 4), st.integers(1, 6))
def test_instance_scorers_agree_with_loops(counts, number, k):
    memory, queries = memory_of(counts), queries_of(number)
    nearest = NearestInstance()(queries, memory)
    soft = SoftNearestInstances(k, 0.2)(queries, memory)
    assert nearest.shape == soft.shape == (number, len(counts))
    for n in range(number):
        for label in range(len(counts)):
            cosines = (
                F.cosine_similarity(queries.vectors[n][None], members(memory, label)).sort().values.flip(0)
            )
            assert nearest[n, label] == pytest.approx(float(cosines[0]), abs=1e-5)
            best = cosines[:k]
            weights = [math.exp(float(value) / 0.2) for value in best]
            mean = sum(w * float(v) for w, v in zip(weights, best, strict=True)) / sum(weights)
            assert soft[n, label] == pytest.approx(mean, abs=1e-5)


@pytest.mark.parametrize("scorer", SCORERS, ids=lambda scorer: type(scorer).__name__)
def test_every_scorer_implements_the_interface(scorer):
    memory, queries = memory_of([3, 1, 4], patches=4), queries_of(7)
    scores = scorer(queries, memory)
    assert scores.shape == (7, 3)
    assert bool((scores.abs() <= 1 + 1e-5).all())
    assert torch.equal(scorer(queries, memory), scores), "deterministic"
    assert scorer(queries_of(0), memory).shape == (0, 3)
    empty = Queries.of(torch.randn(4, 5, 6), torch.zeros(2, 8, 8, dtype=torch.bool))
    torch.testing.assert_close(scorer(empty, memory), torch.zeros(2, 3))


@pytest.mark.parametrize("scorer", SCORERS, ids=lambda scorer: type(scorer).__name__)
def test_scorers_agree_with_one_reference_per_class(scorer):
    """With one patch per reference and per mask, all scorers give the cosine."""
    memory = MemoryBank(["a", "b"], "", patches_kept=1)
    for label, direction in enumerate(torch.eye(3)[:2]):
        memory.add(direction[None, None], torch.ones(1, 1), label)
    memory.aggregate()
    queries = Queries(torch.tensor([[0.6, 0.8, 0.0]]), torch.ones(1, 1))
    torch.testing.assert_close(scorer(queries, memory), torch.tensor([[0.6, 0.8]]))


def test_k_means_separates_two_appearances_of_a_class():
    memory = MemoryBank(["a"], "")
    for x, y in ((1, 0), (1, 0.1), (0, 1), (0.1, 1)):
        memory.add(torch.tensor([[[float(x), float(y)]]]), torch.ones(1, 1), 0)
    memory.aggregate()
    queries = Queries(torch.eye(2), torch.eye(2))
    assert bool((KMeansCentres(2)(queries, memory) > 0.99).all())
    assert bool((ClassMean()(queries, memory) < 0.75).all())


def test_derived_centres_are_updated_with_the_memory():
    memory, scorer, queries = memory_of([4]), KMeansCentres(2), queries_of(3)
    before = scorer(queries, memory)
    memory.add(queries.vectors[0][None, None], torch.ones(1, 1), 0)
    memory.aggregate()
    after = scorer(queries, memory)
    assert not torch.equal(before, after)


def test_transport_equals_the_earth_movers_distance_of_the_patches():
    """All classes are on the shortlist, and there are as many centres as patches."""
    memory, queries = memory_of([2, 1], patches=9), queries_of(3)
    found = OptimalTransport(2)(queries, memory)
    generator = torch.Generator().manual_seed(0)
    raw = [
        (torch.randn(3, 3, 6, generator=generator), torch.rand(3, 3, generator=generator)) for _ in range(3)
    ]
    for n in range(3):
        a = queries.weights[n].double()
        distances = []
        for features, weights in raw:
            b = weights.flatten().double()
            cost = 1 - cosine(queries.features, features.flatten(0, 1)).double()
            distances.append(float(ot.emd2((a / a.sum()).numpy(), (b / b.sum()).numpy(), cost.numpy())))
        assert found[n, 0] == pytest.approx(1 - min(distances[0], distances[2]), abs=1e-4)
        assert found[n, 1] == pytest.approx(1 - distances[1], abs=1e-4)


def test_transport_scores_other_classes_below_the_shortlist():
    memory, queries = memory_of([1, 1, 1, 1], patches=3), queries_of(5)
    found, means = OptimalTransport(2)(queries, memory), ClassMean()(queries, memory)
    for row, order in zip(found, means.argsort(dim=1, descending=True), strict=True):
        assert bool((row[order[2:]] <= row[order[:2]].min()).all())


def test_transport_without_patches_names_the_option_to_set():
    with pytest.raises(InputError, match=r"model\.memory\.patches"):
        OptimalTransport(2)(queries_of(1), memory_of([1]))


def test_hard_negatives_lower_only_their_class():
    memory, queries = memory_of([2, 2]), queries_of(4)
    scorer = NegativePenalty(ClassMean(), sigma=0.8)
    plain = ClassMean()(queries, memory)
    assert torch.equal(scorer(queries, memory), plain), "without hard negatives nothing changes"
    memory.add_negative(queries.vectors[0][None, None], torch.ones(1, 1), 1)
    found = scorer(queries, memory)
    assert torch.equal(found[:, 0], plain[:, 0])
    for n in range(4):
        pos = float(plain[n, 1])
        neg = float(F.cosine_similarity(queries.vectors[n], queries.vectors[0], dim=0))
        wanted = pos * math.exp(-max(0.0, neg - pos) / 0.8) if pos > 0 else pos
        assert found[n, 1] == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize(
    "build",
    [
        lambda: SoftNearestInstances(0, 0.1),
        lambda: SoftNearestInstances(1, 0.0),
        lambda: KMeansCentres(0),
        lambda: OptimalTransport(0),
        lambda: NegativePenalty(ClassMean(), 0.0),
    ],
)
def test_options_out_of_range_are_rejected(build):
    with pytest.raises(InputError, match=r"must be (at least 1|above 0), got"):
        build()


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 12), st.integers(1, 5))
def test_clusters_cover_all_vectors(number, k):
    vectors = torch.randn(number, 3, generator=torch.Generator().manual_seed(number))
    centres, of = cluster(vectors, k)
    assert len(centres) <= k or len(centres) == number <= k
    assert of.unique().tolist() == list(range(len(centres)))
    for index in range(len(centres)):
        torch.testing.assert_close(centres[index], vectors[of == index].mean(dim=0))
