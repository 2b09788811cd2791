import numpy as np
import pytest

from dexndm_gym.errors import ConfigurationError
from dexndm_gym.objects.catalog import OBJECT_SETS
from dexndm_gym.task.options import EpisodeOptions
from dexndm_gym.task.orientations import AXES, AXIS_SETS, axes_in_hand, up_in_hand


def drawn(**options):
    rng = np.random.default_rng(0)
    chosen = EpisodeOptions().updated(options)
    return [chosen.draw(rng) for _ in range(60)]


def test_defaults_are_basic_objects_palm_up_plus_z():
    episodes = drawn()
    assert {e.scene.object for e in episodes} == set(OBJECT_SETS["basic"])
    np.testing.assert_array_equal(episodes[0].axis, (0, 0, 1))
    np.testing.assert_allclose(episodes[0].scene.gravity, (0, 0, -9.81))


@pytest.mark.parametrize(
    ("value", "expected"),
    [("cube", {"cube"}), (["cube", "ellipsoid"], {"cube", "ellipsoid"}), ("basic", set(OBJECT_SETS["basic"]))],
)
def test_objects_by_name_list_and_set(value, expected):
    assert {e.scene.object for e in drawn(object=value)} == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("-x", [(-1, 0, 0)]),
        ((0, 3, 4), [(0, 0.6, 0.8)]),
        (list(np.array([0, 3, 4], dtype=np.float32)), [(0, 0.6, 0.8)]),
        (["+x", [0, 0, -2]], [(1, 0, 0), (0, 0, -1)]),
        (np.diag([1, 2, 3]), [(1, 0, 0), (0, 1, 0), (0, 0, 1)]),
    ],
)
def test_axes_by_name_vector_and_list(value, expected):
    axes = {tuple(e.axis) for e in drawn(axis=value)}
    assert axes == {tuple(float(x) for x in axis) for axis in expected}


# What points up in each wrist orientation, in the hand frame: +x to the fingertips, +z out of the palm, thumb at -y.
UP = {
    "palm_up": (0, 0, 1),
    "palm_down": (0, 0, -1),
    "base_up": (-1, 0, 0),
    "base_down": (1, 0, 0),
    "thumb_up": (0, -1, 0),
    "thumb_down": (0, 1, 0),
}


@pytest.mark.parametrize("name", UP)
def test_wrist_points_up_what_its_name_says(name):
    (episode, *_) = drawn(wrist=name)
    np.testing.assert_allclose(episode.scene.gravity, -9.81 * np.array(UP[name]), atol=1e-12)
    np.testing.assert_allclose(up_in_hand(episode.wrist), UP[name], atol=1e-12)


def test_axes_stay_in_the_world_frame():
    (episode, *_) = drawn(wrist="palm_down", axis="+x")
    np.testing.assert_array_equal(episode.axis, (1, 0, 0))


def test_both_quaternions_of_a_wrist_look_alike():
    for wrist in [(0.6, 0.0, -0.8, 0.0), (0.0, -0.6, 0.8, 0.0)]:
        plus, minus = drawn(wrist=wrist)[0], drawn(wrist=[-x for x in wrist])[0]
        np.testing.assert_array_equal(plus.wrist, minus.wrist)


def test_a_batch_mixes_wrists_and_axes():
    episodes = drawn(wrist="six", axis=["principal", "random"])
    assert len({tuple(e.wrist) for e in episodes}) == 6
    assert len({tuple(e.axis) for e in episodes}) > 10


def test_random_wrists_are_uniform():
    rng = np.random.default_rng(0)
    options = EpisodeOptions().updated({"wrist": "random", "axis": "random"})
    episodes = [options.draw(rng) for _ in range(4000)]
    down = np.array([e.scene.gravity for e in episodes]) / 9.81
    np.testing.assert_allclose(np.linalg.norm(down, axis=1), 1.0)
    for directions in (down, np.array([e.axis for e in episodes])):  # a uniform direction has these moments
        np.testing.assert_allclose(directions.mean(axis=0), 0.0, atol=0.04)
        np.testing.assert_allclose(directions.T @ directions / 4000, np.eye(3) / 3, atol=0.03)
    scalar = np.array([e.wrist[0] for e in episodes])
    assert (scalar >= 0.0).all()
    assert np.mean(scalar**2) == pytest.approx(0.25, abs=0.02)


def test_general_axes_are_even_and_not_principal():
    axes = np.array(AXIS_SETS["general"])
    everything = np.concatenate([axes, AXIS_SETS["principal"]])
    assert axes.shape == (26, 3)
    np.testing.assert_allclose(np.linalg.norm(everything, axis=1), 1.0)
    cosine = everything @ everything.T - 2.0 * np.eye(32)
    assert np.degrees(np.arccos(cosine.max())) > 33.0
    np.testing.assert_allclose(everything.T @ everything, np.eye(3) * 32 / 3, atol=0.5)


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
        ({"wrist": "palm_dwn"}, "'palm_down'"),
        ({"axis": "generl"}, "'general'"),
        ({"wrist": {"a": 1}}, "palm_up"),
    ],
)
def test_bad_options_are_named(options, mentions):
    with pytest.raises(ConfigurationError) as caught:
        EpisodeOptions().updated(options)
    assert mentions in str(caught.value)


@pytest.mark.parametrize("name", ["hand+x", "hand-y", "hand+z"])
def test_hand_axes_turn_with_the_wrist(name: str) -> None:
    options = EpisodeOptions().updated({"wrist": "random", "axis": name})
    for seed in range(5):
        drawn = options.draw(np.random.default_rng(seed))
        seen = axes_in_hand(np.array([[*drawn.wrist, *drawn.axis]]))[0]
        np.testing.assert_allclose(seen, AXES[name.removeprefix("hand")], atol=1e-12)


def test_options_that_are_no_mapping_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"Expected options=\{'object'"):
        EpisodeOptions().updated([1])  # type: ignore[arg-type]
