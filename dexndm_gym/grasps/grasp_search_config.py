"""The numbers that searches for grasps go by."""

from dataclasses import dataclass

from dexndm_gym.checks import Checked, NotNegative, Positive


@dataclass(frozen=True, kw_only=True)
class GraspSearch(Checked):
    """Numbers of the search for grasps."""

    position_spread: NotNegative = 0.012
    """Half width of the scatter of the object's place about PALM_REST_CENTER, m."""

    height: NotNegative = 0.04
    """How much farther from the palm it may be held out, m: where fingertips meet, not only where the palm helps."""

    pose_spread: NotNegative = 0.2
    """Half width of the scatter of the open hand's joints, rad (the paper's relatives use 0.25 to 0.3)."""

    closing_speed: Positive = 1.2
    """Speed of the knuckles' targets while they close, rad/s; scatters from 0.6 to 1.4 times that."""

    closing_time: Positive = 2.0
    """s."""

    press: Positive = 0.08
    """A finger stops closing when a joint is this far behind its target, rad: about 0.09 N m."""

    friction: Positive = 0.6
    """Friction of the object while grasps are tried; less than nominal, so that a grasp that is kept is a firm one."""

    hold_time: Positive = 2.0
    """How long gravity pulls in each direction, s. From SETTLE_TIME on bodies must stay out of each other, in
    every physics step: objects slipping over an edge penetrate it for a step or two."""

    slip: Positive = 0.012
    """The farthest that a held object may give way, m."""

    reach: Positive = 0.06
    """The farthest that it may be from where it was held out, m; for a fist from PALM_REST_CENTER."""
