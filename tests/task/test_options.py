import numpy as np
import pytest

from dexndm_gym.errors import ConfigurationError
from dexndm_gym.leap.objects import OBJECTS
from dexndm_gym.task.options import EpisodeOptions


def drawn(**options):
    rng = np.random.default_rng(0)
    chosen = EpisodeOptions().updated(options)
    return [chosen.draw(rng) for _ in range(60)]


def test_defaults_are_all_basic_objects_palm_up_about_plus_z():
    episodes = drawn()
    assert {e.scene.object for e in episodes} == set(OBJECTS)
    np.testing.assert_array_equal(episodes[0].axis, (0, 0, 1))
    np.testing.assert_allclose(episodes[0].scene.gravity, (0, 0, -9.81))


@pytest.mark.parametrize(
    ("value", "expected"),
    [("cube", {"cube"}), (["cube", "ellipsoid"], {"cube", "ellipsoid"}), ("basic", set(OBJECTS))],
)
def test_objects_by_name_list_and_set(value, expected):
    assert {e.scene.object for e in drawn(object=value)} == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("-x", [(-1, 0, 0)]), ((0, 3, 4), [(0, 0.6, 0.8)]), (["+x", [0, 0, -2]], [(1, 0, 0), (0, 0, -1)])],
)
def test_axes_by_name_vector_and_list(value, expected):
    axes = {tuple(e.axis) for e in drawn(axis=value)}
    assert axes == {tuple(float(x) for x in axis) for axis in expected}


def test_wrist_turns_gravity_and_axis_into_the_hand_frame():
    half_turn_about_x = (0.0, 1.0, 0.0, 0.0)
    (episode, *_) = drawn(wrist=half_turn_about_x)
    np.testing.assert_allclose(episode.scene.gravity, (0, 0, 9.81), atol=1e-12)
    np.testing.assert_allclose(episode.axis_in_hand, (0, 0, -1), atol=1e-12)


@pytest.mark.parametrize(
    ("options", "mentions"),
    [
        ({"object": "cub"}, "cube"),
        ({"objekt": "cube"}, "object"),
        ({"object": []}, "empty"),
        ({"axis": "z"}, "+z"),
        ({"axis": (0, 0, 0)}, "(0, 0, 0)"),
        ({"axis": (1, 0)}, "3 finite numbers"),
        ({"axis": (np.nan, 0, 1)}, "finite"),
        ({"wrist": "palm_sideways"}, "palm_up"),
        ({"wrist": {"a": 1}}, "palm_up"),
    ],
)
def test_bad_options_are_named(options, mentions):
    with pytest.raises(ConfigurationError) as caught:
        EpisodeOptions().updated(options)
    assert mentions in str(caught.value)
