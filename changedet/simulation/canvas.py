"""The rendered ground: what lies in every fine cell, how high, how it is tilted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from changedet.simulation.bodies import Body, Layout, Part
from changedet.simulation.materials import Palette
from changedet.simulation.noise import fractal_noise, generator
from changedet.simulation.shapes import fill


@dataclass(frozen=True)
class Frame:
    """A raster in the site's metres: north up, square cells."""

    left: float
    """West edge, metres east of the middle of the site."""
    top: float
    """North edge, metres north of the middle of the site."""
    cell: float
    """Side of a cell, metres."""
    height: int
    """Rows."""
    width: int
    """Columns."""

    @property
    def shape(self) -> tuple[int, int]:
        """``(height, width)``."""
        return self.height, self.width

    def rowcol(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Cell coordinates (integers at cell centres) of site coordinates."""
        return (self.top - y) / self.cell - 0.5, (x - self.left) / self.cell - 0.5


@dataclass(eq=False)
class Canvas:
    """Fine rasters of one date."""

    frame: Frame
    palette: Palette
    material: np.ndarray
    """uint8 numbers of the palette."""
    height: np.ndarray
    """float32 metres above the ground."""
    shade: np.ndarray
    """float32 factor on brightness."""
    tilt_x: np.ndarray
    """float32 slope of the surface towards the east."""
    tilt_y: np.ndarray
    """float32 slope of the surface towards the north."""
    texture: np.ndarray
    """float32 noise of unit variance; belongs to the ground and stays."""

    def copy(self) -> Canvas:
        """Return a canvas that can be painted on without touching this one."""
        return Canvas(
            self.frame, self.palette, self.material.copy(), self.height.copy(), self.shade.copy(),
            self.tilt_x.copy(), self.tilt_y.copy(), self.texture,
        )  # fmt: skip

    def paint_body(self, body: Body) -> None:
        """Paint every part of a body, from low to high."""
        for part in body.parts:
            self.paint(part, ground=body.height_m <= 0)

    def paint(self, part: Part, ground: bool = False) -> None:
        """Paint one surface; ``ground`` leaves alone whatever stands there."""
        rows, cols = self.frame.rowcol(part.outline[:, 0], part.outline[:, 1])
        row, col, mask = fill(rows, cols, self.frame.shape)
        if not mask.size:
            return
        at = (slice(row, row + mask.shape[0]), slice(col, col + mask.shape[1]))
        if ground:
            mask &= self.height[at] <= 0
        if part.form == "flat":
            self._put(at, mask, part, np.float32(part.top), np.float32(0), np.float32(0))
            return
        rise, slope_x, slope_y = _curved(part, self.frame, row, col, mask.shape)
        top = np.float32(part.top) + rise
        if part.form == "dome":
            mask &= top > self.height[at]
        self._put(at, mask, part, top, slope_x, slope_y)

    def _put(self, at: tuple[slice, slice], mask: np.ndarray, part: Part, top: Any,
             slope_x: Any, slope_y: Any) -> None:  # fmt: skip
        np.copyto(self.material[at], np.uint8(self.palette.number(part.material)), where=mask)
        np.copyto(self.shade[at], np.float32(part.shade), where=mask)
        np.copyto(self.height[at], top, where=mask)
        np.copyto(self.tilt_x[at], slope_x, where=mask)
        np.copyto(self.tilt_y[at], slope_y, where=mask)


def _curved(part: Part, frame: Frame, row: int, col: int,
            shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """Height above the edge, and slopes to the east and north, of a curved surface."""
    x0, y0 = part.outline.mean(axis=0) if part.middle is None else part.middle
    x = frame.left + (np.arange(col, col + shape[1]) + 0.5) * frame.cell - x0
    y = frame.top - (np.arange(row, row + shape[0]) + 0.5) * frame.cell - y0
    if part.form == "dome":
        r2 = (x[None, :] ** 2 + y[:, None] ** 2) / part.half_width**2
        inner = np.sqrt(np.clip(1 - r2, 0.06, None))
        k = -part.rise / part.half_width**2 / inner
        return (
            (part.rise * inner).astype(np.float32),
            (k * x[None, :]).astype(np.float32),
            (k * y[:, None]).astype(np.float32),
        )
    nx, ny = -part.along[1], part.along[0]
    w = (x[None, :] * nx + y[:, None] * ny) / part.half_width
    if part.form == "gable":
        height = part.rise * (1 - np.abs(w))
        slope = -np.sign(w) * part.rise / part.half_width
    elif part.form == "tank":
        w = np.clip(w, -0.94, 0.94)
        inner = np.sqrt(1 - w * w)
        height = part.rise * (inner - 1)
        slope = -w / inner
    else:
        height = part.rise * (1 - w * w)
        slope = -2 * part.rise / part.half_width * w
    return (
        height.astype(np.float32),
        (slope * nx).astype(np.float32),
        (slope * ny).astype(np.float32),
    )


def base_canvas(layout: Layout, frame: Frame, seed: int, palette: Palette) -> Canvas:
    """Paint ground, and things that are there at both dates and do not change."""
    shape = frame.shape
    rng = generator(seed, "ground")
    patches = fractal_noise(
        rng, shape, (60 / frame.cell, 22 / frame.cell, 7 / frame.cell), (1, 0.8, 0.5)
    )
    texture = fractal_noise(
        rng,
        shape,
        (1.0, 1.6 / frame.cell, 5 / frame.cell, 18 / frame.cell),
        (0.8, 0.7, 0.5, 0.45),
    )
    # the grain frays the borders between kinds of grass
    patches += np.float32(0.4) * texture
    material = np.full(shape, palette.number("grass"), dtype=np.uint8)
    material[patches > 0.9] = palette.number("grass_thin")
    material[patches < -0.7] = palette.number("grass_lush")
    zero = np.zeros(shape, dtype=np.float32)
    canvas = Canvas(
        frame,
        palette,
        material,
        zero,
        np.ones(shape, dtype=np.float32),
        zero.copy(),
        zero.copy(),
        texture,
    )
    for part in layout.ground:
        canvas.paint(part)
    for item in layout.items:
        if item.change == "unchanged":
            canvas.paint_body(item.body)
    return canvas


def canvas_at(base: Canvas, layout: Layout, date: str) -> Canvas:
    """Add what is there at one date only, or differs."""
    canvas = base.copy()
    bodies = [
        i.before if date == "before" else i.after for i in layout.items if i.change != "unchanged"
    ]
    for body in sorted((b for b in bodies if b is not None), key=lambda b: b.height_m > 0):
        canvas.paint_body(body)
    return canvas
