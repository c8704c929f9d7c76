import json

import pytest

from ntt.io import whole_file, write_json


def test_writes_and_replaces(tmp_path):
    path = tmp_path / "new" / "a.json"
    write_json(path, {"a": 1})
    write_json(path, {"a": 2})
    assert json.loads(path.read_text()) == {"a": 2}
    assert list(path.parent.iterdir()) == [path]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("old")

    def fail_half_way():
        with whole_file(path) as temporary:
            temporary.write_text("half")
            raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        fail_half_way()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_keeps_the_suffix_that_writers_go_by(tmp_path):
    with whole_file(tmp_path / "picture.png") as temporary:
        assert temporary.suffix == ".png"
        temporary.touch()


def test_two_writers_do_not_share_a_temporary_file(tmp_path):
    with whole_file(tmp_path / "a.json") as one, whole_file(tmp_path / "a.json") as other:
        assert one != other
        one.write_text("one")
        other.write_text("other")
    assert (tmp_path / "a.json").read_text() == "one", "the last to be done"
    assert len(list(tmp_path.iterdir())) == 1


def test_refuses_nan(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"AP": float("nan")})
    assert not (tmp_path / "a.json").exists()
