"""Make the pictures of the documentation from the sample tiles: ``python docs/images/make.py``.

Run it again after any change to what is found or how it is drawn.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from PIL import Image

import changedet as cd
from changedet.activity import HistoryRules, site_histories
from changedet.model import MonitoredDate, MonitorReport, Observation
from changedet.reporting import change_figure, history_figure

HERE = Path(__file__).parent
SAMPLE = HERE.parents[1] / "sample_tiles" / "railyard"
YARD_AND_PAD = (205, 300, 310, 470)
"""Row, column, height and width of the part that the picture shows."""
COLOURS = 256
"""Of the picture: enough for the eye, at a third of the bytes."""


def main() -> None:
    """Write ``railyard.png`` and ``history.png``."""
    yard()
    history()


def yard() -> None:
    """Before and after, with what changed."""
    path = HERE / "railyard.png"
    report = cd.detect(
        SAMPLE / "before.tif", SAMPLE / "after.tif", zones=SAMPLE / "zones.geojson", progress=True
    )
    # moved shadows are left out of the picture, as they are of every count
    shown = replace(report, changes=report.changes.take(~report.changes.explained))
    change_figure(
        shown, path, window=YARD_AND_PAD, width=12, dpi=100, title="Rail yard (simulated)"
    )
    _shrink(path)


def history() -> None:
    """Simulated counts of a site: a spike, a level shift, a drift, and their sum."""
    rng = np.random.default_rng(3)
    when, dates = datetime(2021, 1, 5, 2, tzinfo=UTC), []
    for i in range(46):
        when += timedelta(days=int(rng.integers(10, 30)) + (150 if i == 20 else 0))
        means = {"yard": 48 if i == 45 else 12, "pad": 12 if i < 38 else 40, "road": 10 + 0.8 * i}
        sizes = {"yard": 8, "pad": 30, "road": 30}
        counts = {
            zone: int(rng.negative_binomial(sizes[zone], sizes[zone] / (sizes[zone] + mean)))
            for zone, mean in means.items()
        }
        counts["site"] = sum(counts.values())
        rows = tuple(
            {"zone": zone, "observable_fraction": 1.0, "appeared": n, "disappeared": 0,
             "area_appeared_m2": 43.0 * n, "area_disappeared_m2": 0.0}
            for zone, n in counts.items()
        )  # fmt: skip
        hidden = "cloud" if i in (7, 8, 24, 33) else None
        dates.append(Observation(when, "simulated", () if hidden else rows, (), hidden))
    report = MonitorReport(
        site_histories(dates),
        tuple(MonitoredDate("simulated", d.acquired, "given", "", "scored") for d in dates),
        {}, HistoryRules().describe(), (),
    )  # fmt: skip
    path = HERE / "history.png"
    title = f"Activity over {len(dates)} dates (simulated counts)"
    history_figure(report, path, dpi=100, title=title)
    _shrink(path)


def _shrink(path: Path) -> None:
    picture = Image.open(path).convert("RGB")
    palette = picture.quantize(COLOURS)
    picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)


if __name__ == "__main__":
    main()
