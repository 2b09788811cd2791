"""A gamepad as a source of commands, through pygame-ce (extra ``viewer``)."""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from dexndm_gym.errors import ConfigurationError
from dexndm_gym.teleop.commands import Command
from dexndm_gym.teleop.steering import SAME_AXIS

BUTTONS: Mapping[str, Command] = {
    "a": Command("go"),
    "b": Command("stop"),
    "x": Command("hold"),
    "y": Command("open"),
    "back": Command("close"),
    "start": Command("reset"),
    "leftshoulder": Command("axis", "hand-z"),
    "rightshoulder": Command("axis", "hand+z"),
    "up": Command("axis", "+x"),
    "down": Command("axis", "-x"),
    "left": Command("axis", "+y"),
    "right": Command("axis", "-y"),
}
"""What buttons ask for when they are pressed, by SDL's names of a common gamepad."""

_DEAD = 0.5
"""Sticks nearer to the middle than this say nothing."""


@dataclass(frozen=True)
class PadState:
    """What a gamepad shows at a moment."""

    pressed: frozenset[str] = frozenset()
    """Names of buttons that are held down."""

    sticks: tuple[float, float, float] = field(default=(0.0, 0.0, 0.0))
    """Left stick away from the person and to the left, right stick away, -1 to 1: an axis along x, y and z."""


class GamepadSource:
    """Buttons as commands; both sticks together point along a free axis."""

    name = "gamepad"

    def __init__(self, read: Callable[[], PadState | None] | None = None) -> None:
        """Use a gamepad.

        Args:
            read: what it shows now, None where it is gone; None for the first that is plugged in.

        Raises:
            ConfigurationError: there is none.
        """
        self._read = PygamePad().read if read is None else read
        self._last: PadState | None = PadState()
        self._axis: tuple[float, ...] = ()

    @property
    def connected(self) -> bool:
        """Whether it was there at the last poll."""
        return self._last is not None

    def poll(self) -> Sequence[Command]:
        """What was pressed or pointed at since the last call."""
        now, before = self._read(), self._last
        self._last = now
        if now is None:
            return ()
        held = now.pressed if before is None else before.pressed  # what is held while it comes back is not pressed
        commands = [BUTTONS[name] for name in BUTTONS if name in now.pressed - held]
        length = math.hypot(*now.sticks)
        if length > _DEAD:
            axis = tuple(value / length for value in now.sticks)
            if not self._axis or math.dist(axis, self._axis) > SAME_AXIS:
                self._axis = axis
                commands.append(Command("axis", axis))
        else:
            self._axis = ()
        return commands


class PygamePad:
    """The first gamepad that SDL finds, without a window."""

    def __init__(self) -> None:
        """Open it.

        Raises:
            ConfigurationError: there is none.
            ModuleNotFoundError: pygame-ce is not installed.
        """
        # SDL would take Ctrl-C for itself, want a display, and look away while another window has the focus.
        os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
        os.environ.setdefault("SDL_NO_SIGNAL_HANDLERS", "1")
        os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
        os.environ.setdefault("SDL_JOYSTICK_ALLOW_BACKGROUND_EVENTS", "1")
        import pygame
        from pygame._sdl2 import controller

        pygame.display.init()
        controller.init()
        found = [i for i in range(controller.get_count()) if controller.is_controller(i)]
        if not found:
            raise ConfigurationError("no gamepad is plugged in, or not one that SDL knows; steer from the page instead")
        self._pygame, self._pad = pygame, controller.Controller(found[0])

    def read(self) -> PadState | None:
        """What it shows now; None where it is gone."""
        pygame = self._pygame
        pygame.event.pump()
        if not self._pad.attached():
            return None
        buttons = {
            "a": pygame.CONTROLLER_BUTTON_A,
            "b": pygame.CONTROLLER_BUTTON_B,
            "x": pygame.CONTROLLER_BUTTON_X,
            "y": pygame.CONTROLLER_BUTTON_Y,
            "back": pygame.CONTROLLER_BUTTON_BACK,
            "start": pygame.CONTROLLER_BUTTON_START,
            "leftshoulder": pygame.CONTROLLER_BUTTON_LEFTSHOULDER,
            "rightshoulder": pygame.CONTROLLER_BUTTON_RIGHTSHOULDER,
            "up": pygame.CONTROLLER_BUTTON_DPAD_UP,
            "down": pygame.CONTROLLER_BUTTON_DPAD_DOWN,
            "left": pygame.CONTROLLER_BUTTON_DPAD_LEFT,
            "right": pygame.CONTROLLER_BUTTON_DPAD_RIGHT,
        }
        left_x, left_y, right_y = (
            self._pad.get_axis(axis) / 32768.0
            for axis in (pygame.CONTROLLER_AXIS_LEFTX, pygame.CONTROLLER_AXIS_LEFTY, pygame.CONTROLLER_AXIS_RIGHTY)
        )
        pressed = frozenset(name for name, number in buttons.items() if self._pad.get_button(number))
        return PadState(pressed, (-left_y, -left_x, -right_y))
