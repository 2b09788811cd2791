"""When servos report hardware errors: what their voltage, temperature and current have been for too long.

The manual names the errors and gives limits of voltage and temperature, but no times, and of overload nothing at all.
"""

import numpy as np
import numpy.typing as npt

from dexndm_gym.arrays import IntArray
from dexndm_gym.hand.joints import NUM_JOINTS

VOLTAGE_ERROR, OVERHEATING_ERROR, OVERLOAD_ERROR = 0x01, 0x04, 0x20
"""Bits of Hardware Error Status."""

TOLERANCE = 0.25
"""Seconds for which a wrong voltage or temperature is borne: short sags are everyday."""
CONTINUOUS_SHARE = 0.3
"""Share of the stall current that a servo bears for good. The makers of the hand advise 500 to 600 mA for servos that
stall at 1800 mA."""
OVERLOAD_TIME = 6.5
"""Time constant in seconds with which the mean square of the current follows it: with this one 41 % of the stall
current are borne for 5 s, as users report of another servo of the family (DynamixelSDK issue 285), and stall for 0.6 s.
"""


class Protection:
    """Watches the servos of one hand."""

    def __init__(self, stall_current: float) -> None:
        """Start with servos that have rested; ``stall_current`` in mA."""
        self._wrong_for = np.zeros((2, NUM_JOINTS))
        self._load = np.zeros(NUM_JOINTS)
        """Mean square of the current over what may last, 1 is the limit."""
        self._continuous = CONTINUOUS_SHARE * stall_current

    def errors(self, registers: npt.NDArray[np.void], elapsed: float) -> IntArray:
        """The errors that servos report now.

        Args:
            registers: control tables of the servos, (16,).
            elapsed: time since the last call, s.
        """
        voltage = registers["present_input_voltage"]
        wrong_voltage = (voltage > registers["max_voltage_limit"]) | (voltage < registers["min_voltage_limit"])
        too_hot = registers["present_temperature"] > registers["temperature_limit"]
        wrong = np.stack([wrong_voltage, too_hot])
        self._wrong_for = np.where(wrong, self._wrong_for + elapsed, 0.0)
        late = self._wrong_for > TOLERANCE
        load = np.square(registers["present_current"] / self._continuous)
        self._load += (load - self._load) * -np.expm1(-elapsed / OVERLOAD_TIME)
        return late[0] * VOLTAGE_ERROR + late[1] * OVERHEATING_ERROR + (self._load > 1.0) * OVERLOAD_ERROR
