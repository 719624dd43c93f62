"""Strips along tracks: positions, interpolation, what is left out."""

import numpy as np
import pytest
import shapely
from affine import Affine
from pyproj import CRS

from changedet.activity.tracks import profile as track_profile
from changedet.activity.tracks.chain import START, STATES, smooth_states, transition
from changedet.activity.tracks.profile import track_strips
from changedet.model import Grid, Image, ImagePair, Places

UTM = CRS.from_epsg(32652)


def make_grid(height=120, width=160, gsd=0.5, crs=UTM):
    return Grid(Affine(gsd, 0, 650000, 0, -gsd, 4700000), height, width, crs)


class ArrayPair:
    """Two arrays (band, y, x) as a pair; invalid outside."""

    def __init__(self, grid, before, after, valid=None):
        self.grid, self.arrays = grid, (before, after)
        self.roles = tuple(f"band{i}" for i in range(len(before)))
        self.valid = np.ones(grid.shape, dtype=bool) if valid is None else valid

    def read(self, window):
        inner = window.intersect(self.grid.window)
        out = []
        for array in self.arrays:
            pixels = np.zeros((len(array), *window.shape), dtype=np.float32)
            valid = np.zeros(window.shape, dtype=bool)
            if not inner.empty:
                pixels[(slice(None), *inner.within(window))] = array[:, *inner.slices]
                valid[inner.within(window)] = self.valid[inner.slices]
            out.append(Image(pixels, valid, self.grid.subset(window), self.roles))
        return ImagePair(*out)


def line(grid, *rowcols):
    r, c = np.array(rowcols, dtype=float).T
    return shapely.LineString(np.column_stack(grid.xy(r, c)))


def places(*lines, crs=UTM):
    geometry = np.array([*lines, None], dtype=object)[:-1]
    names = tuple(f"t{i}" for i in range(len(lines)))
    return Places(names, geometry, crs, (1.0,) * len(lines), "test")


def ramp(grid):
    """Bands that hold their row and their column."""
    r, c = np.mgrid[: grid.height, : grid.width].astype(np.float32)
    return np.stack([r, c])


@pytest.mark.parametrize("gsd", [0.5, 3.0])
def test_samples_lie_where_they_say(gsd):
    """Both interpolations keep a plane; right of the way east is south."""
    grid = make_grid(gsd=gsd)
    pair = ArrayPair(grid, ramp(grid), ramp(grid) + 7)
    (strip,) = track_strips(pair, places(line(grid, (60, 30), (60, 130))))
    assert strip.step == pytest.approx(gsd, rel=1e-3)
    assert strip.length == pytest.approx(100 * gsd, rel=0.02)
    middle = np.argmin(np.abs(strip.across))
    k = len(strip.along) // 2
    for date, more in ((0, 0), (1, 7)):
        row, col = strip.pixels[date][:, k]
        assert row[middle] == pytest.approx(60 + more, abs=1e-3)
        np.testing.assert_allclose(row - row[middle], strip.across / strip.step, atol=2e-3)
        np.testing.assert_allclose(col, strip.cols[k] + more, atol=2e-3)


def test_a_bend_is_followed_and_joined_parts_are_one_piece():
    grid = make_grid()
    pair = ArrayPair(grid, ramp(grid), ramp(grid))
    bent = shapely.MultiLineString(
        [line(grid, (30, 20), (30, 80)), line(grid, (30, 80), (90, 130))]
    )
    strips = track_strips(pair, places(bent))
    assert len(strips) == 1
    centre = strips[0].pixels[0][:, :, np.argmin(np.abs(strips[0].across))]
    np.testing.assert_allclose(centre[0], strips[0].centre[:, 0] / strips[0].step, atol=0.02)
    # once the bend is behind, right is down and left
    assert strips[0].right[-1] == pytest.approx((0.64, -0.768), abs=0.01)


def test_parts_apart_are_pieces_and_what_is_outside_is_left_out():
    grid = make_grid()
    pair = ArrayPair(grid, ramp(grid), ramp(grid))
    apart = shapely.MultiLineString(
        [line(grid, (30, 20), (30, 60)), line(grid, (30, 100), (30, 400))]
    )
    outside = line(grid, (500, 0), (500, 100))
    strips = track_strips(pair, places(apart, outside))
    assert [s.track for s in strips] == [0, 0]
    assert sum(s.length for s in strips) == pytest.approx(0.5 * (40 + 59.5), abs=1.0)


def test_samples_are_valid_where_all_pixels_around_are(monkeypatch):
    grid = make_grid()
    valid = np.ones(grid.shape, dtype=bool)
    valid[:, 70:80] = False
    pair = ArrayPair(grid, ramp(grid), ramp(grid), valid)
    track = places(line(grid, (60, 30), (60, 130)))
    (strip,) = track_strips(pair, track)
    middle = np.argmin(np.abs(strip.across))
    gap = ~strip.valid[0][:, middle]
    assert 10 <= gap.sum() <= 12
    monkeypatch.setattr(track_profile, "BLOCK", 37)
    (again,) = track_strips(pair, track)
    np.testing.assert_array_equal(strip.pixels, again.pixels)
    np.testing.assert_array_equal(strip.valid, again.valid)


def test_without_georeferencing_there_are_no_strips():
    grid = Grid.pixels(100, 100)
    pair = ArrayPair(grid, ramp(grid), ramp(grid))
    assert track_strips(pair, places(line(grid, (50, 10), (50, 90)), crs=None)) == []


def test_the_chain_gives_exact_posteriors():
    """Against the sum over all paths, with a shorter piece beside a longer one."""
    rng = np.random.default_rng(3)
    evidence = rng.normal(0, 2, (9, 4))
    parts = (slice(0, 5), slice(5, 9))
    found = smooth_states(evidence, parts, 10.0)
    move = transition(10.0)
    for part in parts:
        n = part.stop - part.start
        total = np.zeros((n, 4))
        for path in np.ndindex(*(4,) * n):
            weight = START[path[0]] * np.exp(evidence[part.start, path[0]])
            for i in range(1, n):
                weight *= move[path[i - 1], path[i]] * np.exp(evidence[part.start + i, path[i]])
            for i, state in enumerate(path):
                total[i, state] += weight
        total /= total.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(found[part], total, atol=1e-10)
    np.testing.assert_allclose(move.sum(axis=1), 1.0)
    assert len(STATES) == 4
