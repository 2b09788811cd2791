"""Takes pictures of every page of ``dexndm view`` and ``dexndm teleop`` in a browser, to be looked at: ``make pages``.

Each tab as on a desk, and the page as on a phone; and the page that a phone itself steers from.

Needs Chromium and its driver, and the extra ``dev``.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from selenium import webdriver
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from dexndm_gym.data.recording import RecordingWriter
from dexndm_gym.grasps.palm_rest import START_POSE

PAGES = {
    "sim": ["view", "sim"],
    "six_wrists": [
        *("view", "sim", "--policy", "six_wrists", "--starts", "grasps", "--object", "normal_cylinders"),
        *("--wrist", "six", "--axis", "hand-z", "hand+z"),
    ],
    "virtual": ["view", "virtual"],
    "recording": ["view", "recording"],
    "teleop": ["teleop", "sim"],
    "steering": ["teleop", "sim", "--no-page", "--phone", "127.0.0.1"],
}
"""Arguments of ``dexndm`` by the name of the pictures."""

DESK, PHONE = (1440, 860), (390, 844)
"""Sizes of windows, pixels."""

_SECONDS_BEFORE = 12.0
"""How long a page is left alone before its first picture: software that stands in for a graphics card is slow."""

_PATIENCE = 120.0
"""How long a process may take to end, and a browser to answer, s."""


def browser() -> webdriver.Chrome:
    """Chromium without a window."""
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in (
        "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", f"--window-size={DESK[0]},{DESK[1]}",
        "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--hide-scrollbars",
        "--ignore-certificate-errors",
    ):  # fmt: skip
        options.add_argument(argument)
    return webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))


@contextmanager
def served(arguments: Sequence[str]) -> Iterator[str]:
    """The address of a page while it is served."""
    command = [sys.executable, "-c", "from dexndm_gym.cli import main; main()", *arguments]
    process = subprocess.Popen([*command, "--page-port", "8190"], stdout=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline() if process.stdout else ""
        found = re.search(r"https?://\S+", line)
        if found is None:
            raise RuntimeError(f"expected the address of a page, got {line!r}; it ended with {process.wait(_PATIENCE)}")
        yield found[0]
    finally:
        process.terminate()
        process.wait(_PATIENCE)


def take_pictures(chrome: webdriver.Chrome, url: str, folder: Path, name: str) -> None:
    """A picture of every tab of a page, and one of it as a phone shows it."""
    chrome.get(url)
    settle(chrome)
    for tab in chrome.find_elements(By.CSS_SELECTOR, "[role=tab]"):
        tab.click()
        time.sleep(2.0)
        save_picture(chrome, folder / f"{name}_{tab.text.lower()}.png")
    chrome.set_window_size(*PHONE)
    chrome.refresh()
    settle(chrome)
    save_picture(chrome, folder / f"{name}_phone.png")
    chrome.set_window_size(*DESK)


def settle(chrome: webdriver.Chrome) -> None:
    """Wait until a page shows the hand, without its remark that there is no graphics card."""
    WebDriverWait(chrome, _PATIENCE, ignored_exceptions=[TimeoutException]).until(
        lambda driver: driver.find_elements(By.CSS_SELECTOR, "[role=tab]")
    )
    time.sleep(_SECONDS_BEFORE)
    for button in chrome.find_elements(By.CSS_SELECTOR, ".mantine-Notification-closeButton"):
        button.click()
    time.sleep(1.0)


def take_phone_pictures(chrome: webdriver.Chrome, url: str, folder: Path, name: str) -> None:
    """Pictures of the page that a phone steers from: as it is opened, and by day and night while it turns the wrist."""
    size = {"width": PHONE[0], "height": PHONE[1], "deviceScaleFactor": 2, "mobile": True}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    chrome.get(url)
    wait = WebDriverWait(chrome, _PATIENCE)
    wait.until(lambda driver: driver.find_element(By.ID, "doing").text)
    save_picture(chrome, folder / f"{name}_opened.png")
    chrome.execute_cdp_cmd("DeviceOrientation.setDeviceOrientationOverride", {"alpha": 0.0, "beta": 40.0, "gamma": 0.0})
    chrome.find_element(By.ID, "allow").click()
    wrist = chrome.find_element(By.CSS_SELECTOR, "[value=wrist]")
    wait.until(lambda _: wrist.is_enabled())
    wrist.click()
    wait.until(lambda _: wrist.get_attribute("aria-pressed") == "true")
    for scheme in ("light", "dark"):
        feature = {"name": "prefers-color-scheme", "value": scheme}
        chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        save_picture(chrome, folder / f"{name}_{scheme}.png")
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    chrome.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def save_picture(chrome: webdriver.Chrome, path: Path) -> None:
    """Take a picture, again where the browser is too busy with drawing to answer in time."""
    WebDriverWait(chrome, _PATIENCE, ignored_exceptions=[TimeoutException]).until(
        lambda driver: driver.save_screenshot(str(path))
    )


def write_recording(path: Path) -> None:
    """Fingers that open and close."""
    with RecordingWriter(path) as writer:
        writer.begin_trajectory({"hand": "made up", "mode": "waves"})
        for tick in range(200):
            wave = 0.4 * np.sin(0.1 * tick) * np.sign(START_POSE)
            writer.append(START_POSE + 0.95 * wave, START_POSE + wave, 0.1 + 0.1 * np.abs(wave))


def main() -> None:
    """Write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder for the pictures")
    parser.add_argument("pages", nargs="*", metavar="PAGE", help=f"some of {', '.join(PAGES)}; all if none is named")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        recording = Path(folder, "recording.h5")
        write_recording(recording)
        chrome = browser()
        try:
            for name in options.pages or PAGES:
                arguments = PAGES[name] + ([str(recording)] if name == "recording" else [])
                with served(arguments) as url:
                    take = take_phone_pictures if "--phone" in arguments else take_pictures
                    take(chrome, url, options.folder, name)
                    chrome.get("about:blank")  # a page that is drawn takes the processors that the next one starts on
        finally:
            chrome.quit()


if __name__ == "__main__":
    main()
