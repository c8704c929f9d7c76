import pytest

from ntt.errors import InputError
from ntt.optional import require_package


def test_an_absent_package_is_named_with_the_command(tmp_path, monkeypatch):
    (tmp_path / "a_mere_folder").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    for package in ("no_such_package", "a_mere_folder"):
        message = rf"^logger=x needs {package}: pip install 'no-time-to-train\[extra\]'$"
        with pytest.raises(InputError, match=message):
            require_package(package, "extra", "logger=x")
    require_package("numpy", "extra", "logger=x")
