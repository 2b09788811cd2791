"""The power supply that all servos of a hand share."""

import numpy as np

from dexndm_gym.arrays import FloatArray


class PowerSupply:
    """n supplies, each behind a cable that feeds the servos of one hand.

    Attributes:
        voltage: voltage at the servos, (n, 1), V.
        limit: what the supply gives at most, whatever its source, (n, 1), V; infinite as a rule.
    """

    def __init__(self, source: FloatArray, resistance: FloatArray) -> None:
        """Create supplies without load.

        Args:
            source: voltage at the supply, (n,), V.
            resistance: of cable and plugs, (n,), ohm.
        """
        self._source, self._resistance = source[:, None].copy(), resistance[:, None].copy()
        self.voltage = self._source.copy()
        self.limit = np.full_like(self._source, np.inf)

    def follow(self, duty: FloatArray, current: FloatArray, winding: FloatArray) -> None:
        """Let the voltage follow the load.

        A bridge draws its duty's share of the winding current. At given duties that share changes with the voltage by
        ``duty^2 / winding``, which is solved for at once: taking over the last draw would swing under heavy load.

        Args:
            duty: of each bridge, (n, 16).
            current: in each winding at the present voltage, (n, 16), A.
            winding: resistance of each winding, (n, 16), ohm.
        """
        conductance = (duty * duty / winding).sum(axis=1, keepdims=True)
        draw = (duty * current).sum(axis=1, keepdims=True)
        drop = self._resistance * conductance
        loaded = (self._source + drop * self.voltage - self._resistance * draw) / (1.0 + drop)
        np.minimum(loaded, self._source, out=loaded)  # it cannot take back what braking motors return
        np.minimum(loaded, self.limit, out=loaded)
        self.voltage += 0.5 * (loaded - self.voltage)  # capacitors: half the way in a step
