"""The command that serves the page."""

import signal
import socket
import subprocess
import sys
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from chromium import free_port
from forked import run_forked
from ntt.config.composition import EMBEDDED

pytest.importorskip("gradio")

JPEG = b"\xff\xd8"


@pytest.fixture
def command(tmp_path):
    """Words that start the page; run it in ``tmp_path``, not where the samples are."""
    return ["-m", "ntt.app", f"paths.runs={tmp_path}", "encoder.weights=random"]


def test_app_serves_until_ctrl_c(command, tmp_path):
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, *command, f"port={port}"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert any(f"http://127.0.0.1:{port}/" in line for line in server.stdout)
        with urlopen(f"http://127.0.0.1:{port}/") as answer:
            assert "Find more of the same" in answer.read().decode()
        file = f"http://127.0.0.1:{port}/gradio_api/file={EMBEDDED}/data/photos"
        with urlopen(f"{file}/targets/coins.jpg") as sample:
            assert sample.read(2) == JPEG
        with pytest.raises(HTTPError, match="403"):
            urlopen(f"{file}/references.json")
        server.send_signal(signal.SIGINT)
        _, said = server.communicate(timeout=60)
    finally:
        server.kill()
    assert (server.returncode, said) == (0, "")


def test_app_refuses_a_port_that_is_taken_in_one_line(command, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        taken = run_forked([*command, f"port={port}"], cwd=tmp_path, timeout=120)
    assert taken.returncode == 2
    assert taken.stderr.startswith(f"host=127.0.0.1 port={port}: cannot listen on this address")
    assert taken.stderr.count("\n") == 1


def test_app_with_an_unknown_encoder_to_compare_ends_with_one_line(command, tmp_path):
    wrong = run_forked([*command, "compare=[dinov4]"], cwd=tmp_path, timeout=120)
    assert wrong.returncode == 2
    assert "dinov4" in wrong.stderr
    assert wrong.stderr.count("\n") == 1
