"""Rail-yard mode on small simulated yards: truth recovered, what cannot be seen said."""

import dataclasses
import json

import numpy as np
import pytest
import shapely
import shapely.ops
from pyproj import CRS

from changedet.activity import check_tracks, track_activity
from changedet.activity.tracks import seen
from changedet.activity.tracks.offset import TrackOffsets, doubts_of_place
from changedet.differencing import shadow_offset
from changedet.errors import GeometryError, GridError
from changedet.model import Grid, Image, ImagePair, Places
from changedet.model.tracks import IN_DOUBT
from changedet.simulation import simulate

LIGHT = {
    "season_before": 0.7, "season_after": 0.5, "sun_before": (150.0, 48.0),
    "sun_after": (165.0, 41.0), "haze_after": 0.35, "gain_after": 1.08, "blur_after": 0.5,
}  # fmt: skip
SMALL = {"size_m": (260, 140), **LIGHT}


class Pair:
    """The two images of a scene, which may be edited."""

    def __init__(self, scene):
        self.images = [scene.before, scene.after]
        self.grid, self.roles = scene.before.grid, scene.before.roles
        self.infos = (scene.before_info, scene.after_info)

    def read(self, window):
        inner = window.intersect(self.grid.window)
        out = []
        for image in self.images:
            pixels = np.zeros((len(self.roles), *window.shape), dtype=np.float32)
            valid = np.zeros(window.shape, dtype=bool)
            if not inner.empty:
                pixels[(slice(None), *inner.within(window))] = image.pixels[:, *inner.slices]
                valid[inner.within(window)] = image.valid[inner.slices]
            out.append(Image(pixels, valid, self.grid.subset(window), self.roles))
        return ImagePair(*out)

    def edit(self, date, where, value=None):
        """Set pixels, or make them invalid."""
        image = self.images[date]
        pixels, valid = image.pixels.copy(), image.valid.copy()
        if value is None:
            valid[where] = False
        else:
            pixels[:, where] = value
        self.images[date] = Image(pixels, valid, image.grid, image.roles)


def read(scene, lines=None, pair=None, told=True):
    pair = pair or Pair(scene)
    suns = scene.options.sun_before, scene.options.sun_after
    away = tuple(shadow_offset(pair.grid, *s) if told else None for s in suns)
    rows = track_activity(pair, lines or scene.truth.track_lines, shadow_away=away)
    return {r.track: r for r in rows}


def moved(lines, east, north):
    shapes = [shapely.transform(g, lambda xy: xy + np.array([east, north])) for g in lines.geometry]
    return dataclasses.replace(lines, geometry=np.array([*shapes, None], dtype=object)[:-1])


def check(scene, rows, metres=6.0, cars=1):
    for true in scene.truth.tracks:
        row = rows[true.name]
        for date in ("before", "after"):
            occupied, count = getattr(row, f"occupied_{date}"), getattr(row, f"cars_{date}")
            assert occupied[0] == pytest.approx(getattr(true, f"occupied_m_{date}"), abs=metres)
            assert abs(count[0] - getattr(true, f"cars_{date}")) <= cars
            assert occupied[1] <= occupied[0] <= occupied[2]


@pytest.fixture(scope="module")
def yard():
    return simulate("railyard", 123, change_fraction=0.3, **SMALL)


@pytest.fixture(scope="module")
def rows(yard):
    return read(yard)


def test_metres_wagons_arrivals_and_departures_of_every_track(yard, rows):
    check(yard, rows)
    for true in yard.truth.tracks:
        row = rows[true.name]
        there = [o for o in yard.truth.objects if o.track == true.name]
        gone = sum(o.before and not o.after for o in there)
        come = sum(o.after and not o.before for o in there)
        assert abs(row.cars_departed[0] - gone) <= 1
        assert abs(row.cars_arrived[0] - come) <= 1
        assert row.length_m == pytest.approx(true.length_m, abs=1.5)
        assert row.grade == "single wagons"


def test_lines_three_metres_off_give_the_same(yard, rows):
    off = read(yard, moved(yard.truth.track_lines, 0.0, -3.0))
    check(yard, off)
    assert off["3"].offset_m[0] - rows["3"].offset_m[0] == pytest.approx(-3.0, abs=0.6)


def only(lines, *names):
    at = [lines.names.index(n) for n in names]
    return Places(tuple(names), lines.geometry[at], lines.crs, tuple(lines.weights[i] for i in at))


def test_a_line_alone_is_read_where_it_is_drawn_and_doubted(yard):
    # a metre beside it fits better: empty ground is plainer than wagons
    (row,) = read(yard, only(yard.truth.track_lines, "4")).values()
    (true,) = [t for t in yard.truth.tracks if t.name == "4"]
    assert row.offset_m == pytest.approx((0.0, 0.0), abs=0.6)
    assert row.cars_before[1] <= true.cars_before <= row.cars_before[2]
    assert IN_DOUBT in row.notes[-1]
    assert "given alone" in row.notes[-1]


