import json
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ntt import io as json_files
from ntt.errors import InputError
from ntt.io import stream_entries

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.dictionaries(st.text(), values, max_size=5),
    chunk=st.integers(1, 30),
    indent=st.sampled_from([None, 1]),
)
def test_stream_entries_with_any_chunk_size_yields_all_entries(tmp_path, monkeypatch, content, chunk, indent):
    monkeypatch.setattr(json_files, "CHUNK", chunk)
    (tmp_path / "a.json").write_text(json.dumps(content, indent=indent), encoding="utf-8-sig")
    expected = [(key, entry) for key, value in content.items() if isinstance(value, list) for entry in value]
    assert list(stream_entries(tmp_path / "a.json")) == expected


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(alphabet='{}[]",:1-ab \n', max_size=30), chunk=st.integers(1, 30))
def test_stream_entries_of_arbitrary_text_reads_or_rejects(tmp_path, monkeypatch, text, chunk):
    monkeypatch.setattr(json_files, "CHUNK", chunk)
    (tmp_path / "a.json").write_text(text)
    try:
        readable = isinstance(json.loads(text), dict)
    except ValueError:
        readable = False
    if readable:
        list(stream_entries(tmp_path / "a.json"))
        return
    with suppress(InputError):  # text after the object is ignored
        list(stream_entries(tmp_path / "a.json"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"malformed JSON at character 0 \(expecting \{\)"),
        (b"[1]", r"malformed JSON at character 0 \(expecting \{\)"),
        (b'{"a": [{"b": 1}, {"b": ]}', r"malformed JSON at character 17 \(Expecting value\)"),
        (b'{"a": [1, 2', r"malformed JSON at character 11 \(expecting , or \]\)"),
        (b'{"a": "\xff"}', "is not JSON in UTF-8"),
        (b'{"a": ' + b"[" * 100_000, "is not JSON in UTF-8"),
        (None, "annotation file not found; correct the path"),
    ],
)
def test_stream_entries_rejects_unreadable_files(tmp_path, content, message):
    if content is not None:
        (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(InputError, match=message):
        list(stream_entries(tmp_path / "a.json"))


def test_stream_entries_does_not_load_the_whole_file(tmp_path, monkeypatch):
    file = tmp_path / "large.json"
    polygon = [[round(n * 1.37, 2) for n in range(40)]]
    entries = [{"id": n, "segmentation": polygon} for n in range(20_000)]
    file.write_text(json.dumps({"annotations": entries}))
    size, entries = file.stat().st_size, None
    assert size > 5e6
    monkeypatch.setattr(json_files, "CHUNK", 1 << 18)
    tracemalloc.start()
    try:
        assert sum(1 for _ in stream_entries(file)) == 20_000
        assert tracemalloc.get_traced_memory()[1] < size / 4
    finally:
        tracemalloc.stop()
