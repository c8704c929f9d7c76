import multiprocessing
import os
import time

import pytest
import torch

from ntt.cache.tensor_store import TensorStore

KEY = "ab" * 16


@pytest.fixture
def store(tmp_path):
    return TensorStore(tmp_path / "tensors", max_gb=1, days=7)


def test_get_returns_identical_tensors_and_their_computation_time(store):
    tensors = {"a": torch.randn(3, 4), "b": torch.tensor([float("nan"), -0.0])}
    assert store.get(KEY) is None
    store.put(KEY, tensors, 1.25)
    found, seconds = store.get(KEY)
    assert seconds == 1.25
    for name, tensor in tensors.items():
        assert found[name].numpy().tobytes() == tensor.numpy().tobytes()


@pytest.mark.parametrize("content", [b"", b"text", b"\xff" * 100])
def test_get_removes_a_damaged_file(store, content):
    store.put(KEY, {"a": torch.ones(2)}, 1.0)
    (file,) = store.directory.rglob("*.safetensors")
    file.write_bytes(content)
    assert store.get(KEY) is None
    assert not file.exists()


@pytest.mark.parametrize("call", ["utime", "unlink"])
def test_files_of_other_users_are_used_and_kept(store, monkeypatch, call):
    store.put(KEY, {"a": torch.ones(2)}, 1.0)
    (file,) = store.directory.rglob("*.safetensors")
    os.utime(file, (0, 0))

    def forbidden(*_, **__):
        raise PermissionError(f"{call} is not permitted")

    with monkeypatch.context() as patch:
        patch.setattr(os if call == "utime" else type(file), call, forbidden)
        TensorStore(store.directory, max_gb=1, days=7 if call == "unlink" else 1e6)
        assert store.get(KEY) is not None
    assert file.exists()


def test_a_full_store_adds_nothing_and_logs_once(tmp_path, caplog):
    store = TensorStore(tmp_path, max_gb=1e-6, days=7)
    store.put("aa" * 16, {"a": torch.ones(200)}, 1.0)
    for key in ("bb" * 16, "cc" * 16):
        store.put(key, {"a": torch.ones(200)}, 1.0)
    assert [store.get(letters * 16) is None for letters in ("aa", "bb", "cc")] == [False, True, True]
    assert caplog.text.count("the limit set by cache.max_gb") == 1


def test_files_of_other_processes_count_towards_the_limit(tmp_path):
    TensorStore(tmp_path, max_gb=1, days=7).put("aa" * 16, {"a": torch.ones(200)}, 1.0)
    full = TensorStore(tmp_path, max_gb=1e-6, days=7)
    full.put("bb" * 16, {"a": torch.ones(200)}, 1.0)
    assert full.get("bb" * 16) is None


def test_opening_a_store_deletes_files_unused_for_days(store):
    for key in ("aa" * 16, "bb" * 16):
        store.put(key, {"a": torch.ones(1)}, 1.0)
    long_ago = time.time() - 8 * 24 * 3600
    for file in store.directory.rglob("*.safetensors"):
        os.utime(file, (long_ago, long_ago))
    store.get("aa" * 16)
    again = TensorStore(store.directory, max_gb=1, days=7)
    assert again.get("aa" * 16) is not None
    assert again.get("bb" * 16) is None


def test_an_unwritable_folder_is_logged_without_an_error(tmp_path, caplog):
    (tmp_path / "tensors").write_text("a file")
    store = TensorStore(tmp_path / "tensors", max_gb=1, days=7)
    store.put(KEY, {"a": torch.ones(1)}, 1.0)
    assert store.get(KEY) is None
    assert "is not writable" in caplog.text


def _write_and_read(directory, number):
    store = TensorStore(directory, max_gb=1, days=7)
    for _ in range(30):
        store.put(KEY, {"a": torch.full((500,), float(number))}, 1.0)
        found = store.get(KEY)
        assert found is not None
        assert len(found[0]["a"].unique()) == 1, "a mixture of two writers"


def test_several_processes_can_write_the_same_key(tmp_path):
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_write_and_read, args=(tmp_path, number)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(timeout=60)
    assert [writer.exitcode for writer in writers] == [0] * 4
    assert [file.suffix for file in tmp_path.rglob("*.*")] == [".safetensors"]
