"""Layout of the page, connection of its components with the handlers, and the server."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from ntt.app import handlers
from ntt.app.models import Limits, Models
from ntt.app.session import Session
from ntt.errors import InputError

TITLE = "Find more of the same"
INTRODUCTION = (
    "Click an object, name its class, and find more objects of that class in other images, without training."
)
HOURS = 4  # uploads are deleted after this time
CSS = Path(__file__).with_name("page.css")


@dataclass(frozen=True)
class Samples:
    """Sample images offered on the page.

    Attributes:
        examples: reference images with one object each.
        scenes: target images.
    """

    examples: Sequence[str]
    scenes: Sequence[str]


@dataclass(frozen=True)
class Panel:
    """Components that show the results of one encoder."""

    column: gr.Column
    slider: gr.Slider
    gallery: gr.Gallery
    coco: gr.DownloadButton
    memory: gr.DownloadButton

    @property
    def parts(self) -> list[Any]:
        """Components that :func:`ntt.app.handlers.panel` updates, in its order."""
        return [self.column, self.slider, self.gallery, self.coco, self.memory]


def build_page(models: Models, limits: Limits, samples: Samples) -> gr.Blocks:
    """Build the page.

    Args:
        models: models shared by all sessions.
        limits: limits of each session.
        samples: sample images.
    """
    every_hour, hours = 3600, HOURS * 3600
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(every_hour, hours)) as page:
        session = gr.State(None, delete_callback=lambda held: held and held.close())
        gr.Markdown(f"# {TITLE}\n{INTRODUCTION}")
        show = _Show(samples)
        find = _Find(models, limits, samples)
        page.load(lambda: Session(models, limits), outputs=session, api_visibility="private")
        page.unload(_freeing(page))
        show.connect(session, find)
        find.connect(session)
    page.queue(api_open=False, default_concurrency_limit=4)
    return page


def _freeing(page: gr.Blocks) -> Callable[[gr.Request], None]:
    """Create a handler that frees the state of a closed page; gradio would keep it for an hour."""

    def free(request: gr.Request) -> None:
        page.state_holder.delete_state(str(request.session_hash))

    return free


class _Show:
    """Step 1: add references."""

    def __init__(self, samples: Samples) -> None:
        gr.Markdown("## 1. Add references")
        with gr.Row():
            with gr.Column(scale=3, min_width=320):
                self.hint = gr.Markdown(handlers.OPEN, elem_classes="hint")
                self.canvas = gr.Image(
                    label="Reference image",
                    sources=["upload", "clipboard"],
                    format="jpeg",
                    height=420,
                    buttons=[],
                    elem_id="canvas",
                )
                self.samples = _samples(samples.examples, "sample-examples")
            with gr.Column(scale=2, min_width=320):
                self.marks = gr.Radio(
                    [("object", True), ("background", False)],
                    value=True,
                    label="Clicks mark",
                )
                self.undo = gr.Button("Undo last click", size="sm", interactive=False)
                self.name = gr.Textbox(label="Class name", placeholder="elephant", max_lines=1)
                self.add = gr.Button("Add reference", variant="primary", interactive=False)
                self.list = gr.Gallery(
                    label="References",
                    columns=4,
                    height=200,
                    allow_preview=False,
                    fit_columns=False,
                    object_fit="contain",
                    buttons=[],
                    interactive=False,
                    elem_id="references",
                )
                self.remove = gr.Button("Remove", size="sm", interactive=False)

    def connect(self, session: gr.State, find: _Find) -> None:
        """Connect the events with the handlers."""
        canvas = [self.canvas, self.hint, self.undo, self.add]
        memory = [self.list, self.remove, find.button]
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        # Without preprocessing, because our reader gives better messages for unreadable images.
        self.canvas.upload(handlers.upload, [session, self.canvas], canvas, preprocess=False, **quiet)
        self.samples.click(
            lambda held, sample: handlers.open_reference(held, sample[0]),
            [session, self.samples],
            canvas,
            **quiet,
        )
        self.canvas.clear(handlers.close_reference, session, canvas, **quiet)
        self.canvas.select(handlers.click, [session, self.marks], canvas, **quiet)
        self.undo.click(handlers.undo, session, canvas, **quiet)
        self.list.select(handlers.select, session, self.remove, **quiet)
        for event in (self.add.click, self.name.submit):
            done = event(handlers.add_reference, [session, self.name], [*canvas, *memory], **quiet)
            done.success(handlers.all_panels, session, find.parts, **quiet)
        gone = self.remove.click(handlers.remove, session, [*canvas, *memory], **quiet)
        gone.success(handlers.all_panels, session, find.parts, **quiet)


class _Find:
    """Step 2: choose target images and show the results."""

    def __init__(self, models: Models, limits: Limits, samples: Samples) -> None:
        self.encoders = models.encoders
        gr.Markdown("## 2. Find objects in other images")
        with gr.Row():
            with gr.Column(scale=3, min_width=320):
                self.files = gr.File(
                    label=f"Target images (at most {limits.images})",
                    file_count="multiple",
                    file_types=["image"],
                    height=160,
                    elem_id="targets",
                )
                self.samples = _samples(samples.scenes, "sample-scenes")
            with gr.Column(scale=2, min_width=320):
                self.other = gr.Dropdown(
                    [("none", ""), *self.encoders[1:]],
                    value="",
                    label=f"Compare {self.encoders[0]} with",
                    visible=len(self.encoders) > 1,
                )
                self.button = gr.Button("Find", variant="primary", interactive=False)
        with gr.Row():
            self.panels = [_panel(encoder) for encoder in self.encoders]

    @property
    def parts(self) -> list[Any]:
        """Components of all panels."""
        return [part for panel in self.panels for part in panel.parts]

    def connect(self, session: gr.State) -> None:
        """Connect the events with the handlers."""
        self.samples.click(
            lambda files, sample: [*(files or []), sample[0]],
            [self.files, self.samples],
            self.files,
            api_visibility="private",
        )
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        busy = self.button.click(handlers.busy, None, self.button, **quiet)
        done = busy.then(handlers.search, [session, self.files, self.other], self.parts, **quiet)
        done.then(handlers.ready, session, self.button, **quiet)
        for encoder, panel in zip(self.encoders, self.panels, strict=True):
            panel.slider.input(
                lambda held, value, encoder=encoder: handlers.move_threshold(held, encoder, value),
                [session, panel.slider],
                [panel.gallery, panel.coco],
                trigger_mode="always_last",
                show_progress="hidden",
                api_visibility="private",
            )


def _samples(files: Sequence[str], elem_id: str) -> gr.Dataset:
    return gr.Dataset(
        label="Samples",
        components=[gr.Image(visible=False)],
        samples=[[file] for file in files],
        elem_id=elem_id,
    )


def _panel(encoder: str) -> Panel:
    with gr.Column(visible=False, min_width=320, elem_id=f"results-{encoder}") as column:
        gr.Markdown(f"### Results with {encoder}")
        slider = gr.Slider(0, 1, 0.5, step=0.01, label="Score threshold")
        gallery = gr.Gallery(
            label="Results",
            elem_classes="results",
            show_label=False,
            columns=2,
            height="auto",
            format="jpeg",
            object_fit="contain",
            buttons=["fullscreen"],
            interactive=False,
        )
        with gr.Row():
            coco = gr.DownloadButton("Save results (COCO JSON)", size="sm", interactive=False)
            memory = gr.DownloadButton("Save reference memory (safetensors)", size="sm", interactive=False)
    return Panel(column, slider, gallery, coco, memory)


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
