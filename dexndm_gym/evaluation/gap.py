"""The reality gap over many virtual hands: what is lost in direct transfer, and how much each correction returns.

Everything runs in this process, all episodes of a hand at once. Each hand is recorded for the same time twice: empty,
and turning objects; every rival learns from the kind that suits it.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from dexndm_gym.data.collection import TICKS_PER_MINUTE, CollectOptions
from dexndm_gym.data.trajectory import Trajectory
from dexndm_gym.dynamics.model import JointwiseModel
from dexndm_gym.envs.hand import Hand
from dexndm_gym.envs.hands.mujoco_hand import MujocoHand
from dexndm_gym.envs.target_filter import TargetFilter
from dexndm_gym.envs.vector_env import LeapRotateVectorEnv
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.evaluation.collecting import play_at_once, replay_at_once, simulate
from dexndm_gym.evaluation.rivals import RIVALS
from dexndm_gym.evaluation.rollout import Policy, Scores, evaluate_vector
from dexndm_gym.leap.joints import FloatArray
from dexndm_gym.task.config import TaskConfig
from dexndm_gym.virtual_hand.in_process import VirtualHand

Tell = Callable[[str], Any]
"""Told what has been done, once per run and fit."""

_SIM_EPISODES = 96


@dataclass(frozen=True, kw_only=True)
class GapConfig:
    """What to compare."""

    hands: Sequence[int] = tuple(range(16))
    """Seeds of the virtual hands."""

    rivals: Sequence[str] = tuple(RIVALS)
    """Corrections, by the names of ``RIVALS``."""

    episodes: int = 32
    """Episodes of 20 s per hand and correction, the basic objects among them."""

    data_minutes: float = 60.0
    """Recorded time per hand, min."""

    seed: int = 0
    """Seed of episodes, recordings and fits."""

    def __post_init__(self) -> None:
        """Check the values."""
        unknown = sorted(set(self.rivals) - set(RIVALS))
        if unknown or not self.hands or self.episodes < 1 or not 1.0 <= self.data_minutes <= 240.0:
            raise ConfigurationError(
                f"the gap needs at least one hand and one episode, 1 to 240 minutes of data, and rivals out of "
                f"{list(RIVALS)}; got {self}"
            )


@dataclass(frozen=True, kw_only=True)
class HandGap:
    """What one hand showed."""

    seed: int
    """Which hand."""

    direct: Scores
    """Without correction."""

    corrected: Mapping[str, Scores]
    """With each correction."""


@dataclass(frozen=True, kw_only=True)
class GapReport:
    """What all hands showed."""

    sim: Scores
    """In simulation."""

    hands: Sequence[HandGap]
    """Hand by hand."""

    data_minutes: float
    """Recorded time per hand, min."""

    def share_kept(self, rival: str | None = None) -> FloatArray:
        """Rotation as a share of the simulated, per hand: of a correction, or of direct transfer."""
        runs = [hand.direct if rival is None else hand.corrected[rival] for hand in self.hands]
        return np.array([run.rotation.mean() for run in runs]) / self.sim.rotation.mean()

    def gap_closed(self, rival: str) -> FloatArray:
        """(corrected - direct) / (sim - direct) in mean rotation, per hand; nan where direct transfer loses nothing."""
        direct, corrected = self.share_kept(), self.share_kept(rival)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(direct < 1.0, (corrected - direct) / (1.0 - direct), np.nan)

    def as_dict(self) -> dict[str, Any]:
        """The numbers as JSON can hold them; confidence intervals are 95 %, over hands."""
        names = list(self.hands[0].corrected)
        return {
            "sim": self.sim.summary(),
            "data_minutes": self.data_minutes,
            "direct_share": _interval(self.share_kept()),
            "corrected_share": {name: _interval(self.share_kept(name)) for name in names},
            "gap_closed": {name: _interval(self.gap_closed(name)) for name in names},
            "hands": [
                {
                    "seed": hand.seed,
                    "direct": hand.direct.summary(),
                    "corrected": {name: scores.summary() for name, scores in hand.corrected.items()},
                    "gap_closed": {name: float(self.gap_closed(name)[row]) for name in names},
                }
                for row, hand in enumerate(self.hands)
            ],
        }


def measure_gap(config: GapConfig, policy: Policy, *, tell: Tell = lambda what: None) -> GapReport:
    """Record, fit, and play, hand after hand.

    Args:
        config: what to compare.
        policy: trained in simulation.
        tell: told what has been done.

    Raises:
        ConfigurationError: the policy keeps no object for a whole episode in simulation.
    """
    sim = _play(policy, MujocoHand(_SIM_EPISODES), config.seed)
    tell("simulation")
    steps = TaskConfig().episode_steps
    wanted = round(config.data_minutes * TICKS_PER_MINUTE / steps)
    whole = [one for one in simulate(policy, 2 * wanted, seed=config.seed) if len(one) == steps]
    if not whole:
        raise ConfigurationError("the policy loses its object in every simulated episode; there is nothing to replay")
    replays = whole[:wanted]
    simulated = _record(lambda: MujocoHand(len(replays)), config, policy, replays, config.seed)
    models = {name: RIVALS[name].fit(simulated[RIVALS[name].loaded], None, config.seed) for name in config.rivals}
    tell("models of the simulation")
    hands = [_measure_hand(seed, config, policy, replays, models, tell) for seed in config.hands]
    return GapReport(sim=sim, hands=hands, data_minutes=sum(one.seconds for one in replays) / 60.0)


def gap_steps(config: GapConfig) -> int:
    """How often ``measure_gap`` tells."""
    return 2 + len(config.hands) * (2 + len(config.rivals))


def _measure_hand(
    seed: int,
    config: GapConfig,
    policy: Policy,
    replays: Sequence[Trajectory],
    sim_models: Mapping[str, JointwiseModel],
    tell: Tell,
) -> HandGap:
    direct = _play(policy, VirtualHand([seed] * config.episodes), config.seed)
    tell(f"hand {seed}, direct")
    recorded = _record(lambda: VirtualHand([seed] * len(replays)), config, policy, replays, config.seed + 1 + seed)
    tell(f"hand {seed}, recorded")
    corrected = {}
    for name, sim_model in sim_models.items():
        rival = RIVALS[name]
        model = rival.fit(recorded[rival.loaded], sim_model, config.seed)
        correction = rival.correction(model, sim_model, replays, config.seed)
        corrected[name] = _play(policy, VirtualHand([seed] * config.episodes), config.seed, correction)
        tell(f"hand {seed}, {name}")
    return HandGap(seed=seed, direct=direct, corrected=corrected)


def _play(policy: Policy, hand: Hand, seed: int, correction: TargetFilter | None = None) -> Scores:
    env = LeapRotateVectorEnv(hand)
    if correction is not None:
        env.add_target_filter(correction)
    try:
        return evaluate_vector(policy, env, seed=seed)
    finally:
        env.close()


def _record(
    make_hand: Callable[[], Hand], config: GapConfig, policy: Policy, replays: Sequence[Trajectory], seed: int
) -> dict[bool, list[Trajectory]]:
    """Recordings of an empty hand and of one that turns objects (True), as far as a rival needs them."""
    options, recorded = CollectOptions(seed=seed), {}
    for loaded in {RIVALS[name].loaded for name in config.rivals}:
        with closing(make_hand()) as hand:
            played = play_at_once(hand, policy, options) if loaded else replay_at_once(hand, replays, options)
        recorded[loaded] = played
    return recorded


def _interval(values: FloatArray) -> dict[str, float]:
    known = values[np.isfinite(values)]
    half = 1.96 * known.std(ddof=1) / np.sqrt(len(known)) if len(known) > 1 else np.nan
    return {"mean": float(known.mean()), "half_width": float(half), "worst": float(known.min())}
