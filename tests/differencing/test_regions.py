"""Regions of like colour: borders lie where colours are mixed by half, gaps stay, stripes join."""

from __future__ import annotations

import numpy as np
import pytest

from changedet.differencing.objects.regions import Regions

SHAPE = (40, 60)
BOX = np.s_[10:18, 10:30]


def regions_of(after, before=None, places=None):
    """Regions of an image of one band, of which the whole may be cut."""
    before = np.zeros(SHAPE) if before is None else before
    places = np.ones(SHAPE, dtype=np.int64) if places is None else places
    return Regions.of(places, [before, after], [])


def rims_given(regions):
    regions.join_alike(0.1)
    while regions.give_away(regions.thin(), ~regions.thin(), mixed=True):
        pass
    return regions


@pytest.mark.parametrize(("share", "inside"), [(0.3, False), (0.7, True)])
def test_mixed_pixels_go_to_what_they_resemble(share, inside):
    image = np.zeros(SHAPE)
    image[BOX] = 1.0
    image[10, 10:30] = share
    regions = rims_given(regions_of(image))
    box = regions.owner == regions.owner[14, 20]
    assert len(np.unique(regions.owner)) == 2
    assert box[10, 10:30].all() == inside
    assert box.sum() == 20 * (8 if inside else 7)


def test_a_gap_is_no_rim():
    """Ground between two things of one colour stays between them, however narrow."""
    image = np.zeros(SHAPE)
    image[BOX] = 1.0
    image[10:18, 20] = 0.3
    regions = rims_given(regions_of(image))
    assert regions.owner[14, 15] != regions.owner[14, 25]
    assert regions.owner[14, 20] not in (regions.owner[14, 15], regions.owner[14, 25])


@pytest.mark.parametrize("date", [0, 1])
def test_colours_of_either_date_part_things(date):
    images = [np.zeros(SHAPE), np.zeros(SHAPE)]
    images[date][10:18, 10:20] = 1.0
    images[date][10:18, 20:30] = 2.0
    regions = regions_of(images[1], images[0])
    regions.join_alike(0.35)
    assert len(np.unique(regions.owner)) == 3
    assert (np.bincount(regions.owner.ravel())[1:] > 0).all()


def test_places_never_join():
    places = np.zeros(SHAPE, dtype=np.int64)
    places[:, :30], places[:, 31:] = 1, 2
    regions = regions_of(np.zeros(SHAPE), places=places)
    regions.join_alike(1.0)
    assert len(regions.pixels) == 3
    assert regions.pixels.tolist() == [0, 40 * 30, 40 * 29]


def test_stripes_join_along_and_gaps_do_not():
    image = np.zeros(SHAPE)
    image[10:14, 5:30], image[14:16, 5:30] = 1.0, 2.0
    image[10:16, 30:32] = 3.0
    image[10:16, 32:57] = 1.0
    regions = regions_of(image)
    regions.join_alike(0.1)
    regions.kind = (regions.mean(1) > 0.5).astype(np.int64)
    regions.join_narrow(4.5)
    assert regions.owner[12, 10] == regions.owner[15, 10]
    assert regions.owner[12, 10] != regions.owner[12, 31] != regions.owner[12, 40]


def test_sums_sides_and_borders_are_those_of_the_pixels():
    image = np.zeros(SHAPE)
    image[BOX] = 2.0
    regions = regions_of(image)
    regions.join_alike(0.1)
    box = regions.owner[14, 20]
    length, width = regions.sides()
    assert (length[box], width[box]) == pytest.approx((20, 8))
    assert regions.mean(1)[box] == pytest.approx(2.0)
    assert regions.pixels[box] == 160
    assert regions.contact.tolist() == [2 * (20 + 8)]
    ground = np.arange(len(regions.pixels)) == regions.owner[0, 0]
    assert regions.enclosed(ground)[box] == 1.0
    # whose own border is that of the image as well: it is no place's end, and does not count
    assert regions.enclosed(~ground)[regions.owner[0, 0]] == 1.0
