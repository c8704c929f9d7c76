"""Test the page in a real browser that accesses only the page's server."""

import json
import os
import time

import pytest
from safetensors.torch import load_file

from app_world import CENTRES, HEIGHT, LIMITS, WIDTH, colour_models
from chromium import chromium, free_port, needs_chromium

pytest.importorskip("gradio")

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def app(picture, tmp_path_factory):
    """A served page with its address in ``url``."""
    os.environ["GRADIO_TEMP_DIR"] = str(tmp_path_factory.mktemp("uploads"))
    from ntt.app.page import Samples, build_page, serve

    page = build_page(colour_models(), LIMITS, Samples([picture], [picture]))
    page.url = serve(page, "127.0.0.1", free_port(), LIMITS.megabytes)
    yield page
    page.close()
    del os.environ["GRADIO_TEMP_DIR"]


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def visit(app, browser):
    """Open the page as a new user; requests to other hosts and browser errors fail the test."""
    troubles, contexts = [], []

    def ours(url):
        return url.startswith((app.url, "data:", "blob:"))

    def note(message):
        if message.type == "error":
            troubles.append(message.text)

    def visit(width=1280):
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}))
        page = contexts[-1].new_page()
        page.set_default_timeout(15_000)
        page.on("request", lambda request: ours(request.url) or troubles.append(request.url))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", note)
        page.goto(app.url)
        page.wait_for_selector("#sample-examples img")
        return page

    yield visit
    for context in contexts:
        context.close()
    assert troubles == []


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def click_object(page, name):
    """Click on an object in the open image, which is scaled to its frame."""
    picture = page.locator("#canvas img")
    frame = picture.bounding_box()
    scale = min(frame["width"] / WIDTH, frame["height"] / HEIGHT)
    left, top = (frame["width"] - scale * WIDTH) / 2, (frame["height"] - scale * HEIGHT) / 2
    x, y = CENTRES[name]
    picture.click(position={"x": left + scale * x, "y": top + scale * y})
    page.wait_for_selector("text=Enter a class name and press")


def add_reference(page, name):
    page.locator("#sample-examples button").first.click()
    page.wait_for_selector("#canvas img")
    click_object(page, name)
    page.get_by_label("Class name").fill(name)
    count = page.locator("#references img").count()
    press(page, "Add reference")
    page.locator("#references img").nth(count).wait_for()


def find(page):
    page.locator("#sample-scenes button").first.click()
    page.wait_for_selector("#targets tr.file >> text=things")
    press(page, "Find")
    page.wait_for_selector("#results-colour .results img")
    page.get_by_role("button", name="Find", exact=True).wait_for()


def download(page, button):
    with page.expect_download() as started:
        page.locator("#results-colour").get_by_text(button).click()
    return started.value.path()


def wait_until(true):
    end = time.monotonic() + 15
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def sessions(app):
    (state,) = [block for block in app.blocks.values() if block.get_block_name() == "state"]
    return [held.state_data[state._id] for held in app.state_holder.session_data.values() if held.state_data]


@pytest.mark.parametrize("width", [1280, 390])
def test_page_finds_and_saves_instances_of_a_clicked_object(visit, width):
    page = visit(width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.get_by_role("button", name="Add reference").is_disabled()
    add_reference(page, "red")
    find(page)
    page.wait_for_selector("text=things.png: 1 red")
    coco = json.loads(download(page, "COCO").read_text())
    assert [category["name"] for category in coco["categories"]] == ["red"]
    assert len(coco["annotations"]) == 1
    assert load_file(download(page, "memory"))["vectors"].shape == (1, 3)

    page.locator("#results-colour input[type=number]").fill("1")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=nothing above the threshold")
    page.locator("#results-colour").get_by_text("COCO").wait_for()
    wait_until(lambda: json.loads(download(page, "COCO").read_text())["annotations"] == [])

    page.locator("#references .thumbnail-item").first.click()
    press(page, "Remove red")
    page.locator("#references img").wait_for(state="detached")
    page.locator("#results-colour").wait_for(state="hidden")
    assert page.get_by_role("button", name="Find").is_disabled()


def test_page_compares_encoders_side_by_side(visit):
    page = visit()
    add_reference(page, "blue")
    page.get_by_label("Compare").click()
    page.get_by_role("option", name="other").click()
    find(page)
    left, right = (
        page.locator(f"#results-{name} .results img").bounding_box() for name in ("colour", "other")
    )
    assert left["y"] == right["y"]
    assert left["x"] + left["width"] <= right["x"]


def test_page_shows_a_message_for_bad_uploads_and_continues(visit, bad_files, tmp_path):
    page = visit()
    upload, message = page.locator("#canvas input[type=file]"), page.get_by_test_id("toast-text")
    for file, text in bad_files.items():
        upload.set_input_files(file)
        message.filter(has_text=text).wait_for()
        assert "/" not in message.filter(has_text=text).inner_text(), (
            "the message must not contain a server path"
        )
        page.locator("#canvas img").wait_for(state="detached")
    add_reference(page, "red")
    heavy = tmp_path / "heavy.png"
    heavy.write_bytes(bytes(LIMITS.megabytes * 2**20 + 1))
    page.locator("#targets input[type=file]").set_input_files([heavy])
    message.filter(has_text="maximum allowed size").wait_for()
    page.locator("#targets input[type=file]").set_input_files(list(bad_files)[:1])
    page.wait_for_selector("#targets tr.file >> text=text")
    find(page)
    message.filter(has_text="text.jpg: cannot be read").last.wait_for()
    page.wait_for_selector("text=things.png: 1 red")


def test_sessions_of_two_users_are_separate_and_freed(app, visit):
    wait_until(lambda: not any(sessions(app)))
    first, second = visit(), visit()
    add_reference(first, "red")
    assert second.locator("#references img").count() == 0
    assert second.get_by_role("button", name="Find").is_disabled()
    add_reference(second, "blue")
    find(first)
    find(second)
    first.wait_for_selector("text=things.png: 1 red")
    second.wait_for_selector("text=things.png: 1 blue")
    held = sessions(app)
    assert [len(session.shown) for session in held] == [1, 1]
    first.close()
    wait_until(lambda: len(sessions(app)) == 1)
    second.close()
    wait_until(lambda: not sessions(app))
    assert all(session.shown == [] for session in held)
