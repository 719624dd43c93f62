"""The front of the room: a kind of scene and a seed in, two images and the truth out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from changedet.errors import ConfigError
from changedet.model import Grid, Image, ImageInfo
from changedet.simulation.bodies import Layout
from changedet.simulation.canvas import Canvas, Frame, base_canvas, canvas_at
from changedet.simulation.clouds import clouds
from changedet.simulation.geolocation import Correction, SiteFrame, make_grid
from changedet.simulation.layout_railyard import lay_out_railyard
from changedet.simulation.light import lean, reflectance, shadow
from changedet.simulation.materials import CLOUD, Palette
from changedet.simulation.noise import fractal_noise, generator
from changedet.simulation.options import SceneOptions, check_names
from changedet.simulation.radar import backscatter, speckled
from changedet.simulation.sensor import Optics, Sampler
from changedet.simulation.settled import Settled, settle
from changedet.simulation.traffic import add_traffic
from changedet.simulation.truth import SceneTruth, build_truth

_ACQUIRED = {
    "before": datetime(2023, 8, 12, 2, 11, 34, tzinfo=UTC),
    "after": datetime(2023, 10, 5, 2, 13, 5, tzinfo=UTC),
}


@dataclass(frozen=True, eq=False)
class Scene:
    """Two images of one site, and the truth about it."""

    kind: str
    """Kind of scene."""
    seed: int
    """Seed it was drawn from."""
    options: SceneOptions
    """Options it was drawn with."""
    before: Image
    """Digital numbers as float32 (whole numbers that fit uint16, except SAR in dB)."""
    after: Image
    """As ``before``, on its own grid."""
    before_info: ImageInfo
    """What a reader of the file would know."""
    after_info: ImageInfo
    """What a reader of the file would know."""
    truth: SceneTruth
    """What is really there."""
    cloud_before: np.ndarray | None = None
    """(y, x) bool: under cloud or its shadow; None without clouds."""
    cloud_after: np.ndarray | None = None
    """As ``cloud_before``."""


def simulate(
    kind: str = "railyard", seed: int = 0, options: SceneOptions | None = None, **settings: Any
) -> Scene:
    """Render a scene.

    Parameters
    ----------
    kind : str
        ``railyard``, ``town``, ``fields`` (optical) or ``sar``.
    seed : int
        What exists on the site. The same seed gives the same site, and the same things at the
        before date, whatever changes and however it is imaged.
    options : SceneOptions, optional
        Settings; the defaults suit the kind.
    **settings
        Single settings by name, over those in ``options``.

    Returns
    -------
    Scene

    Raises
    ------
    UnknownMethodError
        If there is no such kind.
    ConfigError
        If an option is unknown or out of range.

    Examples
    --------
    >>> from changedet.simulation import simulate
    >>> scene = simulate("railyard", 3, size_m=(150, 100), change_fraction=0)
    >>> scene.before.pixels.shape, len(scene.truth.changed)
    ((4, 200, 300), 0)
    """
    check_names(settings)
    if not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ConfigError(f"seed={seed!r} is not usable: give a whole number of at least 0.")
    options = (options or SceneOptions()).replace(**settings)
    site = settle(kind, options)
    frame = SiteFrame.around(*options.center)
    correction = Correction.of(options, site, seed)
    grids = {
        "before": make_grid(frame, site.crs_before, site.width_m, site.height_m, site.gsd_before),
        "after": make_grid(frame, site.crs_after, site.width_m, site.height_m, site.gsd_after),
    }
    layout = lay_out(seed, site, options)
    fine = _fine_frame(frame, grids, correction, site)
    palette = Palette(options.contrast)
    base = base_canvas(layout, fine, seed, palette)
    images, infos, hidden = {}, {}, {}
    for date, grid in grids.items():
        fix = correction if date == "after" else Correction()
        camera = _Camera(seed, site, options, date)
        sampler = Sampler.of(fine, grid, frame, fix, camera.blur)
        images[date], hidden[date] = camera.take(canvas_at(base, layout, date), sampler)
        infos[date] = camera.info(grid)
    truth = build_truth(layout, frame, grids["before"], correction)
    return Scene(
        kind, seed, options, images["before"], images["after"], infos["before"], infos["after"],
        truth, hidden["before"], hidden["after"],
    )  # fmt: skip


def lay_out(seed: int, site: Settled, options: SceneOptions) -> Layout:
    """Everything on the site at both dates."""
    if site.site == "railyard":
        layout = lay_out_railyard(seed, site)
        add_traffic(layout, seed, site, options)
        return layout
    from changedet.simulation.layout_country import lay_out_country

    return lay_out_country(seed, site, options)


def _fine_frame(
    frame: SiteFrame, grids: dict[str, Grid], correction: Correction, site: Settled
) -> Frame:
    """Fine raster that covers both images with a margin for blur and shadows from outside."""
    xs, ys = [], []
    for date, grid in grids.items():
        x, y = frame.from_crs(grid.crs, *grid.corners().T)
        if date == "after":
            east, north = correction.at(x, y)
            x, y = x + east, y + north
        xs.append(x)
        ys.append(y)
    cell = site.fine_m
    margin = max(12.0, 6 * max(site.gsd_before, site.gsd_after))
    # never much more than the site: an image may reach beyond the rendered ground
    reach_x, reach_y = 0.65 * site.width_m + margin, 0.65 * site.height_m + margin
    left = max(float(np.min(xs)) - margin, -reach_x)
    right = min(float(np.max(xs)) + margin, reach_x)
    low = max(float(np.min(ys)) - margin, -reach_y)
    high = min(float(np.max(ys)) + margin, reach_y)
    # multiples of the cell from the middle: textures stay in place when the margin differs
    n_left, n_top = round(left / cell), round(high / cell)
    return Frame(
        n_left * cell, n_top * cell, cell, n_top - round(low / cell), round(right / cell) - n_left
    )


class _Camera:
    """The settings of one date."""

    def __init__(self, seed: int, site: Settled, options: SceneOptions, date: str) -> None:
        def at(name: str) -> Any:
            return getattr(options, f"{name}_{date}")

        self.site, self.options, self.date = site, options, date
        self.seed = options.imaging_seed if options.imaging_seed is not None else seed
        self.sun, self.season, self.blur = at("sun"), at("season"), at("blur")
        self.off_nadir, self.view_azimuth = at("off_nadir"), at("view_azimuth")
        self.cloud, self.gain = at("cloud"), at("gain")
        self.optics = Optics(at("haze"), at("gain"), at("noise"), site.dn_scale, site.saturation)

    def rng(self, purpose: str) -> np.random.Generator:
        return generator(self.seed, purpose, self.date)

    def take(self, canvas: Canvas, sampler: Sampler) -> tuple[Image, np.ndarray | None]:
        if self.site.sar:
            return self._radar(canvas, sampler), None
        self._weather(canvas)
        dark = shadow(canvas.height, canvas.frame.cell, *self.sun)
        if self.off_nadir > 0:
            canvas, dark = lean(canvas, dark, self.off_nadir, self.view_azimuth)
        cover = dim = hidden = None
        if self.cloud > 0:
            cover, dim = clouds(self.rng("clouds"), canvas.frame, self.cloud, self.sun)
            hidden = sampler.image(np.maximum(cover, dim)) > 0.1
        noise = self.rng("noise")
        bands = []
        for band, fine in enumerate(
            reflectance(canvas, dark, self.sun, self.season, len(self.site.roles))
        ):
            if cover is not None and dim is not None:
                fine *= 1 - dim
                fine += cover * (np.float32(CLOUD[band]) - fine)
            bands.append(self.optics.digital(sampler.image(fine), band, noise))
        return self._image(np.stack(bands), sampler), hidden

    def _weather(self, canvas: Canvas) -> None:
        if self.options.weathering > 0:
            cell = canvas.frame.cell
            steps = tuple(s * max(1.0, self.site.gsd_before) / cell for s in (45.0, 12.0))
            field = fractal_noise(self.rng("weather"), canvas.frame.shape, steps, (1.0, 0.6))
            field *= np.float32(self.options.weathering / 2**0.5)
            field += 1
            np.multiply(canvas.shade, field, out=canvas.shade, where=canvas.height <= 0.05)

    def _radar(self, canvas: Canvas, sampler: Sampler) -> Image:
        rng = self.rng("speckle")
        bands = []
        for role in self.site.roles:
            power = sampler.image(backscatter(canvas, self.view_azimuth, role == "vh"))
            bands.append(speckled(power, self.options.looks, self.options.domain, self.gain, rng))
        return self._image(np.stack(bands), sampler)

    def _image(self, pixels: np.ndarray, sampler: Sampler) -> Image:
        valid = sampler.valid()
        pixels[:, ~valid] = 0
        return Image(pixels, valid, sampler.grid, self.site.roles)

    def info(self, grid: Grid) -> ImageInfo:
        sar = self.site.sar
        coarse = self.site.gsd_before >= 4
        decibel = sar and self.options.domain == "sar-db"
        return ImageInfo(
            f"simulated {self.site.kind}, {self.date}", grid, self.site.roles,
            "float32" if decibel else "uint16",
            self.options.domain if sar else "optical",  # type: ignore[arg-type]
            "declared", _ACQUIRED[self.date],
            None if sar else self.sun[0], None if sar else self.sun[1],
            self.view_azimuth, self.off_nadir,
            "simulated SAR" if sar else "simulated MSI" if coarse else "simulated VHR",
            saturation=None if sar else self.site.saturation,
        )  # fmt: skip
