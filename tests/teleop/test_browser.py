"""The page to steer with, in a real browser."""

from typing import Any

import numpy as np
import pytest
from browser_pages import wait_for

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
