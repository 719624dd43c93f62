from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest
import shapely

from changedet.model import KINDS
from changedet.simulation import Scene
from changedet.simulation.vehicles import WAGONS

FLAGS = {
    "appeared": {(False, True)},
    "disappeared": {(True, False)},
    "modified": {(True, True)},
    "unchanged": {(True, True)},
    "moved": {(True, False), (False, True)},
}


def test_kinds_and_flags(busy: Scene) -> None:
    assert len({o.id for o in busy.truth.objects}) == len(busy.truth.objects)
    for o in busy.truth.objects:
        assert o.kind in KINDS
        assert (o.before, o.after) in FLAGS[o.change]
        assert o.geometry.is_valid
        assert o.height_m >= 0
        assert o.area_m2 == pytest.approx(o.geometry.area, rel=1e-6)


def test_moved_things_are_linked_both_ways(busy: Scene) -> None:
    by_id = {o.id: o for o in busy.truth.objects}
    linked = [o for o in busy.truth.objects if o.link is not None]
    assert linked
    for o in linked:
        other = by_id[o.link]  # type: ignore[index]
        assert other.link == o.id
        assert (o.change, other.change) == ("moved", "moved")
        assert (o.kind, o.subtype) == (other.kind, other.subtype)
        assert (o.before, o.after) == (other.after, other.before)
        assert o.area_m2 == pytest.approx(other.area_m2)


def test_tracks_add_up(busy: Scene) -> None:
    height, width = busy.before.grid.shape
    for track in busy.truth.tracks:
        for date in ("before", "after"):
            inside = []
            for o in busy.truth.objects:
                if o.track != track.name or not getattr(o, date):
                    continue
                row, col = busy.truth.grid.rowcol(o.geometry.centroid.x, o.geometry.centroid.y)
                if -0.5 <= row < height - 0.5 and -0.5 <= col < width - 0.5:
                    inside.append(WAGONS[o.subtype].pitch)
            assert getattr(track, f"cars_{date}") == len(inside)
            assert getattr(track, f"occupied_m_{date}") == pytest.approx(sum(inside), abs=0.01)
        assert track.occupied_m_before <= track.length_m + 20
    assert sum(t.cars_before for t in busy.truth.tracks) > 15


def test_wagons_are_as_large_as_real_ones(busy: Scene) -> None:
    for o in busy.truth.objects:
        if o.kind != "railcar":
            continue
        ring = np.asarray(o.geometry.exterior.coords)
        sides = np.sort(np.hypot(*np.diff(ring, axis=0).T))
        assert 2.8 < sides[0] < 3.3
        assert sides[-1] == pytest.approx(WAGONS[o.subtype].pitch - 1.14, abs=0.01)


@pytest.mark.parametrize("date", ["before", "after"])
def test_nothing_stands_inside_another_thing(busy: Scene, date: str) -> None:
    traffic = ("railcar", "truck", "vehicle", "container", "container_stack")
    shapes = [o.geometry for o in busy.truth.objects if o.kind in traffic and getattr(o, date)]
    tree = shapely.STRtree(shapes)
    first, second = tree.query(shapes, predicate="intersects")
    for i, j in zip(first, second, strict=True):
        assert i == j or shapes[i].intersection(shapes[j]).area < 0.05


def test_wagons_stand_on_their_tracks(busy: Scene) -> None:
    lines = dict(zip(busy.truth.track_lines.names, busy.truth.track_lines.geometry, strict=True))
    for o in busy.truth.objects:
        if o.track is not None and o.track in lines:
            middle = o.geometry.centroid
            if shapely.box(*busy.truth.grid.bounds).contains(middle):
                assert lines[o.track].distance(middle) < 0.1


def test_the_share_that_changes_is_the_share_that_was_asked_for(busy: Scene) -> None:
    cars = [o for o in busy.truth.objects if o.kind == "railcar"]
    count = Counter(o.change for o in cars)
    there = sum(o.before for o in cars)
    changed = count["appeared"] + count["disappeared"] + count["modified"] + count["moved"] / 2
    assert changed / there == pytest.approx(0.35, abs=0.15)


def test_tracks_lie_4_1_to_5_3_metres_apart(busy: Scene) -> None:
    lines = busy.truth.track_lines.geometry
    assert len(lines) >= 4
    x, y = busy.truth.grid.xy(0, busy.truth.grid.width * 0.8)
    cut = shapely.LineString([(x, busy.truth.grid.bounds[1]), (x, y)])
    crossings = sorted(p.y for p in (line.intersection(cut) for line in lines) if not p.is_empty)
    gaps = np.diff(crossings)
    # across the tracks: the yard is turned by 5 to 13 degrees
    assert gaps.min() * np.cos(np.radians(13)) < 4.2
    assert gaps.min() > 4.0
    assert gaps.max() * np.cos(np.radians(13)) < 5.5


def test_geojson_is_rfc_7946(busy: Scene) -> None:
    truth = busy.truth
    for value in (
        truth.objects_geojson(),
        truth.places_geojson(truth.zones),
        truth.places_geojson(truth.roads),
        truth.tracks_geojson(),
    ):
        assert value["type"] == "FeatureCollection"
        assert "crs" not in value
        assert value["features"]
        for feature in json.loads(json.dumps(value))["features"]:
            shape = shapely.geometry.shape(feature["geometry"])
            west, south, east, north = shape.bounds
            assert 130.6 < west <= east < 130.7
            assert 42.4 < south <= north < 42.45
            if shape.geom_type == "Polygon":
                assert shape.exterior.is_ccw


def test_the_mask_covers_the_changed_objects(busy: Scene) -> None:
    mask = busy.truth.changed_mask()
    area = shapely.union_all([o.geometry for o in busy.truth.changed])
    seen = area.intersection(shapely.box(*busy.truth.grid.bounds)).area
    assert mask.sum() * 0.25 == pytest.approx(seen, rel=0.01)
    coarse = busy.truth.changed_mask(busy.after.grid)
    assert coarse.shape == busy.after.grid.shape


def test_changed_places_look_different(busy: Scene) -> None:
    """Shift the after image back by the truth: what changed stands out of what did not."""
    mask = busy.truth.changed_mask()
    dy, dx = (float(np.round(v)) for v in busy.truth.shift_field(90, 150))
    after = np.roll(busy.after.pixels, (int(dy), int(dx)), axis=(1, 2))
    difference = np.log(after / busy.before.pixels)
    difference -= np.median(difference, axis=(1, 2), keepdims=True)
    size = np.abs(difference).mean(axis=0)
    assert np.median(size[mask]) > 3 * np.median(size[~mask])
