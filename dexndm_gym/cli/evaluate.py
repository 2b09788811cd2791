"""``dexndm evaluate``."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import gymnasium
import tyro
from tqdm import tqdm

from dexndm_gym.cli.common import (
    SHIPPED_POLICY,
    File,
    announce,
    announce_hand,
    load_policy_file,
    parse,
    stop_key,
    table,
    write_json,
)
from dexndm_gym.cli.gap_tables import gap_text
from dexndm_gym.dynamics.model_file import SHIPPED_SIM_MODEL
from dexndm_gym.envs.hands.address import HandAddress
from dexndm_gym.envs.make import make_sim_vector_env
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.evaluation.episodes import Step, record_episodes, scores
from dexndm_gym.evaluation.gap import GapConfig, Policies, gap_steps, measure_gap
from dexndm_gym.evaluation.gap_plots import gap_plots
from dexndm_gym.evaluation.rivals import RIVALS
from dexndm_gym.evaluation.rollout import Policy, Scores, evaluate_vector
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.task.options import OBJECT_SETS
from dexndm_gym.wrappers.dynamics_correction import DynamicsCorrectionWrapper

_SIMULATION, _REAL = "sim", "real"
"""Names that stand for no port."""


@dataclass(frozen=True, kw_only=True)
class EvaluateCommand:
    """Measure a policy: how far it turns objects in 20 s, and how long it keeps them.

    In simulation all episodes run at once; on a hand they run one after another, with the objects in turn.
    """

    policy: Path = SHIPPED_POLICY
    """Policy to measure; the default is the one that is shipped."""

    env: str = _SIMULATION
    """Where: "sim", "virtual" for a virtual hand, the serial port of a hand, or "real" for the one that the environment
    variable DEXNDM_PORT names (a virtual hand where it names none)."""

    episodes: int = 12
    """How many episodes."""

    object: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """Object, named set of objects, or mesh file such as bunny.obj,size=0.07,mass=0.1 (m, kg), to turn; the basic set
    if not given."""

    wrist: Annotated[str, tyro.conf.arg(metavar="NAME")] = "palm_up"
    """Wrist orientation, or named set of them (see docs/frames.md); outside simulation only palm_up holds objects."""

    axis: Annotated[str, tyro.conf.arg(metavar="NAME")] = "+z"
    """Axis to turn about, or named set of axes; in the world frame."""

    randomise: bool = False
    """Vary the physics from episode to episode (simulation only)."""

    model: File = None
    """Correct the targets with this dynamics model of the hand, which `dexndm fit` wrote."""

    sim_model: Path = SHIPPED_SIM_MODEL
    """Model of the simulation that it was fitted from."""

    hand_seed: int = 0
    """Which virtual hand."""

    seed: int = 0
    """Seed of the episodes."""

    suite: Literal["gap"] | None = None
    """Measure the reality gap instead, over many virtual hands and with every correction; needs no recordings. Only
    --policy, --episodes, --seed, --json and the options below count."""

    hands: str = "0-3"
    """Seeds of the suite's virtual hands: "0-15", or "0,4,7"."""

    rivals: tuple[str, ...] = tuple(RIVALS)
    """Corrections that the suite compares; the first is tested against every other, paired over hands."""

    data_minutes: tuple[float, ...] = (60.0,)
    """Recorded time per hand in the suite, min; several amounts give a data curve."""

    predict: int = 0
    """Also measure the errors of the models' predictions, on so many of the suite's hands."""

    policies: Annotated[dict[str, Path], tyro.conf.arg(metavar="NAME FILE ...")] = field(default_factory=dict)
    """Other policies that the suite plays without correction."""

    ceiling: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Folder with policies trained on a hand's own physics, hand-<seed>.safetensors, for the suite to show beside."""

    plot: File = None
    """Also draw the suite's result into this file (PNG or SVG), and data curve and predictions into files beside it."""

    json: File = None
    """Also write the numbers to this file."""


