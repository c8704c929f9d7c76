import os
import pickle
import tracemalloc
from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntt.data.few_shot_lists import read_pickle
from ntt.errors import InputError

PLAIN = OrderedDict({1: [{"img_id": 7, "ann_ids": [12]}], 2: ({"score": 0.5}, None, True, b"x")})


class Command:
    def __reduce__(self):
        return os.system, ("touch executed",)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_read_pickle_reads_containers_numbers_and_strings(tmp_path, protocol):
    # Before protocol 3, bytes are pickled as a call of a codec.
    plain = PLAIN if protocol >= 3 else OrderedDict({1: PLAIN[1], 2: PLAIN[2][:3]})
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(plain, protocol))
    assert read_pickle(tmp_path / "a.pkl") == dict(plain)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (Command(), "posix.system"),
        ([{"a": Command()}], "posix.system"),
        (np.int64(1), "scalar"),
        (Command, "Command"),
        (eval, "builtins.eval"),
    ],
)
def test_read_pickle_rejects_other_types_without_executing_code(tmp_path, monkeypatch, content, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(content))
    with pytest.raises(InputError) as caught:
        read_pickle(tmp_path / "a.pkl")
    assert "a.pkl: is not a pickle of plain lists and dictionaries (it refers to " in str(caught.value)
    assert name in str(caught.value)
    assert not (tmp_path / "executed").exists()


tails = st.binary(max_size=60)


def test_read_pickle_allocates_no_memory_for_declared_entries(tmp_path):
    # The opcode r stores the last object in the memo at this index.
    (tmp_path / "a.pkl").write_bytes(b"]r\xff\xff\xff\x7f.")
    tracemalloc.start()
    try:
        assert read_pickle(tmp_path / "a.pkl") == []
        assert tracemalloc.get_traced_memory()[1] < 1e6
    finally:
        tracemalloc.stop()


@given(content=tails | tails.map(lambda tail: pickle.dumps(PLAIN)[:-9] + tail))
def test_read_pickle_of_arbitrary_bytes_reads_or_rejects(tmp_path_factory, content):
    file = tmp_path_factory.getbasetemp() / "some.pkl"
    file.write_bytes(content)
    try:
        read_pickle(file)
    except InputError as error:
        assert "\n" not in str(error)  # noqa: PT017


def test_read_pickle_of_a_missing_file_raises(tmp_path):
    with pytest.raises(InputError, match=r"a\.pkl: cannot be read \(No such file"):
        read_pickle(tmp_path / "a.pkl")
