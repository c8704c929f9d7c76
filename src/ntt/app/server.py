"""Local server of the page, without sharing, analytics or other endpoints."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path

import gradio as gr

from ntt.errors import InputError

CSS = Path(__file__).with_name("page.css")


def serve(page: gr.Blocks, host: str, port: int, megabytes: int, samples: Sequence[str] = ()) -> str:
    """Start a server in the background.

    Args:
        page: page to serve.
        host: address to listen on.
        port: port to listen on.
        megabytes: maximum size of an upload.
        samples: local files that the page offers as samples.

    Returns:
        URL of the page.
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
    """Raise InputError if the port is in use or invalid, or the address is not one of this machine."""
    try:
        with socket.create_server((host, port)):
            pass
    except (OSError, OverflowError, TypeError) as error:
        raise InputError(
            f"host={host} port={port}: cannot listen on this address ({error}); set another port="
        ) from error
