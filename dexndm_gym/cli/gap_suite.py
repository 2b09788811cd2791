"""``dexndm evaluate --suite gap``."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dexndm_gym.cli.common import NOTHING_KEPT, announce, interruptible, load_policy_file, write_figure, write_json
from dexndm_gym.cli.gap_tables import gap_text, wrists_text
from dexndm_gym.envs.rollout import Policy
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.evaluation.gap.plots import gap_plots, rotation_per_hand
from dexndm_gym.evaluation.gap.suite import GapConfig, Policies, measure_gap
from dexndm_gym.evaluation.gap.wrist_gaps import measure_wrists
from dexndm_gym.progress import progress_bar
from dexndm_gym.task.orientations import wrist_names

if TYPE_CHECKING:
    from dexndm_gym.cli.evaluate import EvaluateCommand

_MOST_HANDS = 10_000


def compare_corrections(command: "EvaluateCommand", policy: Policy) -> None:
    """Play the suite with the command's options, wrist after wrist, and print its tables."""
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
