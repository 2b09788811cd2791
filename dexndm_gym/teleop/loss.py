"""What happens when whoever steers can no longer be heard."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from dexndm_gym.checks import Checked, Positive
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.teleop.sources import CommandSource


@dataclass(frozen=True, kw_only=True)
class LossConfig(Checked):
    """How long whoever steers may be gone, and what follows."""

    hold_after: Positive = 0.3
    """The fingers hold from then on, s, and a warning says what comes next."""

    let_go_after: Positive = 2.0
    """Then the hand lets go, s."""

    let_go: Literal["open", "relax", "hold"] = "open"
    """How: the fingers open, then the torque goes off; the torque goes off at once; or they go on holding."""

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ConfigurationError: a time is not greater than 0, or the hand would let go before it holds.
        """
        super().__post_init__()
        if self.let_go_after < self.hold_after:
            raise ConfigurationError(
                f"let_go_after must be at least hold_after, got {self.let_go_after:g} and {self.hold_after:g} s"
            )


class LossWatch:
    """Watches over the source that steers: the one that gave the last command other than a wrist."""

    def __init__(self, config: LossConfig, clock: Callable[[], float]) -> None:
        """Watch over nobody, as nobody has said anything yet.

        Args:
            config: how long and what then.
            clock: seconds.
        """
        self.config, self._clock = config, clock
        self._source: CommandSource | None = None
        self._heard, self._state = 0.0, "ok"

    @property
    def name(self) -> str:
        """Who steers."""
        return "nobody" if self._source is None else self._source.name

    def took(self, source: CommandSource) -> None:
        """Somebody gave a command, and steers from now on."""
        self._source, self._heard, self._state = source, self._clock(), "ok"

    def look(self) -> Literal["ok", "hold", "let go"]:
        """What is to be done now; ``"hold"`` and ``"let go"`` are said once each.

        Who comes back has to ask for motion anew.
        """
        now = self._clock()
        if self._source is None or self._state == "let go":
            return "ok"
        if self._source.connected:
            self._heard, self._state = now, "ok"
            return "ok"
        gone = now - self._heard
        if gone >= self.config.let_go_after:
            self._state = "let go"
            return "let go"
        if gone >= self.config.hold_after and self._state == "ok":
            self._state = "hold"
            return "hold"
        return "ok"
