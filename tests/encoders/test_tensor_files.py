"""Reading of tensor files; other files are rejected with a one-line description."""

import json
import pickle

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from ntt.encoders.tensor_files import read_tensors
from ntt.errors import InputError

TENSORS = {"a": torch.arange(6.0).view(2, 3), "b.c": torch.ones(1, dtype=torch.float16)}


def refusal(path):
    with pytest.raises(InputError) as caught:
        read_tensors(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def same(tensors):
    return tensors.keys() == TENSORS.keys() and all(
        torch.equal(tensors[key], TENSORS[key]) for key in TENSORS
    )


@pytest.mark.parametrize("suffix", ["safetensors", "pth", "bin"])
def test_format_is_detected_from_the_content(tmp_path, suffix):
    path = tmp_path / f"weights.{suffix}"
    save_file(TENSORS, path)
    assert same(read_tensors(path))
    torch.save(TENSORS, path)
    assert same(read_tensors(path))
    torch.save(TENSORS, path, _use_new_zipfile_serialization=False)
    assert same(read_tensors(path))


@pytest.mark.parametrize("wrapper", ["teacher", "model", "state_dict"])
def test_read_finds_weights_inside_a_training_checkpoint(tmp_path, wrapper):
    path = tmp_path / "checkpoint.pth"
    torch.save(
        {"epoch": 3, "optimizer": {"lr": 0.1}, "student": {"a": torch.zeros(1)}, wrapper: TENSORS}, path
    )
    assert same(read_tensors(path))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html>\n<html>", "contains text ('<!DOCTYPE html>')"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (b"\x89PNG\r\n\x1a\n" + bytes(90), "neither a safetensors file nor a torch.save file"),
        (b"\xff\xff\x00", "neither a safetensors file nor a torch.save file"),
    ],
)
def test_files_that_are_not_weights_are_rejected(tmp_path, content, reason):
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    assert reason in refusal(path)


def test_a_missing_file_and_a_folder_are_rejected(tmp_path):
    assert "No such file" in refusal(tmp_path / "absent.pth")
    assert "is a folder" in refusal(tmp_path)


class Malicious:
    def __reduce__(self):
        return (pytest.fail, ("code of the file was run",))


@pytest.mark.parametrize("content", [Malicious(), {"model": Malicious()}, torch.nn.Linear(1, 1)])
def test_python_objects_are_never_run(tmp_path, content):
    path = tmp_path / "weights.pth"
    torch.save(content, path)
    assert "contains Python objects" in refusal(path)
    path.write_bytes(pickle.dumps(content))
    assert "contains Python objects" in refusal(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [([1, 2], "contains a list"), ({"epoch": 3}, "its keys are epoch"), ({}, "its keys are none")],
)
def test_files_without_tensors_are_rejected(tmp_path, content, reason):
    path = tmp_path / "weights.pth"
    torch.save(content, path)
    assert reason in refusal(path)


def test_an_index_without_its_parts_is_rejected(tmp_path):
    path = tmp_path / "model.safetensors.index.json"
    path.write_text("{")
    assert "no weight_map" in refusal(path)
    path.write_text('{"weight_map": {"a": "model-1.safetensors"}}')
    with pytest.raises(InputError, match=r"model-1\.safetensors cannot be read"):
        read_tensors(path)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.floats(0, 0.999), kind=st.sampled_from(["safetensors", "zip", "pickle"]))
def test_a_truncated_file_is_rejected(tmp_path, cut, kind):
    path = tmp_path / "weights.pth"
    writers = {
        "safetensors": lambda: save_file(TENSORS, path),
        "zip": lambda: torch.save(TENSORS, path),
        "pickle": lambda: torch.save(TENSORS, path, _use_new_zipfile_serialization=False),
    }
    writers[kind]()
    content = path.read_bytes()
    path.write_bytes(content[: int(cut * len(content))])
    refusal(path)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200))
def test_arbitrary_bytes_are_rejected_in_one_line(tmp_path, content):
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    refusal(path)


@pytest.mark.parametrize("part", ["../secret.safetensors", "/etc/passwd", "", 5, ["a"], "a.index.json"])
def test_an_index_may_only_list_weights_files_in_its_folder(tmp_path, part):
    path = tmp_path / "a.index.json"
    path.write_text(json.dumps({"weight_map": {"a": part}}))
    assert "no weight_map that lists" in refusal(path) or "which is not a weights file" in refusal(path)


def test_a_deeply_nested_index_is_rejected(tmp_path):
    path = tmp_path / "a.index.json"
    path.write_text('{"weight_map": ' + "[" * 100_000)
    assert "no weight_map" in refusal(path)


def test_keys_that_are_not_strings_are_ignored(tmp_path):
    path = tmp_path / "weights.pth"
    torch.save({**TENSORS, 7: torch.ones(1)}, path)
    assert same(read_tensors(path))