def test_lines_that_are_farther_off_than_is_looked_are_doubted(yard, rows):
    assert not any(IN_DOUBT in note for row in rows.values() for note in row.notes)
    off = read(yard, moved(yard.truth.track_lines, 0.0, -8.0))
    doubted = [n for n, r in off.items() if any(IN_DOUBT in note for note in r.notes)]
    assert len(doubted) > len(off) / 2
    assert "no farther was looked" in " ".join(off[doubted[0]].notes)


def test_few_lines_found_beside_themselves_are_doubted():
    placed = TrackOffsets(np.array([[1.5, 0.5, 0.5], [1.5, 0.5, 0.5]]), (None, None), 0.5,
                          np.array([[0.0, 0.5, 0.5], [0.0, 0.5, 0.5]]))  # fmt: skip
    (note,) = doubts_of_place(placed, [0], np.array([0, 1, 1]))
    assert note.startswith(f"{IN_DOUBT}the images fit best 1.5 m beside the line, which was given ")
    assert "with 1 other" in note
    assert not doubts_of_place(placed, [1, 2], np.array([0, 1, 1]))
    assert not doubts_of_place(placed, [0], np.array([0, 1, 2]))


def test_a_line_given_twice_says_why_it_has_no_numbers(yard):
    one = only(yard.truth.track_lines, "3", "2")
    twice = dataclasses.replace(one, names=("3", "again"), geometry=one.geometry[[0, 0]])
    rows = read(yard, twice)
    (row,) = [r for r in rows.values() if r.occupied_before is None]
    assert row.notes[-1] == "another line runs through the same places and counts them"


def test_nobody_told_the_sun(yard):
    check(yard, read(yard, told=False))


def test_drawn_the_other_way_round_and_in_parts(yard, rows):
    lines = yard.truth.track_lines
    shapes = [shapely.reverse(g) if i % 2 else g for i, g in enumerate(lines.geometry)]
    first = shapes[0]
    half = first.length / 2
    shapes[0] = shapely.MultiLineString(
        [
            shapely.ops.substring(first, half + 10, first.length),
            shapely.ops.substring(first, 0, half),
        ]
    )
    geometry = np.array([*shapes, None], dtype=object)[:-1]
    found = read(yard, dataclasses.replace(lines, geometry=geometry))
    for name, row in rows.items():
        assert found[name].occupied_before[0] == pytest.approx(row.occupied_before[0], abs=6)
    assert found["1"].length_m == pytest.approx(rows["1"].length_m - 10, abs=2)


@pytest.mark.parametrize("seed", [121])
def test_full_at_both_dates_is_full(seed):
    """Nothing changed anywhere: trains are told from ground by themselves."""
    scene = simulate("railyard", seed, change_fraction=0.0, occupancy=1.0, **SMALL)
    found = read(scene)
    check(scene, found, metres=8.0)
    assert all(r.arrived[0] < 5 and r.departed[0] < 5 for r in found.values())


@pytest.mark.parametrize("seed", [125, 126])
def test_the_shadow_of_the_next_train_is_no_wagon(seed):
    """Under a low sun, trains shade all of the track beside them; stains lie between the rails."""
    low = {"sun_before": (178.0, 26.0), "sun_after": (160.0, 30.0)}
    scene = simulate("railyard", seed, **{**SMALL, **low}, occupancy=0.4, change_fraction=0.5)
    found = read(scene)
    # half a wagon more where the image's edge cuts one
    check(scene, found, metres=9.0)
    for true in scene.truth.tracks:
        if true.cars_after == 0:
            assert found[true.name].cars_after[0] == 0


def test_probabilities_are_of_all_states(yard):
    """What is asked of one date is the same whichever way it is asked."""
    from changedet.activity.tracks.judging import weights

    for learnt in weights().values():
        assert learnt.weight.shape == (4, len(learnt.mean))
        assert (learnt.spread > 0).all()
    for row in read(yard).values():
        flow = row.arrived[0] - row.departed[0]
        assert row.occupied_after[0] - row.occupied_before[0] == pytest.approx(flow, abs=4)
        for key, value in row.deviations.items():
            assert value >= 0
            assert row.describe()[f"{key}_sd"] == value


def test_cloud_is_left_out_at_its_date_only(yard, rows):
    pair = Pair(yard)
    where = np.zeros(pair.grid.shape, dtype=bool)
    where[:, 200:300] = True
    pair.edit(1, where)
    row = read(yard, pair=pair)["4"]
    assert row.observable_m_before == pytest.approx(rows["4"].observable_m_before, abs=2)
    assert row.observable_m_after == pytest.approx(rows["4"].observable_m_after - 50, abs=6)
    assert row.observable_m == pytest.approx(row.observable_m_after, abs=2)
    assert row.skipped[seen.NOT_VALID] == pytest.approx(51, abs=5)
    assert row.occupied_before[0] == pytest.approx(rows["4"].occupied_before[0], abs=4)
    assert row.occupied_after[2] <= row.observable_m_after


