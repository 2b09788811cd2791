"""The pages to steer with, on a desk and on a phone, in a real browser."""

import ssl
import threading
from contextlib import closing
from typing import Any

import gymnasium
import numpy as np
import pytest
from browser_pages import wait_for
from scipy.spatial.transform import Rotation
from silent_network import Network

import dexndm_gym  # noqa: F401 (registers the ids)
from dexndm_gym.grasps.palm_rest import PALM_REST_CENTER, START_POSE
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.teleop.commands import Command
from dexndm_gym.teleop.loss import LossConfig
from dexndm_gym.teleop.session import TeleopSession
from dexndm_gym.training.policy import load_policy
from dexndm_gym.viewer.controls import PageSettings
from dexndm_gym.viewer.snapshot import Snapshot

pytest.importorskip("viser", reason="the extra viewer is not installed")

pytest.importorskip("cryptography", reason="the extra viewer is not installed")

from phone_page import PhonePage

from dexndm_gym.teleop.page import STOP_LABEL, PageSource, teleop_page
from dexndm_gym.teleop.phone import PhoneSource
from dexndm_gym.teleop.phone_server import PhoneServer
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


class PhoneInABrowser:
    """The phone's page, reached through a network, and what it does to a simulated hand."""

    def __init__(self, browser: Any, server: PhoneServer, source: PhoneSource, network: Network, env: Any) -> None:
        self.browser, self.source, self.network = browser, source, network
        # A busy machine may be too slow for the page to be heard in time: what follows a loss is tested elsewhere.
        loss = LossConfig(hold_after=1e6, let_go_after=1e6)
        self.session = TeleopSession(env, load_policy(), [source], seed=0, loss=loss)
        browser.execute_cdp_cmd("Security.setIgnoreCertificateErrors", {"ignore": True})
        browser.get(f"{network.url}/{server.url.split('/')[3]}/")

    def hold(self, alpha: float, beta: float, gamma: float) -> None:
        held = {"alpha": alpha, "beta": beta, "gamma": gamma}
        self.browser.execute_cdp_cmd("DeviceOrientation.setDeviceOrientationOverride", held)

    def tap(self, selector: str) -> None:
        wait_for(lambda: self.button(selector).is_enabled(), f"{selector} to work")
        self.button(selector).click()

    def button(self, selector: str) -> Any:
        return self.browser.find_element("css selector", selector)

    def reads(self, text: str) -> None:
        wait_for(lambda: text in self.browser.find_element("tag name", "body").text, f"{text!r} on the phone")

    def advance(self) -> Any:
        snapshot = self.session.advance()
        self.source.show(snapshot)
        return snapshot

    def sees_turned(self, before: np.ndarray, axis: str, degrees: float) -> None:
        wanted = Rotation.from_euler(axis, degrees, degrees=True) * Rotation.from_quat(before, scalar_first=True)

        def turned() -> bool:
            now = Rotation.from_quat(self.advance().wrist, scalar_first=True)
            return (now.inv() * wanted).magnitude() < 1e-3

        wait_for(turned, f"a wrist turned by {degrees} degrees about {axis}")


def test_a_phone_turns_the_wrist_and_stops_the_hand(browser: Any) -> None:
    source = PhoneSource()
    config = TaskConfig(episode_steps=100_000)
    with (
        closing(gymnasium.make("LeapRotate-Sim-v0", object="cylinder", config=config)) as env,
        PhoneServer(source, "127.0.0.1", 8451) as server,
        closing(Network(int(server.url.split(":")[2].split("/")[0]), "https")) as network,
    ):
        phone = PhoneInABrowser(browser, server, source, network, env)
        first = phone.advance().wrist.copy()
        phone.reads("hold the cylinder")
        assert not phone.button("[value=wrist]").is_enabled(), "nothing is known of how the phone is held"
        phone.hold(30.0, 40.0, 0.0)
        phone.tap("#allow")
        phone.tap("[value=wrist]")
        phone.hold(30.0, 70.0, 0.0)
        phone.sees_turned(first, "y", -30.0)
        phone.tap("[value=nothing]")
        wait_for(lambda: phone.button("[value=nothing]").get_attribute("aria-pressed") == "true", "the phone at rest")
        phone.hold(80.0, 0.0, 0.0)
        phone.tap("[value=go]")
        wait_for(lambda: (phone.advance(), phone.session.steering.mode == "go")[1], "the policy to act")
        phone.sees_turned(first, "y", -30.0)
        phone.tap("#stop")
        wait_for(lambda: (phone.advance(), phone.session.stopped)[1], "an emergency stop")
        phone.reads("phone: emergency stop; torque off")
        assert not phone.button("[value=wrist]").is_enabled()
        phone.tap("[value=reset]")
        wait_for(lambda: (phone.advance(), phone.session.steering.mode == "hold")[1], "a reset")


def test_a_phone_is_lost_and_comes_back_by_itself(browser: Any) -> None:
    source = PhoneSource()
    with (
        PhoneServer(source, "127.0.0.1", 8451) as server,
        closing(Network(int(server.url.split(":")[2].split("/")[0]), "https")) as network,
    ):
        browser.execute_cdp_cmd("Security.setIgnoreCertificateErrors", {"ignore": True})
        browser.get(f"{network.url}/{server.url.split('/')[3]}/")
        wait_for(lambda: source.connected, "the phone")
        hang = threading.Thread(
            target=browser.execute_script, args=["for (const end = Date.now() + 3000; Date.now() < end;);"]
        )
        hang.start()  # the driver answers when it is over
        wait_for(lambda: not source.connected, "a page that hangs to be lost")
        hang.join()
        wait_for(lambda: source.connected, "it to come back")
        network.silent.set()
        wait_for(lambda: not source.connected, "a network that is silent to be noticed")
        wait_for(lambda: "Lost" in browser.find_element("id", "link").text, "the phone to notice, too")
        browser.find_element("id", "stop").click()
        network.silent.clear()
        wait_for(lambda: Command("stop") in source.poll(), "a stop that was pressed meanwhile")
        wait_for(lambda: source.connected, "it to come back")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with PhonePage(server.url + "socket", context):
            wait_for(lambda: "Another page steers" in browser.find_element("id", "link").text, "another page")
        browser.find_element("id", "stop").click()
        wait_for(lambda: Command("stop") in source.poll(), "a stop that takes over")
        browser.get("about:blank")
        wait_for(lambda: not source.connected, "a closed page to be lost")
