"""What an object is called, how sure that is, and what is not claimed."""

from dataclasses import replace

import numpy as np
import pytest
import shapely

from changedet.activity import (
    find_links,
    interpret,
    place_objects,
    relate,
    size_likelihood,
    straightened,
)
from changedet.activity.things import kinds
from changedet.activity.things.claims import choose_kinds
from changedet.activity.things.placing import lay_lines
from changedet.errors import GeometryError, GridError
from changedet.loading import read_places
from changedet.model import KINDS, Places

from . import yard

TRACK = yard.lines(("4", [(0, 60), (200, 60)]))
ROAD = yard.lines(("south road", [(0, 140), (200, 140)]))


def named(things, gsd=0.5, size=400, **given):
    return interpret(yard.table(things), None, yard.grid(gsd, size), **given)


@pytest.mark.parametrize(
    ("thing", "kind"),
    [
        ((100, 60, 12.8, 3.16, "appeared"), "railcar"),
        ((100, 60.8, 17.2, 3.1, "disappeared"), "railcar"),
        ((100, 61, 150.0, 3.2, "appeared"), "train"),
        ((100, 100, 12.19, 2.44, "appeared"), "container"),
        ((100, 100, 6.06, 2.44, "modified"), "container"),
        ((100, 100, 12.2, 10.0, "appeared"), "container_stack"),
        ((100, 142, 16.5, 2.55, "appeared"), "truck"),
        ((100, 142, 9.0, 2.5, "appeared"), "truck"),
        ((100, 141.8, 4.6, 1.8, "appeared"), "vehicle"),
        ((100, 142, 60.0, 2.6, "appeared"), "convoy"),
    ],
)
def test_things_of_known_size_in_their_place_are_recognised(thing, kind):
    found = named([thing], tracks=TRACK, roads=ROAD)
    assert found["kind"][0] == kind
    assert 0.3 < found["kind_confidence"][0] <= 1


def test_the_reason_gives_size_and_place():
    found = named(
        [(100, 60.5, 13.6, 3.1, "appeared"), (60, 142, 16.5, 2.55, "appeared")],
        tracks=TRACK, roads=ROAD,
    )  # fmt: skip
    assert found["kind_reason"].tolist() == [
        "13.6 m by 3.1 m, on track 4",
        "16.5 m by 2.55 m, on south road",
    ]


def test_a_track_makes_a_wagon_of_what_could_be_a_container():
    thing = (100, 60, 12.4, 2.8, "appeared")
    alone, on_track = named([thing]), named([thing], tracks=TRACK)
    away = named([(100, 100, *thing[2:])], tracks=TRACK)
    railcar = [t["kind"][0] == "railcar" and t["kind_confidence"][0] for t in (on_track, away)]
    assert railcar[0] > 0.9
    assert not railcar[1] or railcar[1] < alone["kind_confidence"][0]


def test_a_thing_across_the_track_is_no_wagon():
    found = named([(100, 60, 12.4, 2.8, "appeared", 90.0)], tracks=TRACK)
    assert found["kind"][0] != "railcar"


def test_neighbours_tell_wagons_from_a_row_of_containers_without_lines():
    # all 12.3 m by 2.8 m: only the gaps differ
    coupled = named(yard.wagons(30, 50, 6, length=12.3, width=2.8, gap=1.15), gsd=0.25, size=800)
    row = named(yard.wagons(30, 50, 6, length=12.3, width=2.55, gap=0.35), gsd=0.25, size=800)
    assert set(coupled["kind"]) == {"railcar"}
    assert set(row["kind"]) == {"container"}
    assert coupled["kind_reason"][0].endswith("in line with 5 others")


def test_a_smaller_pixel_is_more_certain():
    thing = [(90, 90, 12.19, 2.44, "appeared")]
    sure = [named(thing, gsd, round(200 / gsd))["kind_confidence"][0] for gsd in (0.25, 0.5, 1.0)]
    assert sure[0] > sure[1] > sure[2]