def test_a_bridge_is_left_out(yard, rows):
    pair = Pair(yard)
    where = np.zeros(pair.grid.shape, dtype=bool)
    where[:, 250:274] = True
    for date in range(2):
        pair.edit(date, where, value=900.0)
    found = read(yard, pair=pair)
    for name in ("2", "4"):
        assert found[name].skipped[seen.BRIDGE] == pytest.approx(13, abs=5)
    assert seen.BRIDGE not in rows["2"].skipped


def test_where_tracks_meet_the_longer_one_counts(rows):
    assert all(rows[n].shared_m > 10 for n in ("3", "4", "6"))
    assert rows["1"].shared_m == 0
    # it is not missing: all that is a track's own is seen
    for row in rows.values():
        assert row.observable_m + row.shared_m == pytest.approx(row.length_m, abs=3)
        assert seen.SHARED not in row.skipped
        assert row.describe()["shared_m"] == row.shared_m


@pytest.mark.parametrize(
    ("gsd", "grade"), [(1.0, "length"), (3.0, "length"), (5.0, "occupied"), (10.0, "train-like")]
)
def test_what_pixels_do_not_show_is_not_claimed(gsd, grade):
    scene = simulate("railyard", 123, change_fraction=0.3, gsd_before=gsd, **SMALL)
    for row in read(scene).values():
        assert row.grade == grade
        assert (row.cars_before is None) == (gsd > 3)
        assert (row.occupied_after is None) == (gsd > 6)
        assert row.notes
        if row.cars_before is not None and row.occupied_before[0] > 100:
            assert row.cars_before[1] < row.cars_before[0] < row.cars_before[2]


def test_all_of_it_as_plain_values(rows):
    row = json.loads(json.dumps(rows["3"].describe()))
    for name in ("occupied_m_before", "occupied_m_after", "cars_before", "cars_after"):
        assert {name, f"{name}_low", f"{name}_high"} <= set(row)
    assert row["id"] == "3"
    assert isinstance(row["cars_before"], int)


class TestBadInput:
    def test_outside_and_nothing_seen(self, yard):
        lines = moved(yard.truth.track_lines, 5000.0, 0.0)
        row = read(yard, lines)["1"]
        assert (row.length_m, row.observable_m, row.occupied_before) == (0.0, 0.0, None)
        assert "outside" in row.notes[0]
        pair = Pair(yard)
        for date in range(2):
            pair.edit(date, np.ones(pair.grid.shape, dtype=bool))
        row = read(yard, pair=pair)["1"]
        assert row.cars_after is None
        assert row.skipped[seen.NOT_VALID] == pytest.approx(row.length_m)

    def test_no_georeferencing_no_metres(self, yard):
        pair = Pair(yard)
        grid = Grid.pixels(*pair.grid.shape)
        pair.images = [Image(i.pixels, i.valid, grid, i.roles) for i in pair.images]
        pair.grid = grid
        lines = Places(("a",), np.array([shapely.LineString([(0, 9), (90, 9)])]), None)
        (row,) = track_activity(pair, lines)
        assert row.length_m is None
        assert row.occupied_before is None
        assert "georeferencing" in row.notes[0]

    def test_radar(self, yard):
        pair = Pair(yard)
        pair.infos = tuple(dataclasses.replace(i, domain="sar-amplitude") for i in pair.infos)
        assert "optical" in track_activity(pair, yard.truth.track_lines)[0].notes[0]

    def test_degrees(self, yard):
        lines = dataclasses.replace(yard.truth.track_lines, crs=CRS.from_epsg(4326))
        with pytest.raises(GridError, match=r"tracks of .* are in WGS 84 .* bring the tracks"):
            check_tracks(lines, yard.before.grid)

    def test_no_length_twice_or_no_line(self, yard):
        grid = yard.before.grid
        x, y = grid.xy(50, 50)
        point = shapely.LineString([(x, y), (x, y)])
        with pytest.raises(GeometryError, match="'a' of here has no length: draw a line"):
            check_tracks(Places(("a",), np.array([point]), grid.crs, (), "here"), grid)
        good = shapely.LineString([(x, y), (x + 9, y)])
        both = np.array([good, good, None], dtype=object)[:-1]
        with pytest.raises(GeometryError, match="'a' is taken twice"):
            check_tracks(Places(("a", "a"), both, grid.crs), grid)
        with pytest.raises(GeometryError, match="'a' is a Polygon"):
            check_tracks(Places(("a",), np.array([good.buffer(1)]), grid.crs), grid)

    def test_none_at_all(self, yard):
        assert track_activity(Pair(yard), None) == ()
