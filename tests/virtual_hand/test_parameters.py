from dataclasses import fields

import numpy as np
import pytest

from dexndm_gym.virtual_hand.parameters import HandParameters, ServoParameters, Spread, stack_servos


def figures(hand):
    servos = {entry.name: getattr(hand.servos, entry.name) for entry in fields(ServoParameters)}
    own = {entry.name: getattr(hand, entry.name) for entry in fields(HandParameters) if entry.name != "servos"}
    return servos | own


def test_seed_decides_the_hand():
    first, again, other = (figures(HandParameters.draw(seed)) for seed in (3, 3, 4))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert sum(not np.array_equal(first[name], other[name]) for name in first) > 10


def test_severity_zero_is_the_nominal_hand():
    calm, nominal = figures(HandParameters.draw(5, Spread(severity=0.0))), figures(HandParameters.nominal())
    assert all(np.allclose(calm[name], nominal[name]) for name in nominal)


def test_severity_scales_the_distance_from_nominal():
    def distance(severity):
        nominal = HandParameters.nominal().servos.coulomb
        return np.abs(np.log(HandParameters.draw(0, Spread(severity=severity)).servos.coulomb / nominal))

    assert distance(2.0) == pytest.approx(2 * distance(1.0))


def test_drawn_hands_are_physically_possible():
    for seed in range(200):
        hand = HandParameters.draw(seed)
        backlash = np.degrees(hand.servos.backlash)
        assert backlash.min() >= 0.2
        assert backlash.max() <= 1.1
        assert 0.004 <= np.max(hand.servos.delay) <= 0.025
        assert np.max(np.abs(hand.servos.encoder_offset)) < np.radians(5)
        assert np.max(hand.servos.load_friction) < 0.5
        assert 4.4 < hand.supply_voltage < 5.6


def test_stacked_servos_keep_hands_apart():
    hands = [HandParameters.draw(0), HandParameters.nominal()]
    stacked = stack_servos(hands)
    assert stacked.coulomb.shape == (2, 16)
    assert np.array_equal(stacked.coulomb[0], hands[0].servos.coulomb)
    assert np.all(stacked.delay[1] == 0.010)