def test_vegetation_and_water_are_told_by_their_colour():
    things = [(100, 100, 30, 20, "disappeared"), (150, 100, 30, 20, "appeared")]
    dates = np.array([1, 2])
    look = yard.looks([[0.05, 0.08, 0.04, 0.5], [0.08, 0.07, 0.05, 0.02]], dates=dates)
    roles = ("blue", "green", "red", "nir")
    found = interpret(yard.table(things), look, yard.grid(), roles=roles)
    assert found["kind"].tolist() == ["vegetation", "water"]
    assert found["kind_reason"][0] == "30 m by 20 m, vegetation index 0.85"


COARSE = [
    *yard.wagons(40, 60, 3), (150, 60, 80.0, 3.2, "appeared"), (100, 100, 12.19, 2.44, "appeared"),
    (100, 142, 16.5, 2.55, "appeared"), (60, 142, 4.6, 1.8, "appeared"),
]  # fmt: skip


@pytest.mark.parametrize("gsd", [1.2, 2.0, 3.0, 5.0, 10.0, 20.0])
def test_single_things_are_not_claimed_above_one_metre(gsd):
    found = named(COARSE, gsd, 200, tracks=TRACK, roads=ROAD)
    single = {"railcar", "container", "truck", "vehicle"}
    assert not single & set(found["kind"])
    assert "single things are not told at" in found["kind_reason"][0]


def test_at_one_metre_wagons_are_still_single():
    assert named(COARSE[:3], 1.0, 200, tracks=TRACK)["kind"].tolist() == ["railcar"] * 3


@pytest.mark.parametrize("gsd", [4.0, 5.0, 10.0])
def test_above_three_metres_a_train_is_only_occupied_length_of_a_given_track(gsd):
    # an outline at such a pixel is at least a pixel wide
    long = [(100, 62, 150.0, 3.2 + 0.5 * gsd, "appeared")]
    given, alone = named(long, gsd, 100, tracks=TRACK), named(long, gsd, 100)
    assert given["kind"][0] == "train"
    assert given["group"][0] is None
    assert alone["kind"][0] != "train"
    assert "on track 4" in given["kind_reason"][0]
    assert named(long, 15.0, 100, tracks=TRACK)["kind"][0] != "train"


@pytest.mark.parametrize("gsd", [2.0, 3.0, 10.0])
def test_a_yard_under_one_outline_is_no_train(gsd):
    broad = [(500, 60, 700.0, 30.0 + 4 * gsd, "modified"), (500, 1400, 200.0, 60.0, "appeared")]
    lines = {
        "tracks": yard.lines(("4", [(0, 60), (1000, 60)])),
        "roads": yard.lines(("south road", [(0, 1400), (1000, 1400)])),
    }
    found = named(broad, gsd, round(2000 / gsd), **lines)
    assert not {"train", "convoy"} & set(found["kind"])


def test_without_georeferencing_no_kind_is_claimed():
    found = interpret(yard.table(yard.wagons(50, 60, 2), crs=None), None, yard.grid(1, 200, None))
    assert found["kind"].tolist() == ["other"] * 2
    assert np.isnan(found["kind_confidence"]).all()
    assert found["kind_reason"][0] == "sizes are unknown without georeferencing"
    assert found["group"].tolist() == [None] * 2


def test_radar_outlines_are_no_sizes():
    found = named(yard.wagons(50, 60, 2), tracks=TRACK, roles=("vv", "vh"))
    assert found["kind"].tolist() == ["other"] * 2
    assert np.isnan(found["kind_confidence"]).all()


def test_what_is_explained_away_is_not_named():
    changes = yard.table(yard.wagons(50, 60, 3), explained_by=["shadow", None, None])
    found = interpret(changes, None, yard.grid(), tracks=TRACK)
    assert found["kind"].tolist() == ["other", "railcar", "railcar"]
    assert found["kind_reason"][0] == "explained by shadow"
    assert np.isnan(found["kind_confidence"][0])


