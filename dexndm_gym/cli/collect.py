"""``dexndm collect``."""

import itertools
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import gymnasium
import tyro

from dexndm_gym.assets import SHIPPED_POLICY
from dexndm_gym.backends.address import HandAddress, find_hand
from dexndm_gym.checks import Count, NotEmpty, Seed
from dexndm_gym.cli.common import (
    JsonFile,
    Names,
    Port,
    announce_hand,
    ask,
    interruptible,
    load_policy_file,
    parse,
    require_answers,
    stop_key,
    write_json,
)
from dexndm_gym.cli.coverage import summarize
from dexndm_gym.data.collection import CollectOptions, CollectReport, collect, recordings_in
from dexndm_gym.data.replay import EnvPlayer, HeatLimits, simulate
from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.data.waves import wave_trajectories
from dexndm_gym.envs.rollout import Policy
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.grasps.palm_rest import CANONICAL_POSE, START_POSE
from dexndm_gym.objects.scene import BALLS, FREE, TIED_BALL
from dexndm_gym.outputs import OutputFolder
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.task.orientations import RANDOM, WRISTS, wrist_names

_SET_UP = {
    FREE: "Leave the hand empty, with nothing in reach of its fingers.",
    BALLS: "Hold the hand inside a box with so many light, soft balls (foam, 4 cm) that its fingers are among them.",
    TIED_BALL: "Tie a light ball of about 6 cm to the tips of index, middle finger and thumb with elastic bands.",
}
_PRESS = "Press Enter when the hand may move. "
_YES_MEANS = "the hand may move and everything is set up"


@dataclass(frozen=True, kw_only=True)
class CollectCommand(CollectOptions):
    """Record trajectories on a hand, for `dexndm fit`.

    Targets are replayed open loop and shaken a little, so that they cover more than the policy does. What was recorded
    up to a second ago survives a crash, and the same command goes on where it stopped. `dexndm fit` finds the physics
    of the joints on the free hand; recordings of loaded fingers are for networks.
    """

    out: OutputFolder = Path("runs/recordings")
    """Folder for the recordings, one for each hand."""

    port: Port = None
    """Serial port of the hand, such as /dev/ttyUSB0; "virtual" starts a virtual hand. If not given, the one that the
    environment variable DEXNDM_PORT names, else a virtual hand."""

    hand_seed: Seed = 0
    """Which virtual hand: its hidden parameters are drawn from this."""

    name: str = "leap"
    """What a real hand is called in its recordings."""

    surroundings: Annotated[tuple[Literal["free", "balls", "tied_ball"], ...], NotEmpty()] = ("free",)
    """What loads the fingers, one after the other: nothing, a box of soft balls, a ball tied to the fingertips. A
    virtual hand brings it along; with a real one you are asked to set it up."""

    wrists: Annotated[Names, tyro.conf.arg(aliases=["--wrist"])] = ("palm_up",)
    """Wrist orientations, one after the other, each with all surroundings; "six" stands for all that have names,
    "random" (virtual hands only) for a new one in every trajectory."""

    motion: Literal["rollouts", "waves"] = "rollouts"
    """What to replay: simulated episodes of the policy, or waves of single joints."""

    heat: HeatLimits = field(default_factory=HeatLimits)
    """When to pause."""

    yes: bool = False
    """Ask nothing: the hand may move, and everything is set up."""

    policy: Path = SHIPPED_POLICY
    """Policy whose simulated episodes are replayed: a file, or the name of a shipped one."""

    object: Names = ("basic",)
    """Objects of the simulated episodes, and of those that the policy plays itself."""

    axis: Names = ("+z",)
    """Axes to turn about in them."""

    starts: Literal["grasps"] | None = None
    """"grasps" replays what the policy did in the very wrist that is recorded, from grasps. Without it every wrist gets
    what it did palm up, with the object in the open hand."""

    replays: Count = 64
    """Simulated episodes, or waves, to replay from."""

    json: JsonFile = None
    """Also write the numbers to this file."""

    @property
    def wanted(self) -> dict[str, Any]:
        """Objects and axes of episodes, as options of ``reset``."""
        return {"object": list(self.object), "axis": list(self.axis)}

    def settings(self) -> list[dict[str, str]]:
        """The settings, in the order in which they are set up.

        Raises:
            ConfigurationError: a wrist is unknown.
        """
        wrists = wrist_names(self.wrists)
        if RANDOM in wrists and not find_hand(self.port).is_virtual:
            raise ConfigurationError(
                f"expected wrists out of {', '.join(WRISTS)}, or six, got random; nobody mounts a hand anew each time"
            )
        return [
            {"surroundings": surroundings, "wrist": wrist, "motion": self.motion}
            for wrist, surroundings in itertools.product(wrists, self.surroundings)
        ]


