"""The result of a run, as a value: it can be looked at, queried and written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from changedet.model.alignment import Alignment
from changedet.model.changes import ChangeTable
from changedet.model.grid import Grid
from changedet.model.pair import PairReader
from changedet.model.raster import RasterWindows
from changedet.model.shown import html_table
from changedet.model.tracks import TrackActivity
from changedet.model.zones import Places, ZoneActivity

Writer = Callable[..., Path]


@dataclass(frozen=True, eq=False)
class ChangeReport:
    """Everything one comparison of two images gave."""

    grid: Grid
    """The common grid."""
    changes: ChangeTable
    """Changed objects."""
    activity: tuple[ZoneActivity, ...]
    """One entry a zone; the whole site last, under the name ``site``."""
    alignment: Alignment
    """How the after image was moved."""
    summary: dict[str, Any]
    """What ``summary.json`` holds, as plain values."""
    manifest: dict[str, Any]
    """Inputs' hashes, versions, full configuration, seed."""
    changed: RasterWindows
    """uint8: 0 no change, 1 changed, 255 not observable."""
    score: RasterWindows
    """float32: −log10 of the calibrated p-value, NaN not observable."""
    pair: PairReader
    """The aligned images, for pictures."""
    zones: Places | None = None
    """The zones as given, in the grid's CRS."""
    tracks: Places | None = None
    """The tracks as given, in the grid's CRS."""
    quicklooks: tuple[np.ndarray, np.ndarray] | None = None
    """Before and after as (y, x, 3) uint8 pictures of at most about 1600 px, one stretch."""
    writer: Writer | None = field(default=None, repr=False)
    """How to write the report to a folder; set by the pipeline."""
    track_activity: tuple[TrackActivity, ...] = ()
    """One entry a track; empty without tracks."""

    def write(
        self,
        out: str | PathLike[str],
        *,
        formats: Sequence[str] = ("geojson",),
        overwrite: bool = False,
    ) -> Path:
        """Write every output file into a folder, whole or not at all.

        Parameters
        ----------
        out : path
            The folder to make.
        formats : sequence of str
            Vector formats; GeoJSON is always among them.
        overwrite : bool
            Replace an existing folder.

        Returns
        -------
        pathlib.Path
            The folder.

        Raises
        ------
        OutputError
            If the folder exists and ``overwrite`` is False, or writing fails.
        """
        if self.writer is None:
            raise NotImplementedError("This report was built without a writer.")
        return self.writer(self, Path(out), formats=tuple(formats), overwrite=overwrite)

    @property
    def __geo_interface__(self) -> dict[str, Any]:
        """The changes as a FeatureCollection in WGS84."""
        return self.changes.__geo_interface__

    def __repr__(self) -> str:
        site = next((a for a in self.activity if a.zone == "site"), None)
        score = "" if site is None or site.score is None else f", site activity {site.score:.0f}"
        return f"<ChangeReport: {len(self.changes)} changes on {self.grid}{score}>"

    def _repr_html_(self) -> str:
        """Return a static table for notebooks."""
        head = ("zone", "score", "appeared", "disappeared", "modified", "moved", "observable")
        rows = (
            (
                a.zone,
                "–" if a.score is None else f"{a.score:.0f}",
                a.appeared,
                a.disappeared,
                a.modified,
                a.moved,
                "–" if a.observable_fraction is None else f"{a.observable_fraction:.0%}",
            )
            for a in self.activity
        )
        said = f"<b>{escape(repr(self)[1:-1])}</b><br>{escape(str(self.alignment))}"
        return f"<p>{said}</p>{html_table(head, rows)}"
