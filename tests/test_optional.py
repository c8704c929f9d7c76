import sys

import pytest

from ntt.errors import InputError
from ntt.optional import hidden, require_package


def test_an_absent_package_is_named_with_the_command(tmp_path, monkeypatch):
    (tmp_path / "a_mere_folder").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    for package in ("no_such_package", "a_mere_folder"):
        message = rf"^logger=x needs {package}: pip install 'no-time-to-train\[extra\]'$"
        with pytest.raises(InputError, match=message):
            require_package(package, "extra", "logger=x")
    require_package("numpy", "extra", "logger=x")


def test_a_hidden_package_is_absent_only_inside_the_block(tmp_path, monkeypatch):
    (tmp_path / "seldom_needed.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    with hidden("seldom_needed"), pytest.raises(ImportError):
        import seldom_needed
    import seldom_needed

    with hidden("seldom_needed"):
        assert sys.modules["seldom_needed"] is seldom_needed
    monkeypatch.delitem(sys.modules, "seldom_needed")
