"""The command that builds the dashboard, as far as it goes without a network."""

import json
import sys

import pytest

from ntt.errors import InputError


@pytest.fixture
def command(load_script, monkeypatch):
    script = load_script("wandb_dashboard")

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["wandb_dashboard.py", *map(str, words)])
        script.main()

    return call


def test_writes_the_specification_without_a_network(command, tmp_path, capsys):
    file = tmp_path / "dashboard.json"
    command("me/ntt", "--offline-spec", file)
    assert json.loads(file.read_text())["displayName"] == "DINOv2 and DINOv3"
    assert capsys.readouterr().out == f"Written: {file}\n"


@pytest.mark.parametrize("path", ["ntt", "/ntt", "me/", "me/ntt/x"])
def test_refuses_what_is_no_project(command, path, tmp_path):
    with pytest.raises(InputError, match="use ENTITY/PROJECT"):
        command(path, "--offline-spec", tmp_path / "x.json")
