"""From shadows to what casts them: woods, walls that faced the other sun, and things that came."""

import numpy as np
import pytest

from changedet.differencing.light.casters import IN_SHADOW, NOTHING, ON_ROOF, Walk

LIT, SHADE, CROWN, ROOF = 0.0, -1.1, -1.15, 0.5
"""Logarithms of brightness."""


def cast(tall, away, height):
    """Where things of one height shade the ground, by laying their outline along the light."""
    out = np.zeros_like(tall)
    for step in np.linspace(0, height, 4 * int(height) + 1):
        down, right = round(step * away[0]), round(step * away[1])
        out |= np.roll(tall, (down, right), axis=(0, 1))
    return out & ~tall


def images(tall, level, aways, height):
    """What the two dates show of unchanged things of one height."""
    out = []
    for away in aways:
        image = np.where(cast(tall, away, height), SHADE, LIT)
        out.append(np.where(tall, level, image).astype(np.float32))
    return out


def ask(own, other, aways, where):
    walk = Walk(own, other, np.array(aways[0]), np.array(aways[1]), reach=36, gsd_m=0.5)
    rows, cols = np.nonzero(where)
    return walk.counterpart(rows, cols)


def block(top, left, height, width, side=160):
    out = np.zeros((side, side), dtype=bool)
    out[top : top + height, left : left + width] = True
    return out


SUNS = ((-2.0, -1.2), (-2.2, 1.2))
"""Shadows fall up and to the left at the date asked for, up and to the right at the other."""


def test_the_shadow_of_a_wood_is_followed_into_its_dark():
    wood = block(60, 50, 60, 50)
    own, other = images(wood, CROWN, SUNS, 10.0)
    strip = (own < -0.5) & (other > -0.5) & ~wood
    assert np.count_nonzero(strip) > 400
    found = ask(own, other, SUNS, strip)
    assert np.mean(found == IN_SHADOW) > 0.6


def test_a_dark_field_beside_a_wood_is_no_shadow():
    """A wood that was there, and ground on its shadowed side that got dark all the way."""
    wood = block(90, 50, 60, 50)
    own, other = images(wood, CROWN, SUNS, 1.0)
    field = block(30, 20, 55, 110)
    own = np.where(field, np.float32(SHADE), own)
    deep = block(34, 60, 20, 30)
    assert np.mean(ask(own, other, SUNS, deep) != NOTHING) < 0.1


def test_a_wall_that_faced_the_other_sun_is_hidden_by_its_roof():
    house = block(60, 70, 50, 20)
    own, other = images(house, ROOF, SUNS, 8.0)
    beside = (own < -0.5) & (other > -0.5) & ~house
    beside[:, 70:] = beside[:75] = False  # left of the wall, not at its upper end
    assert np.count_nonzero(beside) > 150
    found = ask(own, other, SUNS, beside)
    assert np.mean(found == ON_ROOF) > 0.6
    assert np.mean(found == NOTHING) < 0.3


@pytest.mark.parametrize("height", [6, 12, 30])
def test_a_dark_thing_that_came_has_no_counterpart(height):
    thing = block(60, 70, height, 8)
    own, other = images(np.zeros_like(thing), ROOF, SUNS, 8.0)
    own = np.where(thing, np.float32(SHADE), own)
    assert (ask(own, other, SUNS, thing) == NOTHING).all()


def test_a_dark_thing_that_came_between_houses_has_no_counterpart():
    houses = block(20, 20, 20, 30) | block(110, 60, 30, 30)
    own, other = images(houses, ROOF, SUNS, 6.0)
    thing = block(66, 70, 24, 6)
    assert not (thing & ((own < -0.5) | (other < -0.5))).any()
    own = np.where(thing, np.float32(SHADE), own)
    assert np.mean(ask(own, other, SUNS, thing) != NOTHING) < 0.1


def test_nothing_asked_nothing_found():
    own, other = images(block(60, 60, 10, 10), ROOF, SUNS, 4.0)
    assert ask(own, other, SUNS, np.zeros(own.shape, dtype=bool)).shape == (0,)
