import importlib.util

import pytest

from documents import blocks


@pytest.fixture(scope="session")
def checkout(tmp_path_factory, project_root):
    """A folder that looks like a checkout to relative paths, with the files that docs say to write."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("checkpoints", "data", "dinov3", "scripts", "train.py", "predict.py"):
        (folder / name).symlink_to(project_root / name)
    for block in blocks():
        if block.title:
            (folder / block.title).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.title).write_text(block.text)
    # What scripts/convert_legacy_config.py leaves in conf/experiment.
    spec = importlib.util.spec_from_file_location("convert", folder / "scripts" / "convert_legacy_config.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.main([str(folder / "FILE.yaml"), "--output", str(folder / "experiment" / "FILE.yaml")])
    return folder


@pytest.fixture
def workplace(checkout, monkeypatch):
    """That folder, as the working directory and among Python's paths."""
    monkeypatch.chdir(checkout)
    monkeypatch.syspath_prepend(checkout)
    return checkout
