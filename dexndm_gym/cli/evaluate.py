"""``dexndm evaluate``."""

import math
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import gymnasium
import tyro

from dexndm_gym.assets import SHIPPED_POLICY
from dexndm_gym.backends.address import HandAddress
from dexndm_gym.backends.randomization import Randomization
from dexndm_gym.checks import Bound, Count, CountOrZero, NotEmpty, Seed
from dexndm_gym.cli.common import (
    NOTHING_KEPT,
    File,
    JsonFile,
    Names,
    PictureFile,
    announce,
    announce_hand,
    interruptible,
    load_policy_file,
    parse,
    require_answers,
    stop_key,
    table,
    write_json,
)
from dexndm_gym.cli.gap_suite import compare_corrections
from dexndm_gym.cli.general_suite import measure_generality
from dexndm_gym.distributed.workers_config import WorkersConfig
from dexndm_gym.dynamics.model import JointwiseModel
from dexndm_gym.dynamics.model_file import SHIPPED_SIM_MODEL, load_model
from dexndm_gym.envs.make import make_sim_vector_env
from dexndm_gym.envs.rollout import Policy
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.evaluation.episodes import record_episodes, scores
from dexndm_gym.evaluation.gap.baselines import BASELINES
from dexndm_gym.evaluation.general.suite import CLASSES
from dexndm_gym.evaluation.scores import Scores, evaluate_vector
from dexndm_gym.outputs import OutputFolder
from dexndm_gym.progress import Progress, progress_bar
from dexndm_gym.task.options import EpisodeOptions
from dexndm_gym.wrappers import DynamicsCorrectionVectorWrapper, DynamicsCorrectionWrapper

Models = tuple[JointwiseModel, JointwiseModel] | None
"""Of the hand and of the simulation."""

_SIMULATION, _REAL = "sim", "real"
"""Names that stand for no port."""


@dataclass(frozen=True, kw_only=True)
class EvaluateCommand(WorkersConfig):
    """Measure a policy: how far it turns objects in 20 s, and how long it keeps them.

    In simulation all episodes run at once; on a hand they run one after another, with the objects in turn.
    """

    policy: Path = SHIPPED_POLICY
    """Policy to measure; the default is the one that is shipped."""

    env: str = _SIMULATION
    """Where: "sim", "virtual" for a virtual hand, the serial port of a hand, or "real" for the one that the environment
    variable DEXNDM_PORT names (a virtual hand where it names none)."""

    episodes: Count = 12
    """How many episodes."""

    object: Names = ("basic",)
    """Objects to turn: names, named sets, or mesh files such as bunny.obj,size=0.07,mass=0.1 (m, kg)."""

    wrist: Names = ("palm_up",)
    """Wrist orientations, named sets of them or random (see docs/frames.md)."""

    axis: Names = ("+z",)
    """Axes to turn about, named sets of them or random; in the world frame."""

    starts: Annotated[str | None, tyro.conf.arg(metavar="FILE")] = None
    """Start from states of this file of ``dexndm grasps``, or from "grasps" alone, palm up, too. A hand that is not
    simulated closes to these grasps around an object that somebody holds between its fingers."""

    tracker: Literal["camera", "proprioception"] | None = None
    """What sees the object on a hand (docs/tracker.md). A virtual hand knows where its object is; on a real one
    rotation and drops are not known without a tracker."""

    randomize: bool = False
    """Vary the physics from episode to episode (simulation only)."""

    randomization: Randomization = field(default_factory=Randomization)
    """What is varied, and how far; with a value of your own the physics vary without `--randomize`."""

    model: File = None
    """Correct the targets with this dynamics model of the hand, which `dexndm fit` wrote."""

    sim_model: Path = SHIPPED_SIM_MODEL
    """Model of the simulation that it was fitted from."""

    hand_seed: Seed = 0
    """Which virtual hand."""

    yes: bool = False
    """Ask nothing: somebody beside the hand places or holds the objects within the times that the prompts give."""

    seed: Seed = 0
    """Seed of the episodes."""

    suite: Literal["gap", "general"] | None = None
    """Instead: "gap" measures the reality gap over many virtual hands, with every correction; needs no recordings. In
    several wrists it goes through one after the other; of the options above --policy, --episodes, --object, --wrist,
    --axis, --starts and --seed count. "general" measures the policy over all wrists, axes and classes of objects, with
    --episodes per cell, and goes on from what --json holds already; of the options above only --policy, --episodes and
    --seed count. Hands, and parts of the general suite, are shared out over --processes or a --cluster."""

    classes: Annotated[tuple[str, ...], NotEmpty()] = tuple(CLASSES)
    """Classes of objects of the general suite."""

    hands: str = "0-3"
    """Seeds of the suite's virtual hands: "0-15", or "0,4,7"."""

    baselines: Annotated[tuple[str, ...], NotEmpty()] = tuple(BASELINES)
    """Corrections that the suite compares, one of your own as my_package:MyCorrection; the first is tested against
    every other, paired over hands."""

    data_minutes: Annotated[tuple[float, ...], Bound(least=1.0, most=240.0), NotEmpty()] = (60.0,)
    """Recorded time per hand in the suite, min; several amounts give a data curve."""

    predict: CountOrZero = 0
    """Also measure the errors of the models' predictions, on so many of the suite's hands."""

    policies: Annotated[dict[str, Path], tyro.conf.arg(metavar="NAME FILE ...")] = field(default_factory=dict)
    """Other policies that the suite plays without correction."""

    ceiling: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Folder with policies trained on a hand's own physics, hand-<seed>.safetensors, for the suite to show beside."""

    plot: PictureFile = None
    """Also draw the suite's result into this file (PNG or SVG), and data curve and predictions into files beside it."""

    videos: OutputFolder | None = None
    """Also film the best, the median and the worst cell of each class of the general suite, one file for each class in
    this folder."""

    json: JsonFile = None
    """Also write the numbers to this file."""

    @property
    def varied(self) -> Randomization | None:
        """What varies, if anything does."""
        return self.randomization if self.randomize or self.randomization != Randomization() else None


