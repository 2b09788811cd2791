"""What the subcommands of ``dexndm tracker`` do and print."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from dexndm_gym.cli.common import NOTHING_KEPT, interruptible, table, write_json
from dexndm_gym.cli.tracker_options import Board, Calibrate, Check
from dexndm_gym.errors import CameraError, ConfigurationError
from dexndm_gym.objects.catalog import NO_OBJECT
from dexndm_gym.objects.object_choice import find_objects, the_object
from dexndm_gym.objects.scene import Scene
from dexndm_gym.training.rotation_estimator import LearnConfig

if TYPE_CHECKING:
    from dexndm_gym.tracking.camera import Picture
    from dexndm_gym.tracking.camera_tracker import CameraTracker
    from dexndm_gym.tracking.tag_tracker import Sighting

_GOOD_CALIBRATION = 0.5
"""Error of a calibration above which something was wrong with it, pixels."""

_TOO_LONG = 10.0
"""Longest that a command waits for an object to be seen first, s."""


def board(command: Board) -> None:
    """Write the sheets."""
    from dexndm_gym.tracking.sheets import RULER, write_board_sheet, write_tag_sheets
    from dexndm_gym.tracking.tags import base_tags, object_tags

    layouts = [object_tags(the_object(item)) for item in find_objects(command.object) if item != NO_OBJECT]
    for layout in (*layouts, base_tags()):
        path = command.out / f"{layout.name}.pdf"
        pages = write_tag_sheets(path, layout, command.paper)
        side = 1000.0 * min(tag.side for panel in layout.panels for tag in panel.tags)
        print(f"{path}: {len(layout.corners)} tags of {side:.1f} mm and more, {pages} page{'s' * (pages > 1)}")
    path = command.out / "calibration.pdf"
    write_board_sheet(path, command.paper)
    print(f"{path}: the board for 'dexndm tracker calibrate'")
    print(f"Print at 100 %, without fitting to the page, and measure: the line below is {RULER:.0f} mm long.")


def calibrate(command: Calibrate) -> None:
    """Collect views and find the lens."""
    from dexndm_gym.tracking.calibration import Calibrator

    calibrator = Calibrator(command.width, command.height)
    deadline = time.monotonic() + command.seconds
    with interruptible(lambda: NOTHING_KEPT), tqdm(total=command.views, desc="calibrate", unit="view") as bar:
        for picture in _pictures(command):
            bar.update(calibrator.look(picture))
            if calibrator.num_views == command.views or time.monotonic() > deadline:
                break
    lens = calibrator.solve()
    lens.save(command.out)
    print(
        f"{command.out}: {calibrator.num_views} views, focal length {lens.focal[0]:.1f} x {lens.focal[1]:.1f} pixels, "
        f"error {lens.error:.3f} pixels"
    )
    if lens.error > _GOOD_CALIBRATION:
        raise CameraError(
            f"expected an error of at most {_GOOD_CALIBRATION} pixels: is the board flat, the light good, the focus "
            "fixed? Calibrate anew"
        )


def check(command: Check) -> None:
    """Look for a while and judge."""
    from dexndm_gym.tracking.camera_tracker import CameraTracker
    from dexndm_gym.tracking.config import VIRTUAL_CAMERA, CameraTrackerConfig

    choice, *others = find_objects(command.object)
    if others:
        raise ConfigurationError(f"expected one object to look at, got {command.object}, which are {len(others) + 1}")
    scene = Scene(object=choice) if isinstance(choice, str) else Scene(object=choice.name, item=choice)
    config = CameraTrackerConfig(camera=command.camera, calibration=command.calibration)
    with ExitStack() as stack:
        control = None
        if command.camera == VIRTUAL_CAMERA:
            from dexndm_gym.virtual_hand.client import VirtualHandProcess

            hand = stack.enter_context(VirtualHandProcess(seed=command.hand_seed, clock="lockstep"))
            hand.place_object(scene, 0)
            control = hand.control
        tracker = stack.enter_context(closing(CameraTracker(config, virtual_hand=control)))
        tracker.begin(scene)
        with interruptible(lambda: NOTHING_KEPT):
            sightings = _sightings(tracker, command.seconds)
    _judge(command, sightings)


def learn(command: LearnConfig) -> None:
    """Make the estimator."""
    from dexndm_gym.training.rotation_estimator import learn

    with interruptible(lambda: NOTHING_KEPT):
        learn(command)
    print(f"{command.out}: an estimator of rotation; measure it with benchmarks/bench_tracker.py")


def _pictures(command: Calibrate) -> "Iterator[Picture]":
    """Pictures of the board, as long as they are wanted."""
    from dexndm_gym.tracking.camera import UsbCamera, camera_of
    from dexndm_gym.tracking.config import VIRTUAL_CAMERA
    from dexndm_gym.tracking.virtual_camera import virtual_board_views

    if command.camera == VIRTUAL_CAMERA:
        yield from virtual_board_views(command.width, command.height)
        return
    with closing(UsbCamera(camera_of(command.camera), width=command.width, height=command.height)) as camera:
        while True:
            yield camera.read().picture


def _sightings(tracker: "CameraTracker", seconds: float) -> "list[Sighting]":
    """What different pictures tell, from the first in which anything is seen."""
    from dexndm_gym.tracking.tag_tracker import TrackerStatus

    begin = time.monotonic()
    found: list[Sighting] = []
    while time.monotonic() - begin < (seconds if found else _TOO_LONG):
        newest = tracker.newest()
        if newest.status is TrackerStatus.ENDED:
            raise CameraError(f"the camera's process has ended: {tracker.last_words()}")
        if not found and newest.status is TrackerStatus.SEEN:
            begin = time.monotonic()
        if (newest.time > found[-1].time) if found else newest.status is TrackerStatus.SEEN:
            found.append(newest)
        time.sleep(0.002)
    if not found:
        raise CameraError(
            f"the object was not seen within {_TOO_LONG:.0f} s ({tracker.newest().status.name.lower()}): are its tags "
            "and the card at the hand's base in the picture, sharp, lit, and printed for this object?"
        )
    return found


def _judge(command: Check, sightings: "list[Sighting]") -> None:
    poses = np.array([sighting.pose for sighting in sightings])
    seen = ~np.isnan(poses[:, 0])
    place = np.median(poses[seen, :3], axis=0)
    turn = 2.0 * np.arccos(np.clip(np.abs(poses[seen, 3:] @ poses[seen][0, 3:]), 0.0, 1.0))
    times = np.array([sighting.time for sighting in sightings])
    numbers = {
        "pictures_per_s": (len(times) - 1) / max(float(times[-1] - times[0]), 1e-9),
        "seen_share": float(seen.mean()),
        "tags": float(np.median([sighting.tags for sighting in sightings])),
        "base_tags": float(np.median([sighting.base_tags for sighting in sightings])),
        "error_pixels": float(np.nanmedian([sighting.error for sighting in sightings])),
        "spread_mm": 1000.0 * float(np.sqrt(np.mean(np.sum((poses[seen, :3] - place) ** 2, axis=1)))),
        "spread_deg": float(np.degrees(np.median(turn))),
        "effort_ms": 1000.0 * float(np.median([sighting.effort for sighting in sightings])),
    }
    print(table(("", command.object), [(_LABELS[name], f"{value:.3g}") for name, value in numbers.items()]))
    print(f"Its center is at {', '.join(f'{1000 * one:.1f}' for one in place)} mm in the hand frame: compare it.")
    lost = Counter(sighting.status.name.lower() for sighting in sightings if np.isnan(sighting.pose[0]))
    for status, count in lost.items():
        print(f"note: {count} of {len(sightings)} pictures: {status}")
    write_json(numbers, command.json)


_LABELS = {
    "pictures_per_s": "pictures per s",
    "seen_share": "share of them in which it is seen",
    "tags": "its tags, median",
    "base_tags": "tags of the base, median",
    "error_pixels": "corners off by, pixels",
    "spread_mm": "spread of its position, mm",
    "spread_deg": "spread of its orientation, deg",
    "effort_ms": "processor time per picture, ms",
}
