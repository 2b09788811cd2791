"""Pages in a real browser."""

import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from browser_pages import wait_for
from PIL import Image

from dexndm_gym.grasps.palm_rest import PALM_REST_CENTER, START_POSE
from dexndm_gym.viewer.controls import ControlEvent, PageSettings
from dexndm_gym.viewer.snapshot import Snapshot

pytest.importorskip("viser", reason="the extra viewer is not installed")

from dexndm_gym.viewer.page_process import PageProcess
from dexndm_gym.viewer.panels import episode_page

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

MOMENT = Snapshot(
    time=3.5,
    position=START_POSE,
    target=START_POSE + 0.1,
    object="cube",
    object_pose=np.array([*PALM_REST_CENTER, 1.0, 0.0, 0.0, 0.0]),
    axis=np.array([0.0, 0.0, 1.0]),
    rotation=2.25,
)
SETTINGS = PageSettings(
    title="Hand under test",
    port=8391,
    choices={"object": ["cube", "cylinder"], "wrist": ["palm_up", "palm_down"], "axis": ["+z"]},
    stoppable=True,
)


class Steered:
    """A page, and what its controls have said."""

    def __init__(self, page: PageProcess, browser: Any) -> None:
        self.page, self.browser = page, browser
        self.said: list[ControlEvent] = []

    def open(self) -> None:
        self.browser.get(self.page.url)
        self.page.show(MOMENT)
        wait_for(lambda: "2.25" in self.text(), "the rotation")

    def text(self) -> str:
        return self.browser.find_element("tag name", "body").text

    def button(self, label: str) -> Any:
        path = f"//button[.//text()[normalize-space()='{label}']]"
        return wait_for(lambda: self.browser.find_element("xpath", path), f"the button {label}")

    def click(self, label: str) -> None:
        self.browser.execute_script("arguments[0].click()", self.button(label))

    def hears(self, name: str, value: Any = None) -> None:
        def heard() -> bool:
            self.said += self.page.events()
            return ControlEvent(name=name, value=value) in self.said

        wait_for(heard, f"the event {name} {value}")

    def colors(self) -> np.ndarray:
        """What the left of the page shows, without the remark that there is no graphics card."""
        hide = "for (const e of document.querySelectorAll('.mantine-Notification-root')) e.style.display = 'none'"
        self.browser.execute_script(hide)
        picture = np.asarray(Image.open(io.BytesIO(self.browser.get_screenshot_as_png())).convert("RGB")).astype(int)
        return picture[:, : int(0.45 * picture.shape[1])].reshape(-1, 3)


@pytest.fixture
def steered(browser: Any) -> Iterator[Steered]:
    with PageProcess(SETTINGS, episode_page) as page:
        made = Steered(page, browser)
        made.open()
        yield made
        browser.get("about:blank")


def share_orange(colors: np.ndarray) -> float:
    red, green, blue = colors.T
    return float(((red > 150) & (red > green + 50) & (green > blue + 20)).mean())


def test_the_page_shows_hand_and_object(steered: Steered) -> None:
    assert "Hand under test" in steered.text()
    wait_for(lambda: share_orange(steered.colors()) > 0.002, "the object")
    assert steered.colors().std() > 10.0
    steered.page.show(replace(MOMENT, object_pose=np.full(7, np.nan)))
    wait_for(lambda: share_orange(steered.colors()) < 0.0005, "the object to go")


def test_controls_reach_whoever_moves_the_hand(steered: Steered) -> None:
    steered.click("Reset")
    steered.hears("reset")
    steered.click("Pause")
    steered.hears("pause")
    steered.page.show(replace(MOMENT, paused=True))
    steered.button("Go on")
    steered.click("Stop: torque off")
    steered.hears("stop")
    steered.click("1/4")
    steered.hears("speed", 0.25)
    boxes = steered.browser.find_elements("css selector", "input")
    next(box for box in boxes if box.get_attribute("value") == "cube").click()
    option = "//*[@role='option'][normalize-space()='cylinder']"
    wait_for(lambda: steered.browser.find_element("xpath", option), "the choice of objects").click()
    steered.hears("object", "cylinder")


def test_a_reload_shows_the_same(steered: Steered) -> None:
    steered.browser.refresh()
    wait_for(lambda: "2.25" in steered.text(), "the rotation, again")
    steered.click("Reset")
    steered.hears("reset")


def test_two_viewers_see_and_steer_the_same(steered: Steered) -> None:
    first = steered.browser.current_window_handle
    steered.browser.switch_to.new_window("tab")
    try:
        steered.open()
        steered.hears("viewers", 2)
        steered.page.show(replace(MOMENT, rotation=7.75))
        for window in (steered.browser.current_window_handle, first):
            steered.browser.switch_to.window(window)
            wait_for(lambda: "7.75" in steered.text(), "the rotation in both")
            steered.said.clear()
            steered.click("Reset")
            steered.hears("reset")
    finally:
        for window in steered.browser.window_handles:
            if window != first:
                steered.browser.switch_to.window(window)
                steered.browser.close()
        steered.browser.switch_to.window(first)
    steered.hears("viewers", 1)


def test_a_page_that_dies_holds_nobody_up_and_viewers_come_back(steered: Steered) -> None:
    steered.page._process.kill()
    steered.page._process.join()
    for _ in range(1000):
        steered.page.show(MOMENT)
        steered.page.events()
    assert not steered.page.alive
    with PageProcess(SETTINGS, episode_page) as again:
        assert again.url == steered.page.url
        again.show(replace(MOMENT, rotation=9.5))
        wait_for(lambda: "9.50" in steered.text(), "the viewer to come back by itself")
