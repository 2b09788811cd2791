"""The reality gap over many virtual hands: what is lost in direct transfer, and how much each correction returns.

All episodes of a hand run at once, and each hand is a job of its own. Each hand is recorded for the same time twice:
empty, and turning objects; every baseline learns from the kind that suits it.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any

from gymnasium.vector import VectorEnv

from dexndm_gym.backends.backend import Backend
from dexndm_gym.backends.mujoco_hand import MujocoHand
from dexndm_gym.backends.virtual_hand import VirtualHand
from dexndm_gym.checks import Bound, Checked, Count, CountOrZero, NotEmpty, Seed
from dexndm_gym.constants import HISTORY
from dexndm_gym.data.collection import TICKS_PER_MINUTE, CollectOptions
from dexndm_gym.data.replay import play_at_once, replay_at_once, simulate
from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.distributed.job import Tell
from dexndm_gym.distributed.workers import map_jobs
from dexndm_gym.distributed.workers_config import IN_THIS_PROCESS, WorkersConfig
from dexndm_gym.dynamics.prediction_errors import PredictionErrors, measure, stay
from dexndm_gym.dynamics.windows import WindowSet
from dexndm_gym.envs.rollout import Policy
from dexndm_gym.envs.vector_env import LeapRotateVectorEnv
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.evaluation.gap.baselines import BASELINES, Learned, find_correction
from dexndm_gym.evaluation.gap.report import GapReport, HandGap
from dexndm_gym.evaluation.scores import Scores, evaluate_vector
from dexndm_gym.filters.target_filter import TargetFilter
from dexndm_gym.grasps.hand_starts import hand_starts
from dexndm_gym.grasps.mesh_grasp_cache import choose_starts
from dexndm_gym.progress import Progress, Tally
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.task.options import EpisodeOptions
from dexndm_gym.wrappers.vector import TargetFilterVectorWrapper

CEILING = "own physics"
"""Row of the policies that were trained on the physics of the very hand they play."""

TESTS: Mapping[str, tuple[bool, str, str]] = {
    "empty": (False, "palm_up", "basic"),
    "empty, palm down": (False, "palm_down", "basic"),
    "basic objects": (True, "palm_up", "basic"),
    "complex objects": (True, "palm_up", "complex"),
}
"""Motions that models predict: whether the policy turns objects, wrist, and objects. The first is what models of the
empty hand have learned from, the third what those of the loaded hand have; all others are new to them."""

_SIM_EPISODES = 96
_AT_ONCE = 180
"""Replays recorded at the same time, to bound memory; longer recordings replay the same ones with other noise."""

_TEST_EPISODES, _TEST_SEED = 12, 10**6


@dataclass(frozen=True, kw_only=True)
class GapConfig(Checked):
    """What to compare."""

    hands: Annotated[Sequence[Seed], NotEmpty()] = tuple(range(16))
    """Seeds of the virtual hands."""

    baselines: Annotated[Sequence[str], NotEmpty()] = tuple(BASELINES)
    """Corrections, by the names of ``BASELINES`` or as ``"module:name"``; the first is compared with all others."""

    episodes: Count = 32
    """Episodes of 20 s per hand and correction."""

    objects: Annotated[Sequence[str], NotEmpty()] = ("basic",)
    """Objects, or sets of them, that episodes draw from."""

    wrist: str = "palm_up"
    """Wrist orientation in which hands are recorded and played; ``measure_wrists`` goes through several."""

    axes: Annotated[Sequence[str], NotEmpty()] = ("+z",)
    """Axes to turn about."""

    starts: str | None = None
    """How episodes begin, in simulation and on hands; as in ``make_sim_env``."""

    data_minutes: Annotated[Sequence[float], Bound(least=1.0, most=240.0), NotEmpty()] = (60.0,)
    """Recorded time per hand, min; with several amounts, every baseline learns from each."""

    predicted_hands: CountOrZero = 0
    """So many hands, the first, are also used to measure the errors of the models' predictions."""

    seed: Seed = 0
    """Seed of episodes, recordings and fits."""

    def __post_init__(self) -> None:
        """Check the values."""
        super().__post_init__()
        for name in self.baselines:
            find_correction(name)
        _ = self.options
        if self.predicted_hands and self.wrist != "palm_up":
            raise ConfigurationError("predicted_hands: predictions are measured palm up; expected wrist='palm_up'")

    @property
    def wanted(self) -> dict[str, Any]:
        """What episodes are drawn from, as options of ``reset``."""
        return {"object": list(self.objects), "wrist": self.wrist, "axis": list(self.axes)}

    @property
    def options(self) -> EpisodeOptions:
        """The same, checked."""
        return EpisodeOptions().updated(self.wanted)


