"""The command that serves the page."""

import signal
import socket
import subprocess
import sys
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from ntt.config.paths import EMBEDDED

pytest.importorskip("gradio")

JPEG = b"\xff\xd8"


def start(tmp_path, *words):
    command = [sys.executable, "-m", "ntt.app", f"paths.runs={tmp_path}", "encoder.weights=random", *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=tmp_path, **pipes)  # not where the samples are


def test_it_serves_until_ctrl_c_and_refuses_a_port_that_is_taken(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        taken = start(tmp_path, f"port={port}")
        _, said = taken.communicate(timeout=120)
    assert taken.returncode == 2
    assert said.startswith(f"host=127.0.0.1 port={port}: cannot listen on this address")
    assert len(said.splitlines()) == 1

    server = start(tmp_path, f"port={port}")
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


def test_an_unknown_encoder_to_compare_with_is_one_line(tmp_path):
    wrong = start(tmp_path, "compare=[dinov4]")
    _, said = wrong.communicate(timeout=120)
    assert wrong.returncode == 2
    assert "dinov4" in said
