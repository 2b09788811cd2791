"""``dexndm evaluate``."""

from collections.abc import Mapping, Sequence
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
    write_figure,
    write_json,
)
from dexndm_gym.cli.gap_tables import gap_text, wrists_text
from dexndm_gym.cli.general_suite import measure_generality
from dexndm_gym.distributed.workers_config import WorkersConfig
from dexndm_gym.dynamics.model import JointwiseModel
from dexndm_gym.dynamics.model_file import SHIPPED_SIM_MODEL, load_model
from dexndm_gym.envs.make import make_sim_vector_env
from dexndm_gym.envs.rollout import Policy
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.evaluation.episodes import record_episodes, scores
from dexndm_gym.evaluation.gap.baselines import BASELINES
from dexndm_gym.evaluation.gap.plots import gap_plots, rotation_per_hand
from dexndm_gym.evaluation.gap.suite import GapConfig, Policies, measure_gap
from dexndm_gym.evaluation.gap.wrist_gaps import measure_wrists
from dexndm_gym.evaluation.general.suite import CLASSES
from dexndm_gym.evaluation.scores import Scores, evaluate_vector
from dexndm_gym.outputs import OutputFolder
from dexndm_gym.progress import Progress, progress_bar
from dexndm_gym.task.options import EpisodeOptions
from dexndm_gym.task.orientations import wrist_names
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
        {"gap": _gap, "general": measure_generality}[command.suite](command, policy)
        return
    address = _announce(command.env, command.hand_seed)
    with interruptible(lambda: NOTHING_KEPT), progress_bar("evaluate", "step") as progress:
        if address is None:
            measured = _simulated(command, wanted, policy, models, progress)
        else:
            measured = _on_hand(command, address, wanted | {"object": list(items)}, policy, models, progress)
    numbers = measured.summary()
    print(table(("", command.env), [(_LABELS[name], f"{numbers[name]:.3g}") for name in _LABELS]))
    write_json(numbers | {"env": command.env, "policy": str(command.policy)}, command.json)


def _simulated(
    command: EvaluateCommand, wanted: dict[str, Any], policy: Policy, models: Models, progress: Progress
) -> Scores:
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
    with closing(gymnasium.make("LeapRotate-Real-v0", port=address.port, starts=command.starts, **options)) as env:
        played = env if models is None else DynamicsCorrectionWrapper(env, models)
        with stop_key(env):
            episodes = record_episodes(
                policy, played, command.episodes, seed=command.seed, items=items, progress=progress
            )
        return scores(episodes)


def _gap(command: EvaluateCommand, policy: Policy) -> None:
    wrists = wrist_names(command.wrist)
    config = GapConfig(
        hands=_seeds(command.hands),
        baselines=command.baselines,
        episodes=command.episodes,
        objects=command.object,
        wrist=wrists[0],
        axes=command.axis,
        starts=command.starts,
        data_minutes=command.data_minutes,
        predicted_hands=command.predict,
        seed=command.seed,
    )
    announce(f"virtual hands {command.hands}")
    policies = Policies(
        main=policy,
        others={name: load_policy_file(path) for name, path in command.policies.items()},
        ceilings=_ceilings(command.ceiling, config.hands),
    )
    kept = f"the wrists that are done are in {command.json}" if command.json and len(wrists) > 1 else NOTHING_KEPT
    with interruptible(lambda: kept), progress_bar("gap", "run") as progress:
        if len(wrists) == 1:
            report = measure_gap(config, policies, workers=command, progress=progress)
            text, numbers, plots = gap_text(report), report.as_dict(), gap_plots(report)
        else:
            text, numbers, plots = "", {}, {}
            for gaps in measure_wrists(config, wrists, policies, workers=command, progress=progress):
                text, numbers = wrists_text(gaps), gaps.as_dict()
                plots = {wrist: rotation_per_hand(report) for wrist, report in gaps.reports.items()}
                write_json(numbers | {"policy": str(command.policy)}, command.json)
    print(text)
    write_json(numbers | {"policy": str(command.policy)}, command.json)
    if command.plot is not None:
        for name, figure in plots.items():
            path = command.plot if name == "rotation" else command.plot.with_stem(f"{command.plot.stem}_{name}")
            write_figure(figure, path, dpi=120)


def _seeds(text: str) -> tuple[int, ...]:
    """Seeds out of "0-3" or "0,4,7"."""
    try:
        bounds = [part.split("-") for part in text.split(",")]
        ranges = [range(int(first), int(last[0] if last else first) + 1) for first, *last in bounds]
        if any(len(seeds) not in range(1, _MOST_HANDS + 1) for seeds in ranges):
            raise ValueError(f"a range holds 1 to {_MOST_HANDS} seeds")
        return tuple(seed for seeds in ranges for seed in seeds)
    except (ValueError, OverflowError) as error:
        raise ConfigurationError(f'expected seeds such as "0-15" or "0,4,7", got {text!r}') from error


def _ceilings(folder: Path | None, seeds: Sequence[int]) -> Mapping[int, Policy]:
    """The policies of ``--ceiling``, for the hands that have one."""
    if folder is None:
        return {}
    files = {seed: folder / f"hand-{seed}.safetensors" for seed in seeds}
    found = {seed: load_policy_file(path) for seed, path in files.items() if path.is_file()}
    if not found:
        raise ConfigurationError(f"no policy such as {next(iter(files.values()))} for any of the hands")
    return found


_MOST_HANDS = 10_000

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