def test_of_a_thing_cut_by_the_edge_the_length_is_a_lower_bound():
    changes = yard.table([(100, 60, 7.0, 3.16, "appeared")], cut_by=["image edge"])
    found = interpret(changes, None, yard.grid(), tracks=TRACK)
    assert found["kind"][0] == "railcar"
    assert found["kind_reason"][0].startswith("at least 7 m by 3.16 m")


def test_probabilities_are_those_of_the_sizes():
    # sizes drawn from one class and blurred by a pixel are most likely under that class
    rng = np.random.default_rng(1)
    n = 400
    length, width = 12.19 + rng.normal(0, 0.25, n), 2.44 + rng.normal(0, 0.25, n)
    likely = size_likelihood(length, width, np.ones(n), 0.25)
    best = np.asarray(KINDS)[likely.argmax(axis=1)]
    assert (best == "container").mean() > 0.9


def test_an_outline_may_hold_a_part_of_a_wagon():
    # half of a wagon on a track is no container, and a car is no part of a wagon
    found = named(
        [(100, 60, 7.4, 3.1, "appeared"), (100, 142, 4.6, 1.8, "appeared")],
        tracks=TRACK, roads=ROAD,
    )  # fmt: skip
    assert found["kind"].tolist() == ["railcar", "vehicle"]
    # what may have any size is none the likelier for it
    wide = size_likelihood(np.array([30.0, 30.0]), np.array([20.0, 20.0]), np.ones(2), 0.5)
    assert KINDS[int(wide[0].argmax())] in ("container_stack", "building")


def test_directions_are_drawn_together():
    turns = [0.0, 6.0, -6.0, 4.0, -5.0, 0.0, 0.0]
    things = [(*t, turn) for t, turn in zip(yard.wagons(20, 60, 7), turns, strict=True)]
    across = (100, 66, 12.8, 3.16, "appeared", 90.0)
    objects = place_objects(yard.table([*things, across]), yard.grid(), 1.0)
    after = straightened(objects)
    angle = np.degrees(np.arctan2(after.along[:, 1], after.along[:, 0]) % np.pi)
    off = np.abs((angle + 90) % 180 - 90)
    assert off[:7].max() < 2.0
    assert abs(angle[7] - 90) < 0.5
    assert np.allclose(np.hypot(*(after.ends[:, 1] - after.ends[:, 0]).T), objects.length)


def test_the_table_may_be_empty_and_rows_keep_their_order():
    empty = interpret(yard.table([]), None, yard.grid(), tracks=TRACK)
    assert len(empty) == 0
    things = [*yard.wagons(40, 60, 4), (100, 100, 12.19, 2.44, "appeared")]
    there, back = named(things, tracks=TRACK), named(things[::-1], tracks=TRACK)
    assert there["kind"].tolist() == back["kind"].tolist()[::-1]
    assert np.allclose(there["kind_confidence"], back["kind_confidence"][::-1], rtol=1e-9)


def test_directions_hold_in_any_projection():
    # a projection whose grid north is well off true north, and one that stretches lengths
    for code in (32651, 3857, 4326):
        changes = yard.table(yard.wagons(40, 60, 4))
        target = Places(TRACK.names, TRACK.geometry, TRACK.crs)
        from affine import Affine
        from pyproj import CRS

        from changedet.loading.vectors.places import places_on
        from changedet.model import Grid

        crs = CRS.from_epsg(code)
        moved, track = changes.to_crs(crs), places_on(target, crs)
        left, _, _, top = shapely.total_bounds(moved.geometry)
        step = 0.5 / (111e3 if code == 4326 else 1.0)
        grid = Grid(Affine(step, 0, left - 50 * step, 0, -step, top + 50 * step), 400, 400, crs)
        # true bearings: those of the boxes plus the convergence of the zone they were drawn in
        bearing = _true_bearing(changes)
        objects = place_objects(moved.with_columns(bearing_deg=bearing), grid, 1.0)
        relation = relate(objects, lay_lines(track, grid))
        # in degrees pixels are not square, but distances are metres all the same
        assert relation.distance.max() < 0.1, code
        assert relation.angle.max() < 0.5, code
        assert len(find_links(objects).gap) == 3, code


