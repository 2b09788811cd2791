"""``dexndm view``: a page in the browser that shows a hand."""

import sys
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any, Union

import gymnasium
import tyro

import dexndm_gym  # noqa: F401 (registers the ids)
from dexndm_gym.cli.common import announce, announce_hand, interruptible, load_policy_file, parse, stop_key
from dexndm_gym.cli.view_options import EpisodeOptions, Real, Recording, Sim, ViewOptions, Virtual
from dexndm_gym.data.reading import RecordingReader
from dexndm_gym.errors import ConfigurationError
from dexndm_gym.objects.object_choice import choice_name, find_objects
from dexndm_gym.task.orientations import AXES, HAND_AXES, wrist_names
from dexndm_gym.virtual_hand import VIRTUAL_PORT

if TYPE_CHECKING:  # the page is an extra
    from dexndm_gym.viewer.controls import PageSettings
    from dexndm_gym.viewer.live import Source
    from dexndm_gym.viewer.page_process import PageBuilder, PageProcess


def run(arguments: list[str]) -> None:
    """Run the command."""
    subcommands = Union[tuple(Annotated[c, tyro.conf.subcommand(c.__name__.lower())] for c in _ACTIONS)]  # noqa: UP007
    command: Any = parse(
        subcommands,  # type: ignore[arg-type]
        "view",
        arguments,
        description="Show a hand in the browser: simulated, virtual, real or recorded.",
    )
    with interruptible(lambda: "the page is closed"):
        _ACTIONS[type(command)](command)


def _view_sim(command: Sim) -> None:
    announce("a simulated hand")
    _view_episodes(command, "LeapRotate-Sim-v0", "Simulated hand", starts=command.starts)


def _view_virtual(command: Virtual) -> None:
    announce(f"virtual hand {command.hand_seed}")
    hand = {"port": VIRTUAL_PORT, "hand_seed": command.hand_seed}
    _view_episodes(command, "LeapRotate-Real-v0", f"Virtual hand {command.hand_seed}", **hand)


def _view_real(command: Real) -> None:
    address = announce_hand(command.port, command.hand_seed)
    hand = {"port": address.port, "hand_seed": command.hand_seed, "clock": "realtime"}
    title = f"{str(address)[0].upper()}{str(address)[1:]}"
    _view_episodes(command, "LeapRotate-Real-v0", title, real_time=True, **hand)


def _view_recording(command: Recording) -> None:
    from dexndm_gym.viewer.controls import PageSettings
    from dexndm_gym.viewer.panels import recording_page
    from dexndm_gym.viewer.replay import Replay

    with RecordingReader(command.file) as trajectories:
        if not len(trajectories):
            raise ConfigurationError(f"{command.file} holds no trajectory to show")
        lengths = [trajectory.seconds for trajectory in trajectories]
        settings = PageSettings(title=command.file.name, host=command.host, port=command.page_port, lengths=lengths)
        _show(command, settings, recording_page, lambda _: Replay(trajectories))


_ACTIONS: dict[type, Callable[[Any], None]] = {
    Sim: _view_sim,
    Virtual: _view_virtual,
    Real: _view_real,
    Recording: _view_recording,
}
"""What each subcommand does."""


def _view_episodes(command: EpisodeOptions, name: str, title: str, *, real_time: bool = False, **hand: Any) -> None:
    from dexndm_gym.viewer.controls import PageSettings
    from dexndm_gym.viewer.live import LiveEpisodes
    from dexndm_gym.viewer.panels import episode_page

    items = {choice_name(choice): choice for choice in find_objects(command.object)}
    policies = {path.stem: load_policy_file(path) for path in command.policy}
    episode = {"object": list(items), "wrist": wrist_names(command.wrist), "axis": _axis_names(command.axis)}
    settings = PageSettings(
        title=title,
        host=command.host,
        port=command.page_port,
        items=items,
        choices=episode | {"policy": list(policies)},
        slow_motion=not real_time,
        stoppable=name == "LeapRotate-Real-v0",
    )
    first = {option: names[0] for option, names in episode.items()} | {"object": next(iter(items.values()))}
    with closing(gymnasium.make(name, object=list(items.values()), **hand)) as env:

        def play(page: "PageProcess") -> LiveEpisodes:
            return LiveEpisodes(
                env,
                policies,
                options=first,
                seed=command.seed,
                repeats=not real_time,
                real_time=real_time,
                events=page.events,
            )

        with stop_key(env):
            _show(command, settings, episode_page, play, at_the_end=env.close)


def _show(
    command: ViewOptions,
    settings: "PageSettings",
    build: "PageBuilder",
    source: "Callable[[PageProcess], Source]",
    at_the_end: "Callable[[], object]" = lambda: None,
) -> None:
    from dexndm_gym.viewer.page_process import PageProcess
    from dexndm_gym.viewer.session import view

    with PageProcess(settings, build) as page:
        print(f"Page: {page.url}  (Ctrl-C ends it)", flush=True)
        try:
            view(source(page), page, seconds=command.seconds, page_lost=_say_that_the_page_is_gone)
        finally:
            at_the_end()  # torque first: a page takes its time to close


def _say_that_the_page_is_gone() -> None:
    print("The page has gone; the hand goes on without it. Ctrl-C ends it.", file=sys.stderr, flush=True)


def _axis_names(names: tuple[str, ...]) -> list[str]:
    """Names of single axes.

    Raises:
        ConfigurationError: a name is none of an axis.
    """
    known = (*AXES, *HAND_AXES)
    if unknown := [name for name in names if name not in known]:
        raise ConfigurationError(f"expected axes out of {', '.join(known)}, got {', '.join(unknown)}")
    return list(dict.fromkeys(names))
