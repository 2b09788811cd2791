"""The page: a scene, and panels beside it, both fed with snapshots; controls tell whoever moves the hand."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

import viser

from dexndm_gym.viewer.controls import ControlEvent, PageSettings
from dexndm_gym.viewer.history import History
from dexndm_gym.viewer.scene_view import CAMERAS, SceneView
from dexndm_gym.viewer.snapshot import Snapshot


class Panel(Protocol):
    """Something beside the scene."""

    period: float
    """Least time between two looks at it, s."""

    def show(self, snapshot: Snapshot, history: History) -> None:
        """Show a moment and what came before."""
        ...


class Page:
    """One page, whatever number of viewers it has.

    Attributes:
        server: viser's, for controls of one's own.
        settings: what it shows and offers.
        scene: the three-dimensional part.
    """

    def __init__(
        self, server: viser.ViserServer, settings: PageSettings, emit: Callable[[ControlEvent], object]
    ) -> None:
        """Set up the scene; controls and panels are added by whoever builds the page.

        Args:
            server: viser's.
            settings: what to show and offer.
            emit: takes what people do with the controls.
        """
        self.server, self.settings = server, settings
        self.scene = SceneView(server, settings.items)
        self._emit, self._history = emit, History()
        self._panels: list[tuple[Panel, list[float]]] = []
        self._latest: Snapshot | None = None
        server.gui.set_panel_label(settings.title)
        server.gui.configure_theme(
            control_layout="fixed", control_width="large", show_logo=False, show_share_button=False,
            brand_color=(15, 110, 150),
        )  # fmt: skip
        self._tabs: viser.GuiTabGroupHandle | None = None
        server.on_client_connect(lambda client: self.scene.look("Front", client))  # as its window wants it

    @property
    def latest(self) -> Snapshot | None:
        """What was shown last."""
        return self._latest

    def emit(self, name: str, value: Any = None) -> None:
        """Tell whoever moves the hand that a control was used."""
        self._emit(ControlEvent(name=name, value=value))

    def tab(self, label: str) -> AbstractContextManager[Any]:
        """A new tab; controls that are made within the context are in it."""
        if self._tabs is None:
            self._tabs = self.server.gui.add_tab_group()
        return self._tabs.add_tab(label)

    def add_panel(self, panel: Panel) -> None:
        """Have a panel shown every snapshot, as often as it wants."""
        self._panels.append((panel, [-1.0]))

    def look(self, camera: str, client: viser.ClientHandle | None) -> None:
        """Let one viewer look from a camera of ``CAMERAS``."""
        if camera in CAMERAS and client is not None:
            self.scene.look(camera, client)

    def show(self, snapshot: Snapshot) -> None:
        """Show a moment to all viewers."""
        self._latest = snapshot
        self._history.add(snapshot)
        self.scene.show(snapshot)
        now = time.monotonic()
        with self.server.atomic():
            for panel, last in self._panels:
                if now - last[0] >= panel.period:
                    last[0] = now
                    panel.show(snapshot, self._history)
