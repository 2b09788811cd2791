"""``dexndm demo``."""

from dataclasses import dataclass
from pathlib import Path

from dexndm_gym.assets import SHIPPED_POLICY
from dexndm_gym.cli.common import (
    JsonFile,
    announce,
    interruptible,
    load_policy_file,
    parse,
    table,
    write_json,
)
from dexndm_gym.evaluation.demo.demo_result import RUNS, DemoResult
from dexndm_gym.evaluation.demo.run import DemoConfig, run_demo


@dataclass(frozen=True, kw_only=True)
class DemoCommand(DemoConfig):
    """Run the main job, in about six minutes on two cores.

    A policy trained in simulation turns objects in the simulated hand, then directly on a virtual hand over its serial
    port. Data is recorded on that hand, a model of its joints is fitted, and the policy runs again with its targets
    corrected. Prints one table; OUT/report.html has plots and videos.
    """

    policy: Path = SHIPPED_POLICY
    """Policy to run; the default is the one that is shipped."""

    json: JsonFile = None
    """Also write the numbers to this file."""


def run(arguments: list[str]) -> None:
    """Run the command."""
    command = parse(DemoCommand, "demo", arguments)
    policy = load_policy_file(command.policy)
    announce(f"virtual hand {command.hand_seed}, and simulated ones; the demo moves no other")
    with interruptible(
        lambda: f"what was recorded is in {command.recordings}; the same command begins a new demo in its place"
    ):
        result = run_demo(command, policy)
    print(f"\n{summary(result)}\n\nReport: {command.report_file}")
    write_json(result.as_dict(), command.json)


def summary(result: DemoResult) -> str:
    """The table that the demo prints."""
    rows = []
    for run, name in RUNS.items():
        numbers = result.summary(run)
        rows.append(
            (
                name,
                f"{numbers.rotation_rad_mean:.2f} +- {numbers.rotation_rad_std:.2f}",
                f"{numbers.time_to_fall_s_mean:.1f}",
                str(numbers.episodes),
            )
        )
    report, closed = result.models.report, result.gap_closed
    gap = "none: direct transfer lost nothing" if closed is None else f"{100 * closed:.0f} %"
    before = f"{1e3 * report.start.one_step_rms:.2f} -> " if report.start else ""
    lines = [
        f"Gap closed:      {gap}",
        f"Data:            {result.data_minutes:.1f} min on virtual hand {result.hand_seed}",
        f"One-step error:  {before}{1e3 * report.fitted.one_step_rms:.2f} mrad on held-out trajectories",
        f"Wall time:       {result.wall_s:.0f} s",
    ]
    return table(("", "rotation, rad", "time to fall, s", "episodes"), rows) + "\n\n" + "\n".join(lines)
