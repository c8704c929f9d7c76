"""What happens when something on the page is clicked: from a session to what the page shows of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from html import escape
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import gradio as gr
from gradio.utils import get_upload_folder

from ntt.app.drawing import draw_clicks
from ntt.app.session import Session
from ntt.errors import InputError

Arguments = ParamSpec("Arguments")
Update = TypeVar("Update")
NOTICE_SECONDS = 12

OPEN = "**Choose a picture**: drop one below, or take a sample."
CLICK = "**Click on the object.**"
NAME = "**Give it a name and press *Remember*.** If the outline is not right, click again on what is missing."
AGAIN = "**Go on to step 2**, or click on another example: more of a kind make it surer."


def awake(session: Session | None) -> Session:
    """The session, unless the browser gave the page up, as phones do with pages in the background.

    Raises:
        InputError: it was freed.
    """
    if session is None:
        raise InputError("This page was asleep for too long and has forgotten everything; reload it")
    return session


def notice(message: str) -> None:
    """Say one line to the visitor."""
    gr.Warning(escape(message), duration=NOTICE_SECONDS)


def told(action: Callable[Arguments, Update]) -> Callable[Arguments, Update | Any]:
    """Make what a visitor did wrong a line on the page, which otherwise stays as it is."""

    @wraps(action)
    def telling(*arguments: Arguments.args, **options: Arguments.kwargs) -> Update | Any:
        try:
            return action(*arguments, **options)
        except InputError as error:
            notice(str(error))
            return gr.skip()

    return telling


def canvas(session: Session) -> tuple[Any, ...]:
    """Updates of the open picture, the hint above it, *Undo* and *Remember*."""
    clicking = session.clicking
    if clicking is None:
        return None, OPEN, gr.update(interactive=False), gr.update(interactive=False)
    ready = clicking.mask is not None
    hint = NAME if ready else AGAIN if session.shown else CLICK
    picture = draw_clicks(clicking.pixels, clicking.mask, clicking.clicks)
    return picture, hint, gr.update(interactive=ready), gr.update(interactive=ready)


def open_picture(session: Session | None, file: str) -> tuple[Any, ...]:
    """A picture was uploaded or chosen; one that cannot be read gives way to the one before."""
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
    """A picture was uploaded; ``file`` is what a browser says of it, or whoever speaks like one."""
    path = file.get("path") if isinstance(file, dict) else None
    if not isinstance(path, str) or not _is_upload(path):
        notice("That file was not uploaded here; choose it again")
        return canvas(awake(session))
    return open_picture(session, path)


def _is_upload(path: str) -> bool:
    """Gradio takes any path for an upload's where nothing is preprocessed."""
    try:
        return Path(path).resolve().is_relative_to(Path(get_upload_folder()).resolve())
    except (OSError, ValueError):  # too long, or with a null byte
        return False


def close_picture(session: Session | None) -> tuple[Any, ...]:
    """The picture was put away."""
    opened = awake(session)
    opened.clicking = None
    return canvas(opened)


@told
def click(session: Session | None, marks_object: bool, event: gr.SelectData) -> tuple[Any, ...]:
    """The open picture was clicked on."""
    opened = awake(session)
    with opened.lock:
        if opened.clicking is not None:
            x, y = event.index
            opened.clicking.click(opened.models, x + 0.5, y + 0.5, marks_object)
        return canvas(opened)


@told
def undo(session: Session | None) -> tuple[Any, ...]:
    """The last click is taken back."""
    opened = awake(session)
    with opened.lock:
        if opened.clicking is not None:
            opened.clicking.undo()
        return canvas(opened)


def memory(session: Session) -> tuple[Any, ...]:
    """Updates of the list of examples, *Remove* and *Find*."""
    pictures = [(each.thumbnail, each.example.name) for each in session.shown]
    remove = gr.update(value="Remove", interactive=False)
    return gr.update(value=pictures, selected_index=None), remove, gr.update(interactive=bool(pictures))


@told
def remember(session: Session | None, name: str) -> tuple[Any, ...]:
    """The object is added; what the page showed of earlier searches does not hold any more."""
    opened = awake(session)
    with opened.lock:
        opened.remember(name)
        return *canvas(opened), *memory(opened)


@told
def select(session: Session | None, event: gr.SelectData) -> Any:
    """An example of the list was chosen."""
    opened = awake(session)
    with opened.lock:
        opened.selected = event.index
        return gr.update(value=f"Remove {opened.shown[event.index].example.name}", interactive=True)


@told
def remove(session: Session | None) -> tuple[Any, ...]:
    """The selected example is forgotten."""
    opened = awake(session)
    with opened.lock:
        opened.remove()
        return *canvas(opened), *memory(opened)


def results(session: Session, encoder: str, threshold: float) -> tuple[Any, ...]:
    """Updates of an encoder's pictures, and of the button that saves what they show."""
    if not session.found.get(encoder):
        return None, gr.update(value=None, interactive=False)
    saved = gr.update(value=str(session.save_coco(encoder, threshold)), interactive=True)
    return session.draw(encoder, threshold), saved


@told
def move_threshold(session: Session | None, encoder: str, threshold: float) -> tuple[Any, ...]:
    """The slider was moved: what was found is drawn anew, and nothing is computed."""
    opened = awake(session)
    with opened.lock:
        return results(opened, encoder, threshold)


def panel(session: Session, encoder: str) -> list[Any]:
    """Updates of all parts of an encoder's panel; it shows if there is something to show."""
    if not session.found.get(encoder):
        return [gr.update(visible=False), gr.skip(), None, gr.skip(), gr.skip()]
    threshold = session.first_threshold(encoder)
    saved = gr.update(value=str(session.save_memory(encoder)), interactive=True)
    return [gr.update(visible=True), threshold, *results(session, encoder, threshold), saved]


@told
def panels(session: Session | None) -> list[Any]:
    """All panels as they are now."""
    opened = awake(session)
    with opened.lock:
        return [update for encoder in opened.models.encoders for update in panel(opened, encoder)]


def busy() -> Any:
    """*Find* says that it is at work, and cannot be pressed again."""
    return gr.update(value="Searching …", interactive=False)


def ready(session: Session | None) -> Any:
    """*Find* can be pressed again."""
    return gr.update(value="Find", interactive=session is not None and bool(session.shown))


def search(session: Session | None, files: list[str] | None, other: str) -> Iterator[Any]:
    """The pictures are searched; each shows as soon as it is done."""
    try:
        opened = awake(session)
        encoders = [opened.models.encoders[0], *([other] if other else [])]
        for problem in opened.search(files or [], encoders):
            if problem is not None:
                notice(problem)
            yield panels(opened)
    except InputError as error:
        notice(str(error))
        yield gr.skip()
