import numpy as np
import pytest

from dexndm_gym.errors import ConfigurationError
from dexndm_gym.objects.catalog import OBJECTS
from dexndm_gym.objects.object_model import primitive
from dexndm_gym.tracking.tags import NUM_TAGS, base_tags, object_tags

TAGGED = ["cube", "cylinder", "box_30x30x160", "cylinder_25x24", "box_50x66x62"]


@pytest.mark.parametrize("name", TAGGED)
def test_tags_lie_on_the_surface_facing_out(name: str) -> None:
    item = OBJECTS[name]
    half = item.geoms[0].half_extents
    for corners in object_tags(item).corners.values():
        if item.geoms[0].shape == "box":
            assert np.abs(corners / half).max(axis=1) == pytest.approx(1.0)
        else:
            on_side = np.hypot(corners[:, 0], corners[:, 1]) == pytest.approx(half[0])
            assert on_side or np.abs(corners[:, 2]) == pytest.approx(half[2])
        # clockwise from outside: the corners go round against the outward direction
        normal = np.cross(corners[1] - corners[0], corners[3] - corners[0])
        assert normal @ corners.mean(axis=0) < 0.0


@pytest.mark.parametrize("name", TAGGED)
def test_no_id_occurs_twice(name: str) -> None:
    layouts = (object_tags(OBJECTS[name]), base_tags())
    ids = [tag.id for layout in layouts for panel in layout.panels for tag in panel.tags]
    assert len(set(ids)) == len(ids)
    assert max(ids) < NUM_TAGS


@pytest.mark.parametrize(
    "item", [OBJECTS["ellipsoid"], OBJECTS["rabbit"], primitive("dice", "box", (0.02, 0.02, 0.008))]
)
def test_objects_without_room_are_refused(item: object) -> None:
    with pytest.raises(ConfigurationError, match=r"take a larger object|a box or a cylinder"):
        object_tags(item)  # type: ignore[arg-type]


def test_base_card_moves_with_its_center() -> None:
    here, there = base_tags(), base_tags((-0.2, 0.0, 0.01))
    moved = {tag: there.corners[tag] - corners for tag, corners in here.corners.items()}
    assert np.ptp(np.stack(list(moved.values())), axis=(0, 1)) == pytest.approx(0.0)
    assert moved[0][0] == pytest.approx([-0.05, -0.045, 0.01])
