"""Puts what lies beside the sources in a checkout into a wheel: ``ntt.config.paths`` finds it in both."""

from pathlib import Path
from shutil import copytree

from setuptools import setup
from setuptools.command.build_py import build_py

EMBEDDED = ("conf", "checkpoints/nano", "data/emoji", "data/photos")


class BuildWithEmbedded(build_py):
    """An editable install reads them where they are."""

    def run(self) -> None:
        """Build, and copy them."""
        super().run()
        if not self.editable_mode:
            for folder in EMBEDDED:
                target = Path(self.build_lib, "ntt", folder)
                copytree(folder, target, dirs_exist_ok=True)


setup(cmdclass={"build_py": BuildWithEmbedded})
