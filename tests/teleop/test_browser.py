"""The page to steer with, in a real browser."""

import shutil
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from dexndm_gym.grasps.palm_rest import PALM_REST_CENTER, START_POSE
from dexndm_gym.teleop.commands import Command
from dexndm_gym.viewer.controls import PageSettings
from dexndm_gym.viewer.snapshot import Snapshot

pytest.importorskip("viser", reason="the extra viewer is not installed")

from dexndm_gym.teleop.page import STOP_LABEL, PageSource, teleop_page
from dexndm_gym.viewer.page_process import PageProcess

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

MOMENT = Snapshot(
    time=1.0,
    position=START_POSE,
    object="cube",
    object_pose=np.array([*PALM_REST_CENTER, 1.0, 0.0, 0.0, 0.0]),
    axis=np.array([0.0, 0.0, 1.0]),
    rotation=2.25,
    note="hold the cube",
)
_PATIENCE = 90.0


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    webdriver = pytest.importorskip("selenium.webdriver", reason="Selenium is not installed (extra dev)")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("chromium and chromedriver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in (
        *("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=900,900"),
        *("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
    ):
        options.add_argument(argument)
    made = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    made.set_page_load_timeout(120)
    yield made
    made.quit()


def wait_for(look: Callable[[], Any], what: str) -> Any:
    """What there is to find, as soon as there is something."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        try:
            if found := look():
                return found
        except Exception:  # elements come and go while a page is drawn
            pass
        time.sleep(0.1)
    raise AssertionError(f"waited {_PATIENCE:g} s in vain for {what}")


def test_buttons_and_keys_are_commands_until_the_page_closes(browser: Any) -> None:
    from selenium.webdriver.common.keys import Keys

    with PageProcess(PageSettings(title="Steered", port=8431), teleop_page) as page:
        source, said = PageSource(page), []
        browser.get(page.url)
        page.show(MOMENT)

        def hears(*command: Any) -> None:
            def heard() -> bool:
                said.extend(source.poll())
                return Command(*command) in said

            wait_for(heard, f"the command {command}")
            said.clear()

        def click(label: str) -> None:
            path = f"//button[.//text()[normalize-space()='{label}']]"
            button = wait_for(lambda: browser.find_element("xpath", path), f"the button {label}")
            browser.execute_script("arguments[0].click()", button)

        wait_for(lambda: "hold the cube" in browser.find_element("tag name", "body").text, "what the hand does")
        for label, command in (("Go", "go"), ("Open", "open"), (STOP_LABEL, "stop")):
            click(label)
            hears(command)
        click("-y")
        hears("axis", "-y")
        browser.find_element("tag name", "body").send_keys(Keys.ESCAPE)
        hears("stop")
        assert source.connected
        browser.get("about:blank")
        wait_for(lambda: (source.poll(), not source.connected)[1], "the page to be lost")
