"""Seeded scenes with exact truth: a rail yard, a town, fields; optical and radar."""

from changedet.simulation.mosaic import mosaic_grids, mosaic_strips
from changedet.simulation.options import KINDS_OF_SCENE, SceneOptions
from changedet.simulation.scene import Scene, simulate
from changedet.simulation.truth import SceneTruth, TrackTruth, TrueObject

__all__ = [
    "KINDS_OF_SCENE",
    "Scene",
    "SceneOptions",
    "SceneTruth",
    "TrackTruth",
    "TrueObject",
    "mosaic_grids",
    "mosaic_strips",
    "simulate",
]