def run(arguments: list[str]) -> None:
    """Run the command."""
    command = parse(EvaluateCommand, "evaluate", arguments)
    if command.episodes < 1:
        raise ConfigurationError(f"expected at least 1 episode, got {command.episodes}")
    policy = load_policy_file(command.policy)
    if command.suite == "gap":
        _gap(command, policy)
        return
    address = _announce(command.env, command.hand_seed)
    total = command.episodes * TaskConfig().episode_steps
    with tqdm(total=total, desc="evaluate", unit="step") as bar:
        measured = _simulated(command, policy, bar) if address is None else _on_hand(command, address, policy, bar)
    numbers = measured.summary()
    write_json(numbers | {"env": command.env, "policy": str(command.policy)}, command.json)
    print(table(("", command.env), [(_LABELS[name], f"{numbers[name]:.3g}") for name in _LABELS]))


def _simulated(command: EvaluateCommand, policy: Policy, bar: "tqdm[Any]") -> Scores:
    env = make_sim_vector_env(
        num_envs=command.episodes,
        object=command.object,
        wrist=command.wrist,
        axis=command.axis,
        randomise=command.randomise,
    )
    if command.model is not None:
        env = DynamicsCorrectionWrapper(env, command.model, command.sim_model)
    try:
        return evaluate_vector(policy, env, seed=command.seed, progress=bar.update)
    finally:
        env.close()


def _announce(env: str, hand_seed: int) -> HandAddress | None:
    """Say where the policy will be measured; the hand, or None for simulation."""
    if env == _SIMULATION:
        announce("simulated")
        return None
    return announce_hand(None if env == _REAL else env, hand_seed)


def _on_hand(command: EvaluateCommand, address: HandAddress, policy: Policy, bar: "tqdm[Any]") -> Scores:
    if command.randomise:
        raise ConfigurationError("--randomise varies the simulated physics; it needs --env sim")
    name = command.object or "basic"
    items = OBJECT_SETS.get(name, (name,))
    options: dict[str, Any] = {"wrist": command.wrist, "axis": command.axis}
    if address.is_virtual:
        options["hand_seed"] = command.hand_seed

    def watch(step: Step) -> None:
        if not step.is_reset:
            bar.update()

    with closing(gymnasium.make("LeapRotate-Real-v0", port=address.port, object=list(items), **options)) as env:
        played = env if command.model is None else DynamicsCorrectionWrapper(env, command.model, command.sim_model)
        with stop_key(env):
            episodes = record_episodes(policy, played, command.episodes, seed=command.seed, items=items, watch=watch)
        return scores(episodes)


def _gap(command: EvaluateCommand, policy: Policy) -> None:
    config = GapConfig(
        hands=_seeds(command.hands),
        rivals=command.rivals,
        episodes=command.episodes,
        data_minutes=command.data_minutes,
        predicted_hands=command.predict,
        seed=command.seed,
    )
    announce(f"virtual hands {command.hands}, in this process")
    policies = Policies(
        main=policy,
        others={name: load_policy_file(path) for name, path in command.policies.items()},
        ceilings=_ceilings(command.ceiling, config.hands),
    )
    with tqdm(total=gap_steps(config, policies), desc="gap", unit="run") as bar:

        def tell(what: str) -> None:
            bar.set_postfix_str(what, refresh=False)
            bar.update()

        report = measure_gap(config, policies, tell=tell)
    write_json(report.as_dict() | {"policy": str(command.policy)}, command.json)
    if command.plot is not None:
        command.plot.parent.mkdir(parents=True, exist_ok=True)
        for name, figure in gap_plots(report).items():
            path = command.plot if name == "rotation" else command.plot.with_stem(f"{command.plot.stem}_{name}")
            figure.savefig(path, dpi=120)
    print(gap_text(report))


def _seeds(text: str) -> tuple[int, ...]:
    """Seeds out of "0-3" or "0,4,7"."""
    try:
        ranges = [part.split("-") for part in text.split(",")]
        return tuple(seed for first, *last in ranges for seed in range(int(first), int(last[0] if last else first) + 1))
    except ValueError as error:
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
