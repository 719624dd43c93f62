"""Known truth: seeded scenes of a rail yard, a town, fields; targets in one's own image."""

from changedet.simulation.detectability import detection_curves
from changedet.simulation.image_quality import ImageQuality, measure_quality
from changedet.simulation.injection import PlantedPair
from changedet.simulation.mosaic import mosaic_grids, mosaic_strips
from changedet.simulation.options import KINDS_OF_SCENE, SceneOptions
from changedet.simulation.placing import Site, Spots, Standing, Wanted, plant_round
from changedet.simulation.scene import Scene, simulate
from changedet.simulation.target_types import default_contrasts, target_types
from changedet.simulation.truth import SceneTruth, TrackTruth, TrueObject

__all__ = [
    "KINDS_OF_SCENE",
    "ImageQuality",
    "PlantedPair",
    "Scene",
    "SceneOptions",
    "SceneTruth",
    "Site",
    "Spots",
    "Standing",
    "TrackTruth",
    "TrueObject",
    "Wanted",
    "default_contrasts",
    "detection_curves",
    "measure_quality",
    "mosaic_grids",
    "mosaic_strips",
    "plant_round",
    "simulate",
    "target_types",
]