@dataclass(frozen=True, kw_only=True)
class Policies:
    """Who plays."""

    main: Policy
    """The policy that is measured, directly and corrected."""

    others: Mapping[str, Policy] = field(default_factory=dict)
    """Other policies, played on every hand without correction."""

    ceilings: Mapping[int, Policy] = field(default_factory=dict)
    """Policies that were trained on a hand's own physics, by the seed of the hand."""

    def beside(self, seed: int) -> dict[str, Policy]:
        """Who else plays the hand with a seed."""
        return dict(self.others) | ({CEILING: self.ceilings[seed]} if seed in self.ceilings else {})


def measure_gap(
    config: GapConfig,
    policies: Policies,
    *,
    workers: WorkersConfig = IN_THIS_PROCESS,
    progress: Progress | None = None,
) -> GapReport:
    """Record, fit, and play every hand.

    Args:
        config: what to compare.
        policies: trained in simulation.
        workers: where hands are measured; the numbers do not depend on it.
        progress: told after each run and fit how many there have been, of how many, and what it was; from another
            thread where others do them.

    Raises:
        ConfigurationError: the policy keeps no object for a whole episode in simulation.
    """
    tally = Tally(progress, count_runs(config, policies))
    sim = _play(policies.main, _simulated(config, _SIM_EPISODES), config)
    tally(note="simulation")
    others = {
        name: _play(policy, _simulated(config, _SIM_EPISODES), config) for name, policy in policies.others.items()
    }
    suite = _Suite(config, policies)
    tally(note="models of the simulation")
    hands = map_jobs(suite.measure_hand, {f"hand {seed}": seed for seed in config.hands}, workers, tell=tally)
    return GapReport(
        sim=sim,
        hands=[hands[f"hand {seed}"] for seed in config.hands],
        minutes=sorted(config.data_minutes),
        others_in_sim=others,
    )


def count_runs(config: GapConfig, policies: Policies) -> int:
    """How many runs and fits there are in one wrist."""
    learned = len(config.baselines) * len(config.data_minutes)
    beside = sum(len(policies.beside(seed)) for seed in config.hands)
    return 2 + len(config.hands) * (2 + learned) + beside + min(config.predicted_hands, len(config.hands))


