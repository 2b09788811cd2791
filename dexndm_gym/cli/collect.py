"""``dexndm collect``."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium

from dexndm_gym.cli.common import SHIPPED_POLICY, File, load_policy_file, parse, stop_key, write_json
from dexndm_gym.data.collection import CollectOptions, collect
from dexndm_gym.evaluation.collecting import EnvPlayer, simulate


@dataclass(frozen=True, kw_only=True)
class CollectCommand(CollectOptions):
    """Record trajectories on a hand, for `dexndm fit`.

    Targets of simulated episodes are replayed open loop on the empty hand, shaken a little so that they cover more than
    the policy does. What was recorded survives a crash, and the same command goes on where it stopped.
    """

    out: Path = Path("runs/recordings")
    """Folder for the recordings, one for each hand."""

    port: str = "virtual"
    """Serial port of the hand, such as /dev/ttyUSB0; "virtual" starts a virtual hand."""

    hand_seed: int = 0
    """Which virtual hand: its hidden parameters are drawn from this."""

    name: str = "leap"
    """What a real hand is called in its recordings."""

    policy: Path = SHIPPED_POLICY
    """Policy whose simulated episodes are replayed; the default is the one that is shipped."""

    replays: int = 64
    """Simulated episodes to replay from."""

    json: File = None
    """Also write the numbers to this file."""


def run(arguments: list[str]) -> None:
    """Run the command."""
    command = parse(CollectCommand, "collect", arguments)
    policy = load_policy_file(command.policy)
    virtual = command.port == "virtual"
    options: dict[str, Any] = {"hand_seed": command.hand_seed} if virtual else {}
    about = {"hand": f"virtual hand {command.hand_seed}" if virtual else command.name}
    replays = simulate(policy, command.replays, seed=command.seed)
    with closing(gymnasium.make("LeapRotate-Real-v0", port=command.port, **options)) as env, stop_key(env):
        report = collect(EnvPlayer(env, policy), command.out, command, replays=replays, about=about)
    write_json(report.as_dict(), command.json)
    print(
        f"{report.folder}: {report.trajectories} trajectories, {report.minutes:.1f} min of hand time, "
        f"{report.resumed_minutes:.1f} of them from before\nNext: dexndm fit {report.folder}"
    )