def run(arguments: list[str]) -> None:
    """Run the command."""
    command = parse(CollectCommand, "collect", arguments)
    settings = command.settings()
    policy = load_policy_file(command.policy)
    address = announce_hand(command.port, command.hand_seed)
    if not (address.is_virtual or command.yes):
        require_answers(_YES_MEANS)
    reports = []
    with interruptible(lambda: f"what was recorded is in {command.out}; the same command goes on where it stopped"):
        for number, setting in enumerate(settings):
            place = f"{number + 1}/{len(settings)} {setting['surroundings']}, {setting['wrist']}"
            print(f"{place}: {command.minutes:g} min of hand time")
            reports.append(_collect(command, address, setting, policy, place))
    plot = command.out / "coverage.png"
    print()
    summarize(recordings_in(command.out), plot, command.out / "coverage.json")
    print()
    minutes, resumed = (sum(getattr(one, name) for one in reports) for name in ("minutes", "resumed_minutes"))
    print(
        f"{command.out}: {sum(one.trajectories for one in reports)} trajectories, {minutes:.1f} min of hand time, "
        f"{resumed:.1f} of them from before; histograms in {plot}\nNext: dexndm fit {command.out}"
    )
    write_json({"settings": [report.as_dict() for report in reports]}, command.json)


def _replays(command: CollectCommand, policy: Policy, wrist: str) -> list[Trajectory]:
    """What is replayed in a wrist orientation."""
    if command.motion == "rollouts":
        wanted = command.wanted | {"wrist": wrist if command.starts else "palm_up"}
        return simulate(policy, command.replays, seed=command.seed, options=wanted, starts=command.starts)
    task = TaskConfig()
    return wave_trajectories(
        command.replays,
        start=CANONICAL_POSE if command.starts else START_POSE,
        largest_step=task.action_scale,
        steps=task.episode_steps,
        seed=command.seed,
    )


def _collect(
    command: CollectCommand,
    address: HandAddress,
    setting: dict[str, str],
    policy: Policy,
    place: str,
) -> CollectReport:
    from dexndm_gym.backends.dynamixel_config import DynamixelHandConfig  # the driver is an extra

    options: dict[str, Any] = {"hand_config": DynamixelHandConfig(placement_time=0.0)}
    about = {"hand": command.name}
    if address.is_virtual:
        about = {"hand": f"virtual hand {command.hand_seed}"}
        options |= {"hand_seed": command.hand_seed, "surroundings": setting["surroundings"]}
    elif not command.yes:
        print(f"Mount the hand {setting['wrist'].replace('_', ' ')}. {_SET_UP[setting['surroundings']]}")
        ask(_PRESS, _YES_MEANS)
    options |= command.wanted | {"starts": command.starts}
    replays = _replays(command, policy, setting["wrist"])
    with closing(gymnasium.make("LeapRotate-Real-v0", port=address.port, **options)) as env, stop_key(env):
        player = EnvPlayer(env, policy, wrist=setting["wrist"], heat=command.heat)
        return collect(player, command.out, command, replays=replays, about=about, setting=setting, label=place)