class _Suite:
    """What all hands share: replays and models of the simulation."""

    def __init__(self, config: GapConfig, policies: Policies) -> None:
        self._config, self._policies = config, policies
        self._minutes = sorted(config.data_minutes)
        steps, seed = TaskConfig().episode_steps, config.seed
        self._wanted = [round(minutes * TICKS_PER_MINUTE / steps) for minutes in self._minutes]
        most = min(self._wanted[-1], _AT_ONCE)
        simulated = simulate(policies.main, 2 * most, seed=seed, options=config.wanted, starts=config.starts)
        whole = [one for one in simulated if len(one) == steps]
        if not whole:
            raise ConfigurationError(
                "the policy loses its object in every simulated episode; there is nothing to replay"
            )
        self._replays = whole[:most]
        self._corrections = {name: find_correction(name) for name in config.baselines}
        self._kinds = {correction.loaded for correction in self._corrections.values()}
        recorded = {
            loaded: self._record(partial(_simulated, config), self._replays, loaded, seed) for loaded in self._kinds
        }
        self._models = {
            name: correction.fit_simulation(recorded[correction.loaded], seed)
            for name, correction in self._corrections.items()
        }

    def measure_hand(self, seed: int, tell: Tell) -> HandGap:
        config, policies = self._config, self._policies
        direct = self._play_hand(seed, policies.main)
        tell(note=f"hand {seed}, direct")
        others = {}
        for name, policy in policies.beside(seed).items():
            others[name] = self._play_hand(seed, policy)
            tell(note=f"hand {seed}, {name}")
        recorded = {loaded: self._record_hand(seed, loaded) for loaded in self._kinds}
        tell(note=f"hand {seed}, recorded")
        corrected: dict[str, dict[float, Scores]] = {name: {} for name in config.baselines}
        learned: dict[str, Learned] = {}
        for name, correction in self._corrections.items():
            for minutes, wanted in zip(self._minutes, self._wanted, strict=True):
                data = recorded[correction.loaded][:wanted]
                learned[name] = correction.learn(data, self._models[name], self._replays, config.seed)
                corrected[name][minutes] = self._play_hand(seed, policies.main, learned[name].correction)
                tell(note=f"hand {seed}, {name}, {minutes:g} min")
        predictions = {}
        if seed in config.hands[: config.predicted_hands]:
            predictions = self._predict(seed, learned)
            tell(note=f"hand {seed}, predictions")
        return HandGap(seed=seed, direct=direct, corrected=corrected, others=others, predictions=predictions)

    def _play_hand(self, seed: int, policy: Policy, correction: TargetFilter | None = None) -> Scores:
        return _play(policy, self._hands(seed, self._config.episodes), self._config, correction)

    def _hands(self, seed: int, count: int) -> VirtualHand:
        return VirtualHand([seed] * count, starts=hand_starts(self._config.starts))

    def _record_hand(self, seed: int, loaded: bool) -> list[Trajectory]:
        recorded: list[Trajectory] = []
        while missing := self._wanted[-1] - len(recorded):
            part, noise_seed = self._replays[:missing], self._config.seed + 1 + seed + 1000 * len(recorded)
            recorded += self._record(partial(self._hands, seed), part, loaded, noise_seed)
        return recorded

    def _record(
        self,
        make_hands: Callable[[int], Backend],
        replays: Sequence[Trajectory],
        loaded: bool,
        seed: int,
        scene: Mapping[str, Any] | None = None,
    ) -> list[Trajectory]:
        """Recordings of a hand that replays, or turns objects; where ``scene`` says so, others or in another wrist."""
        options, wanted = CollectOptions(seed=seed), self._config.wanted | dict(scene or {})
        with closing(make_hands(len(replays))) as hand:
            if loaded:
                return play_at_once(hand, self._policies.main, options, episodes=wanted)
            return replay_at_once(hand, replays, options, wrist=wanted["wrist"])

    def _predict(self, seed: int, learned: Mapping[str, Learned]) -> dict[str, dict[str, PredictionErrors]]:
        """Errors on motions recorded afresh, by kind of motion and model."""
        errors = {}
        models = {"stays where it is": (stay, HISTORY)}
        models |= {name: (one.predict, one.window) for name, one in learned.items() if one.predict is not None}
        replays = self._replays[-_TEST_EPISODES:]
        for kind, (loaded, wrist, item) in TESTS.items():
            scene = {"wrist": wrist, "object": item}
            recorded = self._record(partial(self._hands, seed), replays, loaded, _TEST_SEED + seed, scene)
            errors[kind] = {
                name: measure(predict, WindowSet(recorded, window)) for name, (predict, window) in models.items()
            }
        return errors


def _simulated(config: GapConfig, count: int) -> MujocoHand:
    """Nominal hands in the training simulation that hold what the configuration asks for."""
    objects = config.options.objects
    return MujocoHand(count, starts=choose_starts(objects, config.starts), objects=objects)


def _play(policy: Policy, hand: Backend, config: GapConfig, correction: TargetFilter | None = None) -> Scores:
    env: VectorEnv = LeapRotateVectorEnv(hand, options=config.options)
    if correction is not None:
        env = TargetFilterVectorWrapper(env, correction)
    try:
        return evaluate_vector(policy, env, seed=config.seed)
    finally:
        env.close()
