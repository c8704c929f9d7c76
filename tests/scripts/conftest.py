import importlib.util

import pytest


@pytest.fixture
def load_script(project_root):
    """A script of the project as a module."""

    def load(name):
        spec = importlib.util.spec_from_file_location(name, project_root / "scripts" / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load
