"""The command that identifies weights files."""

import json

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load, save

from ntt.encoders.inspect import main


def test_describe_reports_layout_variant_and_precision(make, export, write, capsys):
    path = write({k: t.half() for k, t in export(make("dinov3_test_swiglu"), "transformers").items()})
    assert main([str(path)]) == 0
    out = capsys.readouterr().out
    assert "dinov3_test_swiglu in transformers's layout" in out
    assert "mostly float16" in out


def test_describe_counts_parameters(make, export, write, capsys):
    encoder = make("dinov2_test")
    main([str(write(export(encoder, "timm")))])
    count = sum(parameter.numel() for parameter in encoder.parameters())
    assert f"{count / 1e6:.1f} M parameters" in capsys.readouterr().out


def test_other_files_give_one_line_on_stderr(tmp_path, make, export, write, capsys):
    good, bad = write(export(make("dinov2_test"), "Meta")), tmp_path / "page.html"
    bad.write_text("<html>")
    assert main([str(bad), str(good)]) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert "contains text" in captured.err
    assert "dinov2_test" in captured.out
    assert main([]) == 2


changes = st.sampled_from(
    [[], [0], [-1], [2**63], [3, 3], [10**30], "F32", "F64", "BF16", "X9", None, {}, 5, "a"]
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_modified_header_is_described_or_rejected(sound, tmp_path, capsys, data):
    length = int.from_bytes(sound[:8], "little")
    header = json.loads(sound[8 : 8 + length])
    for _ in range(data.draw(st.integers(1, 3))):
        key = data.draw(st.sampled_from(sorted(header)))
        action = data.draw(st.sampled_from(["change", "drop", "rename"]))
        entry = header.pop(key)
        if action == "rename":
            header[data.draw(st.sampled_from([f"model.{key}", key[1:], key.replace("0", "7"), "x"]))] = entry
        elif action == "change" and isinstance(entry, dict) and entry:
            field = data.draw(st.sampled_from(sorted(entry)))
            header[key] = {**entry, field: data.draw(changes)}
        if not header:
            break
    said = json.dumps(header).encode()
    check(tmp_path / "w.safetensors", len(said).to_bytes(8, "little") + said + sound[8 + length :], capsys)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(["safetensors", "zip", "pickle"]),
    cut=st.floats(0, 1),
    flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=4),
)
def test_a_damaged_file_is_described_or_rejected(sound, tmp_path, capsys, kind, cut, flips):
    path = tmp_path / "w.pth"
    content = bytearray(sound)
    if kind != "safetensors":
        torch.save({1: 2, "model": load(sound)}, path, _use_new_zipfile_serialization=kind == "zip")
        content = bytearray(path.read_bytes())
    for place, value in flips:
        content[int(place * min(len(content), 3000))] = value
    check(path, bytes(content[: int(cut * len(content))]), capsys)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.sampled_from([b"", b"PK\x03\x04", b"\x80\x02", b"\x10\0\0\0\0\0\0\0{"]),
    rest=st.binary(max_size=200),
)
def test_random_bytes_are_rejected(tmp_path, capsys, start, rest):
    check(tmp_path / "w.bin", start + rest, capsys)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_arbitrary_shapes_are_described_or_rejected(sound, tmp_path, capsys, data):
    tensors = load(sound)
    for key in data.draw(st.lists(st.sampled_from(sorted(tensors)), min_size=1, max_size=3, unique=True)):
        tensor = tensors.pop(key)
        shape = data.draw(st.lists(st.integers(0, 4), max_size=5))
        changed = st.sampled_from([None, tensor[:0], tensor[None], tensor.flatten(), torch.zeros(shape)])
        if (new := data.draw(changed)) is not None:
            tensors[data.draw(st.sampled_from([key, key.replace("0", "12")]))] = new.contiguous()
    check(tmp_path / "w.safetensors", save(tensors), capsys)


def check(path, content, capsys):
    """Check that the file is described or rejected in one line."""
    path.write_bytes(content)
    code, said = main([str(path)]), capsys.readouterr()
    assert code in (0, 2)
    assert (said.err if code else said.out).count("\n") == 1


@pytest.fixture
def sound(make, export, write):
    return write(export(make("dinov3_test"), "Meta")).read_bytes()
