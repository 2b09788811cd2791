"""What is beside the scene: status, controls of the episode or of a recording, joints, servos, plots."""

import time
from collections.abc import Callable
from typing import Any

import imageio.v3 as iio
import numpy as np
import viser
import viser.uplot as uplot

from dexndm_gym.arrays import FloatArray
from dexndm_gym.hand.joints import JOINT_NAMES
from dexndm_gym.viewer.bars import joint_bars, servo_bars, status_line
from dexndm_gym.viewer.gltf import scene_glb
from dexndm_gym.viewer.history import SECONDS, History
from dexndm_gym.viewer.page import Page
from dexndm_gym.viewer.scene_view import CAMERAS
from dexndm_gym.viewer.snapshot import Snapshot

SPEEDS = {"1/10": 0.1, "1/4": 0.25, "1/2": 0.5, "1": 1.0, "fast": float("inf")}
"""How fast time passes, by name."""

_PICTURE = (1080, 1920)
_BLUE, _ORANGE, _GREEN = "#3b6fb5", "#e07a2f", "#0f8a72"
_AFTER_A_HAND = 0.7
"""How long a slider is left alone after somebody has moved it, s."""


def episode_page(page: Page) -> None:
    """Everything for a hand that moves."""
    page.add_panel(StatusPanel(page))
    with page.tab("Episode"):
        page.add_panel(EpisodePanel(page))
        add_view_controls(page)
    add_measurements(page)


def recording_page(page: Page) -> None:
    """Everything for a recording."""
    page.add_panel(StatusPanel(page))
    with page.tab("Recording"):
        page.add_panel(RecordingPanel(page))
        add_view_controls(page)
    add_measurements(page)


def add_measurements(page: Page) -> None:
    """Tabs with joints, servos and plots."""
    with page.tab("Joints"):
        page.add_panel(HtmlPanel(page, joint_bars))
    with page.tab("Servos"):
        page.add_panel(HtmlPanel(page, servo_bars))
    with page.tab("Plots"):
        page.add_panel(PlotPanel(page))


class StatusPanel:
    """Rotation, speed, time, and what else there is to say."""

    period = 0.1

    def __init__(self, page: Page) -> None:
        """Add it to a page."""
        self._html = page.server.gui.add_html("")

    def show(self, snapshot: Snapshot, history: History) -> None:
        """Show a moment."""
        self._html.content = status_line(snapshot, history.speed())


class HtmlPanel:
    """A picture of the moment in HTML."""

    period = 0.12

    def __init__(self, page: Page, draw: Callable[[Snapshot], str]) -> None:
        """Add it to a page; ``draw`` makes HTML of a snapshot."""
        self._html, self._draw = page.server.gui.add_html(""), draw

    def show(self, snapshot: Snapshot, history: History) -> None:
        """Show a moment."""
        content = self._draw(snapshot)
        if content != self._html.content:
            self._html.content = content


class EpisodePanel:
    """Object, wrist and axis of the next episode, and how time passes."""

    period = 0.2

    def __init__(self, page: Page) -> None:
        """Add it to a page."""
        gui = page.server.gui
        if page.settings.stoppable:
            stop = gui.add_button("Stop: torque off", color="red", icon=viser.Icon.HAND_STOP)
            stop.on_click(lambda _: page.emit("stop"))
        for name, values in page.settings.choices.items():
            if len(values) > 1:
                chosen = gui.add_dropdown(name.capitalize(), tuple(values), initial_value=values[0])
                chosen.on_update(lambda event, name=name: event.client and page.emit(name, event.target.value))
        gui.add_button("Reset", icon=viser.Icon.REFRESH).on_click(lambda _: page.emit("reset"))
        self._pause = gui.add_button("Pause", icon=viser.Icon.PLAYER_PAUSE, color="gray")
        self._pause.on_click(lambda _: page.emit("pause"))
        if page.settings.slow_motion:
            _add_speeds(page)

    def show(self, snapshot: Snapshot, history: History) -> None:
        """Let the button say what it does."""
        _label_pause(self._pause, snapshot.paused)


