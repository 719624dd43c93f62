"""A made-up report, without the rest of the package: a small yard with some thirty changes."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import cv2
import numpy as np
import pytest
import shapely
from affine import Affine
from pyproj import CRS

from changedet.model import (
    Alignment,
    ChangeReport,
    ChangeTable,
    Comparability,
    Grid,
    Image,
    ImageInfo,
    ImagePair,
    Lattice,
    Places,
    ZoneActivity,
)
from changedet.reporting import words_of

ROLES = ("blue", "green", "red", "nir")
ZONES = {
    "yard": (30, 40, 620, 190),
    "pad": (30, 220, 300, 400),
    "road <north> & gate": (330, 220, 620, 400),
}


class ArrayWindows:
    def __init__(self, array, grid):
        self.array, self.grid, self.dtype = array, grid, array.dtype

    def read(self, window):
        return self.array[window.slices].copy()


class ArrayPair:
    def __init__(self, before, after, infos):
        self.images, self.infos = (before, after), infos
        self.grid, self.roles = before.grid, before.roles

    def read(self, window):
        def cut(image):
            rows, cols = window.slices
            grid = image.grid.subset(window)
            return Image(image.pixels[:, rows, cols], image.valid[rows, cols], grid, image.roles)

        return ImagePair(*map(cut, self.images))

    def overview(self, factor):
        def shrink(image):
            h, w = (n // factor for n in image.grid.shape)
            t = image.grid.transform
            grid = Grid(
                Affine(t.a * factor, t.b * factor, t.c, t.d * factor, t.e * factor, t.f),
                h,
                w,
                image.grid.crs,
            )
            cut = image.pixels[:, : h * factor, : w * factor]
            pixels = cut.reshape(len(image.roles), h, factor, w, factor).mean(axis=(2, 4))
            return Image(pixels, image.valid[::factor, ::factor][:h, :w], grid, image.roles)

        return ImagePair(*map(shrink, self.images))


def draw_scene(height, width, boxes, seed):
    """Ground, three tracks, and boxes (x, y, w, h, angle, colour) as BGR+NIR float32."""
    rng = np.random.default_rng(7)
    ground = cv2.GaussianBlur(rng.normal(0, 1, (height, width)).astype("f4"), (0, 0), 12) * 2200
    scene = np.stack(
        [480 + ground * 0.5, 620 + ground * 0.7, 560 + ground * 0.5, 1900 + ground * 2]
    )
    scene = scene.astype(np.float32)
    ys = np.arange(height)[:, None] * np.ones((1, width))
    ballast = (ys > 60) & (ys < 170)
    scene[:, ballast] = np.array([[700], [720], [740], [800]], dtype=np.float32)
    for y in range(72, 165, 10):
        for band in scene:
            cv2.line(band, (0, y - 1), (width, y - 1), 430, 1)
            cv2.line(band, (0, y + 2), (width, y + 2), 430, 1)
    road = np.abs(ys - 205) < 8
    scene[:, road] = np.array([[620], [640], [660], [700]], dtype=np.float32)
    for x, y, w, h, angle, colour in boxes:
        corners = cv2.boxPoints(((x, y), (w, h), angle))
        for shift, values in (((3, -4), (220, 240, 230, 400)), ((0, 0), colour)):
            for band, value in zip(scene, values, strict=True):
                cv2.fillConvexPoly(band, np.rint(corners + shift).astype(np.int32), float(value))
    scene += np.random.default_rng(seed).normal(0, 25, scene.shape).astype(np.float32)
    return np.rint(
        np.clip(cv2.GaussianBlur(scene.transpose(1, 2, 0), (0, 0), 0.7), 1, 65000)
    ).transpose(2, 0, 1)


RUST, BLUE, WHITE, GREEN = (
    (420, 480, 900, 950),
    (1300, 820, 500, 600),
    (1700, 1700, 1700, 1600),
    (500, 900, 450, 800),
)


def objects():
    """(change, kind, explained_by, box) of every object."""
    found = []
    for i in range(9):
        found.append(("appeared", "railcar", None, (90 + 29 * i, 82, 27, 6.4, 0, RUST)))
    for i in range(6):
        found.append(("disappeared", "railcar", None, (340 + 29 * i, 112, 27, 6.4, 0, GREEN)))
    for i in range(6):
        found.append(
            (
                "appeared",
                "container_stack",
                None,
                (70 + 30 * (i % 3), 260 + 22 * (i // 3), 24, 10, 8, (BLUE, RUST, WHITE)[i % 3]),
            )
        )
    for i in range(4):
        found.append(("appeared", "truck", None, (380 + 40 * i, 205, 20, 5, 0, WHITE)))
    found.append(("modified", "building", None, (470, 300, 70, 40, 15, WHITE)))
    found.append(("modified", "earthwork", None, (220, 350, 60, 44, 30, (700, 900, 1100, 1300))))
    found.append(("moved", "truck", None, (560, 205, 20, 5, 0, BLUE)))
    for i in range(3):
        found.append(
            (
                "modified",
                "other",
                ("shadow", "misregistration", "lean")[i],
                (420 + 40 * i, 365, 4, 26, 20, (300, 300, 300, 500)),
            )
        )
    return found


def make_report(
    *, located=True, changes=True, invalid=True, summary=None, transform=None, crs="EPSG:32652"
):
    height, width = 420, 640
    crs = CRS.from_user_input(crs) if located else None
    transform = transform or Affine(0.5, 0, 635_700, 0, -0.5, 4_697_500)
    grid = Grid(transform if located else Affine.identity(), height, width, crs)
    there = objects() if changes else []
    standing = [(150 + 33 * i, 142, 27, 6.4, 0, RUST) for i in range(12)]
    standing += [(100, 380, 60, 24, 5, WHITE), (520, 250, 40, 30, 0, RUST)]
    was = [o[3] for o in there if o[0] == "disappeared"]
    now = [o[3] for o in there if o[0] != "disappeared"]
    valid = np.ones(grid.shape, dtype=bool)
    if invalid:
        valid[330:, 560:] = False
    images, infos = [], []
    for name, boxes, seed, when in (
        ("before.tif", standing + was, 1, datetime(2023, 9, 3, 2, 14, 31, tzinfo=UTC)),
        ("after.tif", standing + now, 2, datetime(2023, 10, 5, 2, 9, 8, tzinfo=UTC)),
    ):
        images.append(Image(draw_scene(height, width, boxes, seed), valid, grid, ROLES))
        infos.append(
            ImageInfo(
                name,
                grid,
                ROLES,
                "uint16",
                acquired=when,
                sun_azimuth_deg=155.0,
                sun_elevation_deg=48.0,
                platform="example-1",
                sha256="ab" * 32,
                size_bytes=1_234_567,
            )
        )
    pair = ArrayPair(*images, tuple(infos))
    table, labels = make_table(there, grid)
    changed = np.where(labels > 0, 1, 0).astype(np.uint8)
    score = np.random.default_rng(3).exponential(0.43, grid.shape).astype(np.float32)
    score[labels > 0] += 8
    changed[~valid], score[~valid] = 255, np.nan
    zones = zone_places(grid)
    activity = make_activity(table, grid)
    alignment = Alignment(
        Lattice.constant(2.31),
        Lattice.constant(-1.42),
        Lattice.constant(0.06),
        "translation",
        "good",
        -0.71 if located else None,
        -1.155 if located else None,
        -1.42,
        2.31,
        0.081,
        0.14,
        (),
        (("peak_ratio", 14.2),),
    )
    report = ChangeReport(
        grid,
        table,
        activity,
        alignment,
        {},
        make_manifest(infos),
        ArrayWindows(changed, grid),
        ArrayWindows(score, grid),
        pair,
        zones,
    )
    return replace(report, summary=make_summary(report) if summary is None else summary)


def make_table(there, grid):
    rng = np.random.default_rng(5)
    shapes, labels = [], np.zeros(grid.shape, dtype=np.int32)
    for i, (_, _, _, (x, y, w, h, angle, _)) in enumerate(there, start=1):
        corners = cv2.boxPoints(((x, y), (w, h), angle))
        cv2.fillConvexPoly(labels, np.rint(corners).astype(np.int32), i)
        rows, cols = corners[:, 1], corners[:, 0]
        shapes.append(shapely.Polygon(np.column_stack(grid.xy(rows, cols))))
    n = len(there)
    area = np.array([o[3][2] * o[3][3] for o in there]) * (grid.pixel_area_m2 or np.nan)
    score = np.round(rng.gamma(4, 3, n) + 4, 2)
    explained = [o[2] for o in there]
    geometry = np.array(shapes, dtype=object) if n else np.zeros(0, dtype=object)
    zone = [
        next(
            (
                name
                for name, (x0, y0, x1, y1) in ZONES.items()
                if x0 <= o[3][0] <= x1 and y0 <= o[3][1] <= y1
            ),
            None,
        )
        for o in there
    ]
    columns = {
        "change": [o[0] for o in there],
        "kind": [o[1] for o in there],
        "kind_confidence": np.round(rng.uniform(0.55, 0.99, n), 2),
        "area_m2": area,
        "length_m": np.array([max(o[3][2:4]) / 2 for o in there]) if grid.crs else None,
        "width_m": np.array([min(o[3][2:4]) / 2 for o in there]) if grid.crs else None,
        "bearing_deg": np.array([90.0 + o[3][4] for o in there]) if grid.crs else None,
        "score": score,
        "p_value": 10.0**-score,
        "q_value": np.minimum(1, 10.0**-score * 30),
        "activity": np.where(
            [e is None for e in explained], np.round(rng.uniform(20, 99, n)), np.nan
        ),
        "zone": zone,
        "group": ["train 1" if i < 9 else None for i in range(n)],
        "moved_from": [12 if o[0] == "moved" else -1 for o in there],
        "explained_by": explained,
        "residual_shift_px": np.full(n, 0.06),
    }
    return ChangeTable(geometry, columns if n else {}, grid.crs), labels


def zone_places(grid):
    boxes = []
    for x0, y0, x1, y1 in ZONES.values():
        x, y = grid.xy([y0, y0, y1, y1], [x0, x1, x1, x0])
        boxes.append(shapely.Polygon(np.column_stack([x, y])))
    return Places(
        tuple(ZONES), np.array(boxes, dtype=object), grid.crs, (1.0,) * 3, "zones.geojson"
    )


def make_activity(table, grid):
    out = []
    for name in (*ZONES, "site"):
        rows = np.flatnonzero([name in (z, "site") for z in table["zone"]])
        free = [i for i in rows if table["explained_by"][i] is None]
        count = {
            c: sum(table["change"][i] == c for i in free)
            for c in ("appeared", "disappeared", "modified", "moved")
        }
        area = {
            c: float(sum(table["area_m2"][i] for i in free if table["change"][i] == c))
            if grid.crs
            else 0.0
            for c in count
        }
        total = sum(area.values())
        size = 20_000.0 if name != "site" else 67_200.0
        out.append(
            ZoneActivity(
                name,
                size,
                0.93 if name == "site" else 1.0,
                min(100.0, 6.0 * len(free)),
                count["appeared"],
                count["disappeared"],
                count["modified"],
                count["moved"],
                len(rows) - len(free),
                area["appeared"],
                area["disappeared"],
                area["modified"] + area["moved"],
                total / size,
                0.8 * total / size,
                0.07,
                {"weight": 1.0, "share": 0.31, "novelty": {"rank": 1}},
            )
        )
    return tuple(out)


def make_summary(report):
    changes = report.changes
    counts = {
        c: int(sum(changes["change"] == c))
        for c in ("appeared", "disappeared", "modified", "moved")
    }
    kinds = {k: int(sum(changes["kind"] == k)) for k in sorted(set(changes["kind"]))}
    summary = {
        "changedet": "0.1.0",
        "inputs": [i.describe() for i in report.pair.infos],
        "grid": report.grid.describe(),
        "comparability": Comparability(
            "caution",
            ("The sun moved 12 degrees in azimuth: shadows will look like change.",),
            (("overlap", 0.98), ("gsd_ratio", 1.0)),
        ).describe(),
        "alignment": report.alignment.describe(),
        "radiometry": {
            "model": "gain and offset by band",
            "gain": [1.02, 0.99, 1.01, 0.97],
            "no_change_share": 0.94,
        },
        "detector": {"name": "change-vector", "bands": list(ROLES)},
        "calibration": {
            "source": "central half of the score histogram",
            "nominal_false_objects_per_km2": 1.0,
            "expected_false_objects_per_km2": 1.4,
            "threshold": float("nan"),
        },
        "observable_fraction": 0.93,
        "observability": {
            "observed": 0.93,
            "outside_area_of_interest": 0.0,
            "saturated_at_both_dates": 0.0,
            "before": {"nodata": 0.02, "cloud": 0.0, "clouds_from": "built-in"},
            "after": {"nodata": 0.01, "cloud": 0.04, "clouds_from": "scl"},
        },
        "counts": {
            "total": len(changes),
            "by_change": counts,
            "by_kind": kinds,
            "explained": dict(Counter(v for v in changes["explained_by"] if v is not None)),
            "smallest_reported_m2": 4.5,
        },
        "activity": [a.describe() for a in report.activity],
        "tracks": [],
        "timings_s": {"open": 0.12, "align": 0.5, "score": 1.25},
        "warnings": [
            "Acquisition time of before.tif was read from a tag without a time zone: taken as UTC."
        ],
    }
    return {**summary, "words": words_of(summary)}


def make_manifest(infos):
    return {
        "changedet": "0.1.0",
        "inputs": [{"path": i.name, "sha256": i.sha256, "size": i.size_bytes} for i in infos],
        "versions": {"python": "3.11.7", "numpy": "2.4.6"},
        "config": {
            "method": "auto",
            "domain": "auto",
            "seed": 0,
            "tile_size": 1024,
            "false_alarms_per_km2": None,
        },
        "seed": 0,
    }


@pytest.fixture(scope="session")
def build():
    """The builder itself, for variants."""
    return make_report


@pytest.fixture(scope="session")
def report():
    return make_report()


@pytest.fixture(scope="session")
def pixel_report():
    return make_report(located=False)


@pytest.fixture(scope="session")
def written(report, tmp_path_factory):
    """The report in every format, written once."""
    from changedet.reporting import write_report

    return write_report(
        report, tmp_path_factory.mktemp("out") / "r", formats=("gpkg", "parquet", "fgb")
    )
