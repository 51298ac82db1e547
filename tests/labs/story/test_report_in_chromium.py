"""The report in a real browser: its keys and clicks, its accessibility and speed, and hostile text that stays inert."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labs.story.report import Chapter, write_report
from labs.testbed.sim import Played

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed; ./lab test installs it")
axe = pytest.importorskip("axe_playwright_python", reason="axe is not installed; ./lab test installs it")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
OPTIONS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]
SCREENSHOTS = os.environ.get("DOWNSTACK_SCREENSHOTS")  # a folder to which this test writes what it saw

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator["playwright.Browser"]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=OPTIONS, timeout=60_000)
        yield browser
        browser.close()


class Reader:
    """Somebody who opens a report. Whatever the page complains of fails the test."""

    def __init__(self, browser: "playwright.Browser", path: Path, **options: object) -> None:
        self.page = browser.new_page(viewport={"width": 1400, "height": 1000}, reduced_motion="reduce", **options)
        self.page.set_default_timeout(20_000)
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())

    def photograph(self, name: str) -> None:
        if SCREENSHOTS:
            self.page.screenshot(path=Path(SCREENSHOTS, f"{name}.png"))


@pytest.fixture
def report(tmp_path: Path, chapters: list[Chapter], fields: Callable) -> Path:
    return write_report(tmp_path / "report.html", title="Lab 3", chapters=chapters, fields=fields)


@pytest.fixture
def reader(browser: "playwright.Browser", report: Path) -> Iterator[Reader]:
    reader = Reader(browser, report)
    yield reader
    assert reader.complaints == []
    assert reader.requests == [report.as_uri()], "nothing was fetched but the page itself"
    reader.page.close()


def test_a_click_on_a_frame_takes_it_apart(reader: Reader) -> None:
    play = reader.page.locator("#play-1-shrunk")
    play.locator('.frame[data-frame="3"] text').click()
    panel = play.locator(".panel")
    assert panel.locator("h5").inner_text() == "Frame 3: data 3, a-b"
    assert panel.locator("tbody tr").nth(1).inner_text().split("\t") == ["sequence", "1–2", "2"]
    assert panel.locator("code").inner_text().startswith("0000  00 00 02 70 6c 61")
    assert play.locator("tr.chosen td").first.text_content() == "3", "the table follows"
    panel.locator("tbody tr").nth(1).hover()
    assert panel.locator("mark").all_inner_texts() == ["00", "02"], "a field's bytes are marked"
    play.locator('.table tr[data-frame="2"]').click()
    assert "drop a-b:data:2" in panel.inner_text()
    assert play.locator(".frame.chosen").get_attribute("data-frame") == "2", "and the diagram follows the table"
    reader.photograph("clicked")


def test_the_keyboard_alone_does_everything(reader: Reader) -> None:
    play = reader.page.locator("#play-1-shrunk")
    play.locator(".scroller").focus()
    width = play.locator(".drawing").bounding_box()["width"]
    reader.page.keyboard.press("+")
    assert play.locator(".drawing").bounding_box()["width"] == pytest.approx(width * 1.25, abs=1)
    reader.page.keyboard.press("0")
    reader.page.keyboard.press("f")
    assert play.locator(".panel h5").inner_text() == "Frame 2: data 2, a-b", "the frame that was lost"
    for key, frame in (("n", "3"), ("n", "4"), ("p", "3")):
        reader.page.keyboard.press(key)
        assert play.locator(".frame.chosen").get_attribute("data-frame") == frame
    before = play.locator(".scroller").evaluate("it => it.scrollTop")
    reader.page.keyboard.press("End")
    play.locator(".scroller").evaluate("it => new Promise(requestAnimationFrame)")
    assert play.locator(".scroller").evaluate("it => it.scrollTop") > before, "the browser's own keys scroll"


def test_every_control_is_reached_by_tab_and_shows_its_focus(reader: Reader) -> None:
    seen = set()
    while len(seen) < 100:
        reader.page.keyboard.press("Tab")
        if reader.page.evaluate("document.activeElement === document.body"):
            break
        what, outline = reader.page.evaluate(
            "() => [document.activeElement.ariaLabel || document.activeElement.textContent.slice(0, 40),"
            " getComputedStyle(document.activeElement).outlineStyle]"
        )
        assert outline == "solid", what
        seen.add(what)
    assert {"Skip to the story", "Zoom in", "Next fault", "Copy the command", "The chosen frame"} <= seen
    assert "Space-time diagram: With these faults" in seen


def test_the_wheel_zooms_with_ctrl_and_a_drag_moves(reader: Reader) -> None:
    play = reader.page.locator("#play-1-shrunk")
    scroller = play.locator(".scroller")
    scroller.scroll_into_view_if_needed()
    width = play.locator(".drawing").bounding_box()["width"]
    box = scroller.bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + 300)
    reader.page.mouse.move(*middle)
    reader.page.keyboard.down("Control")
    reader.page.mouse.wheel(0, -200)
    reader.page.keyboard.up("Control")
    reader.page.wait_for_function("w => document.querySelector('#play-1-shrunk .drawing').clientWidth > w", arg=width)
    reader.page.mouse.down()
    reader.page.mouse.move(middle[0], middle[1] - 120, steps=4)
    reader.page.mouse.up()
    assert scroller.evaluate("it => it.scrollTop") >= 119


def test_hostile_text_did_not_run(reader: Reader) -> None:
    reader.page.evaluate("document.querySelectorAll('details').forEach(it => (it.open = true))")
    for row in reader.page.locator("#play-1-1 .table tbody tr").all()[:5]:
        row.click()
    assert reader.page.evaluate("window.owned") is None
    assert reader.page.locator("img").count() == 0
    assert "<img src=x" in reader.page.locator(".found").inner_text()


@pytest.mark.parametrize(("scheme", "width"), [("light", 380), ("dark", 1400)])
def test_axe_finds_nothing_against_wcag(browser: "playwright.Browser", report: Path, scheme: str, width: int) -> None:
    reader = Reader(browser, report, color_scheme=scheme)
    reader.page.set_viewport_size({"width": width, "height": 1000})
    reader.page.evaluate("document.querySelectorAll('details').forEach(it => (it.open = true))")
    reader.page.locator(".scroller").first.focus()
    reader.page.keyboard.press("f")
    reader.photograph(f"{scheme}-{width}")
    reader.page.evaluate(Path(axe.__file__).with_name("axe.min.js").read_text(encoding="utf-8"))
    levels = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = reader.page.evaluate("levels => axe.run(document, { runOnly: levels })", levels)
    assert len(found["passes"]) > 30, "axe has looked"
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found["violations"]] == []
    wide = reader.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width, "the page itself never scrolls sideways (WCAG 1.4.10)"
    reader.page.close()


def test_print_shows_everything(reader: Reader) -> None:
    reader.page.emulate_media(media="print")
    reader.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert not reader.page.locator(".toolbar").first.is_visible()
    empty = reader.page.locator("#play-1-1 .band").evaluate_all(
        "bands => bands.filter(it => !it.children.length).length"
    )
    assert empty == 0
    assert len(reader.page.pdf()) > 50_000


def test_without_script_all_is_there(browser: "playwright.Browser", report: Path) -> None:
    reader = Reader(browser, report, java_script_enabled=False)
    assert reader.page.locator('#play-1-shrunk .frame[data-frame="3"] text').is_visible()
    assert not reader.page.locator(".toolbar").first.is_visible()
    reader.page.close()


PACE = """async act => {
  const scroller = document.querySelector(".scroller"), times = [];
  const acts = {
    scroll: () => (scroller.scrollTop += 400),
    zoom: turn => document.querySelector(`[data-does=${turn % 12 < 6 ? "out" : "in"}]`).click(),
    next: () => document.querySelector("[data-does=next]").click(),
  };
  let last = await new Promise(requestAnimationFrame);
  for (let turn = 0; turn < 40; turn++) {
    acts[act](turn);
    const now = await new Promise(requestAnimationFrame);
    times.push(now - last);
    last = now;
  }
  return times.sort((one, other) => one - other)[20];
}"""


def test_five_thousand_frames_stay_smooth(
    browser: "playwright.Browser",
    tmp_path: Path,
    converse: Callable,
    fields: Callable,
    capsys: pytest.CaptureFixture[str],
) -> None:
    trace = converse(count=2_400, window=8, loss=2, duplicate=1, corrupt=1, reorder=1)
    assert sum(1 for _ in trace.frames()) >= 4_900
    run = Chapter(title="a run", played=[Played(trace=trace, output={}, unmet=())])
    reader = Reader(browser, write_report(tmp_path / "r.html", title="Many", chapters=[run], fields=fields))
    loaded = reader.page.evaluate("performance.getEntriesByType('navigation')[0].domComplete")
    medians = {act: reader.page.evaluate(PACE, act) for act in ("scroll", "zoom", "next")}
    with capsys.disabled():
        print(
            f"\n5,000 frames: loaded in {loaded:.0f} ms; median frame", {a: f"{t:.0f} ms" for a, t in medians.items()}
        )
    assert loaded < 15_000
    assert max(medians.values()) < 200, "a median frame, on a busy machine too; without culling it takes over a second"
    assert reader.page.locator(".frame").count() < 1_000, "only what is in view is in the page"
    assert reader.complaints == []
    reader.page.close()
