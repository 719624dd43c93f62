"""Small scenes as files, made once; reports on them, made once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affine import Affine

import changedet as cd
from changedet.model import ChangeReport, Grid, Image
from changedet.reporting import write_image

from .sites import OPTIONS, Site

Change = Callable[[np.ndarray, np.ndarray], None]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Site]:
    """The site of a name in OPTIONS."""
    made: dict[str, Site] = {}

    def get(name: str) -> Site:
        if name not in made:
            kind, seed, options = OPTIONS[name]
            folder = tmp_path_factory.mktemp("sites") / name
            made[name] = Site(cd.simulate(kind, seed=seed, out=folder, **options), folder)
        return made[name]

    return get


@pytest.fixture(scope="session")
def small(site: Callable[[str], Site]) -> Site:
    """A yard of 300 x 240 pixels, for what only needs some pair."""
    return site("small")


@pytest.fixture(scope="session")
def reported(site: Callable[[str], Site]) -> Callable[[str], ChangeReport]:
    """The report on a site, from its files and zones with default settings, without threads."""
    made: dict[str, ChangeReport] = {}

    def get(name: str) -> ChangeReport:
        if name not in made:
            s = site(name)
            made[name] = cd.detect(*s.pair, zones=s.zones, engine="serial")
        return made[name]

    return get


@pytest.fixture
def edited(small: Site, tmp_path: Path) -> Callable[..., str]:
    """Write an image of the small pair once more, changed."""

    def edit(
        name: str = "edited.tif",
        *,
        date: str = "after",
        east: float = 0.0,
        located: bool = True,
        roles: tuple[str, ...] | None = None,
        change: Change | None = None,
        dtype: str | None = None,
    ) -> str:
        image, info = getattr(small.scene, date), getattr(small.scene, f"{date}_info")
        roles = roles or image.roles
        pixels, valid = image.pixels[: len(roles)].copy(), image.valid.copy()
        if change is not None:
            change(pixels, valid)
        grid = Grid.pixels(*image.grid.shape)
        if located:
            t = image.grid.transform
            moved = Affine(t.a, t.b, t.c + east, t.d, t.e, t.f)
            grid = Grid(moved, *grid.shape, image.grid.crs)
        info = replace(info, dtype=dtype or info.dtype, grid=grid, roles=roles)
        return str(write_image(tmp_path / name, Image(pixels, valid, grid, roles), info))

    return edit