def run(arguments: list[str]) -> None:
    """Run the command."""
    command = parse(EvaluateCommand, "evaluate", arguments)
    wanted = {"object": list(command.object), "wrist": list(command.wrist), "axis": list(command.axis)}
    items = EpisodeOptions().updated(wanted).objects
    policy = load_policy_file(command.policy)
    models = None if command.model is None else (load_model(command.model), load_model(command.sim_model))
    if command.suite is not None:
        {"gap": compare_corrections, "general": measure_generality}[command.suite](command, policy)
        return
    address = _announce(command.env, command.hand_seed)
    with interruptible(lambda: NOTHING_KEPT), progress_bar("evaluate", "step") as progress:
        if address is None:
            measured = _simulated(command, wanted, policy, models, progress)
        else:
            measured = _on_hand(command, address, wanted | {"object": list(items)}, policy, models, progress)
    numbers = measured.summary()
    print(table(("", command.env), [(_LABELS[name], _text(numbers[name])) for name in _LABELS]))
    if math.isnan(numbers["rotation_rad_mean"]):
        print(
            "Nothing tracked the object, whose time to fall is the episodes' length here: count its turns and drops "
            "yourself, or give --tracker."
        )
    known = {name: None if math.isnan(number) else number for name, number in numbers.items()}
    write_json(known | {"env": command.env, "policy": str(command.policy)}, command.json)


def _text(number: float) -> str:
    return "-" if math.isnan(number) else f"{number:.3g}"


def _simulated(
    command: EvaluateCommand, wanted: dict[str, Any], policy: Policy, models: Models, progress: Progress
) -> Scores:
    if command.tracker is not None:
        raise ConfigurationError("--tracker sees the object on a hand; it needs --env virtual or a hand's port")
    env = make_sim_vector_env(
        num_envs=command.episodes, starts=command.starts, randomize=command.varied or False, **wanted
    )
    if models is not None:
        env = DynamicsCorrectionVectorWrapper(env, models)
    try:
        return evaluate_vector(policy, env, seed=command.seed, progress=progress)
    finally:
        env.close()


def _announce(env: str, hand_seed: int) -> HandAddress | None:
    """Say where the policy will be measured; the hand, or None for simulation."""
    if env == _SIMULATION:
        announce("simulated")
        return None
    return announce_hand(None if env == _REAL else env, hand_seed)


def _on_hand(
    command: EvaluateCommand,
    address: HandAddress,
    options: dict[str, Any],
    policy: Policy,
    models: Models,
    progress: Progress,
) -> Scores:
    if command.varied is not None:
        raise ConfigurationError("--randomize varies the simulated physics; it needs --env sim")
    items = options["object"]
    if address.is_virtual:
        options["hand_seed"] = command.hand_seed
    elif not command.yes:
        require_answers(_YES_MEANS)
    options |= {"port": address.port, "starts": command.starts, "tracker": command.tracker}
    with closing(gymnasium.make("LeapRotate-Real-v0", **options)) as env:
        played = env if models is None else DynamicsCorrectionWrapper(env, models)
        with stop_key(env):
            episodes = record_episodes(
                policy, played, command.episodes, seed=command.seed, items=items, progress=progress
            )
        return scores(episodes)


_YES_MEANS = "somebody beside the hand does what the prompts say, within the times that they give"

_LABELS = {
    "rotation_rad_mean": "rotation, rad",
    "rotation_rad_std": "  standard deviation",
    "speed_rad_s_mean": "speed, rad/s",
    "time_to_fall_s_mean": "time to fall, s",
    "dropped_share": "share of episodes dropped",
    "RotR_mean": "RotR: sum of speeds about the axis, rad/s",
    "RotP_mean": "RotP: mean speed across the axis, rad/s",
    "TTF_mean": "TTF: time to fall over 20 s",
    "episodes": "episodes",
}
