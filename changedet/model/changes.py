"""The table of changed objects: one row an object, columns of fixed type, polygons beside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np
import shapely
from pyproj import CRS, Transformer

from changedet.errors import GridError, require
from changedet.model.grid import WGS84
from changedet.model.shown import html_table, rounded

CHANGES: tuple[str, ...] = ("appeared", "disappeared", "modified", "moved")
KINDS: tuple[str, ...] = (
    "railcar", "train", "truck", "vehicle", "convoy", "container", "container_stack", "building",
    "earthwork", "vegetation", "water", "other",
)  # fmt: skip
EXPLANATIONS: tuple[str, ...] = ("misregistration", "shadow", "lean", "season")
CUTS: tuple[str, ...] = ("image edge", "not observable")
"""What may hide a part of an object, so that its size is a lower bound."""

SHOWN_COLUMNS = ("id", "change", "kind", "zone", "area_m2", "length_m", "width_m", "q_value",
                 "explained_by")  # fmt: skip
"""What a notebook shows of a table."""

SHOWN_ROWS = 10

COLUMNS: dict[str, type] = {
    "id": int,
    "change": str,
    "kind": str,
    "kind_confidence": float,
    "kind_reason": str,
    "area_m2": float,
    "length_m": float,
    "width_m": float,
    "bearing_deg": float,
    "score": float,
    "p_value": float,
    "q_value": float,
    "activity": float,
    "zone": str,
    "group": str,
    "moved_from": int,
    "moved_to": int,
    "moved_m": float,
    "cut_by": str,
    "explained_by": str,
    "residual_shift_px": float,
}
"""Every property of a change, in the order of the files. Missing: NaN for numbers, None for text,
-1 for ``moved_from`` and ``moved_to``; written as null."""


def _column(name: str, values: Any, n: int) -> np.ndarray:
    kind = COLUMNS[name]
    if values is None:
        if kind is str:
            return np.full(n, None, dtype=object)
        return np.full(n, -1, dtype=np.int64) if kind is int else np.full(n, np.nan)
    column = np.asarray(values, dtype={str: object, int: np.int64, float: np.float64}[kind])
    if column.shape != (n,):
        raise GridError(f"Column {name!r} has shape {column.shape}; {n} objects need ({n},).")
    return column


@dataclass(frozen=True, eq=False)
class ChangeTable:
    """Changed objects.

    Parameters
    ----------
    geometry : (n,) object array of shapely polygons
        In ``crs``; in pixels (x = column, y = row) when ``crs`` is None.
    columns : dict of arrays
        Keys from :data:`COLUMNS`; columns left out are filled as missing.
    crs : pyproj.CRS or None
        Of the geometry.
    pixel : (n, 2) int array, optional
        First pixel (row, col) of each object: with it a row can be found in ``changed.tif``.
    """

    geometry: np.ndarray
    columns: dict[str, np.ndarray] = field(default_factory=dict)
    crs: CRS | None = None
    pixel: np.ndarray | None = None

    def __post_init__(self) -> None:
        n = len(self.geometry)
        unknown = sorted(set(self.columns) - set(COLUMNS))
        if unknown:
            raise GridError(
                f"Unknown columns {', '.join(unknown)}; known are {', '.join(COLUMNS)}."
            )
        filled = {name: _column(name, self.columns.get(name), n) for name in COLUMNS}
        if "id" not in self.columns:
            filled["id"] = np.arange(1, n + 1)
        object.__setattr__(self, "columns", filled)

    @classmethod
    def empty(cls, crs: CRS | None = None) -> ChangeTable:
        """Return a table without rows."""
        return cls(np.zeros(0, dtype=object), {}, crs)

    def __len__(self) -> int:
        return len(self.geometry)

    def __getitem__(self, name: str) -> np.ndarray:
        return self.columns[name]

    def __repr__(self) -> str:
        kinds, counts = np.unique(self["change"][~self.explained].astype(str), return_counts=True)
        parts = [f"{n} {kind}" for kind, n in zip(kinds, counts, strict=True)]
        if self.explained.any():
            parts.append(f"{int(self.explained.sum())} explained away")
        crs = "pixels" if self.crs is None else self.crs.name
        return f"<ChangeTable: {len(self)} objects ({', '.join(parts) or 'none'}), {crs}>"

    def _repr_html_(self) -> str:
        """Return the first rows as a static table for notebooks."""
        rows = [self.row(i) for i in range(min(len(self), SHOWN_ROWS))]
        cells = ([rounded(row[name]) for name in SHOWN_COLUMNS] for row in rows)
        left = len(self) - len(rows)
        more = f"<p>and {left:,} more: to_geodataframe() has all columns of all rows</p>"
        said = f"<p><b>{escape(repr(self)[1:-1])}</b></p>"
        return said + html_table(SHOWN_COLUMNS, cells) + (more if left else "")

    @property
    def explained(self) -> np.ndarray:
        """(n,) bool: rows with an ``explained_by``, which do not count as activity."""
        return np.array([v is not None for v in self["explained_by"]], dtype=bool)

    @property
    def moved_away(self) -> np.ndarray:
        """(n,) bool: rows from which a thing moved; it counts, once, where it arrived."""
        away: np.ndarray = (self["change"] == "moved") & (self["moved_to"] >= 0)
        return away

    def with_columns(self, **columns: Any) -> ChangeTable:
        """Return a copy with some columns replaced."""
        return ChangeTable(self.geometry, {**self.columns, **columns}, self.crs, self.pixel)

    def take(self, rows: Any) -> ChangeTable:
        """Return a copy with some rows (index or mask), in the order given."""
        pixel = None if self.pixel is None else self.pixel[rows]
        columns = {k: v[rows] for k, v in self.columns.items()}
        return ChangeTable(self.geometry[rows], columns, self.crs, pixel)

    def to_crs(self, crs: CRS) -> ChangeTable:
        """Return the same table with geometry in another CRS (unchanged without a CRS)."""
        if self.crs is None or self.crs == crs:
            return self
        transform = Transformer.from_crs(self.crs, crs, always_xy=True).transform
        moved = shapely.transform(
            self.geometry, lambda xy: np.column_stack(transform(xy[:, 0], xy[:, 1]))
        )
        return ChangeTable(moved, self.columns, crs, self.pixel)

    def row(self, i: int) -> dict[str, Any]:
        """One row's properties as plain JSON values (missing = None)."""
        out: dict[str, Any] = {}
        for name, kind in COLUMNS.items():
            value = self.columns[name][i]
            if kind is float:
                out[name] = None if not np.isfinite(value) else float(value)
            elif kind is int:
                out[name] = None if value < 0 else int(value)
            else:
                out[name] = None if value is None else str(value)
        return out

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """GeoJSON-like features in the table's own CRS."""
        for i, geometry in enumerate(self.geometry):
            yield {
                "type": "Feature",
                "id": int(self["id"][i]),
                "geometry": shapely.geometry.mapping(geometry),
                "properties": self.row(i),
            }

    @property
    def __geo_interface__(self) -> dict[str, Any]:
        """A FeatureCollection in WGS84 longitude, latitude (in pixels without a CRS)."""
        table = self if self.crs is None else self.to_crs(WGS84)
        return {"type": "FeatureCollection", "features": list(table)}

    def to_geodataframe(self) -> Any:
        """Return a ``geopandas.GeoDataFrame`` in the native CRS.

        Raises
        ------
        MissingDependencyError
            Without geopandas.
        """
        geopandas: Any = require("geopandas", "geo", "make a GeoDataFrame")
        records = {name: [r[name] for r in map(self.row, range(len(self)))] for name in COLUMNS}
        return geopandas.GeoDataFrame(records, geometry=list(self.geometry), crs=self.crs)


@dataclass(frozen=True, eq=False)
class Appearance:
    """How the objects of a table and their surroundings look at both dates.

    Parameters
    ----------
    inside : (date, n, band) float64 array
        Mean pixel values in the object, in the common units of the pair.
    around : (date, n, band) float64 array
        Mean pixel values in its surroundings; NaN where there are none.
    scale : (date, band) float64 array
        Typical contrast of each band, by which differences can be compared.
    body : (n,) float64 array, optional
        Chance that an object is a body and not just the shadow of one; NaN where that was not
        asked.
    """

    inside: np.ndarray
    around: np.ndarray
    scale: np.ndarray
    body: np.ndarray | None = None

    def __len__(self) -> int:
        return self.inside.shape[1]

    def take(self, rows: Any) -> Appearance:
        """Return a copy with some objects (index or mask), in the order given."""
        body = None if self.body is None else self.body[rows]
        return Appearance(self.inside[:, rows], self.around[:, rows], self.scale, body)
