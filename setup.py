"""Copy the configs, embedded models and data into the wheel; ``ntt.config.paths`` finds them there."""

from pathlib import Path
from shutil import copytree, ignore_patterns

from setuptools import setup
from setuptools.command.build_py import build_py

TRAINING = ignore_patterns("train_nano.yaml", "nano")  # configs of scripts/nano, which is not in the wheel
EMBEDDED = ("conf", "checkpoints/nano", "data/emoji", "data/photos")


class BuildWithEmbedded(build_py):
    """Build command that copies these folders, except for an editable install, which reads them in place."""

    def run(self) -> None:
        """Build the package and copy the folders into it."""
        super().run()
        if not self.editable_mode:
            for folder in EMBEDDED:
                target = Path(self.build_lib, "ntt", folder)
                copytree(folder, target, ignore=TRAINING, dirs_exist_ok=True)


setup(cmdclass={"build_py": BuildWithEmbedded})
