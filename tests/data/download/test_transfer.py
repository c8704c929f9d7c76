"""Nothing half-fetched is left behind, whatever the server does."""

import hashlib

import pytest

from ntt.data.download import transfer as downloads
from ntt.data.download.transfer import Source, UnreachableError, fetch, part_of
from ntt.errors import InputError


@pytest.fixture
def file(tmp_path):
    return tmp_path / "new" / "file.pth"


@pytest.fixture
def source(world):
    return Source(world.url, world.url)


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_whole(world, source, file, capsys):
    fetch(source, file)
    assert file.read_bytes() == world.content
    assert files(file.parent) == ["file.pth"]
    assert "weights.pth" in capsys.readouterr().out  # the progress bar's
    assert world.requests == [None]


def test_a_cut_connection_is_taken_up_again(world, source, file):
    world.cuts = [100_000, 0, 0, 50_000]  # twice nothing more arrives
    fetch(source, file)
    assert file.read_bytes() == world.content
    assert world.requests == [None, *["bytes=100000-"] * 3, "bytes=150000-"]


def test_a_server_that_refuses_ranges_is_read_anew(world, source, file):
    world.cuts, world.ranges = [100_000], False
    fetch(source, file)
    assert file.read_bytes() == world.content
    assert world.requests == [None, "bytes=100000-"]


def test_a_later_run_goes_on(world, source, file):
    world.cuts = [100_000] + [0] * 20
    with pytest.raises(UnreachableError, match=r"0\.1 MB are kept: run the same command again"):
        fetch(source, file)
    assert files(file.parent) == [".file.pth.part"]
    assert len(world.requests) == 1 + downloads.ATTEMPTS
    world.cuts = []
    fetch(source, file)
    assert world.requests[-1] == "bytes=100000-"
    assert file.read_bytes() == world.content


@pytest.mark.parametrize("there", [0, 100])
def test_what_is_there_is_checked_for_length(world, source, file, there):
    """A whole part needs nothing more; a longer one is none of this file."""
    part_of(file).parent.mkdir()
    part_of(file).write_bytes(world.content + bytes(there))
    fetch(source, file)
    assert file.read_bytes() == world.content
    assert len(world.requests) == (2 if there else 1)


@pytest.mark.parametrize(
    ("known", "problem"),
    [
        ({"size": 511_999}, "expected 511999 bytes, got 512000"),
        ({"sha256": "00000000"}, "expected a SHA-256 starting with 00000000"),
    ],
)
def test_another_file_than_was_expected_is_not_saved(world, file, known, problem):
    with pytest.raises(InputError, match=problem):
        fetch(Source(world.url, world.url, **known), file)
    assert files(file.parent) == []
    right = {"size": 512_000, "sha256": hashlib.sha256(world.content).hexdigest()}
    fetch(Source(world.url, world.url, **right), file)
    assert files(file.parent) == ["file.pth"]


def test_a_refusal_is_not_repeated(world, source, file):
    world.status = 403
    with pytest.raises(InputError, match=r"HTTP Error 403.*on a machine with network access"):
        fetch(source, file)
    assert len(world.requests) == 1


def test_without_network_the_next_step_is_said(source, file, unreachable):
    with pytest.raises(UnreachableError, match=rf"\(no route\).* copy it to {file}"):
        fetch(source, file)
