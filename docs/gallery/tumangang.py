"""The Tumangang case on simulated images: ``python docs/gallery/tumangang.py --out tumangang``.

Every image is drawn by the simulator: no satellite took them, and the yard is not Tumangang. What
comes from the published case are the number of wagons on the last day, the most on any day before,
and the days themselves where they were published. Takes some minutes; the same versions of the
libraries give the same files. With ``--pictures`` the pictures of the page are made again.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from PIL import Image as Picture

import changedet as cd
from changedet.reporting import change_figure, history_figure, words_of_history, write_image
from changedet.simulation import Scene, SceneOptions, simulate

PUBLISHED_DAY = datetime(2023, 10, 5, 2, 13, tzinfo=UTC)
PUBLISHED_WAGONS = 73
"""Freight cars counted by eye at Tumangang on 5 October 2023 (Beyond Parallel, CSIS): "about"."""
PUBLISHED_MOST_BEFORE = 20
"""Most that were counted on any image of the five years before: "approximately 20 at most"."""

SEED = 23
"""Of the site: the same yard on every date."""
YARD = SceneOptions(size_m=(600.0, 300.0), moved_fraction=0.0)
IMAGES = Path(__file__).parents[1] / "images"
PART = (150, 330, 340, 560)
"""Row, column, height and width of the part of the yard that the picture shows."""


@dataclass(frozen=True)
class Day:
    """One date: what stands on the site, and how it is imaged."""

    date: str
    wagons: int
    """On the tracks in truth; checked against the scene."""
    what: tuple[float, float, float]
    """How full the site is, which share of that changes, and which share of changes arrives."""
    sun: tuple[float, float]
    """Azimuth and elevation, degrees."""
    season: float
    """Greenness."""
    haze: float
    shift: tuple[float, float]
    """Geolocation error, metres east and north."""


DAYS = (
    Day("2019-03-14", 12, (0.13, 0.2, 0.3), (157, 41), 0.20, 0.1, (0.0, 0.0)),
    Day("2019-09-02", 6, (0.06, 0.5, 0.8), (155, 52), 0.60, 0.2, (1.1, -0.6)),
    Day("2020-04-20", 15, (0.13, 0.5, 0.6), (153, 55), 0.35, 0.3, (-0.8, 1.4)),
    Day("2020-10-11", 7, (0.06, 0.8, 0.8), (164, 38), 0.45, 0.1, (2.0, 0.5)),
    Day("2021-05-06", 18, (0.16, 0.2, 0.6), (149, 60), 0.50, 0.4, (-1.6, -1.2)),
    Day("2021-09-25", 8, (0.10, 1.0, 0.8), (160, 44), 0.55, 0.0, (0.4, 1.9)),
    Day("2022-04-02", 13, (0.13, 0.5, 0.3), (155, 49), 0.25, 0.3, (-2.2, 0.3)),
    Day("2022-07-15", 18, (0.16, 1.0, 0.3), (140, 63), 0.70, 0.5, (0.9, -1.5)),
    Day("2022-11-18", 5, (0.06, 0.2, 0.8), (168, 26), 0.25, 0.1, (1.3, 0.8)),
    Day("2023-03-28", 20, (0.13, 1.0, 0.6), (156, 47), 0.20, 0.2, (-0.5, -1.9)),
    Day("2023-06-09", 16, (0.16, 0.2, 0.3), (140, 65), 0.65, 0.3, (1.8, 1.0)),
    Day("2023-08-12", 4, (0.10, 0.5, 0.6), (150, 58), 0.65, 0.2, (-1.0, 0.7)),
    Day("2023-10-05", 73, (0.41, 0.05, 0.6), (163, 40), 0.50, 0.1, (0.7, -0.9)),
)
"""No more than twenty wagons, then seventy-three; five on 18 November 2022, as published."""


def scene_of(day: Day) -> Scene:
    """The site on one date: the after image of the scene."""
    occupancy, changed, arrived = day.what
    return simulate(
        "railyard", SEED, YARD, occupancy=occupancy, change_fraction=changed,
        arrival_share=arrived, sun_after=day.sun, season_after=day.season, haze_after=day.haze,
        shift_m=day.shift, imaging_seed=int(day.date.replace("-", "")),
    )  # fmt: skip


def make_images(days: tuple[Day, ...], out: Path) -> tuple[list[str], dict[str, int]]:
    """Write one GeoTIFF a date, and tracks, roads and zones once; paths and true wagons."""
    paths, truth = [], {}
    for day in days:
        scene = scene_of(day)
        when = datetime.fromisoformat(f"{day.date}T02:13:05+00:00")
        path = out / f"yard_{day.date}.tif"
        write_image(path, scene.after, replace(scene.after_info, acquired=when))
        paths.append(str(path))
        truth[day.date] = sum(t.cars_after for t in scene.truth.tracks)
        if truth[day.date] != day.wagons:
            raise SystemExit(f"{day.date} holds {truth[day.date]} wagons and not {day.wagons}.")
    known = scene.truth
    for name, places in (
        ("tracks", known.track_lines),
        ("roads", known.roads),
        ("zones", known.zones),
    ):
        text = json.dumps(known.places_geojson(places))
        (out / f"{name}.geojson").write_text(text, "utf-8")
    return paths, truth


def compare(paths: list[str], out: Path) -> tuple[cd.MonitorReport, cd.ChangeReport]:
    """What an analyst does: the whole history, then the last two dates."""
    places = {name: out / f"{name}.geojson" for name in ("zones", "tracks", "roads")}
    history = cd.monitor(paths, **places)
    history.write(out / "history", overwrite=True)
    pair = cd.detect(paths[-2], paths[-1], **places)
    pair.write(out / "report", overwrite=True)
    return history, pair


def table(history: cd.MonitorReport, truth: dict[str, int]) -> list[str]:
    """Counted against true wagons, by date."""
    lines = ["date        counted  interval   true"]
    held = off = 0
    cars = history.history("all tracks", "cars")
    for date in cars.dates:
        day = f"{date.acquired:%Y-%m-%d}"
        if date.value is None:
            lines.append(f"{day}  missing: {date.missing}")
            continue
        # of the date with which all others are compared it is a median, and may be half a wagon
        counted, low, high = round(date.value), date.value_low or 0, date.value_high or 0
        inside = low <= truth[day] <= high
        held, off = held + inside, off + abs(counted - truth[day])
        mark = "" if inside else "  not in the interval"
        lines.append(f"{day}  {counted:7}  {f'{low:.0f} to {high:.0f}':9}  {truth[day]:4}{mark}")
    seen = len(cars.observed)
    total = sum(truth[f"{d.acquired:%Y-%m-%d}"] for d in cars.observed)
    lines.append(
        f"The interval holds the truth on {held} of {seen} dates; "
        f"in all, counts are off by {off} of {total} wagons."
    )
    return lines


def verdicts(history: cd.MonitorReport) -> list[str]:
    """What the history says of its last date, in a line a series."""
    wanted = [("all tracks", "cars"), ("all tracks", "occupied_m"), ("site", "objects")]
    return [str(history.history(place, measure)) for place, measure in wanted]


def by_kind(pair: cd.ChangeReport) -> list[str]:
    """Objects between the last two dates that nothing explains away, by kind and direction."""
    frame = pair.changes.to_geodataframe()
    frame = frame[frame["explained_by"].isna()]
    counts = frame.groupby(["kind", "change"]).size()
    return [f"{kind}, {change}: {n}" for (kind, change), n in counts.items()]


def in_words(pair: cd.ChangeReport) -> list[str]:
    """The summary of the last two dates, as the report has it."""
    words = pair.summary["words"]
    confidence = words["confidence"]["sentence"]
    return [words["headline"], *words["sentences"], confidence, *words["cannot_see"]]


def draw(history: cd.MonitorReport, pair: cd.ChangeReport, folder: Path) -> None:
    """Write the two pictures."""
    shown = replace(pair, changes=pair.changes.take(~pair.changes.explained))
    change_figure(
        shown, folder / "tumangang_pair.png", window=PART, width=12, dpi=90,
        title="The last two dates (simulated images)",
    )  # fmt: skip
    history_figure(
        history, folder / "tumangang_history.png", places=["all tracks"], measure="cars", dpi=90,
        title="Wagons on all tracks, counted in simulated images",
    )  # fmt: skip
    for name in ("tumangang_pair.png", "tumangang_history.png"):
        picture = Picture.open(folder / name).convert("RGB")
        palette = picture.quantize(200)
        picture.quantize(palette=palette, dither=Picture.Dither.FLOYDSTEINBERG).save(
            folder / name, optimize=True
        )


def run(days: tuple[Day, ...], out: Path, pictures: Path) -> str:
    """Everything, from nothing to the text that the page quotes."""
    out.mkdir(parents=True, exist_ok=True)
    pictures.mkdir(parents=True, exist_ok=True)
    paths, truth = make_images(days, out)
    history, pair = compare(paths, out)
    draw(history, pair, pictures)
    said = words_of_history(history.describe())
    blocks = {
        "Wagons on all tracks": table(history, truth),
        "The last date against those before it": verdicts(history),
        "The history in words": [s for s in said if s.startswith(("All tracks", "Whole", "Among"))],
        f"What changed since {days[-2].date}, by kind": by_kind(pair),
        "The last two dates in words": in_words(pair),
    }
    return "\n\n".join("\n".join([f"== {title}", *lines]) for title, lines in blocks.items())


def main() -> None:
    """Run the case and print what the page quotes."""
    parser = argparse.ArgumentParser(description="The Tumangang case on simulated images.")
    parser.add_argument("--out", type=Path, default=Path("tumangang"), help="folder to write")
    parser.add_argument("--last", type=int, default=len(DAYS), help="only so many last dates")
    parser.add_argument(
        "--pictures", action="store_true", help="write the pictures of the page as well"
    )
    chosen = parser.parse_args()
    started = time.monotonic()
    text = run(DAYS[-chosen.last :], chosen.out, IMAGES if chosen.pictures else chosen.out)
    print(text)
    (chosen.out / "output.txt").write_text(text + "\n", "utf-8")
    print(f"\n{time.monotonic() - started:.0f} s; everything is in {chosen.out}.")


if __name__ == "__main__":
    main()
