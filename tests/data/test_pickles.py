import os
import pickle
import tracemalloc
from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntt.data.pickles import read_pickle
from ntt.errors import InputError

PLAIN = OrderedDict({1: [{"img_id": 7, "ann_ids": [12]}], 2: ({"score": 0.5}, None, True, b"x")})


class Command:
    def __reduce__(self):
        return os.system, ("touch executed",)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_containers_numbers_and_texts_are_read(tmp_path, protocol):
    # Bytes were written by calling a codec before protocol 3.
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
def test_everything_else_is_refused_and_not_executed(tmp_path, monkeypatch, content, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(content))
    with pytest.raises(InputError) as caught:
        read_pickle(tmp_path / "a.pkl")
    assert "a.pkl: is no pickle of plain lists and dictionaries (it asks for " in str(caught.value)
    assert name in str(caught.value)
    assert not (tmp_path / "executed").exists()


tails = st.binary(max_size=60)


def test_a_pickle_gets_no_room_that_it_does_not_fill(tmp_path):
    # The opcode r puts what was read last in the place of this number.
    (tmp_path / "a.pkl").write_bytes(b"]r\xff\xff\xff\x7f.")
    tracemalloc.start()
    try:
        assert read_pickle(tmp_path / "a.pkl") == []
        assert tracemalloc.get_traced_memory()[1] < 1e6
    finally:
        tracemalloc.stop()


@given(content=tails | tails.map(lambda tail: pickle.dumps(PLAIN)[:-9] + tail))
def test_whatever_the_bytes_say_they_are_read_or_refused(tmp_path_factory, content):
    file = tmp_path_factory.getbasetemp() / "some.pkl"
    file.write_bytes(content)
    try:
        read_pickle(file)
    except InputError as error:
        assert "\n" not in str(error)  # noqa: PT017


def test_absent_files(tmp_path):
    with pytest.raises(InputError, match=r"a\.pkl: cannot be read \(No such file"):
        read_pickle(tmp_path / "a.pkl")
