"""docs/configuration.md says what conf/ says."""

import importlib.util
import re

import pytest

from documents import ROOT


@pytest.fixture(scope="module")
def script():
    file = ROOT / "scripts" / "document_configuration.py"
    spec = importlib.util.spec_from_file_location(file.stem, file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(script):
    command = "python scripts/document_configuration.py"
    assert script.PAGE.read_text() == script.page(), f"write it anew: {command}"


def test_every_option_is_there_with_its_comment(script):
    page = script.page()
    for group in script.groups():
        section = page.partition(f"\n## `{group}`\n")[2].partition("\n## ")[0]
        for file in (script.CONF / group).glob("*.yaml"):
            said = re.search(rf"^\| `{re.escape(file.stem)}` \| \w", section, flags=re.MULTILINE)
            assert said, f"{file}: begin it with a comment that says what it is"


def test_groups_are_all_folders(script):
    folders = {str(path.parent.relative_to(script.CONF)) for path in script.CONF.rglob("*.yaml")}
    assert {*script.groups()} == {name for name in folders - {"."} if not name.endswith("options")}


def test_keys_values_and_comments(script, tmp_path):
    (tmp_path / "some.yaml").write_text(
        "# A file. More of it.\ndefaults:\n  - a: b # no key\na: 1 # one\nb:\n  c: [x, y] # a #list\n"
        "d: # block\n  - 1\ne: 'a # b'\n"
    )
    (tmp_path / "all.yaml").write_text(
        "# @package _global_\n# Everywhere (docs). Yes.\nother:\n  a: null # none\n"
    )
    assert list(script.commented(tmp_path / "some.yaml", "group")) == [
        ("group.a", "1", "one"),
        ("group.b.c", "[x, y]", "a #list"),
        ("group.d", "", "block"),
    ]
    assert list(script.commented(tmp_path / "all.yaml", "group")) == [("other.a", "null", "none")]
    assert script.summary(tmp_path / "some.yaml") == "A file"
    assert script.summary(tmp_path / "all.yaml") == "Everywhere (docs)"