def _true_bearing(changes):
    from pyproj import Proj

    middle = shapely.centroid(changes.geometry)
    proj = Proj(changes.crs)
    lon, lat = proj(shapely.get_x(middle), shapely.get_y(middle), inverse=True)
    convergence = proj.get_factors(lon, lat).meridian_convergence
    return (changes["bearing_deg"] + convergence) % 180


def test_tracks_may_be_multilines_in_degrees():
    from changedet.loading.vectors.places import places_on
    from changedet.model import WGS84

    degrees = places_on(TRACK, WGS84).geometry[0]
    a, b = shapely.get_coordinates(degrees)
    mid = (a + b) / 2
    third = a + (b - a) * 0.25
    geometry = {
        "type": "MultiLineString",
        "coordinates": [[list(a), list(third)], [list(mid), list(b)]],
    }
    source = {"type": "Feature", "geometry": geometry, "properties": {"name": "4"}}
    tracks = read_places(source, kind="line", crs=yard.UTM)
    found = named([(150, 60, 12.8, 3.16, "appeared")], tracks=tracks)
    assert found["kind_reason"][0] == "12.8 m by 3.16 m, on track 4"
    # between the two parts there is no track
    gap = named([(75, 60, 12.8, 3.16, "appeared")], tracks=tracks)
    assert "track" not in gap["kind_reason"][0]


def test_a_part_of_length_zero_is_left_out_and_a_whole_line_of_it_is_refused():
    point = [yard.EAST + 100, yard.NORTH - 100]
    parts = [shapely.LineString([point, point]), *shapely.get_parts(TRACK.geometry)]
    both = Places(("4",), np.array([shapely.MultiLineString(parts)], dtype=object), yard.UTM)
    assert len(lay_lines(both, yard.grid())) == 1
    found = named([(100, 100, 12.8, 3.16, "appeared")], tracks=both)
    assert "track" not in found["kind_reason"][0]
    flat = {"type": "LineString", "coordinates": [[130.6, 42.4], [130.6, 42.4]]}
    with pytest.raises(GeometryError, match="is a line of length zero: redraw it"):
        read_places(flat, kind="line", crs=yard.UTM)


def test_lines_and_appearance_must_fit():
    degrees = Places(("4",), TRACK.geometry, None, source="tracks.geojson")
    with pytest.raises(GridError, match=r"tracks.geojson are in pixels \(no CRS\) and the grid is"):
        named(yard.wagons(50, 60, 2), tracks=degrees)
    look = yard.looks(np.ones((3, 2)), dates=np.full(3, 2))
    with pytest.raises(GridError, match="appearance has 3 objects and the table 2"):
        interpret(yard.table(yard.wagons(50, 60, 2)), look, yard.grid())
    with pytest.raises(GridError, match="objects and the grid are in different"):
        interpret(yard.table(yard.wagons(50, 60, 2)), None, yard.grid(1, 100, None))


def _probability_of(kind, best):
    other = np.full(len(KINDS), (1 - best) / (len(KINDS) - 1))
    other[KINDS.index(kind)] = best
    return other


def test_confidence_never_falls_where_the_probability_rises():
    steps = np.linspace(0.15, 1.0, 60)
    given = np.array([_probability_of("truck", p) for p in steps])
    kind, confidence = choose_kinds(given, np.ones_like(given, dtype=bool))
    assert set(kind) == {"truck"}
    assert (np.diff(confidence) > 0).all()
    assert 0 < confidence[0] < confidence[-1] < 1


