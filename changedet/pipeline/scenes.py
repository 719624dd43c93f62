"""Simulated scenes as files."""

from __future__ import annotations

from dataclasses import asdict
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import Any

from changedet.reporting import write_features, write_image
from changedet.reporting.folder import new_folder
from changedet.reporting.manifest import write_manifest
from changedet.simulation import Scene
from changedet.simulation import simulate as render


def simulate(
    kind: str,
    *,
    seed: int = 0,
    out: str | PathLike[str] | None = None,
    overwrite: bool = False,
    **options: Any,
) -> Scene:
    """Render a before/after pair with exact truth.

    Parameters
    ----------
    kind : {"railyard", "town", "fields", "sar"}
        What to render.
    seed : int
        Same seed, same bits.
    out : path, optional
        Folder to make, with both images, zones, tracks, roads, truth and a manifest.
    overwrite : bool
        Replace an existing folder.
    **options
        See :class:`changedet.simulation.SceneOptions`.

    Returns
    -------
    changedet.simulation.Scene
    """
    scene = render(kind, seed, **options)
    if out is not None:
        with new_folder(Path(out), overwrite=overwrite) as folder:
            write_image(folder / "before.tif", scene.before, scene.before_info)
            write_image(folder / "after.tif", scene.after, scene.after_info)
            truth = scene.truth
            for name, features in (
                ("zones", truth.places_geojson(truth.zones)),
                ("tracks", truth.tracks_geojson()),
                ("roads", truth.places_geojson(truth.roads)),
                ("truth", truth.objects_geojson()),
            ):
                write_features(folder / f"{name}.geojson", features)
            made = {"kind": kind, "seed": seed, "options": asdict(scene.options)}
            write_manifest(folder, {"changedet": version("changedet"), "scene": made})
    return scene
