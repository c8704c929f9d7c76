"""What a wheel holds is enough: commands and Python work without a checkout."""

import os
import subprocess
import sys
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

FOLDERS = ("conf", "checkpoints/nano", "data/emoji", "dinov3", "src/ntt")
FILES = ("LICENSE", "MANIFEST.in", "README.md", "pyproject.toml", "setup.py")
PYTHON = """
import ntt
example = ntt.Example("{photo}", "airplane", box=(24, 2, 182, 138))
model = ntt.load(overrides=["model.proposals.max_prompts=16"]).fit(example)
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
    words = ["install", "--no-deps", "--no-build-isolation", "--target", site, copy]
    subprocess.run([sys.executable, "-m", "pip", *words], check=True, capture_output=True)
    return site


@pytest.mark.slow
def test_commands_and_python_without_a_checkout(installed, project_root, tmp_path):
    def call(*words):
        environment = {key: value for key, value in os.environ.items() if key != "PROJECT_ROOT"}
        environment["PYTHONPATH"] = str(installed)
        done = subprocess.run(
            [sys.executable, *words], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    photo = project_root / "data/emoji/references/0001.jpg"
    said = call("-c", PYTHON.format(photo=photo))
    assert Path(said.split()[0]) == installed / "ntt/__init__.py"
    few = ["model.proposals.max_prompts=16", "dataset.shots=1", "dataset.limit=1", "callbacks=predictions"]
    call(installed / "bin/ntt-train", *few)
    assert len(list(tmp_path.glob("runs/*/*/metrics.json"))) == 1
    assert "ntt-predict" in {path.name for path in (installed / "bin").iterdir()}
    assert (installed / "ntt/py.typed").is_file()
