"""One way to a hand with servos, real or virtual."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

from dexndm_gym.envs.hands.dynamixel_config import DynamixelHandConfig, Operator, Tracker
from dexndm_gym.envs.hands.dynamixel_hand import DynamixelHand
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.hardware.pacing import NoPacer
from dexndm_gym.leap.object_choice import Choice, own_objects
from dexndm_gym.leap.scene import FREE
from dexndm_gym.task.plain import config_of
from dexndm_gym.virtual_hand import VIRTUAL_PORT

PORT_VARIABLE = "DEXNDM_PORT"
"""Environment variable that names the port where a program does not."""

Clock = Literal["lockstep", "realtime"]

_VIRTUAL_REPLY_TIMEOUT = 0.02
"""After how long without a reply a virtual hand is asked whether it has one, s."""


def connect(
    port: str | None = None,
    *,
    tracker: Tracker | None = None,
    operator: Operator | None = None,
    hand_config: DynamixelHandConfig | Mapping[str, Any] | None = None,
    hand_seed: int = 0,
    clock: Clock = "lockstep",
    surroundings: str = FREE,
    objects: Sequence[Choice] = (),
) -> DynamixelHand:
    """A hand on a serial port, or a virtual hand that is started for it and closed with it.

    Args:
        port: serial device such as ``/dev/ttyUSB0``, or ``"virtual"``; None takes the environment variable DEXNDM_PORT,
            and the virtual hand where that is not set.
        tracker: source of the object's pose; the virtual hand brings its own.
        operator: who places the object; the virtual hand brings its own.
        hand_config: how to drive the hand, or its fields by name.
        hand_seed: which virtual hand: its hidden parameters are drawn from this.
        clock: the virtual hand's: ``"lockstep"`` runs as fast as it computes, ``"realtime"`` as a real one.
        surroundings: what loads the virtual hand's fingers, a name of ``dexndm_gym.leap.scene.SURROUNDINGS``.
        objects: what a virtual hand may be given, by name or itself; needed for objects from mesh files.

    Raises:
        ConfigurationError: there is no such clock, or no such surroundings.
    """
    config = config_of(DynamixelHandConfig, hand_config)
    port = port if port is not None else os.environ.get(PORT_VARIABLE, VIRTUAL_PORT)
    if port != VIRTUAL_PORT:
        return DynamixelHand(port, tracker=tracker, operator=operator, config=config)
    if clock not in get_args(Clock):
        raise ConfigurationError(f"Unknown clock {clock!r}; expected one of {', '.join(get_args(Clock))}")
    from dexndm_gym.virtual_hand.client import VirtualHandProcess

    if config.reply_timeout is None:
        config = replace(config, reply_timeout=_VIRTUAL_REPLY_TIMEOUT)
    meshes = [item for item in own_objects(objects) if item.has_hulls]
    process = VirtualHandProcess(seed=hand_seed, clock=clock, surroundings=surroundings, meshes=meshes)
    return DynamixelHand(
        process.port,
        tracker=tracker if tracker is not None else process,
        operator=operator if operator is not None else process,
        pacer=NoPacer() if clock == "lockstep" else None,
        sleep=process.pass_time if clock == "lockstep" else time.sleep,
        config=config,
        companion=process,
        confirm_silence=process.settle,
    )
