"""What a wheel holds is enough: commands and Python work without a checkout."""

import json
import os
import subprocess
import sys
from pathlib import Path
from shutil import copytree, ignore_patterns
from urllib.request import urlopen

import numpy as np
import pytest
from PIL import Image

import ntt
from chromium import free_port

FOLDERS = ("conf", "checkpoints/nano", "data/emoji", "data/photos", "dinov3", "src/ntt")
FILES = ("LICENSE", "MANIFEST.in", "README.md", "pyproject.toml", "setup.py", "src/ntt_entry_points.py")
PYTHON = """
import ntt
example = ntt.Example("{photo}", "airplane", box=(24, 2, 182, 138))
model = ntt.load(overrides=["model.proposals.prompts.max_prompts=16"]).fit(example)
print(ntt.__file__, model.predict("{photo}"))
"""


@pytest.fixture(scope="module")
def installed(project_root, tmp_path_factory):
    """The folder that a wheel, built of a copy of the checkout, was installed to."""
    copy, site = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("site")
    for folder in FOLDERS:
        copytree(project_root / folder, copy / folder, ignore=ignore_patterns("__pycache__", "*.egg-info"))
    for file in FILES:
        (copy / file).write_bytes((project_root / file).read_bytes())
    (copy / "src/dinov3").symlink_to((project_root / "src/dinov3").readlink())
    words = ["install", "--no-deps", "--no-build-isolation", "--target", site, copy]
    subprocess.run([sys.executable, "-m", "pip", *words], check=True, capture_output=True)
    return site


@pytest.fixture
def environment(installed):
    """Of somebody who has the wheel and no checkout."""
    ours = ("PROJECT_ROOT", "NTT_EMBEDDED")
    kept = {key: value for key, value in os.environ.items() if key not in ours}
    return {**kept, "PYTHONPATH": str(installed)}


@pytest.fixture
def call(environment, tmp_path):
    """Run a program to its end in an empty folder; returns what it says."""

    def run(*words):
        done = subprocess.run(
            [sys.executable, *words], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def photographs(project_root, tmp_path):
    """A folder with two pictures, one of which has a mask beside it."""
    folder = tmp_path / "airplanes"
    folder.mkdir()
    for name, file in (("one", "references/0001.jpg"), ("two", "targets/0005.jpg")):
        (folder / f"{name}.jpg").write_bytes((project_root / "data/emoji" / file).read_bytes())
    mask = np.zeros(Image.open(folder / "one.jpg").size[::-1], np.uint8)
    mask[10:130, 30:175] = 255
    Image.fromarray(mask).save(folder / "one_mask.png")
    return folder


@pytest.mark.slow
def test_python_without_a_checkout(call, installed, project_root):
    said = call("-c", PYTHON.format(photo=project_root / "data/emoji/references/0001.jpg"))
    assert Path(said.split()[0]) == installed / "ntt/__init__.py"
    assert (installed / "ntt/py.typed").is_file()
    assert (installed / "dinov3/hubconf.py").is_file()
    assert [file.name for file in installed.glob("*.dist-info")] == [
        f"no_time_to_train-{ntt.__version__}.dist-info"
    ]


@pytest.mark.slow
def test_commands_without_a_checkout(call, installed, photographs, tmp_path):
    few = ["model.proposals.max_prompts=16"]
    call(installed / "bin/ntt-train", *few, "dataset.shots=1", "dataset.limit=1", "callbacks=predictions")
    assert len(list(tmp_path.glob("runs/*/*/metrics.json"))) == 1
    call(
        installed / "bin/ntt-predict",
        "model.proposals.prompts.max_prompts=16",
        "references=airplanes",
        "images=airplanes",
    )
    (folder,) = {file.parent for file in tmp_path.glob("runs/*/*/predictions.json")} - {
        file.parent for file in tmp_path.glob("runs/*/*/metrics.json")
    }
    assert {file.stem for file in (folder / "overlays").iterdir()} == {"one", "two"}
    assert json.loads((folder / "predictions.json").read_text())["categories"]


@pytest.mark.slow
def test_a_sweep_ends_with_a_report_without_a_checkout(call, installed, tmp_path):
    few = ["model.proposals.max_prompts=16", "dataset.shots=1", "dataset.limit=6", "callbacks=predictions"]
    call(installed / "bin/ntt-train", "-m", "encoder=untrained,dinov2_nano", *few)
    (report,) = tmp_path.glob("runs/*/*/report.html")
    assert "plotly" in report.read_text()


@pytest.mark.slow
def test_the_page_without_a_checkout(environment, installed, tmp_path):
    pytest.importorskip("gradio")
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, str(installed / "bin/ntt-app"), f"port={port}"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert any(f"http://127.0.0.1:{port}/" in line for line in server.stdout)
        with urlopen(f"http://127.0.0.1:{port}/") as answer:
            assert "Find more of the same" in answer.read().decode()
    finally:
        server.kill()