def test_a_lorry_is_no_wagon_for_standing_alone_in_its_row():
    # a trailer's length, with gaps of a convoy, no lines given
    found = named([(40 + 23 * k, 60, 13.6, 2.7, "appeared") for k in range(5)])
    assert set(found["kind"]) == {"truck"}
    coupled = named([(40 + 14.1 * k, 60, 13.0, 3.1, "appeared") for k in range(5)])
    assert set(coupled["kind"]) == {"railcar"}


def test_how_many_lorries_stand_on_roads_counts_once():
    """For one that is parked far from any, whatever where it stands weighs."""
    grid = yard.grid(0.5, 400)
    objects = place_objects(yard.table([(100, 118, 16.5, 2.55, "appeared")]), grid, 1.0)
    roads, tracks = (relate(objects, lay_lines(given, grid)) for given in (ROAD, TRACK))
    none = np.full(1, np.nan)
    setting = kinds.Setting(objects, tracks, roads, 0.5, none, none)
    place = kinds.evidence(setting, find_links(objects))[1][0]
    off_road = 1 - kinds.ON_ROAD["truck"] - 0.01
    there = place[KINDS.index("truck")] / place[KINDS.index("container")]
    assert there == pytest.approx(off_road / (1 - 0.03 - 0.01), rel=0.1)


def test_what_may_be_two_things_is_said_with_little_confidence():
    # between a trailer and a container of 45 ft, alone and without lines
    found = named([(100, 100, 13.4, 2.5, "appeared")])
    assert found["kind"][0] in ("truck", "container")
    assert found["kind_confidence"][0] < 0.8


def test_what_is_likely_a_shadow_is_called_nothing_and_the_rest_is_less_sure():
    things = [(40 + 40 * k, 60, 12.8, 3.16, "appeared") for k in range(4)]
    looks = yard.looks(np.full((4, 4), 0.5), dates=np.full(4, 2))
    plain = interpret(yard.table(things), looks, yard.grid(), tracks=TRACK)
    body = np.array([1.0, 0.7, 0.2, np.nan])
    found = interpret(
        yard.table(things), replace(looks, body=body), yard.grid(), tracks=TRACK
    )  # fmt: skip
    assert plain["kind"].tolist() == ["railcar"] * 4
    assert found["kind"].tolist() == ["railcar", "railcar", "other", "railcar"]
    sure = plain["kind_confidence"] * [1.0, 0.7, 1.0, 1.0]
    sure[2] = 0.8
    np.testing.assert_allclose(found["kind_confidence"], sure)
    told = ["more likely only the rim or the shadow" in why for why in found["kind_reason"]]
    assert told == [False, False, True, False]


def test_appearance_keeps_who_is_a_body_row_by_row():
    plain = yard.looks(np.full((3, 4), 0.5), dates=np.full(3, 2))
    looks = replace(plain, body=np.array([0.1, 0.2, 0.3]))
    assert looks.take(np.array([2, 0])).body.tolist() == [0.3, 0.1]
    assert plain.take(np.array([2, 0])).body is None


def test_a_sliver_is_no_container():
    sliver, box = (100, 100, 2.8, 2.44, "appeared"), (130, 100, 6.06, 2.44, "appeared")
    assert named([sliver, box])["kind"].tolist() == ["other", "container"]
    # of what is cut by the edge the rest may lie beyond
    changes = yard.table([sliver], cut_by=["image edge"])
    assert interpret(changes, None, yard.grid())["kind"][0] == "container"


def test_a_piece_of_a_wagon_is_no_wagon_and_the_reason_says_so():
    found = named([(100, 60, 5.0, 3.16, "appeared"), (130, 60, 5.8, 3.16, "appeared")],
                  tracks=TRACK)  # fmt: skip
    assert found["kind"].tolist() == ["other", "railcar"]
    assert found["kind_reason"][0].endswith("on track 4, less than half as long as a wagon")
    assert "half" not in found["kind_reason"][1]
