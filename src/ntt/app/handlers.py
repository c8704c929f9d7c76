"""Event handlers of the page: change a session and return the component updates."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from html import escape
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import gradio as gr
from gradio.utils import get_upload_folder

from ntt.app.click_prompts import draw_clicks
from ntt.app.session import Session
from ntt.errors import InputError

Arguments = ParamSpec("Arguments")
Update = TypeVar("Update")
NOTICE_SECONDS = 12
OPEN = "**Choose an image**: drop one below, or select a sample."
CLICK = "**Click on the object.**"
NAME = (
    "**Enter a class name and press *Add reference*.** If the mask is wrong, add more clicks to correct it."
)
AGAIN = "**Continue with step 2**, or click on another object: more references improve the results."


def awake(session: Session | None) -> Session:
    """Return the session if it still exists; phones discard pages in the background.

    Raises:
        InputError: the session was freed.
    """
    if session is None:
        raise InputError("The session has expired; reload the page")
    return session


def notice(message: str) -> None:
    """Show a one-line warning to the user."""
    gr.Warning(escape(message), duration=NOTICE_SECONDS)


def told(action: Callable[Arguments, Update]) -> Callable[Arguments, Update | Any]:
    """Wrap an action to show an InputError as a warning and leave the page unchanged."""

    @wraps(action)
    def telling(*arguments: Arguments.args, **options: Arguments.kwargs) -> Update | Any:
        try:
            return action(*arguments, **options)
        except InputError as error:
            notice(str(error))
            return gr.skip()

    return telling


def canvas(session: Session) -> tuple[Any, ...]:
    """Return updates of the open image, the hint above it, *Undo last click* and *Add reference*."""
    prompts = session.prompts
    if prompts is None:
        return None, OPEN, gr.update(interactive=False), gr.update(interactive=False)
    ready = prompts.mask is not None
    hint = NAME if ready else AGAIN if session.shown else CLICK
    image = draw_clicks(prompts.pixels, prompts.mask, prompts.clicks)
    return image, hint, gr.update(interactive=ready), gr.update(interactive=ready)


def open_reference(session: Session | None, file: str) -> tuple[Any, ...]:
    """Open an uploaded or sample image; an unreadable one leaves the previous image open."""
    try:
        opened = awake(session)
        with opened.lock:
            opened.open(file)
    except InputError as error:
        notice(str(error))
        if session is None:
            return None, OPEN, gr.skip(), gr.skip()
    return canvas(awake(session))


def upload(session: Session | None, file: Any) -> tuple[Any, ...]:
    """Open an uploaded image; ``file`` is the unvalidated description sent by the browser."""
    path = file.get("path") if isinstance(file, dict) else None
    if not isinstance(path, str) or not _is_upload(path):
        notice("This file was not uploaded to this page; upload it again")
        return canvas(awake(session))
    return open_reference(session, path)


def _is_upload(path: str) -> bool:
    """Return whether a path is in the upload folder; gradio does not check this without preprocessing."""
    try:
        return Path(path).resolve().is_relative_to(Path(get_upload_folder()).resolve())
    except (OSError, ValueError):  # too long, or with a null byte
        return False


def close_reference(session: Session | None) -> tuple[Any, ...]:
    """Close the image."""
    opened = awake(session)
    opened.prompts = None
    return canvas(opened)


@told
def click(session: Session | None, marks_object: bool, event: gr.SelectData) -> tuple[Any, ...]:
    """Add a click on the open image."""
    opened = awake(session)
    with opened.lock:
        if opened.prompts is not None:
            x, y = event.index
            opened.prompts.click(opened.models, x + 0.5, y + 0.5, marks_object)
        return canvas(opened)


@told
def undo(session: Session | None) -> tuple[Any, ...]:
    """Undo the last click."""
    opened = awake(session)
    with opened.lock:
        if opened.prompts is not None:
            opened.prompts.undo()
        return canvas(opened)


def memory(session: Session) -> tuple[Any, ...]:
    """Return updates of the list of references, *Remove* and *Find*."""
    images = [(each.thumbnail, each.example.name) for each in session.shown]
    remove = gr.update(value="Remove", interactive=False)
    return gr.update(value=images, selected_index=None), remove, gr.update(interactive=bool(images))


@told
def add_reference(session: Session | None, name: str) -> tuple[Any, ...]:
    """Add the clicked object as a reference; earlier results become invalid."""
    opened = awake(session)
    with opened.lock:
        opened.add_reference(name)
        return *canvas(opened), *memory(opened)


@told
def select(session: Session | None, event: gr.SelectData) -> Any:
    """Select a reference in the list."""
    opened = awake(session)
    with opened.lock:
        opened.selected = event.index
        return gr.update(value=f"Remove {opened.shown[event.index].example.name}", interactive=True)


@told
def remove(session: Session | None) -> tuple[Any, ...]:
    """Remove the selected reference."""
    opened = awake(session)
    with opened.lock:
        opened.remove()
        return *canvas(opened), *memory(opened)


def results(session: Session, encoder: str, threshold: float) -> tuple[Any, ...]:
    """Return updates of an encoder's result images and of the button that saves the results."""
    if not session.results.get(encoder):
        return None, gr.update(value=None, interactive=False)
    saved = gr.update(value=str(session.save_coco(encoder, threshold)), interactive=True)
    return session.draw(encoder, threshold), saved


@told
def move_threshold(session: Session | None, encoder: str, threshold: float) -> tuple[Any, ...]:
    """Redraw the results with another threshold, without inference."""
    opened = awake(session)
    with opened.lock:
        return results(opened, encoder, threshold)


def panel(session: Session, encoder: str) -> list[Any]:
    """Return updates of an encoder's panel, which is hidden without results."""
    if not session.results.get(encoder):
        return [gr.update(visible=False), gr.skip(), None, gr.skip(), gr.skip()]
    threshold = session.first_threshold(encoder)
    saved = gr.update(value=str(session.save_memory(encoder)), interactive=True)
    return [gr.update(visible=True), threshold, *results(session, encoder, threshold), saved]


@told
def all_panels(session: Session | None) -> list[Any]:
    """Return updates of all panels."""
    opened = awake(session)
    with opened.lock:
        return [update for encoder in opened.models.encoders for update in panel(opened, encoder)]


def busy() -> Any:
    """Disable *Find* and show that a search is running."""
    return gr.update(value="Searching …", interactive=False)


def ready(session: Session | None) -> Any:
    """Enable *Find* if there are references."""
    return gr.update(value="Find", interactive=session is not None and bool(session.shown))


def search(session: Session | None, files: list[str] | None, other: str) -> Iterator[Any]:
    """Search the target images and show the results of each as soon as it is done."""
    try:
        opened = awake(session)
        encoders = [opened.models.encoders[0], *([other] if other else [])]
        for problem in opened.search(files or [], encoders):
            if problem is not None:
                notice(problem)
            yield all_panels(opened)
    except InputError as error:
        notice(str(error))
        yield gr.skip()
