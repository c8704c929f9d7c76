"""What ``import ntt`` finds: beside a clone called ``ntt``, and with another author's ``ntt`` installed."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

import ntt
from ntt.installation import warn_of_mixed_files

SOURCES = ("dinov3", "src/ntt")
FILES = (
    "LICENSE",
    "MANIFEST.in",
    "README.md",
    "pyproject.toml",
    "setup.py",
    "train.py",
    "src/ntt_entry_points.py",
)
FIX = "pip uninstall ntt && pip install --no-deps --force-reinstall no-time-to-train"


def python(*words, folder, program=sys.executable, **variables):
    """Run Python in a folder; returns what came of it."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(
        [program, *words], cwd=folder, env={**kept, **variables}, capture_output=True, text=True
    )


@pytest.fixture
def stranger(tmp_path):
    """A folder with the package and the metadata that `pip install ntt` leaves."""
    site = tmp_path / "site"
    (site / "ntt" / "videos").mkdir(parents=True)
    (site / "ntt" / "__init__.py").write_text('__version__ = "0.1.5.3"\n')
    add_record(site, "ntt/__init__.py,sha256=x,72\n")
    return site


def add_record(site, text):
    info = site / "ntt-0.1.5.3.dist-info"
    info.mkdir(parents=True)
    (info / "RECORD").write_text(text)


def own_package(site, project_root):
    """What an installed wheel has of the package itself."""
    (site / "ntt").mkdir(parents=True, exist_ok=True)
    for name in ("__init__.py", "installation.py"):
        (site / "ntt" / name).write_text((project_root / "src/ntt" / name).read_text())


@pytest.fixture(scope="module")
def parent(project_root, tmp_path_factory):
    """The folder where `git clone .../ntt; pip install -e ./ntt` was typed; its environment is `venv`."""
    parent = tmp_path_factory.mktemp("parent")
    clone = parent / "ntt"
    for name in SOURCES:
        copytree(project_root / name, clone / name, ignore=ignore_patterns("__pycache__"))
    (clone / "src/dinov3").symlink_to((project_root / "src/dinov3").readlink())
    for name in FILES:
        (clone / name).write_bytes((project_root / name).read_bytes())
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", parent / "venv"], check=True)
    (site,) = parent.glob("venv/lib/python*/site-packages")
    # pip, setuptools and what ntt needs; .pth files in there have no effect, so its own ntt stays unseen.
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    options = ["--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    done = python(
        *("-m", "pip", "install", *options, "--editable", "./ntt"),
        folder=parent,
        program=parent / "venv/bin/python",
    )
    assert done.returncode == 0, done.stderr
    return parent


class TestCloneCalledNtt:
    @pytest.mark.parametrize("folder", [".", "ntt", "/"])
    def test_import_finds_the_package_from_any_folder(self, parent, folder):
        code = (
            "import ntt; from importlib.util import find_spec; "
            "print(ntt.__file__, ntt.InputError.__name__, find_spec('dinov3').origin)"
        )
        done = python("-c", code, folder=parent / folder, program=parent / "venv/bin/python")
        assert done.returncode == 0, done.stderr
        assert not done.stderr
        file, name, variants = done.stdout.split()
        assert Path(file) == parent / "ntt/src/ntt/__init__.py"
        assert name == "InputError"
        assert Path(variants).resolve() == parent / "ntt/dinov3/__init__.py"

    def test_pip_knows_the_distribution_by_its_name(self, parent):
        code = "from importlib.metadata import version; print(version('no-time-to-train'))"
        done = python("-c", code, folder="/", program=parent / "venv/bin/python")
        assert done.stdout.strip() == ntt.__version__, done.stderr

    def test_installed_command_with_another_package_ends_with_one_line(self, parent, stranger):
        for command in ("ntt-train", "ntt-predict", "ntt-app"):
            done = python(
                parent / "venv/bin" / command,
                folder=parent,
                program=parent / "venv/bin/python",
                PYTHONPATH=str(stranger),
            )
            assert done.returncode == 2
            assert one_line_with_the_fix(done.stderr, stranger / "ntt/__init__.py")


def one_line_with_the_fix(said, place):
    (line,) = said.splitlines()
    return str(place) in line and FIX in line


