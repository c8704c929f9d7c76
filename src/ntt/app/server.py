"""Serving the page to this machine, and nothing to anybody else."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path

import gradio as gr

from ntt.errors import InputError

CSS = Path(__file__).with_name("page.css")


def serve(page: gr.Blocks, host: str, port: int, megabytes: int, samples: Sequence[str] = ()) -> str:
    """Start a server and return at once.

    Args:
        page: to serve.
        host: address to listen at.
        port: to listen at.
        megabytes: largest upload.
        samples: files of this machine that the page offers.

    Returns:
        The address for a browser.
    """
    _, url, _ = page.launch(
        server_name=host,
        server_port=port,
        share=False,
        prevent_thread_lock=True,
        quiet=True,
        ssr_mode=False,
        enable_monitoring=False,
        mcp_server=False,
        max_file_size=f"{megabytes}mb",
        allowed_paths=list(samples),
        footer_links=[],
        css_paths=CSS,
    )
    return url


def check_free(host: str, port: int) -> None:
    """Raise InputError if the port is taken or none, or the address is not one of this machine."""
    try:
        with socket.create_server((host, port)):
            pass
    except (OSError, OverflowError, TypeError) as error:
        raise InputError(
            f"host={host} port={port}: cannot listen there ({error}); give another port="
        ) from error
