"""Memory bank: pooled vectors, prototypes, and files with a fingerprint."""

import os
import pickle
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ntt.errors import InputError
from ntt.memory import MemoryBank
from ntt.memory.files import write_bank


def filled(counts: list[int], channels: int = 5, fingerprint: str = "abc") -> MemoryBank:
    bank = MemoryBank([f"class {index}" for index in range(len(counts))], fingerprint)
    generator = torch.Generator().manual_seed(0)
    for label, count in enumerate(counts):
        for _ in range(count):
            bank.add(
                torch.randn(3, 4, channels, generator=generator), torch.rand(3, 4, generator=generator), label
            )
    return bank


def test_add_stores_the_weighted_mean_inside_the_mask():
    features = torch.arange(12.0).reshape(2, 3, 2)
    bank = MemoryBank(["a"], "f")
    bank.add(features, torch.tensor([[1.0, 0, 0], [0, 0, 0.5]]), 0)
    torch.testing.assert_close(bank.vectors[0], (features[0, 0] + 0.5 * features[1, 2]) / 1.5)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=5))
def test_prototypes_are_class_means_for_different_class_sizes(counts):
    bank = filled(counts)
    bank.aggregate()
    assert len(bank) == sum(counts)
    for label in range(len(counts)):
        mine = [vector for vector, other in zip(bank.vectors, bank.labels, strict=True) if other == label]
        torch.testing.assert_close(bank.prototypes[label], sum(mine) / len(mine))


def test_save_and_load_restore_the_bank(tmp_path):
    bank = filled([2, 1, 3])
    bank.aggregate()
    bank.save(tmp_path / "memory.safetensors")
    again = MemoryBank(bank.class_names, "abc").load(tmp_path / "memory.safetensors")
    assert torch.equal(again.vectors, bank.vectors)
    assert torch.equal(again.labels, bank.labels)
    assert torch.equal(again.prototypes, bank.prototypes)
    again.add(torch.ones(3, 4, 5), torch.ones(3, 4), 1)
    again.aggregate()
    assert len(again) == 7


def test_a_bank_with_another_fingerprint_or_classes_is_rejected(tmp_path):
    bank = filled([1, 1])
    bank.aggregate()
    path = tmp_path / "memory.safetensors"
    bank.save(path)
    for other in (MemoryBank(bank.class_names, "abd"), MemoryBank(["class 1", "class 0"], "abc")):
        with pytest.raises(
            InputError, match=r"memory\.safetensors: this memory was made with something else"
        ):
            other.load(path)
        assert len(other) == 0


@pytest.mark.parametrize("content", [None, b"", b"not safetensors at all"])
def test_a_file_that_is_not_a_bank_is_rejected(tmp_path, content):
    path = tmp_path / "memory.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match="not a memory bank"):
        MemoryBank(["a"], "f").load(path)


def test_other_safetensors_are_rejected(tmp_path):
    from safetensors.torch import save_file

    save_file({"vectors": torch.zeros(1, 2)}, tmp_path / "w.safetensors")
    with pytest.raises(InputError, match="not a memory bank"):
        MemoryBank(["a"], "f").load(tmp_path / "w.safetensors")


def test_an_empty_mask_and_a_missing_class_are_input_errors():
    bank = MemoryBank(["cat", "dog"], "f")
    with pytest.raises(InputError, match="'dog' has an empty mask"):
        bank.add(torch.ones(2, 2, 3), torch.zeros(2, 2), 1)
    bank.add(torch.ones(2, 2, 3), torch.ones(2, 2), 0)
    with pytest.raises(InputError, match="no reference of dog"):
        bank.aggregate()


def test_add_invalidates_the_prototypes():
    bank = filled([1])
    bank.aggregate()
    bank.add(torch.ones(3, 4, 5), torch.ones(3, 4), 0)
    with pytest.raises(RuntimeError, match="aggregate"):
        _ = bank.prototypes


def test_nbytes_counts_vectors_and_prototypes():
    bank = filled([2, 1], channels=8)
    assert bank.nbytes == 3 * 8 * 4
    bank.aggregate()
    assert bank.nbytes == (3 + 2) * 8 * 4


@pytest.mark.parametrize(
    ("classes", "shots", "limit"), [(80, 10, 10e6), (1203, 10, 100e6)], ids=["COCO", "LVIS"]
)
def test_memory_of_a_whole_dataset_is_small(classes, shots, limit, tmp_path):
    """With 1024 channels, a dense memory takes 4.5 GB for COCO and 67 GB for LVIS."""
    bank = MemoryBank([f"class {number}" for number in range(classes)], "f")
    features, everything = torch.ones(1, 1, 1024), torch.ones(1, 1)
    for label in range(classes):
        for _ in range(shots):
            bank.add(features, everything, label)
    bank.aggregate()
    bank.save(tmp_path / "memory.safetensors")
    assert bank.nbytes < limit
    assert (tmp_path / "memory.safetensors").stat().st_size < limit
    loaded = MemoryBank(bank.class_names, "f").load(tmp_path / "memory.safetensors")
    assert loaded.nbytes == bank.nbytes


class Command:
    def __reduce__(self):
        return os.system, ("touch executed",)


def test_a_pickle_or_truncated_bank_is_rejected_and_not_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bank = filled([1, 1])
    bank.aggregate()
    bank.save("whole.safetensors")
    content = Path("whole.safetensors").read_bytes()
    for attack in (pickle.dumps(Command()), content[:-1], content[:50]):
        Path("memory.safetensors").write_bytes(attack)
        with pytest.raises(InputError, match="not a memory bank"):
            MemoryBank(bank.class_names, "abc").load("memory.safetensors")
    assert not Path("executed").exists()


@pytest.mark.parametrize(
    "spoilt",
    [
        {"labels": torch.tensor([0, 7])},
        {"labels": torch.tensor([0, -1])},
        {"labels": torch.tensor([0.0, 1.0])},
        {"labels": torch.tensor([0])},
        {"vectors": torch.zeros(2)},
        {"prototypes": torch.zeros(2, 4)},
        {"prototypes": torch.zeros(3, 5)},
        {"negative_labels": torch.tensor([5])},
    ],
)
def test_inconsistent_tensors_are_rejected(tmp_path, spoilt):
    tensors = {
        "vectors": torch.zeros(2, 5),
        "labels": torch.tensor([0, 1]),
        "prototypes": torch.zeros(2, 5),
        "negative_vectors": torch.zeros(0, 0),
        "negative_labels": torch.zeros(0, dtype=torch.int64),
    }
    path = tmp_path / "m.safetensors"
    write_bank(path, tensors, [], ["a", "b"], "f", {})
    MemoryBank(["a", "b"], "f").load(path)
    write_bank(path, {**tensors, **spoilt}, [], ["a", "b"], "f", {})
    with pytest.raises(InputError, match="incomplete memory bank"):
        MemoryBank(["a", "b"], "f").load(path)
