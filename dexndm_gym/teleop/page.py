"""Steering from the page: buttons, keys, an axis that one drags, and a goal for the object."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import viser

from dexndm_gym.task.orientations import AXES, WRISTS
from dexndm_gym.task.quaternions import quaternion, rotate
from dexndm_gym.teleop.commands import COMMANDS, Command
from dexndm_gym.teleop.steering import turned
from dexndm_gym.viewer.heartbeat import SILENCE
from dexndm_gym.viewer.page import Page
from dexndm_gym.viewer.page_process import PageProcess
from dexndm_gym.viewer.panels import StatusPanel, add_measurements, add_view_controls

STOP_LABEL = "EMERGENCY STOP"
BUTTONS = {
    "Go": ("go", viser.Icon.PLAYER_PLAY, "green", "G"),
    "Hold": ("hold", viser.Icon.PLAYER_PAUSE, "gray", "H"),
    "Open": ("open", viser.Icon.HAND_STOP, "gray", "O"),
    "Close": ("close", viser.Icon.HAND_GRAB, "gray", "C"),
    "Reset": ("reset", viser.Icon.REFRESH, "gray", "R"),
}
"""Label of a button: command, icon, color, key."""

_SPHERE = (0.02, -0.08, -0.05)
"""Where the axis that one drags is drawn, m, world frame."""
_LENGTH = 0.04


class PageSource:
    """What people ask for on a page; lost when it has ended or hangs, when nobody views it, or no browser is heard."""

    name = "page"

    def __init__(self, page: PageProcess) -> None:
        """Listen to a page made by ``teleop_page``."""
        self._page, self._viewers = page, 0

    @property
    def connected(self) -> bool:
        """Whether somebody views it."""
        return self._viewers > 0 and self._page.alive and self._page.silence < SILENCE

    def poll(self) -> Sequence[Command]:
        """What was asked for since the last call."""
        commands = []
        for event in self._page.events():
            if event.name == "viewers":
                self._viewers = event.value
            elif event.name in COMMANDS:
                commands.append(Command(event.name, event.value))
        return commands


def teleop_page(page: Page) -> None:
    """Everything to steer a hand."""
    page.add_panel(StatusPanel(page))
    stop = page.server.gui.add_button(STOP_LABEL, color="red", icon=viser.Icon.HAND_STOP, hint="key: Escape")
    stop.on_click(lambda _: page.emit("stop"))
    _add_key(page, STOP_LABEL, "escape", "stop")
    with page.tab("Steer"):
        _add_buttons(page)
        _add_axes(page)
        _add_wrists(page)
        _add_goal(page)
        add_view_controls(page)
    add_measurements(page)


def _add_key(page: Page, label: str, key: Any, name: str, value: Any = None) -> None:
    command = page.server.gui.add_command(label, hotkey=key)
    command.on_trigger(lambda _: page.emit(name, value))


def _add_buttons(page: Page) -> None:
    for label, (name, icon, color, key) in BUTTONS.items():
        button = page.server.gui.add_button(label, icon=icon, color=color, hint=f"key: {key}")  # type: ignore[arg-type]
        button.on_click(lambda _, name=name: page.emit(name))
        _add_key(page, label, key, name)
    speed = page.server.gui.add_slider("Speed, %", 10, 100, 10, 100)
    speed.on_update(lambda event: event.client and page.emit("speed", speed.value / 100.0))


def _add_axes(page: Page) -> None:
    """Fixed axes as buttons, any axis by dragging."""
    for label, names in (("Axis", tuple(AXES)), ("Palm normal", ("hand+z", "hand-z"))):
        axes = page.server.gui.add_button_group(label, names)
        axes.on_click(lambda event: page.emit("axis", event.target.value))
    ball = page.server.scene.add_transform_controls(
        "/steer", scale=0.05, disable_axes=True, disable_sliders=True, position=_SPHERE
    )
    points = np.array([[[0.0, 0.0, 0.0], [0.0, 0.0, _LENGTH]]])
    page.server.scene.add_line_segments("/steer/axis", points, colors=(15, 110, 150))
    ball.on_update(lambda _: page.emit("axis", rotate(quaternion(ball.wxyz, 0), (0.0, 0.0, 1.0))))
    page.server.scene.add_label("/steer/label", "axis: drag the rings")


def _add_wrists(page: Page) -> None:
    wrist = page.server.gui.add_dropdown("Wrist", tuple(WRISTS), initial_value=next(iter(WRISTS)))
    wrist.on_update(lambda event: event.client and page.emit("wrist", wrist.value))


def _add_goal(page: Page) -> None:
    """A goal relative to how the object lies now: a turn about a world axis."""
    gui = page.server.gui
    with gui.add_folder("Goal for the object", expand_by_default=False):
        about = gui.add_dropdown("About", tuple(AXES), initial_value="+z")
        angle = gui.add_slider("By, degrees", 15, 180, 15, 90)
        button = gui.add_button("Turn there", hint="from where the object lies now")

    @button.on_click
    def _(_: Any) -> None:
        if (seen := page.latest) is not None and np.isfinite(seen.object_pose).all():
            page.emit("goal", turned(seen.wrist, seen.object_pose, about.value, np.radians(angle.value)))