class RecordingPanel:
    """Which trajectory, and when in it."""

    period = 0.1

    def __init__(self, page: Page) -> None:
        """Add it to a page."""
        gui, lengths = page.server.gui, page.settings.lengths
        self._moved, self._lengths = -1.0, lengths
        self._which = gui.add_slider("Trajectory", 1, max(len(lengths), 2), 1, 1, visible=len(lengths) > 1)
        self._when = gui.add_slider("Time, s", 0.0, max(lengths[0], 0.05), 0.05, 0.0)

        @self._which.on_update
        def _(event: Any) -> None:
            if event.client:
                page.emit("trajectory", int(self._which.value) - 1)

        @self._when.on_update
        def _(event: Any) -> None:
            if event.client:
                self._moved = time.monotonic()
                page.emit("seek", float(self._when.value))

        self._pause = gui.add_button("Pause", icon=viser.Icon.PLAYER_PAUSE, color="gray")
        self._pause.on_click(lambda _: page.emit("pause"))
        _add_speeds(page)

    def show(self, snapshot: Snapshot, history: History) -> None:
        """Let the sliders follow."""
        _label_pause(self._pause, snapshot.paused)
        if time.monotonic() - self._moved < _AFTER_A_HAND:
            return
        length = max(self._lengths[snapshot.episode], 0.05)
        if self._when.max != length:
            self._when.max = length
        if abs(self._when.value - snapshot.time) > 1e-3:
            self._when.value = min(round(snapshot.time, 2), length)
        if self._which.value != snapshot.episode + 1:
            self._which.value = snapshot.episode + 1


class PlotPanel:
    """Rotation, speed, and one joint, over the last seconds."""

    period = 0.3

    def __init__(self, page: Page) -> None:
        """Add it to a page."""
        gui = page.server.gui
        self._rotation = _add_plot(page, "rotation, rad", (("rotation", _BLUE),))
        self._speed = _add_plot(page, "speed, rad/s", (("speed", _GREEN),))
        self._joint = gui.add_dropdown("Joint", JOINT_NAMES, initial_value=JOINT_NAMES[1])
        self._motion = _add_plot(page, "joint, rad", (("target", _ORANGE), ("measured", _BLUE)))

    def show(self, snapshot: Snapshot, history: History) -> None:
        """Draw the curves anew."""
        when, rotation, speed = history.rotation()
        self._rotation.data, self._speed.data = (when, rotation), (when, speed)
        when, position, target = history.joint(JOINT_NAMES.index(self._joint.value))
        self._motion.data = (when, target, position)


def _add_plot(page: Page, title: str, curves: tuple[tuple[str, str], ...]) -> Any:
    empty: tuple[FloatArray, ...] = tuple(np.array([0.0, SECONDS]) * 0.0 for _ in range(1 + len(curves)))
    series = [uplot.Series(label="s"), *(uplot.Series(label=name, stroke=color, width=2) for name, color in curves)]
    return page.server.gui.add_uplot(
        empty, tuple(series), title=title, height=190, scales={"x": uplot.Scale(time=False)},
        legend=uplot.Legend(show=len(curves) > 1),
    )  # fmt: skip


def _add_speeds(page: Page) -> None:
    speeds = page.server.gui.add_button_group("Speed", tuple(SPEEDS))
    speeds.on_click(lambda event: page.emit("speed", SPEEDS[event.target.value]))


def add_view_controls(page: Page) -> None:
    """Cameras, and what can be saved; each for the viewer that asks."""
    gui = page.server.gui
    cameras = gui.add_button_group("Camera", tuple(CAMERAS))
    cameras.on_click(lambda event: page.look(event.target.value, event.client))
    picture = gui.add_button("Save picture", icon=viser.Icon.CAMERA, color="gray")
    picture.on_click(lambda event: _save_picture(event.client))
    scene = gui.add_button("Save glTF", icon=viser.Icon.CUBE, color="gray")
    scene.on_click(lambda event: _save_scene(page, event.client))


def _save_picture(client: viser.ClientHandle | None) -> None:
    if client is not None:
        picture = client.get_render(*_PICTURE, transport_format="png", timeout=30.0)
        client.send_file_download("hand.png", iio.imwrite("<bytes>", picture, extension=".png"))


def _save_scene(page: Page, client: viser.ClientHandle | None) -> None:
    if client is not None and page.latest is not None:
        client.send_file_download("hand.glb", scene_glb(page.latest, page.settings.items))


def _label_pause(button: Any, paused: bool) -> None:
    label = "Go on" if paused else "Pause"
    if button.label != label:
        button.label, button.icon = label, viser.Icon.PLAYER_PLAY if paused else viser.Icon.PLAYER_PAUSE