class TestOtherPackageInPlace:
    @pytest.mark.parametrize("script", ["train.py", "predict.py"])
    def test_script_ends_with_one_line(self, project_root, stranger, tmp_path, script):
        done = python(project_root / script, folder=tmp_path, PYTHONPATH=str(stranger))
        assert done.returncode == 2
        assert one_line_with_the_fix(done.stderr, stranger / "ntt/__init__.py")

    def test_script_with_its_init_over_ours_ends_with_one_line(self, project_root, stranger, tmp_path):
        (stranger / "ntt/commands").mkdir()
        for name in ("__init__.py", "train.py"):
            (stranger / "ntt/commands" / name).touch()
        done = python(project_root / "train.py", folder=tmp_path, PYTHONPATH=str(stranger))
        assert done.returncode == 2
        assert one_line_with_the_fix(done.stderr, stranger / "ntt/__init__.py")

    def test_script_with_init_uninstalled_names_the_folder(self, project_root, tmp_path):
        code = "import sys; sys.path.insert(0, sys.argv.pop()); from ntt_entry_points import train; train()"
        (tmp_path / "ntt/commands").mkdir(parents=True)
        (tmp_path / "ntt_entry_points.py").symlink_to(project_root / "src/ntt_entry_points.py")
        done = python("-S", "-c", code, str(tmp_path), folder="/")
        assert done.returncode == 2
        assert one_line_with_the_fix(done.stderr, f"the folder {tmp_path / 'ntt'} without __init__.py")

    def test_script_in_another_folder_with_nothing_wrong_runs(self, project_root, tmp_path):
        (tmp_path / "ntt").mkdir()  # a clone's name; without __init__.py
        done = python(project_root / "train.py", "--cfg", "job", folder=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "encoder:" in done.stdout


class TestMixedFiles:
    def test_import_warns_in_one_line(self, project_root, tmp_path):
        site = tmp_path / "site"
        own_package(site, project_root)
        add_record(site, "ntt/__init__.py,sha256=x,72\nntt/videos/__init__.py,sha256=x,0\n")
        done = python("-c", "import ntt; print(ntt.__version__)", folder=tmp_path, PYTHONPATH=str(site))
        assert done.returncode == 0, done.stderr
        assert "ntt 0.1.5.3 and no-time-to-train are both installed" in done.stderr
        assert one_line_with_the_fix(done.stderr, site / "ntt")

    @pytest.mark.parametrize(
        "record", ["__editable__.ntt-0.1.0.pth,,\n", "ntt_more/ntt/__init__.py,,\n", None], ids=str
    )
    def test_other_metadata_is_no_reason_to_warn(self, tmp_path, recwarn, record):
        (tmp_path / "ntt_more-1.dist-info").mkdir()
        (tmp_path / "ntt").mkdir()
        if record is None:
            (tmp_path / "ntt-0.1.5.3.dist-info").mkdir()
        else:
            add_record(tmp_path, record)
        warn_of_mixed_files(str(tmp_path / "ntt"))
        warn_of_mixed_files(str(tmp_path / "a.zip" / "ntt"))
        assert not recwarn

    def test_check_lists_one_folder_and_opens_only_files_of_ntt(self, tmp_path, monkeypatch):
        """It runs at every import, beside hundreds of other packages."""
        (tmp_path / "ntt").mkdir()
        for name in ("ntt-0.1.5.3", "ntt_other-1.0", *(f"package_{number}-1.0" for number in range(9))):
            (tmp_path / f"{name}.dist-info").mkdir()
            (tmp_path / f"{name}.dist-info" / "RECORD").write_text("other/__init__.py,,\n")
        listed, opened, scandir, open_path = [], [], os.scandir, Path.open
        monkeypatch.setattr(os, "scandir", lambda path: listed.append(path) or scandir(path))
        monkeypatch.setattr(Path, "open", lambda path, **how: opened.append(path) or open_path(path, **how))
        warn_of_mixed_files(str(tmp_path / "ntt"))
        assert listed == [f"{tmp_path}/ntt/.."]
        assert opened == [tmp_path / "ntt/../ntt-0.1.5.3.dist-info" / "RECORD"]

    def test_check_imports_nothing_slow(self, project_root, tmp_path):
        own_package(tmp_path, project_root)
        code = "import sys, ntt; print({'importlib.metadata', 'pathlib'} & {*sys.modules}, ntt.__file__)"
        done = python("-S", "-c", code, folder=tmp_path, PYTHONPATH=str(tmp_path))
        assert done.stdout.split() == ["set()", str(tmp_path / "ntt/__init__.py")], done.stderr
