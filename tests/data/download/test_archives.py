"""Archives are fetched from a local server; what was interrupted goes on."""

import io
import re
import tarfile
import zipfile
from pathlib import Path

import pytest

from ntt.data.download import Archive
from ntt.errors import InputError

FILES = {f"deep/pictures/{n}.jpg": bytes([n]) * 1000 for n in range(3)}
FILES |= {"notes.txt": b"notes", "other": b"not needed"}
HOLDS = {"deep/pictures": 3, "notes.txt": 1}


def zipped(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.mkdir("deep")
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tarred(files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        folder = tarfile.TarInfo("deep")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@pytest.fixture(params=["zip", "tar"])
def archive(request, world, tmp_path):
    """An archive on the server; ``content`` is what it is there."""
    content = {"zip": zipped, "tar": tarred}[request.param](FILES)
    world.files[f"/a.{request.param}"] = content
    archive = Archive(f"{world.root}/a.{request.param}", len(content), tmp_path / "data", HOLDS)
    archive.content = content
    return archive


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_it_is_fetched_and_unpacked_as_far_as_it_is_needed(archive, tmp_path):
    assert archive.missing() == [
        f"{tmp_path}/data/deep/pictures: 0 of 3 files",
        f"{tmp_path}/data/notes.txt: missing",
    ]
    archive.provide()
    assert archive.missing() == []
    assert files(tmp_path / "data") == [*(name for name in FILES if name.startswith("deep")), "notes.txt"]
    assert (tmp_path / "data/deep/pictures/2.jpg").read_bytes() == FILES["deep/pictures/2.jpg"]


def test_an_archive_that_is_there_is_not_fetched(archive, world, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / archive.url.rpartition("/")[2]).write_bytes(archive.content)
    archive.provide()
    assert archive.missing() == []
    assert world.requests == []


def test_unpacking_goes_on_with_what_is_not_whole(archive, tmp_path):
    archive.provide()
    pictures = tmp_path / "data" / "deep" / "pictures"
    kept = (pictures / "0.jpg").stat().st_ino
    (pictures / "1.jpg").unlink()
    (pictures / ".1.99.part.jpg").touch()  # of a process that was killed
    (pictures / "2.jpg").write_bytes(b"half")
    assert archive.missing() == [f"{pictures}: 2 of 3 files"]
    archive.provide()
    assert [(pictures / f"{n}.jpg").read_bytes() for n in range(3)] == [bytes([n]) * 1000 for n in range(3)]
    assert (pictures / "0.jpg").stat().st_ino == kept


def test_a_file_of_another_size_is_not_unpacked(archive, world, tmp_path):
    world.files[archive.url.removeprefix(world.root)] = archive.content + b"more"
    with pytest.raises(InputError, match=rf"expected {archive.size} bytes, got {archive.size + 4}; nothing"):
        archive.provide()
    assert files(tmp_path) == []


def test_damaged_archives_are_named_and_leave_no_broken_file(archive, world, tmp_path):
    middle = archive.content.index(bytes([1]) * 1000) + 500
    # A tar has no checksum of contents, but it ends too early; a zip has.
    rest = b"" if archive.url.endswith("tar") else b"?" + archive.content[middle + 1 :]
    damaged = archive.content[:middle] + rest
    world.files[archive.url.removeprefix(world.root)] = damaged
    archive.size = len(damaged)
    with pytest.raises(InputError, match=r"data/a\.\w+ is damaged \(.+\); delete it to download it again"):
        archive.provide()
    assert "deep/pictures/1.jpg" not in files(tmp_path / "data")


@pytest.mark.parametrize("kind", [zipped, tarred])
@pytest.mark.parametrize(
    "name", ["../secret", "a/../../secret", "/tmp/ntt_secret", "..\\secret", "C:\\secret"]
)
def test_paths_that_lead_out_are_refused(world, tmp_path, kind, name):
    content = kind({name: b"!"})
    file = f"a.{kind.__name__[:3]}"
    world.files[f"/{file}"] = content
    archive = Archive(f"{world.root}/{file}", len(content), tmp_path / "data", {name: 1})
    with pytest.raises(InputError, match=rf"{file}: {re.escape(name)} points outside .*data; do not trust"):
        archive.provide()
    assert files(tmp_path) == [f"data/{file}"]
    assert not Path("/tmp/ntt_secret").exists()


def test_links_are_left_in_the_archive(world, tmp_path):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as packed:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
            info = tarfile.TarInfo("deep/link")
            info.type, info.linkname = kind, "/etc/passwd"
            packed.addfile(info)
    content = buffer.getvalue()
    world.files["/a.tar"] = content
    with pytest.raises(InputError, match="deep/link: missing after unpacking"):
        Archive(f"{world.root}/a.tar", len(content), tmp_path / "data", {"deep/link": 1}).provide()
    assert list((tmp_path / "data").rglob("link")) == []


def test_an_archive_that_holds_something_else(archive, world):
    archive.holds["readme"] = 1
    with pytest.raises(InputError, match=r"readme: missing after unpacking .*; the archive may have changed"):
        archive.provide()
