"""The page in a real browser: opened from disk, without a network."""

import pytest

from chromium import chromium, needs_chromium
from finished_runs import make_run
from ntt.reporting.report import write_report
from ntt.runs.finished import read_runs

pytestmark = needs_chromium


@pytest.fixture
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser, tmp_path, miniature):
    """The report of three runs; whatever the browser complains of or asks for fails the test."""
    for number, shift in enumerate((5, 1, 3)):
        make_run(tmp_path / "runs" / f"{number}_a", miniature, shift, overrides=[f"shift={shift}"])
    file = write_report(read_runs(tmp_path / "runs"), tmp_path)
    troubles = []
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.context.set_offline(True)
    page.on("console", lambda message: troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("request", lambda request: request.url.startswith("http") and troubles.append(request.url))
    page.goto(file.as_uri())
    yield page
    assert troubles == []
    page.close()


def test_the_page_works_from_disk(page):
    plots_and_pictures_show_and_fit_a_phone(page)
    headings_sort_by_mouse_and_keyboard(page)
    the_slider_wipes_between_two_runs(page)


def first_column(page):
    return page.locator("table").first.locator("tbody th").all_inner_texts()


def plots_and_pictures_show_and_fit_a_phone(page):
    page.wait_for_selector(".js-plotly-plot .main-svg")
    assert page.locator(".js-plotly-plot .main-svg").count() >= page.locator(".plot").count() >= 5
    widths = page.evaluate("[...document.images].map(image => image.naturalWidth)")
    assert len(widths) == 9
    assert min(widths) > 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def headings_sort_by_mouse_and_keyboard(page):
    assert first_column(page) == ["shift=1", "shift=3", "shift=5"]
    speed = page.get_by_role("button", name="images/s").first
    speed.click()
    assert first_column(page) == ["shift=5", "shift=3", "shift=1"], "largest first"
    speed.focus()
    page.keyboard.press("Enter")
    assert first_column(page) == ["shift=1", "shift=3", "shift=5"]
    heading = page.locator("th[aria-sort]")
    assert (heading.inner_text().strip(), heading.get_attribute("aria-sort")) == ("images/s", "ascending")
    page.get_by_role("button", name="run", exact=True).first.press("Space")
    assert first_column(page) == ["shift=1", "shift=3", "shift=5"]


def the_slider_wipes_between_two_runs(page):
    slider, over = page.get_by_role("slider").first, page.locator(".wipe .over").first
    before = over.evaluate("image => getComputedStyle(image).clipPath")
    slider.focus()
    page.keyboard.press("End")
    after = over.evaluate("image => getComputedStyle(image).clipPath")
    assert before != after
    assert page.locator(".wipe").first.evaluate("wipe => wipe.style.getPropertyValue('--at')") == "100%"
