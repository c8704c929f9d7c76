import subprocess
import sys

import pytest

from forked import run_forked


@pytest.fixture
def train(project_root, miniature, miniature_overrides, tmp_path):
    """Call ``train.py`` as a user does, from another folder, on the miniature data and with few prompts."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    def call(
        *words, data=tuple(miniature_overrides), flags=(), few="model.proposals.max_prompts=16", forked=True
    ):
        words = [*flags, *data, few, "trainer=cpu", *words]
        command = [project_root / "train.py", *words]
        if forked:
            return run_forked(command, cwd=elsewhere)
        return subprocess.run(
            [sys.executable, *command], cwd=elsewhere, capture_output=True, text=True, timeout=300
        )

    return call


@pytest.fixture
def run_dir(miniature):
    """The folder of the one run made."""

    def find():
        (folder,) = (miniature / "runs").glob("*/*")
        return folder

    return find
